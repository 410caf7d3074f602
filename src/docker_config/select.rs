//! From all configurations of a source, the entries that answer a question, the best first.

use std::time::{Duration, SystemTime};

use super::entry::Login;
use super::key::Rank;
use super::{DockerConfig, Entry, Loaded};
use crate::credential::Credential;
use crate::finding::{Candidate, Failure, Finding};
use crate::problem::Problem;
use crate::question::Question;
use crate::shown::Shown;

/// A matching entry with its place in the order.
struct Match<'a> {
    origin: &'a Shown,
    entry: &'a Entry,
    rank: Option<Rank>,
}

/// All entries that answer, ranked: longer path, exact host before glob, longer host pattern, then the order
/// of the configurations. An entry that matches but cannot be used is a failure, which counts if nothing
/// else answers.
pub fn select(loaded: &[Loaded], question: &Question, now: SystemTime) -> Finding {
    let mut finding = Finding::default();
    let all = || loaded.iter().flat_map(|l| l.config.entries.iter().map(move |entry| (&l.origin, entry)));

    finding.by_path = all().any(|(_, entry)| entry.key.is_scoped(&question.registry));
    let mut matches: Vec<Match> = all()
        .filter_map(|(origin, entry)| {
            let rank = entry.key.rank(question)?;
            Some(Match { origin, entry, rank: Some(rank) })
        })
        .collect();
    // A stable sort: equals stay in the order of the configurations.
    matches.sort_by_key(|found| std::cmp::Reverse(found.rank));
    for found in &matches {
        add(&mut finding, found, question, now);
    }
    if finding.candidates.is_empty() && question.path.is_empty() {
        let scoped: Vec<Match> = all()
            .filter(|(_, entry)| entry.key.is_scoped(&question.registry))
            .map(|(origin, entry)| Match { origin, entry, rank: None })
            .collect();
        add_scoped(&mut finding, &scoped, question, now);
    }
    finding
}

/// Lets go of the entries that do not concern a question: many full Secrets would take a lot of memory otherwise.
pub fn keep(config: &mut DockerConfig, question: &Question) {
    let concerns =
        |entry: &Entry| entry.key.rank(question).is_some() || entry.key.is_scoped(&question.registry);
    config.entries.retain(concerns);
    config.entries.shrink_to_fit();
}

/// The question names no repository and only keys with a path are left: they count only if they all hold the
/// same credential, else the choice would be a guess.
fn add_scoped(finding: &mut Finding, scoped: &[Match], question: &Question, now: SystemTime) {
    let mut distinct: Vec<&Credential> = Vec::new();
    for found in scoped {
        if let Login::Usable(credential) = &found.entry.login
            && !credential.is_expired(now)
            && !distinct.contains(&credential)
        {
            distinct.push(credential);
        }
        // Two are enough to know, and a Secret can hold very many.
        if distinct.len() == 2 {
            break;
        }
    }
    if distinct.len() < 2 {
        for found in scoped {
            add(finding, found, question, now);
        }
        return;
    }
    for found in scoped {
        finding.look(
            shown![found.origin, " entry ", Shown::text(&found.entry.text)],
            "passed over: it is for one path, others hold another credential, and the question names no path; set KUBECLARITY_IMAGE to the image",
            Duration::ZERO,
        );
    }
}

fn add(finding: &mut Finding, found: &Match, question: &Question, now: SystemTime) {
    match &found.entry.login {
        Login::Broken(what) => {
            let origin = shown![found.origin, " entry ", Shown::text(&found.entry.text)];
            let problem = Problem::Unusable { origin: origin.clone(), what: *what };
            finding.fail(origin, Failure::default(problem), Duration::ZERO);
        }
        Login::Usable(credential) => {
            let (origin, key) = (found.origin.clone(), Some(Shown::text(&found.entry.text)));
            let why = match found.rank {
                Some(rank) => found.entry.key.why(rank, &question.registry),
                None => "the only credential for this host".into(),
            };
            finding.offer(Candidate { credential: credential.clone(), origin, key, why, issued: false }, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;
    use crate::registry::Registry;

    /// Each text is a `.dockercfg`, named `s0`, `s1`, ...
    fn ask(texts: &[&str], server: &str) -> Finding {
        let registry = Registry::parse(server).unwrap();
        let loaded: Vec<Loaded> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| Loaded {
                origin: Shown::text(&format!("s{n}")),
                config: DockerConfig::parse(text.as_bytes(), Format::DockerCfg).unwrap(),
            })
            .collect();
        select(&loaded, &Question::of(registry), SystemTime::now())
    }

    fn users(finding: &Finding) -> Vec<&str> {
        finding.candidates.iter().map(|c| c.credential.username.as_str()).collect()
    }

    const TWO_TEAMS: &str =
        r#"{"r.io/a":{"username":"a","password":"p"},"r.io/b":{"username":"b","password":"p"}}"#;

    #[test]
    fn all_candidates_in_rank_then_order() {
        let first =
            r#"{"r.io":{"username":"first","password":"p"},"*.io":{"username":"glob","password":"p"}}"#;
        let second =
            r#"{"r.io":{"username":"second","password":"p"},"r.io/team":{"username":"team","password":"p"}}"#;
        assert_eq!(users(&ask(&[first, second], "r.io/team/app")), ["team", "first", "second", "glob"]);
        assert_eq!(users(&ask(&[first, second], "r.io")), ["first", "second", "glob"]);
    }

    #[test]
    fn without_a_path_scoped_keys_count_only_if_all_are_the_same() {
        assert_eq!(users(&ask(&[TWO_TEAMS], "r.io")), [""; 0]);
        assert_eq!(users(&ask(&[TWO_TEAMS], "r.io/b/x")), ["b"]);
        let same = r#"{"r.io/a":{"username":"u","password":"p"},"r.io/b":{"username":"u","password":"p"}}"#;
        assert_eq!(users(&ask(&[same], "r.io"))[0], "u");
        let host = r#"{"r.io":{"username":"host","password":"p"}}"#;
        assert_eq!(users(&ask(&[TWO_TEAMS, host], "r.io")), ["host"]);
    }

    #[test]
    fn whether_another_repository_may_have_another_answer() {
        let host = r#"{"r.io":{"username":"u","password":"p"},"*.io":{"username":"g","password":"p"}}"#;
        for (config, by_path) in [
            (host, false),
            (TWO_TEAMS, true),
            (r#"{"*.io/a":{"auth":"!"}}"#, true),
            (
                r#"{"other.io/a":{"username":"u","password":"p"},"r.io:5000/a":{"username":"u","password":"p"}}"#,
                false,
            ),
        ] {
            for server in ["r.io", "r.io/a/x", "r.io/c"] {
                assert_eq!(ask(&[host, config], server).by_path, by_path, "{config} for {server}");
            }
        }
    }

    #[test]
    fn a_host_full_of_paths_has_no_answer_without_one_and_one_with_one() {
        let entries: Vec<String> =
            (0..20_000).map(|n| format!(r#""r.io/{n}/":{{"username":"u{n}","password":"p"}}"#)).collect();
        let full = format!("{{{}}}", entries.join(","));
        let finding = ask(&[&full], "r.io");
        assert!(finding.candidates.is_empty() && finding.looks.len() == 20_000);
        assert_eq!(users(&ask(&[&full], "r.io/19999/app")), ["u19999"]);
    }

    #[test]
    fn a_broken_match_counts_only_without_others() {
        let broken = r#"{"r.io/a":{"auth":"!"},"r.io":{"username":"u","password":"p"}}"#;
        let finding = ask(&[broken], "r.io/a/x");
        assert_eq!(users(&finding), ["u"]);
        assert_eq!(finding.failures.len(), 1);
        assert!(ask(&[broken], "other.io").failures.is_empty());
        // Without a path the host's own entry is told once, and those for paths beside it.
        let host = r#"{"r.io":{"auth":"!"},"r.io/a":{"username":"u","password":"p"}}"#;
        let finding = ask(&[host], "r.io");
        assert_eq!((users(&finding), finding.failures.len()), (vec!["u"], 1));
    }
}
