//! Azure: an identity in, a container registry's refresh token out.
//!
//! Two requests: an Entra token for the registry's audience
//! (<https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>), then its exchange at
//! the very registry that was asked for
//! (<https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md>, "POST /oauth2/exchange").

pub mod token;

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use serde::Deserialize;

use super::http::{Answer, Http, RequestBuilder, form, oauth_error};
use super::{Outcome, failed, send};
use crate::credential::{Credential, jwt_expiry};
use crate::identity::access::Address;
use crate::identity::azure::{Azure, AzureCloud};
use crate::identity::{Identity, Origin};
use crate::problem::{AzureFault, CloudFault, OtherCloud, Said};
use crate::secret::Secret;

use crate::shown::Shown;

/// The user name that goes with a registry's refresh token.
const USER: &str = "00000000-0000-0000-0000-000000000000";
/// How long a refresh token lives that does not say so.
const LIFE: Duration = Duration::from_secs(3600);
/// The audience of the registries, the same in all clouds.
const REGISTRY_AUDIENCE: &str = "https://containerregistry.azure.net";

/// The audiences that a registry takes, the better first: the registries' own, then Resource Manager's, for
/// tenants that do not know the first.
fn audiences(cloud: AzureCloud) -> [&'static str; 2] {
    let resource_manager = match cloud {
        AzureCloud::Public => "https://management.azure.com",
        AzureCloud::China => "https://management.chinacloudapi.cn",
        AzureCloud::UsGovernment => "https://management.usgovcloudapi.net",
    };
    [REGISTRY_AUDIENCE, resource_manager]
}

/// Why there is no Entra token.
pub enum NoToken {
    /// The tenant does not know the audience: another may do.
    UnknownAudience(CloudFault),
    /// The identity failed.
    Failed(CloudFault),
}

/// Asks a registry for a refresh token.
pub(super) async fn credential(
    identity: &Identity,
    azure: &Azure,
    http: &Http,
    host: &str,
    cloud: AzureCloud,
) -> Outcome {
    let ours = azure.authority.cloud();
    if ours != cloud {
        // The name of an image must not choose which operator gets to see a secret.
        let fix = match &identity.origin {
            Origin::Secret { .. } => OtherCloud::AzureSecret,
            _ => OtherCloud::Azure,
        };
        return failed(identity, host, CloudFault::OtherCloud(ours.name(), cloud.name(), fix));
    }
    let origin = &identity.origin;
    let mut last = CloudFault::from(AzureFault::EntraNoToken);
    for audience in audiences(cloud) {
        let token = match token::token(origin, azure, http, audience).await {
            Ok(token) => token,
            Err(NoToken::UnknownAudience(what)) => {
                last = what;
                continue;
            }
            // A machine without an identity answers 400 `invalid_request` ("Identity not found").
            Err(NoToken::Failed(what)) => return failed(identity, host, what),
        };
        let refused = match exchange(origin, http, host, azure.tenant(), &token).await {
            Ok(credential) => return Outcome::Found { credential, identity: identity.shown() },
            Err((StatusCode::UNAUTHORIZED, what)) => {
                last = what;
                continue;
            }
            Err((_, what)) => what,
        };
        return Outcome::Failed(refused.into_problem(identity.shown(), host));
    }
    Outcome::Failed(last.into_problem(identity.shown(), host))
}

/// Exchanges an Entra token for the registry's refresh token. The address is made of the host that was asked
/// for and of nothing that anyone answered.
async fn exchange(
    origin: &Origin,
    http: &Http,
    host: &str,
    tenant: Option<&str>,
    token: &Secret,
) -> Result<Credential, (StatusCode, CloudFault)> {
    let url = format!("https://{host}/oauth2/exchange");
    let mut fields = vec![("grant_type", "access_token"), ("service", host)];
    fields.extend(tenant.map(|tenant| ("tenant", tenant)));
    fields.push(("access_token", token.expose()));
    let answer =
        post_form(origin, http, &url, &fields).await.map_err(|what| (StatusCode::BAD_GATEWAY, what))?;
    exchanged(&answer)
}

/// The credential in a registry's answer.
///
/// # Errors
/// The status, and the registry's reason.
pub fn exchanged(answer: &Answer) -> Result<Credential, (StatusCode, CloudFault)> {
    #[derive(Deserialize)]
    struct Exchanged {
        refresh_token: Secret,
    }
    if answer.status != StatusCode::OK {
        return Err((answer.status, AzureFault::Exchange(acr_error(answer)).into()));
    }
    let none = || (StatusCode::BAD_GATEWAY, AzureFault::ExchangeNoToken.into());
    let exchanged: Exchanged = serde_json::from_slice(&answer.body).map_err(|_| none())?;
    if exchanged.refresh_token.is_empty() {
        return Err(none());
    }
    let expires = jwt_expiry(exchanged.refresh_token.expose()).unwrap_or_else(|| SystemTime::now() + LIFE);
    Ok(Credential { username: USER.to_owned(), secret: exchanged.refresh_token, expires: Some(expires) })
}

/// A form by POST, to the identity's authority or to the registry.
async fn post_form(
    origin: &Origin,
    http: &Http,
    url: &str,
    fields: &[(&str, &str)],
) -> Result<Answer, CloudFault> {
    let body = form(fields);
    let prepare = |request: RequestBuilder| {
        request.header("content-type", "application/x-www-form-urlencoded").body(body.to_string())
    };
    send(origin, http, Address::Service, (Method::POST, url), prepare).await
}
/// A registry's error: `{"errors": [{"code", "message"}]}` (distribution's form).
fn acr_error(answer: &Answer) -> Said {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match (body["errors"][0]["code"].as_str(), body["errors"][0]["message"].as_str()) {
        (Some(code), message) => Said::Words(shown![
            answer.status.as_u16(),
            " ",
            Shown::text(code),
            ": ",
            Shown::text(message.unwrap_or_default())
        ]),
        (None, _) => oauth_error(answer),
    }
}
