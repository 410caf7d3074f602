//! `store` reads what Docker's own helper library reads. `tests/data/docker_logins.jsonl` holds hundreds of inputs and what
//! that library made of each; `tests/e2e/docker-store` wrote it, and the end-to-end tests compare it with the library.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use docker_credential_kubeclarity::protocol;
use serde::Deserialize;
use support::Helper;

#[derive(Deserialize)]
struct Line {
    stdin: String,
    login: Option<[String; 3]>,
    error: Option<String>,
}

const NO_SERVER: &str = "no credentials server URL";

/// Server, user name and secret, or one of the library's two messages, or `refused`.
type Answer = Result<[String; 3], String>;

fn lines() -> Vec<(Vec<u8>, Answer)> {
    let text = include_str!("data/docker_logins.jsonl");
    let parsed = text.lines().map(|line| {
        let Line { stdin, login, error } = serde_json::from_str(line).unwrap();
        let expected = match login {
            // Blank is as good as empty here: it names no registry either way.
            Some([server, ..]) if server.trim().is_empty() => Err(NO_SERVER.to_owned()),
            Some(login) => Ok(login),
            None => Err(error.unwrap()),
        };
        (STANDARD.decode(stdin).unwrap(), expected)
    });
    parsed.collect()
}

#[test]
fn store_reads_what_dockers_library_reads() {
    let mut seen = [0; 4];
    for (stdin, expected) in lines() {
        let told = |reply: protocol::Reply| match std::str::from_utf8(reply.text()).unwrap().trim_end() {
            line @ (NO_SERVER | "no credentials username") => line.to_owned(),
            line => {
                assert!(!line.is_empty() && !line.contains("hunter2"), "{line}");
                "refused".to_owned()
            }
        };
        let found = protocol::login(&stdin)
            .map(|login| [login.server, login.username, login.secret.expose().to_owned()])
            .map_err(told);
        assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(&stdin));
        seen[match expected.as_ref().map_err(String::as_str) {
            Ok(_) => 0,
            Err(NO_SERVER) => 1,
            Err("refused") => 2,
            Err(_) => 3,
        }] += 1;
    }
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
}

#[test]
fn the_program_takes_them_too() {
    let known = r#"{"auths":{"reg.example.com":{"auth":"dXNlcjpodW50ZXIyLeKCrA=="}}}"#; // user:hunter2-€
    for stdin in [
        &b"{\"serverurl\":\"reg.example.com\",\"USERNAME\":\"user\",\"secret\":\"hunter2-\\u20ac\"}"[..],
        b"{\"ServerURL\":\"reg.example.com\",\"Username\":\"user\",\"Secret\":\"hunter2-\xe2\x82\xac\"}\n{}x",
        b"{\"Secret\":\"old\",\"ServerURL\":\"reg.example.com\",\"Username\":\"user\",\"Secret\":\"hunter2-\xe2\x82\xac\"}",
        b"{\"ServerURL\":\"reg.example.com\",\"Username\":\"user\",\"Secret\":\"hunter2-\xe2\x82\xac\",\"secret\":null,\"x\":\"\xff\"}",
    ] {
        Helper::new(["store"]).stdin(stdin).docker_auth(known).run().is(0, "", "");
    }
    for (stdin, line) in [
        (r#"{"ServerURL":null,"Username":"user","Secret":"hunter2"}"#, "no credentials server URL\n"),
        (
            r#"{"ServerURL":"reg.example.com","Username":null,"Secret":"hunter2"}"#,
            "no credentials username\n",
        ),
        ("null", "no credentials server URL\n"),
    ] {
        Helper::new(["store"]).stdin(stdin).run().is(1, line, "");
    }
}
