//! `store`: a login in, and into the Secret `basic-regcred` of the cluster.

use super::Input;
use crate::cache;
use crate::cloud::hosts::CloudHost;
use crate::cluster;
use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::problem::Problem;
use crate::protocol::{self, Login, Reply};
use crate::question::Question;
use crate::registry::Registry;
use crate::resolver::Resolver;
use crate::resolver::network::Network;
use crate::settings::Settings;
use crate::shown::Shown;
use crate::source::stored::Change;

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
    match registry
        .ok_or(Problem::NoRegistry)
        .and_then(|registry| store(settings, &registry, &login, input.deadline))
    {
        Ok(()) => Reply::success(""),
        Err(problem) => Reply::problem(&problem),
    }
}

fn store(settings: &Settings, registry: &Registry, login: &Login, deadline: Deadline) -> Result<(), Problem> {
    if login.secret.is_empty() {
        return Err(Problem::NoSecret { registry: Shown::text(&registry.key()) });
    }
    // Plain `docker login HOST` stores what it just read: no write, and no right to write, is needed for that.
    let question = Question::new(registry.clone(), settings);
    let known = if CloudHost::of(registry).is_some() {
        // The answer may be the kept one: a cloud's token is another one each time it is asked for.
        cache::answer(settings, &question, deadline).with_origin()
    } else {
        // Asked anew: somebody else may have erased what is kept here.
        let answer = Resolver::new(settings, &question, deadline).resolve().answer();
        answer.map(|candidate| candidate.map(|candidate| (candidate.object(), candidate.credential)))
    };
    if let Ok(Some((origin, credential))) = &known
        && is_login(credential, login)
        && !is_from_the_clients_file(settings, origin)
    {
        return Ok(());
    }
    let place = cluster::place(settings)
        .ok_or_else(|| Problem::NowhereToStore { registry: Shown::text(&registry.key()) })?;
    let change = Change::Put { registry, username: &login.username, secret: &login.secret };
    Network::start(settings, deadline)?.change_stored(settings, place, &change)?;
    // The next `get` must see it.
    cache::forget(settings);
    Ok(())
}

/// Whether it was read in the `config.json` that docker itself reads. Docker empties the entry there as soon as a helper
/// has taken the login over, so it must be written, or it would be lost.
fn is_from_the_clients_file(settings: &Settings, origin: &Shown) -> bool {
    let file = settings.docker_config.as_ref().map(|directory| directory.join("config.json"));
    file.is_some_and(|file| origin.starts_with(&shown![Shown::path(&file), " entry "]))
}

fn is_login(credential: &Credential, login: &Login) -> bool {
    credential.username == login.username && credential.secret == login.secret
}
