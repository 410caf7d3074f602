//! One answer as it stands on disk: a line with the format's version, then JSON.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{LEAST_MARGIN, NOT_FOUND_LIFE};
use crate::credential::Credential;
use crate::finding::Weight;
use crate::resolver::Resolution;
use crate::secret::Secret;
use crate::settings::Settings;

/// The first line. Another version of the format begins otherwise, and is a miss.
const HEAD: &[u8] = b"docker-credential-kubeclarity answer 2\n";
/// Clocks of one machine differ by no more; an answer from later than that is from a clock that was set back.
const SKEW: Duration = Duration::from_secs(5);

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
}

/// What is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// A credential, and where it came from.
    Credential {
        /// The credential, with its expiry if it has one.
        credential: Credential,
        /// The Secret, file or identity.
        origin: String,
    },
    /// That there is none.
    NotFound,
}

#[derive(Serialize)]
struct Written<'a> {
    asked: u64,
    fresh_until: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    any_path: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    asked: u64,
    fresh_until: u64,
    expires: Option<u64>,
    username: Option<String>,
    secret: Option<Secret>,
    origin: Option<String>,
    any_path: bool,
}

impl Entry {
    /// What may be kept of a resolution; `None` if something failed, or if the answer is over already.
    pub fn of(settings: &Settings, resolution: &Resolution, now: SystemTime) -> Option<Entry> {
        if resolution.failures.iter().any(|failure| failure.weight > Weight::Note) {
            return None;
        }
        let any_path = !resolution.by_path;
        let Some(candidate) = resolution.candidates.first() else {
            let fresh_until = now + NOT_FOUND_LIFE;
            return Some(Entry { kept: Kept::NotFound, any_path, asked: now, fresh_until });
        };
        let credential = candidate.credential.clone();
        let fresh_until = match credential.expires {
            None => now + settings.cache_ttl,
            Some(expires) => {
                let life = expires.duration_since(now).ok()?;
                now + life.checked_sub(LEAST_MARGIN.max(life / 10))?
            }
        };
        (fresh_until > now).then(|| Entry {
            kept: Kept::Credential { credential, origin: candidate.object() },
            any_path,
            asked: now,
            fresh_until,
        })
    }

    /// The credential, if it keeps one.
    pub fn credential(&self) -> Option<&Credential> {
        match &self.kept {
            Kept::Credential { credential, .. } => Some(credential),
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

    /// Whether it was asked for less than this long ago.
    pub fn is_younger(&self, age: Duration, now: SystemTime) -> bool {
        now < self.asked + age
    }

    /// Whether it is given out for longer than this.
    pub fn outlives(&self, age: Duration) -> bool {
        self.fresh_until > self.asked + age
    }

    /// Whether it holds a token that is known to be still good.
    pub fn is_valid_token(&self, now: SystemTime) -> bool {
        let expires = self.credential().and_then(|credential| credential.expires);
        self.asked <= now + SKEW && expires.is_some_and(|expires| now < expires)
    }

    /// When nothing can use it any more.
    pub fn over(&self) -> SystemTime {
        self.credential().and_then(|credential| credential.expires).unwrap_or(self.fresh_until)
    }

    /// As bytes for a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (username, secret, origin, expires) = match &self.kept {
            Kept::NotFound => (None, None, None, None),
            Kept::Credential { credential, origin } => (
                Some(credential.username.as_str()),
                Some(credential.secret.expose()),
                Some(origin.as_str()),
                credential.expires.map(seconds),
            ),
        };
        let written = Written {
            asked: seconds(self.asked),
            fresh_until: seconds(self.fresh_until),
            expires,
            username,
            secret,
            origin,
            any_path: self.any_path,
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
        let kept = match (read.username, read.secret, read.origin) {
            (Some(username), Some(secret), Some(origin)) if !username.is_empty() && !secret.is_empty() => {
                let expires = match read.expires {
                    Some(expires) => Some(time(expires)?),
                    None => None,
                };
                Kept::Credential { credential: Credential { username, secret, expires }, origin }
            }
            (None, None, None) if read.expires.is_none() => Kept::NotFound,
            _ => return None,
        };
        let (asked, fresh_until) = (time(read.asked)?, time(read.fresh_until)?);
        let entry = Entry { kept, any_path: read.any_path, asked, fresh_until };
        (now < entry.over() && entry.fresh_until <= entry.over()).then_some(entry)
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
    use crate::problem::{Problem, Task};
    use proptest::prelude::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn credential(expires: Option<u64>) -> Credential {
        Credential { username: "u\"".into(), secret: Secret::new("p\\é".into()), expires: expires.map(at) }
    }

    fn of(credential: Credential, now: u64) -> Option<Entry> {
        let settings = Settings::from(|_| None).unwrap();
        let candidates = vec![Candidate { credential, origin: "o".into(), key: None, why: String::new() }];
        Entry::of(&settings, &Resolution { candidates, ..Resolution::default() }, at(now))
    }

    #[test]
    fn lives_and_margins() {
        let entry = |expires: Option<u64>| of(credential(expires), 1000);
        // 12 hours: a tenth is the margin. 5 minutes: a minute is.
        let twelve_hours = entry(Some(1000 + 43_200)).unwrap();
        assert!(twelve_hours.is_fresh(at(1000 + 38_879)) && !twelve_hours.is_fresh(at(1000 + 38_880)));
        assert!(
            twelve_hours.is_valid_token(at(1000 + 43_199)) && !twelve_hours.is_valid_token(at(1000 + 43_200))
        );
        let five_minutes = entry(Some(1300)).unwrap();
        assert!(five_minutes.is_fresh(at(1239)) && !five_minutes.is_fresh(at(1240)));
        // A password is good for a minute, and not known to be good afterwards.
        let password = entry(None).unwrap();
        assert!(
            password.is_fresh(at(1059)) && !password.is_fresh(at(1060)) && !password.is_valid_token(at(1059))
        );
        // What lives less than the margin, or is over (as moto's tokens are), is not kept.
        assert_eq!((entry(Some(1060)), entry(Some(1000)), entry(Some(5))), (None, None, None));
    }

    #[test]
    fn nothing_found_lives_ten_seconds() {
        let settings = Settings::from(|_| None).unwrap();
        let none = Entry::of(&settings, &Resolution::default(), at(1000)).unwrap();
        assert_eq!((none.credential(), none.clone().into_credential()), (None, None));
        assert!(none.is_fresh(at(1009)) && !none.is_fresh(at(1010)) && !none.is_valid_token(at(1000)));
    }

    #[test]
    fn an_answer_beside_a_failure_that_counts_is_not_kept() {
        let settings = Settings::from(|_| None).unwrap();
        let problem = || Problem::Deadline { what: Task::Everything, limit: Duration::from_secs(1) };
        for (failure, kept) in [
            (Failure::note(problem()), true),
            (Failure::default(problem()), false),
            (Failure::named(problem()), false),
        ] {
            let resolution = Resolution { failures: vec![failure], ..Resolution::default() };
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
        let none = Entry { kept: Kept::NotFound, any_path: true, asked: at(1000), fresh_until: at(1010) };
        assert_eq!(Entry::from_bytes(&none.to_bytes(), at(1009)), Some(none.clone()));
        assert_eq!(Entry::from_bytes(&none.to_bytes(), at(1010)), None);
    }

    #[test]
    fn an_answer_from_the_future_is_not_fresh() {
        let entry = of(credential(Some(100_000)), 50_000).unwrap();
        let read = Entry::from_bytes(&entry.to_bytes(), at(40_000)).unwrap();
        assert!(!read.is_fresh(at(40_000)) && !read.is_valid_token(at(40_000)));
        // Clocks may differ by five seconds.
        assert!(read.is_fresh(at(49_995)) && read.is_valid_token(at(49_995)));
        assert!(!read.is_fresh(at(49_994)) && !read.is_valid_token(at(49_994)));
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
        let whole = |expires: u64| format!(r#""expires":{expires},"username":"u","secret":"s","origin":"o""#);
        assert!(read(&whole(2000)).is_some());
        for other in [
            r#""username":"","secret":"s","origin":"o""#,
            r#""username":"u","secret":"","origin":"o""#,
            r#""username":"u","secret":"s""#,
            r#""username":"u","origin":"o""#,
            r#""expires":3000"#,
            // Fresh for longer than it lives, over, and later than any date.
            &whole(1999),
            &whole(1001),
            &whole(253_402_300_800),
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        assert!(read(&whole(253_402_300_799)).is_some());
    }

    proptest! {
        #[test]
        fn no_file_panics(body in prop::collection::vec(any::<u8>(), 0..200), numbers in any::<[u64; 3]>()) {
            let _ = Entry::from_bytes(&body, at(1000));
            let _ = Entry::from_bytes(&[HEAD, &body].concat(), at(1000));
            let [asked, fresh, expires] = numbers;
            let text = format!(r#"{{"asked":{asked},"fresh_until":{fresh},"expires":{expires},"username":"u","secret":"s","origin":"o","any_path":false}}"#);
            let _ = Entry::from_bytes(&[HEAD, text.as_bytes()].concat(), at(1000)).map(|e| e.is_fresh(at(1000)));
        }
    }
}
