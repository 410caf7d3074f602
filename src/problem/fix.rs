//! For each failure that can be mended with a command or a manifest: that, ready to paste.

use super::{AzureFault, CloudFault, GoogleFault, Problem};
use crate::shown::Shown;

/// The name of the Role and RoleBinding that are proposed.
const ROLE: &str = "docker-credential-kubeclarity";

/// A name for each account and set of rules: applying a Role replaces all rules of the one that has its name.
fn role_name(account: Option<&(Shown, Shown)>, rules: &[Shown]) -> String {
    let mut text = account.map(|(namespace, name)| format!("{namespace}/{name}")).unwrap_or_default();
    for rule in rules {
        text.push('\n');
        text.push_str(&rule.to_string());
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let short: String = digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{ROLE}-{short}")
}

impl Problem {
    /// What to paste, as several lines without indentation; `None` where the message says it all. Words in capitals
    /// are to be filled in.
    pub fn fix(&self) -> Option<String> {
        match self {
            Problem::Denied { account, namespace, rules, .. } => {
                Some(role(account.as_ref(), namespace, rules))
            }
            Problem::Missing { object, .. } => pull_secret(&object.to_string()),
            // The type of a Secret cannot be changed.
            Problem::WrongType { object, .. } => {
                let object = object.to_string();
                let (namespace, name) = secret(&object)?;
                let made = pull_secret(&object)?;
                Some(format!("kubectl delete secret {name} --namespace {namespace}\n{made}"))
            }
            Problem::NotDockerConfig { origin, .. } => Some(format!(
                "{} \\\n  --dry-run=client --output yaml | kubectl apply -f -",
                pull_secret(origin.to_string().rsplit_once("/.")?.0)?
            )),
            // A whole file does not fit into a command.
            Problem::MissingKey { object, key: "sa.json", .. } => {
                let object = object.to_string();
                let (namespace, name) = secret(&object)?;
                Some(format!(
                    "kubectl create secret generic {name} --namespace {namespace} --from-file=sa.json=KEY-FILE \\\n  --dry-run=client --output yaml | kubectl apply -f -"
                ))
            }
            Problem::MissingKey { object, key, .. } => {
                let object = object.to_string();
                let (namespace, name) = secret(&object)?;
                Some(format!(
                    "kubectl patch secret {name} --namespace {namespace} --type merge --patch '{{\"stringData\":{{\"{key}\":\"VALUE\"}}}}'"
                ))
            }
            Problem::NoAnnotation { object } => {
                let object = object.to_string();
                let (namespace, name) = secret(&object)?;
                Some(format!(
                    "kubectl annotate secret {name} --namespace {namespace} tekton.dev/docker-0=https://REGISTRY"
                ))
            }
            Problem::NoNamespace { namespace, .. } => Some(format!("kubectl create namespace {namespace}")),
            Problem::Cloud { host, what, .. } => cloud(&host.to_string(), what),
            _ => None,
        }
    }
}

fn secret(object: &str) -> Option<(&str, &str)> {
    object.strip_prefix("secret ")?.split_once('/')
}

fn pull_secret(object: &str) -> Option<String> {
    let (namespace, name) = secret(object)?;
    Some(format!(
        "kubectl create secret docker-registry {name} --namespace {namespace} --docker-server REGISTRY --docker-username USER --docker-password PASSWORD"
    ))
}

fn role(account_of: Option<&(Shown, Shown)>, namespace: &Shown, rules: &[Shown]) -> String {
    let (account_namespace, account) = match account_of {
        Some((namespace, name)) => (namespace.clone(), name.clone()),
        None => ("NAMESPACE".into(), "SERVICE-ACCOUNT".into()),
    };
    let role = role_name(account_of, rules);
    let rules: String = rules.iter().map(|rule| format!("- {rule}\n")).collect();
    format!(
        "kubectl apply -f - <<'YAML'\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: Role\n\
         metadata: {{name: {role}, namespace: {namespace}}}\n\
         rules:\n\
         {rules}\
         ---\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: RoleBinding\n\
         metadata: {{name: {role}, namespace: {namespace}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {role}}}\n\
         subjects:\n\
         - {{kind: ServiceAccount, name: {account}, namespace: {account_namespace}}}\n\
         YAML"
    )
}

/// The least rights to pull, where a cloud refused for want of them.
fn cloud(host: &str, what: &CloudFault) -> Option<String> {
    if let Some(action) = what.missing_action() {
        let actions = if action.contains("ecr-public") {
            r#""ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken""#
        } else {
            r#""ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer""#
        };
        return Some(format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": [{actions}], "Resource": "*"}}]}}"#
        ));
    }
    if let CloudFault::Azure(AzureFault::Exchange(_)) = what {
        let name = host.split('.').next()?;
        return Some(format!(
            "az role assignment create --assignee CLIENT-ID --role AcrPull --scope $(az acr show --name {name} --query id --output tsv)"
        ));
    }
    if let CloudFault::Google(GoogleFault::Impersonation { email, .. }) = what {
        return Some(format!(
            "gcloud iam service-accounts add-iam-policy-binding {email} --member PRINCIPAL --role roles/iam.serviceAccountTokenCreator"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::ConfigFault;
    use super::*;

    #[test]
    fn two_fixes_do_not_replace_each_other() {
        let account = |name: &str| ("jobs".into(), Shown::text(name));
        let (one, two) = (account("one"), account("two"));
        let rules = |rule: &str| [Shown::text(rule)];
        let names = [
            role_name(Some(&one), &rules("a")),
            role_name(Some(&one), &rules("b")),
            role_name(Some(&two), &rules("a")),
            role_name(None, &rules("a")),
        ];
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name) && name.starts_with(ROLE), "{names:?}");
        }
        assert_eq!(names[0], role_name(Some(&one), &rules("a")));
    }

    #[test]
    fn a_denied_secret_comes_with_role_and_binding() {
        let problem = Problem::Denied {
            object: "secret team/regcred".into(),
            account: Some(("jobs".into(), "scanner".into())),
            namespace: "team".into(),
            rules: vec!["{verbs: [get]}".into()],
        };
        let fix = problem.fix().unwrap();
        for part in [
            "kind: Role\n",
            "namespace: team}",
            "- {verbs: [get]}\n",
            "kind: RoleBinding\n",
            "name: scanner, namespace: jobs}",
        ] {
            assert!(fix.contains(part), "{part}: {fix}");
        }
    }

    #[test]
    fn secrets_come_with_a_command() {
        let missing =
            Problem::Missing { object: "secret team/regcred".into(), variable: "KUBECLARITY_PULL_SECRETS" };
        assert!(
            missing
                .fix()
                .unwrap()
                .starts_with("kubectl create secret docker-registry regcred --namespace team ")
        );
        let broken = Problem::NotDockerConfig {
            origin: "secret team/regcred/.dockerconfigjson".into(),
            why: ConfigFault::List,
        };
        assert!(broken.fix().unwrap().contains(" regcred --namespace team "));
        let file = Problem::NotDockerConfig { origin: "/etc/config.json".into(), why: ConfigFault::List };
        assert_eq!(file.fix(), None);
        let missing = |name: &str, key| Problem::MissingKey {
            object: Shown::text(&format!("secret kubeclarity/{name}")),
            key,
            has: "it is empty".into(),
        };
        let key = missing("ecr-sa", "AWS_SECRET_ACCESS_KEY");
        assert!(missing("gcr-sa", "sa.json").fix().unwrap().contains("--from-file=sa.json=KEY-FILE"));
        let typed = Problem::WrongType { object: "secret team/regcred".into(), found: "Opaque".into() };
        assert!(typed.fix().unwrap().starts_with(
            "kubectl delete secret regcred --namespace team\nkubectl create secret docker-registry regcred "
        ));
        assert!(key.fix().unwrap().contains(r#"ecr-sa --namespace kubeclarity --type merge --patch '{"stringData":{"AWS_SECRET_ACCESS_KEY":"VALUE"}}'"#));
        let unannotated = Problem::NoAnnotation { object: "secret team/login".into() };
        assert_eq!(
            unannotated.fix().unwrap(),
            "kubectl annotate secret login --namespace team tekton.dev/docker-0=https://REGISTRY"
        );
        let account = Problem::Missing {
            object: "service account a/b".into(),
            variable: "KUBECLARITY_SERVICE_ACCOUNT",
        };
        assert_eq!(account.fix(), None);
    }
}
