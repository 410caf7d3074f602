//! `list`: every registry that `get` would answer without asking a cloud, by its plain name.

mod support;

use serde_json::json;
use support::data::{base64, config, config_with, expired_jwt};
use support::kubeconfig::Kubeconfig;
use support::mount::Mount;
use support::{Answer, FakeApi, Helper};

/// What `list` prints for a configuration.
fn listed(config: &str) -> String {
    let run = Helper::list().docker_auth(config).run();
    let text = run.text().to_owned();
    run.is(0, &text, "");
    text
}

#[test]
fn names_are_hosts_without_scheme_path_and_glob() {
    let keys = config(&[
        ("https://B.example.com/v2/", "b"),
        ("a.example.com:5000", "a"),
        ("c.example.com/team", "c"),
        ("d.example.com:443", "d"),
        ("*.example.org", "glob"),
        ("[::1]:5000", "six"),
    ]);
    let expected = "{\"[::1]:5000\":\"six\",\"a.example.com:5000\":\"a\",\"b.example.com\":\"b\",\"c.example.com\":\"c\",\
                    \"d.example.com\":\"d\"}\n";
    assert_eq!(listed(&keys), expected);
}

#[test]
fn hub_has_the_name_that_docker_gives_it() {
    for name in ["docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"] {
        assert_eq!(listed(&config(&[(name, "u")])), "{\"https://index.docker.io/v1/\":\"u\"}\n");
    }
    let tokens = config(&[
        ("https://index.docker.io/v1/access-token", "x"),
        ("https://index.docker.io/v1/refresh-token", "y"),
    ]);
    assert_eq!(listed(&tokens), "{}\n");
}

#[test]
fn what_get_would_not_answer_is_not_listed() {
    let auth = |user: &str| json!({ "auth": base64(format!("{user}:hunter2")) });
    let auths = json!({ "auths": {
        "empty.example.com": {},
        "broken.example.com": { "auth": "!hunter2" },
        "expired.example.com": { "username": "u", "password": expired_jwt() },
        "two.example.com/a": auth("a"),
        "two.example.com/b": auth("b"),
        "good.example.com": auth("good"),
    } });
    assert_eq!(listed(&auths.to_string()), "{\"good.example.com\":\"good\"}\n");
}

#[test]
fn a_secret_full_of_registries_costs_no_more_than_the_deadline() {
    let auths: serde_json::Map<_, _> = (0..24_000)
        .map(|n| (format!("{n}.example.com"), json!({ "username": "u", "password": "hunter2" })))
        .collect();
    let mount = Mount::new();
    mount.secret("full", ".dockerconfigjson", json!({ "auths": auths }).to_string());
    let run =
        Helper::list().env("IMAGE_PULL_SECRET_PATH", mount.path()).env("KUBECLARITY_TIMEOUT", "0.05").run();
    run.explains(&["did not end within 0.05 s", "KUBECLARITY_TIMEOUT"]);
}

#[test]
fn an_identity_token_is_listed_with_its_user() {
    let token = config_with("reg.example.com", json!({ "identitytoken": "hunter2" }));
    assert_eq!(listed(&token), "{\"reg.example.com\":\"<token>\"}\n");
}

#[test]
fn all_sources_are_listed_and_the_earlier_wins() {
    let mount = Mount::new();
    mount.pull_secret("pull", &[("all.example.com", "mounted"), ("mounted.example.com", "mounted")]);
    let api = FakeApi::with_token();
    api.pull_secret(
        "kubeclarity",
        "basic-regcred",
        &[("all.example.com", "stored"), ("stored.example.com", "stored")],
    );
    let run = Helper::list()
        .env("IMAGE_PULL_SECRET_PATH", mount.path())
        .kubeconfig(&Kubeconfig::token(&api))
        .docker_auth(config(&[("all.example.com", "docker"), ("docker.example.com", "docker")]))
        .env("GITHUB_TOKEN", "hunter2")
        .env("GITHUB_ACTOR", "octocat")
        .env("CI_REGISTRY", "gitlab.example.com:5050")
        .env("CI_REGISTRY_USER", "gitlab-ci-token")
        .env("CI_REGISTRY_PASSWORD", "hunter2")
        .run();
    run.is(
        0,
        "{\"all.example.com\":\"mounted\",\"docker.example.com\":\"docker\",\"ghcr.io\":\"octocat\",\
         \"gitlab.example.com:5050\":\"gitlab-ci-token\",\"mounted.example.com\":\"mounted\",\
         \"stored.example.com\":\"stored\"}\n",
        "",
    );
}

#[test]
fn user_names_of_any_text_are_json() {
    let fields = json!({ "username": "a \"b\"\\\n\u{1}é", "password": "hunter2" });
    let text = listed(&config_with("reg.example.com", fields));
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed, json!({ "reg.example.com": "a \"b\"\\\n\u{1}é" }));
    assert_eq!(text.matches('\n').count(), 1);
}

#[test]
fn a_failure_with_nothing_else_to_list_is_told() {
    Helper::list().docker_auth("hunter2").run().explains(&["DOCKER_AUTH_CONFIG"]);
    let helper = Helper::list().docker_auth("hunter2");
    let path = helper.path("auth.json");
    let run =
        helper.file("auth.json", config(&[("reg.example.com", "u")])).env("REGISTRY_AUTH_FILE", path).run();
    run.is(0, "{\"reg.example.com\":\"u\"}\n", "");
}

#[test]
fn a_failed_source_that_the_user_named_is_told_whatever_there_is() {
    let api = FakeApi::with_token();
    let named = |object: &str| {
        Helper::list()
            .kubeconfig(&Kubeconfig::token(&api))
            .env("KUBECLARITY_PULL_SECRETS", "team/first,team/second")
            .docker_auth(config(&[("reg.example.com", object)]))
    };
    named("u").run().explains(&["secret team/first does not exist", "KUBECLARITY_PULL_SECRETS"]);
    named("u").env("KUBECLARITY_ON_ERROR", "anonymous").run().is(0, "{}\n", "");
    // The same failure that `get` tells.
    let get = Helper::get("reg.example.com")
        .kubeconfig(&Kubeconfig::token(&api))
        .env("KUBECLARITY_PULL_SECRETS", "team/first,team/second");
    assert_eq!(get.run().text(), named("u").run().text());
}

#[test]
fn a_cluster_that_is_down_counts_as_it_does_for_get() {
    let api = FakeApi::with_token();
    api.always("*", Answer::Status(503));
    let kubeconfig = Kubeconfig::token(&api);
    let list = || Helper::list().timeout("1").docker_auth(config(&[("reg.example.com", "u")]));
    list().kubeconfig(&kubeconfig).run().explains(&["503"]);
    list().kubeconfig_by_chance(&kubeconfig).run().is(0, "{\"reg.example.com\":\"u\"}\n", "");
    let refused = list().kubeconfig(&kubeconfig).without("DOCKER_AUTH_CONFIG");
    refused.env("KUBECLARITY_ON_ERROR", "anonymous").run().is(0, "{}\n", "");
}

#[test]
fn what_rbac_denies_by_default_is_passed_over() {
    let api = FakeApi::with_token();
    api.always("*", Answer::Status(403));
    let run =
        Helper::list().kubeconfig(&Kubeconfig::token(&api)).docker_auth(config(&[("reg.example.com", "u")]));
    run.run().is(0, "{\"reg.example.com\":\"u\"}\n", "");
    Helper::list().kubeconfig(&Kubeconfig::token(&api)).run().is(0, "{}\n", "");
}

#[test]
fn no_cloud_is_asked() {
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(ecr, "stored")]);
    let run = Helper::list().kubeconfig(&Kubeconfig::token(&api)).env("KUBECLARITY_CLOUD", "aws").run();
    run.is(0, &format!("{{\"{ecr}\":\"stored\"}}\n"), "");
    assert!(!api.paths().iter().any(|path| path.contains("ecr-sa")), "{:?}", api.paths());
}
