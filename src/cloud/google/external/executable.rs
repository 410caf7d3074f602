//! A subject token from a program (<https://google.aip.dev/auth/4117>, "executable-sourced credentials"). It is
//! run only if the user says so with `GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1`.

use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::child;
use crate::deadline::Deadline;
use crate::identity::google::{Executable, ExternalAccount};
use crate::problem::GoogleFault;
use crate::secret::Secret;

use crate::shown::Shown;

/// What the program prints.
#[derive(Deserialize)]
struct Printed {
    #[serde(default)]
    success: bool,
    #[serde(default)]
    token_type: String,
    id_token: Option<Secret>,
    saml_response: Option<Secret>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

const DEFAULT_TIMEOUT: u64 = 30_000;

/// Runs the program. Whether it may be was asked before.
pub(super) async fn token(
    executable: &Executable,
    account: &ExternalAccount,
    deadline: Deadline,
) -> Result<Secret, GoogleFault> {
    let limit =
        Duration::from_millis(executable.timeout_millis.unwrap_or(DEFAULT_TIMEOUT)).min(deadline.left());
    let printed = timeout(limit, run(executable, account)).await.map_err(|_| GoogleFault::ProgramLate)??;
    parse(&printed)
}

/// The token in what the program printed.
///
/// # Errors
/// The program's own reason, or no token.
pub fn parse(printed: &[u8]) -> Result<Secret, GoogleFault> {
    let printed: Printed = serde_json::from_slice(printed).map_err(|_| GoogleFault::ProgramNotJson)?;
    if !printed.success {
        let said = shown![Shown::text(&printed.code), ": ", Shown::text(&printed.message)];
        return Err(GoogleFault::ProgramRefused(said));
    }
    let token = if printed.token_type.ends_with(":saml2") { printed.saml_response } else { printed.id_token };
    token.filter(|token| !token.is_empty()).ok_or(GoogleFault::ProgramNoToken)
}

async fn run(executable: &Executable, account: &ExternalAccount) -> Result<Zeroizing<Vec<u8>>, GoogleFault> {
    // Google's libraries split at white space, without a shell.
    let mut words = executable.command.split_whitespace();
    let program = words.next().ok_or(GoogleFault::ProgramNoName)?;
    let mut command = Command::new(program);
    command
        .args(words)
        .env("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", &account.audience)
        .env("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", &account.subject_token_type)
        .env("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0");
    if let Some(file) = &executable.output_file {
        command.env("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", file);
    }
    if let Some(account) = &account.impersonation {
        command.env("GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL", account.email());
    }
    child::output(command).await.map_err(GoogleFault::Program)
}
