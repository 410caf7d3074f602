//! What [`resolve`](super::resolve) would answer without asking a cloud.

use std::collections::HashSet;
use std::time::SystemTime;

use super::from_cluster;
use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::docker_config::select::select;
use crate::finding::{Candidate, Failure};
use crate::problem::{Problem, Task};
use crate::question::Question;
use crate::registry::Registry;
use crate::settings::Settings;
use crate::source::{ci_env, docker_env, mounted};

/// Every such registry with its credential: all sources are read once, then each registry that a key or a
/// variable names is resolved from what was read.
pub fn list(settings: &Settings, deadline: Deadline) -> (Vec<(Registry, Credential)>, Vec<Failure>) {
    let now = SystemTime::now();
    let mut network = None;
    let (mounted, mounted_finding) = mounted::load(settings);
    let cluster = from_cluster(settings, deadline, None, None, &mut network);
    let (docker, docker_finding) = docker_env::load(settings);
    let mut failures = mounted_finding.failures;
    failures.extend(cluster.pull_finding.failures);
    failures.extend(docker_finding.failures);

    let mut registries = Vec::new();
    let mut known = HashSet::new();
    let keys = [&mounted, &cluster.pull_secrets, &docker]
        .into_iter()
        .flatten()
        .flat_map(|loaded| &loaded.config.entries);
    for registry in keys.filter_map(|entry| entry.key.registry()).chain(ci_env::registries(settings)) {
        let registry = Registry::parse(&registry.authority()).unwrap_or(registry);
        if known.insert(registry.clone()) {
            registries.push(registry);
        }
    }
    let mut answers = Vec::new();
    for registry in registries {
        // Each is compared with each key. A part of the answer would be a wrong one, whatever else there is.
        if deadline.left().is_zero() {
            let problem = Problem::Deadline { what: Task::List, limit: deadline.limit() };
            failures.push(Failure::named(problem));
            break;
        }
        let question = Question::new(registry.clone(), settings);
        // In the order of sources, as `resolve` asks them.
        let docker = docker.iter().map(std::slice::from_ref);
        let mut each = [&mounted[..], &cluster.pull_secrets].into_iter().chain(docker);
        let first = each.find_map(|loaded| best(select(loaded, &question, now).candidates));
        let first = first.or_else(|| best(ci_env::find(settings, &question, now).candidates));
        if let Some(candidate) = first {
            answers.push((registry, candidate.credential));
        }
    }
    (answers, failures)
}

fn best(candidates: Vec<Candidate>) -> Option<Candidate> {
    candidates.into_iter().next()
}
