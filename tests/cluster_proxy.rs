//! Proxies on the way to the API server, and variables that must not redirect the token.

mod support;

use serde_json::json;
use support::fault::{Manner, Rude};
use support::kubeconfig::Kubeconfig;
use support::proxy::Proxy;
use support::{FakeApi, Helper};

const SERVER: &str = "https://reg.example.com";

fn stocked() -> FakeApi {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[("reg.example.com", "stored")]);
    api
}

fn connect(api: &FakeApi) -> Vec<String> {
    vec![format!("CONNECT {}", api.url().trim_start_matches("https://"))]
}

#[test]
fn the_environments_proxy_is_used() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let (api, proxy) = (stocked(), Proxy::start());
        let run = Helper::get(SERVER).kubeconfig(&Kubeconfig::token(&api)).env(variable, proxy.url()).run();
        run.answers_user(SERVER, "stored");
        assert_eq!(proxy.targets(), connect(&api), "{variable}");
        // The token goes to the API server, not to the proxy.
        assert!(proxy.requests()[0].header("authorization").is_empty());
    }
}

#[test]
fn the_proxy_for_http_is_not_for_https() {
    let (api, proxy) = (stocked(), Proxy::start());
    let run = Helper::get(SERVER).kubeconfig(&Kubeconfig::token(&api)).env("HTTP_PROXY", proxy.url()).run();
    run.answers_user(SERVER, "stored");
    assert_eq!(proxy.targets(), [""; 0]);
}

#[test]
fn no_proxy_is_kept() {
    let (api, proxy) = (stocked(), Proxy::start());
    for (no_proxy, passed_by) in [
        ("127.0.0.1", true),
        ("localhost,127.0.0.0/8", true),
        ("*", true),
        (" example.com , 127.0.0.1 ", true),
        ("example.com", false),
        ("127.0.0.2", false),
        ("", false),
    ] {
        let before = proxy.targets().len();
        Helper::get(SERVER)
            .kubeconfig(&Kubeconfig::token(&api))
            .env("HTTPS_PROXY", proxy.url())
            .env("NO_PROXY", no_proxy)
            .run()
            .answers_user(SERVER, "stored");
        assert_eq!(proxy.targets().len() == before, passed_by, "NO_PROXY={no_proxy:?}");
    }
}

#[test]
fn user_and_password_for_the_proxy_are_sent() {
    let (api, proxy) = (stocked(), Proxy::start());
    let address = proxy.url_with("me", "hunter2");
    Helper::get(SERVER)
        .kubeconfig(&Kubeconfig::token(&api))
        .env("HTTPS_PROXY", address)
        .run()
        .answers_user(SERVER, "stored");
    let expected = format!("Basic {}", support::data::base64("me:hunter2"));
    assert_eq!(proxy.requests()[0].header("proxy-authorization"), [expected]);
}

#[test]
fn the_kubeconfigs_own_proxy_counts_before_the_environments() {
    let (api, own, other) = (stocked(), Proxy::start(), Proxy::start());
    let mut kubeconfig = Kubeconfig::token(&api);
    kubeconfig.cluster["proxy-url"] = json!(own.url());
    let run = Helper::get(SERVER).kubeconfig(&kubeconfig).env("HTTPS_PROXY", other.url()).run();
    run.answers_user(SERVER, "stored");
    assert_eq!((own.targets(), other.targets()), (connect(&api), vec![]));
}

#[test]
fn a_proxy_that_refuses_is_told() {
    let api = stocked();
    let rude = Rude::new(Manner::Says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
    let proxy = rude.url().replace("https", "http");
    let run = Helper::get(SERVER)
        .kubeconfig(&Kubeconfig::token(&api))
        .env("HTTPS_PROXY", proxy.replace("://", "://me:hunter2@"))
        .timeout("2")
        .run();
    run.within(15).explains(&["secret kubeclarity/basic-regcred", &api.url(), "cannot be reached"]);
    assert_eq!(api.paths(), [""; 0]);
}

#[test]
fn variables_for_debugging_the_client_library_have_no_effect() {
    let (api, elsewhere) = (stocked(), Rude::new(Manner::Closes));
    let run = Helper::get(SERVER)
        .kubeconfig(&Kubeconfig::token(&api))
        .env("KUBE_RS_DEBUG_OVERRIDE_URL", elsewhere.url())
        .env("KUBE_RS_DEBUG_IMPERSONATE_USER", "root")
        .env("KUBE_RS_DEBUG_IMPERSONATE_GROUP", "system:masters")
        .run();
    run.answers_user(SERVER, "stored");
    assert_eq!(elsewhere.visits(), 0);
    let requests = api.requests();
    assert!(requests[0].header("impersonate-user").is_empty(), "{requests:?}");
}
