//! Source 2: pull secrets in the cluster. The ones that the user named, those of the service account, and
//! `basic-regcred`, which `docker login` through this helper writes.
//!
//! Two round trips deep: all that is known by name is asked for at once, then what the service account names.

pub mod form;

pub use form::type_of;

use std::collections::HashSet;
use std::pin::pin;
use std::time::{Duration, Instant};

use form::Form;
use futures_util::stream::{self, StreamExt};

use super::mounted::MOST_TOGETHER;
use crate::cluster::{Cluster, Found, MOST_UNDER_WAY, Object, Refusal, SecretObject};
use crate::docker_config::{Loaded, select};
use crate::finding::{Failure, Finding, Weight};
use crate::problem::Problem;
use crate::question::Question;
use crate::settings::{ObjectName, Settings, is_object_name};
use crate::shown::Shown;

/// The Secret of the credentials namespace that `store` writes.
pub const STORED_SECRET: &str = "basic-regcred";

/// The most pull secrets that are asked for, those of the user and those of the service account together.
const MOST_NAMES: usize = 64;

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

/// Gets all pull secrets, in the order in which they count; with a question, what concerns it in them.
pub async fn load(
    cluster: &Cluster,
    settings: &Settings,
    question: Option<&Question>,
) -> (Vec<Loaded>, Finding) {
    let mut taken = Taken { question, loaded: Vec::new(), finding: Finding::default(), bytes: 0 };
    for words in &cluster.unusable {
        taken.finding.look("names", words.clone(), Duration::ZERO);
    }
    let secret = |name: &ObjectName| {
        Object::secret(name.namespace.as_deref().unwrap_or(&cluster.namespace), &name.name)
    };
    let mut names = Names::default();
    let named = names.first(settings.pull_secrets.iter().map(secret));
    let named = limited(named, MOST_NAMES, &VARIABLE.into(), &mut taken.finding);
    let room = MOST_NAMES - named.len();
    let stored = Object::secret(&settings.credentials_namespace, STORED_SECRET);
    let stored_is_named = names.0.contains(&stored);

    let account = cluster
        .service_account
        .as_ref()
        .and_then(|account| Some(Object::service_account(account.namespace.as_deref()?, &account.name)));
    let wanted = |object| Wanted { object, named: true, of_account: false };
    let ask_stored = async {
        let wanted = Wanted { object: stored.clone(), named: false, of_account: false };
        if stored_is_named { None } else { Some(ask(cluster, wanted).await) }
    };
    let named = named.into_iter().map(wanted).map(|wanted| (wanted, None)).collect();
    let ((), (of_account, account_finding), mut stored_answer) = tokio::join!(
        taken.take_all(cluster, named),
        account_secrets(cluster, settings, account.clone()),
        ask_stored
    );
    taken.finding.merge(account_finding);

    // What was asked for already is not asked for twice, and keeps its better place.
    let of_account = names.first(of_account.into_iter());
    let of_account = match &account {
        Some(account) => limited(of_account, room, &account.shown(), &mut taken.finding),
        None => of_account,
    };
    let wanted = |object| Wanted { object, named: false, of_account: true };
    let mut second: Vec<(Wanted, Option<Answer>)> = of_account
        .into_iter()
        .map(|object| {
            let answer = if object == stored { stored_answer.take() } else { None };
            (wanted(object), answer)
        })
        .collect();
    second.extend(stored_answer.map(|answer| (answer.wanted.clone(), Some(answer))));
    taken.take_all(cluster, second).await;
    (taken.loaded, taken.finding)
}

/// The objects that were named so far: one that is named again counts once.
#[derive(Default)]
struct Names(HashSet<Object>);

impl Names {
    /// Those of them that are named for the first time.
    fn first(&mut self, objects: impl Iterator<Item = Object>) -> Vec<Object> {
        objects.filter(|object| self.0.insert(object.clone())).collect()
    }
}

/// The first of them. That there are more is told: the credential may be in one of the others.
fn limited(mut objects: Vec<Object>, most: usize, origin: &Shown, finding: &mut Finding) -> Vec<Object> {
    if objects.len() > most {
        let problem =
            Problem::TooManyPullSecrets { origin: origin.clone(), names: objects.len(), read: most };
        finding.fail(origin.clone(), Failure::default(problem), Duration::ZERO);
        objects.truncate(most);
    }
    objects
}

/// What came back for a Secret.
struct Answer {
    wanted: Wanted,
    result: Result<SecretObject, Refusal>,
    took: Duration,
}

async fn ask(cluster: &Cluster, wanted: Wanted) -> Answer {
    let started = Instant::now();
    let result = cluster.secret(&wanted.object).await;
    Answer { wanted, result, took: started.elapsed() }
}

/// What was taken so far.
struct Taken<'a> {
    question: Option<&'a Question>,
    loaded: Vec<Loaded>,
    finding: Finding,
    /// How many bytes the Secrets held.
    bytes: usize,
}

impl Taken<'_> {
    /// Asks for all of them, a few at the same time, unless the answer is here already. Each is parsed and let go of as soon as
    /// those before it are; after too many bytes the rest is not asked for.
    async fn take_all(&mut self, cluster: &Cluster, wanted: Vec<(Wanted, Option<Answer>)>) {
        let asks = wanted.into_iter().map(|(wanted, answer)| async {
            match answer {
                Some(answer) => answer,
                None => ask(cluster, wanted).await,
            }
        });
        let mut answers = pin!(stream::iter(asks).buffered(MOST_UNDER_WAY));
        while let Some(answer) = answers.next().await {
            if self.bytes > MOST_TOGETHER {
                let object = answer.wanted.object.shown();
                let problem = Problem::PullSecretsTogether { object: object.clone() };
                self.finding.fail(object, Failure::default(problem), answer.took);
                break;
            }
            self.bytes += answer.result.as_ref().map_or(0, SecretObject::size);
            let before = self.loaded.len();
            take(cluster, answer, &mut self.loaded, &mut self.finding);
            if let Some(question) = self.question {
                self.loaded
                    .iter_mut()
                    .skip(before)
                    .for_each(|loaded| select::keep(&mut loaded.config, question));
            }
        }
    }
}

/// The pull secrets that the service account names. One that the user named must be there.
async fn account_secrets(
    cluster: &Cluster,
    settings: &Settings,
    account: Option<Object>,
) -> (Vec<Object>, Finding) {
    let mut finding = Finding::default();
    let Some(account) = account else {
        let none = match cluster.found {
            Found::InPod => "none: the pod's token names none, and KUBECLARITY_SERVICE_ACCOUNT is not set",
            _ => "none: not in a pod, and KUBECLARITY_SERVICE_ACCOUNT is not set",
        };
        finding.look("service account", none, Duration::ZERO);
        return (Vec::new(), finding);
    };
    let started = Instant::now();
    let named = settings.service_account.is_some();
    match cluster.account(&account).await {
        Ok(found) => {
            let mut known = HashSet::new();
            let (names, wrong): (Vec<String>, Vec<String>) = found
                .pull_secrets()
                .filter(|name| known.insert(name.clone()))
                .partition(|name| is_object_name(name));
            finding.look(account.shown(), pull_secrets_of(&names), started.elapsed());
            if !wrong.is_empty() {
                let wrong = Shown::list(wrong.iter().map(|name| shown!["\"", Shown::text(name), "\""]));
                let words = shown!["names ", wrong, " as imagePullSecrets, which no Secret can be called"];
                finding.look(account.shown(), words, Duration::ZERO);
            }
            let secret = |name: String| Object::secret(&account.namespace, &name);
            (names.into_iter().map(secret).collect(), finding)
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
