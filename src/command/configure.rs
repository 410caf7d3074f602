//! `configure`: adds this helper to the configuration of the docker family or of the podman family, or takes it out.

pub mod document;
mod write;

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Told;
use crate::deadline::Stage;
use crate::docker_config::entry::Login;
use crate::docker_config::{DockerConfig, Format};
use crate::problem::Problem;
use crate::protocol::Reply;
use crate::registry::Registry;
use crate::settings::Settings;
use crate::shown::Shown;
use document::{Document, Store};

/// What clients call this helper: the program's name without `docker-credential-`.
pub(super) const HELPER: &str = "kubeclarity";

const PODMAN_ALL: &str = "\
podman, skopeo and buildah take a helper for all registries from registries.conf only. Put this line into
~/.config/containers/registries.conf.d/50-kubeclarity.conf, or below /etc/containers/registries.conf.d/:

credential-helpers = [\"containers-auth.json\", \"kubeclarity\"]

containers-auth.json stands for auth.json itself, which is asked first.
";

/// Its arguments.
pub fn arguments() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    Command::new("configure")
        .about("Add this helper to docker's config.json, or to podman's auth.json")
        .arg(
            Arg::new("registry")
                .value_name("REGISTRY")
                .num_args(0..)
                .help("registries to use it for; docker.io is Docker Hub"),
        )
        .arg(flag("all", "use it for all registries (credsStore)"))
        .arg(flag("remove", "take it out again, for the named registries or everywhere"))
        .arg(flag("dry-run", "show what would change, and change nothing"))
        .arg(flag("force", "take the place of another helper"))
        .arg(flag("podman", "write auth.json of podman, skopeo and buildah"))
        .arg(flag("print", "print a new configuration for a ConfigMap, and change nothing"))
}

/// Whose configuration it is: they name Docker Hub differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Docker,
    Podman,
}

impl Family {
    /// The key under which this family looks for a registry's helper.
    fn key(self, registry: &Registry) -> String {
        match (self, registry.is_hub()) {
            (Family::Podman, true) => "docker.io".to_owned(),
            _ => registry.list_name(),
        }
    }

    /// Its file: `config.json` of `DOCKER_CONFIG` or `~/.docker`; `auth.json` as containers-auth.json(5) says.
    fn file(self, settings: &Settings) -> Option<PathBuf> {
        let home = |path: &str| settings.home.as_ref().map(|home| home.join(path));
        match self {
            Family::Docker => {
                Some(settings.docker_config.clone().or_else(|| home(".docker"))?.join("config.json"))
            }
            Family::Podman => {
                let runtime = settings
                    .runtime_directory
                    .as_ref()
                    .map(|directory| directory.join("containers/auth.json"));
                settings
                    .registry_auth_file
                    .clone()
                    .or(runtime)
                    .or_else(|| home(".config/containers/auth.json"))
            }
        }
    }
}

pub(super) fn run(matches: &ArgMatches, told: Told) -> Reply {
    Stage::ClientConfig.begins();
    match configured(matches, told) {
        Ok(reply) => reply,
        Err(problem) => Reply::problem(&problem),
    }
}

fn configured(matches: &ArgMatches, told: Told) -> Result<Reply, Problem> {
    let flag = |name| matches.get_flag(name);
    let family = if flag("podman") { Family::Podman } else { Family::Docker };
    let (mut registries, mut keys) = (Vec::new(), Vec::new());
    for name in matches.get_many::<String>("registry").into_iter().flatten() {
        let registry = Registry::parse(name).filter(|registry| registry.path().is_empty());
        let registry = registry.ok_or_else(|| Problem::ConfigureRegistry { name: Shown::text(name) })?;
        keys.push(family.key(&registry));
        registries.push(registry);
    }
    if keys.is_empty() && !flag("all") && !flag("remove") {
        return Err(Problem::ConfigureNothing);
    }
    if family == Family::Podman && flag("all") && !flag("remove") {
        // Printed into a file, it must be nothing but the line.
        let line = PODMAN_ALL.lines().find(|line| line.starts_with("credential-helpers")).unwrap_or_default();
        return Ok(Reply::success(if flag("print") { format!("{line}\n") } else { PODMAN_ALL.to_owned() }));
    }
    if flag("print") {
        let mut document = Document::empty();
        document.add(&keys, flag("all"), true)?;
        return Ok(Reply::success(document.to_text().as_str()));
    }
    let settings = told.settings?;
    let path = family.file(&settings).ok_or(Problem::ConfigureNoHome)?;
    let target = write::Target::open(&path)?;
    let mut document = match target.text() {
        Some(text) => Document::parse(&path, text)?,
        None => Document::empty(),
    };
    let changes = match flag("remove") {
        true => document.remove(&keys, flag("all")),
        false => document.add(&keys, flag("all"), flag("force"))?,
    };
    if changes.is_empty() {
        return Ok(Reply::people(true, [shown![Shown::path(&path), ": nothing to change"]]));
    }
    if !flag("dry-run") {
        target.write(document.to_text().as_bytes())?;
    }
    let verb = if flag("dry-run") { "would change" } else { "changed" };
    let mut lines = vec![shown![Shown::path(&path), ": ", verb]];
    lines.extend(changes.iter().map(|change| shown!["  ", change]));
    let registries = Some(&registries[..]).filter(|_| !flag("all"));
    let logins = if flag("remove") { Vec::new() } else { logins(target.text(), registries) };
    lines.extend(note(family, &settings, &path, &logins));
    Ok(Reply::people(true, lines))
}

/// The keys of the logins in the file itself: of these registries, or all.
fn logins(text: Option<&[u8]>, registries: Option<&[Registry]>) -> Vec<Shown> {
    let config = text.and_then(|text| DockerConfig::parse(text, Format::ConfigJson).ok());
    let mut entries = config.map(|config| config.entries).unwrap_or_default();
    entries.retain(|entry| {
        let named = |registries: &[Registry]| registries.iter().any(|one| entry.key.matches_host(one));
        matches!(entry.login, Login::Usable(_)) && registries.is_none_or(named)
    });
    // They come last first.
    entries.into_iter().rev().map(|entry| Shown::text(&entry.text)).collect()
}

/// What becomes of those logins: a client that has a helper for a registry reads no `auths` for it, and the helper
/// reads them only in a file that a variable names.
fn note(family: Family, settings: &Settings, path: &Path, logins: &[Shown]) -> Option<Shown> {
    let (variable, is_set, value) = match family {
        Family::Docker => ("DOCKER_CONFIG", settings.docker_config.is_some(), path.parent()?),
        Family::Podman => ("REGISTRY_AUTH_FILE", settings.registry_auth_file.is_some(), path),
    };
    (!is_set && !logins.is_empty()).then(|| {
        shown![
            "note: clients no longer use the login in this file for ",
            Shown::list(logins.iter().cloned()),
            ": log in again, which stores it in the cluster, or set ",
            variable,
            "=",
            Shown::path(value).quoted(),
            " for the clients, so that this helper reads it"
        ]
    })
}

/// One line of what was changed.
fn change(sign: &'static str, store: Store, helper: &str) -> Shown {
    let helper = Shown::text(helper);
    match store {
        Store::All => shown![sign, " credsStore \"", helper, "\""],
        Store::Registry(key) => shown![sign, " credHelpers \"", Shown::text(&key), "\": \"", helper, "\""],
    }
}
