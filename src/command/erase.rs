//! `erase`: a registry in, and its entry out of the Secret `basic-regcred` of the cluster.

use super::Input;
use crate::cache;
use crate::cluster::{self, Found};
use crate::deadline::Deadline;
use crate::problem::Problem;
use crate::protocol::{self, Reply};
use crate::question::Question;
use crate::registry::Registry;
use crate::resolver::Resolver;
use crate::resolver::network::{CHANCE_LIMIT, Network};
use crate::settings::Settings;
use crate::shown::Shown;
use crate::source::stored::{self, Change};

pub(super) fn run(input: &Input) -> Reply {
    let server = match protocol::server_string(&input.stdin) {
        Ok(server) => server,
        Err(reply) => return reply,
    };
    let Some(registry) = Registry::parse(server).filter(|registry| !registry.is_hub_login_token()) else {
        return Reply::success("");
    };
    let settings = match &input.settings {
        Ok(settings) => settings,
        Err(problem) => return Reply::problem(problem),
    };
    if settings.ignore_login {
        return Reply::success("");
    }
    match erase(settings, &registry, input.deadline) {
        Ok(()) => Reply::success(""),
        Err(problem) => Reply::problem(&problem),
    }
}

fn erase(settings: &Settings, registry: &Registry, deadline: Deadline) -> Result<(), Problem> {
    let mut passed_over = None;
    if let Some(place) = cluster::place(settings) {
        let by_chance = place.found == Found::ByChance;
        let limited = if by_chance { deadline.at_most(CHANCE_LIMIT) } else { deadline };
        match Network::start(settings, limited)?.change_stored(settings, place, &Change::Remove { registry })
        {
            // A cluster that only happens to be configured here, and cannot be asked, serves nothing.
            Err(problem) if by_chance && is_of_cluster(&problem) => passed_over = Some(problem),
            changed => drop(changed?),
        }
        // What was erased must not be served again.
        cache::forget(settings);
    }
    let question = Question::new(registry.clone(), settings);
    let candidate = match Resolver::new(settings, &question, deadline).resolve().answer() {
        Ok(Some(candidate)) => candidate,
        Ok(None) => return Ok(()),
        // It may serve the registry again later.
        Err(problem) if problem.is_outage() => return Err(problem),
        // What is broken, expired or denied serves nobody: it is for `get` to report.
        Err(_) => return Ok(()),
    };
    let (registry, origin) = (Shown::text(&registry.key()), candidate.object());
    let stored = shown![stored::object(settings).shown(), "/"];
    match passed_over {
        // It could be read, but not written.
        Some(problem) if origin.starts_with(&stored) => Err(problem),
        None if origin.starts_with(&stored) => Err(Problem::StillServedByEntry { registry, origin }),
        _ => Err(Problem::StillServed { registry, origin }),
    }
}

/// Whether a cluster could not be asked, as opposed to what is in it.
fn is_of_cluster(problem: &Problem) -> bool {
    problem.is_outage()
        || matches!(
            problem,
            Problem::Cluster { .. } | Problem::Unauthorized { .. } | Problem::ClusterConfig { .. }
        )
}
