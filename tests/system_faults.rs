//! A system that has run out: descriptors, memory, room on the disk. At every limit the answer is the right one or one
//! line that says what is missing; "not found" would send the client on without a credential.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use serde_json::json;
use support::cached::Machine;
use support::data::{base64, config};
use support::kubeconfig::Kubeconfig;
use support::mount::Mount;
use support::share::{all_wanted, side_by_side, tell};
use support::shim::Shim;
use support::{FakeApi, Helper, Outcome};

const SERVER: &str = "reg.example.com";
const USER: &str = "user";

fn stocked() -> FakeApi {
    let api = FakeApi::with_token().takes_writes(&["kubeclarity"]);
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, USER)]);
    api
}

/// The right answer or a line of ours; whether it was the answer.
#[track_caller]
fn right_or_told(run: &Outcome) -> bool {
    match run.status.success() {
        true => drop(run.answers_user(SERVER, USER)),
        false => drop(run.explains(&[])),
    }
    run.status.success()
}

fn limited(helper: Helper, limit: &str) -> Outcome {
    helper.through(&format!(r#"ulimit {limit} && exec "$0" "$@""#)).run()
}

/// The first number of a ladder with which the program can be started at all: before that the system's loader ends it.
fn enough(option: &str, ladder: impl IntoIterator<Item = usize>) -> usize {
    let starts =
        |limit: &usize| limited(Helper::new(["version"]), &format!("{option} {limit}")).status.success();
    ladder.into_iter().find(starts).unwrap()
}

type Way<'a> = Box<dyn Fn() -> Helper + Sync + 'a>;

/// Every way to an answer: asked for, kept, mounted.
fn ways<'a>(api: &'a FakeApi, mount: &'a Mount) -> Vec<(&'static str, Way<'a>)> {
    let kubeconfig = || Kubeconfig::token(api);
    let kept = Machine::new(api);
    kept.get(SERVER).run().answers_user(SERVER, USER);
    let mounted = move || Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path());
    vec![
        ("asked", Box::new(move || Helper::get(SERVER).kubeconfig(&kubeconfig()).timeout("5"))),
        ("kept", Box::new(move || kept.get(SERVER).env("KUBECLARITY_CACHE_TTL", "600").timeout("5"))),
        ("mounted", Box::new(mounted)),
    ]
}

#[test]
fn without_descriptors_every_way_is_right_or_told() {
    let (api, mount) = (stocked(), Mount::new());
    mount.pull_secret("one", &[(SERVER, USER)]);
    let first = enough("-n", 3..16);
    for (way, get) in ways(&api, &mount) {
        let right: Vec<bool> =
            (first..first + 24).map(|limit| right_or_told(&limited(get(), &format!("-n {limit}")))).collect();
        // With enough of them it answers, and what was right with few is right with more.
        assert!(*right.last().unwrap() && right.is_sorted(), "{way}: {right:?}");
    }
}

#[test]
fn without_memory_every_way_is_right_or_ends_with_one() {
    let (api, mount) = (stocked(), Mount::new());
    mount.pull_secret("one", &[(SERVER, USER)]);
    let first = enough("-v", (4096..2_000_000).step_by(256));
    let step = if all_wanted() { 32 } else { 512 };
    let limits: Vec<usize> = (first..first + 24 * 1024).step_by(step).collect();
    for (way, get) in ways(&api, &mount) {
        side_by_side(
            &limits,
            || (),
            |(), limit| {
                let run = limited(get(), &format!("-v {limit}"));
                // Where the runtime itself gives up there is no line.
                match run.stdout.is_empty() {
                    true => drop(run.is(1, "", "")),
                    false => drop(right_or_told(&run)),
                }
            },
        );
        let run = limited(get(), &format!("-v {}", first + 512 * 1024));
        assert!(right_or_told(&run), "{way}: {run:?}");
    }
    tell(&format!("{} limits of memory, from {first} KiB", limits.len()));
}

/// The limit for files stands in for a full disk: the system refuses to write, in this user's own files. It sends a
/// signal too, which would end the process.
#[test]
fn without_room_for_a_file_the_answer_is_given_and_nothing_left() {
    let api = stocked();
    let machine = Machine::new(&api);
    for _ in 0..2 {
        let run = limited(machine.get(SERVER), "-f 0");
        run.answers_user(SERVER, USER);
        assert_eq!(machine.files(), [""; 0]);
    }
}

#[test]
fn without_room_for_it_a_configuration_stays_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let old = json!({ "auths": { "x.io": { "auth": base64("user:hunter2-x") } }, "more": "x".repeat(4096) });
    for room in 0..4 {
        std::fs::write(&path, old.to_string()).unwrap();
        let configure = Helper::new(["configure", "a.io"]).env("DOCKER_CONFIG", directory.path());
        limited(configure, &format!("-f {room}")).explains(&["config.json"]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), old.to_string());
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "something is left");
    }
}

#[test]
fn without_room_for_it_no_part_of_the_program_is_installed() {
    let directory = tempfile::tempdir().unwrap();
    for room in [0, 1, 2000] {
        let run =
            limited(Helper::new(["install".as_ref(), directory.path().as_os_str()]), &format!("-f {room}"));
        run.explains(&["docker-credential-kubeclarity"]);
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "something is left");
    }
}

#[test]
fn a_reader_that_is_gone_ends_every_verb_with_one() {
    let api = stocked();
    let machine = Machine::new(&api);
    let login = Helper::store("new.example.com", "user", "hunter2");
    let verbs = [
        machine.get(SERVER),
        machine.get("other.example.com"),
        login.kubeconfig(&Kubeconfig::token(&api)),
        Helper::list().kubeconfig(&Kubeconfig::token(&api)),
        Helper::new(["explain", SERVER]).docker_auth(config(&[(SERVER, USER)])),
        Helper::new(["version"]),
        Helper::new(["nothing"]),
    ];
    for helper in verbs {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = helper.stdout(writer).run();
        assert!(matches!(run.status.code(), Some(0 | 1)), "{run:?}");
        assert_eq!(run.stderr, b"", "{run:?}");
    }
    // What it had is kept, and whole.
    machine.get(SERVER).run().answers_user(SERVER, USER);
}

/// Every verb that asks somebody over the network: a cluster, or a cloud.
fn askers(api: &FakeApi) -> Vec<Helper> {
    let cluster = || Kubeconfig::token(api);
    let by_name = |url: &str| {
        let mut cluster = cluster();
        cluster.cluster["server"] = url.into();
        cluster
    };
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let azure = [("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_SECRET", "hunter2")];
    let nowhere = |helper: Helper| helper.env("HTTPS_PROXY", "http://127.0.0.1:1");
    let mut askers = vec![
        Helper::get(SERVER).kubeconfig(&cluster()),
        Helper::get(SERVER).kubeconfig(&by_name("https://localhost:1")),
        Helper::get(SERVER).kubeconfig(&by_name("https://not-there.example.invalid")),
        Helper::list().kubeconfig(&cluster()),
        Helper::store("new.example.com", "user", "hunter2").kubeconfig(&cluster()),
        Helper::erase(SERVER).kubeconfig(&cluster()),
        nowhere(Helper::get(ecr).env("AWS_ACCESS_KEY_ID", "AKIA").env("AWS_SECRET_ACCESS_KEY", "hunter2")),
        nowhere(
            azure.iter().fold(Helper::get("x.azurecr.io"), |helper, (name, value)| helper.env(name, value)),
        ),
    ];
    askers
        .extend(["p1", "p2"].map(|name| {
            Helper::get(SERVER).kubeconfig(&Kubeconfig::exec(api, name)).program(name, "exit 1")
        }));
    askers.into_iter().map(|helper| helper.timeout("3")).collect()
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn a_clock_before_1970_is_told() {
    for seconds in ["-1", "-1000000000"] {
        let shim = Shim::new(&format!(
            "#include <time.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n\
             int clock_gettime(clockid_t id, struct timespec *t) {{ long r = syscall(SYS_clock_gettime, id, t); \
             if (id == CLOCK_REALTIME) t->tv_sec = {seconds}; return r; }}\n"
        ));
        let (api, mount) = (stocked(), Mount::new());
        for helper in askers(&api) {
            helper
                .shim(&shim)
                .run()
                .within(20)
                .explains(&["the clock of this machine is before 1970", "set it"]);
        }
        assert_eq!(api.requests().len(), 0);
        // What needs no network is answered.
        mount.pull_secret("one", &[(SERVER, USER)]);
        let mounted = || Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path()).shim(&shim);
        mounted().run().answers_user(SERVER, USER);
        Helper::get(SERVER)
            .docker_auth(config(&[(SERVER, USER)]))
            .shim(&shim)
            .run()
            .answers_user(SERVER, USER);
        Helper::get(SERVER).shim(&shim).run().not_found();
    }
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn without_a_thread_every_way_is_right_or_told() {
    // The first so many threads are there, and then none.
    for first in 0..4 {
        let shim = Shim::new(&format!(
            "#include <dlfcn.h>\n#include <errno.h>\n#include <pthread.h>\nstatic int count;\n\
             int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x) {{ \
             int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, \"pthread_create\"); \
             return count++ < {first} ? real(t, a, f, x) : EAGAIN; }}\n"
        ));
        let (api, mount) = (stocked().takes_writes(&["kubeclarity"]), Mount::new());
        for (number, helper) in askers(&api).into_iter().enumerate() {
            let run = helper.shim(&shim).run();
            assert!(!run.text().contains("error of the program itself"), "{first}: {number}: {run:?}");
            match run.status.success() {
                true => assert!(first > 0, "{number}: {run:?}"),
                false => {
                    let parts: &[&str] =
                        if first == 0 { &["start a thread", "check its limits"] } else { &[] };
                    run.explains(parts);
                }
            }
        }
        // What needs no network needs no thread.
        mount.pull_secret("one", &[(SERVER, USER)]);
        let mounted = Helper::get(SERVER).env("IMAGE_PULL_SECRET_PATH", mount.path());
        mounted.shim(&shim).run().answers_user(SERVER, USER);
        let docker = || config(&[(SERVER, USER)]);
        Helper::list().docker_auth(docker()).shim(&shim).run().is(0, "{\"reg.example.com\":\"user\"}\n", "");
        let explained = Helper::new(["explain", SERVER]).docker_auth(docker()).shim(&shim).run();
        assert!(explained.status.success(), "{explained:?}");
    }
}

#[test]
fn with_a_small_stack_every_way_is_right_or_told() {
    let (api, mount) = (stocked(), Mount::new());
    mount.pull_secret("one", &[(SERVER, USER)]);
    for (way, get) in ways(&api, &mount) {
        for limit in [128, 200, 256, 300, 400, 600, 1000, 2000, 4000, 5000] {
            let run = limited(get(), &format!("-s {limit}"));
            run.answers_user(SERVER, USER);
            let run = limited(
                get().without("IMAGE_PULL_SECRET_PATH").env("KUBECONFIG", "/nowhere"),
                &format!("-s {limit}"),
            );
            assert!(!run.stdout.is_empty(), "{way}: {limit}: {run:?}");
        }
    }
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    for limit in [200, 300, 1000] {
        let keys = Helper::get(ecr).env("AWS_ACCESS_KEY_ID", "AKIA").env("AWS_SECRET_ACCESS_KEY", "hunter2");
        let run = limited(keys.env("HTTPS_PROXY", "http://127.0.0.1:1").timeout("5"), &format!("-s {limit}"));
        run.explains(&["127.0.0.1:1"]);
        let explained = limited(
            Helper::new(["explain", SERVER]).kubeconfig(&Kubeconfig::token(&api)),
            &format!("-s {limit}"),
        );
        assert!(explained.status.success(), "{explained:?}");
    }
}
