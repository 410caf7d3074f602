//! The order of sources, the deadline, the policy for failures, and the trail of what was looked at.

pub mod network;

use std::time::SystemTime;

use crate::cluster;
use crate::deadline::Deadline;
use crate::docker_config::Loaded;
use crate::docker_config::select::select;
use crate::problem::Problem;
use crate::registry::Registry;
use crate::settings::Settings;
use crate::source::{Candidate, Failure, Finding, Look, Question, Weight, ci_env, docker_env, mounted};
use network::Network;

/// The sources, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Pull secrets mounted as files.
    Mounted,
    /// Pull secrets in the cluster.
    PullSecrets,
    /// Docker's configuration in the environment.
    DockerEnv,
    /// Variables of CI systems.
    CiEnv,
}

impl Source {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Source::Mounted => "mounted pull secrets",
            Source::PullSecrets => "pull secrets in the cluster",
            Source::DockerEnv => "docker configuration in the environment",
            Source::CiEnv => "variables of CI systems",
        }
    }
}

/// What became of a question.
#[derive(Debug, Default)]
pub struct Resolution {
    /// All candidates of the first source that had one, the best first. Empty if none had.
    pub candidates: Vec<Candidate>,
    /// All failures on the way, in order.
    pub failures: Vec<Failure>,
    /// What each source looked at, in order; sources after the one that answered were not asked.
    pub trail: Vec<(Source, Vec<Look>)>,
}

impl Resolution {
    /// Takes in what a source found. True if the search is over: it answered, or it failed in a way that no
    /// later source can make good.
    fn settle(&mut self, source: Source, finding: Finding) -> bool {
        self.trail.push((source, finding.looks));
        self.failures.extend(finding.failures);
        if self.failures.iter().any(|failure| failure.weight == Weight::Named) {
            return true;
        }
        self.candidates = finding.candidates;
        !self.candidates.is_empty()
    }

    /// The answer by the policy of DESIGN section 4: what the user named must work; otherwise a credential
    /// wins over failures, and a failure over nothing.
    ///
    /// # Errors
    /// The first failure that counts.
    pub fn answer(self) -> Result<Option<Candidate>, Problem> {
        let of = |weight| self.failures.iter().find(move |failure| failure.weight == weight);
        if let Some(failure) = of(Weight::Named) {
            return Err(failure.problem.clone());
        }
        match (self.candidates.first(), of(Weight::Default)) {
            (Some(candidate), _) => Ok(Some(candidate.clone())),
            (None, Some(failure)) => Err(failure.problem.clone()),
            (None, None) => Ok(None),
        }
    }
}

/// Asks the sources in order until one answers.
pub fn resolve(registry: Registry, settings: &Settings, deadline: Deadline) -> Resolution {
    let question = Question::new(registry, settings);
    let now = SystemTime::now();
    let mut resolution = Resolution::default();
    let choose = |loaded: &[Loaded], mut finding: Finding| {
        finding.merge(select(loaded, &question, now));
        finding
    };

    let (loaded, finding) = mounted::load(settings);
    if resolution.settle(Source::Mounted, choose(&loaded, finding)) {
        return resolution;
    }
    let (loaded, finding) = pull_secrets(settings, deadline);
    if resolution.settle(Source::PullSecrets, choose(&loaded, finding)) {
        return resolution;
    }
    let (loaded, finding) = docker_env::load(settings);
    // The first of the three that has the registry wins; ranks are compared within each only.
    let mut docker = finding;
    for one in &loaded {
        docker.merge(select(std::slice::from_ref(one), &question, now));
    }
    if resolution.settle(Source::DockerEnv, docker) {
        return resolution;
    }
    resolution.settle(Source::CiEnv, ci_env::find(settings, &question, now));
    resolution
}

/// Every registry that [`resolve`] would answer without asking a cloud, with the user name: all sources are
/// read once, then each registry that a key or variable names is resolved from what was read.
pub fn list(settings: &Settings, deadline: Deadline) -> (Vec<(Registry, String)>, Vec<Failure>) {
    let now = SystemTime::now();
    let (mounted, mounted_finding) = mounted::load(settings);
    let (cluster, cluster_finding) = pull_secrets(settings, deadline);
    let (docker, docker_finding) = docker_env::load(settings);
    let mut failures = mounted_finding.failures;
    failures.extend(cluster_finding.failures);
    failures.extend(docker_finding.failures);

    let mut registries: Vec<Registry> = Vec::new();
    let keys = [&mounted, &cluster, &docker].into_iter().flatten().flat_map(|loaded| &loaded.config.entries);
    for registry in keys.filter_map(|entry| entry.key.registry()).chain(ci_env::registries(settings)) {
        let registry = Registry::parse(&registry.authority()).unwrap_or(registry);
        if !registries.contains(&registry) {
            registries.push(registry);
        }
    }
    let mut answers = Vec::new();
    for registry in registries {
        let question = Question::new(registry.clone(), settings);
        let first = select(&mounted, &question, now).candidates.into_iter().next();
        let first = first.or_else(|| select(&cluster, &question, now).candidates.into_iter().next());
        let first = first.or_else(|| {
            let mut each = docker.iter().map(|one| select(std::slice::from_ref(one), &question, now));
            each.find_map(|finding| finding.candidates.into_iter().next())
        });
        let first = first.or_else(|| ci_env::find(settings, &question, now).candidates.into_iter().next());
        if let Some(candidate) = first {
            answers.push((registry, candidate.credential.username));
        }
    }
    (answers, failures)
}

/// The cluster's pull secrets; nothing, without a word, if there is no cluster and nobody named one.
fn pull_secrets(settings: &Settings, deadline: Deadline) -> (Vec<Loaded>, Finding) {
    let mut finding = Finding::default();
    let Some(place) = cluster::place(settings) else {
        let variable = match (settings.pull_secrets.is_empty(), &settings.service_account) {
            (false, _) => Some("KUBECLARITY_PULL_SECRETS"),
            (true, Some(_)) => Some("KUBECLARITY_SERVICE_ACCOUNT"),
            (true, None) => None,
        };
        match variable {
            None => finding.look(
                "cluster",
                "none: not in a pod, no KUBECONFIG, no ~/.kube/config",
                std::time::Duration::ZERO,
            ),
            Some(variable) => finding.fail(
                "cluster",
                Failure::named(Problem::NoCluster { variable }),
                std::time::Duration::ZERO,
            ),
        }
        return (Vec::new(), finding);
    };
    match Network::start() {
        Ok(network) => network.pull_secrets(settings, place, deadline),
        Err(problem) => {
            finding.fail(
                "cluster",
                Failure { problem, weight: place.found.weight() },
                std::time::Duration::ZERO,
            );
            (Vec::new(), finding)
        }
    }
}
