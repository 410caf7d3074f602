//! Docker's configuration of credentials: `.dockerconfigjson` and `config.json` (`{"auths": {...}}`), and the
//! older `.dockercfg` (the inner object alone).
//!
//! The rules are kubelet's (`pkg/credentialprovider`), which reads the same Secrets: an entry is parsed on its
//! own, so that a broken one spoils no other.

pub mod edit;
pub mod entry;
mod glob;
pub mod key;
pub mod select;
mod summary;
mod text;

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use entry::Login;
use key::Key;
use text::readable;

use crate::problem::ConfigFault;
use crate::secret::Secret;
use crate::shown::Shown;

/// Which of the two formats a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `{"auths": {"<key>": {...}}}`: Secrets of type `kubernetes.io/dockerconfigjson`, `config.json`.
    ConfigJson,
    /// `{"<key>": {...}}`: Secrets of type `kubernetes.io/dockercfg`.
    DockerCfg,
}

/// A parsed configuration: entries in kubelet's order (keys sorted, last first).
#[derive(Debug)]
pub struct DockerConfig {
    /// All entries whose key can be matched; empty ones (`{}`) are left out.
    pub entries: Vec<Entry>,
    /// What else it holds, for [`DockerConfig::summary`].
    left_out: LeftOut,
}

/// What a configuration holds that is no entry.
#[derive(Debug, Default)]
struct LeftOut {
    /// The first keys without a login, and how many there are.
    without_login: Keys,
    /// The first keys that can match no registry, and how many there are.
    no_registry: Keys,
    /// It names programs that keep the logins (`credsStore`, `credHelpers`).
    helpers: bool,
    /// It has no `auths`, but logins or names of hosts where `auths` would stand: the older format in the newer one's place.
    without_auths: bool,
    /// It has `auths` with entries where a host would stand: the newer format in the older one's place.
    auths_inside: bool,
}

/// Some keys, of which not all need be kept.
#[derive(Debug, Default)]
struct Keys {
    first: Vec<String>,
    count: usize,
}

impl Keys {
    fn add(&mut self, key: String) {
        self.count += 1;
        if self.first.len() < summary::SHOWN {
            self.first.push(key);
        }
    }
}

/// One key and what stands behind it.
#[derive(Debug)]
pub struct Entry {
    /// The key as it stands in the text.
    pub text: String,
    /// The key, understood.
    pub key: Key,
    /// What it gives.
    pub login: Login,
}

/// A configuration, and where it was found.
#[derive(Debug)]
pub struct Loaded {
    /// Secret, file or variable, with its key.
    pub origin: Shown,
    /// What it holds.
    pub config: DockerConfig,
}

type Auths<'a> = BTreeMap<String, &'a RawValue>;

/// A `config.json`, of which only `auths` matters.
#[derive(Default)]
struct Whole<'a> {
    auths: Auths<'a>,
    has_auths: bool,
    has_hosts: bool,
    has_helpers: bool,
}

/// As Go's decoder fills kubelet's and Docker's structures: the name without regard to case, and what stands twice
/// is merged, the last entry of a key being the one that counts.
impl<'de> Deserialize<'de> for Whole<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Whole<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Whole<'de>, A::Error> {
                let mut whole = Whole::default();
                while let Some(name) = map.next_key::<String>()? {
                    if !name.eq_ignore_ascii_case("auths") {
                        let value = map.next_value::<&RawValue>()?.get();
                        let is = |field: &str| name.eq_ignore_ascii_case(field);
                        if is("credsStore") || is("credHelpers") {
                            whole.has_helpers |= !matches!(value, "null" | r#""""# | "{}");
                        } else if !is("HttpHeaders") {
                            // No field of Docker's has a dot or a colon, and none has the fields of a login.
                            whole.has_hosts |= name.contains(['.', ':']) || Login::is_in(value);
                        }
                        continue;
                    }
                    whole.has_auths = true;
                    match map.next_value::<Option<Auths>>()? {
                        Some(auths) => whole.auths.extend(auths),
                        // Go empties a map that it meets a null for.
                        None => whole.auths.clear(),
                    }
                }
                Ok(whole)
            }
        }
        deserializer.deserialize_map(Reads)
    }
}

impl DockerConfig {
    /// Parses a text. Fields other than the credentials (helpers, proxies, ...) are passed over.
    ///
    /// # Errors
    /// The parser's reason and place, without any of the text, if it is no JSON object of that format.
    pub fn parse(text: &[u8], format: Format) -> Result<DockerConfig, ConfigFault> {
        let text = readable(text);
        let whole = match format {
            Format::ConfigJson if text.trim_ascii_start().starts_with('[') => {
                return Err(ConfigFault::List);
            }
            Format::ConfigJson => serde_json::from_str::<Whole>(&text)?,
            Format::DockerCfg => Whole { auths: serde_json::from_str(&text)?, ..Whole::default() },
        };
        let mut left_out = LeftOut {
            helpers: whole.has_helpers,
            without_auths: whole.has_hosts && !whole.has_auths,
            ..LeftOut::default()
        };
        let mut entries = Vec::new();
        for (text, value) in whole.auths.into_iter().rev() {
            match (Key::parse(&text), Login::parse(value)) {
                (Some(key), Some(login)) => entries.push(Entry { text, key, login }),
                (_, None) if format == Format::DockerCfg && is_auths(&text, value) => {
                    left_out.auths_inside = true
                }
                (Some(_), None) => left_out.without_login.add(text),
                (None, _) => left_out.no_registry.add(text),
            }
        }
        Ok(DockerConfig { entries, left_out })
    }
}

impl DockerConfig {
    /// A configuration that has one login for several keys.
    pub fn of_login<'a>(
        keys: impl IntoIterator<Item = &'a str>,
        username: &str,
        password: &Secret,
    ) -> DockerConfig {
        let mut config = DockerConfig { entries: Vec::new(), left_out: LeftOut::default() };
        for text in keys {
            match (Key::parse(text), Login::of(username.to_owned(), password.clone())) {
                (Some(key), Some(login)) => config.entries.push(Entry { text: text.to_owned(), key, login }),
                (Some(_), None) => config.left_out.without_login.add(text.to_owned()),
                (None, _) => config.left_out.no_registry.add(text.to_owned()),
            }
        }
        config
    }
}

/// Whether a field is an `auths` that holds something.
fn is_auths(name: &str, value: &RawValue) -> bool {
    name.eq_ignore_ascii_case("auths")
        && serde_json::from_str::<Auths>(value.get()).is_ok_and(|auths| !auths.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats() {
        let inner = r#"{"reg.example.com":{"username":"u","password":"p"}}"#;
        for (text, format) in [
            (format!(r#"{{"auths":{inner},"credsStore":"x","other":[1]}}"#), Format::ConfigJson),
            (inner.to_owned(), Format::DockerCfg),
            (format!("\u{feff}{inner}"), Format::DockerCfg),
        ] {
            let config = DockerConfig::parse(text.as_bytes(), format).unwrap();
            assert_eq!(config.entries.len(), 1);
            assert_eq!(config.entries[0].text, "reg.example.com");
        }
    }

    #[test]
    fn nothing_in_it_is_no_error() {
        for text in [
            "{}",
            r#"{"auths":{}}"#,
            r#"{"auths":null}"#,
            r#"{"auths":{"reg":{}}}"#,
            r#"{"auths":{"reg":{"auth":""}}}"#,
        ] {
            assert!(
                DockerConfig::parse(text.as_bytes(), Format::ConfigJson).unwrap().entries.is_empty(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_broken_entry_spoils_no_other() {
        let text =
            r#"{"auths":{"a.io":5,"b.io":{"auth":"!"},"c.io":{"username":"u","password":"p"},"d.io":null}}"#;
        let config = DockerConfig::parse(text.as_bytes(), Format::ConfigJson).unwrap();
        let usable: Vec<_> =
            config.entries.iter().filter(|e| matches!(e.login, Login::Usable(_))).map(|e| &e.text).collect();
        assert_eq!(usable, ["c.io"]);
    }

    #[test]
    fn what_is_no_character_spoils_no_entry() {
        // In a key, an e-mail, a field that nobody reads, an entry of its own, and beside `auths`.
        for (before, after) in [
            (r#"{"auths":{"caf\xe9.io":{"auth":"YTph"},"#, "}}"),
            (r#"{"auths":{"\ud83d.io":{"auth":"YTph"},"#, "}}"),
            (r#"{"auths":{"a.io":{"auth":"YTph","email":"caf\xe9"},"#, "}}"),
            (r#"{"auths":{"a.io":{"username":"\ude00","password":"p"},"#, "}}"),
            (r#"{"auths":{"a.io":{"username":"u","password":"\xff\xfe"},"#, "}}"),
            (r#"{"auths":{"a.io":{"auth":"\xe9"},"#, "}}"),
            (r#"{"\xe9":"\ud83d","auths":{"#, r#"},"\udc00":["\xe9"]}"#),
        ] {
            let text =
                format!(r#"{before}"good.io":{{"username":"u","password":"p","email":"\xe9\ud83d"}}{after}"#);
            let bytes: Vec<u8> = text
                .replace(r"\xe9", "\u{e9}")
                .replace(r"\xff\xfe", "\u{ff}\u{fe}")
                .chars()
                .map(|c| c as u8)
                .collect();
            assert!(std::str::from_utf8(&bytes).is_err(), "{text}");
            let config = DockerConfig::parse(&bytes, Format::ConfigJson).unwrap();
            let good = config.entries.iter().find(|entry| entry.text == "good.io").unwrap();
            assert!(matches!(&good.login, Login::Usable(c) if c.username == "u"), "{text}");
            let others = config
                .entries
                .iter()
                .filter(|entry| matches!(&entry.login, Login::Usable(_)) && entry.text == "a.io");
            assert_eq!(others.count(), usize::from(before.contains("email")), "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_counts_as_it_stands_last() {
        let text = r#"{"reg":{"username":"old","password":"p"},"reg":{"username":"new","password":"p"}}"#;
        let config = DockerConfig::parse(text.as_bytes(), Format::DockerCfg).unwrap();
        assert!(
            matches!(&config.entries[..], [Entry { login: Login::Usable(c), .. }] if c.username == "new")
        );
    }

    #[test]
    fn auths_as_in_go() {
        for text in [
            r#"{"Auths":{"reg":{"username":"u","password":"p"}}}"#,
            r#"{"auths":{"reg":{}},"AUTHS":{"reg":{"username":"u","password":"p"}}}"#,
            r#"{"auths":{"reg":{"username":"u","password":"p"}},"auths":{"other":{}}}"#,
            r#"{"auths":null,"auths":{"reg":{"username":"u","password":"p"}}}"#,
        ] {
            let config = DockerConfig::parse(text.as_bytes(), Format::ConfigJson).unwrap();
            assert_eq!(config.entries.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), ["reg"], "{text}");
        }
        let emptied = r#"{"auths":{"reg":{"username":"u","password":"p"}},"auths":null}"#;
        assert!(DockerConfig::parse(emptied.as_bytes(), Format::ConfigJson).unwrap().entries.is_empty());
    }

    #[test]
    fn a_list_of_what_an_object_should_hold_is_none() {
        let text = br#"[{"reg":{"username":"u","password":"p"}}]"#;
        let reason = DockerConfig::parse(text, Format::ConfigJson).unwrap_err();
        assert_eq!(reason.to_string(), ConfigFault::List.to_string());
        assert!(DockerConfig::parse(text, Format::DockerCfg).is_err());
    }

    #[test]
    fn the_reason_quotes_nothing() {
        for text in
            ["", "null", "hunter2", r#"{"auths":"hunter2"}"#, r#"{"auths":{"reg":hunter2"#, r#"["hunter2"]"#]
        {
            let reason = DockerConfig::parse(text.as_bytes(), Format::ConfigJson).unwrap_err().to_string();
            assert!(!reason.contains("hunter2") && reason.contains("line"), "{text}: {reason}");
        }
    }
}
