//! `store` and `erase` against others who write, and against whatever else stands in the way: nothing of theirs is
//! lost, and each failure is one clear line.

mod support;

use std::sync::Arc;

use serde_json::json;
use support::data::{base64, config, password};
use support::kubeconfig::Kubeconfig;
use support::writes::{MOST_DATA, cluster, collection, holding, on, secret_of, stored, text_of, users};
use support::{Answer, FakeApi, Helper, Outcome, http};

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";

fn login() -> Helper {
    Helper::store(SERVER, "user", &password("user"))
}

fn put() -> String {
    format!("PUT {}", stored())
}

fn post() -> String {
    format!("POST {}", collection())
}

fn store(api: &FakeApi) -> Outcome {
    on(api, login()).run()
}

fn erase(api: &FakeApi) -> Outcome {
    on(api, Helper::erase(SERVER)).run()
}

fn during(happens: impl Fn() + Send + Sync + 'static) -> [Answer; 1] {
    [Answer::During(Arc::new(happens), None)]
}

/// One clear line, and the Secret is as it was.
#[track_caller]
fn refuses(api: &FakeApi, helper: Helper, parts: &[&str]) {
    let before = api.now(&stored());
    on(api, helper).timeout("3").run().within(20).explains(parts);
    assert_eq!(api.now(&stored()), before);
}

#[test]
fn conflicts_are_tried_again() {
    let api = holding(&config(&[("other.io", "other")]));
    api.first(&put(), vec![Answer::Status(409); 5]);
    store(&api).is(0, "", "");
    assert_eq!(api.writes(), ["PUT"; 6]);
    assert_eq!(users(&api), json!({ HOST: "user", "other.io": "other" }));
}

#[test]
fn what_others_write_in_between_stays() {
    let api = holding(&config(&[("a.io", "a"), (HOST, "old")]));
    let hand = api.hand();
    let third = move |user: &'static str| {
        let hand = hand.clone();
        move || {
            let text = config(&[("a.io", "a"), (user, user), (HOST, "old")]);
            hand.change(&stored(), |secret| secret["data"] = json!({ ".dockerconfigjson": base64(text) }));
        }
    };
    api.first(&put(), during(third("b.io"))).first(&put(), during(third("c.io")));
    store(&api).is(0, "", "");
    assert_eq!(users(&api), json!({ "a.io": "a", "c.io": "c.io", HOST: "user" }));
    api.first(&put(), during(third("d.io")));
    erase(&api).is(0, "", "");
    assert_eq!(text_of(&api.now(&stored()).unwrap()), config(&[("a.io", "a"), ("d.io", "d.io")]));
}

#[test]
fn who_makes_the_secret_first_loses_nothing() {
    let api = cluster();
    let hand = api.hand();
    let first = move || hand.put(&stored(), secret_of(&config(&[("first.io", "first")])));
    api.first(&post(), during(first));
    store(&api).is(0, "", "");
    assert_eq!(users(&api), json!({ "first.io": "first", HOST: "user" }));
    assert_eq!(api.writes(), ["POST", "PUT"]);
}

#[test]
fn a_secret_that_is_deleted_in_between_is_made_anew() {
    let api = holding(&config(&[("other.io", "other")]));
    let hand = api.hand();
    api.first(&put(), during(move || hand.delete(&stored())));
    store(&api).is(0, "", "");
    assert_eq!(api.writes(), ["PUT", "POST"]);
    assert_eq!(users(&api), json!({ HOST: "user" }));
}

#[test]
fn conflicts_without_end_are_told_within_the_deadline() {
    for (api, write) in [(holding("{}"), put()), (cluster(), post())] {
        api.always(&write, Answer::Status(409));
        let writes_all_the_time =
            ["secret kubeclarity/basic-regcred", "write all the time", "KUBECLARITY_TIMEOUT"];
        refuses(&api, login(), &writes_all_the_time);
        assert!(api.writes().len() > 3, "{:?}", api.writes());
    }
}

#[test]
fn a_write_whose_answer_is_lost_is_written_once() {
    for (api, write, expected) in
        [(holding("{}"), put(), ["PUT", "PUT"]), (cluster(), post(), ["POST", "POST"])]
    {
        api.first(&write, [Answer::Lost]);
        let hand = api.hand();
        let first = Arc::new(std::sync::Mutex::new(None));
        let seen = first.clone();
        api.first(&write, during(move || *seen.lock().unwrap() = hand.now(&stored())));
        store(&api).is(0, "", "");
        assert_eq!(api.writes(), expected);
        assert_eq!(users(&api), json!({ HOST: "user" }));
        assert_eq!(api.now(&stored()), *first.lock().unwrap(), "it was written again");
    }
}

#[test]
fn a_server_in_trouble_is_asked_again() {
    for answer in [Answer::Status(503), Answer::Status(500), Answer::StatusWith(429, "Retry-After", "1")] {
        let api = holding("{}");
        api.first(&put(), [answer]);
        store(&api).is(0, "", "");
        assert_eq!(api.writes(), ["PUT"; 2]);
    }
    let api = holding("{}");
    api.always(&put(), Answer::Status(503));
    refuses(&api, login(), &["secret kubeclarity/basic-regcred", "503"]);
    api.always(&stored(), Answer::Status(401));
    refuses(&api, login(), &["secret kubeclarity/basic-regcred", "401"]);
}

#[test]
fn no_secret_grows_over_what_the_server_takes() {
    let text = |api: &FakeApi| text_of(&api.now(&stored()).unwrap());
    let whole = holding("{}");
    store(&whole).is(0, "", "");
    let room = MOST_DATA - text(&whole).len();
    for (more, fits) in [(room - 1, true), (room, true), (room + 1, false), (room + 2, false)] {
        let api = holding("{}");
        api.hand().change(&stored(), |secret| secret["data"]["more"] = json!(base64("a".repeat(more))));
        if fits {
            store(&api).is(0, "", "");
            assert_eq!(text(&api), text(&whole));
        } else {
            refuses(&api, login(), &["secret kubeclarity/basic-regcred", "1 MiB"]);
            assert_eq!(api.writes(), [""; 0]);
        }
    }
}

#[test]
fn an_immutable_secret_is_left_alone() {
    let api = holding(&config(&[(HOST, "old")]));
    api.hand().change(&stored(), |secret| secret["immutable"] = json!(true));
    for helper in [login(), Helper::erase(SERVER)] {
        refuses(&api, helper, &["secret kubeclarity/basic-regcred", "immutable", "CREDS_SECRET_NAMESPACE"]);
    }
    // Nothing is to be done about these.
    on(&api, Helper::erase("other.io")).run().is(0, "", "");
    on(&api, Helper::store(SERVER, "old", &password("old"))).run().is(0, "", "");
    assert_eq!(api.writes(), [""; 0]);
}

#[test]
fn a_secret_of_another_type_is_left_alone() {
    for (kind, key) in [("Opaque", ".dockerconfigjson"), ("kubernetes.io/dockercfg", ".dockercfg")] {
        let api = cluster();
        let mut secret = secret_of("{}");
        secret["type"] = json!(kind);
        secret["data"] = json!({ key: base64("{}") });
        api.object(&stored(), secret);
        for helper in [login(), Helper::erase(SERVER)] {
            let kinds = ["secret kubeclarity/basic-regcred", kind, "kubernetes.io/dockerconfigjson only"];
            refuses(&api, helper, &kinds);
        }
        assert_eq!(api.writes(), [""; 0]);
    }
}

#[test]
fn broken_data_is_left_alone() {
    let broken = ["hunter2", "[]", "null", r#"{"auths":["hunter2"]}"#, r#"{"auths":{"#, "\u{0}"];
    for data in broken.map(base64).into_iter().chain(["hunter2!".to_owned()]) {
        let api = cluster();
        let mut secret = secret_of("{}");
        secret["data"] = json!({ ".dockerconfigjson": data });
        api.object(&stored(), secret);
        for helper in [login(), Helper::erase(SERVER)] {
            refuses(&api, helper, &["secret kubeclarity/basic-regcred"]);
        }
        assert_eq!(api.writes(), [""; 0], "{data}");
    }
}

const RULE: &str =
    r#"{apiGroups: [""], resources: [secrets], resourceNames: [basic-regcred], verbs: [get, update]}"#;

#[test]
fn without_a_right_the_role_is_named() {
    let role = [
        "secret kubeclarity/basic-regcred: access denied",
        "Role in namespace kubeclarity",
        RULE,
        "RoleBinding",
    ];
    let there = || holding(&config(&[(HOST, "old")]));
    for (api, denied) in [(there(), stored()), (cluster(), stored()), (there(), put())] {
        api.always(&denied, Answer::Status(403));
        refuses(&api, login(), &role);
    }
    let api = there();
    api.always(&put(), Answer::Status(403));
    refuses(&api, Helper::erase(SERVER), &role);
    // What may not be read is not served either.
    api.always(&stored(), Answer::Status(403));
    erase(&api).is(0, "", "");
}

#[test]
fn without_the_secret_and_the_right_to_create_it_both_commands_are_named() {
    let api = cluster();
    api.always(&post(), Answer::Status(403));
    let run = store(&api);
    run.explains(&[
        "secret kubeclarity/basic-regcred does not exist and cannot be created: access denied",
        "`kubectl create secret generic basic-regcred --namespace kubeclarity --type kubernetes.io/dockerconfigjson \
         --from-literal='.dockerconfigjson={\"auths\":{}}'`",
        "Role in namespace kubeclarity",
        RULE,
        "RoleBinding",
    ]);
    assert_eq!(api.writes(), ["POST"]);
    // There is nothing to erase.
    erase(&api).is(0, "", "");
}

#[test]
fn the_right_to_create_secrets_is_never_proposed() {
    // Who may create any Secret of a namespace can make one that holds a token of any of its service accounts.
    for denied in [stored(), put(), post()] {
        for there in [true, false] {
            let api = if there { holding(&config(&[(HOST, "old")])) } else { cluster() };
            api.always(&denied, Answer::Status(403));
            for run in [store(&api), erase(&api), on(&api, Helper::new(["explain", HOST])).run()] {
                assert!(!run.text().contains("verbs: [create") && !run.text().contains("create]"), "{run:?}");
            }
        }
    }
}

#[test]
fn what_no_role_would_allow_is_told_without_one() {
    for (message, part) in [
        (
            "secrets is forbidden: unable to create new content because it is being terminated",
            "being deleted",
        ),
        ("secrets \"basic-regcred\" is forbidden: exceeded quota: q, requested: 1", "quota"),
        ("admission webhook \"hunter2\" denied the request: no", "policy"),
    ] {
        let api = cluster();
        let body =
            json!({ "kind": "Status", "status": "Failure", "message": message, "code": 403 }).to_string();
        api.always(&post(), Answer::Raw(http_reply(403, &body)));
        let run = store(&api);
        run.explains(&["secret kubeclarity/basic-regcred", part]);
        assert!(!run.text().contains("Role"), "{run:?}");
    }
}

fn http_reply(code: u16, body: &str) -> Vec<u8> {
    http::reply(code, &[], "application/json", body)
}

#[test]
fn without_the_namespace_it_is_named() {
    let api = FakeApi::with_token().takes_writes(&["other"]);
    refuses(&api, login(), &["secret kubeclarity/basic-regcred", "namespace kubeclarity does not exist"]);
    erase(&api).is(0, "", "");
}

#[test]
fn a_login_without_a_secret_asks_nobody() {
    let api = cluster();
    on(&api, Helper::store(SERVER, "user", "")).run().explains(&["nothing was stored", HOST, "no password"]);
    on(&api, Helper::store("a b", "user", "hunter2")).run().explains(&["nothing was stored", "no registry"]);
    assert_eq!(api.requests(), []);
}

#[test]
fn a_cluster_found_by_chance_does_not_stand_in_the_way_of_erase() {
    let by_chance =
        |api: &FakeApi, helper: Helper| helper.kubeconfig_by_chance(&Kubeconfig::token(api)).run();
    for answer in [Answer::Status(401), Answer::Status(503), Answer::Status(302), Answer::Hang] {
        let api = cluster();
        api.always("*", answer);
        by_chance(&api, Helper::erase(SERVER)).is(0, "", "");
    }
    Helper::erase(SERVER).file(".kube/config", "hunter2").run().is(0, "", "");
    // But what it serves and could not erase is no success.
    let api = holding(&config(&[(HOST, "user")]));
    api.always(&put(), Answer::Status(503));
    by_chance(&api, Helper::erase(SERVER)).explains(&["secret kubeclarity/basic-regcred", "503"]);
    // Nor does a login get lost in it.
    by_chance(&api, Helper::store(SERVER, "new", "hunter2"))
        .explains(&["secret kubeclarity/basic-regcred", "503"]);
}
