//! `install <dir>`: what an init container hands to a scanner.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use support::Helper;
use support::data::config;
use support::helper::PROGRAM;

const NAME: &str = "docker-credential-kubeclarity";

fn install(directory: &Path) -> Helper {
    Helper::new(["install".as_ref(), directory.as_os_str()])
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_directory_holds_the_program_and_a_config_that_names_it() {
    let volume = tempfile::tempdir().unwrap();
    let directory = volume.path().join("a/b");
    let (copy, config_json) = (directory.join(NAME), directory.join("config.json"));
    let shown = directory.display();
    install(&directory).run().is(
        0,
        &format!(
            "{shown}/{NAME}\n{shown}/config.json\nin the scanner: PATH={shown}:$PATH DOCKER_CONFIG={shown}\n"
        ),
        "",
    );
    assert!(std::fs::read(&copy).unwrap() == std::fs::read(PROGRAM).unwrap(), "the copy differs");
    assert_eq!((mode(&copy), mode(&config_json)), (0o755, 0o644));
    assert_eq!(std::fs::read_to_string(&config_json).unwrap(), "{\n\t\"credsStore\": \"kubeclarity\"\n}\n");
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 2);

    // The copy works on its own, and is found in the config: a helper of that name is what clients look for.
    let answer = Command::new(&copy)
        .args(["explain", "--json", "reg.example.com"])
        .env_clear()
        .env("DOCKER_AUTH_CONFIG", config(&[("reg.example.com", "u")]))
        .env("DOCKER_CONFIG", &directory)
        .output()
        .unwrap();
    assert!(answer.status.success(), "{answer:?}");
}

#[test]
fn what_is_there_already_is_replaced_and_never_written_to() {
    let volume = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let precious = outside.path().join("precious");
    std::fs::write(&precious, "mine").unwrap();
    symlink(&precious, volume.path().join("config.json")).unwrap();
    std::fs::write(volume.path().join(NAME), "an older one, which a scanner is running").unwrap();
    let old = volume.path().join(NAME).metadata().unwrap().ino();

    assert!(install(volume.path()).run().status.success());
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "mine");
    assert!(std::fs::read_to_string(volume.path().join("config.json")).unwrap().contains("kubeclarity"));
    assert_ne!(volume.path().join(NAME).metadata().unwrap().ino(), old);
    assert_eq!(std::fs::read_dir(volume.path()).unwrap().count(), 2);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let volume = tempfile::tempdir().unwrap();
    let file = volume.path().join("file");
    std::fs::write(&file, "").unwrap();
    install(&file).run().explains(&["/file", "; check the directory's mount and rights"]);
    install(&file.join("below")).run().explains(&["/file/below", "; check"]);
    // /proc is not writable for root either.
    install(Path::new("/proc/self")).run().explains(&[&format!("/proc/self/{NAME}"), "; check"]);
    assert_eq!(std::fs::read_dir(volume.path()).unwrap().count(), 1);
}

#[test]
fn wrong_usage_ends_with_one() {
    for arguments in [&["install"][..], &["install", "a", "b"]] {
        let run = Helper::new(arguments).run();
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        assert!(run.text().contains("Usage") && run.stderr.is_empty(), "{run:?}");
    }
}
