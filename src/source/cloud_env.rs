//! Source 4, last part: the cloud identities of this machine or pod, each for its own cloud's hosts only.

use std::time::Instant;

use super::cloud_secrets::settled;
use crate::cloud::hosts::CloudHost;
use crate::cloud::http::Http;
use crate::cloud::{aws, azure, google};
use crate::finding::Finding;
use crate::settings::{Cloud, Settings};

/// What was looked for, if there is no identity of the host's cloud here. Nothing is asked, and no network is
/// needed to know.
pub fn nothing_here(settings: &Settings, host: &CloudHost) -> Option<&'static str> {
    match host.cloud() {
        Cloud::Aws => aws::no_identity(settings),
        Cloud::Google => google::no_identity(settings),
        Cloud::Azure => azure::no_identity(settings),
    }
}

/// Asks the host's cloud with the environment's identity.
pub async fn find(settings: &Settings, http: &Http, host: &CloudHost, name: &str) -> Finding {
    let started = Instant::now();
    let outcome = match host {
        CloudHost::Ecr(_) | CloudHost::EcrPublic { .. } => {
            aws::credential(settings, http, host, None, name).await
        }
        CloudHost::Google => google::credential(settings, http, name, None).await,
        CloudHost::Acr { host, cloud } => azure::credential(settings, http, host, *cloud, None).await,
    };
    settled(outcome, name, started.elapsed())
}
