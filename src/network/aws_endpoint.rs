//! Where AWS's services are, as far as this program asks any (the endpoint rules of the SDK's crates, and
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html> for VPC endpoints). A host is a
//! service's only if its label is that service's: others' buckets and API gateways have names below the same suffixes.

use http::Uri;

/// A service that an identity is shown to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Roles.
    Sts,
    /// Private registries.
    Ecr,
    /// ECR Public.
    EcrPublic,
    /// IAM Identity Center: the credentials of a login.
    Sso,
    /// IAM Identity Center: the login itself.
    SsoOidc,
    /// `aws login`.
    Signin,
}

const SERVICES: [(Service, &[&str]); 6] = [
    (Service::Sts, &["sts", "sts-fips"]),
    (Service::Ecr, &["api.ecr", "api.ecr-fips", "ecr", "ecr-fips"]),
    (Service::EcrPublic, &["api.ecr-public", "api.ecr-public-fips", "ecr-public", "ecr-public-fips"]),
    (Service::Sso, &["portal.sso", "portal.sso-fips"]),
    (Service::SsoOidc, &["oidc", "oidc-fips"]),
    (Service::Signin, &["signin"]),
];

/// Behind a region, in all partitions (`partitions.json` of the SDKs); the first suffix and China's have VPC endpoints.
const SUFFIXES: [&str; 10] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "api.aws",
    "api.amazonwebservices.com.cn",
    "api.amazonwebservices.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// Where `aws login` is, behind a region.
const SIGNIN: [&str; 3] = ["signin.aws.amazon.com", "signin.amazonaws.cn", "signin.amazonaws-us-gov.com"];

/// The service at an address: https, on its usual port, without user info.
pub fn service(address: &Uri) -> Option<Service> {
    place(address).map(|place| place.service)
}

/// What an address of AWS's is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The service.
    pub service: Service,
    /// The region; the token service has an address without one.
    pub region: Option<String>,
}

/// What is at an address: https, on its usual port, without user info. `None` if it is not AWS's.
pub fn place(address: &Uri) -> Option<Place> {
    let authority = address.authority()?;
    let secure = address.scheme_str() == Some("https") && !authority.as_str().contains('@');
    let usual = address.port_u16().is_none_or(|port| port == 443);
    (secure && usual).then(|| place_of(authority.host()))?
}

/// What a host is.
fn place_of(host: &str) -> Option<Place> {
    let host = host.to_ascii_lowercase();
    // The one without a region.
    if host == "sts.amazonaws.com" {
        return Some(Place { service: Service::Sts, region: None });
    }
    if let Some((region, suffix)) = host.split_once('.')
        && is_region(region)
        && SIGNIN.contains(&suffix)
    {
        return Some(Place { service: Service::Signin, region: Some(region.to_owned()) });
    }
    let (front, partition) = SUFFIXES.iter().find_map(|suffix| {
        let front = host.strip_suffix(suffix)?.strip_suffix('.')?;
        Some((front, *suffix))
    })?;
    // `vpce-<id>.<service>.<region>.vpce.<suffix>`
    let front = match front.strip_suffix(".vpce") {
        Some(front) if matches!(partition, "amazonaws.com" | "amazonaws.com.cn") => {
            let (endpoint, front) = front.split_once('.')?;
            let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            let id = endpoint.strip_prefix("vpce-").filter(|id| !id.is_empty() && !id.starts_with("svc-"));
            id.filter(|id| id.bytes().all(inside))?;
            front
        }
        _ => front,
    };
    let (label, region) = front.rsplit_once('.')?;
    let (service, _) = SERVICES.iter().find(|(_, labels)| labels.contains(&label))?;
    is_region(region).then(|| Place { service: *service, region: Some(region.to_owned()) })
}

/// `eu-west-1`, `us-gov-west-1`, `us-isob-east-1`: words and a number.
fn is_region(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split('-').collect();
    let number = parts.pop().unwrap_or_default();
    let word = |part: &&str| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_lowercase());
    matches!(number.len(), 1 | 2)
        && number.bytes().all(|b| b.is_ascii_digit())
        && parts.len() >= 2
        && parts.iter().all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Option<Service> {
        address.parse().ok().and_then(|address| service(&address))
    }

    #[test]
    fn regions() {
        for (address, region) in [
            ("https://vpce-0a1b2c-x9.api.ecr.eu-west-1.vpce.amazonaws.com", Some("eu-west-1")),
            ("https://sts.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("https://sts.amazonaws.com", None),
        ] {
            assert_eq!(place(&address.parse().unwrap()).unwrap().region.as_deref(), region);
        }
    }

    #[test]
    fn what_is_aws() {
        for (address, expected) in [
            ("https://sts.amazonaws.com/", Service::Sts),
            ("https://sts.eu-west-1.amazonaws.com", Service::Sts),
            ("https://STS.us-iso-east-1.c2s.ic.gov/", Service::Sts),
            ("https://sts-fips.us-gov-west-1.api.aws/", Service::Sts),
            ("https://sts.eusc-de-east-1.amazonaws.eu", Service::Sts),
            ("https://api.ecr.cn-north-1.amazonaws.com.cn:443/x", Service::Ecr),
            ("https://api.ecr-fips.us-east-1.amazonaws.com", Service::Ecr),
            ("https://ecr-fips.us-gov-west-1.amazonaws.com", Service::Ecr),
            ("https://ecr.us-east-1.api.aws/", Service::Ecr),
            ("https://api.ecr-public.us-east-1.amazonaws.com/", Service::EcrPublic),
            ("https://ecr-public.us-east-1.api.aws/", Service::EcrPublic),
            ("https://portal.sso.us-east-1.amazonaws.com/federation/credentials?role_name=x", Service::Sso),
            ("https://oidc.us-east-1.amazonaws.com/token", Service::SsoOidc),
            ("https://us-east-1.signin.aws.amazon.com/v1/token", Service::Signin),
            ("https://vpce-0a1b2c-x9.api.ecr.eu-west-1.vpce.amazonaws.com", Service::Ecr),
            ("https://vpce-0a1b2c-x9-eu-west-1a.sts.eu-west-1.vpce.amazonaws.com", Service::Sts),
            ("https://vpce-0a1b2c-x9.sts.cn-north-1.vpce.amazonaws.com.cn", Service::Sts),
        ] {
            assert_eq!(at(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn what_is_aws_and_what_only_looks_like_it() {
        for address in [
            "http://sts.eu-west-1.amazonaws.com/",
            "https://sts.eu-west-1.amazonaws.com:8443/",
            "https://sts.eu-west-1.amazonaws.com.evil.example/",
            "https://sts.eu-west-1.amazonaws.com./",
            "https://evilsts.eu-west-1.amazonaws.com/",
            "https://evil.sts.eu-west-1.amazonaws.com/",
            "https://sts.evil.eu-west-1.amazonaws.com/",
            "https://sts.evil.amazonaws.com/",
            "https://sts.eu-west-1.evilamazonaws.com/",
            "https://abc123.execute-api.eu-west-1.amazonaws.com/",
            "https://bucket.s3.eu-west-1.amazonaws.com/",
            "https://sts.s3.eu-west-1.amazonaws.com/",
            "https://s3.eu-west-1.amazonaws.com/sts",
            "https://sts.s3.amazonaws.com/",
            "https://evilamazonaws.com/",
            "https://amazonaws.com.evil.example/sts.amazonaws.com",
            "https://.amazonaws.com/",
            "https://amazonaws.com/",
            "https://ecr.amazonaws.com/",
            "https://sts.us-east-1.on.aws/",
            "https://x.lambda-url.us-east-1.on.aws/",
            "https://sts.amazonaws.com@evil.example/",
            "https://x@sts.amazonaws.com/",
            "https://vpce-0a1b2c.vpce-svc-1.eu-west-1.vpce.amazonaws.com/",
            "https://vpce-svc-1.sts.eu-west-1.vpce.amazonaws.com/",
            "https://evil.sts.eu-west-1.vpce.amazonaws.com/",
            "https://vpce-.sts.eu-west-1.vpce.amazonaws.com/",
            "https://vpce-0a1b2c.x.sts.eu-west-1.vpce.amazonaws.com/",
            "https://sts.eu-west-1.vpce.amazonaws.com/",
            "https://vpce-0a1b2c.sts.eu-west-1.vpce.api.aws/",
            "https://evil.signin.aws.amazon.com/",
            "https://127.0.0.1/",
            "/",
            "",
        ] {
            assert_eq!(at(address), None, "{address}");
        }
    }
}
