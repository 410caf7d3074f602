//! What stands behind a key: `identitytoken`, `auth`, or `username` and `password`.

use base64::Engine;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::text::REPLACEMENT;
use crate::credential::{Credential, GO_BASE64};
use crate::problem::EntryFault;
use crate::secret::Secret;

/// What an entry gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Login {
    /// A credential. Whether it has expired is for the one who uses it to ask.
    Usable(Credential),
    /// An entry that means to hold a credential but does not: what is wrong with it and what to do.
    Broken(EntryFault),
}

#[derive(Default)]
struct Fields {
    username: Option<String>,
    password: Option<Secret>,
    auth: Option<Secret>,
    identity_token: Option<Secret>,
    /// It has one. No credential helper can give it out: the protocol has no place for it.
    registry_token: bool,
}

/// As Go's decoder fills kubelet's and Docker's structures: names without regard to case, of a field that stands
/// twice the last, and `null` changes nothing.
impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some(mut name) = map.next_key::<String>()? {
                    name.make_ascii_lowercase();
                    let secret = match name.as_str() {
                        "username" => {
                            fields.username = map.next_value::<Option<String>>()?.or(fields.username);
                            continue;
                        }
                        "password" => &mut fields.password,
                        "auth" => &mut fields.auth,
                        "identitytoken" => &mut fields.identity_token,
                        "registrytoken" => {
                            let value = map.next_value::<&RawValue>()?.get();
                            fields.registry_token = value.starts_with('"') && value.len() > 2;
                            continue;
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    if let Some(value) = map.next_value::<Option<Secret>>()? {
                        *secret = Some(value);
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Reads)
    }
}

impl Login {
    /// Whether a value has fields that only a login has.
    pub fn is_in(value: &str) -> bool {
        let fields = value.starts_with('{').then(|| serde_json::from_str::<Fields>(value));
        let Some(Ok(fields)) = fields else { return false };
        let secrets = [fields.password, fields.auth, fields.identity_token];
        fields.registry_token || secrets.into_iter().any(|secret| filled(secret).is_some())
    }

    /// Reads an entry: the identity token if there is one, else `auth`, else `username` and `password` (the
    /// order of Docker and kubelet). `None` for an entry that holds nothing at all.
    pub fn parse(value: &RawValue) -> Option<Login> {
        if value.get() == "null" {
            return None;
        }
        // serde takes a list for an object with its fields in order; Docker does not.
        let object = Some(value.get()).filter(|text| text.trim_start().starts_with('{'));
        let Some(Ok(fields)) = object.map(serde_json::from_str::<Fields>) else {
            return Some(Login::Broken(EntryFault::NotObject));
        };
        if let Some(token) = filled(fields.identity_token) {
            return Some(usable(Credential::identity_token(token)));
        }
        if let Some(auth) = filled(fields.auth) {
            return Some(decode_auth(auth.expose()));
        }
        let password = fields.password.unwrap_or_else(|| Secret::new(String::new()));
        match Login::of(fields.username.unwrap_or_default(), password) {
            None if fields.registry_token => Some(Login::Broken(EntryFault::RegistryToken)),
            login => login,
        }
    }

    /// A user name and a password; `None` if both are empty.
    pub fn of(username: String, password: Secret) -> Option<Login> {
        match (username.is_empty(), password.is_empty()) {
            (false, false) => Some(usable(Credential::new(username, password))),
            (true, true) => None,
            (false, true) => Some(Login::Broken(EntryFault::NoPassword)),
            (true, false) => Some(Login::Broken(EntryFault::NoUsername)),
        }
    }
}

/// A login with a character in it that was none cannot be the right one.
fn usable(credential: Credential) -> Login {
    let is_replaced = |text: &str| !text.is_ascii() && text.contains(REPLACEMENT);
    match is_replaced(&credential.username) || is_replaced(credential.secret.expose()) {
        true => Login::Broken(EntryFault::NotUtf8),
        false => Login::Usable(credential),
    }
}

fn filled(secret: Option<Secret>) -> Option<Secret> {
    secret.filter(|secret| !secret.is_empty())
}

/// `auth` is base64 of `user:password`. Line breaks in it are passed over as Go's decoder does; NUL bytes
/// after the password as Docker does.
fn decode_auth(auth: &str) -> Login {
    let compact = Zeroizing::new(auth.bytes().filter(|b| !b.is_ascii_whitespace()).collect::<Vec<u8>>());
    let decoded = GO_BASE64.decode(&*compact).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(decoded) = decoded.map(Secret::mixed) else {
        return Login::Broken(EntryFault::AuthNotBase64);
    };
    match decoded.expose().split_once(':') {
        None => Login::Broken(EntryFault::AuthNoColon),
        Some(("", _)) => Login::Broken(EntryFault::AuthNoUsername),
        Some((username, password)) => match password.trim_matches('\0') {
            "" => Login::Broken(EntryFault::AuthNoPassword),
            password => Login::Usable(Credential::new(username.to_owned(), Secret::new(password.to_owned()))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    use proptest::prelude::*;

    fn parse(json: &str) -> Option<Login> {
        Login::parse(serde_json::from_str(json).unwrap())
    }

    fn usable(username: &str, secret: &str) -> Option<Login> {
        Some(Login::Usable(Credential::new(username.into(), Secret::new(secret.into()))))
    }

    #[test]
    fn order_of_the_fields() {
        let auth = STANDARD.encode("au:ap");
        assert_eq!(
            parse(&format!(r#"{{"username":"u","password":"p","auth":"{auth}","identitytoken":"t"}}"#)),
            usable("<token>", "t")
        );
        assert_eq!(
            parse(&format!(r#"{{"username":"u","password":"p","auth":"{auth}","identitytoken":""}}"#)),
            usable("au", "ap")
        );
        assert_eq!(parse(r#"{"username":"u","password":"p","auth":"","email":"e"}"#), usable("u", "p"));
        assert_eq!(parse(r#"{"username":"u","password":"p","auth":null}"#), usable("u", "p"));
    }

    #[test]
    fn names_of_fields_as_in_go() {
        assert_eq!(parse(r#"{"Username":"u","PASSWORD":"p"}"#), usable("u", "p"));
        assert_eq!(parse(r#"{"IdentityToken":"t"}"#), usable("<token>", "t"));
        assert_eq!(
            parse(r#"{"username":"old","password":"old","username":"u","Password":"p"}"#),
            usable("u", "p")
        );
        assert_eq!(
            parse(r#"{"username":"u","password":"p","username":null,"Password":null}"#),
            usable("u", "p")
        );
        assert_eq!(parse(r#"{"auth":"!","Auth":"dTpw","unknown":[1]}"#), usable("u", "p"));
        assert!(matches!(parse(r#"{"username":"u","Password":5}"#), Some(Login::Broken(_))));
    }

    #[test]
    fn auth_with_and_without_padding() {
        for text in ["u:p", "u:pw", "u:pwd", "u:p:w", "u:pässwörd"] {
            let (user, password) = text.split_once(':').unwrap();
            for auth in
                [STANDARD.encode(text), STANDARD_NO_PAD.encode(text), STANDARD.encode(format!("{text}\0\0"))]
            {
                assert_eq!(parse(&format!(r#"{{"auth":"{auth}"}}"#)), usable(user, password), "{auth}");
            }
        }
        let broken_line =
            format!("{}\\n{}", &STANDARD.encode("user:pass")[..4], &STANDARD.encode("user:pass")[4..]);
        assert_eq!(parse(&format!(r#"{{"auth":"{broken_line}\n"}}"#)), usable("user", "pass"));
    }

    #[test]
    fn auth_whose_last_bits_hold_something() {
        // `u:p` is `dTpw`, `u:pw` is `dTpwdw==` and `u:pwd` `dTpwd2Q=`: no bit of these is over in the first, four in the
        // second, two in the third.
        for auth in ["dTpwdx==", "dTpwd/==", "dTpwdx"] {
            assert_eq!(parse(&format!(r#"{{"auth":"{auth}"}}"#)), usable("u", "pw"), "{auth}");
        }
        for auth in ["dTpwd2R=", "dTpwd2T=", "dTpwd2S"] {
            assert_eq!(parse(&format!(r#"{{"auth":"{auth}"}}"#)), usable("u", "pwd"), "{auth}");
        }
    }

    #[test]
    fn a_login_with_what_is_no_character_is_told() {
        for entry in [
            r#"{"username":"u\ufffd","password":"p"}"#,
            "{\"username\":\"u\",\"password\":\"p\u{fffd}\"}",
            r#"{"identitytoken":"\ufffd"}"#,
        ] {
            assert_eq!(parse(entry), Some(Login::Broken(EntryFault::NotUtf8)), "{entry}");
        }
        assert_eq!(parse(r#"{"username":"u","password":"p","email":"\ufffd"}"#), usable("u", "p"));
    }

    #[test]
    fn a_registry_token_alone_is_told() {
        let told = Some(Login::Broken(EntryFault::RegistryToken));
        assert_eq!(parse(r#"{"registrytoken":"hunter2"}"#), told);
        assert_eq!(parse(r#"{"RegistryToken":"hunter2","auth":"","username":""}"#), told);
        assert_eq!(parse(r#"{"registrytoken":"t","auth":"dTpw"}"#), usable("u", "p"));
        assert_eq!(parse(r#"{"registrytoken":"t","username":"u","password":"p"}"#), usable("u", "p"));
        assert_eq!(parse(r#"{"registrytoken":"t","identitytoken":"i"}"#), usable("<token>", "i"));
        // Whatever it is, it takes no login along.
        for other in [r#""""#, "null", "5", "[1]", "{}"] {
            assert_eq!(parse(&format!(r#"{{"registrytoken":{other}}}"#)), None, "{other}");
            let entry = format!(r#"{{"registrytoken":{other},"username":"u","password":"p"}}"#);
            assert_eq!(parse(&entry), usable("u", "p"), "{other}");
        }
    }

    #[test]
    fn nothing_and_broken() {
        for nothing in
            ["null", "{}", r#"{"auth":""}"#, r#"{"username":"","password":""}"#, r#"{"email":"e"}"#]
        {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
        let encoded = |text: &[u8]| format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(text));
        for broken in [
            "5".to_owned(),
            r#""text""#.to_owned(),
            r#"{"auth":5}"#.to_owned(),
            r#"["user","password"]"#.to_owned(),
            r#"{"auth":"!!!"}"#.to_owned(),
            r#"{"username":"u"}"#.to_owned(),
            r#"{"password":"p"}"#.to_owned(),
            encoded(b"no colon"),
            encoded(b":p"),
            encoded(b"u:"),
            encoded(b"u:\xff"),
        ] {
            assert!(matches!(parse(&broken), Some(Login::Broken(_))), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn what_docker_writes_is_read(user in "[^:\0]{1,20}", password in "[^\0]{1,40}") {
            let auth = STANDARD.encode(format!("{user}:{password}"));
            prop_assert_eq!(parse(&format!(r#"{{"auth":"{auth}"}}"#)), usable(&user, &password));
        }

        #[test]
        fn no_entry_panics(auth in "[A-Za-z0-9+/=_-]{0,40}") {
            let _ = parse(&format!(r#"{{"auth":"{auth}"}}"#));
        }
    }
}
