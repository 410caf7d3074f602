//! `credential_process` of a profile: a command that prints credentials, alone or as the start of a chain of roles.
//!
//! The SDK would run it too, but without a limit for what it prints, and would leave it running when its caller gives up.
//! It is found by the SDK's own reader and by the SDK's rules
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>); every other profile is the SDK's.

use std::time::SystemTime;

use aws_config::profile::{Profile, ProfileSet};
use aws_credential_types::Credentials;
use aws_smithy_types::date_time::{DateTime, Format};
use aws_types::os_shim_internal::{Env, Fs};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use tokio::process::Command;

use crate::child;
use crate::problem::AwsFault;
use crate::secret::Secret;

/// A profile whose credentials a command prints.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Process {
    command: String,
    /// The roles that the credentials take on, one after another.
    pub roles: Vec<Role>,
}

/// A role of a profile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub arn: String,
    pub external_id: Option<String>,
    pub session_name: Option<String>,
}

impl Role {
    /// A role that is known by these two only.
    pub(super) fn of(arn: &str, external_id: Option<&str>) -> Role {
        Role { arn: arn.to_owned(), external_id: external_id.map(str::to_owned), session_name: None }
    }
}

impl Process {
    /// What the chosen profile leads to; `None` if that is no command.
    pub(super) async fn of_profile() -> Option<Process> {
        Process::of_profile_in(&Fs::real(), &Env::real()).await
    }

    async fn of_profile_in(files: &Fs, variables: &Env) -> Option<Process> {
        // What cannot be read is told by the SDK, which reads it again.
        let profiles = aws_config::profile::load(files, variables, &Default::default(), None).await.ok()?;
        Process::of(&profiles)
    }

    /// Follows `source_profile` from the chosen profile to the one that has credentials, as the SDK does.
    fn of(profiles: &ProfileSet) -> Option<Process> {
        let mut name = profiles.selected_profile();
        let (mut seen, mut roles) = (Vec::new(), Vec::new());
        loop {
            let profile = profiles.get_profile(name).filter(|_| !seen.contains(&name))?;
            seen.push(name);
            // A profile that is the source of another one is asked for its keys first.
            if seen.len() > 1 && KEYS.iter().any(|key| profile.get(key).is_some()) {
                return None;
            }
            let Some(arn) = profile.get("role_arn").filter(|_| profile.get(TOKEN_FILE).is_none()) else {
                break;
            };
            let text = |key| profile.get(key).map(str::to_owned);
            let (external_id, session_name) = (text("external_id"), text("role_session_name"));
            roles.push(Role { arn: arn.to_owned(), external_id, session_name });
            let source =
                profile.get("source_profile").filter(|_| profile.get("credential_source").is_none())?;
            if source == name {
                break;
            }
            name = source;
        }
        roles.reverse();
        let command = command(profiles.get_profile(name)?)?;
        Some(Process { command, roles })
    }

    /// Runs the command: by a shell, as the SDK does.
    ///
    /// # Errors
    /// It failed, or what it prints is no credentials.
    pub(super) async fn credentials(&self) -> Result<Credentials, AwsFault> {
        let mut shell = Command::new("sh");
        shell.args(["-c", &self.command]);
        let printed = child::output(shell).await.map_err(AwsFault::Process)?;
        parse(&printed, SystemTime::now())
    }
}

const TOKEN_FILE: &str = "web_identity_token_file";
const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
/// What counts before a command in one profile.
const BEFORE: [&str; 8] = [
    "credential_source",
    TOKEN_FILE,
    "sso_session",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_start_url",
    "login_session",
];

fn command(profile: &Profile) -> Option<String> {
    let first = BEFORE.iter().all(|key| profile.get(key).is_none());
    profile.get("credential_process").filter(|_| first).map(str::to_owned)
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

    /// The command, and the roles after it, of the default profile.
    fn process(config: &str) -> Option<(String, Vec<String>)> {
        let (files, variables) = (Fs::from_slice(&[("config", config)]), [("AWS_CONFIG_FILE", "config")]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let process = runtime.block_on(Process::of_profile_in(&files, &Env::from_slice(&variables)))?;
        Some((process.command, process.roles.into_iter().map(|role| role.arn).collect()))
    }

    #[test]
    fn a_command_is_found_where_the_sdk_finds_it() {
        let found =
            |roles: &[&str]| Some(("vend".to_owned(), roles.iter().map(|r| (*r).to_owned()).collect()));
        let base = "[profile base]\ncredential_process = vend\n";
        for (config, expected) in [
            ("[default]\ncredential_process = vend\n".to_owned(), found(&[])),
            ("[default]\ncredential_process = vend\naws_access_key_id = AKIA\n".to_owned(), found(&[])),
            (format!("[default]\nrole_arn = r\nsource_profile = base\n{base}"), found(&["r"])),
            (
                format!("[default]\nrole_arn = 2\nsource_profile = b\n[profile b]\nrole_arn = 1\nsource_profile = base\n{base}"),
                found(&["1", "2"]),
            ),
            (
                "[default]\nrole_arn = r\nsource_profile = default\ncredential_process = vend\n".to_owned(),
                found(&["r"]),
            ),
            // Something else counts before it.
            (format!("[default]\nrole_arn = r\nsource_profile = base\n{base}aws_access_key_id = AKIA\n"), None),
            ("[default]\ncredential_process = vend\nsso_session = s\n".to_owned(), None),
            ("[default]\ncredential_process = vend\nlogin_session = s\n".to_owned(), None),
            ("[default]\ncredential_process = vend\ncredential_source = Environment\n".to_owned(), None),
            ("[default]\ncredential_process = vend\nrole_arn = r\nweb_identity_token_file = f\n".to_owned(), None),
            ("[default]\ncredential_process = vend\nrole_arn = r\ncredential_source = Environment\n".to_owned(), None),
            // What the SDK refuses.
            (format!("[default]\nrole_arn = r\nsource_profile = none\n{base}"), None),
            (format!("[default]\nrole_arn = r\n{base}"), None),
            ("[default]\nrole_arn = 2\nsource_profile = b\n[profile b]\nrole_arn = 1\nsource_profile = default\n".to_owned(), None),
            (base.to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(process(&config), expected, "{config}");
        }
    }

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
