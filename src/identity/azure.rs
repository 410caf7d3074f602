//! Azure's identities: an application with a secret or with a token that another issuer gave it, or a managed identity.

use super::Assertion;
use crate::problem::AzureFault;
use crate::secret::Secret;

use crate::shown::Shown;

/// Azure's clouds, each with its own authority, registries and operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AzureCloud {
    /// `azurecr.io`.
    Public,
    /// `azurecr.cn`.
    China,
    /// `azurecr.us`.
    UsGovernment,
}

impl AzureCloud {
    /// All of them.
    pub const ALL: [AzureCloud; 3] = [AzureCloud::Public, AzureCloud::China, AzureCloud::UsGovernment];

    /// Its name, as `AZURE_ENVIRONMENT` has it.
    pub fn name(self) -> &'static str {
        match self {
            AzureCloud::Public => "AzureCloud",
            AzureCloud::China => "AzureChinaCloud",
            AzureCloud::UsGovernment => "AzureUSGovernment",
        }
    }

    /// The cloud of a name; the Azure CLI's and the SDKs' names are taken, in any case.
    pub fn of_name(name: &str) -> Option<AzureCloud> {
        let names = [
            ("AzureCloud", AzureCloud::Public),
            ("AzurePublicCloud", AzureCloud::Public),
            ("AzureChinaCloud", AzureCloud::China),
            ("AzureUSGovernment", AzureCloud::UsGovernment),
            ("AzureUSGovernmentCloud", AzureCloud::UsGovernment),
        ];
        names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, cloud)| *cloud)
    }
}

/// Who gives tokens: one of Microsoft's hosts, known with its cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Authority {
    host: &'static str,
    cloud: AzureCloud,
}

/// Microsoft's authorities and their other names, each with the name under which it is asked, as Entra's instance discovery
/// lists them (<https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>,
/// <https://learn.microsoft.com/entra/msal/dotnet/advanced/instance-metadata>).
const AUTHORITIES: [(&str, &str, AzureCloud); 9] = [
    ("login.microsoftonline.com", "login.microsoftonline.com", AzureCloud::Public),
    ("login.microsoft.com", "login.microsoftonline.com", AzureCloud::Public),
    ("login.windows.net", "login.microsoftonline.com", AzureCloud::Public),
    ("sts.windows.net", "login.microsoftonline.com", AzureCloud::Public),
    ("login-us.microsoftonline.com", "login-us.microsoftonline.com", AzureCloud::Public),
    ("login.partner.microsoftonline.cn", "login.partner.microsoftonline.cn", AzureCloud::China),
    ("login.chinacloudapi.cn", "login.partner.microsoftonline.cn", AzureCloud::China),
    ("login.microsoftonline.us", "login.microsoftonline.us", AzureCloud::UsGovernment),
    ("login.usgovcloudapi.net", "login.microsoftonline.us", AzureCloud::UsGovernment),
];

impl Authority {
    /// The authority of a cloud.
    pub fn of(cloud: AzureCloud) -> Authority {
        let host = match cloud {
            AzureCloud::Public => "login.microsoftonline.com",
            AzureCloud::China => "login.partner.microsoftonline.cn",
            AzureCloud::UsGovernment => "login.microsoftonline.us",
        };
        Authority { host, cloud }
    }

    /// The one that an address names, with or without `https://` and a slash at its end. `None` for everything else: a
    /// secret that is sent to it cannot be taken back.
    pub fn parse(address: &str) -> Option<Authority> {
        let host = match address.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some(_) => return None,
            None => address,
        };
        let host = host.strip_suffix('/').unwrap_or(host);
        let host = host.strip_suffix(":443").unwrap_or(host);
        let known = AUTHORITIES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(host));
        known.map(|&(_, host, cloud)| Authority { host, cloud })
    }

    /// Its cloud.
    pub fn cloud(self) -> AzureCloud {
        self.cloud
    }

    /// Its address, without a slash at the end.
    pub fn url(self) -> String {
        format!("https://{}", self.host)
    }

    /// What the keys `AZURE_AUTHORITY_HOST` and `AZURE_ENVIRONMENT` say together, of the environment or of a Secret; without
    /// either, the public cloud.
    ///
    /// # Errors
    /// An authority that is not Microsoft's, a cloud that is not known, or two that contradict each other.
    pub fn chosen(authority_host: Option<&str>, environment: Option<&str>) -> Result<Authority, AzureFault> {
        let cloud = environment.map(AzureCloud::of_name);
        match (authority_host, cloud) {
            (None, None) => Ok(Authority::of(AzureCloud::Public)),
            (None, Some(Some(cloud))) => Ok(Authority::of(cloud)),
            (None, Some(None)) => Err(AzureFault::Environment),
            (Some(host), cloud) => {
                let authority = Authority::parse(host).ok_or(AzureFault::Authority)?;
                // Other programs use the second variable for names of their own.
                match cloud.flatten() {
                    Some(cloud) if cloud != authority.cloud => Err(AzureFault::Contradiction),
                    _ => Ok(authority),
                }
            }
        }
    }
}

/// An identity of Azure.
#[derive(Debug, Clone)]
pub struct Azure {
    /// Who gives it tokens, and so the cloud that it belongs to.
    pub authority: Authority,
    /// What it is.
    pub kind: AzureKind,
}

/// What an identity of Azure is.
#[derive(Debug, Clone)]
pub enum AzureKind {
    /// An application with its secret.
    Secret {
        /// The tenant.
        tenant: String,
        /// The application.
        client: String,
        /// Its secret.
        secret: Secret,
    },
    /// An application with a token of an issuer that it trusts, such as one that Kubernetes projects.
    Federated {
        /// The tenant.
        tenant: String,
        /// The application.
        client: String,
        /// The token.
        assertion: Assertion,
    },
    /// App Service's managed identity.
    AppService {
        /// `IDENTITY_ENDPOINT`.
        endpoint: String,
        /// `IDENTITY_HEADER`.
        header: Secret,
        /// A user-assigned identity.
        client: Option<String>,
    },
    /// The machine's managed identity.
    Machine {
        /// A user-assigned identity.
        client: Option<String>,
        /// Whether the user says that this is Azure.
        named: bool,
    },
}

impl Azure {
    /// The tenant, if the identity comes with one.
    pub fn tenant(&self) -> Option<&str> {
        match &self.kind {
            AzureKind::Secret { tenant, .. } | AzureKind::Federated { tenant, .. } => Some(tenant),
            AzureKind::AppService { .. } | AzureKind::Machine { .. } => None,
        }
    }

    pub(super) fn shown(&self, place: &Shown) -> Shown {
        match &self.kind {
            AzureKind::Secret { client, .. } => {
                shown!["the Azure client ", Shown::text(client), " of ", place]
            }
            AzureKind::Federated { client, assertion, .. } => {
                shown!["the Azure workload identity ", Shown::text(client), " by ", assertion.shown()]
            }
            AzureKind::AppService { .. } => "the Azure managed identity of IDENTITY_ENDPOINT".into(),
            AzureKind::Machine { client: Some(client), .. } => {
                shown!["the Azure managed identity ", Shown::text(client), " of this machine"]
            }
            AzureKind::Machine { client: None, .. } => "the Azure managed identity of this machine".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_microsofts_authorities_are_taken() {
        for (address, host, cloud) in [
            ("https://login.microsoftonline.com/", "login.microsoftonline.com", AzureCloud::Public),
            ("login.microsoftonline.com", "login.microsoftonline.com", AzureCloud::Public),
            ("HTTPS://Login.MicrosoftOnline.com:443/", "login.microsoftonline.com", AzureCloud::Public),
            ("https://login.windows.net", "login.microsoftonline.com", AzureCloud::Public),
            (
                "https://login.partner.microsoftonline.cn/",
                "login.partner.microsoftonline.cn",
                AzureCloud::China,
            ),
            ("https://login.chinacloudapi.cn/", "login.partner.microsoftonline.cn", AzureCloud::China),
            ("https://login.microsoftonline.us", "login.microsoftonline.us", AzureCloud::UsGovernment),
        ] {
            let authority = Authority::parse(address).unwrap();
            assert_eq!((authority.url(), authority.cloud()), (format!("https://{host}"), cloud), "{address}");
        }
        for other in [
            "https://login.example.com/",
            "login.example.com",
            "http://login.microsoftonline.com/",
            "https://login.microsoftonline.com.evil.example/",
            "https://evil.example/login.microsoftonline.com",
            "https://evillogin.microsoftonline.com/",
            "https://x.login.microsoftonline.com/",
            "https://login.microsoftonline.com@evil.example/",
            "https://user:pw@login.microsoftonline.com/",
            "https://login.microsoftonline.com:8443/",
            "https://login.microsoftonline.com./",
            "https://login.microsoftonline.com/common",
            "https://login.microsoftonline.com?x=1",
            "https://login.microsoftonline.com#x",
            "https://login.microsoftonline.com\\@evil.example",
            "https://login.microsoftonline.de/",
            "https:login.microsoftonline.com",
            "ftp://login.microsoftonline.com",
            "https://",
            "/",
            "",
        ] {
            assert_eq!(Authority::parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_cloud_is_the_identitys() {
        let chosen = |host, environment| Authority::chosen(host, environment).map(Authority::cloud);
        assert_eq!(chosen(None, None), Ok(AzureCloud::Public));
        for (name, cloud) in [
            ("AzureCloud", AzureCloud::Public),
            ("AzurePublicCloud", AzureCloud::Public),
            ("AzureChinaCloud", AzureCloud::China),
            ("azurechinacloud", AzureCloud::China),
            ("AzureUSGovernment", AzureCloud::UsGovernment),
            ("AzureUSGovernmentCloud", AzureCloud::UsGovernment),
        ] {
            assert_eq!(chosen(None, Some(name)), Ok(cloud), "{name}");
        }
        assert_eq!(chosen(None, Some("production")), Err(AzureFault::Environment));
        assert_eq!(chosen(None, Some("AzureGermanCloud")), Err(AzureFault::Environment));
        let us = Some("https://login.microsoftonline.us/");
        assert_eq!(chosen(us, None), Ok(AzureCloud::UsGovernment));
        assert_eq!(chosen(us, Some("AzureUSGovernment")), Ok(AzureCloud::UsGovernment));
        assert_eq!(chosen(us, Some("production")), Ok(AzureCloud::UsGovernment));
        assert_eq!(chosen(us, Some("AzureChinaCloud")), Err(AzureFault::Contradiction));
        assert_eq!(chosen(Some("https://login.example.com"), None), Err(AzureFault::Authority));
        assert_eq!(chosen(Some("https://login.example.com"), Some("AzureCloud")), Err(AzureFault::Authority));
    }
}
