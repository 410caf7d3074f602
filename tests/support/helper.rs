//! The real program, run as clients run it, in an environment that holds nothing but what the test puts there.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::data::HUNTER2;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_docker-credential-kubeclarity");

/// What every client takes as "go on without".
pub const NOT_FOUND: &str = "credentials not found in native keychain\n";

/// No test waits longer for the program: it hangs.
const HANGS: Duration = Duration::from_secs(60);

enum Input {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// A pipe that stays open and gives nothing.
    Silent,
    /// A pipe that gives `a` as long as somebody reads.
    Endless,
}

/// One run of the program, being prepared.
pub struct Helper {
    arguments: Vec<OsString>,
    input: Input,
    environment: BTreeMap<OsString, OsString>,
    home: TempDir,
    script: Option<String>,
    stdout: Option<Stdio>,
}

impl Helper {
    /// A run with these arguments, an empty stdin, an empty home, and a PATH with the system's programs.
    pub fn new<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Helper {
        let home = tempfile::tempdir().unwrap();
        let mut environment = BTreeMap::new();
        environment.insert("HOME".into(), home.path().into());
        environment.insert("PATH".into(), "/usr/bin:/bin".into());
        // Only set where coverage is measured.
        if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
            environment.insert("LLVM_PROFILE_FILE".into(), profile);
        }
        Helper {
            arguments: arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect(),
            input: Input::Bytes(Vec::new()),
            environment,
            home,
            script: None,
            stdout: None,
        }
    }

    pub fn get(server: impl AsRef<[u8]>) -> Helper {
        Helper::new(["get"]).stdin(server)
    }

    pub fn list() -> Helper {
        Helper::new(["list"])
    }

    pub fn erase(server: impl AsRef<[u8]>) -> Helper {
        Helper::new(["erase"]).stdin(server)
    }

    pub fn store(server: &str, username: &str, secret: &str) -> Helper {
        let login = serde_json::json!({ "ServerURL": server, "Username": username, "Secret": secret });
        Helper::new(["store"]).stdin(login.to_string())
    }

    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Helper {
        self.input = Input::Bytes(bytes.as_ref().to_vec());
        self
    }

    /// stdin is a pipe that is never closed and gives nothing.
    pub fn silent_stdin(mut self) -> Helper {
        self.input = Input::Silent;
        self
    }

    /// stdin never ends.
    pub fn endless_stdin(mut self) -> Helper {
        self.input = Input::Endless;
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Helper {
        self.environment.insert(name.into(), value.as_ref().to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Helper {
        self.environment.remove(OsStr::new(name));
        self
    }

    /// `KUBECLARITY_TIMEOUT`.
    pub fn timeout(self, seconds: &str) -> Helper {
        self.env("KUBECLARITY_TIMEOUT", seconds)
    }

    /// `DOCKER_AUTH_CONFIG`.
    pub fn docker_auth(self, config: impl AsRef<str>) -> Helper {
        self.env("DOCKER_AUTH_CONFIG", config.as_ref())
    }

    /// The home directory of this run.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file below the home directory.
    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Helper {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A path below the home directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// Starts the program by this shell script, which ends in `exec "$0" "$@"` and some redirection or limit.
    pub fn through(mut self, script: &str) -> Helper {
        self.script = Some(script.to_owned());
        self
    }

    /// Where stdout goes, if not to the test.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Helper {
        self.stdout = Some(stdout.into());
        self
    }

    /// Runs it. Whatever the test is about: a client that writes to stdin of `get`, `store` or `erase` never
    /// gets EPIPE.
    #[track_caller]
    pub fn run(self) -> Outcome {
        self.start().end()
    }

    /// Starts it, and does not wait.
    pub fn start(self) -> Running {
        let reads_stdin =
            matches!(self.arguments.first().and_then(|verb| verb.to_str()), Some("get" | "store" | "erase"))
                && self.script.is_none();
        let mut command = match &self.script {
            None => Command::new(PROGRAM),
            Some(script) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", script, PROGRAM]);
                shell
            }
        };
        command.args(&self.arguments).env_clear().envs(&self.environment).current_dir(self.home.path());
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(self.stdout.unwrap_or_else(Stdio::piped));

        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        // The command holds the test's own copy of a pipe that was given as stdout.
        drop(command);
        let stdin = child.stdin.take().unwrap();
        let (written, kept) = match self.input {
            Input::Bytes(bytes) => (Some(write(stdin, bytes)), None),
            Input::Silent => (None, Some(stdin)),
            Input::Endless => {
                flood(stdin);
                (None, None)
            }
        };
        let stdout = child.stdout.take().map(read);
        let stderr = child.stderr.take().map(read);
        let written = written.filter(|_| reads_stdin);
        Running { child, started, written, kept, stdout, stderr, _home: self.home }
    }
}

/// A run that has been started.
pub struct Running {
    child: Child,
    started: Instant,
    written: Option<Receiver<Result<(), ErrorKind>>>,
    kept: Option<ChildStdin>,
    stdout: Option<Receiver<Vec<u8>>>,
    stderr: Option<Receiver<Vec<u8>>>,
    _home: TempDir,
}

impl Running {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as the system does when memory is short, and waits for its end.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal; what it came to, with all that it had said.
    #[track_caller]
    pub fn end_by(mut self, signal: rustix::process::Signal) -> Outcome {
        // The number is nobody else's before it is waited for.
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal);
        self.written = None; // nobody reads on after a signal
        self.end()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Outcome {
        let status = wait(&mut self.child);
        let took = self.started.elapsed();
        drop(self.kept);
        let collect = |from: Option<Receiver<Vec<u8>>>| {
            from.map(|from| from.recv_timeout(HANGS).expect("a child of the program keeps its output open"))
                .unwrap_or_default()
        };
        let outcome = Outcome { status, stdout: collect(self.stdout), stderr: collect(self.stderr), took };
        if let Some(written) = self.written {
            let written = written.recv_timeout(HANGS).unwrap();
            assert_eq!(written, Ok(()), "the client could not write all of stdin; {outcome:?}");
        }
        outcome
    }
}

fn write(mut stdin: impl Write + Send + 'static, bytes: Vec<u8>) -> Receiver<Result<(), ErrorKind>> {
    let (tell, written) = mpsc::channel();
    thread::spawn(move || tell.send(stdin.write_all(&bytes).map_err(|error| error.kind())));
    written
}

fn flood(mut stdin: impl Write + Send + 'static) {
    thread::spawn(move || while stdin.write_all(&[b'a'; 4096]).is_ok() {});
}

fn read(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (tell, bytes) = mpsc::channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        let _ = from.read_to_end(&mut all);
        tell.send(all)
    });
    bytes
}

#[track_caller]
fn wait(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > HANGS {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the program hangs: it did not end within {HANGS:?}");
        }
        thread::sleep(Duration::from_millis(3));
    }
}

/// What a run came to.
pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub took: Duration,
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
        let (stdout, stderr) = (short(&self.stdout), short(&self.stderr));
        write!(f, "{} after {:?}; stdout {stdout:?}; stderr {stderr:?}", self.status, self.took)
    }
}

impl Outcome {
    /// stdout as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is text")
    }

    /// Exit code and every byte of both outputs.
    #[track_caller]
    pub fn is(&self, code: i32, stdout: &str, stderr: &str) -> &Outcome {
        let is = (self.status.code(), self.status.signal(), self.stdout.as_slice(), self.stderr.as_slice());
        let expected = (Some(code), None, stdout.as_bytes(), stderr.as_bytes());
        assert!(
            is == expected,
            "got {self:?}\nexpected exit code {code}; stdout {stdout:?}; stderr {stderr:?}"
        );
        self
    }

    /// A credential: exactly the three keys, in one line.
    #[track_caller]
    pub fn answers(&self, server: &str, username: &str, secret: &str) -> &Outcome {
        let json = |text: &str| serde_json::to_string(text).unwrap();
        let (server, username, secret) = (json(server), json(username), json(secret));
        let line = format!("{{\"ServerURL\":{server},\"Username\":{username},\"Secret\":{secret}}}\n");
        self.is(0, &line, "")
    }

    /// The credential of one of the tests' users for the server: `hunter2-<user>`.
    #[track_caller]
    pub fn answers_user(&self, server: &str, username: &str) -> &Outcome {
        self.answers(server, username, &super::data::password(username))
    }

    #[track_caller]
    pub fn not_found(&self) -> &Outcome {
        self.is(1, NOT_FOUND, "")
    }

    /// A failure that says why in one line of ours, with all these parts, without a secret.
    #[track_caller]
    pub fn explains(&self, parts: &[&str]) -> &Outcome {
        assert_eq!((self.status.code(), self.stderr.as_slice()), (Some(1), &b""[..]), "{self:?}");
        let text = self.text();
        let line = text.strip_suffix('\n').unwrap_or_default();
        assert!(
            line.starts_with("kubeclarity: ") && !line.contains(char::is_control),
            "no line of ours: {self:?}"
        );
        assert!(!text.contains(HUNTER2), "a secret is shown: {self:?}");
        for part in parts {
            assert!(line.contains(part), "{part:?} is not in {self:?}");
        }
        self
    }

    /// It was over before that. Only ever an upper bound with room: machines are slow at times.
    #[track_caller]
    pub fn within(&self, seconds: u64) -> &Outcome {
        assert!(self.took < Duration::from_secs(seconds), "took longer than {seconds} s: {self:?}");
        self
    }
}
