//! `erase`: a registry in. What nobody serves is erased already.

use super::Input;
use crate::protocol::{self, Reply};
use crate::registry::Registry;
use crate::resolver::Resolver;
use crate::source::Question;

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
    let authority = registry.authority();
    match Resolver::new(settings, &Question::new(registry, settings), input.deadline).resolve().answer() {
        Ok(None) => Reply::success(""),
        Ok(Some(candidate)) => Reply::failure(&format!(
            "kubeclarity: nothing was erased for {authority}: {} serves it, and this version only reads; remove the \
             credential there, or set KUBECLARITY_IGNORE_LOGIN=1",
            candidate.object()
        )),
        Err(problem) => Reply::problem(&problem),
    }
}
