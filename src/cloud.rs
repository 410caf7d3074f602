//! Clouds: an identity in, a registry's credential out.
//!
//! [`hosts`] is the one table that says which host is whose. Every exchange starts from a [`hosts::CloudHost`],
//! which only that table makes, so that no cloud's token leaves for anything but that cloud.

pub mod aws;
pub mod azure;
pub mod google;
pub mod hosts;
pub mod machine;

use crate::credential::Credential;
pub use crate::network::http;
use crate::problem::{CloudFault, Problem};
use crate::shown::Shown;

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
