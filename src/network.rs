//! Requests that leave this machine. Where a request goes decides how: each kind of destination has its door, and every
//! client of the program, our own, the AWS SDK's and kube's, goes through one.
//!
//! | door | goes to | proxy | trusts | connection | one try | answer | asked again |
//! |---|---|---|---|---|---|---|---|
//! | [`Aws`](Door::Aws) | AWS's services, https | the environment's | the system, `AWS_CA_BUNDLE` | 3 s | - | 1 MiB | 4 times |
//! | [`Cloud`](Door::Cloud) | Google's and Azure's services, https | the environment's | the system | 3 s | - | 1 MiB | 4 times |
//! | [`Metadata`](Door::Metadata) | metadata servers and this machine, in clear | never | nobody | 1 s | 2 s | 1 MiB | until the deadline |
//! | [`ApiServer`](Door::ApiServer) | the address in the kubeconfig or the pod | the kubeconfig's, else the environment's | its own authority | 5 s | 4 s | 4 MiB | until the deadline |
//! | [`Registry`](Door::Registry) | the registry asked for, https | the environment's | the system | 3 s | - | 1 MiB | 4 times |
//!
//! "The system" is the system's authorities, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`. No door follows a redirect. The
//! environment's proxy never stands in front of this machine itself ([`proxy`]). Nothing goes out in clear but through the
//! metadata door, whose connections end on this machine ([`connect::Ways::Here`]), and to an API server whose kubeconfig says
//! `http://`, which is sent no identity.

pub mod address;
pub mod aws_client;
pub mod aws_endpoint;
pub mod connect;
pub mod fault;
mod handshake;
pub mod http;
pub mod no_proxy;
pub mod proxy;
pub mod retry;
pub mod trust;

use std::time::Duration;

use ::http::Uri;

use crate::deadline::Deadline;

/// A kind of destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// AWS's services.
    Aws,
    /// Google's and Azure's services.
    Cloud,
    /// Metadata servers, and services of the platform on this machine.
    Metadata,
    /// A cluster's API server.
    ApiServer,
    /// A registry's own API.
    Registry,
}

/// What a door allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, TLS and all that a proxy is told included.
    pub connection: Duration,
    /// For one try; without it, what is left of the whole time.
    pub one_try: Option<Duration>,
    /// The longest answer, in bytes.
    pub answer: usize,
    /// How often a request is sent again; without it, until the deadline.
    pub retries: Option<u32>,
}

const MIB: usize = 1024 * 1024;

impl Door {
    /// What it allows: the table above.
    pub fn limits(self) -> Limits {
        let seconds = Duration::from_secs;
        let service = Limits { connection: seconds(3), one_try: None, answer: MIB, retries: Some(4) };
        match self {
            Door::Aws | Door::Cloud | Door::Registry => service,
            // A metadata server is on the machine itself, or it is not there.
            Door::Metadata => {
                Limits { connection: seconds(1), one_try: Some(seconds(2)), answer: MIB, retries: None }
            }
            // No object is larger: etcd takes 1.5 MiB, and base64 adds a third.
            Door::ApiServer => {
                Limits { connection: seconds(5), one_try: Some(seconds(4)), answer: 4 * MIB, retries: None }
            }
        }
    }

    /// The door of a request of our own to a cloud: in clear only to this machine. `None` for what leads nowhere.
    fn towards(to: &Uri) -> Option<Door> {
        // User info would be lost on the way, or stand in a message.
        let plain = to.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        match to.scheme_str() {
            Some("https") if plain => Some(Door::Cloud),
            Some("http") if plain => Some(Door::Metadata),
            _ => None,
        }
    }
}

/// What one try may take of what is left until a deadline: a little less, so that it is told which host did not answer, and not
/// only that the time is over.
fn time_left(deadline: Deadline) -> Duration {
    deadline.left().saturating_sub(deadline.limit().mul_f64(0.02).min(Duration::from_millis(100)))
}
