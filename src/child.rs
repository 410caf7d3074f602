//! Programs that the user's configuration names (exec plugins, executables that print a token). They get no stdin,
//! since ours belongs to the protocol; their stderr goes nowhere, since ours must stay empty; what they print is
//! bounded and wiped; and they end, with all that they started, when nobody waits for them any more.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::problem::ProgramFault;

/// More than this is no token.
const MOST_BYTES: u64 = 1024 * 1024;

/// A process group that is ended on drop.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Ends the programs that a library started and nobody waits for any more: the AWS SDK leaves a `credential_process` alone
/// when its caller gives up. Linux tells who they are; elsewhere they end when they end.
pub fn end_abandoned() {
    for child in children("self") {
        end_with_all_below(child);
    }
}

/// A process that is a child of ours, or below one, and that nobody has waited for: nobody else can have its number.
fn end_with_all_below(process: Pid) {
    // Stopped, so that it starts nobody while its children are looked for.
    let _ = kill_process(process, Signal::STOP);
    for child in children(&process.as_raw_nonzero().to_string()) {
        end_with_all_below(child);
    }
    let _ = kill_process(process, Signal::KILL);
}

fn children(process: &str) -> Vec<Pid> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
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
    // What it leaves behind when it ends by itself is its own business: daemons of ssh and the like.
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let mut printed = Zeroizing::new(Vec::with_capacity(64 * 1024));
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(MOST_BYTES).read_to_end(&mut printed).await;
        read.map_err(|error| ProgramFault::NotRead(error.kind()))?;
    }
    let ended = child.wait().await;
    group.0 = None;
    match ended {
        Ok(status) if status.success() => Ok(printed),
        Ok(status) => Err(ProgramFault::Failed(status.to_string())),
        Err(error) => Err(ProgramFault::NotWaitedFor(error.kind())),
    }
}
