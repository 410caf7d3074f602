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

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use entry::Login;
use key::Key;

use crate::problem::ConfigFault;

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
    /// It has no `auths`, but names of hosts where `auths` would stand: the older format in the newer one's place.
    pub without_auths: bool,
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
    pub origin: String,
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
                        // No field of Docker's has a dot or a colon.
                        whole.has_hosts |= name.contains(['.', ':']);
                        map.next_value::<IgnoredAny>()?;
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
        // Some editors put a byte order mark in front.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let whole = match format {
            Format::ConfigJson if text.trim_ascii_start().starts_with(b"[") => {
                return Err(ConfigFault::List);
            }
            Format::ConfigJson => serde_json::from_slice::<Whole>(text)?,
            Format::DockerCfg => Whole { auths: serde_json::from_slice(text)?, ..Whole::default() },
        };
        let without_auths = whole.has_hosts && !whole.has_auths;
        let entries = whole
            .auths
            .into_iter()
            .rev()
            .filter_map(|(text, value)| {
                let key = Key::parse(&text)?;
                let login = Login::parse(value)?;
                Some(Entry { text, key, login })
            })
            .collect();
        Ok(DockerConfig { entries, without_auths })
    }
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
