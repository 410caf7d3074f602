//! A string that cannot be printed and is wiped from memory when it goes.

use zeroize::Zeroizing;

/// A password, token or key. It has no `Display`, its `Debug` shows nothing of it, and its memory is
/// overwritten on drop. [`Secret::expose`] is the only way to the text: search for it to see every place
/// that lets a secret out.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a string over; the string's own memory is what gets wiped.
    pub fn new(text: String) -> Self {
        Secret(Zeroizing::new(text))
    }

    /// A secret from bytes that must be UTF-8; `None` if they are not. The bytes are wiped either way.
    pub fn from_utf8(bytes: Vec<u8>) -> Option<Self> {
        match String::from_utf8(bytes) {
            Ok(text) => Some(Secret::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                None
            }
        }
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

/// Bytes that are wiped when they go, and where they were before they grew.
pub struct Wiped(Zeroizing<Vec<u8>>);

impl Wiped {
    /// With room for so many bytes. A good guess saves growing; too large a one costs wiping what was never used.
    pub fn with_capacity(room: usize) -> Wiped {
        Wiped(Zeroizing::new(Vec::with_capacity(room)))
    }

    /// How many bytes there are.
    #[allow(clippy::len_without_is_empty)] // nobody asks
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes.
    pub fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl std::io::Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let length = self.0.len() + bytes.len();
        if length > self.0.capacity() {
            // A Vec that grows by itself leaves its old memory as it is.
            let mut larger = Zeroizing::new(Vec::with_capacity(length.max(2 * self.0.capacity())));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
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
    fn bytes_grow_without_loss() {
        use std::io::Write;
        let mut wiped = Wiped::with_capacity(1);
        let parts: Vec<String> = (0..100).map(|at| "é".repeat(at)).collect();
        parts.iter().for_each(|part| wiped.write_all(part.as_bytes()).unwrap());
        assert_eq!(*wiped.into_bytes(), parts.concat().into_bytes());
    }

    #[test]
    fn bytes_that_are_no_text_are_no_secret() {
        assert_eq!(Secret::from_utf8(vec![0xff, 0xfe]), None);
        assert_eq!(Secret::from_utf8(b"ok".to_vec()), Some(Secret::new("ok".into())));
    }
}
