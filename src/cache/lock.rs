//! One process asks, the others wait: a lock for each name, on a file of its own.
//!
//! The system gives a lock back when its holder dies, however it dies. A waiter looks again and again instead
//! of blocking, so that it keeps to its own deadline and sees the answer as soon as it is there.

use std::fs::{File, TryLockError};
use std::time::{Duration, SystemTime};

use rustix::fs::fstat;

use super::fingerprint::Fingerprint;
use super::store::Store;
use super::sweep::is_abandoned;
use crate::deadline::Deadline;

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(25);
/// What a waiter leaves of its time to ask for itself.
const RESERVE: f64 = 0.5;

/// The right to ask for an answer. Given back on drop.
pub(super) struct Lock<'a> {
    store: &'a Store,
    name: String,
    file: File,
}

impl<'a> Lock<'a> {
    /// Waits for the right to ask. `None` if the holder is done or the answer came in the meantime, if half of the
    /// time is gone, or if no lock can be had here.
    pub fn take(
        store: &'a Store,
        fingerprint: &Fingerprint,
        deadline: Deadline,
        answered: impl Fn() -> bool,
    ) -> Option<Lock<'a>> {
        let name = format!("{}.lock", fingerprint.name());
        let patience = deadline.share(RESERVE);
        let mut pause = FIRST_PAUSE;
        let mut file = store.lock_file(&name)?;
        loop {
            match file.try_lock() {
                Ok(()) if store.is_at(&file, &name) => {
                    // From now on it is a lock that somebody had, and no abandoned one.
                    let _ = file.set_modified(SystemTime::now());
                    return Some(Lock { store, name, file });
                }
                // A dead holder's, which the broom removed after it was opened here.
                Ok(()) if fstat(&file).is_ok_and(|stat| is_abandoned(&stat, SystemTime::now())) => {
                    file = store.lock_file(&name)?;
                    continue;
                }
                // The holder is done and removed the file. If it left no answer, there is none that can be kept
                // (a refusal, a token that is too short): all who waited for it ask side by side.
                Ok(()) => return None,
                Err(TryLockError::WouldBlock) => {}
                // A file system without locks.
                Err(TryLockError::Error(_)) => return None,
            }
            if answered() || patience.left().is_zero() {
                return None;
            }
            std::thread::sleep(pause.min(patience.left()));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // Removed while it is held: whoever waits on it finds out that it is gone.
        self.store.remove(&self.name);
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Names;
    use super::*;
    use crate::question::Question;
    use crate::registry::Registry;
    use crate::settings::Settings;
    use std::cell::Cell;

    fn place() -> (tempfile::TempDir, Store, Fingerprint) {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().as_os_str().to_owned();
        let settings = Settings::from(|name| (name == "XDG_RUNTIME_DIR").then(|| path.clone())).unwrap();
        let question = Question::new(Registry::parse("reg.example.com").unwrap(), &settings);
        let name = Names::of(&settings, &question).own;
        let store = Store::open(&settings).unwrap();
        (base, store, name)
    }

    fn long() -> Deadline {
        Deadline::after(Duration::from_secs(600))
    }

    #[test]
    fn one_has_it_and_gives_it_back() {
        let (_base, store, name) = place();
        let held = Lock::take(&store, &name, long(), || panic!("nobody waits"));
        assert!(held.is_some());
        assert!(Lock::take(&store, &name, Deadline::after(Duration::from_millis(20)), || false).is_none());
        drop(held);
        let file = store.lock_file("other").unwrap();
        assert!(!store.is_at(&file, &format!("{}.lock", name.name())));
        assert!(Lock::take(&store, &name, long(), || panic!("nobody waits")).is_some());
    }

    #[test]
    fn a_lock_that_was_given_back_leaves_no_file() {
        let (base, store, name) = place();
        drop(Lock::take(&store, &name, long(), || false));
        let left = std::fs::read_dir(base.path().join("docker-credential-kubeclarity")).unwrap().count();
        assert_eq!(left, 0);
    }

    #[test]
    fn a_waiter_goes_as_soon_as_the_answer_is_there() {
        let (_base, store, name) = place();
        let _held = Lock::take(&store, &name, long(), || false).unwrap();
        let looked = Cell::new(0);
        let answered = || {
            looked.set(looked.get() + 1);
            looked.get() == 3
        };
        assert!(Lock::take(&store, &name, long(), answered).is_none());
        assert_eq!(looked.get(), 3);
    }

    #[test]
    fn a_waiter_whose_holder_is_done_does_not_queue() {
        let (_base, store, name) = place();
        let held = Cell::new(Lock::take(&store, &name, long(), || false));
        let holder_ends = || {
            drop(held.take());
            false
        };
        assert!(Lock::take(&store, &name, long(), holder_ends).is_none());
    }

    const OLD: Duration = Duration::from_secs(700);

    fn age(base: &tempfile::TempDir, name: &Fingerprint) -> SystemTime {
        let path = base.path().join(format!("docker-credential-kubeclarity/{}.lock", name.name()));
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - OLD).unwrap();
        SystemTime::now()
    }

    #[test]
    fn an_abandoned_lock_is_taken_and_young_again() {
        let (base, store, name) = place();
        drop(store.lock_file(&format!("{}.lock", name.name())).unwrap());
        let now = age(&base, &name);
        let held = Lock::take(&store, &name, long(), || panic!("nobody waits")).unwrap();
        let modified = held.file.metadata().unwrap().modified().unwrap();
        assert!(modified + Duration::from_secs(5) > now);
        store.sweep(now);
        assert!(store.is_at(&held.file, &held.name));
    }

    #[test]
    fn a_lock_that_the_broom_takes_away_from_under_a_taker_is_taken_again() {
        let (base, store, name) = place();
        let lock = format!("{}.lock", name.name());
        let dead = store.lock_file(&lock).unwrap();
        dead.lock().unwrap();
        age(&base, &name);
        // The taker has opened it and waits. Its holder dies, and the broom comes before the taker looks again.
        let dead = Cell::new(Some(dead));
        let broom_comes = || {
            drop(dead.take());
            store.sweep(SystemTime::now());
            false
        };
        let held = Lock::take(&store, &name, long(), broom_comes);
        assert!(held.is_some_and(|held| store.is_at(&held.file, &lock)));
    }

    #[test]
    fn only_one_has_it_while_brooms_are_at_work() {
        let (base, store, name) = place();
        let inside = std::sync::atomic::AtomicUsize::new(0);
        let order = std::sync::atomic::Ordering::SeqCst;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        // Left by a holder that was killed long ago.
                        if let Some(file) = store.lock_file(&format!("{}.lock", name.name())) {
                            let _ = file.set_modified(SystemTime::now() - OLD);
                        }
                        if let Some(held) = Lock::take(&store, &name, long(), || false) {
                            assert_eq!(inside.fetch_add(1, order), 0);
                            std::thread::yield_now();
                            inside.fetch_sub(1, order);
                            drop(held);
                        }
                        store.sweep(SystemTime::now());
                    }
                });
            }
        });
        drop(base);
    }
}
