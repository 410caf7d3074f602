//! One process asks, the others wait: a lock for each name, on a file of its own.
//!
//! The system gives a lock back when its holder dies, however it dies. A waiter looks again and again instead
//! of blocking, so that it keeps to its own deadline and sees the answer as soon as it is there.

use std::fs::{File, TryLockError};
use std::time::Duration;

use super::fingerprint::Fingerprint;
use super::store::Store;
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
        let file = store.lock_file(&name)?;
        loop {
            match file.try_lock() {
                Ok(()) if store.is_at(&file, &name) => return Some(Lock { store, name, file }),
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
}
