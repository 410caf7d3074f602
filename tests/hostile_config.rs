//! Configurations that somebody hostile wrote, or that hang: no wait past the limit, no secret told, none sent away.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// The one line of a failed `get`.
fn failed(home: &Path, server: &str, variables: &[(&str, &str)]) -> String {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_docker-credential-kubeclarity"))
        .arg("get")
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("KUBECLARITY_CACHE", "off")
        .env("KUBECLARITY_TIMEOUT", "1")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), server.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(started.elapsed() < Duration::from_secs(15), "it hung");
    let line = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]), "{line}");
    assert!(line.starts_with("kubeclarity: ") && line.matches('\n').count() == 1, "{line:?}");
    assert!(!line.contains("hunter2"), "{line}");
    line
}

fn kubeconfig(home: &Path, cluster: &str, user: &str) -> String {
    let path = home.join("kubeconfig");
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, contexts: [{{name: c, context: {{cluster: c, user: u}}}}], \
         clusters: [{{name: c, cluster: {{{cluster}}}}}], users: [{{name: u, user: {{{user}}}}}]}}"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_file_that_never_comes_does_not_outlast_the_limit() {
    let home = tempfile::tempdir().unwrap();
    let fifo = home.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let fifo = fifo.to_str().unwrap();
    let user = format!("client-certificate: {fifo}, client-key: {fifo}");
    let certificate = kubeconfig(home.path(), "server: 'https://127.0.0.1:1'", &user);
    for variables in [
        vec![("AWS_CONFIG_FILE", fifo)],
        vec![("AWS_WEB_IDENTITY_TOKEN_FILE", fifo), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")],
        vec![("KUBECONFIG", &certificate)],
    ] {
        let line = failed(home.path(), ECR, &variables);
        assert!(line.contains("KUBECLARITY_TIMEOUT"), "{variables:?}: {line}");
    }
}

#[test]
fn an_auth_provider_is_not_run() {
    let home = tempfile::tempdir().unwrap();
    let mark = home.path().join("mark");
    let user = format!(
        "auth-provider: {{name: gcp, config: {{cmd-path: /usr/bin/touch, cmd-args: {}}}}}",
        mark.display()
    );
    let path = kubeconfig(home.path(), "server: 'https://127.0.0.1:1'", &user);
    let line = failed(home.path(), "reg.example.com", &[("KUBECONFIG", &path)]);
    assert!(line.contains("auth-provider") && !mark.exists(), "{line}");
}

#[test]
fn passwords_in_addresses_are_not_told() {
    let home = tempfile::tempdir().unwrap();
    for cluster in [
        "server: 'http://admin:hunter2@127.0.0.1:1'",
        "server: 'ftp://admin:hunter2@127.0.0.1:1'",
        "server: 'https://127.0.0.1:1', proxy-url: 'ftp://admin:hunter2@127.0.0.1:1'",
    ] {
        let path = kubeconfig(home.path(), cluster, "token: abc");
        failed(home.path(), "reg.example.com", &[("KUBECONFIG", &path)]);
    }
}

#[test]
fn a_token_that_fits_no_header_is_no_panic() {
    let home = tempfile::tempdir().unwrap();
    let path = kubeconfig(home.path(), "server: 'https://127.0.0.1:1'", "token: \"abc\\nhunter2\"");
    let line = failed(home.path(), "reg.example.com", &[("KUBECONFIG", &path)]);
    assert!(line.contains("token") && !line.contains("itself"), "{line}");
}

#[test]
fn a_key_of_aws_that_fits_no_header_is_no_panic() {
    let home = tempfile::tempdir().unwrap();
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    for bad in ["abc\nhunter2", "abc hunter2", "hunter2\u{e9}", "hunter2\u{7f}"] {
        for name in names {
            let variables = names.map(|one| (one, if one == name { bad } else { "hunter2" }));
            let line = failed(home.path(), ECR, &variables);
            assert!(line.contains(&format!("{name} holds a character")), "{line}");
        }
        // The same in a file, and before a role is asked for.
        let config = home.path().join("credentials");
        let bad = bad.replace('\n', "\u{1}");
        std::fs::write(&config, format!("[default]\naws_access_key_id = {bad}\naws_secret_access_key = x\n"))
            .unwrap();
        let line = failed(home.path(), ECR, &[("AWS_SHARED_CREDENTIALS_FILE", config.to_str().unwrap())]);
        assert!(line.contains("AWS_ACCESS_KEY_ID holds a character"), "{line}");
        let variables =
            [(names[0], bad.as_str()), (names[1], "hunter2"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")];
        let line = failed(home.path(), ECR, &variables);
        assert!(line.contains("AWS_ACCESS_KEY_ID holds a character"), "{line}");
    }
}

#[test]
fn an_endpoint_of_somebodys_own_gets_no_projected_token() {
    let home = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let token = home.path().join("token");
    std::fs::write(&token, "hunter2").unwrap();
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"] {
        let variables = [
            (variable, url.as_str()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/x"),
        ];
        // The SDK's exchange of a token does not look at this one.
        let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        for variables in [&variables[..], &[&variables[..], &[ignored]].concat()] {
            assert!(failed(home.path(), ECR, variables).contains(variable));
            assert!(listener.accept().is_err(), "{variable}: somebody was asked");
        }
    }
}

#[test]
fn an_endpoint_in_a_profile_gets_no_projected_token() {
    let home = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (token, config) = (home.path().join("token"), home.path().join("config"));
    std::fs::write(&token, "hunter2").unwrap();
    let role = format!(
        "role_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = {}\n",
        token.display()
    );
    for text in [
        format!("[default]\nendpoint_url = {url}\n{role}"),
        format!("[default]\nservices = own\n{role}[services own]\nsts =\n  endpoint_url = {url}\n"),
    ] {
        std::fs::write(&config, &text).unwrap();
        let line = failed(home.path(), ECR, &[("AWS_CONFIG_FILE", config.to_str().unwrap())]);
        assert!(line.contains("endpoint_url in the AWS configuration file"), "{text}: {line}");
        assert!(listener.accept().is_err(), "{text}: somebody was asked");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_credential_process_does_not_outlive_the_helper() {
    let home = tempfile::tempdir().unwrap();
    let (config, pid) = (home.path().join("config"), home.path().join("pid"));
    let line = format!(
        "[default]\ncredential_process = sh -c \"sh -c 'echo $$ > {}; exec sleep 300'; true\"\n",
        pid.display()
    );
    std::fs::write(&config, line).unwrap();
    failed(home.path(), ECR, &[("AWS_CONFIG_FILE", config.to_str().unwrap())]);
    let pid = std::fs::read_to_string(pid).unwrap();
    let process = Path::new("/proc").join(pid.trim());
    let ended = Instant::now() + Duration::from_secs(10);
    // One that was killed and that nobody waits for yet has no command line.
    while std::fs::read(process.join("cmdline")).is_ok_and(|line| !line.is_empty()) {
        assert!(Instant::now() < ended, "the program goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_a_credential_process_writes_is_not_told() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    std::fs::write(&config, "[default]\ncredential_process = sh -c \"echo hunter2 >&2; exit 3\"\n").unwrap();
    failed(home.path(), ECR, &[("AWS_CONFIG_FILE", config.to_str().unwrap())]);
}
