//! Arguments in, exit code out. Nothing else exits.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use docker_credential_kubeclarity::command;
use docker_credential_kubeclarity::problem::OWN_FAULT;
use rustix::process::{Resource, Rlimit, setrlimit};

fn main() -> ExitCode {
    // A core file would hold every secret that is in memory.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // Without memory, or without stack, the runtime aborts. That ends the process by a signal, which clients know
    // nothing of; the handler ends it with exit code 1 instead. It may not allocate, so there is no message.
    let always = Arc::new(AtomicBool::new(true));
    let _ = signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGABRT, 1, always);
    // Clients read 101, Rust's code for a panic, as success, and some merge stderr into stdout.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let line = format!("kubeclarity: {OWN_FAULT}{place}; please report it\n");
        let _ = std::io::stdout().write_all(line.as_bytes());
        #[allow(clippy::exit)] // a panic has no other way out but abort, which is no exit code 1
        std::process::exit(1);
    }));
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if command::run(&arguments).send() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
