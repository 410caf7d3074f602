//! The metadata server of a machine at Google, on loopback (`GCE_METADATA_HOST`).

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use super::http::{self, Request};

struct State {
    status: u16,
    life: u64,
    asked: usize,
}

/// The server, for as long as the test runs. Each of its tokens is another one.
pub struct Metadata {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Metadata {
    /// A server whose tokens live so many seconds.
    pub fn with_life(life: u64) -> Metadata {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { status: 200, life, asked: 0 }));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Metadata { address, state }
    }

    /// `GCE_METADATA_HOST`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Answers with this status from now on.
    pub fn status(&self, status: u16) {
        self.state().status = status;
    }

    /// How many requests came.
    pub fn asked(&self) -> usize {
        self.state().asked
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let _ = stream.set_nodelay(true);
    while let Some(request) = Request::read(&mut stream) {
        let reply = {
            let mut state = state.lock().unwrap();
            state.asked += 1;
            let good = request.header("metadata-flavor") == ["Google"]
                && request.target.starts_with("/computeMetadata/v1/instance/service-accounts/default/token?");
            let token = format!("hunter2-token-{}", state.asked);
            let body =
                format!(r#"{{"access_token":"{token}","expires_in":{},"token_type":"Bearer"}}"#, state.life);
            match (good, state.status) {
                (false, _) => http::reply(400, &[], "text/plain", "no"),
                (true, 200) => http::reply(200, &[], "application/json", &body),
                (true, status) => http::reply(status, &[], "text/plain", "no"),
            }
        };
        if !http::send(&mut stream, &reply) {
            break;
        }
    }
}
