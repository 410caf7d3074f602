//! `erase`: a registry in, and its entry out of the Secret `basic-regcred` of the cluster.

use super::Input;
use crate::cache;
use crate::cluster::{self, Found};
use crate::deadline::Deadline;
use crate::problem::Problem;
use crate::protocol::{self, Reply};
use crate::registry::Registry;
use crate::resolver::Resolver;
use crate::resolver::network::Network;
use crate::settings::Settings;
use crate::source::Question;
use crate::source::stored::Change;

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
    if let Some(place) = cluster::place(settings) {
        let by_chance = place.found == Found::ByChance;
        match Network::start(deadline)?.change_stored(settings, place, &Change::Remove { registry }) {
            // A cluster that only happens to be configured here, and is down, serves nothing.
            Err(problem) if by_chance && problem.is_outage() => {}
            changed => drop(changed?),
        }
        // What was erased must not be served again.
        cache::forget(settings);
    }
    let question = Question::new(registry.clone(), settings);
    match Resolver::new(settings, &question, deadline).resolve().answer()? {
        None => Ok(()),
        Some(candidate) => Err(Problem::StillServed { registry: registry.key(), origin: candidate.object() }),
    }
}
