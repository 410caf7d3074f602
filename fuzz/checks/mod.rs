//! What must hold for every input of a parser, one file a parser. `fuzz_targets/every.rs` looks for an input for which it
//! does not; `tests/parsers.rs` tries each with the seeds and with what can be made of them, on a stable compiler.
//!
//! A new target is a file `NAME.rs` here with a `check`, its two lines below, `seeds/NAME/` and `dictionaries/NAME.dict`.

use std::time::Duration;

use docker_credential_kubeclarity::deadline::Deadline;
use docker_credential_kubeclarity::network::http::{Http, Trust};
use docker_credential_kubeclarity::problem::Problem;
use docker_credential_kubeclarity::protocol::Reply;

pub mod cache_entry;
pub mod client_config;
pub mod cloud_answer;
pub mod cloud_identity;
pub mod cluster_object;
pub mod config_edit;
pub mod docker_config;
pub mod exec_output;
pub mod jwt;
pub mod kubeconfig;
pub mod network_address;
pub mod registry_key;
pub mod server_string;
pub mod settings;
pub mod store_input;
pub mod token_subject;

/// A parser and its property.
#[derive(Debug)]
pub struct Target {
    /// The module's name, which its seeds, dictionary and corpus have too.
    pub name: &'static str,
    /// What an input costs beside one of a plain parser. So many times fewer are tried.
    pub cost: u32,
    /// Panics if the property does not hold for the input.
    pub check: fn(&[u8]),
}

macro_rules! targets {
    ($($name:ident: $cost:literal,)*) => {
        &[$(Target { name: stringify!($name), cost: $cost, check: $name::check }),*]
    };
}

/// Every target. One that makes a client of each input costs ten times a plain parser.
pub static TARGETS: &[Target] = targets! {
    cache_entry: 1,
    client_config: 1,
    cloud_answer: 1,
    cloud_identity: 1,
    cluster_object: 1,
    config_edit: 1,
    docker_config: 1,
    exec_output: 10,
    jwt: 1,
    kubeconfig: 10,
    network_address: 1,
    registry_key: 1,
    server_string: 1,
    settings: 1,
    store_input: 1,
    token_subject: 1,
};

/// Doors through which nothing is sent.
fn doors() -> Http {
    Http::new(Trust::default(), Deadline::after(Duration::from_secs(1)))
}

/// A message is one line of bounded length, without control characters.
fn told(problem: &Problem) {
    let reply = Reply::problem(problem);
    let said = reply.text();
    assert_eq!(said.iter().position(|b| b.is_ascii_control()), Some(said.len() - 1));
    assert!(said.len() < 16 * 1024, "{}", said.len());
}
