//! The contract with clients, byte for byte: what each verb answers, and how the process ends.

mod support;

use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt;

use serde_json::json;
use support::Helper;
use support::data::{config, config_with, password, valid_jwt};
use support::mount::Mount;

const USAGE: &str = "Usage: docker-credential-kubeclarity <store|get|erase|list|version>\n";
const VERSION: &str = concat!(
    "docker-credential-kubeclarity (docker-credential-kubeclarity) ",
    env!("CARGO_PKG_VERSION"),
    "\n"
);
const SERVER: &str = "https://reg.example.com";

/// A `get` for which there is a credential.
fn found(server: &str) -> Helper {
    Helper::get(server).docker_auth(config(&[("reg.example.com", "user")]))
}

#[test]
fn get_found_is_one_line_with_three_keys() {
    found("https://reg.example.com\n").run().is(
        0,
        "{\"ServerURL\":\"https://reg.example.com\",\"Username\":\"user\",\"Secret\":\"hunter2-user\"}\n",
        "",
    );
}

#[test]
fn the_server_comes_back_as_it_was_sent() {
    for server in
        ["REG.example.com", "https://reg.example.com/v2/", "reg.example.com:443", "reg.example.com/a/b"]
    {
        found(&format!(" \t{server}\r\n")).run().answers_user(server, "user");
    }
}

#[test]
fn get_not_found_is_the_one_text_that_clients_know() {
    Helper::get("other.example.com").run().is(1, "credentials not found in native keychain\n", "");
}

#[test]
fn an_identity_token_has_the_user_that_marks_it() {
    for token in ["hunter2-refresh", &valid_jwt()] {
        let fields = json!({ "auth": support::data::base64("u:p"), "identitytoken": token });
        let run = Helper::get(SERVER).docker_auth(config_with("reg.example.com", fields)).run();
        run.answers(SERVER, "<token>", token);
    }
}

#[test]
fn hubs_login_tokens_are_never_answered() {
    let keys = [
        ("https://index.docker.io/v1/", "user"),
        ("https://index.docker.io/v1/access-token", "access"),
        ("https://index.docker.io/v1/refresh-token", "refresh"),
    ];
    for (_, kind) in &keys[1..] {
        let server = format!("https://index.docker.io/v1/{kind}-token");
        Helper::get(server).docker_auth(config(&keys)).run().not_found();
    }
    let hub = "https://index.docker.io/v1/";
    Helper::get(hub).docker_auth(config(&keys)).run().answers_user(hub, "user");
    Helper::get(hub).docker_auth(config(&keys[1..])).run().not_found();
}

#[test]
fn blank_input_names_no_server() {
    for blank in ["", " ", "\n", " \t\r\n \x0b\x0c"] {
        Helper::get(blank).run().is(1, "no credentials server URL\n", "");
        Helper::erase(blank).run().is(1, "no credentials server URL\n", "");
    }
}

#[test]
fn store_checks_its_input() {
    Helper::store("", "user", "hunter2").run().is(1, "no credentials server URL\n", "");
    Helper::store("  ", "user", "hunter2").run().is(1, "no credentials server URL\n", "");
    Helper::store(SERVER, "", "hunter2").run().is(1, "no credentials username\n", "");
    Helper::new(["store"]).stdin("{}").run().is(1, "no credentials server URL\n", "");
    let no_user = r#"{"ServerURL":"https://reg.example.com","Secret":"hunter2"}"#;
    Helper::new(["store"]).stdin(no_user).run().is(1, "no credentials username\n", "");
}

#[test]
fn store_of_invalid_json_quotes_nothing_of_it() {
    let json = "invalid type: list, expected an object\n";
    Helper::new(["store"]).stdin(" [\"s\",\"u\",\"hunter2\"]").run().is(1, json, "");
    for input in [
        "",
        "hunter2",
        "[\"hunter2\"]",
        "[\"https://reg.example.com\",\"user\",\"hunter2\"]",
        "null",
        "\"hunter2\"",
        "{\"ServerURL\":\"s\",\"Username\":\"u\",\"Secret\":[\"hunter2\"]}",
        "{\"ServerURL\":\"s\",\"Username\":\"u\",\"Secret\":\"hunter2",
        "{\"ServerURL\":\"s\",\"Username\":\"u\",\"Secret\":\"hunter2\"} hunter2",
        "{\"hunter2\":1,\"hunter2\"}",
        "\u{0}hunter2",
    ] {
        let run = Helper::new(["store"]).stdin(input).run();
        let text = run.text();
        assert_eq!((run.status.code(), run.stderr.as_slice()), (Some(1), &b""[..]), "{input:?}: {run:?}");
        assert_eq!(text.matches('\n').count(), 1, "{input:?}: {run:?}");
        assert!(text.len() > 5 && text.ends_with('\n') && !text.contains("hunter2"), "{input:?}: {run:?}");
    }
    Helper::new(["store"]).stdin("{").run().is(1, "EOF while parsing an object at line 1 column 1\n", "");
}

#[test]
fn list_without_anything_is_an_empty_object() {
    Helper::list().run().is(0, "{}\n", "");
}

#[test]
fn version_has_two_names_and_a_number() {
    for verb in ["version", "--version", "-v"] {
        Helper::new([verb]).run().is(0, VERSION, "");
    }
}

#[test]
fn help_is_a_success() {
    for verb in ["--help", "-h"] {
        let run = Helper::new([verb]).run();
        assert!(run.text().starts_with(USAGE), "{run:?}");
        for name in ["get", "store", "erase", "list", "version"] {
            assert!(run.text().contains(&format!("\n  {name} ")), "{name} is not explained: {run:?}");
        }
        run.is(0, run.text(), "");
    }
}

#[test]
fn no_verb_or_too_many_arguments_is_the_usage() {
    Helper::new::<&str>([]).run().is(1, USAGE, "");
    for verb in ["get", "store", "erase", "list", "version", "--version", "-h", "help", "x"] {
        Helper::new([verb, "more"]).stdin(SERVER).run().is(1, USAGE, "");
        Helper::new([verb, ""]).stdin(SERVER).run().is(1, USAGE, "");
    }
}

#[test]
fn an_unknown_verb_is_named() {
    for verb in ["GET", "Get", "List", "VERSION", "help", "-V", "--get", "get ", " get", "", "--", "é", "-"]
    {
        let line = format!("docker-credential-kubeclarity: unknown action: {verb}\n");
        Helper::new([verb]).stdin(SERVER).run().is(1, &line, "");
    }
}

#[test]
fn arguments_need_not_be_text() {
    let wild = std::ffi::OsStr::from_bytes(b"ge\xfft");
    Helper::new([wild]).run().is(1, "docker-credential-kubeclarity: unknown action: ge\u{fffd}t\n", "");
    Helper::new([std::ffi::OsStr::new("get"), wild]).run().is(1, USAGE, "");
    let lines = "get\n{\"Username\":\"u\"}\u{1b}[31m";
    let run = Helper::new([lines]).run();
    assert_eq!(run.text().matches('\n').count(), 1, "{run:?}");
    assert!(!run.text().contains('\u{1b}'), "{run:?}");
    assert_eq!(run.status.code(), Some(1));
}

#[test]
fn a_secret_of_any_text_comes_through() {
    let secret = "hunter2 \"quoted\" \\back\\ /slash/ <tag>&amp; ä€😀\u{7f}\u{1}\u{8}\t\n\r\u{2028}'`$(x)";
    let user = "us\"er\\ <é>";
    let fields = json!({ "username": user, "password": secret });
    let run = Helper::get(SERVER).docker_auth(config_with("reg.example.com", fields)).run();
    let parsed: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(parsed, json!({ "ServerURL": SERVER, "Username": user, "Secret": secret }));
    run.answers(SERVER, user, secret);
}

#[test]
fn a_question_longer_than_64_kib_is_no_registry() {
    // `Helper::run` demands that all of it could be written.
    for length in [64 * 1024, 64 * 1024 + 1, 1024 * 1024] {
        found(&"a".repeat(length)).run().not_found();
        found(&format!("reg.example.com/{}", "a".repeat(length))).run().not_found();
    }
    Helper::get(vec![0xff; 1024 * 1024]).run().not_found();
    // White space counts too: what was cut off may have been part of the name.
    found(&format!("reg.example.com{}x", " ".repeat(64 * 1024))).run().not_found();
    let blank = " ".repeat(1024 * 1024);
    Helper::get(&blank).run().is(1, "no credentials server URL\n", "");
}

#[test]
fn stdin_is_read_to_its_end_on_every_path() {
    let much = "x".repeat(1024 * 1024);
    for verb in ["get", "store", "erase"] {
        for helper in [
            Helper::new([verb]).stdin(&much),
            Helper::new([verb, "more"]).stdin(&much),
            Helper::new([verb]).stdin(&much).env("KUBECLARITY_TIMEOUT", "ten"),
            Helper::new([verb]).stdin(&much).env("KUBECLARITY_IGNORE_LOGIN", "1"),
            Helper::new([verb]).stdin(&much).env("IMAGE_PULL_SECRET_PATH", "/nowhere/at/all"),
        ] {
            let run = helper.run();
            assert!(matches!(run.status.code(), Some(0 | 1)), "{verb}: {run:?}");
            assert_eq!(run.stderr, b"", "{verb}: {run:?}");
        }
    }
}

#[test]
fn a_wrong_setting_is_told_in_one_line() {
    found(SERVER).env("KUBECLARITY_TIMEOUT", "ten").run().is(
        1,
        "kubeclarity: KUBECLARITY_TIMEOUT is set to something that cannot be used: it takes seconds, more than 0 \
         and at most 3600; correct it or unset it\n",
        "",
    );
}

#[test]
fn logging_goes_to_stderr_and_shows_no_secret() {
    let mount = Mount::new();
    mount.pull_secret("pull", &[("reg.example.com", "user")]);
    let run =
        Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path()).env("KUBECLARITY_LOG", "debug").run();
    let stderr = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(stderr.contains("/pull/.dockerconfigjson"), "{run:?}");
    assert!(!stderr.contains("hunter2"), "{run:?}");
    assert_eq!(run.status.code(), Some(0));
    assert!(run.text().contains(&password("user")), "{run:?}");
}

#[test]
fn a_full_disk_behind_stdout_is_a_failure() {
    for helper in [found(SERVER), Helper::list(), Helper::new(["version"])] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        helper.stdout(full).run().is(1, "", "");
    }
}
