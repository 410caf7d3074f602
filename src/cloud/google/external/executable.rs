//! A subject token from a program (<https://google.aip.dev/auth/4117>, "executable-sourced credentials"). It is
//! run only if the user says so with `GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1`.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::ExternalAccount;
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
const MOST_BYTES: u64 = 1024 * 1024;

/// Runs the program. It gets no stdin, and its stderr goes nowhere.
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
        .env("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if let Some(file) = &executable.output_file {
        command.env("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", file);
    }
    let email = account
        .service_account_impersonation_url
        .as_deref()
        .and_then(|url| Some(url.rsplit('/').next()?.split(':').next()?.to_owned()));
    if let Some(email) = email {
        command.env("GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL", email);
    }
    let mut child = command
        .spawn()
        .map_err(|error| format!("its program cannot be started ({}); install it", error.kind()))?;
    let mut printed = Zeroizing::new(Vec::with_capacity(64 * 1024));
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(MOST_BYTES).read_to_end(&mut printed).await;
        read.map_err(|error| format!("its program's output cannot be read ({})", error.kind()))?;
    }
    match child.wait().await {
        Ok(status) if status.success() => Ok(printed),
        Ok(status) => Err(format!("its program failed ({status}); run it by hand")),
        Err(error) => Err(format!("its program cannot be waited for ({})", error.kind())),
    }
}
