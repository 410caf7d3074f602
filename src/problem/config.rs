//! Docker configurations, and entries in them, that cannot be used.

use std::time::SystemTime;

use serde_json::error::Category;
use thiserror::Error;

use crate::date::Date;

/// Why JSON could not be parsed: kind and place only. serde_json's own message can quote a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{} at line {line} column {column}", words(.category))]
pub struct JsonReason {
    category: Category,
    line: usize,
    column: usize,
}

fn words(category: &Category) -> &'static str {
    match category {
        Category::Syntax => "not JSON",
        Category::Data => "not of the expected shape",
        Category::Eof => "cut short or empty",
        Category::Io => "unreadable",
    }
}

impl From<&serde_json::Error> for JsonReason {
    fn from(error: &serde_json::Error) -> JsonReason {
        JsonReason { category: error.classify(), line: error.line(), column: error.column() }
    }
}

impl From<serde_json::Error> for JsonReason {
    fn from(error: serde_json::Error) -> JsonReason {
        (&error).into()
    }
}

/// Why a text is no docker configuration, without any of the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigFault {
    /// It is no JSON of that form.
    #[error("{0}")]
    Json(JsonReason),
    /// A list, which serde would take for an object.
    #[error("a list, not an object at line 1 column 1")]
    List,
    /// A value of a Secret is not encoded as it must be.
    #[error("not base64")]
    NotBase64,
    /// A field has another type than docker gives it.
    #[error("its {0} is of the wrong type")]
    Field(&'static str),
}

impl From<serde_json::Error> for ConfigFault {
    fn from(error: serde_json::Error) -> ConfigFault {
        ConfigFault::Json(error.into())
    }
}

/// What is wrong with a credential that is there, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EntryFault {
    /// The entry is a number, a list, or has fields of other types.
    #[error("is no object of text fields; correct it")]
    NotObject,
    /// A user without a password.
    #[error("has a username but no password; add the password")]
    NoPassword,
    /// A password without a user.
    #[error("has a password but no username; add the username")]
    NoUsername,
    /// Only a token of a kind that credential helpers have no field for.
    #[error(
        "has only a `registrytoken`, which a credential helper cannot return; add a username and password, or an identitytoken"
    )]
    RegistryToken,
    /// A login with bytes, or halves of surrogate pairs, that are no characters.
    #[error("has a user name or password that is not valid UTF-8; write the entry again")]
    NotUtf8,
    /// `auth` cannot be decoded.
    #[error("has an `auth` that is not base64 of user:password; write it anew with `docker login`")]
    AuthNotBase64,
    /// `auth` is one word.
    #[error("has an `auth` without a colon between user and password; write it anew with `docker login`")]
    AuthNoColon,
    /// `auth` begins with the colon.
    #[error("has an `auth` without a user name; write it anew with `docker login`")]
    AuthNoUsername,
    /// `auth` ends with the colon.
    #[error("has an `auth` without a password; write it anew with `docker login`")]
    AuthNoPassword,
    /// A token whose time is over, and since when.
    #[error("has expired (on {}); renew it", Date(*.0))]
    Expired(SystemTime),
    /// A value of a Secret is binary.
    #[error("is not text; write it anew")]
    NotText,
    /// The Secret of stored logins cannot be changed.
    #[error(
        "is immutable, so nothing can be stored in it or erased from it; delete it, or name another CREDS_SECRET_NAMESPACE"
    )]
    Immutable,
    /// The Secret of stored logins is full.
    #[error("would grow over 1 MiB, the most that a Secret holds; remove entries that nobody needs")]
    Full,
}
