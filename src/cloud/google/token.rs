//! Google's token requests, each one documented POST.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gcp_auth::CustomServiceAccount;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use super::Token;
use crate::cloud::http::{Answer, Http, RequestBuilder, form, oauth_error};
use crate::problem::{CloudFault, GoogleFault, GoogleFileFault};
use crate::secret::Secret;
use crate::shown::Shown;

/// Where refresh tokens are exchanged if the file does not say so.
pub(super) const OAUTH: &str = "https://oauth2.googleapis.com/token";

/// How long an impersonated account's token lives if nothing else is asked for.
pub(super) const IMPERSONATED_LIFE: Duration = Duration::from_secs(3600);

/// How long the signed assertion is good for; an hour is the most that Google takes.
const ASSERTION_LIFE: u64 = 600;

/// Services of Google that give tokens. A region may stand before or inside (`us-east1-sts`, `.rep.`, `.p.`).
const SERVICES: [&str; 4] = ["oauth2", "sts", "iamcredentials", "www"];

/// Checks an address to which something signed or secret will be sent: https, on the usual port, at one of
/// Google's own token services.
pub(super) fn checked(field: &'static str, address: &str) -> Result<String, GoogleFileFault> {
    let wrong = || GoogleFileFault::Address(field);
    let url = Url::parse(address).map_err(|_| wrong())?;
    let plain = url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let ours = url.host_str().is_some_and(|host| is_token_service(host) && is_token_path(host, url.path()));
    if plain && ours && url.query().is_none() && url.fragment().is_none() {
        Ok(url.into())
    } else {
        Err(wrong())
    }
}

/// The same hosts serve other things too, buckets that anybody may write to among them: only the paths that
/// give tokens are taken.
fn is_token_path(host: &str, path: &str) -> bool {
    // An address or a number. It stands in a command that `explain` gives to paste: nothing in it may mean more to a shell.
    let of_account = |b: u8| b.is_ascii_alphanumeric() || b"-._@%".contains(&b);
    let impersonation = path
        .strip_prefix("/v1/projects/-/serviceAccounts/")
        .and_then(|rest| rest.strip_suffix(":generateAccessToken"))
        .is_some_and(|account| !account.is_empty() && account.bytes().all(of_account));
    let tokens =
        ["/token", "/o/oauth2/token", "/oauth2/v3/token", "/oauth2/v4/token", "/v1/token", "/v1/oauthtoken"];
    tokens.contains(&path) || host.contains("iamcredentials") && impersonation
}

fn is_token_service(host: &str) -> bool {
    if host == "accounts.google.com" {
        return true;
    }
    let Some(name) = host.strip_suffix(".googleapis.com") else { return false };
    let is_region = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    SERVICES.iter().any(|service| match name.split('.').collect::<Vec<_>>()[..] {
        [label] => {
            label == *service
                || label.strip_suffix(service).and_then(|r| r.strip_suffix('-')).is_some_and(is_region)
        }
        [label, "mtls"] => label == *service,
        [label, region, "rep"] => label == *service && is_region(region),
        _ => false,
    })
}

/// What is exchanged for an access token.
pub(super) enum Grant<'a> {
    /// A signed assertion (RFC 7523, section 2.1;
    /// <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>).
    Assertion(&'a Secret),
    /// A refresh token (RFC 6749, section 6), the client's secret in the form.
    Refresh { client_id: &'a str, client_secret: &'a Secret, refresh_token: &'a Secret },
    /// The same with the client's secret as HTTP Basic, as Google's STS wants it for workforce users.
    RefreshBasic { client_id: &'a str, client_secret: &'a Secret, refresh_token: &'a Secret },
}

/// An assertion that the service account itself signs.
pub(super) fn assertion(
    email: &str,
    key_json: &Secret,
    token_url: &str,
    scopes: &str,
) -> Result<Secret, GoogleFault> {
    let account = CustomServiceAccount::from_json(key_json.expose()).map_err(|_| GoogleFault::Key)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| GoogleFault::Clock)?;
    let header = json!({ "alg": "RS256", "typ": "JWT" });
    let claims = json!({
        "iss": email,
        "scope": scopes,
        "aud": token_url,
        "iat": now.as_secs(),
        "exp": now.as_secs() + ASSERTION_LIFE,
    });
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = account.signer().sign(signed.as_bytes()).map_err(|_| GoogleFault::Sign)?;
    Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// Asks for an access token.
pub(super) async fn request(http: &Http, url: &str, grant: Grant<'_>) -> Result<Token, CloudFault> {
    let body;
    let mut basic = None;
    match grant {
        Grant::Assertion(assertion) => {
            body = form(&[
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", assertion.expose()),
            ]);
        }
        Grant::Refresh { client_id, client_secret, refresh_token } => {
            body = form(&[
                ("grant_type", "refresh_token"),
                ("client_id", client_id),
                ("client_secret", client_secret.expose()),
                ("refresh_token", refresh_token.expose()),
            ]);
        }
        Grant::RefreshBasic { client_id, client_secret, refresh_token } => {
            body = form(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())]);
            basic = Some(basic_auth(client_id, client_secret));
        }
    }
    let answer = post(http, url, &body, basic.as_ref()).await?;
    Ok(parse(&answer)?)
}

/// The value of an `Authorization` header (RFC 7617).
pub(super) fn basic_auth(client_id: &str, client_secret: &Secret) -> Secret {
    let pair = Zeroizing::new(format!("{client_id}:{}", client_secret.expose()));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// A form by POST, with an `Authorization` header if there is one.
pub(super) async fn post(
    http: &Http,
    url: &str,
    body: &str,
    authorization: Option<&Secret>,
) -> Result<Answer, CloudFault> {
    let prepare = |request: RequestBuilder| {
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned());
        match authorization {
            Some(value) => request.header("authorization", value.expose()),
            None => request,
        }
    };
    Ok(http.send(Method::POST, url, prepare).await?)
}

/// A token response (RFC 6749, section 5.1).
///
/// # Errors
/// A refusal, or no token.
pub fn parse(answer: &Answer) -> Result<Token, GoogleFault> {
    #[derive(Deserialize)]
    struct Response {
        access_token: Secret,
        expires_in: Option<u64>,
    }
    if answer.status != StatusCode::OK {
        return Err(GoogleFault::Refused(oauth_error(answer)));
    }
    let response: Response = serde_json::from_slice(&answer.body).map_err(|_| GoogleFault::NoToken)?;
    if response.access_token.is_empty() {
        return Err(GoogleFault::NoToken);
    }
    let life = Duration::from_secs(response.expires_in.unwrap_or(3600).min(12 * 3600));
    Ok(Token { text: response.access_token, life })
}

/// A service account to take on.
#[derive(Debug, Clone)]
pub(super) struct Impersonation {
    /// The address of its `generateAccessToken`, checked.
    pub url: String,
    /// The accounts in between.
    pub delegates: Vec<String>,
    /// How long the token is to live.
    pub life: Duration,
}

impl Impersonation {
    /// The account's address, for messages and for programs that want it.
    pub fn email(&self) -> &str {
        self.url.rsplit('/').next().and_then(|last| last.split(':').next()).unwrap_or_default()
    }
}

/// Takes on a service account
/// (<https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>).
pub(super) async fn impersonate(
    http: &Http,
    account: &Impersonation,
    own: &Secret,
    scopes: &str,
) -> Result<Token, CloudFault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Response {
        access_token: Secret,
        #[serde(default)]
        expire_time: String,
    }
    let scopes: Vec<&str> = scopes.split(' ').collect();
    let lifetime = format!("{}s", account.life.as_secs());
    let body = json!({ "scope": scopes, "delegates": account.delegates, "lifetime": lifetime }).to_string();
    let authorization = Secret::new(format!("Bearer {}", own.expose()));
    let prepare = |request: RequestBuilder| {
        request
            .header("content-type", "application/json")
            .header("authorization", authorization.expose())
            .body(body.clone())
    };
    let answer = http.send(Method::POST, &account.url, prepare).await?;
    if answer.status != StatusCode::OK {
        let (email, said) = (Shown::text(account.email()), oauth_error(&answer));
        return Err(GoogleFault::Impersonation { email, said }.into());
    }
    let response: Response =
        serde_json::from_slice(&answer.body).map_err(|_| GoogleFault::ImpersonationNoToken)?;
    if response.access_token.is_empty() {
        return Err(GoogleFault::ImpersonationNoToken.into());
    }
    // The lifetime is the one that was asked for, or what `expireTime` (RFC 3339) says if that is sooner.
    let life = until(&response.expire_time).unwrap_or(account.life).min(account.life);
    Ok(Token { text: response.access_token, life })
}

/// From now to a time in RFC 3339; zero for one that has passed.
fn until(time: &str) -> Option<Duration> {
    let at = aws_sdk_ecr::primitives::DateTime::from_str(
        time,
        aws_sdk_ecr::primitives::DateTimeFormat::DateTimeWithOffset,
    )
    .ok()?;
    let at = UNIX_EPOCH + Duration::from_secs(u64::try_from(at.secs()).ok()?);
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_addresses() {
        for good in [
            "https://oauth2.googleapis.com/token",
            "https://www.googleapis.com/oauth2/v4/token",
            "https://accounts.google.com/o/oauth2/token",
            "https://sts.googleapis.com/v1/token",
            "https://sts.googleapis.com:443/v1/token",
            "https://us-east1-sts.googleapis.com/v1/token",
            "https://sts.us-east1.rep.googleapis.com/v1/token",
            "https://sts.mtls.googleapis.com/v1/token",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken",
        ] {
            assert!(checked("token_uri", good).is_ok(), "{good}");
        }
        for bad in [
            "http://oauth2.googleapis.com/token",
            "https://oauth2.googleapis.com:8443/token",
            "https://oauth2.googleapis.com.evil.com/token",
            "https://evil.com/oauth2.googleapis.com",
            "https://oauth2.googleapis.com@evil.com/token",
            "https://user@oauth2.googleapis.com/token",
            "https://xoauth2.googleapis.com/token",
            "https://oauth2.googleapis.com./token",
            "https://storage.googleapis.com/token",
            "https://evil.storage.googleapis.com/token",
            "https://evil.oauth2.googleapis.com/token",
            "https://oauth2-googleapis.com/token",
            "https://googleapis.com/token",
            "https://169.254.169.254/token",
            "https://www.googleapis.com/upload/storage/v1/b/bucket/o",
            "https://www.googleapis.com/upload/storage/v1/b/bucket/o?uploadType=media&name=x",
            "https://www.googleapis.com/token/../upload/storage/v1/b/bucket/o",
            "https://oauth2.googleapis.com/token?x=1",
            "https://oauth2.googleapis.com/token/x",
            "https://sts.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a/b:generateAccessToken",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/$(id)@b:generateAccessToken",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a;id:generateAccessToken",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:signJwt",
            "file:///etc/passwd",
            "oauth2.googleapis.com",
            "",
        ] {
            assert!(checked("token_uri", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_until() {
        assert_eq!(until("2001-01-01T00:00:00Z"), Some(Duration::ZERO));
        assert!(until("2999-01-01T00:00:00Z").is_some_and(|life| life > Duration::from_secs(3600)));
        assert_eq!(until("tomorrow"), None);
    }
}
