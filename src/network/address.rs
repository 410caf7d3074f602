//! The addresses of metadata servers, and whether a connection stays on this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The metadata server of EC2, Google and Azure (<https://www.rfc-editor.org/rfc/rfc3927> link-local).
pub const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
/// Google's where there is only IPv6 (<https://cloud.google.com/compute/docs/metadata/querying-metadata>).
const GOOGLE_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254));

/// All of them: EC2's, Google's and Azure's, that of ECS tasks, that of EKS Pod Identity, and those of EC2, EKS and Google
/// where there is only IPv6.
const SERVERS: [IpAddr; 6] = [
    METADATA,
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    GOOGLE_IPV6,
];

/// The name of Google's metadata server.
const GOOGLE_NAME: &str = "metadata.google.internal";

/// Whether an address is a metadata server's.
pub fn is_metadata_server(address: IpAddr) -> bool {
    SERVERS.contains(&address.to_canonical())
}

/// Whether a connection to an address stays on this machine or its link: loopback, a metadata server, or link-local, as the
/// endpoint of App Service's identities is. No router carries it further.
pub fn is_here(address: IpAddr) -> bool {
    let near = match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local(),
    };
    near || is_metadata_server(address)
}

/// The addresses of a metadata server that has a name, for where the name does not resolve; none for other names.
pub fn of_metadata_server(name: &str) -> &'static [IpAddr] {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.eq_ignore_ascii_case(GOOGLE_NAME) { &[METADATA, GOOGLE_IPV6] } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_this_machine_and_what_only_looks_like_it() {
        for here in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "169.254.129.3",
            "fe80::1",
            "127.0.0.1",
            "127.1.2.3",
            "::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_here(here.parse().unwrap()), "{here}");
        }
        for elsewhere in
            ["169.255.169.254", "10.0.0.1", "0.0.0.0", "::", "fd00:ec2::253", "fec0::1", "8.8.8.8"]
        {
            assert!(!is_here(elsewhere.parse().unwrap()), "{elsewhere}");
        }
    }

    #[test]
    fn which_are_metadata_servers() {
        for other in ["169.254.169.253", "169.254.129.3", "127.0.0.1", "fd00:ec2::2"] {
            assert!(!is_metadata_server(other.parse().unwrap()), "{other}");
        }
        assert!(is_metadata_server("::ffff:169.254.170.23".parse().unwrap()));
    }

    #[test]
    fn names() {
        assert_eq!(of_metadata_server("Metadata.Google.Internal."), [METADATA, GOOGLE_IPV6]);
        for other in ["metadata", "metadata.google.internal.evil.example", "x.metadata.google.internal", ""] {
            assert!(of_metadata_server(other).is_empty(), "{other}");
        }
    }
}
