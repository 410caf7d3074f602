//! One answer as it stands on disk: a line with the format's version, then JSON.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::life::Life;
use super::store::Generation;
use crate::credential::Credential;
use crate::resolver::{Resolution, Source};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::shown::Shown;

/// The first line. Another version of the format begins otherwise, and is a miss.
const HEAD: &[u8] = b"docker-credential-kubeclarity answer 2\n";
/// Clocks of one machine differ by no more; an answer from later than that is from a clock that was set back.
const SKEW: Duration = Duration::from_secs(5);
/// No answer is of any use for longer than this: the longest `KUBECLARITY_CACHE_TTL`.
const LONGEST: Duration = Duration::from_secs(86_400);

/// An answer with its life.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What is kept.
    pub kept: Kept,
    /// Whether it is the answer for every repository of the registry.
    pub any_path: bool,
    /// When it was asked for.
    asked: SystemTime,
    /// Until when it is given out without asking.
    fresh_until: SystemTime,
    /// When nothing can use it any more.
    over: SystemTime,
    /// The generation in which it was asked for.
    generation: Generation,
}

/// What is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// A credential, and where it came from.
    Credential {
        /// The credential, with its expiry if it has one.
        credential: Credential,
        /// The Secret, file or identity; [`Entry::origin`] has it fit to be shown.
        origin: String,
        /// Where a credential with an expiry came from, which may stand in for an outage there.
        source: Option<Source>,
    },
    /// That there is none.
    NotFound,
}

#[derive(Serialize)]
struct Written<'a> {
    asked: u64,
    fresh_until: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    any_path: bool,
    #[serde(skip_serializing_if = "Generation::is_first")]
    generation: Generation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    asked: u64,
    fresh_until: u64,
    over: Option<u64>,
    expires: Option<u64>,
    username: Option<String>,
    secret: Option<Secret>,
    origin: Option<String>,
    source: Option<Source>,
    any_path: bool,
    #[serde(default)]
    generation: Generation,
}

impl Entry {
    /// What may be kept of a resolution; `None` if it is a failure, if it says nothing, or if the answer is over already.
    pub fn of(settings: &Settings, resolution: &Resolution, now: SystemTime) -> Option<Entry> {
        let candidate = resolution.answer().ok()?;
        let life = Life::of(settings, resolution, candidate.as_ref(), now)?;
        let kept = match candidate {
            None => Kept::NotFound,
            Some(candidate) => {
                let expires = candidate.credential.expires;
                let source = resolution.trail.last().map(|(source, _)| *source).filter(|_| expires.is_some());
                let origin = candidate.object().to_string();
                Kept::Credential { origin, credential: candidate.credential, source }
            }
        };
        let Life { fresh_until, over } = life;
        let (any_path, generation) = (!resolution.by_path, Generation::default());
        Some(Entry { kept, any_path, asked: now, fresh_until, over, generation })
    }

    /// The same, as what was asked for in that generation.
    pub(super) fn asked_in(self, generation: Generation) -> Entry {
        Entry { generation, ..self }
    }

    /// The generation in which it was asked for.
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// The credential, if it keeps one.
    pub fn credential(&self) -> Option<&Credential> {
        match &self.kept {
            Kept::Credential { credential, .. } => Some(credential),
            Kept::NotFound => None,
        }
    }

    /// Where the credential came from, if it keeps one. Only `explain` and the log need it: cleaning it takes as long as reading
    /// the rest.
    pub fn origin(&self) -> Option<Shown> {
        match &self.kept {
            Kept::Credential { origin, .. } => Some(Shown::text(origin)),
            Kept::NotFound => None,
        }
    }

    /// The credential, taken out.
    pub fn into_credential(self) -> Option<Credential> {
        match self.kept {
            Kept::Credential { credential, .. } => Some(credential),
            Kept::NotFound => None,
        }
    }

    /// Whether it is given out without asking.
    pub fn is_fresh(&self, now: SystemTime) -> bool {
        now < self.fresh_until && self.asked <= now + SKEW
    }

    /// For how much longer it is given out without asking.
    pub fn fresh_for(&self, now: SystemTime) -> Duration {
        self.fresh_until.duration_since(now).unwrap_or_default()
    }

    /// Whether it was asked for less than this long ago.
    pub fn is_younger(&self, age: Duration, now: SystemTime) -> bool {
        now < self.asked + age
    }

    /// Whether it is of use for longer than this.
    pub fn outlives(&self, age: Duration) -> bool {
        self.over > self.asked + age
    }

    /// The source of a credential that is known to be still good: it may stand in for an outage of that source.
    pub fn stand_in_for(&self, now: SystemTime) -> Option<Source> {
        match &self.kept {
            Kept::Credential { source, .. } if self.asked <= now + SKEW && now < self.over => *source,
            _ => None,
        }
    }

    /// When nothing can use it any more.
    pub fn over(&self) -> SystemTime {
        self.over
    }

    /// As bytes for a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (username, secret, origin, source, expires) = match &self.kept {
            Kept::NotFound => (None, None, None, None, None),
            Kept::Credential { credential, origin, source } => (
                Some(credential.username.as_str()),
                Some(credential.secret.expose()),
                Some(origin.as_str()),
                *source,
                credential.expires.map(seconds),
            ),
        };
        let written = Written {
            asked: seconds(self.asked),
            fresh_until: seconds(self.fresh_until),
            over: expires.map(|_| seconds(self.over)),
            expires,
            username,
            secret,
            origin,
            source,
            any_path: self.any_path,
            generation: self.generation,
        };
        let length = [username, secret, origin].into_iter().flatten().map(str::len).sum::<usize>();
        let mut bytes = Vec::with_capacity(HEAD.len() + length + 256);
        // Plain strings and numbers into memory: this cannot fail, and a file that is cut short would be a miss.
        let _ = bytes.write_all(HEAD);
        let _ = serde_json::to_writer(&mut bytes, &written);
        bytes
    }

    /// From a file's bytes; `None` for everything that is no answer of this version, or is over.
    pub fn from_bytes(bytes: &[u8], now: SystemTime) -> Option<Entry> {
        // serde would take a list for an object with its fields in order.
        let json = bytes.strip_prefix(HEAD)?;
        let read: Read = json.starts_with(b"{").then(|| serde_json::from_slice(json).ok())??;
        let (asked, fresh_until) = (time(read.asked)?, time(read.fresh_until)?);
        // What has an expiry says for itself when it is over.
        let (expires, over) = match (read.expires, read.over) {
            (Some(expires), Some(over)) if over <= expires => (Some(time(expires)?), time(over)?),
            (None, None) => (None, fresh_until),
            _ => return None,
        };
        let source = read.source;
        let kept = match (read.username, read.secret, read.origin) {
            (Some(username), Some(secret), Some(origin))
                if !username.is_empty() && !secret.is_empty() && source.is_some() == expires.is_some() =>
            {
                let credential = Credential { username, secret, expires };
                Kept::Credential { credential, origin, source }
            }
            (None, None, None) if expires.is_none() && source.is_none() => Kept::NotFound,
            _ => return None,
        };
        let entry =
            Entry { kept, any_path: read.any_path, asked, fresh_until, over, generation: read.generation };
        (now < over && fresh_until <= over && over <= asked + LONGEST).then_some(entry)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn time(seconds: u64) -> Option<SystemTime> {
    // Year 9999: nothing that this program writes is later.
    (seconds < 253_402_300_800).then(|| UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Candidate, Failure};
    use crate::problem::Problem;
    use proptest::prelude::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn credential(expires: Option<u64>) -> Credential {
        Credential { username: "u\"".into(), secret: Secret::new("p\\é".into()), expires: expires.map(at) }
    }

    /// The entry of a credential that was found in a source.
    fn of(credential: Credential, now: u64) -> Option<Entry> {
        let settings = Settings::from(|_| None).unwrap();
        let candidates = vec![Candidate {
            credential,
            origin: "o".into(),
            key: None,
            why: Shown::default(),
            issued: true,
        }];
        let trail = vec![(Source::CloudEnv, Vec::new())];
        Entry::of(&settings, &Resolution { candidates, trail, ..Resolution::default() }, at(now))
    }

    #[test]
    fn only_a_credential_with_an_expiry_stands_in_for_an_outage() {
        let token = of(credential(Some(5000)), 1000).unwrap();
        assert_eq!(token.stand_in_for(at(4999)), Some(Source::CloudEnv));
        assert_eq!(token.stand_in_for(at(5000)), None);
        let password = of(credential(None), 1000).unwrap();
        assert!(password.is_fresh(at(1059)) && !password.is_fresh(at(1060)));
        assert_eq!(password.stand_in_for(at(1001)), None);
        let none = Entry::of(&Settings::from(|_| None).unwrap(), &Resolution::default(), at(1000)).unwrap();
        assert_eq!((none.credential(), none.clone().into_credential()), (None, None));
        assert_eq!((none.stand_in_for(at(1000)), none.fresh_for(at(1003))), (None, Duration::from_secs(7)));
        assert_eq!(none.fresh_for(at(2000)), Duration::ZERO);
    }

    #[test]
    fn a_failure_that_is_the_answer_is_not_kept() {
        let settings = Settings::from(|_| None).unwrap();
        let problem = || Problem::NoRegistry;
        for (failure, kept) in [
            (Failure::note(problem()), true),
            (Failure::default(problem()), false),
            (Failure::named(problem()), false),
        ] {
            let failures = vec![(Source::PullSecrets, failure)];
            let resolution = Resolution { failures, ..Resolution::default() };
            assert_eq!(Entry::of(&settings, &resolution, at(1000)).is_some(), kept, "{resolution:?}");
        }
    }

    #[test]
    fn what_is_kept_can_be_taken_out() {
        let entry = of(credential(None), 1000).unwrap();
        assert_eq!(entry.credential(), Some(&credential(None)));
        assert_eq!(entry.into_credential(), Some(credential(None)));
    }

    #[test]
    fn what_is_written_is_read() {
        for entry in [of(credential(Some(5000)), 1000), of(credential(None), 1000)] {
            let entry = entry.unwrap();
            assert_eq!(Entry::from_bytes(&entry.to_bytes(), at(1001)), Some(entry));
        }
        let none = Entry {
            kept: Kept::NotFound,
            any_path: true,
            asked: at(1000),
            fresh_until: at(1010),
            over: at(1010),
            generation: Generation::default(),
        };
        assert_eq!(Entry::from_bytes(&none.to_bytes(), at(1009)), Some(none.clone()));
        assert_eq!(Entry::from_bytes(&none.to_bytes(), at(1010)), None);
    }

    #[test]
    fn an_answer_from_the_future_is_not_fresh() {
        let entry = of(credential(Some(100_000)), 50_000).unwrap();
        let read = Entry::from_bytes(&entry.to_bytes(), at(40_000)).unwrap();
        assert!(!read.is_fresh(at(40_000)) && read.stand_in_for(at(40_000)).is_none());
        // Clocks may differ by five seconds.
        assert!(read.is_fresh(at(49_995)) && read.stand_in_for(at(49_995)).is_some());
        assert!(!read.is_fresh(at(49_994)) && read.stand_in_for(at(49_994)).is_none());
    }

    #[test]
    fn every_cut_and_every_other_version_is_a_miss() {
        let bytes = of(credential(Some(5000)), 1000).unwrap().to_bytes();
        for length in 0..bytes.len() {
            assert_eq!(Entry::from_bytes(&bytes[..length], at(1001)), None, "{length}");
        }
        for other in [
            "null",
            "{}",
            "docker-credential-kubeclarity answer 1\n{}",
            "docker-credential-kubeclarity answer 2\nnull",
        ] {
            assert_eq!(Entry::from_bytes(other.as_bytes(), at(1001)), None, "{other}");
        }
    }

    #[test]
    fn half_an_answer_is_a_miss() {
        let read = |fields: &str| {
            let text = format!(r#"{{"asked":1000,"fresh_until":2000,"any_path":false,{fields}}}"#);
            Entry::from_bytes(&[HEAD, text.as_bytes()].concat(), at(1001))
        };
        let token = |over: u64, expires: u64| {
            format!(
                r#""over":{over},"expires":{expires},"username":"u","secret":"s","origin":"o","source":"cloud-env""#
            )
        };
        assert!(read(&token(2000, 2000)).is_some() && read(&token(2000, 253_402_300_799)).is_some());
        for other in [
            r#""username":"","secret":"s","origin":"o""#,
            r#""username":"u","secret":"","origin":"o""#,
            r#""username":"u","secret":"s""#,
            r#""username":"u","origin":"o""#,
            r#""expires":3000"#,
            r#""over":3000"#,
            r#""source":"cloud-env""#,
            // A token that does not say when it is over, or where it is from, as earlier versions wrote it.
            r#""expires":2000,"username":"u","secret":"s","origin":"o""#,
            r#""expires":2000,"username":"u","secret":"s","origin":"o","source":"cloud-env""#,
            r#""over":2000,"expires":2000,"username":"u","secret":"s","origin":"o""#,
            r#""over":2000,"expires":2000,"username":"u","secret":"s","origin":"o","source":"elsewhere""#,
            // A password that does.
            r#""over":2000,"username":"u","secret":"s","origin":"o""#,
            r#""username":"u","secret":"s","origin":"o","source":"cloud-env""#,
            // Fresh for longer than it lives, over, of use for longer than it is good, and later than any date.
            &token(1999, 2000),
            &token(1001, 2000),
            &token(2001, 2000),
            &token(2000, 253_402_300_800),
            // Of use for longer than anything is kept.
            &token(1000 + 86_401, 1_000_000),
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        assert!(read(&token(1000 + 86_400, 1_000_000)).is_some());
    }

    proptest! {
        #[test]
        fn no_file_panics(body in prop::collection::vec(any::<u8>(), 0..200), numbers in any::<[u64; 3]>()) {
            let _ = Entry::from_bytes(&body, at(1000));
            let _ = Entry::from_bytes(&[HEAD, &body].concat(), at(1000));
            let [asked, fresh, expires] = numbers;
            let text = format!(r#"{{"asked":{asked},"fresh_until":{fresh},"over":{fresh},"expires":{expires},"username":"u","secret":"s","origin":"o","source":"mounted","any_path":false}}"#);
            let _ = Entry::from_bytes(&[HEAD, text.as_bytes()].concat(), at(1000)).map(|e| e.is_fresh(at(1000)));
        }
    }
}
