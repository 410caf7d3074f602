//! One request for a named object, retried within the deadline, and what its answer means.

use http::{Request, Response, StatusCode, header};
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::object::Object;
use super::{Cluster, Found};
use crate::body::{self, Fault};
use crate::network::Door;
use crate::network::fault::{Why, may_pass};
use crate::network::proxy::Way;
use crate::network::retry::{self, Retries, retry_after};
use crate::problem::{Outage, Problem, ServerFault};
use crate::settings::is_object_name;
use crate::shown::Shown;

/// A kubeconfig found by chance is not worth a long wait.
const RETRIES_BY_CHANCE: u32 = 1;

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
    Again { what: ServerFault, tried: retry::Tried },
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
    let mut retries = Retries::new(Door::ApiServer);
    if cluster.found == Found::ByChance {
        retries = retries.at_most(RETRIES_BY_CHANCE);
    }
    // One request may take this long before it is tried anew on another connection.
    let one_try = Door::ApiServer.limits().one_try.unwrap_or_default();
    let mut last: Option<ServerFault> = None;
    loop {
        // Held until the answer is here; waiting for it is no part of the try.
        let _turn = timeout(cluster.deadline.left(), cluster.turns.acquire()).await;
        let left = cluster.deadline.left();
        let limit = if last.is_none() { left } else { left.min(one_try) }.min(one_try.max(left / 2));
        let tried = match timeout(limit, once(cluster, object, verb)).await {
            Ok(tried) => tried,
            Err(_) => unreached(cluster, object, Why::Silent),
        };
        let (what, tried) = match tried {
            Tried::Answer(answer) => return answer,
            Tried::Again { what, tried } => (what, tried),
        };
        // The first reason says more than that time ran out.
        let what = match (last, &tried) {
            (Some(before), retry::Tried::Unreached { why: Why::Silent, .. }) => before,
            _ => what,
        };
        if !retries.again(&tried, cluster.deadline).await {
            return Err(failed(cluster, object, what));
        }
        last = Some(what);
    }
}

fn request(object: &Object, verb: Verb) -> Option<Request<Body>> {
    let (builder, body) = match verb {
        Verb::Get => (Request::get(object.path()?), Body::empty()),
        Verb::Create(body) => (Request::post(object.collection()?), Body::from(body.to_vec())),
        Verb::Update(body) => (Request::put(object.path()?), Body::from(body.to_vec())),
    };
    let json = "application/json";
    builder.header(header::ACCEPT, json).header(header::CONTENT_TYPE, json).body(body).ok()
}

fn failed(cluster: &Cluster, object: &Object, what: ServerFault) -> Refusal {
    Refusal::Failed(Problem::Cluster { object: object.shown(), server: cluster.server.clone(), what })
}

async fn once(cluster: &Cluster, object: &Object, verb: Verb<'_>) -> Tried {
    let Some(request) = request(object, verb) else {
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
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED if cluster.url.scheme_str() == Some("http") => {
            return Tried::Answer(Err(failed(cluster, object, ServerFault::InClear)));
        }
        StatusCode::FORBIDDEN => return forbidden(cluster, object, verb, response).await,
        StatusCode::UNAUTHORIZED => {
            let (object, server) = (object.shown(), cluster.server.clone());
            return Tried::Answer(Err(Refusal::Failed(Problem::Unauthorized { object, server })));
        }
        status if may_pass(status) => {
            let tried = retry::Tried::Status { status, after: retry_after(response.headers()) };
            return Tried::Again { what: ServerFault::Down(Outage::Status(shown![status])), tried };
        }
        status => {
            let what = ServerFault::OddStatus(shown![status]);
            return Tried::Answer(Err(failed(cluster, object, what)));
        }
    }
    let most = Door::ApiServer.limits().answer;
    match body::whole(response.into_body(), most).await {
        Ok(body) => Tried::Answer(Ok(Zeroizing::new(body))),
        Err(Fault::TooLong) => Tried::Answer(Err(failed(cluster, object, ServerFault::TooLong))),
        Err(Fault::BrokenOff(_)) => {
            let tried = retry::Tried::Unreached { why: Why::BrokenOff, by_proxy: false };
            Tried::Again { what: ServerFault::Down(Outage::BrokenOff), tried }
        }
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
    let body = body::whole(response.into_body(), Door::ApiServer.limits().answer).await;
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

/// A failure below HTTP.
fn transport(cluster: &Cluster, object: &Object, error: &kube::Error) -> Tried {
    if matches!(error, kube::Error::Auth(_) | kube::Error::HttpError(_) | kube::Error::BuildRequest(_)) {
        return Tried::Answer(Err(failed(
            cluster,
            object,
            ServerFault::Identity(Shown::text(&deepest(error))),
        )));
    }
    unreached(cluster, object, Why::of(error))
}

/// A server that was not reached. What lasts is not tried again.
fn unreached(cluster: &Cluster, object: &Object, why: Why) -> Tried {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
    };
    let by = match &cluster.way {
        Way::By(proxy) => Some(proxy),
        Way::Direct => None,
    };
    let reason = why.shown();
    let what = match (&why, by) {
        (Why::Certificate(what), _) => {
            let reason = by.map_or(reason.clone(), |proxy| shown![reason, ", ", proxy.on_the_way()]);
            match what {
                NotValidForName | NotValidForNameContext { .. } => ServerFault::CertificateName(reason),
                Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } => {
                    ServerFault::CertificateTime(reason)
                }
                _ => ServerFault::Certificate(reason),
            }
        }
        (_, Some(proxy)) => ServerFault::ByProxy(proxy.fault(cluster.url.host().unwrap_or_default(), &why)),
        (Why::Silent, None) => ServerFault::Down(Outage::Silent),
        (_, None) => ServerFault::Down(Outage::Unreachable(reason)),
    };
    if why.lasts() {
        return Tried::Answer(Err(failed(cluster, object, what)));
    }
    Tried::Again { what, tried: retry::Tried::Unreached { why, by_proxy: by.is_some() } }
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
