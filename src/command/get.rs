//! `get`: a registry in, its credential out.

use super::Input;
use crate::cache;
use crate::log;
use crate::protocol::{self, Reply};
use crate::question::Question;
use crate::registry::Registry;

pub(super) fn run(input: &Input) -> Reply {
    let server = match protocol::server_string(&input.stdin) {
        Ok(server) => server,
        Err(reply) => return reply,
    };
    // What is no registry has no credential, whatever the settings are.
    let Some(registry) = Registry::parse(server).filter(|registry| !registry.is_hub_login_token()) else {
        return Reply::not_found();
    };
    let settings = match &input.settings {
        Ok(settings) => settings,
        Err(problem) => return Reply::problem(problem),
    };
    let question = Question::new(registry, settings);
    let answer = cache::answer(settings, &question, input.deadline);
    log::trail(settings, server, &answer);
    match answer.into_result() {
        Ok(Some(credential)) => Reply::credential(server, &credential),
        Ok(None) => Reply::not_found(),
        Err(_) if settings.errors_are_anonymous => Reply::not_found(),
        Err(problem) => Reply::problem(&problem),
    }
}
