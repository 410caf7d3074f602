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

impl CloudFault {
    /// The message about an identity and a registry's host.
    pub fn into_problem(self, identity: String, host: &str) -> Problem {
        Problem::Cloud { identity, host: host.to_owned(), what: self }
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
        identity: String,
    },
    /// There is no identity of that cloud here: what was looked for.
    NoIdentity(String),
    /// An identity is there and failed; no other is taken in its place.
    Failed(Problem),
    /// A machine's identity that nobody asked for by name could not be had.
    Unavailable(Problem),
}

/// One short line of a text from outside: no control characters, at most 300 characters.
pub(crate) fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An error and its causes, as one short line. `Display` only: `Debug` of a request shows its secrets.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    one_line(&parts.join(": "))
}
