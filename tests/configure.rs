//! `configure`: what it writes, for whom, and what it leaves alone.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use support::Helper;
use support::data::config;

const HUB: &str = "https://index.docker.io/v1/";

fn configure(arguments: &[&str]) -> Helper {
    Helper::new(["configure"].iter().chain(arguments))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn dockers_own_file_is_made_where_there_is_none() {
    let outside = tempfile::tempdir().unwrap();
    let named = outside.path().join("docker");
    for directory in [None, Some(&named)] {
        let mut helper = configure(&["registry.example.com:5000", "docker.io", "https://GHCR.io/"]);
        // The home is gone when the run is over: `~/.docker` stands outside, by a link.
        match directory {
            Some(directory) => helper = helper.env("DOCKER_CONFIG", directory),
            None => {
                std::fs::create_dir(outside.path().join("dot")).unwrap();
                symlink(outside.path().join("dot"), helper.path(".docker")).unwrap();
            }
        }
        let shown = helper.path(".docker/config.json");
        let shown = directory.map_or(shown, |directory| directory.join("config.json"));
        let run = helper.run();
        let expected = format!(
            "{}: changed\n  + credHelpers \"registry.example.com:5000\": \"kubeclarity\"\n  + credHelpers \"{HUB}\": \"kubeclarity\"\n  + credHelpers \"ghcr.io\": \"kubeclarity\"\n",
            shown.display()
        );
        run.is(0, &expected, "");
        let path = directory.cloned().unwrap_or(outside.path().join("dot")).join("config.json");
        assert_eq!(
            read(&path),
            format!(
                "{{\n\t\"credHelpers\": {{\n\t\t\"registry.example.com:5000\": \"kubeclarity\",\n\t\t\"{HUB}\": \"kubeclarity\",\n\t\t\"ghcr.io\": \"kubeclarity\"\n\t}}\n}}\n"
            )
        );
        assert_eq!((mode(&path), names(path.parent().unwrap())), (0o600, vec!["config.json".to_owned()]));
    }
    assert_eq!(mode(&named), 0o700);
}

/// A directory with a `config.json` in it, outside of any run's home.
struct Config(tempfile::TempDir);

impl Config {
    fn new(text: &str) -> Config {
        let config = Config(tempfile::tempdir().unwrap());
        std::fs::write(config.path(), text).unwrap();
        config
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("config.json")
    }

    fn run(&self, arguments: &[&str]) -> support::Outcome {
        configure(arguments).env("DOCKER_CONFIG", self.0.path()).run()
    }
}

#[test]
fn everything_else_in_it_stays_letter_by_letter() {
    let before = "{\n    \"auths\": {\"b.io\": {}},\n    \"zebra\": [1, 2.50, 1e400,  12345678901234567890123],\n    \"credsStore\": \"desktop\",\n    \"apple\": null\n}\n";
    let config = Config::new(before);
    std::fs::set_permissions(config.path(), PermissionsExt::from_mode(0o640)).unwrap();
    assert!(config.run(&["ghcr.io"]).status.success());
    let kept = before.strip_suffix("\n}\n").unwrap();
    let after =
        format!("{kept},\n    \"credHelpers\": {{\n        \"ghcr.io\": \"kubeclarity\"\n    }}\n}}\n");
    assert_eq!((read(&config.path()), mode(&config.path())), (after, 0o640));
    // And back again: nothing is left of it.
    assert!(config.run(&["--remove"]).status.success());
    assert_eq!((read(&config.path()).as_str(), mode(&config.path())), (before, 0o640));
}

#[test]
fn one_line_stays_one_line_and_twice_is_once() {
    let config = Config::new(r#"{"x":1}"#);
    config.run(&["a.io"]);
    assert_eq!(read(&config.path()), r#"{"x":1,"credHelpers":{"a.io":"kubeclarity"}}"#);
    let modified = config.path().metadata().unwrap().modified().unwrap();
    config.run(&["a.io"]).is(0, &format!("{}: nothing to change\n", config.path().display()), "");
    assert_eq!(config.path().metadata().unwrap().modified().unwrap(), modified);
}

#[test]
fn logins_that_clients_no_longer_use_are_told() {
    let text = config(&[("ghcr.io", "u"), ("https://index.docker.io/v1/", "u"), ("other.example.com", "u")]);
    let note = |family: &str, variable: Option<&str>, arguments: &[&str]| {
        let helper = configure(arguments).file(family, &text);
        let path = helper.path(family);
        let helper = match variable {
            Some("DOCKER_CONFIG") => helper.env("DOCKER_CONFIG", path.parent().unwrap()),
            Some(variable) => helper.env(variable, &path),
            None => helper,
        };
        let run = helper.run();
        assert!(run.status.success(), "{run:?}");
        let home = path.ancestors().nth(family.split('/').count()).unwrap().display().to_string();
        run.text().lines().find(|line| line.starts_with("note: ")).map(|line| line.replace(&home, "~"))
    };
    let said = |logins: &str, setting: &str| {
        Some(format!(
            "note: clients no longer use the login in this file for {logins}: log in again, which stores it in the cluster, \
             or set {setting} for the clients, so that this helper reads it"
        ))
    };
    let (docker, podman) = (".docker/config.json", ".config/containers/auth.json");
    let directory = "DOCKER_CONFIG=~/.docker";
    assert_eq!(note(docker, None, &["ghcr.io"]), said("ghcr.io", directory));
    assert_eq!(
        note(docker, None, &["--dry-run", "docker.io"]),
        said("https://index.docker.io/v1/", directory)
    );
    let all = "ghcr.io, https://index.docker.io/v1/, other.example.com";
    assert_eq!(note(docker, None, &["--all"]), said(all, directory));
    let file = "REGISTRY_AUTH_FILE=~/.config/containers/auth.json";
    assert_eq!(note(podman, None, &["--podman", "ghcr.io"]), said("ghcr.io", file));
    // No login is there, or the helper reads it as well.
    assert_eq!(note(docker, None, &["quay.io"]), None);
    assert_eq!(note(docker, Some("DOCKER_CONFIG"), &["ghcr.io"]), None);
    assert_eq!(note(podman, Some("REGISTRY_AUTH_FILE"), &["--podman", "ghcr.io"]), None);
}

#[test]
fn a_login_s_key_cannot_steer_the_terminal() {
    let text = config(&[("a.io/\x1b[31m\u{9b}2J\u{202e}", "u")]);
    let run = configure(&["--all"]).file(".docker/config.json", &text).run();
    assert!(run.status.success() && run.text().contains("for a.io/ [31m 2J : log in again"), "{run:?}");
}

#[test]
fn all_is_creds_store() {
    let config = Config::new("{}");
    config.run(&["--all"]).is(
        0,
        &format!("{}: changed\n  + credsStore \"kubeclarity\"\n", config.path().display()),
        "",
    );
    assert_eq!(read(&config.path()), "{\n\t\"credsStore\": \"kubeclarity\"\n}");
}

#[test]
fn another_helper_stays_without_force() {
    for (text, arguments, place) in [
        (r#"{"credsStore":"desktop"}"#, &["--all"][..], "credsStore"),
        (r#"{"credHelpers":{"a.io":"other"}}"#, &["b.io", "a.io"], r#"credHelpers "a.io""#),
    ] {
        let config = Config::new(text);
        config.run(arguments).explains(&[place, "--force"]);
        assert_eq!(read(&config.path()), text);
        let run = config.run(&[arguments, &["--force"]].concat());
        assert!(
            run.status.success() && run.text().contains("  - ") && run.text().contains("  + "),
            "{run:?}"
        );
        assert!(read(&config.path()).contains("kubeclarity"));
    }
}

#[test]
fn only_what_names_this_helper_is_removed() {
    let text = r#"{"credsStore":"kubeclarity","credHelpers":{"a.io":"kubeclarity","b.io":"other","c.io":"kubeclarity"},"auths":{}}"#;
    let removed = |arguments: &[&str]| {
        let config = Config::new(text);
        assert!(config.run(&[&["--remove"], arguments].concat()).status.success());
        read(&config.path())
    };
    assert_eq!(removed(&[]), r#"{"credHelpers":{"b.io":"other"},"auths":{}}"#);
    assert_eq!(
        removed(&["A.io", "b.io"]),
        r#"{"credsStore":"kubeclarity","credHelpers":{"b.io":"other","c.io":"kubeclarity"},"auths":{}}"#
    );
    assert_eq!(
        removed(&["--all"]),
        r#"{"credHelpers":{"a.io":"kubeclarity","b.io":"other","c.io":"kubeclarity"},"auths":{}}"#
    );
    // With nothing of ours in it, and without a file, there is nothing to do.
    let config = Config::new(r#"{ "credsStore" : "desktop" }"#);
    assert!(config.run(&["--remove"]).text().ends_with(": nothing to change\n"));
    assert_eq!(read(&config.path()), r#"{ "credsStore" : "desktop" }"#);
    let empty = tempfile::tempdir().unwrap();
    let run = configure(&["--remove"]).env("DOCKER_CONFIG", empty.path()).run();
    assert!(run.status.success() && names(empty.path()).is_empty(), "{run:?}");
}

#[test]
fn dry_run_shows_and_print_prints_and_neither_writes() {
    let config = Config::new(r#"{"credsStore":"desktop"}"#);
    let dry = config.run(&["--dry-run", "--all", "--force"]);
    dry.is(
        0,
        &format!(
            "{}: would change\n  - credsStore \"desktop\"\n  + credsStore \"kubeclarity\"\n",
            config.path().display()
        ),
        "",
    );
    let print = config.run(&["--print", "--all", "docker.io"]);
    print.is(
        0,
        &format!("{{\n\t\"credsStore\": \"kubeclarity\",\n\t\"credHelpers\": {{\n\t\t\"{HUB}\": \"kubeclarity\"\n\t}}\n}}\n"),
        "",
    );
    assert_eq!(
        (read(&config.path()).as_str(), names(config.0.path()).len()),
        (r#"{"credsStore":"desktop"}"#, 1)
    );
}

#[test]
fn podmans_file() {
    let outside = tempfile::tempdir().unwrap();
    let at = |name: &str| outside.path().join(name);
    let by_variable = configure(&["--podman", "docker.io"])
        .env("REGISTRY_AUTH_FILE", at("auth.json"))
        .env("XDG_RUNTIME_DIR", at("run"));
    assert!(by_variable.run().status.success());
    assert_eq!(
        read(&at("auth.json")),
        "{\n\t\"credHelpers\": {\n\t\t\"docker.io\": \"kubeclarity\"\n\t}\n}\n"
    );
    assert!(!at("run").exists());

    assert!(configure(&["--podman", "a.io"]).env("XDG_RUNTIME_DIR", at("run")).run().status.success());
    assert!(read(&at("run/containers/auth.json")).contains("a.io"));

    let helper = configure(&["--podman", "b.io"]);
    std::fs::create_dir(at("dot")).unwrap();
    symlink(at("dot"), helper.path(".config")).unwrap();
    assert!(helper.run().status.success());
    assert!(read(&at("dot/containers/auth.json")).contains("b.io"));

    // There is no such field in that file: the line for registries.conf is shown instead.
    let all = configure(&["--podman", "--all"]).env("REGISTRY_AUTH_FILE", at("other.json")).run();
    assert!(
        all.status.success()
            && all.text().contains("\ncredential-helpers = [\"containers-auth.json\", \"kubeclarity\"]\n"),
        "{all:?}"
    );
    assert!(!at("other.json").exists());
}

#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let real = tempfile::tempdir().unwrap();
    std::fs::write(real.path().join("real.json"), "{}").unwrap();
    let linked = tempfile::tempdir().unwrap();
    let link = linked.path().join("config.json");
    symlink(real.path().join("real.json"), &link).unwrap();
    assert!(configure(&["a.io"]).env("DOCKER_CONFIG", linked.path()).run().status.success());
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(read(&real.path().join("real.json")).contains("a.io"));
    assert_eq!((names(real.path()).len(), names(linked.path()).len()), (1, 1));
}

#[test]
fn what_cannot_be_changed_is_left_as_it_is() {
    for broken in [
        "{",
        "[]",
        "null",
        "hunter2",
        r#"{"credHelpers":["hunter2"]}"#,
        r#"{"credsStore":7}"#,
        "{\"a\":\"\u{0}",
    ] {
        let config = Config::new(broken);
        config.run(&["a.io"]).explains(&["config.json", "no valid docker configuration"]);
        assert_eq!((read(&config.path()).as_str(), names(config.0.path()).len()), (broken, 1));
    }
    // A directory in its place, and one where nothing can be written: /proc is so for root too.
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("config.json")).unwrap();
    let blocked = |path: &Path| configure(&["a.io"]).env("DOCKER_CONFIG", path).run();
    blocked(directory.path()).explains(&["config.json", "is no regular file", "; "]);
    blocked(Path::new("/proc/self")).explains(&["/proc/self/config.json", "; "]);
    configure(&["a.io"]).without("HOME").run().explains(&["HOME", "; "]);
}

#[test]
fn what_is_no_registry_is_refused() {
    configure(&[]).run().explains(&["--all", "; "]);
    for name in ["", "a b", "reg.example.com/team", "ftp://x", "*"] {
        let directory = tempfile::tempdir().unwrap();
        let run = configure(&["good.io", name]).env("DOCKER_CONFIG", directory.path()).run();
        run.explains(&["is no registry", "; "]);
        assert!(names(directory.path()).is_empty(), "{name}");
    }
}
