//! The Kubernetes client: only `get` on named objects, with time limits and retries of our own.

pub mod config;
pub mod exec;
mod object;
mod pod;
mod request;

pub use object::{Object, SecretObject, ServiceAccountObject};
pub use pod::service_account;
pub use request::Refusal;

use std::path::Path;

use crate::deadline::Deadline;
use crate::file;
use crate::network::Door;
use crate::network::connect::Ways;
use crate::network::http::Http;
use crate::network::proxy::Way;
use crate::problem::Problem;
use crate::settings::{ObjectName, Settings};
use crate::shown::Shown;
use config::Reached;
use pod::Pod;
use tokio::sync::Semaphore;

/// Where a pod finds its service account.
const POD_DIRECTORY: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// How the cluster was found, which decides what a failure of it counts for (DESIGN section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// This is a pod.
    InPod,
    /// `KUBECONFIG` names it.
    Named,
    /// `~/.kube/config` happens to be there.
    ByChance,
}

/// An API server that can be asked.
pub struct Cluster {
    client: kube::Client,
    /// How it was found.
    pub found: Found,
    /// Its address, for messages.
    pub server: Shown,
    /// Its address.
    url: http::Uri,
    /// Which way leads to it.
    way: Way,
    /// The service account whose pull secrets count: the one named, else the pod's own.
    pub service_account: Option<ObjectName>,
    /// The namespace of names that come without one.
    pub namespace: String,
    /// What names something in it and cannot be used.
    pub unusable: Vec<Shown>,
    /// When asking must end.
    pub deadline: Deadline,
    /// How many requests may be under way.
    turns: Semaphore,
}

/// The most requests that are under way at the same time.
pub const MOST_UNDER_WAY: usize = 8;

/// What is known of the cluster before anything is asked of it.
#[derive(Debug, Clone)]
pub struct Place {
    /// How it was found.
    pub found: Found,
}

/// Whether there is a cluster to ask, without asking: a pod's token, `KUBECONFIG`, or `~/.kube/config`.
pub fn place(settings: &Settings) -> Option<Place> {
    let token = Path::new(POD_DIRECTORY).join("token");
    if settings.in_cluster_host.is_some() && file::exists(&token) {
        return Some(Place { found: Found::InPod });
    }
    if settings.kubeconfig.is_some() {
        return Some(Place { found: Found::Named });
    }
    let default = settings.home.as_ref()?.join(".kube/config");
    file::exists(&default).then_some(Place { found: Found::ByChance })
}

/// Whose pod this is, for a name of its answers: the cluster that issued its token, its namespace, and whom the token is for.
/// `None` outside of one.
pub fn pod_identity(settings: &Settings) -> Option<[String; 3]> {
    settings.in_cluster_host.as_ref()?;
    let Pod { identity, namespace, .. } = pod::pod();
    let (issuer, subject) = identity.unzip();
    Some([issuer, namespace, subject].map(Option::unwrap_or_default))
}

impl Cluster {
    /// Prepares the client. Nothing is sent yet, but an exec plugin of a kubeconfig is run.
    ///
    /// # Errors
    /// A configuration that cannot be used.
    pub async fn connect(
        settings: &Settings,
        http: &Http,
        place: Place,
        deadline: Deadline,
    ) -> Result<Cluster, Problem> {
        let Reached { config, proxy, unusable } = match place.found {
            Found::InPod => Reached { config: config::in_pod()?, proxy: None, unusable: None },
            Found::Named | Found::ByChance => config::from_kubeconfig(settings, deadline).await?,
        };
        let ways = proxy.map_or_else(|| http.ways(Door::ApiServer), Ways::By);
        let url = config.cluster_url.clone();
        let default_namespace = config.default_namespace.clone();
        let client = config::client(http, config, &ways)?;
        let (pod_namespace, pod_account, unusable) = match (place.found == Found::InPod).then(pod::pod) {
            Some(pod) => (pod.namespace, pod.service_account, pod.unusable),
            None => (None, None, Vec::from_iter(unusable)),
        };
        let namespace = pod_namespace.unwrap_or(default_namespace);
        let service_account = settings.service_account.clone().or(pod_account).map(|account| ObjectName {
            namespace: account.namespace.or_else(|| Some(namespace.clone())),
            name: account.name,
        });
        let own = service_account.as_ref().and_then(|account| account.namespace.clone());
        Ok(Cluster {
            client,
            found: place.found,
            server: Shown::address(&url),
            way: ways.way(&url).unwrap_or(Way::Direct),
            url,
            service_account,
            namespace: own.unwrap_or(namespace),
            unusable,
            deadline,
            turns: Semaphore::new(MOST_UNDER_WAY),
        })
    }

    /// Gets a Secret.
    ///
    /// # Errors
    /// [`Refusal`] says why there is none.
    pub async fn secret(&self, object: &Object) -> Result<SecretObject, Refusal> {
        request::get(self, object).await
    }

    /// Gets a ServiceAccount.
    ///
    /// # Errors
    /// [`Refusal`] says why there is none.
    pub async fn account(&self, object: &Object) -> Result<ServiceAccountObject, Refusal> {
        request::get(self, object).await
    }

    /// Gets a Secret whole, with every field that the server knows of it.
    ///
    /// # Errors
    /// [`Refusal`] says why there is none.
    pub async fn whole(&self, object: &Object) -> Result<serde_json::Value, Refusal> {
        request::get(self, object).await
    }

    /// Creates an object.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if it is there already.
    pub async fn create(&self, object: &Object, body: &[u8]) -> Result<(), Refusal> {
        request::call(self, object, request::Verb::Create(body)).await.map(drop)
    }

    /// Writes an object back; its `resourceVersion` must still be the newest.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if it is not.
    pub async fn update(&self, object: &Object, body: &[u8]) -> Result<(), Refusal> {
        request::call(self, object, request::Verb::Update(body)).await.map(drop)
    }
}
