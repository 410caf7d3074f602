//! Every message of a failure, in one place: what failed, on which object, what to do next.
//!
//! Each is one line that ends with a remedy, after its last semicolon; none carries a secret: no variant has a field that
//! could hold one. README.md's list is made of them (`tests/messages.rs`).

mod access;
mod aws;
mod azure;
mod cache;
mod cloud;
mod cluster;
mod config;
mod file;
mod fix;
mod google;
mod network;
mod setting;

pub use access::{Namer, Refusal, Touched};
pub use aws::{AwsAdvice, AwsFault};
pub use azure::AzureFault;
pub use cache::CacheFault;
pub use cloud::{CloudFault, HttpFault, OtherCloud, Said};
pub use cluster::{KubeconfigFault, Outage, ProgramFault, ServerFault};
pub use config::{ConfigFault, EntryFault, JsonReason};
pub use file::{FileFault, Unreadable};
pub use google::{GoogleFault, GoogleFileFault, NotFromSecret};
pub use network::ProxyFault;
pub use setting::{Expected, Need, Stop, Task};

use std::time::Duration;

use thiserror::Error;

use crate::shown::{Part, Shown, sealed};

/// What is said of a panic, which is nobody's fault but ours.
pub const OWN_FAULT: &str = "an error of the program itself";

/// Why no credential could be given. `Display` is the message that the client shows to its user.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// A variable has a value that makes no sense.
    #[error("{variable} is set to something that cannot be used: {expected}; correct it or unset it")]
    Setting {
        /// The variable's name.
        variable: &'static str,
        /// What it takes.
        expected: Expected,
    },

    /// Everything together took longer than `KUBECLARITY_TIMEOUT`.
    #[error("{what} did not end within {seconds} s; raise KUBECLARITY_TIMEOUT or find out what hangs", seconds = .limit.as_secs_f32())]
    Deadline {
        /// What was under way.
        what: Task,
        /// The limit.
        limit: Duration,
    },

    /// A signal ended the process before it had an answer.
    #[error("the helper was ended by {by} before it had an answer; run it again")]
    Stopped {
        /// The signal.
        by: Stop,
    },

    /// The clock is wrong by decades.
    #[error("the clock of this machine is before 1970, so nothing can be asked over the network; set it")]
    Clock,

    /// The limit for the main thread's stack, and no other thread.
    #[error(
        "the limit for the stack (ulimit -s) is {kibibytes} KiB, and no other thread can be had; raise it to {least} KiB"
    )]
    Stack {
        /// The limit.
        kibibytes: u64,
        /// What is enough.
        least: u64,
    },

    /// A file that should be there cannot be used.
    #[error("file {path} {what}")]
    File {
        /// The file.
        path: Shown,
        /// What is wrong with it and what to do.
        what: FileFault,
    },

    /// A directory or file that the user named is not there.
    #[error("{variable} names {path}, which {what}; {}", what.mount("mount it there", variable))]
    Named {
        /// The variable that names it.
        variable: &'static str,
        /// The path.
        path: Shown,
        /// What is wrong with it.
        what: Unreadable,
    },

    /// Pull secret data that cannot be parsed.
    #[error(
        "{origin} is no valid docker configuration ({why}); {}correct it",
        if is_pull_secret(.origin) { "make it anew with `kubectl create secret docker-registry` or " } else { "" }
    )]
    NotDockerConfig {
        /// Secret, file or variable, with its key.
        origin: Shown,
        /// The parser's reason, without any of the text.
        why: ConfigFault,
    },

    /// A matching credential that cannot be used.
    #[error("{origin} {what}")]
    Unusable {
        /// Secret, file or variable, with its key and the entry.
        origin: Shown,
        /// What is wrong with it and what to do.
        what: EntryFault,
    },

    /// Variables of which only some are set.
    #[error("{set} is set but {missing} is not; set {missing} too")]
    IncompleteVariables {
        /// The variable that is there.
        set: &'static str,
        /// The one that is missing.
        missing: &'static str,
    },

    /// A Secret, or a ServiceAccount, that was named is not there.
    #[error("{object} does not exist but {variable} names it; create it or correct {variable}")]
    Missing {
        /// The object, as `secret namespace/name`.
        object: Shown,
        /// The variable that names it.
        variable: &'static str,
    },

    /// The namespace of a Secret that is to be created is not there.
    #[error(
        "{object} cannot be created: namespace {namespace} does not exist; create it or correct CREDS_SECRET_NAMESPACE"
    )]
    NoNamespace {
        /// The object, as `secret namespace/name`.
        object: Shown,
        /// The namespace.
        namespace: Shown,
    },

    /// The Secret of stored logins does not exist, and the account may not create it.
    #[error(
        "{object} does not exist and cannot be created: access denied{}; create it empty with `kubectl create secret generic basic-regcred --namespace {namespace} --type kubernetes.io/dockerconfigjson --from-literal='.dockerconfigjson={{\"auths\":{{}}}}'`, and allow logins with a Role in namespace {namespace} with the rule {rule}, and a RoleBinding",
        for_whom(.account)
    )]
    NotCreated {
        /// The object, as `secret namespace/name`.
        object: Shown,
        /// The service account that was denied, as namespace and name, if it is known.
        account: Option<(Shown, Shown)>,
        /// The object's namespace.
        namespace: Shown,
        /// The rule that allows logins once it exists, in YAML's flow style.
        rule: Shown,
    },

    /// A login has no place to be stored in.
    #[error(
        "nothing was stored for {registry}: there is no cluster to store it in: not in a pod, no KUBECONFIG and no ~/.kube/config; set KUBECONFIG, or KUBECLARITY_IGNORE_LOGIN=1 to pass over logins"
    )]
    NowhereToStore {
        /// The registry.
        registry: Shown,
    },

    /// A login is for something that is no registry.
    #[error("nothing was stored: the login is for something that is no registry; name a host")]
    NoRegistry,

    /// A login without a password.
    #[error("nothing was stored for {registry}: the login has no password or token; log in again")]
    NoSecret {
        /// The registry.
        registry: Shown,
    },

    /// A login that is longer than any.
    #[error("nothing was stored: the login is longer than 64 KiB; use a token that is shorter")]
    LoginTooLong,

    /// What was to be erased comes from somewhere else too.
    #[error(
        "{registry} is still served by {origin}, which this program does not write; remove the credential there, or set KUBECLARITY_IGNORE_LOGIN=1"
    )]
    StillServed {
        /// The registry.
        registry: Shown,
        /// The source, with the key in it.
        origin: Shown,
    },

    /// What was to be erased is served by another entry of the very Secret that was written.
    #[error(
        "the entry for {registry} is gone, but {origin} still serves it; log out of that name too, or remove it with `kubectl edit`"
    )]
    StillServedByEntry {
        /// The registry.
        registry: Shown,
        /// The Secret, with the entry in it.
        origin: Shown,
    },

    /// The Secret of stored logins has another type, which nobody can change.
    #[error(
        "{object} is of type {found}; logins are kept in kubernetes.io/dockerconfigjson only: delete it, or name another CREDS_SECRET_NAMESPACE"
    )]
    StoredType {
        /// The object, as `secret namespace/name`.
        object: Shown,
        /// Its type.
        found: Shown,
    },

    /// More pull secrets are named than are read.
    #[error(
        "{origin} names {names} pull secrets, of which only the first {read} are read; remove those that are not needed"
    )]
    TooManyPullSecrets {
        /// The service account, or the variable.
        origin: Shown,
        /// How many it names.
        names: usize,
        /// How many of them are read.
        read: usize,
    },

    /// The pull secrets before this one hold more than is read.
    #[error(
        "{object} is not read: the pull secrets before it hold more than 16 MiB; remove those that are not needed"
    )]
    PullSecretsTogether {
        /// The object, as `secret namespace/name`.
        object: Shown,
    },

    /// A Secret of a type that holds no registry credentials.
    #[error(
        "{object} is of type {found}, not kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg; make it with `kubectl create secret docker-registry`"
    )]
    WrongType {
        /// The object, as `secret namespace/name`.
        object: Shown,
        /// Its type.
        found: Shown,
    },

    /// A user name and a password that are for no registry.
    #[error(
        "{object} is of type kubernetes.io/basic-auth and names no registry; annotate it with tekton.dev/docker-0: https://REGISTRY"
    )]
    NoAnnotation {
        /// The object, as `secret namespace/name`.
        object: Shown,
    },

    /// A Secret without a key that it must have.
    #[error("{object} has no key {key} ({has}); add it")]
    MissingKey {
        /// The object, as `secret namespace/name`.
        object: Shown,
        /// The key.
        key: &'static str,
        /// The keys that it has, in words.
        has: Shown,
    },

    /// RBAC says no.
    #[error("{object}: access denied{}; allow it with a Role in namespace {namespace} with the rule {}, and a RoleBinding", for_whom(.account), Shown::joined(.rules.clone(), " and the rule "))]
    Denied {
        /// The object, as `secret namespace/name`.
        object: Shown,
        /// The service account that was denied, as namespace and name, if it is known.
        account: Option<(Shown, Shown)>,
        /// The object's namespace.
        namespace: Shown,
        /// The rules that would allow it, in YAML's flow style.
        rules: Vec<Shown>,
    },

    /// The API server does not know who we are.
    #[error("{object}: the API server {server} refused the identity (401); renew the token or log in again")]
    Unauthorized {
        /// The object asked for.
        object: Shown,
        /// The API server's address.
        server: Shown,
    },

    /// The API server gave no usable answer.
    #[error("{object}: the API server {server} {what}")]
    Cluster {
        /// The object asked for.
        object: Shown,
        /// The API server's address.
        server: Shown,
        /// What went wrong and what to do.
        what: ServerFault,
    },

    /// A kubeconfig, or the configuration of the pod, that cannot be used.
    #[error("{origin} {what}")]
    ClusterConfig {
        /// The file.
        origin: Shown,
        /// What is wrong with it and what to do.
        what: KubeconfigFault,
    },

    /// Something was asked of the cluster, but there is none.
    #[error(
        "{variable} is set but there is no cluster to ask: not in a pod, no KUBECONFIG and no ~/.kube/config; set KUBECONFIG or unset {variable}"
    )]
    NoCluster {
        /// The variable that needs a cluster.
        variable: &'static str,
    },

    /// `explain` was asked for something that no client could ask for.
    #[error(
        "\"{question}\" is neither an image nor a registry; name one, as alpine:3.20 or registry.example.com"
    )]
    ExplainQuestion {
        /// What was asked.
        question: Shown,
    },

    /// `configure` was told neither a registry nor `--all`.
    #[error("there is nothing to configure; name registries, or use --all or --remove")]
    ConfigureNothing,

    /// `configure` was given something that is no registry.
    #[error(
        "\"{name}\" is no registry: helpers are configured for hosts; name one, as ghcr.io or registry.example.com:5000"
    )]
    ConfigureRegistry {
        /// What was given.
        name: Shown,
    },

    /// Another helper is configured there.
    #[error("{place} names the helper \"{helper}\"; use --force to take its place")]
    ConfigureTaken {
        /// The other helper.
        helper: Shown,
        /// The field.
        place: Shown,
    },

    /// There is no directory for the configuration.
    #[error(
        "there is no place for the configuration: neither HOME nor DOCKER_CONFIG (or REGISTRY_AUTH_FILE) is set; set one"
    )]
    ConfigureNoHome,

    /// The system refuses something that every process needs.
    #[error(
        "the system does not let this process {what} ({kind}); check its limits (descriptors, processes, memory)"
    )]
    System {
        /// What was tried.
        what: Need,
        /// The system's reason.
        kind: std::io::ErrorKind,
    },

    /// No answer is kept, for a reason that can be mended. It costs nothing but speed, so only `explain` tells it.
    #[error("cache directory {directory} is not used: {what}")]
    Cache {
        /// The directory of answers.
        directory: Shown,
        /// Why, and what to do.
        what: CacheFault,
    },

    /// A credential file of a cloud, in a file or a Secret, that cannot be used.
    #[error("{origin} {what}")]
    IdentityFile {
        /// The file, or the Secret with its key.
        origin: Shown,
        /// What is wrong with it and what to do.
        what: GoogleFileFault,
    },

    /// The keys of a Secret do not say which of Azure's clouds an identity belongs to.
    #[error("{origin}: {what}")]
    AzureCloud {
        /// The Secret.
        origin: Shown,
        /// What is wrong with them and what to do.
        what: AzureFault,
    },

    /// An identity for a cloud failed.
    #[error("{identity} gave no token for {host}: {what}")]
    Cloud {
        /// The identity, and where it was found.
        identity: Shown,
        /// The registry's host.
        host: Shown,
        /// What failed and what to do.
        what: CloudFault,
    },
}

fn for_whom(account: &Option<(Shown, Shown)>) -> Shown {
    match account {
        Some((namespace, name)) => shown![" to service account ", namespace, "/", name],
        None => Shown::default(),
    }
}

/// Whether it is a Secret's or a mounted Secret's key, which kubectl can make.
fn is_pull_secret(origin: &Shown) -> bool {
    let origin = origin.to_string();
    origin.ends_with(".dockerconfigjson") || origin.ends_with(".dockercfg")
}

impl sealed::Sealed for Problem {}
/// Its message, which is made of nothing else.
impl Part for Problem {
    fn add(&self, to: &mut String) {
        to.push_str(&self.to_string());
    }
}

impl Problem {
    /// What a panic of a library says, where that is the system's fault and not the program's.
    pub fn of_panic(words: &str) -> Option<Problem> {
        let kind = std::io::ErrorKind::WouldBlock;
        // tokio's and std's own words for a thread that they cannot have, and std's for a time before 1970.
        if ["spawn worker thread", "failed to spawn thread"].iter().any(|said| words.contains(said)) {
            return Some(Problem::System { what: Need::Thread, kind });
        }
        words.contains("SystemTimeError").then_some(Problem::Clock)
    }

    /// Whether somebody is down, and asking again later may help: a token that is still good may be given out.
    pub fn is_outage(&self) -> bool {
        match self {
            Problem::Deadline { .. } => true,
            Problem::Cluster { what, .. } => matches!(what, ServerFault::Down(_) | ServerFault::ByProxy(_)),
            Problem::Cloud { what, .. } => what.is_outage(),
            _ => false,
        }
    }

    /// Whether the question stays open: somebody is down, or could not be asked at all. That nothing was found says nothing then.
    pub fn leaves_open(&self) -> bool {
        self.is_outage()
            || matches!(
                self,
                Problem::Cluster { .. }
                    | Problem::Unauthorized { .. }
                    | Problem::ClusterConfig { .. }
                    | Problem::System { .. }
                    | Problem::Clock
            )
    }
}
