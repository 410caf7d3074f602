//! A string that cannot be printed. Its memory is wiped when it goes, as all memory of the program is: `main.rs` has the
//! allocator that does it.

/// A password, token or key. It has no `Display`, and its `Debug` shows nothing of it. [`Secret::expose`] is the only
/// way to the text: search for it to see every place that lets a secret out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a string over.
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    /// A secret from bytes that must be UTF-8; `None` if they are not.
    pub fn from_utf8(bytes: Vec<u8>) -> Option<Self> {
        String::from_utf8(bytes).ok().map(Secret)
    }

    /// A secret from bytes, with U+FFFD for what is no UTF-8.
    pub fn from_text(bytes: &[u8]) -> Self {
        Secret(String::from_utf8_lossy(bytes).into_owned())
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
