//! One entry of a `config.json` written or removed; everything else in it stays as it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::key::Key;
use super::text::readable;
use crate::credential::IDENTITY_TOKEN_USER;
use crate::problem::ConfigFault;
use crate::registry::Registry;
use crate::secret::Secret;

/// What an entry can say about how to log in; the rest of it (`email`, ...) stays.
const LOGIN_FIELDS: [&str; 5] = ["username", "password", "auth", "identitytoken", "registrytoken"];

/// The key under which a registry's entry is written: as docker and kubelet look for it.
pub fn key_of(registry: &Registry) -> String {
    if registry.path().is_empty() { registry.list_name() } else { registry.key() }
}

/// A configuration that is being edited.
pub struct Document(Map<String, Value>);

impl Document {
    /// Nothing in it yet.
    pub fn empty() -> Document {
        Document(Map::new())
    }

    /// Understands a text. What is no character in it is written back as readers in Go see it.
    ///
    /// # Errors
    /// The parser's reason and place, if it is no JSON object.
    pub fn parse(text: &[u8]) -> Result<Document, ConfigFault> {
        Ok(serde_json::from_str(&readable(text))?)
    }

    /// The text. The caller wipes it.
    pub fn to_text(&self) -> Zeroizing<String> {
        // A map of strings to JSON: this cannot fail.
        Zeroizing::new(serde_json::to_string(&self.0).unwrap_or_default())
    }

    /// Writes the entry of a registry, in place of every other spelling of its key. False if it stands there
    /// already.
    ///
    /// # Errors
    /// `auths` is something other than an object.
    pub fn put(&mut self, registry: &Registry, username: &str, secret: &Secret) -> Result<bool, ConfigFault> {
        let auths = self.auths()?;
        let same = spellings(auths, registry);
        let mut entry = same.first().and_then(|key| auths.get(key)?.as_object().cloned()).unwrap_or_default();
        // Readers in Go take a field's name in any case.
        entry.retain(|field, _| !LOGIN_FIELDS.contains(&field.to_ascii_lowercase().as_str()));
        let text = |text: &str| Value::String(text.to_owned());
        if username == IDENTITY_TOKEN_USER {
            entry.insert("identitytoken".to_owned(), text(secret.expose()));
        } else {
            entry.insert("username".to_owned(), text(username));
            entry.insert("password".to_owned(), text(secret.expose()));
            // `auth` is read up to its first colon: without one, the other two count everywhere.
            if !username.contains(':') {
                let pair = Zeroizing::new(format!("{username}:{}", secret.expose()));
                entry.insert("auth".to_owned(), Value::String(STANDARD.encode(pair.as_bytes())));
            }
        }
        let (key, entry) = (key_of(registry), Value::Object(entry));
        if same == [key.as_str()] && auths.get(&key) == Some(&entry) {
            return Ok(false);
        }
        let place = auths.keys().position(|key| same.contains(key)).unwrap_or(auths.len());
        for key in &same {
            auths.shift_remove(key);
        }
        auths.shift_insert(place, key, entry);
        Ok(true)
    }

    /// Removes the entry of a registry, however its key is spelt. False if there was none.
    ///
    /// # Errors
    /// `auths` is something other than an object.
    pub fn remove(&mut self, registry: &Registry) -> Result<bool, ConfigFault> {
        let auths = self.auths()?;
        let same = spellings(auths, registry);
        for key in &same {
            auths.shift_remove(key);
        }
        Ok(!same.is_empty())
    }

    fn auths(&mut self) -> Result<&mut Map<String, Value>, ConfigFault> {
        // Readers in Go take its name in any case.
        let name = self.0.keys().rev().find(|name| name.eq_ignore_ascii_case("auths")).cloned();
        let name = name.unwrap_or_else(|| "auths".to_owned());
        let auths = self.0.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if auths.is_null() {
            *auths = Value::Object(Map::new());
        }
        auths.as_object_mut().ok_or(ConfigFault::Field("auths"))
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// `auths` is read as for `get` (`Whole`): what stands twice becomes one, so that no login is lost, and none
/// is left that would win over a new one.
impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Document;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut document = Document::empty();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    let is_auths = |name: &str| name.eq_ignore_ascii_case("auths");
                    let before = document.0.iter_mut().find(|(known, _)| is_auths(known) && is_auths(&name));
                    match (before, value) {
                        (Some((_, Value::Object(before))), Value::Object(auths)) => before.extend(auths),
                        (Some((_, before)), value) => *before = value,
                        (None, value) => drop(document.0.insert(name, value)),
                    }
                }
                Ok(document)
            }
        }
        deserializer.deserialize_map(Reads)
    }
}

/// Overwrites every text in a value.
pub fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The keys that name exactly this registry and path.
fn spellings(auths: &Map<String, Value>, registry: &Registry) -> Vec<String> {
    auths.keys().filter(|key| Key::parse(key).is_some_and(|key| key.is_exactly(registry))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(text: &str, server: &str, username: &str, secret: &str) -> String {
        let mut document = Document::parse(text.as_bytes()).unwrap();
        document.put(&Registry::parse(server).unwrap(), username, &Secret::new(secret.into())).unwrap();
        document.to_text().to_string()
    }

    #[test]
    fn names_that_are_written_in_another_case_are_the_same_fields() {
        assert_eq!(
            put(r#"{"Auths":{"a.io":{"IdentityToken":"t","Email":"e"}}}"#, "a.io", "u", "p"),
            r#"{"Auths":{"a.io":{"Email":"e","username":"u","password":"p","auth":"dTpw"}}}"#
        );
    }

    #[test]
    fn auths_that_stand_twice_become_one() {
        assert_eq!(
            put(r#"{"auths":{"a.io":{}},"x":1,"auths":{"b.io":{"auth":"Yjpi"}}}"#, "c.io", "<token>", "t"),
            r#"{"auths":{"a.io":{},"b.io":{"auth":"Yjpi"},"c.io":{"identitytoken":"t"}},"x":1}"#
        );
        assert_eq!(
            put(r#"{"auths":{"https://a.io":{"auth":"YTph"}},"Auths":{}}"#, "a.io", "<token>", "t"),
            r#"{"auths":{"a.io":{"identitytoken":"t"}}}"#
        );
        assert_eq!(
            put(r#"{"auths":{"a.io":{}},"AUTHS":null}"#, "b.io", "<token>", "t"),
            r#"{"auths":{"b.io":{"identitytoken":"t"}}}"#
        );
    }

    #[test]
    fn everything_else_stays() {
        let before = r#"{"x":[1,{"y":null}],"auths":{"b.io":{"auth":"Yjpi","email":"e"},"*.c.io":{"auth":"Yzpj"}},"credHelpers":{"d.io":"d"}}"#;
        assert_eq!(
            put(before, "https://a.io/v2/", "u", "p"),
            r#"{"x":[1,{"y":null}],"auths":{"b.io":{"auth":"Yjpi","email":"e"},"*.c.io":{"auth":"Yzpj"},"a.io":{"username":"u","password":"p","auth":"dTpw"}},"credHelpers":{"d.io":"d"}}"#
        );
    }

    #[test]
    fn an_entry_is_replaced_however_it_is_spelt() {
        assert_eq!(
            put(
                r#"{"auths":{"https://a.io/v1/":{"auth":"b2xkOm9sZA==","email":"e"},"A.io:443":{},"a.io/team":{}}}"#,
                "a.io",
                "u",
                "p"
            ),
            r#"{"auths":{"a.io":{"email":"e","username":"u","password":"p","auth":"dTpw"},"a.io/team":{}}}"#
        );
    }

    #[test]
    fn what_stands_there_already_is_no_change() {
        let text = r#"{"auths":{"a.io":{"auth":"dTpw","password":"p","username":"u","email":"e"}}}"#;
        let changed = |server: &str, username: &str, secret: &str| {
            let mut document = Document::parse(text.as_bytes()).unwrap();
            document.put(&Registry::parse(server).unwrap(), username, &Secret::new(secret.into())).unwrap()
        };
        assert!(!changed("https://A.io:443/v2/", "u", "p"));
        assert!(changed("a.io", "u", "q") && changed("a.io", "v", "p") && changed("a.io/team", "u", "p"));
    }

    #[test]
    fn a_user_name_with_a_colon_has_no_auth_that_would_cut_it() {
        assert_eq!(
            put(r#"{"auths":{"a.io":{"auth":"YTpi"}}}"#, "a.io", "robot:x", "p"),
            r#"{"auths":{"a.io":{"username":"robot:x","password":"p"}}}"#
        );
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(put("\u{feff}{}", "a.io", "<token>", "t"), r#"{"auths":{"a.io":{"identitytoken":"t"}}}"#);
    }

    #[test]
    fn what_is_no_character_is_no_hindrance() {
        let bytes = b"{\"auths\":{\"b.io\":{\"email\":\"\xe9\\ud83d\"}}}";
        let mut document = Document::parse(bytes).unwrap();
        assert!(document.remove(&Registry::parse("b.io").unwrap()).unwrap());
        let mut document = Document::parse(bytes).unwrap();
        document.put(&Registry::parse("a.io").unwrap(), "<token>", &Secret::new("t".into())).unwrap();
        assert_eq!(
            document.to_text().as_str(),
            "{\"auths\":{\"b.io\":{\"email\":\"\u{fffd}\u{fffd}\"},\"a.io\":{\"identitytoken\":\"t\"}}}"
        );
    }

    #[test]
    fn every_text_is_wiped() {
        let mut value = serde_json::json!({ "a": ["hunter2", { "b": "hunter2" }], "c": 1 });
        wipe(&mut value);
        assert_eq!(value, serde_json::json!({ "a": ["", { "b": "" }], "c": 1 }));
    }

    #[test]
    fn identity_tokens_are_kept_as_such() {
        assert_eq!(
            put("{}", "docker.io", "<token>", "t"),
            r#"{"auths":{"https://index.docker.io/v1/":{"identitytoken":"t"}}}"#
        );
        assert_eq!(
            put(r#"{"auths":null}"#, "a.io/team", "<token>", "t"),
            r#"{"auths":{"a.io/team":{"identitytoken":"t"}}}"#
        );
    }

    #[test]
    fn exactly_one_entry_is_removed() {
        let text = r#"{"auths":{"a.io":{},"a.io/team":{},"*.io":{},"docker.io":{}},"x":1}"#;
        let removed = |server: &str| {
            let mut document = Document::parse(text.as_bytes()).unwrap();
            let found = document.remove(&Registry::parse(server).unwrap()).unwrap();
            (found, document.to_text().to_string())
        };
        assert_eq!(
            removed("https://a.io"),
            (true, r#"{"auths":{"a.io/team":{},"*.io":{},"docker.io":{}},"x":1}"#.into())
        );
        assert_eq!(
            removed("https://index.docker.io/v1/"),
            (true, r#"{"auths":{"a.io":{},"a.io/team":{},"*.io":{}},"x":1}"#.into())
        );
        assert_eq!(removed("b.io"), (false, text.into()));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "null", "[]", "5", "{"] {
            assert!(Document::parse(text.as_bytes()).is_err(), "{text}");
        }
        let mut document = Document::parse(br#"{"auths":[]}"#).unwrap();
        assert!(document.remove(&Registry::parse("a.io").unwrap()).is_err());
    }
}
