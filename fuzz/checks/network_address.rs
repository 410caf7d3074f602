//! Addresses that decide where a request goes: a proxy's, a list for `NO_PROXY`, an AWS endpoint, a host. One a line.

use docker_credential_kubeclarity::network::aws_endpoint;
use docker_credential_kubeclarity::network::no_proxy::{NoProxy, is_this_machine};
use docker_credential_kubeclarity::network::proxy::{Proxies, Proxy, Way};
use http::Uri;
use url::Url;

/// What is shown of a proxy is its address and nothing else: it reads as the same proxy, without a login.
fn proxy(proxy: &Proxy) {
    let shown = proxy.to_string();
    let again = Proxy::of_variable("HTTPS_PROXY", &shown).expect("what is shown is an address");
    assert_eq!(
        (again.scheme, &again.host, again.port, again.login),
        (proxy.scheme, &proxy.host, proxy.port, None)
    );
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    assert!(proxy.host.chars().all(plain), "{shown}");
    let uri = proxy.uri().expect("an address to connect to");
    assert_eq!(uri.port_u16(), Some(proxy.port));
}

/// An endpoint is AWS's for every parser, whatever stands around the host.
fn endpoint(text: &str) {
    let Ok(uri) = text.parse::<Uri>() else { return };
    if aws_endpoint::service(&uri).is_none() {
        return;
    }
    let url = Url::parse(text).expect("an address for the other parser too");
    let host = url.host_str().expect("a host");
    assert_eq!((url.scheme(), url.port(), url.username(), url.password()), ("https", None, "", None));
    assert_eq!(Some(host), uri.host().map(str::to_ascii_lowercase).as_deref());
    let ours = [".com", ".cn", ".eu", ".aws", ".ic.gov", ".sgov.gov", ".adc-e.uk"];
    assert!(ours.iter().any(|suffix| host.ends_with(suffix)), "{host}");
}

/// A host that is listed by its own name is excepted, and so is this machine.
fn excepted(list: &str, host: &str) {
    let parsed = NoProxy::parse(list);
    assert_eq!(parsed.lists(host, 443), parsed.lists(&host.to_ascii_uppercase(), 443));
    let Ok(to) = format!("https://{host}/").parse::<Uri>() else { return };
    if to.host() != Some(host) || host.is_empty() {
        return;
    }
    let way = |list: String| {
        let variables = [("HTTPS_PROXY", "proxy:3128".to_owned()), ("NO_PROXY", list)];
        let found = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
        Proxies::from(found).way(&to).expect("a proxy")
    };
    let direct = is_this_machine(host) || parsed.lists(host, 443);
    assert_eq!(way(list.to_owned()) == Way::Direct, direct, "NO_PROXY={list:?} {host}");
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if host.chars().all(is_name) || host.parse::<std::net::IpAddr>().is_ok() {
        assert_eq!(way(format!("{list},{host}")), Way::Direct, "{host}");
    }
}

/// The property.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (address, list, url, host) = (line(), line(), line(), line());
    Proxy::of_variable("HTTPS_PROXY", address).iter().for_each(proxy);
    Proxy::of_kubeconfig(address).iter().for_each(proxy);
    endpoint(url);
    excepted(list, host);
}
