//! What the clouds' own tools would read, as far as the choice of an identity needs it.

use std::path::PathBuf;

use super::variables::Variables;
use crate::problem::Problem;
use crate::secret::Secret;

/// What AWS's SDK would read, as far as the choice of an identity needs it.
#[derive(Debug, Clone)]
pub struct AwsSettings {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<Secret>,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Secret>,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<Secret>,
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`: where the identity itself is asked for.
    pub region: Option<String>,
    /// `AWS_PROFILE`.
    pub profile: Option<String>,
    /// `AWS_CONFIG_FILE`.
    pub config_file: Option<PathBuf>,
    /// `AWS_SHARED_CREDENTIALS_FILE`.
    pub credentials_file: Option<PathBuf>,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`.
    pub web_identity_token_file: Option<PathBuf>,
    /// `AWS_ROLE_ARN`.
    pub role_arn: Option<String>,
    /// `AWS_ROLE_SESSION_NAME`.
    pub session_name: Option<String>,
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`.
    pub container_path: Option<String>,
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub container_address: Option<String>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`.
    pub container_token_file: Option<PathBuf>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub container_token: Option<Secret>,
    /// `AWS_EC2_METADATA_DISABLED=true`: the machine's metadata server is not asked.
    pub metadata_disabled: bool,
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub metadata_endpoint: Option<String>,
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`: whether it is asked over IPv6.
    pub metadata_ipv6: Option<bool>,
    /// `AWS_EXTERNAL_ID`, which the role may demand.
    pub external_id: Option<String>,
    /// Where services are asked. `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` changes nothing: the SDK's own exchange of a token
    /// does not look at it.
    pub endpoints: AwsEndpoints,
    /// `AWS_CA_BUNDLE`: further certificate authorities.
    pub ca_bundle: Option<PathBuf>,
}

/// Where services of AWS are asked.
#[derive(Debug, Clone, Default)]
pub struct AwsEndpoints {
    /// `AWS_ENDPOINT_URL`: every service.
    pub every: Option<String>,
    /// `AWS_ENDPOINT_URL_STS`.
    pub sts: Option<String>,
    /// `AWS_ENDPOINT_URL_ECR`.
    pub ecr: Option<String>,
    /// `AWS_ENDPOINT_URL_ECR_PUBLIC`.
    pub ecr_public: Option<String>,
    /// `AWS_ENDPOINT_URL_SSO`.
    pub sso: Option<String>,
    /// `AWS_ENDPOINT_URL_SSO_OIDC`.
    pub sso_oidc: Option<String>,
}

/// Where Google's identities are looked for.
#[derive(Debug, Clone)]
pub struct GoogleSettings {
    /// `GOOGLE_APPLICATION_CREDENTIALS`.
    pub credentials: Option<PathBuf>,
    /// `CLOUDSDK_CONFIG`: gcloud's directory.
    pub cloudsdk_config: Option<PathBuf>,
    /// `GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1`.
    pub allow_executables: bool,
    /// `GCE_METADATA_HOST`.
    pub metadata_host: Option<String>,
    /// Whether `K_SERVICE` or `CLOUD_RUN_JOB` is set.
    pub cloud_run: bool,
}

/// Azure's identities.
#[derive(Debug, Clone)]
pub struct AzureSettings {
    /// `AZURE_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// `AZURE_CLIENT_ID`.
    pub client_id: Option<String>,
    /// `AZURE_CLIENT_SECRET`.
    pub client_secret: Option<Secret>,
    /// `AZURE_FEDERATED_TOKEN_FILE`: workload identity.
    pub federated_token_file: Option<PathBuf>,
    /// `AZURE_AUTHORITY_HOST`.
    pub authority_host: Option<String>,
    /// `AZURE_ENVIRONMENT`: the name of one of Azure's clouds.
    pub environment: Option<String>,
    /// `IDENTITY_ENDPOINT`: App Service's managed identity.
    pub identity_endpoint: Option<String>,
    /// `IDENTITY_HEADER`.
    pub identity_header: Option<Secret>,
}

impl AwsSettings {
    pub(super) fn from(variables: &Variables) -> Result<AwsSettings, Problem> {
        Ok(AwsSettings {
            access_key_id: variables.secret("AWS_ACCESS_KEY_ID")?.map(Secret::trimmed),
            secret_access_key: variables.secret("AWS_SECRET_ACCESS_KEY")?.map(Secret::trimmed),
            session_token: variables.secret("AWS_SESSION_TOKEN")?.map(Secret::trimmed),
            region: match variables.word("AWS_REGION")? {
                None => variables.word("AWS_DEFAULT_REGION")?,
                region => region,
            },
            profile: variables.word("AWS_PROFILE")?,
            config_file: variables.path("AWS_CONFIG_FILE"),
            credentials_file: variables.path("AWS_SHARED_CREDENTIALS_FILE"),
            web_identity_token_file: variables.path("AWS_WEB_IDENTITY_TOKEN_FILE"),
            role_arn: variables.word("AWS_ROLE_ARN")?,
            session_name: variables.word("AWS_ROLE_SESSION_NAME")?,
            container_path: variables.address_path("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")?,
            container_address: variables.address("AWS_CONTAINER_CREDENTIALS_FULL_URI")?,
            container_token_file: variables.path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
            container_token: variables.secret("AWS_CONTAINER_AUTHORIZATION_TOKEN")?.map(Secret::trimmed),
            metadata_disabled: variables
                .word("AWS_EC2_METADATA_DISABLED")?
                .is_some_and(|word| word.eq_ignore_ascii_case("true")),
            metadata_endpoint: variables.address("AWS_EC2_METADATA_SERVICE_ENDPOINT")?,
            metadata_ipv6: variables
                .word("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?
                .map(|word| word.eq_ignore_ascii_case("ipv6")),
            external_id: variables.word("AWS_EXTERNAL_ID")?,
            endpoints: AwsEndpoints {
                every: variables.word("AWS_ENDPOINT_URL")?,
                sts: variables.word("AWS_ENDPOINT_URL_STS")?,
                ecr: variables.word("AWS_ENDPOINT_URL_ECR")?,
                ecr_public: variables.word("AWS_ENDPOINT_URL_ECR_PUBLIC")?,
                sso: variables.word("AWS_ENDPOINT_URL_SSO")?,
                sso_oidc: variables.word("AWS_ENDPOINT_URL_SSO_OIDC")?,
            },
            ca_bundle: variables.path("AWS_CA_BUNDLE"),
        })
    }
}

impl GoogleSettings {
    pub(super) fn from(variables: &Variables) -> Result<GoogleSettings, Problem> {
        Ok(GoogleSettings {
            credentials: variables.path("GOOGLE_APPLICATION_CREDENTIALS"),
            cloudsdk_config: variables.path("CLOUDSDK_CONFIG"),
            allow_executables: variables.word("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES")?.as_deref()
                == Some("1"),
            metadata_host: variables.address("GCE_METADATA_HOST")?,
            cloud_run: variables.raw("K_SERVICE").or(variables.raw("CLOUD_RUN_JOB")).is_some(),
        })
    }
}

impl AzureSettings {
    pub(super) fn from(variables: &Variables) -> Result<AzureSettings, Problem> {
        Ok(AzureSettings {
            tenant_id: variables.word("AZURE_TENANT_ID")?,
            client_id: variables.word("AZURE_CLIENT_ID")?,
            client_secret: variables.secret("AZURE_CLIENT_SECRET")?.map(Secret::trimmed),
            federated_token_file: variables.path("AZURE_FEDERATED_TOKEN_FILE"),
            authority_host: variables.address("AZURE_AUTHORITY_HOST")?,
            environment: variables.word("AZURE_ENVIRONMENT")?,
            identity_endpoint: variables.address("IDENTITY_ENDPOINT")?,
            identity_header: variables.secret("IDENTITY_HEADER")?,
        })
    }
}
