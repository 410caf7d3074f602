//! A `config.json` or `auth.json` that is being changed: everything else in it keeps its value, order and indentation.

use std::path::Path;

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value};

use super::{HELPER, change};
use crate::docker_config::json_reason;
use crate::problem::Problem;

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
pub(super) struct Document {
    fields: Map<String, Value>,
    indentation: String,
    ends_in_line_break: bool,
}

impl Document {
    /// A new file, as docker's client writes it.
    pub fn empty() -> Document {
        Document { fields: Map::new(), indentation: TAB.to_owned(), ends_in_line_break: true }
    }

    /// Understands a file. One that is empty counts as new, as docker takes it.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Document, Problem> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(Document::empty());
        }
        let fields: Map<String, Value> = serde_json::from_slice(text).map_err(|error| {
            Problem::NotDockerConfig { origin: path.display().to_string(), why: json_reason(&error) }
        })?;
        for field in ["credHelpers", "credsStore"] {
            let right = match (field, fields.get(field)) {
                (_, None | Some(Value::Null)) => true,
                ("credHelpers", Some(value)) => value.is_object(),
                (_, Some(value)) => value.is_string(),
            };
            if !right {
                let why = format!("its {field} is of the wrong type");
                return Err(Problem::NotDockerConfig { origin: path.display().to_string(), why });
            }
        }
        let text = String::from_utf8_lossy(text);
        let second = text.lines().find(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty());
        let indentation = match second {
            Some(line) => line[..line.len() - line.trim_start().len()].to_owned(),
            None if text.trim().contains('\n') => String::new(),
            None if text.trim() == "{}" => TAB.to_owned(),
            // All in one line, and so it stays.
            None => {
                return Ok(Document {
                    fields,
                    indentation: String::new(),
                    ends_in_line_break: text.ends_with('\n'),
                });
            }
        };
        Ok(Document { fields, indentation, ends_in_line_break: text.ends_with('\n') })
    }

    /// The file's new text.
    pub fn to_text(&self) -> String {
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
        String::from_utf8(text).unwrap_or_default()
    }

    /// Names this helper for registries, and for all others with `all`. What changed, a line each.
    ///
    /// # Errors
    /// Another helper is named there, and `force` is not given. Then nothing is changed.
    pub fn add(&mut self, keys: &[String], all: bool, force: bool) -> Result<Vec<String>, Problem> {
        let mut changes = Vec::new();
        let mut helpers = self.helpers();
        for key in keys {
            match helpers.get(key).and_then(Value::as_str) {
                Some(HELPER) => continue,
                Some(other) if !other.is_empty() && !force => {
                    return Err(taken(other, format!("credHelpers {key:?}")));
                }
                Some(other) if !other.is_empty() => {
                    changes.push(change('-', Store::Registry(key.clone()), other))
                }
                _ => {}
            }
            helpers.insert(key.clone(), Value::from(HELPER));
            changes.push(change('+', Store::Registry(key.clone()), HELPER));
        }
        let store = self.fields.get("credsStore").and_then(Value::as_str).unwrap_or_default().to_owned();
        if all && store != HELPER {
            if !store.is_empty() && !force {
                return Err(taken(&store, "credsStore".to_owned()));
            }
            if !store.is_empty() {
                changes.push(change('-', Store::All, &store));
            }
            self.fields.insert("credsStore".to_owned(), Value::from(HELPER));
            changes.push(change('+', Store::All, HELPER));
        }
        if !helpers.is_empty() {
            self.fields.insert("credHelpers".to_owned(), Value::Object(helpers));
        }
        Ok(changes)
    }

    /// Takes this helper out: for the named registries, with `all` from `credsStore`, with neither everywhere. Only
    /// what names this helper is removed. What changed, a line each.
    pub fn remove(&mut self, keys: &[String], all: bool) -> Vec<String> {
        let mut changes = Vec::new();
        let everywhere = keys.is_empty() && !all;
        let mut helpers = self.helpers();
        helpers.retain(|key, helper| {
            let ours = helper.as_str() == Some(HELPER) && (everywhere || keys.contains(key));
            if ours {
                changes.push(change('-', Store::Registry(key.clone()), HELPER));
            }
            !ours
        });
        if !changes.is_empty() {
            match helpers.is_empty() {
                true => self.fields.shift_remove("credHelpers"),
                false => self.fields.insert("credHelpers".to_owned(), Value::Object(helpers)),
            };
        }
        if (all || everywhere) && self.fields.get("credsStore").and_then(Value::as_str) == Some(HELPER) {
            self.fields.shift_remove("credsStore");
            changes.push(change('-', Store::All, HELPER));
        }
        changes
    }

    fn helpers(&self) -> Map<String, Value> {
        self.fields.get("credHelpers").and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

fn taken(helper: &str, place: String) -> Problem {
    Problem::ConfigureTaken { helper: helper.to_owned(), place }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Document {
        Document::parse(Path::new("f"), text.as_bytes()).unwrap()
    }

    fn added(text: &str, keys: &[&str], all: bool) -> String {
        let mut document = parse(text);
        document.add(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(), all, false).unwrap();
        document.to_text()
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
    fn another_helper_keeps_its_place() {
        for (text, keys, all) in [
            (r#"{"credsStore":"desktop"}"#, vec![], true),
            (r#"{"credHelpers":{"ghcr.io":"other"}}"#, vec!["ghcr.io".to_owned()], false),
        ] {
            let mut document = parse(text);
            assert!(matches!(document.add(&keys, all, false), Err(Problem::ConfigureTaken { .. })));
            assert_eq!(document.to_text(), text);
            assert_eq!(document.add(&keys, all, true).unwrap().len(), 2);
        }
    }

    #[test]
    fn only_what_names_this_helper_is_removed() {
        let text = r#"{"credsStore":"desktop","credHelpers":{"a.io":"kubeclarity","b.io":"other","c.io":"kubeclarity"}}"#;
        let removed = |keys: &[&str], all| {
            let mut document = parse(text);
            let changes = document.remove(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(), all);
            (changes.len(), document.to_text())
        };
        assert_eq!(
            removed(&[], false),
            (2, r#"{"credsStore":"desktop","credHelpers":{"b.io":"other"}}"#.into())
        );
        assert_eq!(removed(&["a.io", "b.io"], false).0, 1);
        assert_eq!(removed(&[], true), (0, text.into()));
        let mut ours = parse(r#"{"credsStore":"kubeclarity","credHelpers":{"a.io":"kubeclarity"},"x":1}"#);
        ours.remove(&[], false);
        assert_eq!(ours.to_text(), r#"{"x":1}"#);
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in ["[]", "{", "null", r#"{"credHelpers":[]}"#, r#"{"credsStore":5}"#] {
            assert!(Document::parse(Path::new("f"), text.as_bytes()).is_err(), "{text}");
        }
    }
}
