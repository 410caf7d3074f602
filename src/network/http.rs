//! The one HTTP client for our own requests to clouds: certificates loaded once and only when a connection
//! needs them, the environment's proxy, no redirects, bounded bodies, retries within the deadline.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use reqwest::{Client, Method, RequestBuilder, StatusCode, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use crate::deadline::Deadline;
use crate::file;
use crate::problem::{CloudFault, FileFault, HttpFault, Need, Problem, Said};
use crate::settings::Settings;
use crate::shown::{Shown, causes};

/// No token is longer.
pub const MOST_BYTES: usize = 1024 * 1024;
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// A metadata server is on the machine itself, or it is not there.
const METADATA_LIMIT: Duration = Duration::from_secs(1);
const RETRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The addresses of metadata servers; no proxy ever stands in front of them.
pub const METADATA_HOSTS: &str =
    "169.254.169.254,169.254.170.2,169.254.170.23,fd00:ec2::254,fd00:ec2::23,metadata.google.internal";

/// The certificate authorities that are trusted.
pub struct Roots {
    certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// Loads the system's authorities, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, and those of
    /// `AWS_CA_BUNDLE`. Every one is parsed here: the AWS client panics on one that is broken.
    fn load(trust: &Trust) -> Result<Roots, Problem> {
        let mut certificates = system();
        if let Some(path) = &trust.ca_bundle {
            let wrong = |what| Problem::File { path: Shown::path(path), what };
            let text = file::read_following(path).map_err(|why| wrong(FileFault::Bundle(why)))?;
            let bundle: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
            let bundle = bundle.ok().filter(|bundle| !bundle.is_empty());
            certificates.extend(bundle.ok_or_else(|| wrong(FileFault::BundleEmpty))?);
        }
        let mut store = RootCertStore::empty();
        certificates.retain(|certificate| store.add(certificate.clone()).is_ok());
        if certificates.is_empty() {
            return Err(Problem::File {
                path: trust
                    .ssl_cert_file
                    .as_ref()
                    .map_or("/etc/ssl/certs".into(), |path| Shown::path(Path::new(path))),
                what: FileFault::NoAuthorities,
            });
        }
        Ok(Roots { certificates })
    }

    /// As PEM, for the AWS client.
    pub fn pem(&self) -> Vec<u8> {
        let mut pem = Vec::new();
        for certificate in &self.certificates {
            let text = base64::engine::general_purpose::STANDARD.encode(certificate);
            pem.extend_from_slice(b"-----BEGIN CERTIFICATE-----\n");
            for line in text.as_bytes().chunks(64) {
                pem.extend_from_slice(line);
                pem.push(b'\n');
            }
            pem.extend_from_slice(b"-----END CERTIFICATE-----\n");
        }
        pem
    }

    fn config(&self) -> Result<ClientConfig, Problem> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.certificates.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder
            .map_err(|_| Problem::System { what: Need::Tls, kind: std::io::ErrorKind::Unsupported })?;
        Ok(builder.with_root_certificates(store).with_no_client_auth())
    }
}

/// Where Linux systems keep all their authorities in one file, the places in the order in which Go looks at them.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The system's authorities. The bundle alone, where there is one: the directory beside it has each of them up to
/// three times more, in files of their own, and reading those takes longer than all requests of a near cloud.
fn system() -> Vec<CertificateDer<'static>> {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    if cfg!(target_os = "linux") && !named {
        for text in BUNDLES.iter().filter_map(|path| file::read_following(Path::new(path)).ok()) {
            // What is broken is passed over, as the system's own programs do.
            let bundle: Vec<_> = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
            if !bundle.is_empty() {
                return bundle;
            }
        }
    }
    rustls_native_certs::load_native_certs().certs
}

/// Where a request goes, which decides how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// A service on the internet, through the environment's proxy if there is one.
    Service,
    /// A metadata server: directly, with a short limit.
    Metadata,
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body, wiped when it goes.
    pub body: Zeroizing<Vec<u8>>,
}

/// Why nothing came back.
#[derive(Debug)]
pub enum NoAnswer {
    /// The roots cannot be loaded.
    Setup(Problem),
    /// Not reached, broken off, or 429 and 5xx to the last try: what happened.
    Failed(HttpFault),
}

impl From<NoAnswer> for CloudFault {
    fn from(none: NoAnswer) -> CloudFault {
        match none {
            NoAnswer::Setup(problem) => CloudFault::Setup(Box::new(problem)),
            NoAnswer::Failed(what) => CloudFault::Http(what),
        }
    }
}

/// Which authorities the user added, as far as the TLS library does not read it itself.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// `AWS_CA_BUNDLE`.
    pub ca_bundle: Option<PathBuf>,
    /// `SSL_CERT_FILE`, for messages.
    pub ssl_cert_file: Option<String>,
}

impl Trust {
    /// What the environment says.
    pub fn of(settings: &Settings) -> Trust {
        Trust { ca_bundle: settings.aws.ca_bundle.clone(), ssl_cert_file: settings.ssl_cert_file.clone() }
    }
}

/// The client, made on first use.
pub struct Http {
    trust: Trust,
    roots: OnceCell<Arc<Roots>>,
    service: OnceCell<Client>,
    metadata: OnceCell<Client>,
    /// When everything must have ended.
    pub deadline: Deadline,
}

impl Http {
    /// A client for which nothing is loaded yet.
    pub fn new(trust: Trust, deadline: Deadline) -> Http {
        Http { trust, roots: OnceCell::new(), service: OnceCell::new(), metadata: OnceCell::new(), deadline }
    }

    /// The trusted authorities, loaded once.
    ///
    /// # Errors
    /// There is none, or `AWS_CA_BUNDLE` cannot be used.
    pub async fn roots(&self) -> Result<Arc<Roots>, Problem> {
        self.roots.get_or_try_init(|| async { Roots::load(&self.trust).map(Arc::new) }).await.cloned()
    }

    async fn client(&self, towards: Towards) -> Result<Client, Problem> {
        let failed = |error: reqwest::Error| {
            let _ = error;
            Problem::System { what: Need::HttpClient, kind: std::io::ErrorKind::Other }
        };
        let plain = || Client::builder().redirect(redirect::Policy::none()).retry(reqwest::retry::never());
        match towards {
            Towards::Service => {
                let make = || async {
                    let config = self.roots().await?.config()?;
                    let client = plain().tls_backend_preconfigured(config).connect_timeout(CONNECT_LIMIT);
                    client.build().map_err(failed)
                };
                self.service.get_or_try_init(make).await.cloned()
            }
            Towards::Metadata => {
                let make = || async {
                    // Plain HTTP on the machine itself: no authority is needed.
                    let config = Roots { certificates: Vec::new() }.config()?;
                    let client =
                        plain().no_proxy().tls_backend_preconfigured(config).connect_timeout(METADATA_LIMIT);
                    client.build().map_err(failed)
                };
                self.metadata.get_or_try_init(make).await.cloned()
            }
        }
    }

    /// Sends a request, and again after a failure that may pass, within the deadline.
    ///
    /// # Errors
    /// [`NoAnswer`] after the last try.
    pub async fn send(
        &self,
        towards: Towards,
        method: Method,
        url: &str,
        prepare: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, NoAnswer> {
        let client = self.client(towards).await.map_err(NoAnswer::Setup)?;
        let mut wait = FIRST_WAIT;
        let mut tries = 0;
        loop {
            let limit = match towards {
                Towards::Service => self.deadline.left(),
                Towards::Metadata => self.deadline.left().min(METADATA_LIMIT * 2),
            };
            let one = once(prepare(client.request(method.clone(), url)));
            let (what, asked) = match timeout(limit, one).await {
                Ok(Ok(Tried::Answer(answer))) => return Ok(answer),
                Ok(Ok(Tried::Again(what, wait))) => (what, wait),
                Ok(Err(what)) => (what, None),
                Err(_) => (HttpFault::Silent(host_of(url)), None),
            };
            tries += 1;
            let pause = asked.unwrap_or(wait).max(FIRST_WAIT);
            if tries > RETRIES || pause >= self.deadline.left() || towards == Towards::Metadata && tries > 1 {
                return Err(NoAnswer::Failed(what));
            }
            sleep(pause).await;
            wait *= 2;
        }
    }
}

enum Tried {
    Answer(Answer),
    Again(HttpFault, Option<Duration>),
}

async fn once(request: RequestBuilder) -> Result<Tried, HttpFault> {
    let mut response = request.send().await.map_err(|error| transport(&error))?;
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let seconds =
            response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let what = HttpFault::Status(host_in(response.url()), shown![status]);
        return Ok(Tried::Again(what, seconds.map(Duration::from_secs)));
    }
    let mut body = Zeroizing::new(Vec::with_capacity(16 * 1024));
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(HttpFault::TooLong(host_in(response.url())));
        }
        if body.len() + chunk.len() > body.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * (body.len() + chunk.len())));
            larger.extend_from_slice(&body);
            body = larger;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Tried::Answer(Answer { status, body }))
}

/// A failure below HTTP, without the URL: its query may hold something that is nobody's business.
fn transport(error: &reqwest::Error) -> HttpFault {
    let host = error.url().and_then(|url| url.host_str()).map_or("the server".into(), Shown::text);
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    HttpFault::Unreachable(host, Shown::text(&causes(cause)))
}

fn host_of(url: &str) -> Shown {
    reqwest::Url::parse(url).map(|url| host_in(&url)).unwrap_or_default()
}

fn host_in(url: &reqwest::Url) -> Shown {
    Shown::text(url.host_str().unwrap_or_default())
}

/// Encodes a form (WHATWG URL, section 5), in memory that is wiped.
pub fn form(fields: &[(&str, &str)]) -> Zeroizing<String> {
    let room = fields.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut encoded = Zeroizing::new(String::with_capacity(room));
    for (name, value) in fields {
        if !encoded.is_empty() {
            encoded.push('&');
        }
        encode_into(&mut encoded, name);
        encoded.push('=');
        encode_into(&mut encoded, value);
    }
    encoded
}

fn encode_into(encoded: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte as char),
            _ => {
                encoded.push('%');
                encoded.push(HEX[usize::from(byte >> 4)] as char);
                encoded.push(HEX[usize::from(byte & 15)] as char);
            }
        }
    }
}

/// The `error` and `error_description` of an OAuth 2.0 error (RFC 6749, section 5.2), or the `error.message` of
/// Google's APIs, as one line. Nothing else of a body is ever shown.
pub fn oauth_error(answer: &Answer) -> Said {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let error = &body["error"];
    let code = error.as_str().or(error["status"].as_str()).unwrap_or_default();
    let text = body["error_description"].as_str().or(error["message"].as_str()).unwrap_or_default();
    let text = text.lines().next().unwrap_or_default();
    match (code, text) {
        ("", "") => Said::Status(shown![answer.status]),
        (code, text) => {
            Said::Words(shown![answer.status.as_u16(), " ", Shown::text(code), ": ", Shown::text(text)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_encoded() {
        assert_eq!(*form(&[("a", "b c&d"), ("ü", "+/=~")]), "a=b%20c%26d&%C3%BC=%2B%2F%3D~");
        assert_eq!(*form(&[]), "");
    }

    #[test]
    fn errors_of_both_forms() {
        let answer = |body: &str| Answer {
            status: StatusCode::BAD_REQUEST,
            body: Zeroizing::new(body.as_bytes().to_vec()),
        };
        assert_eq!(
            oauth_error(&answer(r#"{"error":"invalid_grant","error_description":"Bad\r\nTrace: x"}"#))
                .to_string(),
            "400 invalid_grant: Bad"
        );
        assert_eq!(
            oauth_error(&answer(r#"{"error":{"status":"PERMISSION_DENIED","message":"no"}}"#)).to_string(),
            "400 PERMISSION_DENIED: no"
        );
        for other in ["", "<html>", "[]", "{}"] {
            assert_eq!(oauth_error(&answer(other)).to_string(), "it answers 400 Bad Request");
        }
    }
}
