//! What an identity may touch, by who named it: one table, and the one function that is asked before a file or a variable
//! is read, a program is started, or anything is sent.
//!
//! | | files | variables | programs | addresses |
//! |---|---|---|---|---|
//! | Environment | any that the user named | any | with the documented opt-in | its cloud's; a metadata server; what the user named |
//! | Secret | below `/var/run/secrets/`, but not the API server's own token | none | none | its cloud's |
//! | Workload, Kubelet | none | none | none | its cloud's |
//! | Rule | what the rule names | what the rule names | what the rule names, by absolute path | its cloud's; what the rule names |

use std::path::{Component, Path, PathBuf};

use super::{Origin, Rule};
use crate::credential::{jwt_audiences, jwt_identity};
use crate::file::{self, Unreadable};
use crate::problem::{Namer, Refusal, Touched};
use crate::secret::Secret;

/// Where volumes with tokens are mounted into pods.
pub const MOUNTED: &str = "/var/run/secrets";
/// Where the API server's own token is, below it.
const API_SERVER: &str = "kubernetes.io/serviceaccount";

/// Something outside of the identity that it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A file to be read.
    File(&'a Path),
    /// A variable to be read.
    Variable(&'a str),
    /// A program to be started.
    Program {
        /// Its path, or its name to be looked up.
        path: &'a str,
        /// Whether the user allowed it in the documented way.
        opted_in: bool,
    },
    /// An address to be asked.
    Address(Address<'a>),
}

/// Whom a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// The token service of the identity's own cloud, or the registry that is asked for.
    Service,
    /// A metadata server or an agent on this machine.
    Metadata(&'a str),
    /// An address that the identity itself comes with.
    Named(&'a str),
}

/// One row of the table.
struct Row<'a> {
    files: Files<'a>,
    variables: Names<'a, String>,
    programs: Programs<'a>,
    addresses: Names<'a, String>,
}

enum Files<'a> {
    Any,
    Mounted,
    Only(&'a [PathBuf]),
    None,
}

enum Names<'a, T> {
    Any,
    Only(&'a [T]),
    None,
}

enum Programs<'a> {
    OptIn,
    Only(&'a [PathBuf]),
    None,
}

/// The table.
fn row(origin: &Origin) -> Row<'_> {
    match origin {
        Origin::Environment => {
            Row { files: Files::Any, variables: Names::Any, programs: Programs::OptIn, addresses: Names::Any }
        }
        Origin::Secret { .. } => Row {
            files: Files::Mounted,
            variables: Names::None,
            programs: Programs::None,
            addresses: Names::None,
        },
        Origin::Workload { .. } | Origin::Kubelet => Row {
            files: Files::None,
            variables: Names::None,
            programs: Programs::None,
            addresses: Names::None,
        },
        Origin::Rule(Rule { files, variables, programs, addresses, file: _, line: _ }) => Row {
            files: Files::Only(files),
            variables: Names::Only(variables),
            programs: Programs::Only(programs),
            addresses: Names::Only(addresses),
        },
    }
}

/// Whether an identity of this origin may touch something.
///
/// # Errors
/// It may not: what was refused, in words for its origin.
pub fn check(origin: &Origin, reference: Reference<'_>) -> Result<(), Refusal> {
    let row = row(origin);
    let named = |names: &Names<String>, name: &str| match names {
        Names::Any => true,
        Names::Only(names) => names.iter().any(|one| one == name),
        Names::None => false,
    };
    let (allowed, touched) = match reference {
        Reference::File(path) => {
            let allowed = match row.files {
                Files::Any => true,
                Files::Mounted => below_mounted(path).is_some(),
                Files::Only(files) => files.iter().any(|one| one == path),
                Files::None => false,
            };
            (allowed, Touched::File)
        }
        Reference::Variable(name) => (named(&row.variables, name), Touched::Variable),
        Reference::Program { path, opted_in } => {
            let path = Path::new(path);
            match row.programs {
                Programs::OptIn => (opted_in, Touched::ProgramNotAllowed),
                Programs::Only(programs) => {
                    (path.is_absolute() && programs.iter().any(|one| one == path), Touched::Program)
                }
                Programs::None => (false, Touched::Program),
            }
        }
        Reference::Address(Address::Service) => (true, Touched::Address),
        Reference::Address(Address::Metadata(url) | Address::Named(url)) => {
            (named(&row.addresses, url), Touched::Address)
        }
    };
    if allowed { Ok(()) } else { Err(refusal(origin, touched)) }
}

fn refusal(origin: &Origin, touched: Touched) -> Refusal {
    let by = match origin {
        Origin::Environment => Namer::Environment,
        Origin::Secret { .. } => Namer::Secret,
        Origin::Workload { .. } => Namer::Workload,
        Origin::Rule(_) => Namer::Rule,
        Origin::Kubelet => Namer::Kubelet,
    };
    Refusal { by, touched }
}

/// Why a file was not read for an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotRead {
    /// It may not be.
    Refused(Refusal),
    /// It cannot be.
    Unreadable(Unreadable),
}

/// Reads a file for an identity.
///
/// # Errors
/// It may not be read for it, or cannot be.
pub fn read(origin: &Origin, path: &Path) -> Result<Vec<u8>, NotRead> {
    check(origin, Reference::File(path)).map_err(NotRead::Refused)?;
    match origin {
        Origin::Secret { .. } => read_mounted(origin, Path::new(MOUNTED), below_mounted(path)),
        // The user named it: links are followed, as every other program does.
        _ => file::read_following(path).map_err(NotRead::Unreadable),
    }
}

/// The part of a path below [`MOUNTED`], if it is one that neither leads back up nor to the API server's own token.
fn below_mounted(path: &Path) -> Option<&Path> {
    let rest = path.strip_prefix(MOUNTED).ok()?;
    let plain = rest.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && rest.file_name().is_some() && !rest.starts_with(API_SERVER)).then_some(rest)
}

/// Reads a mounted file. Links are followed as long as they stay below, and do not end at the API server's own token.
fn read_mounted(origin: &Origin, mounted: &Path, rest: Option<&Path>) -> Result<Vec<u8>, NotRead> {
    let refused = || NotRead::Refused(refusal(origin, Touched::File));
    let rest = rest.ok_or_else(refused)?;
    let text = file::read_beneath(mounted, rest).map_err(NotRead::Unreadable)?;
    let real = |path: &Path| path.canonicalize().ok();
    let own = real(&mounted.join(API_SERVER));
    // Who may write a Secret cannot change links on this machine: what was just read is still there.
    let is_own = own.is_some_and(|own| real(&mounted.join(rest)).is_none_or(|path| path.starts_with(own)));
    if is_own { Err(refused()) } else { Ok(text) }
}

/// Whether a token that was found for an identity may be sent for it. The API server's own token, wherever a copy of it is
/// mounted, never leaves for anything that a Secret names.
///
/// # Errors
/// It may not.
pub fn check_token(origin: &Origin, token: &Secret) -> Result<(), Refusal> {
    let Origin::Secret { .. } = origin else { return Ok(()) };
    let own = file::read_following(&Path::new(MOUNTED).join(API_SERVER).join("token")).ok();
    let own = own.and_then(Secret::from_utf8).map(Secret::trimmed);
    match own {
        Some(own) if is_like(token, &own) => Err(refusal(origin, Touched::ApiServersToken)),
        _ => Ok(()),
    }
}

/// Whether a token is another, or is good where the other is: of the same issuer and for one of its audiences.
fn is_like(token: &Secret, own: &Secret) -> bool {
    if token.expose() == own.expose() {
        return true;
    }
    let issuer = |token: &Secret| jwt_identity(token.expose()).map(|(issuer, _)| issuer);
    let (ours, others) = (jwt_audiences(own.expose()), jwt_audiences(token.expose()));
    issuer(token).is_some() && issuer(token) == issuer(own) && others.iter().any(|one| ours.contains(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use std::os::unix::fs::symlink;

    fn jwt(claims: &str) -> String {
        format!("eyJhbGciOiJub25lIn0.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    fn secret() -> Origin {
        Origin::Secret { namespace: "kubeclarity".to_owned(), name: "gcr-sa".to_owned() }
    }

    #[test]
    fn a_secret_names_files_below_the_mounts_only() {
        for (path, expected) in [
            ("/var/run/secrets/tokens/google", true),
            ("/var/run/secrets/token", true),
            ("/var/run/secrets/./tokens//google", true),
            ("/var/run/secrets/eks.amazonaws.com/serviceaccount/token", true),
            ("/var/run/secrets/kubernetes.io/other/token", true),
            ("/var/run/secrets/kubernetes.io/serviceaccountx/token", true),
            ("/var/run/secrets/kubernetes.io/serviceaccount/token", false),
            ("/var/run/secrets/kubernetes.io/serviceaccount/..data/token", false),
            ("/var/run/secrets//kubernetes.io/./serviceaccount/ca.crt", false),
            ("/var/run/secrets/kubernetes.io/serviceaccount", false),
            ("/var/run/secrets/x/../kubernetes.io/serviceaccount/token", false),
            ("/var/run/secrets/..", false),
            ("/var/run/secrets/../secrets/token", false),
            ("/var/run/secrets", false),
            ("/var/run/secrets/", false),
            ("/var/run/secretsx/token", false),
            ("/run/secrets/token", false),
            ("var/run/secrets/token", false),
            ("/proc/self/environ", false),
            ("", false),
        ] {
            assert_eq!(check(&secret(), Reference::File(Path::new(path))).is_ok(), expected, "{path}");
        }
    }

    #[test]
    fn what_a_mounted_link_leads_to_counts() {
        let directory = tempfile::tempdir().unwrap();
        let (mounted, outside) = (directory.path().join("secrets"), directory.path().join("outside"));
        let own = mounted.join(API_SERVER);
        std::fs::create_dir_all(own.join("..1")).unwrap();
        std::fs::create_dir_all(mounted.join("tokens/..1")).unwrap();
        for file in [own.join("..1/token"), mounted.join("tokens/..1/token"), outside.clone()] {
            std::fs::write(file, "text").unwrap();
        }
        for folder in [own.clone(), mounted.join("tokens")] {
            symlink("..1", folder.join("..data")).unwrap();
            symlink("..data/token", folder.join("token")).unwrap();
        }
        symlink(own.join("token"), mounted.join("absolute")).unwrap();
        symlink(&outside, mounted.join("out")).unwrap();
        symlink("../outside", mounted.join("up")).unwrap();
        symlink("kubernetes.io/serviceaccount/token", mounted.join("own")).unwrap();
        symlink("kubernetes.io", mounted.join("directory")).unwrap();
        symlink("own", mounted.join("again")).unwrap();
        let read = |name: &str| read_mounted(&secret(), &mounted, Some(Path::new(name)));
        assert_eq!(read("tokens/token").as_deref(), Ok(&b"text"[..]));
        for refused in
            ["own", "again", "directory/serviceaccount/token", "kubernetes.io/serviceaccount/token"]
        {
            assert!(matches!(read(refused), Err(NotRead::Refused(_))), "{refused}");
        }
        for unreadable in ["absolute", "out", "up", "none"] {
            assert!(matches!(read(unreadable), Err(NotRead::Unreadable(_))), "{unreadable}");
        }
        // A pod without a token of its own.
        std::fs::remove_dir_all(&own).unwrap();
        assert_eq!(read("tokens/token").as_deref(), Ok(&b"text"[..]));
    }

    #[test]
    fn a_token_that_the_api_server_accepts_is_like_its_own() {
        let token = |issuer: &str, audience: &str| {
            Secret::new(jwt(&format!(r#"{{"iss":"{issuer}","sub":"s","aud":["{audience}","x{issuer}"]}}"#)))
        };
        let own = token("https://cluster", "https://kubernetes.default.svc");
        for (other, expected) in [
            (own.clone(), true),
            (token("https://cluster", "https://kubernetes.default.svc"), true),
            (token("https://other", "https://kubernetes.default.svc"), false),
            (Secret::new("opaque".to_owned()), false),
        ] {
            assert_eq!(is_like(&other, &own), expected, "{other:?}");
        }
        let cloud = Secret::new(jwt(r#"{"iss":"https://cluster","sub":"s","aud":"sts.amazonaws.com"}"#));
        assert!(!is_like(&cloud, &own));
        let opaque = Secret::new("legacy".to_owned());
        assert!(is_like(&opaque.clone(), &opaque) && !is_like(&cloud, &opaque));
    }
}
