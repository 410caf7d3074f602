//! A login is seen by the next `get` at once, and one that was erased is not served again, whatever is kept on disk.

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use support::cached::Machine;
use support::data::{base64, config, password};
use support::writes::{cluster, holding, secret_of, stored};
use support::{Answer, Helper, Outcome};

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";

fn paths(machine: &Machine) -> [(&'static str, PathBuf); 2] {
    [("KUBECONFIG", machine.path("kubeconfig")), ("XDG_RUNTIME_DIR", machine.path("run"))]
}

fn on(machine: &Machine, helper: Helper) -> Outcome {
    with(&paths(machine), helper)
}

fn with(paths: &[(&str, PathBuf)], helper: Helper) -> Outcome {
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
    on(&machine, get()).not_found();
    let asked = api.requests().len();
    on(&machine, get()).not_found();
    assert_eq!(api.requests().len(), asked, "nothing was kept: this test shows nothing");
    on(&machine, login("first")).is(0, "", "");
    on(&machine, get()).answers_user(SERVER, "first");
    on(&machine, login("second")).is(0, "", "");
    on(&machine, get()).answers_user(SERVER, "second");
}

#[test]
fn what_was_erased_is_not_served_again() {
    let api = holding(&config(&[(HOST, "user")]));
    let machine = Machine::new(&api);
    on(&machine, get()).answers_user(SERVER, "user");
    on(&machine, Helper::erase(SERVER)).is(0, "", "");
    on(&machine, get()).not_found();
}

#[test]
fn a_login_that_somebody_else_erased_is_stored_again() {
    let api = holding(&config(&[(HOST, "user")]));
    let machine = Machine::new(&api);
    on(&machine, get()).answers_user(SERVER, "user");
    api.hand().change(&stored(), |secret| secret["data"] = json!({ ".dockerconfigjson": base64("{}") }));
    // What is kept here still says otherwise.
    on(&machine, get()).answers_user(SERVER, "user");
    on(&machine, login("user")).is(0, "", "");
    assert_eq!(api.writes(), ["PUT"]);
}

#[test]
fn an_answer_that_is_under_way_during_a_login_is_not_kept() {
    let api = cluster();
    let machine = Machine::new(&api);
    let paths = paths(&machine);
    let logs_in = move || {
        with(&paths, login("user")).is(0, "", "");
    };
    api.first(&stored(), [Answer::During(Arc::new(logs_in), Some(Box::new(Answer::Status(404))))]);
    on(&machine, get()).not_found();
    on(&machine, get()).answers_user(SERVER, "user");
}

#[test]
fn an_answer_that_is_under_way_during_an_erase_is_not_kept() {
    let before = secret_of(&config(&[(HOST, "user")]));
    let api = cluster();
    api.object(&stored(), before.clone());
    let machine = Machine::new(&api);
    let paths = paths(&machine);
    let logs_out = move || {
        with(&paths, Helper::erase(SERVER)).is(0, "", "");
    };
    api.first(&stored(), [Answer::During(Arc::new(logs_out), Some(Box::new(Answer::Object(before))))]);
    on(&machine, get()).answers_user(SERVER, "user");
    on(&machine, get()).not_found();
}
