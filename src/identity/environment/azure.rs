//! Azure's, in the order of Azure's own `DefaultAzureCredential`.

use crate::identity::azure::{Authority, Azure, AzureCloud, AzureKind};
use crate::identity::machine::{self, Evidence};
use crate::identity::{Assertion, Identity, Kind, Origin};
use crate::problem::{CloudFault, Problem};
use crate::settings::{Cloud, Settings};
use crate::shown::Shown;

/// The identity that variables name, else the machine's.
pub(super) fn identity(settings: &Settings, host: &str) -> Result<Option<Identity>, Problem> {
    let Some(kind) = kind(settings)? else { return Ok(None) };
    let azure = &settings.azure;
    let identity = |authority| Identity {
        kind: Kind::Azure(Azure { authority, kind: kind.clone() }),
        origin: Origin::Environment,
        place: "AZURE_CLIENT_SECRET".into(),
    };
    match Authority::chosen(azure.authority_host.as_deref(), azure.environment.as_deref()) {
        Ok(authority) => Ok(Some(identity(authority))),
        Err(fault) => {
            let who: Shown = identity(Authority::of(AzureCloud::Public)).shown();
            Err(CloudFault::from(fault).into_problem(who, host))
        }
    }
}

fn kind(settings: &Settings) -> Result<Option<AzureKind>, Problem> {
    let azure = &settings.azure;
    let incomplete = |set, missing| Problem::IncompleteVariables { set, missing };
    let application = |set: &'static str| {
        let tenant = azure.tenant_id.clone().ok_or_else(|| incomplete(set, "AZURE_TENANT_ID"))?;
        let client = azure.client_id.clone().ok_or_else(|| incomplete(set, "AZURE_CLIENT_ID"))?;
        Ok((tenant, client))
    };
    if let Some(secret) = &azure.client_secret {
        let (tenant, client) = application("AZURE_CLIENT_SECRET")?;
        return Ok(Some(AzureKind::Secret { tenant, client, secret: secret.clone() }));
    }
    if let Some(file) = &azure.federated_token_file {
        let (tenant, client) = application("AZURE_FEDERATED_TOKEN_FILE")?;
        return Ok(Some(AzureKind::Federated { tenant, client, assertion: Assertion::File(file.clone()) }));
    }
    let evidence = machine::evidence(settings, Cloud::Azure);
    if evidence == Evidence::None {
        return Ok(None);
    }
    let client = azure.client_id.clone();
    Ok(Some(match &azure.identity_endpoint {
        Some(endpoint) => {
            let header = azure.identity_header.clone();
            let header = header.ok_or_else(|| incomplete("IDENTITY_ENDPOINT", "IDENTITY_HEADER"))?;
            AzureKind::AppService { endpoint: endpoint.clone(), header, client }
        }
        None => AzureKind::Machine { client, named: evidence == Evidence::Named },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn of(variables: &[(&str, &str)]) -> Result<Option<Identity>, Problem> {
        let settings =
            Settings::from(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v)));
        identity(&settings.unwrap(), "name.azurecr.io")
    }

    #[test]
    fn incomplete_identities_are_named() {
        let missing = |variables: &[(&str, &str)]| of(variables).unwrap_err().to_string();
        assert_eq!(
            missing(&[("AZURE_CLIENT_SECRET", "s")]),
            "AZURE_CLIENT_SECRET is set but AZURE_TENANT_ID is not; set AZURE_TENANT_ID too"
        );
        assert_eq!(
            missing(&[("AZURE_FEDERATED_TOKEN_FILE", "/t"), ("AZURE_TENANT_ID", "t")]),
            "AZURE_FEDERATED_TOKEN_FILE is set but AZURE_CLIENT_ID is not; set AZURE_CLIENT_ID too"
        );
        assert!(of(&[("KUBECLARITY_CLOUD", "none")]).unwrap().is_none());
    }

    #[test]
    fn an_authority_that_is_not_microsofts_is_an_error_for_each_identity() {
        for variables in [
            &[("AZURE_CLIENT_SECRET", "s"), ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")][..],
            &[("AZURE_FEDERATED_TOKEN_FILE", "/t"), ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")],
            &[("IDENTITY_ENDPOINT", "http://127.0.0.1:1/"), ("IDENTITY_HEADER", "h")],
            &[("KUBECLARITY_CLOUD", "azure")],
        ] {
            assert!(of(variables).unwrap().is_some(), "{variables:?}");
            for (name, value) in
                [("AZURE_AUTHORITY_HOST", "https://login.example.com"), ("AZURE_ENVIRONMENT", "Nowhere")]
            {
                let with = [variables, &[(name, value)]].concat();
                assert!(of(&with).unwrap_err().to_string().contains(name), "{with:?}");
            }
        }
    }
}
