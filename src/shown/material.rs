//! What is plainly a key, token or password whatever its source: PEM blocks, JWTs and other JSON in base64, tokens with a
//! known beginning, values beside a name such as `password`, user info in addresses, and long runs that look random.

use std::ops::Range;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// How tokens of well-known services begin.
const PREFIXES: [&str; 24] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glcbt-",
    "glrt-",
    "dckr_pat_",
    "dckr_oat_",
    "dop_v1_",
    "doo_v1_",
    "dor_v1_",
    "npm_",
    "pypi-",
    "xoxb-",
    "xoxp-",
    "ya29.",
    "1//0",
    "hvs.",
    "shpat_",
    "sq0",
];
/// So many characters of a token stand behind its beginning, at the least.
const LEAST_TOKEN: usize = 10;

/// Names beside which a secret stands, as `name=value`, `name: value` or in JSON.
const NAMES: [&str; 22] = [
    "password",
    "passwd",
    "private_key",
    "privatekey",
    "client_secret",
    "clientsecret",
    "client_assertion",
    "client-key-data",
    "refresh_token",
    "refreshtoken",
    "access_token",
    "accesstoken",
    "id_token",
    "identitytoken",
    "registrytoken",
    "subject_token",
    "secret_access_key",
    "secretaccesskey",
    "session_token",
    "sessiontoken",
    "security-token",
    "\"auth\"",
];

/// The same where only what looks like one is a secret: servers say "token: expired".
const MAY_BE: [&str; 4] = ["token", "auth", "apikey", "api_key"];

/// Words before the credentials of an `Authorization` header.
const SCHEMES: [&str; 2] = ["basic ", "bearer "];

/// A run that is shorter is a word.
const LEAST_RUN: usize = 24;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Where it stands in a text.
pub(super) fn places(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    pem(text, &mut places);
    // Names are ASCII: lower-case letters stand where the others stood.
    let lower = text.to_ascii_lowercase();
    named(text, &lower, &mut places);
    user_info(text, &mut places);
    for run in runs(text) {
        if is_token(&text[run.clone()]) {
            places.push(run);
        }
    }
    places
}

/// Whether a user name is a token: plainly one, or nothing but hexadecimal digits, as some services' tokens are.
pub(super) fn is_token_as_user(user: &str) -> bool {
    let hex = user.len() >= 32 && user.bytes().all(|b| b.is_ascii_hexdigit());
    hex || !places(user).is_empty()
}

/// From a block's first line to the end of its last, or of the text: it may be cut.
fn pem(text: &str, places: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(begin) = text[from..].find("-----BEGIN").map(|at| from + at) {
        let inside = begin + "-----BEGIN".len();
        let end = text[inside..].find("-----END").map(|at| inside + at + "-----END".len());
        let end = end.map(|end| text[end..].find("-----").map_or(text.len(), |at| end + at + 5));
        from = end.unwrap_or(text.len());
        places.push(begin..from);
    }
}

fn named(text: &str, lower: &str, places: &mut Vec<Range<usize>>) {
    for name in NAMES {
        for (at, _) in lower.match_indices(name) {
            let rest = &text[at + name.len()..];
            let after = rest.trim_start_matches(['"', '\'', '\\', ' ']);
            if let Some(value) = after.strip_prefix([':', '=']) {
                places.extend(value_at(text, text.len() - value.len()));
            }
        }
    }
    for name in MAY_BE {
        for (at, _) in lower.match_indices(name) {
            let after = text[at + name.len()..].trim_start_matches(['"', '\'', '\\', ' ']);
            if let Some(value) = after.strip_prefix([':', '='])
                && let Some(place) = value_at(text, text.len() - value.len())
                && place.len() >= 12
                && text[place.clone()].bytes().any(|b| b.is_ascii_digit())
            {
                places.push(place);
            }
        }
    }
    for scheme in SCHEMES {
        for (at, _) in lower.match_indices(scheme) {
            let value = at + scheme.len();
            let end = text[value..].find(|c: char| !in_run(c)).map_or(text.len(), |at| value + at);
            // A word that follows is a word: "bearer token", "basic auth".
            let looks = text[value..end].chars().any(|c| !c.is_ascii_lowercase()) && end - value >= 6;
            if looks {
                places.push(value..end);
            }
        }
    }
}

/// The value that begins there: up to its closing quote, or a word.
fn value_at(text: &str, at: usize) -> Option<Range<usize>> {
    let start = at + text[at..].len() - text[at..].trim_start_matches([' ', '\\']).len();
    let value = &text[start..];
    let length = match value.chars().next()? {
        quote @ ('"' | '\'') => {
            let inside = &value[1..];
            let mut escaped = false;
            let end = inside.char_indices().find(|(_, c)| {
                let ends = *c == quote && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            let end = end.map_or(inside.len(), |(at, _)| at);
            return (end > 0).then(|| start + 1..start + 1 + end);
        }
        _ => value.find([' ', ',', ';', '&', '"', '\'', '}', ')']).unwrap_or(value.len()),
    };
    (length > 0).then(|| start..start + length)
}

/// `user:password@` in an address; without a scheme only where a port follows, as in a proxy's: an image has a tag and `@`.
fn user_info(text: &str, places: &mut Vec<Range<usize>>) {
    let is_end = |c: char| {
        c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '<' | '>' | '(' | ')' | ',' | '?' | '#')
    };
    for (at, _) in text.match_indices('@') {
        let start = text[..at]
            .rfind(is_end)
            .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
        if start == at {
            continue;
        }
        let host = &text[at + 1..];
        let host = &host[..host.find(is_end).unwrap_or(host.len())];
        let has_port = host.rsplit_once(':').is_some_and(|(name, port)| {
            !name.is_empty()
                && !name.contains('@')
                && !port.is_empty()
                && port.bytes().all(|b| b.is_ascii_digit())
        });
        let digest =
            host.split_once(':').is_some_and(|(kind, hex)| kind.starts_with("sha") && hex.len() >= 32);
        let in_url = text[..start].ends_with("://");
        if in_url || text[start..at].contains(':') && has_port && !digest {
            places.push(start..at);
        }
    }
    // A password with a slash in it: what looks like a port is none.
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        let word = &text[start..];
        let word = &word[..word.find(char::is_whitespace).unwrap_or(word.len())];
        let authority = word.split(['/', '?', '#']).next().unwrap_or_default();
        let port = authority.rsplit_once(':').map(|(_, port)| port).unwrap_or_default();
        if let Some(end) = word.rfind('@').filter(|_| port.bytes().any(|b| !b.is_ascii_digit())) {
            places.push(start..start + end);
        }
    }
}

/// Whether a character stands in tokens.
fn in_run(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=-_.~%".contains(c)
}

/// The pieces of a text that have only such characters.
fn runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    text.split(|c| !in_run(c)).map(move |run| {
        let start = at;
        // What splits is one character, of any length.
        at += run.len() + text[at + run.len()..].chars().next().map_or(0, char::len_utf8);
        start..start + run.len()
    })
}

fn is_token(run: &str) -> bool {
    let begins = |prefix: &&str| {
        run.find(*prefix).is_some_and(|at| {
            let before = run[..at].chars().next_back();
            before.is_none_or(|c| !c.is_ascii_alphanumeric()) && run.len() >= at + prefix.len() + LEAST_TOKEN
        })
    };
    PREFIXES.iter().any(begins) || is_encoded_text(run) || looks_random(run)
}

/// Whether it is base64 of a text: JSON (a JWT's parts, a key file), PEM, or a password of some length.
fn is_encoded_text(run: &str) -> bool {
    // Parts of a JWT, and of a path.
    run.split(['.', '%', '~', '=']).any(|part| {
        let whole = part.trim_matches('/');
        part.len() >= LEAST_RUN && [part, whole].into_iter().any(is_text_in_base64)
            || part.starts_with("eyJ") && part.len() >= 16
    })
}

/// Whether all of it is base64 of a text, however short.
pub(super) fn is_encoded(part: &str) -> bool {
    let part = part.trim_end_matches('=');
    part.len() >= 12
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b))
        && is_text_in_base64(part)
}

fn is_text_in_base64(part: &str) -> bool {
    let packed: Vec<u8> = part
        .bytes()
        .map(|b| match b {
            b'-' => b'+',
            b'_' => b'/',
            b => b,
        })
        .collect();
    let whole = if packed.len() % 4 == 1 { packed.len() - 1 } else { packed.len() };
    let Ok(bytes) = LENIENT.decode(&packed[..whole]) else { return false };
    bytes.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace())
}

/// Whether upper case, lower case and digits change places as often as by chance. Words in camel case, names and paths
/// change less often, and digests have no upper case.
fn looks_random(run: &str) -> bool {
    // A dot or a dash ends a name as it ends a word. In base64 there are slashes, in its other alphabet dashes.
    let longest = |ends: &[char]| run.split(ends).max_by_key(|part| part.len()).unwrap_or_default();
    let dashes: String =
        longest(&['.', '/', '=', '~', '%']).chars().filter(|c| !matches!(c, '-' | '_')).collect();
    [longest(&['.', '-', '_', '=', '~', '%']), &dashes].into_iter().any(|part| {
        let has = |class: fn(&u8) -> bool| part.bytes().any(|b| class(&b));
        let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
        if part.len() < LEAST_RUN || !mixed {
            return false;
        }
        let class = |b: u8| match b {
            b'a'..=b'z' => 0,
            b'A'..=b'Z' => 1,
            b'0'..=b'9' => 2,
            _ => 3,
        };
        let changes = part.as_bytes().windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count();
        // By chance it is five of eight.
        let needed = if part.len() < 32 { 50 } else { 40 };
        changes * 100 >= needed * (part.len() - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    fn is_shown(text: &str) -> bool {
        places(text).is_empty()
    }

    #[test]
    fn keys_and_tokens_are_found() {
        let json = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        for text in [
            "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
            "x -----BEGIN RSA PRIVATE KEY----- MIIE",
            &format!("the token {json}.{json}.c2ln"),
            &format!("{json}."),
            &STANDARD.encode("{\n  \"auths\": {}\n}\n {}"),
            &STANDARD.encode("-----BEGIN CERTIFICATE-----"),
            &STANDARD.encode("apiVersion: v1\nkind: Config\n"),
            &STANDARD.encode("correct horse battery staple"),
            "ghp_Jc2sVh7qPd4gTo9zMa6x",
            "said glpat-abcdefghij0123456789",
            "dop_v1_0123456789abcdef",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "Bearer abcDEF123",
            "Authorization: Basic bWU6aHVudGVyMg==",
            "password=hunter2",
            "\"password\": \"hun\\\"ter2\"",
            "client_secret=hunter2&x",
            r#"{"private_key":"x"}"#,
            r#"{"auth":"bWU6cA=="}"#,
            "  user:     token: Zq9wMark7tRv2xLb4nKd8",
            "http://host/?token=Zq9wMark7tRv2xLb4nKd8",
            "https://me:hunter2@proxy.example.com/x",
            "socks5://me:hunter2@127.0.0.1:1080",
            "http://token@host/",
            "me:hunter2@127.0.0.1:3128",
            "me:h@nter2@proxy.example.com:3128",
            "http://me:hun/ter2@proxy.example.com:3128",
            "http://me:hun#ter2@proxy.example.com",
        ] {
            assert!(!is_shown(text), "{text}");
        }
    }

    #[test]
    fn names_digests_and_words_are_none() {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for text in [
            digest,
            &format!("registry.example.com:5000/team/app:1.2@sha256:{digest}"),
            "alpine:3.20@sha256:0123456789abcdef0123456789abcdef",
            "/var/lib/kubelet/pods/0f4b3c1e-5f0a-4d41-9a33-6a5f5d0c7a1b/volumes/kubernetes.io~projected/token",
            "arn:aws:iam::123456789012:role/AmazonEC2ContainerRegistryReadOnly",
            "/srv/user/Projects/MyApplication2/configuration/Credentials3/file",
            "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            "00000000-0000-0000-0000-000000000000",
            "A1B2C3D4-E5F6-4711-8888-ABCDEFABCDEF",
            "AADSTS7000215: Invalid client secret provided. Trace ID: 6e8a5c80-2f4c-4b1e-9f1b-1d2c3b4a5f00",
            "serviceAccount:robot@project.iam.gserviceaccount.com",
            "system:serviceaccount:jobs:scanner",
            "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
            "has no client_secret, which its type authorized_user needs",
            "no basic auth credentials",
            "a bearer token",
            "invalid token: expired",
            "token: eyJ",
            "UnrecognizedClientException: The security token included in the request is invalid.",
            "credentials not found in native keychain",
            "/tmp/.tmpXa3dE5/config.json",
            "image@host and user@example.com",
        ] {
            assert!(
                is_shown(text),
                "{text}: {:?}",
                places(text).into_iter().map(|place| &text[place]).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn only_what_is_secret_is_found() {
        for (text, found) in [
            ("say password=hunter2, please", "hunter2"),
            ("\"password\":\"a b\",", "a b"),
            ("to http://me:pw@host:1 and on", "me:pw"),
            ("a ghp_Jc2sVh7qPd4gTo9zMa6x b", "ghp_Jc2sVh7qPd4gTo9zMa6x"),
        ] {
            let places = places(text);
            assert_eq!(places.into_iter().map(|place| &text[place]).collect::<Vec<_>>(), [found], "{text}");
        }
    }

    proptest! {
        #[test]
        fn places_are_in_the_text(text in "\\PC{0,60}|([a-zA-Z0-9:@/=\"' .-]|password|-----BEGIN|-----END|é){0,40}") {
            for place in places(&text) {
                prop_assert!(text.get(place.clone()).is_some(), "{text}: {place:?}");
            }
        }

        #[test]
        fn names_of_objects_are_never_found(name in "[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?") {
            prop_assume!(!PREFIXES.iter().any(|prefix| name.contains(prefix)));
            prop_assert!(places(&name).is_empty(), "{name}");
        }
    }

    /// How many of a thousand random keys are found: not all, by chance some look like words.
    #[test]
    fn random_keys_are_found() {
        let digest = |n: u32| ring::digest::digest(&ring::digest::SHA512, &n.to_be_bytes());
        for encode in [|bytes: &[u8]| STANDARD.encode(bytes), |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes)] {
            let found = (0..1000).filter(|n| !is_shown(&encode(&digest(*n).as_ref()[..30]))).count();
            assert!(found > 970, "{found}");
        }
    }
}
