//! A string that cannot be printed. Its memory is wiped when it goes, as all memory of the program is: `main.rs` has the
//! allocator that does it.

pub mod known;

use std::sync::Arc;

/// A password, token or key. It has no `Display`, and its `Debug` shows nothing of it. [`Secret::expose`] is the only
/// way to the text: search for it to see every place that lets a secret out.
///
/// A secret is [`known`] from the moment it is made, so that no text from outside that repeats it is shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Arc<String>);

impl Secret {
    /// Takes a string over.
    pub fn new(text: String) -> Self {
        let text = Arc::new(text);
        known::remember(&text);
        Secret(text)
    }

    /// A text that holds secrets beside what is none: a credential file, `user:password`. It is not known as a secret
    /// itself, because user names and addresses in it may be shown; what is secret becomes known when it is taken out.
    pub fn mixed(text: String) -> Self {
        Secret(Arc::new(text))
    }

    /// A secret from bytes that must be UTF-8; `None` if they are not.
    pub fn from_utf8(bytes: Vec<u8>) -> Option<Self> {
        String::from_utf8(bytes).ok().map(Secret::new)
    }

    /// A secret from bytes, with U+FFFD for what is no UTF-8.
    pub fn from_text(bytes: &[u8]) -> Self {
        Secret::new(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The text itself, for the place that must have it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same secret without white space at its end (a value made by `base64` without `-n`).
    pub fn trimmed(self) -> Self {
        let kept = self.0.trim_end().len();
        if kept == self.0.len() { self } else { Secret::new(self.0[..kept].to_owned()) }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?} {:#?}", Secret::new("hunter2".into()), Some(Secret::new("hunter2".into())));
        assert!(!shown.contains("hunter2") && !shown.contains('7'), "{shown}");
    }

    #[test]
    fn trims_the_end_only() {
        assert_eq!(Secret::new(" a b\r\n".into()).trimmed().expose(), " a b");
        assert_eq!(Secret::new("ab".into()).trimmed().expose(), "ab");
    }

    #[test]
    fn bytes_that_are_no_text_are_no_secret() {
        assert_eq!(Secret::from_utf8(vec![0xff, 0xfe]), None);
        assert_eq!(Secret::from_utf8(b"ok".to_vec()), Some(Secret::new("ok".into())));
    }
}
