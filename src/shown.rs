//! Text from outside, made fit to be shown. Messages, the report of `explain` and the log take nothing else.
//!
//! A [`Shown`] is one line. What came from outside is bounded and has no character that steers a terminal or turns the
//! direction of a line; what the program says itself is a `&'static str`. [`shown!`] puts both together.

mod address;
mod material;
pub mod paste;
mod path;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::credential::Credential;
use crate::secret::known;

/// A [`Shown`] of its parts: words of the program, other shown texts, and numbers. A `String` is no part: what it holds is
/// from outside, and [`Shown`]'s constructors say of which kind it is.
macro_rules! shown {
    ($($part:expr),+ $(,)?) => {
        $crate::shown::Shown::of(&[$(&$part as &dyn $crate::shown::Part),+])
    };
}

/// The longest text from outside that is shown whole, in characters. Of a longer one, its start and its end.
pub const LONGEST: usize = 300;
/// What is kept of a text until it is shown, in characters: what is left out of it must not take along the sign by which
/// the rest is known as a secret.
const KEPT: usize = 4096;

/// The most texts that a list shows.
const MOST_LISTED: usize = 16;

/// What stands in a secret's place.
pub const HIDDEN: &str = "(not shown)";
/// What stands in the place of a path that is none.
const NO_PATH: &str = "(not shown: it looks like the content of a file)";
/// What stands in the place of a user name that is a token.
const TOKEN_AS_USER: &str = "(not shown: it is a token)";

/// Around each part from outside, the first around a user name. No such part holds any of them: they are control
/// characters.
const USER: char = '\u{1}';
const START: char = '\u{2}';
const END: char = '\u{3}';
const MARKS: [char; 3] = [USER, START, END];

/// A text that may be shown.
#[derive(Clone, Default)]
pub struct Shown(Cow<'static, str>);

impl Shown {
    /// A text of any kind from outside.
    pub fn text(text: &str) -> Shown {
        Shown::outside(START, text)
    }

    /// The path of a file or directory. What cannot be one is not shown: people put the content of a file into the variable
    /// that names it.
    #[allow(clippy::disallowed_methods)] // the one place that may
    pub fn path(path: &Path) -> Shown {
        match is_path(path) {
            true => Shown::text(&path.to_string_lossy()),
            false => NO_PATH.into(),
        }
    }

    /// An address: scheme, host and port, without user info, path and query.
    pub fn address(url: &http::Uri) -> Shown {
        let scheme = Shown::text(url.scheme_str().unwrap_or("https"));
        let host = Shown::text(url.host().unwrap_or_default());
        match url.port_u16() {
            Some(port) => shown![scheme, "://", host, ":", port],
            None => shown![scheme, "://", host],
        }
    }

    /// The user name of a credential; not where it is the secret, or a token: some services take one for both.
    pub fn user(credential: &Credential) -> Shown {
        // Whether it is a token otherwise is found out when it is shown: most never are.
        match credential.username == credential.secret.expose() {
            false => Shown::outside(USER, &credential.username),
            true => TOKEN_AS_USER.into(),
        }
    }

    fn outside(mark: char, text: &str) -> Shown {
        let mut shown = String::with_capacity(text.len().min(4 * KEPT) + 2);
        shown.push(mark);
        clean_into(&mut shown, text);
        shown.push(END);
        Shown(Cow::Owned(shown))
    }

    /// A program: a path, or a word that is looked up in `PATH`.
    pub fn program(command: &str) -> Shown {
        if command.contains('/') { Shown::path(Path::new(command)) } else { Shown::text(command) }
    }

    /// An argument, with U+FFFD for what is no text.
    #[allow(clippy::disallowed_methods)] // as above
    pub fn argument(argument: &OsStr) -> Shown {
        Shown::text(&argument.to_string_lossy())
    }

    /// A time in milliseconds, with a tenth.
    pub fn milliseconds(time: Duration) -> Shown {
        Shown::finished(&format!("{:.1} ms", time.as_secs_f64() * 1e3))
    }

    /// A text that is fit to be shown already, as it stands.
    fn finished(text: &str) -> Shown {
        Shown(Cow::Owned(text.to_owned()))
    }

    /// Several parts as one text; see [`shown!`].
    pub fn of(parts: &[&dyn Part]) -> Shown {
        let mut shown = String::new();
        parts.iter().for_each(|part| part.add(&mut shown));
        Shown(Cow::Owned(shown))
    }

    /// Texts with a separator between them.
    pub fn joined(parts: impl IntoIterator<Item = Shown>, separator: &'static str) -> Shown {
        let mut shown = String::new();
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                shown.push_str(separator);
            }
            part.add(&mut shown);
        }
        Shown(Cow::Owned(shown))
    }

    /// Texts with commas between them: the first few, and how many more there are.
    pub fn list(parts: impl ExactSizeIterator<Item = Shown>) -> Shown {
        let more = parts.len().saturating_sub(MOST_LISTED);
        let listed = Shown::joined(parts.take(MOST_LISTED), ", ");
        if more == 0 { listed } else { shown![listed, " and ", more, " more"] }
    }

    /// Whether it begins with another text.
    pub fn starts_with(&self, beginning: &Shown) -> bool {
        self.bare().starts_with(&beginning.bare())
    }

    /// Whether some words stand in it.
    pub fn contains(&self, words: &str) -> bool {
        self.bare().contains(words)
    }

    fn bare(&self) -> String {
        self.letters().collect()
    }

    fn letters(&self) -> impl Iterator<Item = char> {
        self.0.chars().filter(|c| !MARKS.contains(c))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.letters().next().is_none()
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut rest: &str = &self.0;
        while let Some(at) = rest.find([USER, START]) {
            let is_user = rest[at..].starts_with(USER);
            let (outside, after) = rest[at + 1..].split_once(END).unwrap_or((&rest[at + 1..], ""));
            f.write_str(&rest[..at])?;
            match is_user && is_token_as_user(outside) {
                true => f.write_str(TOKEN_AS_USER)?,
                false => f.write_str(&shortened(&without_secrets(outside), LONGEST))?,
            }
            rest = after;
        }
        f.write_str(rest)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The program's own words.
impl From<&'static str> for Shown {
    fn from(words: &'static str) -> Shown {
        Shown(Cow::Borrowed(words))
    }
}

impl From<&Shown> for Shown {
    fn from(shown: &Shown) -> Shown {
        shown.clone()
    }
}

/// Equal is what reads the same, whoever said which part of it.
impl PartialEq for Shown {
    fn eq(&self, other: &Shown) -> bool {
        self.letters().eq(other.letters())
    }
}

impl Eq for Shown {}

impl PartialEq<str> for Shown {
    fn eq(&self, other: &str) -> bool {
        self.letters().eq(other.chars())
    }
}

impl PartialEq<&str> for Shown {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

pub use address::{is_address, is_address_path};
pub use path::is_path;

/// Whether the user name of a credential must be kept like a secret.
pub fn has_token_as_user(credential: &Credential) -> bool {
    credential.username == credential.secret.expose() || is_token_as_user(&credential.username)
}

fn is_token_as_user(user: &str) -> bool {
    material::is_token_as_user(user) || known::places(user).is_none_or(|places| !places.is_empty())
}

/// What a [`Shown`] can be made of.
pub trait Part: sealed::Sealed {
    /// Adds itself to a text.
    fn add(&self, to: &mut String);
}

pub(crate) mod sealed {
    /// Types whose `Display` is fit to be shown. This crate alone adds to them.
    pub trait Sealed {}
}

impl sealed::Sealed for &'static str {}
impl Part for &'static str {
    fn add(&self, to: &mut String) {
        to.push_str(self);
    }
}

impl sealed::Sealed for Shown {}
impl Part for Shown {
    fn add(&self, to: &mut String) {
        to.push_str(&self.0);
    }
}

macro_rules! by_its_display {
    ($($kind:ty)*) => {$(
        impl sealed::Sealed for $kind {}
        impl Part for $kind {
            fn add(&self, to: &mut String) {
                to.push_str(&self.to_string());
            }
        }
    )*};
}

// Numbers, and words out of a fixed list.
by_its_display! { u8 u16 u32 u64 usize http::StatusCode }

impl<T: Part> sealed::Sealed for &T {}
impl<T: Part> Part for &T {
    fn add(&self, to: &mut String) {
        (**self).add(to);
    }
}

/// A text without what is known as a secret, or plainly is one.
fn without_secrets(text: &str) -> Cow<'_, str> {
    let Some(mut places) = known::places(text) else { return Cow::Borrowed(HIDDEN) };
    places.extend(material::places(text));
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    places.sort_unstable_by_key(|place| (place.start, place.end));
    let (mut shown, mut at) = (String::with_capacity(text.len()), 0);
    for place in places {
        // A part of a secret may begin inside of a character.
        let (start, end) = (text.floor_char_boundary(place.start), text.ceil_char_boundary(place.end));
        if start > at || shown.is_empty() {
            shown.push_str(&text[at.min(start)..start]);
            shown.push_str(HIDDEN);
        }
        at = at.max(end);
    }
    shown.push_str(&text[at..]);
    Cow::Owned(shown)
}

/// An error and its causes, in its own words. `Display` only: `Debug` of a request shows its secrets.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    parts.join(": ")
}

/// Adds a text, a blank in place of what steers a terminal, and no more than is kept.
fn clean_into(to: &mut String, text: &str) {
    // Nearly every text is so, and a quick answer has some that nobody will see.
    if text.len() <= KEPT && text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return to.push_str(text);
    }
    let mut steered = false;
    for c in shortened(text, KEPT).chars() {
        match (steers(c), steered) {
            (false, _) => to.push(c),
            (true, false) => to.push(' '),
            (true, true) => {}
        }
        steered = steers(c);
    }
}

/// A text of at most so many characters: of a longer one its start and its end.
fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most || text.chars().nth(most).is_none() {
        return Cow::Borrowed(text);
    }
    let (head, tail) = (most * 3 / 4, most / 4 - 3);
    let head: String = text.chars().take(head).collect();
    let from = text.char_indices().rev().nth(tail - 1).map_or(0, |(at, _)| at);
    Cow::Owned(format!("{head}...{}", &text[from..]))
}

/// Whether a character moves a cursor, colours a terminal, turns the direction of a line, ends it, or cannot be seen:
/// control and format characters (Unicode's Cc, Cf, Zl and Zp) and the blanks that look like none.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
            | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_cannot_steer_the_terminal() {
        let text = Shown::text("a\x1b[2Jb\nc\u{9b}d\u{202e}e\u{61c}f\u{2028}g\u{e0041}h");
        assert_eq!(text.to_string(), "a [2Jb c d e f g h");
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, expected) in [
            ("https://admin:hunter2@10.0.0.1:6443/", "https://10.0.0.1:6443"),
            ("https://[fd00::1]/x", "https://[fd00::1]"),
        ] {
            assert_eq!(Shown::address(&url.parse().unwrap()), expected);
        }
    }

    #[test]
    fn a_long_text_is_its_start_and_its_end() {
        let long = format!("begin{}end", "x".repeat(1 << 20));
        let shown = Shown::text(&long).to_string();
        assert!(shown.chars().count() <= LONGEST, "{}", shown.len());
        assert!(shown.starts_with("begin") && shown.ends_with("end") && shown.contains("..."));
    }

    #[test]
    fn words_numbers_and_texts_are_put_together() {
        let name = Shown::text("team");
        let all = shown!["secret ", name, "/x has ", 3_usize, " keys"];
        assert_eq!(all.to_string(), "secret team/x has 3 keys");
        assert_eq!(all, "secret team/x has 3 keys");
        assert_eq!(Shown::joined([name.clone(), name], ", "), "team, team");
    }
}
