//! Our own requests to clouds: each leaves by the door of its destination, is sent again as [`retry`](super::retry) says, and
//! brings back at most one answer of a bounded size. No redirect is followed.

use std::io::Cursor;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tower_service::Service;
use url::Url;
use zeroize::Zeroizing;

use super::connect::{Connector, Dialer, Ways};
use super::fault::{Why, may_pass};
use super::proxy::{Proxies, Proxy, Way};
use super::retry::{Retries, Tried, retry_after};
pub use super::trust::Trust;
use super::{Door, time_left};
use crate::body::{self, Fault};
use crate::deadline::Deadline;
use crate::problem::{CloudFault, HttpFault, Problem, Said};
use crate::shown::Shown;

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
    /// Nothing can be sent: authorities that cannot be loaded, a proxy's variable that makes no sense.
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

/// A client behind a door. Connections are kept for the next request.
pub type Client<B> = legacy::Client<Dialer, B>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request of our own, wiped when it goes.
type Body = Full<Cursor<Zeroizing<Vec<u8>>>>;

/// The doors to clouds, each opened on first use.
pub struct Http {
    /// Who is trusted.
    pub trust: Trust,
    proxies: Arc<Proxies>,
    cloud: OnceCell<Client<Body>>,
    metadata: OnceCell<Client<Body>>,
    /// When everything must have ended.
    pub deadline: Deadline,
}

impl Http {
    /// Doors for which nothing is loaded yet. The environment's variables for proxies are read here.
    pub fn new(trust: Trust, deadline: Deadline) -> Http {
        let proxies = Arc::new(Proxies::of_environment());
        Http { trust, proxies, cloud: OnceCell::new(), metadata: OnceCell::new(), deadline }
    }

    /// What opens connections through a door.
    ///
    /// # Errors
    /// There are no authorities, or `AWS_CA_BUNDLE` cannot be used.
    pub fn dialer(&self, door: Door) -> Result<Dialer, Problem> {
        let tls = self.trust.tls(door)?;
        let limit = door.limits().connection;
        let connector = Connector::new(self.ways(door), Some(Arc::clone(&tls)), limit);
        Ok(Dialer::new(connector, tls, limit))
    }

    /// How the way through a door is found.
    pub fn ways(&self, door: Door) -> Ways {
        match door {
            Door::Metadata => Ways::Here,
            Door::Aws | Door::Cloud | Door::ApiServer | Door::Registry => {
                Ways::Environment(Arc::clone(&self.proxies))
            }
        }
    }

    async fn client(&self, door: Door) -> Result<&Client<Body>, Problem> {
        let cell = if door == Door::Metadata { &self.metadata } else { &self.cloud };
        cell.get_or_try_init(|| async { Ok(client(self.dialer(door)?)) }).await
    }

    /// Sends a request by the door of its destination, and again after a failure that may pass, within the deadline.
    ///
    /// # Errors
    /// [`NoAnswer`] after the last try.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        prepare: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, NoAnswer> {
        // Characters that stand in no request are encoded on the way.
        let to = Url::parse(url).ok().and_then(|url| Uri::try_from(url.as_str()).ok());
        let nowhere = || NoAnswer::Failed(HttpFault::Nowhere);
        let to = to.ok_or_else(nowhere)?;
        let door = Door::towards(&to).ok_or_else(nowhere)?;
        let client = self.client(door).await.map_err(NoAnswer::Setup)?;
        let way = self.ways(door).way(&to).map_err(|wrong| NoAnswer::Setup(wrong.into_problem()))?;
        let by = if let Way::By(proxy) = way { Some(proxy) } else { None };
        let mut retries = Retries::new(door);
        loop {
            let request =
                prepare(RequestBuilder::new(method.clone(), to.clone())).build().ok_or_else(nowhere)?;
            let limits = door.limits();
            let left = time_left(self.deadline);
            let limit = limits.one_try.map_or(left, |limit| limit.min(left));
            let one = timeout(limit, once(client, request, limits.answer)).await;
            let (tried, what) = match one.unwrap_or(Err(Broken::Unreached(Why::Silent))) {
                Ok((answer, after)) => {
                    let status = answer.status;
                    if !may_pass(status) && !is_starting(door, &to, status) {
                        return Ok(answer);
                    }
                    (Tried::Status { status, after }, Err(answer))
                }
                Err(Broken::TooLong) => return Err(NoAnswer::Failed(HttpFault::TooLong(host_of(&to)))),
                Err(Broken::Unreached(why)) => {
                    let by_proxy = by.is_some();
                    let what = unreached(&to, door, by.as_deref(), &why);
                    (Tried::Unreached { why, by_proxy }, Ok(what))
                }
            };
            if retries.again(&tried, self.deadline).await {
                continue;
            }
            return match what {
                Ok(what) => Err(NoAnswer::Failed(what)),
                Err(answer) if !may_pass(answer.status) => Ok(answer),
                Err(answer) => Err(NoAnswer::Failed(HttpFault::Status(host_of(&to), shown![answer.status]))),
            };
        }
    }
}

/// A client for what a dialer reaches.
pub fn client<B>(dialer: Dialer) -> Client<B>
where
    B: hyper::body::Body + Send,
    B::Data: Send,
{
    legacy::Client::builder(TokioExecutor::new()).build(dialer)
}

/// A client whose errors are of no type of their own, which layers around it want.
pub struct Boxed<B>(pub Client<B>);

impl<B> Clone for Boxed<B> {
    fn clone(&self) -> Boxed<B> {
        Boxed(self.0.clone())
    }
}

impl<B> Service<Request<B>> for Boxed<B>
where
    B: hyper::body::Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.0.request(request);
        Box::pin(async move { answer.await.map_err(BoxError::from) })
    }
}

/// What became of one try that brought no answer.
enum Broken {
    Unreached(Why),
    TooLong,
}

async fn once(
    client: &Client<Body>,
    request: Request<Body>,
    most: usize,
) -> Result<(Answer, Option<Duration>), Broken> {
    let broken = |error: &(dyn std::error::Error + 'static)| Broken::Unreached(Why::of(error));
    let response = client.request(request).await.map_err(|error| broken(&error))?;
    let (status, after) = (response.status(), retry_after(response.headers()));
    // Whatever stands in a refusal that passes, nobody reads it.
    let body = match may_pass(status) {
        true => Vec::new(),
        false => body::whole(response.into_body(), most).await.map_err(|fault| match fault {
            Fault::TooLong => Broken::TooLong,
            Fault::BrokenOff(error) => broken(&error),
        })?,
    };
    Ok((Answer { status, body: Zeroizing::new(body) }, after))
}

/// Whether this is Azure's metadata server while it starts or moves
/// (<https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#errors-and-debugging>).
fn is_starting(door: Door, to: &Uri, status: StatusCode) -> bool {
    let may_start = matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE);
    door == Door::Metadata && may_start && to.path().starts_with("/metadata/")
}

/// The message about a host that was not reached. Nothing of the address but the host is in it: its query may hold
/// something that is nobody's business.
pub(super) fn unreached(to: &Uri, door: Door, by: Option<&Proxy>, why: &Why) -> HttpFault {
    let host = host_of(to);
    match (by, why) {
        (Some(proxy), _) => HttpFault::ByProxy(host, proxy.fault(to.host().unwrap_or_default(), why)),
        (None, Why::Silent) => HttpFault::Silent(host),
        (None, Why::NoRoute | Why::Slow) if door == Door::Metadata => HttpFault::CutOff(host, why.shown()),
        (None, _) => HttpFault::Unreachable(host, why.shown()),
    }
}

fn host_of(to: &Uri) -> Shown {
    Shown::text(to.host().unwrap_or_default())
}

/// A request while it is put together.
pub struct RequestBuilder {
    method: Method,
    to: Uri,
    /// `None` once something fits no header.
    headers: Option<HeaderMap>,
    body: Zeroizing<Vec<u8>>,
}

impl RequestBuilder {
    fn new(method: Method, to: Uri) -> RequestBuilder {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("*/*"))]);
        RequestBuilder { method, to, headers: Some(headers), body: Zeroizing::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> RequestBuilder {
        let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
        self.headers = self.headers.zip(pair).map(|(mut headers, (name, mut value))| {
            value.set_sensitive(true);
            headers.append(name, value);
            headers
        });
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: String) -> RequestBuilder {
        self.body = Zeroizing::new(body.into_bytes());
        self
    }

    fn build(self) -> Option<Request<Body>> {
        let mut request = Request::new(Full::new(Cursor::new(self.body)));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.to;
        *request.headers_mut() = self.headers?;
        Some(request)
    }
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
