//! Google.

use thiserror::Error;

use crate::shown::Shown;

use super::{CloudFault, JsonReason, ProgramFault, Said, Unreadable};

/// Why Google gave no token, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GoogleFault {
    /// A token request was refused.
    #[error("Google refused: {0}; check the key or the identity's rights")]
    Refused(Said),
    /// An answer without a token.
    #[error(
        "Google's answer holds no access token; check that nothing stands between this machine and Google"
    )]
    NoToken,
    /// The identity may not take on the account.
    #[error(
        "Google refused to impersonate {email}: {said}; grant roles/iam.serviceAccountTokenCreator on {email} to it"
    )]
    Impersonation {
        /// The account.
        email: Shown,
        /// What Google said.
        said: Said,
    },
    /// An answer to that without a token.
    #[error(
        "Google's answer to the impersonation holds no access token; check that nothing stands between this machine and Google"
    )]
    ImpersonationNoToken,
    /// A token's source without TLS, on another machine.
    #[error("the source of its token is neither https nor on this machine; correct credential_source.url")]
    PlainSource,
    /// The machine has no account.
    #[error("the metadata server knows no service account; attach one to the machine or pod")]
    NoAccount,
    /// The key of a service account is none.
    #[error("the private key in it cannot be used; download the key anew")]
    Key,
    /// The key does not sign.
    #[error("the private key in it cannot sign; download the key anew")]
    Sign,
    /// The clock is wrong by decades.
    #[error("the clock is before 1970; set it")]
    Clock,
    /// The subject is to be proven to another than AWS.
    #[error(
        "its regional_cred_verification_url is not the GetCallerIdentity request of AWS's STS; recreate it with gcloud"
    )]
    VerificationUrl,
    /// AWS's keys do not sign.
    #[error("the request to AWS cannot be signed; check the AWS keys")]
    SignForAws,
    /// No AWS identity for a federation with AWS.
    #[error("there is no AWS identity for it: {0}; give this machine or pod one")]
    NoAwsIdentity(Shown),
    /// The AWS identity of a federation with AWS failed.
    #[error("{0}: {1}")]
    OfAws(Shown, Box<CloudFault>),
    /// The subject token's file.
    #[error("the token file {0} {1}; check the volume that projects it")]
    TokenFile(Shown, Unreadable),
    /// The subject token's address.
    #[error("the address of its credential_source answers {0}; check it")]
    SourceStatus(Shown),
    /// The subject token's field is not named.
    #[error("its credential_source names no subject_token_field_name; add it")]
    NoFieldName,
    /// The subject token is not in JSON.
    #[error("the subject token is not in a JSON object; check the credential_source")]
    NotJson,
    /// There is no subject token.
    #[error("the subject token is empty or missing; check the credential_source")]
    NoSubjectToken,
    /// The program has no name.
    #[error("its program has no name; correct the credential_source")]
    ProgramNoName,
    /// The program failed.
    #[error("its program {0}")]
    Program(ProgramFault),
    /// The program hangs.
    #[error("its program did not end in time; run it by hand")]
    ProgramLate,
    /// The program prints something else.
    #[error("its program prints no JSON answer; run it by hand")]
    ProgramNotJson,
    /// The program says no.
    #[error("its program refused: {0}; run it by hand")]
    ProgramRefused(Shown),
    /// The program says yes and gives nothing.
    #[error("its program prints no token; run it by hand")]
    ProgramNoToken,
}

/// What is wrong with a credential file of Google.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GoogleFileFault {
    /// It is something else.
    #[error("is no credential file of Google ({0}); download it anew")]
    NotCredential(JsonReason),
    /// It is binary.
    #[error("is not text; download it anew")]
    NotText,
    /// A field is missing.
    #[error("has no {key}, which its type {kind} needs; download it anew")]
    Missing {
        /// The field.
        key: &'static str,
        /// The type.
        kind: Shown,
    },
    /// The type is another.
    #[error(
        "is of a type that this program does not know; get one of type service_account, authorized_user, external_account, external_account_authorized_user or impersonated_service_account"
    )]
    UnknownType,
    /// Credentials in credentials in credentials.
    #[error("nests impersonated credentials too deep; make it anew with gcloud")]
    Nested,
    /// An external account without all that it needs.
    #[error("is no complete external account ({0}); make it anew with gcloud")]
    ExternalAccount(JsonReason),
    /// A federation with an unknown kind of machine.
    #[error(
        "has a credential_source for an environment that is not known, only aws1 is; recreate it with gcloud"
    )]
    Environment,
    /// No place of the subject token.
    #[error(
        "has a credential_source without file, url, executable or environment_id; recreate it with gcloud"
    )]
    NoSource,
    /// A Secret refers to something outside of itself.
    #[error("{0}")]
    NotFromSecret(NotFromSecret),
    /// A secret would go to somebody else.
    #[error(
        "names in {0} an address that is not Google's, so nothing was sent there; get the file from its owner anew"
    )]
    Address(&'static str),
}

/// A source of a subject token that is not accepted from a Secret, why, and what to use instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotFromSecret {
    /// A program.
    #[error(
        "is an external_account with an executable, which is never run for a Secret, whatever GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES says: it could be any program; use a service_account, or a credential_source with a file below /var/run/secrets/"
    )]
    Executable,
    /// An address.
    #[error(
        "is an external_account with a url, which is not asked for a Secret: it could be a metadata server or a service of this machine; use a service_account, or a credential_source with a file below /var/run/secrets/"
    )]
    Url,
    /// AWS's keys.
    #[error(
        "is an external_account for aws1, which is not accepted from a Secret: it would use the AWS keys of this machine or pod; use a service_account, or a credential_source with a file below /var/run/secrets/"
    )]
    Aws,
    /// A file elsewhere.
    #[error(
        "is an external_account with a file that is not read for a Secret: it could be any file of this machine or pod; use a service_account, or mount the token below /var/run/secrets/ (not kubernetes.io/serviceaccount)"
    )]
    File,
}
