//! `explain --json`: the schema that docs/explain.md describes, kept by scripts.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use serde_json::{Value, json};

use support::api::secret_path;
use support::cached::Machine;
use support::data::{HUNTER2, config, config_with, valid_jwt};
use support::kubeconfig::Kubeconfig;
use support::{Answer, FakeApi, Helper};

const HOST: &str = "reg.example.com";
const SOURCES: [&str; 6] = [
    "mounted pull secrets",
    "pull secrets in the cluster",
    "cloud secrets in the cluster",
    "docker configuration in the environment",
    "variables of CI systems",
    "cloud identity of this machine or pod",
];

fn explain(question: &str) -> Helper {
    Helper::new(["explain", "--json", question])
}

#[track_caller]
fn report(helper: Helper, code: i32) -> Value {
    let run = helper.run();
    assert_eq!((run.status.code(), run.stderr.as_slice()), (Some(code), &b""[..]), "{run:?}");
    assert!(!run.text().contains(HUNTER2), "a secret is shown: {run:?}");
    serde_json::from_str(run.text()).unwrap()
}

/// The names of an object's fields, in order.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The one look at this object.
#[track_caller]
fn look<'a>(report: &'a Value, object: &str) -> &'a Value {
    let sources = report["sources"].as_array().unwrap();
    let looks = sources.iter().flat_map(|source| source["looks"].as_array().unwrap());
    let found: Vec<_> = looks.filter(|look| look["object"] == object).collect();
    let [one] = found[..] else { panic!("{object}: {found:?} in {report:#}") };
    one
}

/// Every key of the report.
const WHOLE: [&str; 13] = [
    "schema",
    "question",
    "registry",
    "path",
    "result",
    "problem",
    "credential",
    "hint",
    "cached",
    "cached_for",
    "cache_problem",
    "candidates",
    "sources",
];

#[test]
fn the_keys_are_these_and_no_others() {
    let auths = config(&[(HOST, "u"), ("reg.example.com/team", "t")]);
    let found = report(explain("reg.example.com/team/app").docker_auth(auths), 0);
    assert_eq!(keys(&found), WHOLE);
    assert_eq!(keys(&found["credential"]), ["origin", "username", "expires", "seconds_left"]);
    for candidate in found["candidates"].as_array().unwrap() {
        assert_eq!(keys(candidate), ["origin", "key", "username", "rank"]);
    }
    let mut looks = 0;
    for source in found["sources"].as_array().unwrap() {
        assert_eq!(keys(source), ["source", "asked", "looks"]);
        for look in source["looks"].as_array().unwrap() {
            assert_eq!(keys(look), ["object", "result", "failed", "milliseconds", "fix"]);
            assert!(look["milliseconds"].is_f64(), "{look}");
            looks += 1;
        }
    }
    assert!(looks > 5, "{found:#}");
    // The same fields whatever came of it.
    assert_eq!(keys(&report(explain("alpine"), 1)), WHOLE);
}

#[test]
fn the_documentation_names_every_key() {
    let docs = include_str!("../docs/explain.md");
    for key in WHOLE {
        assert!(docs.contains(&format!("| `{key}` |")), "{key}");
    }
    let inner = [
        "origin",
        "username",
        "expires",
        "seconds_left",
        "key",
        "rank",
        "source",
        "asked",
        "looks",
        "object",
    ];
    for key in inner.into_iter().chain(["failed", "milliseconds", "fix"]) {
        assert!(docs.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn a_credential_that_was_found() {
    let auths = config(&[(HOST, "u"), ("reg.example.com/team", "t")]);
    let found = report(explain("reg.example.com/team/app:1").docker_auth(auths), 0);
    let whole = json!([
        found["schema"],
        found["question"],
        found["registry"],
        found["path"],
        found["result"],
        found["problem"],
        found["cached"]
    ]);
    assert_eq!(whole, json!([1, "reg.example.com/team/app:1", HOST, "team/app", "found", null, false]));
    assert_eq!(
        found["credential"],
        json!({ "origin": "DOCKER_AUTH_CONFIG entry reg.example.com/team", "username": "t", "expires": null, "seconds_left": null })
    );
    assert_eq!(
        found["candidates"],
        json!([
            { "origin": "DOCKER_AUTH_CONFIG", "key": "reg.example.com/team", "username": "t", "rank": "exact host, path team" },
            { "origin": "DOCKER_AUTH_CONFIG", "key": HOST, "username": "u", "rank": "exact host, no path" },
        ])
    );
    let sources = found["sources"].as_array().unwrap();
    let asked: Vec<_> =
        sources.iter().map(|source| (source["source"].as_str().unwrap(), source["asked"] == true)).collect();
    let expected: Vec<_> = SOURCES.into_iter().enumerate().map(|(at, name)| (name, at < 4)).collect();
    assert_eq!(asked, expected);
}

#[test]
fn a_token_with_an_end() {
    let auths = config_with(HOST, json!({ "identitytoken": valid_jwt() }));
    let found = report(explain(HOST).docker_auth(auths), 0);
    assert_eq!(found["credential"]["expires"], 4_000_000_000_u64);
    let left = found["credential"]["seconds_left"].as_u64().unwrap();
    assert!(left > 1_000_000 && left < 4_000_000_000, "{left}");
}

#[test]
fn a_failure_with_its_fix() {
    let api = FakeApi::with_token();
    api.always(&secret_path("team", "pull"), Answer::Status(403));
    let failed = report(
        explain(HOST).kubeconfig(&Kubeconfig::token(&api)).env("KUBECLARITY_PULL_SECRETS", "team/pull"),
        1,
    );
    assert_eq!((&failed["result"], &failed["credential"]), (&json!("failed"), &Value::Null));
    let look = look(&failed, "secret team/pull");
    assert_eq!((&look["failed"], &look["result"]), (&json!(true), &failed["problem"]));
    let fix = look["fix"].as_str().unwrap();
    assert!(fix.starts_with("kubectl apply -f - <<'YAML'\n") && fix.ends_with("\nYAML"), "{fix}");
}

#[test]
fn nothing_found() {
    let none = report(explain("alpine"), 1);
    assert_eq!(
        (&none["result"], &none["problem"], &none["credential"]),
        (&json!("not found"), &Value::Null, &Value::Null)
    );
    assert!(none["sources"].as_array().unwrap().iter().all(|source| source["asked"] == true));
    assert_eq!(look(&none, "GITHUB_TOKEN")["result"], "not set");
}

#[test]
fn a_kept_answer() {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(HOST, "u")]);
    let machine = Machine::new(&api);
    let on = |helper: Helper| {
        helper.env("KUBECONFIG", machine.path("kubeconfig")).env("XDG_RUNTIME_DIR", machine.path("run"))
    };
    let fresh = report(on(explain(HOST)), 0);
    let kept = report(on(explain(HOST)), 0);
    assert_eq!((&fresh["cached"], &kept["cached"]), (&json!(false), &json!(true)));
    let left = kept["cached_for"].as_u64().unwrap();
    assert!(fresh["cached_for"].is_null() && (1..=60).contains(&left), "{kept}");
    assert_eq!(kept["credential"], fresh["credential"]);
    assert_eq!((&kept["candidates"], &kept["sources"]), (&json!([]), &json!([])));
    let anew = report(on(Helper::new(["explain", "--json", "--fresh", HOST])), 0);
    assert_eq!(anew["cached"], false);
}
