//! A CONNECT proxy that notes where it was asked to go, and goes there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::http::{self, Request};

/// The proxy, until the test's process ends.
pub struct Proxy {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Proxy {
    pub fn start() -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = seen.clone();
                thread::spawn(move || pass(stream, &seen));
            }
        });
        Proxy { address, requests }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn url_with(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.address)
    }

    /// What it was asked for: method, target, and the headers.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Where it was asked to go.
    pub fn targets(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }
}

fn pass(mut client: TcpStream, seen: &Mutex<Vec<Request>>) -> Option<()> {
    client.set_nodelay(true).ok()?;
    let request = Request::read(&mut client)?;
    let target = request.target.clone();
    let connects = request.method == "CONNECT";
    seen.lock().unwrap().push(request);
    let server = match connects.then(|| TcpStream::connect(&target)) {
        Some(Ok(server)) => server,
        _ => {
            http::send(&mut client, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
            return None;
        }
    };
    server.set_nodelay(true).ok()?;
    http::send(&mut client, b"HTTP/1.1 200 OK\r\n\r\n");
    let (from, to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    thread::spawn(move || copy(from, to));
    copy(server, client);
    Some(())
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut chunk = [0; 16 * 1024];
    while let Ok(got @ 1..) = from.read(&mut chunk) {
        if to.write_all(&chunk[..got]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
