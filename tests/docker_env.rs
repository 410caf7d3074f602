//! Docker's configuration in the environment: three places in their order, and helpers that are never run.

mod support;

use serde_json::json;
use support::Helper;
use support::data::{config, entries, expired_ecr_password};

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";

/// A run with a configuration in each of the three places, or not.
fn with(variable: Option<&str>, directory: Option<&str>, file: Option<&str>) -> Helper {
    let mut helper = Helper::get(SERVER);
    if let Some(text) = variable {
        helper = helper.docker_auth(text);
    }
    if let Some(text) = directory {
        let path = helper.path("docker");
        helper = helper.file("docker/config.json", text).env("DOCKER_CONFIG", path);
    }
    if let Some(text) = file {
        let path = helper.path("containers/auth.json");
        helper = helper.file("containers/auth.json", text).env("REGISTRY_AUTH_FILE", path);
    }
    helper
}

#[test]
fn the_first_of_the_three_that_has_the_registry_wins() {
    let (a, b, c) = (config(&[("*.example.com", "a")]), config(&[(HOST, "b")]), config(&[(HOST, "c")]));
    let other = config(&[("other.example.org", "other")]);
    with(Some(&a), Some(&b), Some(&c)).run().answers_user(SERVER, "a");
    with(None, Some(&b), Some(&c)).run().answers_user(SERVER, "b");
    with(None, None, Some(&c)).run().answers_user(SERVER, "c");
    with(Some(&other), Some(&other), Some(&c)).run().answers_user(SERVER, "c");
    with(Some(&other), Some("{}"), Some(r#"{"auths":{}}"#)).run().not_found();
}

#[test]
fn files_that_are_not_there_are_nothing() {
    Helper::get(SERVER)
        .env("DOCKER_CONFIG", "/absent")
        .env("REGISTRY_AUTH_FILE", "/absent/auth.json")
        .run()
        .not_found();
    Helper::get(SERVER)
        .env("DOCKER_CONFIG", "")
        .env("REGISTRY_AUTH_FILE", "")
        .docker_auth("")
        .run()
        .not_found();
}

#[test]
fn the_users_own_configuration_is_not_read() {
    // Only what a variable names: the client that asks has read its own already.
    let text = config(&[(HOST, "home")]);
    let helper = Helper::get(SERVER).file(".docker/config.json", &text);
    helper.file(".config/containers/auth.json", &text).run().not_found();
}

#[test]
fn what_is_not_json_gives_way_and_else_is_told() {
    let good = config(&[(HOST, "good")]);
    for text in ["hunter2", "[\"hunter2\"]", "{\"auths\":\"hunter2\"}", "{\"auths\":{\"hunter2"] {
        with(Some(text), Some(&good), None).run().answers_user(SERVER, "good");
        with(Some(text), None, None).run().explains(&["DOCKER_AUTH_CONFIG", "no valid docker configuration"]);
        with(None, Some(text), Some(&good)).run().answers_user(SERVER, "good");
        with(None, Some(text), None).run().explains(&["docker/config.json", "no valid docker configuration"]);
        with(None, None, Some(text))
            .run()
            .explains(&["containers/auth.json", "no valid docker configuration"]);
    }
}

#[test]
fn a_file_that_is_no_file_gives_way_and_else_is_told() {
    let helper = Helper::get(SERVER);
    let path = helper.path("docker");
    std::fs::create_dir_all(&path).unwrap();
    let fifo = path.join("config.json");
    assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
    helper.env("DOCKER_CONFIG", &path).run().explains(&["docker/config.json", "no regular file"]);
    // One that was named itself.
    Helper::get(SERVER).env("REGISTRY_AUTH_FILE", "/tmp").run().explains(&["/tmp", "no regular file"]);
}

#[test]
fn a_configuration_behind_a_link_beside_it_is_read() {
    // As in a volume of a ConfigMap or Secret.
    let helper = Helper::get(SERVER).file("docker/..2025/config.json", config(&[(HOST, "linked")]));
    let path = helper.path("docker");
    std::os::unix::fs::symlink("..2025", path.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/config.json", path.join("config.json")).unwrap();
    helper.env("DOCKER_CONFIG", path).run().answers_user(SERVER, "linked");
}

#[test]
fn helpers_named_in_the_configuration_are_never_run() {
    let evil = json!({
        "auths": entries(&[("reg2.example.com", "plain")]),
        "credsStore": "evil",
        "credHelpers": { HOST: "evil", "reg2.example.com": "evil" },
    })
    .to_string();
    let named_alone = json!({ "credsStore": "evil", "credHelpers": { HOST: "evil" } }).to_string();
    let mark = "touch \"$HOME/evil-ran\"; echo '{\"Username\":\"evil\",\"Secret\":\"evil\"}'";
    for (verb, stdin) in [("get", SERVER), ("get", "reg2.example.com"), ("list", ""), ("erase", HOST)] {
        for (variable, text) in [("DOCKER_AUTH_CONFIG", &evil), ("DOCKER_AUTH_CONFIG", &named_alone)] {
            let helper = Helper::new([verb]).stdin(stdin).program("docker-credential-evil", mark);
            let home = tempfile::tempdir().unwrap();
            let directory = helper.path("docker");
            let file = helper.path("auth.json");
            let run = helper
                .env("HOME", home.path())
                .env(variable, text)
                .file("docker/config.json", text)
                .file("auth.json", text)
                .env("DOCKER_CONFIG", directory)
                .env("REGISTRY_AUTH_FILE", file)
                .run();
            assert!(!home.path().join("evil-ran").exists(), "{verb} {stdin} ran a helper: {run:?}");
            assert!(!run.text().contains("evil"), "{verb} {stdin}: {run:?}");
        }
    }
    Helper::get("reg2.example.com").docker_auth(&evil).run().answers_user("reg2.example.com", "plain");
}

#[test]
fn the_mark_of_the_evil_helper_would_be_seen() {
    // The test above cannot fail unless this script works when it is run by its name.
    let helper = Helper::new(["get"]).program("docker-credential-evil", "echo ran");
    let run = helper.through("exec docker-credential-evil get").run();
    assert_eq!(run.text(), "ran\n");
}

#[test]
fn a_configuration_that_is_empty_or_a_directory_is_none() {
    let good = config(&[(HOST, "good")]);
    for blank in ["", " ", "\n", " \r\n\t"] {
        with(Some(blank), None, None).run().not_found();
        with(None, Some(blank), None).run().not_found();
        with(None, None, Some(blank)).run().not_found();
        with(Some(blank), Some(blank), Some(&good)).run().answers_user(SERVER, "good");
    }
    let helper = Helper::get(SERVER);
    let path = helper.path("docker");
    std::fs::create_dir_all(path.join("config.json")).unwrap();
    helper.env("DOCKER_CONFIG", &path).run().not_found();
    // A way to say that there is none.
    for variable in ["REGISTRY_AUTH_FILE", "DOCKER_CONFIG"] {
        Helper::get(SERVER).env(variable, "/dev/null").run().not_found();
    }
    let helper = Helper::get(SERVER).file("docker/other", "");
    let path = helper.path("docker");
    std::os::unix::fs::symlink("/dev/null", path.join("config.json")).unwrap();
    helper.env("DOCKER_CONFIG", path).run().not_found();
}

#[test]
fn a_byte_that_is_no_text_spoils_no_other_entry() {
    use std::os::unix::ffi::OsStrExt;
    let text =
        json!({ "auths": { HOST: { "username": "u", "password": "hunter2", "email": "<E9>" } } }).to_string();
    let bytes = text.split("<E9>").map(str::as_bytes).collect::<Vec<_>>().join(&0xe9);
    Helper::get(SERVER)
        .env("DOCKER_AUTH_CONFIG", std::ffi::OsStr::from_bytes(&bytes))
        .run()
        .answers(SERVER, "u", "hunter2");
    let helper = Helper::get(SERVER).file("auth.json", &bytes);
    let path = helper.path("auth.json");
    helper.env("REGISTRY_AUTH_FILE", path).run().answers(SERVER, "u", "hunter2");
}

#[test]
fn an_ecr_password_that_is_over_gives_way_and_else_is_told() {
    let over =
        json!({ "auths": { HOST: { "username": "AWS", "password": expired_ecr_password() } } }).to_string();
    let told = &["entry reg.example.com has expired (on 2001-09-09 at 01:46:40 UTC)"];
    for (at, place) in ["DOCKER_AUTH_CONFIG", "docker/config.json", "containers/auth.json"].iter().enumerate()
    {
        let at = |number: usize| (at == number).then_some(over.as_str());
        let run = with(at(0), at(1), at(2)).run();
        run.explains(told);
        run.explains(&[place]);
    }
    let good = config(&[(HOST, "good")]);
    with(Some(&over), None, Some(&good)).run().answers_user(SERVER, "good");
}
