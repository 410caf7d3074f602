//! One file a verb. The protocol's verbs are told apart here, by hand: they never reach a library.

mod erase;
mod get;
mod list;
mod store;

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::deadline::Deadline;
use crate::log;
use crate::problem::Problem;
use crate::protocol::{self, NAME, Reply};
use crate::settings::Settings;

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
        (_, 1) => Reply::failure(&format!("{NAME}: unknown action: {}", shown(&arguments[0]))),
        (Some("get" | "store" | "erase"), _) => {
            protocol::drain_stdin(Deadline::after(DEFAULT_TIMEOUT));
            Reply::failure(USAGE)
        }
        _ => Reply::failure(USAGE),
    }
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

fn version() -> Reply {
    Reply::success(format!("{NAME} ({}) {}\n", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
}

fn shown(argument: &OsStr) -> String {
    argument.to_string_lossy().chars().take(100).collect()
}

fn deadline(settings: &Settings) -> Deadline {
    Deadline::after(settings.timeout)
}

/// What a verb with input works with.
struct Input {
    stdin: Zeroizing<Vec<u8>>,
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
