//! Google: Application Default Credentials in, an access token out
//! (<https://google.aip.dev/auth/4110> and its neighbours).

mod aws_subject;
pub mod external;
mod metadata;
pub mod token;

use std::time::{Duration, SystemTime};

use super::http::Http;
use super::{Outcome, failed};
use crate::credential::Credential;
use crate::identity::google::Google;
use crate::identity::{Identity, Origin};
use crate::problem::CloudFault;
use crate::secret::Secret;
use token::Grant;

/// The user name that goes with an access token.
const USER: &str = "oauth2accesstoken";
/// Read-only, for Container Registry's buckets and for Artifact Registry.
const SCOPES: &str = "https://www.googleapis.com/auth/devstorage.read_only https://www.googleapis.com/auth/cloud-platform.read-only";
/// What a federated identity needs to impersonate a service account.
const PLATFORM_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// An access token and how long it lives.
pub struct Token {
    /// The token.
    pub text: Secret,
    /// From now.
    pub life: Duration,
}

/// Asks for an access token.
pub(super) async fn credential(identity: &Identity, google: &Google, http: &Http, host: &str) -> Outcome {
    let asked = SystemTime::now();
    match access_token(&identity.origin, google, http, SCOPES).await {
        Ok(token) => {
            let expires = Some(asked + token.life);
            let credential = Credential { username: USER.to_owned(), secret: token.text, expires };
            Outcome::Found { credential, identity: identity.shown() }
        }
        Err(fault) => failed(identity, host, fault),
    }
}

/// An access token with these scopes.
async fn access_token(
    origin: &Origin,
    google: &Google,
    http: &Http,
    scopes: &str,
) -> Result<Token, CloudFault> {
    match google {
        Google::Key { email, key_json, token_url } => {
            let assertion = token::assertion(email, key_json, token_url, scopes)?;
            token::request(origin, http, token_url, Grant::Assertion(&assertion)).await
        }
        // A person's refresh token has the scopes that the person agreed to; others would be refused.
        Google::User(user) => token::request(origin, http, &user.token_url, Grant::Refresh(user)).await,
        Google::ExternalUser(user) => {
            token::request(origin, http, &user.token_url, Grant::RefreshBasic(user)).await
        }
        Google::Federated(account) => external::token(origin, account, http, scopes).await,
        Google::Impersonated { source, account } => {
            let own = Box::pin(access_token(origin, source, http, PLATFORM_SCOPE)).await?;
            token::impersonate(origin, http, account, &own.text, scopes).await
        }
        Google::Machine { host, .. } => metadata::token(origin, http, host.as_deref()).await,
    }
}
