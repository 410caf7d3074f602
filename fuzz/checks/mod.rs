//! What must hold for every input of a parser, one file a parser. `fuzz_targets/` looks for an input for which it does
//! not; `tests/parsers.rs` tries each with the seeds and with what can be made of them, on a stable compiler.

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
pub mod registry_key;
pub mod server_string;
pub mod settings;
pub mod store_input;

/// A message is one line of bounded length, without control characters.
fn told(problem: &Problem) {
    let reply = Reply::problem(problem);
    let said = reply.text();
    assert_eq!(said.iter().position(|b| b.is_ascii_control()), Some(said.len() - 1));
    assert!(said.len() < 16 * 1024, "{}", said.len());
}
