//! Azure: an identity in, a container registry's refresh token out.
//!
//! Two requests: an Entra token for the registry's audience
//! (<https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>), then its exchange at
//! the very registry that was asked for
//! (<https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md>, "POST /oauth2/exchange").

pub mod identity;

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use serde::Deserialize;

use super::Outcome;
use super::hosts::AcrCloud;
use super::http::{Answer, Http, RequestBuilder, form, oauth_error};
use crate::credential::{Credential, jwt_expiry};
use crate::problem::{AzureFault, CloudFault, Said};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::shown::Shown;
use identity::Identity;

/// The user name that goes with a registry's refresh token.
const USER: &str = "00000000-0000-0000-0000-000000000000";
/// How long a refresh token lives that does not say so.
const LIFE: Duration = Duration::from_secs(3600);
/// The audience of the registries, the same in all clouds.
const REGISTRY_AUDIENCE: &str = "https://containerregistry.azure.net";

impl AcrCloud {
    /// Who gives tokens in this cloud.
    pub fn authority(self) -> &'static str {
        match self {
            AcrCloud::Public => "https://login.microsoftonline.com",
            AcrCloud::China => "https://login.partner.microsoftonline.cn",
            AcrCloud::UsGovernment => "https://login.microsoftonline.us",
        }
    }

    /// The audiences that a registry takes, the better first: the registries' own, then Resource Manager's, for
    /// tenants that do not know the first.
    fn audiences(self) -> [&'static str; 2] {
        let resource_manager = match self {
            AcrCloud::Public => "https://management.azure.com",
            AcrCloud::China => "https://management.chinacloudapi.cn",
            AcrCloud::UsGovernment => "https://management.usgovcloudapi.net",
        };
        [REGISTRY_AUDIENCE, resource_manager]
    }
}

/// Why there is no Entra token.
pub enum NoToken {
    /// The tenant does not know the audience: another may do.
    UnknownAudience(CloudFault),
    /// The identity failed.
    Failed(CloudFault),
    /// A metadata server that nobody named does not answer, or has no identity.
    Unavailable(CloudFault),
}

const NO_IDENTITY: &str = "no client secret, workload identity or managed identity in the environment, and this is no Azure machine";

/// What was looked for, if there is no identity of Azure here; found out without a client.
pub fn no_identity(settings: &Settings) -> Option<&'static str> {
    matches!(identity::of_environment(settings), Ok(None)).then_some(NO_IDENTITY)
}

/// Asks a registry for a refresh token, with a given identity or the environment's.
pub async fn credential(
    settings: &Settings,
    http: &Http,
    host: &str,
    cloud: AcrCloud,
    given: Option<Identity>,
) -> Outcome {
    let identity = match given.map_or_else(|| identity::of_environment(settings), |given| Ok(Some(given))) {
        Ok(Some(identity)) => identity,
        Ok(None) => return Outcome::NoIdentity(NO_IDENTITY.into()),
        Err(problem) => return Outcome::Failed(problem),
    };
    let problem = |fault: CloudFault| fault.into_problem(identity.shown(), host);
    let mut last = CloudFault::from(AzureFault::EntraNoToken);
    for audience in cloud.audiences() {
        let token = match identity.token(settings, http, cloud, audience).await {
            Ok(token) => token,
            Err(NoToken::UnknownAudience(what)) => {
                last = what;
                continue;
            }
            Err(NoToken::Failed(what)) => return Outcome::Failed(problem(what)),
            Err(NoToken::Unavailable(what)) => return Outcome::Unavailable(problem(what)),
        };
        match exchange(http, host, identity.tenant(), &token).await {
            Ok(credential) => return Outcome::Found { credential, identity: identity.shown() },
            Err((StatusCode::UNAUTHORIZED, what)) => last = what,
            Err((_, what)) => return Outcome::Failed(problem(what)),
        }
    }
    Outcome::Failed(problem(last))
}

/// Exchanges an Entra token for the registry's refresh token. The address is made of the host that was asked
/// for and of nothing that anyone answered.
async fn exchange(
    http: &Http,
    host: &str,
    tenant: Option<&str>,
    token: &Secret,
) -> Result<Credential, (StatusCode, CloudFault)> {
    let url = format!("https://{host}/oauth2/exchange");
    let mut fields = vec![("grant_type", "access_token"), ("service", host)];
    fields.extend(tenant.map(|tenant| ("tenant", tenant)));
    fields.push(("access_token", token.expose()));
    let answer = post_form(http, &url, &fields).await.map_err(|what| (StatusCode::BAD_GATEWAY, what))?;
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

/// A form by POST.
async fn post_form(http: &Http, url: &str, fields: &[(&str, &str)]) -> Result<Answer, CloudFault> {
    let body = form(fields);
    let prepare = |request: RequestBuilder| {
        request.header("content-type", "application/x-www-form-urlencoded").body(body.to_string())
    };
    http.send(Method::POST, url, prepare).await.map_err(CloudFault::from)
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
