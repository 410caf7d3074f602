//! AWS's identities: keys, roles, the links of the SDK's default chain.

mod endpoint;
mod partition;
mod profile;

pub use endpoint::Endpoints;
pub use partition::Partition;
pub use profile::{Base, Profile, ProfileText};

use std::path::PathBuf;

use super::Assertion;
use crate::secret::Secret;

use crate::shown::Shown;

/// The variable for an agent that is elsewhere than ECS's.
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/// An identity of AWS.
#[derive(Debug, Clone)]
pub struct Aws {
    /// What it is.
    pub kind: AwsKind,
    /// The region in which its token service is asked; the registry's if there is none.
    pub region: Option<String>,
    /// The partition that it belongs to. Only of a machine may it be unknown until the machine is asked.
    pub partition: Option<Partition>,
    /// Where services are asked, if not where AWS has them. They give out the same tokens.
    pub endpoints: Endpoints,
}

/// What an identity of AWS is.
#[derive(Debug, Clone)]
pub enum AwsKind {
    /// Keys, used as they are.
    Keys(Keys),
    /// A role, taken on with keys.
    Role {
        /// The keys.
        keys: Keys,
        /// The role.
        role: Role,
    },
    /// A role, taken on with a token of an issuer that it trusts (IRSA).
    WebIdentity {
        /// The role.
        role: Role,
        /// The token.
        assertion: Assertion,
    },
    /// A profile of the configuration files.
    Profile(Box<Profile>),
    /// What an agent beside the container gives out: an ECS task's role, or EKS Pod Identity.
    Container(Container),
    /// The role of this EC2 machine.
    Machine {
        /// Whether the user says that this is AWS.
        named: bool,
        /// Where its metadata server is.
        metadata: Metadata,
    },
}

/// A pair of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Secret,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<Secret>,
}

/// A role to take on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy may demand.
    pub external_id: Option<String>,
    /// The name of the session, for whoever reads CloudTrail.
    pub session: Option<String>,
}

/// An agent beside the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Where it answers.
    pub agent: Agent,
    /// What it wants to see.
    pub token: Option<ContainerToken>,
}

/// Where an agent answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agent {
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`: a path at ECS's agent.
    Path(String),
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    Address(String),
}

/// What an agent wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerToken {
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`.
    File(PathBuf),
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    Text(Secret),
}

/// Where the metadata server of an EC2 machine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Metadata {
    /// 169.254.169.254.
    #[default]
    V4,
    /// fd00:ec2::254.
    V6,
    /// An address of the user's.
    At(String),
}

impl Aws {
    /// An identity, and the partition that it belongs to: its role's, else that of the region that is configured for it, else
    /// the commercial one. `configured` may be known of a file that says nothing of where the token service is asked.
    pub fn new(kind: AwsKind, region: Option<String>, configured: Option<&str>) -> Aws {
        let role = match &kind {
            AwsKind::Role { role, .. } | AwsKind::WebIdentity { role, .. } => Some(role.arn.as_str()),
            AwsKind::Profile(profile) => profile.role(),
            AwsKind::Keys(_) | AwsKind::Container(_) | AwsKind::Machine { .. } => None,
        };
        let default = match kind {
            AwsKind::Machine { .. } => None,
            _ => Some(Partition::Commercial),
        };
        let by_region = configured.and_then(Partition::of_region);
        let partition = role.and_then(Partition::of_arn).or(by_region).or(default);
        Aws { partition, kind, region, endpoints: Endpoints::default() }
    }

    pub(super) fn shown(&self, place: &Shown) -> Shown {
        match &self.kind {
            AwsKind::Keys(_) => shown!["the AWS keys in ", place],
            AwsKind::Role { role, .. } => shown!["the AWS role ", Shown::text(&role.arn), " of ", place],
            AwsKind::WebIdentity { role, .. } => {
                shown!["the AWS role ", Shown::text(&role.arn), " by ", place]
            }
            AwsKind::Profile(profile) => {
                shown!["the AWS profile ", Shown::text(profile.name().unwrap_or("default"))]
            }
            AwsKind::Container(Container { agent: Agent::Path(_), .. }) => {
                "the AWS container credentials (ECS task role)".into()
            }
            AwsKind::Container(Container { token: Some(ContainerToken::File(file)), .. }) => {
                shown![
                    "the AWS container credentials (EKS Pod Identity) of ",
                    FULL_URI,
                    " by ",
                    Shown::path(file)
                ]
            }
            AwsKind::Container(_) => shown!["the AWS container credentials of ", FULL_URI],
            AwsKind::Machine { .. } => "the AWS role of this EC2 machine".into(),
        }
    }
}
