//! Proxies.

use thiserror::Error;

use crate::shown::Shown;

/// Why a host is not reached by a proxy, and what to do, as the end of a sentence about the host. The proxy's address comes
/// without user and password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProxyFault {
    /// A variable names the proxy.
    #[error(
        "cannot be reached through the proxy {proxy} ({why}); correct {variable}, or add {host} to NO_PROXY"
    )]
    OfVariable {
        /// The proxy.
        proxy: Shown,
        /// The variable.
        variable: &'static str,
        /// What happened.
        why: Shown,
        /// The host, for `NO_PROXY`.
        host: Shown,
    },
    /// A kubeconfig names it.
    #[error("cannot be reached through the proxy {proxy} ({why}); correct proxy-url in the kubeconfig")]
    OfKubeconfig {
        /// The proxy.
        proxy: Shown,
        /// What happened.
        why: Shown,
    },
}
