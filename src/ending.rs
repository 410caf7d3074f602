//! The one answer of the process, and its end: who writes to stdout, and what happens if nobody reads it.
//!
//! Two threads may want to answer: the one that works, and the [`watch`](crate::watch) over it. The first one does.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// A pipe or a terminal that is ready takes as much as this without waiting (`PIPE_BUF`).
const AT_ONCE: usize = 4096;
/// What a last line waits for a reader.
const PATIENCE: Duration = Duration::from_millis(100);

const OPEN: u8 = 0;
const WRITING: u8 = 1;
const SUCCEEDED: u8 = 2;
const FAILED: u8 = 3;
const GIVEN_UP: u8 = 4;

/// How far the answer is.
static STATE: AtomicU8 = AtomicU8::new(OPEN);

/// What stands for every message of a failure, where the user wants none: a text, and whether it is a success.
static INSTEAD: OnceLock<(&str, bool)> = OnceLock::new();

/// From now on, time that runs out is answered like this.
pub fn instead_of_late(text: &'static str, success: bool) {
    let _ = INSTEAD.set((text, success));
}

/// What is answered in place of a message when the time is over.
pub fn instead() -> Option<(&'static str, bool)> {
    INSTEAD.get().copied()
}

/// Whether stdout takes a text of this length without waiting for its reader.
pub fn takes_at_once(length: usize) -> bool {
    length == 0 || length <= AT_ONCE && is_ready(Duration::ZERO)
}

/// Whether stdout takes something before the time is over. One that is broken is ready: the write says why.
fn is_ready(limit: Duration) -> bool {
    let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
    let stdout = rustix::stdio::stdout();
    matches!(poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], Some(&limit)), Ok(ready) if ready > 0)
}

/// Writes the answer. True if the process succeeded: the answer is a success, and somebody takes it.
pub fn answer(text: &[u8], success: bool) -> bool {
    if STATE.compare_exchange(OPEN, WRITING, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        // The other thread is writing its line and ends the process.
        loop {
            std::thread::park();
        }
    }
    let success = write(text) && success;
    STATE.store(if success { SUCCEEDED } else { FAILED }, Ordering::SeqCst);
    success
}

/// Writes everything, however long its reader takes. False if there is none.
fn write(mut text: &[u8]) -> bool {
    while !text.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), text) {
            Ok(0) => return false,
            Ok(written) => text = text.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // Somebody else has made it one that does not wait.
            Err(Errno::AGAIN) => drop(is_ready(PATIENCE)),
            // A client that gives no stdout at all wants no answer.
            Err(Errno::BADF) => return true,
            Err(_) => return false,
        }
    }
    true
}

/// Ends the process because its time is over, after `first`: with a line, unless the answer is on its way already.
pub fn late(line: &str, first: impl FnOnce()) -> ! {
    match instead() {
        Some((text, success)) => end(text, success, first),
        None => end(line, false, first),
    }
}

/// Ends the process after `first`: with a line, unless the answer is on its way already.
pub fn give_up(line: &str, first: impl FnOnce()) -> ! {
    end(line, false, first)
}

fn end(line: &str, success: bool, first: impl FnOnce()) -> ! {
    let state = STATE.swap(GIVEN_UP, Ordering::SeqCst);
    // Nobody else answers from here on: not what waits for a program that is ended now either.
    first();
    let code = match state {
        OPEN => {
            let mut rest = line.as_bytes();
            // In pieces that never wait for a reader.
            while !rest.is_empty() && is_ready(PATIENCE) {
                let piece = rest.get(..AT_ONCE).unwrap_or(rest);
                match rustix::io::write(rustix::stdio::stdout(), piece) {
                    Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                    Err(Errno::INTR) => {}
                    Err(_) => break,
                }
            }
            i32::from(!(success && rest.is_empty()))
        }
        SUCCEEDED => 0,
        // In the middle of an answer nothing can be added to it.
        _ => 1,
    };
    // At once: the thread that would return from `main` is the one that hangs, and may hold any lock.
    signal_hook::low_level::exit(code)
}
