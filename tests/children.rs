//! The programs that a configuration names, and their end: those that the helper started go with it, however they hide,
//! and nobody else's do.

#![cfg(target_os = "linux")] // processes are looked at in /proc
#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::fault::{Manner, Rude};
use support::kubeconfig::Kubeconfig;
use support::{FakeApi, Helper};

const SERVER: &str = "reg.example.com";
const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// Whether a process is there, and no zombie that nobody has waited for yet.
fn lives(id: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Whether a process ends within a generous limit.
fn ends(id: &str) -> bool {
    let started = Instant::now();
    while lives(id) && started.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    !lives(id)
}

/// The number that a process wrote into a file.
#[track_caller]
fn written(path: &Path) -> String {
    let started = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') {
            return text.trim().to_owned();
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{}: nothing was written", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The ways to name a program that prints a credential, each in a run that is then at work for at most this long.
fn ways(api: &FakeApi, script: &str, seconds: &str) -> Vec<(&'static str, Helper)> {
    let plugin = Helper::get(SERVER).program("named", script).kubeconfig(&Kubeconfig::exec(api, "named"));
    let aws = |config: &str| {
        let helper = Helper::get(ECR).program("named", script).file("aws", config);
        let path = helper.path("aws");
        helper.env("AWS_CONFIG_FILE", path)
    };
    let external = serde_json::json!({
        "type": "external_account", "audience": "//iam.googleapis.com/x", "token_url": "https://sts.googleapis.com/v1/token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": { "executable": { "command": "named" } },
    });
    let google = Helper::get("gcr.io").program("named", script).file("google", external.to_string());
    let path = google.path("google");
    let google = google
        .env("GOOGLE_APPLICATION_CREDENTIALS", path)
        .env("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    let source = "[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = base\n\
                  [profile base]\ncredential_process = named\n";
    let itself = "[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\n\
                  credential_process = named\n";
    [
        ("exec plugin", plugin),
        ("credential_process", aws("[default]\ncredential_process = named\n")),
        ("credential_process of a source", aws(source)),
        ("credential_process beside its role", aws(itself)),
        ("executable", google),
    ]
    .map(|(way, helper)| (way, helper.timeout(seconds)))
    .into()
}

#[test]
fn what_a_program_prints_is_bounded() {
    let api = FakeApi::with_token();
    for script in ["exec yes hunter2", "exec cat /dev/zero", "trap '' PIPE; while :; do echo hunter2; done"] {
        for (way, helper) in ways(&api, script, "50") {
            let run = helper.run();
            run.within(30).explains(&["prints more than 1 MiB"]);
            assert!(!run.text().contains("did not end"), "{way}: {run:?}");
        }
    }
}

#[test]
fn a_program_and_all_that_it_started_end_with_the_request() {
    let api = FakeApi::with_token();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("id");
    let sleeps = format!("echo $$ >{}; exec sleep 300", file.display());
    for script in [
        sleeps.clone(),
        format!("sh -c '{sleeps}'; true"),
        format!("trap '' TERM INT HUP; sh -c '{sleeps}'; true"),
        format!("sh -c '{sleeps}' & wait"),
        format!("setsid sh -c '{sleeps}' & wait"),
        format!("setsid -w sh -c '{sleeps}'"),
    ] {
        for (way, helper) in ways(&api, &script, "0.6") {
            let _ = std::fs::remove_file(&file);
            helper.run().within(20).explains(&[]);
            let id = written(&file);
            assert!(ends(&id), "{way}: {script}: {id} goes on");
        }
    }
}

const ENDS: [(Signal, &str); 4] =
    [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT"), (Signal::HUP, "SIGHUP"), (Signal::QUIT, "SIGQUIT")];

#[test]
fn a_signal_ends_the_helper_and_its_programs() {
    let api = FakeApi::with_token();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("id");
    let script =
        format!("trap '' TERM INT HUP QUIT; setsid -w sh -c 'echo $$ >{}; exec sleep 300'", file.display());
    for (number, (way, helper)) in ways(&api, &script, "100").into_iter().enumerate() {
        let _ = std::fs::remove_file(&file);
        let (signal, name) = ENDS[number % ENDS.len()];
        let running = helper.start();
        let id = written(&file);
        running.end_by(signal).within(30).explains(&["ended by", name, "run it again"]);
        assert!(ends(&id), "{way}: {name}: {id} goes on");
    }
}

/// The only child of a process.
#[track_caller]
fn child_of(id: u32) -> Pid {
    let started = Instant::now();
    loop {
        let list = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        if let Some(child) = list.split_whitespace().next() {
            return Pid::from_raw(child.parse().unwrap()).unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{id} has no child");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process is blocked in a system call, and what it runs is the program.
fn waits(id: Pid) -> bool {
    let id = id.as_raw_nonzero();
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.contains("(docker-credenti) S ")
}

#[test]
fn a_signal_ends_process_1_too() {
    let process_1 = "exec unshare --map-root-user --pid --fork --mount-proc \"$0\" \"$@\"";
    let api = FakeApi::with_token();
    let silent = Rude::new(Manner::Silent);
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("id");
    let script = format!("echo $$ >{}; exec sleep 300", file.display());
    let mut runs: Vec<Helper> = ways(&api, &script, "100").into_iter().map(|(_, helper)| helper).collect();
    runs.push(Helper::get(SERVER).kubeconfig(&Kubeconfig::nowhere(&silent.url())));
    runs.extend(["get", "store", "erase"].map(|verb| Helper::new([verb]).silent_stdin()));
    for (number, helper) in runs.into_iter().enumerate() {
        let (signal, name) = ENDS[number % ENDS.len()];
        let running = helper.timeout("100").through(process_1).start();
        let helper = child_of(running.pid());
        let started = Instant::now();
        // At work, not on the way there.
        while !waits(helper) || started.elapsed() < Duration::from_millis(700) {
            assert!(started.elapsed() < Duration::from_secs(20), "it does not begin");
            std::thread::sleep(Duration::from_millis(10));
        }
        kill_process(helper, signal).unwrap();
        running.end().within(40).explains(&["ended by", name]);
    }
}

#[test]
fn a_signal_that_is_ignored_from_the_start_stays_so() {
    let silent = Rude::new(Manner::Silent);
    let cluster = Kubeconfig::nowhere(&silent.url());
    let get = || Helper::get(SERVER).kubeconfig(&cluster).timeout("3");
    let running = get().through("trap '' HUP; exec \"$0\" \"$@\"").start();
    std::thread::sleep(Duration::from_secs(1));
    running.end_by(Signal::HUP).explains(&["does not answer"]);
    let running = get().start();
    std::thread::sleep(Duration::from_secs(1));
    running.end_by(Signal::HUP).explains(&["ended by SIGHUP"]);
}

#[test]
fn processes_of_others_are_left_alone() {
    let api = FakeApi::with_token();
    let silent = Rude::new(Manner::Silent);
    let proxy = silent.url().replace("https://", "http://");
    let keys = Helper::get(ECR)
        .env("AWS_ACCESS_KEY_ID", "AKIA")
        .env("AWS_SECRET_ACCESS_KEY", "hunter2")
        .env("HTTPS_PROXY", proxy);
    let mut runs = ways(&api, "sleep 300", "1");
    runs.push(("cluster", Helper::get(SERVER).kubeconfig(&Kubeconfig::nowhere(&silent.url())).timeout("1")));
    runs.push(("cloud", keys.timeout("1")));
    for (way, helper) in runs {
        // What a wrapper started before it became the helper is the helper's child, and the helper did not start it.
        let file = helper.path("wrapper");
        let script = "sleep 300 <&- >/dev/null 2>&1 & echo $! >\"$HOME/wrapper\"; exec \"$0\" \"$@\"";
        let running = helper.through(script).start();
        let id = written(&file);
        running.end().within(20).explains(&[]);
        assert!(lives(&id), "{way}: the wrapper's process was ended");
        kill_process(Pid::from_raw(id.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    }
}
