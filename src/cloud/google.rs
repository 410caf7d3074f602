//! Google: Application Default Credentials in, an access token out
//! (<https://google.aip.dev/auth/4110> and its neighbours).

pub mod adc;
mod aws_subject;
pub mod external;
mod metadata;
pub mod token;

use std::time::{Duration, SystemTime};

use super::Outcome;
use super::http::Http;
use super::machine::{self, Evidence};
use crate::credential::Credential;
use crate::secret::Secret;
use crate::settings::{Cloud, Settings};
use crate::shown::Shown;
use adc::Adc;

/// The user name that goes with an access token.
const USER: &str = "oauth2accesstoken";
/// Read-only, for Container Registry's buckets and for Artifact Registry.
const SCOPES: &str = "https://www.googleapis.com/auth/devstorage.read_only https://www.googleapis.com/auth/cloud-platform.read-only";
/// What a federated identity needs to impersonate a service account.
const PLATFORM_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

const NO_IDENTITY: &str = "no GOOGLE_APPLICATION_CREDENTIALS, no application default credentials of gcloud, and this is no Google machine";

/// What was looked for, if there is no identity of Google here; found out without a client.
pub fn no_identity(settings: &Settings) -> Option<&'static str> {
    let none = !adc::is_configured(settings) && machine::evidence(settings, Cloud::Google) == Evidence::None;
    none.then_some(NO_IDENTITY)
}

/// An access token and how long it lives.
pub struct Token {
    /// The token.
    pub text: Secret,
    /// From now.
    pub life: Duration,
}

/// Asks for an access token, with a given identity or the environment's.
pub async fn credential(settings: &Settings, http: &Http, host: &str, given: Option<&Adc>) -> Outcome {
    let found = match given {
        Some(adc) => Ok(Some(std::borrow::Cow::Borrowed(adc))),
        None => adc::of_environment(settings).map(|found| found.map(std::borrow::Cow::Owned)),
    };
    let adc = match found {
        Ok(adc) => adc,
        Err(problem) => return Outcome::Failed(problem),
    };
    let asked = SystemTime::now();
    let (token, identity) = match &adc {
        Some(adc) => (adc.token(settings, http, SCOPES).await, adc.shown()),
        None => {
            let evidence = machine::evidence(settings, Cloud::Google);
            if evidence == Evidence::None {
                return Outcome::NoIdentity(NO_IDENTITY.into());
            }
            let identity = Shown::from("the Google service account of this machine or pod");
            match metadata::token(settings, http).await {
                Ok(token) => (Ok(token), identity),
                Err(fault) if evidence == Evidence::Named => {
                    return Outcome::Failed(fault.into_problem(identity, host));
                }
                Err(fault) => return Outcome::Unavailable(fault.into_problem(identity, host)),
            }
        }
    };
    match token {
        Ok(token) => {
            let expires = Some(asked + token.life);
            Outcome::Found {
                credential: Credential { username: USER.to_owned(), secret: token.text, expires },
                identity,
            }
        }
        Err(fault) => Outcome::Failed(fault.into_problem(identity, host)),
    }
}
