//! Stands between the program and a server, and damages what the server sends: below TLS, where an attacker or a
//! broken network does it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens to the server's bytes on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// After so many the connection ends.
    Cut(usize),
    /// This one has a bit turned over.
    Flip(usize),
    /// This one is there twice.
    Twice(usize),
    /// This one is not there.
    Lost(usize),
}

/// The relay, until the test's process ends.
pub struct Relay {
    address: SocketAddr,
    next: Arc<Mutex<Option<Damage>>>,
    passed: Arc<AtomicUsize>,
}

impl Relay {
    /// A relay in front of the server at this URL.
    pub fn new(url: &str) -> Relay {
        let server: SocketAddr = url.trim_start_matches("https://").parse().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let next = Arc::new(Mutex::new(None));
        let passed = Arc::new(AtomicUsize::new(0));
        let (damage, count) = (next.clone(), passed.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let damage = damage.lock().unwrap().take();
                let count = count.clone();
                count.store(0, Ordering::SeqCst);
                thread::spawn(move || pass(client, server, damage, &count));
            }
        });
        Relay { address, next, passed }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// What happens on the next connection; those after it are left alone.
    pub fn damage(&self, damage: Damage) {
        *self.next.lock().unwrap() = Some(damage);
    }

    /// How many bytes of the server passed on the newest connection.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

fn pass(client: TcpStream, server: SocketAddr, damage: Option<Damage>, count: &AtomicUsize) -> Option<()> {
    let server = TcpStream::connect(server).ok()?;
    for stream in [&client, &server] {
        stream.set_nodelay(true).ok()?;
    }
    let (mut asks, mut asked) = (client.try_clone().ok()?, server.try_clone().ok()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut asks, &mut asked);
        let _ = asked.shutdown(std::net::Shutdown::Write);
    });
    let (mut client, mut server) = (client, server);
    let mut chunk = [0; 16 * 1024];
    let mut before = 0;
    while let Ok(got @ 1..) = server.read(&mut chunk) {
        let mut bytes = chunk[..got].to_vec();
        let here = |at: usize| (before..before + got).contains(&at).then(|| at - before);
        let mut ends = false;
        match damage {
            Some(Damage::Cut(at)) if at <= before + got => {
                bytes.truncate(at - before);
                ends = true;
            }
            Some(Damage::Flip(at)) => here(at).into_iter().for_each(|at| bytes[at] ^= 0x10),
            Some(Damage::Twice(at)) => here(at).into_iter().for_each(|at| bytes.insert(at, bytes[at])),
            Some(Damage::Lost(at)) => here(at).into_iter().for_each(|at| {
                bytes.remove(at);
            }),
            _ => {}
        }
        before += got;
        count.store(before, Ordering::SeqCst);
        if client.write_all(&bytes).is_err() || ends {
            break;
        }
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = server.shutdown(std::net::Shutdown::Both);
    Some(())
}
