//! Kubeconfigs. They are written as JSON, which is YAML too; `tests/cluster_kubeconfig.rs` has one as people
//! write it.

use serde_json::{Value, json};

use super::api::{FakeApi, TOKEN};
use super::data::base64;
use super::tls::Identity;

/// A kubeconfig with one context, cluster and user.
pub struct Kubeconfig {
    pub cluster: Value,
    pub user: Value,
    pub namespace: Option<String>,
}

impl Kubeconfig {
    /// For a server with this CA, with this user.
    pub fn new(url: &str, ca: &str, user: Value) -> Kubeconfig {
        let cluster = json!({ "server": url, "certificate-authority-data": base64(ca) });
        Kubeconfig { cluster, user, namespace: None }
    }

    /// For the fake, with the token it demands.
    pub fn token(api: &FakeApi) -> Kubeconfig {
        Kubeconfig::user(api, json!({ "token": TOKEN }))
    }

    /// For the fake, with a client certificate.
    pub fn certificate(api: &FakeApi, identity: &Identity) -> Kubeconfig {
        let (certificate, key) = (base64(&identity.certificate), base64(&identity.key));
        Kubeconfig::user(api, json!({ "client-certificate-data": certificate, "client-key-data": key }))
    }

    /// For the fake, with an exec plugin.
    pub fn exec(api: &FakeApi, command: &str) -> Kubeconfig {
        let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": command,
                           "interactiveMode": "IfAvailable" });
        Kubeconfig::user(api, json!({ "exec": exec }))
    }

    /// The same by an address that is not loopback for the program.
    pub fn elsewhere(api: &FakeApi) -> Kubeconfig {
        let mut kubeconfig =
            Kubeconfig::new(&api.elsewhere(), &api.authority.pem(), json!({ "token": TOKEN }));
        kubeconfig.cluster["tls-server-name"] = json!("127.0.0.1");
        kubeconfig
    }

    pub fn user(api: &FakeApi, user: Value) -> Kubeconfig {
        Kubeconfig::new(&api.url(), &api.authority.pem(), user)
    }

    /// For an address where a trusted server would be, but is none.
    pub fn nowhere(url: &str) -> Kubeconfig {
        Kubeconfig::new(url, &super::tls::Authority::new().pem(), json!({ "token": TOKEN }))
    }

    pub fn namespace(mut self, namespace: &str) -> Kubeconfig {
        self.namespace = Some(namespace.to_owned());
        self
    }

    pub fn text(&self) -> String {
        let context = json!({ "cluster": "c", "user": "u", "namespace": self.namespace });
        json!({ "apiVersion": "v1", "kind": "Config", "current-context": "x",
                "contexts": [{ "name": "x", "context": context }],
                "clusters": [{ "name": "c", "cluster": self.cluster }],
                "users": [{ "name": "u", "user": self.user }] })
        .to_string()
    }
}

impl super::Helper {
    /// The run is told of the cluster by `KUBECONFIG`.
    pub fn kubeconfig(self, kubeconfig: &Kubeconfig) -> super::Helper {
        let path = self.path("kubeconfig");
        self.file("kubeconfig", kubeconfig.text()).env("KUBECONFIG", path)
    }

    /// The run finds the cluster by chance, in `~/.kube/config`.
    pub fn kubeconfig_by_chance(self, kubeconfig: &Kubeconfig) -> super::Helper {
        self.file(".kube/config", kubeconfig.text())
    }

    /// Puts a program on the run's PATH; it is a shell script.
    pub fn program(self, name: &str, script: &str) -> super::Helper {
        let directory = self.path("bin");
        std::fs::create_dir_all(&directory).unwrap();
        let text = format!("#!/bin/sh\n{script}\n");
        // Another process writes it: what this one has open for writing, a child that is just being started by
        // another test has too, and then it cannot be run ("text file busy").
        let written = std::process::Command::new("/bin/sh")
            .args(["-c", r#"printf %s "$2" >"$1" && chmod 755 "$1""#, "sh"])
            .args([directory.join(name).as_os_str(), text.as_ref()])
            .status();
        assert!(written.unwrap().success());
        let mut search = directory.into_os_string();
        search.push(":/usr/bin:/bin");
        self.env("PATH", search)
    }
}
