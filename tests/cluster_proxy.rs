//! Proxies on the way to the API server, and variables that must not redirect the token.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::io::Read;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use support::fault::{Manner, Refused, Rude};
use support::http::{self, Request};
use support::kubeconfig::Kubeconfig;
use support::proxy::Proxy;
use support::tls::Authority;
use support::{FakeApi, Helper};

const SERVER: &str = "https://reg.example.com";
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

fn stocked() -> FakeApi {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[("reg.example.com", "stored")]);
    api
}

/// A run that asks the server by an address that is not loopback.
fn get(api: &FakeApi) -> Helper {
    Helper::get(SERVER).kubeconfig(&Kubeconfig::elsewhere(api))
}

fn target(api: &FakeApi) -> String {
    api.elsewhere().replace("https://", "")
}

fn connect(api: &FakeApi) -> Vec<String> {
    vec![format!("CONNECT {}", target(api))]
}

#[test]
fn the_environments_proxy_is_used() {
    for variable in VARIABLES {
        let (api, proxy) = (stocked(), Proxy::start());
        get(&api).env(variable, proxy.url()).run().answers_user(SERVER, "stored");
        assert_eq!(proxy.targets(), connect(&api), "{variable}");
        // The token goes to the API server, not to the proxy.
        assert!(proxy.requests()[0].header("authorization").is_empty());
    }
}

#[test]
fn a_proxy_without_a_scheme_is_one_for_http() {
    let (api, proxy) = (stocked(), Proxy::start());
    for value in [
        proxy.address(),
        format!("me:hunter2@{}", proxy.address()),
        format!("//{}", proxy.address()),
        format!(" {}\n", proxy.address()),
        format!("HTTP://{}/", proxy.address()),
    ] {
        let before = proxy.targets().len();
        get(&api).env("HTTPS_PROXY", &value).run().answers_user(SERVER, "stored");
        assert!(proxy.targets().len() > before, "{value:?}");
    }
}

#[test]
fn the_lower_case_name_counts_first_and_an_empty_one_is_none() {
    let (api, proxy) = (stocked(), Proxy::start());
    let dead = Refused::new().url();
    for (upper, lower) in [(dead.as_str(), proxy.url()), ("", proxy.url()), (&proxy.url(), String::new())] {
        let before = proxy.targets().len();
        get(&api).env("HTTPS_PROXY", upper).env("https_proxy", lower).run().answers_user(SERVER, "stored");
        assert!(proxy.targets().len() > before, "{upper}");
    }
}

#[test]
fn socks_proxies_are_used_and_resolve_the_name() {
    for scheme in ["socks5", "socks5h", "SOCKS5"] {
        let (api, proxy) = (stocked(), Proxy::start());
        get(&api)
            .env("ALL_PROXY", format!("{scheme}://{}", proxy.address()))
            .run()
            .answers_user(SERVER, "stored");
        assert_eq!(proxy.targets(), [format!("SOCKS {}", target(&api))], "{scheme}");
    }
    let (api, proxy) = (stocked(), Proxy::start());
    let url = format!("socks5://me:p%40ss@{}", proxy.address());
    get(&api).env("HTTPS_PROXY", url).run().answers_user(SERVER, "stored");
    assert_eq!(proxy.logins(), ["me:p@ss"]);
}

#[test]
fn a_proxy_behind_tls_is_trusted_by_the_system_or_the_cluster() {
    let (api, others) = (stocked(), Authority::new());
    let of_system = Proxy::start_secure(others.server(&["127.0.0.1"]));
    let run = get(&api).file("system.pem", others.pem());
    let bundle = run.path("system.pem");
    run.env("HTTPS_PROXY", of_system.url())
        .env("SSL_CERT_FILE", &bundle)
        .run()
        .answers_user(SERVER, "stored");
    assert_eq!(of_system.targets(), connect(&api));

    let of_cluster = Proxy::start_secure(api.authority.server(&["127.0.0.1"]));
    get(&api).env("HTTPS_PROXY", of_cluster.url()).run().answers_user(SERVER, "stored");
    assert_eq!(of_cluster.targets(), connect(&api));

    let of_nobody = Proxy::start_secure(Authority::new().server(&["127.0.0.1"]));
    let run = get(&api).env("HTTPS_PROXY", of_nobody.url()).run();
    run.within(5).explains(&[&of_nobody.url(), "HTTPS_PROXY", "NO_PROXY", "certificate"]);
}

#[test]
fn the_proxy_for_http_is_not_for_https() {
    let (api, proxy) = (stocked(), Proxy::start());
    get(&api).env("HTTP_PROXY", proxy.url()).run().answers_user(SERVER, "stored");
    assert_eq!(proxy.targets(), [""; 0]);
}

#[test]
fn no_proxy_is_kept() {
    let (api, proxy) = (stocked(), Proxy::start());
    let own = target(&api);
    for (no_proxy, passed_by) in [
        ("0.0.0.0", true),
        ("localhost,0.0.0.0/8", true),
        ("*", true),
        (" example.com , 0.0.0.0 ", true),
        (own.as_str(), true),
        ("0.0.0.0:1", false),
        ("example.com", false),
        ("0.0.0.1", false),
        ("", false),
    ] {
        let before = proxy.targets().len();
        let run = get(&api).env("HTTPS_PROXY", proxy.url());
        run.env("NO_PROXY", no_proxy).run().answers_user(SERVER, "stored");
        assert_eq!(proxy.targets().len() == before, passed_by, "NO_PROXY={no_proxy:?}");
    }
    let run = get(&api).env("HTTPS_PROXY", "ftp://no.proxy").env("NO_PROXY", "").env("no_proxy", "0.0.0.0");
    run.run().answers_user(SERVER, "stored");
}

#[test]
fn this_machine_is_reached_without_a_proxy() {
    for variable in VARIABLES {
        let (api, proxy) = (stocked(), Proxy::start());
        let run = Helper::get(SERVER).kubeconfig(&Kubeconfig::token(&api)).env(variable, proxy.url()).run();
        run.answers_user(SERVER, "stored");
        assert_eq!(proxy.targets(), [""; 0], "{variable}");
    }
    let (api, proxy) = (stocked(), Proxy::start());
    let mut kubeconfig = Kubeconfig::elsewhere(&api);
    let url = api.url().replace("127.0.0.1", "localhost");
    api.behind(&url);
    kubeconfig.cluster["server"] = json!(url);
    Helper::get(SERVER)
        .kubeconfig(&kubeconfig)
        .env("HTTPS_PROXY", proxy.url())
        .run()
        .answers_user(SERVER, "stored");
    assert_eq!(proxy.targets(), [""; 0]);
}

#[test]
fn user_and_password_for_the_proxy_are_sent() {
    let (api, proxy) = (stocked(), Proxy::start());
    let address = proxy.url_with("me", "hunter2");
    get(&api).env("HTTPS_PROXY", address).run().answers_user(SERVER, "stored");
    let expected = format!("Basic {}", support::data::base64("me:hunter2"));
    assert_eq!(proxy.requests()[0].header("proxy-authorization"), [expected]);
}

#[test]
fn the_kubeconfigs_own_proxy_counts_before_the_environments() {
    let (api, own, other) = (stocked(), Proxy::start(), Proxy::start());
    // It is used for loopback too, and whatever NO_PROXY says.
    for mut kubeconfig in [Kubeconfig::elsewhere(&api), Kubeconfig::token(&api)] {
        let before = own.targets().len();
        kubeconfig.cluster["proxy-url"] = json!(own.url());
        let run = Helper::get(SERVER).kubeconfig(&kubeconfig).env("HTTPS_PROXY", other.url());
        run.env("NO_PROXY", "*").run().answers_user(SERVER, "stored");
        assert_eq!((own.targets().len(), other.targets().len()), (before + 1, 0));
    }
}

#[test]
fn the_kubeconfigs_proxy_may_be_of_every_kind_that_kubectl_knows() {
    let (api, proxy) = (stocked(), Proxy::start());
    let mut kubeconfig = Kubeconfig::token(&api);
    for (scheme, method) in [("http", "CONNECT"), ("socks5", "SOCKS"), ("socks5h", "SOCKS")] {
        kubeconfig.cluster["proxy-url"] = json!(format!("{scheme}://me:hunter2@{}", proxy.address()));
        Helper::get(SERVER).kubeconfig(&kubeconfig).run().answers_user(SERVER, "stored");
        let last = proxy.targets().pop().unwrap_or_default();
        assert_eq!(last, format!("{method} {}", api.url().replace("https://", "")), "{scheme}");
    }
    assert_eq!(proxy.logins(), ["me:hunter2"; 2]);
    for other in [proxy.address(), format!("socks4://me:hunter2@{}", proxy.address()), "http://".to_owned()] {
        kubeconfig.cluster["proxy-url"] = json!(other);
        Helper::get(SERVER).kubeconfig(&kubeconfig).run().explains(&["proxy-url", "kubeconfig"]);
    }
}

/// Proxies that let nobody through, and what a message says of each.
fn refusing() -> Vec<(String, &'static str)> {
    let says = |bytes| Rude::new(Manner::Says(bytes)).url().replace("https://", "");
    vec![
        (says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), "403 Forbidden"),
        (
            says(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
            "user and password",
        ),
        (says(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), "502 Bad Gateway"),
        (says(b"SSH-2.0-OpenSSH_9.6\r\n"), "not such a proxy"),
        (Rude::new(Manner::Closes).url().replace("https://", ""), "closed"),
        (Refused::new().url().replace("https://", ""), "refused"),
    ]
}

#[test]
fn a_proxy_that_refuses_is_told_at_once_and_without_its_password() {
    let api = stocked();
    for (address, why) in refusing() {
        for (variable, form) in [
            ("HTTPS_PROXY", "http://me:hunter2@"),
            ("https_proxy", "me:hunter2@"),
            ("ALL_PROXY", "http://hunter2@"),
            ("all_proxy", "//me:hunter2@"),
        ] {
            let run = get(&api).env(variable, format!("{form}{address}")).run();
            let proxy = format!("http://{address}");
            run.within(4).explains(&[
                "secret kubeclarity/basic-regcred",
                &api.elsewhere(),
                &proxy,
                variable,
                "NO_PROXY",
                why,
            ]);
        }
        let mut kubeconfig = Kubeconfig::token(&api);
        kubeconfig.cluster["proxy-url"] = json!(format!("http://me:hunter2@{address}"));
        let run = Helper::get(SERVER).kubeconfig(&kubeconfig).run();
        run.within(4).explains(&[&format!("http://{address}"), "proxy-url in the kubeconfig", why]);
    }
    assert_eq!(api.paths(), [""; 0]);
}

/// A server that answers whatever comes first, and listens on.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut chunk = [0; 1024];
            let _ = stream.read(&mut chunk);
            http::send(&mut stream, answer);
            while stream.read(&mut chunk).is_ok_and(|got| got > 0) {}
        }
    });
    address
}

#[test]
fn a_socks_proxy_that_refuses_is_told_at_once_and_without_its_password() {
    let api = stocked();
    for (answer, why) in [
        (&b"\x05\xff"[..], "user and password"),
        (b"\x05\x02\x01\x01", "user and password"),
        (b"\x05\x00\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00", "does not allow it"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not such a proxy"),
    ] {
        let address = answering(answer);
        let run = get(&api).env("ALL_PROXY", format!("socks5://me:hunter2@{address}")).run();
        run.within(4).explains(&[&format!("socks5://{address}"), "ALL_PROXY", "NO_PROXY", why]);
    }
}

#[test]
fn a_proxy_that_says_nothing_is_told() {
    let (api, silent) = (stocked(), Rude::new(Manner::Silent));
    let proxy = silent.url().replace("https", "http");
    let run = get(&api).env("HTTPS_PROXY", &proxy).timeout("2").run();
    run.within(15).explains(&[&proxy, "HTTPS_PROXY", "NO_PROXY", "within the limit"]);
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_with_the_proxy_on_the_way() {
    let (api, proxy) = (stocked(), Proxy::start());
    let mut kubeconfig = Kubeconfig::elsewhere(&api);
    kubeconfig.cluster["certificate-authority-data"] = json!(support::data::base64(Authority::new().pem()));
    let run = Helper::get(SERVER).kubeconfig(&kubeconfig).env("HTTPS_PROXY", proxy.url()).run();
    run.within(4).explains(&["not trusted", &proxy.url(), "HTTPS_PROXY", "NO_PROXY"]);
}

#[test]
fn a_variable_that_is_no_proxys_address_is_told_and_not_shown() {
    let api = stocked();
    for value in [
        "socks4://me:hunter2@127.0.0.1:1",
        "http://me:hunter2@",
        "http:/me:hunter2@127.0.0.1",
        "http://me:hunter2/x@h:1",
    ] {
        let run = get(&api).env("HTTPS_PROXY", value).run();
        run.within(4).explains(&["HTTPS_PROXY", "socks5://"]);
    }
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

/// An API server without TLS, as `kubectl proxy` is one: what it was asked, and its port.
fn in_clear(answer: &'static [u8]) -> (Arc<Mutex<Vec<Request>>>, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            while let Some(request) = Request::read(&mut stream) {
                let last = request.header("connection") == ["close"];
                noted.lock().unwrap().push(request);
                http::send(&mut stream, answer);
                if last {
                    break;
                }
            }
        }
    });
    (seen, port)
}

const NOTHING: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/// Everything that could be sent of an identity.
fn identities() -> [serde_json::Value; 5] {
    let identity = Authority::new().client("me");
    let (certificate, key) =
        (support::data::base64(&identity.certificate), support::data::base64(&identity.key));
    [
        json!({ "token": "hunter2" }),
        json!({ "tokenFile": "/nonexistent/token" }),
        json!({ "username": "me", "password": "hunter2" }),
        json!({ "client-certificate-data": certificate, "client-key-data": key }),
        json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "plugin", "interactiveMode": "Never" } }),
    ]
}

#[test]
fn a_server_without_tls_is_sent_no_identity_and_no_plugin_is_run() {
    let (seen, port) = in_clear(NOTHING);
    let url = format!("http://127.0.0.1:{port}");
    for user in identities() {
        let kubeconfig =
            Kubeconfig { cluster: json!({ "server": url }), user: user.clone(), namespace: None };
        let run = Helper::get(SERVER).kubeconfig(&kubeconfig);
        let mark = run.path("mark");
        run.program("plugin", &format!("touch {}", mark.display())).run().not_found();
        assert!(!mark.exists(), "{user}");
    }
    let seen = seen.lock().unwrap();
    assert!(
        !seen.is_empty() && seen.iter().all(|request| request.header("authorization").is_empty()),
        "{seen:?}"
    );
}

#[test]
fn a_server_without_tls_that_wants_an_identity_is_told() {
    for answer in [
        &b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"[..],
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (_, port) = in_clear(answer);
        let url = format!("http://127.0.0.1:{port}");
        let kubeconfig = Kubeconfig {
            cluster: json!({ "server": url }),
            user: json!({ "token": "hunter2" }),
            namespace: None,
        };
        let run = Helper::get(SERVER).kubeconfig(&kubeconfig).run();
        run.explains(&[&url, "in clear", "no identity", "https://"]);
    }
}

#[test]
fn a_server_without_tls_is_asked_by_the_proxy_for_http() {
    let ((seen, port), proxy) = (in_clear(NOTHING), Proxy::start());
    let kubeconfig = Kubeconfig {
        cluster: json!({ "server": format!("http://0.0.0.0:{port}") }),
        user: json!({ "token": "hunter2" }),
        namespace: None,
    };
    let get = || Helper::get(SERVER).kubeconfig(&kubeconfig);
    get().env("HTTP_PROXY", proxy.url_with("me", "pw")).run().not_found();
    let requests = proxy.requests();
    assert_eq!(
        requests[0].target,
        format!("http://0.0.0.0:{port}/api/v1/namespaces/kubeclarity/secrets/basic-regcred")
    );
    assert_eq!(requests[0].header("proxy-authorization"), ["Basic bWU6cHc="]);
    assert!(requests[0].header("authorization").is_empty());
    assert!(seen.lock().unwrap()[0].header("proxy-authorization").is_empty());
    // A web server that runs programs makes it from a header of the request.
    get().env("HTTP_PROXY", proxy.url()).env("REQUEST_METHOD", "GET").run().not_found();
    assert_eq!(proxy.requests().len(), requests.len());
}
