//! Azure's identities, and the Entra token of each: a client secret, a workload identity (a projected token),
//! a managed identity (of App Service or of the machine).

use std::path::{Path, PathBuf};

use http::{Method, StatusCode};
use serde::Deserialize;

use super::{NoToken, post_form};
use crate::cloud::hosts::AcrCloud;
use crate::cloud::http::{Answer, Http, RequestBuilder, form, oauth_error};
use crate::cloud::machine::{self, Evidence};
use crate::file;
use crate::problem::{AzureFault, Problem};
use crate::secret::Secret;
use crate::settings::{Cloud, Settings};
use crate::shown::Shown;

/// The machine's metadata server
/// (<https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>).
const METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// Who asks.
#[derive(Debug, Clone)]
pub enum Identity {
    /// An application with its secret.
    ClientSecret {
        /// The Secret or variable, for messages.
        origin: Shown,
        /// The tenant.
        tenant: String,
        /// The application.
        client: String,
        /// Its secret.
        secret: Secret,
    },
    /// An application with a token that Kubernetes projects.
    Workload {
        /// The tenant.
        tenant: String,
        /// The application.
        client: String,
        /// The projected token.
        token_file: PathBuf,
    },
    /// App Service's managed identity.
    AppService {
        /// `IDENTITY_ENDPOINT`.
        endpoint: String,
        /// `IDENTITY_HEADER`.
        header: Secret,
        /// A user-assigned identity.
        client: Option<String>,
    },
    /// The machine's managed identity.
    Machine {
        /// A user-assigned identity.
        client: Option<String>,
        /// Whether the user says that this is Azure.
        named: bool,
    },
}

impl Identity {
    /// Who asks, in words.
    pub(super) fn shown(&self) -> Shown {
        match self {
            Identity::ClientSecret { origin, client, .. } => {
                shown!["the Azure client ", Shown::text(client), " of ", origin]
            }
            Identity::Workload { client, token_file, .. } => {
                shown!["the Azure workload identity ", Shown::text(client), " by ", Shown::path(token_file)]
            }
            Identity::AppService { .. } => "the Azure managed identity of IDENTITY_ENDPOINT".into(),
            Identity::Machine { client: Some(client), .. } => {
                shown!["the Azure managed identity ", Shown::text(client), " of this machine"]
            }
            Identity::Machine { client: None, .. } => "the Azure managed identity of this machine".into(),
        }
    }
}

/// The environment's identity, in the order of Azure's own `DefaultAzureCredential`.
///
/// # Errors
/// Variables of which only some are set.
pub fn of_environment(settings: &Settings) -> Result<Option<Identity>, Problem> {
    let azure = &settings.azure;
    let incomplete = |set, missing| Problem::IncompleteVariables { set, missing };
    let application = |set: &'static str| {
        let tenant = azure.tenant_id.clone().ok_or_else(|| incomplete(set, "AZURE_TENANT_ID"))?;
        let client = azure.client_id.clone().ok_or_else(|| incomplete(set, "AZURE_CLIENT_ID"))?;
        Ok((tenant, client))
    };
    if let Some(secret) = &azure.client_secret {
        let (tenant, client) = application("AZURE_CLIENT_SECRET")?;
        let origin = "AZURE_CLIENT_SECRET".into();
        return Ok(Some(Identity::ClientSecret { origin, tenant, client, secret: secret.clone() }));
    }
    if let Some(token_file) = &azure.federated_token_file {
        let (tenant, client) = application("AZURE_FEDERATED_TOKEN_FILE")?;
        return Ok(Some(Identity::Workload { tenant, client, token_file: token_file.clone() }));
    }
    let client = azure.client_id.clone();
    if let Some(endpoint) = &azure.identity_endpoint
        && machine::evidence(settings, Cloud::Azure) != Evidence::None
    {
        let header = azure
            .identity_header
            .clone()
            .ok_or_else(|| incomplete("IDENTITY_ENDPOINT", "IDENTITY_HEADER"))?;
        return Ok(Some(Identity::AppService { endpoint: endpoint.clone(), header, client }));
    }
    Ok(match machine::evidence(settings, Cloud::Azure) {
        Evidence::None => None,
        evidence => Some(Identity::Machine { client, named: evidence == Evidence::Named }),
    })
}

impl Identity {
    /// The tenant, if the identity comes with one.
    pub(super) fn tenant(&self) -> Option<&str> {
        match self {
            Identity::ClientSecret { tenant, .. } | Identity::Workload { tenant, .. } => Some(tenant),
            Identity::AppService { .. } | Identity::Machine { .. } => None,
        }
    }

    /// An Entra token for an audience.
    pub(super) async fn token(
        &self,
        settings: &Settings,
        http: &Http,
        cloud: AcrCloud,
        audience: &str,
    ) -> Result<Secret, NoToken> {
        let scope = format!("{audience}/.default");
        match self {
            Identity::ClientSecret { tenant, client, secret, .. } => {
                let fields =
                    [("client_id", client.as_str()), ("client_secret", secret.expose()), ("scope", &scope)];
                from_authority(settings, http, cloud, tenant, &fields).await
            }
            Identity::Workload { tenant, client, token_file } => {
                let assertion = read_token(token_file).map_err(|what| NoToken::Failed(what.into()))?;
                let fields = [
                    ("client_id", client.as_str()),
                    // RFC 7523, section 2.2.
                    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                    ("client_assertion", assertion.expose()),
                    ("scope", &scope),
                ];
                from_authority(settings, http, cloud, tenant, &fields).await
            }
            Identity::AppService { endpoint, header, client } => {
                let url = metadata_url(endpoint, "2019-08-01", audience, client.as_deref());
                let prepare = |request: RequestBuilder| request.header("X-IDENTITY-HEADER", header.expose());
                let answer = http.send(Method::GET, &url, prepare).await;
                from_metadata(answer.map_err(|none| NoToken::Failed(none.into()))?, true)
            }
            Identity::Machine { client, named } => {
                let url = metadata_url(METADATA, "2018-02-01", audience, client.as_deref());
                let prepare = |request: RequestBuilder| request.header("Metadata", "true");
                let answer = http.send(Method::GET, &url, prepare).await;
                let asked_for = *named || client.is_some();
                let none = |none: crate::cloud::http::NoAnswer| match asked_for {
                    true => NoToken::Failed(none.into()),
                    false => NoToken::Unavailable(none.into()),
                };
                from_metadata(answer.map_err(none)?, asked_for)
            }
        }
    }
}

fn metadata_url(endpoint: &str, version: &str, audience: &str, client: Option<&str>) -> String {
    let mut fields = vec![("api-version", version), ("resource", audience)];
    fields.extend(client.map(|client| ("client_id", client)));
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{separator}{}", *form(&fields))
}

fn read_token(path: &Path) -> Result<Secret, AzureFault> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().ok_or(AzureFault::NoTokenFile)?;
    let bytes = file::read_beneath(directory, Path::new(name)).map_err(AzureFault::TokenFile)?;
    let token = Secret::from_utf8(bytes.to_vec()).ok_or(AzureFault::TokenNotText)?;
    Ok(token.trimmed())
}

/// The authority that gives the token: `AZURE_AUTHORITY_HOST`, else the registry's cloud's.
fn authority(settings: &Settings, cloud: AcrCloud) -> Result<String, AzureFault> {
    let Some(named) = &settings.azure.authority_host else { return Ok(cloud.authority().to_owned()) };
    let url = if named.contains("://") { named.clone() } else { format!("https://{named}") };
    match url::Url::parse(&url) {
        Ok(url)
            if url.scheme() == "https"
                && url.host_str().is_some()
                && url.username().is_empty()
                && url.password().is_none() =>
        {
            Ok(url.as_str().trim_end_matches('/').to_owned())
        }
        _ => Err(AzureFault::Authority),
    }
}

/// The client credentials grant (RFC 6749, section 4.4).
async fn from_authority(
    settings: &Settings,
    http: &Http,
    cloud: AcrCloud,
    tenant: &str,
    fields: &[(&str, &str)],
) -> Result<Secret, NoToken> {
    // A tenant is an id or a domain; nothing else may become a part of the path.
    if tenant.is_empty() || !tenant.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
        return Err(NoToken::Failed(AzureFault::Tenant.into()));
    }
    let authority = authority(settings, cloud).map_err(|what| NoToken::Failed(what.into()))?;
    let url = format!("{authority}/{tenant}/oauth2/v2.0/token");
    let mut all = vec![("grant_type", "client_credentials")];
    all.extend_from_slice(fields);
    let answer = post_form(http, &url, &all).await.map_err(NoToken::Failed)?;
    parse(&answer)
}

fn from_metadata(answer: Answer, asked_for: bool) -> Result<Secret, NoToken> {
    match parse(&answer) {
        // A machine without an identity answers 400 `invalid_request` ("Identity not found").
        Err(NoToken::Failed(what)) if !asked_for => Err(NoToken::Unavailable(what)),
        parsed => parsed,
    }
}

/// The token in an authority's or a metadata server's answer (RFC 6749, section 5.1).
///
/// # Errors
/// A refusal, or no token.
pub fn parse(answer: &Answer) -> Result<Secret, NoToken> {
    #[derive(Deserialize)]
    struct Token {
        access_token: Secret,
    }
    if answer.status == StatusCode::OK {
        let token =
            serde_json::from_slice::<Token>(&answer.body).ok().filter(|token| !token.access_token.is_empty());
        let missing = || NoToken::Failed(AzureFault::EntraNoToken.into());
        return token.map(|token| token.access_token).ok_or_else(missing);
    }
    let said = oauth_error(answer);
    let words = said.to_string();
    // The tenant has no such resource (AADSTS500011), or the scope is not one of it (AADSTS70011).
    let unknown = ["AADSTS500011", "AADSTS70011", "invalid_resource", "invalid_scope"]
        .iter()
        .any(|code| words.contains(code));
    let fault = AzureFault::Entra(said).into();
    Err(if unknown { NoToken::UnknownAudience(fault) } else { NoToken::Failed(fault) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::from(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v)))
            .unwrap()
    }

    #[test]
    fn incomplete_identities_are_named() {
        let missing =
            |variables: &[(&str, &str)]| of_environment(&settings(variables)).unwrap_err().to_string();
        assert_eq!(
            missing(&[("AZURE_CLIENT_SECRET", "s")]),
            "AZURE_CLIENT_SECRET is set but AZURE_TENANT_ID is not; set AZURE_TENANT_ID too"
        );
        assert_eq!(
            missing(&[("AZURE_FEDERATED_TOKEN_FILE", "/t"), ("AZURE_TENANT_ID", "t")]),
            "AZURE_FEDERATED_TOKEN_FILE is set but AZURE_CLIENT_ID is not; set AZURE_CLIENT_ID too"
        );
        assert!(of_environment(&settings(&[("KUBECLARITY_CLOUD", "none")])).unwrap().is_none());
    }

    #[test]
    fn the_authority_is_the_clouds_or_the_users() {
        assert_eq!(
            authority(&settings(&[]), AcrCloud::China).unwrap(),
            "https://login.partner.microsoftonline.cn"
        );
        for (named, url) in [
            ("https://login.example.com/", "https://login.example.com"),
            ("login.example.com", "https://login.example.com"),
        ] {
            assert_eq!(
                authority(&settings(&[("AZURE_AUTHORITY_HOST", named)]), AcrCloud::Public).unwrap(),
                url
            );
        }
        for bad in ["http://login.example.com", "https://u:p@login.example.com", "ftp://x", "https://"] {
            assert!(
                authority(&settings(&[("AZURE_AUTHORITY_HOST", bad)]), AcrCloud::Public).is_err(),
                "{bad}"
            );
        }
    }
}
