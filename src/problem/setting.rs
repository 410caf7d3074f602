//! What a variable takes, what was under way, what the system was asked for.

use thiserror::Error;

use crate::shown::Shown;

/// What a variable takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Expected {
    /// Text.
    #[error("it takes text in UTF-8")]
    Text,
    /// One of two words.
    #[error("it takes {0} or {1}")]
    Either(&'static str, &'static str),
    /// A cloud.
    #[error("it takes aws, google, azure or none")]
    Cloud,
    /// A time limit.
    #[error("it takes seconds, more than 0 and at most 3600")]
    Timeout,
    /// A time to keep answers.
    #[error("it takes whole seconds from 0 to 86400")]
    Life,
    /// A proxy.
    #[error("it takes [http://|https://|socks5://][user:password@]host[:port]")]
    Proxy,
    /// A namespace.
    #[error("it takes a namespace's name")]
    Namespace,
    /// Names of objects.
    #[error("it takes Kubernetes names as `name` or `namespace/name`")]
    ObjectName,
}

/// What was under way when the time was over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Task {
    /// The client did not end its input.
    #[error("reading stdin")]
    Stdin,
    /// The API server, or the connection to it.
    #[error("asking the cluster")]
    AskCluster,
    /// The same, for a login.
    #[error("writing to the cluster")]
    WriteCluster,
    /// Others were faster, again and again.
    #[error("writing {0}, which others write all the time,")]
    WriteContended(Shown),
    /// A cloud.
    #[error("asking the cloud for a token for {0}")]
    AskCloud(Shown),
    /// Something that hangs where no timer reaches it.
    #[error("reading a file or a name")]
    Everything,
    /// A file system that hangs.
    #[error("reading or writing files")]
    Files,
    /// A file system that hangs, or very much in it.
    #[error("reading the mounted pull secrets (IMAGE_PULL_SECRET_PATH)")]
    Mounted,
    /// The same.
    #[error("reading or writing the answer cache (XDG_RUNTIME_DIR, XDG_CACHE_HOME)")]
    Cache,
    /// The same.
    #[error("reading Docker's configuration (DOCKER_AUTH_CONFIG, DOCKER_CONFIG, REGISTRY_AUTH_FILE)")]
    DockerConfig,
    /// The same, for `configure`.
    #[error("reading or writing the client's configuration")]
    ClientConfig,
    /// The same, for `install`.
    #[error("copying the program")]
    Install,
    /// Very many entries.
    #[error("comparing every registry with every key")]
    List,
    /// A program that a kubeconfig names.
    #[error("the exec plugin {command} of {origin}")]
    ExecPlugin {
        /// The program.
        command: Shown,
        /// The kubeconfig.
        origin: Shown,
    },
}

/// What every process needs of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Need {
    /// `poll`.
    #[error("wait for stdin")]
    WaitForStdin,
    /// `read`.
    #[error("read stdin")]
    ReadStdin,
    /// A thread.
    #[error("start a thread")]
    Thread,
    /// Descriptors for the runtime.
    #[error("start network input and output")]
    Network,
    /// A TLS configuration.
    #[error("use TLS")]
    Tls,
    /// An HTTP client.
    #[error("make an HTTP client")]
    HttpClient,
}

/// The signal that ended the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Stop {
    /// 15.
    #[error("SIGTERM")]
    Terminate,
    /// 2.
    #[error("SIGINT")]
    Interrupt,
    /// 1.
    #[error("SIGHUP")]
    HangUp,
    /// 3.
    #[error("SIGQUIT")]
    Quit,
    /// 24.
    #[error("SIGXCPU, for the limit of processor time (ulimit -t)")]
    ProcessorTime,
    /// 6, which the runtime sends itself.
    #[error("lack of memory or stack")]
    Abort,
    /// Another one.
    #[error("a signal")]
    Other,
    /// 9.
    #[error("SIGKILL, perhaps for lack of memory")]
    Kill,
}

impl Stop {
    /// By the number of the signal that a process ended by; it caught none of those that it can.
    pub fn of(signal: Option<i32>) -> Stop {
        match signal {
            Some(6) | None => Stop::Abort,
            Some(9) => Stop::Kill,
            Some(15) => Stop::Terminate,
            Some(_) => Stop::Other,
        }
    }
}
