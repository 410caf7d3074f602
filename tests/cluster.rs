//! Pull secrets in the cluster: which are asked for, in which order they count, and what a refusal means.

mod support;

use serde_json::json;
use support::api::{account_path, secret_path};
use support::data::{base64, config, config_with, dockercfg, expired_ecr_password, expired_jwt};
use support::kubeconfig::Kubeconfig;
use support::{Answer, FakeApi, Helper};

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";
const DOCKERCONFIGJSON: &str = "kubernetes.io/dockerconfigjson";

fn get(api: &FakeApi) -> Helper {
    Helper::get(SERVER).kubeconfig(&Kubeconfig::token(api).namespace("team"))
}

#[test]
fn the_stored_login_is_asked_for_in_the_default_namespace() {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(HOST, "stored")]);
    get(&api).run().answers_user(SERVER, "stored");
    assert_eq!(api.paths(), [secret_path("kubeclarity", "basic-regcred")]);
}

#[test]
fn the_stored_login_is_asked_for_in_the_namespace_that_is_set() {
    let api = FakeApi::with_token();
    api.pull_secret("release", "basic-regcred", &[(HOST, "stored")]);
    get(&api).env("CREDS_SECRET_NAMESPACE", "release").run().answers_user(SERVER, "stored");
    assert_eq!(api.paths(), [secret_path("release", "basic-regcred")]);
}

#[test]
fn nothing_in_the_cluster_is_not_found() {
    let api = FakeApi::with_token();
    get(&api).run().not_found();
    api.pull_secret("kubeclarity", "basic-regcred", &[("other.example.com", "stored")]);
    get(&api).run().not_found();
}

#[test]
fn named_secrets_have_a_namespace_or_get_the_contexts() {
    let api = FakeApi::with_token();
    api.pull_secret("team", "here", &[("a.example.com", "here")]);
    api.pull_secret("other", "there", &[(HOST, "there")]);
    get(&api).env("KUBECLARITY_PULL_SECRETS", " here , other/there ,").run().answers_user(SERVER, "there");
    let expected = [
        secret_path("kubeclarity", "basic-regcred"),
        secret_path("other", "there"),
        secret_path("team", "here"),
    ];
    assert_eq!(api.paths(), expected);
}

#[test]
fn named_secrets_count_in_their_order_then_the_accounts_then_the_stored_one() {
    let api = FakeApi::with_token();
    for (namespace, name) in
        [("team", "b"), ("team", "a"), ("team", "of-account"), ("kubeclarity", "basic-regcred")]
    {
        api.pull_secret(namespace, name, &[(HOST, name)]);
    }
    api.service_account("team", "robot", &["of-account"]);
    let all = get(&api).env("KUBECLARITY_PULL_SECRETS", "b,a").env("KUBECLARITY_SERVICE_ACCOUNT", "robot");
    all.run().answers_user(SERVER, "b");
    get(&api).env("KUBECLARITY_PULL_SECRETS", "a,b").run().answers_user(SERVER, "a");
    get(&api).env("KUBECLARITY_SERVICE_ACCOUNT", "robot").run().answers_user(SERVER, "of-account");
    get(&api).run().answers_user(SERVER, "basic-regcred");
}

#[test]
fn a_longer_path_ranks_before_the_order() {
    let api = FakeApi::with_token();
    api.pull_secret("team", "first", &[("reg.example.com", "first")]);
    api.pull_secret("kubeclarity", "basic-regcred", &[("reg.example.com/group", "longer")]);
    let ask = |server: &str| {
        let kubeconfig = Kubeconfig::token(&api).namespace("team");
        Helper::get(server).kubeconfig(&kubeconfig).env("KUBECLARITY_PULL_SECRETS", "first").run()
    };
    ask("reg.example.com/group/app").answers_user("reg.example.com/group/app", "longer");
    ask("reg.example.com/else").answers_user("reg.example.com/else", "first");
}

#[test]
fn a_service_account_gives_its_pull_secrets() {
    let api = FakeApi::with_token();
    // Named twice, asked for once.
    api.service_account("jobs", "scanner", &["missing", "one", "missing", "two", "one"]);
    api.pull_secret("jobs", "one", &[("a.example.com", "one")]);
    api.pull_secret("jobs", "two", &[(HOST, "two")]);
    get(&api).env("KUBECLARITY_SERVICE_ACCOUNT", "jobs/scanner").run().answers_user(SERVER, "two");
    let expected = [
        secret_path("jobs", "missing"),
        secret_path("jobs", "one"),
        secret_path("jobs", "two"),
        account_path("jobs", "scanner"),
        secret_path("kubeclarity", "basic-regcred"),
    ];
    assert_eq!(api.paths(), expected);
}

#[test]
fn a_service_account_without_pull_secrets_gives_nothing() {
    let api = FakeApi::with_token();
    api.service_account("team", "none", &[]);
    api.object(&account_path("team", "bare"), json!({ "kind": "ServiceAccount" }));
    api.object(&account_path("team", "null"), json!({ "kind": "ServiceAccount", "imagePullSecrets": null }));
    api.object(
        &account_path("team", "odd"),
        json!({ "kind": "ServiceAccount", "imagePullSecrets": [{}, { "name": "" }, { "name": "../x" }] }),
    );
    for account in ["none", "bare", "null", "odd"] {
        get(&api).env("KUBECLARITY_SERVICE_ACCOUNT", account).run().not_found();
    }
}

#[test]
fn two_waves_at_the_most() {
    let api = FakeApi::with_token();
    api.pull_secret("team", "a", &[("a.example.com", "a")]).pull_secret(
        "team",
        "b",
        &[("b.example.com", "b")],
    );
    api.service_account("team", "robot", &["c", "d", "a"]);
    api.pull_secret("team", "c", &[("c.example.com", "c")]).pull_secret("team", "d", &[(HOST, "d")]);
    // First both named secrets, the account and the stored login; then what the account names and is new.
    api.waves(&[4, 2]);
    let run = get(&api)
        .env("KUBECLARITY_PULL_SECRETS", "a,b")
        .env("KUBECLARITY_SERVICE_ACCOUNT", "robot")
        .timeout("30")
        .run();
    run.answers_user(SERVER, "d");
    let requests = api.requests();
    assert_eq!(requests.len(), 6, "{requests:?}");
    let mut second: Vec<&str> = requests[4..].iter().map(|request| request.target.as_str()).collect();
    second.sort_unstable();
    assert_eq!(second, [secret_path("team", "c"), secret_path("team", "d")]);
}

#[test]
fn a_named_secret_that_is_not_there_is_an_error() {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(HOST, "stored")]);
    get(&api).env("KUBECLARITY_PULL_SECRETS", "other/gone").run().is(
        1,
        "kubeclarity: secret other/gone does not exist but KUBECLARITY_PULL_SECRETS names it; create it or correct \
         KUBECLARITY_PULL_SECRETS\n",
        "",
    );
}

#[test]
fn a_named_account_that_is_not_there_is_an_error() {
    let api = FakeApi::with_token();
    get(&api).env("KUBECLARITY_SERVICE_ACCOUNT", "gone").run().is(
        1,
        "kubeclarity: service account team/gone does not exist but KUBECLARITY_SERVICE_ACCOUNT names it; create it or \
         correct KUBECLARITY_SERVICE_ACCOUNT\n",
        "",
    );
}

#[test]
fn a_named_secret_that_is_denied_is_an_error_with_the_role() {
    let api = FakeApi::with_token();
    api.always(&secret_path("team", "locked"), Answer::Status(403));
    get(&api).env("KUBECLARITY_PULL_SECRETS", "locked").run().is(
        1,
        "kubeclarity: secret team/locked: access denied; allow it with a Role in namespace team with the rule \
         {apiGroups: [\"\"], resources: [secrets], resourceNames: [locked], verbs: [get]}, and a RoleBinding\n",
        "",
    );
    assert_eq!(api.arrivals(&secret_path("team", "locked")).len(), 1, "a refusal is not retried");
}

#[test]
fn a_named_account_that_is_denied_is_an_error_with_the_role() {
    let api = FakeApi::with_token();
    api.always(&account_path("team", "robot"), Answer::Status(403));
    let rule = r#"{apiGroups: [""], resources: [serviceaccounts], resourceNames: [robot], verbs: [get]}"#;
    get(&api).env("KUBECLARITY_SERVICE_ACCOUNT", "robot").run().explains(&[
        "service account team/robot",
        "Role in namespace team",
        rule,
    ]);
}

#[test]
fn what_only_a_default_named_may_be_denied() {
    let api = FakeApi::with_token();
    api.always(&secret_path("kubeclarity", "basic-regcred"), Answer::Status(403));
    get(&api).run().not_found();
    get(&api).docker_auth(config(&[(HOST, "later")])).run().answers_user(SERVER, "later");
    // The namespace is always set by the chart: that names nothing.
    get(&api).env("CREDS_SECRET_NAMESPACE", "kubeclarity").run().not_found();
    // An account's secrets are named by the account.
    api.service_account("team", "robot", &["locked"]);
    api.always(&secret_path("team", "locked"), Answer::Status(403));
    get(&api).env("KUBECLARITY_SERVICE_ACCOUNT", "robot").run().not_found();
}

#[test]
fn a_named_secret_of_the_wrong_type_is_an_error() {
    let api = FakeApi::with_token();
    let text = config(&[(HOST, "user")]);
    for (kind, key) in [
        ("Opaque", "auth.json"),
        ("kubernetes.io/tls", ".dockerconfigjson"),
        ("example.com/x", "config.json"),
    ] {
        api.secret("team", "other", kind, &[(key, &text)]);
        get(&api).env("KUBECLARITY_PULL_SECRETS", "other").run().explains(&[
            &format!("secret team/other is of type {kind}"),
            "kubernetes.io/dockerconfigjson",
            "kubectl create secret docker-registry",
        ]);
    }
}

#[test]
fn a_named_secret_without_its_key_is_an_error() {
    let api = FakeApi::with_token();
    api.secret("team", "empty", DOCKERCONFIGJSON, &[("other", "x")]);
    let missing = "kubeclarity: secret team/empty has no key .dockerconfigjson (it has other); add it\n";
    get(&api).env("KUBECLARITY_PULL_SECRETS", "empty").run().is(1, missing, "");
}

#[test]
fn the_older_format_is_read() {
    let api = FakeApi::with_token();
    api.secret("team", "old", "kubernetes.io/dockercfg", &[(".dockercfg", &dockercfg(&[(HOST, "old")]))]);
    get(&api).env("KUBECLARITY_PULL_SECRETS", "old").run().answers_user(SERVER, "old");
}

#[test]
fn a_broken_secret_spoils_no_other() {
    let api = FakeApi::with_token();
    api.secret("team", "broken", DOCKERCONFIGJSON, &[(".dockerconfigjson", "hunter2 is no JSON")]);
    api.pull_secret("team", "good", &[(HOST, "good")]);
    get(&api).env("KUBECLARITY_PULL_SECRETS", "broken,good").run().answers_user(SERVER, "good");
    get(&api)
        .env("KUBECLARITY_PULL_SECRETS", "broken")
        .run()
        .explains(&["secret team/broken/.dockerconfigjson", "not JSON"]);
}

#[test]
fn an_expired_token_gives_way_to_others_and_else_is_told() {
    let api = FakeApi::with_token();
    let expired = config_with(HOST, json!({ "username": "u", "password": expired_jwt() }));
    api.secret("team", "old", DOCKERCONFIGJSON, &[(".dockerconfigjson", &expired)]);
    get(&api).env("KUBECLARITY_PULL_SECRETS", "old").run().is(
        1,
        "kubeclarity: secret team/old/.dockerconfigjson entry reg.example.com has expired (on 2001-09-09 at 01:46:40 UTC); renew it\n",
        "",
    );
    api.pull_secret("kubeclarity", "basic-regcred", &[(HOST, "stored")]);
    get(&api).env("KUBECLARITY_PULL_SECRETS", "old").run().answers_user(SERVER, "stored");
}

#[test]
fn named_objects_without_a_cluster_are_an_error() {
    for variable in ["KUBECLARITY_PULL_SECRETS", "KUBECLARITY_SERVICE_ACCOUNT"] {
        Helper::get(SERVER).env(variable, "a").run().explains(&[variable, "no cluster", "KUBECONFIG"]);
    }
}

#[test]
fn an_ecr_password_that_is_over_gives_way_to_others_and_else_is_told() {
    let api = FakeApi::with_token();
    let expired = config_with(HOST, json!({ "username": "AWS", "password": expired_ecr_password() }));
    api.secret("team", "old", DOCKERCONFIGJSON, &[(".dockerconfigjson", &expired)]);
    get(&api).env("KUBECLARITY_PULL_SECRETS", "old").run().explains(&[
        "secret team/old/.dockerconfigjson entry reg.example.com",
        "has expired (on 2001-09-09 at 01:46:40 UTC)",
    ]);
    api.pull_secret("kubeclarity", "basic-regcred", &[(HOST, "stored")]);
    get(&api).env("KUBECLARITY_PULL_SECRETS", "old").run().answers_user(SERVER, "stored");
}

#[test]
fn of_a_named_secret_other_forms_are_taken_too() {
    let user = config(&[(HOST, "user")]);
    for (key, text) in [
        (".dockerconfigjson", user.clone()),
        ("config.json", user.clone()),
        (".dockercfg", dockercfg(&[(HOST, "user")])),
    ] {
        let api = FakeApi::with_token();
        api.secret("team", "opaque", "Opaque", &[(key, &text), ("other", "x")]);
        get(&api).env("KUBECLARITY_PULL_SECRETS", "opaque").run().answers_user(SERVER, "user");
        // Named by the service account alone it is of the wrong type, as for kubelet.
        api.service_account("team", "robot", &["opaque"]);
        get(&api).env("KUBECLARITY_SERVICE_ACCOUNT", "robot").run().not_found();
        let both = get(&api).env("KUBECLARITY_SERVICE_ACCOUNT", "robot");
        both.env("KUBECLARITY_PULL_SECRETS", "opaque").run().answers_user(SERVER, "user");
        api.secret("kubeclarity", "basic-regcred", "Opaque", &[(key, &text)]);
        get(&api).run().not_found();
        get(&api)
            .env("KUBECLARITY_PULL_SECRETS", "kubeclarity/basic-regcred")
            .run()
            .answers_user(SERVER, "user");
    }
    let api = FakeApi::with_token();
    api.secret("team", "opaque", "Opaque", &[("config.json", "hunter2")]);
    get(&api)
        .env("KUBECLARITY_PULL_SECRETS", "opaque")
        .run()
        .explains(&["secret team/opaque/config.json", "no valid docker configuration"]);
}

#[test]
fn a_named_login_with_annotations_is_for_the_registries_in_them() {
    let api = FakeApi::with_token();
    let login = |annotations: serde_json::Value| {
        let data = json!({ "username": base64("user\n"), "password": base64("hunter2-user\n") });
        let object = json!({ "kind": "Secret", "apiVersion": "v1", "type": "kubernetes.io/basic-auth", "data": data,
            "metadata": { "name": "login", "namespace": "team", "annotations": annotations } });
        api.object(&secret_path("team", "login"), object);
    };
    let named = || get(&api).env("KUBECLARITY_PULL_SECRETS", "login");
    login(
        json!({ "tekton.dev/docker-0": "https://reg.example.com", "tekton.dev/docker-1": "b.example.com/team" }),
    );
    named().run().answers_user(SERVER, "user");
    named().stdin("b.example.com/team/app").run().answers_user("b.example.com/team/app", "user");
    named().stdin("c.example.com").run().not_found();
    api.service_account("team", "robot", &["login"]);
    get(&api).env("KUBECLARITY_SERVICE_ACCOUNT", "robot").run().not_found();
    login(json!({ "tekton.dev/docker-0": "https://index.docker.io/v1/" }));
    named().stdin("docker.io").run().answers_user("docker.io", "user");
    for none in [json!({}), json!(null), json!({ "tekton.dev/git-0": "https://reg.example.com" })] {
        login(none);
        named().run().is(
            1,
            "kubeclarity: secret team/login is of type kubernetes.io/basic-auth and names no registry; annotate it with \
             tekton.dev/docker-0: https://REGISTRY\n",
            "",
        );
    }
}
