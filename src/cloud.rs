//! Clouds: an identity in, a registry's credential out.
//!
//! [`hosts`] is the one table that says which host is whose. Every exchange starts from a [`hosts::CloudHost`],
//! which only that table makes, so that no cloud's token leaves for anything but that cloud. Who asks is an [`Identity`];
//! no cloud reads a variable, and each asks [`access`] before it reads, starts or sends what the identity refers to.

pub mod aws;
pub mod azure;
pub mod google;
pub mod hosts;
mod near;

use ::http::Method;

use crate::credential::Credential;
use crate::identity::access::{self, Address, Reference};
use crate::identity::{Identity, Kind, Origin};
pub use crate::network::http;
use crate::problem::{CloudFault, Problem};
use crate::shown::Shown;
use hosts::CloudHost;
use http::{Answer, Http, RequestBuilder};

impl CloudFault {
    /// The message about an identity and a registry's host.
    pub fn into_problem(self, identity: Shown, host: &str) -> Problem {
        Problem::Cloud { identity, host: Shown::text(host), what: self }
    }
}

/// What came of asking a cloud.
#[derive(Debug)]
pub enum Outcome {
    /// A credential.
    Found {
        /// The credential.
        credential: Credential,
        /// The identity that it was given to, and where it was found.
        identity: Shown,
    },
    /// There is no identity of that cloud here: what was looked for.
    NoIdentity(Shown),
    /// An identity is there and failed; no other is taken in its place.
    Failed(Problem),
    /// A machine's identity that nobody asked for by name could not be had.
    Unavailable(Problem),
}

/// Asks the host's cloud for a credential. `name` is the host as it is asked for.
pub async fn exchange(identity: &Identity, http: &Http, host: &CloudHost, name: &str) -> Outcome {
    match (&identity.kind, host) {
        (Kind::Aws(aws), CloudHost::Ecr(_) | CloudHost::EcrPublic { .. }) => {
            aws::credential(identity, aws, http, host, name).await
        }
        (Kind::Google(google), CloudHost::Google) => google::credential(identity, google, http, name).await,
        (Kind::Azure(azure), CloudHost::Acr { host, cloud }) => {
            azure::credential(identity, azure, http, host, *cloud).await
        }
        // An identity never meets another cloud's host.
        _ => Outcome::NoIdentity("an identity of another cloud".into()),
    }
}

/// An identity that failed: only noted where nobody asked for it by name.
fn failed(identity: &Identity, name: &str, fault: CloudFault) -> Outcome {
    let problem = fault.into_problem(identity.shown(), name);
    if identity.is_by_chance() { Outcome::Unavailable(problem) } else { Outcome::Failed(problem) }
}

/// Sends a request for an identity, if whoever named it may have it sent there.
async fn send(
    origin: &Origin,
    http: &Http,
    address: Address<'_>,
    (method, url): (Method, &str),
    prepare: impl Fn(RequestBuilder) -> RequestBuilder,
) -> Result<Answer, CloudFault> {
    access::check(origin, Reference::Address(address))?;
    Ok(http.send(method, url, prepare).await?)
}
