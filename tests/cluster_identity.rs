//! How the program shows the API server who it is: token, token file, client certificate, exec plugin.

mod support;

use serde_json::json;
use support::api::TOKEN;
use support::data::base64;
use support::kubeconfig::Kubeconfig;
use support::tls::Authority;
use support::{FakeApi, Helper};

const SERVER: &str = "https://reg.example.com";

/// Has one credential, which only the right identity gets.
fn stocked(api: FakeApi) -> FakeApi {
    api.pull_secret("kubeclarity", "basic-regcred", &[("reg.example.com", "stored")]);
    api
}

fn credential(status: &serde_json::Value) -> String {
    json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status })
        .to_string()
}

/// A run whose identity is what this shell script prints.
fn plugin(api: &FakeApi, script: &str) -> Helper {
    Helper::get(SERVER).program("issue-token", script).kubeconfig(&Kubeconfig::exec(api, "issue-token"))
}

fn prints(text: &str) -> String {
    format!("cat <<'END'\n{text}\nEND")
}

#[test]
fn a_token() {
    let api = stocked(FakeApi::with_token());
    Helper::get(SERVER).kubeconfig(&Kubeconfig::token(&api)).run().answers_user(SERVER, "stored");
}

#[test]
fn a_wrong_token_is_an_error_and_not_retried() {
    let api = stocked(FakeApi::with_token());
    for user in [json!({ "token": "hunter2-wrong" }), json!({})] {
        let before = api.requests().len();
        let run = Helper::get(SERVER).kubeconfig(&Kubeconfig::user(&api, user)).run();
        run.explains(&["secret kubeclarity/basic-regcred", &api.url(), "401", "renew the token"]);
        assert_eq!(api.requests().len(), before + 1);
    }
}

#[test]
fn a_token_file_with_a_path_relative_to_the_kubeconfig() {
    let api = stocked(FakeApi::with_token());
    let kubeconfig = Kubeconfig::user(&api, json!({ "tokenFile": "keys/token" }));
    Helper::get(SERVER)
        .file("keys/token", format!("{TOKEN}\n"))
        .kubeconfig(&kubeconfig)
        .run()
        .answers_user(SERVER, "stored");
}

#[test]
fn a_token_file_that_is_not_there() {
    let api = stocked(FakeApi::with_token());
    let kubeconfig = Kubeconfig::user(&api, json!({ "tokenFile": "keys/token" }));
    Helper::get(SERVER).kubeconfig(&kubeconfig).run().explains(&["keys/token"]);
    assert_eq!(api.paths(), [""; 0]);
}

#[test]
fn a_client_certificate() {
    let api = stocked(FakeApi::with_certificate());
    let identity = api.authority.client("somebody");
    Helper::get(SERVER)
        .kubeconfig(&Kubeconfig::certificate(&api, &identity))
        .run()
        .answers_user(SERVER, "stored");
    let files = json!({ "client-certificate": "c.pem", "client-key": "k.pem" });
    Helper::get(SERVER)
        .file("c.pem", &identity.certificate)
        .file("k.pem", &identity.key)
        .kubeconfig(&Kubeconfig::user(&api, files))
        .run()
        .answers_user(SERVER, "stored");
}

#[test]
fn a_client_certificate_of_a_stranger() {
    let api = stocked(FakeApi::with_certificate());
    let identity = Authority::new().client("somebody");
    let run = Helper::get(SERVER).kubeconfig(&Kubeconfig::certificate(&api, &identity)).timeout("2").run();
    run.within(15).explains(&["secret kubeclarity/basic-regcred", &api.url()]);
    assert_eq!(api.paths(), [""; 0]);
}

#[test]
fn a_client_certificate_that_is_none() {
    let api = stocked(FakeApi::with_certificate());
    let user = json!({ "client-certificate-data": base64("hunter2"), "client-key-data": base64("hunter2") });
    Helper::get(SERVER).kubeconfig(&Kubeconfig::user(&api, user)).run().explains(&["kubeconfig"]);
}

#[test]
fn a_plugin_prints_a_token() {
    let api = stocked(FakeApi::with_token());
    plugin(&api, &prints(&credential(&json!({ "token": TOKEN })))).run().answers_user(SERVER, "stored");
}

#[test]
fn a_plugin_prints_a_certificate() {
    let api = stocked(FakeApi::with_certificate());
    let identity = api.authority.client("somebody");
    let status = json!({ "clientCertificateData": identity.certificate, "clientKeyData": identity.key });
    plugin(&api, &prints(&credential(&status))).run().answers_user(SERVER, "stored");
}

#[test]
fn a_plugin_is_told_what_it_needs_and_gets_neither_stdin_nor_outputs() {
    let api = stocked(FakeApi::with_token());
    // It fails if stdin gives anything, or if it is told that it may ask people.
    let script = format!(
        r#"echo hunter2-junk >&2
[ "$(cat)" = "" ] || exit 3
[ "$EXTRA" = more ] && [ "$1" = one ] || exit 4
case "$KUBERNETES_EXEC_INFO" in
*'"interactive":false'*) ;;
*) exit 5 ;;
esac
case "$KUBERNETES_EXEC_INFO" in
*'"apiVersion":"client.authentication.k8s.io/v1beta1"'*) ;;
*) exit 6 ;;
esac
{}"#,
        prints(&credential(&json!({ "token": TOKEN })))
    );
    let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "issue-token",
                       "args": ["one"], "env": [{ "name": "EXTRA", "value": "more" }] });
    Helper::get(SERVER)
        .program("issue-token", &script)
        .kubeconfig(&Kubeconfig::user(&api, json!({ "exec": exec })))
        .run()
        .answers_user(SERVER, "stored");
}

#[test]
fn a_plugin_named_by_a_path_is_relative_to_the_kubeconfig() {
    let api = stocked(FakeApi::with_token());
    let script = prints(&credential(&json!({ "token": TOKEN })));
    Helper::get(SERVER)
        .program("issue-token", &script)
        .env("PATH", "/usr/bin:/bin")
        .kubeconfig(&Kubeconfig::exec(&api, "./bin/issue-token"))
        .run()
        .answers_user(SERVER, "stored");
}

#[test]
fn a_plugin_does_not_get_what_a_client_left_in_stdin() {
    // `list` reads no stdin, so all of it is still there when the plugin runs.
    let api = stocked(FakeApi::with_token());
    let script = format!("[ -z \"$(cat)\" ] || exit 3\n{}", prints(&credential(&json!({ "token": TOKEN }))));
    let run = Helper::list()
        .stdin("hunter2")
        .program("issue-token", &script)
        .kubeconfig(&Kubeconfig::exec(&api, "issue-token"))
        .run();
    run.is(0, "{\"reg.example.com\":\"stored\"}\n", "");
}

#[test]
fn a_plugin_that_hangs_is_ended_with_the_deadline() {
    let api = stocked(FakeApi::with_token());
    // Both wait in the shell itself: on a pipe that nobody writes to.
    let waits = "mkfifo \"$HOME/pipe\"; echo $$ >\"$HOME/pid\"; read line <>\"$HOME/pipe\"";
    for script in [waits.to_owned(), format!("trap '' TERM INT HUP PIPE; {waits}")] {
        let home = tempfile::tempdir().unwrap();
        let run = plugin(&api, &script).env("HOME", home.path()).timeout("1.5").run();
        run.within(15).explains(&["issue-token", "KUBECLARITY_TIMEOUT"]);
        let id = std::fs::read_to_string(home.path().join("pid")).unwrap();
        assert!(ends(id.trim()), "the plugin {id} lives on");
    }
    assert_eq!(api.paths(), [""; 0]);
}

/// Whether a process is over, or a zombie that nobody has waited for yet, within a generous limit.
fn ends(id: &str) -> bool {
    let started = std::time::Instant::now();
    while started.elapsed() < std::time::Duration::from_secs(10) {
        let state = std::fs::read_to_string(format!("/proc/{id}/stat"));
        if state.is_err() || state.is_ok_and(|stat| stat.contains(") Z ")) {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    false
}

#[test]
fn a_plugin_that_fails_is_named() {
    let api = stocked(FakeApi::with_token());
    let valid = prints(&credential(&json!({ "token": TOKEN })));
    for (script, says) in [
        ("echo hunter2 >&2; exit 1".to_owned(), "failed"),
        (format!("{valid}\nexit 1"), "failed"),
        ("kill -9 $$".to_owned(), "failed"),
        (String::new(), "prints no ExecCredential"),
        ("echo hunter2".to_owned(), "prints no ExecCredential"),
        ("echo '{}'".to_owned(), "prints no status"),
        (prints(&credential(&json!(null))), "prints no status"),
    ] {
        plugin(&api, &script).run().explains(&["kubeconfig", "issue-token", says]);
    }
    let absent =
        Helper::get(SERVER).kubeconfig(&Kubeconfig::exec(&api, "issue-token-that-is-not-there")).run();
    absent.explains(&["issue-token-that-is-not-there", "cannot be started"]);
    assert_eq!(api.paths(), [""; 0]);
}

#[test]
fn a_plugin_that_prints_without_end_is_ended() {
    let api = stocked(FakeApi::with_token());
    plugin(&api, "exec cat /dev/zero").timeout("2").run().within(15).explains(&["issue-token"]);
}

#[test]
fn a_plugin_without_a_credential_in_its_status_is_an_error() {
    let api = stocked(FakeApi::with_token());
    for status in [json!({}), json!({ "token": "" }), json!({ "token": null })] {
        // Without an identity the API server is not asked as somebody without a name.
        plugin(&api, &prints(&credential(&status))).run().explains(&["issue-token"]);
    }
    assert_eq!(api.paths(), [""; 0]);
}
