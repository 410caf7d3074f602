//! Clouds that give no token.

use thiserror::Error;

use super::{AwsFault, AzureFault, GoogleFault, Problem, ProxyFault, Refusal};
use crate::shown::Shown;

/// Why an identity got no token, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloudFault {
    /// By AWS.
    #[error("{0}")]
    Aws(#[from] AwsFault),
    /// By Google.
    #[error("{0}")]
    Google(#[from] GoogleFault),
    /// By Azure.
    #[error("{0}")]
    Azure(#[from] AzureFault),
    /// No answer to a request of our own.
    #[error("{0}")]
    Http(#[from] HttpFault),
    /// No request could be made.
    #[error("{0}")]
    Setup(Box<Problem>),
    /// The identity refers to something that it may not touch.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The registry belongs to another operator than the identity: their names, and what to do.
    #[error("it is an identity of another cloud ({0}, and the registry is of {1}), so nothing was sent; {text}", text = .2.text(.1))]
    OtherCloud(&'static str, &'static str, OtherCloud),
}

/// What to do about a registry that belongs to another operator than the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherCloud {
    /// Variables say which of Azure's clouds it is.
    Azure,
    /// Keys of a Secret do.
    AzureSecret,
    /// The region says which of AWS's partitions it is.
    Aws,
    /// A Secret's region does.
    AwsSecret,
    /// The role's ARN does.
    AwsRole,
}

impl OtherCloud {
    fn text(self, theirs: &str) -> String {
        match self {
            OtherCloud::Azure => format!(
                "set AZURE_ENVIRONMENT={theirs}, or AZURE_AUTHORITY_HOST, if the identity is of that cloud"
            ),
            OtherCloud::AzureSecret => format!(
                "add the key AZURE_ENVIRONMENT={theirs}, or AZURE_AUTHORITY_HOST, if the identity is of that cloud"
            ),
            OtherCloud::Aws => {
                format!("set AWS_REGION to a region of {theirs} if the identity is of that partition")
            }
            OtherCloud::AwsSecret => {
                format!(
                    "set the key AWS_DEFAULT_REGION to a region of {theirs} if the identity is of that partition"
                )
            }
            OtherCloud::AwsRole => format!("use a role of {theirs}"),
        }
    }
}

impl CloudFault {
    /// The cloud is down; it did not refuse.
    pub fn is_outage(&self) -> bool {
        match self {
            CloudFault::Aws(fault) => fault.is_outage(),
            CloudFault::Google(GoogleFault::OfAws(_, fault)) => fault.is_outage(),
            CloudFault::Http(_) => true,
            CloudFault::Google(_)
            | CloudFault::Azure(_)
            | CloudFault::Setup(_)
            | CloudFault::Refused(_)
            | CloudFault::OtherCloud(..) => false,
        }
    }
}

/// Why there is no answer to a request of our own.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpFault {
    /// Nothing comes.
    #[error("{0} does not answer; check that it can be reached from here")]
    Silent(Shown),
    /// 429 or 5xx.
    #[error("{0} answers {1}; try again later")]
    Status(Shown, Shown),
    /// No connection.
    #[error("{0} cannot be reached ({1}); check that it can be reached from here")]
    Unreachable(Shown, Shown),
    /// No connection by the proxy.
    #[error("{0} {1}")]
    ByProxy(Shown, ProxyFault),
    /// No way to a metadata server, or its packets are swallowed: out of reach on purpose, most often.
    #[error(
        "{0} cannot be reached ({1}); check that nothing stands between this pod and the metadata server"
    )]
    CutOff(Shown, Shown),
    /// An address or a header of which no request can be made.
    #[error("the address or a header of its source makes no request; correct it")]
    Nowhere,
    /// Something that is no token.
    #[error("the answer of {0} is longer than any token; check that it is the right address")]
    TooLong(Shown),
}

/// What a service said when it refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Said {
    /// A status alone.
    #[error("it answers {0}")]
    Status(Shown),
    /// A status with code and text, as one line.
    #[error("{0}")]
    Words(Shown),
}
