//! A process of its own for what may never return.
//!
//! A file system whose server hangs can hold whoever calls it for ever: FUSE waits for an answer that its server has begun
//! to work on, and not even a signal ends a process that waits so. Where such a file system is mounted
//! ([`Risk::MayHang`](crate::mounts::Risk)), a second process of this program does the work, and the one that the client
//! started only waits for what it says. It touches no file, so it can always end in time.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

use zeroize::Zeroize;

use crate::deadline::Deadline;
use crate::log;
use crate::problem::{Problem, Stop, Task};
use crate::protocol::Reply;
use crate::watch::{GRACE, Signals, timespec};

/// The name (`argv[0]`) by which the second process knows what it is. It needs no variable, which programs that it starts
/// would inherit.
const WORKER: &str = "docker-credential-kubeclarity: worker";

/// Whether this is the second process. It ends with the first one.
pub fn is_worker(name: Option<&OsStr>) -> bool {
    let is_worker = name.is_some_and(|name| name == WORKER);
    if is_worker {
        let _ = set_parent_process_death_signal(Some(Signal::TERM));
    }
    is_worker
}

/// Has a second process do what the arguments say; its reply.
///
/// # Errors
/// It cannot be started.
pub fn run(arguments: &[OsString], log: bool) -> Result<Reply, ErrorKind> {
    let signals = Signals::catch();
    let limit = Deadline::of_process();
    let mut worker = Command::new("/proc/self/exe")
        .arg0(WORKER)
        .args(arguments)
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        // Not the client's own, which would stay open with a worker that never ends.
        .stderr(if log { Stdio::piped() } else { Stdio::null() })
        .spawn()
        .map_err(|error| error.kind())?;
    let mut outputs =
        [worker.stdout.take().map(OwnedFd::from), worker.stderr.take().map(OwnedFd::from)].map(Output::of);
    let end = Instant::now() + limit.left() + 2 * GRACE;
    let heard = listen(&mut outputs, signals.pipe(), end);
    let status = if heard == Heard::End { wait(&mut worker, end) } else { None };
    if status.is_none() {
        // Asked first: then it ends the programs that it started.
        tell(&worker, Signal::TERM);
        listen(&mut outputs, None, Instant::now() + GRACE);
        tell(&worker, Signal::KILL);
    }
    let [stdout, stderr] = outputs.map(|output| output.text);
    log::write(&stderr);
    Ok(match status {
        Some(status) if status.success() || !stdout.is_empty() => Reply::of(status.success(), stdout),
        // It ended without a word.
        Some(status) => Reply::problem(&Problem::Stopped { by: Stop::of(status.signal()) }),
        // It may have said what it was at, and then hung at its end.
        None if heard == Heard::Late && stdout.starts_with(b"kubeclarity: ") && stdout.ends_with(b"\n") => {
            Reply::of(false, stdout)
        }
        None if heard == Heard::Signal => Reply::problem(&Problem::Stopped { by: signals.last() }),
        None => Reply::late(&Problem::Deadline { what: Task::Files, limit: limit.limit() }),
    })
}

fn tell(worker: &Child, signal: Signal) {
    let _ = kill_process(Pid::from_child(worker), signal);
}

/// How it ended; `None` if it does not in time.
fn wait(worker: &mut Child, end: Instant) -> Option<ExitStatus> {
    let mut pause = Duration::from_micros(100);
    loop {
        match worker.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => std::thread::sleep(pause),
            _ => return None,
        }
        pause = (2 * pause).min(Duration::from_millis(10));
    }
}

/// A stream of the second process, and what came of it.
struct Output {
    /// `None` when it has ended.
    pipe: Option<OwnedFd>,
    text: Vec<u8>,
}

impl Output {
    fn of(pipe: Option<OwnedFd>) -> Output {
        Output { pipe, text: Vec::new() }
    }

    /// Takes what is there.
    fn read(&mut self) {
        let mut chunk = [0_u8; 4096];
        let read = self.pipe.as_ref().map(|pipe| rustix::io::read(pipe, &mut chunk));
        match read {
            Some(Ok(length)) if length > 0 => {
                self.text.extend_from_slice(chunk.get(..length).unwrap_or_default());
                chunk.zeroize();
            }
            Some(Err(Errno::INTR | Errno::AGAIN)) => {}
            _ => self.pipe = None,
        }
    }
}

/// What ended the listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    End,
    Signal,
    Late,
}

/// Reads both streams until they end.
fn listen(outputs: &mut [Output; 2], signal: Option<&OwnedFd>, end: Instant) -> Heard {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let pipes = outputs.iter().map(|output| output.pipe.as_ref()).chain([signal]);
        let (places, mut polled): (Vec<usize>, Vec<PollFd>) = pipes
            .enumerate()
            .filter_map(|(place, pipe)| Some((place, PollFd::new(pipe?, PollFlags::IN))))
            .unzip();
        if places.iter().all(|place| *place >= outputs.len()) {
            return Heard::End;
        }
        match poll(&mut polled, Some(&timespec(left))) {
            Ok(0) => return Heard::Late,
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return Heard::Late,
        }
        let ready: Vec<usize> = places
            .into_iter()
            .zip(&polled)
            .filter(|(_, one)| !one.revents().is_empty())
            .map(|(place, _)| place)
            .collect();
        for place in ready {
            match outputs.get_mut(place) {
                Some(output) => output.read(),
                None => return Heard::Signal,
            }
        }
    }
}
