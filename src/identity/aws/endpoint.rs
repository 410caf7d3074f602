//! Where AWS's services are asked, if the user says so: a VPC endpoint, or another of AWS's own. Nothing else gets a request that
//! is signed for AWS, and least of all a token.

use http::Uri;

use super::{Base, Partition, Profile};
use crate::network::aws_endpoint::{self, Service};
use crate::problem::AwsFault;
use crate::settings::AwsEndpoints;

/// Who names an endpoint in a profile.
const FILE: &str = "endpoint_url in the AWS configuration file";

/// The endpoints that the user names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints(Vec<Endpoint>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoint {
    /// The service; `None` for all of them.
    service: Option<Service>,
    /// The variable, or the profile.
    named_by: &'static str,
    address: String,
}

impl Endpoint {
    /// What is there; `None` if it is not AWS's.
    fn place(&self) -> Option<aws_endpoint::Place> {
        aws_endpoint::place(&self.address.parse::<Uri>().ok()?)
    }
}

impl Endpoints {
    /// Those of variables and of a profile, in the order in which they count.
    pub fn of(variables: &AwsEndpoints, profile: Option<&Profile>) -> Endpoints {
        let AwsEndpoints { every, sts, ecr, ecr_public, sso, sso_oidc } = variables;
        let of_variables = [
            (Some(Service::Sts), "AWS_ENDPOINT_URL_STS", sts),
            (Some(Service::Ecr), "AWS_ENDPOINT_URL_ECR", ecr),
            (Some(Service::EcrPublic), "AWS_ENDPOINT_URL_ECR_PUBLIC", ecr_public),
            (Some(Service::Sso), "AWS_ENDPOINT_URL_SSO", sso),
            (Some(Service::SsoOidc), "AWS_ENDPOINT_URL_SSO_OIDC", sso_oidc),
            (None, "AWS_ENDPOINT_URL", every),
        ];
        let variables = of_variables.into_iter().filter_map(|(service, named_by, address)| {
            Some(Endpoint { service, named_by, address: address.clone()? })
        });
        let of_profile = profile.map(Profile::endpoints).unwrap_or_default().iter();
        let profile = of_profile.map(|(service, address)| Endpoint {
            service: *service,
            named_by: FILE,
            address: address.clone(),
        });
        Endpoints(variables.chain(profile).collect())
    }

    /// Where a service is asked; `None` if it is where AWS has it.
    ///
    /// One that is named for every service is meant for others too, for a stand-in of S3 perhaps: a registry's own service
    /// is asked there only if it is that service's. A token service must be, or a role's token would go there.
    ///
    /// # Errors
    /// It is somebody else's, or another partition's.
    pub fn at(&self, service: Service, region: &str) -> Result<Option<&str>, AwsFault> {
        for endpoint in &self.0 {
            match (endpoint.service, endpoint.place()) {
                (Some(other), _) if other != service => {}
                (_, Some(place)) if place.service == service => {
                    return at(endpoint, place.region, service, region);
                }
                // Another of AWS's own services.
                (None, Some(_)) => {}
                (None, None) if matches!(service, Service::Ecr | Service::EcrPublic) => {}
                _ => return Err(AwsFault::Endpoint(endpoint.named_by)),
            }
        }
        Ok(None)
    }

    /// Whether a profile's tokens would go to somebody else's host by a variable: the SDK exchanges them, and reads the
    /// variables itself.
    ///
    /// # Errors
    /// They would.
    pub fn check(&self, profile: &Profile) -> Result<(), AwsFault> {
        let login = matches!(profile.base(), Base::Login | Base::Unknown);
        let role = login || !profile.roles().is_empty() || matches!(profile.base(), Base::WebIdentity(_));
        let services = [(Service::Sts, role), (Service::Sso, login), (Service::SsoOidc, login)];
        let by_variable = |endpoint: &&Endpoint| endpoint.named_by != FILE;
        for (service, _) in services.into_iter().filter(|(_, asked)| *asked) {
            let named = self.0.iter().filter(by_variable);
            let mut named = named.filter(|endpoint| endpoint.service.is_none_or(|named| named == service));
            if let Some(endpoint) = named.next().filter(|endpoint| endpoint.place().is_none()) {
                return Err(AwsFault::Endpoint(endpoint.named_by));
            }
        }
        Ok(())
    }
}

/// An endpoint of the right service, if it is of use for a region.
fn at<'a>(
    endpoint: &'a Endpoint,
    its_region: Option<String>,
    service: Service,
    region: &str,
) -> Result<Option<&'a str>, AwsFault> {
    let Some(its_region) = its_region else { return Ok(Some(&endpoint.address)) };
    if Partition::of_region(&its_region) != Partition::of_region(region) {
        return Err(AwsFault::Endpoint(endpoint.named_by));
    }
    // A region's tokens open the registries of that region.
    let useless = service == Service::Ecr && its_region != region;
    Ok((!useless).then_some(endpoint.address.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VPC: &str = "https://vpce-0a1b2c-x9.api.ecr.eu-west-1.vpce.amazonaws.com";
    const STS: &str = "https://vpce-0a1b2c-x9.sts.eu-west-1.vpce.amazonaws.com";
    const MINIO: &str = "http://minio:9000";

    fn variables(set: &[(&str, &str)]) -> AwsEndpoints {
        let get = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        AwsEndpoints {
            every: get("every"),
            sts: get("sts"),
            ecr: get("ecr"),
            ecr_public: get("ecr_public"),
            sso: get("sso"),
            sso_oidc: get("sso_oidc"),
        }
    }

    /// Where a service is asked, or who is to blame.
    fn at(set: &[(&str, &str)], service: Service) -> Result<Option<String>, AwsFault> {
        let endpoints = Endpoints::of(&variables(set), None);
        endpoints.at(service, "eu-west-1").map(|address| address.map(str::to_owned))
    }

    #[test]
    fn awss_own_are_used_for_the_service_that_they_are_for() {
        let used = |address: &str| Ok(Some(address.to_owned()));
        assert_eq!(at(&[("ecr", VPC)], Service::Ecr), used(VPC));
        assert_eq!(at(&[("every", VPC)], Service::Ecr), used(VPC));
        assert_eq!(at(&[("every", VPC)], Service::Sts), Ok(None));
        assert_eq!(at(&[("every", STS)], Service::Sts), used(STS));
        assert_eq!(at(&[("every", VPC), ("sts", STS)], Service::Sts), used(STS));
        assert_eq!(at(&[("every", MINIO), ("sts", STS)], Service::Sts), used(STS));
        assert_eq!(
            at(&[("sts", "https://sts.amazonaws.com")], Service::Sts),
            used("https://sts.amazonaws.com")
        );
    }

    #[test]
    fn others_are_refused_only_where_they_concern_what_is_asked() {
        let refused = |variable| Err(AwsFault::Endpoint(variable));
        assert_eq!(at(&[("every", MINIO)], Service::Ecr), Ok(None));
        assert_eq!(at(&[("every", MINIO)], Service::EcrPublic), Ok(None));
        assert_eq!(at(&[("every", MINIO)], Service::Sts), refused("AWS_ENDPOINT_URL"));
        assert_eq!(at(&[("ecr", MINIO)], Service::Ecr), refused("AWS_ENDPOINT_URL_ECR"));
        assert_eq!(at(&[("ecr", STS)], Service::Ecr), refused("AWS_ENDPOINT_URL_ECR"));
        assert_eq!(at(&[("ecr", MINIO)], Service::Sts), Ok(None));
        assert_eq!(
            at(&[("sts", "https://x.execute-api.eu-west-1.amazonaws.com")], Service::Sts),
            refused("AWS_ENDPOINT_URL_STS")
        );
    }

    #[test]
    fn another_region_and_another_partition() {
        let elsewhere = VPC.replace("eu-west-1", "us-east-1");
        assert_eq!(at(&[("ecr", &elsewhere)], Service::Ecr), Ok(None));
        let other = STS.replace("eu-west-1", "us-east-1");
        assert_eq!(at(&[("sts", &other)], Service::Sts), Ok(Some(other.clone())));
        let china = "https://sts.cn-north-1.amazonaws.com.cn";
        assert_eq!(at(&[("sts", china)], Service::Sts), Err(AwsFault::Endpoint("AWS_ENDPOINT_URL_STS")));
    }
}
