//! What a failure of one source means for the answer (section 4 of the design), and settings without sense.

mod support;

use support::api::secret_path;
use support::data::{config, config_with, expired_jwt};
use support::fault::Refused;
use support::kubeconfig::Kubeconfig;
use support::mount::Mount;
use support::{Answer, FakeApi, Helper};

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";

fn later() -> String {
    config(&[(HOST, "later")])
}

/// Runs in which something that the user named fails, and the parts of the message.
fn named_failures(verb: fn() -> Helper, refused: &Refused) -> Vec<(Helper, Vec<&'static str>)> {
    let nowhere = Kubeconfig::nowhere(&refused.url());
    vec![
        (verb().env("IMAGE_PULL_SECRET_PATH", "/absent"), vec!["IMAGE_PULL_SECRET_PATH", "/absent"]),
        (verb().env("KUBECONFIG", "/absent"), vec!["kubeconfig /absent", "does not exist"]),
        (verb().env("KUBECLARITY_PULL_SECRETS", "pull"), vec!["KUBECLARITY_PULL_SECRETS", "no cluster"]),
        (
            verb().env("KUBECLARITY_SERVICE_ACCOUNT", "robot"),
            vec!["KUBECLARITY_SERVICE_ACCOUNT", "no cluster"],
        ),
        (
            verb().kubeconfig_by_chance(&nowhere).env("KUBECLARITY_PULL_SECRETS", "team/pull").timeout("2"),
            vec!["secret team/pull"],
        ),
    ]
}

#[test]
fn a_named_failure_wins_over_a_later_success() {
    let refused = Refused::new();
    for (helper, parts) in named_failures(|| Helper::get(SERVER), &refused) {
        helper.docker_auth(later()).run().explains(&parts);
    }
    for (helper, parts) in named_failures(Helper::list, &refused) {
        helper.docker_auth(later()).run().explains(&parts);
    }
}

#[test]
fn a_named_failure_does_not_undo_an_earlier_success() {
    let mount = Mount::new();
    mount.pull_secret("pull", &[(HOST, "mounted")]);
    let run = Helper::get(SERVER)
        .env("IMAGE_PULL_SECRET_PATH", mount.path())
        .env("KUBECONFIG", "/absent")
        .env("KUBECLARITY_PULL_SECRETS", "gone")
        .run();
    run.answers_user(SERVER, "mounted");
}

#[test]
fn a_default_failure_loses_to_a_later_success() {
    let fields = serde_json::json!({ "username": "u", "password": expired_jwt() });
    let mount = Mount::new();
    mount.secret("old", ".dockerconfigjson", config_with(HOST, fields));
    let helper = || Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path());
    helper().run().explains(&["old/.dockerconfigjson", "has expired"]);
    helper().docker_auth(later()).run().answers_user(SERVER, "later");
    // Across the cluster too.
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(HOST, "stored")]);
    helper().kubeconfig(&Kubeconfig::token(&api)).run().answers_user(SERVER, "stored");
}

#[test]
fn an_identity_that_is_there_and_cannot_be_exchanged_is_told() {
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let api = FakeApi::with_token();
    let refused = Refused::new();
    let helper = || {
        let proxy = refused.url().replace("https://", "http://");
        let helper = Helper::get(ecr).kubeconfig(&Kubeconfig::token(&api)).env("HTTPS_PROXY", proxy);
        helper.env("NO_PROXY", "127.0.0.1").env("KUBECLARITY_CLOUD", "none").timeout("3")
    };
    helper().run().not_found();
    let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];
    let environment = keys.iter().fold(helper(), |helper, (name, value)| helper.env(name, value));
    environment.run().explains(&[ecr, "AWS"]);
    api.secret("kubeclarity", "ecr-sa", "Opaque", &keys);
    helper().run().explains(&[ecr, "secret kubeclarity/ecr-sa"]);
}

#[test]
fn the_first_failure_is_the_one_that_is_told() {
    let mount = Mount::new();
    mount.secret("broken", ".dockerconfigjson", "hunter2");
    let helper = Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path()).docker_auth("hunter2");
    helper.run().explains(&["broken/.dockerconfigjson"]);
}

#[test]
fn a_failed_named_secret_wins_over_another_named_one_that_answers() {
    let api = FakeApi::with_token();
    api.pull_secret("team", "good", &[(HOST, "good")]);
    api.always(&secret_path("team", "bad"), Answer::Status(403));
    let helper = Helper::get(SERVER).kubeconfig(&Kubeconfig::token(&api).namespace("team"));
    helper.env("KUBECLARITY_PULL_SECRETS", "good,bad").run().explains(&["secret team/bad", "access denied"]);
}

#[test]
fn anonymous_makes_every_failure_of_get_not_found() {
    let anonymous = |helper: Helper| helper.env("KUBECLARITY_ON_ERROR", "anonymous").run();
    let refused = Refused::new();
    for (helper, _) in named_failures(|| Helper::get(SERVER), &refused) {
        anonymous(helper).not_found();
    }
    let mount = Mount::new();
    mount.secret("broken", ".dockerconfigjson", "hunter2");
    anonymous(Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path())).not_found();
    let api = FakeApi::with_token();
    api.always("*", Answer::Status(500));
    anonymous(Helper::get(SERVER).kubeconfig(&Kubeconfig::token(&api)).timeout("1")).not_found();
}

#[test]
fn anonymous_makes_every_failure_of_list_an_empty_object() {
    let refused = Refused::new();
    for (helper, _) in named_failures(Helper::list, &refused) {
        helper.env("KUBECLARITY_ON_ERROR", "anonymous").run().is(0, "{}\n", "");
    }
}

#[test]
fn anonymous_changes_no_answer() {
    let run = Helper::get(SERVER).docker_auth(later()).env("KUBECLARITY_ON_ERROR", "anonymous").run();
    run.answers_user(SERVER, "later");
}

#[test]
fn anonymous_excuses_neither_store_nor_blank_input() {
    let run = Helper::store(SERVER, "u", "hunter2").env("KUBECLARITY_ON_ERROR", "anonymous").run();
    run.explains(&["nothing was stored"]);
    Helper::get("").env("KUBECLARITY_ON_ERROR", "anonymous").run().is(1, "no credentials server URL\n", "");
}

#[test]
fn fail_is_the_default() {
    for word in ["fail", "FAIL", ""] {
        Helper::get(SERVER)
            .docker_auth("hunter2")
            .env("KUBECLARITY_ON_ERROR", word)
            .run()
            .explains(&["DOCKER_AUTH_CONFIG"]);
    }
}

#[test]
fn a_setting_without_sense_is_told() {
    for (variable, value) in [
        ("KUBECLARITY_TIMEOUT", "0"),
        ("KUBECLARITY_TIMEOUT", "-5"),
        ("KUBECLARITY_TIMEOUT", "hunter2"),
        ("KUBECLARITY_TIMEOUT", "1e99"),
        ("KUBECLARITY_TIMEOUT", "nan"),
        ("KUBECLARITY_ON_ERROR", "hunter2"),
        ("KUBECLARITY_LOG", "hunter2"),
        ("KUBECLARITY_IGNORE_LOGIN", "hunter2"),
        ("KUBECLARITY_CLOUD", "hunter2"),
        ("KUBECLARITY_PULL_SECRETS", "a/b/hunter2"),
        ("KUBECLARITY_PULL_SECRETS", "../hunter2"),
        ("KUBECLARITY_PULL_SECRETS", "UPPER"),
        ("KUBECLARITY_SERVICE_ACCOUNT", "a b"),
        ("KUBECLARITY_SERVICE_ACCOUNT", "x/"),
        ("CREDS_SECRET_NAMESPACE", "a/hunter2"),
        ("CREDS_SECRET_NAMESPACE", ".."),
    ] {
        let line = format!("{variable} is set to something that cannot be used");
        for helper in [
            Helper::get(SERVER).docker_auth(later()),
            Helper::erase(SERVER),
            Helper::store(SERVER, "u", "hunter2"),
            Helper::list(),
        ] {
            helper.env(variable, value).run().explains(&[&line, "correct it or unset it"]);
        }
    }
}

#[test]
fn a_setting_that_is_no_text_is_told() {
    use std::os::unix::ffi::OsStrExt;
    let wild = std::ffi::OsStr::from_bytes(b"wild\xff");
    for variable in ["KUBECLARITY_TIMEOUT", "DOCKER_AUTH_CONFIG", "GITHUB_TOKEN", "KUBECLARITY_IMAGE"] {
        Helper::get(SERVER).env(variable, wild).run().explains(&[variable, "UTF-8"]);
    }
    // Paths may be anything.
    Helper::get(SERVER).env("DOCKER_CONFIG", wild).env("REGISTRY_AUTH_FILE", wild).run().not_found();
    Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", wild).run().explains(&["IMAGE_PULL_SECRET_PATH"]);
}

#[test]
fn an_empty_setting_counts_as_unset() {
    let mut helper = Helper::get(SERVER).docker_auth(later());
    for variable in [
        "KUBECLARITY_TIMEOUT",
        "KUBECLARITY_ON_ERROR",
        "KUBECLARITY_LOG",
        "KUBECLARITY_IGNORE_LOGIN",
        "KUBECLARITY_CLOUD",
        "KUBECLARITY_PULL_SECRETS",
        "KUBECLARITY_SERVICE_ACCOUNT",
        "KUBECLARITY_IMAGE",
        "CREDS_SECRET_NAMESPACE",
        "IMAGE_PULL_SECRET_PATH",
        "KUBECONFIG",
        "KUBERNETES_SERVICE_HOST",
    ] {
        helper = helper.env(variable, "");
    }
    helper.run().answers_user(SERVER, "later");
}

#[test]
fn a_named_cluster_that_is_down_wins_over_a_later_success() {
    let refused = Refused::new();
    let helper = Helper::get(SERVER).kubeconfig(&Kubeconfig::nowhere(&refused.url())).docker_auth(later());
    helper.timeout("2").run().within(15).explains(&["secret kubeclarity/basic-regcred", &refused.url()]);
}
