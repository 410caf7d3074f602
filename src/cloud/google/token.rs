//! Google's token requests, each one documented POST.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gcp_auth::CustomServiceAccount;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::Token;
use crate::cloud::http::{Answer, Http, RequestBuilder, form, oauth_error};
use crate::cloud::send;
use crate::identity::Origin;
use crate::identity::access::Address;
use crate::identity::google::{Impersonation, User};
use crate::problem::{CloudFault, GoogleFault};
use crate::secret::Secret;
use crate::shown::Shown;

/// How long the signed assertion is good for; an hour is the most that Google takes.
const ASSERTION_LIFE: u64 = 600;

/// What is exchanged for an access token.
pub(super) enum Grant<'a> {
    /// A signed assertion (RFC 7523, section 2.1;
    /// <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>).
    Assertion(&'a Secret),
    /// A refresh token (RFC 6749, section 6), the client's secret in the form.
    Refresh(&'a User),
    /// The same with the client's secret as HTTP Basic, as Google's STS wants it for workforce users.
    RefreshBasic(&'a User),
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
pub(super) async fn request(
    origin: &Origin,
    http: &Http,
    url: &str,
    grant: Grant<'_>,
) -> Result<Token, CloudFault> {
    let body;
    let mut basic = None;
    match grant {
        Grant::Assertion(assertion) => {
            body = form(&[
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", assertion.expose()),
            ]);
        }
        Grant::Refresh(User { client_id, client_secret, refresh_token, .. }) => {
            body = form(&[
                ("grant_type", "refresh_token"),
                ("client_id", client_id),
                ("client_secret", client_secret.expose()),
                ("refresh_token", refresh_token.expose()),
            ]);
        }
        Grant::RefreshBasic(User { client_id, client_secret, refresh_token, .. }) => {
            body = form(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())]);
            basic = Some(basic_auth(client_id, client_secret));
        }
    }
    let answer = post(origin, http, url, &body, basic.as_ref()).await?;
    Ok(parse(&answer)?)
}

/// The value of an `Authorization` header (RFC 7617).
pub(super) fn basic_auth(client_id: &str, client_secret: &Secret) -> Secret {
    let pair = Zeroizing::new(format!("{client_id}:{}", client_secret.expose()));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// A form by POST, with an `Authorization` header if there is one.
pub(super) async fn post(
    origin: &Origin,
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
    send(origin, http, Address::Service, (Method::POST, url), prepare).await
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

/// Takes on a service account
/// (<https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>).
pub(super) async fn impersonate(
    origin: &Origin,
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
    let answer = send(origin, http, Address::Service, (Method::POST, &account.url), prepare).await?;
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
    fn times_until() {
        assert_eq!(until("2001-01-01T00:00:00Z"), Some(Duration::ZERO));
        assert!(until("2999-01-01T00:00:00Z").is_some_and(|life| life > Duration::from_secs(3600)));
        assert_eq!(until("tomorrow"), None);
    }
}
