//! The Kubernetes client: only `get` on named objects, with time limits and retries of our own.

pub mod config;
pub mod exec;
mod object;
mod request;

pub use object::{Object, SecretObject, ServiceAccountObject};
pub use request::Refusal;

use std::path::Path;

use crate::credential;
use crate::deadline::Deadline;
use crate::file;
use crate::network::Door;
use crate::network::connect::Ways;
use crate::network::http::Http;
use crate::network::proxy::Way;
use crate::problem::Problem;
use crate::settings::{ObjectName, Settings};
use crate::shown::Shown;

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
    /// When asking must end.
    pub deadline: Deadline,
}

/// What is known of the cluster before anything is asked of it.
#[derive(Debug, Clone)]
pub struct Place {
    /// How it was found.
    pub found: Found,
}

/// The pod that this process runs in.
struct Pod {
    issuer: Option<String>,
    namespace: Option<String>,
    service_account: Option<ObjectName>,
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

/// Whose pod this is, for a name of its answers: the cluster that issued its token, namespace and service account.
/// `None` outside of one.
pub fn pod_identity(settings: &Settings) -> Option<[String; 3]> {
    settings.in_cluster_host.as_ref()?;
    let Pod { issuer, namespace, service_account } = pod();
    let account = service_account.map(|account| account.name);
    Some([issuer, namespace, account].map(Option::unwrap_or_default))
}

/// The pod's namespace, and its service account from the token's `sub`
/// (`system:serviceaccount:<namespace>:<name>`).
fn pod() -> Pod {
    let read = |name: &str| file::read_beneath(Path::new(POD_DIRECTORY), Path::new(name)).ok();
    let identity = read("token").and_then(|token| credential::jwt_identity_in(&token));
    let (issuer, subject) = identity.unzip();
    let service_account = subject.as_deref().and_then(|subject| {
        let (namespace, name) = subject.strip_prefix("system:serviceaccount:")?.split_once(':')?;
        Some(ObjectName { namespace: Some(namespace.to_owned()), name: name.to_owned() })
    });
    let namespace =
        read("namespace").and_then(|text| Some(std::str::from_utf8(&text).ok()?.trim().to_owned()));
    let namespace = namespace.filter(|name| !name.is_empty());
    let own = service_account.as_ref().and_then(|account| account.namespace.clone());
    Pod { issuer, namespace: namespace.or(own), service_account }
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
        let (config, proxy) = match place.found {
            Found::InPod => (config::in_pod()?, None),
            Found::Named | Found::ByChance => config::from_kubeconfig(settings, deadline).await?,
        };
        let ways = proxy.map_or_else(|| http.ways(Door::ApiServer), Ways::By);
        let url = config.cluster_url.clone();
        let default_namespace = config.default_namespace.clone();
        let client = config::client(http, config, &ways)?;
        let pod = (place.found == Found::InPod).then(pod);
        let namespace = pod.as_ref().and_then(|pod| pod.namespace.clone()).unwrap_or(default_namespace);
        let pod_account = pod.and_then(|pod| pod.service_account);
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
            deadline,
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
