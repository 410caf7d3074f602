//! Programs that the user's configuration names (exec plugins, executables and commands that print credentials). They get
//! no stdin, since ours belongs to the protocol; their stderr goes nowhere, since ours must stay empty; what they print
//! is bounded and wiped; and they end, with all that they started, when nobody waits for them any more.
//!
//! Each is the leader of a process group of its own. Only those groups, and what is below their leaders, are ever
//! ended: other children of this process (those of a shell that it was started by with `exec`, orphans that the system
//! gives to process 1) are none of its business.

use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::problem::ProgramFault;
use crate::shown::Shown;

/// More than this is no token.
const MOST_BYTES: usize = 1024 * 1024;

/// The programs that run now.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that is ended on drop, with its group.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: Option<Pid>) -> Group {
        running().extend(leader);
        Group(leader)
    }

    /// It has ended by itself. What it leaves behind is its own business: daemons of ssh and the like.
    fn has_ended(mut self) {
        self.forget();
    }

    fn forget(&mut self) -> Option<Pid> {
        let leader = self.0.take()?;
        running().retain(|one| *one != leader);
        Some(leader)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.forget() {
            end(leader);
        }
    }
}

/// Ends every program that is still running, because this process is about to end.
pub fn end_all() {
    for leader in running().drain(..) {
        end(leader);
    }
}

fn end(leader: Pid) {
    // Those that have left the group for one of their own are below it.
    if numbers_are_ours() {
        end_with_all_below(leader);
    }
    let _ = kill_process_group(leader, Signal::KILL);
}

/// Ends a process that nobody has waited for, so that nobody else can have its number, and all below it. Linux tells who
/// they are; elsewhere the group is all that is ended.
fn end_with_all_below(process: Pid) {
    // Stopped, so that it starts nobody while its children are looked for.
    let _ = kill_process(process, Signal::STOP);
    for child in children(process) {
        end_with_all_below(child);
    }
    let _ = kill_process(process, Signal::KILL);
}

/// Whether `/proc` names processes as we do. In a namespace of processes it may be the one of another namespace, and its
/// numbers somebody else's.
fn numbers_are_ours() -> bool {
    let own = std::fs::read_link("/proc/self").ok();
    own.and_then(|own| own.to_str()?.parse().ok()) == Some(rustix::process::getpid().as_raw_nonzero().get())
}

fn children(process: Pid) -> Vec<Pid> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero()));
    let lists = threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let ids = lists.flat_map(|list| list.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>());
    ids.filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect()
}

/// Runs a program to its end; what it printed.
///
/// # Errors
/// Why there is nothing, as the end of a sentence about the program.
pub async fn output(mut command: Command) -> Result<Zeroizing<Vec<u8>>, ProgramFault> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| ProgramFault::NotStarted(error.kind()))?;
    let group = Group::of(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let mut printed = Zeroizing::new(Vec::with_capacity(64 * 1024));
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(MOST_BYTES as u64 + 1).read_to_end(&mut printed).await;
        read.map_err(|error| ProgramFault::NotRead(error.kind()))?;
    }
    if printed.len() > MOST_BYTES {
        return Err(ProgramFault::TooLong);
    }
    let ended = child.wait().await;
    group.has_ended();
    match ended {
        Ok(status) if status.success() => Ok(printed),
        Ok(status) => Err(ProgramFault::Failed(Shown::text(&status.to_string()))),
        Err(error) => Err(ProgramFault::NotWaitedFor(error.kind())),
    }
}
