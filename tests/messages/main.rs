//! Every message of a failure: one line with a remedy; README.md lists them all, in the same words.
//! `UPDATE_README=1 cargo test --test messages` writes that list anew.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod examples;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use docker_credential_kubeclarity::problem::{OWN_FAULT, Problem};
use docker_credential_kubeclarity::protocol::NOT_FOUND;

/// Where a message stands in README.md. A new failure does not compile until it has its place.
fn group(problem: &Problem) -> &'static str {
    match problem {
        Problem::Setting { .. }
        | Problem::IncompleteVariables { .. }
        | Problem::Deadline { .. }
        | Problem::Stopped { .. }
        | Problem::Clock
        | Problem::Stack { .. }
        | Problem::System { .. } => "Settings and time",
        Problem::Named { .. }
        | Problem::File { .. }
        | Problem::NotDockerConfig { .. }
        | Problem::Unusable { .. }
        | Problem::WrongType { .. }
        | Problem::NoAnnotation { .. }
        | Problem::MissingKey { .. } => "Pull secrets and other files",
        Problem::TooManyPullSecrets { .. }
        | Problem::PullSecretsTogether { .. }
        | Problem::Missing { .. }
        | Problem::Denied { .. }
        | Problem::Unauthorized { .. }
        | Problem::NoCluster { .. }
        | Problem::Cluster { .. } => "The cluster",
        Problem::ClusterConfig { .. } => "Kubeconfigs",
        Problem::IdentityFile { .. } | Problem::AzureCloud { .. } | Problem::Cloud { .. } => "Clouds",
        Problem::NoNamespace { .. }
        | Problem::NotCreated { .. }
        | Problem::NowhereToStore { .. }
        | Problem::NoRegistry
        | Problem::NoSecret { .. }
        | Problem::LoginTooLong
        | Problem::StillServed { .. }
        | Problem::StillServedByEntry { .. }
        | Problem::StoredType { .. } => "Logins",
        Problem::ExplainQuestion { .. }
        | Problem::Cache { .. }
        | Problem::ConfigureNothing
        | Problem::ConfigureRegistry { .. }
        | Problem::ConfigureTaken { .. }
        | Problem::ConfigureNoHome => "explain and configure",
    }
}

const GROUPS: [&str; 7] = [
    "Settings and time",
    "Pull secrets and other files",
    "The cluster",
    "Kubeconfigs",
    "Clouds",
    "Logins",
    "explain and configure",
];

/// The message and its remedy, which stands after the last semicolon.
#[track_caller]
fn parts(problem: &Problem) -> (String, String) {
    // What the system and the parser say differs from case to case.
    let message = problem
        .to_string()
        .replace("other error", examples::ANY)
        .replace("1970-01-01 at 00:00:00 UTC", examples::ANY)
        .replace("not JSON at line 1 column 1", examples::ANY);
    let (what, remedy) = message.rsplit_once("; ").unwrap_or_else(|| panic!("no remedy: {message}"));
    (what.to_owned(), remedy.to_owned())
}

fn sources() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inside = std::fs::read_dir(directory.join("problem")).unwrap().map(|entry| entry.unwrap().path());
    inside.chain([directory.join("problem.rs")]).collect()
}

/// `Enum::Variant` for all of them, as the sources have them: each stands after its `#[error(...)]`.
fn variants() -> BTreeSet<String> {
    let mut variants = BTreeSet::new();
    for path in sources() {
        let text = std::fs::read_to_string(path).unwrap();
        let (mut name, mut has_message) = (String::new(), false);
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("pub enum ") {
                name = rest.trim_end_matches(" {").to_owned();
            }
            let word: String = line.trim().chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            let is_variant = line.starts_with("    ") && word.starts_with(|c: char| c.is_ascii_uppercase());
            if is_variant && has_message && !line.starts_with("     ") {
                variants.insert(format!("{name}::{word}"));
                has_message = false;
            }
            has_message |= line.starts_with("    #[error(");
        }
    }
    variants
}

/// The same from the examples' `Debug`, in which every value is named by its variant.
fn shown() -> String {
    let mut shown = examples::all().iter().map(|problem| format!("{problem:?}\n")).collect::<String>();
    shown.extend(examples::unreadable().iter().map(|one| format!("{one:?}\n")));
    shown
}

#[test]
fn every_variant_has_an_example() {
    let variants = variants();
    assert!(variants.len() > 120 && variants.contains("AwsFault::NoRegion"), "{variants:?}");
    let shown = shown();
    for variant in &variants {
        let word = variant.split("::").nth(1).unwrap();
        let there = shown.split(|c: char| !c.is_ascii_alphanumeric()).filter(|shown| *shown == word).count();
        // A name that several enums have must be there as often.
        let needed = variants.iter().filter(|other| other.ends_with(&format!("::{word}"))).count();
        assert!(there >= needed, "{variant} has no example in tests/messages/examples.rs");
    }
}

#[test]
fn every_message_is_one_line_with_a_remedy() {
    let mut seen = BTreeSet::new();
    for problem in examples::all() {
        let (what, remedy) = parts(&problem);
        let message = format!("{what}; {remedy}");
        assert!(!message.contains(char::is_control), "{message}");
        assert!(remedy.len() > 4 && what.len() > 8 && !message.ends_with('.'), "{message}");
        assert!(!message.contains("  ") && message.trim() == message, "{message}");
        assert!(seen.insert(message.clone()), "two failures say the same: {message}");
        assert!(GROUPS.contains(&group(&problem)), "{message}");
    }
}

#[test]
fn no_message_is_written_elsewhere() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut open = vec![source.clone()];
    let mut files = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        if path.starts_with(source.join("problem")) || path == source.join("problem.rs") {
            continue;
        }
        files += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for remedy in
            ["; correct", "; check", "; set ", "; renew", "; add ", "; make it", "; run it", "; write it"]
        {
            let line = code.lines().find(|line| line.contains(remedy) && !line.trim().starts_with("//"));
            // The one look that is no failure.
            let look = line.is_some_and(|line| line.contains("passed over: it is for one path"));
            assert!(line.is_none() || look, "{}: {}", path.display(), line.unwrap());
        }
    }
    assert!(files > 40, "{files}");
}

/// A cell with code in it.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
        .unwrap_or_default()
}

/// The list for README.md.
fn list() -> String {
    let problems = examples::all();
    let mut list = String::new();
    for name in GROUPS {
        list += &format!("\n<details><summary>{name}</summary>\n\n| message | what to do |\n|---|---|\n");
        let mut rows: Vec<(String, String)> = Vec::new();
        for problem in problems.iter().filter(|problem| group(problem) == name) {
            let (what, remedy) = parts(problem);
            match rows.last_mut() {
                // What is mended in the same way stands in one row.
                Some((messages, known)) if *known == remedy => *messages += &format!("<br>{}", code(&what)),
                _ => rows.push((code(&what), remedy)),
            }
        }
        for (messages, remedy) in rows {
            list += &format!("| {messages} | {} |\n", sentence(&remedy));
        }
        list += "\n</details>\n";
    }
    list
}

#[test]
fn the_readme_lists_every_message() {
    const BEGIN: &str = "<!-- messages: written by tests/messages -->\n";
    const END: &str = "\n<!-- /messages -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("README.md has no place for the messages");
    let (kept, after) = rest.split_once(END).expect("the place for the messages does not end");
    let list = list();
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{list}{END}{after}")).unwrap();
        return;
    }
    for (told, real) in kept.lines().zip(list.lines()) {
        assert_eq!(told, real, "README.md differs; run: UPDATE_README=1 cargo test --test messages");
    }
    assert!(kept == list, "README.md differs; run: UPDATE_README=1 cargo test --test messages");
    // The two that are no failure of ours.
    for text in [NOT_FOUND, OWN_FAULT] {
        assert!(before.contains(&format!("| `{text}")), "{text}");
    }
}
