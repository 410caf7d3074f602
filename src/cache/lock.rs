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
