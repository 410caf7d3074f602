//! A login is seen by the next `get` at once, and one that was erased is not served again, whatever is kept on disk.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use support::data::{base64, config, password};
use support::kubeconfig::Kubeconfig;
use support::writes::{cluster, holding, secret_of, stored};
use support::{Answer, FakeApi, Helper};
use tempfile::TempDir;

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";

/// A machine: a kubeconfig, and answers on disk, that all runs on it share.
struct Machine(TempDir);

impl Machine {
    fn new(api: &FakeApi) -> Machine {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), Kubeconfig::token(api).text()).unwrap();
        Machine(directory)
    }

    fn paths(&self) -> [(&'static str, PathBuf); 2] {
        [("KUBECONFIG", self.0.path().join("kubeconfig")), ("XDG_RUNTIME_DIR", self.0.path().to_owned())]
    }

    fn run(&self, helper: Helper) -> support::Outcome {
        with(&self.paths(), helper)
    }
}

fn with(paths: &[(&str, PathBuf)], helper: Helper) -> support::Outcome {
    paths.iter().fold(helper, |helper, (name, path)| helper.env(name, path)).run()
}

fn get() -> Helper {
    Helper::get(SERVER)
}

fn login(user: &str) -> Helper {
    Helper::store(SERVER, user, &password(user))
}

#[test]
fn a_login_is_seen_at_once() {
    let api = cluster();
    let machine = Machine::new(&api);
    machine.run(get()).not_found();
    let asked = api.requests().len();
    machine.run(get()).not_found();
    assert_eq!(api.requests().len(), asked, "nothing was kept: this test shows nothing");
    machine.run(login("first")).is(0, "", "");
    machine.run(get()).answers_user(SERVER, "first");
    machine.run(login("second")).is(0, "", "");
    machine.run(get()).answers_user(SERVER, "second");
}

#[test]
fn what_was_erased_is_not_served_again() {
    let api = holding(&config(&[(HOST, "user")]));
    let machine = Machine::new(&api);
    machine.run(get()).answers_user(SERVER, "user");
    machine.run(Helper::erase(SERVER)).is(0, "", "");
    machine.run(get()).not_found();
}

#[test]
fn a_login_that_somebody_else_erased_is_stored_again() {
    let api = holding(&config(&[(HOST, "user")]));
    let machine = Machine::new(&api);
    machine.run(get()).answers_user(SERVER, "user");
    api.hand().change(&stored(), |secret| secret["data"] = json!({ ".dockerconfigjson": base64("{}") }));
    // What is kept here still says otherwise.
    machine.run(get()).answers_user(SERVER, "user");
    machine.run(login("user")).is(0, "", "");
    assert_eq!(api.writes(), ["PUT"]);
}

#[test]
fn an_answer_that_is_under_way_during_a_login_is_not_kept() {
    let api = cluster();
    let machine = Machine::new(&api);
    let paths = machine.paths();
    let logs_in = move || {
        with(&paths, login("user")).is(0, "", "");
    };
    api.first(&stored(), [Answer::During(Arc::new(logs_in), Some(Box::new(Answer::Status(404))))]);
    machine.run(get()).not_found();
    machine.run(get()).answers_user(SERVER, "user");
}

#[test]
fn an_answer_that_is_under_way_during_an_erase_is_not_kept() {
    let before = secret_of(&config(&[(HOST, "user")]));
    let api = cluster();
    api.object(&stored(), before.clone());
    let machine = Machine::new(&api);
    let paths = machine.paths();
    let logs_out = move || {
        with(&paths, Helper::erase(SERVER)).is(0, "", "");
    };
    api.first(&stored(), [Answer::During(Arc::new(logs_out), Some(Box::new(Answer::Object(before))))]);
    machine.run(get()).answers_user(SERVER, "user");
    machine.run(get()).not_found();
}
