//! A proxy that notes where it was asked to go, and goes there: by CONNECT, by requests with a whole address, by SOCKS 5,
//! with TLS before any of it or without.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::http::{self, Request};

/// What a proxy has seen.
#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    logins: Vec<String>,
}

/// The proxy, until the test's process ends.
pub struct Proxy {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Seen>>,
}

impl Proxy {
    /// A proxy for HTTP and SOCKS: the first byte says which it is.
    pub fn start() -> Proxy {
        Proxy::serve("http", |stream, seen| {
            let mut first = [0];
            stream.peek(&mut first).ok()?;
            if first[0] == 5 { socks(stream, seen) } else { pass(stream, seen) }
        })
    }

    /// A proxy for HTTP over TLS.
    pub fn start_secure(tls: Arc<ServerConfig>) -> Proxy {
        Proxy::serve("https", move |stream, seen| {
            tunnel_in_tls(StreamOwned::new(ServerConnection::new(tls.clone()).ok()?, stream), seen)
        })
    }

    fn serve(
        scheme: &'static str,
        serve: impl Fn(TcpStream, &Mutex<Seen>) -> Option<()> + Clone + Send + 'static,
    ) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let noted = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, serve) = (noted.clone(), serve.clone());
                thread::spawn(move || {
                    stream.set_nodelay(true).ok()?;
                    serve(stream, &noted)
                });
            }
        });
        Proxy { address, scheme, seen }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub fn url_with(&self, user: &str, password: &str) -> String {
        format!("{}://{user}:{password}@{}", self.scheme, self.address)
    }

    /// What it was asked for: method, target, and the headers.
    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// Users and passwords that came by SOCKS.
    pub fn logins(&self) -> Vec<String> {
        self.seen.lock().unwrap().logins.clone()
    }

    /// Where it was asked to go.
    pub fn targets(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }
}

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
const NOT_REACHED: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";

fn pass(mut client: TcpStream, seen: &Mutex<Seen>) -> Option<()> {
    let request = Request::read(&mut client)?;
    seen.lock().unwrap().requests.push(request.clone());
    if request.method != "CONNECT" {
        return forward(client, &request);
    }
    match TcpStream::connect(&request.target) {
        Ok(server) => {
            http::send(&mut client, ESTABLISHED);
            join(client, server)
        }
        Err(_) => {
            http::send(&mut client, NOT_REACHED);
            None
        }
    }
}

/// A request with a whole address, passed on with its path alone.
fn forward(mut client: TcpStream, request: &Request) -> Option<()> {
    let (authority, path) = request.target.strip_prefix("http://")?.split_once('/')?;
    let mut server = TcpStream::connect(authority).ok()?;
    let own = |name: &String| !name.starts_with("proxy-") && name != "connection";
    let headers = request.headers.iter().filter(|(name, _)| own(name));
    let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("{} /{path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n", request.method);
    http::send(&mut server, head.as_bytes());
    copy(server, &mut client);
    Some(())
}

/// SOCKS 5 (RFC 1928), with user and password (RFC 1929) where the client has them.
fn socks(mut client: TcpStream, seen: &Mutex<Seen>) -> Option<()> {
    let [_, count] = bytes::<2>(&mut client)?;
    let mut methods = vec![0; usize::from(count)];
    client.read_exact(&mut methods).ok()?;
    if methods.contains(&2) {
        http::send(&mut client, &[5, 2]);
        bytes::<1>(&mut client)?;
        let login = format!("{}:{}", text(&mut client)?, text(&mut client)?);
        seen.lock().unwrap().logins.push(login);
        http::send(&mut client, &[1, 0]);
    } else {
        http::send(&mut client, &[5, 0]);
    }
    let [_, _, _, kind] = bytes::<4>(&mut client)?;
    let host =
        if kind == 3 { text(&mut client)? } else { Ipv4Addr::from(bytes::<4>(&mut client)?).to_string() };
    let target = format!("{host}:{}", u16::from_be_bytes(bytes::<2>(&mut client)?));
    let request = Request { method: "SOCKS".into(), target: target.clone(), headers: vec![], body: vec![] };
    seen.lock().unwrap().requests.push(request);
    let server = TcpStream::connect(target).ok()?;
    http::send(&mut client, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    join(client, server)
}

fn bytes<const N: usize>(stream: &mut TcpStream) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn text(stream: &mut TcpStream) -> Option<String> {
    let [length] = bytes::<1>(stream)?;
    let mut text = vec![0; usize::from(length)];
    stream.read_exact(&mut text).ok()?;
    String::from_utf8(text).ok()
}

/// CONNECT over TLS: both directions in one thread, since a TLS connection is one.
fn tunnel_in_tls(mut client: StreamOwned<ServerConnection, TcpStream>, seen: &Mutex<Seen>) -> Option<()> {
    let request = Request::read(&mut client)?;
    seen.lock().unwrap().requests.push(request.clone());
    let mut server = TcpStream::connect(&request.target).ok()?;
    http::send(&mut client, ESTABLISHED);
    let soon = Some(std::time::Duration::from_millis(5));
    client.sock.set_read_timeout(soon).ok()?;
    server.set_read_timeout(soon).ok()?;
    loop {
        let (there, back) = (step(&mut client, &mut server), step(&mut server, &mut client));
        there.and(back)?;
    }
}

/// Passes on what has come; `None` at the end.
fn step(from: &mut impl Read, to: &mut impl Write) -> Option<()> {
    let mut chunk = [0; 16 * 1024];
    match from.read(&mut chunk) {
        Ok(0) => None,
        Ok(got) => http::send(to, &chunk[..got]).then_some(()),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Some(()),
        Err(_) => None,
    }
}

fn join(client: TcpStream, server: TcpStream) -> Option<()> {
    server.set_nodelay(true).ok()?;
    let (from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    thread::spawn(move || {
        copy(from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let mut client = client;
    copy(server, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Write);
    Some(())
}

fn copy(mut from: impl Read, to: &mut impl Write) {
    let mut chunk = [0; 16 * 1024];
    while let Ok(got @ 1..) = from.read(&mut chunk) {
        if to.write_all(&chunk[..got]).is_err() {
            break;
        }
    }
}
