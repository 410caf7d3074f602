//! Identities: who asks a cloud for a token, and who named them.
//!
//! An [`Identity`] is made by one small module for each [`Origin`]; only [`environment`] looks at the environment. A cloud
//! is given one and exchanges it: it reads no variable itself. What an identity may touch on the way, a file, a variable, a
//! program or an address, is decided by its origin alone, in [`access`].

pub mod access;
pub mod aws;
pub mod azure;
pub mod environment;
pub mod google;
pub mod machine;
pub mod secret;

use std::path::PathBuf;

use crate::finding::Weight;
use crate::settings::Cloud;

use crate::shown::Shown;

/// Who asks a cloud for a token.
#[derive(Debug, Clone)]
pub struct Identity {
    /// What it is.
    pub kind: Kind,
    /// Who named it.
    pub origin: Origin,
    /// Where it stands, for messages: a Secret with its key, a file, a variable.
    pub place: Shown,
}

/// What an identity is. Each cloud's own kinds stand in a file of that cloud.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Amazon Web Services.
    Aws(aws::Aws),
    /// Google Cloud.
    Google(google::Google),
    /// Microsoft Azure.
    Azure(azure::Azure),
}

/// Who named an identity: it decides what the identity may touch ([`access`]) and how much its failure counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The user, by variables and by the files that they name or that lie where a cloud's own tools put them; or the machine.
    Environment,
    /// A Secret of the cluster.
    Secret {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A service account of the cluster, for which a token is requested.
    Workload {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its uid: one that is made again under the same name is another.
        uid: String,
    },
    /// A rule of the rules file.
    Rule(Rule),
    /// kubelet, which hands over the token of a pod's service account.
    Kubelet,
}

/// A rule, and all that it names. Nothing else of this machine is touched for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The rules file.
    pub file: PathBuf,
    /// The line in which the rule begins.
    pub line: u32,
    /// The files that it names.
    pub files: Vec<PathBuf>,
    /// The variables that it names.
    pub variables: Vec<String>,
    /// The programs that it names.
    pub programs: Vec<PathBuf>,
    /// The addresses that it names.
    pub addresses: Vec<String>,
}

impl Origin {
    /// How much the failure of an identity counts (DESIGN section 4): what a rule, a workload or kubelet asks for must
    /// work; for the others, an earlier or later source may have the answer.
    pub fn weight(&self) -> Weight {
        match self {
            Origin::Environment | Origin::Secret { .. } => Weight::Default,
            Origin::Workload { .. } | Origin::Rule(_) | Origin::Kubelet => Weight::Named,
        }
    }
}

impl Identity {
    /// The cloud that knows it.
    pub fn cloud(&self) -> Cloud {
        match self.kind {
            Kind::Aws(_) => Cloud::Aws,
            Kind::Google(_) => Cloud::Google,
            Kind::Azure(_) => Cloud::Azure,
        }
    }

    /// Who asks and where that stands, in words.
    pub fn shown(&self) -> Shown {
        match &self.kind {
            Kind::Aws(aws) => aws.shown(&self.place),
            Kind::Google(google) => google.shown(&self.place),
            Kind::Azure(azure) => azure.shown(&self.place),
        }
    }

    /// Whether it is the machine's own and nobody asked for it by name: then that it cannot be had is only noted.
    pub fn is_by_chance(&self) -> bool {
        match &self.kind {
            Kind::Aws(aws) => matches!(aws.kind, aws::AwsKind::Machine { named: false, .. }),
            Kind::Google(google) => matches!(google, google::Google::Machine { named: false, .. }),
            Kind::Azure(azure) => {
                matches!(azure.kind, azure::AzureKind::Machine { named: false, client: None })
            }
        }
    }
}

/// A token that somebody else gave out: the proof of a federated identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assertion {
    /// In a file, which is read when the token is needed: it is renewed there.
    File(PathBuf),
    /// At hand, with the issuer's and the subject's names in it.
    Token(crate::secret::Secret),
}

impl Assertion {
    /// Where it stands, in words.
    pub fn shown(&self) -> Shown {
        match self {
            Assertion::File(path) => shown![Shown::path(path)],
            Assertion::Token(_) => "the token of its service account".into(),
        }
    }
}
