//! `explain` on a terminal: colour only there, and nothing from outside that steers it.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::path::Path;

use serde_json::json;

use support::Helper;
use support::data::config;

const HOST: &str = "reg.example.com";

/// Runs it on a terminal of its own; `None` where util-linux's `script` is not there to make one.
fn on_a_terminal(helper: Helper) -> Option<String> {
    if !Path::new("/usr/bin/script").exists() {
        return None;
    }
    let run = helper.through(r#"exec /usr/bin/script -qec "'$0' explain reg.example.com" /dev/null"#).run();
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    Some(run.text().to_owned())
}

fn helper() -> Helper {
    Helper::new([""; 0]).docker_auth(config(&[(HOST, "u")]))
}

#[test]
fn colour_on_a_terminal() {
    let Some(text) = on_a_terminal(helper()) else { return };
    assert!(
        text.contains("\x1b[32mfound:\x1b[0m") && text.contains("\x1b[1mreg.example.com\x1b[0m"),
        "{text:?}"
    );
    // An empty NO_COLOR is none (no-color.org).
    let text = on_a_terminal(helper().env("NO_COLOR", "")).unwrap();
    assert!(text.contains("\x1b[32m"), "{text:?}");
}

#[test]
fn no_colour_where_it_is_not_wanted() {
    if let Some(text) = on_a_terminal(helper().env("NO_COLOR", "1")) {
        assert!(text.contains("found: user u") && !text.contains('\x1b'), "{text:?}");
    }
    let run = Helper::new(["explain", HOST]).docker_auth(config(&[(HOST, "u")])).run();
    assert!(run.text().contains("found: user u") && !run.text().contains('\x1b'), "{run:?}");
}

#[test]
fn names_from_outside_do_not_steer_the_terminal() {
    const HOSTILE: &str = "x\x1b]0;title\x07\x1b[2J\r\n\u{9b}31m\u{202e}y";
    // As a user name, as a key, and as the question itself.
    let auths = json!({ "auths": {
        HOST: { "username": HOSTILE, "password": "p" },
        format!("{HOST}/{HOSTILE}"): { "username": "z", "password": "p" },
        format!("{HOST}/team"): { "auth": "\u{202e}\u{1b}[2J!" },
    }});
    for question in [HOST.to_owned(), format!("{HOST}/team/app"), format!("{HOST}/{HOSTILE}/app")] {
        for form in [&[][..], &["--json"]] {
            let run =
                Helper::new(["explain", &question].iter().chain(form)).docker_auth(auths.to_string()).run();
            let text = run.text();
            let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            // In JSON, only controls are escaped: it is for scripts.
            let steered = match form.is_empty() {
                true => text.contains(steers),
                false => text.contains(|c: char| c.is_ascii_control() && c != '\n'),
            };
            assert!(!steered, "{question:?} {form:?}: {text:?}");
            assert!(run.stderr.is_empty(), "{run:?}");
        }
    }
    // The hostile name was there to be shown: the test is not blind.
    let run = Helper::new(["explain", HOST]).docker_auth(auths.to_string()).run();
    assert!(run.text().contains("user x ]0;title"), "{run:?}");
}
