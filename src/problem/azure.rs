//! Azure.

use thiserror::Error;

use super::{Said, Unreadable};

/// Why Azure gave no token, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AzureFault {
    /// Entra refused the identity.
    #[error("Entra refused: {0}; check the tenant, the client and its secret or federation")]
    Entra(Said),
    /// An answer of Entra without a token.
    #[error("Entra's answer holds no access token; check AZURE_AUTHORITY_HOST")]
    EntraNoToken,
    /// The registry refused the identity.
    #[error("the registry refused the exchange: {0}; grant AcrPull on the registry to this identity")]
    Exchange(Said),
    /// An answer of the registry without a token.
    #[error(
        "the registry's exchange answers without a refresh token; check that nothing stands between this machine and the registry"
    )]
    ExchangeNoToken,
    /// The tenant would change the path.
    #[error("the tenant is neither an id nor a domain; correct AZURE_TENANT_ID")]
    Tenant,
    /// The authority has no TLS, or is no address.
    #[error("AZURE_AUTHORITY_HOST is no https address; correct it or unset it")]
    Authority,
    /// A directory in place of a file.
    #[error("AZURE_FEDERATED_TOKEN_FILE names no file; correct it")]
    NoTokenFile,
    /// The projected token's file.
    #[error("the token file {0}; check the pod's projected volume")]
    TokenFile(Unreadable),
    /// The projected token is binary.
    #[error("the token file is not text; check the pod's projected volume")]
    TokenNotText,
}
