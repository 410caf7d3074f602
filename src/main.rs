//! Arguments in, exit code out. Nothing else exits.

use std::alloc::System;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use docker_credential_kubeclarity::child;
use docker_credential_kubeclarity::command;
use docker_credential_kubeclarity::deadline;
use docker_credential_kubeclarity::ending;
use docker_credential_kubeclarity::problem::{OWN_FAULT, Problem};
use docker_credential_kubeclarity::protocol::Reply;
use docker_credential_kubeclarity::resolver::network;
use docker_credential_kubeclarity::secret::known;
use docker_credential_kubeclarity::stack;
use docker_credential_kubeclarity::supervisor;
use rustix::process::{Resource, Rlimit, setrlimit};
use zeroizing_alloc::ZeroAlloc;

/// Wipes all memory that is given back: the buffers of TLS, HTTP and JSON hold secrets too, and are out of our reach.
#[global_allocator]
static WIPING: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    deadline::begin();
    // A core file would hold every secret that is in memory. Linux writes none that is this small; with 0 it would still
    // hand all of the memory to a program that collects core files, and with 1 it does not.
    for most in [1, 0] {
        if setrlimit(Resource::Core, Rlimit { current: Some(most), maximum: Some(most) }).is_ok() {
            break;
        }
    }
    // Without memory, or without stack, the runtime aborts. That ends the process by a signal, which clients know
    // nothing of; the handler ends it with exit code 1 instead. It may not allocate, so there is no message.
    let always = Arc::new(AtomicBool::new(true));
    let _ = signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGABRT, 1, always);
    // A limit for files ends the process by a signal too; handled, it is an error of the write like a full disk.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
    // Clients read 101, Rust's code for a panic, as success, and some merge stderr into stdout.
    std::panic::set_hook(Box::new(|panic| {
        let line = match panic.payload_as_str().and_then(Problem::of_panic) {
            Some(problem) => format!("kubeclarity: {problem}\n"),
            None => {
                let place =
                    panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
                format!("kubeclarity: {OWN_FAULT}{place}; please report it\n")
            }
        };
        ending::give_up(&line, child::end_all);
    }));
    let mut words = std::env::args_os();
    let is_worker = supervisor::is_worker(words.next().as_deref());
    let arguments: Vec<OsString> = words.collect();
    let work = move || {
        let reply = command::run(&arguments, is_worker);
        // What is shown is written by now.
        known::forget();
        if network::was_used() {
            stack::wipe();
        }
        reply
    };
    let reply = stack::enough(work).unwrap_or_else(|problem| Reply::problem(&problem));
    if reply.send() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
