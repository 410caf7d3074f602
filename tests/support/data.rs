//! Pull secrets and tokens as text. Every secret in the tests holds `hunter2`, which no message may show.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// A secret that the tests look for where it must not be.
pub const HUNTER2: &str = "hunter2";

/// `hunter2-<name>`.
pub fn password(name: &str) -> String {
    format!("{HUNTER2}-{name}")
}

pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// The inner object of a docker configuration: each key opens with the user given and that user's
/// [`password`].
pub fn entries(of: &[(&str, &str)]) -> Value {
    let entry = |user: &str| json!({ "auth": base64(format!("{user}:{}", password(user))) });
    Value::Object(of.iter().map(|(key, user)| ((*key).to_owned(), entry(user))).collect::<Map<_, _>>())
}

/// A `.dockerconfigjson` or `config.json`.
pub fn config(of: &[(&str, &str)]) -> String {
    json!({ "auths": entries(of) }).to_string()
}

/// A `.dockercfg`.
pub fn dockercfg(of: &[(&str, &str)]) -> String {
    entries(of).to_string()
}

/// A configuration whose one entry has these fields.
pub fn config_with(key: &str, fields: Value) -> String {
    json!({ "auths": { key: fields } }).to_string()
}

/// A token with these claims. Nobody checks its signature.
pub fn jwt(claims: &Value) -> String {
    let part = |value: &str| URL_SAFE_NO_PAD.encode(value);
    format!("{}.{}.{}", part(r#"{"alg":"none"}"#), part(&claims.to_string()), part(HUNTER2))
}

/// A token that ended in 2001.
pub fn expired_jwt() -> String {
    jwt(&json!({ "exp": 1_000_000_000 }))
}

/// A token that ends in 2096.
pub fn valid_jwt() -> String {
    jwt(&json!({ "exp": 4_000_000_000_u64 }))
}

/// A password as Amazon ECR gives it out: base64 of a JSON object that says when it ends, with padding or without.
pub fn ecr_password(expiration: u64, padded: bool) -> String {
    let object = json!({
        "payload": HUNTER2, "datakey": "AQEBAHh=", "version": "2", "type": "DATA_KEY", "expiration": expiration,
    })
    .to_string();
    // So many blanks behind it that there is padding, of two characters.
    let blanks = " ".repeat((4 - object.len() % 3) % 3);
    let text = base64(object + &blanks);
    if padded { text } else { text.trim_end_matches('=').to_owned() }
}

/// One that ended in 2001.
pub fn expired_ecr_password() -> String {
    ecr_password(1_000_000_000, true)
}
