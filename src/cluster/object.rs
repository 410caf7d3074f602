//! The objects that are asked for, and as much of them as is needed.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::settings::{is_namespace, is_object_name};
use crate::shown::Shown;

/// A named object in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Object {
    /// The resource, as in a request's path and in a Role.
    pub resource: &'static str,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Object {
    /// A Secret.
    pub fn secret(namespace: &str, name: &str) -> Object {
        Object { resource: "secrets", namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// A ServiceAccount.
    pub fn service_account(namespace: &str, name: &str) -> Object {
        Object { resource: "serviceaccounts", namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Its kind, as the API server names it.
    pub(super) fn kind(&self) -> &'static str {
        if self.resource == "secrets" { "Secret" } else { "ServiceAccount" }
    }

    /// The path of a request for it. `None` for what cannot be the name of one: names are checked where they come in, and
    /// once more here, where none may lead elsewhere.
    pub fn path(&self) -> Option<String> {
        let collection = self.collection()?;
        is_object_name(&self.name).then(|| format!("{collection}/{}", self.name))
    }

    /// The path of a request that creates one.
    pub(super) fn collection(&self) -> Option<String> {
        is_namespace(&self.namespace)
            .then(|| format!("/api/v1/namespaces/{}/{}", self.namespace, self.resource))
    }

    /// The rule of a Role that allows one verb on it, in YAML's flow style.
    pub fn rule(&self, verb: &'static str) -> Shown {
        let name = Shown::text(&self.name).in_yaml();
        shown![
            r#"{apiGroups: [""], resources: ["#,
            self.resource,
            "], resourceNames: [",
            name,
            "], verbs: [",
            verb,
            "]}"
        ]
    }
}

impl Object {
    /// Its kind, namespace and name, for messages.
    pub fn shown(&self) -> Shown {
        let kind = if self.resource == "secrets" { "secret " } else { "service account " };
        shown![kind, Shown::text(&self.namespace), "/", Shown::text(&self.name)]
    }
}

/// A Secret: its type, and its data decoded.
#[derive(Deserialize)]
pub struct SecretObject {
    /// Its type, `Opaque` if the server says none.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its values, wiped when they go.
    #[serde(default)]
    pub data: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    metadata: Metadata,
}

/// Of an object's metadata the annotations that name registries.
#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default, deserialize_with = "of_registries")]
    annotations: BTreeMap<String, String>,
}

/// Tekton's annotations of a `kubernetes.io/basic-auth`: `tekton.dev/docker-0: https://reg.example.com`.
const REGISTRY_ANNOTATION: &str = "tekton.dev/docker-";

/// The others are not kept: what `kubectl apply` leaves there is the whole Secret.
fn of_registries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut annotations = Option::<BTreeMap<String, String>>::deserialize(deserializer)?.unwrap_or_default();
    annotations.retain(|name, _| name.starts_with(REGISTRY_ANNOTATION));
    Ok(annotations)
}

impl SecretObject {
    /// The names of its keys, as a part of a message.
    pub fn keys(&self) -> Shown {
        let names: Vec<&str> = self.data.iter().flat_map(|data| data.keys()).map(String::as_str).collect();
        match names.len() {
            0 => "it is empty".into(),
            _ => shown!["it has ", Shown::list(names.into_iter().map(Shown::text))],
        }
    }

    /// The registries that its annotations name, each once, in their own order, as Tekton sorts them.
    pub fn registries(&self) -> BTreeSet<&str> {
        let named = self.metadata.annotations.values().map(|registry| registry.trim());
        named.filter(|registry| !registry.is_empty()).collect()
    }

    /// How many bytes it holds.
    pub fn size(&self) -> usize {
        self.data.iter().flatten().map(|(key, value)| key.len() + value.0.len()).sum()
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        self.data.as_ref()?.get(key).map(|value| value.0.as_slice())
    }
}

/// One value of a Secret.
pub struct Value(Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(Option::<String>::deserialize(deserializer)?.unwrap_or_default());
        let bytes = STANDARD
            .decode(text.as_bytes())
            .map_err(|_| serde::de::Error::custom("a value that is not base64"))?;
        Ok(Value(Zeroizing::new(bytes)))
    }
}

/// A ServiceAccount: the pull secrets that it names.
#[derive(Deserialize)]
pub struct ServiceAccountObject {
    #[serde(rename = "imagePullSecrets", default)]
    image_pull_secrets: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    name: String,
}

impl ServiceAccountObject {
    /// The names of its pull secrets, in order.
    pub fn pull_secrets(self) -> impl Iterator<Item = String> {
        self.image_pull_secrets.into_iter().flatten().map(|reference| reference.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_as_the_server_sends_it() {
        let secret: SecretObject =
            serde_json::from_str(r#"{"kind":"Secret","type":"Opaque","data":{"a":"aGk=","empty":null}}"#)
                .unwrap();
        assert_eq!(
            (secret.kind.as_str(), secret.value("a"), secret.value("empty"), secret.value("b")),
            ("Opaque", Some(&b"hi"[..]), Some(&b""[..]), None)
        );
        for none in [r#"{"data":null}"#, "{}"] {
            assert_eq!(serde_json::from_str::<SecretObject>(none).unwrap().value("a"), None);
        }
        assert!(serde_json::from_str::<SecretObject>(r#"{"data":{"a":"!"}}"#).is_err());
    }

    #[test]
    fn only_annotations_that_name_registries_are_kept() {
        let secret: SecretObject = serde_json::from_str(
            r#"{"metadata":{"name":"s","annotations":{"tekton.dev/docker-1":"a.io","tekton.dev/docker-0":" b.io ",
                "tekton.dev/git-0":"x","kubectl.kubernetes.io/last-applied-configuration":"hunter2"}}}"#,
        )
        .unwrap();
        assert_eq!(secret.registries().into_iter().collect::<Vec<_>>(), ["a.io", "b.io"]);
        assert_eq!(secret.metadata.annotations.len(), 2);
        for none in [r#"{"metadata":{"annotations":null}}"#, r#"{"metadata":{}}"#, "{}"] {
            assert!(serde_json::from_str::<SecretObject>(none).unwrap().registries().is_empty());
        }
    }

    #[test]
    fn the_rule_names_the_object() {
        assert_eq!(
            Object::secret("n", "s").rule("get"),
            r#"{apiGroups: [""], resources: [secrets], resourceNames: [s], verbs: [get]}"#
        );
    }
}
