//! An API server that hangs, talks nonsense or is in trouble: each ends within the deadline, with another
//! candidate or with one clear line.

mod support;

use std::time::Duration;

use support::api::secret_path;
use support::data::config;
use support::fault::{Manner, Rude};
use support::kubeconfig::Kubeconfig;
use support::{Answer, FakeApi, Helper, Outcome};

const SERVER: &str = "https://reg.example.com";
const HOST: &str = "reg.example.com";

fn stored() -> String {
    secret_path("kubeclarity", "basic-regcred")
}

fn stocked() -> FakeApi {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(HOST, "stored")]);
    api
}

fn get(api: &FakeApi) -> Helper {
    Helper::get(SERVER).kubeconfig(&Kubeconfig::token(api))
}

/// Asks a server all of whose answers are this one.
fn always(answer: Answer, seconds: &str) -> (FakeApi, Outcome) {
    let api = stocked();
    api.always("*", answer);
    let run = get(&api).timeout(seconds).run();
    (api, run)
}

fn raw(bytes: impl AsRef<[u8]>) -> Answer {
    Answer::Raw(bytes.as_ref().to_vec())
}

#[test]
fn a_server_that_takes_connections_and_says_nothing() {
    let rude = Rude::new(Manner::Silent);
    let run = Helper::get(SERVER).kubeconfig(&Kubeconfig::nowhere(&rude.url())).timeout("2").run();
    run.within(15).explains(&["secret kubeclarity/basic-regcred", &rude.url(), "does not answer"]);
}

#[test]
fn a_server_that_speaks_no_tls() {
    for manner in [
        Manner::Says(b"HTTP/1.1 400 Bad Request\r\n\r\nhunter2"),
        Manner::Says(b"\0\xffhunter2"),
        Manner::Closes,
    ] {
        let rude = Rude::new(manner);
        let run = Helper::get(SERVER).kubeconfig(&Kubeconfig::nowhere(&rude.url())).timeout("2").run();
        run.within(15).explains(&["secret kubeclarity/basic-regcred", &rude.url()]);
    }
}

#[test]
fn a_server_that_takes_the_request_and_hangs() {
    let (api, run) = always(Answer::Hang, "2");
    run.within(15).explains(&["secret kubeclarity/basic-regcred", &api.url(), "does not answer"]);
    assert!(!api.paths().is_empty());
}

#[test]
fn one_object_that_hangs_does_not_take_the_others_along() {
    let api = stocked();
    api.pull_secret("team", "pull", &[(HOST, "named")]);
    api.always(&stored(), Answer::Hang);
    let run = get(&api).env("KUBECLARITY_PULL_SECRETS", "team/pull").timeout("2").run();
    // KUBECONFIG names this cluster, so its failure counts.
    run.within(15).explains(&["secret kubeclarity/basic-regcred", "does not answer"]);
}

#[test]
fn a_connection_that_hangs_is_tried_anew() {
    let api = stocked();
    api.first(&stored(), [Answer::Hang]);
    get(&api).timeout("12").run().within(30).answers_user(SERVER, "stored");
    assert_eq!(api.arrivals(&stored()).len(), 2);
}

#[test]
fn garbage_is_told_at_once() {
    for body in [
        "hunter2",
        "",
        "null",
        "[]",
        "{}",
        "{\"kind\":\"Status\",\"status\":\"Success\"}",
        "[\"Secret\"]",
        "{\"data\":5}",
        "{\"type\":[]}",
        "{\"kind\":\"Secret\"",
        "\u{0}\u{1}",
    ] {
        let bytes = support::http::reply(200, &[], "application/json", body);
        let (api, run) = always(raw(bytes), "30");
        run.within(25).explains(&["secret kubeclarity/basic-regcred", &api.url(), "no Kubernetes object"]);
        assert_eq!(api.arrivals(&stored()).len(), 1, "{body:?} is not worth a second try");
    }
}

#[test]
fn a_login_page_is_no_object() {
    let page = "<!DOCTYPE html><html><body>hunter2 log in</body></html>";
    let (api, run) = always(raw(support::http::reply(200, &[], "text/html", page)), "30");
    run.within(25).explains(&[&api.url(), "no Kubernetes object", "check the address"]);
    let elsewhere = [("Location", "https://login.example.com/hunter2")];
    let (api, run) = always(raw(support::http::reply(302, &elsewhere, "text/html", "")), "30");
    run.within(25).explains(&[&api.url(), "302"]);
    assert_eq!(api.requests().len(), 1, "a redirection was followed");
}

#[test]
fn a_body_without_end_is_left() {
    let (api, run) = always(Answer::Endless, "60");
    // Given up by its size, far from the deadline.
    run.within(45).explains(&[
        "secret kubeclarity/basic-regcred",
        &api.url(),
        "more than any object can hold",
    ]);
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    let cut = || {
        raw(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"kind\":\"Secret\"",
        )
    };
    let api = stocked();
    api.first(&stored(), [cut(), raw("HTTP/1.1 200"), raw("")]);
    get(&api).timeout("30").run().within(30).answers_user(SERVER, "stored");
    assert_eq!(api.arrivals(&stored()).len(), 4);
    let (api, run) = always(cut(), "2");
    run.within(15).explains(&["secret kubeclarity/basic-regcred", &api.url(), "breaks off"]);
}

#[test]
fn headers_that_are_no_http_are_told() {
    let (api, run) = always(raw("hunter2 hunter2 hunter2\r\n\r\n"), "2");
    run.within(15).explains(&["secret kubeclarity/basic-regcred", &api.url(), "cannot be reached"]);
}

#[test]
fn trouble_that_passes_is_waited_for() {
    let api = stocked();
    api.first(&stored(), [500, 503, 429, 502, 408].map(Answer::Status));
    get(&api).timeout("30").run().within(30).answers_user(SERVER, "stored");
    assert_eq!(api.arrivals(&stored()).len(), 6);
}

#[test]
fn trouble_that_stays_is_told() {
    for code in [429, 500, 502, 503, 504] {
        let (api, run) = always(Answer::Status(code), "1.5");
        let code = code.to_string();
        run.within(15).explains(&[
            "secret kubeclarity/basic-regcred",
            &api.url(),
            &format!("answers {code}"),
        ]);
        assert!(api.arrivals(&stored()).len() > 1, "{code} is worth a second try");
    }
}

#[test]
fn other_answers_are_told_at_once() {
    for code in [400, 405, 410, 418] {
        let (api, run) = always(Answer::Status(code), "30");
        run.within(25).explains(&["secret kubeclarity/basic-regcred", &api.url(), &code.to_string()]);
        assert_eq!(api.arrivals(&stored()).len(), 1);
    }
}

#[test]
fn retry_after_is_kept() {
    let api = stocked();
    api.first(
        &stored(),
        [Answer::StatusWith(429, "Retry-After", "1"), Answer::StatusWith(503, "Retry-After", "1")],
    );
    get(&api).timeout("30").run().within(30).answers_user(SERVER, "stored");
    let arrivals = api.arrivals(&stored());
    assert_eq!(arrivals.len(), 3);
    // The wait begins after the first request arrived, so a lower bound holds on any machine.
    for pair in arrivals.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_secs(1), "{:?}", pair[1] - pair[0]);
    }
}

#[test]
fn a_retry_after_beyond_the_deadline_ends_it_at_once() {
    let (api, run) = always(Answer::StatusWith(429, "Retry-After", "3600"), "50");
    run.within(30).explains(&["secret kubeclarity/basic-regcred", &api.url(), "429"]);
    assert_eq!(api.arrivals(&stored()).len(), 1);
}

#[test]
fn a_retry_after_without_sense_is_none() {
    for value in ["-1", "soon", "18446744073709551615", "99999999999999999999999", ""] {
        let api = stocked();
        api.first(&stored(), [Answer::StatusWith(503, "Retry-After", value)]);
        let run = get(&api).timeout("20").run();
        assert!(matches!(run.status.code(), Some(0 | 1)) && run.stderr.is_empty(), "{value}: {run:?}");
        assert!(run.text().starts_with('{') || run.text().contains("answers 503"), "{value}: {run:?}");
    }
}

#[test]
fn a_later_source_answers_for_a_cluster_found_by_chance() {
    for answer in
        [Answer::Status(500), Answer::Status(429), Answer::Status(401), Answer::Hang, raw("hunter2")]
    {
        let api = stocked();
        api.always("*", answer);
        let run = Helper::get(SERVER)
            .kubeconfig_by_chance(&Kubeconfig::token(&api))
            .docker_auth(config(&[(HOST, "later")]))
            .timeout("30")
            .run();
        run.within(20).answers_user(SERVER, "later");
        assert!(!api.paths().is_empty());
    }
}
