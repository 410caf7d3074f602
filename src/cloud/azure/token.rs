//! The Entra token of each of Azure's identities: from the authority of its cloud, or from a metadata server.

use http::{Method, StatusCode};
use serde::Deserialize;

use super::{NoToken, post_form};
use crate::cloud::http::{Answer, Http, RequestBuilder, form, oauth_error};
use crate::cloud::near::{self, NotNear};
use crate::cloud::send;
use crate::identity::access::{self, Address, NotRead};
use crate::identity::azure::{Authority, Azure, AzureKind};
use crate::identity::{Assertion, Origin};
use crate::network::address::is_here;
use crate::problem::{AzureFault, CloudFault};
use crate::secret::Secret;

/// The machine's metadata server
/// (<https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>).
const METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// An Entra token for an audience.
pub(super) async fn token(
    origin: &Origin,
    azure: &Azure,
    http: &Http,
    audience: &str,
) -> Result<Secret, NoToken> {
    let scope = format!("{audience}/.default");
    match &azure.kind {
        AzureKind::Secret { tenant, client, secret } => {
            let fields =
                [("client_id", client.as_str()), ("client_secret", secret.expose()), ("scope", &scope)];
            from_authority(origin, http, azure.authority, tenant, &fields).await
        }
        AzureKind::Federated { tenant, client, assertion } => {
            let assertion = read(origin, assertion).map_err(NoToken::Failed)?;
            let fields = [
                ("client_id", client.as_str()),
                // RFC 7523, section 2.2.
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion.expose()),
                ("scope", &scope),
            ];
            from_authority(origin, http, azure.authority, tenant, &fields).await
        }
        AzureKind::AppService { endpoint, header, client } => {
            let url = metadata_url(endpoint, "2019-08-01", audience, client.as_deref());
            let answer = from_app_service(origin, http, endpoint, &url, header).await;
            parse(&answer.map_err(NoToken::Failed)?)
        }
        AzureKind::Machine { client, .. } => {
            let url = metadata_url(METADATA, "2018-02-01", audience, client.as_deref());
            let prepare = |request: RequestBuilder| request.header("Metadata", "true");
            let answer = send(origin, http, Address::Metadata(METADATA), (Method::GET, &url), prepare).await;
            parse(&answer.map_err(NoToken::Failed)?)
        }
    }
}

/// App Service's agent is shown a header that it takes for a password: it goes to this machine only.
async fn from_app_service(
    origin: &Origin,
    http: &Http,
    endpoint: &str,
    url: &str,
    header: &Secret,
) -> Result<Answer, CloudFault> {
    near::agent(endpoint, is_here).map_err(|why| match why {
        NotNear::NoAddress => AzureFault::EndpointNoAddress,
        NotNear::Elsewhere => AzureFault::EndpointElsewhere,
    })?;
    let prepare = |request: RequestBuilder| request.header("X-IDENTITY-HEADER", header.expose());
    send(origin, http, Address::Metadata(endpoint), (Method::GET, url), prepare).await
}

fn metadata_url(endpoint: &str, version: &str, audience: &str, client: Option<&str>) -> String {
    let mut fields = vec![("api-version", version), ("resource", audience)];
    fields.extend(client.map(|client| ("client_id", client)));
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{separator}{}", *form(&fields))
}

fn read(origin: &Origin, assertion: &Assertion) -> Result<Secret, CloudFault> {
    match assertion {
        Assertion::Token(token) => Ok(token.clone()),
        Assertion::File(path) => {
            let text = access::read(origin, path).map_err(|why| match why {
                NotRead::Refused(refusal) => CloudFault::from(refusal),
                NotRead::Unreadable(why) => AzureFault::TokenFile(why).into(),
            })?;
            Ok(Secret::from_utf8(text).ok_or(AzureFault::TokenNotText)?.trimmed())
        }
    }
}

/// The client credentials grant (RFC 6749, section 4.4).
async fn from_authority(
    origin: &Origin,
    http: &Http,
    authority: Authority,
    tenant: &str,
    fields: &[(&str, &str)],
) -> Result<Secret, NoToken> {
    // A tenant is an id or a domain; nothing else may become a part of the path.
    if tenant.is_empty() || !tenant.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
        return Err(NoToken::Failed(AzureFault::Tenant.into()));
    }
    let url = format!("{}/{tenant}/oauth2/v2.0/token", authority.url());
    let mut all = vec![("grant_type", "client_credentials")];
    all.extend_from_slice(fields);
    let answer = post_form(origin, http, &url, &all).await.map_err(NoToken::Failed)?;
    parse(&answer)
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
