//! A server string, understood: host, port, path, and Docker Hub's four names.
//!
//! The rules are those of DESIGN section 1, which were measured on real clients. What is no registry is
//! `None`, never an error: an error would break the pull of a public image.

use std::net::Ipv6Addr;

/// Docker Hub's names; every one of them means the same registry.
pub(crate) const HUB: [&str; 4] =
    ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// Longer strings are no registry: a host name has at most 253 characters, a repository 255.
const MOST_HOST: usize = 253;
const MOST_PATH: usize = 1024;

/// A registry, and the repository path if the question had one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Registry {
    host: String,
    port: Option<u16>,
    path: String,
    /// Port 80 of `http://`, named: the scheme's own port, but never one over which a cloud's token may go.
    http_port: bool,
    /// The question was for `http://`, on whatever port: its client sends the answer in clear.
    plain_http: bool,
}

impl Registry {
    /// Understands what a client sends: white space around it, one scheme, an API path. `None` for what is
    /// no registry.
    pub fn parse(server: &str) -> Option<Registry> {
        let server = server.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
        let (rest, http) = strip_scheme(server)?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => (&rest[..slash], &rest[slash..]),
            None => (rest, ""),
        };
        let (host, port) = split_port(authority)?;
        let host = normal_host(host)?;
        let http_port = http && port == Some(80);
        let port = port.filter(|&port| port != 443 && !http_port);
        let path = match repository(path.strip_prefix('/').unwrap_or(path).trim_end_matches('/'))? {
            "v1" | "v2" => "",
            path => path,
        };
        if path.len() > MOST_PATH || path.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        Some(Registry { host, port, path: path.to_owned(), http_port, plain_http: http })
    }

    /// The host, lower-case; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if it is not the scheme's own.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether the question named port 80 of `http://`, which is no port of its own but is never encrypted.
    pub fn is_http_port(&self) -> bool {
        self.http_port
    }

    /// Whether the question was for `http://`: no token of a cloud, nor GitHub's, may go over that.
    pub fn is_plain_http(&self) -> bool {
        self.plain_http
    }

    /// The repository path without a slash at either end; empty if the question named none. On Docker Hub a
    /// one-word repository is under `library/`.
    pub fn path(&self) -> String {
        if self.implies_library() { format!("library/{}", self.path) } else { self.path.clone() }
    }

    /// Whether the question left Docker Hub's `library/` out.
    pub fn implies_library(&self) -> bool {
        self.is_hub() && !self.path.is_empty() && !self.path.contains('/')
    }

    /// The same registry, and no repository of it.
    pub fn without_path(&self) -> Registry {
        Registry { path: String::new(), ..self.clone() }
    }

    /// Whether this is Docker Hub, by any of its names.
    pub fn is_hub(&self) -> bool {
        self.port.is_none() && is_hub_host(&self.host)
    }

    /// Docker Hub's entries for its browser login. `docker logout` posts what it gets for them to a
    /// revocation endpoint, so they are never answered and never stored.
    pub fn is_hub_login_token(&self) -> bool {
        self.is_hub() && is_login_token(&self.path)
    }

    /// `host[:port]`, one form for all equal names; Hub is `docker.io`.
    pub fn authority(&self) -> String {
        match self.port {
            _ if self.is_hub() => HUB[0].to_owned(),
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// One text for all questions that mean the same: [`Registry::authority`] and the path.
    pub fn key(&self) -> String {
        match self.path() {
            path if path.is_empty() => self.authority(),
            path => format!("{}/{path}", self.authority()),
        }
    }

    /// How `list` names it: `host[:port]`, and Hub as docker's own configuration does.
    pub fn list_name(&self) -> String {
        if self.is_hub() { "https://index.docker.io/v1/".to_owned() } else { self.authority() }
    }

    /// Whether both are the same registry, whatever their paths.
    pub fn same_registry(&self, other: &Registry) -> bool {
        self.authority() == other.authority()
    }

    /// The registry of an image reference as people write it (`alpine`, `ghcr.io/a/b:1@sha256:…`), with its
    /// repository as path, without tag and digest. The rule for "is the first part a host" is the one of
    /// `distribution/reference`: it has a dot or a colon, is `localhost`, or is not lower-case.
    pub fn of_image(image: &str) -> Option<Registry> {
        let image = image.trim();
        // The status of a pod names images as `docker-pullable://…`.
        let image = image.split_once("://").map_or(image, |(_, rest)| rest);
        // An image's own digest names no registry.
        let digest = image.strip_prefix("sha256:").unwrap_or(image);
        if digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let (first, rest) = image.split_once('/').unwrap_or(("", image));
        let is_host =
            first.contains(['.', ':']) || first == "localhost" || first.chars().any(char::is_uppercase);
        let (host, repository) = if is_host { (first, rest) } else { (HUB[0], image) };
        match repository {
            "" => None,
            repository => Registry::parse(&format!("{host}/{repository}")),
        }
    }
}

/// A path without the tag and digest of an image reference: no repository's name has a colon or an `@`. `None` if nothing
/// is left.
fn repository(path: &str) -> Option<&str> {
    let mut repository = path.split('@').next()?.trim_end_matches('/');
    // In the last part only: a colon before it is of no reference.
    while let Some(colon) = repository[repository.rfind('/').unwrap_or(0)..].find(':') {
        let slash = repository.rfind('/').unwrap_or(0);
        repository = repository[..slash + colon].trim_end_matches('/');
    }
    (path.is_empty() || !repository.is_empty()).then_some(repository)
}

/// Whether a lower-case host without a port is one of Docker Hub's names.
pub fn is_hub_host(host: &str) -> bool {
    HUB.contains(&host)
}

/// Whether a path is that of an entry of Docker's browser login, however many slashes stand around it.
pub(crate) fn is_login_token(path: &str) -> bool {
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
    matches!(parts.next(), Some("access-token" | "refresh-token")) && parts.next() == Some("v1")
}

/// Strips one scheme; the flag says whether it was `http`. Any other scheme is `None`.
pub(crate) fn strip_scheme(server: &str) -> Option<(&str, bool)> {
    let starts = |scheme: &str| {
        server
            .get(..scheme.len())
            .filter(|start| start.eq_ignore_ascii_case(scheme))
            .map(|_| &server[scheme.len()..])
    };
    // `https:/` with one slash was sent by one release of Docker.
    let (rest, http) = match (starts("https://"), starts("http://"), starts("https:/")) {
        (Some(rest), ..) | (None, None, Some(rest)) => (rest, false),
        (None, Some(rest), _) => (rest, true),
        (None, None, None) => (server, false),
    };
    (!rest.contains("://")).then_some((rest, http))
}

/// Splits `host[:port]`; knows IPv6 addresses with and without brackets.
pub(crate) fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(_) => {
            let end = authority.find(']')? + 1;
            match &authority[end..] {
                "" => (&authority[..end], None),
                port => (&authority[..end], Some(port.strip_prefix(':')?)),
            }
        }
        None if authority.parse::<Ipv6Addr>().is_ok() => (authority, None),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    match port {
        None => Some((host, None)),
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => match port.parse() {
            Ok(0) | Err(_) => None,
            Ok(port) => Some((host, Some(port))),
        },
        Some(_) => None,
    }
}

/// A host in its one form: lower-case, an IPv6 address shortened and in brackets. `None` for what is none.
fn normal_host(host: &str) -> Option<String> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare.contains(':') {
        return bare.parse::<Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let labels = host.strip_suffix('.').unwrap_or(host);
    let good = host.len() <= MOST_HOST
        && labels.split('.').all(|label| (1..=63).contains(&label.len()) && label.bytes().all(letter));
    good.then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(server: &str) -> Option<String> {
        Registry::parse(server).map(|registry| registry.key())
    }

    #[test]
    fn one_registry_has_one_key() {
        for (server, expected) in [
            ("reg.example.com", "reg.example.com"),
            (" https://REG.Example.com/v2/\r\n", "reg.example.com"),
            ("HTTPS://reg.example.com", "reg.example.com"),
            ("https:/reg.example.com", "reg.example.com"),
            ("http://reg.example.com:80", "reg.example.com"),
            ("http://reg.example.com:443/", "reg.example.com"),
            ("https://reg.example.com:80", "reg.example.com:80"),
            ("reg.example.com:80", "reg.example.com:80"),
            ("reg.example.com:443/v1", "reg.example.com"),
            ("reg.example.com:5000/v1/", "reg.example.com:5000"),
            ("reg.example.com/v1:1", "reg.example.com"),
            ("reg.example.com/v2/:1@sha256:0", "reg.example.com"),
            ("reg.example.com/Team/App", "reg.example.com/Team/App"),
            ("reg.example.com/team/app/", "reg.example.com/team/app"),
            ("reg.example.com/v2/app", "reg.example.com/v2/app"),
            ("reg.example.com/v10", "reg.example.com/v10"),
            ("reg.example.com/team/app:1.2", "reg.example.com/team/app"),
            ("reg.example.com:5000/app:1@sha256:abc", "reg.example.com:5000/app"),
            ("https://reg.example.com/team/app@sha256:abc/", "reg.example.com/team/app"),
            ("registry/app:1", "registry/app"),
            ("docker.io/alpine:3.20", "docker.io/library/alpine"),
            ("index.docker.io/team/app:latest", "docker.io/team/app"),
            ("[::1]:5000/app:1", "[::1]:5000/app"),
            ("reg.example.com/a:b/c", "reg.example.com/a:b/c"),
            ("reg.example.com/team/:1", "reg.example.com/team"),
            ("reg.example.com.", "reg.example.com."),
            ("localhost:5000", "localhost:5000"),
            ("registry", "registry"),
            ("my_registry:5000", "my_registry:5000"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("::1", "[::1]"),
            ("[::1]", "[::1]"),
            ("[0:0::1]:443", "[::1]"),
            ("https://[2001:DB8::1]:5000/v2/", "[2001:db8::1]:5000"),
            ("docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("registry-1.docker.io:443", "docker.io"),
            ("https://registry.hub.docker.com/v2/", "docker.io"),
            ("index.docker.io/library/alpine", "docker.io/library/alpine"),
            ("docker.io/alpine", "docker.io/library/alpine"),
            ("docker.io:5000", "docker.io:5000"),
        ] {
            assert_eq!(key(server).as_deref(), Some(expected), "{server:?}");
        }
    }

    #[test]
    fn what_is_no_registry_is_none() {
        let long = "a".repeat(65536);
        let path = format!("reg.example.com/{}", "a".repeat(65536));
        for server in [
            "",
            "  ",
            "*",
            "*.example.com",
            "a b",
            "http://",
            "https://",
            "https:/",
            "http:///x",
            "ftp://reg",
            "oci://reg/x",
            "https://https://reg",
            "user@reg.example.com",
            "https://user:pw@reg",
            "reg:",
            "reg:0",
            "reg:65536",
            "reg:80x",
            "reg:+80",
            "a..b",
            ".a",
            "..",
            "[::1",
            "[::1]5000",
            "[x]",
            "::x",
            "reg.example.com/a b",
            "reg.example.com/:1",
            "reg.example.com/@sha256:abc",
            "reg.example.com@sha256:abc",
            "reg.example.com:1.2",
            "reg\0",
            "é.example.com",
            "reg.example.com/a\nb",
            "reg?x=1",
            "#",
            "{}",
            "null?",
            &long,
            &path,
        ] {
            assert_eq!(key(server), None, "{server:?}");
        }
    }

    #[test]
    fn names_of_the_greatest_length_are_registries_and_longer_ones_none() {
        let host = |length: usize| vec!["aaaaaaa"; 32].join(".")[..length].to_owned();
        let label = |length| "a".repeat(length);
        let path = |length| format!("reg/{}", "a".repeat(length));
        let each: [(usize, &dyn Fn(usize) -> String); 3] =
            [(MOST_HOST, &host), (63, &label), (MOST_PATH, &path)];
        for (longest, name) in each {
            assert!(key(&name(longest)).is_some() && key(&name(longest + 1)).is_none(), "{longest}");
        }
    }

    #[test]
    fn a_registry_without_its_path_is_the_registry() {
        for (server, expected) in [
            ("reg.example.com:5000/team/app", "reg.example.com:5000"),
            ("docker.io/alpine", "docker.io"),
            ("reg.example.com", "reg.example.com"),
        ] {
            let registry = Registry::parse(server).unwrap().without_path();
            assert_eq!((registry.key(), registry.path()), (expected.to_owned(), String::new()));
        }
    }

    #[test]
    fn hub_login_tokens_are_known() {
        for server in [
            "https://index.docker.io/v1/access-token",
            "https://index.docker.io/v1/refresh-token",
            "https://index.docker.io//v1//access-token//",
        ] {
            assert!(Registry::parse(server).is_some_and(|registry| registry.is_hub_login_token()));
        }
        for server in [
            "https://index.docker.io/v1/",
            "https://index.docker.io/access-token",
            "https://index.docker.io/team/xv1/access-token",
            "https://reg.example.com/v1/access-token",
        ] {
            assert!(Registry::parse(server).is_some_and(|registry| !registry.is_hub_login_token()));
        }
    }

    #[test]
    fn image_references_as_people_write_them() {
        for (image, expected) in [
            ("alpine", Some("docker.io/library/alpine")),
            ("alpine:3.20", Some("docker.io/library/alpine")),
            ("cafe", Some("docker.io/library/cafe")),
            ("team/app@sha256:abc", Some("docker.io/team/app")),
            ("ghcr.io/a/b:1@sha256:abc", Some("ghcr.io/a/b")),
            ("localhost/a", Some("localhost/a")),
            ("localhost:5000/a:b", Some("localhost:5000/a")),
            ("registry:5000/a", Some("registry:5000/a")),
            ("[::1]:5000/a:b", Some("[::1]:5000/a")),
            ("docker.io/library/alpine:1", Some("docker.io/library/alpine")),
            ("https://reg.example.com/a", Some("reg.example.com/a")),
            ("docker-pullable://reg.example.com/a@sha256:abc", Some("reg.example.com/a")),
            ("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", None),
            ("", None),
            (":x", None),
            ("@sha256:abc", None),
        ] {
            assert_eq!(Registry::of_image(image).map(|r| r.key()).as_deref(), expected, "{image:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(server in "\\PC{0,80}|[a-z0-9.:/\\[\\]@ -]{0,60}") {
            if let Some(registry) = Registry::parse(&server) {
                // A key is a registry too, and the same one.
                prop_assert_eq!(key(&registry.key()), Some(registry.key()));
            }
            let _ = Registry::of_image(&server);
        }

        #[test]
        fn equal_names_have_equal_keys(host in "[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){0,3}", port in prop::option::of(1u16..), path in "(/[a-z0-9]{3,6}){0,3}") {
            let port = port.filter(|p| *p != 80 && *p != 443).map(|p| format!(":{p}")).unwrap_or_default();
            let plain = key(&format!("{host}{port}{path}"));
            prop_assert!(plain.is_some());
            for other in [
                format!("https://{host}{port}{path}"),
                format!("http://{host}{port}{path}"),
                format!("https:/{host}{port}{path}"),
                format!("\t{}{port}{path}\r\n", host.to_uppercase()),
                format!("{host}{port}{path}/"),
            ] {
                prop_assert_eq!(key(&other), plain.clone(), "{}", other);
            }
        }
    }
}
