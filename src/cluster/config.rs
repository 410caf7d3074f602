//! How to reach the API server: a pod's own configuration, or a kubeconfig.
//!
//! kube's `Config::infer` is not used: variables meant for debugging can make it send the token elsewhere.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{HeaderValue, Uri, header};
use kube::client::{ClientBuilder, ConfigExt};
use kube::config::{AuthInfo, Cluster as ClusterEntry, ExecAuthCluster, Kubeconfig};
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};

use super::{POD_DIRECTORY, exec, request};
use crate::deadline::Deadline;
use crate::file;
use crate::network::connect::{Connector, Dialer, Ways};
use crate::network::http::{Boxed, Http};
use crate::network::proxy::{NoAddress, Proxy, Scheme, Way};
use crate::network::{self, Door};
use crate::problem::{KubeconfigFault, Problem};
use crate::secret::known;
use crate::settings::{Settings, is_namespace};
use crate::shown::{Shown, is_path};

fn problem(origin: impl Into<Shown>, what: KubeconfigFault) -> Problem {
    Problem::ClusterConfig { origin: origin.into(), what }
}

/// The configuration that every pod has.
pub(super) fn in_pod() -> Result<Config, Problem> {
    let mut config = Config::incluster().map_err(|error| {
        problem(POD_DIRECTORY, KubeconfigFault::Pod(Shown::text(&request::deepest(&error))))
    })?;
    // Read here, once: the library takes a line break at its end into the header.
    config.auth_info = AuthInfo { token_file: Some(format!("{POD_DIRECTORY}/token")), ..AuthInfo::default() };
    read_token(&POD_DIRECTORY.into(), &mut config.auth_info)?;
    check_token(&POD_DIRECTORY.into(), &config.auth_info)?;
    Ok(config)
}

/// How a kubeconfig says that the API server is reached.
pub(super) struct Reached {
    /// Its address, its authority, and the identity.
    pub config: Config,
    /// The proxy that counts for it.
    pub proxy: Option<Arc<Proxy>>,
    /// What names something in it and cannot be used.
    pub unusable: Option<Shown>,
}

/// The configuration of the current context of `KUBECONFIG` or `~/.kube/config`.
///
/// With it comes the proxy that the kubeconfig names for the server. A server without TLS is sent no identity, and no program is
/// run for one, as by kubectl (`restclient.IsConfigTransportTLS` in client-go).
pub(super) async fn from_kubeconfig(settings: &Settings, deadline: Deadline) -> Result<Reached, Problem> {
    let (origin, kubeconfig) = read(settings)?;
    let Chosen { cluster, mut user, namespace, unusable } = choose(&origin, kubeconfig)?;
    let proxy = proxy_of(&origin, &cluster)?;
    if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = ExecAuthCluster::try_from(&cluster).ok();
    }
    let mut config = config_of(&origin, cluster, namespace)?;
    if config.cluster_url.scheme_str() == Some("https") {
        read_token(&origin, &mut user)?;
        config.auth_info = exec::resolve(&origin, user, deadline).await?;
        check_token(&origin, &config.auth_info)?;
    }
    Ok(Reached { config, proxy, unusable })
}

/// The proxy that a kubeconfig names for its API server: it counts before the environment's, and for loopback too.
///
/// # Errors
/// It is no address, or its scheme is none that kubectl knows.
pub fn proxy_of(origin: &Shown, cluster: &ClusterEntry) -> Result<Option<Arc<Proxy>>, Problem> {
    let named = cluster.proxy_url.as_deref().filter(|url| !url.is_empty());
    named
        .map(|url| Proxy::of_kubeconfig(url).map(Arc::new))
        .map(|proxy| proxy.ok_or_else(|| problem(origin, KubeconfigFault::ProxyUrl)))
        .transpose()
}

/// What the current context of a kubeconfig names. No file that it names was read yet, and no program run.
pub struct Chosen {
    /// The API server.
    pub cluster: ClusterEntry,
    /// The identity.
    pub user: AuthInfo,
    /// The namespace of names that come without one.
    pub namespace: Option<String>,
    /// The namespace that it names in its place, if that is none.
    pub unusable: Option<Shown>,
}

/// Finds what the current context names.
///
/// # Errors
/// Something that it names is not there, or is of no use.
pub fn choose(origin: &Shown, kubeconfig: Kubeconfig) -> Result<Chosen, Problem> {
    let name = kubeconfig
        .current_context
        .clone()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| problem(origin, KubeconfigFault::NoCurrentContext))?;
    let context = kubeconfig
        .contexts
        .iter()
        .find(|context| context.name == name)
        .and_then(|named| named.context.clone())
        .ok_or_else(|| problem(origin, KubeconfigFault::NoContext(Shown::text(&name))))?;
    let cluster = kubeconfig
        .clusters
        .iter()
        .find(|cluster| cluster.name == context.cluster)
        .and_then(|named| named.cluster.clone())
        .ok_or_else(|| problem(origin, KubeconfigFault::NoCluster(Shown::text(&context.cluster))))?;
    let user = match context.user.as_deref().filter(|user| !user.is_empty()) {
        None => AuthInfo::default(),
        Some(name) => kubeconfig
            .auth_infos
            .iter()
            .find(|user| user.name == name)
            .and_then(|named| named.auth_info.clone())
            .ok_or_else(|| problem(origin, KubeconfigFault::NoUser(Shown::text(name))))?,
    };
    // The library would run the program that it names, without a limit, and quote what it prints.
    if user.auth_provider.is_some() {
        return Err(problem(origin, KubeconfigFault::AuthProvider));
    }
    let (namespace, wrong) = match context.namespace.filter(|namespace| !namespace.is_empty()) {
        Some(namespace) if !is_namespace(&namespace) => (None, Some(namespace)),
        namespace => (namespace, None),
    };
    let unusable = wrong.map(|name| {
        shown![origin, " names the namespace ", Shown::text(&name), ", which is no namespace's name"]
    });
    Ok(Chosen { cluster, user, namespace, unusable })
}

/// A token must fit into a header: the library ends the process for one that does not.
///
/// # Errors
/// It does not.
pub fn check_token(origin: &Shown, user: &AuthInfo) -> Result<(), Problem> {
    let Some(token) = &user.token else { return Ok(()) };
    let visible = token.expose_secret().bytes().all(|b| b.is_ascii_graphic());
    if visible { Ok(()) } else { Err(problem(origin, KubeconfigFault::Token)) }
}

/// Reads and merges the files. The first file that sets something wins, as with kubectl.
fn read(settings: &Settings) -> Result<(Shown, Kubeconfig), Problem> {
    let default = settings.home.as_ref().map(|home| home.join(".kube/config"));
    let paths: Vec<PathBuf> = match &settings.kubeconfig {
        Some(list) => std::env::split_paths(list).filter(|path| path.as_os_str() != OsStr::new("")).collect(),
        None => default.into_iter().collect(),
    };
    let mut merged: Option<Kubeconfig> = None;
    let mut why_not = None;
    for path in &paths {
        match read_one(path) {
            Ok(one) => {
                let origin = || origin_of(&paths);
                merged = Some(match merged {
                    None => one,
                    Some(before) => {
                        before.merge(one).map_err(|_| problem(origin(), KubeconfigFault::DoNotFit))?
                    }
                });
            }
            // kubectl passes over files that are not there or empty, if there is another; not over broken ones.
            Err((problem, true)) => why_not = why_not.or(Some(problem)),
            Err((problem, false)) => return Err(problem),
        }
    }
    match (merged, why_not) {
        (Some(kubeconfig), _) => Ok((origin_of(&paths), kubeconfig)),
        (None, Some(problem)) => Err(problem),
        (None, None) => Err(problem("KUBECONFIG", KubeconfigFault::NoFile)),
    }
}

fn origin_of(paths: &[PathBuf]) -> Shown {
    shown!["kubeconfig ", Shown::joined(paths.iter().map(|path| Shown::path(path)), ":")]
}

/// Reads one file. The flag with a problem says whether another file can make up for it.
fn read_one(path: &Path) -> Result<Kubeconfig, (Problem, bool)> {
    let origin = shown!["kubeconfig ", Shown::path(path)];
    // Links are followed as kubectl does: people switch clusters by changing one.
    let text = file::read_following(path).map_err(|why| {
        let absent = why == file::Unreadable::Absent;
        (problem(&origin, KubeconfigFault::Unreadable(why)), absent)
    })?;
    parse(&origin, path.parent().unwrap_or(Path::new("")), &text)
}

/// Understands the text of a file in a directory, `base`.
///
/// # Errors
/// What is wrong with it, and whether another file can make up for it.
pub fn parse(origin: &Shown, base: &Path, text: &[u8]) -> Result<Kubeconfig, (Problem, bool)> {
    let broken = |what: KubeconfigFault| (problem(origin, what), false);
    let text = std::str::from_utf8(text).map_err(|_| broken(KubeconfigFault::NotText))?;
    if text.trim().is_empty() {
        return Err((problem(origin, KubeconfigFault::Empty), true));
    }
    let mut kubeconfig = Kubeconfig::from_yaml(text).map_err(|_| broken(KubeconfigFault::Invalid))?;
    // Paths in a kubeconfig are relative to it.
    let absolute = |path: &mut Option<String>| {
        if let Some(path) = path.as_mut().filter(|path| !path.is_empty())
            && let Ok(joined) = base.join(&*path).into_os_string().into_string()
        {
            *path = joined;
        }
    };
    remember(base, &kubeconfig);
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        absolute(&mut cluster.certificate_authority);
    }
    for user in kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        absolute(&mut user.client_certificate);
        absolute(&mut user.client_key);
        absolute(&mut user.token_file);
        // A plugin named by a relative path with a slash is relative too; a bare name is looked up in PATH.
        if let Some(exec) =
            user.exec.as_mut().filter(|exec| exec.command.as_ref().is_some_and(|c| c.contains('/')))
        {
            absolute(&mut exec.command);
        }
    }
    Ok(kubeconfig)
}

/// Remembers the secrets in a kubeconfig, and what stands where a file should be named and can be none: it may be the
/// file's content.
fn remember(base: &Path, kubeconfig: &Kubeconfig) {
    let clusters = || kubeconfig.clusters.iter().filter_map(|named| named.cluster.as_ref());
    let users = || kubeconfig.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
    for secret in users().flat_map(|user| [&user.token, &user.password, &user.client_key_data]).flatten() {
        known::remember_text(secret.expose_secret());
    }
    let addresses = clusters().flat_map(|cluster| [&cluster.server, &cluster.proxy_url]).flatten();
    addresses.for_each(|address| known::remember_user_info(address));
    let of_users = users().flat_map(|user| [&user.client_certificate, &user.client_key, &user.token_file]);
    let files = clusters().map(|cluster| &cluster.certificate_authority).chain(of_users).flatten();
    let is_none = |file: &&String| !is_path(Path::new(file)) && !file::exists(&base.join(file));
    files.filter(is_none).for_each(|file| known::remember_text(file));
}

/// Reads the user's token file, which counts before a token as with kubectl. kube would send the line break at
/// its end too.
fn read_token(origin: &Shown, user: &mut AuthInfo) -> Result<(), Problem> {
    let Some(path) = user.token_file.take().filter(|path| !path.is_empty()) else { return Ok(()) };
    let text = file::read_following(Path::new(&path))
        .map_err(|why| problem(origin, KubeconfigFault::TokenFile(Shown::path(Path::new(&path)), why)))?;
    let token = std::str::from_utf8(&text).map(str::trim).unwrap_or_default();
    if token.is_empty() {
        return Err(problem(origin, KubeconfigFault::TokenFileEmpty(Shown::path(Path::new(&path)))));
    }
    known::remember_text(token);
    user.token = Some(SecretString::from(token));
    Ok(())
}

/// The configuration for an API server. The file of its authority is read.
///
/// # Errors
/// An address that is none, or an authority without a certificate.
pub fn config_of(
    origin: &Shown,
    cluster: ClusterEntry,
    namespace: Option<String>,
) -> Result<Config, Problem> {
    let server = cluster.server.clone().filter(|server| !server.is_empty());
    let server = server.ok_or_else(|| problem(origin, KubeconfigFault::NoServer))?;
    let url = server
        .parse::<Uri>()
        .ok()
        .filter(|url| url.host().is_some() && matches!(url.scheme_str(), Some("https" | "http")));
    let url = url.ok_or_else(|| problem(origin, KubeconfigFault::ServerUrl))?;
    let mut config = Config::new(url);
    config.default_namespace = namespace.unwrap_or_else(|| "default".to_owned());
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name;
    let pem = match (cluster.certificate_authority_data, cluster.certificate_authority) {
        (Some(data), _) if !data.is_empty() => {
            use base64::Engine;
            let decoded = base64::engine::general_purpose::STANDARD.decode(data.trim());
            Some(decoded.map_err(|_| problem(origin, KubeconfigFault::AuthorityNotBase64))?)
        }
        (_, Some(path)) if !path.is_empty() => {
            let text = file::read_following(Path::new(&path)).map_err(|why| {
                problem(origin, KubeconfigFault::AuthorityFile(Shown::path(Path::new(&path)), why))
            })?;
            Some(text.to_vec())
        }
        _ => None,
    };
    if let Some(pem) = pem {
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().unwrap_or_default();
        if certificates.is_empty() {
            return Err(problem(origin, KubeconfigFault::AuthorityEmpty));
        }
        config.root_cert = Some(certificates.into_iter().map(|certificate| certificate.to_vec()).collect());
    }
    Ok(config)
}

/// The client for a configuration, by the door of API servers.
///
/// # Errors
/// The identity in it cannot be used, or the proxy before the server.
pub fn client(http: &Http, mut config: Config, ways: &Ways) -> Result<Client, Problem> {
    let cannot = |error: kube::Error| {
        problem(
            "the identity for the API server",
            KubeconfigFault::Client(Shown::text(&request::deepest(&error))),
        )
    };
    let limit = Door::ApiServer.limits().connection;
    let mut tls = None;
    if let Way::By(proxy) = ways.way(&config.cluster_url).map_err(NoAddress::into_problem)? {
        if proxy.scheme == Scheme::Https {
            // kubectl verifies the proxy by the cluster's authority; most proxies have one of the system's.
            tls =
                Some(http.trust.tls_with(Door::ApiServer, config.root_cert.as_deref().unwrap_or_default())?);
        }
        // A server in clear is asked by the proxy itself, which wants its password with each request.
        let in_clear = config.cluster_url.scheme_str() == Some("http") && proxy.scheme != Scheme::Socks;
        if let Some(login) = proxy.authorization().filter(|_| in_clear)
            && let Ok(mut value) = HeaderValue::from_str(login.expose())
        {
            value.set_sensitive(true);
            config.headers.push((header::PROXY_AUTHORIZATION, value));
        }
    }
    let connector = Connector::new(ways.clone(), tls, limit);
    let https = config.rustls_https_connector_with_connector(connector).map_err(cannot)?;
    let client = Boxed(network::http::client(Dialer::with(https, ways.clone(), limit)));
    let base = config.base_uri_layer();
    let stack = ClientBuilder::new(client, config.default_namespace.clone())
        .with_layer(&config.extra_headers_layer().map_err(cannot)?);
    Ok(match config.auth_layer().map_err(cannot)? {
        Some(identity) => stack.with_layer(&identity).with_layer(&base).build(),
        None => stack.with_layer(&base).build(),
    })
}
