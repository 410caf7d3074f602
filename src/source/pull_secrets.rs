//! Source 2: pull secrets in the cluster. The ones that the user named, those of the service account, and
//! `basic-regcred`, which `docker login` through this helper writes.
//!
//! Two round trips deep: all that is known by name is asked for at once, then what the service account names.

pub mod form;

pub use form::type_of;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use form::Form;
use futures_util::future::join_all;

use crate::cluster::{Cluster, Found, Object, Refusal, SecretObject};
use crate::docker_config::Loaded;
use crate::finding::{Failure, Finding, Weight};
use crate::problem::Problem;
use crate::settings::{Settings, is_object_name};
use crate::shown::Shown;

/// The Secret of the credentials namespace that `store` writes.
pub const STORED_SECRET: &str = "basic-regcred";

const VARIABLE: &str = "KUBECLARITY_PULL_SECRETS";
const ACCOUNT_VARIABLE: &str = "KUBECLARITY_SERVICE_ACCOUNT";

impl Found {
    /// What a cluster that cannot be asked counts for: in a pod it should have answered; one that was found by
    /// chance need not.
    pub fn weight(self) -> Weight {
        match self {
            Found::InPod => Weight::Default,
            Found::Named => Weight::Named,
            Found::ByChance => Weight::Note,
        }
    }
}

/// A Secret to ask for, and who named it.
#[derive(Clone)]
struct Wanted {
    object: Object,
    named: bool,
    /// The service account names it.
    of_account: bool,
}

/// Gets all pull secrets, in the order in which they count.
pub async fn load(cluster: &Cluster, settings: &Settings) -> (Vec<Loaded>, Finding) {
    let mut wanted: Vec<Wanted> = Vec::new();
    for name in &settings.pull_secrets {
        let namespace = name.namespace.as_deref().unwrap_or(&cluster.namespace);
        let object = Object::secret(namespace, &name.name);
        wanted.push(Wanted { object, named: true, of_account: false });
    }
    let object = Object::secret(&settings.credentials_namespace, STORED_SECRET);
    let stored = Wanted { object, named: false, of_account: false };
    let mut first = wanted.clone();
    first.push(stored.clone());

    let account = cluster
        .service_account
        .as_ref()
        .and_then(|account| Some(Object::service_account(account.namespace.as_deref()?, &account.name)));
    let (answers, (of_account, account_finding)) =
        tokio::join!(get_all(cluster, first), account_secrets(cluster, settings, account));

    let mut answers = answers;
    let stored_answer = answers.pop();
    let mut finding = Finding::default();
    let mut loaded = Vec::new();
    for answer in answers {
        take(cluster, answer, &mut loaded, &mut finding);
    }
    finding.merge(account_finding);
    // What was asked for already is not asked for twice, and keeps its better place.
    let rest: Vec<Wanted> = of_account
        .into_iter()
        .filter(|secret| !wanted.iter().any(|known| known.object == secret.object))
        .collect();
    let names_stored = rest.iter().position(|secret| secret.object == stored.object);
    let ask: Vec<Wanted> = rest.into_iter().filter(|secret| secret.object != stored.object).collect();
    let mut second = get_all(cluster, ask).await;
    if let Some(answer) =
        stored_answer.filter(|answer| !wanted.iter().any(|w| w.object == answer.wanted.object))
    {
        second.insert(names_stored.unwrap_or(second.len()), answer);
    }
    for answer in second {
        take(cluster, answer, &mut loaded, &mut finding);
    }
    (loaded, finding)
}

/// What came back for a Secret.
struct Answer {
    wanted: Wanted,
    result: Result<SecretObject, Refusal>,
    took: Duration,
}

/// Asks for all of them at the same time; the answers are in the order of the questions.
async fn get_all(cluster: &Cluster, wanted: Vec<Wanted>) -> Vec<Answer> {
    let asks = wanted.into_iter().map(|wanted| async move {
        let started = Instant::now();
        let result = cluster.secret(&wanted.object).await;
        Answer { wanted, result, took: started.elapsed() }
    });
    join_all(asks).await
}

/// The pull secrets that the service account names. One that the user named must be there.
async fn account_secrets(
    cluster: &Cluster,
    settings: &Settings,
    account: Option<Object>,
) -> (Vec<Wanted>, Finding) {
    let mut finding = Finding::default();
    let Some(account) = account else {
        finding.look(
            "service account",
            "none: not in a pod, and KUBECLARITY_SERVICE_ACCOUNT is not set",
            Duration::ZERO,
        );
        return (Vec::new(), finding);
    };
    let started = Instant::now();
    let named = settings.service_account.is_some();
    match cluster.account(&account).await {
        Ok(found) => {
            let mut known = HashSet::new();
            let new = |name: &String| is_object_name(name) && known.insert(name.clone());
            let names: Vec<String> = found.pull_secrets().filter(new).collect();
            finding.look(account.shown(), pull_secrets_of(&names), started.elapsed());
            let wanted = |name: String| {
                let object = Object::secret(&account.namespace, &name);
                Wanted { object, named: false, of_account: true }
            };
            (names.into_iter().map(wanted).collect(), finding)
        }
        Err(refusal) => {
            refused(cluster, &account, named, ACCOUNT_VARIABLE, refusal, started.elapsed(), &mut finding);
            (Vec::new(), finding)
        }
    }
}

fn pull_secrets_of(names: &[String]) -> Shown {
    match names {
        [] => "names no imagePullSecrets".into(),
        names => {
            shown!["names ", Shown::list(names.iter().map(|name| Shown::text(name))), " as imagePullSecrets"]
        }
    }
}

/// What a refusal means: for what only a default named, absent and denied are nothing.
pub(super) fn refused(
    cluster: &Cluster,
    object: &Object,
    named: bool,
    variable: &'static str,
    refusal: Refusal,
    took: Duration,
    finding: &mut Finding,
) {
    let weight = if named { Weight::Named } else { Weight::Note };
    let problem = match refusal {
        Refusal::Absent if !named => return finding.look(object.shown(), "does not exist", took),
        Refusal::Absent => Problem::Missing { object: object.shown(), variable },
        Refusal::Denied(account) => denied(cluster, object, account, vec![object.rule("get")]),
        Refusal::Conflict => return finding.look(object.shown(), "is being written", took),
        Refusal::Failed(problem) => {
            let weight = if named { Weight::Named } else { cluster.found.weight() };
            return finding.fail(object.shown(), Failure { problem, weight }, took);
        }
    };
    finding.fail(object.shown(), Failure { problem, weight }, took);
}

/// The message for a 403, with the rules of a Role that would allow it.
pub(super) fn denied(
    cluster: &Cluster,
    object: &Object,
    told: Option<(Shown, Shown)>,
    rules: Vec<Shown>,
) -> Problem {
    let account = denied_account(cluster, told);
    Problem::Denied { object: object.shown(), account, namespace: Shown::text(&object.namespace), rules }
}

/// The service account that was denied: the one that the server named, else the pod's own.
pub(super) fn denied_account(cluster: &Cluster, told: Option<(Shown, Shown)>) -> Option<(Shown, Shown)> {
    let own = cluster.service_account.as_ref().filter(|_| cluster.found == Found::InPod);
    told.or_else(|| {
        own.map(|account| {
            let namespace = account.namespace.as_deref().unwrap_or_default();
            (Shown::text(namespace), Shown::text(&account.name))
        })
    })
}

/// Takes a Secret's configuration, or notes why there is none.
fn take(cluster: &Cluster, answer: Answer, loaded: &mut Vec<Loaded>, finding: &mut Finding) {
    let Answer { wanted: Wanted { object, named, of_account }, result, took } = answer;
    let secret = match result {
        Ok(secret) => secret,
        // As kubelet, which warns and goes on.
        Err(Refusal::Absent) if of_account => {
            let problem = Problem::Missing { object: object.shown(), variable: "imagePullSecrets" };
            return finding.fail(object.shown(), Failure::note(problem), took);
        }
        Err(refusal) => return refused(cluster, &object, named, VARIABLE, refusal, took, finding),
    };
    let weight = if named { Weight::Named } else { Weight::Note };
    let unusable = |problem| (object.shown(), Failure { problem, weight });
    let (name, failure) = match Form::of(&secret, named) {
        Form::Configs(configs) => {
            for (key, config) in configs {
                let origin = shown![object.shown(), "/", key];
                match config {
                    Ok(config) => {
                        finding.look(&origin, config.summary(), took);
                        loaded.push(Loaded { origin, config });
                    }
                    Err(why) => {
                        let problem = Problem::NotDockerConfig { origin: origin.clone(), why };
                        finding.fail(origin, Failure::default(problem), took);
                    }
                }
            }
            return;
        }
        Form::Login(config) => {
            let origin = object.shown();
            finding.look(&origin, config.summary(), took);
            return loaded.push(Loaded { origin, config });
        }
        Form::MissingKey(key) => {
            unusable(Problem::MissingKey { object: object.shown(), key, has: secret.keys() })
        }
        Form::NoAnnotation => unusable(Problem::NoAnnotation { object: object.shown() }),
        Form::WrongType => {
            unusable(Problem::WrongType { object: object.shown(), found: Shown::text(&secret.kind) })
        }
    };
    finding.fail(name, failure, took);
}
