//! The pod that this process runs in, by the files that kubelet mounts into it.

use std::path::Path;

use super::POD_DIRECTORY;
use crate::credential;
use crate::file;
use crate::settings::{ObjectName, is_namespace, is_object_name};
use crate::shown::Shown;

/// What every service account's token begins its `sub` with.
const ACCOUNT: &str = "system:serviceaccount:";

/// Who this pod is.
pub(super) struct Pod {
    /// Who issued its token, and for whom, as the token has it.
    pub identity: Option<(String, String)>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its service account.
    pub service_account: Option<ObjectName>,
    /// What was there and cannot be used.
    pub unusable: Vec<Shown>,
}

/// Reads the pod's token and namespace. Whoever mounts them is trusted with the token that is sent, but what becomes a
/// part of a request's path must be a name.
pub(super) fn pod() -> Pod {
    let read = |name: &str| file::read_beneath(Path::new(POD_DIRECTORY), Path::new(name)).ok();
    let identity = read("token").and_then(|token| credential::jwt_identity_in(&token));
    let mut unusable = Vec::new();
    let service_account = identity.as_ref().and_then(|(_, subject)| {
        let account = service_account(subject);
        if account.is_none() {
            unusable.push(shown![
                "the pod's token is for ",
                Shown::text(subject),
                ", which is no service account"
            ]);
        }
        account
    });
    let mounted = read("namespace").and_then(|text| Some(std::str::from_utf8(&text).ok()?.trim().to_owned()));
    let namespace = mounted.filter(|name| !name.is_empty()).filter(|name| {
        let is_good = is_namespace(name);
        if !is_good {
            unusable.push(shown![
                "the pod's namespace is ",
                Shown::text(name),
                ", which is no namespace's name"
            ]);
        }
        is_good
    });
    let own = service_account.as_ref().and_then(|account| account.namespace.clone());
    Pod { identity, namespace: namespace.or(own), service_account, unusable }
}

/// The service account that a token's `sub` names (`system:serviceaccount:<namespace>:<name>`).
pub fn service_account(subject: &str) -> Option<ObjectName> {
    let (namespace, name) = subject.strip_prefix(ACCOUNT)?.split_once(':')?;
    let good = is_namespace(namespace) && is_object_name(name);
    good.then(|| ObjectName { namespace: Some(namespace.to_owned()), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_service_account_or_none() {
        let account = service_account("system:serviceaccount:scan:scanner.v2").unwrap();
        assert_eq!((account.namespace.as_deref(), account.name.as_str()), (Some("scan"), "scanner.v2"));
        for hostile in [
            "",
            "scan:scanner",
            "system:serviceaccount:scan",
            "system:serviceaccount:scan:",
            "system:serviceaccount::scanner",
            "system:serviceaccount:../kube-system:scanner",
            "system:serviceaccount:scan:../../secrets/admin",
            "system:serviceaccount:scan:a/b",
            "system:serviceaccount:scan:a?watch=1",
            "system:serviceaccount:scan:a#x",
            "system:serviceaccount:scan:a%2f..",
            "system:serviceaccount:scan:a:b",
            "system:serviceaccount:scan:a\nEOF\nrm -rf $HOME",
            "system:serviceaccount:a.b:scanner",
            "system:serviceaccount:Scan:scanner",
            "system:serviceaccount:scan:scanner ",
            "system:node:worker",
        ] {
            assert_eq!(service_account(hostile), None, "{hostile}");
        }
    }
}
