//! For each failure that can be mended with a command or a manifest: that, ready to paste.

use super::{AzureFault, CloudFault, GoogleFault, Problem};
use crate::shown::Shown;
use crate::shown::paste::Paste;
use crate::shown::paste::Piece::{self, Argument, Line, Words, Yaml};

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
    /// What to paste; `None` where the message says it all. Words in capitals are to be filled in.
    pub fn fix(&self) -> Option<Paste> {
        match self {
            Problem::Denied { account, namespace, rules, .. } => {
                Some(role(account.as_ref(), namespace, rules))
            }
            Problem::Missing { object, .. } => Some(pull_secret(&Name::of(object)?)),
            // The type of a Secret cannot be changed.
            Problem::WrongType { object, .. } => {
                let secret = Name::of(object)?;
                Some(secret.command("kubectl delete secret ", "\n").then(pull_secret(&secret)))
            }
            Problem::NotDockerConfig { origin, .. } => Some(pull_secret(&Name::of(origin)?).and(&[APPLIED])),
            // A whole file does not fit into a command.
            Problem::MissingKey { object, key: "sa.json", .. } => {
                let secret = Name::of(object)?;
                let create =
                    secret.command("kubectl create secret generic ", " --from-file=sa.json=KEY-FILE");
                Some(create.and(&[APPLIED]))
            }
            Problem::MissingKey { object, key, .. } => {
                let patch = Name::of(object)?.command("kubectl patch secret ", " --type merge --patch ");
                let value = shown![r#"{"stringData":{""#, *key, r#"":"VALUE"}}"#];
                Some(patch.and(&[Argument(&value)]))
            }
            Problem::NoAnnotation { object } => Some(
                Name::of(object)?
                    .command("kubectl annotate secret ", " tekton.dev/docker-0=https://REGISTRY"),
            ),
            Problem::NoNamespace { namespace, .. } => {
                Some(Paste::of(&[Words("kubectl create namespace "), Argument(namespace)]))
            }
            Problem::Cloud { host, what, .. } => cloud(host, what),
            _ => None,
        }
    }
}

/// Behind a command that creates something: what is there is replaced.
const APPLIED: Piece = Words(" \\\n  --dry-run=client --output yaml | kubectl apply -f -");

/// A Secret's namespace and name.
struct Name {
    namespace: Shown,
    name: Shown,
}

impl Name {
    /// Out of the words for it, `secret namespace/name`, also with a key of it behind. `None` for other objects, and where
    /// there are no such names: nothing can be done about an object that does not exist.
    fn of(object: &Shown) -> Option<Name> {
        let object = object.to_string();
        let mut parts = object.strip_prefix("secret ")?.split('/');
        let (namespace, name) = (parts.next()?, parts.next()?);
        let [namespace, name] = [namespace, name].map(|name| is_name(name).then(|| Shown::text(name)));
        Some(Name { namespace: namespace?, name: name? })
    }

    fn command(&self, verb: &'static str, rest: &'static str) -> Paste {
        Paste::of(&[
            Words(verb),
            Argument(&self.name),
            Words(" --namespace "),
            Argument(&self.namespace),
            Words(rest),
        ])
    }
}

/// A DNS-1123 subdomain, which the names of Secrets and namespaces are. None begins with a dash, which would make it an
/// option.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
}

fn pull_secret(secret: &Name) -> Paste {
    secret.command(
        "kubectl create secret docker-registry ",
        " --docker-server REGISTRY --docker-username USER --docker-password PASSWORD",
    )
}

fn role(account_of: Option<&(Shown, Shown)>, namespace: &Shown, rules: &[Shown]) -> Paste {
    let (account_namespace, account) = match account_of {
        Some((namespace, name)) => (namespace.clone(), name.clone()),
        None => ("NAMESPACE".into(), "SERVICE-ACCOUNT".into()),
    };
    let role = Shown::text(&role_name(account_of, rules));
    let rule = |paste: Paste, rule: &Shown| paste.and(&[Words("- "), Line(rule), Words("\n")]);
    let named = |paste: Paste| {
        paste.and(&[
            Words("metadata: {name: "),
            Yaml(&role),
            Words(", namespace: "),
            Yaml(namespace),
            Words("}\n"),
        ])
    };
    let head = Words(
        "kubectl apply -f - <<'YAML'\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: Role\n",
    );
    let rules = rules.iter().fold(named(Paste::of(&[head])).and(&[Words("rules:\n")]), rule);
    let binding = rules.and(&[Words(
        "---\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: RoleBinding\n",
    )]);
    named(binding).and(&[
        Words("roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: "),
        Yaml(&role),
        Words("}\nsubjects:\n- {kind: ServiceAccount, name: "),
        Yaml(&account),
        Words(", namespace: "),
        Yaml(&account_namespace),
        Words("}\nYAML"),
    ])
}

/// The least rights to pull, where a cloud refused for want of them.
fn cloud(host: &Shown, what: &CloudFault) -> Option<Paste> {
    if let Some(action) = what.missing_action() {
        let actions = if action.contains("ecr-public") {
            r#""ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken""#
        } else {
            r#""ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer""#
        };
        return Some(Paste::of(&[
            Words(r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["#),
            Words(actions),
            Words(r#"], "Resource": "*"}]}"#),
        ]));
    }
    if let CloudFault::Azure(AzureFault::Exchange(_)) = what {
        let name = Shown::text(host.to_string().split('.').next()?);
        return Some(Paste::of(&[
            Words(
                "az role assignment create --assignee CLIENT-ID --role AcrPull --scope $(az acr show --name ",
            ),
            Argument(&name),
            Words(" --query id --output tsv)"),
        ]));
    }
    if let CloudFault::Google(GoogleFault::Impersonation { email, .. }) = what {
        return Some(Paste::of(&[
            Words("gcloud iam service-accounts add-iam-policy-binding "),
            Argument(email),
            Words(" --member PRINCIPAL --role roles/iam.serviceAccountTokenCreator"),
        ]));
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
        let fix = problem.fix().unwrap().to_string();
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
                .to_string()
                .starts_with("kubectl create secret docker-registry regcred --namespace team ")
        );
        let broken = Problem::NotDockerConfig {
            origin: "secret team/regcred/.dockerconfigjson".into(),
            why: ConfigFault::List,
        };
        assert!(broken.fix().unwrap().to_string().contains(" regcred --namespace team "));
        let file = Problem::NotDockerConfig { origin: "/etc/config.json".into(), why: ConfigFault::List };
        assert_eq!(file.fix(), None);
        let missing = |name: &str, key| Problem::MissingKey {
            object: Shown::text(&format!("secret kubeclarity/{name}")),
            key,
            has: "it is empty".into(),
        };
        let key = missing("ecr-sa", "AWS_SECRET_ACCESS_KEY");
        assert!(
            missing("gcr-sa", "sa.json").fix().unwrap().to_string().contains("--from-file=sa.json=KEY-FILE")
        );
        let typed = Problem::WrongType { object: "secret team/regcred".into(), found: "Opaque".into() };
        assert!(typed.fix().unwrap().to_string().starts_with(
            "kubectl delete secret regcred --namespace team\nkubectl create secret docker-registry regcred "
        ));
        assert!(key.fix().unwrap().to_string().contains(r#"ecr-sa --namespace kubeclarity --type merge --patch '{"stringData":{"AWS_SECRET_ACCESS_KEY":"VALUE"}}'"#));
        let unannotated = Problem::NoAnnotation { object: "secret team/login".into() };
        assert_eq!(
            unannotated.fix().unwrap().to_string(),
            "kubectl annotate secret login --namespace team tekton.dev/docker-0=https://REGISTRY"
        );
        let account = Problem::Missing {
            object: "service account a/b".into(),
            variable: "KUBECLARITY_SERVICE_ACCOUNT",
        };
        assert_eq!(account.fix(), None);
    }
}
