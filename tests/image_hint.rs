//! A question without a path is matched with the image that is being scanned: one host, one token per group.

mod support;

use serde_json::json;
use support::data::{base64, config};
use support::{Helper, Outcome};

const SERVER: &str = "https://reg.example.com";

const VARIABLES: [&str; 3] = ["KUBECLARITY_IMAGE", "IMAGE_NAME_TO_SCAN", "IMAGE_ID_TO_SCAN"];

fn groups() -> String {
    config(&[("reg.example.com/a", "a"), ("reg.example.com/b", "b"), ("reg.example.com/b/deep", "deep")])
}

fn ask(variables: &[(&str, &str)]) -> Outcome {
    let helper = Helper::get(SERVER).docker_auth(groups());
    variables.iter().fold(helper, |helper, (name, value)| helper.env(name, value)).run()
}

#[test]
fn each_of_the_variables_names_the_image() {
    for variable in VARIABLES {
        ask(&[(variable, "reg.example.com/b/app:1.2")]).answers_user(SERVER, "b");
        ask(&[(variable, "reg.example.com/a/app@sha256:0123")]).answers_user(SERVER, "a");
        ask(&[(variable, "reg.example.com/b/deep/app:1@sha256:0123")]).answers_user(SERVER, "deep");
        ask(&[(variable, "https://REG.example.com:443/b/app")]).answers_user(SERVER, "b");
    }
}

#[test]
fn the_first_variable_whose_image_is_on_the_registry_counts() {
    let (a, b, elsewhere) = ("reg.example.com/a/app", "reg.example.com/b/app", "other.example.com/a/app");
    ask(&[(VARIABLES[0], a), (VARIABLES[1], b), (VARIABLES[2], b)]).answers_user(SERVER, "a");
    ask(&[(VARIABLES[0], elsewhere), (VARIABLES[1], b), (VARIABLES[2], a)]).answers_user(SERVER, "b");
    ask(&[(VARIABLES[0], ""), (VARIABLES[1], "alpine"), (VARIABLES[2], a)]).answers_user(SERVER, "a");
}

#[test]
fn an_image_elsewhere_or_no_image_at_all_is_no_hint() {
    for image in
        ["other.example.com/a/app", "reg.example.com:5000/a/app", "a/app", "a", ":", "@", "a b", "*", "//"]
    {
        for variable in VARIABLES {
            ask(&[(variable, image)]).not_found();
        }
    }
}

#[test]
fn a_path_in_the_question_counts_before_the_hint() {
    let server = "reg.example.com/a/app";
    let run =
        Helper::get(server).docker_auth(groups()).env("KUBECLARITY_IMAGE", "reg.example.com/b/app").run();
    run.answers_user(server, "a");
}

#[test]
fn without_a_hint_several_credentials_are_a_guess_and_not_made() {
    ask(&[]).not_found();
}

#[test]
fn without_a_hint_one_credential_under_several_paths_is_no_guess() {
    let auth = json!({ "auth": base64("user:hunter2-user") });
    let same = json!({ "auths": { "reg.example.com/a": auth, "reg.example.com/b": auth } }).to_string();
    Helper::get(SERVER).docker_auth(same).run().answers_user(SERVER, "user");
    Helper::get(SERVER).docker_auth(config(&[("reg.example.com/a", "a")])).run().answers_user(SERVER, "a");
}

#[test]
fn without_a_hint_a_key_without_a_path_wins() {
    let keys = config(&[("reg.example.com/a", "a"), ("reg.example.com", "all"), ("reg.example.com/b", "b")]);
    Helper::get(SERVER).docker_auth(&keys).run().answers_user(SERVER, "all");
    let hinted = Helper::get(SERVER).docker_auth(&keys).env("KUBECLARITY_IMAGE", "reg.example.com/c/app");
    hinted.run().answers_user(SERVER, "all");
}

#[test]
fn an_image_that_no_key_is_for_gets_no_other_groups_credential() {
    let hinted = Helper::get(SERVER).docker_auth(config(&[("reg.example.com/a", "a")]));
    hinted.env("KUBECLARITY_IMAGE", "reg.example.com/c/app").run().not_found();
}

#[test]
fn images_of_hub_have_short_names() {
    let hub = "https://index.docker.io/v1/";
    let keys = config(&[("docker.io/library/alpine", "library"), ("docker.io/team", "team")]);
    for (image, user) in [("alpine:3.20", "library"), ("docker.io/alpine", "library"), ("team/app", "team")] {
        Helper::get(hub).docker_auth(&keys).env("IMAGE_NAME_TO_SCAN", image).run().answers_user(hub, user);
    }
}
