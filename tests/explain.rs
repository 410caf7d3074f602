//! `explain` as people read it: every source, the winner, the candidates, the failures and what mends them.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use serde_json::json;

use support::api::secret_path;
use support::cached::Machine;
use support::data::{HUNTER2, config, config_with, expired_jwt, valid_jwt};
use support::kubeconfig::Kubeconfig;
use support::mount::Mount;
use support::{Answer, FakeApi, Helper, Outcome};

const HOST: &str = "reg.example.com";
const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

fn explain(question: &str) -> Helper {
    Helper::new(["explain", question])
}

/// The text without the times, which differ from run to run.
#[track_caller]
fn text(run: &Outcome, code: i32) -> String {
    assert_eq!((run.status.code(), run.stderr.as_slice()), (Some(code), &b""[..]), "{run:?}");
    let text = run.text();
    assert!(!text.contains(HUNTER2), "a secret is shown: {text}");
    let mut rest = text;
    let mut without = String::new();
    while let Some((before, after)) = rest.split_once(" (") {
        without += before;
        match after.split_once(" ms)") {
            Some((number, after)) if number.parse::<f64>().is_ok() => rest = after,
            _ => {
                without += " (";
                rest = after;
            }
        }
    }
    without + rest
}

/// All lines, in this order, with anything in between.
#[track_caller]
fn has_lines(text: &str, lines: &[&str]) {
    let mut all = text.lines();
    for line in lines {
        assert!(all.any(|one| one == *line), "{line:?} does not follow in:\n{text}");
    }
}

#[test]
fn every_source_is_shown_in_its_order() {
    let run = explain("alpine:3.20").run();
    assert_eq!(
        text(&run, 1),
        "\
alpine:3.20 on registry docker.io, path library/alpine

1. mounted pull secrets                     IMAGE_PULL_SECRET_PATH: not set
2. pull secrets in the cluster              none: not in a pod, no KUBECONFIG, no ~/.kube/config
3. cloud secrets in the cluster             not asked for: the host is no registry of AWS, Google or Azure
4. docker configuration in the environment  DOCKER_AUTH_CONFIG, DOCKER_CONFIG, REGISTRY_AUTH_FILE: not set
5. variables of CI systems                  GITHUB_TOKEN, CI_REGISTRY: not set
6. cloud identity of this machine or pod    not asked for: the host is no registry of AWS, Google or Azure

not found: no source has a credential, so clients go on without one (fresh)
"
    );
}

#[test]
fn the_winner_is_marked_and_the_sources_after_it_are_not_asked() {
    let auths = config(&[(HOST, "host"), ("reg.example.com/team", "team"), ("ghcr.io", "other")]);
    let run = explain("reg.example.com/team/app:1").docker_auth(auths).run();
    has_lines(
        &text(&run, 0),
        &[
            "reg.example.com/team/app:1",
            "4. docker configuration in the environment",
            "     DOCKER_AUTH_CONFIG                             3 entries: reg.example.com/team, reg.example.com, ghcr.io",
            "   * DOCKER_AUTH_CONFIG entry reg.example.com/team  matches, user team (exact host, path team)",
            "     DOCKER_AUTH_CONFIG entry reg.example.com       matches, user host (exact host, no path)",
            "5. variables of CI systems                  not asked: one before it answered",
            "6. cloud identity of this machine or pod    not asked: one before it answered",
            "candidates, the best first",
            "1. reg.example.com/team  user team  exact host, path team  DOCKER_AUTH_CONFIG",
            "2. reg.example.com       user host  exact host, no path    DOCKER_AUTH_CONFIG",
            "found: user team from DOCKER_AUTH_CONFIG entry reg.example.com/team",
            "       no expiry known, fresh",
            "       for one path: a client that asks for the host alone (credHelpers) needs KUBECLARITY_IMAGE=reg.example.com/team/app",
        ],
    );
}

#[test]
fn what_is_for_the_whole_host_or_asked_for_the_host_has_no_hint() {
    let auths = config(&[(HOST, "host"), ("reg.example.com/team", "team")]);
    let image = ("KUBECLARITY_IMAGE", "reg.example.com/team/app:1");
    for (question, variable) in [
        (HOST, None),
        ("reg.example.com/other/app", None),
        (HOST, Some(image)),
        ("reg.example.com/team/app:1", Some(image)),
    ] {
        let helper = explain(question).docker_auth(&auths);
        let run = variable.into_iter().fold(helper, |helper, (name, value)| helper.env(name, value)).run();
        assert!(!text(&run, 0).contains("for one path"), "{question}: {run:?}");
    }
}

#[test]
fn the_path_of_the_image_that_is_scanned_is_shown() {
    let auths = config(&[("reg.example.com/a", "a"), ("reg.example.com/b", "b")]);
    let text =
        text(&explain(HOST).docker_auth(&auths).env("KUBECLARITY_IMAGE", "reg.example.com/b/x").run(), 0);
    has_lines(
        &text,
        &["reg.example.com, path b/x", "found: user b from DOCKER_AUTH_CONFIG entry reg.example.com/b"],
    );
    let without = explain(HOST).docker_auth(&auths).run();
    assert!(without.text().contains("set KUBECLARITY_IMAGE to the image"), "{without:?}");
}

#[test]
fn the_life_of_a_token_is_told() {
    let token = |token: String| config_with(HOST, json!({ "identitytoken": token }));
    let good = text(&explain(HOST).docker_auth(token(valid_jwt())).run(), 0);
    let life = good.lines().last().unwrap();
    assert!(life.starts_with("       good for ") && life.ends_with(" h, fresh"), "{life}");
    let over = text(&explain(HOST).docker_auth(token(expired_jwt())).run(), 1);
    has_lines(
        &over,
        &[
            "   ! DOCKER_AUTH_CONFIG entry reg.example.com  has expired (on 2001-09-09 at 01:46:40 UTC); renew it",
            "failed: DOCKER_AUTH_CONFIG entry reg.example.com has expired (on 2001-09-09 at 01:46:40 UTC); renew it",
        ],
    );
}

#[test]
fn a_denied_secret_comes_with_the_role_ready_to_paste() {
    let api = FakeApi::with_token();
    api.always(&secret_path("team", "pull"), Answer::Status(403));
    let run =
        explain(HOST).kubeconfig(&Kubeconfig::token(&api)).env("KUBECLARITY_PULL_SECRETS", "team/pull").run();
    let text = text(&run, 1);
    has_lines(
        &text,
        &[
            "   ! secret team/pull                  access denied; see fix 1",
            "     secret kubeclarity/basic-regcred  does not exist",
            "3. cloud secrets in the cluster             not asked",
            "fix 1, for secret team/pull",
            "kubectl apply -f - <<'YAML'",
            "kind: Role",
            r#"- {apiGroups: [""], resources: [secrets], resourceNames: [pull], verbs: [get]}"#,
            "kind: RoleBinding",
        ],
    );
    assert!(text.contains("\nfailed: secret team/pull: access denied; allow it with a Role"), "{text}");
    // What is pasted ends where the shell looks for its end: at the beginning of a line.
    assert!(text.ends_with("\nYAML\n"), "{text}");
}

#[test]
fn every_failure_with_a_command_shows_it() {
    let api = FakeApi::with_token();
    api.secret("kubeclarity", "ecr-sa", "Opaque", &[("AWS_ACCESS_KEY_ID", "AKIA")]);
    let missing_key = explain(ECR).kubeconfig(&Kubeconfig::token(&api)).run();
    let shown = text(&missing_key, 1);
    has_lines(
        &shown,
        &[
            "3. cloud secrets in the cluster",
            "   ! secret kubeclarity/ecr-sa  has no key AWS_SECRET_ACCESS_KEY (it has AWS_ACCESS_KEY_ID); see fix 1",
            "6. cloud identity of this machine or pod    not asked: the identity in the cluster failed, and no other is taken in its place",
            "failed: secret kubeclarity/ecr-sa has no key AWS_SECRET_ACCESS_KEY (it has AWS_ACCESS_KEY_ID); add it",
            "fix 1, for secret kubeclarity/ecr-sa",
            r#"kubectl patch secret ecr-sa --namespace kubeclarity --type merge --patch '{"stringData":{"AWS_SECRET_ACCESS_KEY":"VALUE"}}'"#,
        ],
    );

    let absent =
        explain(HOST).kubeconfig(&Kubeconfig::token(&api)).env("KUBECLARITY_PULL_SECRETS", "team/absent");
    has_lines(
        &text(&absent.run(), 1),
        &[
            "   ! secret team/absent                does not exist but KUBECLARITY_PULL_SECRETS names it; see fix 1",
            "fix 1, for secret team/absent",
            "kubectl create secret docker-registry absent --namespace team --docker-server reg.example.com --docker-username USER --docker-password PASSWORD",
        ],
    );
}

/// Only an identity that is there and failed keeps the environment's from its turn.
#[test]
fn a_cloud_secret_that_may_not_be_read_leaves_the_environment_its_turn() {
    let api = FakeApi::with_token();
    api.always(&secret_path("kubeclarity", "ecr-sa"), Answer::Status(403));
    let run = explain(ECR).kubeconfig(&Kubeconfig::token(&api)).env("KUBECLARITY_CLOUD", "none").run();
    let shown = text(&run, 1);
    assert!(shown.contains("kubeclarity/ecr-sa  access denied"), "{shown}");
    assert!(shown.contains("6. cloud identity of this machine or pod    none: no keys"), "{shown}");
}

#[test]
fn a_failure_on_the_way_to_an_answer_says_that_nothing_waits_for_it() {
    let api = FakeApi::with_token();
    api.always(&secret_path("kubeclarity", "basic-regcred"), Answer::Status(403));
    api.pull_secret("team", "pull", &[(HOST, "u")]);
    let run =
        explain(HOST).kubeconfig(&Kubeconfig::token(&api)).env("KUBECLARITY_PULL_SECRETS", "team/pull").run();
    has_lines(
        &text(&run, 0),
        &[
            "found: user u from secret team/pull/.dockerconfigjson entry reg.example.com",
            "fix 1, for secret kubeclarity/basic-regcred (this answer does without)",
        ],
    );
    let nothing = explain("other.example.com").kubeconfig(&Kubeconfig::token(&api)).run();
    has_lines(
        &text(&nothing, 1),
        &[
            "not found: no source has a credential, so clients go on without one; what is marked ! could not be used (fresh)",
        ],
    );
}

#[test]
fn a_kept_answer_is_told_from_a_fresh_one() {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(HOST, "u")]);
    let machine = Machine::new(&api);
    let ask = |arguments: &[&str]| {
        let helper = Helper::new(["explain"].iter().chain(arguments))
            .env("KUBECONFIG", machine.path("kubeconfig"))
            .env("XDG_RUNTIME_DIR", machine.path("run"));
        text(&helper.run(), 0)
    };
    let first = ask(&[HOST]);
    has_lines(&first, &["       no expiry known, fresh"]);
    assert_eq!(
        ask(&[HOST]),
        "\
reg.example.com

an earlier answer, from the cache; --fresh asks the sources anew

found: user u from secret kubeclarity/basic-regcred/.dockerconfigjson entry reg.example.com
       no expiry known, from the cache
"
    );
    let asked = api.requests().len();
    assert_eq!(ask(&[HOST, "--fresh"]), first);
    assert!(api.requests().len() > asked, "--fresh asked nobody");
    // It goes past the cache without a trace in it.
    assert!(ask(&[HOST]).contains("from the cache"));
}

#[test]
fn a_kept_not_found_is_told_as_get_gives_it() {
    let api = FakeApi::with_token();
    let machine = Machine::new(&api);
    let explain = |arguments: &[&str], code| {
        let helper = Helper::new(["explain"].iter().chain(arguments))
            .env("KUBECONFIG", machine.path("kubeconfig"))
            .env("XDG_RUNTIME_DIR", machine.path("run"));
        text(&helper.run(), code)
    };
    // Somebody asks, makes the secret, and tries again at once.
    machine.get(HOST).run().not_found();
    api.pull_secret("kubeclarity", "basic-regcred", &[(HOST, "u")]);
    machine.get(HOST).run().not_found();
    machine.change(|answer| answer["fresh_until"] = (support::cached::now() + 8).into());
    let asked = api.requests().len();
    let told = explain(&[HOST], 1);
    let expected = |left| {
        format!(
            "\
reg.example.com

an earlier answer, from the cache; --fresh asks the sources anew

not found: no source has a credential, so clients go on without one (from the cache)
       cached for {left} s more: get returns the same until then. If you just added the credential, try again
       after that; --fresh shows what the sources have now
"
        )
    };
    assert!([8, 7].iter().any(|left| told == expected(left)), "{told}");
    assert_eq!(api.requests().len(), asked);
    let json: serde_json::Value = serde_json::from_str(&explain(&[HOST, "--json"], 1)).unwrap();
    assert_eq!((json["result"].as_str(), json["cached"].as_bool()), (Some("not found"), Some(true)));
    assert!((1..=8).contains(&json["cached_for"].as_u64().unwrap()), "{json}");
    // What the sources have now, and `get` after it.
    has_lines(&explain(&[HOST, "--fresh"], 0), &["       no expiry known, fresh"]);
    machine.get(HOST).run().not_found();
    machine.age(10);
    assert!(explain(&[HOST], 0).contains("found: user u"));
    machine.get(HOST).run().answers_user(HOST, "u");
}

#[test]
fn a_mounted_secret_is_named_by_its_file() {
    let mount = Mount::new();
    mount.pull_secret("pull", &[(HOST, "u")]);
    let text = text(&explain(HOST).env("IMAGE_PULL_SECRET_PATH", mount.path()).run(), 0);
    let path = mount.path().join("pull/.dockerconfigjson");
    has_lines(&text, &[&format!("found: user u from {} entry {HOST}", path.display())]);
}

#[test]
fn wrong_usage_and_settings_end_with_one() {
    for (arguments, said) in [
        (&["explain"][..], "required"),
        (&["explain", "a", "b"], "unexpected"),
        (&["explain", "--loud", "a"], "--loud"),
    ] {
        let run = Helper::new(arguments).run();
        assert_eq!((run.status.code(), run.stderr.as_slice()), (Some(1), &b""[..]), "{run:?}");
        assert!(run.text().contains(said) && run.text().contains("Usage"), "{run:?}");
    }
    for none in ["", "a b", "ftp://reg.example.com"] {
        explain(none).run().explains(&["is neither an image nor a registry", "; "]);
    }
    explain(HOST).timeout("soon").run().explains(&["KUBECLARITY_TIMEOUT"]);
    let help = Helper::new(["explain", "--help"]).run();
    assert!(help.status.success() && help.text().contains("--fresh"), "{help:?}");
}

#[test]
fn what_a_configuration_holds_beside_entries_is_told() {
    for (key, text, told) in [
        (
            ".dockerconfigjson",
            json!({ "registry": { "username": "u", "password": HUNTER2 } }),
            "it has the form of .dockercfg",
        ),
        (".dockerconfigjson", json!({ "localhost": { "auth": HUNTER2 } }), "it has the form of .dockercfg"),
        (
            ".dockercfg",
            json!({ "auths": { HOST: { "auth": "dTpw" } } }),
            "`auths` belongs into .dockerconfigjson",
        ),
        (
            ".dockerconfigjson",
            json!({ "auths": { HOST: {} }, "credsStore": "desktop" }),
            "no login for reg.example.com",
        ),
        (
            ".dockerconfigjson",
            json!({ "auths": { "ftp://a.io": { "auth": "dTpw" } } }),
            "not a registry: ftp://a.io",
        ),
        ("config.json", json!({ "credHelpers": { HOST: "x" } }), "the credential helper that the file names"),
    ] {
        let mount = Mount::new();
        mount.secret("pull", key, text.to_string());
        let run = explain(HOST).env("IMAGE_PULL_SECRET_PATH", mount.path()).run();
        let shown = self::text(&run, 1);
        assert!(shown.contains("no entries; ") && shown.contains(told), "{told}: {shown}");
    }
    let mount = Mount::new();
    mount.secret("pull", ".dockerconfigjson", config_with(HOST, json!({ "registrytoken": HUNTER2 })));
    let run = explain(HOST).env("IMAGE_PULL_SECRET_PATH", mount.path()).run();
    let shown = text(&run, 1);
    assert!(
        shown.contains("1 entry: reg.example.com") && shown.contains("has only a `registrytoken`"),
        "{shown}"
    );
}
