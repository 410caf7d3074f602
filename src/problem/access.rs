//! What an identity may not touch.

use thiserror::Error;

/// Who named an identity, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Namer {
    /// The user, on this machine.
    #[error("the environment")]
    Environment,
    /// A Secret.
    #[error("a Secret")]
    Secret,
    /// A workload's service account.
    #[error("a service account")]
    Workload,
    /// A rule.
    #[error("a rule that does not name it")]
    Rule,
    /// kubelet.
    #[error("kubelet")]
    Kubelet,
}

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// A file.
    File,
    /// A variable.
    Variable,
    /// A program.
    Program,
    /// A program of the user's own, without the opt-in.
    ProgramNotAllowed,
    /// An address.
    Address,
    /// The token that the API server takes.
    ApiServersToken,
}

/// Something that an identity refers to and may not touch. Nothing was read, started or sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}", self.text())]
pub struct Refusal {
    /// Who named the identity.
    pub by: Namer,
    /// What it refers to.
    pub touched: Touched,
}

impl Refusal {
    fn text(&self) -> String {
        let by = self.by;
        let instead = match (by, self.touched) {
            (_, Touched::ProgramNotAllowed) => {
                "set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 if you trust it"
            }
            (_, Touched::ApiServersToken) => {
                "mount a token for the cloud's audience below /var/run/secrets/, and name that"
            }
            (Namer::Secret, _) => "use a key, or a token file below /var/run/secrets/",
            (Namer::Rule, _) => "name it in the rule",
            _ => "use a variable or a rule for such an identity",
        };
        match self.touched {
            Touched::File => format!("it refers to a file, which is not read for {by}; {instead}"),
            Touched::Variable => format!("it refers to a variable, which is not read for {by}; {instead}"),
            Touched::Program => {
                format!("it names a program to run, which is not started for {by}; {instead}")
            }
            Touched::ProgramNotAllowed => {
                format!("it names a program to run, which is not allowed; {instead}")
            }
            Touched::Address => format!("it refers to an address, which is not asked for {by}; {instead}"),
            Touched::ApiServersToken => {
                format!(
                    "its token is one that the API server accepts, which is never sent to a cloud; {instead}"
                )
            }
        }
    }
}
