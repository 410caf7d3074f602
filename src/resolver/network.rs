//! The async runtime, built only when the network is needed, and left without waiting for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::cloud::hosts::CloudHost;
use crate::cloud::http::{Http, Trust};
use crate::cluster::{Cluster, Found, Place};
use crate::deadline::{Deadline, Stage};
use crate::docker_config::Loaded;
use crate::finding::{Failure, Finding, Weight};
use crate::identity::Identity;
use crate::problem::{Need, Problem, Task};
use crate::question::Question;
use crate::settings::Settings;
use crate::shown::Shown;
use crate::source::cloud_secrets;
use crate::source::pull_secrets;
use crate::source::stored::{self, Change};
use crate::stack;
use crate::watch;

/// What the cluster may take of the whole time, so that the sources after it get a turn.
const CLUSTER_SHARE: f64 = 0.8;
/// What a kubeconfig found by chance may take.
pub const CHANCE_LIMIT: Duration = Duration::from_secs(2);
/// The requests keep to their own deadline; the runtime's guards only against what does not.
const GRACE: Duration = Duration::from_millis(200);

/// Whether anything was asked over the network.
static USED: AtomicBool = AtomicBool::new(false);

/// Whether anything was asked over the network, by calls of libraries that leave on the stack what they like.
pub fn was_used() -> bool {
    USED.load(Ordering::Relaxed)
}

/// A runtime on this thread.
pub struct Network {
    runtime: Option<Runtime>,
    http: Http,
}

/// What the cluster has for a question.
#[derive(Default)]
pub struct FromCluster {
    /// Its pull secrets, in order.
    pub pull_secrets: Vec<Loaded>,
    /// What getting them was like.
    pub pull_finding: Finding,
    /// The identity in the cloud's Secret, for a cloud's host.
    pub identity: Option<Identity>,
    /// What getting it was like.
    pub cloud_finding: Finding,
}

impl Network {
    /// Builds the runtime.
    ///
    /// # Errors
    /// The system has no descriptors left for it.
    pub fn start(settings: &Settings, deadline: Deadline) -> Result<Network, Problem> {
        // Certificates, signatures and the libraries' own clocks begin with 1970.
        if SystemTime::now() < UNIX_EPOCH {
            return Err(Problem::Clock);
        }
        if !stack::reserve() {
            return Err(Problem::System { what: Need::Network, kind: std::io::ErrorKind::OutOfMemory });
        }
        USED.store(true, Ordering::Relaxed);
        // The one crypto provider; an error only says that it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Libraries read files in ways that no timer of the runtime can end: a FIFO, a file server that is gone.
        watch::start().map_err(|kind| Problem::System { what: Need::Thread, kind })?;
        Stage::Network.begins();
        match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                Ok(Network { runtime: Some(runtime), http: Http::new(Trust::of(settings), deadline) })
            }
            Err(error) => Err(Problem::System { what: Need::Network, kind: error.kind() }),
        }
    }

    /// Runs something on it; `None` if it did not end by the deadline.
    fn run<T>(&self, deadline: Deadline, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.as_ref()?.block_on(async { timeout(deadline.left(), work).await.ok() })
    }

    /// Gets the cluster's pull secrets and, for a cloud's host, the identity in that cloud's Secret: at the same
    /// time, since the one is not known to be needed before the other is here.
    pub fn from_cluster(
        &self,
        settings: &Settings,
        place: Place,
        question: Option<&Question>,
        host: Option<&CloudHost>,
    ) -> FromCluster {
        let started = Instant::now();
        let whole = self.http.deadline;
        let deadline = match place.found {
            Found::ByChance if !names_objects(settings) => whole.at_most(CHANCE_LIMIT),
            _ => whole.share(CLUSTER_SHARE),
        };
        let weight = if names_objects(settings) { Weight::Named } else { place.found.weight() };
        let failed = |problem| {
            let mut pull_finding = Finding::default();
            pull_finding.fail("cluster", Failure { problem, weight }, started.elapsed());
            FromCluster { pull_finding, ..FromCluster::default() }
        };
        let work = async {
            let cluster = match Cluster::connect(settings, &self.http, place, deadline).await {
                Ok(cluster) => cluster,
                Err(problem) => return failed(problem),
            };
            let identity = async {
                match host {
                    Some(host) => cloud_secrets::load(&cluster, settings, host).await,
                    None => (None, Finding::default()),
                }
            };
            let ((pull_secrets, pull_finding), (identity, cloud_finding)) =
                tokio::join!(pull_secrets::load(&cluster, settings, question), identity);
            FromCluster { pull_secrets, pull_finding, identity, cloud_finding }
        };
        let guard = whole.at_most(deadline.left() + GRACE);
        let late = || failed(Problem::Deadline { what: Task::AskCluster, limit: whole.limit() });
        self.run(guard, work).unwrap_or_else(late)
    }

    /// Writes the Secret of stored logins. False if there was nothing to change.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn change_stored(&self, settings: &Settings, place: Place, change: &Change) -> Result<bool, Problem> {
        let deadline = self.http.deadline;
        let work = async {
            stored::change(&Cluster::connect(settings, &self.http, place, deadline).await?, settings, change)
                .await
        };
        let late = || Err(Problem::Deadline { what: Task::WriteCluster, limit: deadline.limit() });
        self.run(deadline, work).unwrap_or_else(late)
    }

    /// Exchanges an identity for the host's credential.
    pub fn exchange(&self, identity: &Identity, host: &CloudHost, name: &str) -> Finding {
        let work = cloud_secrets::exchange(identity, &self.http, host, name);
        self.run(self.http.deadline, work).unwrap_or_else(|| self.late(name))
    }

    fn late(&self, name: &str) -> Finding {
        let mut finding = Finding::default();
        let limit = self.http.deadline.limit();
        let problem = Problem::Deadline { what: Task::AskCloud(Shown::text(name)), limit };
        finding.fail("cloud identity", Failure::default(problem), limit);
        finding
    }
}

/// Whether the user named something in the cluster, so that a cluster that fails cannot be passed over.
fn names_objects(settings: &Settings) -> bool {
    !settings.pull_secrets.is_empty() || settings.service_account.is_some()
}

impl Drop for Network {
    fn drop(&mut self) {
        // A plain drop waits for a resolver that hangs in another thread.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
