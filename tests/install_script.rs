//! install.sh puts the program, its man page and its completions below PREFIX, and takes them away again. The build
//! itself is left out: a cargo that has built already stands in.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use support::helper::PROGRAM;

const NAME: &str = "docker-credential-kubeclarity";
const INSTALLED: [&str; 5] = [
    "bin/docker-credential-kubeclarity",
    "share/bash-completion/completions/docker-credential-kubeclarity",
    "share/fish/vendor_completions.d/docker-credential-kubeclarity.fish",
    "share/man/man1/docker-credential-kubeclarity.1",
    "share/zsh/site-functions/_docker-credential-kubeclarity",
];

/// A machine on which cargo has nothing left to do.
struct Machine {
    directory: TempDir,
}

impl Machine {
    fn new() -> Machine {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        std::fs::create_dir_all(at("target/release")).unwrap();
        std::fs::create_dir(at("bin")).unwrap();
        std::fs::copy(PROGRAM, at("target/release").join(NAME)).unwrap();
        let target = at("target").display().to_string();
        let cargo = format!(
            "case $1 in\n--version) echo cargo 1.94.1 ;;\nbuild) ;;\nmetadata) echo '{{\"target_directory\":\"{target}\"}}' ;;\n*) exit 1 ;;\nesac"
        );
        let programs = [
            ("cargo", cargo.as_str()),
            ("rustc", "case $1 in --version) echo rustc 1.94.1 ;; *) echo host: none ;; esac"),
            ("cc", "exit 0"),
        ];
        for (name, script) in programs {
            let path = at("bin").join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        Machine { directory }
    }

    fn prefix(&self) -> PathBuf {
        self.directory.path().join("a prefix")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
        Command::new("/bin/bash")
            .arg(script)
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.directory.path().join("bin").display()))
            .env("HOME", self.directory.path())
            .env("PREFIX", self.prefix())
            .output()
            .unwrap()
    }

    /// All files below PREFIX, sorted.
    fn files(&self) -> Vec<String> {
        let (prefix, mut open, mut files) = (self.prefix(), vec![self.prefix()], Vec::new());
        while let Some(path) = open.pop() {
            if path.is_dir() && !path.is_symlink() {
                open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else if let Ok(name) = path.strip_prefix(&prefix) {
                files.push(name.display().to_string());
            }
        }
        files.sort();
        files.retain(|name| !name.is_empty());
        files
    }
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn everything_is_put_where_it_is_looked_for_and_removed_again() {
    let machine = Machine::new();
    for _ in ["new", "over the old one"] {
        assert!(succeeds(&machine.run(&[])).contains("This is the expected answer"));
        assert_eq!(machine.files(), INSTALLED);
    }
    for (at, name) in INSTALLED.iter().enumerate() {
        let mode = machine.prefix().join(name).metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, if at == 0 { 0o755 } else { 0o644 }, "{name}");
    }
    let manual = std::fs::read(machine.prefix().join(INSTALLED[3])).unwrap();
    assert!(
        manual
            == std::fs::read(
                Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manuals").join(format!("{NAME}.1"))
            )
            .unwrap()
    );

    let other = machine.prefix().join("share/man/man1/other.1");
    std::fs::write(&other, "").unwrap();
    let said = succeeds(&machine.run(&["--uninstall"]));
    assert_eq!(said.lines().filter(|line| line.starts_with("Removed ")).count(), INSTALLED.len(), "{said}");
    assert_eq!(machine.files(), ["share/man/man1/other.1"]);
    assert!(succeeds(&machine.run(&["--uninstall"])).contains("nothing to remove"));
}

#[test]
fn what_it_did_not_put_there_stays() {
    let machine = Machine::new();
    succeeds(&machine.run(&[]));
    let manual = machine.prefix().join(INSTALLED[3]);
    std::fs::remove_file(&manual).unwrap();
    symlink("/dev/null", &manual).unwrap();
    let output = machine.run(&["--uninstall"]);
    assert!(
        !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("it stays"),
        "{output:?}"
    );
    assert!(manual.is_symlink());
}

/// Clients that are told to ask a helper fail without it, and its answers stay on the disk.
#[test]
fn uninstall_says_first_what_else_is_to_be_taken_back() {
    let machine = Machine::new();
    succeeds(&machine.run(&[]));
    let kept = machine.directory.path().join(".cache").join(NAME);
    std::fs::create_dir_all(&kept).unwrap();
    let said = succeeds(&machine.run(&["--uninstall"]));
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    for first in [
        format!("{NAME} configure --remove"),
        format!("{NAME} configure --podman --remove"),
        format!("rm -r {}", kept.display()),
    ] {
        assert!(at(&first) < at("Removed "), "{said}");
    }
    assert!(kept.is_dir());
    std::fs::remove_dir(&kept).unwrap();
    assert!(!succeeds(&machine.run(&["--uninstall"])).contains("rm -r"), "nothing is kept");
}

/// README.md's lines, as they stand there, leave nothing.
#[test]
fn the_readme_takes_everything_out() {
    let machine = Machine::new();
    succeeds(&machine.run(&[]));
    let home = machine.directory.path();
    let shell = |lines: &str| {
        let path = format!("{}:/usr/bin:/bin", machine.prefix().join("bin").display());
        let output = Command::new("/bin/bash")
            .args(["-euc", lines])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .env("PREFIX", machine.prefix())
            .output()
            .unwrap();
        succeeds(&output)
    };
    shell(&format!(
        "{NAME} configure registry.example.com; {NAME} configure --podman registry.example.com
        mkdir -p ~/.config/containers/registries.conf.d ~/.cache/{NAME}
        touch ~/.config/containers/registries.conf.d/50-kubeclarity.conf ~/.cache/{NAME}/kept"
    ));
    let files = [".docker/config.json", ".config/containers/auth.json"].map(|file| home.join(file));
    for file in &files {
        assert!(std::fs::read_to_string(file).unwrap().contains("kubeclarity"), "{}", file.display());
    }
    let section = include_str!("../README.md").split("\n## Taking it out\n").nth(1).unwrap();
    shell(section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap());
    for file in &files {
        let left = std::fs::read_to_string(file).unwrap_or_default();
        assert!(!left.contains("kubeclarity"), "{left}");
    }
    assert!(machine.files().is_empty(), "{:?}", machine.files());
    for gone in [".config/containers/registries.conf.d/50-kubeclarity.conf", &format!(".cache/{NAME}")] {
        assert!(!home.join(gone).exists(), "{gone}");
    }
}
