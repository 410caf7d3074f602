//! External accounts (workload identity federation, <https://google.aip.dev/auth/4117>): a token from
//! elsewhere is exchanged at Google's STS (RFC 8693), and the result may take on a service account.

pub mod executable;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use http::Method;
use url::Url;

use super::{PLATFORM_SCOPE, Token, aws_subject, token};
use crate::cloud::http::{Http, RequestBuilder, form};
use crate::cloud::send;
use crate::identity::Origin;
use crate::identity::access::{self, Address, NotRead};
use crate::identity::google::{ExternalAccount, Format, Source};
use crate::problem::{CloudFault, GoogleFault};
use crate::secret::Secret;

use crate::shown::Shown;

/// An access token for the account.
pub(super) async fn token(
    origin: &Origin,
    account: &ExternalAccount,
    http: &Http,
    scopes: &str,
) -> Result<Token, CloudFault> {
    let subject = subject_token(origin, account, http).await?;
    access::check_token(origin, &subject)?;
    let first_scopes = if account.impersonation.is_some() { PLATFORM_SCOPE } else { scopes };
    let own = exchange(origin, account, http, &subject, first_scopes).await?;
    match &account.impersonation {
        Some(account) => token::impersonate(origin, http, account, &own.text, scopes).await,
        None => Ok(own),
    }
}

async fn exchange(
    origin: &Origin,
    account: &ExternalAccount,
    http: &Http,
    subject: &Secret,
    scopes: &str,
) -> Result<Token, CloudFault> {
    let project = account.user_project.as_deref();
    let options = project.map(|project| serde_json::json!({ "userProject": project }).to_string());
    let mut fields = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", account.audience.as_str()),
        ("scope", scopes),
        ("subject_token_type", account.subject_token_type.as_str()),
        ("subject_token", subject.expose()),
    ];
    fields.extend(options.as_deref().map(|options| ("options", options)));
    let basic = account.client.as_ref().map(|(id, secret)| token::basic_auth(id, secret));
    let answer = token::post(origin, http, &account.token_url, &form(&fields), basic.as_ref()).await?;
    Ok(token::parse(&answer)?)
}

/// The token of the other issuer. Whoever named the account decides where it may come from.
async fn subject_token(
    origin: &Origin,
    account: &ExternalAccount,
    http: &Http,
) -> Result<Secret, CloudFault> {
    if let Some(reference) = account.source.reference() {
        access::check(origin, reference)?;
    }
    match &account.source {
        Source::Token(token) => Ok(token.clone()),
        Source::Aws { verification_url, signer } => {
            let url = verification_url.as_deref();
            aws_subject::token(signer.as_deref(), http, &account.audience, url).await
        }
        Source::Executable(executable) => Ok(executable::token(executable, account, http.deadline).await?),
        Source::File { path, format } => {
            let text = access::read(origin, path).map_err(|why| match why {
                NotRead::Refused(refusal) => CloudFault::from(refusal),
                NotRead::Unreadable(why) => GoogleFault::TokenFile(Shown::path(path), why).into(),
            })?;
            Ok(formatted(format, &text)?)
        }
        Source::Url { url, headers, format } => from_url(origin, http, url, headers, format).await,
    }
}

async fn from_url(
    origin: &Origin,
    http: &Http,
    url: &str,
    headers: &BTreeMap<String, Secret>,
    format: &Format,
) -> Result<Secret, CloudFault> {
    // A metadata server of another cloud or a service of this machine, or else a service: only https leaves the machine.
    match Url::parse(url) {
        Ok(address) if address.scheme() == "https" || stays_here(&address) => {}
        _ => return Err(GoogleFault::PlainSource.into()),
    }
    let prepare = |request: RequestBuilder| {
        headers.iter().fold(request, |request, (name, value)| request.header(name.as_str(), value.expose()))
    };
    let answer = send(origin, http, Address::Named(url), (Method::GET, url), prepare).await?;
    if !answer.status.is_success() {
        return Err(GoogleFault::SourceStatus(shown![answer.status]).into());
    }
    Ok(formatted(format, &answer.body)?)
}

/// Whether an address without TLS is this machine's own: loopback, or link-local as metadata servers are.
fn stays_here(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    let near = match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(host)) => host.is_loopback() || host.is_link_local(),
        Ok(IpAddr::V6(host)) => host.is_loopback() || host.is_unicast_link_local() || host == METADATA_IPV6,
        Err(_) => matches!(host, "localhost" | "metadata.google.internal"),
    };
    near && address.scheme() == "http" && address.username().is_empty() && address.password().is_none()
}

/// EC2's metadata server where there is only IPv6.
const METADATA_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// The token itself: the whole text, or a field of a JSON object.
fn formatted(format: &Format, text: &[u8]) -> Result<Secret, GoogleFault> {
    let token = match format {
        Format::Json(field) => {
            let field = field.as_deref().ok_or(GoogleFault::NoFieldName)?;
            let mut fields: BTreeMap<String, serde_json::Value> =
                serde_json::from_slice(text).map_err(|_| GoogleFault::NotJson)?;
            match fields.remove(field) {
                Some(serde_json::Value::String(token)) => Some(Secret::new(token)),
                _ => None,
            }
        }
        Format::Text => Secret::from_utf8(text.to_vec()).map(Secret::trimmed),
    };
    token.filter(|token| !token.is_empty()).ok_or(GoogleFault::NoSubjectToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_asked() {
        for (address, here) in [
            ("http://169.254.169.254/metadata/identity/oauth2/token?resource=x", true),
            ("http://127.0.0.1:8080/token", true),
            ("http://localhost/token", true),
            ("http://[::1]/token", true),
            ("http://[fd00:ec2::254]/latest", true),
            ("http://metadata.google.internal/x", true),
            ("http://10.0.0.1/token", false),
            ("http://169.255.169.254/", false),
            ("http://localhost.evil.example/", false),
            ("http://user@localhost/", false),
            ("http://evil.example/169.254.169.254", false),
            ("ftp://localhost/", false),
        ] {
            assert_eq!(stays_here(&Url::parse(address).unwrap()), here, "{address}");
        }
    }

    #[test]
    fn a_subject_token_is_text_or_a_field() {
        let json = Format::Json(Some("t".to_owned()));
        assert_eq!(formatted(&Format::Text, b"abc\n").unwrap().expose(), "abc");
        assert_eq!(formatted(&json, br#"{"t":"abc","x":1}"#).unwrap().expose(), "abc");
        for (format, text) in [
            (&Format::Text, &b""[..]),
            (&Format::Text, b"\xff"),
            (&Format::Json(None), b"{}"),
            (&json, b"{}"),
            (&json, br#"{"t":5}"#),
            (&json, b"abc"),
        ] {
            assert!(formatted(format, text).is_err());
        }
    }
}
