//! A subject token from a program (<https://google.aip.dev/auth/4117>, "executable-sourced credentials"). It is
//! run only if the user says so with `GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1`.

use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::ExternalAccount;
use crate::child;
use crate::cloud::one_line;
use crate::deadline::Deadline;
use crate::secret::Secret;
use crate::settings::Settings;

/// The configuration's part for it.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cloud::google) struct Executable {
    command: String,
    timeout_millis: Option<u64>,
    output_file: Option<String>,
}

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

/// Runs the program.
pub(super) async fn token(
    executable: &Executable,
    account: &ExternalAccount,
    settings: &Settings,
    deadline: Deadline,
) -> Result<Secret, String> {
    if !settings.google.allow_executables {
        return Err("it names a program to run, which is not allowed; set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 if you trust it".to_owned());
    }
    let limit =
        Duration::from_millis(executable.timeout_millis.unwrap_or(DEFAULT_TIMEOUT)).min(deadline.left());
    let printed = timeout(limit, run(executable, account))
        .await
        .map_err(|_| "its program did not end in time; run it by hand".to_owned())??;
    let printed: Printed = serde_json::from_slice(&printed)
        .map_err(|_| "its program prints no JSON answer; run it by hand".to_owned())?;
    if !printed.success {
        return Err(one_line(&format!(
            "its program refused: {}: {}; run it by hand",
            printed.code, printed.message
        )));
    }
    let token = if printed.token_type.ends_with(":saml2") { printed.saml_response } else { printed.id_token };
    token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| "its program prints no token; run it by hand".to_owned())
}

async fn run(executable: &Executable, account: &ExternalAccount) -> Result<Zeroizing<Vec<u8>>, String> {
    // Google's libraries split at white space, without a shell.
    let mut words = executable.command.split_whitespace();
    let program = words.next().ok_or("its program has no name; correct the credential_source")?;
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
    child::output(command).await.map_err(|what| format!("its program {what}"))
}
