//! Google's: Application Default Credentials, else the machine's account.

use std::path::PathBuf;

use super::aws;
use crate::file::{self, Unreadable};
use crate::identity::google::{Google, Source};
use crate::identity::machine::{self, Evidence};
use crate::identity::{Identity, Kind, Origin};
use crate::problem::{CloudFault, FileFault, GoogleFault, Problem};
use crate::settings::{Cloud, Settings};

use crate::shown::Shown;

const WELL_KNOWN: &str = "application_default_credentials.json";

/// The identity of the file that the environment names, or of gcloud's own, else the machine's.
pub(super) fn identity(settings: &Settings, host: &str) -> Result<Option<Identity>, Problem> {
    let of = |google, place| Identity { kind: Kind::Google(google), origin: Origin::Environment, place };
    if let Some((path, named)) = path(settings) {
        match file::read_following(&path) {
            Err(Unreadable::Absent) if !named => {}
            Err(why) => {
                let what = if named { FileFault::GoogleNamed(why) } else { FileFault::GoogleWellKnown(why) };
                return Err(Problem::File { path: Shown::path(&path), what });
            }
            Ok(text) => {
                let place = shown!["file ", Shown::path(&path)];
                let google = Google::parse(&text)
                    .map_err(|what| Problem::IdentityFile { origin: place.clone(), what })?;
                let mut identity = of(google, place);
                complete(&mut identity, settings, host)?;
                return Ok(Some(identity));
            }
        }
    }
    Ok(match machine::evidence(settings, Cloud::Google) {
        Evidence::None => None,
        evidence => {
            let host = settings.google.metadata_host.clone();
            Some(of(Google::Machine { named: evidence == Evidence::Named, host }, Shown::default()))
        }
    })
}

/// Puts into a federated account what it takes from the environment: the signer of a request to AWS, and whether the user
/// allowed programs.
fn complete(identity: &mut Identity, settings: &Settings, host: &str) -> Result<(), Problem> {
    let who = identity.shown();
    let Kind::Google(google) = &mut identity.kind else { return Ok(()) };
    let Some(account) = google.federated_mut() else { return Ok(()) };
    match &mut account.source {
        Source::Executable(executable) => executable.opted_in = settings.google.allow_executables,
        // A configuration that says "AWS" names the machine.
        Source::Aws { signer, .. } => match aws::identity_with(settings, Evidence::Named) {
            Ok(found) => *signer = found.map(Box::new),
            Err(broken) => {
                let fault = GoogleFault::OfAws(broken.identity, Box::new(broken.fault.into()));
                return Err(CloudFault::from(fault).into_problem(who, host));
            }
        },
        Source::File { .. } | Source::Url { .. } | Source::Token(_) => {}
    }
    Ok(())
}

/// The file, and whether the user named it.
fn path(settings: &Settings) -> Option<(PathBuf, bool)> {
    let google = &settings.google;
    match (&google.credentials, &google.cloudsdk_config, &settings.home) {
        (Some(path), ..) => Some((path.clone(), true)),
        (None, Some(directory), _) => Some((directory.join(WELL_KNOWN), false)),
        (None, None, Some(home)) => Some((home.join(".config/gcloud").join(WELL_KNOWN), false)),
        (None, None, None) => None,
    }
}
