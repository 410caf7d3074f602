//! Google's identities: Application Default Credentials, a JSON text of one of five types
//! (<https://google.aip.dev/auth/4110> and its neighbours), and the account of a machine.

mod address;
mod external;

pub use external::{Executable, ExternalAccount, Format, Source};

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::problem::GoogleFileFault;
use crate::secret::Secret;

use crate::shown::Shown;

/// Where refresh tokens are exchanged if the text does not say so.
const OAUTH: &str = "https://oauth2.googleapis.com/token";
/// How long an impersonated account's token lives if nothing else is asked for.
const IMPERSONATED_LIFE: Duration = Duration::from_secs(3600);
/// How deep impersonated credentials may be nested.
const MOST_NESTED: usize = 4;

/// What an identity of Google is. Every address in it was checked to be one of Google's token services.
#[derive(Debug, Clone)]
pub enum Google {
    /// A service account with its key.
    Key {
        /// The account.
        email: String,
        /// The whole text, for the library that reads the key.
        key_json: Secret,
        /// Where the signed assertion goes.
        token_url: String,
    },
    /// A person's login.
    User(User),
    /// A person's login by way of another provider, whose client authenticates itself with HTTP Basic.
    ExternalUser(User),
    /// A token of another issuer.
    Federated(Box<ExternalAccount>),
    /// A service account that another identity takes on.
    Impersonated {
        /// The other identity.
        source: Box<Google>,
        /// The account.
        account: Impersonation,
    },
    /// The service account of the machine or pod.
    Machine {
        /// Whether the user says that this is Google's cloud.
        named: bool,
        /// `GCE_METADATA_HOST`.
        host: Option<String>,
    },
}

/// A person's refresh token.
#[derive(Debug, Clone)]
pub struct User {
    /// The program that the person logged in with.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// The refresh token.
    pub refresh_token: Secret,
    /// Where it is exchanged.
    pub token_url: String,
}

/// A service account to take on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonation {
    /// The address of its `generateAccessToken`.
    pub url: String,
    /// The accounts in between.
    pub delegates: Vec<String>,
    /// How long the token is to live.
    pub life: Duration,
}

impl Impersonation {
    /// The account's address, for messages and for programs that want it.
    pub fn email(&self) -> &str {
        self.url.rsplit('/').next().and_then(|last| last.split(':').next()).unwrap_or_default()
    }
}

/// All fields of all types; each type takes its own.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type")]
    kind: String,
    client_email: Option<String>,
    private_key: Option<Secret>,
    token_uri: Option<String>,
    token_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    refresh_token: Option<Secret>,
    #[serde(borrow)]
    source_credentials: Option<&'a RawValue>,
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    delegates: Vec<String>,
}

impl Google {
    /// Understands the text of a credential file. No file that it names was read yet, and no program run.
    ///
    /// # Errors
    /// What is wrong with it; every token address in it is checked here.
    pub fn parse(text: &[u8]) -> Result<Google, GoogleFileFault> {
        parse(text, 0)
    }

    /// The federated account at the bottom of it, if there is one.
    pub fn federated(&self) -> Option<&ExternalAccount> {
        match self {
            Google::Federated(account) => Some(account),
            Google::Impersonated { source, .. } => source.federated(),
            Google::Key { .. } | Google::User(_) | Google::ExternalUser(_) | Google::Machine { .. } => None,
        }
    }

    /// The same, to be completed.
    pub(super) fn federated_mut(&mut self) -> Option<&mut ExternalAccount> {
        match self {
            Google::Federated(account) => Some(account),
            Google::Impersonated { source, .. } => source.federated_mut(),
            Google::Key { .. } | Google::User(_) | Google::ExternalUser(_) | Google::Machine { .. } => None,
        }
    }

    pub(super) fn shown(&self, place: &Shown) -> Shown {
        match self {
            Google::Key { email, .. } => {
                shown!["the Google service account ", Shown::text(email), " of ", place]
            }
            Google::User(_) => shown!["the Google user of ", place],
            Google::ExternalUser(_) => shown!["the Google external user of ", place],
            Google::Federated(_) => shown!["the Google external account of ", place],
            Google::Impersonated { .. } => shown!["the impersonated Google service account of ", place],
            Google::Machine { .. } => "the Google service account of this machine or pod".into(),
        }
    }
}

fn parse(text: &[u8], depth: usize) -> Result<Google, GoogleFileFault> {
    let fields: Fields =
        serde_json::from_slice(text).map_err(|error| GoogleFileFault::NotCredential(error.into()))?;
    let missing = |key| GoogleFileFault::Missing { key, kind: Shown::text(&fields.kind) };
    let user = |field, address: Option<&str>| {
        Ok(User {
            client_id: fields.client_id.clone().ok_or_else(|| missing("client_id"))?,
            client_secret: fields.client_secret.clone().ok_or_else(|| missing("client_secret"))?,
            refresh_token: fields.refresh_token.clone().ok_or_else(|| missing("refresh_token"))?,
            token_url: address::checked(field, address.ok_or_else(|| missing(field))?)?,
        })
    };
    match fields.kind.as_str() {
        "service_account" => {
            let email = fields.client_email.clone().ok_or_else(|| missing("client_email"))?;
            if fields.private_key.as_ref().is_none_or(Secret::is_empty) {
                return Err(missing("private_key"));
            }
            let address = fields.token_uri.as_deref().ok_or_else(|| missing("token_uri"))?;
            let token_url = address::checked("token_uri", address)?;
            let key_json = String::from_utf8(text.to_vec()).map_err(|_| GoogleFileFault::NotText)?;
            let key_json = Secret::mixed(key_json);
            Ok(Google::Key { email, key_json, token_url })
        }
        "authorized_user" => {
            Ok(Google::User(user("token_uri", Some(fields.token_uri.as_deref().unwrap_or(OAUTH)))?))
        }
        "external_account_authorized_user" => {
            Ok(Google::ExternalUser(user("token_url", fields.token_url.as_deref())?))
        }
        "external_account" => Ok(Google::Federated(Box::new(ExternalAccount::parse(text)?))),
        "impersonated_service_account" => {
            if depth >= MOST_NESTED {
                return Err(GoogleFileFault::Nested);
            }
            let source = fields.source_credentials.ok_or_else(|| missing("source_credentials"))?;
            let field = "service_account_impersonation_url";
            let url = fields.service_account_impersonation_url.as_deref().ok_or_else(|| missing(field))?;
            let account = Impersonation {
                url: address::checked(field, url)?,
                delegates: fields.delegates.clone(),
                life: IMPERSONATED_LIFE,
            };
            let source = Box::new(parse(source.get().as_bytes(), depth + 1)?);
            Ok(Google::Impersonated { source, account })
        }
        _ => Err(GoogleFileFault::UnknownType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(json: &str) -> String {
        Google::parse(json.as_bytes()).expect_err(json).to_string()
    }

    #[test]
    fn a_missing_field_is_named() {
        assert!(wrong(r#"{"type":"service_account"}"#).contains("client_email"));
        assert!(
            wrong(r#"{"type":"authorized_user","client_id":"c","client_secret":"hunter2"}"#)
                .contains("refresh_token")
        );
        assert!(wrong(r#"{"type":"impersonated_service_account"}"#).contains("source_credentials"));
        for none in ["", "null", "[]", "{}", r#"{"type":"other"}"#, r#"{"type":5}"#, "hunter2"] {
            assert!(!wrong(none).contains("hunter2"), "{none}");
        }
    }

    #[test]
    fn a_token_address_that_is_not_googles_is_refused_before_anything_is_sent() {
        let user = |uri: &str| {
            format!(
                r#"{{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","token_uri":"{uri}"}}"#
            )
        };
        assert!(Google::parse(user("https://oauth2.googleapis.com/token").as_bytes()).is_ok());
        assert!(wrong(&user("https://evil.com/token")).contains("address"));
    }

    #[test]
    fn nesting_ends() {
        let mut json =
            r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#
                .to_owned();
        let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a:generateAccessToken";
        for depth in 1..=5 {
            json = format!(
                r#"{{"type":"impersonated_service_account","service_account_impersonation_url":"{url}","source_credentials":{json}}}"#
            );
            assert_eq!(Google::parse(json.as_bytes()).is_ok(), depth <= MOST_NESTED, "{depth}");
        }
    }
}
