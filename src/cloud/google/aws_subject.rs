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
use crate::identity::Identity;
use crate::identity::aws::Partition;
use crate::identity::environment;
use crate::problem::{CloudFault, GoogleFault};
use crate::secret::{Secret, known};
use crate::settings::Cloud;

/// The token: the request's address, method and headers as JSON, percent-encoded.
pub(super) async fn token(
    signer: Option<&Identity>,
    http: &Http,
    audience: &str,
    verification: Option<&str>,
) -> Result<Secret, CloudFault> {
    let Some(signer) = signer else {
        return Err(GoogleFault::NoAwsIdentity(environment::looked_for(Cloud::Aws).into()).into());
    };
    let (credentials, region) = aws::credentials_of(signer, http).await?;
    let own = format!("https://sts.{{region}}.{}?{QUERY}", suffix(&region));
    let url = verification.unwrap_or(&own).replace("{region}", &region);
    let host = checked(&url, &region)?;
    Ok(signed(&url, &host, audience, &region, credentials)?)
}

/// The one request that is signed: who am I?
const QUERY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// Where the token service of a region is.
fn suffix(region: &str) -> &'static str {
    match Partition::of_region(region) {
        Some(Partition::China) => "amazonaws.com.cn",
        Some(Partition::EuropeanSovereign) => "amazonaws.eu",
        Some(Partition::Iso) => "c2s.ic.gov",
        Some(Partition::IsoB) => "sc2s.sgov.gov",
        Some(Partition::IsoE) => "cloud.adc-e.uk",
        Some(Partition::IsoF) => "csp.hci.ic.gov",
        Some(Partition::Commercial | Partition::UsGovernment) | None => "amazonaws.com",
    }
}

/// The address must be that of AWS's STS, and ask it for nothing but the caller's own identity: what is signed for it
/// speaks for the AWS identity.
fn checked(url: &str, region: &str) -> Result<String, GoogleFault> {
    let wrong = || GoogleFault::VerificationUrl;
    let parsed = Url::parse(url).map_err(|_| wrong())?;
    let plain = parsed.scheme() == "https"
        && parsed.port().is_none()
        && parsed.username().is_empty()
        && parsed.password().is_none()
        && parsed.path() == "/"
        && parsed.fragment().is_none();
    let mut asked: Vec<_> = parsed.query_pairs().collect();
    asked.sort();
    let only = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")];
    let asks_who = asked.iter().map(|(name, value)| (&**name, &**value)).eq(only);
    let host = parsed.host_str().unwrap_or_default().to_owned();
    let commercial = Partition::of_region(region).is_none_or(|one| one == Partition::Commercial);
    let ours =
        host == format!("sts.{region}.{}", suffix(region)) || commercial && host == "sts.amazonaws.com";
    // What parsers read differently is none of AWS's own spellings.
    let spelt = url.is_ascii() && !url.contains(['\\', '%', '+', '\t', '\n', '\r']);
    if plain && asks_who && ours && spelt { Ok(host) } else { Err(wrong()) }
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
    // The address and the audience in it are no secret.
    for (_, signature) in added.iter().filter_map(|header| header.value().split_once("Signature=")) {
        known::remember_text(signature);
    }
    Ok(Secret::mixed(form(&[("", &token)])[1..].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_am_i_is_signed_for_and_only_for_sts() {
        let who = "Action=GetCallerIdentity&Version=2011-06-15";
        let turned = "Version=2011-06-15&Action=GetCallerIdentity";
        for (good, region) in [
            (format!("https://sts.eu-west-1.amazonaws.com?{who}"), "eu-west-1"),
            (format!("https://sts.eu-west-1.amazonaws.com/?{who}"), "eu-west-1"),
            (format!("https://sts.eu-west-1.amazonaws.com:443/?{who}"), "eu-west-1"),
            (format!("https://sts.eu-west-1.amazonaws.com?{turned}"), "eu-west-1"),
            (format!("https://sts.amazonaws.com?{who}"), "eu-west-1"),
            (format!("https://sts.cn-north-1.amazonaws.com.cn?{who}"), "cn-north-1"),
            (format!("https://sts.us-gov-west-1.amazonaws.com?{who}"), "us-gov-west-1"),
        ] {
            assert!(checked(&good, region).is_ok(), "{good}");
        }
        let at = |query: &str| format!("https://sts.eu-west-1.amazonaws.com/?{query}");
        for bad in [
            format!("http://sts.eu-west-1.amazonaws.com?{who}"),
            format!("https://sts.eu-west-1.amazonaws.com.evil.com?{who}"),
            format!("https://evil.com?sts.eu-west-1.amazonaws.com&{who}"),
            format!("https://sts.us-east-1.amazonaws.com?{who}"),
            format!("https://x@sts.eu-west-1.amazonaws.com?{who}"),
            format!("https://:x@sts.eu-west-1.amazonaws.com?{who}"),
            format!("https://s3.eu-west-1.amazonaws.com?{who}"),
            format!("https://sts.eu-west-1.amazonaws.com:8443?{who}"),
            format!("https://sts.eu-west-1.amazonaws.com.cn?{who}"),
            format!("https://sts.eu-west-1.amazonaws.com/x?{who}"),
            format!("https://sts.eu-west-1.amazonaws.com?{who}#x"),
            format!("https://sts.eu-west-1.amazonaws.com\\?{who}"),
            "https://sts.eu-west-1.amazonaws.com".to_owned(),
            at("Action=GetSessionToken&Version=2011-06-15"),
            at("Action=AssumeRole&RoleArn=x&Version=2011-06-15"),
            at("Action=GetCallerIdentity"),
            at("Version=2011-06-15"),
            at("Action=GetCallerIdentity&Version=2010-01-01"),
            at("Action=GetCallerIdentity&Action=AssumeRole&Version=2011-06-15"),
            at("Action=GetCallerIdentity&Version=2011-06-15&RoleArn=x"),
            at("action=GetCallerIdentity&Version=2011-06-15"),
            at("Action=Get%43allerIdentity&Version=2011-06-15"),
            at("x"),
            String::new(),
        ] {
            assert!(checked(&bad, "eu-west-1").is_err(), "{bad}");
        }
        assert!(checked(&format!("https://sts.amazonaws.com?{who}"), "cn-north-1").is_err());
        assert!(checked(&format!("https://sts.cn-north-1.amazonaws.com?{who}"), "cn-north-1").is_err());
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
