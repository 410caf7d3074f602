//! `explain`: for people. Every source in order, what it looked at, why it was passed over or failed, and what won.

mod report;
mod text;

use std::io::IsTerminal;
use std::time::SystemTime;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Told;
use crate::cache::{self, Answer};
use crate::problem::Problem;
use crate::protocol::Reply;
use crate::question::Question;
use crate::registry::Registry;
use crate::resolver::Resolver;
use crate::shown::Shown;
use report::Report;

/// Its arguments.
pub fn arguments() -> Command {
    Command::new("explain")
        .about("Show where the credential for an image or registry comes from, or why there is none")
        .arg(
            Arg::new("question")
                .value_name("IMAGE OR REGISTRY")
                .required(true)
                .help("as people write it: alpine, ghcr.io/a/b:1, registry.example.com"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("print JSON (docs/explain.md says what is in it)"),
        )
        .arg(Arg::new("fresh").long("fresh").action(ArgAction::SetTrue).help("ask anew, past the cache"))
        .after_help("Exit code 0 if a credential was found, 1 if not. Never prints a secret.")
}

pub(super) fn run(matches: &ArgMatches, told: Told) -> Reply {
    let question = matches.get_one::<String>("question").map(String::as_str).unwrap_or_default();
    let Some(registry) = understood(question) else {
        return Reply::problem(&Problem::ExplainQuestion { question: Shown::text(question) });
    };
    let Told { settings, deadline } = told;
    let settings = match settings {
        Ok(settings) => settings,
        Err(problem) => return Reply::problem(&problem),
    };
    let host_alone = Question::new(registry.without_path(), &settings);
    let asked = Question::new(registry, &settings);
    let answer = match matches.get_flag("fresh") {
        true => Answer::Asked(Resolver::new(&settings, &asked, deadline).resolve()),
        // As `get`, which gives out a kept "not found" too.
        false => cache::answer(&settings, &asked, deadline),
    };
    let mut report = Report::of(question, &asked, &host_alone, &answer, SystemTime::now());
    report.cache_problem = cache::problem(&settings, &asked).map(|problem| shown![problem]);
    let found = report.found();
    let text = if matches.get_flag("json") {
        serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
    } else {
        let colour = std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        text::write(&report, colour)
    };
    Reply::report(found, text)
}

/// An image reference or a registry. A single word is a registry if it has a dot before any colon, is `localhost`,
/// comes with a scheme or ends in a slash; else it is an image on Docker Hub, as docker takes it.
fn understood(question: &str) -> Option<Registry> {
    let word = question.trim();
    let host = word.split(':').next().unwrap_or_default();
    let is_registry = word.contains("://")
        || !word.contains('/') && (host.contains('.') || host == "localhost" || word.starts_with('['))
        || word.ends_with('/');
    match is_registry {
        true => Registry::parse(word),
        false => Registry::of_image(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_registries_as_people_write_them() {
        for (word, key) in [
            ("alpine", "docker.io/library/alpine"),
            ("alpine:3.20", "docker.io/library/alpine"),
            ("ghcr.io", "ghcr.io"),
            ("ghcr.io/a/b:1@sha256:abc", "ghcr.io/a/b"),
            ("registry.example.com:5000", "registry.example.com:5000"),
            ("localhost:5000", "localhost:5000"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("https://reg.example.com/v2/", "reg.example.com"),
            ("https://reg.example.com:5000/team/app:1", "reg.example.com:5000/team/app"),
            ("https://registry/team/app@sha256:abc", "registry/team/app"),
            ("registry:5000/", "registry:5000"),
            ("registry:5000/app", "registry:5000/app"),
            ("[::1]:5000", "[::1]:5000"),
            ("team/app", "docker.io/team/app"),
        ] {
            assert_eq!(understood(word).map(|registry| registry.key()).as_deref(), Some(key), "{word}");
        }
        for none in ["", "a b", "://", "ftp://x.io"] {
            assert_eq!(understood(none), None, "{none}");
        }
    }
}
