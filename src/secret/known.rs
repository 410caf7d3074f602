//! The secrets that this process has read, made or sent, so that text from outside that repeats one can be told: a server
//! that echoes what it was sent, a path that is a token, a user name that is the password.
//!
//! To remember one costs next to nothing. They are sorted only when the first text is shown, and forgotten before the
//! process ends, which wipes them.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// So many bytes of a secret in a row are told wherever they stand.
pub const RUN: usize = 12;
/// A secret that is shorter than a run is told where all of it stands; one shorter than this only as a word of its own,
/// and one shorter than [`LEAST`] not at all: it would be found in every text.
const WORD: usize = 8;
const LEAST: usize = 4;

/// What is remembered. A process that knows more shows no text from outside at all.
const MOST_BYTES: usize = 2 * 1024 * 1024;
const MOST_SECRETS: usize = 32 * 1024;

/// Fields of JSON that hold no secret, in credential files of clouds and in Docker's configurations. All others may.
const PUBLIC: [&str; 29] = [
    "type",
    "project_id",
    "quota_project_id",
    "private_key_id",
    "client_id",
    "client_email",
    "auth_uri",
    "token_uri",
    "token_url",
    "token_info_url",
    "revoke_url",
    "auth_provider_x509_cert_url",
    "client_x509_cert_url",
    "universe_domain",
    "audience",
    "subject_token_type",
    "service_account_impersonation_url",
    "account",
    "username",
    "user",
    "email",
    "serveraddress",
    "server",
    "registry",
    "version",
    "tenantId",
    "clientId",
    "subscriptionId",
    "expiration",
];

static KNOWN: Mutex<Known> =
    Mutex::new(Known { secrets: Vec::new(), bytes: 0, full: false, sorted: Sorted::new() });

struct Known {
    secrets: Vec<Arc<String>>,
    bytes: usize,
    full: bool,
    sorted: Sorted,
}

/// The secrets as they are looked up.
struct Sorted {
    /// Of how many secrets it is made.
    of: usize,
    /// Every run of every secret that has one.
    runs: Vec<[u8; RUN]>,
    /// The others.
    short: Vec<Vec<u8>>,
}

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers a secret.
pub(super) fn remember(secret: &Arc<String>) {
    if secret.len() < LEAST {
        return;
    }
    let mut known = known();
    if known.secrets.len() >= MOST_SECRETS || known.bytes + secret.len() > MOST_BYTES {
        known.full = true;
        return;
    }
    known.bytes += secret.len();
    known.secrets.push(secret.clone());
}

/// Remembers a secret that a library holds.
pub fn remember_text(secret: &str) {
    remember(&Arc::new(secret.to_owned()));
}

/// Remembers the password in an address, as it stands there and decoded; where there is only a user name, that: it may be
/// a token. An address without a scheme is one too, as in a proxy's variable.
pub fn remember_user_info(address: &str) {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let Some((user_info, _)) = rest.rsplit_once('@') else { return };
    let secret = user_info.split_once(':').map_or(user_info, |(_, password)| password);
    remember_text(secret);
    let decoded = View::of(secret).percent_decoded().and_then(|view| String::from_utf8(view.bytes).ok());
    if let Some(decoded) = decoded {
        remember_text(&decoded);
    }
}

/// Forgets all of them.
pub fn forget() {
    let mut known = known();
    (known.secrets, known.bytes, known.full, known.sorted) = (Vec::new(), 0, false, Sorted::new());
}

/// Where secrets stand in a text, whole or in part, and as they are, in base64, percent-encoded or escaped as in JSON.
/// `None` if more are known than can be looked for.
pub fn places(text: &str) -> Option<Vec<Range<usize>>> {
    let mut known = known();
    if known.full {
        return None;
    }
    if known.secrets.is_empty() {
        return Some(Vec::new());
    }
    if known.sorted.of < known.secrets.len() {
        known.sorted = Sorted::of(&known.secrets);
    }
    let mut places = Vec::new();
    View::of(text).search(&known.sorted, &mut places, MOST_NESTED);
    Some(places)
}

impl Sorted {
    const fn new() -> Sorted {
        Sorted { of: 0, runs: Vec::new(), short: Vec::new() }
    }

    fn of(secrets: &[Arc<String>]) -> Sorted {
        let mut sorted = Sorted { of: secrets.len(), ..Sorted::new() };
        secrets.iter().for_each(|secret| sorted.add(secret));
        sorted.runs.sort_unstable();
        sorted.runs.dedup();
        sorted.short.sort_unstable();
        sorted.short.dedup();
        sorted
    }

    fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        // A key file as a password: what is public in it may be shown.
        if let Some(json) = json_in(secret) {
            return self.add_fields(&json);
        }
        match secret.len() {
            LEAST..RUN => self.short.push(secret.as_bytes().to_vec()),
            _ => self
                .runs
                .extend(secret.as_bytes().windows(RUN).filter_map(|run| <[u8; RUN]>::try_from(run).ok())),
        }
    }

    fn add_fields(&mut self, json: &serde_json::Value) {
        match json {
            serde_json::Value::String(text) => self.add(text),
            serde_json::Value::Array(all) => all.iter().for_each(|one| self.add_fields(one)),
            serde_json::Value::Object(fields) => fields
                .iter()
                .filter(|(name, _)| !PUBLIC.contains(&name.as_str()))
                .for_each(|(_, one)| self.add_fields(one)),
            _ => {}
        }
    }

    fn has_run(&self, run: &[u8]) -> bool {
        self.runs.binary_search_by(|known| known[..].cmp(run)).is_ok()
    }

    fn has_short(&self, text: &[u8]) -> bool {
        self.short.binary_search_by(|known| known[..].cmp(text)).is_ok()
    }
}

fn json_in(secret: &str) -> Option<serde_json::Value> {
    if secret.starts_with('{') { serde_json::from_str(secret).ok() } else { None }
}

/// Encodings in encodings: a Secret holds a configuration in base64, which holds a login in base64.
const MOST_NESTED: usize = 3;

/// base64 with or without padding, of both alphabets: `-` and `_` are put in place of the others first.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A text, or what it decodes to, and of each byte where in the text it comes from.
struct View {
    bytes: Vec<u8>,
    from: Vec<Range<usize>>,
    /// Decoded from base64, where there are no words.
    packed: bool,
}

impl View {
    fn of(text: &str) -> View {
        View {
            bytes: text.as_bytes().to_vec(),
            from: (0..text.len()).map(|at| at..at + 1).collect(),
            packed: false,
        }
    }

    fn search(&self, sorted: &Sorted, places: &mut Vec<Range<usize>>, nested: usize) {
        for at in 0..self.bytes.len() {
            let rest = &self.bytes[at..];
            if rest.len() >= RUN && sorted.has_run(&rest[..RUN]) {
                self.mark(at..at + RUN, places);
            }
            for length in (LEAST..RUN).filter(|length| *length <= rest.len()) {
                if sorted.has_short(&rest[..length]) && (length >= WORD || self.is_word(at..at + length)) {
                    self.mark(at..at + length, places);
                }
            }
        }
        if nested > 0 {
            self.percent_decoded()
                .into_iter()
                .chain(self.unescaped())
                .for_each(|view| view.search(sorted, places, nested - 1));
            // What decodes to no text is a word that looks like base64, and nothing is encoded in it.
            self.unpacked(|view| {
                view.search(sorted, places, if view.bytes.is_ascii() { nested - 1 } else { 0 })
            });
        }
    }

    fn mark(&self, range: Range<usize>, places: &mut Vec<Range<usize>>) {
        let Some(from) = self.from.get(range) else { return };
        if let (Some(first), Some(last)) = (from.first(), from.last()) {
            places.push(first.start..last.end);
        }
    }

    fn is_word(&self, range: Range<usize>) -> bool {
        let is_letter = |at: Option<usize>| {
            at.and_then(|at| self.bytes.get(at)).is_some_and(|b| b.is_ascii_alphanumeric() || !b.is_ascii())
        };
        self.packed || !is_letter(range.start.checked_sub(1)) && !is_letter(Some(range.end))
    }

    /// What a decoder makes of it that takes some bytes for one. `None` if there is nothing to decode.
    fn decoded(&self, one: impl Fn(&[u8]) -> Option<(Vec<u8>, usize)>) -> Option<View> {
        let mut view = View { bytes: Vec::new(), from: Vec::new(), packed: self.packed };
        let (mut at, mut any) = (0, false);
        while at < self.bytes.len() {
            let (bytes, length) = match one(&self.bytes[at..]) {
                Some(decoded) => {
                    any = true;
                    decoded
                }
                None => (vec![self.bytes[at]], 1),
            };
            let from = self.from[at].start..self.from[at + length - 1].end;
            view.from.extend(bytes.iter().map(|_| from.clone()));
            view.bytes.extend(bytes);
            at += length;
        }
        any.then_some(view)
    }

    fn percent_decoded(&self) -> Option<View> {
        self.decoded(|bytes| match bytes {
            [b'%', high, low, ..] => Some((vec![hex(*high)? << 4 | hex(*low)?], 3)),
            _ => None,
        })
    }

    /// The escapes of JSON, and of a Rust string in the `Debug` of some error.
    fn unescaped(&self) -> Option<View> {
        self.decoded(|bytes| match bytes {
            [b'\\', b'u', digits @ ..] => {
                let (digits, length) = match digits {
                    [b'{', rest @ ..] => {
                        let end = rest.iter().take(7).position(|b| *b == b'}')?;
                        (&rest[..end], end + 4)
                    }
                    digits => (digits.get(..4)?, 6),
                };
                let code = digits
                    .iter()
                    .try_fold(0, |code: u32, digit| Some(code << 4 | u32::from(hex(*digit)?)))?;
                Some((char::from_u32(code)?.to_string().into_bytes(), length))
            }
            [b'\\', b'n', ..] => Some((vec![b'\n'], 2)),
            [b'\\', b'r', ..] => Some((vec![b'\r'], 2)),
            [b'\\', b't', ..] => Some((vec![b'\t'], 2)),
            [b'\\', b'b', ..] => Some((vec![8], 2)),
            [b'\\', b'f', ..] => Some((vec![12], 2)),
            [b'\\', escaped, ..] if escaped.is_ascii_punctuation() => Some((vec![*escaped], 2)),
            _ => None,
        })
    }

    /// Each run of base64, from each place at which a group of four could begin.
    fn unpacked(&self, mut each: impl FnMut(View)) {
        let in_alphabet = |b: &u8| b.is_ascii_alphanumeric() || b"+/-_".contains(b);
        let mut start = 0;
        for run in self.bytes.split(|b| !in_alphabet(b)) {
            for offset in (0..4).filter(|offset| run.len() >= offset + LEAST + 2) {
                let packed: Vec<u8> = run[offset..]
                    .iter()
                    .map(|b| match b {
                        b'-' => b'+',
                        b'_' => b'/',
                        b => *b,
                    })
                    .collect();
                // A last letter alone is no byte.
                let whole = if packed.len() % 4 == 1 { packed.len() - 1 } else { packed.len() };
                if let Ok(bytes) = LENIENT.decode(&packed[..whole]) {
                    let group = |at: usize| {
                        let first = start + offset + at / 3 * 4;
                        let last = (first + 3).min(start + run.len() - 1);
                        self.from[first].start..self.from[last].end
                    };
                    each(View { from: (0..bytes.len()).map(group).collect(), bytes, packed: true });
                }
            }
            start += run.len() + 1;
        }
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    /// The text with `#` for what is found in it.
    fn hidden(secrets: &[&str], text: &str) -> String {
        let secrets: Vec<Arc<String>> = secrets.iter().map(|secret| Arc::new((*secret).to_owned())).collect();
        let mut places = Vec::new();
        View::of(text).search(&Sorted::of(&secrets), &mut places, MOST_NESTED);
        let is_in = |at: usize| places.iter().any(|place| place.contains(&at));
        text.char_indices().map(|(at, c)| if is_in(at) { '#' } else { c }).collect()
    }

    const LONG: &str = "Qz7vKp2mXw9r/Tn4+Hd6s";

    #[test]
    fn a_secret_is_found_whole_and_in_part() {
        assert_eq!(hidden(&[LONG], &format!("a {LONG} b")), format!("a {} b", "#".repeat(LONG.len())));
        for start in 0..LONG.len() - RUN {
            for end in start + RUN..=LONG.len() {
                let part = &LONG[start..end];
                assert_eq!(hidden(&[LONG], &format!("x{part}y")), format!("x{}y", "#".repeat(part.len())));
            }
        }
        // Less says nothing.
        assert_eq!(hidden(&[LONG], &LONG[..RUN - 1]), &LONG[..RUN - 1]);
    }

    #[test]
    fn a_short_secret_is_found_as_a_word() {
        for (secret, text, expected) in [
            ("hunter2", "is hunter2, or", "is #######, or"),
            ("hunter2", "hunter22 xhunter2", "hunter22 xhunter2"),
            ("hunter2", "hunter2", "#######"),
            ("s3cr3t-pw", "xs3cr3t-pwx", "x#########x"),
            ("abc", "abc", "abc"),
            ("", "abc", "abc"),
        ] {
            assert_eq!(hidden(&[secret], text), expected, "{secret}");
        }
    }

    #[test]
    fn a_secret_is_found_in_every_encoding() {
        let pair = format!("scanner:{LONG}");
        let percent = |text: &str, all: bool| -> String {
            text.bytes()
                .map(|b| match b.is_ascii_alphanumeric() && !all {
                    true => char::from(b).to_string(),
                    false => format!("%{b:02X}"),
                })
                .collect()
        };
        let json = |text: &str| text.bytes().map(|b| format!("\\u{b:04x}")).collect::<String>();
        let debug =
            |text: &str| text.chars().map(|c| format!("\\u{{{:x}}}", u32::from(c))).collect::<String>();
        for form in [
            STANDARD.encode(LONG),
            STANDARD_NO_PAD.encode(LONG),
            URL_SAFE_NO_PAD.encode(LONG),
            STANDARD.encode(&pair),
            STANDARD.encode(STANDARD.encode(&pair)),
            STANDARD.encode(STANDARD.encode(format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(&pair)))),
            percent(LONG, false),
            percent(LONG, true).to_lowercase(),
            percent(&percent(LONG, false), false),
            percent(&STANDARD.encode(LONG), false),
            LONG.replace('/', "\\/"),
            json(LONG),
            debug(LONG),
        ] {
            let text = format!("said: {form}.");
            let shown = hidden(&[LONG], &text);
            let left = shown.trim_start_matches("said: ").trim_end_matches(['.', '=']);
            let first = left.find('#').unwrap_or_else(|| panic!("{form}: {shown}"));
            // A user name in front of it stays, and what pads it behind.
            let after = left[first..].chars().filter(char::is_ascii_alphanumeric).count();
            assert!(after <= 4, "{form}: {shown}");
        }
        assert_eq!(
            hidden(&["hunter2"], &format!("Basic {}", STANDARD.encode("me:hunter2"))),
            "Basic bWU6##########=="
        );
        assert_eq!(
            hidden(&["p\"w\nx3cret"], r#"{"password":"p\"w\nx3cret"}"#),
            format!("{{\"password\":\"{}\"}}", "#".repeat(12))
        );
    }

    #[test]
    fn of_a_key_file_what_is_public_may_be_shown() {
        let file = r#"{"type":"service_account","client_email":"robot@project.iam.gserviceaccount.com",
            "private_key":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqh\n-----END PRIVATE KEY-----\n",
            "token_uri":"https://oauth2.googleapis.com/token","other":["kept-to-ourselves"]}"#;
        for (text, found) in [
            ("robot@project.iam.gserviceaccount.com has no right", false),
            ("https://oauth2.googleapis.com/token does not answer", false),
            ("key MIIEvQIBADANBgkqh", true),
            ("kept-to-ourselves", true),
        ] {
            assert_eq!(hidden(&[file], text).contains('#'), found, "{text}");
        }
    }
}
