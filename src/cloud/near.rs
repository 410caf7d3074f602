//! Addresses of agents that hand out tokens to whoever is on the same machine, some of them only to who shows them a token.
//! In clear, the door itself reaches no other machine, and connects to the address that it checked
//! ([`Ways::Here`](crate::network::connect::Ways::Here)); here is what can be told of an address before it is asked.

use std::net::IpAddr;

use url::{Host, Url};

use crate::network::address::is_metadata_server;

/// Why an address is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotNear {
    /// It is no address of HTTP.
    NoAddress,
    /// It is another machine's.
    Elsewhere,
}

/// Whether an address is loopback or a metadata server's, as those of AWS's agents are.
pub(super) fn is_aws_agent(address: IpAddr) -> bool {
    address.to_canonical().is_loopback() || is_metadata_server(address)
}

/// Whether an address may be an agent's. Over TLS, only loopback is: nobody has a certificate for the other addresses.
///
/// # Errors
/// It may not.
pub(super) fn agent(address: &str, is_near: fn(IpAddr) -> bool) -> Result<(), NotNear> {
    let url = Url::parse(address).map_err(|_| NotNear::NoAddress)?;
    let ip = match url.host() {
        Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        Some(Host::Domain(_)) => None,
        None => return Err(NotNear::NoAddress),
    };
    let near = match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => return Err(NotNear::NoAddress),
        "http" => ip.is_none_or(is_near),
        "https" => ip.map_or(url.host_str() == Some("localhost"), |ip| ip.is_loopback()),
        _ => return Err(NotNear::NoAddress),
    };
    if near { Ok(()) } else { Err(NotNear::Elsewhere) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::address::is_here;

    #[test]
    fn agents_are_on_this_machine() {
        for (url, aws, azure) in [
            ("http://169.254.170.2/v2/credentials", true, true),
            ("http://169.254.170.23/v1/credentials", true, true),
            ("http://[fd00:ec2::23]/v1/credentials", true, true),
            ("http://127.0.0.1:9911/", true, true),
            ("https://127.0.0.1:9911/", true, true),
            ("https://localhost:9911/", true, true),
            ("http://localhost:42356/msi/token", true, true),
            ("http://[::1]:8080/", true, true),
            ("http://[::ffff:127.0.0.1]/", true, true),
            ("http://2130706433/", true, true),
            // In clear, the door finds out where a name leads.
            ("http://agent.example/", true, true),
            ("http://169.254.129.3:8081/msi/token", false, true),
            ("http://10.0.0.1/", false, false),
            ("https://10.0.0.1/", false, false),
            ("https://169.254.170.23/", false, false),
            ("https://agent.example/", false, false),
            ("https://localhost.example/", false, false),
            ("http://0.0.0.0/", false, false),
            ("http://[::ffff:10.0.0.1]/", false, false),
            ("http://user@127.0.0.1/", false, false),
            ("http://127.0.0.1@10.0.0.1/", false, false),
            ("ftp://127.0.0.1/", false, false),
            ("/v1/credentials", false, false),
            ("", false, false),
        ] {
            assert_eq!(agent(url, is_aws_agent).is_ok(), aws, "{url}");
            assert_eq!(agent(url, is_here).is_ok(), azure, "{url}");
        }
    }
}
