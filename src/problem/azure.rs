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
    /// The authority is not Microsoft's.
    #[error(
        "AZURE_AUTHORITY_HOST is not an authority of Microsoft, so nothing was sent; use https://login.microsoftonline.com, https://login.partner.microsoftonline.cn or https://login.microsoftonline.us, or unset it"
    )]
    Authority,
    /// The cloud is not known.
    #[error(
        "AZURE_ENVIRONMENT is not the name of a cloud; use AzureCloud, AzureChinaCloud or AzureUSGovernment, or unset it"
    )]
    Environment,
    /// The authority is of another cloud than the one named.
    #[error(
        "AZURE_AUTHORITY_HOST is an authority of another cloud than AZURE_ENVIRONMENT; unset one of them"
    )]
    Contradiction,
    /// App Service's address is none.
    #[error("IDENTITY_ENDPOINT is not an http address; use the value that the platform sets")]
    EndpointNoAddress,
    /// App Service's address is another machine's.
    #[error(
        "IDENTITY_ENDPOINT is not an address of this machine, so the header was not sent; use the value that the platform sets"
    )]
    EndpointElsewhere,
    /// The projected token's file.
    #[error("the token file {0}; check the pod's projected volume")]
    TokenFile(Unreadable),
    /// The projected token is binary.
    #[error("the token file is not text; check the pod's projected volume")]
    TokenNotText,
}
