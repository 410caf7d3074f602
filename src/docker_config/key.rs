//! The key of an entry, and whether it matches a question.
//!
//! The rules are kubelet's (`pkg/credentialprovider/keyring.go`, `Add` and `URLsMatch`): a key is a URL, of which scheme, user info,
//! `/v1` and `/v2`, query and fragment do not count; hosts are globs label by label, ports are equal, paths match by prefix as text.

use std::borrow::Cow;

use super::glob;
use crate::question::Question;
use crate::registry::{self, Registry};
use crate::shown::Shown;

/// A key, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Lower-case; a glob may stand in any label.
    host: String,
    /// Whether the host is a glob. Most are none, and need no look at each label: a Secret can hold very many.
    glob: bool,
    port: Option<u16>,
    /// Without the slash in front.
    path: String,
    /// The second way to read a `?` in the host: Kubernetes's documentation makes it part of a glob, kubelet's code the
    /// beginning of a query.
    otherwise: Option<Box<Key>>,
}

/// How well a key matches: the greater, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// The key ends where a part of the question's path ends: `team` for `team/app`, not for `team-b/app`.
    whole_parts: bool,
    /// The length of its path, an implied `library/` included.
    path: usize,
    exact_host: bool,
    /// The length of a host pattern. All exact hosts are alike: Hub's four names are one host.
    pattern: usize,
    /// The key leaves `library/` out, or has it, as the question does.
    literal: bool,
}

impl Key {
    /// Understands a key. `None` for what can match nothing: another scheme, malformed user info, a port that is none,
    /// or one of the entries of docker's browser login, which are for no registry.
    pub fn parse(text: &str) -> Option<Key> {
        let (rest, http) = registry::strip_scheme(text.trim())?;
        let rest = rest.split('#').next().unwrap_or_default();
        let Some((before, _)) = rest.split_once('?') else { return Key::of_url(rest, http) };
        let without_query = Key::of_url(before, http);
        if before.contains('/') {
            return without_query;
        }
        match Key::of_url(rest, http) {
            Some(glob) => Some(Key { otherwise: without_query.map(Box::new), ..glob }),
            None => without_query,
        }
    }

    /// `[userinfo@]host[:port][/path]`.
    fn of_url(url: &str, http: bool) -> Option<Key> {
        let (authority, path) = match url.find('/') {
            Some(slash) => (&url[..slash], percent_decoded(&url[slash + 1..])?),
            None => (url, Cow::Borrowed("")),
        };
        if registry::is_login_token(&path) {
            return None;
        }
        let authority = match authority.rsplit_once('@') {
            Some((user, authority)) if is_user_info(user) => authority,
            Some(_) => return None,
            None => authority,
        };
        let (host, port) = split_port(authority)?;
        let port = port.filter(|&port| port != 443 && !(http && port == 80));
        let path = match path.as_ref() {
            "v1" | "v2" => "",
            path => path.strip_prefix("v1/").or(path.strip_prefix("v2/")).unwrap_or(path),
        };
        // An address in one form, as the question has it; what does not parse is a glob, or matches nothing.
        let host = match Registry::parse(host) {
            Some(plain) => plain.host().to_owned(),
            None => host.to_ascii_lowercase(),
        };
        // An IPv6 address in brackets is no glob.
        let glob = host.contains(['*', '?', '[', '\\']) && !(host.starts_with('[') && host.contains(':'));
        (!host.is_empty()).then(|| Key { host, glob, port, path: path.to_owned(), otherwise: None })
    }

    /// Whether the key names a repository or a group of them on that registry, not the whole of it.
    pub fn is_scoped(&self, registry: &Registry) -> bool {
        self.reading(registry).is_some_and(|key| !key.path.is_empty())
    }

    /// Whether the key names exactly this registry and path, by whatever spelling; a glob names none.
    pub fn is_exactly(&self, registry: &Registry) -> bool {
        let hub = |host: &str| registry.is_hub() && registry::is_hub_host(host);
        let path = registry.path();
        let same_path = self.path.trim_end_matches('/') == path
            || registry.is_hub() && path.strip_prefix("library/") == Some(self.path.as_str());
        self.port == registry.port() && (self.host == registry.host() || hub(&self.host)) && same_path
    }

    /// The registry that the key names; `None` for a glob.
    pub fn registry(&self) -> Option<Registry> {
        match self.port {
            Some(port) => Registry::parse(&format!("{}:{port}", self.host)),
            None => Registry::parse(&self.host),
        }
    }

    /// Whether the key is for that registry, whatever the path.
    pub fn matches_host(&self, registry: &Registry) -> bool {
        self.reading(registry).is_some()
    }

    /// The way to read the key by which it is for that registry.
    fn reading(&self, registry: &Registry) -> Option<&Key> {
        if self.is_for(registry) { Some(self) } else { self.otherwise.as_ref()?.reading(registry) }
    }

    fn is_for(&self, registry: &Registry) -> bool {
        if self.port != registry.port() {
            return false;
        }
        if registry.is_hub() && registry::is_hub_host(&self.host) {
            return true;
        }
        if !self.glob {
            return self.host == registry.host();
        }
        // Hub has one answer, by whichever of its names it is asked for: kubelet's images have this one.
        let host = if registry.is_hub() { registry::HUB[0] } else { registry.host() };
        let (globs, labels) = (self.host.split('.'), host.split('.'));
        globs.clone().count() == labels.clone().count()
            && globs.zip(labels).all(|(glob, label)| glob::matches(glob, label))
    }

    /// How well the key matches a question; `None` if it does not.
    pub fn rank(&self, question: &Question) -> Option<Rank> {
        const LIBRARY: &str = "library/";
        let registry = &question.registry;
        let key = self.reading(registry)?;
        let path = question.path.as_str();
        let (rest, implied) = match path.strip_prefix(key.path.as_str()) {
            Some(rest) => (rest, ""),
            // `library/` is implied on Hub, in keys too.
            None if registry.is_hub() => {
                (path.strip_prefix(LIBRARY)?.strip_prefix(key.path.as_str())?, LIBRARY)
            }
            None => return None,
        };
        let exact_host = key.host == registry.host() || registry.is_hub() && registry::is_hub_host(&key.host);
        Some(Rank {
            whole_parts: key.path.is_empty()
                || key.path.ends_with('/')
                || rest.is_empty()
                || rest.starts_with('/'),
            path: implied.len() + key.path.len(),
            exact_host,
            pattern: if exact_host { 0 } else { key.host.len() },
            literal: question.library_implied != implied.is_empty(),
        })
    }

    /// Why the key ranks where it does for a registry, in words.
    pub fn why(&self, rank: Rank, registry: &Registry) -> Shown {
        let host = if rank.exact_host { "exact host" } else { "host pattern" };
        match (self.reading(registry).unwrap_or(self).path.as_str(), rank.whole_parts) {
            ("", _) => shown![host, ", no path"],
            (path, true) => shown![host, ", path ", Shown::text(path)],
            (path, false) => shown![host, ", path ", Shown::text(path), ", which ends inside a name"],
        }
    }
}

/// As [`registry::split_port`], but the host may be a glob, in which brackets are a character class, and the port may be
/// empty.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(split) = registry::split_port(authority) {
        return Some(split);
    }
    match authority.rsplit_once(':') {
        Some((host, "")) => match registry::split_port(host) {
            Some((host, None)) => Some((host, None)),
            Some(_) => None,
            None => (!host.contains(':')).then_some((host, None)),
        },
        Some((host, port)) if !host.contains(':') => Some((host, Some(port.parse().ok()?))),
        None => Some((authority, None)),
        Some(_) => None,
    }
}

/// Whether Go's `net/url` takes it as user info; if not, the key is no URL.
fn is_user_info(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    text.bytes().all(allowed) && percent_decoded(text).is_some()
}

/// A path without percent encoding (RFC 3986, section 2.1), of which Go's `net/url` frees it. `None` if that is malformed.
fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let hex = |byte: Option<u8>| Some(char::from(byte?).to_digit(16)? as u8);
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next())? << 4 | hex(bytes.next())?,
            plain => plain,
        });
    }
    Some(Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rank(key: &str, server: &str) -> Option<Rank> {
        Key::parse(key)?.rank(&Question::of(Registry::parse(server).unwrap()))
    }

    #[test]
    fn keys_match_as_in_kubelet() {
        for (key, server) in [
            ("reg.example.com", "reg.example.com"),
            ("REG.example.com", "reg.example.com"),
            ("https://reg.example.com", "reg.example.com"),
            ("http://reg.example.com:80/v1/", "reg.example.com"),
            ("reg.example.com/v1", "reg.example.com"),
            ("https://reg.example.com/v2/", "reg.example.com/team/app"),
            ("reg.example.com/v2/team", "reg.example.com/team/app"),
            ("reg.example.com:443", "reg.example.com"),
            ("reg.example.com:80", "reg.example.com:80"),
            ("http://reg.example.com:5000", "reg.example.com:5000"),
            ("reg.example.com:5000", "reg.example.com:5000"),
            ("reg.example.com/team", "reg.example.com/team/app"),
            ("reg.example.com/team", "reg.example.com/team-b/app"),
            ("reg.example.com/team/", "reg.example.com/team/app"),
            ("*.example.com", "reg.example.com"),
            ("*.example.com:5000", "reg.example.com:5000"),
            ("reg*.ex?mple.com", "reg-1.example.com"),
            ("[a-r]eg.example.com", "reg.example.com"),
            ("[a-r]eg.example.com:5000", "reg.example.com:5000"),
            ("[^a-q]eg.example.com", "reg.example.com"),
            ("*.*.com", "reg.example.com"),
            ("reg*.example.com", "reg.example.com"),
            (r"[\r-\s]eg*.example.com", "reg.example.com"),
            (r"re\g*.example.com", "reg.example.com"),
            ("[::1]:5000", "[0::1]:5000"),
            ("::1", "[::1]"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("docker.io", "registry-1.docker.io/team/app"),
            ("registry.hub.docker.com", "index.docker.io"),
            ("docker.io/library/alpine", "index.docker.io/alpine"),
            ("docker.io/alpine", "docker.io/library/alpine"),
            ("docker.io/library", "docker.io/alpine"),
            ("reg.example.com:", "reg.example.com"),
            ("https://reg.example.com:/v2/", "reg.example.com"),
            ("reg.example.com:/team", "reg.example.com/team/app"),
            ("*.example.com:", "reg.example.com"),
            ("[::1]:", "[::1]"),
            ("user@reg.example.com", "reg.example.com"),
            ("https://user:pass@reg.example.com:5000/team", "reg.example.com:5000/team/app"),
            ("a@b@reg.example.com", "reg.example.com"),
            ("us%65r@reg.example.com", "reg.example.com"),
            ("@reg.example.com", "reg.example.com"),
            ("reg.example.com?x", "reg.example.com"),
            ("reg.example.com?", "reg.example.com"),
            ("reg.example.com?a/b", "reg.example.com/team"),
            ("reg.example.com:5000?x=1&y", "reg.example.com:5000"),
            ("reg.example.com/team?x", "reg.example.com/team/app"),
            ("*.example.com?x", "reg.example.com"),
            ("reg.example.com#x", "reg.example.com"),
            ("reg.example.com/team#x?y", "reg.example.com/team/app"),
            ("reg.example.com/te%61m", "reg.example.com/team/app"),
            ("reg.example.com/v2/te%61m%2Fapp", "reg.example.com/team/app"),
            ("docker.io?x", "docker.io/alpine"),
            ("*.io", "docker.io"),
            ("*.io", "https://index.docker.io/v1/"),
            ("*.io/team", "registry-1.docker.io/team/app"),
            ("*.io", "registry.hub.docker.com"),
        ] {
            assert!(rank(key, server).is_some(), "{key} for {server}");
        }
    }

    #[test]
    fn and_not_otherwise() {
        for (key, server) in [
            ("example.com", "reg.example.com"),
            ("*.example.com", "example.com"),
            ("*.example.com", "a.reg.example.com"),
            ("*", "reg.example.com"),
            ("*.example.com", "reg.example.com.evil.org"),
            ("reg.example.com", "reg.example.com:5000"),
            ("reg.example.com:5000", "reg.example.com"),
            ("reg.example.com/team/app", "reg.example.com/team"),
            ("reg.example.com/team", "reg.example.com"),
            ("reg.example.com/Team", "reg.example.com/team"),
            ("[a-q]eg.example.com", "reg.example.com"),
            ("[a-.example.com", "a.example.com"),
            ("[].example.com", "a.example.com"),
            ("[^].example.com", "a.example.com"),
            ("[-r]eg.example.com", "reg.example.com"),
            ("[r-]eg.example.com", "reg.example.com"),
            ("*g-1.example.com", "reg.example.com"),
            ("*gx.example.com", "reg.example.com"),
            (r"re\x*.example.com", "reg.example.com"),
            ("us er@reg.example.com", "reg.example.com"),
            ("us%er@reg.example.com", "reg.example.com"),
            ("reg.example.com@evil.example.org", "reg.example.com"),
            ("reg.example.com:x@evil.example.org", "reg.example.com"),
            ("reg.example.com?@evil.example.org", "evil.example.org"),
            ("evil.example.org#.reg.example.com", "reg.example.com"),
            ("user@", "reg.example.com"),
            ("reg.example.com/te%6", "reg.example.com/team/app"),
            ("reg.example.com/%zz", "reg.example.com/team/app"),
            ("reg.example.com::", "reg.example.com"),
            ("reg.example.com:5000:", "reg.example.com:5000"),
            ("[::1]:5000:", "[::1]:5000"),
            ("ftp://reg.example.com", "reg.example.com"),
            ("https://index.docker.io/v1/access-token", "docker.io"),
            ("https://index.docker.io/v1/access-token/", "docker.io/v1/access-token/x"),
            ("reg.example.com//v1/access-token", "reg.example.com//v1/access-token"),
            ("reg.example.com/team/v1/refresh-token", "reg.example.com/team/v1/refresh-token"),
            ("https://index.docker.io/v1/refresh-token", "docker.io"),
            ("docker.io:5000", "docker.io"),
            ("*.docker.io", "docker.io"),
            ("*.docker.io", "index.docker.io"),
            ("*.hub.docker.com", "registry.hub.docker.com"),
            ("", "reg.example.com"),
            ("[::1]", "[::2]"),
        ] {
            assert!(rank(key, server).is_none(), "{key} for {server}");
        }
    }

    #[test]
    fn what_can_match_nothing_is_no_key() {
        for text in [
            "",
            "https://",
            "us er@reg.example.com",
            "user@",
            "reg/%",
            "#reg",
            "ftp://reg",
            "reg:x",
            "a:b:5000",
            "docker.io/v1/access-token",
        ] {
            assert_eq!(Key::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_names_one_registry_or_is_a_glob() {
        let named = |text: &str| Key::parse(text).unwrap().registry().map(|registry| registry.key());
        assert_eq!(named("https://Reg.example.com:5000/v1/team").as_deref(), Some("reg.example.com:5000"));
        assert_eq!(named("index.docker.io").as_deref(), Some("docker.io"));
        assert_eq!((named("*.example.com"), named("reg[0-9].example.com:5000")), (None, None));
    }

    #[test]
    fn on_hub_each_of_its_names_is_exact() {
        // A longer pattern would win if it counted as exact.
        let (question, pattern) = ("index.docker.io/team/app", "[d]ocker.io");
        assert!(rank(pattern, question).is_some());
        assert!(rank("registry-1.docker.io", question) > rank(pattern, question));
        assert!(rank("docker.io", question) > rank(pattern, question));
    }

    #[test]
    fn why_a_key_ranks_where_it_does_is_told() {
        for (key, why) in [
            ("reg.example.com", "exact host, no path"),
            ("*.example.com/team", "host pattern, path team"),
            ("reg.example.com/te", "exact host, path te, which ends inside a name"),
        ] {
            let rank = rank(key, "reg.example.com/team/app").unwrap();
            let registry = Registry::parse("reg.example.com").unwrap();
            assert_eq!(Key::parse(key).unwrap().why(rank, &registry), why);
        }
    }

    #[test]
    fn exactly_is_the_same_registry_and_path() {
        let exactly =
            |key: &str, server: &str| Key::parse(key).unwrap().is_exactly(&Registry::parse(server).unwrap());
        for (key, server) in [
            ("https://Reg.example.com/v2/team/", "reg.example.com/team"),
            ("registry-1.docker.io", "docker.io"),
            ("docker.io/alpine", "docker.io/library/alpine"),
            ("index.docker.io/library/alpine", "docker.io/alpine"),
        ] {
            assert!(exactly(key, server), "{key} and {server}");
        }
        for (key, server) in [
            ("reg.example.com/team", "reg.example.com"),
            ("reg.example.com", "reg.example.com:5000"),
            ("reg.example.com", "reg2.example.com"),
            ("*.example.com", "reg.example.com"),
            ("docker.io/team", "docker.io/library/alpine"),
            ("reg.example.com/alpine", "reg.example.com/library/alpine"),
            ("reg.example.com", "docker.io"),
        ] {
            assert!(!exactly(key, server), "{key} and {server}");
        }
    }

    #[test]
    fn rank_orders() {
        // Each key beats the next one, for the same question.
        let question = "reg.example.com/team/app";
        let keys = [
            "reg.example.com/team/app",
            "*.example.com/team/app",
            "*.*.com/team/app",
            "reg.example.com/team",
            "*.example.com/team",
            "reg.example.com",
            "*.example.com",
            "*.*.*",
            "reg.example.com/team/a",
            "reg.example.com/te",
        ];
        for pair in keys.windows(2) {
            assert!(rank(pair[0], question) > rank(pair[1], question), "{pair:?}");
        }
        assert!(rank(keys[keys.len() - 1], question).is_some());
    }

    #[test]
    fn hubs_names_rank_alike() {
        let names = ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];
        for (key, server) in names.iter().flat_map(|key| names.map(|server| (key, server))) {
            assert_eq!(rank(key, server), rank(names[0], names[0]), "{key} for {server}");
            assert_eq!(rank(&format!("https://{key}/v1/"), server), rank(names[0], names[0]));
            let (key, server) = (format!("{key}/team"), format!("{server}/team/app"));
            assert_eq!(rank(&key, &server), rank("docker.io/team", "docker.io/team/app"));
        }
    }

    #[test]
    fn on_hub_a_key_that_is_literally_the_question_comes_first() {
        for (question, keys) in [
            (
                "docker.io/alpine",
                &["docker.io/alpine", "docker.io/library/alpine", "docker.io/library/", "docker.io/library"]
                    [..],
            ),
            (
                "index.docker.io/library/alpine",
                &["docker.io/library/alpine", "docker.io/alpine", "docker.io/library"],
            ),
            ("docker.io/alpine", &["index.docker.io/alpine", "*.io/library/alpine", "docker.io", "*.io/alp"]),
            ("docker.io/a", &["https://index.docker.io/v1/a", "docker.io/library", "docker.io"]),
            ("docker.io/library/library", &["docker.io/library/library", "docker.io/library"]),
        ] {
            for pair in keys.windows(2) {
                assert!(rank(pair[0], question) > rank(pair[1], question), "{question}: {pair:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_key_panics(key in "\\PC{0,60}|[a-z*?\\[\\]^\\\\.:/@-]{0,40}") {
            let question = Question::of(Registry::parse("reg.example.com/team/app").unwrap());
            if let Some(key) = Key::parse(&key) {
                let _ = (key.rank(&question), key.registry());
            }
        }

        #[test]
        fn a_registry_is_its_own_key(host in "[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){0,3}", port in prop::option::of(1u16..)) {
            let server = host + &port.map(|port| format!(":{port}")).unwrap_or_default();
            prop_assert!(rank(&server, &server).is_some());
        }

        #[test]
        fn a_glob_never_leaves_its_label(label in "[a-z0-9.]{1,20}") {
            let registry = Registry::parse(&format!("{label}.example.com"));
            let key = Key::parse("*.example.com").unwrap();
            if let Some(registry) = registry {
                prop_assert_eq!(key.matches_host(&registry), !label.contains('.'));
            }
        }
    }
}
