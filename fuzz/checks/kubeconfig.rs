//! A kubeconfig, as far as no file that it names is read and no program run: no panic, also in the library that
//! makes a client of it; paths stay below the kubeconfig's directory or are absolute.

use std::path::Path;

use docker_credential_kubeclarity::cluster::config::{
    Chosen, check_token, choose, client, config_of, parse, proxy_of,
};
use docker_credential_kubeclarity::network::Door;
use docker_credential_kubeclarity::network::connect::Ways;
use docker_credential_kubeclarity::problem::Problem;

use super::{doors, told};

fn tried(text: &[u8]) -> Result<(), Problem> {
    let kubeconfig =
        parse(&"kubeconfig fuzz".into(), Path::new("/fuzz"), text).map_err(|(problem, _)| problem)?;
    for user in kubeconfig.auth_infos.iter().filter_map(|user| user.auth_info.as_ref()) {
        let paths = [&user.client_certificate, &user.client_key, &user.token_file];
        for path in paths.into_iter().flatten().filter(|path| !path.is_empty()) {
            assert!(Path::new(path).is_absolute(), "{path}");
        }
    }
    let Chosen { mut cluster, mut user, namespace, .. } = choose(&"kubeconfig fuzz".into(), kubeconfig)?;
    // The files of whoever runs this are none of the fuzzer's business, and neither are programs.
    cluster.certificate_authority = None;
    (user.token_file, user.client_certificate, user.client_key, user.exec) = (None, None, None, None);
    let http = doors();
    let proxy = proxy_of(&"kubeconfig fuzz".into(), &cluster)?;
    let ways = proxy.map_or_else(|| http.ways(Door::ApiServer), Ways::By);
    let mut config = config_of(&"kubeconfig fuzz".into(), cluster, namespace)?;
    check_token(&"kubeconfig fuzz".into(), &user)?;
    config.auth_info = user;
    client(&http, config, &ways).map(drop)
}

/// The property.
pub fn check(text: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let Err(problem) = tried(text) {
        told(&problem);
    }
}
