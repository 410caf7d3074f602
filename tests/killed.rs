//! Killed at any moment, by the system or by whoever is in charge: no part of an answer, nothing broken that the next
//! one would trip over, and what is left behind is bounded. The moments are drawn from a fixed seed.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::cached::{Machine, content};
use support::data::password;
use support::kubeconfig::Kubeconfig;
use support::share::{all_wanted, tell};
use support::writes::{holding, users};
use support::{FakeApi, Helper, Running};

const SERVER: &str = "reg.example.com";
const USER: &str = "user";

fn rounds() -> usize {
    if all_wanted() { 500 } else { 40 }
}

/// The same draws each time (a linear congruential generator).
struct Chance(u32);

impl Chance {
    /// From 0 to 1.
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0 >> 8) / f64::from(1 << 24)
    }
}

/// Runs a verb again and again and sends it a signal each time at another moment of what it usually takes; each time
/// `after` is told what it had answered. Some must have been ended before they were done.
fn again_and_again(rounds: usize, start: impl Fn() -> Running, mut after: impl FnMut(&[u8])) {
    let usual = (0..5).map(|_| {
        let started = Instant::now();
        after(&start().end().stdout);
        started.elapsed()
    });
    let usual = usual.min().unwrap_or_default().max(Duration::from_millis(2));
    let mut chance = Chance(20_240_607);
    let mut early = 0;
    for round in 0..rounds {
        let run = start();
        std::thread::sleep(usual.mul_f64(chance.draw()));
        let outcome = run.end_by([Signal::TERM, Signal::KILL, Signal::INT, Signal::HUP][round % 4]);
        assert_eq!(outcome.stderr, b"", "{outcome:?}");
        // Once it has something to ask or to end, it says that it was told to go.
        let told = outcome.stdout.starts_with(b"kubeclarity: the helper was ended by SIG");
        if told {
            outcome.explains(&["before it had an answer"]);
        }
        early += usize::from(told || outcome.status.code().is_none());
        after(if told { b"" } else { &outcome.stdout });
    }
    assert!(early >= rounds / 20, "it was hardly ever ended before it was done: {early}");
    tell(&format!("{early} of {} ended before they were done", rounds));
}

fn stocked() -> FakeApi {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, USER)]);
    api
}

fn answer() -> String {
    format!("{{\"ServerURL\":\"{SERVER}\",\"Username\":\"{USER}\",\"Secret\":\"{}\"}}\n", password(USER))
}

#[test]
fn a_get_that_asks() {
    let api = stocked();
    let machine = Machine::new(&api);
    again_and_again(
        rounds(),
        || machine.get(SERVER).start(),
        |said| {
            assert!(said.is_empty() || said == answer().as_bytes(), "{:?}", String::from_utf8_lossy(said));
            // Whatever is there as an answer is whole; it goes, so that the next one asks.
            for name in machine.files().iter().filter(|name| name.len() == 64) {
                let path = machine.cache().join(name);
                assert_eq!(content(&path)["secret"], password(USER));
                std::fs::remove_file(path).unwrap();
            }
        },
    );
    machine.get(SERVER).run().answers_user(SERVER, USER);
    // A lock of the dead is taken over and removed. A temporary file of the dead goes when it is old enough.
    let left = machine.files();
    let old = std::time::SystemTime::now() - Duration::from_secs(3600);
    for name in &left {
        assert!(name.len() == 64 || name.ends_with(".new"), "{left:?}");
        if name.ends_with(".new") {
            let file = std::fs::File::options().append(true).open(machine.cache().join(name)).unwrap();
            file.set_modified(old).unwrap();
        }
    }
    std::fs::remove_file(machine.cache().join(left.iter().find(|name| name.len() == 64).unwrap())).unwrap();
    machine.get(SERVER).run().answers_user(SERVER, USER);
    machine.answer();
}

#[test]
fn a_get_that_finds_it_kept() {
    let api = stocked();
    let machine = Machine::new(&api);
    let get = || machine.get(SERVER).env("KUBECLARITY_CACHE_TTL", "3600");
    get().run().answers_user(SERVER, USER);
    again_and_again(
        rounds(),
        || get().start(),
        |said| assert!(said.is_empty() || said == answer().as_bytes(), "{:?}", String::from_utf8_lossy(said)),
    );
    machine.answer();
    assert_eq!(api.requests().len(), 1);
}

#[test]
fn a_login() {
    let api = holding(&support::data::config(&[("other.io", "other")]));
    let machine = Machine::new(&api);
    let login = |user: &str| {
        Helper::store(SERVER, user, &password(user))
            .kubeconfig(&Kubeconfig::token(&api))
            .env("XDG_RUNTIME_DIR", machine.path("run"))
    };
    let number = std::cell::Cell::new(0);
    again_and_again(
        rounds(),
        || {
            number.set(number.get() + 1);
            login(&format!("user-{}", number.get() % 2)).start()
        },
        |said| {
            assert_eq!(said, b"");
            // Before the write or after it: the other entry is there either way.
            let now = users(&api);
            assert_eq!(now["other.io"], "other", "{now}");
            let user = now[SERVER].as_str().unwrap_or("user-0").to_owned();
            assert!(["user-0", "user-1"].contains(&user.as_str()), "{now}");
        },
    );
    login("last").run().is(0, "", "");
    assert_eq!(users(&api)[SERVER], "last");
}

#[test]
fn an_install() {
    let directory = tempfile::tempdir().unwrap();
    let program = std::fs::read(support::helper::PROGRAM).unwrap();
    let install = || Helper::new(["install".as_ref(), directory.path().as_os_str()]);
    let read = |path: &Path| std::fs::read(path).unwrap_or_default();
    again_and_again(
        rounds() / 4, // it writes much
        || install().start(),
        |_| {
            let copy = read(&directory.path().join("docker-credential-kubeclarity"));
            assert!(copy.is_empty() || copy == program, "a part of the program: {} bytes", copy.len());
            let config = read(&directory.path().join("config.json"));
            assert!(config.is_empty() || config.ends_with(b"}\n"), "a part of config.json");
        },
    );
}
