//! The doors for the AWS SDK. Its own HTTP client would find its own way through proxies, keep whatever a server sends,
//! however much it is, and follow a profile's `endpoint_url` anywhere, with the token of an identity.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecr::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response, StatusCode, Uri};
use tokio::time::timeout;

use super::address::is_metadata_server;
use super::aws_endpoint;
use super::connect::Ways;
use super::fault::{Why, may_pass};
use super::http::{Client, Http, client, unreached};
use super::proxy::Way;
use super::retry::{Retries, Tried, retry_after};
use super::{Door, time_left};
use crate::body::{self, Fault};
use crate::deadline::Deadline;
use crate::problem::{HttpFault, Problem};
use crate::shown::Shown;

/// Whom a client may send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// AWS's services, and the metadata servers that a profile can name as its source.
    Services,
    /// Metadata servers and container agents.
    Machine,
}

/// What the last request of the SDK came to: of the errors that the SDK makes of it, only words are left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Last {
    /// The status of the answer.
    pub status: Option<StatusCode>,
    /// AWS's code for a refusal.
    pub code: Option<String>,
    /// Why it brought nothing, if it did not.
    pub missed: Option<Missed>,
}

/// Why a request brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// It would have left AWS, so it was not sent.
    Elsewhere,
    /// Nothing could be sent: a proxy's variable makes no sense.
    Setup(Problem),
    /// Nobody answered, or only that it is out of order.
    Down(HttpFault),
}

/// The SDK's clients, and what became of their last request.
#[derive(Clone)]
pub struct AwsClients {
    services: Client<SdkBody>,
    machine: Client<SdkBody>,
    ways: Ways,
    deadline: Deadline,
    last: Arc<Mutex<Last>>,
}

impl AwsClients {
    /// Opens the doors.
    ///
    /// # Errors
    /// There are no authorities, `AWS_CA_BUNDLE` cannot be used, or a proxy's variable is no address.
    pub fn new(http: &Http) -> Result<AwsClients, Problem> {
        Ok(AwsClients {
            services: client(http.dialer(Door::Aws)?),
            machine: client(http.dialer(Door::Metadata)?),
            ways: http.ways(Door::Aws),
            deadline: http.deadline,
            last: Arc::default(),
        })
    }

    /// A client for the SDK.
    pub fn reaching(&self, reach: Reach) -> SharedHttpClient {
        let clients = self.clone();
        http_client_fn(move |settings, _| {
            let patience = settings.read_timeout();
            SharedHttpConnector::new(Connection { clients: clients.clone(), reach, patience })
        })
    }

    /// What the last request came to since [`AwsClients::forget`].
    pub fn last(&self) -> Last {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the last request, before another that may not be made.
    pub fn forget(&self) {
        self.note(Last::default());
    }

    fn note(&self, last: Last) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
    }
}

/// A client for one operation of the SDK, with its patience for an answer.
#[derive(Clone)]
struct Connection {
    clients: AwsClients,
    reach: Reach,
    patience: Option<std::time::Duration>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({:?})", self.reach)
    }
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connection = self.clone();
        HttpConnectorFuture::new(async move {
            let (last, result) = match connection.send(request).await {
                Ok((answer, last)) => (last, Ok(answer)),
                Err(missed) => {
                    let last = Last { missed: Some(missed), ..Last::default() };
                    // Tried again here as often as it helps: the SDK is not to do it over.
                    (last, Err(ConnectorError::user("no answer".into())))
                }
            };
            connection.clients.note(last);
            result
        })
    }
}

/// The door for an address; `None` where a request would leave AWS.
fn door(reach: Reach, to: &Uri) -> Option<Door> {
    let in_clear = to.scheme_str() == Some("http");
    match reach {
        // Whether the address is on this machine shows when it is resolved.
        Reach::Machine => in_clear.then_some(Door::Metadata),
        Reach::Services if in_clear => is_metadata_address(to).then_some(Door::Metadata),
        Reach::Services => aws_endpoint::service(to).map(|_| Door::Aws),
    }
}

/// Whether an address is a metadata server's, by number and on the usual port.
fn is_metadata_address(to: &Uri) -> bool {
    let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
    to.port_u16().is_none_or(|port| port == 80) && host.parse().is_ok_and(is_metadata_server)
}

impl Connection {
    /// Sends a request until something comes back, or asking again does not help. An answer that something is out of
    /// order is given to the SDK, and noted.
    async fn send(&self, request: HttpRequest) -> Result<(HttpResponse, Last), Missed> {
        let to: Uri = request.uri().parse().map_err(|_| Missed::Elsewhere)?;
        let door = door(self.reach, &to).ok_or(Missed::Elsewhere)?;
        let (client, way) = match door {
            Door::Metadata => (&self.clients.machine, Ok(Way::Direct)),
            _ => (&self.clients.services, self.clients.ways.way(&to)),
        };
        let by = match way.map_err(|wrong| Missed::Setup(wrong.into_problem()))? {
            Way::By(proxy) => Some(proxy),
            Way::Direct => None,
        };
        let down = |what| Missed::Down(what);
        let mut retries = Retries::new(door);
        loop {
            let again = request.try_clone().and_then(|request| request.try_into_http1x().ok());
            let request = again.ok_or_else(|| down(HttpFault::Nowhere))?;
            let limits = door.limits();
            let limit = [self.patience, limits.one_try].into_iter().flatten();
            let limit = limit.fold(time_left(self.clients.deadline), std::time::Duration::min);
            let one = timeout(limit, once(client, request, limits.answer)).await;
            let (tried, answer) = match one.unwrap_or(Err(Why::Silent)) {
                Ok((answer, after)) => {
                    let status = answer.status();
                    let code = code(&answer);
                    if !may_pass(status) && !code.as_deref().is_some_and(|code| PASSING.contains(&code)) {
                        return answered(answer, code, None);
                    }
                    (Tried::Status { status, after }, Some((answer, code)))
                }
                Err(why) => (Tried::Unreached { why, by_proxy: by.is_some() }, None),
            };
            if retries.again(&tried, self.clients.deadline).await {
                continue;
            }
            return match (tried, answer) {
                // It may pass, and yet is a refusal while it does not.
                (_, Some((answer, Some(code)))) if code == INVALID_TOKEN => {
                    answered(answer, Some(code), None)
                }
                (_, Some((answer, code))) => {
                    let status = answer.status();
                    let said = code.as_deref().filter(|_| !may_pass(status));
                    let said = said.map_or_else(|| shown![status], Shown::text);
                    let host = Shown::text(to.host().unwrap_or_default());
                    answered(answer, code, Some(down(HttpFault::Status(host, said))))
                }
                (Tried::Unreached { why, .. }, None) => Err(down(unreached(&to, door, by.as_deref(), &why))),
                (Tried::Status { .. }, None) => Err(down(HttpFault::Nowhere)),
            };
        }
    }
}

fn answered(
    answer: Response<Vec<u8>>,
    code: Option<String>,
    missed: Option<Missed>,
) -> Result<(HttpResponse, Last), Missed> {
    let last = Last { status: Some(answer.status()), code, missed };
    let answer = HttpResponse::try_from(answer.map(SdkBody::from));
    answer.map(|answer| (answer, last)).map_err(|_| Missed::Down(HttpFault::Nowhere))
}

async fn once(
    client: &Client<SdkBody>,
    request: Request<SdkBody>,
    most: usize,
) -> Result<(Response<Vec<u8>>, Option<std::time::Duration>), Why> {
    let response = client.request(request).await.map_err(|error| Why::of(&error))?;
    let after = retry_after(response.headers());
    let (parts, body) = response.into_parts();
    let body = body::whole(body, most).await.map_err(|fault| match fault {
        Fault::TooLong => Why::TooLong,
        Fault::BrokenOff(error) => Why::of(&error),
    })?;
    Ok((Response::from_parts(parts, body), after))
}

/// STS could not verify the projected token: for lack of its issuer's keys, which may pass, or for good.
const INVALID_TOKEN: &str = "InvalidIdentityToken";

/// Codes of refusals that may pass, whatever their status (`THROTTLING_ERRORS` and `TRANSIENT_ERRORS` of the SDK's
/// `aws-runtime`; the last two are STS's, as for the SDK of Go).
const PASSING: [&str; 17] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "BandwidthLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServerException",
    "IDPCommunicationError",
    INVALID_TOKEN,
];

/// The code in a refusal: `x-amzn-errortype`, `__type` or `code` in JSON, `<Code>` in XML.
fn code(answer: &Response<Vec<u8>>) -> Option<String> {
    if !answer.status().is_client_error() {
        return None;
    }
    let header = answer.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let of_json = || {
        let body: serde_json::Value = serde_json::from_slice(answer.body()).ok()?;
        Some(body["__type"].as_str().or(body["code"].as_str())?.to_owned())
    };
    let of_xml = || {
        let (_, rest) = std::str::from_utf8(answer.body()).ok()?.split_once("<Code>")?;
        Some(rest.split_once("</Code>")?.0.to_owned())
    };
    let code = header.map(str::to_owned).or_else(of_json).or_else(of_xml)?;
    // `com.amazonaws.ecr#Code:http://...`
    let code = code.split(':').next().unwrap_or_default();
    Some(code.rsplit('#').next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn towards(reach: Reach, address: &str) -> Option<Door> {
        door(reach, &address.parse().unwrap())
    }

    #[test]
    fn services_leave_for_aws_and_metadata_servers_only() {
        let door = |address| towards(Reach::Services, address);
        assert_eq!(door("https://sts.eu-west-1.amazonaws.com/"), Some(Door::Aws));
        for address in [
            "http://169.254.169.254/latest/",
            "http://169.254.170.2/v2/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::254]/latest/",
        ] {
            assert_eq!(door(address), Some(Door::Metadata), "{address}");
        }
        for address in [
            "http://169.254.169.253/",
            "http://169.254.169.254:8080/",
            "https://169.254.169.254/",
            "http://169.254.169.254.evil.example/",
            "http://127.0.0.1/",
            "http://evil.example/169.254.169.254",
            "http://sts.eu-west-1.amazonaws.com/",
            "https://abc.execute-api.eu-west-1.amazonaws.com/",
        ] {
            assert_eq!(door(address), None, "{address}");
        }
    }

    #[test]
    fn the_machine_is_asked_in_clear() {
        let door = |address| towards(Reach::Machine, address);
        assert_eq!(door("http://127.0.0.1:51679/role"), Some(Door::Metadata));
        assert_eq!(door("https://agent.example/role"), None);
    }

    #[test]
    fn codes() {
        let answer = |header: Option<&str>, body: &str| {
            let builder = Response::builder().status(400);
            let builder = header.into_iter().fold(builder, |b, value| b.header("x-amzn-ErrorType", value));
            code(&builder.body(body.as_bytes().to_vec()).unwrap())
        };
        for (header, body, expected) in [
            (
                None,
                r#"{"__type":"com.amazonaws.ecr#ThrottlingException","message":"x"}"#,
                Some("ThrottlingException"),
            ),
            (None, r#"{"__type":"ThrottlingException"}"#, Some("ThrottlingException")),
            (Some("TooManyRequestsException:http://x/"), "{}", Some("TooManyRequestsException")),
            (
                None,
                "<ErrorResponse><Error><Type>Sender</Type><Code>IDPCommunicationError</Code></Error></ErrorResponse>",
                Some("IDPCommunicationError"),
            ),
            (None, "<Code>", None),
            (None, "[]", None),
            (None, "", None),
        ] {
            assert_eq!(answer(header, body).as_deref(), expected, "{body}");
        }
    }
}
