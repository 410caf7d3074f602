//! The async runtime, built only when the network is needed, and left without waiting for it.

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::cluster::{Cluster, Place};
use crate::deadline::Deadline;
use crate::docker_config::Loaded;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::source::{Failure, Finding, pull_secrets};

/// What the cluster may take of the whole time, so that the sources after it get a turn.
const CLUSTER_SHARE: f64 = 0.8;
/// What a kubeconfig found by chance may take.
const CHANCE_LIMIT: Duration = Duration::from_secs(2);

/// A runtime on this thread.
pub struct Network {
    runtime: Option<Runtime>,
}

impl Network {
    /// Builds the runtime.
    ///
    /// # Errors
    /// The system has no descriptors left for it.
    pub fn start() -> Result<Network, Problem> {
        // The one crypto provider; an error only says that it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => Ok(Network { runtime: Some(runtime) }),
            Err(error) => Err(Problem::System { what: "start network input and output", kind: error.kind() }),
        }
    }

    /// Runs something on it; `None` if it did not end by the deadline.
    fn run<T>(&self, deadline: Deadline, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.as_ref()?.block_on(async { timeout(deadline.left(), work).await.ok() })
    }

    /// Gets the cluster's pull secrets.
    pub fn pull_secrets(
        &self,
        settings: &Settings,
        place: Place,
        deadline: Deadline,
    ) -> (Vec<Loaded>, Finding) {
        let started = Instant::now();
        let weight = place.found.weight();
        let inner = match place.found {
            crate::cluster::Found::ByChance => deadline.at_most(CHANCE_LIMIT),
            _ => deadline.share(CLUSTER_SHARE),
        };
        let work = async {
            match Cluster::connect(settings, place, inner).await {
                Ok(cluster) => pull_secrets::load(&cluster, settings).await,
                Err(failure) => {
                    let mut finding = Finding::default();
                    finding.fail("cluster", failure, started.elapsed());
                    (Vec::new(), finding)
                }
            }
        };
        // The requests keep to their own, earlier deadline; this one only guards against what does not.
        self.run(inner.at_most(inner.left() + Duration::from_millis(200)), work).unwrap_or_else(|| {
            let mut finding = Finding::default();
            let problem =
                Problem::Deadline { what: "asking the cluster".to_owned(), limit: deadline.limit() };
            finding.fail("cluster", Failure { problem, weight }, started.elapsed());
            (Vec::new(), finding)
        })
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // A plain drop waits for a resolver that hangs in another thread.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
