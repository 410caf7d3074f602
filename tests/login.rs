//! `store` and `erase`: into the Secret of stored logins and out of it, and the truth where that cannot be. Never a
//! secret shown.

mod support;

use serde_json::{Value, json};
use support::api::secret_path;
use support::data::{base64, config, config_with, expired_jwt, password};
use support::fault::Refused;
use support::mount::Mount;
use support::writes::{cluster, holding, on, secret_of, stored, text};
use support::{FakeApi, Helper};

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";
const HUB: &str = "https://index.docker.io/v1/";

#[track_caller]
fn store(api: &FakeApi, server: &str, username: &str, secret: &str) {
    on(api, Helper::store(server, username, secret)).run().is(0, "", "");
}

#[track_caller]
fn erase(api: &FakeApi, server: &str) {
    on(api, Helper::erase(server)).run().is(0, "", "");
}

/// What is written for a user of the tests.
fn entry(user: &str) -> Value {
    let secret = password(user);
    json!({ "username": user, "password": secret, "auth": base64(format!("{user}:{secret}")) })
}

#[test]
fn the_first_login_makes_the_secret() {
    let api = cluster();
    store(&api, SERVER, "user", &password("user"));
    let secret = api.now(&stored()).unwrap();
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(secret["metadata"]["labels"]["app.kubernetes.io/managed-by"], "docker-credential-kubeclarity");
    assert_eq!(text(&api), json!({ "auths": { HOST: entry("user") } }).to_string());
    assert_eq!(api.writes(), ["POST"]);
    on(&api, Helper::get(SERVER)).run().answers_user(SERVER, "user");
}

#[test]
fn the_namespace_is_the_one_that_is_set() {
    let api = FakeApi::with_token().takes_writes(&["team"]);
    on(&api, Helper::store(SERVER, "user", "hunter2"))
        .env("CREDS_SECRET_NAMESPACE", "team")
        .run()
        .is(0, "", "");
    assert!(api.now(&secret_path("team", "basic-regcred")).is_some());
}

#[test]
fn a_login_is_merged_and_all_else_stays() {
    let other = r#""other.io":{"auth":"bzpv","email":"e","x":[1]}"#;
    let api = holding(&format!(
        r#"{{"x":{{"y":[1,null]}},"auths":{{{other},"{SERVER}/v1/":{{"auth":"b2xkOm9sZA==","email":"me@example.com"}},"*.b.io":{{}}}},"z":1}}"#
    ));
    api.hand().change(&stored(), |secret| {
        secret["metadata"]["labels"] = json!({ "team": "a" });
        secret["metadata"]["annotations"] = json!({ "note": "b" });
        secret["metadata"]["uid"] = json!("u1");
        secret["data"]["more"] = json!("aGk=");
    });
    let before = api.now(&stored()).unwrap();
    store(&api, SERVER, "user", &password("user"));
    let mut login = json!({ "email": "me@example.com" });
    login.as_object_mut().unwrap().extend(entry("user").as_object().unwrap().clone());
    let expected =
        format!(r#"{{"x":{{"y":[1,null]}},"auths":{{{other},"{HOST}":{login},"*.b.io":{{}}}},"z":1}}"#);
    assert_eq!(text(&api), expected);
    let mut after = api.now(&stored()).unwrap();
    assert_ne!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
    after["data"][".dockerconfigjson"] = before["data"][".dockerconfigjson"].clone();
    assert_eq!(after, before);
    assert_eq!(api.writes(), ["PUT"]);
}

#[test]
fn a_secret_without_data_is_filled() {
    for data in [json!(null), json!({}), json!({ ".dockerconfigjson": "" })] {
        let api = cluster();
        let mut secret = secret_of("{}");
        secret["data"] = data;
        api.object(&stored(), secret);
        store(&api, SERVER, "user", &password("user"));
        assert_eq!(text(&api), json!({ "auths": { HOST: entry("user") } }).to_string());
    }
}

#[test]
fn entries_have_the_keys_that_docker_and_kubelet_look_for() {
    for (server, key) in [
        ("docker.io", HUB),
        (HUB, HUB),
        ("registry-1.docker.io", HUB),
        ("https://REG.example.com:443/v2/", HOST),
        ("reg.example.com:5000", "reg.example.com:5000"),
        ("http://reg.example.com/", HOST),
        ("reg.example.com/team/app", "reg.example.com/team/app"),
        ("[0::1]:5000", "[::1]:5000"),
    ] {
        let api = cluster();
        store(&api, server, "user", &password("user"));
        assert_eq!(text(&api), json!({ "auths": { key: entry("user") } }).to_string(), "{server}");
        on(&api, Helper::get(server)).run().answers_user(server, "user");
    }
}

#[test]
fn every_login_comes_back_as_it_was() {
    for (username, secret) in [
        ("<token>", "hunter2-refresh"),
        ("ü\"\\ \u{1}", "hunter2 :ü\n\"\\"),
        ("robot:x", "hunter2:y"),
        ("u", " hunter2 "),
    ] {
        let api = cluster();
        store(&api, SERVER, username, secret);
        on(&api, Helper::get(SERVER)).run().answers(SERVER, username, secret);
        if username == "<token>" {
            assert_eq!(text(&api), json!({ "auths": { HOST: { "identitytoken": secret } } }).to_string());
        }
    }
}

#[test]
fn what_the_cluster_answers_already_is_not_written() {
    let api = holding(&config(&[("*.example.com", "user"), (HUB, "hub")]));
    store(&api, SERVER, "user", &password("user"));
    store(&api, "docker.io", "hub", &password("hub"));
    // What another source covers would be written once, and not again.
    let covered =
        || on(&api, Helper::store(SERVER, "new", "hunter2")).env("KUBECLARITY_PULL_SECRETS", "team/pull");
    api.pull_secret("team", "pull", &[(HOST, "named")]);
    assert_eq!(api.writes(), [""; 0]);
    for _ in 0..3 {
        covered().run().is(0, "", "");
        assert_eq!(api.writes(), ["PUT"]);
    }
}

#[test]
fn a_login_of_the_clients_own_file_is_taken_over() {
    // Docker empties the entry of its file once a helper has taken the login: it would be nowhere.
    let api = cluster();
    let login = || Helper::store(SERVER, "user", &password("user")).file("docker/config.json", known());
    for _ in 0..2 {
        let helper = on(&api, login());
        let directory = helper.path("docker");
        helper.env("DOCKER_CONFIG", directory).run().is(0, "", "");
        assert_eq!(api.writes(), ["POST"]);
    }
    on(&api, Helper::get(SERVER)).run().answers_user(SERVER, "user");
    // Without a cluster there is no place for it, and docker must keep it.
    let helper = login();
    let directory = helper.path("docker");
    helper.env("DOCKER_CONFIG", directory).run().explains(&[HOST, "nothing was stored"]);
}

#[test]
fn exactly_one_entry_is_erased_however_it_is_spelt() {
    for (key, server) in [
        (HOST, SERVER),
        ("https://REG.example.com/v2/", "reg.example.com:443"),
        ("http://reg.example.com:80/v1/", HOST),
        ("index.docker.io", HUB),
        (HUB, "registry-1.docker.io"),
        ("reg.example.com/team/", "https://reg.example.com/team"),
    ] {
        let rest = [("other.example.com", "a"), ("reg.example.com:5000", "b"), ("https://x.io/team", "c")];
        let api = holding(&config(&[rest[0], (key, "user"), rest[1], rest[2]]));
        erase(&api, server);
        assert_eq!(text(&api), config(&rest), "{server}");
        on(&api, Helper::get(server)).run().not_found();
        erase(&api, server);
        assert_eq!(api.writes(), ["PUT"], "{server}");
    }
}

#[test]
fn erasing_from_nothing_makes_nothing() {
    let api = cluster();
    erase(&api, SERVER);
    api.object(&stored(), secret_of("{}"));
    erase(&api, SERVER);
    assert_eq!(api.writes(), [""; 0]);
}

#[test]
fn an_entry_that_still_serves_what_was_erased_is_named() {
    let rest = [("*.example.com", "glob")];
    let api = holding(&config(&[(HOST, "user"), rest[0]]));
    let named = "secret kubeclarity/basic-regcred/.dockerconfigjson entry *.example.com";
    on(&api, Helper::erase(SERVER)).run().explains(&[HOST, "is gone", named]);
    assert_eq!(text(&api), config(&rest));
    // Another Secret is another source.
    api.pull_secret("team", "pull", &[(HOST, "named")]);
    let other = on(&api, Helper::erase(SERVER)).env("KUBECLARITY_PULL_SECRETS", "team/pull").run();
    other.explains(&["secret team/pull", "does not write"]);
}

fn known() -> String {
    config(&[(HOST, "user")])
}

#[test]
fn storing_what_get_answers_succeeds_without_a_write() {
    // Plain `docker login` stores what it just read.
    for server in [SERVER, HOST, "https://reg.example.com/v2/"] {
        Helper::store(server, "user", &password("user")).docker_auth(known()).run().is(0, "", "");
    }
}

#[test]
fn storing_anything_else_says_that_nothing_was_stored() {
    for (server, user, secret) in [
        (SERVER, "user", "hunter2-other"),
        (SERVER, "other", "hunter2-user"),
        (SERVER, "USER", "hunter2-user"),
        (SERVER, "user", ""),
        ("https://other.example.com", "user", "hunter2-user"),
    ] {
        Helper::store(server, user, secret)
            .docker_auth(known())
            .run()
            .explains(&["nothing was stored", "example.com"]);
    }
    Helper::store("a b", "user", "hunter2").run().explains(&["nothing was stored"]);
}

#[test]
fn unknown_fields_of_a_login_are_passed_over() {
    let login =
        r#"{"ServerURL":"reg.example.com","Username":"user","Secret":"hunter2-user","Email":"x","X":[1]}"#;
    Helper::new(["store"]).stdin(login).docker_auth(known()).run().is(0, "", "");
}

#[test]
fn hubs_login_tokens_are_taken_and_not_kept() {
    let tokens =
        [("https://index.docker.io/v1/access-token", "a"), ("https://index.docker.io/v1/refresh-token", "b")];
    let api = holding(&config(&tokens));
    for (server, _) in tokens {
        store(&api, server, "user", "hunter2");
        erase(&api, server);
        on(&api, Helper::get(server)).run().not_found();
        Helper::store(server, "user", "hunter2").run().is(0, "", "");
        Helper::erase(server).run().is(0, "", "");
    }
    // Nor does an entry of Hub's own take them along.
    store(&api, HUB, "user", &password("user"));
    erase(&api, HUB);
    assert_eq!(text(&api), config(&tokens));
}

#[test]
fn erasing_what_nobody_serves_succeeds() {
    for server in [SERVER, "other.example.com", "*", "a b", "http://"] {
        Helper::erase(server).run().is(0, "", "");
    }
    Helper::erase("other.example.com").docker_auth(known()).run().is(0, "", "");
}

#[test]
fn erasing_what_a_source_serves_names_the_source() {
    Helper::erase(SERVER)
        .docker_auth(known())
        .run()
        .explains(&[HOST, "DOCKER_AUTH_CONFIG entry reg.example.com"]);
}

#[test]
fn erasing_succeeds_where_what_is_left_serves_nobody() {
    let broken = [
        config_with(HOST, json!({ "auth": "!" })),
        config_with(HOST, json!({ "auth": base64("user") })),
        config_with(HOST, json!({ "username": "user" })),
        config_with(HOST, json!([1])),
        config_with(HOST, json!({ "username": "user", "password": expired_jwt() })),
        r#"{"auths":[]}"#.to_owned(),
        "{".to_owned(),
    ];
    let api = holding(&config(&[("other.io", "other")]));
    for text in &broken {
        let mount = Mount::new();
        mount.secret("pull", ".dockerconfigjson", text);
        api.object(&secret_path("team", "pull"), secret_of(text));
        let everywhere = |verb: &str| {
            let ask = || Helper::new([verb]).stdin(SERVER);
            let file = ask().file("docker/config.json", text).file("auth.json", text);
            let (directory, auth) = (file.path("docker"), file.path("auth.json"));
            [
                ask().env("IMAGE_PULL_SECRET_PATH", mount.path()),
                on(&api, ask()).env("KUBECLARITY_PULL_SECRETS", "team/pull"),
                ask().docker_auth(text),
                file.env("DOCKER_CONFIG", directory),
                ask().file("auth.json", text).env("REGISTRY_AUTH_FILE", auth),
            ]
        };
        for (at, helper) in everywhere("erase").into_iter().enumerate() {
            helper.run().is(0, "", "");
            // `get` is the one to report it.
            if at < 3 {
                everywhere("get")
                    .into_iter()
                    .nth(at)
                    .unwrap()
                    .run()
                    .explains(&["pull", "DOCKER_AUTH_CONFIG"][at / 2..=at / 2]);
            }
        }
    }
    // What was named and is missing or denied serves nobody either.
    for (variable, value) in [
        ("IMAGE_PULL_SECRET_PATH", "/nowhere"),
        ("KUBECLARITY_PULL_SECRETS", "team/gone"),
        ("CI_REGISTRY_USER", "u"),
    ] {
        on(&api, Helper::erase(SERVER)).env("CI_REGISTRY", HOST).env(variable, value).run().is(0, "", "");
    }
    assert_eq!(api.writes(), [""; 0]);
}

#[test]
fn erasing_is_no_success_while_a_source_that_may_serve_it_is_down() {
    let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let down = Refused::new();
    let run = Helper::erase(host)
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "hunter2")
        .env("HTTPS_PROXY", down.url())
        .timeout("2")
        .run();
    run.within(20).explains(&[host]);
}

#[test]
fn ignoring_logins_makes_both_silent_successes() {
    for word in ["1", "true"] {
        let ignoring =
            |helper: Helper| helper.env("KUBECLARITY_IGNORE_LOGIN", word).docker_auth(known()).run();
        ignoring(Helper::store("other.example.com", "u", "hunter2")).is(0, "", "");
        ignoring(Helper::erase(SERVER)).is(0, "", "");
        // Nonsense stays nonsense.
        ignoring(Helper::store("", "u", "hunter2")).is(1, "no credentials server URL\n", "");
        ignoring(Helper::erase("")).is(1, "no credentials server URL\n", "");
    }
    let api = holding(&config(&[(HOST, "user")]));
    for helper in [Helper::erase(SERVER), Helper::store(SERVER, "new", "hunter2")] {
        on(&api, helper).env("KUBECLARITY_IGNORE_LOGIN", "1").run().is(0, "", "");
    }
    assert_eq!(api.requests(), []);
    Helper::erase(SERVER)
        .env("KUBECLARITY_IGNORE_LOGIN", "0")
        .docker_auth(known())
        .run()
        .explains(&[HOST, "DOCKER_AUTH_CONFIG"]);
}
