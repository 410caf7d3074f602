//! The metadata server of Compute Engine, GKE and Cloud Run
//! (<https://cloud.google.com/compute/docs/access/authenticate-workloads#applications>).

use http::{Method, StatusCode};

use super::{SCOPES, Token, token};
use crate::cloud::http::{Http, RequestBuilder, form};
use crate::cloud::send;
use crate::identity::Origin;
use crate::identity::access::Address;
use crate::problem::{CloudFault, GoogleFault};

/// The name that Google's own libraries use, unless `GCE_METADATA_HOST` says otherwise.
const HOST: &str = "metadata.google.internal";

/// The token of the machine's or pod's service account.
pub(super) async fn token(origin: &Origin, http: &Http, host: Option<&str>) -> Result<Token, CloudFault> {
    let host = host.unwrap_or(HOST);
    // The scopes as one list with commas, unlike everywhere else.
    let query = form(&[("scopes", &SCOPES.replace(' ', ","))]);
    let url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token?{}", *query);
    let prepare = |request: RequestBuilder| request.header("Metadata-Flavor", "Google");
    let answer = send(origin, http, Address::Metadata(host), (Method::GET, &url), prepare).await?;
    match answer.status {
        StatusCode::NOT_FOUND => Err(GoogleFault::NoAccount.into()),
        _ => Ok(token::parse(&answer)?),
    }
}
