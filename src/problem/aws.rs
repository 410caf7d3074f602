//! AWS.

use thiserror::Error;

use super::{CloudFault, JsonReason, ProgramFault, Unreadable};
use crate::shown::Shown;

/// Why AWS gave no token, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AwsFault {
    /// ECR, or the service in front of it, refused.
    #[error("{code}: {message}; {advice}")]
    Refused {
        /// AWS's code.
        code: Shown,
        /// AWS's message, as one line.
        message: Shown,
        /// What to do.
        advice: AwsAdvice,
    },
    /// The endpoint gave no answer.
    #[error("{0}; check that the endpoint can be reached from here")]
    NotReached(Shown),
    /// An answer without a token.
    #[error("ECR's answer holds no token; check that nothing stands between this machine and ECR")]
    NoToken,
    /// One of AWS's hosts for which there is no API.
    #[error("it is no registry of AWS; please report it")]
    NoRegistry,
    /// A key that no request could carry.
    #[error("{0} holds a character that none has, such as a line break inside it; set it again")]
    Malformed(&'static str),
    /// Half a pair of keys.
    #[error("{0} is not set; set it too")]
    Half(&'static str),
    /// An endpoint of somebody's own.
    #[error("{0} would send the identity's token to another host than AWS's; unset it")]
    Endpoint(&'static str),
    /// The machine's metadata server may not be asked.
    #[error("AWS_EC2_METADATA_DISABLED is true; unset it, or KUBECLARITY_CLOUD")]
    MetadataDisabled,
    /// The machine's metadata server is elsewhere.
    #[error(
        "AWS_EC2_METADATA_SERVICE_ENDPOINT is not a metadata server of EC2, so it was not asked; correct it or unset it"
    )]
    MetadataElsewhere,
    /// The address of an agent is none.
    #[error("{0} is not an address; use the value that ECS or EKS sets")]
    AgentNoAddress(&'static str),
    /// The address of an agent is another machine's.
    #[error(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI names {0}, which is neither this machine nor an agent of ECS or EKS, so nothing was sent; use the value that ECS or EKS sets"
    )]
    AgentElsewhere(Shown),
    /// The file of a token.
    #[error("the file {0} {1}; check the volume that projects it")]
    TokenFile(Shown, Unreadable),
    /// The token is binary.
    #[error("the token is not text; check the volume that projects it")]
    TokenNotText,
    /// An answer without credentials.
    #[error("the answer holds no credentials; check that it comes from AWS")]
    NoSession,
    /// The region of the machine.
    #[error("the AWS region is not known; set AWS_REGION")]
    NoRegion,
    /// An identity that variables name is not there.
    #[error("{0}; correct the variables that name it")]
    NotThere(Shown),
    /// A profile that is named holds nothing.
    #[error("{0}; correct AWS_PROFILE or the profile")]
    Profile(Shown),
    /// The command of a profile's `credential_process` gave nothing.
    #[error("its credential_process {0}")]
    Process(ProgramFault),
    /// What it printed is something else.
    #[error("its credential_process does not print JSON ({0}); run it by hand")]
    ProcessNotJson(JsonReason),
    /// What it printed lacks something.
    #[error("its credential_process does not print {0}; run it by hand")]
    ProcessField(&'static str),
    /// What it printed is of no use any more.
    #[error("its credential_process prints credentials that have expired; run it by hand")]
    ProcessExpired,
    /// The login of IAM Identity Center is over.
    #[error("{0}; log in with `aws sso login`")]
    Sso(Shown),
    /// STS does not give the role to the pod's service account.
    #[error("{causes}; let the role's trust policy name {subject}")]
    Trust {
        /// What the SDK says.
        causes: Shown,
        /// Whom the token speaks for.
        subject: Shown,
    },
    /// EKS's agent knows no role for the pod's service account.
    #[error(
        "{0}; make an association for this pod's service account (`aws eks create-pod-identity-association`), and the pod anew"
    )]
    Association(Shown),
    /// Another identity failed.
    #[error("{0}; check it with `aws sts get-caller-identity`")]
    Identity(Shown),
}

impl AwsFault {
    /// AWS is down; it did not refuse.
    pub fn is_outage(&self) -> bool {
        match self {
            AwsFault::Refused { advice, .. } => *advice == AwsAdvice::Later,
            AwsFault::NotReached(_) => true,
            _ => false,
        }
    }
}

/// What to do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AwsAdvice {
    /// The identity has not the right.
    #[error("allow {0} to this identity")]
    Allow(&'static str),
    /// The keys are not known, or sign wrongly.
    #[error("check the keys")]
    Keys,
    /// The session is over.
    #[error("renew the session")]
    Renew,
    /// It is throttled.
    #[error("try again later")]
    Later,
    /// Something else.
    #[error("look the code up in AWS's documentation")]
    LookUp,
}

impl AwsAdvice {
    /// By AWS's code.
    pub fn of(code: &str, action: &'static str) -> AwsAdvice {
        match code {
            "AccessDeniedException" | "AccessDenied" => AwsAdvice::Allow(action),
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch" => AwsAdvice::Keys,
            "ExpiredTokenException" | "ExpiredToken" => AwsAdvice::Renew,
            "ThrottlingException" | "TooManyRequestsException" => AwsAdvice::Later,
            _ => AwsAdvice::LookUp,
        }
    }
}

impl CloudFault {
    /// The right that AWS says is missing.
    pub(super) fn missing_action(&self) -> Option<&'static str> {
        match self {
            CloudFault::Aws(AwsFault::Refused { advice: AwsAdvice::Allow(action), .. }) => Some(action),
            _ => None,
        }
    }
}
