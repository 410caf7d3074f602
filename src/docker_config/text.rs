//! JSON as Go's decoder reads it, for kubelet and Docker do: bytes that are no UTF-8, and halves of surrogate pairs, are
//! replaced, so that one of them in an e-mail address does not take a whole Secret along.

use std::borrow::Cow;

/// What stands for a byte or an escape that is no character.
pub const REPLACEMENT: char = '\u{fffd}';

/// The text without a byte order mark, which some editors put in front, and with [`REPLACEMENT`] for what is no character.
pub fn readable(text: &[u8]) -> Cow<'_, str> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    // Nearly all is UTF-8, and this check takes many bytes at a time.
    let text = match std::str::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(text),
    };
    match half_surrogates(&text) {
        halves if halves.is_empty() => text,
        halves => {
            let mut whole = String::with_capacity(text.len());
            let mut from = 0;
            for at in halves {
                whole.push_str(&text[from..at]);
                whole.push_str(r"\ufffd");
                from = at + ESCAPE;
            }
            whole.push_str(&text[from..]);
            Cow::Owned(whole)
        }
    }
}

/// The length of `\ud83d`.
const ESCAPE: usize = 6;

/// Where the escapes stand that are one half of a surrogate pair (RFC 8259, section 7) without the other.
fn half_surrogates(text: &str) -> Vec<usize> {
    let mut halves = Vec::new();
    let mut from = 0;
    while let Some(backslash) = text[from..].find('\\') {
        let at = from + backslash;
        from = at + 2;
        match unit(text, at) {
            Some(0xd800..=0xdbff) if matches!(unit(text, at + ESCAPE), Some(0xdc00..=0xdfff)) => {
                from = at + 2 * ESCAPE;
            }
            Some(0xd800..=0xdfff) => {
                halves.push(at);
                from = at + ESCAPE;
            }
            Some(_) => from = at + ESCAPE,
            // Another escape; one of a character of several bytes is no JSON, and has no boundary behind it.
            None => {
                while from < text.len() && !text.is_char_boundary(from) {
                    from += 1;
                }
            }
        }
        if from >= text.len() {
            break;
        }
    }
    halves
}

/// The number of the escape `\uXXXX` at that place.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + ESCAPE)?.strip_prefix(r"\u")?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_character_is_replaced_as_in_go() {
        for (text, expected) in [
            (&b"plain \xc3\xa4 \\u00e4 \\ud83d\\ude00"[..], "plain ä \\u00e4 \\ud83d\\ude00"),
            (b"\xef\xbb\xbf{}", "{}"),
            (b"caf\xe9", "caf\u{fffd}"),
            (b"\xff\xfe{", "\u{fffd}\u{fffd}{"),
            (br"\ud83d", r"\ufffd"),
            (br"\uDE00x", r"\ufffdx"),
            (br"a\ud83d\u00e4", r"a\ufffd\u00e4"),
            (br"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
            (br"\ude00\ud83d", r"\ufffd\ufffd"),
            (br"\\ud83d \\\ud83d", r"\\ud83d \\\ufffd"),
            (br"\ud83", r"\ud83"),
            (br"\u+83d", r"\u+83d"),
            (b"\\", "\\"),
            ("\\ä\\ud83d".as_bytes(), "\\ä\\ufffd"),
        ] {
            assert_eq!(readable(text), expected, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn every_string_is_one_that_the_parser_takes(
            parts in prop::collection::vec(prop_oneof![
                r"[a-zä]|\\\\|\\n|\\u[0-9a-f]{4}|\\u[dD][89a-fA-F][0-9a-f]{2}".prop_map(String::into_bytes),
                prop::collection::vec(0x80_u8.., 1..3),
            ], 0..12)
        ) {
            let text = [b"\"", parts.concat().as_slice(), b"\""].concat();
            prop_assert!(serde_json::from_str::<String>(&readable(&text)).is_ok(), "{}", text.escape_ascii());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), text in r"(\\|\\u|[dD][89c]|[0-9a-f]|ä){0,30}") {
            let _ = (readable(&bytes), readable(text.as_bytes()));
        }
    }
}
