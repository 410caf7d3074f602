//! Variables as text, paths, secrets, words out of a few, numbers and names of objects.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use crate::problem::{Expected, Problem};
use crate::secret::{Secret, known};
use crate::shown::{is_address, is_address_path, is_path};

/// `namespace/name` of an object in the cluster; without a namespace, it is the service account's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// The namespace, if the name came with one.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// Where variables come from.
pub(super) struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<OsString>,
}

impl<'a> Variables<'a> {
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<OsString>) -> Variables<'a> {
        Variables { lookup }
    }

    /// As it is; an empty one counts as unset.
    pub fn raw(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The path of a file or directory. What cannot be one is kept like a secret: it may be the file's content, and
    /// libraries quote what they cannot open.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let path = self.raw(name).map(PathBuf::from)?;
        if !is_path(&path) {
            remember(path.as_os_str());
        }
        Some(path)
    }

    /// The address of a server. What cannot be one is kept like a secret, for the same reason, and so is a password in it.
    pub fn address(&self, name: &'static str) -> Result<Option<String>, Problem> {
        let address = self.word(name)?;
        if let Some(address) = &address {
            remember_address(address, is_address(address));
        }
        Ok(address)
    }

    /// The path of an address, likewise.
    pub fn address_path(&self, name: &'static str) -> Result<Option<String>, Problem> {
        let path = self.word(name)?;
        if let Some(path) = &path {
            remember_address(path, is_address_path(path));
        }
        Ok(path)
    }

    /// Several paths with colons between them.
    pub fn paths(&self, name: &str) -> Option<OsString> {
        let paths = self.raw(name)?;
        if !std::env::split_paths(&paths).all(|path| path.as_os_str().is_empty() || is_path(&path)) {
            remember(&paths);
        }
        Some(paths)
    }

    pub fn text(&self, name: &'static str) -> Result<Option<String>, Problem> {
        match self.raw(name).map(OsString::into_string) {
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(Problem::Setting { variable: name, expected: Expected::Text }),
            None => Ok(None),
        }
    }

    pub fn secret(&self, name: &'static str) -> Result<Option<Secret>, Problem> {
        Ok(self.text(name)?.map(Secret::new))
    }

    /// A JSON object with secrets in it, of which a byte that is no UTF-8 spoils only the part where it stands.
    pub fn secret_object(&self, name: &'static str) -> Result<Option<Secret>, Problem> {
        match self.raw(name) {
            Some(value) if value.as_encoded_bytes().trim_ascii_start().starts_with(b"{") => {
                Ok(Some(Secret::mixed(String::from_utf8_lossy(value.as_encoded_bytes()).into_owned())))
            }
            _ => self.secret(name),
        }
    }

    /// Text without white space around it.
    pub fn word(&self, name: &'static str) -> Result<Option<String>, Problem> {
        Ok(self.text(name)?.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
    }

    /// What one of a few words stands for; `None` if the variable is unset.
    pub fn choice<T: Copy>(
        &self,
        name: &'static str,
        expected: Expected,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Problem> {
        let Some(word) = self.word(name)? else { return Ok(None) };
        match words.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)) {
            Some((_, value)) => Ok(Some(*value)),
            None => Err(Problem::Setting { variable: name, expected }),
        }
    }

    /// Seconds, with a part of one.
    pub fn timeout(&self, name: &'static str) -> Result<Option<Duration>, Problem> {
        let Some(word) = self.word(name)? else { return Ok(None) };
        match word.parse::<f64>() {
            Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(Some(Duration::from_secs_f64(seconds))),
            _ => Err(Problem::Setting { variable: name, expected: Expected::Timeout }),
        }
    }

    /// Whole seconds, at most a day.
    pub fn life(&self, name: &'static str) -> Result<Option<Duration>, Problem> {
        let Some(word) = self.word(name)? else { return Ok(None) };
        match word.parse::<u32>() {
            Ok(seconds) if seconds <= 86_400 => Ok(Some(Duration::from_secs(seconds.into()))),
            _ => Err(Problem::Setting { variable: name, expected: Expected::Life }),
        }
    }

    /// Names of objects, with commas between them.
    pub fn objects(&self, name: &'static str) -> Result<Vec<ObjectName>, Problem> {
        let names = self.word(name)?.unwrap_or_default();
        names
            .split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(|one| object_name(name, one))
            .collect()
    }

    /// The name of one object.
    pub fn object(&self, name: &'static str) -> Result<Option<ObjectName>, Problem> {
        self.word(name)?.map(|one| object_name(name, &one)).transpose()
    }

    /// The name of a namespace.
    pub fn namespace(&self, name: &'static str) -> Result<Option<String>, Problem> {
        match self.word(name)? {
            Some(namespace) if !is_namespace(&namespace) => {
                Err(Problem::Setting { variable: name, expected: Expected::Namespace })
            }
            namespace => Ok(namespace),
        }
    }
}

fn remember(value: &OsStr) {
    known::remember_text(&String::from_utf8_lossy(value.as_encoded_bytes()));
}

fn remember_address(address: &str, is_one: bool) {
    known::remember_user_info(address);
    if !is_one {
        known::remember_text(address);
        // As it would stand in the name of a host.
        known::remember_text(&address.to_ascii_lowercase());
    }
}

fn object_name(variable: &'static str, name: &str) -> Result<ObjectName, Problem> {
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, name),
    };
    if !is_object_name(name) || namespace.is_some_and(|namespace| !is_namespace(namespace)) {
        return Err(Problem::Setting { variable, expected: Expected::ObjectName });
    }
    Ok(ObjectName { namespace: namespace.map(str::to_owned), name: name.to_owned() })
}

/// A DNS-1123 label, which the names of namespaces are.
pub fn is_namespace(name: &str) -> bool {
    name.len() <= 63 && !name.contains('.') && is_object_name(name)
}

/// A DNS-1123 subdomain, which the names of Secrets and ServiceAccounts are. Nothing else ever becomes a part of a
/// request's path.
pub fn is_object_name(name: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let end = |label: &str, byte: Option<u8>| !label.is_empty() && byte != Some(b'-');
    name.len() <= 253
        && name.split('.').all(|label| {
            label.bytes().all(inside) && end(label, label.bytes().next()) && end(label, label.bytes().last())
        })
}
