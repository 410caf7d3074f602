//! External accounts (workload identity federation, <https://google.aip.dev/auth/4117>): where the token of the other
//! issuer comes from, and whose it becomes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{IMPERSONATED_LIFE, Impersonation, address};
use crate::identity::Identity;
use crate::identity::access::{Address, Reference};
use crate::problem::GoogleFileFault;
use crate::secret::Secret;

/// The configuration, as `gcloud iam workload-identity-pools create-cred-config` writes it.
#[derive(Debug, Clone)]
pub struct ExternalAccount {
    /// The pool's provider.
    pub audience: String,
    /// The type of the other issuer's token.
    pub subject_token_type: String,
    /// Where it is exchanged.
    pub token_url: String,
    /// The account to take on, if the configuration names one.
    pub impersonation: Option<Impersonation>,
    /// The client and its secret, where the pool wants one.
    pub client: Option<(String, Secret)>,
    /// The project of a person's login, which counts only without a client.
    pub user_project: Option<String>,
    /// Where the other issuer's token comes from.
    pub source: Source,
}

/// Where the token of the other issuer comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file.
    File {
        /// The file.
        path: PathBuf,
        /// How the token stands in it.
        format: Format,
    },
    /// An address that is asked.
    Url {
        /// The address.
        url: String,
        /// Headers of the request.
        headers: BTreeMap<String, Secret>,
        /// How the token stands in the answer.
        format: Format,
    },
    /// A program that is run.
    Executable(Executable),
    /// A request to AWS, signed by an identity of AWS.
    Aws {
        /// The address of the request; AWS's own if there is none.
        verification_url: Option<String>,
        /// Who signs; `None` if there is no identity of AWS.
        signer: Option<Box<Identity>>,
    },
    /// The token itself, as Kubernetes or kubelet hands it over.
    Token(Secret),
}

/// A program that prints the token.
#[derive(Debug, Clone, Deserialize)]
pub struct Executable {
    /// Its command line.
    pub command: String,
    /// How long it may take.
    pub timeout_millis: Option<u64>,
    /// The file in which it keeps what it printed.
    pub output_file: Option<String>,
    /// Whether the user allowed it with `GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1`.
    #[serde(skip)]
    pub opted_in: bool,
}

/// How the token stands in a file or an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Format {
    /// It is the whole text.
    #[default]
    Text,
    /// It is a field of a JSON object; the name of the field, if there is one.
    Json(Option<String>),
}

/// The configuration as it is written.
#[derive(Deserialize)]
struct Written {
    audience: String,
    subject_token_type: String,
    token_url: String,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<ImpersonationOptions>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    workforce_pool_user_project: Option<String>,
    credential_source: WrittenSource,
}

#[derive(Deserialize)]
struct ImpersonationOptions {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct WrittenSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
    format: Option<WrittenFormat>,
    environment_id: Option<String>,
    regional_cred_verification_url: Option<String>,
    executable: Option<Executable>,
}

#[derive(Deserialize)]
struct WrittenFormat {
    #[serde(rename = "type", default)]
    kind: String,
    subject_token_field_name: Option<String>,
}

impl ExternalAccount {
    /// Understands a configuration and checks its addresses.
    pub(super) fn parse(text: &[u8]) -> Result<ExternalAccount, GoogleFileFault> {
        let written: Written =
            serde_json::from_slice(text).map_err(|error| GoogleFileFault::ExternalAccount(error.into()))?;
        let token_url = address::checked("token_url", &written.token_url)?;
        let seconds =
            written.service_account_impersonation.and_then(|options| options.token_lifetime_seconds);
        let impersonation = match &written.service_account_impersonation_url {
            None => None,
            Some(url) => Some(Impersonation {
                url: address::checked("service_account_impersonation_url", url)?,
                delegates: Vec::new(),
                // IAM's own limits: ten minutes to twelve hours.
                life: seconds
                    .map_or(IMPERSONATED_LIFE, |seconds| Duration::from_secs(seconds.clamp(600, 43_200))),
            }),
        };
        let user_project = written.workforce_pool_user_project.filter(|_| written.client_id.is_none());
        Ok(ExternalAccount {
            audience: written.audience,
            subject_token_type: written.subject_token_type,
            token_url,
            impersonation,
            client: written.client_id.zip(written.client_secret),
            user_project,
            source: Source::parse(written.credential_source)?,
        })
    }
}

impl Source {
    fn parse(written: WrittenSource) -> Result<Source, GoogleFileFault> {
        let format = match written.format {
            Some(format) if format.kind == "json" => Format::Json(format.subject_token_field_name),
            _ => Format::Text,
        };
        if let Some(environment) = &written.environment_id {
            return match environment.as_str() {
                "aws1" => {
                    Ok(Source::Aws { verification_url: written.regional_cred_verification_url, signer: None })
                }
                _ => Err(GoogleFileFault::Environment),
            };
        }
        if let Some(executable) = written.executable {
            return Ok(Source::Executable(executable));
        }
        if let Some(path) = written.file {
            return Ok(Source::File { path, format });
        }
        match written.url {
            Some(url) => Ok(Source::Url { url, headers: written.headers, format }),
            None => Err(GoogleFileFault::NoSource),
        }
    }

    /// What it refers to outside of itself.
    pub fn reference(&self) -> Option<Reference<'_>> {
        match self {
            Source::File { path, .. } => Some(Reference::File(path)),
            Source::Url { url, .. } => Some(Reference::Address(Address::Named(url))),
            Source::Executable(Executable { command, opted_in, .. }) => {
                let path = command.split_whitespace().next().unwrap_or_default();
                Some(Reference::Program { path, opted_in: *opted_in })
            }
            // The keys of this machine or pod: whoever names them reads its variables.
            Source::Aws { .. } => Some(Reference::Variable("AWS_ACCESS_KEY_ID")),
            Source::Token(_) => None,
        }
    }
}
