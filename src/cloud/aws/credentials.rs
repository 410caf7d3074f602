//! Credentials of AWS for each of its identities. An identity that is asked for and fails is final.

use aws_config::Region;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::config::SharedHttpClient;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

use super::{Clients, container, process};
use crate::cloud::http::Http;
use crate::cloud::near;
use crate::credential::jwt_identity;
use crate::file;
use crate::identity::access::{self, Address, NotRead, Reference};
use crate::identity::aws::{Aws, AwsKind, Base, Keys, Metadata, Profile, ProfileText, Role};
use crate::identity::{Assertion, Origin};
use crate::network::aws_client::Missed;
use crate::problem::{AwsFault, CloudFault, HttpFault};
use crate::secret::{Secret, known};
use crate::shown::{Shown, causes};

/// How sessions of assumed roles are named, for whoever reads CloudTrail, if nothing else is asked for.
const SESSION: &str = "docker-credential-kubeclarity";

/// Why there are no credentials.
pub(super) enum NoCredentials {
    /// There is nothing of the kind here.
    NotThere(Shown),
    /// Something is there, and failed.
    Failed(CloudFault),
}

impl<T: Into<CloudFault>> From<T> for NoCredentials {
    fn from(fault: T) -> NoCredentials {
        NoCredentials::Failed(fault.into())
    }
}

/// The credentials of an identity. Its token service is asked in the given region.
pub(super) async fn of(
    clients: &Clients,
    http: &Http,
    origin: &Origin,
    aws: &Aws,
    region: &str,
) -> Result<Credentials, NoCredentials> {
    let credentials = match &aws.kind {
        AwsKind::Keys(keys) => plain(keys),
        AwsKind::Role { keys, role } => assumed(clients, region, plain(keys), role).await?,
        AwsKind::WebIdentity { role, assertion } => {
            let token = token(origin, assertion)?;
            assumed_with_token(clients, region, role, &token).await?
        }
        AwsKind::Container(container) => container::credentials(origin, http, container).await?,
        AwsKind::Profile(profile) => of_profile(clients, http, origin, profile, region).await?,
        AwsKind::Machine { metadata, .. } => {
            of_machine(clients, &imds(clients, origin, metadata).await?).await?
        }
    };
    Ok(checked(credentials)?)
}

/// The credentials of an EC2 machine.
pub(super) async fn of_machine(clients: &Clients, imds: &imds::Client) -> Result<Credentials, NoCredentials> {
    let provider = ImdsCredentialsProvider::builder().imds_client(imds.clone()).build();
    Ok(checked(provided(clients, provider).await?)?)
}

/// The region of this EC2 machine, by its metadata server; `None` if it does not tell.
pub(super) async fn machine_region(imds: imds::Client) -> Option<String> {
    let provider = ImdsRegionProvider::builder().imds_client(imds).build();
    provider.region().await.map(|region| region.to_string())
}

fn plain(keys: &Keys) -> Credentials {
    let token = keys.session_token.as_ref().map(|token| token.expose().to_owned());
    Credentials::new(keys.access_key_id.expose(), keys.secret_access_key.expose(), token, None, "identity")
}

/// The SDK panics on what fits no header, and tells nothing of what is wrong.
fn checked(credentials: Credentials) -> Result<Credentials, AwsFault> {
    // Some were read or given out by the SDK.
    known::remember_text(credentials.secret_access_key());
    known::remember_text(credentials.session_token().unwrap_or_default());
    let fits = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
    let malformed = match &credentials {
        keys if !fits(keys.access_key_id()) => "AWS_ACCESS_KEY_ID",
        keys if !fits(keys.secret_access_key()) => "AWS_SECRET_ACCESS_KEY",
        keys if !fits(keys.session_token().unwrap_or_default()) => "AWS_SESSION_TOKEN",
        _ => return Ok(credentials),
    };
    Err(AwsFault::Malformed(malformed))
}

/// A role, taken on with keys.
async fn assumed(
    clients: &Clients,
    region: &str,
    keys: Credentials,
    role: &Role,
) -> Result<Credentials, CloudFault> {
    let config = clients.config(region, checked(keys)?);
    let call = clients.sts(&config, region)?.assume_role().role_arn(&role.arn);
    let call = call.role_session_name(role.session.as_deref().unwrap_or(SESSION));
    let answer = call.set_external_id(role.external_id.clone()).send().await;
    let answer = answer.map_err(|error| refused(clients, &error))?;
    Ok(session(answer.credentials())?)
}

/// A role, taken on with a token of an issuer that it trusts.
async fn assumed_with_token(
    clients: &Clients,
    region: &str,
    role: &Role,
    token: &Secret,
) -> Result<Credentials, CloudFault> {
    let config = clients.config_without_identity(region);
    let call = clients.sts(&config, region)?.assume_role_with_web_identity().role_arn(&role.arn);
    let call = call.role_session_name(role.session.as_deref().unwrap_or(SESSION));
    let answer = call.web_identity_token(token.expose()).send().await;
    let answer = answer.map_err(|error| match (refused(clients, &error), jwt_identity(token.expose())) {
        (CloudFault::Aws(AwsFault::Identity(causes)), Some((_, subject)))
            if error.code() == Some("AccessDenied") =>
        {
            AwsFault::Trust { causes, subject: Shown::text(&subject) }.into()
        }
        (fault, _) => fault,
    })?;
    Ok(session(answer.credentials())?)
}

/// What the token service gave out.
fn session(given: Option<&aws_sdk_sts::types::Credentials>) -> Result<Credentials, AwsFault> {
    let given = given.ok_or(AwsFault::NoSession)?;
    let expires = std::time::SystemTime::try_from(*given.expiration()).ok();
    Ok(Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        expires,
        "role",
    ))
}

/// Why the token service refused, or gave no answer.
fn refused<E>(clients: &Clients, error: &SdkError<E>) -> CloudFault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let Some(missed) = clients.missed() {
        return missed;
    }
    let fault = match error.code() {
        None => AwsFault::NotReached(Shown::text(&causes(error))),
        Some(code) => AwsFault::Identity(shown![
            Shown::text(code),
            ": ",
            Shown::text(error.message().unwrap_or_default())
        ]),
    };
    fault.into()
}

fn token(origin: &Origin, assertion: &Assertion) -> Result<Secret, CloudFault> {
    let path = match assertion {
        Assertion::Token(token) => return Ok(token.clone()),
        Assertion::File(path) => path,
    };
    let text = match access::read(origin, path) {
        // The output of a command, as `<(...)` gives it.
        Err(NotRead::Unreadable(file::Unreadable::NotRegular)) => {
            file::read_once(path).map_err(NotRead::Unreadable)
        }
        read => read,
    };
    let text = text.map_err(|why| match why {
        NotRead::Refused(refusal) => CloudFault::from(refusal),
        NotRead::Unreadable(why) => AwsFault::TokenFile(Shown::path(path), why).into(),
    })?;
    Ok(Secret::from_utf8(text).ok_or(AwsFault::TokenNotText)?.trimmed())
}

/// The profile's credentials, by the SDK: it is given the text of the files, and all that the profile may draw on.
async fn of_profile(
    clients: &Clients,
    http: &Http,
    origin: &Origin,
    profile: &Profile,
    region: &str,
) -> Result<Credentials, NoCredentials> {
    let profile = &read_now(profile)?;
    let mut provider = ProfileFileCredentialsProvider::builder()
        .configure(&config(clients, clients.service.clone(), region))
        .profile_files(profile.files())
        .profile_name(profile.name().unwrap_or("default"));
    provider = match &profile.environment {
        Some(keys) => provider.with_custom_provider("Environment", checked(plain(keys))?),
        None => provider.with_custom_provider("Environment", Nothing("no keys in the environment")),
    };
    provider = match (profile.base(), &profile.container) {
        (Base::Container, Some(container)) => {
            let credentials = container::credentials(origin, http, container).await?;
            provider.with_custom_provider("EcsContainer", checked(credentials)?)
        }
        _ => provider.with_custom_provider("EcsContainer", Nothing("no agent beside this container")),
    };
    if *profile.base() == Base::Machine {
        let imds = imds(clients, origin, &profile.metadata).await?;
        let machine = ImdsCredentialsProvider::builder().imds_client(imds).build();
        provider = provider.with_custom_provider("Ec2InstanceMetadata", machine);
    }
    match profile.base() {
        Base::WebIdentity(file) => access::check(origin, Reference::File(file))?,
        Base::Process(command) => {
            // That it stands in the user's own profile is the opt-in.
            let path = command.split_whitespace().next().unwrap_or_default();
            access::check(origin, Reference::Program { path, opted_in: true })?;
            let mut credentials = checked(process::credentials(command).await?)?;
            for role in profile.roles() {
                credentials = checked(assumed(clients, region, credentials, role).await?)?;
            }
            return Ok(credentials);
        }
        _ => {}
    }
    provided(clients, provider.build()).await.map_err(|none| match none {
        NoCredentials::NotThere(what) => AwsFault::Profile(what).into(),
        failed => failed,
    })
}

/// The profile with the text of files that could not be read before it was used, because they can be read only once.
fn read_now(profile: &Profile) -> Result<Profile, AwsFault> {
    let text = |text: &ProfileText| match text {
        ProfileText::Later(path) => match file::read_once(path).map(Secret::from_utf8) {
            Ok(Some(text)) => Ok(ProfileText::Text(text)),
            Ok(None) => Err(AwsFault::TokenNotText),
            Err(why) => Err(AwsFault::TokenFile(Shown::path(path), why)),
        },
        text => Ok(text.clone()),
    };
    let [config, credentials] = profile.texts();
    Ok(profile.with_texts(text(config)?, text(credentials)?))
}

/// A source of a profile that is not here.
#[derive(Debug)]
struct Nothing(&'static str);

impl ProvideCredentials for Nothing {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let nothing = Err(CredentialsError::not_loaded(self.0));
        aws_credential_types::provider::future::ProvideCredentials::ready(nothing)
    }
}

/// The client of the machine's metadata server, which tries each request once: the doors try again.
pub(super) async fn imds(
    clients: &Clients,
    origin: &Origin,
    metadata: &Metadata,
) -> Result<imds::Client, CloudFault> {
    let url = match metadata {
        Metadata::V4 => "http://169.254.169.254",
        Metadata::V6 => "http://[fd00:ec2::254]",
        Metadata::At(url) => url,
    };
    near::agent(url, near::is_aws_agent).map_err(|_| AwsFault::MetadataElsewhere)?;
    access::check(origin, Reference::Address(Address::Metadata(url)))?;
    let direct = ProviderConfig::without_region().with_http_client(clients.metadata.clone());
    let left = clients.deadline.left();
    let builder = imds::Client::builder().endpoint(url).map_err(|_| AwsFault::MetadataElsewhere)?;
    let builder = builder.configure(&direct).max_attempts(1);
    Ok(builder.operation_timeout(left).operation_attempt_timeout(left).build())
}

fn config(clients: &Clients, client: SharedHttpClient, region: &str) -> ProviderConfig {
    ProviderConfig::without_region()
        .with_region(Some(Region::new(region.to_owned())))
        .with_http_client(client)
        .with_retry_config(RetryConfig::disabled())
        .with_timeout_config(clients.timeouts())
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

async fn provided(
    clients: &Clients,
    provider: impl ProvideCredentials,
) -> Result<Credentials, NoCredentials> {
    clients.doors.forget();
    let error = match provider.provide_credentials().await {
        Ok(credentials) => return Ok(credentials),
        Err(error) => error,
    };
    let fault = match (clients.doors.last().missed, &error) {
        (Some(Missed::Elsewhere), _) => AwsFault::Endpoint("endpoint_url in the AWS configuration file"),
        (Some(Missed::Down(HttpFault::CutOff(host, why))), CredentialsError::CredentialsNotLoaded(_)) => {
            return Err(NoCredentials::NotThere(shown![host, ": ", why]));
        }
        (Some(Missed::Setup(problem)), _) => return Err(CloudFault::Setup(Box::new(problem)).into()),
        (Some(Missed::Down(what)), _) => return Err(what.into()),
        (None, CredentialsError::CredentialsNotLoaded(_)) => {
            return Err(NoCredentials::NotThere(Shown::text(&causes(&error))));
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
    Err(fault.into())
}
