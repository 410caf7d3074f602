//! Why there is no connection or no answer, by the kinds of errors, never by their words.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use http::StatusCode;
use rustls::CertificateError;

use super::proxy::Proxy;
use crate::shown::Shown;

/// A connection that did not come about.
#[derive(Debug, Clone)]
pub struct Unreached {
    /// The proxy on the way.
    pub by: Option<Arc<Proxy>>,
    /// Why.
    pub why: Why,
}

/// Why a connection did not come about or broke.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// The name does not resolve.
    Name,
    /// Nobody accepts the connection.
    Refused,
    /// There is no way to the address.
    NoRoute,
    /// There is no connection within the limit.
    Slow,
    /// There is a connection, and no answer within the limit.
    Silent,
    /// The other side ends the connection.
    BrokenOff,
    /// The system's reason.
    System(ErrorKind),
    /// The answer is longer than any that is waited for.
    TooLong,
    /// The address is not this machine's, and nothing else may be asked in clear.
    Elsewhere,
    /// The value of the proxy's variable is no address.
    NoProxyAddress,
    /// The proxy demands a user and a password, or others.
    Login,
    /// The proxy's answer to `CONNECT`.
    Answered(StatusCode),
    /// The proxy's answer to SOCKS's request (RFC 1928, section 6).
    Socks(u8),
    /// What answers speaks another protocol.
    NoProxy,
    /// The certificate is not trusted, of another name, or not valid now.
    Certificate(CertificateError),
    /// TLS fails.
    Tls(String),
    /// Something else, in a library's words.
    Other(String),
}

impl Why {
    /// What an error and its causes come down to.
    pub fn of(error: &(dyn Error + 'static)) -> Why {
        let mut deepest = error;
        let mut system = None;
        for cause in chain(error) {
            deepest = cause;
            if let Some(unreached) = cause.downcast_ref::<Unreached>() {
                return unreached.why.clone();
            }
            if let Some(error) = cause.downcast_ref::<rustls::Error>() {
                return Why::of_tls(error);
            }
            if let Some(error) = cause.downcast_ref::<hyper::Error>()
                && (error.is_incomplete_message() || error.is_closed())
            {
                system = Some(ErrorKind::UnexpectedEof);
            }
            if let Some(error) =
                cause.downcast_ref::<io::Error>().filter(|error| error.kind() != ErrorKind::Other)
            {
                system = Some(error.kind());
            }
        }
        match system {
            Some(kind) => Why::of_system(kind),
            None => Why::Other(deepest.to_string()),
        }
    }

    fn of_system(kind: ErrorKind) -> Why {
        match kind {
            ErrorKind::ConnectionRefused => Why::Refused,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable => {
                Why::NoRoute
            }
            ErrorKind::TimedOut => Why::Slow,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Why::BrokenOff,
            kind => Why::System(kind),
        }
    }

    fn of_tls(error: &rustls::Error) -> Why {
        match error {
            rustls::Error::InvalidCertificate(what) => Why::Certificate(what.clone()),
            other => Why::Tls(other.to_string()),
        }
    }

    /// For a message.
    pub fn shown(&self) -> Shown {
        // A semicolon stands before the remedy, and nowhere else.
        Shown::text(&self.to_string().replace(';', ","))
    }

    /// Whether it will be the same in a second: nothing is asked again.
    pub fn lasts(&self) -> bool {
        match self {
            Why::TooLong
            | Why::Elsewhere
            | Why::NoProxyAddress
            | Why::Login
            | Why::NoProxy
            | Why::Certificate(_) => true,
            Why::Answered(status) => !may_pass(*status),
            // Not allowed by the proxy's rules; a request or a kind of address that it does not know.
            Why::Socks(code) => matches!(code, 2 | 7 | 8),
            Why::Tls(_)
            | Why::Name
            | Why::Refused
            | Why::NoRoute
            | Why::Slow
            | Why::Silent
            | Why::BrokenOff
            | Why::System(_)
            | Why::Other(_) => false,
        }
    }
}

/// Whether a status is one that may pass: asking again can help.
pub fn may_pass(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) || status.is_server_error()
}

/// An error and all its causes. The payload of an `io::Error` is one of them, which `source` leaves out.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Name => f.write_str("its name does not resolve"),
            Why::Refused => f.write_str("connection refused"),
            Why::NoRoute => f.write_str("no route to it"),
            Why::Slow => f.write_str("no connection within the limit"),
            Why::Silent => f.write_str("no answer within the limit"),
            Why::BrokenOff => f.write_str("the connection is closed"),
            Why::System(kind) => write!(f, "{kind}"),
            Why::TooLong => f.write_str("an answer that is longer than any"),
            Why::Elsewhere => f.write_str("not an address of this machine"),
            Why::NoProxyAddress => f.write_str("the proxy's address is none"),
            Why::Login => f.write_str("the proxy does not accept the user and password"),
            Why::Answered(status) => write!(f, "the proxy answers {status}"),
            Why::Socks(1) => f.write_str("the proxy reports a failure"),
            Why::Socks(2) => f.write_str("the proxy does not allow it"),
            Why::Socks(3 | 4) => f.write_str("the proxy has no route to it"),
            Why::Socks(5) => f.write_str("the proxy reports: connection refused"),
            Why::Socks(code) => write!(f, "the proxy answers SOCKS error {code}"),
            Why::NoProxy => f.write_str("what answers is not such a proxy"),
            Why::Certificate(what) => write!(f, "{}", rustls::Error::InvalidCertificate(what.clone())),
            Why::Tls(what) | Why::Other(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            Some(proxy) => write!(f, "by the proxy {proxy}: {}", self.why),
            None => write!(f, "{}", self.why),
        }
    }
}

impl Error for Unreached {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_of_an_io_error_counts() {
        let certificate = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let wrapped = io::Error::other(io::Error::other(certificate));
        assert_eq!(Why::of(&wrapped), Why::Certificate(CertificateError::Expired));
        let unreached = Unreached { by: None, why: Why::Login };
        assert_eq!(Why::of(&io::Error::other(unreached)), Why::Login);
    }

    #[test]
    fn the_systems_reasons() {
        for (kind, why) in [
            (ErrorKind::ConnectionRefused, Why::Refused),
            (ErrorKind::NetworkUnreachable, Why::NoRoute),
            (ErrorKind::ConnectionReset, Why::BrokenOff),
            (ErrorKind::TimedOut, Why::Slow),
            (ErrorKind::PermissionDenied, Why::System(ErrorKind::PermissionDenied)),
        ] {
            assert_eq!(Why::of(&io::Error::from(kind)), why);
            assert_eq!(Why::of(&io::Error::other(io::Error::from(kind))), why);
            assert_eq!(Why::of(&io::Error::new(kind, "in other words")), why);
        }
    }

    #[test]
    fn statuses_that_may_pass() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(may_pass(StatusCode::from_u16(status).unwrap()), "{status}");
        }
        for status in [200, 301, 400, 401, 403, 404, 407, 410] {
            assert!(!may_pass(StatusCode::from_u16(status).unwrap()), "{status}");
        }
    }
}
