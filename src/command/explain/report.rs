//! What `explain` has to say, as data; `--json` prints it as it stands here (docs/explain.md describes it).

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::cache::Answer;
use crate::credential::Credential;
use crate::docker_config::key::Key;
use crate::finding::{Candidate, Look};
use crate::question::Question;
use crate::resolver::{Resolution, Source};
use crate::shown::Shown;
use crate::shown::paste::Paste;

/// The whole report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The version of this schema; fields are only added to it.
    pub schema: u32,
    pub question: Shown,
    pub registry: Shown,
    pub path: Shown,
    /// `found`, `not found` or `failed`.
    pub result: &'static str,
    /// The message that `get` gives, if it failed.
    pub problem: Option<Shown>,
    pub credential: Option<Won>,
    /// What a client must be told to get this answer too.
    pub hint: Option<Shown>,
    pub cached: bool,
    /// For how many more seconds `get` returns a cached answer.
    pub cached_for: Option<u64>,
    /// Why no answers are cached, if that can be fixed.
    pub cache_problem: Option<Shown>,
    pub candidates: Vec<Ranked>,
    pub sources: Vec<Asked>,
}

/// The credential that won.
#[derive(Debug, Serialize)]
pub(super) struct Won {
    pub origin: Shown,
    pub username: Shown,
    /// Seconds since 1970; null for a password, of which nothing is known.
    pub expires: Option<u64>,
    pub seconds_left: Option<u64>,
}

/// A candidate in its place.
#[derive(Debug, Serialize)]
pub(super) struct Ranked {
    pub origin: Shown,
    pub key: Option<Shown>,
    pub username: Shown,
    pub rank: Shown,
}

/// A source.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    pub source: &'static str,
    /// Whether it was asked at all.
    pub asked: bool,
    pub looks: Vec<Looked>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Looked {
    pub object: Shown,
    pub result: Shown,
    pub failed: bool,
    pub milliseconds: f64,
    pub fix: Option<Paste>,
}

impl Report {
    pub fn of(
        question: &str,
        asked: &Question,
        host_alone: &Question,
        answer: &Answer,
        now: SystemTime,
    ) -> Report {
        let (won, problem) = match answer.result() {
            Ok(_) => (won(answer, now), None),
            Err(problem) => (None, Some(shown![problem])),
        };
        let result = match (&won, &problem) {
            (Some(_), _) => "found",
            (None, None) => "not found",
            (None, Some(_)) => "failed",
        };
        let (cached_for, candidates, sources) = match answer {
            // Whoever waits as long as this gets another answer.
            Answer::Kept(entry) => {
                (Some(entry.fresh_for(now).as_millis().div_ceil(1000) as u64), Vec::new(), Vec::new())
            }
            Answer::Asked(resolution) => {
                (None, resolution.candidates.iter().map(ranked).collect(), sources(resolution, asked))
            }
        };
        Report {
            schema: 1,
            question: Shown::text(question),
            registry: Shown::text(&asked.registry.authority()),
            path: Shown::text(&asked.path),
            result,
            problem,
            credential: won,
            hint: hint(asked, host_alone, answer),
            cached: cached_for.is_some(),
            cached_for,
            cache_problem: None,
            candidates,
            sources,
        }
    }

    pub fn found(&self) -> bool {
        self.credential.is_some()
    }
}

/// A client with `credHelpers` asks for the host alone. It gets what is for one path only with the image beside it.
fn hint(asked: &Question, host_alone: &Question, answer: &Answer) -> Option<Shown> {
    let Answer::Asked(resolution) = answer else { return None };
    let key = Key::parse(&resolution.candidates.first()?.key.as_ref()?.to_string())?;
    (key.is_scoped(&asked.registry) && asked.path != host_alone.path).then(|| {
        shown![
            "for one path: a client that asks for the host alone (credHelpers) needs KUBECLARITY_IMAGE=",
            Shown::text(&asked.registry.key()).quoted()
        ]
    })
}

fn won(answer: &Answer, now: SystemTime) -> Option<Won> {
    let of = |credential: &Credential, origin: Shown| {
        let seconds = |since: std::time::Duration| since.as_secs();
        let expires = credential.expires;
        Won {
            origin,
            username: Shown::user(credential),
            expires: expires.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map(seconds),
            seconds_left: expires.map(|at| at.duration_since(now).map_or(0, seconds)),
        }
    };
    match answer {
        Answer::Kept(entry) => Some(of(entry.credential()?, entry.origin()?)),
        Answer::Asked(resolution) => {
            resolution.candidates.first().map(|first| of(&first.credential, first.object()))
        }
    }
}

fn ranked(candidate: &Candidate) -> Ranked {
    Ranked {
        origin: candidate.origin.clone(),
        key: candidate.key.clone(),
        username: Shown::user(&candidate.credential),
        rank: candidate.why.clone(),
    }
}

/// All sources, those that were not asked too.
fn sources(resolution: &Resolution, asked: &Question) -> Vec<Asked> {
    let looked = |look: &Look| Looked {
        object: look.object.clone(),
        result: look.result(),
        failed: look.problem.is_some(),
        milliseconds: (look.took.as_secs_f64() * 10_000.0).round() / 10.0,
        fix: look.problem.as_ref().and_then(|problem| problem.fix()).map(|fix| {
            fix.filled_in("--docker-server", "REGISTRY", &Shown::text(&asked.registry.list_name()))
        }),
    };
    Source::ALL
        .into_iter()
        .map(|source| {
            let looks = resolution.trail.iter().find(|(asked, _)| *asked == source).map(|(_, looks)| looks);
            Asked {
                source: source.name(),
                asked: looks.is_some(),
                looks: looks.into_iter().flatten().map(looked).collect(),
            }
        })
        .collect()
}
