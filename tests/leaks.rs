//! What is put into a variable stays there: a secret, the content of a file in a variable that names the file, a password
//! in an address. Each variable that the settings know is tried with each form of a marked secret, by all verbs; no output
//! has the mark, but `get`'s answer.

#![allow(clippy::unwrap_used, clippy::expect_used)] // an expectation that fails here is how a test fails

mod support;

use std::cell::RefCell;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use docker_credential_kubeclarity::settings::Settings;
use serde_json::json;

use support::fault::Refused;
use support::{Helper, Outcome};

/// What nobody may read.
const MARK: &str = "Zq9wMark7tRv2xLb4nKd8";

/// Variables whose value is no secret, and may be shown as it stands: names and numbers. All others hold a secret, or name
/// a file or an address. A new variable is one of those until it stands here.
const MAY_BE_SHOWN: [&str; 28] = [
    "KUBECLARITY_TIMEOUT",
    "KUBECLARITY_ON_ERROR",
    "KUBECLARITY_LOG",
    "KUBECLARITY_IGNORE_LOGIN",
    "KUBECLARITY_CACHE",
    "KUBECLARITY_CACHE_TTL",
    "KUBECLARITY_CLOUD",
    "KUBECLARITY_PULL_SECRETS",
    "KUBECLARITY_SERVICE_ACCOUNT",
    "KUBECLARITY_IMAGE",
    "IMAGE_NAME_TO_SCAN",
    "IMAGE_ID_TO_SCAN",
    "CREDS_SECRET_NAMESPACE",
    "KUBERNETES_SERVICE_PORT",
    "GITHUB_ACTOR",
    "CI_REGISTRY_USER",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_EXTERNAL_ID",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_ENVIRONMENT",
    "K_SERVICE",
    "CLOUD_RUN_JOB",
];

/// Variables that libraries read, or the doors to the network.
const BESIDE_THE_SETTINGS: [&str; 7] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "SSL_CERT_DIR"];

/// Without a name that could be looked up: these are asked directly, past the proxy that nobody listens at.
const ASKED_DIRECTLY: [&str; 5] = [
    "GCE_METADATA_HOST",
    "IDENTITY_ENDPOINT",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "KUBERNETES_SERVICE_HOST",
];

/// What must stand beside a variable so that it is used.
const BESIDE: [(&str, &[(&str, &str)]); 16] = [
    ("AWS_ACCESS_KEY_ID", &[("AWS_SECRET_ACCESS_KEY", "s")]),
    ("AWS_SECRET_ACCESS_KEY", &[("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")]),
    ("AWS_SESSION_TOKEN", &[("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "s")]),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", &[("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")]),
    (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/v1/credentials")],
    ),
    (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/v1/credentials")],
    ),
    ("AWS_CA_BUNDLE", &[("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "s")]),
    ("AWS_CONFIG_FILE", &[("AWS_PROFILE", "p")]),
    ("AWS_SHARED_CREDENTIALS_FILE", &[("AWS_PROFILE", "p")]),
    ("AZURE_CLIENT_SECRET", &[("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")]),
    ("AZURE_FEDERATED_TOKEN_FILE", &[("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")]),
    (
        "AZURE_AUTHORITY_HOST",
        &[("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s")],
    ),
    ("IDENTITY_ENDPOINT", &[("IDENTITY_HEADER", "h")]),
    ("IDENTITY_HEADER", &[("IDENTITY_ENDPOINT", "http://127.0.0.1:9/token")]),
    ("CI_REGISTRY_PASSWORD", &[("CI_REGISTRY", "reg.example.com"), ("CI_REGISTRY_USER", "u")]),
    ("CI_REGISTRY", &[("CI_REGISTRY_USER", "u"), ("CI_REGISTRY_PASSWORD", "p")]),
];

const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const REGISTRIES: [&str; 5] = ["reg.example.com", "ghcr.io", ECR, "eu.gcr.io", "boxregistry.azurecr.io"];

/// The variables that the settings look for.
fn variables() -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    Settings::from(|name| {
        asked.borrow_mut().insert(name.to_owned());
        None
    })
    .unwrap();
    asked.into_inner()
}

/// The forms in which people put a secret where it does not belong.
fn forms() -> Vec<(&'static str, String)> {
    let key = format!("-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n");
    let document = json!({
        "type": "service_account", "client_email": "robot@project.iam.gserviceaccount.com", "private_key": key,
        "auths": { "reg.example.com": { "auth": STANDARD.encode(format!("user:{MARK}")) } },
    });
    let kubeconfig = format!("apiVersion: v1\nkind: Config\nusers:\n- name: u\n  user:\n    token: {MARK}\n");
    let jwt = [r#"{"alg":"none"}"#, &format!(r#"{{"sub":"{MARK}"}}"#), MARK]
        .map(|part| URL_SAFE_NO_PAD.encode(part));
    vec![
        ("as it is", MARK.to_owned()),
        ("in base64", STANDARD.encode(MARK)),
        ("in an address", format!("https://user:{MARK}@127.0.0.1:9/x")),
        ("as the user of an address", format!("http://{MARK}@127.0.0.1:9/")),
        ("in an address without a scheme", format!("user:{MARK}@127.0.0.1:9")),
        ("for SOCKS", format!("socks5://user:{MARK}@127.0.0.1:9")),
        ("in the query of an address", format!("http://127.0.0.1:9/x?token={MARK}")),
        ("in JSON", document.to_string()),
        ("in JSON in base64", STANDARD.encode(document.to_string())),
        ("in PEM", key.clone()),
        ("in PEM in base64", STANDARD.encode(key)),
        ("in a kubeconfig", kubeconfig),
        ("in a token", jwt.join(".")),
    ]
}

/// Every twelve letters of the mark in a row, as they are and in base64, in any case.
fn told(text: &str) -> bool {
    let text = text.to_lowercase();
    let forms = [MARK.to_owned(), format!("user:{MARK}"), format!("us{MARK}"), format!("u{MARK}")];
    let encoded = forms
        .iter()
        .flat_map(|form| [STANDARD.encode(form), STANDARD_NO_PAD.encode(form), URL_SAFE_NO_PAD.encode(form)]);
    let is_part = |form: &str| {
        let form = form.to_lowercase();
        form.as_bytes().windows(12).any(|part| text.contains(std::str::from_utf8(part).unwrap()))
    };
    is_part(MARK) || encoded.into_iter().any(|form| is_part(form.trim_end_matches('=').get(8..).unwrap()))
}

fn dressed(helper: Helper, nowhere: &Refused, variable: &str, value: &str) -> Helper {
    let proxy = nowhere.url().replace("https", "http");
    let mut helper = helper.env("HTTPS_PROXY", &proxy).env("HTTP_PROXY", &proxy).timeout("2");
    for (_, beside) in BESIDE.iter().filter(|(name, _)| *name == variable) {
        helper = beside.iter().fold(helper, |helper, (name, value)| helper.env(name, value));
    }
    helper.env("KUBECLARITY_LOG", "debug").env("KUBECLARITY_CLOUD", "none").env(variable, value)
}

/// The registries for which a variable can matter.
fn registries(variable: &str) -> &'static [&'static str] {
    match variable {
        name if name.starts_with("AWS_") => &REGISTRIES[2..3],
        name if name.starts_with("GOOGLE_") || name.starts_with("GCE_") || name.starts_with("CLOUDSDK_") => {
            &REGISTRIES[3..4]
        }
        name if name.starts_with("AZURE_") || name.starts_with("IDENTITY_") => &REGISTRIES[4..],
        _ => &REGISTRIES,
    }
}

fn verbs(variable: &str) -> Vec<(Helper, bool)> {
    let mut verbs = Vec::new();
    for registry in registries(variable) {
        verbs.push((Helper::get(registry), true));
        verbs.push((Helper::new(["explain", registry]), false));
    }
    verbs.push((Helper::new(["explain", "--json", ECR]), false));
    verbs.push((Helper::list(), false));
    verbs.push((Helper::store("reg.example.com", "user", "a-login-of-no-interest"), false));
    verbs.push((Helper::erase("reg.example.com"), false));
    verbs.push((Helper::new(["configure", "--dry-run", "reg.example.com"]), false));
    verbs
}

/// The text that must not have the mark.
fn shown(run: &Outcome, answers: bool) -> String {
    let mut text = String::from_utf8_lossy(&run.stderr).into_owned();
    if !(answers && run.status.success()) {
        text += &String::from_utf8_lossy(&run.stdout);
    }
    text
}

fn tried(variable: &str, forms: &[(&'static str, String)]) -> Vec<String> {
    let nowhere = Refused::new();
    let mut leaks = Vec::new();
    for (form, value) in forms {
        for (helper, answers) in verbs(variable) {
            let run = dressed(helper, &nowhere, variable, value).run();
            let text = shown(&run, answers);
            if told(&text) {
                leaks.push(format!("{variable} {form}: {text}"));
            }
            // The length too: nothing that is put into a variable makes a line of a megabyte.
            assert!(text.lines().all(|line| line.len() < 4096), "{variable} {form}: {text}");
        }
    }
    leaks
}

#[test]
fn no_variable_leaks_what_is_put_into_it() {
    let mut all: BTreeSet<String> = variables();
    assert!(all.len() > 50 && MAY_BE_SHOWN.iter().all(|name| all.contains(*name)), "{all:?}");
    all.extend(BESIDE_THE_SETTINGS.map(str::to_owned));
    let of = |variable: &str| -> Vec<_> {
        let direct = ASKED_DIRECTLY.contains(&variable);
        forms().into_iter().filter(|(_, value)| !direct || value.contains("127.0.0.1")).collect()
    };
    let tries: Vec<_> = all
        .iter()
        .filter(|name| !MAY_BE_SHOWN.contains(&name.as_str()))
        .map(|name| (name.as_str(), of(name)))
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let leaks: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut leaks = Vec::new();
            while let Some((variable, forms)) =
                tries.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
            {
                leaks.extend(tried(variable, forms));
            }
            leaks
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

/// Where a value is a name, and may be shown: a key in its place is not.
#[test]
fn a_key_in_the_place_of_a_name_is_not_shown() {
    let forms: Vec<_> = forms()
        .into_iter()
        .filter(|(form, _)| !matches!(*form, "as it is" | "in base64" | "in the query of an address"))
        .collect();
    let leaks: Vec<String> =
        ["AWS_PROFILE", "AWS_REGION", "GITHUB_ACTOR", "AZURE_CLIENT_ID", "KUBECLARITY_IMAGE"]
            .into_iter()
            .flat_map(|variable| tried(variable, &forms))
            .collect();
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

#[test]
fn the_mark_would_be_seen() {
    for text in [
        MARK,
        &MARK[3..15],
        &MARK.to_lowercase(),
        &STANDARD.encode(MARK),
        &STANDARD.encode(format!("user:{MARK}")),
    ] {
        assert!(told(&format!("x {text} y")), "{text}");
    }
    assert!(!told("credentials not found in native keychain"));
}
