//! Google's token services: the only addresses to which a credential of Google's is sent.

use url::Url;

use crate::problem::GoogleFileFault;

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
}
