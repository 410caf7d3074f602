//! Text that people paste into a shell. What is not the program's own stands in quotes.

use std::fmt::{self, Display, Formatter};

use serde::{Serialize, Serializer};

use super::Shown;

/// Commands or a manifest, in one or more lines, ready to paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paste(String);

/// A part of it.
pub enum Piece<'a> {
    /// The program's own words, as they stand.
    Words(&'static str),
    /// One word of a command.
    Argument(&'a Shown),
    /// A string in YAML, inside of a here-document.
    Yaml(&'a Shown),
    /// What is YAML already, in one line.
    Line(&'a Shown),
}

impl Paste {
    /// What is made of these parts.
    pub fn of(pieces: &[Piece]) -> Paste {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Argument(argument) => text.push_str(&quoted(&argument.to_string())),
                Piece::Yaml(value) => text.push_str(&in_yaml(&value.to_string())),
                Piece::Line(line) => text.push_str(&line.to_string()),
            }
        }
        Paste(text)
    }

    /// The same with further parts behind it.
    pub fn and(self, pieces: &[Piece]) -> Paste {
        self.then(Paste::of(pieces))
    }

    /// The same with another behind it.
    pub fn then(mut self, next: Paste) -> Paste {
        self.0 += &next.0;
        self
    }

    /// The same with a word of a command behind an option, in place of one that was to be filled in.
    pub fn filled_in(self, option: &'static str, word: &'static str, with: &Shown) -> Paste {
        let (blank, filled) = (format!("{option} {word}"), format!("{option} {}", quoted(&with.to_string())));
        Paste(self.0.replace(&blank, &filled))
    }

    /// Its lines.
    pub fn lines(&self) -> impl Iterator<Item = Shown> {
        self.0.lines().map(Shown::finished)
    }
}

impl Display for Paste {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Paste {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Shown {
    /// The same as one word of a command for a shell.
    pub fn quoted(&self) -> Shown {
        Shown::finished(&quoted(&self.to_string()))
    }

    /// The same as a string in YAML.
    pub fn in_yaml(&self) -> Shown {
        Shown::finished(&in_yaml(&self.to_string()))
    }
}

/// A text as one word for a shell (POSIX, 2.2.2): in single quotes nothing means anything but the quote that ends them.
fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_./:@%+,-".contains(&b);
    match !text.is_empty() && text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// A text as a string in YAML: plain where it can be nothing else, otherwise in double quotes, as JSON has it.
fn in_yaml(text: &str) -> String {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        && !WORDS.contains(&text);
    // Words in capitals are to be filled in.
    let blank = !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    if plain || blank { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use proptest::prelude::*;

    /// What a shell makes of it.
    fn in_shell(script: &str) -> String {
        let run = Command::new("sh").args(["-c", script]).env_clear().output().unwrap();
        assert!(run.status.success(), "{script:?}: {run:?}");
        String::from_utf8(run.stdout).unwrap()
    }

    const WILD: &str = "[a-z$`\"'\\\\(){}|&;<>#*?!~=%^ \\[\\]-]{0,24}|-[a-z-]{0,8}|\\PC{0,16}|(\\$\\(|'|`|;|&&|\\\\|\"|YAML| |é){1,9}";

    #[test]
    fn what_means_nothing_stands_without_quotes() {
        for plain in
            ["regcred", "/usr/bin", "reg.example.com:5000/team/app", "a@b.iam.gserviceaccount.com", "1.2"]
        {
            assert_eq!(quoted(plain), plain);
        }
        for (text, word) in
            [("", "''"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$(id)", "'$(id)'"), ("~/x", "'~/x'")]
        {
            assert_eq!(quoted(text), word);
        }
    }

    #[test]
    fn what_yaml_would_take_for_something_else_stands_in_quotes() {
        for plain in ["scanner", "team-1", "a.b", "NAMESPACE", "SERVICE-ACCOUNT"] {
            assert_eq!(in_yaml(plain), plain);
        }
        for (text, string) in [
            ("", r#""""#),
            ("123", r#""123""#),
            ("null", r#""null""#),
            ("a: b", r#""a: b""#),
            ("a}, b", r#""a}, b""#),
            ("a\"b", r#""a\"b""#),
            ("YAML\n", "\"YAML\\n\""),
        ] {
            assert_eq!(in_yaml(text), string);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_shell_gives_back_what_was_quoted(text in WILD) {
            let shown = Shown::text(&text).to_string();
            let script = Paste::of(&[Piece::Words("printf '%s.' "), Piece::Argument(&Shown::text(&text))]);
            prop_assert_eq!(in_shell(&script.to_string()), format!("{shown}."));
        }

        #[test]
        fn a_here_document_ends_where_it_should(text in WILD) {
            let shown = Shown::text(&text);
            let script = Paste::of(&[
                Piece::Words("cat <<'YAML'\n- "),
                Piece::Yaml(&shown),
                Piece::Words("\n- "),
                Piece::Line(&shown),
                Piece::Words("\nYAML"),
            ]);
            prop_assert_eq!(in_shell(&script.to_string()), format!("- {}\n- {shown}\n", in_yaml(&shown.to_string())));
        }

        #[test]
        fn quoted_yaml_is_the_text(text in WILD) {
            let shown = Shown::text(&text).to_string();
            let string = in_yaml(&shown);
            if string.starts_with('"') {
                prop_assert_eq!(serde_json::from_str::<String>(&string).unwrap(), shown);
            } else {
                prop_assert_eq!(string, shown);
            }
        }
    }
}
