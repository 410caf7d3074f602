//! What an authority, a metadata server, a registry's token exchange or a credential program answers: no panic, a
//! token is not empty, and a reason is one line of bounded length.

use std::time::{Duration, SystemTime};

use docker_credential_kubeclarity::cloud::aws::process;
use docker_credential_kubeclarity::cloud::azure::{self, NoToken};
use docker_credential_kubeclarity::cloud::google::{external, token};
use docker_credential_kubeclarity::cloud::http::Answer;
use docker_credential_kubeclarity::problem::CloudFault;

use super::told;

fn because(fault: impl Into<CloudFault>) {
    told(&fault.into().into_problem("fuzz".into(), "reg.example.com"));
}

/// The property.
pub fn check(bytes: &[u8]) {
    let [status, body @ ..] = bytes else { return };
    let status = [200, 400, 401, 404][usize::from(*status) % 4];
    let answer =
        Answer { status: http::StatusCode::from_u16(status).expect("a status"), body: body.to_vec().into() };
    match token::parse(&answer) {
        Ok(token) => assert!(!token.text.is_empty() && token.life <= Duration::from_secs(12 * 3600)),
        Err(fault) => because(fault),
    }
    match azure::token::parse(&answer) {
        Ok(token) => assert!(!token.is_empty()),
        Err(NoToken::UnknownAudience(fault) | NoToken::Failed(fault)) => because(fault),
    }
    match azure::exchanged(&answer) {
        Ok(credential) => {
            assert!(!credential.secret.is_empty() && credential.expires.is_some());
            let _ = credential.is_expired(SystemTime::UNIX_EPOCH);
        }
        Err((_, fault)) => because(fault),
    }
    match external::executable::parse(body) {
        Ok(token) => assert!(!token.is_empty()),
        Err(fault) => because(fault),
    }
    match process::parse(body, SystemTime::UNIX_EPOCH) {
        Ok(credentials) => assert!(!credentials.access_key_id().is_empty()),
        Err(fault) => because(fault),
    }
}
