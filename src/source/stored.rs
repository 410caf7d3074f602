//! The Secret that `store` and `erase` write: `basic-regcred` of the credentials namespace. Read, changed and
//! written back with its `resourceVersion`, again if somebody else was faster.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::mounted::KEYS;
use super::pull_secrets::{STORED_SECRET, denied, denied_account, type_of};
use crate::cluster::{Cluster, Object, Refusal};
use crate::docker_config::Format;
use crate::docker_config::edit::{Document, wipe};
use crate::problem::{ConfigFault, EntryFault, Problem, Task};
use crate::registry::Registry;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::shown::Shown;

/// The API server takes no Secret with more data (`MaxSecretSize`).
const MOST_BYTES: usize = 1024 * 1024;
/// The first wait after a conflict; each next one is longer, and no two processes wait alike.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(400);
/// All the rights that logins need. `create` is not among them: RBAC cannot limit it to a name or a type, and who may
/// create any Secret of a namespace can make one that holds a token of any of its service accounts.
const RIGHTS: &str = "get, update";

/// What is to be done to the Secret.
pub enum Change<'a> {
    /// Write a registry's entry.
    Put {
        /// The registry.
        registry: &'a Registry,
        /// The user name, or the mark of an identity token.
        username: &'a str,
        /// The password or token.
        secret: &'a Secret,
    },
    /// Remove a registry's entry.
    Remove {
        /// The registry.
        registry: &'a Registry,
    },
}

/// The Secret's name.
pub fn object(settings: &Settings) -> Object {
    Object::secret(&settings.credentials_namespace, STORED_SECRET)
}

/// Changes the Secret. False if there was nothing to change.
///
/// # Errors
/// What stands in the way, with the commands that allow it where a right is missing.
pub async fn change(cluster: &Cluster, settings: &Settings, change: &Change<'_>) -> Result<bool, Problem> {
    let object = object(settings);
    let mut wait = FIRST_WAIT;
    loop {
        match once(cluster, &object, change).await {
            Err(Refusal::Conflict) => {}
            Ok(changed) => return Ok(changed),
            Err(Refusal::Denied(account)) => {
                return Err(denied(cluster, &object, account, vec![object.rule(RIGHTS)]));
            }
            // A Secret that is not there is handled; this is its namespace.
            Err(Refusal::Absent) => {
                return Err(Problem::NoNamespace {
                    object: object.shown(),
                    namespace: Shown::text(&object.namespace),
                });
            }
            Err(Refusal::Failed(problem)) => return Err(problem),
        }
        let pause = wait.mul_f64(0.5 + fraction());
        if pause >= cluster.deadline.left() {
            let what = Task::WriteContended(object.shown());
            return Err(Problem::Deadline { what, limit: cluster.deadline.limit() });
        }
        sleep(pause).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Some part of 1 that differs from process to process.
fn fraction() -> f64 {
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let mixed = nanoseconds.wrapping_mul(2_654_435_761).wrapping_add(std::process::id().wrapping_mul(40_503));
    f64::from(mixed % 1000) / 1000.0
}

async fn once(cluster: &Cluster, object: &Object, change: &Change<'_>) -> Result<bool, Refusal> {
    let mut secret = match cluster.whole(object).await {
        Ok(secret) => Whole(secret),
        Err(Refusal::Absent) => return create(cluster, object, change).await,
        // What may not be read is not served by this program either: there is nothing to erase.
        Err(Refusal::Denied(_)) if matches!(change, Change::Remove { .. }) => return Ok(false),
        Err(refusal) => return Err(refusal),
    };
    let unusable = |what: EntryFault| Refusal::Failed(Problem::Unusable { origin: object.shown(), what });
    let secret = &mut secret.0;
    let kind = secret["type"].as_str().unwrap_or_default();
    if kind != type_of(Format::ConfigJson) {
        return Err(Refusal::Failed(Problem::StoredType {
            object: object.shown(),
            found: Shown::text(kind),
        }));
    }
    let key = KEYS[0].0;
    let origin = shown![object.shown(), "/", key];
    let not_config =
        |why: ConfigFault| Refusal::Failed(Problem::NotDockerConfig { origin: origin.clone(), why });
    let text = STANDARD.decode(secret["data"][key].as_str().unwrap_or_default());
    let text = Zeroizing::new(text.map_err(|_| not_config(ConfigFault::NotBase64))?);
    let mut document =
        if text.is_empty() { Document::empty() } else { Document::parse(&text).map_err(not_config)? };
    if !apply(&mut document, change).map_err(not_config)? {
        return Ok(false);
    }
    if secret["immutable"] == json!(true) {
        return Err(unusable(EntryFault::Immutable));
    }
    let text = document.to_text();
    if size_of(secret, key) + text.len() > MOST_BYTES {
        return Err(unusable(EntryFault::Full));
    }
    secret["data"][key] = Value::String(STANDARD.encode(text.as_bytes()));
    match cluster.update(object, &body(secret)).await {
        // Deleted since it was read: made anew.
        Err(Refusal::Absent) => Err(Refusal::Conflict),
        updated => updated.map(|()| true),
    }
}

/// A Secret as the server sent it, wiped when it goes.
struct Whole(Value);

impl Drop for Whole {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// The size of all data but one key's.
fn size_of(secret: &Value, without: &str) -> usize {
    let data = secret["data"].as_object().into_iter().flatten();
    data.filter(|(key, _)| *key != without)
        .map(|(_, value)| value.as_str().map_or(0, |text| text.trim_end_matches('=').len() * 3 / 4))
        .sum()
}

fn apply(document: &mut Document, change: &Change) -> Result<bool, ConfigFault> {
    match change {
        Change::Put { registry, username, secret } => document.put(registry, username, secret),
        Change::Remove { registry } => document.remove(registry),
    }
}

async fn create(cluster: &Cluster, object: &Object, change: &Change<'_>) -> Result<bool, Refusal> {
    let mut document = Document::empty();
    let origin = object.shown();
    let changed = apply(&mut document, change)
        .map_err(|why| Refusal::Failed(Problem::NotDockerConfig { origin: origin.clone(), why }))?;
    if !changed {
        return Ok(false);
    }
    let text = document.to_text();
    let (key, format) = KEYS[0];
    let secret = Whole(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": object.name,
            "namespace": object.namespace,
            "labels": { "app.kubernetes.io/managed-by": crate::protocol::NAME },
        },
        "type": type_of(format),
        "data": { key: STANDARD.encode(text.as_bytes()) },
    }));
    cluster.create(object, &body(&secret.0)).await.map(|()| true).map_err(|refusal| match refusal {
        Refusal::Denied(told) => Refusal::Failed(Problem::NotCreated {
            object: object.shown(),
            account: denied_account(cluster, told),
            namespace: Shown::text(&object.namespace),
            rule: object.rule(RIGHTS),
        }),
        other => other,
    })
}

fn body(secret: &Value) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(secret.to_string().into_bytes())
}
