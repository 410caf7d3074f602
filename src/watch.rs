//! The limit, held from outside: a thread that ends the process when its time is over, whatever hangs (a file, a name, a
//! reader of stdout or stderr, a long computation), or when a signal says so. With the process end the programs that it
//! started.
//!
//! What is answered from memory and a few small files on this machine's own disks needs no watch, and starts none. What
//! even this cannot end, a call into a file system that never returns, is left to a process of its own
//! ([`supervisor`](crate::supervisor)).

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU};

use crate::child;
use crate::deadline::{Deadline, Stage};
use crate::ending;
use crate::problem::{Problem, Stop};

/// What keeps to its own limit says better what it was about.
pub const GRACE: Duration = Duration::from_millis(300);
/// Room for a message and for looking at processes.
const STACK: usize = 256 * 1024;

const SIGNALS: [(i32, Stop); 5] = [
    (SIGTERM, Stop::Terminate),
    (SIGINT, Stop::Interrupt),
    (SIGHUP, Stop::HangUp),
    (SIGQUIT, Stop::Quit),
    (SIGXCPU, Stop::ProcessorTime),
];

static STARTED: AtomicBool = AtomicBool::new(false);

/// Starts the watch, once.
///
/// # Errors
/// The system gives no thread. The limit is then held only by what keeps to it itself.
pub fn start() -> Result<(), ErrorKind> {
    if STARTED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let signals = Signals::catch();
    let limit = Deadline::of_process();
    let watch = move || match signals.wait(limit.left() + GRACE) {
        Some(stop) => ending::give_up(&line(&Problem::Stopped { by: stop }), child::end_all),
        None => {
            let what = Stage::now().task();
            ending::late(&line(&Problem::Deadline { what, limit: limit.limit() }), child::end_all);
        }
    };
    match std::thread::Builder::new().stack_size(STACK).spawn(watch) {
        Ok(_) => Ok(()),
        Err(error) => {
            STARTED.store(false, Ordering::SeqCst);
            Err(error.kind())
        }
    }
}

fn line(problem: &Problem) -> String {
    format!("kubeclarity: {problem}\n")
}

/// The signals that ask a process to end, as something that can be waited for. As process 1 of a container it would not
/// get them otherwise, and the programs that it started would go on.
pub struct Signals {
    last: Arc<AtomicUsize>,
    /// `None` where there are no descriptors left: they do then what they usually do.
    pipe: Option<OwnedFd>,
}

impl Signals {
    /// Catches them from now on. One that whoever started this process wants to be ignored (`nohup`, `&` in a shell)
    /// stays ignored.
    pub fn catch() -> Signals {
        let last = Arc::new(AtomicUsize::new(0));
        let Ok((reader, writer)) = std::io::pipe() else { return Signals { last, pipe: None } };
        let ignored = ignored();
        for (place, (signal, _)) in SIGNALS.iter().enumerate() {
            if ignored & (1 << (signal - 1)) != 0 {
                continue;
            }
            // The number first, then the wake-up.
            let noted = signal_hook::flag::register_usize(*signal, Arc::clone(&last), place);
            if let (Ok(_), Ok(writer)) = (noted, writer.try_clone()) {
                let _ = signal_hook::low_level::pipe::register(*signal, OwnedFd::from(writer));
            }
        }
        Signals { last, pipe: Some(reader.into()) }
    }

    /// What has a byte for us when one came.
    pub fn pipe(&self) -> Option<&OwnedFd> {
        self.pipe.as_ref()
    }

    /// The one that came last.
    pub fn last(&self) -> Stop {
        SIGNALS.get(self.last.load(Ordering::SeqCst)).map_or(Stop::Terminate, |(_, stop)| *stop)
    }

    /// Waits for one; `None` if none came in time.
    fn wait(&self, limit: Duration) -> Option<Stop> {
        let end = Instant::now() + limit;
        let Some(pipe) = &self.pipe else {
            std::thread::sleep(limit);
            return None;
        };
        loop {
            let left = timespec(end.saturating_duration_since(Instant::now()));
            match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&left)) {
                Ok(0) => return None,
                Ok(_) => return Some(self.last()),
                Err(Errno::INTR) => {}
                Err(_) => {
                    std::thread::sleep(end.saturating_duration_since(Instant::now()));
                    return None;
                }
            }
        }
    }
}

/// A duration as the system takes it.
pub fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs() as i64, tv_nsec: duration.subsec_nanos().into() }
}

/// The signals that are ignored, a bit each. Only Linux tells it in a file.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
