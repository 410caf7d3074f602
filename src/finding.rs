//! What a source finds: candidates, failures, and what it looked at. Their order and what a failure means for the answer
//! are the resolver's.

use std::time::{Duration, SystemTime};

use crate::credential::Credential;
use crate::problem::{EntryFault, Problem};
use crate::shown::Shown;

/// A credential that answers the question, and where it comes from.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The credential.
    pub credential: Credential,
    /// The Secret, file or variable, with the key in it.
    pub origin: Shown,
    /// The entry's key, where the origin has several.
    pub key: Option<Shown>,
    /// Why it ranks where it does, where there are several.
    pub why: Shown,
    /// Whether a cloud issued it just now, so that its expiry is the cloud's word. Anything else is stored somewhere and may
    /// be changed or deleted there at any time, whatever expiry it carries.
    pub issued: bool,
}

impl Candidate {
    /// Where it comes from, in words: the origin and the entry in it.
    pub fn object(&self) -> Shown {
        match &self.key {
            Some(key) => shown![self.origin, " entry ", key],
            None => self.origin.clone(),
        }
    }
}

/// How much a failure counts (DESIGN section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Of something that nobody named and nobody can rely on: only noted.
    Note,
    /// A matching credential is unusable, or a source that only a default named failed: an error if nothing
    /// else answers.
    Default,
    /// Of something that the user named: an error, whatever later sources have.
    Named,
}

/// A failure and its weight.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What happened.
    pub problem: Problem,
    /// How much it counts.
    pub weight: Weight,
}

impl Failure {
    /// A failure of something that only a default named.
    pub fn default(problem: Problem) -> Failure {
        Failure { problem, weight: Weight::Default }
    }

    /// A failure that is only noted.
    pub fn note(problem: Problem) -> Failure {
        Failure { problem, weight: Weight::Note }
    }

    /// A failure of something that the user named.
    pub fn named(problem: Problem) -> Failure {
        Failure { problem, weight: Weight::Named }
    }
}

/// One thing that was looked at, for the trail that `explain` prints.
#[derive(Debug, Clone)]
pub struct Look {
    /// Secret, file, variable or endpoint.
    pub object: Shown,
    /// What came of it, if it was no failure.
    result: Shown,
    /// How long it took.
    pub took: Duration,
    /// The failure, if it was one.
    pub problem: Option<Problem>,
}

impl Look {
    /// What came of it: for a failure, its message.
    pub fn result(&self) -> Shown {
        match &self.problem {
            Some(problem) => shown![problem],
            None => self.result.clone(),
        }
    }
}

/// What a source has to say.
#[derive(Debug, Clone, Default)]
pub struct Finding {
    /// All credentials that answer, the best first.
    pub candidates: Vec<Candidate>,
    /// What went wrong.
    pub failures: Vec<Failure>,
    /// What was looked at, in order.
    pub looks: Vec<Look>,
    /// Whether a key with a path is for the registry, so that another repository may have another answer.
    pub by_path: bool,
}

impl Finding {
    /// Notes one thing that was looked at.
    pub fn look(&mut self, object: impl Into<Shown>, result: impl Into<Shown>, took: Duration) {
        self.looks.push(Look { object: object.into(), result: result.into(), took, problem: None });
    }

    /// Offers a credential that matches: a candidate, or a failure if it is known to be over.
    pub fn offer(&mut self, candidate: Candidate, now: SystemTime) {
        let object = candidate.object();
        if let Some(end) = candidate.credential.expires.filter(|_| candidate.credential.is_expired(now)) {
            let problem = Problem::Unusable { origin: object.clone(), what: EntryFault::Expired(end) };
            return self.fail(object, Failure::default(problem), Duration::ZERO);
        }
        let why = match candidate.why.is_empty() {
            true => Shown::default(),
            false => shown![" (", candidate.why, ")"],
        };
        // Given out as it is: kubelet and Docker do so too.
        let break_ = match candidate.credential.secret.expose().ends_with(['\n', '\r']) {
            true => ", whose password ends in a line break (`echo` adds one, `printf %s` does not)",
            false => "",
        };
        let user = Shown::user(&candidate.credential);
        self.look(object, shown!["matches, user ", user, break_, why], Duration::ZERO);
        self.candidates.push(candidate);
    }

    /// Notes a failure, on the trail too.
    pub fn fail(&mut self, object: impl Into<Shown>, failure: Failure, took: Duration) {
        let problem = Some(failure.problem.clone());
        self.looks.push(Look { object: object.into(), result: Shown::default(), took, problem });
        self.failures.push(failure);
    }

    /// Adds what another part of the same source found.
    pub fn merge(&mut self, other: Finding) {
        self.candidates.extend(other.candidates);
        self.failures.extend(other.failures);
        self.looks.extend(other.looks);
        self.by_path |= other.by_path;
    }
}
