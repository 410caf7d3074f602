//! What an agent beside the container gives out: the role of an ECS task, or that of a pod (EKS Pod Identity)
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>).
//!
//! One documented GET of our own: the SDK shows the token to any https address, and looks a name up twice.

use aws_credential_types::Credentials;
use aws_sdk_sts::primitives::{DateTime, DateTimeFormat};
use http::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::credentials::NoCredentials;
use crate::cloud::http::{Answer, Http, RequestBuilder};
use crate::cloud::near::{self, NotNear};
use crate::cloud::send;
use crate::identity::Origin;
use crate::identity::access::{self, Address, NotRead};
use crate::identity::aws::{Agent, Container, ContainerToken};
use crate::problem::{AwsFault, CloudFault};
use crate::secret::Secret;

use crate::shown::Shown;

/// The variable for an agent that is elsewhere than ECS's.
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
/// ECS's agent.
const ECS: &str = "http://169.254.170.2";

/// The credentials that the agent gives out.
pub(super) async fn credentials(
    origin: &Origin,
    http: &Http,
    container: &Container,
) -> Result<Credentials, NoCredentials> {
    let token = token(origin, container.token.as_ref())?;
    let url = match &container.agent {
        Agent::Path(path) if path.starts_with('/') => format!("{ECS}{path}"),
        Agent::Path(_) => {
            return Err(AwsFault::AgentNoAddress("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").into());
        }
        Agent::Address(address) => address.clone(),
    };
    let answer = ask(origin, http, &url, token.as_ref()).await?;
    match answer.status {
        StatusCode::OK => Ok(parse(&answer.body)?),
        StatusCode::NOT_FOUND if matches!(container.token, Some(ContainerToken::File(_))) => {
            Err(AwsFault::Association(said(&answer)).into())
        }
        _ => Err(AwsFault::Identity(said(&answer)).into()),
    }
}

/// Asks the agent. With a token, only one on this machine is asked; without one, a service elsewhere may be, over TLS.
async fn ask(origin: &Origin, http: &Http, url: &str, token: Option<&Secret>) -> Result<Answer, CloudFault> {
    if let Err(why) = near::agent(url, near::is_aws_agent) {
        let parsed = Url::parse(url).ok().filter(|_| why == NotNear::Elsewhere);
        let parsed = parsed.ok_or(AwsFault::AgentNoAddress(FULL_URI))?;
        if parsed.scheme() != "https" || token.is_some() {
            return Err(AwsFault::AgentElsewhere(Shown::text(parsed.host_str().unwrap_or_default())).into());
        }
    }
    let prepare = |request: RequestBuilder| match token {
        Some(token) => request.header("authorization", token.expose()),
        None => request,
    };
    send(origin, http, Address::Metadata(url), (Method::GET, url), prepare).await
}

fn token(origin: &Origin, token: Option<&ContainerToken>) -> Result<Option<Secret>, CloudFault> {
    let token = match token {
        None => return Ok(None),
        Some(ContainerToken::Text(token)) => token.clone(),
        Some(ContainerToken::File(path)) => {
            let text = access::read(origin, path).map_err(|why| match why {
                NotRead::Refused(refusal) => CloudFault::from(refusal),
                NotRead::Unreadable(why) => AwsFault::TokenFile(Shown::path(path), why).into(),
            })?;
            Secret::from_utf8(text).ok_or(AwsFault::TokenNotText)?
        }
    };
    let token = token.trimmed();
    // What fits into no header is none.
    match token.expose().bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        true => Ok(Some(token)),
        false => Err(AwsFault::TokenNotText.into()),
    }
}

/// The document that the agent answers with.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: String,
    secret_access_key: Secret,
    token: Option<Secret>,
    expiration: Option<String>,
}

/// The credentials in an agent's answer.
///
/// # Errors
/// There are none.
fn parse(body: &[u8]) -> Result<Credentials, AwsFault> {
    let document: Document = serde_json::from_slice(body).map_err(|_| AwsFault::NoSession)?;
    let Document { access_key_id, secret_access_key, token, expiration } = document;
    if access_key_id.is_empty() || secret_access_key.is_empty() {
        return Err(AwsFault::NoSession);
    }
    let expires = expiration
        .and_then(|text| DateTime::from_str(&text, DateTimeFormat::DateTimeWithOffset).ok())
        .and_then(|time| std::time::SystemTime::try_from(time).ok());
    let token = token.map(|token| token.expose().to_owned());
    Ok(Credentials::new(access_key_id, secret_access_key.expose(), token, expires, "container"))
}

/// What an agent says when it refuses: a JSON object of ECS's, or a line of EKS's.
fn said(answer: &Answer) -> Shown {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = match (body["code"].as_str(), body["message"].as_str()) {
        (Some(code), message) => shown![Shown::text(code), ": ", Shown::text(message.unwrap_or_default())],
        (None, _) => Shown::text(std::str::from_utf8(&answer.body).unwrap_or_default().trim()),
    };
    shown!["the agent answers ", answer.status.as_u16(), ": ", text]
}
