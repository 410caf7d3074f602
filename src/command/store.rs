//! `store`: a login in. What `get` answers already is stored already; docker stores what it just read.

use super::Input;
use crate::protocol::{self, Reply};
use crate::registry::Registry;
use crate::resolver::Resolver;
use crate::source::Question;

pub(super) fn run(input: &Input) -> Reply {
    let login = match protocol::login(&input.stdin) {
        Ok(login) => login,
        Err(reply) => return reply,
    };
    let settings = match &input.settings {
        Ok(settings) => settings,
        Err(problem) => return Reply::problem(problem),
    };
    let registry = Registry::parse(&login.server);
    // The entries of docker's browser login: no pull needs them.
    if settings.ignore_login || registry.as_ref().is_some_and(Registry::is_hub_login_token) {
        return Reply::success("");
    }
    let Some(registry) = registry else {
        return Reply::failure(
            "kubeclarity: the login is for something that is no registry, nothing was stored; name a host",
        );
    };
    let authority = registry.authority();
    let answer =
        Resolver::new(settings, &Question::new(registry, settings), input.deadline).resolve().answer();
    match answer {
        Ok(Some(candidate))
            if candidate.credential.username == login.username
                && candidate.credential.secret == login.secret =>
        {
            Reply::success("")
        }
        _ => Reply::failure(&format!(
            "kubeclarity: nothing was stored for {authority}: this version only reads; put the login into a pull secret \
             with `kubectl create secret docker-registry`, or set KUBECLARITY_IGNORE_LOGIN=1"
        )),
    }
}
