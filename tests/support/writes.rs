//! Writes of Secrets as a real API server takes them, and what the tests ask of what is there afterwards.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::api::{FakeApi, Shared, State, secret_path};
use super::data::base64;
use super::helper::Helper;
use super::http::Request;
use super::kubeconfig::Kubeconfig;

/// The most data that a Secret holds.
pub const MOST_DATA: usize = 1024 * 1024;
const CONFIG: &str = ".dockerconfigjson";

/// Why nothing is written.
pub enum Refusal {
    Status(u16),
    /// What no client of a real server would send: a complaint.
    Wrong(&'static str),
}

/// Creates or updates a Secret; what it is afterwards.
pub(super) fn write(state: &mut State, request: &Request) -> Result<Value, Refusal> {
    let mut object: Value =
        serde_json::from_slice(&request.body).map_err(|_| Refusal::Wrong("the body is no JSON"))?;
    let parts: Vec<&str> = request.target.split('/').collect();
    let (namespace, name) = (parts[4], object["metadata"]["name"].as_str().unwrap_or_default().to_owned());
    if object["apiVersion"] != "v1" || object["kind"] != "Secret" {
        return Err(Refusal::Wrong("the body is no v1 Secret"));
    }
    if name.is_empty() || object["metadata"]["namespace"] != namespace {
        return Err(Refusal::Wrong("the body's name or namespace is not the path's"));
    }
    if !state.namespaces.contains(namespace) {
        return Err(Refusal::Status(404));
    }
    let path = secret_path(namespace, &name);
    let version = object["metadata"]["resourceVersion"].as_str();
    match (request.method.as_str(), state.objects.get(&path)) {
        ("POST", _) if version.is_some() => return Err(Refusal::Wrong("a new object has a resourceVersion")),
        ("POST", Some(_)) => return Err(Refusal::Status(409)),
        ("POST", None) => object["metadata"]["uid"] = json!(format!("uid-{}", state.revision)),
        (_, _) if path != request.target => return Err(Refusal::Wrong("the body's name is not the path's")),
        (_, None) => return Err(Refusal::Status(404)),
        (_, Some(_)) if version.is_none() => return Err(Refusal::Wrong("an update without resourceVersion")),
        (_, Some(old)) if version != old["metadata"]["resourceVersion"].as_str() => {
            return Err(Refusal::Status(409));
        }
        (_, Some(old)) => {
            let frozen =
                old["immutable"] == true && (old["data"] != object["data"] || object["immutable"] != true);
            if old["type"] != object["type"] || frozen {
                return Err(Refusal::Status(422));
            }
        }
    }
    valid(&object)?;
    state.revision += 1;
    object["metadata"]["resourceVersion"] = json!(state.revision.to_string());
    state.objects.insert(path, object.clone());
    Ok(object)
}

fn valid(object: &Value) -> Result<(), Refusal> {
    let mut size = 0;
    for value in object["data"].as_object().into_iter().flat_map(|data| data.values()) {
        let text = value.as_str().ok_or(Refusal::Wrong("a value of data is no text"))?;
        size += STANDARD.decode(text).map_err(|_| Refusal::Wrong("a value of data is no base64"))?.len();
    }
    let config = STANDARD.decode(object["data"][CONFIG].as_str().unwrap_or_default()).unwrap();
    let is_object = serde_json::from_slice::<Value>(&config).is_ok_and(|config| config.is_object());
    let wants_config = object["type"] == "kubernetes.io/dockerconfigjson";
    if size > MOST_DATA || wants_config && !is_object {
        return Err(Refusal::Status(422));
    }
    Ok(())
}

/// Somebody else who writes to the server, whatever version is there.
#[derive(Clone)]
pub struct Hand(pub(super) Arc<Shared>);

impl Hand {
    /// Changes an object, and its version with it.
    pub fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.0.state();
        state.revision += 1;
        let revision = state.revision.to_string();
        let object = state.objects.get_mut(path).expect("it is there");
        change(object);
        object["metadata"]["resourceVersion"] = json!(revision);
    }

    /// Puts an object there.
    pub fn put(&self, path: &str, object: Value) {
        self.0.state().objects.insert(path.to_owned(), object);
        self.change(path, |_| {});
    }

    /// An object as it is now.
    pub fn now(&self, path: &str) -> Option<Value> {
        self.0.state().objects.get(path).cloned()
    }

    /// Deletes an object.
    pub fn delete(&self, path: &str) {
        self.0.state().objects.remove(path).expect("it is there");
    }
}

/// The path of the Secret of stored logins.
pub fn stored() -> String {
    secret_path("kubeclarity", "basic-regcred")
}

/// The path of its namespace's Secrets.
pub fn collection() -> String {
    "/api/v1/namespaces/kubeclarity/secrets".to_owned()
}

/// A cluster that logins can be stored in.
pub fn cluster() -> FakeApi {
    FakeApi::with_token().takes_writes(&["kubeclarity"])
}

/// A cluster with this text in the Secret of stored logins.
pub fn holding(config: &str) -> FakeApi {
    let api = cluster();
    api.object(&stored(), secret_of(config));
    api
}

/// A run that is told of the cluster.
pub fn on(api: &FakeApi, helper: Helper) -> Helper {
    helper.kubeconfig(&Kubeconfig::token(api))
}

/// A Secret of stored logins with this text.
pub fn secret_of(config: &str) -> Value {
    json!({ "kind": "Secret", "apiVersion": "v1", "type": "kubernetes.io/dockerconfigjson",
            "data": { CONFIG: base64(config) },
            "metadata": { "name": "basic-regcred", "namespace": "kubeclarity", "resourceVersion": "7" } })
}

/// The text in such a Secret.
pub fn text_of(secret: &Value) -> String {
    let text = secret["data"][CONFIG].as_str().expect("a .dockerconfigjson");
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

impl FakeApi {
    /// An object as it is now.
    pub fn now(&self, path: &str) -> Option<Value> {
        self.hand().now(path)
    }

    /// The methods of all requests but GETs so far, in order.
    pub fn writes(&self) -> Vec<String> {
        let methods = self.requests().into_iter().map(|request| request.method);
        methods.filter(|method| method != "GET").collect()
    }
}

/// What the Secret of stored logins holds now, letter by letter.
#[track_caller]
pub fn text(api: &FakeApi) -> String {
    text_of(&api.now(&stored()).expect("there is no Secret"))
}

/// The user of each entry that is served, by its key.
#[track_caller]
pub fn users(api: &FakeApi) -> Value {
    serde_json::from_str(on(api, Helper::list()).run().text()).unwrap()
}
