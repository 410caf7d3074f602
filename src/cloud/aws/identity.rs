//! Who asks: keys from a Secret (with or without a role), or the links of the SDK's default chain in its order.
//!
//! An identity that is asked for and fails is final. Only "not there" leads to the next link.

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{Region, imds};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::config::SharedHttpClient;
use http::StatusCode;

use super::Clients;
use super::process::{Process, Role};
use crate::cloud::machine::Evidence;
use crate::credential::jwt_identity_in;
use crate::file;
use crate::network::aws_client::Missed;
use crate::problem::{AwsFault, CloudFault, HttpFault};
use crate::secret::Secret;
use crate::settings::{AwsSettings, Settings};
use crate::shown::{Shown, causes};

/// How sessions of assumed roles are named, for whoever reads CloudTrail.
const SESSION: &str = "docker-credential-kubeclarity";

/// Keys as a Secret has them.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The Secret, for messages.
    pub origin: Shown,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Secret,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<Secret>,
    /// `AWS_ROLE_ARN`, assumed with the keys.
    pub role_arn: Option<String>,
    /// `AWS_EXTERNAL_ID`, which the role may demand.
    pub external_id: Option<String>,
}

/// Credentials of AWS, and whose they are.
pub(super) struct Named {
    pub credentials: Credentials,
    pub identity: Shown,
}

/// What came of looking for an identity.
pub(super) enum Identity {
    Found(Named),
    None(Shown),
    Failed { identity: Shown, fault: CloudFault },
    Unavailable { identity: Shown, fault: CloudFault },
}

/// The identity of a Secret's keys.
pub(super) async fn of_keys(clients: &Clients, keys: &Keys, region: &str) -> Identity {
    let token = keys.session_token.as_ref().map(|token| token.expose().to_owned());
    let own =
        Credentials::new(keys.access_key_id.expose(), keys.secret_access_key.expose(), token, None, "secret");
    let Some(role) = &keys.role_arn else {
        return found(own, shown!["the AWS keys in ", keys.origin]);
    };
    let identity = shown!["the AWS role ", Shown::text(role), " of ", keys.origin];
    assumed(clients, own, &Role::of(role, keys.external_id.as_deref()), region, identity).await
}

/// Credentials that can be used.
fn found(credentials: Credentials, identity: Shown) -> Identity {
    match malformed(&credentials) {
        None => Identity::Found(Named { credentials, identity }),
        Some(fault) => Identity::Failed { identity, fault: fault.into() },
    }
}

/// The SDK panics on what fits no header, and tells nothing of what is wrong.
fn malformed(credentials: &Credentials) -> Option<AwsFault> {
    let fits = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
    match credentials {
        keys if !fits(keys.access_key_id()) => Some(AwsFault::Malformed("AWS_ACCESS_KEY_ID")),
        keys if !fits(keys.secret_access_key()) => Some(AwsFault::Malformed("AWS_SECRET_ACCESS_KEY")),
        keys if !fits(keys.session_token().unwrap_or_default()) => {
            Some(AwsFault::Malformed("AWS_SESSION_TOKEN"))
        }
        _ => None,
    }
}

/// A role taken on with keys.
async fn assumed(
    clients: &Clients,
    own: Credentials,
    role: &Role,
    region: &str,
    identity: Shown,
) -> Identity {
    if let Some(fault) = malformed(&own) {
        return Identity::Failed { identity, fault: fault.into() };
    }
    let config = clients.config(region, own.clone());
    let session = role.session_name.as_deref().unwrap_or(SESSION);
    let mut provider = AssumeRoleProvider::builder(&role.arn).session_name(session).configure(&config);
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    provided(clients, provider.build_from_provider(own).await, identity).await
}

/// The first identity of the environment that is asked for. The machine's own is asked for only with
/// evidence that this is an EC2 machine.
pub(super) async fn of_environment(
    settings: &Settings,
    clients: &Clients,
    registry_region: &str,
    evidence: Evidence,
) -> Identity {
    let aws = &settings.aws;
    match (&aws.access_key_id, &aws.secret_access_key) {
        (Some(id), Some(key)) => {
            let token = aws.session_token.as_ref().map(|token| token.expose().to_owned());
            let credentials = Credentials::new(id.expose(), key.expose(), token, None, "environment");
            // With a token file beside it, the role is for that, and the SDK takes the keys as they are.
            if let Some(role) = aws.role_arn.as_ref().filter(|_| aws.web_identity_token_file.is_none()) {
                let identity = shown!["the AWS role ", Shown::text(role), " of AWS_ROLE_ARN"];
                let region = aws.region.as_deref().unwrap_or(registry_region);
                let role = Role::of(role, aws.external_id.as_deref());
                return assumed(clients, credentials, &role, region, identity).await;
            }
            return found(credentials, "the AWS keys in AWS_ACCESS_KEY_ID".into());
        }
        (Some(_), None) => return half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        (None, Some(_)) => return half("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        (None, None) => {}
    }
    // The identity's own region where it has one: a private network may reach no other endpoint of STS.
    let region = aws.region.as_deref().unwrap_or(registry_region);

    // The SDK would take the token of a profile's role, or a projected one, wherever these variables say.
    if let Some(variable) =
        aws.endpoint_override.filter(|_| has_profile(settings) || aws.web_identity_token_file.is_some())
    {
        let identity = "the AWS identity of the environment".into();
        return Identity::Failed { identity, fault: AwsFault::Endpoint(variable).into() };
    }
    if let Some(answer) = of_profile(settings, clients, region).await {
        return answer;
    }
    if aws.web_identity_token_file.is_some() {
        let role = aws.role_arn.as_deref().map_or("(AWS_ROLE_ARN is not set)".into(), Shown::text);
        let provider = WebIdentityTokenCredentialsProvider::builder()
            .configure(&config(clients, clients.service.clone(), region))
            .build();
        let answer =
            asked_for(clients, provider, shown!["the AWS role ", role, " by AWS_WEB_IDENTITY_TOKEN_FILE"])
                .await;
        return refused(answer, |causes| {
            clients.doors.last().code.filter(|code| code == "AccessDenied")?;
            let token = file::read_following(aws.web_identity_token_file.as_deref()?).ok()?;
            let (_, subject) = jwt_identity_in(&token)?;
            Some(AwsFault::Trust { causes: causes.clone(), subject: Shown::text(&subject) })
        });
    }
    if aws.container_credentials.is_some() {
        // Without a clock to wait by, the SDK does not try again by itself.
        let direct = ProviderConfig::empty().with_http_client(clients.metadata.clone());
        let provider = EcsCredentialsProvider::builder().configure(&direct).build();
        let answer = asked_for(clients, provider, container_identity(aws)).await;
        return refused(answer, |causes| {
            let unknown = clients.doors.last().status == Some(StatusCode::NOT_FOUND);
            (unknown && aws.container_token_file.is_some()).then(|| AwsFault::Association(causes.clone()))
        });
    }
    if evidence == Evidence::None {
        return Identity::None("the AWS profile holds no credentials, and this is no EC2 machine".into());
    }
    let identity = Shown::from("the AWS role of this EC2 machine");
    match provided(
        clients,
        ImdsCredentialsProvider::builder().imds_client(imds(clients)).build(),
        identity.clone(),
    )
    .await
    {
        Identity::None(what) if evidence == Evidence::Named => {
            Identity::Failed { identity, fault: AwsFault::NotThere(what).into() }
        }
        Identity::None(what) => Identity::None(shown![
            "the EC2 machine has no role, or its metadata cannot be reached from here: ",
            what
        ]),
        // Nobody asked for it by name; a pod on such a machine is often cut off from it on purpose.
        Identity::Failed { identity, fault } if evidence == Evidence::Seen => {
            Identity::Unavailable { identity, fault }
        }
        answer => answer,
    }
}

/// The ECS task's role, or EKS Pod Identity, whose token is in a file.
fn container_identity(aws: &AwsSettings) -> Shown {
    match &aws.container_token_file {
        Some(file) => {
            shown!["the AWS container credentials (EKS Pod Identity) by the token file ", Shown::path(file)]
        }
        None => "the AWS container credentials (ECS task role)".into(),
    }
}

/// Whether the environment asks for an identity other than the machine's, without reading any of it.
pub(super) fn is_configured(settings: &Settings) -> bool {
    let aws = &settings.aws;
    aws.access_key_id.is_some()
        || aws.secret_access_key.is_some()
        || aws.web_identity_token_file.is_some()
        || aws.container_credentials.is_some()
        || has_profile(settings)
}

/// Whether a profile is named, or a file is there that could hold the default one.
fn has_profile(settings: &Settings) -> bool {
    let aws = &settings.aws;
    let default =
        |name: &str| settings.home.as_ref().is_some_and(|home| file::exists(&home.join(".aws").join(name)));
    let named = aws.profile.is_some() || aws.config_file.is_some() || aws.credentials_file.is_some();
    named || default("credentials") || default("config")
}

/// The region of this EC2 machine, by its metadata server.
pub(super) async fn machine_region(clients: &Clients) -> Result<String, AwsFault> {
    let provider = ImdsRegionProvider::builder().imds_client(imds(clients)).build();
    match provider.region().await {
        Some(region) => Ok(region.to_string()),
        None => Err(AwsFault::NoRegion),
    }
}

/// The client of EC2's metadata server, which tries each request once: the doors try again.
fn imds(clients: &Clients) -> imds::Client {
    let direct = ProviderConfig::without_region().with_http_client(clients.metadata.clone());
    let left = clients.deadline.left();
    imds::Client::builder()
        .configure(&direct)
        .max_attempts(1)
        .operation_timeout(left)
        .operation_attempt_timeout(left)
        .build()
}

fn half(set: &'static str, missing: &'static str) -> Identity {
    Identity::Failed { identity: shown!["the AWS keys in ", set], fault: AwsFault::Half(missing).into() }
}

/// The profile's identity; `None` if nobody named one and there is none.
async fn of_profile(settings: &Settings, clients: &Clients, region: &str) -> Option<Identity> {
    let aws = &settings.aws;
    if !has_profile(settings) {
        return None;
    }
    let identity = shown!["the AWS profile ", Shown::text(aws.profile.as_deref().unwrap_or("default"))];
    if let Some(process) = Process::of_profile().await {
        return Some(of_process(clients, process, region, identity).await);
    }
    let provider = ProfileFileCredentialsProvider::builder()
        .configure(&config(clients, clients.service.clone(), region))
        .build();
    match provided(clients, provider, identity.clone()).await {
        Identity::None(_) if aws.profile.is_none() => None,
        Identity::None(what) => Some(Identity::Failed { identity, fault: AwsFault::Profile(what).into() }),
        answer => Some(answer),
    }
}

/// The credentials that a profile's command prints, and the roles that they take on.
async fn of_process(clients: &Clients, process: Process, region: &str, identity: Shown) -> Identity {
    let mut answer = match process.credentials().await {
        Ok(credentials) => found(credentials, identity.clone()),
        Err(fault) => Identity::Failed { identity: identity.clone(), fault: fault.into() },
    };
    for role in process.roles {
        answer = match answer {
            Identity::Found(Named { credentials, .. }) => {
                assumed(clients, credentials, &role, region, identity.clone()).await
            }
            answer => return answer,
        };
    }
    answer
}

fn config(clients: &Clients, client: SharedHttpClient, region: &str) -> ProviderConfig {
    ProviderConfig::without_region()
        .with_region(Some(Region::new(region.to_owned())))
        .with_http_client(client)
        .with_retry_config(RetryConfig::disabled())
        .with_timeout_config(clients.timeouts())
}

/// A failure with a better remedy than the general one, if there is one for what the SDK says.
fn refused(answer: Identity, better: impl Fn(&Shown) -> Option<AwsFault>) -> Identity {
    match answer {
        Identity::Failed { identity, fault: CloudFault::Aws(AwsFault::Identity(causes)) } => {
            let fault = better(&causes).unwrap_or(AwsFault::Identity(causes));
            Identity::Failed { identity, fault: fault.into() }
        }
        answer => answer,
    }
}

/// STS's answer out of the SDK's words, which show it as the structure that it is in Rust: code and message.
fn plainly(causes: &str) -> String {
    let field = |name: &str| {
        let (_, rest) = causes.split_once(&format!("{name}: \""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    match (causes.split_once(": unhandled error"), field("code"), field("message")) {
        (Some((before, _)), Some(code), Some(message)) => format!("{before}: {code}: {message}"),
        _ => causes.to_owned(),
    }
}

/// An identity that variables ask for: "not there" is a failure of it.
async fn asked_for(clients: &Clients, provider: impl ProvideCredentials, identity: Shown) -> Identity {
    match provided(clients, provider, identity.clone()).await {
        Identity::None(what) => Identity::Failed { identity, fault: AwsFault::NotThere(what).into() },
        answer => answer,
    }
}

async fn provided(clients: &Clients, provider: impl ProvideCredentials, identity: Shown) -> Identity {
    clients.doors.forget();
    let error = match provider.provide_credentials().await {
        Ok(credentials) => return found(credentials, identity),
        Err(error) => error,
    };
    let fault = match (clients.doors.last().missed, &error) {
        (Some(Missed::Elsewhere), _) => AwsFault::Endpoint("endpoint_url in the AWS configuration file"),
        (Some(Missed::Down(HttpFault::CutOff(host, why))), CredentialsError::CredentialsNotLoaded(_)) => {
            return Identity::None(shown![host, ": ", why]);
        }
        (Some(Missed::Setup(problem)), _) => {
            return Identity::Failed { identity, fault: CloudFault::Setup(Box::new(problem)) };
        }
        (Some(Missed::Down(what)), _) => return Identity::Failed { identity, fault: what.into() },
        (None, CredentialsError::CredentialsNotLoaded(_)) => {
            return Identity::None(Shown::text(&causes(&error)));
        }
        (None, CredentialsError::ProviderTimedOut(_)) => AwsFault::NotReached(Shown::text(&causes(&error))),
        (None, _) => {
            let causes = plainly(&causes(&error));
            // The portal of IAM Identity Center calls an old login a session token.
            let sso = causes.to_lowercase().contains("sso") || causes.contains("Session token not found");
            let causes = Shown::text(&causes);
            if sso { AwsFault::Sso(causes) } else { AwsFault::Identity(causes) }
        }
    };
    Identity::Failed { identity, fault: fault.into() }
}
