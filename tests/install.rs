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
const OURS: &str = "{\n\t\"credsStore\": \"kubeclarity\"\n}\n";

fn install(directory: &Path) -> Helper {
    Helper::new(["install".as_ref(), directory.as_os_str()])
}

/// What it says, and that it says of a program for this system only that it is one.
fn said(shown: &str) -> String {
    let note = if cfg!(target_feature = "crt-static") {
        ""
    } else {
        "note: this program is not static: it starts only where the C library of this system, or a newer one, is; the image's is static\n"
    };
    format!(
        "{shown}/{NAME}\n{shown}/config.json\nin the scanner: PATH={shown}:$PATH DOCKER_CONFIG={shown}\n{note}"
    )
}

#[track_caller]
fn succeeds(helper: Helper) {
    let run = helper.run();
    assert!(run.status.success(), "{run:?}");
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_directory_holds_the_program_and_a_config_that_names_it() {
    let volume = tempfile::tempdir().unwrap();
    let directory = volume.path().join("a/b");
    let (copy, config_json) = (directory.join(NAME), directory.join("config.json"));
    install(&directory).run().is(0, &said(directory.to_str().unwrap()), "");
    assert!(std::fs::read(&copy).unwrap() == std::fs::read(PROGRAM).unwrap(), "the copy differs");
    assert_eq!((mode(&copy), mode(&config_json)), (0o755, 0o644));
    assert_eq!(std::fs::read_to_string(&config_json).unwrap(), OURS);
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
fn the_hint_names_whole_paths() {
    let helper = Helper::new(["install", "a/b"]);
    let whole = helper.path("a/b");
    helper.run().is(0, &said(whole.to_str().unwrap()), "");
}

#[test]
fn a_program_that_is_there_is_replaced_and_never_written_to() {
    let volume = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let precious = outside.path().join("precious");
    std::fs::write(&precious, "mine").unwrap();
    let copy = volume.path().join(NAME);
    symlink(&precious, &copy).unwrap();
    succeeds(install(volume.path()));
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "mine");
    assert!(!copy.is_symlink() && copy.metadata().unwrap().len() > 4);

    let old = copy.metadata().unwrap().ino();
    succeeds(install(volume.path()));
    assert_ne!(copy.metadata().unwrap().ino(), old);
    assert_eq!(std::fs::read_dir(volume.path()).unwrap().count(), 2);
}

#[test]
fn a_config_that_is_there_keeps_all_else() {
    let volume = tempfile::tempdir().unwrap();
    let config_json = volume.path().join("config.json");
    let others =
        "{\n  \"auths\": {\"a.io\": {\"auth\": \"dTpw\"}},\n  \"credHelpers\": {\"b.io\": \"other\"}\n}";
    std::fs::write(&config_json, others).unwrap();
    std::fs::set_permissions(&config_json, std::fs::Permissions::from_mode(0o640)).unwrap();
    succeeds(install(volume.path()));
    let merged = std::fs::read_to_string(&config_json).unwrap();
    assert_eq!(merged, others.replace("\n}", ",\n  \"credsStore\": \"kubeclarity\"\n}"));
    assert_eq!(mode(&config_json), 0o640);

    // As an init container that is started again does.
    let inode = config_json.metadata().unwrap().ino();
    succeeds(install(volume.path()));
    assert_eq!(config_json.metadata().unwrap().ino(), inode);
}

#[test]
fn another_helper_keeps_its_place_unless_force_is_given() {
    let volume = tempfile::tempdir().unwrap();
    let config_json = volume.path().join("config.json");
    std::fs::write(&config_json, r#"{"credsStore":"desktop","x":1}"#).unwrap();
    install(volume.path()).run().explains(&["credsStore", "\"desktop\"", "--force"]);
    assert_eq!(std::fs::read_to_string(&config_json).unwrap(), r#"{"credsStore":"desktop","x":1}"#);
    assert_eq!(std::fs::read_dir(volume.path()).unwrap().count(), 1, "the program was copied all the same");

    succeeds(Helper::new(["install".as_ref(), "--force".as_ref(), volume.path().as_os_str()]));
    assert_eq!(std::fs::read_to_string(&config_json).unwrap(), r#"{"credsStore":"kubeclarity","x":1}"#);
}

#[test]
fn a_config_that_cannot_be_merged_stays_and_is_named() {
    let volume = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let precious = outside.path().join("precious");
    std::fs::write(&precious, r#"{"auths":{}}"#).unwrap();
    let config_json = volume.path().join("config.json");
    std::fs::write(&config_json, "[hunter2]").unwrap();
    install(volume.path()).run().explains(&["/config.json is no valid docker configuration"]);
    std::fs::remove_file(&config_json).unwrap();
    symlink(&precious, &config_json).unwrap();
    install(volume.path()).run().explains(&["/config.json is a link", "; correct it or move it away"]);
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), r#"{"auths":{}}"#);
    std::fs::remove_file(&config_json).unwrap();
    std::fs::create_dir(&config_json).unwrap();
    install(volume.path()).run().explains(&["/config.json is no regular file"]);
    assert_eq!(std::fs::read_dir(volume.path()).unwrap().count(), 1);
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
    for arguments in [&["install"][..], &["install", "a", "b"], &["install", "--force"]] {
        let run = Helper::new(arguments).run();
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        assert!(run.text().contains("Usage") && run.stderr.is_empty(), "{run:?}");
    }
}
