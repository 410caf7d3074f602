//! Identities that a Secret of the cluster holds. Whoever may write the Secret chooses every value in it, so an identity
//! from here touches next to nothing of this machine ([`access`]).

use super::aws::{Aws, AwsKind, Keys, Role};
use super::azure::{Authority, Azure, AzureKind};
use super::google::{Google, Source};
use super::{Identity, Kind, Origin, access};
use crate::cluster::{Object, SecretObject};
use crate::problem::{EntryFault, GoogleFileFault, NotFromSecret, Problem};
use crate::secret::Secret;
use crate::settings::Cloud;

/// The Secret that holds a cloud's identity.
pub fn name(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "ecr-sa",
        Cloud::Google => "gcr-sa",
        Cloud::Azure => "acr-sa",
    }
}

/// The identity that a Secret holds.
///
/// # Errors
/// A value that is missing, broken, or refers to something that a Secret may not.
pub fn identity(object: &Object, secret: &SecretObject, cloud: Cloud) -> Result<Identity, Problem> {
    let origin = Origin::Secret { namespace: object.namespace.clone(), name: object.name.clone() };
    let values = Values { object, secret };
    match cloud {
        Cloud::Aws => {
            let kind = Kind::Aws(aws(&values)?);
            Ok(Identity { kind, origin, place: object.shown() })
        }
        Cloud::Google => {
            // What is secret in it is known once it is taken out.
            let json = values.text("sa.json")?.map(Secret::mixed).ok_or_else(|| values.missing("sa.json"))?;
            let place = shown![object.shown(), "/sa.json"];
            match google(&origin, &json) {
                Ok(google) => Ok(Identity { kind: Kind::Google(google), origin, place }),
                Err(what) => Err(Problem::IdentityFile { origin: place, what }),
            }
        }
        Cloud::Azure => {
            let kind = Kind::Azure(azure(&values)?);
            Ok(Identity { kind, origin, place: object.shown() })
        }
    }
}

fn aws(values: &Values) -> Result<Aws, Problem> {
    let keys = Keys {
        access_key_id: values.needed("AWS_ACCESS_KEY_ID")?,
        secret_access_key: values.needed("AWS_SECRET_ACCESS_KEY")?,
        session_token: values.optional("AWS_SESSION_TOKEN")?,
    };
    let external_id = values.text("AWS_EXTERNAL_ID")?;
    let kind = match values.text("AWS_ROLE_ARN")? {
        None => AwsKind::Keys(keys),
        Some(arn) => AwsKind::Role { keys, role: Role { arn, external_id, session: None } },
    };
    let region = match values.text("AWS_REGION")? {
        None => values.text("AWS_DEFAULT_REGION")?,
        region => region,
    };
    // It says to which partition the keys belong. The token service is asked in the registry's region.
    Ok(Aws::new(kind, None, region.as_deref()))
}

fn google(origin: &Origin, json: &Secret) -> Result<Google, GoogleFileFault> {
    let google = Google::parse(json.expose().as_bytes())?;
    if let Some(account) = google.federated()
        && let Some(reference) = account.source.reference()
        && access::check(origin, reference).is_err()
    {
        return Err(GoogleFileFault::NotFromSecret(match account.source {
            Source::Executable(_) => NotFromSecret::Executable,
            Source::Url { .. } => NotFromSecret::Url,
            Source::Aws { .. } => NotFromSecret::Aws,
            Source::File { .. } | Source::Token(_) => NotFromSecret::File,
        }));
    }
    Ok(google)
}

fn azure(values: &Values) -> Result<Azure, Problem> {
    let kind = AzureKind::Secret {
        tenant: values.needed_text("AZURE_TENANT_ID")?,
        client: values.needed_text("AZURE_CLIENT_ID")?,
        secret: values.needed("AZURE_CLIENT_SECRET")?,
    };
    let (host, environment) = (values.text("AZURE_AUTHORITY_HOST")?, values.text("AZURE_ENVIRONMENT")?);
    match Authority::chosen(host.as_deref(), environment.as_deref()) {
        Ok(authority) => Ok(Azure { authority, kind }),
        Err(what) => Err(Problem::AzureCloud { origin: values.object.shown(), what }),
    }
}

/// The values of a Secret, as text.
struct Values<'a> {
    object: &'a Object,
    secret: &'a SecretObject,
}

impl Values<'_> {
    /// A value that is no secret, without the line break that `base64` without `-n` leaves; `None` if it is not there or
    /// empty. Messages show roles, tenants and clients.
    fn text(&self, key: &'static str) -> Result<Option<String>, Problem> {
        let Some(bytes) = self.secret.value(key) else { return Ok(None) };
        match std::str::from_utf8(bytes).map(str::trim) {
            Ok("") => Ok(None),
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => {
                let origin = shown![self.object.shown(), "/", key];
                Err(Problem::Unusable { origin, what: EntryFault::NotText })
            }
        }
    }

    fn needed_text(&self, key: &'static str) -> Result<String, Problem> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// The same of a secret, which may begin with white space.
    fn optional(&self, key: &'static str) -> Result<Option<Secret>, Problem> {
        let there = self.text(key)?.is_some();
        let bytes = self.secret.value(key).filter(|_| there);
        Ok(bytes.map(|bytes| Secret::from_text(bytes).trimmed()))
    }

    fn needed(&self, key: &'static str) -> Result<Secret, Problem> {
        self.optional(key)?.ok_or_else(|| self.missing(key))
    }

    fn missing(&self, key: &'static str) -> Problem {
        Problem::MissingKey { object: self.object.shown(), key, has: self.secret.keys() }
    }
}
