//! The SDK's HTTP client with a limit for what a server sends: the SDK itself keeps all of it, however much it is, and
//! while it does, the deadline has no say. And with a limit for whom it sends to: a profile's `endpoint_url` would take
//! the token of an identity anywhere.

use aws_sdk_ecr::config::SharedHttpClient;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use http::Uri;

use super::http::{METADATA_HOSTS, MOST_BYTES};
use crate::body::{self, Fault};

/// What the SDK is told where a request would leave AWS.
pub(crate) const ELSEWHERE: &str = "not an endpoint of AWS";

/// Where AWS's services are, in all partitions (`partitions.json` of the SDKs).
const AWS: [&str; 10] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
    ".api.amazonwebservices.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
];

/// Whom a client may send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// AWS's services, over TLS.
    Services,
    /// What the SDK itself holds to addresses of this machine: metadata and container agents.
    Machine,
}

/// The same client, or connection, but for the limits.
#[derive(Debug)]
struct Bounded<T>(T, Reach);

/// The same client, but for the limits.
pub(crate) fn bounded(client: SharedHttpClient, reach: Reach) -> SharedHttpClient {
    SharedHttpClient::new(Bounded(client, reach))
}

/// Whether an address is that of a metadata server or container agent, which a profile can name as its source.
fn is_this_machines(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    uri.scheme_str() == Some("http")
        && uri.port_u16().is_none_or(|port| port == 80)
        && METADATA_HOSTS.split(',').any(|known| known == host)
}

/// Whether an address is one of AWS's services.
fn is_aws(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    uri.scheme_str() == Some("https")
        && uri.port_u16().is_none_or(|port| port == 443)
        && AWS.iter().any(|suffix| host.len() > suffix.len() && host.ends_with(suffix))
}

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded(self.0.http_connector(settings, components), self.1))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if self.1 == Reach::Services && !is_aws(request.uri()) && !is_this_machines(request.uri()) {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(ELSEWHERE.into())));
        }
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
            let whole = body::whole(body, MOST_BYTES).await.map_err(|fault| match fault {
                Fault::TooLong => ConnectorError::other("a body that is longer than any".into(), None),
                Fault::BrokenOff(error) => ConnectorError::io(error),
            })?;
            *answer.body_mut() = SdkBody::from(whole);
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_this_machines_and_what_only_looks_like_it() {
        for address in
            ["http://169.254.169.254/latest/", "http://169.254.170.2/v2/x", "http://[fd00:ec2::254]/latest/"]
        {
            assert!(is_this_machines(address) && !is_aws(address), "{address}");
        }
        for address in [
            "http://169.254.169.253/",
            "http://169.254.169.254:8080/",
            "https://169.254.169.254/",
            "http://169.254.169.254.evil.example/",
            "http://127.0.0.1/",
            "http://evil.example/169.254.169.254",
        ] {
            assert!(!is_this_machines(address), "{address}");
        }
    }

    #[test]
    fn what_is_aws_and_what_only_looks_like_it() {
        for address in [
            "https://sts.eu-west-1.amazonaws.com/",
            "https://api.ecr.cn-north-1.amazonaws.com.cn:443/x",
            "https://sts.eusc-de-east-1.amazonaws.eu",
            "https://ecr.us-east-1.api.aws/",
            "https://STS.us-iso-east-1.c2s.ic.gov/",
            "https://portal.sso.us-east-1.amazonaws.com/federation/credentials?role_name=x",
        ] {
            assert!(is_aws(address), "{address}");
        }
        for address in [
            "http://sts.eu-west-1.amazonaws.com/",
            "https://sts.eu-west-1.amazonaws.com:8443/",
            "https://sts.eu-west-1.amazonaws.com.evil.example/",
            "https://evilamazonaws.com/",
            "https://amazonaws.com.evil.example/sts.amazonaws.com",
            "https://.amazonaws.com/",
            "https://sts.amazonaws.com@evil.example/",
            "https://127.0.0.1/",
            "/",
            "",
        ] {
            assert!(!is_aws(address), "{address}");
        }
    }
}
