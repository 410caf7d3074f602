//! How much is asked of a cluster, whatever a service account or a setting names: so many pull secrets, so many requests at
//! the same time, so many bytes. What is left out is told, because the credential may be there.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::api::{account_path, secret_path};
use support::data::{base64, config};
use support::kubeconfig::Kubeconfig;
use support::{FakeApi, Helper};

const SERVER: &str = "reg.example.com";

fn get(api: &FakeApi) -> Helper {
    Helper::get(SERVER).kubeconfig(&Kubeconfig::token(api)).timeout("40")
}

/// A server with a service account that names these pull secrets, each for a registry of its own.
fn with_account(names: &[&str]) -> FakeApi {
    let api = FakeApi::with_token();
    api.service_account("scan", "scanner", names);
    for name in names {
        api.pull_secret("scan", name, &[(&format!("{name}.example.com"), name)]);
    }
    api
}

fn as_account(helper: Helper) -> Helper {
    helper.env("KUBECLARITY_SERVICE_ACCOUNT", "scan/scanner")
}

fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number}")).collect()
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[test]
fn a_service_account_with_very_many_pull_secrets() {
    let names = numbered("p", 20_000);
    let api = FakeApi::with_token();
    api.service_account("scan", "scanner", &borrowed(&names));
    // One that is read answers.
    api.pull_secret("scan", "p63", &[(SERVER, "user")]);
    as_account(get(&api)).run().within(30).answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 64 + 2);
    assert!(api.connections() < 16, "{} connections", api.connections());
    // One that is not read may have been the one.
    let run = as_account(Helper::get("other.example.com")).kubeconfig(&Kubeconfig::token(&api)).run();
    run.explains(&["service account scan/scanner", "20000", "64", "remove"]);
    let explained =
        as_account(Helper::new(["explain", "other.example.com"])).kubeconfig(&Kubeconfig::token(&api)).run();
    assert!(explained.text().contains("only the first 64"), "{explained:?}");
    // Something else that answers is an answer.
    let other = config(&[("other.example.com", "later")]);
    let run = as_account(Helper::get("other.example.com"))
        .kubeconfig(&Kubeconfig::token(&api))
        .docker_auth(other)
        .run();
    run.answers_user("other.example.com", "later");
}

#[test]
fn a_setting_with_very_many_pull_secrets() {
    let names = numbered("scan/n", 100);
    let api = FakeApi::with_token();
    for name in &names {
        let name = name.trim_start_matches("scan/");
        api.pull_secret("scan", name, &[(&format!("{name}.example.com"), name)]);
    }
    let all = names.join(",");
    let ask = |server: &str| {
        Helper::get(server).kubeconfig(&Kubeconfig::token(&api)).env("KUBECLARITY_PULL_SECRETS", &all).run()
    };
    ask("n63.example.com").answers_user("n63.example.com", "n63");
    assert_eq!(api.requests().len(), 64 + 1);
    ask("n64.example.com").explains(&["KUBECLARITY_PULL_SECRETS", "100", "64"]);
}

#[test]
fn those_of_the_setting_and_of_the_account_together() {
    let (named, of_account) = (numbered("n", 40), numbered("p", 40));
    let api = with_account(&borrowed(&of_account));
    for name in &named {
        api.pull_secret("scan", name, &[(&format!("{name}.example.com"), name)]);
    }
    let list = named.iter().map(|name| format!("scan/{name}")).collect::<Vec<_>>().join(",");
    let ask = |server: &str| {
        as_account(Helper::get(server))
            .kubeconfig(&Kubeconfig::token(&api))
            .env("KUBECLARITY_PULL_SECRETS", &list)
            .run()
    };
    ask("p23.example.com").answers_user("p23.example.com", "p23");
    assert_eq!(api.requests().len(), 40 + 24 + 2);
    ask("p24.example.com").explains(&["service account scan/scanner", "40", "24"]);
    ask("n39.example.com").answers_user("n39.example.com", "n39");
}

#[test]
fn a_name_that_is_repeated_counts_and_is_asked_once() {
    let mut names = vec!["a"; 200];
    names.extend(["b", "", "a", "b", "basic-regcred"]);
    let api = FakeApi::with_token();
    api.service_account("scan", "scanner", &names);
    api.pull_secret("scan", "b", &[(SERVER, "b")]);
    api.pull_secret("scan", "basic-regcred", &[("stored.example.com", "stored")]);
    let many = ["scan/c,c"; 100].join(",");
    let run = as_account(get(&api))
        .env("KUBECLARITY_PULL_SECRETS", format!("{many},scan/basic-regcred"))
        .env("CREDS_SECRET_NAMESPACE", "scan");
    api.pull_secret("scan", "c", &[("c.example.com", "c")]);
    run.run().answers_user(SERVER, "b");
    let secrets = ["a", "b", "basic-regcred", "c"].map(|name| secret_path("scan", name));
    let mut expected = secrets.to_vec();
    expected.push(account_path("scan", "scanner"));
    assert_eq!(api.paths(), expected);
}

#[test]
fn no_more_than_eight_requests_are_under_way() {
    let names = numbered("p", 30);
    let api = with_account(&borrowed(&names));
    let named = numbered("scan/n", 30).join(",");
    for name in numbered("n", 30) {
        api.pull_secret("scan", &name, &[(SERVER, &name)]);
    }
    api.hold();
    let running = as_account(get(&api)).env("KUBECLARITY_PULL_SECRETS", named).start();
    let started = Instant::now();
    while api.requests().len() < 8 && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(api.requests().len(), 8);
    // Where one is done, the next begins.
    api.release_one();
    let started = Instant::now();
    while api.requests().len() < 9 && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(api.requests().len(), 9);
    api.release();
    running.end().within(40).answers_user(SERVER, "n0");
    assert_eq!(api.requests().len(), 62);
    assert!(api.connections() < 16, "{} connections", api.connections());
}

#[test]
fn so_many_bytes_of_pull_secrets_together() {
    let names = numbered("p", 60);
    let api = FakeApi::with_token();
    api.service_account("scan", "scanner", &borrowed(&names));
    for name in &names {
        let auths = json!({ "auths": { format!("{name}.example.com"): { "auth": base64(format!("{name}:hunter2-{name}")) },
                            "full.example.com": { "username": "u", "password": "p", "email": "x".repeat(1_000_000) } } });
        api.secret(
            "scan",
            name,
            "kubernetes.io/dockerconfigjson",
            &[(".dockerconfigjson", &auths.to_string())],
        );
    }
    let ask = |server: &str| {
        as_account(Helper::get(server)).kubeconfig(&Kubeconfig::token(&api)).timeout("50").run()
    };
    ask("p16.example.com").answers_user("p16.example.com", "p16");
    // Those that were under way when it was enough.
    assert!(api.requests().len() <= 17 + 8 + 2, "{} requests", api.requests().len());
    ask("p30.example.com").explains(&["secret scan/p17 is not read", "16 MiB"]);
}

#[test]
fn names_that_are_none_are_told_and_not_asked_for() {
    let hostile = ["../../../kube-system/secrets/admin", "a/b", "a?watch=1", "A", "..", "x\n- y", "good"];
    let api = FakeApi::with_token();
    api.service_account("scan", "scanner", &hostile);
    api.pull_secret("scan", "good", &[(SERVER, "user")]);
    as_account(get(&api)).run().answers_user(SERVER, "user");
    let expected = [
        secret_path("kubeclarity", "basic-regcred"),
        secret_path("scan", "good"),
        account_path("scan", "scanner"),
    ];
    assert_eq!(api.paths(), expected);
    let explained =
        as_account(Helper::new(["explain", "--fresh", SERVER])).kubeconfig(&Kubeconfig::token(&api)).run();
    assert!(explained.text().contains("which no Secret can be called"), "{explained:?}");
    assert!(!explained.text().contains("\n- y"), "{explained:?}");
}

#[test]
fn a_namespace_of_a_kubeconfig_that_is_none_is_told_and_not_asked_for() {
    for hostile in ["../kube-system", "a/b", "a.b", "A", &"a".repeat(64), "x?y"] {
        let api = FakeApi::with_token();
        api.pull_secret("default", "pull", &[(SERVER, "user")]);
        let kubeconfig = || Kubeconfig::token(&api).namespace(hostile);
        let ask =
            |helper: Helper| helper.kubeconfig(&kubeconfig()).env("KUBECLARITY_PULL_SECRETS", "pull").run();
        ask(Helper::get(SERVER)).answers_user(SERVER, "user");
        let explained = ask(Helper::new(["explain", "--fresh", SERVER]));
        assert!(explained.text().contains("which is no namespace's name"), "{explained:?}");
    }
}
