//! The limit holds whatever hangs, for every verb: a reader of stdout or stderr that reads nothing, very much to compute,
//! programs and servers that say nothing. (File systems that hang: tests/e2e/cluster/test_hanging_files.py.)

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde_json::json;
use support::api::secret_path;
use support::cached::Machine;
use support::data::{base64, config};
use support::kubeconfig::Kubeconfig;
use support::mount::Mount;
use support::{Answer, FakeApi, Helper};

const SERVER: &str = "reg.example.com";

/// A pipe that takes nothing any more, until somebody reads.
fn full() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    while match writer.write(&[b'x'; 4096]) {
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    } {}
    fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

fn found() -> Helper {
    Helper::get(SERVER).docker_auth(config(&[(SERVER, "user")]))
}

/// Every verb, with an answer or without one.
fn verbs(api: &FakeApi, machine: &Machine) -> Vec<Helper> {
    let wide = json!({ "auths": (0..1500).map(|n| (format!("r{n}.example.com"), json!({ "auth": base64("user:hunter2") })))
        .collect::<serde_json::Map<_, _>>() });
    vec![
        found(),
        machine.get(SERVER),
        Helper::get("other.example.com"),
        Helper::get(""),
        Helper::store("", "", "hunter2"),
        Helper::store(SERVER, "user", "").kubeconfig(&Kubeconfig::token(api)),
        Helper::erase("").kubeconfig(&Kubeconfig::token(api)),
        Helper::list(),
        Helper::list().docker_auth(wide.to_string()),
        Helper::new(["explain", SERVER]).docker_auth(config(&[(SERVER, "user")])),
        Helper::new(["explain", "--json", SERVER]),
        Helper::new(["configure", "--print", "--all"]),
        Helper::new(["configure"]),
        Helper::new(["install"]),
        Helper::new(["version"]),
        Helper::new(["--help"]),
        Helper::new(["explain", "--help"]),
        Helper::new(["unknown"]),
        Helper::new::<&str>([]),
    ]
}

fn stocked() -> FakeApi {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "user")]);
    api
}

#[test]
fn a_stdout_that_nobody_reads() {
    let api = stocked();
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers_user(SERVER, "user");
    for helper in verbs(&api, &machine) {
        let (reader, writer) = full();
        helper.timeout("0.5").stdout(writer).run().within(8).is(1, "", "");
        drop(reader);
    }
}

#[test]
fn a_stdout_that_is_read_late_gets_everything() {
    let api = stocked();
    let machine = Machine::new(&api);
    for (number, helper) in verbs(&api, &machine).into_iter().enumerate() {
        let (mut reader, writer) = full();
        let running = helper.timeout("20").stdout(writer).start();
        std::thread::sleep(Duration::from_millis(150));
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        let run = running.end();
        assert!(matches!(run.status.code(), Some(0 | 1)) && run.stderr.is_empty(), "{number}: {run:?}");
        let text = String::from_utf8(all).unwrap();
        assert!(text.trim_start_matches('x').ends_with('\n'), "{number}: {run:?}");
    }
}

#[test]
fn an_answer_that_is_longer_than_a_pipe_holds() {
    let long = "p".repeat(100_000);
    let config = json!({ "auths": { SERVER: { "username": "user", "password": long } } });
    let get = || Helper::get(SERVER).docker_auth(config.to_string());
    get().run().answers(SERVER, "user", &long);
    let (_reader, writer) = std::io::pipe().unwrap();
    get().timeout("0.5").stdout(writer).run().within(8).is(1, "", "");
}

#[test]
fn a_stderr_that_nobody_reads() {
    let api = stocked();
    let machine = Machine::new(&api);
    // Its reader sleeps, and what it holds already leaves no room.
    let script = "mkfifo \"$HOME/err\"; sleep 40 <\"$HOME/err\" >/dev/null 2>&1 & exec 3>\"$HOME/err\"; \
                  dd if=/dev/zero bs=65536 count=1 >&3 2>/dev/null; exec \"$0\" \"$@\" 2>&3 3>&-";
    for helper in [found(), machine.get(SERVER), Helper::get("other.example.com")] {
        let run = helper.env("KUBECLARITY_LOG", "debug").timeout("0.5").through(script).run();
        run.within(8).explains(&["did not end within 0.5 s"]);
    }
}

#[test]
fn very_much_in_mounted_secrets() {
    let mount = Mount::new();
    let fields = json!({ "auth": base64("user:hunter2") });
    for secret in 0..18 {
        let auths: serde_json::Map<_, _> = (0..14_000)
            .map(|n| (format!("r{n}-{secret}.example.com/team/{n}/app"), fields.clone()))
            .collect();
        mount.secret(&format!("s{secret}"), ".dockerconfigjson", json!({ "auths": auths }).to_string());
    }
    for helper in
        [Helper::get("r1-17.example.com"), Helper::list(), Helper::new(["explain", "r1-17.example.com"])]
    {
        let run = helper.env("IMAGE_PULL_SECRET_PATH", mount.path()).timeout("0.2").run();
        run.within(8);
        // A fast machine may have been done in time.
        match run.text().contains("did not end within 0.2 s") {
            true => drop(run.explains(&[])),
            false => assert!(matches!(run.status.code(), Some(0 | 1)), "{run:?}"),
        }
    }
}

#[test]
fn where_no_errors_are_wanted_late_is_not_found() {
    let (reader, writer) = full();
    let anonymous = |helper: Helper| helper.env("KUBECLARITY_ON_ERROR", "anonymous").timeout("0.5");
    anonymous(found()).stdout(writer).run().within(8).is(1, "", "");
    drop(reader);
    let api = stocked();
    api.always(&secret_path("kubeclarity", "basic-regcred"), Answer::Hang);
    let cluster = Kubeconfig::token(&api);
    anonymous(Helper::get(SERVER).kubeconfig(&cluster)).run().within(8).not_found();
    anonymous(Helper::list().kubeconfig(&cluster)).run().within(8).is(0, "{}\n", "");
}
