//! What an exec plugin prints: no panic, also in the library that is given the identity in it.

use docker_credential_kubeclarity::cluster::config::{check_token, client};
use docker_credential_kubeclarity::cluster::exec;
use docker_credential_kubeclarity::network::Door;
use kube::Config;
use kube::config::AuthInfo;

use super::{doors, told};

/// The property.
pub fn check(printed: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let user = exec::take(&"kubeconfig fuzz".into(), "plugin".into(), AuthInfo::default(), printed);
    let tried = user.and_then(|user| {
        check_token(&"kubeconfig fuzz".into(), &user)?;
        let mut config = Config::new("https://127.0.0.1:6443".parse().expect("an address"));
        config.auth_info = user;
        let http = doors();
        client(&http, config, &http.ways(Door::ApiServer)).map(drop)
    });
    if let Err(problem) = tried {
        told(&problem);
    }
}
