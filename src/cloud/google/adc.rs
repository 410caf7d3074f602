//! Application Default Credentials: a JSON file of one of five types, understood and turned into a token.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Token;
use super::external::{self, ExternalAccount};
use super::token::{self, Grant, Impersonation};
use crate::cloud::http::Http;
use crate::file::{self, Unreadable};
use crate::problem::{CloudFault, FileFault, GoogleFileFault, Problem};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::shown::Shown;

/// A credential file, and where it was found.
#[derive(Debug, Clone)]
pub struct Adc {
    origin: Shown,
    kind: Kind,
}

/// The types of <https://google.aip.dev/auth/4110> that can be had without a person.
#[derive(Debug, Clone)]
enum Kind {
    ServiceAccount { email: String, key_json: Secret, token_url: String },
    AuthorizedUser { client_id: String, client_secret: Secret, refresh_token: Secret, token_url: String },
    External(Box<ExternalAccount>),
    ExternalUser { client_id: String, client_secret: Secret, refresh_token: Secret, token_url: String },
    Impersonated { source: Box<Kind>, account: Impersonation },
}

impl Adc {
    /// Whose it is and where it was found, in words.
    pub fn shown(&self) -> Shown {
        let origin = &self.origin;
        match &self.kind {
            Kind::ServiceAccount { email, .. } => {
                shown!["the Google service account ", Shown::text(email), " of ", origin]
            }
            Kind::AuthorizedUser { .. } => shown!["the Google user of ", origin],
            Kind::External(_) => shown!["the Google external account of ", origin],
            Kind::ExternalUser { .. } => shown!["the Google external user of ", origin],
            Kind::Impersonated { .. } => shown!["the impersonated Google service account of ", origin],
        }
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

/// How deep impersonated credentials may be nested.
const MOST_NESTED: usize = 4;

/// The file that the environment names, or gcloud's own. `None` if there is neither.
///
/// # Errors
/// A file that is named and cannot be used.
pub fn of_environment(settings: &Settings) -> Result<Option<Adc>, Problem> {
    let Some((path, named)) = path(settings) else { return Ok(None) };
    match read(&path) {
        Err(Unreadable::Absent) if !named => Ok(None),
        Err(why) => {
            let what = if named { FileFault::GoogleNamed(why) } else { FileFault::GoogleWellKnown(why) };
            Err(Problem::File { path: Shown::path(&path), what })
        }
        Ok(text) => Adc::parse(shown!["file ", Shown::path(&path)], &text).map(Some),
    }
}

/// Whether the environment names a file, or gcloud's own is there.
pub(super) fn is_configured(settings: &Settings) -> bool {
    path(settings).is_some_and(|(path, named)| named || file::exists(&path))
}

/// The file, and whether the user named it.
fn path(settings: &Settings) -> Option<(PathBuf, bool)> {
    let google = &settings.google;
    match (&google.credentials, &google.cloudsdk_config, &settings.home) {
        (Some(path), ..) => Some((path.clone(), true)),
        (None, Some(directory), _) => Some((directory.join(WELL_KNOWN), false)),
        (None, None, Some(home)) => Some((home.join(".config/gcloud").join(WELL_KNOWN), false)),
        (None, None, None) => None,
    }
}

const WELL_KNOWN: &str = "application_default_credentials.json";

fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .map_or(PathBuf::from("."), Path::to_owned);
    file::read_beneath(&directory, Path::new(path.file_name().ok_or(Unreadable::NotRegular)?))
}

impl Adc {
    /// Understands a credential file.
    ///
    /// # Errors
    /// What is wrong with it; every token address in it is checked here, before anything is sent.
    pub fn parse(origin: Shown, text: &[u8]) -> Result<Adc, Problem> {
        match parse(text, 0) {
            Ok(kind) => Ok(Adc { origin, kind }),
            Err(what) => Err(Problem::IdentityFile { origin, what }),
        }
    }

    /// An access token with these scopes.
    pub(super) async fn token(
        &self,
        settings: &Settings,
        http: &Http,
        scopes: &str,
    ) -> Result<Token, CloudFault> {
        of_kind(&self.kind, settings, http, scopes).await
    }
}

fn parse(text: &[u8], depth: usize) -> Result<Kind, GoogleFileFault> {
    let fields: Fields =
        serde_json::from_slice(text).map_err(|error| GoogleFileFault::NotCredential(error.into()))?;
    let missing = |key| GoogleFileFault::Missing { key, kind: Shown::text(&fields.kind) };
    match fields.kind.as_str() {
        "service_account" => {
            let email = fields.client_email.clone().ok_or_else(|| missing("client_email"))?;
            if fields.private_key.as_ref().is_none_or(Secret::is_empty) {
                return Err(missing("private_key"));
            }
            let token_url = token::checked(
                "token_uri",
                fields.token_uri.as_deref().ok_or_else(|| missing("token_uri"))?,
            )?;
            // The whole text goes to the library that reads the key.
            let key_json = Secret::from_utf8(text.to_vec()).ok_or(GoogleFileFault::NotText)?;
            Ok(Kind::ServiceAccount { email, key_json, token_url })
        }
        "authorized_user" => Ok(Kind::AuthorizedUser {
            client_id: fields.client_id.clone().ok_or_else(|| missing("client_id"))?,
            client_secret: fields.client_secret.clone().ok_or_else(|| missing("client_secret"))?,
            refresh_token: fields.refresh_token.clone().ok_or_else(|| missing("refresh_token"))?,
            token_url: token::checked("token_uri", fields.token_uri.as_deref().unwrap_or(token::OAUTH))?,
        }),
        "external_account" => Ok(Kind::External(Box::new(ExternalAccount::parse(text)?))),
        "external_account_authorized_user" => Ok(Kind::ExternalUser {
            client_id: fields.client_id.clone().ok_or_else(|| missing("client_id"))?,
            client_secret: fields.client_secret.clone().ok_or_else(|| missing("client_secret"))?,
            refresh_token: fields.refresh_token.clone().ok_or_else(|| missing("refresh_token"))?,
            token_url: token::checked(
                "token_url",
                fields.token_url.as_deref().ok_or_else(|| missing("token_url"))?,
            )?,
        }),
        "impersonated_service_account" => {
            if depth >= MOST_NESTED {
                return Err(GoogleFileFault::Nested);
            }
            let source = fields.source_credentials.ok_or_else(|| missing("source_credentials"))?;
            let field = "service_account_impersonation_url";
            let url = fields.service_account_impersonation_url.as_deref().ok_or_else(|| missing(field))?;
            let account = Impersonation {
                url: token::checked(field, url)?,
                delegates: fields.delegates.clone(),
                life: token::IMPERSONATED_LIFE,
            };
            Ok(Kind::Impersonated { source: Box::new(parse(source.get().as_bytes(), depth + 1)?), account })
        }
        _ => Err(GoogleFileFault::UnknownType),
    }
}

async fn of_kind(kind: &Kind, settings: &Settings, http: &Http, scopes: &str) -> Result<Token, CloudFault> {
    match kind {
        Kind::ServiceAccount { email, key_json, token_url } => {
            let assertion = token::assertion(email, key_json, token_url, scopes)?;
            token::request(http, token_url, Grant::Assertion(&assertion)).await
        }
        // A person's refresh token has the scopes that the person agreed to; others would be refused.
        Kind::AuthorizedUser { client_id, client_secret, refresh_token, token_url } => {
            let grant = Grant::Refresh { client_id, client_secret, refresh_token };
            token::request(http, token_url, grant).await
        }
        Kind::ExternalUser { client_id, client_secret, refresh_token, token_url } => {
            let grant = Grant::RefreshBasic { client_id, client_secret, refresh_token };
            token::request(http, token_url, grant).await
        }
        Kind::External(account) => external::token(account, settings, http, scopes).await,
        Kind::Impersonated { source, account } => {
            let own = Box::pin(of_kind(source, settings, http, super::PLATFORM_SCOPE)).await?;
            token::impersonate(http, account, &own.text, scopes).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(json: &str) -> String {
        Adc::parse("f".into(), json.as_bytes()).map(|adc| adc.shown()).expect_err(json).to_string()
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
        assert!(Adc::parse("f".into(), user("https://oauth2.googleapis.com/token").as_bytes()).is_ok());
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
            assert_eq!(Adc::parse("f".into(), json.as_bytes()).is_ok(), depth <= MOST_NESTED, "{depth}");
        }
    }
}
