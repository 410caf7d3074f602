//! A credential for a registry, and what is known of its life.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The user name that marks the secret as an OAuth2 refresh token (docker's `IdentityToken`).
pub const IDENTITY_TOKEN_USER: &str = "<token>";

/// base64 as Go's decoders take it: with padding or without, whatever the bits at its end hold that no byte needs.
pub const GO_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What opens a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user name; [`IDENTITY_TOKEN_USER`] for an identity token. Never empty.
    pub username: String,
    /// The password or token. Never empty.
    pub secret: Secret,
    /// When it stops working, as far as is known.
    pub expires: Option<SystemTime>,
}

impl Credential {
    /// A user name and password, and the end of its life if the password tells it: a JWT does, and one of Amazon ECR.
    pub fn new(username: String, secret: Secret) -> Self {
        let text = secret.expose().trim_ascii();
        let expires = jwt_expiry(text).or_else(|| ecr_expiry(text));
        Credential { username, secret, expires }
    }

    /// An identity token, to be exchanged by the client at the registry.
    pub fn identity_token(token: Secret) -> Self {
        Credential::new(IDENTITY_TOKEN_USER.to_owned(), token)
    }

    /// Whether it is known to be over at that time.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The `exp` claim (RFC 7519, section 4.1.4) of a JWT; `None` if the text is no JWT or says nothing. The
/// signature is not checked: the claim only decides whether the token is worth sending.
pub fn jwt_expiry(token: &str) -> Option<SystemTime> {
    #[derive(Deserialize)]
    struct Expiry {
        exp: f64,
    }
    date(jwt_claims::<Expiry>(token)?.exp)
}

/// The `expiration` of a password of Amazon ECR, as `aws ecr get-login-password` prints it: base64 of a JSON object, with the
/// end of its twelve hours in seconds since 1970. AWS does not document that form; what has another one says nothing.
fn ecr_expiry(password: &str) -> Option<SystemTime> {
    #[derive(Deserialize)]
    struct Expiry {
        expiration: f64,
    }
    // `{` and a quote or a blank, `{` and a line break: the quick way out for other passwords.
    if !password.starts_with("ey") && !password.starts_with("ew") {
        return None;
    }
    let object = Zeroizing::new(GO_BASE64.decode(password).ok()?);
    date(serde_json::from_slice::<Expiry>(&object).ok()?.expiration)
}

/// A number of seconds since 1970; one beyond year 9999 is no date.
fn date(seconds: f64) -> Option<SystemTime> {
    (0.0..253_402_300_800.0).contains(&seconds).then(|| UNIX_EPOCH + Duration::from_secs(seconds as u64))
}

/// Who a JWT speaks for: its `iss` and `sub`, which stay the same when the token is renewed.
pub fn jwt_identity(token: &str) -> Option<(String, String)> {
    let Subject { iss, sub } = jwt_claims(token)?;
    Some((iss, sub))
}

/// The same of a token as it stands in a file.
pub fn jwt_identity_in(file: &[u8]) -> Option<(String, String)> {
    jwt_identity(std::str::from_utf8(file).ok()?.trim())
}

/// The `aud` claim of a JWT (RFC 7519, section 4.1.3): one text or a list; empty if there is none.
pub fn jwt_audiences(token: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Audience {
        aud: OneOrMore,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    match jwt_claims::<Audience>(token).map(|claims| claims.aud) {
        None => Vec::new(),
        Some(OneOrMore::One(one)) => vec![one],
        Some(OneOrMore::More(more)) => more,
    }
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    iss: String,
    sub: String,
}

fn jwt_claims<T: for<'de> Deserialize<'de>>(token: &str) -> Option<T> {
    // Every JWT's header begins with `{"`, in base64url `eyJ`: the quick way out for passwords.
    if !token.starts_with("eyJ") {
        return None;
    }
    let mut parts = token.split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?);
    serde_json::from_slice(&claims).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn jwt(claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn expiry_is_the_exp_claim() {
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(jwt_expiry(&jwt(r#"{"exp":1700000000}"#)), at(1_700_000_000));
        assert_eq!(jwt_expiry(&jwt(r#"{"exp":1700000000.9,"sub":"x"}"#)), at(1_700_000_000));
        for none in
            [jwt("{}"), jwt(r#"{"exp":"1"}"#), jwt(r#"{"exp":-1}"#), jwt(r#"{"exp":1e300}"#), jwt("[]")]
        {
            assert_eq!(jwt_expiry(&none), None, "{none}");
        }
        for none in ["", "hunter2", "a.b.c", "eyJ", "eyJ.eyJ.eyJ", "eyJhbGciOiJub25lIn0.!!.x"] {
            assert_eq!(jwt_expiry(none), None, "{none}");
        }
    }

    #[test]
    fn the_end_of_an_ecr_password_is_its_expiration() {
        let token = |end: &str| {
            format!(
                r#"{{"payload":"hunter2","datakey":"AQEBAHh=","version":"2","type":"DATA_KEY","expiration":{end}}}"#
            )
        };
        let expiry = |password: &str| Credential::new("AWS".into(), Secret::new(password.into())).expires;
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        for json in [
            token("1700000000"),
            token("1700000000.9"),
            token("1.7e9"),
            // Each length modulo three, so that there is padding of each kind.
            token("1700000000 "),
            token("1700000000  "),
            r#"{ "expiration": 1700000000, "type": "DATA_KEY" }"#.to_owned(),
            "{\n  \"expiration\": 1700000000\n}\n".to_owned(),
        ] {
            let padded = STANDARD.encode(&json);
            assert_eq!(expiry(&padded), at(1_700_000_000), "{json}");
            assert_eq!(expiry(padded.trim_end_matches('=')), at(1_700_000_000), "{json}");
            assert_eq!(expiry(&format!(" {padded}\n")), at(1_700_000_000), "{json}");
        }
        for json in [
            token(r#""1700000000""#),
            token("null"),
            token("-1"),
            // Milliseconds.
            token("1700000000000"),
            token("1e300"),
            r#"{"payload":"x"}"#.to_owned(),
            r#"{"Expiration":1700000000}"#.to_owned(),
            r#"{"claims":{"expiration":1700000000}}"#.to_owned(),
            r#"{"expiration":1700000000"#.to_owned(),
            r#"{"expiration":1700000000}x"#.to_owned(),
            r#"[{"expiration":1700000000}]"#.to_owned(),
            "1700000000".to_owned(),
        ] {
            assert_eq!(expiry(&STANDARD.encode(&json)), None, "{json}");
        }
        for password in
            ["", "ey", "eyJ", "eyJ!", "eyJhbGciOiJub25lIn0", "ewo=", r#"{"expiration":1700000000}"#]
        {
            assert_eq!(expiry(password), None, "{password}");
        }
        assert_eq!(Credential::identity_token(Secret::new(STANDARD.encode(token("1")))).expires, at(1));
    }

    #[test]
    fn an_expired_token_is_known() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let with = |claims: &str| Credential::new("u".into(), Secret::new(jwt(claims)));
        assert!(with(r#"{"exp":1700000000}"#).is_expired(now));
        assert!(!with(r#"{"exp":1700000001}"#).is_expired(now));
        assert!(!Credential::new("u".into(), Secret::new("password".into())).is_expired(now));
    }

    #[test]
    fn subject() {
        assert_eq!(
            jwt_identity(&jwt(r#"{"sub":"system:serviceaccount:a:b","iss":"https://c"}"#)),
            Some(("https://c".to_owned(), "system:serviceaccount:a:b".to_owned()))
        );
        assert_eq!(jwt_identity(&jwt(r#"{"sub":"s"}"#)), Some((String::new(), "s".to_owned())));
        assert_eq!(jwt_identity("password"), None);
    }

    #[test]
    fn audiences_are_one_or_more() {
        assert_eq!(jwt_audiences(&jwt(r#"{"aud":"a"}"#)), ["a"]);
        assert_eq!(jwt_audiences(&jwt(r#"{"aud":["a","b"]}"#)), ["a", "b"]);
        for none in [jwt("{}"), jwt(r#"{"aud":5}"#), jwt(r#"{"aud":[]}"#), "password".to_owned()] {
            assert!(jwt_audiences(&none).is_empty(), "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(eyJ|ew)?[A-Za-z0-9_.=-]{0,60}|\\PC{0,40}") {
            let _ = (jwt_expiry(&text), jwt_identity(&text), jwt_audiences(&text), ecr_expiry(&text));
        }
    }
}
