//! API servers that give no answer, kubeconfigs that cannot be used, and programs that they name.

use std::io::ErrorKind;

use thiserror::Error;

use super::{ProxyFault, Unreadable};
use crate::shown::Shown;

/// What an API server does instead of answering, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ServerFault {
    /// It is down, or not to be reached.
    #[error("{0}; check that it is up and can be reached from here")]
    Down(Outage),
    /// No connection by the proxy.
    #[error("{0}")]
    ByProxy(ProxyFault),
    /// 401 or 403 to a request that came in clear, and so without an identity.
    #[error("is asked in clear, so it is sent no identity; name it with https:// in the kubeconfig")]
    InClear,
    /// A gateway or something else that is no API server.
    #[error("answers with something that is no Kubernetes object; check the address in the kubeconfig")]
    NotKubernetes,
    /// The same, by its status.
    #[error("answers {0}, which no API server should; check the address in the kubeconfig")]
    OddStatus(Shown),
    /// The same, by its length.
    #[error("answers with more than any object can hold; check the address in the kubeconfig")]
    TooLong,
    /// A name that makes no request.
    #[error("cannot be asked for such a name; correct it")]
    Name,
    /// 422 to a write.
    #[error("refuses the object as it would be; look at it with `kubectl get secret -o yaml`")]
    Invalid,
    /// 403 to a write into a namespace that goes.
    #[error(
        "takes nothing new into namespace {0}, which is being deleted; name another CREDS_SECRET_NAMESPACE"
    )]
    Terminating(Shown),
    /// 403 to a write over the quota.
    #[error("says that the quota of namespace {0} is used up; raise it")]
    Quota(Shown),
    /// 403 to a write by an admission policy.
    #[error("has an admission policy that refuses it; ask who runs namespace {0}")]
    Policy(Shown),
    /// The token or certificate cannot be sent.
    #[error("cannot be asked with this identity ({0}); correct the token")]
    Identity(Shown),
    /// TLS.
    #[error("shows a certificate that is not trusted ({0}); correct the CA in the kubeconfig or the pod")]
    Certificate(Shown),
    /// TLS, by the certificate's names.
    #[error(
        "shows a certificate for another name ({0}); use one of its names as the kubeconfig's server, or as its tls-server-name"
    )]
    CertificateName(Shown),
    /// TLS, by the certificate's time.
    #[error("shows a certificate that is not valid now ({0}); renew it, or set this machine's clock")]
    CertificateTime(Shown),
}

/// How a server is down; asking again may help.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Outage {
    /// Nothing comes.
    #[error("does not answer")]
    Silent,
    /// 429 or 5xx.
    #[error("answers {0}")]
    Status(Shown),
    /// No connection.
    #[error("cannot be reached ({0})")]
    Unreachable(Shown),
    /// The connection ends too soon.
    #[error("breaks off in the middle of an answer")]
    BrokenOff,
}

/// What is wrong with a kubeconfig, or with what a pod has in its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KubeconfigFault {
    /// The pod's own configuration.
    #[error("cannot be used ({0}); check the pod's service account and its mount")]
    Pod(Shown),
    /// The user's certificate, key or token.
    #[error("cannot be used ({0}); correct the user in the kubeconfig")]
    Client(Shown),
    /// The file itself.
    #[error("{0}; correct KUBECONFIG or the file")]
    Unreadable(Unreadable),
    /// Binary.
    #[error("is not text; correct it")]
    NotText,
    /// Nothing in it.
    #[error("is empty; correct it or unset KUBECONFIG")]
    Empty,
    /// YAML of another form.
    #[error("is no valid kubeconfig; check it with `kubectl config view`")]
    Invalid,
    /// Several files that cannot be merged.
    #[error("hold parts that do not fit together; correct them")]
    DoNotFit,
    /// A list of nothing.
    #[error("names no file; correct it or unset it")]
    NoFile,
    /// No context is the current one.
    #[error("has no current-context; set one with `kubectl config use-context`")]
    NoCurrentContext,
    /// The current one is not there.
    #[error("has no context \"{0}\", which is its current one; correct it")]
    NoContext(Shown),
    /// The context's cluster is not there.
    #[error("has no cluster \"{0}\"; correct it")]
    NoCluster(Shown),
    /// The context's user is not there.
    #[error("has no user \"{0}\"; correct it")]
    NoUser(Shown),
    /// The cluster has no address.
    #[error("names no server for its current cluster; correct it")]
    NoServer,
    /// The cluster's address is none.
    #[error("has a server that is no http or https URL; correct it")]
    ServerUrl,
    /// The proxy's address is none.
    #[error("has a proxy-url that is no http, https or socks5 URL; correct it")]
    ProxyUrl,
    /// `auth-provider`, which kubectl does not know any more: it can run a program without any limit.
    #[error("has an auth-provider, which is not run; use an exec plugin or a token")]
    AuthProvider,
    /// A token that cannot be sent.
    #[error("has a token with characters that no token has; correct it")]
    Token,
    /// `certificate-authority-data`.
    #[error("has certificate-authority-data that is not base64; correct it")]
    AuthorityNotBase64,
    /// `certificate-authority`.
    #[error("names the certificate authority {0}, which {1}; correct it")]
    AuthorityFile(Shown, Unreadable),
    /// Either, without a certificate.
    #[error("has a certificate authority that holds no PEM certificate; correct it")]
    AuthorityEmpty,
    /// `tokenFile`.
    #[error("names the token file {0}, which {1}; correct it")]
    TokenFile(Shown, Unreadable),
    /// The same, without a token.
    #[error("names the token file {0}, which holds no token; correct it")]
    TokenFileEmpty(Shown),
    /// `exec` without a command.
    #[error("has an exec plugin without a command; correct it")]
    ExecNoCommand,
    /// The program failed.
    #[error("has an exec plugin {0} that {1}")]
    Exec(Shown, ProgramFault),
    /// What it prints is something else.
    #[error("has an exec plugin {0} that prints no ExecCredential; run it by hand")]
    ExecNoCredential(Shown),
    /// What it prints has no `status`.
    #[error("has an exec plugin {0} that prints no status; run it by hand")]
    ExecNoStatus(Shown),
    /// The `status` is empty.
    #[error("has an exec plugin {0} that prints no token and no certificate; run it by hand")]
    ExecNoToken(Shown),
}

/// Why a program gave nothing, as the end of a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProgramFault {
    /// It is not there, or is no program.
    #[error("cannot be started ({0}); install it or correct the path")]
    NotStarted(ErrorKind),
    /// Its output.
    #[error("cannot be read ({0}); run it by hand")]
    NotRead(ErrorKind),
    /// Its end.
    #[error("cannot be waited for ({0}); run it by hand")]
    NotWaitedFor(ErrorKind),
    /// Its output has no end, or is longer than any token.
    #[error("prints more than 1 MiB; run it by hand")]
    TooLong,
    /// It ended with an error.
    #[error("failed ({0}); run it by hand to see why")]
    Failed(Shown),
}
