//! One process asks, the others wait: many at once, holders that die, an upstream that hangs.

mod support;

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use support::cached::{Machine, content, has_open};
use support::data;
use support::{Answer, FakeApi, Outcome, Running};

const SERVER: &str = "reg.example.com";

fn stocked() -> FakeApi {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "user")]);
    api
}

/// Waits for something to be so; it is a failure of the test's subject if it is not within a minute.
#[track_caller]
fn wait_for(what: &str, so: impl Fn() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Starts so many, and waits until each has the lock's file open: one holds it, the others wait for it.
fn crowd(machine: &Machine, size: usize, timeout: &str) -> Vec<Running> {
    let runs: Vec<Running> = (0..size).map(|_| machine.get(SERVER).timeout(timeout).start()).collect();
    for run in &runs {
        wait_for("a helper waits for the lock", || has_open(run.pid(), ".lock"));
    }
    runs
}

#[test]
fn two_hundred_at_once_make_one_call() {
    let api = stocked();
    api.hold();
    let machine = Machine::new(&api);
    let runs = crowd(&machine, 200, "120");
    api.release();
    for run in runs {
        run.end().answers_user(SERVER, "user");
    }
    assert_eq!((api.requests().len(), api.connections()), (1, 1));
    // The cache is whole: one answer, no lock, no temporary file.
    assert_eq!(machine.content()["secret"], data::password("user"));
}

#[test]
fn a_hundred_repositories_of_one_registry_make_one_call() {
    let api = stocked();
    api.hold();
    let machine = Machine::new(&api);
    let server = |at: usize| format!("{SERVER}/team/app-{at}");
    let runs: Vec<Running> = (0..100).map(|at| machine.get(&server(at)).timeout("120").start()).collect();
    for run in &runs {
        wait_for("a helper waits for the lock", || has_open(run.pid(), ".lock"));
    }
    api.release();
    for (at, run) in runs.into_iter().enumerate() {
        run.end().answers_user(&server(at), "user");
    }
    assert_eq!(api.requests().len(), 1);
    machine.answer();
}

#[test]
fn where_keys_have_paths_nobody_waits_for_more_than_one_other() {
    let api = FakeApi::with_token();
    let server = |at: usize| format!("{SERVER}/team-{at}");
    let users: Vec<(String, String)> = (0..30).map(|at| (server(at), format!("user-{at}"))).collect();
    let of: Vec<(&str, &str)> = users.iter().map(|(key, user)| (key.as_str(), user.as_str())).collect();
    api.pull_secret("kubeclarity", "basic-regcred", &of);
    api.hold();
    let machine = Machine::new(&api);
    let runs: Vec<Running> =
        users.iter().map(|(server, _)| machine.get(server).timeout("300").start()).collect();
    for run in &runs {
        wait_for("a helper waits for the lock", || has_open(run.pid(), ".lock"));
    }
    assert_eq!(api.requests().len(), 1);
    // The first is answered; all others then ask side by side, although the server answers nobody.
    api.release_one();
    wait_for("the others ask", || api.requests().len() == 30);
    api.release();
    for ((server, user), run) in users.iter().zip(runs) {
        run.end().answers_user(server, user);
    }
    assert_eq!(machine.files().len(), 30);
}

#[test]
fn nothing_found_is_one_call_too() {
    let api = FakeApi::with_token();
    api.hold();
    let machine = Machine::new(&api);
    let runs = crowd(&machine, 30, "120");
    api.release();
    for run in runs {
        run.end().not_found();
    }
    assert_eq!(api.requests().len(), 1);
}

#[test]
fn without_a_crowd_at_the_lock_it_is_one_call_as_well() {
    // Not held at all: some come before the answer, some after it.
    let api = stocked();
    let machine = Machine::new(&api);
    let runs: Vec<Running> = (0..60).map(|_| machine.get(SERVER).timeout("120").start()).collect();
    for run in runs {
        run.end().answers_user(SERVER, "user");
    }
    assert_eq!(api.requests().len(), 1);
    machine.answer();
}

#[test]
fn a_holder_that_dies_leaves_no_lock_behind() {
    let api = stocked();
    api.hold();
    let machine = Machine::new(&api);
    let mut runs = crowd(&machine, 20, "300");
    for killed in 1..=3 {
        // The holder is the one with a connection: the others ask nobody.
        let asks = |run: &Running| (0..32).any(|fd| is_socket(run.pid(), fd));
        wait_for("one asks", || api.requests().len() == killed && runs.iter().any(asks));
        let holders: Vec<usize> = (0..runs.len()).filter(|at| asks(&runs[*at])).collect();
        assert_eq!(holders.len(), 1, "more than one asks");
        runs.remove(holders[0]).kill();
        // The next one takes its place while the upstream still keeps everybody waiting.
        wait_for("another asks in its place", || api.requests().len() == killed + 1);
    }
    let released = Instant::now();
    api.release();
    for run in runs {
        run.end().answers_user(SERVER, "user");
    }
    // Far from their deadline: nobody waited for the dead.
    assert!(released.elapsed() < Duration::from_secs(30), "{:?}", released.elapsed());
    assert_eq!(api.requests().len(), 4);
    machine.answer();
}

fn is_socket(pid: u32, fd: u32) -> bool {
    std::fs::read_link(format!("/proc/{pid}/fd/{fd}"))
        .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
}

#[test]
fn a_lock_of_a_dead_holder_is_no_hindrance_later() {
    let api = stocked();
    api.hold();
    let machine = Machine::new(&api);
    let dead = machine.get(SERVER).start();
    wait_for("it asks", || api.requests().len() == 1);
    dead.kill();
    api.release();
    assert_eq!(machine.files().len(), 1, "the lock's file stays: {:?}", machine.files());
    machine.get(SERVER).run().answers_user(SERVER, "user");
    assert_eq!(api.requests().len(), 2);
    // Whoever took it over has removed it.
    machine.answer();
}

#[test]
fn different_questions_do_not_wait_for_each_other_and_all_answers_survive() {
    let api = FakeApi::with_token();
    let server = |at: usize| format!("reg-{at}.example.com");
    let users: Vec<(String, String)> = (0..50).map(|at| (server(at), format!("user-{at}"))).collect();
    let of: Vec<(&str, &str)> = users.iter().map(|(server, user)| (server.as_str(), user.as_str())).collect();
    api.pull_secret("kubeclarity", "basic-regcred", &of);
    let machine = Machine::new(&api);
    // The API server answers nobody before all have asked.
    api.hold();
    let runs: Vec<Running> =
        users.iter().map(|(server, _)| machine.get(server).timeout("300").start()).collect();
    wait_for("all ask", || api.requests().len() == 50);
    api.release();
    for ((server, user), run) in users.iter().zip(runs) {
        run.end().answers_user(server, user);
    }
    let files = machine.files();
    assert_eq!(files.len(), 50, "{files:?}");
    let kept: BTreeSet<String> =
        files.iter().map(|name| content(&machine.cache().join(name))["username"].to_string()).collect();
    assert_eq!(kept.len(), 50);
    for (server, user) in &users {
        machine.get(server).run().answers_user(server, user);
    }
    assert_eq!(api.requests().len(), 50);
}

#[test]
fn waiters_keep_to_their_own_deadline() {
    let api = stocked();
    api.always("*", Answer::Hang);
    let machine = Machine::new(&api);
    let holder = machine.get(SERVER).timeout("300").start();
    wait_for("the holder asks", || api.requests().len() == 1);
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let runs: Vec<_> = (0..10).map(|_| scope.spawn(|| machine.get(SERVER).timeout("2").run())).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for outcome in outcomes {
        outcome.within(20).explains(&[]);
    }
    // And each has used the time that was left to ask for itself.
    assert!(api.requests().len() >= 11, "{}", api.requests().len());
    holder.kill();
}

#[test]
fn a_waiter_whose_holder_fails_asks_for_itself() {
    let api = stocked();
    api.hold();
    api.first(&support::api::secret_path("kubeclarity", "basic-regcred"), [Answer::Status(401)]);
    let machine = Machine::new(&api);
    let runs = crowd(&machine, 20, "120");
    let released = Instant::now();
    api.release();
    let mut failed = 0;
    for run in runs {
        let outcome = run.end();
        match outcome.status.success() {
            true => drop(outcome.answers_user(SERVER, "user")),
            false => {
                failed += 1;
                outcome.explains(&["401"]);
            }
        }
    }
    assert_eq!(failed, 1);
    assert!(released.elapsed() < Duration::from_secs(30), "{:?}", released.elapsed());
    machine.answer();
}

#[test]
fn a_crowd_is_not_queued_where_no_answer_can_be_kept() {
    // Every answer is a refusal: nothing is kept, and nobody waits for nineteen others in a row. The server
    // answers none of those who waited before it has the requests of all.
    let api = stocked();
    api.always("*", Answer::Status(401));
    api.waves(&[1, 19]);
    api.hold();
    let machine = Machine::new(&api);
    let runs = crowd(&machine, 20, "300");
    api.release();
    for run in runs {
        run.end().explains(&["401"]);
    }
    assert_eq!(api.requests().len(), 20);
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn locks_and_files_that_killed_ones_left_are_removed_in_passing() {
    let api = stocked();
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "user"), ("other.example.com", "other")]);
    api.hold();
    let machine = Machine::new(&api);
    let dead = machine.get(SERVER).start();
    wait_for("it asks", || api.requests().len() == 1);
    dead.kill();
    let [lock] = &machine.files()[..] else { panic!("no lock is left: {:?}", machine.files()) };
    let lock = machine.cache().join(lock);
    // Nobody asks for that registry again. Right after its holder's death it may still be somebody's who waits.
    let other = |machine: &Machine| {
        let _ = std::fs::remove_file(machine.cache().join("x"));
        machine
            .get("other.example.com")
            .env("KUBECLARITY_CACHE_TTL", "1")
            .run()
            .answers_user("other.example.com", "other");
    };
    api.release();
    other(&machine);
    assert!(lock.exists());
    let age = |path: &std::path::Path| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600)).unwrap();
    };
    age(&lock);
    thread::sleep(Duration::from_millis(1100));
    other(&machine);
    assert!(!lock.exists(), "{:?}", machine.files());
    // One that is held stays, however old it is.
    let api = stocked();
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "user")]);
    api.first(&support::api::secret_path("kubeclarity", "basic-regcred"), [Answer::Hang]);
    let machine = Machine::new(&api);
    let holder = machine.get(SERVER).timeout("300").start();
    wait_for("it asks", || api.requests().len() == 1);
    let [name] = &machine.files()[..] else { panic!("no lock: {:?}", machine.files()) };
    let lock = machine.cache().join(name);
    age(&lock);
    machine.get("none.example.com").run().not_found();
    assert!(lock.exists(), "{:?}", machine.files());
    holder.kill();
}
