//! The process among others: pipes that are closed, silent or endless, and an environment without anything.

mod support;

use support::Helper;
use support::data::config;
use support::fault::Refused;
use support::helper::NOT_FOUND;
use support::kubeconfig::Kubeconfig;

const SERVER: &str = "reg.example.com";

fn found() -> Helper {
    Helper::get(SERVER).docker_auth(config(&[(SERVER, "user")]))
}

#[test]
fn verbs_without_input_do_not_wait_for_it() {
    for arguments in [
        &["list"][..],
        &["version"],
        &["--version"],
        &["-v"],
        &["--help"],
        &["-h"],
        &[],
        &["unknown"],
        &["list", "more"],
        &["version", "more"],
    ] {
        // Nothing ends this run but the program itself: the deadline is far beyond the test's limit.
        let run = Helper::new(arguments).silent_stdin().timeout("3600").run();
        assert!(matches!(run.status.code(), Some(0 | 1)), "{arguments:?}: {run:?}");
        assert_eq!(run.stderr, b"", "{arguments:?}: {run:?}");
        assert!(!run.stdout.is_empty(), "{arguments:?}: {run:?}");
    }
}

#[test]
fn a_stdin_that_does_not_end_is_left_at_the_deadline() {
    for verb in ["get", "store", "erase"] {
        for helper in [Helper::new([verb]).silent_stdin(), Helper::new([verb]).endless_stdin()] {
            helper.timeout("0.5").run().within(10).is(
                1,
                "kubeclarity: reading stdin did not end within 0.5 s; raise KUBECLARITY_TIMEOUT or find out what \
                 hangs\n",
                "",
            );
        }
    }
}

#[test]
fn a_reader_that_is_gone_is_no_panic() {
    for helper in [
        found(),
        Helper::get("other.example.com"),
        Helper::get(""),
        Helper::list(),
        Helper::new(["version"]),
        Helper::new(["--help"]),
        Helper::new(["unknown"]),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        helper.stdout(writer).run().is(1, "", "");
    }
}

#[test]
fn closed_standard_streams_are_no_panic() {
    let closed_stdin = r#"exec "$0" "$@" <&-"#;
    Helper::new(["get"]).through(closed_stdin).run().is(1, "no credentials server URL\n", "");
    Helper::new(["erase"]).through(closed_stdin).run().is(1, "no credentials server URL\n", "");
    Helper::list().through(closed_stdin).run().is(0, "{}\n", "");
    found().through(r#"exec "$0" "$@" 2>&-"#).run().answers_user(SERVER, "user");
    Helper::get("other.example.com").through(r#"exec "$0" "$@" 2>&-"#).run().not_found();
    for script in [r#"exec "$0" "$@" >&-"#, r#"exec "$0" "$@" <&- >&- 2>&-"#] {
        let run = found().through(script).run();
        assert!(matches!(run.status.code(), Some(0 | 1)), "{script}: {run:?}");
        assert_eq!((run.stdout.as_slice(), run.stderr.as_slice()), (&b""[..], &b""[..]), "{script}");
    }
}

#[test]
fn a_directory_as_stdin_is_one_line() {
    Helper::new(["get"]).through(r#"exec "$0" "$@" </"#).run().explains(&["read stdin"]);
}

#[test]
fn an_empty_environment_is_enough() {
    // Not one variable, not even PATH and HOME.
    let bare = |arguments: &[&str], stdin: &str| {
        Helper::new(arguments).stdin(stdin).through(r#"exec env -i "$0" "$@""#).run()
    };
    bare(&["get"], SERVER).is(1, NOT_FOUND, "");
    bare(&["list"], "").is(0, "{}\n", "");
    bare(&["erase"], SERVER).is(0, "", "");
    found().without("HOME").without("PATH").run().answers_user(SERVER, "user");
    found().env("HOME", "/nowhere/at/all").env("PATH", "").run().answers_user(SERVER, "user");
    found().env("HOME", "").run().answers_user(SERVER, "user");
}

#[test]
fn a_working_directory_that_is_gone_is_no_failure() {
    let script = r#"mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@""#;
    found().through(script).run().answers_user(SERVER, "user");
    Helper::get("other.example.com").through(script).run().not_found();
}

#[test]
fn without_descriptors_it_says_so() {
    let refused = Refused::new();
    for limit in 4..12 {
        let script = format!(r#"ulimit -n {limit} && exec "$0" "$@""#);
        let nowhere = Kubeconfig::nowhere(&refused.url());
        let run = Helper::get(SERVER).kubeconfig(&nowhere).timeout("2").through(&script).run();
        // Whichever descriptor is the one too many: one line, exit code 1.
        run.explains(&[]);
        // The same for a cloud, where there is no cluster.
        let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];
        let helper = keys.iter().fold(Helper::get(ecr), |helper, (name, value)| helper.env(name, value));
        let proxy = refused.url().replace("https://", "http://");
        helper.env("HTTPS_PROXY", proxy).timeout("2").through(&script).run().explains(&[]);
    }
}
