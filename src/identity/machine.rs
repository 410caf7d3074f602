//! Which cloud this machine is in, by evidence that needs no network. A metadata server is asked only with
//! evidence of its cloud: elsewhere its address may belong to someone else, or swallow packets.

use std::path::Path;

use crate::file;
use crate::settings::{Cloud, MachineCloud, Settings};

/// Where the firmware's strings are (Linux).
const DMI: &str = "/sys/class/dmi/id";

/// The asset tag of every Azure machine (Azure's own agents look for it).
const AZURE_TAG: &str = "7783-7084-3265-9085-8269-3286-77";

/// Whether the metadata server of a cloud may be asked, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The user says that this is the cloud.
    Named,
    /// The machine looks like it.
    Seen,
    /// Nothing says so, or the user says otherwise.
    None,
}

/// What speaks for a cloud.
pub fn evidence(settings: &Settings, cloud: Cloud) -> Evidence {
    match settings.machine_cloud {
        MachineCloud::Is(named) if named == cloud => Evidence::Named,
        MachineCloud::Is(_) | MachineCloud::None => Evidence::None,
        MachineCloud::Detect => {
            let seen = variables(settings, cloud) || firmware(cloud, dmi);
            if seen { Evidence::Seen } else { Evidence::None }
        }
    }
}

/// Variables that a cloud sets itself.
fn variables(settings: &Settings, cloud: Cloud) -> bool {
    match cloud {
        Cloud::Aws => false,
        Cloud::Google => settings.google.metadata_host.is_some() || settings.google.cloud_run,
        Cloud::Azure => settings.azure.identity_endpoint.is_some(),
    }
}

/// The firmware's strings: a vendor that a cloud writes into all its machines.
fn firmware(cloud: Cloud, dmi: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, test: &dyn Fn(&str) -> bool| dmi(name).is_some_and(|text| test(&text));
    match cloud {
        // Nitro machines say so; Xen ones have it in the BIOS version.
        Cloud::Aws => {
            is("sys_vendor", &|text| text == "Amazon EC2")
                || is("bios_version", &|text| text.ends_with(".amazon"))
        }
        Cloud::Google => is("product_name", &|text| text == "Google Compute Engine" || text == "Google"),
        Cloud::Azure => is("chassis_asset_tag", &|text| text == AZURE_TAG),
    }
}

fn dmi(name: &str) -> Option<String> {
    let text = file::read_following(&Path::new(DMI).join(name)).ok()?;
    Some(std::str::from_utf8(&text).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(strings: &[(&str, &str)]) -> Vec<Cloud> {
        let dmi = |name: &str| strings.iter().find(|(n, _)| *n == name).map(|(_, text)| (*text).to_owned());
        [Cloud::Aws, Cloud::Google, Cloud::Azure].into_iter().filter(|cloud| firmware(*cloud, dmi)).collect()
    }

    #[test]
    fn firmware_strings() {
        assert_eq!(seen(&[("sys_vendor", "Amazon EC2"), ("product_name", "m5.large")]), [Cloud::Aws]);
        assert_eq!(seen(&[("sys_vendor", "Xen"), ("bios_version", "4.11.amazon")]), [Cloud::Aws]);
        assert_eq!(
            seen(&[("sys_vendor", "Google"), ("product_name", "Google Compute Engine")]),
            [Cloud::Google]
        );
        assert_eq!(
            seen(&[("sys_vendor", "Microsoft Corporation"), ("chassis_asset_tag", AZURE_TAG)]),
            [Cloud::Azure]
        );
        // Hyper-V on someone's own machine is not Azure; a laptop by Google is no Compute Engine.
        assert_eq!(seen(&[("sys_vendor", "Microsoft Corporation"), ("chassis_asset_tag", "1234")]), []);
        assert_eq!(seen(&[("sys_vendor", "Google"), ("product_name", "Pixelbook")]), []);
        assert_eq!(seen(&[("sys_vendor", "Not Amazon EC2"), ("product_name", "Googlex")]), []);
        assert_eq!(seen(&[]), []);
    }
}
