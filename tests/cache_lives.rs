//! For how long an answer is kept: what a cloud issued, what is stored somewhere, and "not found"; beside failures too.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use serde_json::{Value, json};
use support::cached::{Machine, content, now, write};
use support::data::{self, config, config_with, expired_jwt, jwt};
use support::mount::Mount;
use support::writes::stored;
use support::{Answer, FakeApi, Helper, Metadata};

const SERVER: &str = "reg.example.com";
const GOOGLE: &str = "gcr.io";
const MONTH: u64 = 30 * 86_400;

/// A cluster whose stored login opens the registry with this password.
fn holding(password: &str) -> FakeApi {
    let api = FakeApi::with_token();
    put(&api, password);
    api
}

fn put(api: &FakeApi, password: &str) {
    let config = config_with(SERVER, json!({ "username": "user", "password": password }));
    let data = [(".dockerconfigjson", config.as_str())];
    api.secret("kubeclarity", "basic-regcred", "kubernetes.io/dockerconfigjson", &data);
}

/// A token that expires in so many seconds.
fn token(seconds: u64) -> String {
    jwt(&json!({ "exp": now() + seconds }))
}

/// A machine at Google, and a `get` of the machine's own token.
fn at_google(life: u64) -> (Metadata, FakeApi, Machine) {
    let api = FakeApi::with_token();
    let machine = Machine::new(&api);
    (Metadata::with_life(life), api, machine)
}

fn issued(machine: &Machine, metadata: &Metadata) -> Helper {
    issued_for(GOOGLE, machine, metadata)
}

fn issued_for(server: &str, machine: &Machine, metadata: &Metadata) -> Helper {
    machine.get(server).env("GCE_METADATA_HOST", metadata.host()).env("HOME", machine.path("home"))
}

/// For how many seconds it is fresh, and of use.
#[track_caller]
fn life(kept: &Value) -> (u64, u64) {
    let at = |name: &str| kept[name].as_u64().unwrap_or_else(|| panic!("no {name}: {kept}"));
    (at("fresh_until") - at("asked"), at("over") - at("asked"))
}

/// An hour less its tenth; a second less where the clock's second ended between the request and the write.
#[track_caller]
fn assert_life_of_an_hour(kept: &Value, what: &str) {
    let fresh = life(kept).0;
    assert!((3238..=3240).contains(&fresh), "{what}: {fresh}");
}

/// Nobody waits for the margin: it is past, and the token is still good.
fn past_its_margin(machine: &Machine) {
    machine.change(|answer| answer["fresh_until"] = now().into());
}

#[test]
fn a_cloud_s_token_is_renewed_before_it_ends_and_kept_for_half_a_day_at_most() {
    // A tenth of its life before, or a minute if that is more.
    for (seconds, fresh, over) in [
        (300, 240, 300),
        (6000, 5400, 6000),
        (43_200, 38_880, 43_200),
        (MONTH, 38_880, 43_200),
        (100 * 12 * MONTH, 38_880, 43_200),
    ] {
        let (metadata, _api, machine) = at_google(seconds);
        issued(&machine, &metadata).run().answers(GOOGLE, "oauth2accesstoken", "hunter2-token-1");
        let kept = machine.content();
        let (is_fresh, is_over) = life(&kept);
        // The second in which it was asked for may have been the one before.
        assert!((fresh - 2..=fresh).contains(&is_fresh), "{seconds}: {kept}");
        assert!((over - 2..=over).contains(&is_over), "{seconds}: {kept}");
        issued(&machine, &metadata).run().answers(GOOGLE, "oauth2accesstoken", "hunter2-token-1");
        past_its_margin(&machine);
        issued(&machine, &metadata).run().answers(GOOGLE, "oauth2accesstoken", "hunter2-token-2");
    }
    // What lives no longer than the margin is given out, but not kept.
    let (metadata, _api, machine) = at_google(59);
    issued(&machine, &metadata).run().answers(GOOGLE, "oauth2accesstoken", "hunter2-token-1");
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn a_token_in_a_secret_is_kept_no_longer_than_a_password() {
    for expires in [3600, MONTH, 100 * 12 * MONTH] {
        let api = holding(&token(expires));
        let machine = Machine::new(&api);
        machine.get(SERVER).run();
        assert_eq!(life(&machine.content()).0, 60);
        // It is corrected, and then deleted, by somebody else.
        let corrected = token(expires + 1);
        put(&api, &corrected);
        machine.age(60);
        machine.get(SERVER).run().answers(SERVER, "user", &corrected);
        api.always(&stored(), Answer::Status(404));
        machine.age(60);
        machine.get(SERVER).run().not_found();
    }
}

#[test]
fn what_tokens_of_variables_and_named_secrets_hold_is_stored_too() {
    let api = FakeApi::with_token();
    let password = token(MONTH);
    let text = config_with(SERVER, json!({ "username": "user", "password": password }));
    let identity = config_with(SERVER, json!({ "identitytoken": password }));
    let data = [(".dockerconfigjson", identity.as_str())];
    api.secret("default", "named", "kubernetes.io/dockerconfigjson", &data);
    let machine = Machine::new(&api);
    machine.get(SERVER).docker_auth(&text).run().answers(SERVER, "user", &password);
    assert_eq!(life(&machine.content()).0, 60);
    let machine = Machine::new(&api);
    let named = machine.get(SERVER).env("KUBECLARITY_PULL_SECRETS", "named");
    named.run().answers(SERVER, "<token>", &password);
    assert_eq!(life(&machine.content()).0, 60);
    // A password that ECR gave to somebody else, who put it there: twelve hours are left of it.
    let ecr =
        data::base64(json!({ "payload": "p", "version": "2", "expiration": now() + 43_200 }).to_string());
    let api = holding(&ecr);
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers(SERVER, "user", &ecr);
    assert_eq!(life(&machine.content()), (60, 3600));
}

#[test]
fn the_life_of_a_stored_token_is_a_setting_and_never_reaches_its_end() {
    for (ttl, expires, fresh, over) in
        [("7200", MONTH, 7200, 7200), ("5", MONTH, 5, 3600), ("7200", 600, 540, 600), ("60", 90, 30, 90)]
    {
        let api = holding(&token(expires));
        let machine = Machine::new(&api);
        machine.get(SERVER).env("KUBECLARITY_CACHE_TTL", ttl).run();
        let kept = machine.content();
        let (is_fresh, is_over) = life(&kept);
        assert!((fresh - 2..=fresh).contains(&is_fresh) && (over - 2..=over).contains(&is_over), "{kept}");
    }
    // What lives no longer than the margin is given out, but not kept.
    let short = token(59);
    let api = holding(&short);
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers(SERVER, "user", &short);
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn a_stored_token_stands_in_for_an_outage_for_an_hour_at_most() {
    let years = token(100 * 12 * MONTH);
    let api = holding(&years);
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers(SERVER, "user", &years);
    api.always("*", Answer::Status(503));
    let age = |seconds: u64| {
        machine.change(|answer| {
            for time in ["asked", "fresh_until", "over"] {
                answer[time] = (answer[time].as_u64().unwrap() - seconds).into();
            }
        });
    };
    age(3500);
    machine.get(SERVER).timeout("1").run().answers(SERVER, "user", &years);
    age(100);
    machine.get(SERVER).timeout("0.5").run().explains(&["503"]);
}

#[test]
fn a_token_serves_repositories_that_nobody_asked_for_no_longer_than_a_password_is_kept() {
    let (metadata, api, machine) = at_google(3600);
    let get = |path: &str| {
        let server = format!("{GOOGLE}{path}");
        issued_for(&server, &machine, &metadata).run()
    };
    let answers = |path: &str, user: &str, secret: &str| {
        get(path).answers(&format!("{GOOGLE}{path}"), user, secret);
    };
    answers("/a", "oauth2accesstoken", "hunter2-token-1");
    answers("/b", "oauth2accesstoken", "hunter2-token-1");
    assert_eq!(metadata.asked(), 1);
    // A minute later, somebody has stored a login for one of them.
    for name in machine.files() {
        let path = machine.cache().join(name);
        let mut answer = content(&path);
        answer["asked"] = (answer["asked"].as_u64().unwrap() - 60).into();
        write(&path, format!("{}{answer}", support::cached::HEAD));
        // The broom goes by the file's time.
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(3000)).unwrap();
    }
    api.pull_secret("kubeclarity", "basic-regcred", &[("gcr.io/c", "of-c")]);
    answers("/c", "of-c", &data::password("of-c"));
    // What was asked for itself is good until the token ends.
    answers("/a", "oauth2accesstoken", "hunter2-token-1");
    assert_eq!(metadata.asked(), 1);
}

#[test]
fn a_good_token_is_given_out_while_a_metadata_server_that_nobody_named_is_down() {
    for status in [429, 500, 503] {
        let (metadata, _api, machine) = at_google(3600);
        issued(&machine, &metadata).run().answers(GOOGLE, "oauth2accesstoken", "hunter2-token-1");
        past_its_margin(&machine);
        let kept = machine.content();
        metadata.status(status);
        for _ in 0..2 {
            let helper = issued(&machine, &metadata).timeout("1");
            helper.run().answers(GOOGLE, "oauth2accesstoken", "hunter2-token-1");
        }
        assert_eq!(machine.content(), kept, "it gave way to something");
        metadata.status(200);
        let last = format!("hunter2-token-{}", metadata.asked() + 1);
        issued(&machine, &metadata).run().answers(GOOGLE, "oauth2accesstoken", &last);
    }
}

#[test]
fn a_login_that_was_deleted_is_not_given_out_because_something_else_is_down() {
    let years = token(MONTH);
    let api = FakeApi::with_token();
    let config = config_with(GOOGLE, json!({ "username": "user", "password": years }));
    let data = [(".dockerconfigjson", config.as_str())];
    api.secret("kubeclarity", "basic-regcred", "kubernetes.io/dockerconfigjson", &data);
    let machine = Machine::new(&api);
    let metadata = Metadata::with_life(3600);
    let get = || issued(&machine, &metadata).env("KUBECLARITY_CLOUD", "google").timeout("1").run();
    get().answers(GOOGLE, "user", &years);
    past_its_margin(&machine);
    api.always(&stored(), Answer::Status(404));
    metadata.status(503);
    get().explains(&["503"]);
}

#[test]
fn not_found_is_not_kept_where_a_source_failed() {
    // The cluster is known by chance, so that its failure is no error.
    for answer in [Answer::Status(503), Answer::Status(401), Answer::Status(429), Answer::Hang] {
        let api = FakeApi::with_token();
        let machine = Machine::new(&api);
        api.always("*", answer);
        machine.get_by_chance(SERVER).run().within(20).not_found();
        assert_eq!(machine.files(), [""; 0]);
        let up = holding("hunter2");
        let other = Machine::new(&up);
        up.first(&stored(), [Answer::Status(401)]);
        other.get_by_chance(SERVER).run().not_found();
        other.get_by_chance(SERVER).run().answers(SERVER, "user", "hunter2");
    }
    // A metadata server that nobody named.
    let (metadata, _api, machine) = at_google(3600);
    metadata.status(503);
    let outcome = issued(&machine, &metadata).timeout("1").run();
    assert!(!outcome.status.success() && machine.files().is_empty(), "{outcome:?}");
    metadata.status(200);
    assert!(issued(&machine, &metadata).run().status.success());
    // A denial of what only a default named is an answer: there is nothing for this account.
    let api = FakeApi::with_token();
    let machine = Machine::new(&api);
    api.always("*", Answer::Status(403));
    for _ in 0..2 {
        machine.get(SERVER).run().not_found();
    }
    assert_eq!(api.requests().len(), 1);
}

#[test]
fn an_answer_is_kept_beside_a_failure_that_does_not_go_away_by_itself() {
    let mount = Mount::new();
    mount.secret("broken", ".dockerconfigjson", "{");
    let beside = |helper: Helper| helper.env("IMAGE_PULL_SECRET_PATH", mount.path());
    // What is stored, for as long as always.
    let api = holding("hunter2");
    let machine = Machine::new(&api);
    for _ in 0..3 {
        beside(machine.get(SERVER)).run().answers(SERVER, "user", "hunter2");
    }
    assert_eq!(api.requests().len(), 1);
    let kept = machine.content();
    assert_eq!(kept["fresh_until"].as_u64().unwrap() - kept["asked"].as_u64().unwrap(), 60);
    // What a cloud issued, until its end.
    let (metadata, api, machine) = at_google(3600);
    for _ in 0..3 {
        beside(issued(&machine, &metadata)).run().answers(GOOGLE, "oauth2accesstoken", "hunter2-token-1");
    }
    assert_eq!(metadata.asked(), 1);
    assert_life_of_an_hour(&machine.content(), "broken mount");
    drop(api);
    // Beside a Secret that is broken, and an entry that is expired.
    let broken: [(&str, String); 2] = [
        ("broken", "{".to_owned()),
        ("expired", config_with(GOOGLE, json!({ "username": "user", "password": expired_jwt() }))),
    ];
    for (what, text) in broken {
        let (metadata, api, machine) = at_google(3600);
        let data = [(".dockerconfigjson", text.as_str())];
        api.secret("kubeclarity", "basic-regcred", "kubernetes.io/dockerconfigjson", &data);
        for _ in 0..2 {
            let helper = issued(&machine, &metadata);
            helper.run().answers(GOOGLE, "oauth2accesstoken", "hunter2-token-1");
        }
        assert_eq!(metadata.asked(), 1, "{what}");
        assert_life_of_an_hour(&machine.content(), what);
    }
}

#[test]
fn beside_an_outage_of_an_earlier_source_an_answer_is_kept_for_the_setting_at_most() {
    for answer in [Answer::Status(503), Answer::Hang] {
        let (metadata, api, machine) = at_google(3600);
        api.always("*", answer);
        let get = || {
            let helper = machine.get_by_chance(GOOGLE).env("GCE_METADATA_HOST", metadata.host());
            helper.run()
        };
        get().within(20).answers(GOOGLE, "oauth2accesstoken", "hunter2-token-1");
        let asked = api.requests().len();
        get().answers(GOOGLE, "oauth2accesstoken", "hunter2-token-1");
        assert_eq!((api.requests().len(), life(&machine.content()).0), (asked, 60));
        // The cluster is up again, and has an answer that comes first.
        machine.age(60);
        api.always("*", Answer::Status(404));
        api.pull_secret("kubeclarity", "basic-regcred", &[(GOOGLE, "user")]);
        let config = config(&[(GOOGLE, "user")]);
        api.always(&stored(), Answer::Object(support::writes::secret_of(&config)));
        get().answers(GOOGLE, "user", &data::password("user"));
    }
}

#[test]
fn a_kept_not_found_does_not_hide_a_mounted_secret_that_broke_since() {
    let api = FakeApi::with_token();
    let machine = Machine::new(&api);
    let mount = Mount::new();
    let get = || machine.get(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path()).run();
    get().not_found();
    assert_eq!(machine.files().len(), 1);
    mount.secret("broken", ".dockerconfigjson", "{");
    get().explains(&["broken"]);
}
