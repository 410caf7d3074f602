//! What clients send and read: a server string or a login on stdin, a credential or a message on stdout.
//!
//! The message of a failure goes to stdout, because clients quote that to their user; stderr stays empty.

mod login;

pub use login::{Login, login};

use std::io::{IsTerminal, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use serde::Serialize;
use zeroize::Zeroize;

use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::ending;
use crate::problem::{Need, Problem, Task};
use crate::shown::Shown;
use crate::watch::{self, timespec};

/// The program's name, as clients know it.
pub const NAME: &str = "docker-credential-kubeclarity";

/// The one text that every client takes as "no credential, go on without": Docker's helper library compares it
/// letter by letter.
pub const NOT_FOUND: &str = "credentials not found in native keychain";
/// The same as a client gets it.
pub const NOT_FOUND_LINE: &str = "credentials not found in native keychain\n";
const NO_SERVER: &str = "no credentials server URL";
const NO_USERNAME: &str = "no credentials username";

/// What is kept of stdin; the rest is read and thrown away.
const MOST_STDIN: usize = 64 * 1024;

/// What the process says and how it ends.
pub struct Reply {
    success: bool,
    text: Vec<u8>,
}

impl Reply {
    /// A success with some text, or with none.
    pub fn success(text: impl Into<String>) -> Reply {
        Reply { success: true, text: text.into().into_bytes() }
    }

    /// Lines for people, after a success or a failure.
    pub fn people(success: bool, lines: impl IntoIterator<Item = Shown>) -> Reply {
        let text: String = lines.into_iter().map(|line| format!("{line}\n")).collect();
        Reply { success, text: text.into_bytes() }
    }

    /// A report that was made of shown texts.
    pub fn report(success: bool, text: String) -> Reply {
        Reply { success, text: text.into_bytes() }
    }

    /// A failure whose message is this line.
    pub fn failure(line: impl Into<Shown>) -> Reply {
        let line = line.into();
        Reply { success: false, text: format!("{line}\n").into_bytes() }
    }

    /// A failure of ours.
    pub fn problem(problem: &Problem) -> Reply {
        Reply::failure(shown!["kubeclarity: ", problem])
    }

    /// What another process of this program has said.
    pub fn of(success: bool, text: Vec<u8>) -> Reply {
        Reply { success, text }
    }

    /// The time is over.
    pub fn late(problem: &Problem) -> Reply {
        match ending::instead() {
            Some((text, success)) => Reply { success, text: text.into() },
            None => Reply::problem(problem),
        }
    }

    /// What is written to stdout.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// No credential here: the client goes on without.
    pub fn not_found() -> Reply {
        Reply::failure(NOT_FOUND)
    }

    /// The answer to `get`: exactly three keys, the server as it was asked for.
    pub fn credential(server: &str, credential: &Credential) -> Reply {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer<'a> {
            #[serde(rename = "ServerURL")]
            server_url: &'a str,
            username: &'a str,
            secret: &'a str,
        }
        let secret = credential.secret.expose();
        let length = server.len() + credential.username.len() + secret.len();
        let mut text = Vec::with_capacity(length + 128);
        let answer = Answer { server_url: server, username: &credential.username, secret };
        let written = serde_json::to_writer(&mut text, &answer).is_ok() && text.write_all(b"\n").is_ok();
        if written { Reply { success: true, text } } else { Reply::not_found() }
    }

    /// Writes the text. True if the process succeeded; a closed pipe is no panic.
    pub fn send(self) -> bool {
        if !ending::takes_at_once(self.text.len()) {
            Deadline::of_settings();
            // Without a thread, the reader may take as long as it likes.
            let _ = watch::start();
        }
        ending::answer(&self.text, self.success)
    }
}

/// Reads stdin to its end, so that the client gets no EPIPE, and keeps the first 64 KiB.
///
/// # Errors
/// stdin does not end by the deadline, or cannot be read.
pub fn read_stdin(deadline: Deadline) -> Result<Vec<u8>, Problem> {
    let stdin = std::io::stdin();
    let mut kept = Vec::with_capacity(1024);
    let mut chunk = [0_u8; 4096];
    loop {
        match ready(&stdin, deadline) {
            Ok(0) => {
                return Err(Problem::Deadline { what: Task::Stdin, limit: deadline.limit() });
            }
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(Problem::System { what: Need::WaitForStdin, kind: error.kind() }),
        }
        match rustix::io::read(&stdin, &mut chunk) {
            Ok(0) => return Ok(kept),
            Ok(got) => {
                keep(&mut kept, &chunk[..got]);
                // Only what was read: wiping all of it would be a tenth of a cached answer's work.
                chunk[..got].zeroize();
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            // A client that gives no stdin at all.
            Err(Errno::BADF) => return Ok(kept),
            Err(error) => return Err(Problem::System { what: Need::ReadStdin, kind: error.kind() }),
        }
    }
}

/// Waits until there is something to read. Process 1 gets no signal that it does not catch, so it is watched while it waits.
fn ready(stdin: &std::io::Stdin, deadline: Deadline) -> Result<usize, Errno> {
    let wait = |limit| poll(&mut [PollFd::new(stdin, PollFlags::IN)], Some(&timespec(limit)));
    match wait(Duration::ZERO) {
        Ok(0) => {
            if rustix::process::getpid().is_init() {
                let _ = watch::start();
            }
            wait(deadline.left())
        }
        ready => ready,
    }
}

/// Adds a chunk, up to the limit.
fn keep(kept: &mut Vec<u8>, chunk: &[u8]) {
    // One byte over the limit stays, so that what was cut is known to be too long.
    let room = (MOST_STDIN + 1).saturating_sub(kept.len());
    kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
}

/// Reads what a client may still be writing, before a usage message; never waits for a person.
pub fn drain_stdin(deadline: Deadline) {
    if !std::io::stdin().is_terminal() {
        let _ = read_stdin(deadline);
    }
}

/// The server string of `get` and `erase`, trimmed.
///
/// # Errors
/// The reply to a blank one, or to one that is no text or too long for a registry (not found).
pub fn server_string(stdin: &[u8]) -> Result<&str, Reply> {
    let blank = |b: &u8| b.is_ascii_whitespace() || *b == b'\x0b';
    if stdin.iter().all(blank) {
        return Err(Reply::failure(NO_SERVER));
    }
    match std::str::from_utf8(stdin) {
        Ok(text) if stdin.len() <= MOST_STDIN => {
            Ok(text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b'))
        }
        _ => Err(Reply::not_found()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn an_answer_has_exactly_three_keys() {
        let credential = Credential::new("u\"".into(), Secret::new("p\\\u{1}ä".into()));
        let reply = Reply::credential("https://Reg/", &credential);
        assert!(reply.success);
        assert_eq!(
            std::str::from_utf8(&reply.text).unwrap(),
            "{\"ServerURL\":\"https://Reg/\",\"Username\":\"u\\\"\",\"Secret\":\"p\\\\\\u0001ä\"}\n"
        );
    }

    #[test]
    fn a_failure_is_one_line() {
        assert_eq!(&*Reply::failure(Shown::text("a\nb\r\x1b[31m")).text, b"a b [31m\n");
    }

    #[test]
    fn what_is_kept_of_stdin_is_bounded() {
        let mut kept = Vec::with_capacity(4);
        for _ in 0..100 {
            keep(&mut kept, &[b'a'; 4096]);
        }
        assert_eq!(kept.len(), MOST_STDIN + 1);
        assert!(server_string(&kept).is_err());
    }
}
