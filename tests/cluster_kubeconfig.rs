//! Kubeconfigs: as people write them, several of them, broken ones, and one that is there by chance.

#![allow(clippy::unwrap_used)] // also outside of #[test]: what fails here is how a test fails

mod support;

use serde_json::json;
use support::api::{TOKEN, secret_path};
use support::data::{base64, config};
use support::fault::{Manner, Refused, Rude};
use support::kubeconfig::Kubeconfig;
use support::tls::Authority;
use support::{FakeApi, Helper};

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";

fn stocked() -> FakeApi {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(HOST, "stored")]);
    api
}

/// A run with these texts as the files of `KUBECONFIG`.
fn with(texts: &[&str]) -> Helper {
    let mut helper = Helper::get(SERVER);
    let mut paths = Vec::new();
    for (n, text) in texts.iter().enumerate() {
        let name = format!("config-{n}");
        paths.push(helper.path(&name));
        helper = helper.file(&name, text);
    }
    helper.env("KUBECONFIG", std::env::join_paths(paths).unwrap())
}

#[test]
fn one_as_people_write_it() {
    let api = stocked();
    let text = format!(
        "# my clusters\napiVersion: v1\nkind: Config\npreferences: {{}}\ncurrent-context: \"dev\"\ncontexts:\n\
         - name: prod\n  context: {{cluster: prod, user: nobody}}\n- context:\n    cluster: dev\n    namespace: team\n    \
         user: me\n  name: dev\nclusters:\n- cluster:\n    certificate-authority: pki/ca.crt\n    server: {}\n    \
         extensions:\n    - name: x\n      extension: {{a: 1}}\n  name: dev\nusers:\n- name: me\n  user:\n    token: \
         >-\n      {TOKEN}\n",
        api.url()
    );
    with(&[&text]).file("pki/ca.crt", api.authority.pem()).run().answers_user(SERVER, "stored");
}

#[test]
fn the_namespace_of_the_context_is_that_of_names_without_one() {
    let api = stocked();
    api.pull_secret("default", "pull", &[(HOST, "in default")]);
    api.pull_secret("team", "pull", &[(HOST, "in team")]);
    let ask = |kubeconfig: Kubeconfig| {
        Helper::get(SERVER).kubeconfig(&kubeconfig).env("KUBECLARITY_PULL_SECRETS", "pull").run()
    };
    ask(Kubeconfig::token(&api)).answers_user(SERVER, "in default");
    ask(Kubeconfig::token(&api).namespace("team")).answers_user(SERVER, "in team");
    // What would lead out of its place in a request's path is no namespace.
    ask(Kubeconfig::token(&api).namespace("../../x")).answers_user(SERVER, "in default");
}

#[test]
fn several_files_are_one() {
    let api = stocked();
    let contexts =
        r#"{"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}]}"#;
    let ca = base64(api.authority.pem());
    let cluster = json!({ "server": api.url(), "certificate-authority-data": ca });
    let clusters = json!({ "clusters": [{ "name": "c", "cluster": cluster }] }).to_string();
    let users = json!({ "users": [{ "name": "u", "user": { "token": TOKEN } }] }).to_string();
    let wrong =
        json!({ "current-context": "y", "users": [{ "name": "u", "user": { "token": "hunter2-wrong" } }] });
    // The first that sets something wins.
    let run = with(&[contexts, &clusters, &users, &wrong.to_string()]).run();
    run.answers_user(SERVER, "stored");
}

#[test]
fn a_file_of_several_that_is_not_there_is_passed_over() {
    let api = stocked();
    let helper = Helper::get(SERVER).file("good", Kubeconfig::token(&api).text());
    let list = std::env::join_paths([helper.path("absent"), helper.path("good"), "".into()]).unwrap();
    helper.env("KUBECONFIG", list).run().answers_user(SERVER, "stored");
}

#[test]
fn a_file_of_several_that_is_broken_is_an_error() {
    // kubectl fails too: which cluster and user count depends on all files.
    let api = stocked();
    let good = Kubeconfig::token(&api).text();
    with(&["hunter2: [", &good]).run().explains(&["kubeconfig", "config-0", "no valid kubeconfig"]);
    with(&[&good, "hunter2: ["]).run().explains(&["kubeconfig", "config-1", "no valid kubeconfig"]);
}

#[test]
fn a_named_file_that_is_of_no_use_is_an_error() {
    let api = stocked();
    let whole: serde_json::Value = serde_json::from_str(&Kubeconfig::token(&api).text()).unwrap();
    let changed = |pointer: &str, value: serde_json::Value| {
        let mut other = whole.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        other.to_string()
    };
    for (text, says) in [
        (String::new(), "is empty"),
        (" \n\n".to_owned(), "is empty"),
        ("hunter2 is not a mapping".to_owned(), "no valid kubeconfig"),
        ("{\"hunter2".to_owned(), "no valid kubeconfig"),
        ("- hunter2".to_owned(), "no valid kubeconfig"),
        ("\0\u{1}\u{2}hunter2".to_owned(), "no valid kubeconfig"),
        ("{}".to_owned(), "no current-context"),
        (changed("/current-context", json!("")), "no current-context"),
        (changed("/current-context", json!("absent")), "no context \"absent\""),
        (changed("/contexts", json!([])), "no context \"x\""),
        (changed("/clusters", json!([])), "no cluster \"c\""),
        (changed("/users", json!([])), "no user \"u\""),
        (changed("/clusters/0/cluster/server", json!("")), "no server"),
        (changed("/clusters/0/cluster/server", json!("not a url")), "no http or https URL"),
        (changed("/clusters/0/cluster/server", json!("file:///etc")), "no http or https URL"),
        (changed("/clusters/0/cluster/certificate-authority-data", json!("hunter2!")), "not base64"),
        (
            changed("/clusters/0/cluster/certificate-authority-data", json!(base64("hunter2"))),
            "no PEM certificate",
        ),
    ] {
        with(&[&text]).run().explains(&["kubeconfig", says]);
        // A later source does not make it good: the user named it.
        with(&[&text]).docker_auth(config(&[(HOST, "later")])).run().explains(&["kubeconfig", says]);
    }
    assert_eq!(api.paths(), [""; 0]);
}

#[test]
fn a_named_file_that_is_not_there_is_an_error() {
    let helper = Helper::get(SERVER);
    let path = helper.path("absent/config");
    let name = path.display().to_string();
    helper.env("KUBECONFIG", path).run().explains(&[&name, "does not exist", "KUBECONFIG"]);
    Helper::get(SERVER).env("KUBECONFIG", ":").run().explains(&["KUBECONFIG", "names no file"]);
    let helper = Helper::get(SERVER);
    let home = helper.home().to_owned();
    helper.env("KUBECONFIG", home).run().explains(&["is no regular file"]);
}

#[test]
fn a_wrong_authority_is_an_error_at_once() {
    let api = stocked();
    let other = Authority::new().pem();
    let kubeconfig = Kubeconfig::new(&api.url(), &other, json!({ "token": TOKEN }));
    let run = Helper::get(SERVER).kubeconfig(&kubeconfig).timeout("50").run();
    // Far from the deadline: a certificate that is not trusted is not tried again.
    run.within(30).explains(&["secret kubeclarity/basic-regcred", &api.url(), "certificate", "CA"]);
    assert_eq!(api.paths(), [""; 0], "the token was sent to a server that is not trusted");
}

#[test]
fn a_certificate_for_another_name_is_an_error() {
    let api = stocked();
    let mut kubeconfig = Kubeconfig::token(&api);
    kubeconfig.cluster["tls-server-name"] = json!("kubernetes.example.com");
    let run = Helper::get(SERVER).kubeconfig(&kubeconfig).timeout("50").run();
    // The remedy, after the only semicolon, and the name that does not fit.
    run.within(30).explains(&[
        "for another name",
        "kubernetes.example.com",
        "; use one of its names",
        "tls-server-name",
    ]);
    assert_eq!(run.text().matches(';').count(), 1, "{run:?}");
    assert_eq!(api.paths(), [""; 0]);
}

#[test]
fn insecure_skip_tls_verify_is_kept() {
    let api = stocked();
    let cluster = json!({ "server": api.url(), "insecure-skip-tls-verify": true });
    let kubeconfig = Kubeconfig { cluster, ..Kubeconfig::token(&api) };
    Helper::get(SERVER).kubeconfig(&kubeconfig).run().answers_user(SERVER, "stored");
}

#[test]
fn nobody_listens_where_a_named_one_points() {
    let refused = Refused::new();
    let run = Helper::get(SERVER).kubeconfig(&Kubeconfig::nowhere(&refused.url())).timeout("2").run();
    run.within(15).explains(&[
        "secret kubeclarity/basic-regcred",
        &refused.url(),
        "refused",
        "check that it is up",
    ]);
}

#[test]
fn one_found_by_chance_answers_too() {
    let api = stocked();
    Helper::get(SERVER).kubeconfig_by_chance(&Kubeconfig::token(&api)).run().answers_user(SERVER, "stored");
    assert_eq!(api.paths(), [secret_path("kubeclarity", "basic-regcred")]);
}

#[test]
fn one_found_by_chance_that_points_nowhere_is_nothing() {
    let (refused, silent) = (Refused::new(), Rude::new(Manner::Silent));
    // The limit of such a one is its own, well below the 60 s of everything together.
    for url in [refused.url(), silent.url(), "https://no-such-host.invalid:6443".to_owned()] {
        let nowhere = Kubeconfig::nowhere(&url);
        let run = Helper::get(SERVER).kubeconfig_by_chance(&nowhere).timeout("60").run();
        run.within(12).not_found();
        let later =
            Helper::get(SERVER).kubeconfig_by_chance(&nowhere).docker_auth(config(&[(HOST, "later")]));
        later.timeout("60").run().within(12).answers_user(SERVER, "later");
    }
    assert!(silent.visits() > 0, "the silent server was never asked");
}

#[test]
fn one_found_by_chance_that_is_broken_is_nothing() {
    for text in ["", "hunter2: [", "{}", "apiVersion: v1\nkind: Config\ncurrent-context: \"\"\n"] {
        Helper::get(SERVER).file(".kube/config", text).run().not_found();
    }
}

/// It is given up before a request that hangs would be tried anew.
#[test]
fn one_found_by_chance_that_hangs_is_asked_once() {
    let api = stocked();
    api.hold();
    Helper::get(SERVER).kubeconfig_by_chance(&Kubeconfig::token(&api)).timeout("60").run().not_found();
    assert_eq!(api.paths(), [secret_path("kubeclarity", "basic-regcred")]);
    api.release();
}

#[test]
fn one_found_by_chance_has_all_the_time_once_something_in_it_is_named() {
    let api = FakeApi::with_token();
    api.pull_secret("team", "pull", &[(HOST, "named")]);
    api.hold();
    let helper = Helper::get(SERVER).kubeconfig_by_chance(&Kubeconfig::token(&api));
    let running = helper.env("KUBECLARITY_PULL_SECRETS", "team/pull").timeout("60").start();
    // Longer than one found by chance is waited for that nobody relies on.
    std::thread::sleep(std::time::Duration::from_secs(3));
    api.release();
    running.end().answers_user(SERVER, "named");
}

#[test]
fn one_found_by_chance_does_not_excuse_what_the_user_named() {
    let refused = Refused::new();
    let nowhere = Kubeconfig::nowhere(&refused.url());
    let named =
        Helper::get(SERVER).kubeconfig_by_chance(&nowhere).env("KUBECLARITY_PULL_SECRETS", "team/pull");
    named.timeout("3").run().explains(&["secret team/pull", &refused.url()]);
    let broken = Helper::get(SERVER).file(".kube/config", "").env("KUBECLARITY_PULL_SECRETS", "team/pull");
    broken.run().explains(&["kubeconfig", "is empty"]);
}
