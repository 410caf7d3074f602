//! One file a verb. The protocol's verbs are told apart here, by hand: they never reach a library.

pub mod configure;
mod erase;
mod explain;
mod get;
mod install;
mod list;
mod store;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::log;
use crate::problem::Problem;
use crate::protocol::{self, NAME, Reply};
use crate::settings::Settings;
use crate::shown::Shown;

const USAGE: &str = "Usage: docker-credential-kubeclarity <store|get|erase|list|version>";

const HELP: &str = "\
Usage: docker-credential-kubeclarity <store|get|erase|list|version>

A Docker credential helper for Kubernetes: finds the credential for a registry in mounted pull secrets, in
the cluster's Secrets, or in the environment. Clients run it; see README.md for their set-up.

  get      reads a registry from stdin, prints its credential as JSON
  store    reads a credential as JSON from stdin
  erase    reads a registry from stdin
  list     prints the registries that get would answer, with their user names
  version  prints the version

For people (each with --help):

  explain <image or registry>   shows where the credential comes from, or why there is none
  configure [registry ...]      adds this helper to docker's or podman's configuration
  install <dir>                 copies this program and a config.json into a directory

Exit code 0 is success. With 1, the reason is on stdout.
";

/// Runs the verb that the arguments name.
pub fn run(arguments: &[OsString]) -> Reply {
    let verb = arguments.first().and_then(|verb| verb.to_str());
    match (verb, arguments.len()) {
        (Some("version" | "--version" | "-v"), 1) => version(),
        (Some("--help" | "-h"), 1) => Reply::success(HELP),
        (Some("get"), 1) => with_stdin(get::run),
        (Some("store"), 1) => with_stdin(store::run),
        (Some("erase"), 1) => with_stdin(erase::run),
        (Some("list"), 1) => {
            let settings = Settings::from_env();
            log::silence(settings.as_ref().ok());
            settings.map_or_else(
                |problem| Reply::problem(&problem),
                |settings| list::run(&settings, deadline(&settings)),
            )
        }
        (Some("explain" | "configure" | "install"), _) => people(arguments),
        (_, 1) => Reply::failure(shown![NAME, ": unknown action: ", Shown::path(Path::new(&arguments[0]))]),
        (Some("get" | "store" | "erase"), _) => {
            protocol::drain_stdin(Deadline::after(DEFAULT_TIMEOUT));
            Reply::failure(USAGE)
        }
        _ => Reply::failure(USAGE),
    }
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The whole command line as people use it, for their verbs, the man page and the shells' completions.
pub fn command_line() -> clap::Command {
    clap::Command::new(NAME)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .arg(
            clap::Arg::new("version")
                .short('v')
                .long("version")
                .action(clap::ArgAction::Version)
                .help("Print the version"),
        )
        .about("A Docker credential helper for Kubernetes")
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommand(explain::arguments())
        .subcommand(configure::arguments())
        .subcommand(install::arguments())
        .subcommands(PROTOCOL.map(|(verb, about)| clap::Command::new(verb).about(about)))
}

/// The verbs that clients use.
const PROTOCOL: [(&str, &str); 5] = [
    ("get", "Read a registry from stdin, print its credential as JSON"),
    ("store", "Read a credential as JSON from stdin, and keep it in the cluster"),
    ("erase", "Read a registry from stdin, and erase its credential from the cluster"),
    ("list", "Print the registries that get would answer, with their user names"),
    ("version", "Print the version"),
];

/// The verbs for people. Their parser's own exit code for wrong usage is 2, which clients read as success.
fn people(arguments: &[OsString]) -> Reply {
    let all = std::iter::once(OsStr::new(NAME)).chain(arguments.iter().map(OsString::as_os_str));
    match command_line().try_get_matches_from(all) {
        Err(error) => Reply::people(!error.use_stderr(), error.to_string()),
        Ok(matches) => match matches.subcommand() {
            Some(("explain", matches)) => explain::run(matches),
            Some(("configure", matches)) => configure::run(matches),
            Some(("install", matches)) => install::run(matches),
            _ => Reply::failure(USAGE),
        },
    }
}

fn version() -> Reply {
    Reply::success(format!("{NAME} ({}) {}\n", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
}

fn deadline(settings: &Settings) -> Deadline {
    Deadline::after(settings.timeout)
}

/// What a verb with input works with.
struct Input {
    stdin: Vec<u8>,
    settings: Result<Settings, Problem>,
    deadline: Deadline,
}

/// Reads settings and stdin, in this order: the limit for reading is a setting. A wrong setting is told only
/// after stdin was read to its end.
fn with_stdin(verb: impl FnOnce(&Input) -> Reply) -> Reply {
    let settings = Settings::from_env();
    log::silence(settings.as_ref().ok());
    let timeout = settings.as_ref().map_or(DEFAULT_TIMEOUT, |settings| settings.timeout);
    let deadline = Deadline::after(timeout);
    match protocol::read_stdin(deadline) {
        Ok(stdin) => verb(&Input { stdin, settings, deadline }),
        Err(problem) => Reply::problem(&problem),
    }
}
