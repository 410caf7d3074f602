//! The input of `store`, read as Docker's own helper library reads it: its lines joined, then decoded by Go's
//! `encoding/json` (`credentials.Store` in docker-credential-helpers).
//!
//! Go matches field names without regard to case, lets the last of several values win, leaves a field as it is for
//! `null`, replaces bytes that are not UTF-8, and stops reading after the first JSON value.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;

use super::{MOST_STDIN, NO_SERVER, NO_USERNAME, Reply};
use crate::problem::{JsonReason, Problem};
use crate::secret::Secret;
use crate::shown::Shown;

/// A login for `store`.
#[derive(Debug, Default)]
pub struct Login {
    /// The server, as the client wrote it.
    pub server: String,
    /// The user name.
    pub username: String,
    /// The password or token.
    pub secret: Secret,
}

/// Parses the input of `store`.
///
/// # Errors
/// The reply for input that is too long or not a JSON object, or that has no server or no user name.
pub fn login(stdin: &[u8]) -> Result<Login, Reply> {
    if stdin.len() > MOST_STDIN {
        return Err(Reply::problem(&Problem::LoginTooLong));
    }
    let text = text(stdin);
    // As in Go, the syntax is checked before a field is decoded. What follows the first value is not read.
    let login = IgnoredAny::deserialize(&mut serde_json::Deserializer::from_str(&text))
        .and_then(|_| Login::deserialize(&mut serde_json::Deserializer::from_str(&text)))
        .map_err(|error| refusal(&error, &text))?;
    if login.server.trim().is_empty() {
        return Err(Reply::failure(NO_SERVER));
    }
    if login.username.is_empty() {
        return Err(Reply::failure(NO_USERNAME));
    }
    Ok(login)
}

/// The parser's reason, unless it could quote a value.
fn refusal(error: &serde_json::Error, text: &str) -> Reply {
    match error.classify() {
        Category::Data if text.trim_ascii_start().starts_with('[') => {
            Reply::failure("invalid type: list, expected an object")
        }
        Category::Data => Reply::failure(Shown::text(&JsonReason::from(error).to_string())),
        _ => Reply::failure(Shown::text(&error.to_string())),
    }
}

/// The lines of the input joined without their ends, as Go's `bufio.Scanner` yields them, with U+FFFD for each byte
/// that is not UTF-8.
fn text(stdin: &[u8]) -> String {
    let mut text = String::with_capacity(stdin.len());
    for line in stdin.split(|byte| *byte == b'\n') {
        for chunk in line.strip_suffix(b"\r").unwrap_or(line).utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        }
    }
    text
}

impl<'de> Deserialize<'de> for Login {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Login, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Login;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_unit<E>(self) -> Result<Login, E> {
                Ok(Login::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Login, A::Error> {
                let mut login = Login::default();
                while let Some(Text(name)) = map.next_key()? {
                    let field = FIELDS.into_iter().find(|field| is_named(&name, field));
                    let Some(field) = field else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    let Some(Text(value)) = map.next_value::<Option<Text>>()? else { continue };
                    match field {
                        SERVER => login.server = value,
                        USERNAME => login.username = value,
                        _ => login.secret = Secret::new(value),
                    }
                }
                Ok(login)
            }
        }
        deserializer.deserialize_any(Reads)
    }
}

const SERVER: &str = "ServerURL";
const USERNAME: &str = "Username";
const FIELDS: [&str; 3] = [SERVER, USERNAME, "Secret"];

/// Whether Go takes a name for a field's: equal under Unicode's simple case folding, in which the long s is an s.
fn is_named(name: &str, field: &str) -> bool {
    let fold = |c: char| if c == '\u{17f}' { 's' } else { c.to_ascii_lowercase() };
    name.chars().map(fold).eq(field.chars().map(fold))
}

/// A JSON string in which half a surrogate pair is U+FFFD, as in Go. serde's `String` would refuse it.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        struct Reads;
        impl Visitor<'_> for Reads {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string")
            }

            // The text was valid UTF-8, so the only bytes that are not are half pairs: three each, the first 0xED.
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
                let mut text = String::with_capacity(bytes.len());
                for chunk in bytes.utf8_chunks() {
                    text.push_str(chunk.valid());
                    if chunk.invalid().starts_with(b"\xed") {
                        text.push(char::REPLACEMENT_CHARACTER);
                    }
                }
                Ok(Text(text))
            }
        }
        deserializer.deserialize_bytes(Reads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<[String; 3], String> {
        match login(text) {
            Ok(login) => Ok([login.server, login.username, login.secret.expose().to_owned()]),
            Err(reply) => Err(String::from_utf8_lossy(reply.text()).trim_end().to_owned()),
        }
    }

    #[test]
    fn a_login_with_a_value_of_the_wrong_type_is_not_quoted() {
        let line = read(br#"{"ServerURL":"s","Username":"u","Secret":["hunter2"],"x":1}"#).unwrap_err();
        assert!(!line.contains("hunter2"), "{line}");
        for text in [r#"{"ServerURL":5}"#, r#""hunter2""#, "7", "true"] {
            let line = read(text.as_bytes()).unwrap_err();
            assert!(line.starts_with("not of the expected shape at line 1"), "{text}: {line}");
        }
    }

    #[test]
    fn names_fold_as_in_go() {
        for name in ["Secret", "secret", "SECRET", "\u{17f}ecret"] {
            assert!(is_named(name, "Secret"), "{name}");
        }
        for name in ["Secret ", "Secre", "S\u{e9}cret", "", "\u{fffd}ecret"] {
            assert!(!is_named(name, "Secret"), "{name}");
        }
    }

    #[test]
    fn each_bad_byte_is_one_replacement_character() {
        let cut = read(b"{\"ServerURL\":\"s\",\"Username\":\"\xe2\x82\",\"Secret\":\"\\ud800\\ud800x\"}");
        assert_eq!(cut.unwrap(), ["s", "\u{fffd}\u{fffd}", "\u{fffd}\u{fffd}x"]);
    }

    #[test]
    fn what_serde_would_cut_off_is_as_deep_as_in_go() {
        let deep =
            format!(r#"{{"x":{}{},"ServerURL":"s","Username":"u"}}"#, "[".repeat(9000), "]".repeat(9000));
        assert_eq!(read(deep.as_bytes()).unwrap(), ["s", "u", ""]);
    }
}
