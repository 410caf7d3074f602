//! A `config.json` or `auth.json` that is being changed: everything else in it stays as it is written, letter by letter.

use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap};
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{HELPER, change};
use crate::problem::{ConfigFault, Problem};
use crate::shown::Shown;

/// What docker's own client indents with.
const TAB: &str = "\t";

/// Where a helper is named.
pub(super) enum Store {
    /// `credsStore`.
    All,
    /// `credHelpers`, with the key.
    Registry(String),
}

/// The file's object, and how it was written.
pub struct Document<'a> {
    fields: Fields<'a>,
    indentation: String,
    ends_in_line_break: bool,
}

/// The fields in their order. Their values can hold credentials, and so they are not copied.
struct Fields<'a>(Vec<(String, Field<'a>)>);

enum Field<'a> {
    AsWritten(&'a RawValue),
    New(Value),
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    fields.push((name, Field::AsWritten(value)));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Reads)
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, field) in &self.0 {
            match field {
                Field::AsWritten(value) => map.serialize_entry(name, value)?,
                Field::New(value) => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

impl Fields<'_> {
    /// A field's value; of one that stands twice the last, as docker reads it.
    fn get(&self, name: &str) -> Option<Value> {
        let (_, field) = self.0.iter().rev().find(|(known, _)| known == name)?;
        match field {
            Field::AsWritten(value) => serde_json::from_str(value.get()).ok(),
            Field::New(value) => Some(value.clone()),
        }
    }

    fn set(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, field)) => *field = Field::New(value),
            None => self.0.push((name.to_owned(), Field::New(value))),
        }
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }
}

impl<'a> Document<'a> {
    /// A new file, as docker's client writes it.
    pub fn empty() -> Document<'a> {
        Document { fields: Fields(Vec::new()), indentation: TAB.to_owned(), ends_in_line_break: true }
    }

    /// Understands a file. One that is empty counts as new, as docker takes it.
    pub fn parse(path: &Path, text: &'a [u8]) -> Result<Document<'a>, Problem> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(Document::empty());
        }
        let wrong = |why| Problem::NotDockerConfig { origin: Shown::path(path), why };
        let fields: Fields = serde_json::from_slice(text).map_err(|error| wrong(error.into()))?;
        for field in ["credHelpers", "credsStore"] {
            let right = match (field, fields.get(field)) {
                (_, None | Some(Value::Null)) => true,
                ("credHelpers", Some(value)) => value.is_object(),
                (_, Some(value)) => value.is_string(),
            };
            if !right {
                return Err(wrong(ConfigFault::Field(field)));
            }
        }
        let text = std::str::from_utf8(text).unwrap_or_default();
        let second = text.lines().find(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty());
        let indentation = match second {
            Some(line) => &line[..line.len() - line.trim_start().len()],
            None if text.trim() == "{}" => TAB,
            // All in one line, or without any indentation, and so it stays.
            None => "",
        };
        Ok(Document { fields, indentation: indentation.to_owned(), ends_in_line_break: text.ends_with('\n') })
    }

    /// The file's new text.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Vec::new();
        let _ = match self.indentation.as_str() {
            "" => serde_json::to_writer(&mut text, &self.fields),
            indentation => {
                let formatter = PrettyFormatter::with_indent(indentation.as_bytes());
                self.fields.serialize(&mut Serializer::with_formatter(&mut text, formatter))
            }
        };
        if self.ends_in_line_break {
            text.push(b'\n');
        }
        Zeroizing::new(String::from_utf8(text).unwrap_or_default())
    }

    /// Names this helper for registries, and for all others with `all`. What changed, a line each.
    ///
    /// # Errors
    /// Another helper is named there, and `force` is not given. Then nothing is changed.
    pub fn add(&mut self, keys: &[String], all: bool, force: bool) -> Result<Vec<Shown>, Problem> {
        let mut changes = Vec::new();
        let mut helpers = self.helpers();
        for key in keys {
            match helpers.get(key).and_then(Value::as_str) {
                Some(HELPER) => continue,
                Some(other) if !other.is_empty() && !force => {
                    return Err(taken(other, shown!["credHelpers \"", Shown::text(key), "\""]));
                }
                Some(other) if !other.is_empty() => {
                    changes.push(change("-", Store::Registry(key.clone()), other))
                }
                _ => {}
            }
            helpers.insert(key.clone(), Value::from(HELPER));
            changes.push(change("+", Store::Registry(key.clone()), HELPER));
        }
        let store = self.store();
        if all && store != HELPER {
            if !store.is_empty() && !force {
                return Err(taken(&store, "credsStore".into()));
            }
            if !store.is_empty() {
                changes.push(change("-", Store::All, &store));
            }
            self.fields.set("credsStore", Value::from(HELPER));
            changes.push(change("+", Store::All, HELPER));
        }
        if !helpers.is_empty() && !keys.is_empty() {
            self.fields.set("credHelpers", Value::Object(helpers));
        }
        Ok(changes)
    }

    /// Takes this helper out: for the named registries, with `all` from `credsStore`, with neither everywhere. Only
    /// what names this helper is removed. What changed, a line each.
    pub fn remove(&mut self, keys: &[String], all: bool) -> Vec<Shown> {
        let mut changes = Vec::new();
        let everywhere = keys.is_empty() && !all;
        let mut helpers = self.helpers();
        helpers.retain(|key, helper| {
            let ours = helper.as_str() == Some(HELPER) && (everywhere || keys.contains(key));
            if ours {
                changes.push(change("-", Store::Registry(key.clone()), HELPER));
            }
            !ours
        });
        if !changes.is_empty() {
            match helpers.is_empty() {
                true => self.fields.remove("credHelpers"),
                false => self.fields.set("credHelpers", Value::Object(helpers)),
            };
        }
        if (all || everywhere) && self.store() == HELPER {
            self.fields.remove("credsStore");
            changes.push(change("-", Store::All, HELPER));
        }
        changes
    }

    fn helpers(&self) -> Map<String, Value> {
        self.fields.get("credHelpers").and_then(|value| value.as_object().cloned()).unwrap_or_default()
    }

    fn store(&self) -> String {
        self.fields.get("credsStore").and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

fn taken(helper: &str, place: Shown) -> Problem {
    Problem::ConfigureTaken { helper: Shown::text(helper), place }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Document<'_> {
        Document::parse(Path::new("f"), text.as_bytes()).unwrap()
    }

    fn added(text: &str, keys: &[&str], all: bool) -> String {
        let mut document = parse(text);
        document.add(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(), all, false).unwrap();
        document.to_text().to_string()
    }

    #[test]
    fn unknown_fields_order_and_indentation_stay() {
        let four = "{\n    \"x\": [\n        1\n    ],\n    \"auths\": {},\n    \"a\": null\n}";
        assert_eq!(
            added(four, &["ghcr.io"], false),
            "{\n    \"x\": [\n        1\n    ],\n    \"auths\": {},\n    \"a\": null,\n    \"credHelpers\": {\n        \"ghcr.io\": \"kubeclarity\"\n    }\n}"
        );
        assert_eq!(
            added("{\"b\":1,\"a\":2}\n", &[], true),
            "{\"b\":1,\"a\":2,\"credsStore\":\"kubeclarity\"}\n"
        );
        assert_eq!(added("{}", &[], true), "{\n\t\"credsStore\": \"kubeclarity\"\n}");
        assert_eq!(added("", &[], true), "{\n\t\"credsStore\": \"kubeclarity\"\n}\n");
        assert_eq!(
            added("{\n\t\"credsStore\": \"kubeclarity\"\n}\n", &[], true),
            "{\n\t\"credsStore\": \"kubeclarity\"\n}\n"
        );
    }

    #[test]
    fn values_stay_as_they_are_written() {
        let text = "{\n  \"a\": [1.50, 1e400,   12345678901234567890123],\n  \"b\": \"\\u0041\",\n  \"b\": {\n\t\"x\":0 }\n}\n";
        let added = added(text, &["a.io"], false);
        let kept = text.trim_end().strip_suffix("\n}").unwrap();
        assert_eq!(
            added,
            format!("{kept},\n  \"credHelpers\": {{\n    \"a.io\": \"kubeclarity\"\n  }}\n}}\n")
        );
    }

    #[test]
    fn another_helper_keeps_its_place() {
        for (text, keys, all) in [
            (r#"{"credsStore":"desktop"}"#, vec![], true),
            (r#"{"credHelpers":{"ghcr.io":"other"}}"#, vec!["ghcr.io".to_owned()], false),
        ] {
            let mut document = parse(text);
            assert!(matches!(document.add(&keys, all, false), Err(Problem::ConfigureTaken { .. })));
            assert_eq!(*document.to_text(), text);
            assert_eq!(document.add(&keys, all, true).unwrap().len(), 2);
        }
    }

    #[test]
    fn only_what_names_this_helper_is_removed() {
        let text = r#"{"credsStore":"desktop","credHelpers":{"a.io":"kubeclarity","b.io":"other","c.io":"kubeclarity"}}"#;
        let removed = |keys: &[&str], all| {
            let mut document = parse(text);
            let changes = document.remove(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(), all);
            (changes.len(), document.to_text().to_string())
        };
        assert_eq!(
            removed(&[], false),
            (2, r#"{"credsStore":"desktop","credHelpers":{"b.io":"other"}}"#.into())
        );
        assert_eq!(removed(&["a.io", "b.io"], false).0, 1);
        assert_eq!(removed(&[], true), (0, text.into()));
        let mut ours = parse(r#"{"credsStore":"kubeclarity","credHelpers":{"a.io":"kubeclarity"},"x":1}"#);
        ours.remove(&[], false);
        assert_eq!(*ours.to_text(), r#"{"x":1}"#);
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in ["[]", "{", "null", r#"{"credHelpers":[]}"#, r#"{"credsStore":5}"#] {
            assert!(Document::parse(Path::new("f"), text.as_bytes()).is_err(), "{text}");
        }
    }
}
