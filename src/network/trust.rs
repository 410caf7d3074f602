//! Which certificate authorities are trusted, loaded when a connection needs them and only then.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::Door;
use crate::file;
use crate::problem::{FileFault, Need, Problem};
use crate::settings::Settings;
use crate::shown::Shown;

/// Which authorities the user names.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// `AWS_CA_BUNDLE`: for AWS alone, beside the system's.
    pub ca_bundle: Option<PathBuf>,
    /// `SSL_CERT_FILE`, for messages: the TLS library reads it itself.
    pub ssl_cert_file: Option<PathBuf>,
}

impl Trust {
    /// What the environment says.
    pub fn of(settings: &Settings) -> Trust {
        Trust { ca_bundle: settings.aws.ca_bundle.clone(), ssl_cert_file: settings.ssl_cert_file.clone() }
    }

    /// TLS for a door. For [`Door::Metadata`], which is in clear, it trusts nobody; an API server has an authority of its own,
    /// so for [`Door::ApiServer`] this is for the proxy before it.
    ///
    /// # Errors
    /// There are no authorities, or `AWS_CA_BUNDLE` cannot be used.
    pub fn tls(&self, door: Door) -> Result<Arc<ClientConfig>, Problem> {
        self.tls_with(door, &[])
    }

    /// The same with further authorities, in DER.
    ///
    /// # Errors
    /// As for [`Trust::tls`].
    pub fn tls_with(&self, door: Door, further: &[Vec<u8>]) -> Result<Arc<ClientConfig>, Problem> {
        let mut store = RootCertStore::empty();
        if door != Door::Metadata {
            store.add_parsable_certificates(system());
            store.add_parsable_certificates(further.iter().cloned().map(CertificateDer::from));
            if let (Door::Aws, Some(path)) = (door, &self.ca_bundle) {
                store.add_parsable_certificates(bundle(path)?);
            }
            if store.is_empty() {
                return Err(Problem::File {
                    path: self
                        .ssl_cert_file
                        .as_ref()
                        .map_or("/etc/ssl/certs".into(), |path| Shown::path(path)),
                    what: FileFault::NoAuthorities,
                });
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder
            .map_err(|_| Problem::System { what: Need::Tls, kind: std::io::ErrorKind::Unsupported })?;
        Ok(Arc::new(builder.with_root_certificates(store).with_no_client_auth()))
    }
}

/// The certificates in a PEM text. A block that is broken or cut off is passed over, as by the system's own programs.
pub fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect()
}

fn bundle(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let wrong = |what| Problem::File { path: Shown::path(path), what };
    let text = file::read_following(path).map_err(|why| wrong(FileFault::Bundle(why)))?;
    // Some of them may be of a form that the TLS library does not take; one at least must be of use.
    let found = certificates(&text);
    let mut store = RootCertStore::empty();
    let (usable, _) = store.add_parsable_certificates(found.iter().cloned());
    if usable == 0 { Err(wrong(FileFault::BundleEmpty)) } else { Ok(found) }
}

/// Where Linux systems keep all their authorities in one file, the places in the order in which Go looks at them.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The system's authorities. The bundle alone, where there is one: the directory beside it has each of them up to
/// three times more, in files of their own, and reading those takes longer than all requests of a near cloud.
fn system() -> Vec<CertificateDer<'static>> {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    if cfg!(target_os = "linux") && !named {
        for text in BUNDLES.iter().filter_map(|path| file::read_following(Path::new(path)).ok()) {
            let found = certificates(&text);
            if !found.is_empty() {
                return found;
            }
        }
    }
    rustls_native_certs::load_native_certs().certs
}
