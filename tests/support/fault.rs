//! Servers and addresses that do not do what they should.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use super::http;

/// An address where nobody listens, kept from others as long as this lives.
pub struct Refused {
    client: TcpStream,
    _server: TcpListener,
}

impl Refused {
    pub fn new() -> Refused {
        let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        // The client's port is taken, so nobody else gets it, and nobody listens on it.
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        Refused { client, _server: server }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.client.local_addr().unwrap())
    }
}

/// What a server does with a connection.
#[derive(Clone, Copy)]
pub enum Manner {
    /// Takes it and says nothing.
    Silent,
    /// Says this at once and closes.
    Says(&'static [u8]),
    /// Closes at once.
    Closes,
}

/// A server without TLS that behaves so, and counts who comes.
pub struct Rude {
    address: SocketAddr,
    visits: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Rude {
    pub fn new(manner: Manner) -> Rude {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let visits = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = visits.clone();
        // The thread and the connections it holds end with the test's process.
        thread::spawn(move || {
            let mut held = Vec::new();
            for mut stream in listener.incoming().flatten() {
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                match manner {
                    Manner::Silent => held.push(stream),
                    Manner::Says(bytes) => {
                        let _ = stream.set_nodelay(true);
                        http::send(&mut stream, bytes);
                    }
                    Manner::Closes => {}
                }
            }
        });
        Rude { address, visits }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How many connections came.
    pub fn visits(&self) -> usize {
        self.visits.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// 200, and a body in chunks for as long as somebody reads.
pub fn endless_body(stream: &mut impl Write) {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    flood(stream, head, &[b"4000\r\n".as_slice(), &[b' '; 0x4000], b"\r\n"].concat());
}

/// A beginning, then the same again and again for as long as somebody reads.
pub fn flood(stream: &mut impl Write, head: &[u8], again: &[u8]) {
    let mut goes_on = http::send(stream, head);
    while goes_on {
        goes_on = http::send(stream, again);
    }
}
