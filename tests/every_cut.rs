//! An answer of the API server, cut at every byte, or damaged at every byte below TLS: the program asks again and
//! gives the whole answer, or says in one line why there is none. Never a part of one, nothing wrong is kept, and
//! nothing is left behind. `FAULTS=all` takes every position and every way; else some are a sample.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use serde_json::json;
use support::api::secret_path;
use support::cached::Machine;
use support::data::{base64, config, password};
use support::http::reply;
use support::kubeconfig::Kubeconfig;
use support::relay::{Damage, Relay};
use support::share::{all_wanted, positions, side_by_side, tell};
use support::{Answer, FakeApi, Outcome};

const SERVER: &str = "reg.example.com";
const USER: &str = "user";

fn stored() -> String {
    secret_path("kubeclarity", "basic-regcred")
}

fn object() -> String {
    json!({ "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "data": { ".dockerconfigjson": base64(config(&[(SERVER, USER)])) } })
    .to_string()
}

fn with_length() -> Vec<u8> {
    reply(200, &[], "application/json", &object())
}

fn in_chunks() -> Vec<u8> {
    let object = object();
    let (one, two) = object.split_at(100);
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{one}\r\n{:x};x=y\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len()
    )
    .into_bytes()
}

/// A cluster and a machine of its own for each worker.
struct Place {
    api: FakeApi,
    machine: Machine,
}

impl Place {
    fn new() -> Place {
        let api = FakeApi::with_token();
        let machine = Machine::new(&api);
        Place { api, machine }
    }

    /// The cache has this one answer, whole, and nothing else; then it is empty again.
    fn kept_whole(&self) {
        assert_eq!(self.machine.content()["secret"], password(USER));
        std::fs::remove_file(self.machine.answer()).unwrap();
    }

    fn nothing_kept(&self) {
        assert_eq!(self.machine.files(), [""; 0]);
    }
}

#[derive(Debug)]
enum End {
    /// TLS is closed as it should be.
    Closed,
    /// The connection breaks.
    Broken,
}

fn cut(whole: &[u8], at: usize, end: &End) -> Answer {
    match end {
        End::Closed => Answer::Raw(whole[..at].to_vec()),
        End::Broken => Answer::Cut(whole[..at].to_vec()),
    }
}

#[test]
fn a_cut_at_any_byte_is_asked_for_again() {
    let mut work = Vec::new();
    for whole in [with_length(), in_chunks()] {
        for at in positions(whole.len(), 120) {
            work.extend([End::Closed, End::Broken].map(|end| (whole.clone(), at, end)));
        }
    }
    side_by_side(&work, Place::new, |place, (whole, at, end)| {
        place.api.first(&stored(), [cut(whole, *at, end), Answer::Raw(whole.clone())]);
        let before = place.api.requests().len();
        let run = place.machine.get(SERVER).timeout("20").run();
        run.within(15).answers_user(SERVER, USER);
        assert_eq!(place.api.requests().len() - before, 2, "cut at {at}: {end:?}");
        place.kept_whole();
    });
    tell(&format!("{} cuts, each asked for again", work.len()));
}

#[test]
fn a_server_that_always_breaks_off_there_is_told_within_the_deadline() {
    let mut work = Vec::new();
    for whole in [with_length(), in_chunks()] {
        for at in positions(whole.len(), 16) {
            work.extend([End::Closed, End::Broken].map(|end| (whole.clone(), at, end)));
        }
    }
    side_by_side(&work, Place::new, |place, (whole, at, end)| {
        place.api.always("*", cut(whole, *at, end));
        let run = place.machine.get(SERVER).timeout("0.5").run();
        run.within(15).explains(&[]);
        // On a busy machine the time is over before the first answer is.
        let parts = ["secret kubeclarity/basic-regcred", "asking the cluster did not end"];
        assert!(parts.iter().any(|part| run.text().contains(part)), "{run:?}");
        place.nothing_kept();
    });
    tell(&format!("{} cuts, each of them told", work.len()));
}

/// A line that the protocol has: a credential, "not found", or a message of ours.
#[track_caller]
fn is_a_whole_answer(run: &Outcome) {
    match run.status.code() {
        Some(0) => {
            let found: serde_json::Value = serde_json::from_str(run.text()).unwrap();
            assert_eq!(found.as_object().map(serde_json::Map::len), Some(3), "{run:?}");
            assert!(run.text().ends_with("}\n") && run.stderr.is_empty(), "{run:?}");
        }
        _ if run.text() == support::helper::NOT_FOUND => drop(run.not_found()),
        _ => drop(run.explains(&[])),
    }
}

/// Inside TLS there is no attacker, only a server that lies: no rule can tell a wrong password from a right one. But
/// whatever it says, the answer has the protocol's form.
#[test]
fn a_wrong_byte_in_the_answer_is_no_crash() {
    let whole = with_length();
    let masks: &[u8] = if all_wanted() { &[0x01, 0x10, 0x20, 0x80, 0xff] } else { &[0x10] };
    let work: Vec<(usize, u8)> = positions(whole.len(), 120)
        .into_iter()
        .flat_map(|at| masks.iter().map(move |mask| (at, *mask)))
        .collect();
    side_by_side(&work, Place::new, |place, (at, mask)| {
        let mut wrong = whole.clone();
        wrong[*at] ^= mask;
        place.api.always("*", Answer::Cut(wrong));
        let run = place.machine.get(SERVER).env("KUBECLARITY_CACHE", "off").timeout("0.7").run();
        is_a_whole_answer(run.within(15));
    });
    tell(&format!("{} wrong bytes inside TLS", work.len()));
}

#[test]
fn damage_below_tls_at_any_byte_never_changes_the_answer() {
    struct Behind {
        _api: FakeApi,
        relay: Relay,
        machine: Machine,
    }
    let behind = || {
        let api = FakeApi::with_token();
        api.always("*", Answer::Raw(with_length()));
        let relay = Relay::new(&api.url());
        api.behind(&relay.url());
        let token = json!({ "token": support::api::TOKEN });
        let machine = Machine::with(&Kubeconfig::new(&relay.url(), &api.authority.pem(), token));
        Behind { _api: api, relay, machine }
    };
    let probe = behind();
    probe.machine.get(SERVER).run().answers_user(SERVER, USER);
    let length = probe.relay.passed();
    assert!(length > 900, "{length} bytes are no handshake and no answer");
    drop(probe);
    let kinds: [fn(usize) -> Damage; 4] = [Damage::Flip, Damage::Cut, Damage::Lost, Damage::Twice];
    let work: Vec<Damage> =
        positions(length, 60).into_iter().flat_map(|at| kinds.map(|kind| kind(at))).collect();
    side_by_side(&work, behind, |place, damage| {
        place.relay.damage(*damage);
        let run = place.machine.get(SERVER).timeout("20").run();
        run.within(15);
        match run.status.success() {
            true => drop(run.answers_user(SERVER, USER)),
            false => drop(run.explains(&["secret kubeclarity/basic-regcred"])),
        }
        for file in place.machine.files() {
            std::fs::remove_file(place.machine.cache().join(file)).unwrap();
        }
    });
    tell(&format!("{} damages below TLS", work.len()));
}
