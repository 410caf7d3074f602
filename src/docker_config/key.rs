//! The key of an entry, and whether it matches a question.
//!
//! The rules are kubelet's (`pkg/credentialprovider/keyring.go`, `URLsMatch`): the scheme and `/v1`, `/v2` are
//! stripped, hosts are globs label by label, ports are equal, paths match by prefix as text.

use crate::registry::{self, Registry};

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
}

/// How well a key matches: the greater, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// The key ends where a part of the question's path ends: `team` for `team/app`, not for `team-b/app`.
    whole_parts: bool,
    path: usize,
    exact_host: bool,
    host: usize,
}

impl Key {
    /// Understands a key. `None` for what can match nothing: another scheme, user info, a port that is none,
    /// or one of the entries of docker's browser login, which are for no registry.
    pub fn parse(text: &str) -> Option<Key> {
        let (rest, http) = registry::strip_scheme(text.trim())?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => (&rest[..slash], &rest[slash + 1..]),
            None => (rest, ""),
        };
        if registry::is_login_token(path) {
            return None;
        }
        let (host, port) = split_port(authority)?;
        let port = port.filter(|&port| port != 443 && !(http && port == 80));
        let path = match path {
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
        (!host.is_empty() && !host.contains('@')).then(|| Key { host, glob, port, path: path.to_owned() })
    }

    /// Whether the key names a repository or a group of them, not the whole registry.
    pub fn has_path(&self) -> bool {
        !self.path.is_empty()
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
            && globs.zip(labels).all(|(glob, label)| glob_matches(glob, label))
    }

    /// How well the key matches a registry and a path (empty for the registry alone); `None` if it does not.
    pub fn rank(&self, registry: &Registry, path: &str) -> Option<Rank> {
        if !self.matches_host(registry) {
            return None;
        }
        let rest = self.rest_of(path).or_else(|| match registry.is_hub() {
            // `library/` is implied on Hub, in keys too.
            true => self.rest_of(path.strip_prefix("library/")?),
            false => None,
        })?;
        Some(Rank {
            whole_parts: self.path.is_empty()
                || self.path.ends_with('/')
                || rest.is_empty()
                || rest.starts_with('/'),
            path: self.path.len(),
            exact_host: self.host == registry.host()
                || registry.is_hub() && registry::is_hub_host(&self.host),
            host: self.host.len(),
        })
    }

    /// Why the key ranks where it does, in words.
    pub fn why(&self, rank: Rank) -> String {
        let host = if rank.exact_host { "exact host" } else { "host pattern" };
        match (self.path.as_str(), rank.whole_parts) {
            ("", _) => format!("{host}, no path"),
            (path, true) => format!("{host}, path {path}"),
            (path, false) => format!("{host}, path {path}, which ends inside a name"),
        }
    }

    fn rest_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.path.as_str())
    }
}

/// As [`registry::split_port`], but the host may be a glob, in which brackets are a character class.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(split) = registry::split_port(authority) {
        return Some(split);
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => Some((host, Some(port.parse().ok()?))),
        None => Some((authority, None)),
        Some(_) => None,
    }
}

/// One label against one glob: `*`, `?`, `[a-z]`, `[^a-z]` and `\x`, as Go's `path/filepath.Match`. A glob
/// that is malformed matches nothing.
fn glob_matches(glob: &str, label: &str) -> bool {
    // Backtracks to the last `*` only: time is bounded by the product of the lengths.
    let (glob, label): (Vec<char>, Vec<char>) = (glob.chars().collect(), label.chars().collect());
    let (mut g, mut l) = (0, 0);
    let mut star = None;
    while l < label.len() {
        if glob.get(g) == Some(&'*') {
            star = Some((g, l));
            g += 1;
            continue;
        }
        match one(&glob[g..], label[l]) {
            Err(Malformed) => return false,
            Ok(Some(used)) => (g, l) = (g + used, l + 1),
            Ok(None) => match star {
                None => return false,
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (g, l) = (at + 1, from + 1);
                }
            },
        }
    }
    glob[g..].iter().all(|&c| c == '*')
}

struct Malformed;

/// Whether the glob's first term takes the character: how much of the glob that used, or `None` if not.
fn one(glob: &[char], c: char) -> Result<Option<usize>, Malformed> {
    match glob {
        [] => Ok(None),
        ['?', ..] => Ok(Some(1)),
        ['\\', escaped, ..] => Ok((*escaped == c).then_some(2)),
        ['\\'] => Err(Malformed),
        ['[', class @ ..] => {
            let negated = class.first() == Some(&'^');
            let mut at = usize::from(negated);
            let mut matched = false;
            let first = at;
            loop {
                match class.get(at) {
                    Some(']') if at > first => break,
                    None => return Err(Malformed),
                    Some(_) => {}
                }
                let low = class_char(class, &mut at)?;
                let mut high = low;
                if class.get(at) == Some(&'-') {
                    at += 1;
                    high = class_char(class, &mut at)?;
                }
                matched |= (low..=high).contains(&c);
            }
            Ok((matched != negated).then_some(at + 2))
        }
        [plain, ..] => Ok((*plain == c).then_some(1)),
    }
}

/// One character of a class, which may be escaped.
fn class_char(class: &[char], at: &mut usize) -> Result<char, Malformed> {
    let escaped = class.get(*at) == Some(&'\\');
    *at += usize::from(escaped);
    match class.get(*at) {
        Some(&c) if escaped || (c != '-' && c != ']') => {
            *at += 1;
            Ok(c)
        }
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rank(key: &str, server: &str) -> Option<Rank> {
        let registry = Registry::parse(server).unwrap();
        Key::parse(key).and_then(|key| key.rank(&registry, &registry.path()))
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
            ("user@reg.example.com", "reg.example.com"),
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
            "user@reg.example.com",
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
            assert_eq!(Key::parse(key).unwrap().why(rank), why);
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

    proptest! {
        #[test]
        fn no_key_panics(key in "\\PC{0,60}|[a-z*?\\[\\]^\\\\.:/@-]{0,40}") {
            let registry = Registry::parse("reg.example.com/team/app").unwrap();
            if let Some(key) = Key::parse(&key) {
                let _ = (key.rank(&registry, "team/app"), key.registry());
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
