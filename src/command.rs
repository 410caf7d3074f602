//! One file a verb. The protocol's verbs are told apart here, by hand: they never reach a library.

pub mod configure;
mod erase;
mod explain;
mod get;
mod install;
mod list;
mod store;

use std::ffi::{OsStr, OsString};

use crate::deadline::{DEFAULT_LIMIT, Deadline};
use crate::ending;
use crate::log;
use crate::mounts::{self, Risk};
use crate::problem::Problem;
use crate::protocol::{self, NAME, NOT_FOUND_LINE, Reply};
use crate::settings::Settings;
use crate::shown::Shown;
use crate::supervisor;
use crate::watch;

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

/// Runs the verb that the arguments name; in the second process of a supervised one, `is_worker` is set.
pub fn run(arguments: &[OsString], is_worker: bool) -> Reply {
    let verb = arguments.first().and_then(|verb| verb.to_str());
    let watch = if is_worker { Watch::Worker } else { Watch::Always };
    match (verb, arguments.len()) {
        (Some("version" | "--version" | "-v"), 1) => version(),
        (Some("--help" | "-h"), 1) => Reply::success(HELP),
        (Some("get"), 1) => {
            // What is mounted or kept is answered without a thread.
            let watch = if is_worker { Watch::Worker } else { Watch::WhenNeeded };
            watched(arguments, watch, Some((NOT_FOUND_LINE, false)), |told| with_stdin(told, get::run))
        }
        (Some("store"), 1) => watched(arguments, watch, None, |told| with_stdin(told, store::run)),
        (Some("erase"), 1) => watched(arguments, watch, None, |told| with_stdin(told, erase::run)),
        (Some("list"), 1) => watched(arguments, watch, Some(("{}\n", true)), |told| match told.settings {
            Ok(settings) => list::run(&settings, told.deadline),
            Err(problem) => Reply::problem(&problem),
        }),
        (Some("explain" | "configure" | "install"), _) => {
            watched(arguments, watch, None, |told| people(arguments, told))
        }
        (_, 1) => Reply::failure(shown![NAME, ": unknown action: ", Shown::argument(&arguments[0])]),
        (Some("get" | "store" | "erase"), _) => {
            protocol::drain_stdin(Deadline::of_settings());
            Reply::failure(USAGE)
        }
        _ => Reply::failure(USAGE),
    }
}

/// How a verb is held to the limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// From here on.
    Always,
    /// Where something can hang, or once something must be asked.
    WhenNeeded,
    /// From here on, and by another process.
    Worker,
}

/// What a verb works with.
struct Told {
    settings: Result<Settings, Problem>,
    deadline: Deadline,
}

/// Runs a verb that touches files or the network, so that nothing that hangs outlasts the limit. Where the user wants no
/// errors, `anonymous` is the answer when it is over.
fn watched(
    arguments: &[OsString],
    watch: Watch,
    anonymous: Option<(&'static str, bool)>,
    verb: impl FnOnce(Told) -> Reply,
) -> Reply {
    let settings = Settings::from_env();
    let known = settings.as_ref().ok();
    let deadline = Deadline::begun(known.map_or(DEFAULT_LIMIT, |settings| settings.timeout));
    if let Some((text, success)) =
        anonymous.filter(|_| known.is_some_and(|settings| settings.errors_are_anonymous))
    {
        ending::instead_of_late(text, success);
    }
    let has_log = known.is_some_and(|settings| settings.log);
    let risk = if watch == Watch::Worker { Risk::Unknown } else { mounts::risk() };
    if risk == Risk::MayHang
        && let Ok(reply) = supervisor::run(arguments, has_log)
    {
        return reply;
    }
    log::silence(known);
    if watch != Watch::WhenNeeded || risk != Risk::None || has_log {
        // Without a thread, all but what hangs keeps to the limit.
        let _ = watch::start();
    }
    verb(Told { settings, deadline })
}

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
fn people(arguments: &[OsString], told: Told) -> Reply {
    let all = std::iter::once(OsStr::new(NAME)).chain(arguments.iter().map(OsString::as_os_str));
    match command_line().try_get_matches_from(all) {
        // The usage, and arguments as they were given.
        Err(error) => Reply::people(!error.use_stderr(), error.to_string().lines().map(Shown::text)),
        Ok(matches) => match matches.subcommand() {
            Some(("explain", matches)) => explain::run(matches, told),
            Some(("configure", matches)) => configure::run(matches, told),
            Some(("install", matches)) => install::run(matches),
            _ => Reply::failure(USAGE),
        },
    }
}

fn version() -> Reply {
    Reply::success(format!("{NAME} ({}) {}\n", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
}

/// What a verb with input works with.
struct Input {
    stdin: Vec<u8>,
    settings: Result<Settings, Problem>,
    deadline: Deadline,
}

/// Reads stdin. A wrong setting is told only after it was read to its end.
fn with_stdin(told: Told, verb: impl FnOnce(&Input) -> Reply) -> Reply {
    let Told { settings, deadline } = told;
    match protocol::read_stdin(deadline) {
        Ok(stdin) => verb(&Input { stdin, settings, deadline }),
        Err(problem) => Reply::problem(&problem),
    }
}
