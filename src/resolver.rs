//! The order of sources, the deadline, the policy for failures, and the trail of what was looked at.

mod list;
pub mod network;

pub use list::list;

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::cloud::hosts::CloudHost;
use crate::cluster;
use crate::deadline::{Deadline, Stage};
use crate::docker_config::Loaded;
use crate::docker_config::select::select;
use crate::finding::{Candidate, Failure, Finding, Look, Weight};
use crate::problem::Problem;
use crate::question::Question;
use crate::settings::Settings;
use crate::shown::Shown;
use crate::source::{ci_env, cloud_env, docker_env, mounted};
use network::{FromCluster, Network};

/// The sources, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Pull secrets mounted as files.
    Mounted,
    /// Pull secrets in the cluster.
    PullSecrets,
    /// A cloud's identity in the cluster.
    CloudSecrets,
    /// Docker's configuration in the environment.
    DockerEnv,
    /// Variables of CI systems.
    CiEnv,
    /// The cloud identities of this machine or pod.
    CloudEnv,
}

impl Source {
    /// All of them, in order.
    pub const ALL: [Source; 6] = [
        Source::Mounted,
        Source::PullSecrets,
        Source::CloudSecrets,
        Source::DockerEnv,
        Source::CiEnv,
        Source::CloudEnv,
    ];

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Source::Mounted => "mounted pull secrets",
            Source::PullSecrets => "pull secrets in the cluster",
            Source::CloudSecrets => "cloud secrets in the cluster",
            Source::DockerEnv => "docker configuration in the environment",
            Source::CiEnv => "variables of CI systems",
            Source::CloudEnv => "cloud identity of this machine or pod",
        }
    }
}

/// What became of a question.
#[derive(Debug, Default)]
pub struct Resolution {
    /// All candidates of the first source that had one, the best first. Empty if none had.
    pub candidates: Vec<Candidate>,
    /// All failures on the way, in order, each with its source.
    pub failures: Vec<(Source, Failure)>,
    /// What each source looked at, in order; sources after the one that answered were not asked.
    pub trail: Vec<(Source, Vec<Look>)>,
    /// Whether a source that was asked has a key with a path for the registry: else all its repositories have this
    /// answer.
    pub by_path: bool,
}

impl Resolution {
    /// Takes in what a source found. True if the search is over: it answered, or it failed in a way that no
    /// later source can make good.
    fn settle(&mut self, source: Source, finding: Finding) -> bool {
        self.trail.push((source, finding.looks));
        self.failures.extend(finding.failures.into_iter().map(|failure| (source, failure)));
        self.by_path |= finding.by_path;
        if self.failures.iter().any(|(_, failure)| failure.weight == Weight::Named) {
            return true;
        }
        self.candidates = finding.candidates;
        !self.candidates.is_empty()
    }

    /// Whether a source got as far as looking at anything.
    pub fn was_asked(&self, source: Source) -> bool {
        self.trail.iter().any(|(asked, looks)| *asked == source && !looks.is_empty())
    }

    /// The answer by the policy of DESIGN section 4: what the user named must work; otherwise a credential
    /// wins over failures, and a failure over nothing.
    ///
    /// # Errors
    /// The first failure that counts.
    pub fn answer(&self) -> Result<Option<Candidate>, Problem> {
        let of = |weight| self.failures.iter().find(move |(_, failure)| failure.weight == weight);
        if let Some((_, failure)) = of(Weight::Named) {
            return Err(failure.problem.clone());
        }
        match (self.candidates.first(), of(Weight::Default)) {
            (Some(candidate), _) => Ok(Some(candidate.clone())),
            (None, Some((_, failure))) => Err(failure.problem.clone()),
            (None, None) => Ok(None),
        }
    }
}

/// A question, and what it takes to answer it.
pub struct Resolver<'a> {
    settings: &'a Settings,
    question: &'a Question,
    deadline: Deadline,
    host: Option<CloudHost>,
    now: SystemTime,
}

impl<'a> Resolver<'a> {
    /// Nothing is asked yet.
    pub fn new(settings: &'a Settings, question: &'a Question, deadline: Deadline) -> Resolver<'a> {
        let host = CloudHost::of(&question.registry);
        Resolver { settings, question, deadline, host, now: SystemTime::now() }
    }

    /// Whether any source after the mounted one needs the network: without a cluster, and for a host that is no
    /// cloud's, none does.
    pub fn needs_network(&self) -> bool {
        self.host.is_some() || cluster::place(self.settings).is_some()
    }

    /// Asks all sources in order until one answers.
    pub fn resolve(&self) -> Resolution {
        self.mounted().unwrap_or_else(|resolution| self.others(resolution))
    }

    /// Asks the mounted source, which needs no network and is read anew each time.
    ///
    /// # Errors
    /// The search is not over: what was found so far, for [`Resolver::others`].
    pub fn mounted(&self) -> Result<Resolution, Resolution> {
        let mut resolution = Resolution::default();
        let (loaded, finding) = mounted::load(self.settings);
        match resolution.settle(Source::Mounted, self.choose(&loaded, finding)) {
            true => Ok(resolution),
            false => Err(resolution),
        }
    }

    /// Asks the sources after the mounted one.
    pub fn others(&self, mut resolution: Resolution) -> Resolution {
        Stage::Files.begins();
        let mut network = None;
        self.ask(&mut network, &mut resolution);
        resolution
    }

    fn choose(&self, loaded: &[Loaded], mut finding: Finding) -> Finding {
        finding.merge(select(loaded, self.question, self.now));
        finding
    }

    fn ask(&self, network: &mut Option<Network>, resolution: &mut Resolution) {
        let (settings, name) = (self.settings, self.question.registry.host());
        let FromCluster { pull_secrets, pull_finding, identity, cloud_finding } =
            from_cluster(settings, self.deadline, Some(self.question), self.host.as_ref(), network);
        if resolution.settle(Source::PullSecrets, self.choose(&pull_secrets, pull_finding)) {
            return;
        }
        // Once a cloud's identity was asked for and failed, the environment's is never taken in its place.
        let mut identity_failed = false;
        if let Some(host) = &self.host {
            let mut finding = cloud_finding;
            if let (Some(identity), Some(network)) = (identity, network.as_ref()) {
                finding.merge(network.exchange(&identity, host, name));
            }
            identity_failed = finding.failures.iter().any(|failure| failure.weight > Weight::Note);
            if resolution.settle(Source::CloudSecrets, finding) {
                return;
            }
        } else {
            resolution.settle(Source::CloudSecrets, noted(NO_CLOUDS_HOST));
        }
        // The first of the three that has the registry wins; ranks are compared within each only.
        let (loaded, mut finding) = docker_env::load(settings);
        for one in &loaded {
            finding.merge(select(std::slice::from_ref(one), self.question, self.now));
        }
        if resolution.settle(Source::DockerEnv, finding) {
            return;
        }
        if resolution.settle(Source::CiEnv, ci_env::find(settings, self.question, self.now)) {
            return;
        }
        if let Some(host) = &self.host {
            let finding = if identity_failed {
                noted("not asked: the identity in the cluster failed, and no other is taken in its place")
            } else {
                match cloud_env::identity(settings, host, name) {
                    Ok(identity) => match started(network, settings, self.deadline) {
                        Ok(network) => network.exchange(&identity, host, name),
                        Err(problem) => failed("network", Failure::default(problem)),
                    },
                    Err(nothing) => nothing,
                }
            };
            resolution.settle(Source::CloudEnv, finding);
        } else {
            resolution.settle(Source::CloudEnv, noted(NO_CLOUDS_HOST));
        }
    }
}

const NO_CLOUDS_HOST: &str = "not asked for: the host is no registry of AWS, Google or Azure";

fn failed(object: &'static str, failure: Failure) -> Finding {
    let mut finding = Finding::default();
    finding.fail(object, failure, Duration::ZERO);
    finding
}

fn noted(what: impl Into<Shown>) -> Finding {
    let mut finding = Finding::default();
    finding.look("cloud identity", what, Duration::ZERO);
    finding
}

/// The network, started on first use.
fn started<'a>(
    network: &'a mut Option<Network>,
    settings: &Settings,
    deadline: Deadline,
) -> Result<&'a Network, Problem> {
    match network {
        Some(network) => Ok(network),
        None => Ok(network.insert(Network::start(settings, deadline)?)),
    }
}

/// What the cluster has; nothing, without a word, if there is no cluster and nobody named one.
fn from_cluster(
    settings: &Settings,
    deadline: Deadline,
    question: Option<&Question>,
    host: Option<&CloudHost>,
    network: &mut Option<Network>,
) -> FromCluster {
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
                Duration::ZERO,
            ),
            Some(variable) => {
                finding.fail("cluster", Failure::named(Problem::NoCluster { variable }), Duration::ZERO)
            }
        }
        return FromCluster { pull_finding: finding, ..FromCluster::default() };
    };
    let weight = place.found.weight();
    match started(network, settings, deadline) {
        Ok(network) => network.from_cluster(settings, place, question, host),
        Err(problem) => {
            finding.fail("cluster", Failure { problem, weight }, Duration::ZERO);
            FromCluster { pull_finding: finding, ..FromCluster::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Credential;
    use crate::problem::EntryFault;
    use crate::secret::Secret;

    fn problem(origin: &str) -> Problem {
        Problem::Unusable { origin: Shown::text(origin), what: EntryFault::Expired(SystemTime::UNIX_EPOCH) }
    }

    fn found(users: &[&str], failures: Vec<Failure>) -> Finding {
        let candidate = |user: &&str| Candidate {
            credential: Credential::new((*user).to_owned(), Secret::new("p".to_owned())),
            origin: "o".into(),
            key: None,
            why: Shown::default(),
            issued: false,
        };
        Finding { candidates: users.iter().map(candidate).collect(), failures, ..Finding::default() }
    }

    /// The findings of sources in turn: how many were needed, and the answer's user or the failure's origin.
    fn answer(findings: Vec<Finding>) -> (usize, Result<Option<String>, Problem>) {
        let mut resolution = Resolution::default();
        let mut asked = 0;
        for (finding, source) in findings.into_iter().zip(Source::ALL) {
            asked += 1;
            if resolution.settle(source, finding) {
                break;
            }
        }
        assert_eq!(resolution.trail.len(), asked);
        (asked, resolution.answer().map(|found| found.map(|candidate| candidate.credential.username)))
    }

    #[test]
    fn the_first_source_that_answers_ends_the_search_with_its_best() {
        let findings = || vec![found(&[], vec![]), found(&["a", "b"], vec![]), found(&["c"], vec![])];
        assert_eq!(answer(findings()), (2, Ok(Some("a".to_owned()))));
        assert_eq!(answer(vec![found(&[], vec![]), found(&[], vec![])]), (2, Ok(None)));
    }

    #[test]
    fn one_source_with_paths_is_enough_for_an_answer_by_path() {
        for (first, second) in [(false, false), (true, false), (false, true)] {
            let mut resolution = Resolution::default();
            for (source, by_path) in [(Source::Mounted, first), (Source::PullSecrets, second)] {
                resolution.settle(source, Finding { by_path, ..Finding::default() });
            }
            assert_eq!(resolution.by_path, first || second);
        }
    }

    #[test]
    fn what_a_failure_counts_for_is_its_weight() {
        let nothing = || found(&[], vec![]);
        let failing = |failure: fn(Problem) -> Failure| found(&[], vec![failure(problem("f"))]);
        // A later success makes a default's failure good; without one it is the answer. A note never is.
        assert_eq!(
            answer(vec![failing(Failure::default), found(&["a"], vec![])]),
            (2, Ok(Some("a".to_owned())))
        );
        assert_eq!(answer(vec![failing(Failure::default), nothing()]), (2, Err(problem("f"))));
        assert_eq!(answer(vec![failing(Failure::note), nothing()]), (2, Ok(None)));
        // What the user named must work: nothing after it is asked, and what stands beside it is no answer.
        assert_eq!(answer(vec![failing(Failure::named), found(&["a"], vec![])]), (1, Err(problem("f"))));
        assert_eq!(
            answer(vec![found(&["a"], vec![Failure::named(problem("f"))]), nothing()]),
            (1, Err(problem("f")))
        );
        // Of several the first is told, a named one before all.
        let several = vec![
            found(&[], vec![Failure::default(problem("1"))]),
            found(&[], vec![Failure::default(problem("2")), Failure::named(problem("3"))]),
        ];
        assert_eq!(answer(several), (2, Err(problem("3"))));
        let defaults = vec![failing(Failure::default), found(&[], vec![Failure::default(problem("2"))])];
        assert_eq!(answer(defaults), (2, Err(problem("f"))));
    }
}
