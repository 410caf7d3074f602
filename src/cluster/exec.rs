//! Exec plugins of a kubeconfig (`client.authentication.k8s.io`): a program that prints a token.
//!
//! kube would run it too, but blocking, without a time limit, and with our stdin and stderr.

use kube::config::{AuthInfo, ExecConfig};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::child;
use crate::deadline::Deadline;
use crate::problem::{KubeconfigFault, Problem, ProgramFault, Task};
use crate::secret::Secret;
use crate::shown::Shown;

const DEFAULT_VERSION: &str = "client.authentication.k8s.io/v1";

/// What a plugin prints (`ExecCredential` of `client.authentication.k8s.io/v1`).
#[derive(Deserialize)]
struct Printed {
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    token: Option<Secret>,
    #[serde(rename = "clientCertificateData")]
    certificate: Option<String>,
    #[serde(rename = "clientKeyData")]
    key: Option<Secret>,
}

/// Runs the user's exec plugin, if there is one, and puts what it prints in its place.
pub(super) async fn resolve(
    origin: &Shown,
    mut user: AuthInfo,
    deadline: Deadline,
) -> Result<AuthInfo, Problem> {
    let Some(exec) = user.exec.take() else { return Ok(user) };
    let Some(command) = exec.command.clone().filter(|command| !command.is_empty()) else {
        return Err(wrong(origin, KubeconfigFault::ExecNoCommand));
    };
    let name = Shown::program(&command);
    let printed = match timeout(deadline.left(), run(&exec, &command)).await {
        Ok(printed) => printed.map_err(|what| wrong(origin, KubeconfigFault::Exec(name.clone(), what)))?,
        Err(_) => {
            let what = Task::ExecPlugin { command: name, origin: origin.clone() };
            return Err(Problem::Deadline { what, limit: deadline.limit() });
        }
    };
    take(origin, name, user, &printed)
}

/// Puts what a plugin printed in the user's place.
///
/// # Errors
/// It is no credential.
pub fn take(origin: &Shown, command: Shown, mut user: AuthInfo, printed: &[u8]) -> Result<AuthInfo, Problem> {
    let printed: Printed = serde_json::from_slice(printed)
        .map_err(|_| wrong(origin, KubeconfigFault::ExecNoCredential(command.clone())))?;
    let status =
        printed.status.ok_or_else(|| wrong(origin, KubeconfigFault::ExecNoStatus(command.clone())))?;
    let token = status.token.filter(|token| !token.is_empty());
    let pair = status.certificate.zip(status.key);
    if token.is_none() && pair.is_none() {
        return Err(wrong(origin, KubeconfigFault::ExecNoToken(command)));
    }
    if let Some(token) = &token {
        user.token = Some(SecretString::from(token.expose()));
    }
    if let Some((certificate, key)) = pair {
        use base64::Engine;
        let encode = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
        user.client_certificate_data = Some(encode(&certificate));
        user.client_key_data = Some(SecretString::from(encode(key.expose())));
    }
    Ok(user)
}

fn wrong(origin: &Shown, what: KubeconfigFault) -> Problem {
    Problem::ClusterConfig { origin: origin.clone(), what }
}

async fn run(exec: &ExecConfig, command: &str) -> Result<Zeroizing<Vec<u8>>, ProgramFault> {
    let version = exec.api_version.as_deref().unwrap_or(DEFAULT_VERSION);
    let mut spec = json!({ "interactive": false });
    if let Some(cluster) = &exec.cluster {
        spec["cluster"] = json!(cluster);
    }
    let info = json!({ "apiVersion": version, "kind": "ExecCredential", "spec": spec });
    let variables =
        exec.env.iter().flatten().filter_map(|pair| Some((pair.get("name")?, pair.get("value")?)));
    let mut program = Command::new(command);
    program.args(exec.args.iter().flatten()).envs(variables).env("KUBERNETES_EXEC_INFO", info.to_string());
    child::output(program).await
}
