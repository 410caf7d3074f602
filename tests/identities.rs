//! What an identity may touch is decided by who named it: for every origin and every kind of reference, what the table
//! allows works, and for the rest nothing is read, started or sent.

#![allow(clippy::unwrap_used, clippy::expect_used)] // an expectation that fails here is how a test fails

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use docker_credential_kubeclarity::cloud::hosts::{CloudHost, EcrHost};
use docker_credential_kubeclarity::cloud::http::{Http, Trust};
use docker_credential_kubeclarity::cloud::{self, Outcome};
use docker_credential_kubeclarity::deadline::Deadline;
use docker_credential_kubeclarity::identity::access::{self, Address, NotRead, Reference};
use docker_credential_kubeclarity::identity::aws::{
    Agent, Aws, AwsKind, Container, ContainerToken, Keys, Metadata, Profile, ProfileText, Role,
};
use docker_credential_kubeclarity::identity::azure::{Authority, Azure, AzureCloud, AzureKind};
use docker_credential_kubeclarity::identity::google::{Executable, ExternalAccount, Format, Google, Source};
use docker_credential_kubeclarity::identity::{Assertion, Identity, Kind, Origin, Rule};
use docker_credential_kubeclarity::problem::{CloudFault, Problem};
use docker_credential_kubeclarity::secret::Secret;

/// A server on loopback that is everything: a token service, a source of tokens, a metadata server. It keeps what it got.
struct Server {
    url: String,
    got: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let keeps = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                let request = request(&mut stream);
                let body = match request.split_whitespace().nth(1) {
                    Some("/token") => r#"{"access_token":"access","expires_in":600}"#,
                    Some("/subject") => "of-the-url",
                    _ => "{}",
                };
                keeps.lock().unwrap().push(request);
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Server { url, got }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// What it got since the last time.
    fn taken(&self) -> String {
        std::mem::take(&mut *self.got.lock().unwrap()).join("\n")
    }
}

/// One request, head and body.
fn request(stream: &mut impl Read) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let head = text.windows(4).position(|four| four == b"\r\n\r\n");
        let length = head.map_or(usize::MAX, |head| {
            let lines = String::from_utf8_lossy(&text[..head]).to_lowercase();
            let length =
                lines.lines().find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned));
            head + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap())
        });
        if text.len() >= length {
            return String::from_utf8(text).unwrap();
        }
        match stream.read(&mut buffer).unwrap() {
            0 => return String::from_utf8(text).unwrap(),
            count => text.extend_from_slice(&buffer[..count]),
        }
    }
}

/// What identities refer to here.
struct Place {
    server: Server,
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { server: Server::start(), directory: tempfile::tempdir().unwrap() };
        std::fs::write(place.file(), "of-the-file\n").unwrap();
        let script = format!(
            "#!/bin/sh\n: > {}\necho '{{\"version\":1,\"success\":true,\"token_type\":\"x\",\"id_token\":\"of-the-program\"}}'\n",
            place.mark().display()
        );
        std::fs::write(place.program(), script).unwrap();
        std::fs::set_permissions(place.program(), std::fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("token")
    }

    fn program(&self) -> PathBuf {
        self.directory.path().join("vend")
    }

    /// What the program leaves behind.
    fn mark(&self) -> PathBuf {
        self.directory.path().join("mark")
    }

    /// Every kind of origin; two rules, of which one names all that there is and one nothing.
    fn origins(&self) -> Vec<(&'static str, Origin)> {
        let rule = Rule { file: "/etc/rules.yaml".into(), line: 7, ..Rule::default() };
        let addresses = ["/subject", "/agent", "/msi", "", "/token"].map(|path| self.server.at(path));
        let mut addresses = addresses.to_vec();
        addresses.push("http://169.254.169.254".to_owned());
        let names_all = Rule {
            files: vec![self.file()],
            variables: vec!["AWS_ACCESS_KEY_ID".to_owned()],
            programs: vec![self.program()],
            addresses,
            ..rule.clone()
        };
        let (namespace, name) = (String::from("team"), String::from("app"));
        vec![
            ("environment", Origin::Environment),
            ("secret", Origin::Secret { namespace: namespace.clone(), name: name.clone() }),
            ("workload", Origin::Workload { namespace, name, uid: "1-2-3".to_owned() }),
            ("rule", Origin::Rule(rule)),
            ("rule that names it", Origin::Rule(names_all)),
            ("kubelet", Origin::Kubelet),
        ]
    }

    fn ask(&self, origin: &Origin, kind: Kind, host: &CloudHost) -> Outcome {
        let identity = Identity { kind, origin: origin.clone(), place: "somewhere".into() };
        let http = Http::new(Trust::default(), Deadline::after(Duration::from_secs(5)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        runtime.block_on(cloud::exchange(&identity, &http, host, "registry"))
    }

    /// A federated account whose tokens this place's own service gives.
    fn federated(&self, source: Source) -> Kind {
        Kind::Google(Google::Federated(Box::new(ExternalAccount {
            audience: "//iam.googleapis.com/x".to_owned(),
            subject_token_type: "urn:ietf:params:oauth:token-type:jwt".to_owned(),
            token_url: self.server.at("/token"),
            impersonation: None,
            client: None,
            user_project: None,
            source,
        })))
    }

    fn executable(&self, opted_in: bool) -> Source {
        Source::Executable(Executable {
            command: self.program().to_str().unwrap().to_owned(),
            timeout_millis: None,
            output_file: None,
            opted_in,
        })
    }
}

fn keys() -> Keys {
    let secret = |text: &str| Secret::new(text.to_owned());
    Keys { access_key_id: secret("AKIAEXAMPLE"), secret_access_key: secret("hunter2"), session_token: None }
}

fn aws(kind: AwsKind) -> Kind {
    Kind::Aws(Aws::new(kind, Some("eu-west-1".to_owned()), Some("eu-west-1")))
}

fn ecr() -> CloudHost {
    let (account, region) = ("123456789012".to_owned(), "eu-west-1".to_owned());
    CloudHost::Ecr(EcrHost { account, region, fips: false, dual_stack: false })
}

fn is_refused(outcome: &Outcome) -> bool {
    let (Outcome::Failed(problem) | Outcome::Unavailable(problem)) = outcome else { return false };
    matches!(problem, Problem::Cloud { what: CloudFault::Refused(_), .. })
}

/// What the table allows: by the name of the origin.
fn allowed(origin: &str, kind: &str) -> bool {
    match (origin, kind) {
        ("environment", "program without the opt-in") => false,
        ("environment" | "rule that names it", _) | (_, "nothing") => true,
        _ => false,
    }
}

#[test]
fn every_origin_touches_what_the_table_allows_and_nothing_else() {
    let place = Place::new();
    let signer =
        Identity { kind: aws(AwsKind::Keys(keys())), origin: Origin::Environment, place: "keys".into() };
    let signer = Source::Aws { verification_url: None, signer: Some(Box::new(signer)) };
    let url =
        Source::Url { url: place.server.at("/subject"), headers: BTreeMap::new(), format: Format::Text };
    let sources: [(&str, Source, &str); 6] = [
        ("file", Source::File { path: place.file(), format: Format::Text }, "subject_token=of-the-file"),
        ("address", url, "subject_token=of-the-url"),
        ("program", place.executable(true), "subject_token=of-the-program"),
        ("program without the opt-in", place.executable(false), "subject_token=of-the-program"),
        ("variable", signer, "AKIAEXAMPLE"),
        ("nothing", Source::Token(Secret::new("at-hand".to_owned())), "subject_token=at-hand"),
    ];
    for (name, origin) in place.origins() {
        for (kind, source, sent) in &sources {
            let outcome = place.ask(&origin, place.federated(source.clone()), &CloudHost::Google);
            let got = place.server.taken();
            let started = std::fs::remove_file(place.mark()).is_ok();
            if allowed(name, kind) {
                assert!(matches!(outcome, Outcome::Found { .. }), "{name}, {kind}: {outcome:?}");
                assert!(got.contains(sent), "{name}, {kind}: {got}");
                assert_eq!(started, kind.starts_with("program"), "{name}, {kind}");
            } else {
                assert!(is_refused(&outcome), "{name}, {kind}: {outcome:?}");
                assert!(got.is_empty() && !started, "{name}, {kind}: {got}");
            }
        }
    }
}

#[test]
fn every_agent_and_token_file_of_a_cloud_is_touched_by_the_same_table() {
    let place = Place::new();
    let role = || Role { arn: "arn:aws:iam::1:role/r".to_owned(), external_id: None, session: None };
    let agent = |token| {
        aws(AwsKind::Container(Container { agent: Agent::Address(place.server.at("/agent")), token }))
    };
    let azure = |kind| Kind::Azure(Azure { authority: Authority::of(AzureCloud::Public), kind });
    let acr = CloudHost::Acr { host: "x.azurecr.io".to_owned(), cloud: AzureCloud::Public };
    let process = format!("[default]\ncredential_process = {}\n", place.program().display());
    let process = Profile::of(None, ProfileText::Text(Secret::new(process)), ProfileText::Absent);
    let header = Secret::new("x-header".to_owned());
    let app_service = AzureKind::AppService { endpoint: place.server.at("/msi"), header, client: None };
    let token = ContainerToken::Text(Secret::new("of-the-text".to_owned()));
    // What each sends where it may; a program sends nothing here and leaves a mark.
    for (what, kind, host, sent) in [
        ("agent", agent(None), ecr(), Some("GET /agent ")),
        ("agent with a token", agent(Some(token)), ecr(), Some("authorization: of-the-text")),
        (
            "agent with a file",
            agent(Some(ContainerToken::File(place.file()))),
            ecr(),
            Some("authorization: of-the-file"),
        ),
        (
            "metadata server",
            aws(AwsKind::Machine { named: true, metadata: Metadata::At(place.server.url.clone()) }),
            ecr(),
            Some("PUT /latest/api/token "),
        ),
        ("program of a profile", aws(AwsKind::Profile(Box::new(process))), ecr(), None),
        ("app service", azure(app_service), acr.clone(), Some("x-identity-header: x-header")),
    ] {
        for (name, origin) in place.origins() {
            let outcome = place.ask(&origin, kind.clone(), &host);
            let got = place.server.taken();
            let started = std::fs::remove_file(place.mark()).is_ok();
            let touched = sent.map_or(started, |sent| got.contains(sent));
            if allowed(name, what) {
                assert!(touched && !is_refused(&outcome), "{name}, {what}: {outcome:?} {got}");
            } else {
                assert!(is_refused(&outcome), "{name}, {what}: {outcome:?}");
                assert!(got.is_empty() && !started, "{name}, {what}: {got}");
            }
        }
    }
    // Where the token would go to a cloud, only the refusals can be tried here.
    let file = || Assertion::File(place.file());
    let federated =
        AzureKind::Federated { tenant: "t".to_owned(), client: "c".to_owned(), assertion: file() };
    for (what, kind, host) in [
        ("web identity", aws(AwsKind::WebIdentity { role: role(), assertion: file() }), ecr()),
        ("workload identity", azure(federated), acr.clone()),
        ("managed identity", azure(AzureKind::Machine { client: None, named: true }), acr),
        (
            "machine of Google",
            Kind::Google(Google::Machine { named: true, host: Some("169.254.169.254".to_owned()) }),
            CloudHost::Google,
        ),
    ] {
        for (name, origin) in place.origins() {
            if !allowed(name, what) {
                let outcome = place.ask(&origin, kind.clone(), &host);
                assert!(is_refused(&outcome), "{name}, {what}: {outcome:?}");
            }
        }
    }
}

#[test]
fn what_is_read_for_an_identity_is_read_by_the_table() {
    let place = Place::new();
    for (name, origin) in place.origins() {
        let read = access::read(&origin, &place.file());
        match allowed(name, "file") {
            true => assert_eq!(read.as_deref(), Ok(&b"of-the-file\n"[..]), "{name}"),
            false => assert!(matches!(read, Err(NotRead::Refused(_))), "{name}: {read:?}"),
        }
        let may = |reference| access::check(&origin, reference).is_ok();
        assert_eq!(may(Reference::Variable("AWS_ACCESS_KEY_ID")), allowed(name, "variable"), "{name}");
        assert_eq!(may(Reference::Variable("HOME")), name == "environment", "{name}");
        // A program of a rule is named by its whole path.
        for relative in ["vend", "./vend", ""] {
            let program = Reference::Program { path: relative, opted_in: true };
            assert_eq!(may(program), name == "environment", "{name}: {relative}");
        }
        // Its own cloud may always be asked.
        assert!(may(Reference::Address(Address::Service)), "{name}");
        // What is mounted for it is all that a Secret may read.
        let mounted = Reference::File(Path::new("/var/run/secrets/tokens/google"));
        assert_eq!(may(mounted), ["environment", "secret"].contains(&name), "{name}");
    }
}

#[test]
fn an_identity_never_meets_another_clouds_host() {
    let place = Place::new();
    let acr = CloudHost::Acr { host: "x.azurecr.io".to_owned(), cloud: AzureCloud::Public };
    let at_hand = place.federated(Source::Token(Secret::new("at-hand".to_owned())));
    for (kind, host) in
        [(at_hand.clone(), ecr()), (at_hand, acr), (aws(AwsKind::Keys(keys())), CloudHost::Google)]
    {
        let outcome = place.ask(&Origin::Environment, kind, &host);
        let Outcome::NoIdentity(why) = outcome else { panic!("{outcome:?}") };
        assert_eq!(why.to_string(), "an identity of another cloud");
        assert!(place.server.taken().is_empty());
    }
}
