//! A real client: the crate `docker_credential` reads a `config.json` that names the helper, and runs it.
//!
//! The crate takes everything from the environment of its process, so each test runs this file's program
//! again, as a child with that environment, for the one "test" that asks the crate.

#![allow(clippy::unwrap_used)] // also outside of #[test]: what fails here is how a test fails

mod support;

use std::path::Path;
use std::process::Command;

use docker_credential::DockerCredential;
use serde_json::json;
use support::data::{config, config_with, password};
use support::helper::PROGRAM;

/// The variable by which the child knows what to ask.
const ASK: &str = "TEST_ASK_FOR";
const BEGIN: &str = "the crate says: ";

/// Runs only in the child: asks the crate and prints what it says.
#[test]
#[allow(clippy::print_stdout)] // this is how the child tells its parent
fn child() {
    let Ok(server) = std::env::var(ASK) else { return };
    let says = match docker_credential::get_credential(&server) {
        Ok(DockerCredential::UsernamePassword(user, password)) => format!("user {user} password {password}"),
        Ok(DockerCredential::IdentityToken(token)) => format!("token {token}"),
        Err(error) => format!("error {error:?}"),
    };
    println!("\n{BEGIN}{says}");
}

/// What the crate says in an environment where this is the client's configuration, and the helper's.
fn ask(server: &str, clients: &serde_json::Value, helpers: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".docker")).unwrap();
    std::fs::write(home.path().join(".docker/config.json"), clients.to_string()).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", Path::new(PROGRAM).parent().unwrap())
        .env("DOCKER_AUTH_CONFIG", helpers)
        .env(ASK, server)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let says = text.lines().find_map(|line| line.strip_prefix(BEGIN));
    says.unwrap_or_else(|| panic!("the child says nothing: {output:?}")).to_owned()
}

fn user(name: &str) -> String {
    format!("user {name} password {}", password(name))
}

#[test]
fn a_helper_for_one_registry() {
    let clients = json!({ "credHelpers": { "reg.example.com": "kubeclarity" } });
    let helpers = config(&[("reg.example.com", "one"), ("other.example.com", "other")]);
    assert_eq!(ask("reg.example.com", &clients, &helpers), user("one"));
    // The client never asks for another.
    assert_eq!(ask("other.example.com", &clients, &helpers), "error NoCredentialConfigured");
}

#[test]
fn a_helper_for_all_registries() {
    let clients = json!({ "credsStore": "kubeclarity" });
    let helpers = config(&[("reg.example.com", "one"), ("https://index.docker.io/v1/", "hub")]);
    assert_eq!(ask("reg.example.com", &clients, &helpers), user("one"));
    assert_eq!(ask("https://index.docker.io/v1/", &clients, &helpers), user("hub"));
}

#[test]
fn an_identity_token_is_known_as_one() {
    let clients = json!({ "credsStore": "kubeclarity" });
    let helpers = config_with("reg.example.com", json!({ "identitytoken": "hunter2-token" }));
    assert_eq!(ask("reg.example.com", &clients, &helpers), "token hunter2-token");
}

#[test]
fn not_found_reaches_the_client_as_the_text_it_knows() {
    let clients = json!({ "credsStore": "kubeclarity" });
    let says = ask("reg.example.com", &clients, "{}");
    assert_eq!(
        says,
        "error HelperFailure { helper: \"docker-credential-kubeclarity\", stdout: \"credentials not found in native \
         keychain\\n\", stderr: \"\" }"
    );
}

#[test]
fn the_reason_of_a_failure_reaches_the_client() {
    let clients = json!({ "credsStore": "kubeclarity" });
    let says = ask("reg.example.com", &clients, "hunter2");
    assert!(
        says.contains("stdout: \"kubeclarity: DOCKER_AUTH_CONFIG is no valid docker configuration"),
        "{says}"
    );
    assert!(says.ends_with("stderr: \"\" }"), "{says}");
}
