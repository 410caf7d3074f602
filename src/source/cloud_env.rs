//! Source 4, last part: the cloud identities of this machine or pod, each for its own cloud's hosts only.

use std::time::Duration;

use crate::cloud::hosts::CloudHost;
use crate::finding::{Failure, Finding};
use crate::identity::{Identity, environment};
use crate::settings::Settings;

/// The environment's identity of the host's cloud. Nothing is asked, and no network is needed to know.
///
/// # Errors
/// There is none, or what is there cannot be used: what was found, for the trail.
pub fn identity(settings: &Settings, host: &CloudHost, name: &str) -> Result<Identity, Finding> {
    let mut finding = Finding::default();
    match environment::identity(settings, host.cloud(), name) {
        Ok(Some(identity)) => return Ok(identity),
        Ok(None) => {
            let looked_for = environment::looked_for(host.cloud());
            finding.look("cloud identity", shown!["none: ", looked_for], Duration::ZERO);
        }
        Err(problem) => finding.fail("cloud identity", Failure::default(problem), Duration::ZERO),
    }
    Err(finding)
}
