//! The environment's identities: by variables, by the files that they name or that the clouds' own tools leave, and the
//! machine's own. This is the one place that looks at the environment for an identity.

mod aws;
mod azure;
mod google;

use super::Identity;
use crate::problem::Problem;
use crate::settings::{Cloud, Settings};

/// The environment's identity of a cloud, for a registry's host; `None` if there is none. Only what that cloud needs is
/// looked at, and nothing is asked over the network.
///
/// # Errors
/// Something is there that asks for an identity, and it cannot be used.
pub fn identity(settings: &Settings, cloud: Cloud, host: &str) -> Result<Option<Identity>, Problem> {
    match cloud {
        Cloud::Aws => aws::identity(settings).map_err(|broken| broken.into_problem(host)),
        Cloud::Google => google::identity(settings, host),
        Cloud::Azure => azure::identity(settings, host),
    }
}

/// What was looked for where there is none.
pub fn looked_for(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => {
            "no keys, profile, web identity or container credentials in the environment, and this is no EC2 machine"
        }
        Cloud::Google => {
            "no GOOGLE_APPLICATION_CREDENTIALS, no application default credentials of gcloud, and this is no Google machine"
        }
        Cloud::Azure => {
            "no client secret, workload identity or managed identity in the environment, and this is no Azure machine"
        }
    }
}
