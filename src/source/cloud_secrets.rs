//! Source 3: a cloud's identity in a Secret of the credentials namespace, for that cloud's hosts only.

use std::time::{Duration, Instant};

use super::pull_secrets::refused;
use crate::cloud::aws::identity::Keys;
use crate::cloud::azure::identity::Identity;
use crate::cloud::google::adc::Adc;
use crate::cloud::hosts::CloudHost;
use crate::cloud::http::Http;
use crate::cloud::{Outcome, aws, azure, google};
use crate::cluster::{Cluster, Object, SecretObject};
use crate::finding::{Candidate, Failure, Finding};
use crate::problem::{EntryFault, Problem};
use crate::secret::Secret;
use crate::settings::{Cloud, Settings};
use crate::shown::Shown;

/// The Secret that holds a cloud's identity.
pub fn secret_name(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "ecr-sa",
        Cloud::Google => "gcr-sa",
        Cloud::Azure => "acr-sa",
    }
}

/// An identity as a Secret holds it.
pub enum CloudIdentity {
    /// `ecr-sa`.
    Aws(Keys),
    /// `gcr-sa`.
    Google(Adc),
    /// `acr-sa`.
    Azure(Identity),
}

/// Gets the identity for a cloud's host; nothing if the Secret is not there. Only the cluster is asked.
pub async fn load(
    cluster: &Cluster,
    settings: &Settings,
    host: &CloudHost,
) -> (Option<CloudIdentity>, Finding) {
    let mut finding = Finding::default();
    let object = Object::secret(&settings.credentials_namespace, secret_name(host.cloud()));
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
        Ok(secret) => match identity(&object, &secret, host.cloud()) {
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

/// The identity that a Secret holds.
///
/// # Errors
/// A value that is missing or broken.
pub fn identity(object: &Object, secret: &SecretObject, cloud: Cloud) -> Result<CloudIdentity, Problem> {
    let optional = |key: &'static str| value(object, secret, key);
    let needed = |key: &'static str| {
        optional(key)?.ok_or_else(|| Problem::MissingKey { object: object.shown(), key, has: secret.keys() })
    };
    let text = |secret: Option<Secret>| secret.map(|secret| secret.expose().to_owned());
    match cloud {
        Cloud::Aws => Ok(CloudIdentity::Aws(Keys {
            origin: object.shown(),
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
            session_token: optional("AWS_SESSION_TOKEN")?,
            role_arn: text(optional("AWS_ROLE_ARN")?),
            external_id: text(optional("AWS_EXTERNAL_ID")?),
        })),
        Cloud::Google => {
            let json = needed("sa.json")?;
            Adc::parse(shown![object.shown(), "/sa.json"], json.expose().as_bytes())
                .map(CloudIdentity::Google)
        }
        Cloud::Azure => Ok(CloudIdentity::Azure(Identity::ClientSecret {
            origin: object.shown(),
            tenant: needed("AZURE_TENANT_ID")?.expose().to_owned(),
            client: needed("AZURE_CLIENT_ID")?.expose().to_owned(),
            secret: needed("AZURE_CLIENT_SECRET")?,
        })),
    }
}

/// A value as text, without the line break that `base64` without `-n` leaves; `None` if it is not there or empty.
fn value(object: &Object, secret: &SecretObject, key: &'static str) -> Result<Option<Secret>, Problem> {
    let Some(bytes) = secret.value(key) else { return Ok(None) };
    match Secret::from_utf8(bytes.to_vec()) {
        Some(text) => Ok(Some(text.trimmed()).filter(|text| !text.is_empty())),
        None => {
            Err(Problem::Unusable { origin: shown![object.shown(), "/", key], what: EntryFault::NotText })
        }
    }
}

/// Exchanges the identity for the host's credential.
pub async fn exchange(
    settings: &Settings,
    http: &Http,
    host: &CloudHost,
    name: &str,
    identity: CloudIdentity,
) -> Finding {
    let started = Instant::now();
    let outcome = match (host, identity) {
        (CloudHost::Ecr(_) | CloudHost::EcrPublic { .. }, CloudIdentity::Aws(keys)) => {
            aws::credential(settings, http, host, Some(&keys), name).await
        }
        (CloudHost::Google, CloudIdentity::Google(adc)) => {
            google::credential(settings, http, name, Some(&adc)).await
        }
        (CloudHost::Acr { host, cloud }, CloudIdentity::Azure(identity)) => {
            azure::credential(settings, http, host, *cloud, Some(identity)).await
        }
        // An identity never meets another cloud's host.
        _ => Outcome::NoIdentity("an identity of another cloud".into()),
    };
    settled(outcome, name, started.elapsed())
}

/// What a cloud's outcome means for the resolver.
pub(super) fn settled(outcome: Outcome, host: &str, took: Duration) -> Finding {
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
        Outcome::Failed(problem) => finding.fail("cloud identity", Failure::default(problem), took),
        Outcome::Unavailable(problem) => finding.fail("cloud identity", Failure::note(problem), took),
    }
    finding
}
