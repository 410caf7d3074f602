//! `NO_PROXY`: which hosts are reached without a proxy, by the rules of Go's `golang.org/x/net/http/httpproxy`, which
//! kubectl and most registry clients follow. Three forms that curl reads and Go passes over count too: blanks between
//! the entries, an address in brackets without a port, and a dot at the end of a name.

use std::borrow::Cow;
use std::net::IpAddr;

/// The hosts that `NO_PROXY` lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoProxy {
    /// `*`: every host.
    all: bool,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// `10.0.0.0/8`, on every port.
    Network { base: IpAddr, bits: u8 },
    /// `10.0.0.1`, `10.0.0.1:443`, `[fd00::1]:443`.
    Address { address: IpAddr, port: Option<String> },
    /// `example.com` and all names below it; `.example.com` or `*.example.com` for those below it only.
    Name { name: String, itself: bool, port: Option<String> },
}

impl NoProxy {
    /// Parses a list. An entry that makes no sense matches nothing, as in Go.
    pub fn parse(list: &str) -> NoProxy {
        let mut parsed = NoProxy::default();
        for entry in list.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty()) {
            if entry == "*" {
                return NoProxy { all: true, rules: Vec::new() };
            }
            parsed.rules.extend(Rule::parse(&entry.to_ascii_lowercase()));
        }
        parsed
    }

    /// Whether a host is reached directly. An IPv6 address may be in brackets.
    pub fn lists(&self, host: &str, port: u16) -> bool {
        let host = bare(host).to_ascii_lowercase();
        let address = address(&host);
        self.all || self.rules.iter().any(|rule| rule.matches(&host, address, port))
    }
}

/// Whether a host is this machine, which no proxy stands in front of: `localhost`, or a loopback address.
pub fn is_this_machine(host: &str) -> bool {
    let host = bare(host);
    host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(|address| address.is_loopback())
}

/// A host without brackets and without the dot at its end.
fn bare(host: &str) -> &str {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// A name in the form in which addresses have it (IDNA); `None` if it has none.
pub(super) fn ascii(name: &str) -> Option<Cow<'_, str>> {
    if name.is_ascii() {
        return Some(Cow::Borrowed(name));
    }
    match url::Host::parse(name) {
        Ok(url::Host::Domain(name)) => Some(Cow::Owned(name)),
        _ => None,
    }
}

/// An address, an IPv4 one in IPv6's form as what it is.
fn address(host: &str) -> Option<IpAddr> {
    host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

impl Rule {
    fn parse(entry: &str) -> Option<Rule> {
        if let Some(network) = Rule::network(entry) {
            return Some(network);
        }
        let (host, port) = match split_port(entry) {
            Some((host, port)) => (host, Some(port.to_owned()).filter(|port| !port.is_empty())),
            None => (entry, None),
        };
        let host = bare(host);
        if let Some(address) = address(host) {
            return Some(Rule::Address { address, port });
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        let name = host.strip_prefix('.').unwrap_or(host);
        let itself = name.len() == host.len();
        let name = ascii(name).filter(|name| !name.is_empty())?;
        Some(Rule::Name { name: name.into_owned(), itself, port })
    }

    fn network(entry: &str) -> Option<Rule> {
        let (base, bits) = entry.split_once('/')?;
        let base = bare(base).parse::<IpAddr>().ok()?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let digits = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        let bits = digits.then(|| bits.parse::<u8>().ok())?.filter(|bits| *bits <= most)?;
        match base.to_canonical() {
            // An IPv4 network in IPv6's form.
            canonical @ IpAddr::V4(_) if base.is_ipv6() => {
                Some(Rule::Network { base: canonical, bits: bits.checked_sub(96)? })
            }
            base => Some(Rule::Network { base, bits }),
        }
    }

    fn matches(&self, host: &str, address: Option<IpAddr>, asked: u16) -> bool {
        let on = |port: &Option<String>| port.as_ref().is_none_or(|port| *port == asked.to_string());
        match (self, address) {
            (Rule::Network { base, bits }, Some(address)) => inside(address, *base, *bits),
            (Rule::Address { address: listed, port }, Some(address)) => *listed == address && on(port),
            (Rule::Name { name, itself, port }, None) => {
                let below = host.strip_suffix(name.as_str()).is_some_and(|front| front.ends_with('.'));
                (below || *itself && host == name) && on(port)
            }
            _ => false,
        }
    }
}

/// Host and port of `host:port` and `[host]:port`; `None` for what has none, an address with colons of its own too.
fn split_port(entry: &str) -> Option<(&str, &str)> {
    let (host, port) = entry.rsplit_once(':')?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    (bracketed || !host.contains(':')).then_some((host, port))
}

fn inside(address: IpAddr, base: IpAddr, bits: u8) -> bool {
    let (address, base, width) = match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    // A shift by the whole width is none.
    let host_bits = width - u32::from(bits);
    address.checked_shr(host_bits).unwrap_or(0) == base.checked_shr(host_bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, direct: &[(&str, u16)], by_proxy: &[(&str, u16)]) {
        let parsed = NoProxy::parse(list);
        for (host, port) in direct {
            assert!(parsed.lists(host, *port), "NO_PROXY={list:?}: {host}:{port} is direct");
        }
        for (host, port) in by_proxy {
            assert!(!parsed.lists(host, *port), "NO_PROXY={list:?}: {host}:{port} is not direct");
        }
    }

    #[test]
    fn names_and_the_names_below_them() {
        let below = [("api.ecr.eu-west-1.amazonaws.com", 443), ("STS.AmazonAWS.com", 443)];
        for list in
            ["amazonaws.com", ".amazonaws.com", "*.amazonaws.com", "AMAZONAWS.COM.", " *.AmazonAws.com "]
        {
            check(list, &below, &[("amazonaws.com.evil.example", 443), ("evilamazonaws.com", 443)]);
        }
        check("amazonaws.com", &[("amazonaws.com", 443), ("amazonaws.com.", 443)], &[]);
        check(".amazonaws.com", &[], &[("amazonaws.com", 443)]);
        check("*.amazonaws.com", &[], &[("amazonaws.com", 443)]);
        check("*amazonaws.com,am*.com,com", &[], &[("amazonaws.org", 443)]);
        check("*.BÜCHER.example", &[("reg.xn--bcher-kva.example", 443)], &[("xn--bcher-kva.example", 443)]);
    }

    #[test]
    fn ports() {
        check("gcr.io:443,.gcr.io:8443", &[("gcr.io", 443), ("eu.gcr.io", 8443)], &[("gcr.io", 80)]);
        check("10.0.0.1:6443", &[("10.0.0.1", 6443)], &[("10.0.0.1", 443)]);
        check("[fd00::1]:6443", &[("[fd00::1]", 6443), ("fd00::1", 6443)], &[("[fd00::1]", 443)]);
        check("gcr.io:", &[("gcr.io", 443)], &[]);
        check(":443", &[], &[("gcr.io", 443)]);
    }

    #[test]
    fn addresses_and_networks() {
        check(
            "10.0.0.0/8",
            &[("10.1.2.3", 443), ("::ffff:10.1.2.3", 443)],
            &[("11.0.0.1", 443), ("10.example", 1)],
        );
        check(
            "10.0.0.9/32, fd00::/8",
            &[("10.0.0.9", 1), ("[fd12::1]", 1)],
            &[("10.0.0.8", 1), ("[fe80::1]", 1)],
        );
        check("0.0.0.0/0", &[("8.8.8.8", 443)], &[("[::1]", 443), ("gcr.io", 443)]);
        check("::/0", &[("[fd00::1]", 443)], &[("8.8.8.8", 443)]);
        check("fd00::1,[fd00::2]", &[("[fd00::1]", 443), ("fd00:0::2", 443)], &[("[fd00::3]", 443)]);
        check("::ffff:10.0.0.1,::ffff:11.0.0.0/104", &[("10.0.0.1", 1), ("11.2.3.4", 1)], &[("10.0.0.2", 1)]);
        for nonsense in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "fd00::/129", "010.0.0.1"]
        {
            check(nonsense, &[], &[("10.0.0.1", 443), ("[fd00::1]", 443)]);
        }
    }

    #[test]
    fn lists() {
        check("*", &[("gcr.io", 443), ("10.0.0.1", 1), ("[fd00::1]", 1)], &[]);
        check("a.example, *", &[("gcr.io", 443)], &[]);
        check(
            " a.example ,\tb.example,,c.example d.example,",
            &[("b.example", 1), ("x.d.example", 1)],
            &[("e.example", 1)],
        );
        check("", &[], &[("gcr.io", 443)]);
        check(",.,*.,:,[],[]:443", &[], &[("gcr.io", 443), ("", 443)]);
    }

    #[test]
    fn this_machine() {
        for host in [
            "localhost",
            "LocalHost",
            "localhost.",
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "[::1]",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["localhost.evil.example", "0.0.0.0", "128.0.0.1", "[::2]", "127.0.0.1.evil.example", ""]
        {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
