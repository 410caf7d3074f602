//! External accounts (workload identity federation, <https://google.aip.dev/auth/4117>): a token from
//! elsewhere is exchanged at Google's STS (RFC 8693), and the result may take on a service account.

pub mod executable;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use url::Url;

use super::token::Impersonation;
use super::{PLATFORM_SCOPE, Token, aws_subject, token};
use crate::cloud::http::{Http, RequestBuilder, form};
use crate::file;
use crate::problem::{CloudFault, GoogleFault, GoogleFileFault};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::shown::Shown;

/// The configuration, as `gcloud iam workload-identity-pools create-cred-config` writes it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ExternalAccount {
    pub audience: String,
    pub subject_token_type: String,
    token_url: String,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<ImpersonationOptions>,
    /// The account to take on, if the configuration names one.
    #[serde(skip)]
    pub impersonation: Option<Impersonation>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    workforce_pool_user_project: Option<String>,
    credential_source: CredentialSource,
}

#[derive(Debug, Clone, Deserialize)]
struct ImpersonationOptions {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CredentialSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    format: Option<Format>,
    environment_id: Option<String>,
    regional_cred_verification_url: Option<String>,
    executable: Option<executable::Executable>,
}

/// How the token stands in the file or answer.
#[derive(Debug, Clone, Deserialize)]
struct Format {
    #[serde(rename = "type", default)]
    kind: String,
    subject_token_field_name: Option<String>,
}

impl ExternalAccount {
    /// Understands a configuration and checks its addresses.
    pub(super) fn parse(text: &[u8]) -> Result<ExternalAccount, GoogleFileFault> {
        let mut account: ExternalAccount =
            serde_json::from_slice(text).map_err(|error| GoogleFileFault::ExternalAccount(error.into()))?;
        account.token_url = token::checked("token_url", &account.token_url)?;
        if let Some(url) = &account.service_account_impersonation_url {
            let seconds = account
                .service_account_impersonation
                .as_ref()
                .and_then(|options| options.token_lifetime_seconds);
            // IAM's own limits: ten minutes to twelve hours.
            let life = seconds
                .map_or(token::IMPERSONATED_LIFE, |seconds| Duration::from_secs(seconds.clamp(600, 43_200)));
            let url = token::checked("service_account_impersonation_url", url)?;
            account.impersonation = Some(Impersonation { url, delegates: Vec::new(), life });
        }
        Ok(account)
    }
}

/// An access token for the account.
pub(super) async fn token(
    account: &ExternalAccount,
    settings: &Settings,
    http: &Http,
    scopes: &str,
) -> Result<Token, CloudFault> {
    let subject = subject_token(account, settings, http).await?;
    let first_scopes = if account.impersonation.is_some() { PLATFORM_SCOPE } else { scopes };
    let own = exchange(account, http, &subject, first_scopes).await?;
    match &account.impersonation {
        Some(account) => token::impersonate(http, account, &own.text, scopes).await,
        None => Ok(own),
    }
}

async fn exchange(
    account: &ExternalAccount,
    http: &Http,
    subject: &Secret,
    scopes: &str,
) -> Result<Token, CloudFault> {
    let project = account.workforce_pool_user_project.as_deref().filter(|_| account.client_id.is_none());
    let options = project.map(|project| serde_json::json!({ "userProject": project }).to_string());
    let mut fields = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", account.audience.as_str()),
        ("scope", scopes),
        ("subject_token_type", account.subject_token_type.as_str()),
        ("subject_token", subject.expose()),
    ];
    fields.extend(options.as_deref().map(|options| ("options", options)));
    let basic = match (&account.client_id, &account.client_secret) {
        (Some(id), Some(secret)) => Some(token::basic_auth(id, secret)),
        _ => None,
    };
    let answer = token::post(http, &account.token_url, &form(&fields), basic.as_ref()).await?;
    Ok(token::parse(&answer)?)
}

async fn subject_token(
    account: &ExternalAccount,
    settings: &Settings,
    http: &Http,
) -> Result<Secret, CloudFault> {
    let source = &account.credential_source;
    if let Some(id) = &source.environment_id {
        if id != "aws1" {
            return Err(GoogleFault::Environment.into());
        }
        let url = source.regional_cred_verification_url.as_deref();
        return aws_subject::token(settings, http, &account.audience, url).await;
    }
    if let Some(executable) = &source.executable {
        return Ok(executable::token(executable, account, settings, http.deadline).await?);
    }
    if let Some(path) = &source.file {
        let directory = path.parent().unwrap_or(Path::new("/"));
        let name = path.file_name().ok_or(GoogleFault::NoFileName)?;
        let text = file::read_beneath(directory, Path::new(name))
            .map_err(|why| GoogleFault::TokenFile(Shown::path(path), why))?;
        return Ok(formatted(source.format.as_ref(), &text)?);
    }
    if let Some(url) = &source.url {
        return from_url(source, http, url).await;
    }
    Err(GoogleFault::NoSource.into())
}

async fn from_url(source: &CredentialSource, http: &Http, url: &str) -> Result<Secret, CloudFault> {
    // A metadata server of another cloud or a service of this machine, or else a service: only https leaves the machine.
    if !Url::parse(url).is_ok_and(|address| address.scheme() == "https" || stays_here(&address)) {
        return Err(GoogleFault::PlainSource.into());
    }
    let prepare = |request: RequestBuilder| {
        source
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name.as_str(), value.as_str()))
    };
    let answer = http.send(Method::GET, url, prepare).await?;
    if !answer.status.is_success() {
        return Err(GoogleFault::SourceStatus(shown![answer.status]).into());
    }
    Ok(formatted(source.format.as_ref(), &answer.body)?)
}

/// Whether an address without TLS is this machine's own: loopback, or link-local as metadata servers are.
fn stays_here(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    let near = match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(host)) => host.is_loopback() || host.is_link_local(),
        Ok(IpAddr::V6(host)) => host.is_loopback() || host.is_unicast_link_local() || host == METADATA_IPV6,
        Err(_) => matches!(host, "localhost" | "metadata.google.internal"),
    };
    near && address.scheme() == "http" && address.username().is_empty() && address.password().is_none()
}

/// EC2's metadata server where there is only IPv6.
const METADATA_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// The token itself: the whole text, or a field of a JSON object.
fn formatted(format: Option<&Format>, text: &[u8]) -> Result<Secret, GoogleFault> {
    let whole = || Secret::from_utf8(text.to_vec()).map(Secret::trimmed).filter(|token| !token.is_empty());
    let token = match format {
        Some(format) if format.kind == "json" => {
            let field = format.subject_token_field_name.as_deref().ok_or(GoogleFault::NoFieldName)?;
            let mut fields: BTreeMap<String, serde_json::Value> =
                serde_json::from_slice(text).map_err(|_| GoogleFault::NotJson)?;
            match fields.remove(field) {
                Some(serde_json::Value::String(token)) => Some(Secret::new(token)),
                _ => None,
            }
        }
        _ => whole(),
    };
    token.filter(|token| !token.is_empty()).ok_or(GoogleFault::NoSubjectToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_asked() {
        for (address, here) in [
            ("http://169.254.169.254/metadata/identity/oauth2/token?resource=x", true),
            ("http://127.0.0.1:8080/token", true),
            ("http://localhost/token", true),
            ("http://[::1]/token", true),
            ("http://[fd00:ec2::254]/latest", true),
            ("http://metadata.google.internal/x", true),
            ("http://10.0.0.1/token", false),
            ("http://169.255.169.254/", false),
            ("http://localhost.evil.example/", false),
            ("http://user@localhost/", false),
            ("http://evil.example/169.254.169.254", false),
            ("ftp://localhost/", false),
        ] {
            assert_eq!(stays_here(&Url::parse(address).unwrap()), here, "{address}");
        }
    }

    fn format(kind: &str, field: Option<&str>) -> Format {
        Format { kind: kind.into(), subject_token_field_name: field.map(Into::into) }
    }

    #[test]
    fn a_subject_token_is_text_or_a_field() {
        assert_eq!(formatted(None, b"abc\n").unwrap().expose(), "abc");
        assert_eq!(formatted(Some(&format("text", None)), b"abc").unwrap().expose(), "abc");
        assert_eq!(
            formatted(Some(&format("json", Some("t"))), br#"{"t":"abc","x":1}"#).unwrap().expose(),
            "abc"
        );
        for (format, text) in [
            (None, &b""[..]),
            (None, b"\xff"),
            (Some(format("json", None)), b"{}"),
            (Some(format("json", Some("t"))), b"{}"),
            (Some(format("json", Some("t"))), br#"{"t":5}"#),
            (Some(format("json", Some("t"))), b"abc"),
        ] {
            assert!(formatted(format.as_ref(), text).is_err());
        }
    }
}
