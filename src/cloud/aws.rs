//! AWS: an identity in, ECR's token out, by the official SDK.
//!
//! The SDK is given credentials and a region, and none of the environment.

mod container;
mod credentials;
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

use super::hosts::{CloudHost, EcrHost};
use super::http::Http;
use super::{Outcome, failed};
use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::identity::aws::{Aws, AwsKind, Endpoints, Metadata, Partition};
use crate::identity::{Identity, Kind, Origin};
use crate::network::aws_client::{AwsClients, Missed, Reach};
use crate::network::aws_endpoint::Service;
use crate::problem::{AwsAdvice, AwsFault, CloudFault, GoogleFault, OtherCloud, Problem};
use crate::secret::Secret;

use crate::shown::{Shown, causes};
use credentials::NoCredentials;

/// ECR Public has its API in one region only.
const PUBLIC_REGION: &str = "us-east-1";

/// The clients of AWS's SDK: one for its services, one for metadata servers.
pub(crate) struct Clients {
    service: SharedHttpClient,
    metadata: SharedHttpClient,
    doors: AwsClients,
    endpoints: Endpoints,
    deadline: Deadline,
}

impl Clients {
    fn new(http: &Http, aws: &Aws) -> Result<Clients, Problem> {
        let doors = AwsClients::new(http)?;
        Ok(Clients {
            service: doors.reaching(Reach::Services),
            metadata: doors.reaching(Reach::Machine),
            doors,
            endpoints: aws.endpoints.clone(),
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

    /// The token service in a region.
    fn sts(&self, config: &SdkConfig, region: &str) -> Result<aws_sdk_sts::Client, AwsFault> {
        let mut config = aws_sdk_sts::config::Builder::from(config);
        if let Some(address) = self.endpoints.at(Service::Sts, region)? {
            config = config.endpoint_url(address);
        }
        Ok(aws_sdk_sts::Client::from_conf(config.build()))
    }

    /// The configuration of a client in a region, without any of the environment.
    fn config(&self, region: &str, credentials: Credentials) -> SdkConfig {
        let config = self.config_without_identity(region).into_builder();
        config.credentials_provider(SharedCredentialsProvider::new(credentials)).build()
    }

    /// The same for a request that needs no credentials.
    fn config_without_identity(&self, region: &str) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(self.service.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(self.timeouts())
            .time_source(SystemTimeSource::new())
            .build()
    }
}

/// Asks ECR for a token.
pub(super) async fn credential(
    identity: &Identity,
    aws: &Aws,
    http: &Http,
    host: &CloudHost,
    name: &str,
) -> Outcome {
    let region = region(host);
    let theirs = Partition::of_region(region).unwrap_or(Partition::Commercial);
    // The name of an image must not choose which operator gets to see a token.
    let elsewhere = |ours: Partition| {
        let fault = CloudFault::OtherCloud(ours.name(), theirs.name(), fix(identity, aws));
        match host {
            // It is public: whoever cannot ask it with an identity asks without one.
            CloudHost::EcrPublic { .. } => Outcome::Unavailable(fault.into_problem(identity.shown(), name)),
            _ => failed(identity, name, fault),
        }
    };
    if let Some(ours) = aws.partition.filter(|ours| *ours != theirs) {
        return elsewhere(ours);
    }
    let clients = match Clients::new(http, aws) {
        Ok(clients) => clients,
        Err(problem) => return Outcome::Failed(problem),
    };
    let (credentials, ours) = match given(&clients, http, identity, aws, region).await {
        Ok(given) => given,
        Err(NoCredentials::NotThere(what)) if identity.is_by_chance() => {
            return Outcome::NoIdentity(shown![
                "the EC2 machine has no role, or its metadata cannot be reached from here: ",
                what
            ]);
        }
        Err(NoCredentials::NotThere(what)) => return failed(identity, name, AwsFault::NotThere(what).into()),
        Err(NoCredentials::Failed(fault)) => return failed(identity, name, fault),
    };
    if ours != theirs {
        return elsewhere(ours);
    }
    let config = clients.config(region, credentials);
    let token = match host {
        CloudHost::EcrPublic { dual_stack } => public_token(&clients, &config, *dual_stack).await,
        CloudHost::Ecr(ecr) => private_token(&clients, &config, ecr).await,
        _ => Err(AwsFault::NoRegistry),
    };
    let token = token.and_then(|token| decode(token).ok_or(AwsFault::NoToken));
    match token.map_err(|fault| clients.missed().unwrap_or(fault.into())) {
        Ok(credential) => Outcome::Found { credential, identity: identity.shown() },
        Err(fault) => Outcome::Failed(fault.into_problem(identity.shown(), name)),
    }
}

/// The credentials of an identity, and the partition that they belong to. A machine for which no region is configured is
/// asked where it is.
async fn given(
    clients: &Clients,
    http: &Http,
    identity: &Identity,
    aws: &Aws,
    region: &str,
) -> Result<(Credentials, Partition), NoCredentials> {
    let origin = &identity.origin;
    match (&aws.kind, aws.partition) {
        (AwsKind::Machine { metadata, .. }, None) => {
            let imds = credentials::imds(clients, origin, metadata).await?;
            let credentials = credentials::of_machine(clients, &imds).await?;
            let region = credentials::machine_region(imds).await;
            let partition = region.and_then(|region| Partition::of_region(&region));
            Ok((credentials, partition.unwrap_or(Partition::Commercial)))
        }
        (_, partition) => {
            let ours = partition.unwrap_or(Partition::Commercial);
            // The identity's own region where it has one: a private network may reach no other endpoint of the token service.
            let own = aws.region.as_deref().filter(|region| Partition::of_region(region) == Some(ours));
            let credentials = credentials::of(clients, http, origin, aws, own.unwrap_or(region)).await?;
            Ok((credentials, ours))
        }
    }
}

/// What to do where the registry is in another partition.
fn fix(identity: &Identity, aws: &Aws) -> OtherCloud {
    match (&identity.origin, &aws.kind) {
        (_, AwsKind::Role { .. } | AwsKind::WebIdentity { .. }) => OtherCloud::AwsRole,
        (Origin::Secret { .. }, _) => OtherCloud::AwsSecret,
        _ => OtherCloud::Aws,
    }
}

/// AWS credentials and the region of an identity, for Google's federation.
///
/// # Errors
/// What failed, in words.
pub(super) async fn credentials_of(
    identity: &Identity,
    http: &Http,
) -> Result<(Credentials, String), CloudFault> {
    let Kind::Aws(aws) = &identity.kind else { return Err(AwsFault::NoRegistry.into()) };
    let of_aws = |fault: CloudFault| GoogleFault::OfAws(identity.shown(), Box::new(fault));
    let clients = Clients::new(http, aws).map_err(|problem| CloudFault::Setup(Box::new(problem)))?;
    let region = match (&aws.region, &aws.kind) {
        (Some(region), _) => Some(region.clone()),
        (None, kind) => {
            let metadata = match kind {
                AwsKind::Machine { metadata, .. } => metadata.clone(),
                _ => Metadata::default(),
            };
            let imds = credentials::imds(&clients, &identity.origin, &metadata).await.map_err(of_aws)?;
            credentials::machine_region(imds).await
        }
    };
    let region = region.ok_or(AwsFault::NoRegion)?;
    match credentials::of(&clients, http, &identity.origin, aws, &region).await {
        Ok(credentials) => Ok((credentials, region)),
        Err(NoCredentials::NotThere(what)) => Err(of_aws(AwsFault::NotThere(what).into()).into()),
        Err(NoCredentials::Failed(fault)) => Err(of_aws(fault).into()),
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

async fn private_token(clients: &Clients, config: &SdkConfig, ecr: &EcrHost) -> Result<Token, AwsFault> {
    let config = aws_sdk_ecr::config::Builder::from(config);
    // An address of the user's is of the kind that it is.
    let config = match clients.endpoints.at(Service::Ecr, &ecr.region)? {
        Some(address) => config.endpoint_url(address),
        None => config.use_fips(ecr.fips).use_dual_stack(ecr.dual_stack),
    };
    let answer = aws_sdk_ecr::Client::from_conf(config.build()).get_authorization_token().send().await;
    let answer = answer.map_err(|error| refusal(&error, "ecr:GetAuthorizationToken"))?;
    let data = answer.authorization_data().first().ok_or(AwsFault::NoToken)?;
    token(data.authorization_token(), data.expires_at())
}

async fn public_token(clients: &Clients, config: &SdkConfig, dual_stack: bool) -> Result<Token, AwsFault> {
    let config = aws_sdk_ecrpublic::config::Builder::from(config);
    let config = match clients.endpoints.at(Service::EcrPublic, PUBLIC_REGION)? {
        Some(address) => config.endpoint_url(address),
        None => config.use_dual_stack(dual_stack),
    };
    let answer = aws_sdk_ecrpublic::Client::from_conf(config.build()).get_authorization_token().send().await;
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
    let decoded = String::from_utf8(STANDARD.decode(token.text.as_bytes()).ok()?).map(Secret::mixed).ok()?;
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
