//! A subject token from AWS (<https://google.aip.dev/auth/4117>, "AWS"): a signed `GetCallerIdentity` request,
//! which Google sends to AWS itself to learn who signed it. The keys never leave.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::json;
use url::Url;

use crate::cloud::aws;
use crate::cloud::http::{Http, form};
use crate::problem::{CloudFault, GoogleFault};
use crate::secret::Secret;
use crate::settings::Settings;

const VERIFY: &str = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15";

/// The token: the request's address, method and headers as JSON, percent-encoded.
pub(super) async fn token(
    settings: &Settings,
    http: &Http,
    audience: &str,
    verification: Option<&str>,
) -> Result<Secret, CloudFault> {
    let (credentials, region) = aws::of_this_machine(settings, http).await?;
    let url = verification.unwrap_or(VERIFY).replace("{region}", &region);
    let host = checked(&url, &region)?;
    Ok(signed(&url, &host, audience, &region, credentials)?)
}

/// The address must be that of AWS's STS: what is signed for it speaks for the AWS identity.
fn checked(url: &str, region: &str) -> Result<String, GoogleFault> {
    let parsed = Url::parse(url)
        .ok()
        .filter(|url| url.scheme() == "https" && url.port().is_none() && url.username().is_empty());
    let host = parsed.as_ref().and_then(|url| url.host_str()).unwrap_or_default().to_owned();
    let ours = [
        "sts.amazonaws.com".to_owned(),
        format!("sts.{region}.amazonaws.com"),
        format!("sts.{region}.amazonaws.com.cn"),
    ];
    if ours.contains(&host) {
        return Ok(host);
    }
    Err(GoogleFault::VerificationUrl)
}

fn signed(
    url: &str,
    host: &str,
    audience: &str,
    region: &str,
    credentials: Credentials,
) -> Result<Secret, GoogleFault> {
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| GoogleFault::SignForAws)?;
    let headers = [("host", host), ("x-goog-cloud-target-resource", audience)];
    let request = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(b""))
        .map_err(|_| GoogleFault::SignForAws)?;
    let (instructions, _) = sign(request, &params.into()).map_err(|_| GoogleFault::SignForAws)?.into_parts();
    let (added, _) = instructions.into_parts();
    let mut all: Vec<serde_json::Value> =
        headers.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    all.extend(added.iter().map(|header| json!({ "key": header.name(), "value": header.value() })));
    let token = json!({ "url": url, "method": "POST", "headers": all }).to_string();
    // The encoder's output for `=<text>` without the sign.
    Ok(Secret::new(form(&[("", &token)])[1..].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sts_is_signed_for() {
        for good in [
            "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
            "https://sts.amazonaws.com?x",
        ] {
            assert!(checked(good, "eu-west-1").is_ok(), "{good}");
        }
        for bad in [
            "http://sts.eu-west-1.amazonaws.com",
            "https://sts.eu-west-1.amazonaws.com.evil.com",
            "https://evil.com?sts.eu-west-1.amazonaws.com",
            "https://sts.us-east-1.amazonaws.com",
            "https://x@sts.eu-west-1.amazonaws.com",
            "https://s3.eu-west-1.amazonaws.com",
            "",
        ] {
            assert!(checked(bad, "eu-west-1").is_err(), "{bad}");
        }
    }

    #[test]
    fn the_token_holds_no_key() {
        let credentials =
            Credentials::new("AKIAEXAMPLE", "wJalrSECRET", Some("session".into()), None, "test");
        let url = "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15";
        let token =
            signed(url, "sts.eu-west-1.amazonaws.com", "//iam.googleapis.com/x", "eu-west-1", credentials)
                .unwrap();
        let token = token.expose();
        assert!(!token.contains("wJalrSECRET"));
        for part in
            ["x-goog-cloud-target-resource", "Signature", "AKIAEXAMPLE", "x-amz-security-token", "x-amz-date"]
        {
            assert!(token.to_lowercase().contains(&part.to_lowercase()), "{part}");
        }
    }
}
