//! Proxies, understood once for every client: what the variables and a kubeconfig's `proxy-url` mean, and which way leads
//! to a host.
//!
//! The rules are those of Go's `net/http`, so that this program takes the way that kubectl takes, and curl's where Go has
//! none (`ALL_PROXY`).

use std::fmt;
use std::sync::Arc;

use http::Uri;

use super::fault::Why;
use super::no_proxy::{NoProxy, ascii, is_this_machine};
use crate::problem::{Expected, Problem, ProxyFault};
use crate::secret::Secret;
use crate::shown::Shown;

/// How to speak to a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP in clear: `CONNECT`, or the whole address for a server without TLS.
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS 5, which resolves the name itself: Go does not tell `socks5` and `socks5h` apart.
    Socks,
}

impl Scheme {
    fn of(name: &str) -> Option<Scheme> {
        match name.to_ascii_lowercase().as_str() {
            "http" => Some(Scheme::Http),
            "https" => Some(Scheme::Https),
            "socks5" | "socks5h" => Some(Scheme::Socks),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Socks => "socks5",
        }
    }

    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
            Scheme::Socks => 1080,
        }
    }
}

/// Who named a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// A variable.
    Variable(&'static str),
    /// The cluster's entry in a kubeconfig.
    Kubeconfig,
}

/// A proxy. `Display` shows its address without user and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How to speak to it.
    pub scheme: Scheme,
    /// Its name or address, an IPv6 one without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User and password, percent-decoded.
    pub login: Option<Login>,
    /// Who named it.
    pub named_by: NamedBy,
}

/// User and password for a proxy. The user is a secret too: some proxies take a token there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: Secret,
    /// The password.
    pub password: Secret,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.name())?;
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A variable's value that is no proxy's address. It is never shown: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAddress {
    /// The variable.
    pub variable: &'static str,
}

impl NoAddress {
    /// The message about it.
    pub fn into_problem(self) -> Problem {
        Problem::Setting { variable: self.variable, expected: Expected::Proxy }
    }
}

impl Proxy {
    /// Parses a variable's value: `[scheme://][user[:password]@]host[:port]`, `http` where it has no scheme.
    ///
    /// # Errors
    /// It is no address, or its scheme is another.
    pub fn of_variable(variable: &'static str, value: &str) -> Result<Proxy, NoAddress> {
        let (scheme, rest) = match value.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (Scheme::of(scheme), rest),
            // `http:/proxy` is a slip, not a proxy of the name `http`.
            _ if value.split('/').next().is_some_and(|first| first.ends_with(':')) => (None, value),
            _ => (Some(Scheme::Http), value.strip_prefix("//").unwrap_or(value)),
        };
        let proxy = scheme.and_then(|scheme| Proxy::of(scheme, rest, NamedBy::Variable(variable)));
        proxy.ok_or(NoAddress { variable })
    }

    /// Parses a kubeconfig's `proxy-url`, which must have a scheme, as for kubectl; `None` if it is no address, or its
    /// scheme is another.
    pub fn of_kubeconfig(value: &str) -> Option<Proxy> {
        let (scheme, rest) = value.split_once("://")?;
        Proxy::of(Scheme::of(scheme)?, rest, NamedBy::Kubeconfig)
    }

    fn of(scheme: Scheme, rest: &str, named_by: NamedBy) -> Option<Proxy> {
        // As in Go, the authority ends at the first slash, and the user info at the last `@`.
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(Login::of(login)?), address),
            None => (None, authority),
        };
        let (host, port) = match address.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, if port.is_empty() { "" } else { port.strip_prefix(':')? })
            }
            None => address.split_once(':').unwrap_or((address, "")),
        };
        let host = ascii(host)?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        let is_name = !host.is_empty() && host.len() <= 253 && host.bytes().all(fits);
        if !is_name && !address.starts_with('[') {
            return None;
        }
        let port = match port {
            "" => scheme.port(),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port > 0)?
            }
            _ => return None,
        };
        Some(Proxy { scheme, host: host.into_owned(), port, login, named_by })
    }

    /// The message about a host that is not reached by it.
    pub fn fault(&self, host: &str, why: &Why) -> ProxyFault {
        let (proxy, why) = (self.shown(), why.shown());
        match self.named_by {
            NamedBy::Variable(variable) => {
                ProxyFault::OfVariable { proxy, variable, why, host: Shown::text(host) }
            }
            NamedBy::Kubeconfig => ProxyFault::OfKubeconfig { proxy, why },
        }
    }

    /// For a message about something else: that it is on the way, and how to keep it out of it.
    pub fn on_the_way(&self) -> Shown {
        match self.named_by {
            NamedBy::Variable(variable) => {
                shown![
                    "through the proxy ",
                    self.shown(),
                    " of ",
                    variable,
                    ", which NO_PROXY does not except"
                ]
            }
            NamedBy::Kubeconfig => {
                shown!["through the proxy ", self.shown(), " of proxy-url in the kubeconfig"]
            }
        }
    }

    fn shown(&self) -> Shown {
        Shown::text(&self.to_string())
    }

    /// The address to connect to.
    pub fn uri(&self) -> Option<Uri> {
        let scheme = if self.scheme == Scheme::Https { "https" } else { "http" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{host}:{}", self.port).parse().ok()
    }

    /// The value of `Proxy-Authorization` (RFC 7617), if there is a user.
    pub fn authorization(&self) -> Option<Secret> {
        use base64::Engine;
        let login = self.login.as_ref()?;
        let pair = Secret::new(format!("{}:{}", login.user.expose(), login.password.expose()));
        Some(Secret::new(format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(pair.expose())
        )))
    }
}

fn is_scheme(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
}

impl Login {
    /// From user info; `None` if it does not decode to text.
    fn of(user_info: &str) -> Option<Login> {
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        Some(Login { user: decoded(user)?, password: decoded(password)? })
    }
}

/// Percent-decoded; a `%` that begins no code stands for itself.
fn decoded(text: &str) -> Option<Secret> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = match after {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    Secret::from_utf8(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Which way leads to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Straight there.
    Direct,
    /// By a proxy.
    By(Arc<Proxy>),
}

/// The proxies that variables name.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    https: Option<Result<Arc<Proxy>, NoAddress>>,
    http: Option<Result<Arc<Proxy>, NoAddress>>,
    except: NoProxy,
}

impl Proxies {
    /// Those of this process's environment.
    pub fn of_environment() -> Proxies {
        // What is not UTF-8 is no address, and no host either.
        let not_text = |_| char::REPLACEMENT_CHARACTER.to_string();
        Proxies::from(|name| Some(std::env::var_os(name)?.into_string().unwrap_or_else(not_text)))
    }

    /// Those of variables. The lower-case name counts first, as for curl and the newest `httpproxy` of Go; an empty variable is
    /// none.
    ///
    /// `HTTP_PROXY` does not count where `REQUEST_METHOD` is set: a web server that runs this as a CGI program makes it
    /// from a header of the request (<https://httpoxy.org>).
    pub fn from(lookup: impl Fn(&str) -> Option<String>) -> Proxies {
        let set = |name: &'static str| {
            let value = lookup(name)?.trim().to_owned();
            (!value.is_empty()).then_some((name, value))
        };
        let proxy = |(name, value): (&'static str, String)| Proxy::of_variable(name, &value).map(Arc::new);
        let cgi = set("REQUEST_METHOD").is_some();
        let all = || set("all_proxy").or_else(|| set("ALL_PROXY"));
        let https = set("https_proxy").or_else(|| set("HTTPS_PROXY")).or_else(all);
        let http = set("http_proxy").or_else(|| set("HTTP_PROXY").filter(|_| !cgi)).or_else(all);
        let except = set("no_proxy").or_else(|| set("NO_PROXY"));
        Proxies {
            https: https.map(proxy),
            http: http.map(proxy),
            except: except.map(|(_, list)| NoProxy::parse(&list)).unwrap_or_default(),
        }
    }

    /// The way to an address.
    ///
    /// # Errors
    /// It leads by a proxy whose variable is no address.
    pub fn way(&self, to: &Uri) -> Result<Way, NoAddress> {
        let secure = to.scheme_str() != Some("http");
        let (named, port) = if secure { (&self.https, 443) } else { (&self.http, 80) };
        let host = to.host().unwrap_or_default();
        let port = to.port_u16().unwrap_or(port);
        match named {
            Some(named) if !is_this_machine(host) && !self.except.lists(host, port) => {
                named.clone().map(Way::By)
            }
            _ => Ok(Way::Direct),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    /// The proxy on the way to an address, and who named it.
    fn way(variables: &[(&str, &str)], to: &str) -> Option<String> {
        match proxies(variables).way(&to.parse().unwrap()) {
            Ok(Way::Direct) => None,
            Ok(Way::By(proxy)) => match proxy.named_by {
                NamedBy::Variable(name) => Some(format!("{proxy} of {name}")),
                NamedBy::Kubeconfig => None,
            },
            Err(wrong) => Some(format!("wrong: {}", wrong.variable)),
        }
    }

    fn login(proxy: &Proxy) -> Option<(&str, &str)> {
        proxy.login.as_ref().map(|login| (login.user.expose(), login.password.expose()))
    }

    #[test]
    fn forms_of_addresses() {
        for (value, shown, expected) in [
            ("proxy:3128", "http://proxy:3128", None),
            ("proxy", "http://proxy:80", None),
            ("127.0.0.1:3128", "http://127.0.0.1:3128", None),
            ("[::1]:3128", "http://[::1]:3128", None),
            ("[::1]", "http://[::1]:80", None),
            ("//proxy:1", "http://proxy:1", None),
            ("HTTP://Proxy.example:3128/", "http://Proxy.example:3128", None),
            ("https://proxy", "https://proxy:443", None),
            ("socks5://proxy", "socks5://proxy:1080", None),
            ("socks5h://me@proxy:9", "socks5://proxy:9", Some(("me", ""))),
            ("me:hunter2@proxy:3128", "http://proxy:3128", Some(("me", "hunter2"))),
            ("http://me:p%40ss%3Aw@proxy:3128/x?y", "http://proxy:3128", Some(("me", "p@ss:w"))),
            ("http://me:p@ss@proxy:3128", "http://proxy:3128", Some(("me", "p@ss"))),
            ("http://dom\\me:a%zz%@proxy", "http://proxy:80", Some(("dom\\me", "a%zz%"))),
            ("http://:token@proxy", "http://proxy:80", Some(("", "token"))),
            ("http://bücher.example:3128", "http://xn--bcher-kva.example:3128", None),
        ] {
            let proxy = Proxy::of_variable("HTTPS_PROXY", value).unwrap_or_else(|_| panic!("{value}"));
            assert_eq!((proxy.to_string().as_str(), login(&proxy)), (shown, expected), "{value}");
            assert!(proxy.uri().is_some(), "{value}");
        }
    }

    #[test]
    fn what_is_no_address() {
        for value in [
            "socks4://proxy:1080",
            "ftp://proxy",
            "http://",
            "http://me:hunter2@",
            "http://proxy:port",
            "http://proxy:0",
            "http://proxy:65536",
            "http://proxy:+80",
            "http://pro xy",
            "http://[::1",
            "http://[proxy]:1",
            "http://[::1]x",
            "http://::1:3128",
            "http:/proxy:3128",
            "http:proxy:3128",
            "http://me:%ff@proxy",
            "://proxy",
            ":3128",
            "me:hunter2/x@proxy:3128",
            "\u{fffd}",
        ] {
            let wrong = Proxy::of_variable("HTTPS_PROXY", value);
            assert_eq!(wrong, Err(NoAddress { variable: "HTTPS_PROXY" }), "{value}");
        }
    }

    #[test]
    fn a_kubeconfigs_proxy_has_a_scheme_that_kubectl_knows() {
        for (value, shown) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("https://me:hunter2@proxy", "https://proxy:443"),
            ("socks5://proxy", "socks5://proxy:1080"),
            ("socks5h://proxy", "socks5://proxy:1080"),
        ] {
            assert_eq!(Proxy::of_kubeconfig(value).unwrap().to_string(), shown);
        }
        for value in ["proxy:3128", "proxy", "socks4://proxy", "//proxy:3128", "http://", ""] {
            assert!(Proxy::of_kubeconfig(value).is_none(), "{value}");
        }
    }

    #[test]
    fn the_variables_in_their_order() {
        let (secure, plain) = ("https://api.example:6443/", "http://api.example:8080/");
        for (variables, to, expected) in [
            (&[("HTTPS_PROXY", "a:1")][..], secure, Some("http://a:1 of HTTPS_PROXY")),
            (&[("HTTPS_PROXY", "a:1"), ("https_proxy", "b:1")], secure, Some("http://b:1 of https_proxy")),
            (&[("HTTPS_PROXY", "a:1"), ("https_proxy", "")], secure, Some("http://a:1 of HTTPS_PROXY")),
            (&[("HTTPS_PROXY", " a:1\r\n")], secure, Some("http://a:1 of HTTPS_PROXY")),
            (&[("ALL_PROXY", "socks5://s")], secure, Some("socks5://s:1080 of ALL_PROXY")),
            (&[("all_proxy", "s"), ("HTTPS_PROXY", "a:1")], secure, Some("http://a:1 of HTTPS_PROXY")),
            (&[("HTTP_PROXY", "a:1")], secure, None),
            (&[("HTTP_PROXY", "a:1")], plain, Some("http://a:1 of HTTP_PROXY")),
            (&[("HTTPS_PROXY", "a:1")], plain, None),
            (&[("HTTP_PROXY", "a:1"), ("REQUEST_METHOD", "GET")], plain, None),
            (&[("http_proxy", "a:1"), ("REQUEST_METHOD", "GET")], plain, Some("http://a:1 of http_proxy")),
            (&[("HTTPS_PROXY", "ftp://a")], secure, Some("wrong: HTTPS_PROXY")),
            (&[("HTTPS_PROXY", "ftp://a"), ("NO_PROXY", ".example")], secure, None),
            (&[("HTTPS_PROXY", "a:1"), ("NO_PROXY", ""), ("no_proxy", "api.example")], secure, None),
            (&[("HTTPS_PROXY", "a:1"), ("NO_PROXY", "api.example"), ("no_proxy", "")], secure, None),
            (&[("HTTPS_PROXY", "a:1"), ("NO_PROXY", "api.example:6443")], secure, None),
            (
                &[("HTTPS_PROXY", "a:1"), ("NO_PROXY", "api.example:443")],
                secure,
                Some("http://a:1 of HTTPS_PROXY"),
            ),
            (&[], secure, None),
        ] {
            assert_eq!(way(variables, to).as_deref(), expected, "{variables:?} {to}");
        }
    }

    #[test]
    fn this_machine_is_reached_directly() {
        let set = [("HTTPS_PROXY", "a:1"), ("HTTP_PROXY", "a:1"), ("ALL_PROXY", "a:1")];
        for to in
            ["https://localhost:6443/", "https://127.0.0.1/", "https://[::1]:6443/", "http://127.9.9.9:1/"]
        {
            assert_eq!(way(&set, to), None, "{to}");
        }
        for to in
            ["https://localhost.example/", "https://10.0.0.1/", "https://[fd00::1]/", "https://0.0.0.0:6443/"]
        {
            assert!(way(&set, to).is_some(), "{to}");
        }
    }

    #[test]
    fn nothing_shows_the_login() {
        let proxy = Proxy::of_variable("HTTPS_PROXY", "tok3n:hunter2@proxy:3128").unwrap();
        let shown = format!("{proxy} {proxy:?} {:?}", proxies(&[("HTTPS_PROXY", "tok3n:hunter2@proxy")]));
        assert!(!shown.contains("hunter2") && !shown.contains("tok3n"), "{shown}");
        assert_eq!(proxy.authorization().unwrap().expose(), "Basic dG9rM246aHVudGVyMg==");
    }
}
