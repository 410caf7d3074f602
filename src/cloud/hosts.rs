//! The one table of hosts: which registry is which cloud's (DESIGN section 3).
//!
//! Every row is anchored at both ends and compared label by label. No port but 443, no trailing dot, no mix of
//! two rows' parts: a region only with its own partition's suffix.

use crate::identity::aws::Partition;
use crate::identity::azure::AzureCloud;
use crate::registry::Registry;
use crate::settings::Cloud;

/// A host that a cloud's token may be given for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudHost {
    /// A private registry of ECR.
    Ecr(EcrHost),
    /// ECR Public; the flag says whether by its dual-stack name.
    EcrPublic {
        /// `ecr-public.aws.com`.
        dual_stack: bool,
    },
    /// Artifact Registry or Container Registry.
    Google,
    /// Azure Container Registry, in one of its three clouds.
    Acr {
        /// The host itself: the exchange happens there.
        host: String,
        /// Whose authority gives the token.
        cloud: AzureCloud,
    },
}

/// What an ECR host says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcrHost {
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// Whether the endpoint must be the FIPS one.
    pub fips: bool,
    /// Whether the endpoint must be the dual-stack one.
    pub dual_stack: bool,
}

impl CloudHost {
    /// The row that a registry stands in; `None` for every host that is no cloud's.
    pub fn of(registry: &Registry) -> Option<CloudHost> {
        if registry.port().is_some() || registry.is_plain_http() {
            return None;
        }
        let host = registry.host();
        let labels: Vec<&str> = host.split('.').collect();
        if !labels.iter().all(|label| is_label(label)) {
            return None;
        }
        ecr(&labels).or_else(|| google(&labels)).or_else(|| acr(host, &labels))
    }

    /// Whose it is.
    pub fn cloud(&self) -> Cloud {
        match self {
            CloudHost::Ecr(_) | CloudHost::EcrPublic { .. } => Cloud::Aws,
            CloudHost::Google => Cloud::Google,
            CloudHost::Acr { .. } => Cloud::Azure,
        }
    }
}

/// A label of a host name (RFC 1123), lower-case.
fn is_label(label: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !label.is_empty() && label.bytes().all(inside) && !label.starts_with('-') && !label.ends_with('-')
}

/// Suffixes of ECR's hosts, each with the partition whose regions belong to it.
const ECR_SUFFIXES: [(&[&str], Partition); 7] = [
    (&["amazonaws", "com"], Partition::Commercial),
    (&["amazonaws", "com", "cn"], Partition::China),
    (&["amazonaws", "eu"], Partition::EuropeanSovereign),
    (&["c2s", "ic", "gov"], Partition::Iso),
    (&["sc2s", "sgov", "gov"], Partition::IsoB),
    (&["cloud", "adc-e", "uk"], Partition::IsoE),
    (&["csp", "hci", "ic", "gov"], Partition::IsoF),
];

/// The dual-stack suffixes.
const ECR_DUAL_STACK: [(&[&str], Partition); 2] =
    [(&["on", "aws"], Partition::Commercial), (&["on", "amazonwebservices", "com", "cn"], Partition::China)];

fn ecr(labels: &[&str]) -> Option<CloudHost> {
    match labels {
        ["public", "ecr", "aws"] => return Some(CloudHost::EcrPublic { dual_stack: false }),
        ["ecr-public", "aws", "com"] => return Some(CloudHost::EcrPublic { dual_stack: true }),
        _ => {}
    }
    let (account, region, fips, dual_stack, suffix) = match labels {
        [account, "dkr", "ecr", region, suffix @ ..] => (account, region, false, false, suffix),
        [account, "dkr", "ecr-fips", region, suffix @ ..] => (account, region, true, false, suffix),
        [account, "dkr-ecr", region, suffix @ ..] => (account, region, false, true, suffix),
        [account, "dkr-ecr-fips", region, suffix @ ..] => (account, region, true, true, suffix),
        _ => return None,
    };
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let rows: &[(&[&str], Partition)] = if dual_stack { &ECR_DUAL_STACK } else { &ECR_SUFFIXES };
    let (_, owner) = rows.iter().find(|(row, _)| *row == suffix)?;
    (Partition::of_region(region)?.suffix_of() == *owner).then(|| {
        let (account, region) = ((*account).to_owned(), (*region).to_owned());
        CloudHost::Ecr(EcrHost { account, region, fips, dual_stack })
    })
}

fn google(labels: &[&str]) -> Option<CloudHost> {
    let ours = match labels {
        // Public: a token would be given away for nothing.
        ["mirror", "gcr", "io"] => false,
        ["gcr", "io"] | [_, "gcr", "io"] | ["container", "cloud", "google", "com"] => true,
        [location, "pkg", "dev"] => location.strip_suffix("-docker").is_some_and(|place| !place.is_empty()),
        ["docker", _, "rep", "pkg", "dev"] => true,
        _ => false,
    };
    ours.then_some(CloudHost::Google)
}

/// `<name>.azurecr.<tld>`; a name can have further labels (`name.westeurope.data`).
fn acr(host: &str, labels: &[&str]) -> Option<CloudHost> {
    let (tld, rest) = labels.split_last()?;
    let (zone, name) = rest.split_last()?;
    let cloud = match *tld {
        "io" => AzureCloud::Public,
        "cn" => AzureCloud::China,
        "us" => AzureCloud::UsGovernment,
        _ => return None,
    };
    (*zone == "azurecr" && !name.is_empty()).then(|| CloudHost::Acr { host: host.to_owned(), cloud })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(server: &str) -> Option<CloudHost> {
        CloudHost::of(&Registry::parse(server)?)
    }

    fn ecr_host(region: &str, fips: bool, dual_stack: bool) -> Option<CloudHost> {
        let (account, region) = ("123456789012".to_owned(), region.to_owned());
        Some(CloudHost::Ecr(EcrHost { account, region, fips, dual_stack }))
    }

    #[test]
    fn every_row() {
        for (server, region, fips, dual) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1", false, false),
            ("https://123456789012.DKR.ecr.eu-west-1.amazonaws.com:443/team/app", "eu-west-1", false, false),
            ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", true, false),
            ("123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1", false, false),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", true, false),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", false, false),
            ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", false, false),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1", false, true),
            ("123456789012.dkr-ecr-fips.us-east-2.on.aws", "us-east-2", true, true),
            (
                "123456789012.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn",
                "cn-northwest-1",
                false,
                true,
            ),
            ("123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", false, false),
            ("123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", false, false),
            ("123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", false, false),
            ("123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", false, false),
        ] {
            assert_eq!(of(server), ecr_host(region, fips, dual), "{server}");
        }
        assert_eq!(of("public.ecr.aws/x/y"), Some(CloudHost::EcrPublic { dual_stack: false }));
        assert_eq!(of("ecr-public.aws.com"), Some(CloudHost::EcrPublic { dual_stack: true }));
        for server in [
            "gcr.io",
            "eu.gcr.io",
            "us.gcr.io/project/app",
            "europe-west1-docker.pkg.dev",
            "us-docker.pkg.dev",
            "docker.us-central1.rep.pkg.dev",
            "container.cloud.google.com",
        ] {
            assert_eq!(of(server), Some(CloudHost::Google), "{server}");
        }
        for (server, cloud) in [
            ("name.azurecr.io", AzureCloud::Public),
            ("my-name-a1b2.azurecr.io", AzureCloud::Public),
            ("name.westeurope.data.azurecr.io", AzureCloud::Public),
            ("name.azurecr.cn", AzureCloud::China),
            ("name.azurecr.us", AzureCloud::UsGovernment),
        ] {
            assert_eq!(of(server), Some(CloudHost::Acr { host: server.to_owned(), cloud }), "{server}");
        }
    }

    #[test]
    fn no_port_but_443() {
        for port in [":80", ":8080", ":444", ":5000"] {
            for host in ["gcr.io", "name.azurecr.io", "public.ecr.aws"] {
                assert_eq!(of(&format!("{host}{port}")), None, "{host}{port}");
                assert_eq!(of(&format!("http://{host}{port}/team/app")), None, "http://{host}{port}");
            }
        }
        for host in
            ["gcr.io", "name.azurecr.io", "public.ecr.aws", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"]
        {
            for plain in ["http://", "HTTP://"].map(|scheme| format!("{scheme}{host}")) {
                assert_eq!(of(&plain), None, "{plain}");
                assert_eq!(of(&format!("{plain}/team/app")), None, "{plain}");
                assert_eq!(of(&format!("{plain}:443/v2/")), None, "{plain}");
            }
            assert!(of(&format!("https:/{host}")).is_some(), "{host}");
        }
        assert_eq!(of("https://gcr.io:443"), Some(CloudHost::Google));
    }

    #[test]
    fn look_alikes_are_no_ones() {
        let look_alikes = include_str!("../../tests/data/look_alikes.txt");
        let hosts: Vec<&str> =
            look_alikes.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).collect();
        for host in &hosts {
            assert_eq!(of(host), None, "{host}");
        }
        assert!(hosts.len() >= 100, "{} look-alikes", hosts.len());
    }

    proptest! {
        #[test]
        fn anything_put_around_a_host_makes_it_no_ones(before in "[a-z0-9.-]{1,12}", after in "[a-z0-9.-]{1,12}", which in 0..4_usize) {
            let host = ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", "public.ecr.aws", "gcr.io", "europe-docker.pkg.dev"][which];
            // A label in front of gcr.io is a row of its own, and so is more of a location.
            let own_row = which == 2 && !before.trim_end_matches('.').contains('.') || which == 3 && !before.contains('.');
            if !own_row {
                prop_assert_eq!(of(&format!("{before}{host}")), None);
            }
            prop_assert_eq!(of(&format!("{host}{after}")), None);
            prop_assert_eq!(of(&format!("{host}.{after}")), None);
        }

        #[test]
        fn an_account_is_twelve_digits(account in "[0-9]{0,14}") {
            let host = format!("{account}.dkr.ecr.eu-west-1.amazonaws.com");
            prop_assert_eq!(of(&host).is_some(), account.len() == 12);
        }
    }
}
