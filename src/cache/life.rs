//! For how long an answer is kept (DESIGN section 5).

use std::time::{Duration, SystemTime};

use crate::finding::Candidate;
use crate::resolver::Resolution;
use crate::settings::Settings;

/// "Not found".
const NOT_FOUND: Duration = Duration::from_secs(10);
/// What a cloud issued, whatever expiry it claims.
const ISSUED: Duration = Duration::from_secs(12 * 3600);
/// A token is renewed this long before it expires, or a tenth of its life if that is more.
const LEAST_MARGIN: Duration = Duration::from_secs(60);
/// How long a token that is stored somewhere stands in for an outage there. It may have been deleted or corrected since it
/// was read, which nobody can know while the API server is down: a token that expires in years is not given out for years.
const STORED_IN_OUTAGE: Duration = Duration::from_secs(3600);

/// An answer's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    /// Until when it is given out without asking.
    pub fresh_until: SystemTime,
    /// When nothing can use it any more: until then, a token stands in for an outage of its source.
    pub over: SystemTime,
}

impl Life {
    /// The life of what was found, or of "not found"; `None` if it is not kept at all.
    ///
    /// What a cloud issued is kept as long as it lives, less a margin. What is stored somewhere may be changed there at any
    /// moment, so it is kept for `KUBECLARITY_CACHE_TTL`, whatever expiry it carries; so is what was found while an earlier
    /// source was down, which may have another answer. Other failures beside an answer change nothing.
    pub fn of(
        settings: &Settings,
        resolution: &Resolution,
        found: Option<&Candidate>,
        now: SystemTime,
    ) -> Option<Life> {
        let mut problems = resolution.failures.iter().map(|(_, failure)| &failure.problem);
        let Some(candidate) = found else {
            let over = now + NOT_FOUND;
            return (!problems.any(|problem| problem.leaves_open()))
                .then_some(Life { fresh_until: over, over });
        };
        let stored = now + settings.cache_ttl;
        let (mut fresh_until, over) = match candidate.credential.expires {
            // A cloud that names no expiry promises nothing.
            None => (stored, stored),
            Some(expires) => {
                let life = expires.duration_since(now).ok()?;
                let renewed = now + life.checked_sub(LEAST_MARGIN.max(life / 10))?;
                let (fresh_until, over) = match candidate.issued {
                    true => (now + ISSUED, now + ISSUED),
                    false => (stored, stored.max(now + STORED_IN_OUTAGE)),
                };
                (fresh_until.min(renewed), over.min(expires))
            }
        };
        if problems.any(|problem| problem.is_outage()) {
            fresh_until = fresh_until.min(stored);
        }
        (fresh_until > now).then_some(Life { fresh_until, over })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Credential;
    use crate::finding::Failure;
    use crate::problem::{EntryFault, Problem, Task};
    use crate::resolver::Source;
    use crate::secret::Secret;
    use std::ffi::OsString;
    use std::time::UNIX_EPOCH;

    const NOW: u64 = 1_000_000;
    const MONTH: u64 = 30 * 86_400;

    fn settings(ttl: &str) -> Settings {
        Settings::from(|name| (name == "KUBECLARITY_CACHE_TTL").then(|| OsString::from(ttl))).unwrap()
    }

    /// For how many seconds it is fresh, and of use: of a token that lives so long, issued just now or stored somewhere.
    fn life(issued: bool, expires: Option<u64>, failures: &[Failure], ttl: &str) -> Option<(u64, u64)> {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        let expires = expires.map(|seconds| at(NOW + seconds));
        let credential = Credential { username: "u".into(), secret: Secret::new("p".into()), expires };
        let candidate =
            Candidate { credential, origin: "o".into(), key: None, why: Default::default(), issued };
        of(Some(&candidate), failures, ttl)
    }

    fn of(candidate: Option<&Candidate>, failures: &[Failure], ttl: &str) -> Option<(u64, u64)> {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let failures = failures.iter().map(|failure| (Source::PullSecrets, failure.clone())).collect();
        let resolution = Resolution { failures, ..Resolution::default() };
        let life = Life::of(&settings(ttl), &resolution, candidate, now)?;
        let seconds = |time: SystemTime| time.duration_since(now).unwrap().as_secs();
        Some((seconds(life.fresh_until), seconds(life.over)))
    }

    fn outage() -> Problem {
        Problem::Deadline { what: Task::Everything, limit: Duration::from_secs(1) }
    }

    fn expired() -> Problem {
        Problem::Unusable { origin: "o".into(), what: EntryFault::Expired(SystemTime::UNIX_EPOCH) }
    }

    #[test]
    fn what_a_cloud_issued_lives_until_a_margin_before_its_end_and_twelve_hours_at_most() {
        for (expires, expected) in [
            (Some(300), Some((240, 300))),
            (Some(600), Some((540, 600))),
            (Some(6000), Some((5400, 6000))),
            (Some(43_200), Some((38_880, 43_200))),
            (Some(48_000), Some((43_200, 43_200))),
            (Some(MONTH), Some((43_200, 43_200))),
            (Some(1000 * MONTH), Some((43_200, 43_200))),
            // What lives less than the margin, or is over (as moto's tokens are), is not kept.
            (Some(61), Some((1, 61))),
            (Some(60), None),
            (Some(0), None),
            // A cloud that names no end.
            (None, Some((60, 60))),
        ] {
            assert_eq!(life(true, expires, &[], ""), expected, "{expires:?}");
            // Settings are for what is stored.
            if expires.is_some() {
                assert_eq!(life(true, expires, &[], "7200"), expected, "{expires:?}");
                assert_eq!(life(true, expires, &[], "0"), expected, "{expires:?}");
            }
        }
    }

    #[test]
    fn what_is_stored_lives_for_the_setting_whatever_its_own_expiry_is() {
        for (expires, ttl, expected) in [
            (None, "", Some((60, 60))),
            (None, "7200", Some((7200, 7200))),
            (None, "0", None),
            // A token stands in for an outage for an hour, or for as long as the user has it kept.
            (Some(MONTH), "", Some((60, 3600))),
            (Some(MONTH), "1", Some((1, 3600))),
            (Some(MONTH), "0", None),
            (Some(MONTH), "7200", Some((7200, 7200))),
            (Some(1800), "", Some((60, 1800))),
            (Some(100), "", Some((40, 100))),
            (Some(1800), "86400", Some((1620, 1800))),
            (Some(60), "", None),
        ] {
            assert_eq!(life(false, expires, &[], ttl), expected, "{expires:?} {ttl}");
        }
    }

    #[test]
    fn what_was_found_beside_an_outage_lives_for_the_setting_and_beside_other_failures_as_always() {
        let all = [Failure::note as fn(Problem) -> Failure, Failure::default];
        for weigh in all {
            assert_eq!(life(true, Some(43_200), &[weigh(expired())], ""), Some((38_880, 43_200)));
            assert_eq!(life(false, None, &[weigh(expired())], ""), Some((60, 60)));
            for failures in [vec![weigh(outage())], vec![weigh(expired()), weigh(outage())]] {
                assert_eq!(life(true, Some(43_200), &failures, ""), Some((60, 43_200)));
                assert_eq!(life(true, Some(100), &failures, ""), Some((40, 100)));
                assert_eq!(life(true, Some(43_200), &failures, "7200"), Some((7200, 43_200)));
                assert_eq!(life(true, Some(43_200), &failures, "0"), None);
            }
        }
    }

    #[test]
    fn nothing_found_lives_ten_seconds_and_not_at_all_where_a_source_failed() {
        for ttl in ["", "0", "7200"] {
            assert_eq!(of(None, &[], ttl), Some((10, 10)));
        }
        let object = || "secret a/b".into();
        let denied =
            Problem::Denied { object: object(), account: None, namespace: "a".into(), rules: Vec::new() };
        assert_eq!(of(None, &[Failure::note(denied)], ""), Some((10, 10)));
        assert_eq!(of(None, &[Failure::note(expired())], ""), Some((10, 10)));
        for open in [outage(), Problem::Unauthorized { object: object(), server: "s".into() }] {
            assert_eq!(of(None, &[Failure::note(expired()), Failure::note(open)], ""), None);
        }
    }
}
