//! One request for a named object, retried within the deadline, and what its answer means.

use std::time::Duration;

use http::{Request, Response, StatusCode, header};
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::object::Object;
use super::{Cluster, Found};
use crate::body::{self, Fault};
use crate::problem::{Outage, Problem, ServerFault};
use crate::settings::is_object_name;
use crate::shown::Shown;

/// No object is larger: etcd takes 1.5 MiB, and base64 adds a third.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// The first wait before a retry; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A kubeconfig found by chance is not worth a long wait.
const RETRIES_BY_CHANCE: u32 = 1;
/// One request may take this long before it is tried anew on another connection.
const ONE_TRY: Duration = Duration::from_secs(4);

/// Why there is no object.
#[derive(Debug)]
pub enum Refusal {
    /// 404.
    Absent,
    /// 403, and the service account that the server says it is to, as namespace and name.
    Denied(Option<(Shown, Shown)>),
    /// 409: somebody else wrote in the meantime.
    Conflict,
    /// Everything else, told.
    Failed(Problem),
}

/// What one try brought.
enum Tried {
    Answer(Result<Zeroizing<Vec<u8>>, Refusal>),
    Again { what: Outage, wait: Option<Duration> },
}

/// What is asked of an object.
#[derive(Clone, Copy)]
pub(super) enum Verb<'a> {
    Get,
    Create(&'a [u8]),
    Update(&'a [u8]),
}

impl Verb<'_> {
    fn is_write(self) -> bool {
        !matches!(self, Verb::Get)
    }
}

/// Gets an object and parses it.
pub(super) async fn get<T: DeserializeOwned>(cluster: &Cluster, object: &Object) -> Result<T, Refusal> {
    let body = call(cluster, object, Verb::Get).await?;
    match serde_json::from_slice(&body) {
        Ok(parsed) if kind_of(&body).as_deref() == Some(object.kind()) => Ok(parsed),
        _ => Err(failed(cluster, object, ServerFault::NotKubernetes)),
    }
}

/// Sends a request until it is answered; the answer's body.
pub(super) async fn call(
    cluster: &Cluster,
    object: &Object,
    verb: Verb<'_>,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut wait = FIRST_WAIT;
    let mut tries = 0;
    let mut last = None;
    loop {
        let left = cluster.deadline.left();
        let limit = if tries == 0 { left } else { left.min(ONE_TRY) }.min(ONE_TRY.max(left / 2));
        let tried = match timeout(limit, once(cluster, object, verb)).await {
            Ok(tried) => tried,
            Err(_) => Tried::Again { what: last.unwrap_or(Outage::Silent), wait: None },
        };
        let (what, asked) = match tried {
            Tried::Answer(answer) => return answer,
            Tried::Again { what, wait } => (what, wait),
        };
        let pause = asked.unwrap_or(wait).max(FIRST_WAIT);
        let enough = cluster.found == Found::ByChance && tries >= RETRIES_BY_CHANCE;
        if enough || pause >= cluster.deadline.left() {
            return Err(failed(cluster, object, ServerFault::Down(what)));
        }
        sleep(pause).await;
        wait = (wait * 2).min(LONGEST_WAIT);
        tries += 1;
        last = Some(what);
    }
}

fn request(object: &Object, verb: Verb) -> Result<Request<Body>, http::Error> {
    let (builder, body) = match verb {
        Verb::Get => (Request::get(object.path()), Body::empty()),
        Verb::Create(body) => (Request::post(object.collection()), Body::from(body.to_vec())),
        Verb::Update(body) => (Request::put(object.path()), Body::from(body.to_vec())),
    };
    let json = "application/json";
    builder.header(header::ACCEPT, json).header(header::CONTENT_TYPE, json).body(body)
}

fn failed(cluster: &Cluster, object: &Object, what: ServerFault) -> Refusal {
    Refusal::Failed(Problem::Cluster { object: object.shown(), server: cluster.server.clone(), what })
}

async fn once(cluster: &Cluster, object: &Object, verb: Verb<'_>) -> Tried {
    let Ok(request) = request(object, verb) else {
        return Tried::Answer(Err(failed(cluster, object, ServerFault::Name)));
    };
    let response = match cluster.client.send(request).await {
        Ok(response) => response,
        Err(error) => return transport(cluster, object, &error),
    };
    match response.status() {
        StatusCode::OK | StatusCode::CREATED => {}
        StatusCode::CONFLICT => return Tried::Answer(Err(Refusal::Conflict)),
        StatusCode::UNPROCESSABLE_ENTITY => {
            return Tried::Answer(Err(failed(cluster, object, ServerFault::Invalid)));
        }
        StatusCode::NOT_FOUND => return Tried::Answer(Err(Refusal::Absent)),
        StatusCode::FORBIDDEN => return forbidden(cluster, object, verb, response).await,
        StatusCode::UNAUTHORIZED => {
            let (object, server) = (object.shown(), cluster.server.clone());
            return Tried::Answer(Err(Refusal::Failed(Problem::Unauthorized { object, server })));
        }
        status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) => {
            return Tried::Again { what: Outage::Status(shown![status]), wait: retry_after(&response) };
        }
        status if status.is_server_error() => {
            return Tried::Again { what: Outage::Status(shown![status]), wait: retry_after(&response) };
        }
        status => {
            let what = ServerFault::OddStatus(shown![status]);
            return Tried::Answer(Err(failed(cluster, object, what)));
        }
    }
    match body::whole(response.into_body(), MOST_BYTES).await {
        Ok(body) => Tried::Answer(Ok(Zeroizing::new(body))),
        Err(Fault::TooLong) => Tried::Answer(Err(failed(cluster, object, ServerFault::TooLong))),
        Err(Fault::BrokenOff(_)) => Tried::Again { what: Outage::BrokenOff, wait: None },
    }
}

/// A 403. To a write, a namespace that is being deleted, a quota and a policy refuse what RBAC allows, and no Role helps
/// against them.
async fn forbidden(cluster: &Cluster, object: &Object, verb: Verb<'_>, response: Response<Body>) -> Tried {
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        message: String,
    }
    let body = body::whole(response.into_body(), MOST_BYTES).await;
    let message = body
        .ok()
        .and_then(|body| serde_json::from_slice::<Status>(&body).ok())
        .map(|status| status.message)
        .unwrap_or_default();
    let namespace = Shown::text(&object.namespace);
    let what = if !verb.is_write() {
        return Tried::Answer(Err(Refusal::Denied(account_in(&message))));
    } else if message.contains("is being terminated") {
        ServerFault::Terminating(namespace)
    } else if message.contains("exceeded quota") {
        ServerFault::Quota(namespace)
    } else if message.contains("denied the request") {
        ServerFault::Policy(namespace)
    } else {
        return Tried::Answer(Err(Refusal::Denied(account_in(&message))));
    };
    Tried::Answer(Err(failed(cluster, object, what)))
}

/// Who was denied, in the words of the API server's authorizer: `User "system:serviceaccount:<namespace>:<name>" cannot`.
fn account_in(message: &str) -> Option<(Shown, Shown)> {
    let (_, rest) = message.split_once("User \"system:serviceaccount:")?;
    let (namespace, name) = rest.split_once('"')?.0.split_once(':')?;
    (is_object_name(namespace) && is_object_name(name)).then(|| (Shown::text(namespace), Shown::text(name)))
}

/// The kind that an answer claims to be. Anything else with 200 (a gateway's `{}`) would look like an object that
/// holds nothing.
fn kind_of(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Typed {
        kind: String,
    }
    // serde takes a list for an object with its fields in order.
    let object = body.trim_ascii_start().starts_with(b"{");
    Some(serde_json::from_slice::<Typed>(body).ok().filter(|_| object)?.kind)
}

/// A failure below HTTP. A certificate that is not trusted will not be so in a second, so it is not retried.
fn transport(cluster: &Cluster, object: &Object, error: &kube::Error) -> Tried {
    let reason = deepest(error);
    if matches!(error, kube::Error::Auth(_) | kube::Error::HttpError(_) | kube::Error::BuildRequest(_)) {
        return Tried::Answer(Err(failed(cluster, object, ServerFault::Identity(Shown::text(&reason)))));
    }
    if reason.contains("certificate") {
        let fault = match reason.as_str() {
            other if other.contains("not valid for name") => {
                ServerFault::CertificateName(Shown::text(&reason))
            }
            early if early.contains("expired") || early.contains("not valid yet") => {
                ServerFault::CertificateTime(Shown::text(&reason))
            }
            _ => ServerFault::Certificate(Shown::text(&reason)),
        };
        return Tried::Answer(Err(failed(cluster, object, fault)));
    }
    Tried::Again { what: Outage::Unreachable(Shown::text(&reason)), wait: None }
}

/// The innermost cause of an error.
pub(super) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    // A semicolon stands before the remedy, and nowhere else.
    cause.to_string().replace(';', ",")
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3); the API server sends no dates.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
