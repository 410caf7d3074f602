//! `store` and `erase` where there is no cluster to write to: they tell the truth, and never show a secret.

mod support;

use support::Helper;
use support::data::{config, password};

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";

fn known() -> String {
    config(&[(HOST, "user")])
}

#[test]
fn storing_what_get_answers_succeeds_without_a_write() {
    // Plain `docker login` stores what it just read.
    for server in [SERVER, HOST, "https://reg.example.com/v2/"] {
        Helper::store(server, "user", &password("user")).docker_auth(known()).run().is(0, "", "");
    }
}

#[test]
fn storing_anything_else_says_that_nothing_was_stored() {
    for (server, user, secret) in [
        (SERVER, "user", "hunter2-other"),
        (SERVER, "other", "hunter2-user"),
        (SERVER, "USER", "hunter2-user"),
        (SERVER, "user", ""),
        ("https://other.example.com", "user", "hunter2-user"),
    ] {
        Helper::store(server, user, secret)
            .docker_auth(known())
            .run()
            .explains(&["nothing was stored", "example.com"]);
    }
    Helper::store("a b", "user", "hunter2").run().explains(&["nothing was stored"]);
}

#[test]
fn unknown_fields_of_a_login_are_passed_over() {
    let login =
        r#"{"ServerURL":"reg.example.com","Username":"user","Secret":"hunter2-user","Email":"x","X":[1]}"#;
    Helper::new(["store"]).stdin(login).docker_auth(known()).run().is(0, "", "");
}

#[test]
fn hubs_login_tokens_are_taken_and_not_kept() {
    for kind in ["access", "refresh"] {
        let server = format!("https://index.docker.io/v1/{kind}-token");
        Helper::store(&server, "user", "hunter2").run().is(0, "", "");
        Helper::erase(server).run().is(0, "", "");
    }
}

#[test]
fn erasing_what_nobody_serves_succeeds() {
    for server in [SERVER, "other.example.com", "*", "a b", "http://"] {
        Helper::erase(server).run().is(0, "", "");
    }
    Helper::erase("other.example.com").docker_auth(known()).run().is(0, "", "");
}

#[test]
fn erasing_what_a_source_serves_names_the_source() {
    Helper::erase(SERVER)
        .docker_auth(known())
        .run()
        .explains(&[HOST, "DOCKER_AUTH_CONFIG entry reg.example.com"]);
}

#[test]
fn ignoring_logins_makes_both_silent_successes() {
    for word in ["1", "true"] {
        let ignoring =
            |helper: Helper| helper.env("KUBECLARITY_IGNORE_LOGIN", word).docker_auth(known()).run();
        ignoring(Helper::store("other.example.com", "u", "hunter2")).is(0, "", "");
        ignoring(Helper::erase(SERVER)).is(0, "", "");
        // Nonsense stays nonsense.
        ignoring(Helper::store("", "u", "hunter2")).is(1, "no credentials server URL\n", "");
        ignoring(Helper::erase("")).is(1, "no credentials server URL\n", "");
    }
    Helper::erase(SERVER)
        .env("KUBECLARITY_IGNORE_LOGIN", "0")
        .docker_auth(known())
        .run()
        .explains(&[HOST, "DOCKER_AUTH_CONFIG"]);
}
