//! Answers are kept across processes: for how long, for which questions, and what is never given out.

mod support;

use support::cached::{Machine, content, now, write};
use support::data::{self, config, jwt};
use support::kubeconfig::Kubeconfig;
use support::{Answer, FakeApi, Helper};

use serde_json::{Value, json};

const SERVER: &str = "reg.example.com";
const OTHER: &str = "other.example.com";

/// A cluster whose stored login opens the registry.
fn stocked() -> FakeApi {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "user")]);
    api
}

/// A cluster whose stored login is a token that ends in so many seconds.
fn with_token_for(seconds: u64) -> (FakeApi, String) {
    let api = FakeApi::with_token();
    let token = jwt(&json!({ "exp": now() + seconds }));
    login(&api, &token);
    (api, token)
}

fn login(api: &FakeApi, password: &str) {
    let config = data::config_with(SERVER, json!({ "username": "user", "password": password }));
    let data = [(".dockerconfigjson", config.as_str())];
    api.secret("kubeclarity", "basic-regcred", "kubernetes.io/dockerconfigjson", &data);
}

/// The API server answers nothing but 503 from now on.
fn down(api: &FakeApi) {
    api.always("*", Answer::Status(503));
}

#[test]
fn a_second_process_asks_nobody() {
    let api = stocked();
    let machine = Machine::new(&api);
    for _ in 0..3 {
        machine.get(SERVER).run().answers_user(SERVER, "user");
    }
    assert_eq!((api.requests().len(), api.connections()), (1, 1), "{:?}", api.paths());
    // Other ways to write the same registry are the same question, and come back as they were written.
    for server in ["https://REG.example.com/v2/", "reg.example.com:443"] {
        machine.get(server).run().answers_user(server, "user");
    }
    assert_eq!(api.requests().len(), 1);
}

#[test]
fn what_is_kept_is_the_answer_and_its_life() {
    let api = stocked();
    let machine = Machine::new(&api);
    let before = now();
    machine.get(SERVER).run().answers_user(SERVER, "user");
    let kept = machine.content();
    let asked = kept["asked"].as_u64().unwrap();
    assert!((before..=now()).contains(&asked));
    let expected = json!({ "asked": asked, "fresh_until": asked + 60, "username": "user",
                           "secret": data::password("user"), "origin": kept["origin"], "any_path": true });
    assert_eq!(kept, expected);
    assert!(kept["origin"].as_str().unwrap().contains("kubeclarity/basic-regcred"), "{kept}");
    // The name is a digest: it shows neither the registry nor a part of the credential.
    let name = machine.answer().file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{name}");
}

#[test]
fn off_is_off() {
    let api = stocked();
    let machine = Machine::new(&api);
    for _ in 0..2 {
        machine.get(SERVER).env("KUBECLARITY_CACHE", "off").run().answers_user(SERVER, "user");
    }
    assert_eq!(api.requests().len(), 2);
    assert!(!machine.cache().exists());
    // Nor is an answer given out that is there from before.
    machine.get(SERVER).run().answers_user(SERVER, "user");
    machine.change(|answer| answer["username"] = "kept".into());
    machine.get(SERVER).run().answers(SERVER, "kept", &data::password("user"));
    machine.get(SERVER).env("KUBECLARITY_CACHE", "off").run().answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 4);
}

#[test]
fn the_life_of_a_password_is_a_setting() {
    let api = stocked();
    for (ttl, life) in [("1", 1), ("60", 60), ("86400", 86_400)] {
        let machine = Machine::new(&api);
        machine.get(SERVER).env("KUBECLARITY_CACHE_TTL", ttl).run().answers_user(SERVER, "user");
        let kept = machine.content();
        assert_eq!(kept["fresh_until"].as_u64().unwrap() - kept["asked"].as_u64().unwrap(), life);
    }
    let machine = Machine::new(&api);
    for _ in 0..2 {
        machine.get(SERVER).env("KUBECLARITY_CACHE_TTL", "0").run().answers_user(SERVER, "user");
    }
    assert_eq!(machine.files(), [""; 0]);
    assert_eq!(api.requests().len(), 5);
}

#[test]
fn a_password_is_asked_for_again_when_its_minute_is_over() {
    let api = stocked();
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers_user(SERVER, "user");
    login(&api, "hunter2-changed");
    machine.age(30);
    machine.get(SERVER).run().answers_user(SERVER, "user");
    machine.age(30);
    machine.get(SERVER).run().answers(SERVER, "user", "hunter2-changed");
    assert_eq!(api.requests().len(), 2);
    assert_eq!(machine.content()["secret"], "hunter2-changed");
}

#[test]
fn nothing_found_is_kept_for_ten_seconds() {
    let api = FakeApi::with_token();
    let machine = Machine::new(&api);
    for _ in 0..3 {
        machine.get(SERVER).run().not_found();
    }
    assert_eq!(api.requests().len(), 1);
    let kept = machine.content();
    let asked = kept["asked"].as_u64().unwrap();
    assert_eq!(kept, json!({ "asked": asked, "fresh_until": asked + 10, "any_path": true }));
    // Somebody logs in.
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "user")]);
    machine.age(10);
    machine.get(SERVER).run().answers_user(SERVER, "user");
    // A life that the user gave to passwords is not that of "not found".
    let machine = Machine::new(&api);
    machine.get(OTHER).env("KUBECLARITY_CACHE_TTL", "3600").run().not_found();
    let kept = machine.content();
    assert_eq!(kept["fresh_until"].as_u64().unwrap() - kept["asked"].as_u64().unwrap(), 10);
}

#[test]
fn a_valid_token_is_given_out_while_the_cluster_is_down() {
    let (api, token) = with_token_for(600);
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers(SERVER, "user", &token);
    machine.change(|answer| answer["fresh_until"] = now().into());
    let kept = machine.content();
    down(&api);
    machine.get(SERVER).timeout("1").run().answers(SERVER, "user", &token);
    assert!(api.requests().len() > 1, "it did not ask for a new one");
    // It is no new answer: the next one asks again.
    assert_eq!(machine.content(), kept);
    // A server that is not there at all is down too, and one that never answers.
    api.always("*", Answer::Hang);
    machine.get(SERVER).timeout("1").run().within(20).answers(SERVER, "user", &token);
}

#[test]
fn an_expired_token_is_never_given_out() {
    let (api, token) = with_token_for(600);
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers(SERVER, "user", &token);
    down(&api);
    for fresh_until in [now() - 1, now() + 600, 253_402_300_799] {
        machine.change(|answer| {
            answer["fresh_until"] = fresh_until.into();
            answer["expires"] = (now() - 1).into();
        });
        machine.get(SERVER).timeout("0.5").run().explains(&["kubeclarity/basic-regcred", "503"]);
    }
}

#[test]
fn a_password_is_not_given_out_after_its_minute_even_while_the_cluster_is_down() {
    let api = stocked();
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers_user(SERVER, "user");
    machine.age(61);
    down(&api);
    machine.get(SERVER).timeout("0.5").run().explains(&["503"]);
}

#[test]
fn a_refusal_is_an_answer_and_is_not_covered_by_an_old_token() {
    let (api, token) = with_token_for(600);
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers(SERVER, "user", &token);
    let stale = |machine: &Machine| machine.change(|answer| answer["fresh_until"] = now().into());
    stale(&machine);
    api.always("*", Answer::Status(401));
    machine.get(SERVER).timeout("1").run().explains(&["401"]);
    // The login was erased: nothing is found, although the token would still be good.
    api.always("*", Answer::Status(404));
    machine.get(SERVER).run().not_found();
    machine.get(SERVER).run().not_found();
}

#[test]
fn failures_are_not_kept() {
    let api = stocked();
    let machine = Machine::new(&api);
    down(&api);
    machine.get(SERVER).timeout("0.5").run().explains(&["503"]);
    assert_eq!(machine.files(), [""; 0]);
    api.always("*", Answer::Status(401));
    machine.get(SERVER).env("KUBECLARITY_ON_ERROR", "anonymous").run().not_found();
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn an_answer_from_the_future_is_none() {
    let (api, token) = with_token_for(100_000);
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers(SERVER, "user", &token);
    // The clock was set back by an hour since it was written.
    machine.change(|answer| {
        answer["asked"] = (now() + 3600).into();
        answer["username"] = "future".into();
    });
    machine.get(SERVER).run().answers(SERVER, "user", &token);
    assert_eq!(api.requests().len(), 2);
    assert!(machine.content()["asked"].as_u64().unwrap() <= now());
    // Nor does it stand in for a cluster that is down.
    machine.change(|answer| {
        answer["asked"] = (now() + 3600).into();
        answer["fresh_until"] = (now() + 3600).into();
    });
    down(&api);
    machine.get(SERVER).timeout("0.5").run().explains(&["503"]);
}

#[test]
fn another_question_has_another_answer() {
    let api = FakeApi::with_token();
    let secret = |namespace: &str, name: &str, user: &str| {
        api.pull_secret(
            namespace,
            name,
            &[(SERVER, user), (&format!("{SERVER}/team"), &format!("{user}-team"))],
        );
    };
    secret("kubeclarity", "basic-regcred", "stored");
    secret("other", "basic-regcred", "other");
    secret("default", "named", "named");
    secret("default", "named2", "named2");
    secret("scans", "named", "scans");
    secret("scans", "of-account", "account");
    api.service_account("scans", "scanner", &["of-account"]);
    let machine = Machine::new(&api);
    std::fs::write(machine.path("second"), Kubeconfig::token(&api).namespace("scans").text()).unwrap();
    let image = format!("{SERVER}/team/app:1");
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[], "stored"),
        (&[("CREDS_SECRET_NAMESPACE", "other")], "other"),
        (&[("KUBECLARITY_PULL_SECRETS", "named")], "named"),
        (&[("KUBECLARITY_PULL_SECRETS", "named2,named")], "named2"),
        (&[("KUBECLARITY_PULL_SECRETS", "scans/named")], "scans"),
        (&[("KUBECLARITY_SERVICE_ACCOUNT", "scans/scanner")], "account"),
        (&[("KUBECLARITY_IMAGE", &image)], "stored-team"),
        (&[("KUBECLARITY_PULL_SECRETS", "named"), ("KUBECONFIG", "second")], "scans"),
    ];
    let ask = || {
        for (variables, user) in cases {
            let mut helper = machine.get(SERVER);
            for (name, value) in variables {
                let value = match *name {
                    "KUBECONFIG" => machine.path(value).into_os_string(),
                    _ => value.into(),
                };
                helper = helper.env(name, value);
            }
            helper.run().answers_user(SERVER, user);
        }
    };
    ask();
    let first = api.requests().len();
    assert_eq!(machine.files().len(), cases.len(), "{:?}", machine.files());
    ask();
    assert_eq!(api.requests().len(), first, "an answer was asked for twice");
    // A path is a question of its own, the same as the hint of that image.
    machine
        .get(&format!("{SERVER}/team/app"))
        .run()
        .answers_user(&format!("{SERVER}/team/app"), "stored-team");
    assert_eq!(api.requests().len(), first);
}

#[test]
fn all_repositories_have_one_answer_where_no_key_has_a_path() {
    let api = FakeApi::with_token();
    let elsewhere = [
        ("*.example.com", "user"),
        ("other.example.org/team", "team"),
        ("reg.example.com:5000/team", "port"),
    ];
    api.pull_secret("kubeclarity", "basic-regcred", &elsewhere);
    let machine = Machine::new(&api);
    for path in ["", "/team/app", "/team/other", "/x", ""] {
        let server = format!("{SERVER}{path}");
        machine.get(&server).run().answers_user(&server, "user");
    }
    assert_eq!(api.requests().len(), 1);
    machine.answer();
    // Another registry is another question, found or not.
    for path in ["/a", "/b", ""] {
        machine.get(&format!("registry.example.org{path}")).run().not_found();
    }
    assert_eq!((api.requests().len(), machine.files().len()), (2, 2));
    // And the answer is not longer than it is good.
    let only = Machine::new(&api);
    only.get(&format!("{SERVER}/a")).run().answers_user(&format!("{SERVER}/a"), "user");
    only.age(60);
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "new")]);
    only.get(&format!("{SERVER}/b")).run().answers_user(&format!("{SERVER}/b"), "new");
}

#[test]
fn where_a_key_has_a_path_each_repository_has_its_own_answer() {
    // In the cluster, or in what is asked after it; broken, or for another repository.
    for scoped in [true, false] {
        let api = FakeApi::with_token();
        let (host, team) = ((SERVER, "host"), (&*format!("{SERVER}/team"), "team"));
        let stored: &[(&str, &str)] = if scoped { &[host, team] } else { &[] };
        api.pull_secret("kubeclarity", "basic-regcred", stored);
        let machine = Machine::new(&api);
        let get = |path: &str| machine.get(&format!("{SERVER}{path}")).docker_auth(config(&[host, team]));
        for _ in 0..2 {
            for (path, user) in
                [("/x", "host"), ("/team/app", "team"), ("", "host"), ("/y", "host"), ("/team", "team")]
            {
                get(path).run().answers_user(&format!("{SERVER}{path}"), user);
            }
        }
        assert_eq!((api.requests().len(), machine.files().len()), (5, 5));
    }
}

#[test]
fn a_kubeconfig_that_is_written_is_another_question() {
    let (api, other) = (stocked(), FakeApi::with_token());
    other.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "other")]);
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers_user(SERVER, "user");
    std::fs::write(machine.path("kubeconfig"), Kubeconfig::token(&other).text() + "\n").unwrap();
    machine.get(SERVER).run().answers_user(SERVER, "other");
}

#[test]
fn what_needs_no_network_leaves_no_file() {
    let mount = support::mount::Mount::new();
    mount.pull_secret("one", &[(SERVER, "mounted")]);
    let runtime = tempfile::tempdir().unwrap();
    let bare = |server: &str| Helper::get(server).env("XDG_RUNTIME_DIR", runtime.path());
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    bare(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path()).run().answers_user(SERVER, "mounted");
    bare(SERVER).docker_auth(config(&[(SERVER, "user")])).run().answers_user(SERVER, "user");
    bare("ghcr.io").env("GITHUB_TOKEN", "hunter2").run().answers("ghcr.io", "x-access-token", "hunter2");
    bare(OTHER).run().not_found();
    bare(ecr).docker_auth(config(&[(ecr, "user")])).run().answers_user(ecr, "user");
    let cache = runtime.path().join("docker-credential-kubeclarity");
    let files = std::fs::read_dir(cache).map_or(0, Iterator::count);
    assert_eq!(files, 0, "something was written");

    // The mounted source is read anew each time, and comes before what is kept of the others.
    let api = stocked();
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers_user(SERVER, "user");
    let mounted = |machine: &Machine| machine.get(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path());
    mounted(&machine).run().answers_user(SERVER, "mounted");
    std::fs::remove_dir_all(mount.folder("one")).unwrap();
    mounted(&machine).run().answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 1);
}

#[test]
fn the_place_is_where_the_specification_says() {
    let api = stocked();
    let machine = Machine::new(&api);
    let base = tempfile::tempdir().unwrap();
    let place = |name: &str| base.path().join(name);
    let run = |variables: &[(&str, std::path::PathBuf)]| {
        let mut helper = machine.get(SERVER).without("XDG_RUNTIME_DIR");
        for (name, value) in variables {
            helper = helper.env(name, value);
        }
        helper.run().answers_user(SERVER, "user");
    };
    let (runtime, cache, home) = (place("runtime"), place("cache"), place("home"));
    std::fs::create_dir(&home).unwrap();
    let all =
        [("XDG_RUNTIME_DIR", runtime.clone()), ("XDG_CACHE_HOME", cache.clone()), ("HOME", home.clone())];
    let answers = |at: &std::path::Path| {
        std::fs::read_dir(at.join("docker-credential-kubeclarity")).map_or(0, Iterator::count)
    };
    run(&all);
    assert_eq!((answers(&runtime), answers(&cache)), (1, 0));
    run(&all[1..]);
    assert_eq!((answers(&cache), answers(&home.join(".cache"))), (1, 0));
    run(&all[2..]);
    assert_eq!(answers(&home.join(".cache")), 1);
    // A path that is not absolute is ignored, and without any place nothing is written.
    run(&[("XDG_RUNTIME_DIR", "relative".into()), ("HOME", "".into())]);
    run(&[("HOME", "".into())]);
    assert_eq!(api.requests().len(), 5);
}

#[test]
fn expired_answers_and_abandoned_files_are_removed_on_the_way() {
    let api = stocked();
    let machine = Machine::new(&api);
    machine.get(SERVER).run().answers_user(SERVER, "user");
    let kept = machine.answer();
    let name = |digit: char| machine.cache().join(digit.to_string().repeat(64));
    let file = |path: &std::path::Path, seconds_old: i64| {
        write(path, "x");
        let time = std::time::SystemTime::now();
        let age = std::time::Duration::from_secs(seconds_old.unsigned_abs());
        let time = if seconds_old < 0 { time + age } else { time - age };
        std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    };
    let temporary = |digit: char| machine.cache().join(format!("{}.1.new", digit.to_string().repeat(64)));
    // A file's time is the end of its answer's life.
    file(&name('a'), 1);
    file(&name('b'), -3600);
    file(&temporary('c'), 3600);
    file(&temporary('d'), 1);
    file(&machine.cache().join("mine"), 3600);
    machine.get(OTHER).run().not_found();
    let there = |path: &std::path::Path| path.exists();
    assert!(
        there(&kept) && there(&name('b')) && there(&temporary('d')) && there(&machine.cache().join("mine"))
    );
    assert!(!there(&name('a')) && !there(&temporary('c')), "{:?}", machine.files());
    assert_eq!(content(&kept)["username"], Value::from("user"));
}
