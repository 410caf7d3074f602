//! Answers on disk, and who may ask upstream.
//!
//! One small file an answer, named by a fingerprint of the question and of all that could change the answer. Where no
//! key has a path for the registry, all its repositories have one answer, and one file.
//! The way of a hit: settings, one file, nothing else. A cache that cannot be used costs nothing but speed.

mod entry;
mod fingerprint;
mod life;
mod lock;
mod place;
mod store;
mod sweep;

pub use entry::{Entry, Kept};
pub use fingerprint::{Fingerprint, Names};

use std::time::SystemTime;

use crate::cluster;
use crate::credential::Credential;
use crate::deadline::{Deadline, Stage};
use crate::finding::{Failure, Weight};
use crate::problem::Problem;
use crate::question::Question;
use crate::resolver::{Resolution, Resolver, Source};
use crate::settings::Settings;
use crate::shown::Shown;
use crate::watch;
use lock::Lock;
use store::Store;

/// An answer, and how it came.
pub enum Answer {
    /// It was on disk.
    Kept(Entry),
    /// It was asked for.
    Asked(Resolution),
}

impl Answer {
    /// The credential, nothing, or why there is none.
    ///
    /// # Errors
    /// As [`Resolution::answer`].
    pub fn result(&self) -> Result<Option<Credential>, Problem> {
        match self {
            Answer::Kept(entry) => Ok(entry.credential().cloned()),
            Answer::Asked(resolution) => Ok(resolution.answer()?.map(|candidate| candidate.credential)),
        }
    }

    /// The same, with the place where it was found in front.
    ///
    /// # Errors
    /// As [`Answer::result`].
    pub fn with_origin(&self) -> Result<Option<(Shown, Credential)>, Problem> {
        match self {
            Answer::Kept(entry) => Ok(entry.origin().zip(entry.credential().cloned())),
            Answer::Asked(resolution) => {
                Ok(resolution.answer()?.map(|candidate| (candidate.object(), candidate.credential)))
            }
        }
    }

    /// The same, without a second copy of what was on disk.
    ///
    /// # Errors
    /// As [`Answer::result`].
    pub fn into_result(self) -> Result<Option<Credential>, Problem> {
        match self {
            Answer::Kept(entry) => Ok(entry.into_credential()),
            Answer::Asked(_) => self.result(),
        }
    }
}

/// The answer to a question: from the mounted source, which is always read; else from disk if it is there and
/// fresh; else a new one, which one process asks for while the others wait.
pub fn answer(settings: &Settings, question: &Question, deadline: Deadline) -> Answer {
    let resolver = Resolver::new(settings, question, deadline);
    let so_far = match resolver.mounted() {
        Ok(resolution) => return Answer::Asked(resolution),
        Err(so_far) => so_far,
    };
    Stage::Cache.begins();
    // What needs no network is not worth a file.
    let store = if resolver.needs_network() { Store::open(settings).ok() } else { None };
    let Some(store) = store else { return Answer::Asked(resolver.others(so_far)) };
    let names = Names::of(settings, question);
    // A mounted secret that is broken by now is an error where nothing is found.
    let failed = so_far.answer().is_err();
    let usable = |entry: &Entry| {
        entry.is_fresh(SystemTime::now()) && !(failed && matches!(entry.kept, Kept::NotFound))
    };
    let fresh = || kept(settings, &store, &names).filter(usable);

    if let Some(entry) = fresh() {
        return Answer::Kept(entry);
    }
    // From here on it may wait: without a thread, all but what hangs keeps to the limit.
    let _ = watch::start();
    // One for the registry: whether its repositories have one answer is known only once somebody has asked.
    let _lock = Lock::take(&store, &names.registry, deadline, || fresh().is_some());
    // Whoever held the lock before may have answered in the meantime.
    let old = kept(settings, &store, &names);
    if let Some(entry) = old.clone().filter(usable) {
        return Answer::Kept(entry);
    }
    let generation = store.generation();
    let resolution = resolver.others(so_far);
    Stage::Cache.begins();
    if let Some(entry) = old.filter(|entry| covers_outage(entry, &resolution, SystemTime::now())) {
        return Answer::Kept(entry);
    }
    let entry = Entry::of(settings, &resolution, SystemTime::now());
    let entry = entry.map(|entry| entry.asked_in(generation));
    if let Some(entry) = entry.filter(|_| took_network(settings, &resolution)) {
        if entry.any_path {
            store.write_unless_forgotten(&names.registry, &entry);
        }
        // Its own place too, where it outlives the other's service to all repositories.
        let outlived =
            names.own != names.registry && entry.outlives(settings.cache_ttl) && may_change(settings);
        if !entry.any_path || outlived {
            store.write_unless_forgotten(&names.own, &entry);
        }
    }
    Answer::Asked(resolution)
}

/// The answer that is on disk: the registry's, as long as it is the one for every repository; else the repository's own.
fn kept(settings: &Settings, store: &Store, names: &Names) -> Option<Entry> {
    let now = SystemTime::now();
    let of_registry = store.read(&names.registry, now);
    if names.own == names.registry {
        return of_registry;
    }
    // Somebody may have put a key for this repository into the cluster since then. A token serves those that were asked
    // for until it ends, and all others only as long as a password of the cluster is kept.
    let is_shared = |entry: &Entry| {
        entry.any_path && (entry.is_younger(settings.cache_ttl, now) || !may_change(settings))
    };
    let of_registry = of_registry.filter(is_shared);
    match of_registry {
        Some(entry) if entry.is_fresh(now) => Some(entry),
        of_registry => store.read(&names.own, now).or(of_registry),
    }
}

/// Whether what was asked for can change without changing the name of the answer: what is in a cluster can.
fn may_change(settings: &Settings) -> bool {
    cluster::place(settings).is_some()
}

/// Whether the network was needed to find it: not for what the environment holds, where there is no cluster that
/// comes first. Such a credential gets no second place on disk.
fn took_network(settings: &Settings, resolution: &Resolution) -> bool {
    let last = resolution.trail.last().map(|(source, _)| *source);
    !matches!(last, Some(Source::DockerEnv | Source::CiEnv)) || cluster::place(settings).is_some()
}

/// Whether an entry that is past its margin, but still good, stands in for an answer that could not be had: its own source
/// is down, or could not be asked because another one is. A password is not known to be good, and a refusal is an answer, as
/// is a source that has nothing any more: none of them is covered.
fn covers_outage(entry: &Entry, resolution: &Resolution, now: SystemTime) -> bool {
    let Some(source) = entry.stand_in_for(now) else { return false };
    let is_refusal = |(of, failure): &(Source, Failure)| {
        let counts =
            if *of == source { failure.weight > Weight::Note } else { failure.weight == Weight::Named };
        counts && !failure.problem.is_outage()
    };
    if !resolution.candidates.is_empty() || resolution.failures.iter().any(is_refusal) {
        return false;
    }
    let mut outages = resolution.failures.iter().filter(|(_, failure)| failure.problem.is_outage());
    outages.any(|(of, _)| *of == source || !resolution.was_asked(source))
}

/// Forgets every answer, because a login was stored or erased.
pub fn forget(settings: &Settings) {
    Stage::Cache.begins();
    Store::clear_all(settings);
}

/// Why answers to a question are not kept, if that can be mended; `explain` tells it.
pub fn problem(settings: &Settings, question: &Question) -> Option<Problem> {
    let needed = Resolver::new(settings, question, Deadline::after(settings.timeout)).needs_network();
    if needed { Store::problem(settings) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Candidate, Failure, Finding};
    use crate::problem::Task;
    use crate::registry::Registry;
    use crate::secret::Secret;
    use std::ffi::OsString;
    use std::time::Duration;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::from(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v)))
            .unwrap()
    }

    /// What a cloud issued just now for so many seconds, or a password.
    fn found(life: Option<u64>) -> Resolution {
        let expires = life.map(|life| SystemTime::now() + Duration::from_secs(life));
        let credential =
            Credential { username: "u".to_owned(), secret: Secret::new("p".to_owned()), expires };
        let (origin, why, issued) = ("o".into(), Shown::default(), life.is_some());
        let candidate = Candidate { credential, origin, key: None, why, issued };
        let trail = vec![(Source::CloudEnv, Vec::new())];
        Resolution { candidates: vec![candidate], trail, ..Resolution::default() }
    }

    fn entry(life: Option<u64>) -> Entry {
        Entry::of(&settings(&[]), &found(life), SystemTime::now()).unwrap()
    }

    fn outage() -> Problem {
        Problem::Deadline { what: Task::Everything, limit: Duration::from_secs(1) }
    }

    fn refusal() -> Problem {
        Problem::Unauthorized { object: "o".into(), server: "s".into() }
    }

    /// What came of asking: failures, and the sources that had something to look at.
    fn failed(failures: Vec<(Source, Failure)>, asked: &[Source]) -> Resolution {
        let looks = || {
            let mut finding = Finding::default();
            finding.look("o", "r", Duration::ZERO);
            finding.looks
        };
        let trail = asked.iter().map(|source| (*source, looks())).collect();
        Resolution { failures, trail, ..Resolution::default() }
    }

    #[test]
    fn a_good_token_stands_in_for_an_outage_and_for_nothing_else() {
        use Source::{CloudEnv, CloudSecrets, PullSecrets};
        let (token, password, now) = (entry(Some(1000)), entry(None), SystemTime::now());
        let all = [PullSecrets, CloudSecrets, CloudEnv];
        let covers = |failures: &[(Source, Failure)], asked: &[Source]| {
            let resolution = failed(failures.to_vec(), asked);
            assert!(!covers_outage(&password, &resolution, now));
            covers_outage(&token, &resolution, now)
        };
        let (default, named, note) = (Failure::default, Failure::named, Failure::note);
        // An outage of its own source, whatever it counts for: a metadata server that nobody named is down too.
        for outage in [default(outage()), named(outage()), note(outage())] {
            assert!(covers(&[(CloudEnv, outage.clone())], &all));
            // Of another one, only if that is why its own was not asked.
            assert!(!covers(&[(PullSecrets, outage.clone())], &all));
            assert!(covers(&[(PullSecrets, outage)], &all[..1]));
        }
        assert!(!covers(&[], &all) && !covers(&[], &[]));
        // A refusal is an answer, and what the user named must be told.
        let down = (CloudEnv, default(outage()));
        assert!(!covers(&[(CloudEnv, default(refusal()))], &all));
        assert!(!covers(&[down.clone(), (CloudEnv, default(refusal()))], &all));
        assert!(!covers(&[(PullSecrets, named(refusal())), down.clone()], &all));
        // What is noted, or is broken elsewhere and would not have kept the answer from being found, is no hindrance.
        assert!(covers(&[(CloudEnv, note(refusal())), down.clone()], &all));
        assert!(covers(
            &[(PullSecrets, note(refusal())), (PullSecrets, default(refusal())), down.clone()],
            &all
        ));
        // Something else was found.
        let later = Resolution { failures: vec![down], ..found(None) };
        assert!(!covers_outage(&token, &later, now));
        // What is over is over.
        let resolution = failed(vec![(CloudEnv, default(outage()))], &all);
        assert!(!covers_outage(&token, &resolution, now + Duration::from_secs(1001)));
    }

    #[test]
    fn what_the_environment_holds_is_kept_only_where_a_cluster_comes_first() {
        let (alone, cluster) = (settings(&[]), settings(&[("KUBECONFIG", "/none")]));
        for (source, without) in [
            (Source::PullSecrets, true),
            (Source::CloudSecrets, true),
            (Source::DockerEnv, false),
            (Source::CiEnv, false),
            (Source::CloudEnv, true),
        ] {
            let resolution = Resolution { trail: vec![(source, Vec::new())], ..Resolution::default() };
            assert_eq!(took_network(&alone, &resolution), without, "{source:?}");
            assert!(took_network(&cluster, &resolution), "{source:?}");
        }
    }

    #[test]
    fn an_answer_is_what_was_kept_or_found() {
        let user = |answer: Answer| {
            let by_reference = answer.result().unwrap().map(|credential| credential.username);
            assert_eq!(by_reference, answer.into_result().unwrap().map(|credential| credential.username));
            by_reference
        };
        assert_eq!(user(Answer::Kept(entry(None))).as_deref(), Some("u"));
        assert_eq!(user(Answer::Asked(found(None))).as_deref(), Some("u"));
        assert_eq!(user(Answer::Asked(Resolution::default())), None);
        let failures = vec![(Source::CloudEnv, Failure::default(refusal()))];
        let answer = Answer::Asked(failed(failures, &[]));
        assert!(answer.result().is_err() && answer.into_result().is_err());
    }

    #[test]
    fn the_place_of_an_answer_comes_with_it() {
        let place = |answer: Answer| {
            answer.with_origin().unwrap().map(|(place, credential)| (place, credential.username))
        };
        let expected = Some((Shown::text("o"), "u".to_owned()));
        assert_eq!(place(Answer::Kept(entry(None))), expected);
        assert_eq!(place(Answer::Asked(found(None))), expected);
        let none = Entry::of(&settings(&[]), &Resolution::default(), SystemTime::now()).unwrap();
        assert_eq!((place(Answer::Kept(none)), place(Answer::Asked(Resolution::default()))), (None, None));
    }

    /// A token's entry of a user, that is fresh or past its margin.
    fn token(user: &str, fresh: bool, any_path: bool) -> Entry {
        let mut resolution = found(Some(50));
        resolution.candidates[0].credential.username = user.to_owned();
        resolution.by_path = !any_path;
        let (asked, life) = if fresh { (0, 1000) } else { (950, 50) };
        resolution.candidates[0].credential.expires = Some(SystemTime::now() + Duration::from_secs(life));
        Entry::of(&settings(&[]), &resolution, SystemTime::now() - Duration::from_secs(asked)).unwrap()
    }

    #[test]
    fn the_registrys_answer_serves_a_repository_only_if_it_is_for_all() {
        for (registry, own, expected) in [
            (None, None, None),
            (Some(token("registry", true, true)), Some(token("own", true, false)), Some("registry")),
            (Some(token("registry", true, true)), None, Some("registry")),
            (Some(token("registry", true, false)), Some(token("own", true, false)), Some("own")),
            (Some(token("registry", true, false)), None, None),
            // One past its margin gives way to one that is fresh, and else is there for an outage.
            (Some(token("registry", false, true)), Some(token("own", true, false)), Some("own")),
            (Some(token("registry", false, true)), None, Some("registry")),
            (None, Some(token("own", true, false)), Some("own")),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let settings = settings(&[("XDG_RUNTIME_DIR", directory.path().to_str().unwrap())]);
            let names =
                |server| Names::of(&settings, &Question::new(Registry::parse(server).unwrap(), &settings));
            let (store, of_repository) = (Store::open(&settings).unwrap(), names("reg.example.com/team/app"));
            registry.iter().for_each(|entry| store.write(&of_repository.registry, entry));
            own.iter().for_each(|entry| store.write(&of_repository.own, entry));
            let user = |names| {
                kept(&settings, &store, names).map(|entry| entry.credential().unwrap().username.clone())
            };
            assert_eq!(user(&of_repository).as_deref(), expected, "{registry:?} {own:?}");
            // The registry itself has its own answer, whatever it holds for.
            let its_own = registry.map(|_| "registry");
            assert_eq!(user(&names("reg.example.com")).as_deref(), its_own);
        }
    }

    #[test]
    fn what_was_forgotten_is_not_there_any_more() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(&[("XDG_RUNTIME_DIR", directory.path().to_str().unwrap())]);
        let question = Question::new(Registry::parse("reg.example.com").unwrap(), &settings);
        let (store, fingerprint) = (Store::open(&settings).unwrap(), Names::of(&settings, &question).own);
        store.write(&fingerprint, &entry(None));
        assert!(store.read(&fingerprint, SystemTime::now()).is_some());
        forget(&settings);
        assert!(store.read(&fingerprint, SystemTime::now()).is_none());
    }
}
