//! An API server that demands what a real one demands, and more: only GETs of named Secrets and
//! ServiceAccounts, and writes only where a test is about them (`writes.rs`). What it is asked against the rules is
//! a complaint, and a complaint fails the test.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::data::base64;
use super::fault;
use super::http::{self, Request};
use super::tls::Authority;
use super::writes::{self, Hand};

/// What a caller must show.
#[derive(Clone)]
enum Demand {
    Token(String),
    Certificate,
}

/// What the server says to a request for one path.
#[derive(Clone)]
pub enum Answer {
    /// 200 with this object.
    Object(Value),
    /// This status, with a Kubernetes Status object.
    Status(u16),
    /// The same with one more header.
    StatusWith(u16, &'static str, &'static str),
    /// These bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// These bytes, then the connection breaks: no close of TLS either.
    Cut(Vec<u8>),
    /// These bytes, one every so often.
    Drip(Vec<u8>, Duration),
    /// The first bytes, then the others again and again for as long as somebody reads.
    Flood(Vec<u8>, Vec<u8>),
    /// Nothing, for ever.
    Hang,
    /// 200, and a body that never ends.
    Endless,
    /// This happens while the request is under way; then it is answered so, or else as the objects have it.
    During(Arc<dyn Fn() + Send + Sync>, Option<Box<Answer>>),
    /// It is done, and the connection breaks before the answer.
    Lost,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) objects: HashMap<String, Value>,
    pub(super) namespaces: HashSet<String>,
    pub(super) revision: u64,
    takes_writes: bool,
    scripts: HashMap<String, VecDeque<Answer>>,
    always: HashMap<String, Answer>,
    requests: Vec<(Instant, Request)>,
    complaints: Vec<String>,
    waves: Vec<usize>,
    connections: usize,
    relays: Vec<String>,
    held: bool,
    /// How many of those that are held may go.
    passes: usize,
    closing: bool,
}

pub(super) struct Shared {
    address: SocketAddr,
    demand: Demand,
    state: Mutex<State>,
    changed: Condvar,
}

/// The server, until it is dropped.
pub struct FakeApi {
    pub authority: Authority,
    shared: Arc<Shared>,
}

/// The token that [`FakeApi::with_token`] demands.
pub const TOKEN: &str = "hunter2-api-token";

impl FakeApi {
    /// A server that demands [`TOKEN`].
    pub fn with_token() -> FakeApi {
        FakeApi::start(Demand::Token(TOKEN.to_owned()))
    }

    /// A server that demands a client certificate of its [`FakeApi::authority`].
    pub fn with_certificate() -> FakeApi {
        FakeApi::start(Demand::Certificate)
    }

    fn start(demand: Demand) -> FakeApi {
        let authority = Authority::new();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let tls = authority.server(&["127.0.0.1"]);
        let shared = Arc::new(Shared { address, demand, state: Mutex::default(), changed: Condvar::new() });
        let server = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if server.state().closing {
                    break;
                }
                let (server, tls) = (server.clone(), tls.clone());
                thread::spawn(move || server.serve(stream, tls));
            }
        });
        FakeApi { authority, shared }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.shared.address)
    }

    /// An address of the same server that is not loopback for the program, which may reach it by a proxy: the system takes
    /// 0.0.0.0 as this machine.
    pub fn elsewhere(&self) -> String {
        let url = self.url().replace("127.0.0.1", "0.0.0.0");
        self.behind(&url);
        url
    }

    /// It is asked through a relay at this URL too.
    pub fn behind(&self, url: &str) {
        self.shared.state().relays.push(url.trim_start_matches("https://").to_owned());
    }

    /// From now on it takes writes, into these namespaces.
    pub fn takes_writes(self, namespaces: &[&str]) -> FakeApi {
        let mut state = self.shared.state();
        state.takes_writes = true;
        state.revision = 100;
        state.namespaces.extend(namespaces.iter().map(|&name| name.to_owned()));
        drop(state);
        self
    }

    /// Somebody else who writes.
    pub fn hand(&self) -> Hand {
        Hand(self.shared.clone())
    }

    /// Puts a Secret there.
    pub fn secret(&self, namespace: &str, name: &str, kind: &str, data: &[(&str, &str)]) -> &FakeApi {
        let data: HashMap<&str, String> = data.iter().map(|(key, value)| (*key, base64(value))).collect();
        self.object(
            &secret_path(namespace, name),
            json!({ "kind": "Secret", "apiVersion": "v1", "type": kind, "data": data,
                    "metadata": { "name": name, "namespace": namespace, "resourceVersion": "7" } }),
        )
    }

    /// Puts a pull secret there.
    pub fn pull_secret(&self, namespace: &str, name: &str, of: &[(&str, &str)]) -> &FakeApi {
        let config = super::data::config(of);
        self.secret(namespace, name, "kubernetes.io/dockerconfigjson", &[(".dockerconfigjson", &config)])
    }

    /// Puts a ServiceAccount there that names these pull secrets.
    pub fn service_account(&self, namespace: &str, name: &str, pull_secrets: &[&str]) -> &FakeApi {
        let names: Vec<Value> = pull_secrets.iter().map(|name| json!({ "name": name })).collect();
        self.object(
            &account_path(namespace, name),
            json!({ "kind": "ServiceAccount", "apiVersion": "v1", "imagePullSecrets": names,
                    "metadata": { "name": name, "namespace": namespace } }),
        )
    }

    pub fn object(&self, path: &str, object: Value) -> &FakeApi {
        self.shared.state().objects.insert(path.to_owned(), object);
        self
    }

    /// These answers to the first requests for a path (`PUT path` for such ones); after them the object counts.
    pub fn first(&self, path: &str, answers: impl IntoIterator<Item = Answer>) -> &FakeApi {
        self.shared.state().scripts.entry(path.to_owned()).or_default().extend(answers);
        self
    }

    /// This answer to every request for a path; `*` is every path.
    pub fn always(&self, path: &str, answer: Answer) -> &FakeApi {
        self.shared.state().always.insert(path.to_owned(), answer);
        self
    }

    /// Holds the first requests until as many as the first wave has have arrived, then the next wave. A
    /// client that asks one after another never gets there, which is a complaint.
    pub fn waves(&self, waves: &[usize]) -> &FakeApi {
        self.shared.state().waves = waves.to_vec();
        self
    }

    /// Holds every request until [`FakeApi::release`].
    pub fn hold(&self) {
        self.shared.state().held = true;
    }

    /// Lets go of one of those that are held, or of the next that comes.
    pub fn release_one(&self) {
        self.shared.state().passes += 1;
        self.shared.changed.notify_all();
    }

    /// Lets go of what is held, and of all that come later.
    pub fn release(&self) {
        self.shared.state().held = false;
        self.shared.changed.notify_all();
    }

    /// How many connections came so far.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// All requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.iter().map(|(_, request)| request.clone()).collect()
    }

    /// The paths asked for so far, sorted.
    pub fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.requests().into_iter().map(|request| request.target).collect();
        paths.sort();
        paths
    }

    /// When the requests for a path arrived.
    pub fn arrivals(&self, path: &str) -> Vec<Instant> {
        let state = self.shared.state();
        state.requests.iter().filter(|(_, request)| request.target == path).map(|(at, _)| *at).collect()
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        let complaints = {
            let mut state = self.shared.state();
            state.closing = true;
            std::mem::take(&mut state.complaints)
        };
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(self.shared.address);
        if !thread::panicking() {
            assert!(complaints.is_empty(), "the API server complains: {complaints:#?}");
        }
    }
}

pub fn secret_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets/{name}")
}

pub fn account_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(&self, stream: TcpStream, tls: Arc<ServerConfig>) {
        stream.set_nodelay(true).unwrap();
        self.state().connections += 1;
        let mut stream = StreamOwned::new(ServerConnection::new(tls).unwrap(), stream);
        while let Some(request) = Request::read(&mut stream) {
            let shows_certificate = stream.conn.peer_certificates().is_some();
            let goes_on = match self.answer(request, shows_certificate) {
                Answer::During(..) | Answer::Lost => false,
                Answer::Object(object) => {
                    http::send(&mut stream, &http::reply(200, &[], "application/json", &object.to_string()))
                }
                Answer::Status(code) => http::send(&mut stream, &status(code, &[])),
                Answer::StatusWith(code, name, value) => {
                    http::send(&mut stream, &status(code, &[(name, value)]))
                }
                Answer::Raw(bytes) => {
                    http::send(&mut stream, &bytes);
                    stream.conn.send_close_notify();
                    http::send(&mut stream, b"");
                    false
                }
                Answer::Cut(bytes) => {
                    http::send(&mut stream, &bytes);
                    false
                }
                Answer::Drip(bytes, pause) => {
                    for byte in bytes {
                        if !http::send(&mut stream, &[byte]) || self.wait_until(pause, |state| state.closing)
                        {
                            break;
                        }
                    }
                    false
                }
                Answer::Flood(head, again) => {
                    fault::flood(&mut stream, &head, &again);
                    false
                }
                Answer::Hang => {
                    self.wait_until(Duration::from_secs(3600), |state| state.closing);
                    false
                }
                Answer::Endless => {
                    fault::endless_body(&mut stream);
                    false
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Notes the request and decides, in the order in which a real server does.
    fn answer(&self, request: Request, shows_certificate: bool) -> Answer {
        let held = {
            let mut state = self.state();
            state.requests.push((Instant::now(), request.clone()));
            let place = state.requests.len();
            let mut wave_ends = state.waves.iter().scan(0, |sum, wave| {
                *sum += wave;
                Some(*sum)
            });
            wave_ends.find(|end| place <= *end)
        };
        self.changed.notify_all();
        if !self.may_go(Duration::from_secs(60)) {
            self.complain(&request, "nobody let go of it");
        }
        if let Some(end) = held {
            let together = self.wait_until(Duration::from_secs(8), |state| state.requests.len() >= end);
            if !together {
                self.complain(&request, "the others of its wave did not come while it was held");
            }
        }
        let knows = match &self.demand {
            Demand::Certificate => shows_certificate,
            Demand::Token(token) => request.header("authorization") == [format!("Bearer {token}")],
        };
        if !knows {
            return Answer::Status(401);
        }
        if let Some(wrong) = self.wrong(&request) {
            self.complain(&request, wrong);
            return Answer::Status(403);
        }
        match self.scripted(&request) {
            None => self.carry_out(&request),
            Some(Answer::Lost) => {
                self.carry_out(&request);
                Answer::Lost
            }
            Some(Answer::During(happens, answer)) => {
                happens();
                answer.map_or_else(|| self.carry_out(&request), |answer| *answer)
            }
            Some(answer) => answer,
        }
    }

    fn scripted(&self, request: &Request) -> Option<Answer> {
        let mut state = self.state();
        let path = match request.method.as_str() {
            "GET" => request.target.clone(),
            method => format!("{method} {}", request.target),
        };
        let script = state.scripts.get_mut(&path).and_then(VecDeque::pop_front);
        script.or_else(|| state.always.get(&path).or(state.always.get("*")).cloned())
    }

    /// Does as the objects have it.
    fn carry_out(&self, request: &Request) -> Answer {
        let mut state = self.state();
        if request.method != "GET" {
            return match writes::write(&mut state, request) {
                Ok(object) => Answer::Object(object),
                Err(writes::Refusal::Status(code)) => Answer::Status(code),
                Err(writes::Refusal::Wrong(why)) => {
                    drop(state);
                    self.complain(request, why);
                    Answer::Status(400)
                }
            };
        }
        let object = state.objects.get(request.target.as_str());
        object.map_or(Answer::Status(404), |object| Answer::Object(object.clone()))
    }

    fn wrong(&self, request: &Request) -> Option<&'static str> {
        let parts: Vec<&str> = request.target.split('/').collect();
        let named = matches!(parts[..], ["", "api", "v1", "namespaces", namespace, "secrets" | "serviceaccounts", name]
            if !namespace.is_empty() && !name.is_empty() && !name.contains('?'));
        let takes_writes = self.state().takes_writes;
        let write = match request.method.as_str() {
            "PUT" => takes_writes && named && parts[5] == "secrets",
            "POST" => takes_writes && matches!(parts[..], ["", "api", "v1", "namespaces", _, "secrets"]),
            _ => false,
        };
        if !write && (request.method != "GET" || !named) {
            return Some("only GETs of named Secrets and ServiceAccounts are allowed");
        }
        if request.header("accept") != ["application/json"] {
            return Some("the Accept header is not application/json");
        }
        let hosts = request.header("host");
        let relayed = self.state().relays.iter().any(|relay| hosts == [relay.as_str()]);
        if hosts != [self.address.to_string()] && !relayed {
            return Some("the Host header is not the server's address");
        }
        if matches!(self.demand, Demand::Certificate) && !request.header("authorization").is_empty() {
            return Some("a token came with the certificate");
        }
        if write {
            let json = request.header("content-type") == ["application/json"];
            return (!json).then_some("the Content-Type of a write is not application/json");
        }
        let has_body = request.header("content-length").iter().any(|length| *length != "0")
            || !request.header("transfer-encoding").is_empty();
        has_body.then_some("a GET with a body")
    }

    fn complain(&self, request: &Request, why: &str) {
        let line = format!("{} {}: {why}", request.method, request.target);
        self.state().complaints.push(line);
    }

    /// Waits for something to be so; false if it is not within the limit.
    /// Waits until nothing is held, or one may go.
    fn may_go(&self, limit: Duration) -> bool {
        let waits = |state: &mut State| state.held && state.passes == 0 && !state.closing;
        let (mut state, waited) = self.changed.wait_timeout_while(self.state(), limit, waits).unwrap();
        if state.held {
            state.passes = state.passes.saturating_sub(1);
        }
        !waited.timed_out()
    }

    fn wait_until(&self, limit: Duration, so: impl Fn(&State) -> bool) -> bool {
        let waits = |state: &mut State| !so(state) && !state.closing;
        let (state, _) = self.changed.wait_timeout_while(self.state(), limit, waits).unwrap();
        so(&state)
    }
}

fn status(code: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        _ => "Unknown",
    };
    let body = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                       "message": format!("the API server says {reason}"), "reason": reason, "code": code });
    http::reply(code, headers, "application/json", &body.to_string())
}
