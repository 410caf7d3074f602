//! AWS: an identity in, ECR's token out, by the official SDK.
//!
//! The SDK's default chain is taken apart into its links ([`identity`]), because its own goes on to the next
//! link where an identity that was asked for is incomplete (a profile that does not exist, half a key pair).

pub mod identity;
pub mod process;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ecr::config::SharedHttpClient;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::time::SystemTimeSource;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Outcome;
use super::hosts::CloudHost;
use super::http::Http;
use super::machine::{self, Evidence};
use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::network::aws_client::{AwsClients, Missed, Reach};
use crate::problem::{AwsAdvice, AwsFault, CloudFault, GoogleFault, Problem};
use crate::secret::Secret;
use crate::settings::{Cloud, Settings};
use crate::shown::{Shown, causes};
use identity::{Identity, Named};

/// ECR Public has its API in one region only.
const PUBLIC_REGION: &str = "us-east-1";

/// The clients of AWS's SDK: one for its services, one for metadata servers.
pub(crate) struct Clients {
    service: SharedHttpClient,
    metadata: SharedHttpClient,
    doors: AwsClients,
    deadline: Deadline,
}

impl Clients {
    fn new(http: &Http) -> Result<Clients, Problem> {
        let doors = AwsClients::new(http)?;
        Ok(Clients {
            service: doors.reaching(Reach::Services),
            metadata: doors.reaching(Reach::Machine),
            doors,
            deadline: http.deadline,
        })
    }

    /// Why the last request brought nothing, if that is what it came to.
    fn missed(&self) -> Option<CloudFault> {
        match self.doors.last().missed? {
            Missed::Down(what) => Some(what.into()),
            Missed::Setup(problem) => Some(CloudFault::Setup(Box::new(problem))),
            Missed::Elsewhere => None,
        }
    }

    fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder().operation_timeout(self.deadline.left()).build()
    }

    /// The configuration of a client in a region, without any of the environment.
    fn config(&self, region: &str, credentials: Credentials) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(self.service.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(self.timeouts())
            .time_source(SystemTimeSource::new())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }
}

/// What was looked for, if there is no identity of AWS here; found out without a client.
pub fn no_identity(settings: &Settings) -> Option<&'static str> {
    let none =
        !identity::is_configured(settings) && machine::evidence(settings, Cloud::Aws) == Evidence::None;
    none.then_some("no keys, profile, web identity or container credentials in the environment, and this is no EC2 machine")
}

/// Asks ECR for a token, with a given identity or the environment's.
pub async fn credential(
    settings: &Settings,
    http: &Http,
    host: &CloudHost,
    given: Option<&identity::Keys>,
    name: &str,
) -> Outcome {
    let region = region(host);
    let clients = match Clients::new(http) {
        Ok(clients) => clients,
        Err(problem) => return Outcome::Failed(problem),
    };
    let identity = match given {
        Some(keys) => identity::of_keys(&clients, keys, region).await,
        None => {
            let evidence = machine::evidence(settings, Cloud::Aws);
            identity::of_environment(settings, &clients, region, evidence).await
        }
    };
    let Named { credentials, identity } = match identity {
        Identity::Found(named) => named,
        Identity::None(looked_for) => return Outcome::NoIdentity(looked_for),
        Identity::Failed { identity, fault } => {
            return Outcome::Failed(fault.into_problem(identity, name));
        }
        Identity::Unavailable { identity, fault } => {
            return Outcome::Unavailable(fault.into_problem(identity, name));
        }
    };
    let config = clients.config(region, credentials);
    let token = match host {
        CloudHost::EcrPublic { dual_stack } => public_token(&config, *dual_stack).await,
        CloudHost::Ecr(ecr) => private_token(&config, ecr.fips, ecr.dual_stack).await,
        _ => Err(AwsFault::NoRegistry),
    };
    let token = token.and_then(|token| decode(token).ok_or(AwsFault::NoToken));
    match token.map_err(|fault| clients.missed().unwrap_or(fault.into())) {
        Ok(credential) => Outcome::Found { credential, identity },
        Err(fault) => Outcome::Failed(fault.into_problem(identity, name)),
    }
}

/// AWS credentials and the region of this machine or pod, for Google's federation.
///
/// # Errors
/// What failed, in words.
pub async fn of_this_machine(settings: &Settings, http: &Http) -> Result<(Credentials, String), CloudFault> {
    let clients = Clients::new(http).map_err(|problem| CloudFault::Setup(Box::new(problem)))?;
    let region = match &settings.aws.region {
        Some(region) => region.clone(),
        None => identity::machine_region(&clients).await?,
    };
    // A configuration that says "AWS" names the machine.
    match identity::of_environment(settings, &clients, &region, Evidence::Named).await {
        Identity::Found(named) => Ok((named.credentials, region)),
        Identity::None(looked_for) => Err(GoogleFault::NoAwsIdentity(looked_for).into()),
        Identity::Failed { identity, fault } | Identity::Unavailable { identity, fault } => {
            Err(GoogleFault::OfAws(identity, Box::new(fault)).into())
        }
    }
}

/// The region to ask: the host's own.
fn region(host: &CloudHost) -> &str {
    match host {
        CloudHost::Ecr(ecr) => &ecr.region,
        _ => PUBLIC_REGION,
    }
}

/// A token as the API gives it: base64 of `AWS:<password>`, and when it expires.
struct Token {
    text: Zeroizing<String>,
    expires: Option<SystemTime>,
}

async fn private_token(config: &SdkConfig, fips: bool, dual_stack: bool) -> Result<Token, AwsFault> {
    let config = aws_sdk_ecr::config::Builder::from(config).use_fips(fips).use_dual_stack(dual_stack).build();
    let answer = aws_sdk_ecr::Client::from_conf(config).get_authorization_token().send().await;
    let answer = answer.map_err(|error| refusal(&error, "ecr:GetAuthorizationToken"))?;
    let data = answer.authorization_data().first().ok_or(AwsFault::NoToken)?;
    token(data.authorization_token(), data.expires_at())
}

async fn public_token(config: &SdkConfig, dual_stack: bool) -> Result<Token, AwsFault> {
    let config = aws_sdk_ecrpublic::config::Builder::from(config).use_dual_stack(dual_stack).build();
    let answer = aws_sdk_ecrpublic::Client::from_conf(config).get_authorization_token().send().await;
    let answer = answer
        .map_err(|error| refusal(&error, "ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken"))?;
    let data = answer.authorization_data().ok_or(AwsFault::NoToken)?;
    token(data.authorization_token(), data.expires_at())
}

fn token(text: Option<&str>, expires: Option<&aws_sdk_ecr::primitives::DateTime>) -> Result<Token, AwsFault> {
    let text = Zeroizing::new(text.ok_or(AwsFault::NoToken)?.to_owned());
    let expires = expires
        .and_then(|at| u64::try_from(at.secs()).ok())
        .map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
    Ok(Token { text, expires })
}

fn decode(token: Token) -> Option<Credential> {
    let decoded = Secret::from_utf8(STANDARD.decode(token.text.as_bytes()).ok()?)?;
    let (username, password) = decoded.expose().split_once(':')?;
    if username.is_empty() || password.is_empty() {
        return None;
    }
    Some(Credential {
        username: username.to_owned(),
        secret: Secret::new(password.to_owned()),
        expires: token.expires,
    })
}

/// Why a call failed, and what to do; by AWS's error code where there is one.
fn refusal<E>(error: &SdkError<E>, action: &'static str) -> AwsFault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Some(code) = error.code() else {
        return AwsFault::NotReached(Shown::text(&causes(error)));
    };
    let message = Shown::text(error.message().unwrap_or_default());
    AwsFault::Refused { code: Shown::text(code), message, advice: AwsAdvice::of(code, action) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<Credential> {
        decode(Token { text: Zeroizing::new(STANDARD.encode(text)), expires: None })
    }

    #[test]
    fn a_token_is_user_and_password() {
        let credential = decoded("AWS:pass:word").unwrap();
        assert_eq!((credential.username.as_str(), credential.secret.expose()), ("AWS", "pass:word"));
        for broken in ["", "AWS", "AWS:", ":p"] {
            assert_eq!(decoded(broken), None, "{broken}");
        }
        assert_eq!(decode(Token { text: Zeroizing::new("!".into()), expires: None }), None);
    }
}
