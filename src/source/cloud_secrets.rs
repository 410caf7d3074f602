//! Source 3: a cloud's identity in a Secret of the credentials namespace, for that cloud's hosts only.

use std::time::{Duration, Instant};

use super::pull_secrets::refused;
use crate::cloud::hosts::CloudHost;
use crate::cloud::http::Http;
use crate::cloud::{self, Outcome};
use crate::cluster::{Cluster, Object};
use crate::finding::{Candidate, Failure, Finding};
use crate::identity::{Identity, Origin, secret};
use crate::settings::Settings;
use crate::shown::Shown;

/// Gets the identity for a cloud's host; nothing if the Secret is not there. Only the cluster is asked.
pub async fn load(cluster: &Cluster, settings: &Settings, host: &CloudHost) -> (Option<Identity>, Finding) {
    let mut finding = Finding::default();
    let object = Object::secret(&settings.credentials_namespace, secret::name(host.cloud()));
    let started = Instant::now();
    match cluster.secret(&object).await {
        Err(refusal) => {
            refused(
                cluster,
                &object,
                false,
                "CREDS_SECRET_NAMESPACE",
                refusal,
                started.elapsed(),
                &mut finding,
            );
            (None, finding)
        }
        Ok(values) => match secret::identity(&object, &values, host.cloud()) {
            Ok(identity) => {
                finding.look(object.shown(), "holds an identity", started.elapsed());
                (Some(identity), finding)
            }
            Err(problem) => {
                finding.fail(object.shown(), Failure::default(problem), started.elapsed());
                (None, finding)
            }
        },
    }
}

/// Exchanges an identity for the host's credential.
pub async fn exchange(identity: &Identity, http: &Http, host: &CloudHost, name: &str) -> Finding {
    let started = Instant::now();
    let outcome = cloud::exchange(identity, http, host, name).await;
    settled(&identity.origin, outcome, name, started.elapsed())
}

/// What a cloud's outcome means for the resolver.
fn settled(origin: &Origin, outcome: Outcome, host: &str, took: Duration) -> Finding {
    let mut finding = Finding::default();
    match outcome {
        Outcome::Found { credential, identity } => {
            let user = Shown::user(&credential);
            finding.look(&identity, shown!["gave a token for ", Shown::text(host), ", user ", user], took);
            // Its life is the cloud's word, just given: not checked against this machine's clock.
            finding.candidates.push(Candidate {
                credential,
                origin: identity,
                key: None,
                why: Shown::default(),
                issued: true,
            });
        }
        Outcome::NoIdentity(looked_for) => finding.look("cloud identity", shown!["none: ", looked_for], took),
        Outcome::Failed(problem) => {
            finding.fail("cloud identity", Failure { problem, weight: origin.weight() }, took)
        }
        Outcome::Unavailable(problem) => finding.fail("cloud identity", Failure::note(problem), took),
    }
    finding
}
