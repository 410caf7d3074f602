//! `credential_process` of a profile: a command that prints credentials
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>).
//!
//! The SDK would run it too, but without a limit for what it prints, and would leave it running when its caller gives up.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_smithy_types::date_time::{DateTime, Format};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use tokio::process::Command;

use crate::child;
use crate::problem::AwsFault;
use crate::secret::Secret;

/// Runs the command: by a shell, as the SDK does. Whether it may be run was asked before.
///
/// # Errors
/// It failed, or what it prints is no credentials.
pub(super) async fn credentials(command: &str) -> Result<Credentials, AwsFault> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    let printed = child::output(shell).await.map_err(AwsFault::Process)?;
    parse(&printed, SystemTime::now())
}

/// What the command prints. The names of fields are taken in any case, as by the SDK.
#[derive(Default)]
struct Printed {
    version: Option<i64>,
    access_key_id: Option<Secret>,
    secret_access_key: Option<Secret>,
    session_token: Option<Secret>,
    expiration: Option<String>,
}

impl<'de> Deserialize<'de> for Printed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Printed;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Printed, A::Error> {
                let mut printed = Printed::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.to_ascii_lowercase().as_str() {
                        "version" => printed.version = map.next_value()?,
                        "accesskeyid" => printed.access_key_id = map.next_value()?,
                        "secretaccesskey" => printed.secret_access_key = map.next_value()?,
                        "sessiontoken" => printed.session_token = map.next_value()?,
                        "expiration" => printed.expiration = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(printed)
            }
        }
        deserializer.deserialize_map(Reads)
    }
}

/// The credentials in what a command printed.
///
/// # Errors
/// What is missing or wrong.
pub fn parse(printed: &[u8], now: SystemTime) -> Result<Credentials, AwsFault> {
    let printed: Printed =
        serde_json::from_slice(printed).map_err(|error| AwsFault::ProcessNotJson(error.into()))?;
    if printed.version != Some(1) {
        return Err(AwsFault::ProcessField("\"Version\": 1"));
    }
    let present = |value: Option<Secret>| value.filter(|value| !value.is_empty());
    let id = present(printed.access_key_id).ok_or(AwsFault::ProcessField("AccessKeyId"))?;
    let key = present(printed.secret_access_key).ok_or(AwsFault::ProcessField("SecretAccessKey"))?;
    let token = present(printed.session_token).map(|token| token.expose().to_owned());
    let expires = match printed.expiration {
        None => None,
        Some(text) => {
            let time = DateTime::from_str(&text, Format::DateTimeWithOffset).ok();
            let time = time.and_then(|time| SystemTime::try_from(time).ok());
            Some(time.ok_or(AwsFault::ProcessField("Expiration in the form of RFC 3339"))?)
        }
    };
    if expires.is_some_and(|expires| expires <= now) {
        return Err(AwsFault::ProcessExpired);
    }
    Ok(Credentials::new(id.expose(), key.expose(), token, expires, "credential_process"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_prints() {
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        let good = r#"{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"hunter2","SessionToken":"t","Expiration":"2099-05-02T18:36:00+00:00","AccountId":"1"}"#;
        let credentials = parse(good.as_bytes(), now).unwrap();
        assert_eq!(
            (credentials.access_key_id(), credentials.secret_access_key(), credentials.session_token()),
            ("AKIA", "hunter2", Some("t"))
        );
        assert!(credentials.expiry().is_some());
        let least = r#" {"version":1,"accesskeyid":"AKIA","SECRETACCESSKEY":"hunter2"}"#;
        let credentials = parse(least.as_bytes(), now).unwrap();
        assert_eq!((credentials.session_token(), credentials.expiry()), (None, None));
        for (from, to, says) in [
            ("1,", "2,", "Version"),
            ("\"Version\":1,", "", "Version"),
            ("AccessKeyId", "x", "AccessKeyId"),
            ("\"hunter2\"", "\"\"", "SecretAccessKey"),
            ("\"hunter2\"", "null", "SecretAccessKey"),
            ("\"hunter2\"", "5", "JSON"),
            ("2099-05-02T", "2099", "Expiration"),
            ("2099", "1999", "expired"),
            ("{", "[", "JSON"),
        ] {
            let fault = parse(good.replacen(from, to, 1).as_bytes(), now).unwrap_err().to_string();
            assert!(fault.contains(says) && !fault.contains("hunter2"), "{from}: {fault}");
        }
        assert!(parse(b"", now).is_err());
    }
}
