//! Whether a text can be the address of a server, and is not a token in its place.

use std::net::{IpAddr, Ipv6Addr};

use super::material;

/// A name without a dot is one of a network of its own, and short.
const LONGEST_WORD: usize = 24;

/// Whether a text is an address as variables name it: `[scheme://]host[:port][/path]`, with user info or without. The name
/// of the host has the look of one.
pub fn is_address(text: &str) -> bool {
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b)) => {
            rest
        }
        Some(_) => return false,
        None => text,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (is_host(host) || is_host(without_port(host))) && is_tail(path)
}

/// Whether a text is the path of an address.
pub fn is_address_path(text: &str) -> bool {
    text.starts_with('/') && is_tail(text)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

fn is_host(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    if bare.parse::<IpAddr>().is_ok() || bare.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    // A word, and perhaps a number: `registry-2`.
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match name.contains('.') {
        true => name.split('.').all(is_label) && material::places(name).is_empty(),
        false => {
            !word.is_empty()
                && name.len() <= LONGEST_WORD
                && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        }
    }
}

fn is_tail(path: &str) -> bool {
    path.bytes().all(|b| b.is_ascii_graphic() && !b"{}\"'`<>|\\".contains(&b))
        && material::places(path).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_what_stands_in_their_place() {
        for address in [
            "https://login.microsoftonline.com/",
            "login.microsoftonline.com",
            "http://169.254.170.23/v1/credentials",
            "127.0.0.1:8080",
            "[fd00:ec2::254]:80",
            "http://[::1]/x?y=z",
            "fd00::1",
            "localhost:5000",
            "metadata",
            "registry-2:5000",
            "metadata.google.internal",
            "registry.gitlab.example.com:5050",
            "https://me:hunter2@proxy.example.com:3128",
            "http://token@host/",
        ] {
            assert!(is_address(address), "{address}");
        }
        for none in [
            "",
            "12345678901234567890",
            "Zq9wMark7tRv2xLb4nKd8",
            "https://Zq9wMark7tRv2xLb4nKd8/",
            "ghp_Jc2sVh7qPd4gTo9zMa6x.com",
            "correct horse",
            "{\"a\":1}",
            "-----BEGIN PRIVATE KEY-----",
            "http://host/x?token={y}",
            "http://host/?password=hunter2",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln",
            "a\nb",
        ] {
            assert!(!is_address(none), "{none}");
        }
        assert!(is_address_path("/v2/credentials/0f4b3c1e-5f0a-4d41-9a33-6a5f5d0c7a1b"));
        assert!(!is_address_path("hunter2") && !is_address_path("/a b"));
    }
}
