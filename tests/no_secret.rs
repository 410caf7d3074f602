//! No secret of any kind, nor a part of one, is shown by any verb: not in its output, not under debug logging, not in
//! the names of the cache's files. Only `get` answers with the one it was asked for.

#![allow(clippy::unwrap_used)] // an expectation that fails here is how a test fails

mod support;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

use support::api::TOKEN;
use support::data::base64;
use support::fault::Refused;
use support::kubeconfig::Kubeconfig;
use support::mount::Mount;
use support::{FakeApi, Helper, Outcome};

/// What nobody may read. None has a word in it that a message could have.
const SECRETS: [(&str, &str); 17] = [
    ("a password in auth", "Qz7vKp2mXw9rTn4bHd6s"),
    ("a password beside a username", "Lf3gJy8cVq5xZk1wRt0p"),
    ("an identity token", "Nb6hUm2dSx9aEw4oGi7y"),
    ("a mounted password", "Vt1kCj5rBz8fMq3nYl0e"),
    ("a password in DOCKER_AUTH_CONFIG", "Hs9wDu4pKo7xQg2vAc6i"),
    ("a password in REGISTRY_AUTH_FILE", "Ry5mZt1bFn8jXe3lWk0u"),
    ("GITHUB_TOKEN", "ghp_Jc2sVh7qPd4gTo9zMa6x"),
    ("CI_REGISTRY_PASSWORD", "Ex8nLw3yIr6kUb1fCv5t"),
    ("AWS_SECRET_ACCESS_KEY", "Gq4zNs0oHx7mBp2jDy9r"),
    ("AWS_SESSION_TOKEN", "Wk6uAl1eRf8cSt3vQi5h"),
    ("a Google client secret", "Mj9xOg4bKz7wYn2dPu6q"),
    ("a Google refresh token", "Tc3rVl8iEs5fJa1hXo0m"),
    ("AZURE_CLIENT_SECRET", "Ud7pBw2kQn9gZe4yHx6c"),
    ("ecr-sa's key", "Fi0tMs5vRj8oLa3qCb7u"),
    ("gcr-sa's refresh token", "Pz4hXk9eWd6nGy1sTm2r"),
    ("acr-sa's secret", "Ov8jUc3lIf7bNq5wAx0k"),
    ("a login that is stored", "Bg2yDt6mSe9zKr4pHv1f"),
];

fn secret(name: &str) -> &'static str {
    SECRETS.iter().find(|(known, _)| *known == name).unwrap().1
}

/// Every text that gives a secret away: itself and its encodings, alone and behind a user name.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    for text in [secret.to_owned(), format!("user:{secret}"), format!("{secret}\n")] {
        forms.extend([STANDARD.encode(&text), STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)]);
    }
    // Kubernetes encodes a configuration once more.
    forms.push(STANDARD.encode(STANDARD.encode(format!("user:{secret}"))));
    forms
}

/// The secrets of which eight letters in a row are in a text.
fn told(text: &str) -> Vec<&'static str> {
    let mut all = SECRETS.to_vec();
    all.push(("the API server's token", TOKEN));
    let is_told = |secret: &str| {
        forms(secret).iter().any(|form| {
            let windows = form.as_bytes().windows(8);
            windows.map(|part| std::str::from_utf8(part).unwrap()).any(|part| text.contains(part))
        })
    };
    // `user:` in base64 is no secret, and no message has it either.
    all.into_iter().filter(|(_, secret)| is_told(secret)).map(|(name, _)| name).collect()
}

#[track_caller]
fn tells_nothing(run: &Outcome, but_its_answer: bool, cache: &Path) {
    let mut text = String::from_utf8_lossy(&run.stderr).into_owned();
    if !(but_its_answer && run.status.success()) {
        text += &String::from_utf8_lossy(&run.stdout);
    }
    let mut open = vec![cache.to_owned()];
    while let Some(path) = open.pop() {
        text += &format!("\n{}", path.display());
        if let Ok(entries) = std::fs::read_dir(path) {
            open.extend(entries.map(|entry| entry.unwrap().path()));
        }
    }
    assert_eq!(told(&text), [""; 0], "{run:?}");
}

const CLUSTER: &str = "reg.example.com";
const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const ACR: &str = "boxregistry.azurecr.io";
const REGISTRIES: [&str; 10] = [
    CLUSTER,
    "pair.example.com",
    "token.example.com",
    "mounted.example.com",
    "variable.example.com",
    "ghcr.io",
    "ci.example.com",
    ECR,
    "eu.gcr.io",
    ACR,
];

/// A machine with every kind of secret, and clouds that cannot be reached.
struct World {
    api: FakeApi,
    mount: Mount,
    nowhere: Refused,
    cache: tempfile::TempDir,
}

fn google(client_secret: &str, refresh_token: &str) -> String {
    json!({ "type": "authorized_user", "client_id": "id", "client_secret": client_secret, "refresh_token": refresh_token })
        .to_string()
}

impl World {
    fn new() -> World {
        let api = FakeApi::with_token().takes_writes(&["kubeclarity"]);
        let auths = json!({ "auths": {
            CLUSTER: { "auth": base64(format!("user:{}", secret("a password in auth"))) },
            "pair.example.com": { "username": "user", "password": secret("a password beside a username") },
            "token.example.com": { "identitytoken": secret("an identity token") },
        }});
        let config = auths.to_string();
        let kind = "kubernetes.io/dockerconfigjson";
        api.secret("kubeclarity", "basic-regcred", kind, &[(".dockerconfigjson", &config)]);
        let mount = Mount::new();
        mount.secret("pull", ".dockerconfigjson", config_of("mounted.example.com", "a mounted password"));
        World { api, mount, nowhere: Refused::new(), cache: tempfile::tempdir().unwrap() }
    }

    /// The clouds' identities are in the cluster too.
    fn with_cloud_secrets(self) -> World {
        let google = google(secret("a Google client secret"), secret("gcr-sa's refresh token"));
        let api = &self.api;
        api.secret("kubeclarity", "gcr-sa", "Opaque", &[("sa.json", &google)]);
        let aws = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", secret("ecr-sa's key"))];
        api.secret("kubeclarity", "ecr-sa", "Opaque", &aws);
        let azure = [
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_CLIENT_ID", "c"),
            ("AZURE_CLIENT_SECRET", secret("acr-sa's secret")),
        ];
        api.secret("kubeclarity", "acr-sa", "Opaque", &azure);
        self
    }

    fn dressed(&self, helper: Helper) -> Helper {
        let google = google(secret("a Google client secret"), secret("a Google refresh token"));
        let helper = helper
            .kubeconfig(&Kubeconfig::token(&self.api))
            .file("google.json", google)
            .file("auth.json", config_of("file.example.com", "a password in REGISTRY_AUTH_FILE"));
        let (google, auth_file) = (helper.path("google.json"), helper.path("auth.json"));
        helper
            .env("KUBECLARITY_LOG", "debug")
            .timeout("2")
            .env("XDG_RUNTIME_DIR", self.cache.path())
            .env("IMAGE_PULL_SECRET_PATH", self.mount.path())
            .docker_auth(config_of("variable.example.com", "a password in DOCKER_AUTH_CONFIG"))
            .env("REGISTRY_AUTH_FILE", auth_file)
            .env("GITHUB_TOKEN", secret("GITHUB_TOKEN"))
            .env("CI_REGISTRY", "ci.example.com")
            .env("CI_REGISTRY_USER", "user")
            .env("CI_REGISTRY_PASSWORD", secret("CI_REGISTRY_PASSWORD"))
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", secret("AWS_SECRET_ACCESS_KEY"))
            .env("AWS_SESSION_TOKEN", secret("AWS_SESSION_TOKEN"))
            .env("GOOGLE_APPLICATION_CREDENTIALS", google)
            .env("AZURE_TENANT_ID", "t")
            .env("AZURE_CLIENT_ID", "c")
            .env("AZURE_CLIENT_SECRET", secret("AZURE_CLIENT_SECRET"))
            .env("HTTPS_PROXY", self.nowhere.url().replace("https", "http"))
            .env("NO_PROXY", "127.0.0.1")
    }

    /// The verbs that ask for a registry; the outcome of `get`.
    #[track_caller]
    fn ask(&self, registry: &str) -> Outcome {
        let get = self.tells_nothing(Helper::get(registry), true);
        let explain = self.tells_nothing(Helper::new(["explain", registry, "--fresh"]), false);
        assert_eq!(explain.status.success(), get.status.success(), "{explain:?}");
        self.tells_nothing(Helper::new(["explain", "--json", registry]), false);
        if [ECR, "eu.gcr.io", ACR].contains(&registry) {
            // Refused by the proxy that is not there, or too late on a busy machine.
            assert!(get.text().contains(" token for ") && get.text().contains("; "), "{get:?}");
        }
        get
    }

    #[track_caller]
    fn tells_nothing(&self, helper: Helper, but_its_answer: bool) -> Outcome {
        let run = self.dressed(helper).run();
        tells_nothing(&run, but_its_answer, self.cache.path());
        run
    }
}

fn config_of(host: &str, name: &str) -> String {
    json!({ "auths": { host: { "username": "user", "password": secret(name) } } }).to_string()
}

#[test]
fn no_verb_tells_a_secret() {
    let mut answers = String::new();
    for world in [World::new(), World::new().with_cloud_secrets()] {
        // Side by side: clouds that cannot be reached take their time.
        let gets: Vec<Outcome> = std::thread::scope(|scope| {
            let asks = REGISTRIES.map(|registry| (&world, registry));
            let threads = asks.map(|(world, registry)| scope.spawn(move || world.ask(registry)));
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let logged: usize = gets.iter().map(|get| get.stderr.len()).sum();
        answers.extend(gets.iter().map(|get| String::from_utf8_lossy(&get.stdout)));
        assert!(logged > 2000, "nothing was logged");
        assert!(world.tells_nothing(Helper::list(), false).text().contains(CLUSTER));
        let stored = Helper::store("stored.example.com", "user", secret("a login that is stored"));
        world.tells_nothing(stored, false).is_success();
        answers += world.tells_nothing(Helper::get("stored.example.com"), true).text();
        for registry in ["stored.example.com", "ghcr.io", CLUSTER, ECR] {
            world.tells_nothing(Helper::erase(registry), false);
        }
        let config = json!({ "auths": { "x.io": { "auth": base64(secret("a password in auth")) } } });
        let configure =
            Helper::new(["configure", "--dry-run", "--all"]).file(".docker/config.json", config.to_string());
        world.tells_nothing(configure, false).is_success();
    }
    // The secrets were there to be told: `get` gave the ones that are for registries.
    let given = told(&answers);
    for (name, _) in &SECRETS[..8] {
        let is_of_a_registry = *name != "a password in REGISTRY_AUTH_FILE";
        assert_eq!(given.contains(name), is_of_a_registry, "{name}: {given:?}");
    }
    assert!(given.contains(&"a login that is stored"), "{given:?}");
}

trait Success {
    fn is_success(&self);
}

impl Success for Outcome {
    #[track_caller]
    fn is_success(&self) {
        assert!(self.status.success(), "{self:?}");
    }
}

#[test]
fn the_key_of_a_client_certificate_is_not_told() {
    let api = FakeApi::with_certificate();
    api.pull_secret("kubeclarity", "basic-regcred", &[(CLUSTER, "u")]);
    let identity = api.authority.client("scanner");
    let parts: Vec<&str> = identity.key.lines().filter(|line| !line.starts_with("---")).collect();
    for (verb, server) in
        [("get", CLUSTER), ("list", ""), ("erase", "other.example.com"), ("explain", CLUSTER)]
    {
        for key in [identity.key.clone(), identity.key.replace("BEGIN", "BEGUN")] {
            let identity = support::tls::Identity { certificate: identity.certificate.clone(), key };
            let arguments = if verb == "explain" { vec![verb, server] } else { vec![verb] };
            let helper = Helper::new(arguments).stdin(server).env("KUBECLARITY_LOG", "debug");
            let run = helper.kubeconfig(&Kubeconfig::certificate(&api, &identity)).run();
            let text = [run.stdout.as_slice(), run.stderr.as_slice()].concat();
            let text = String::from_utf8(text).unwrap();
            for part in parts.iter().flat_map(|line| line.as_bytes().windows(8)) {
                assert!(!text.contains(std::str::from_utf8(part).unwrap()), "{run:?}");
            }
            assert!(!text.contains(&base64(&identity.key)[..40]), "{run:?}");
        }
    }
}

#[test]
fn what_is_broken_is_not_quoted() {
    let password = secret("a password in auth");
    let cache = tempfile::tempdir().unwrap();
    let api = FakeApi::with_token();
    let broken_key =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64(password));
    let certificate =
        json!({ "client-certificate-data": base64(password), "client-key-data": base64(broken_key) });
    let texts = [
        password.to_owned(),
        format!("{{\"auths\":\"{password}\"}}"),
        format!("{{\"auths\":{{\"{CLUSTER}\":\"{password}\"}}}}"),
        format!("{{\"auths\":{{\"{CLUSTER}\":{{\"auth\":\"{password}!\"}}}}}}"),
        format!("{{\"auths\":{{\"{CLUSTER}\":{{\"password\":\"{password}\"}}}}}}"),
        format!("{{\"auths\":{{\"{CLUSTER}\":{{\"auth\":[\"{password}\"]}}}}}}"),
    ];
    let prints = |text: &str| {
        Helper::get(CLUSTER)
            .program("plugin", &format!("echo '{text}'"))
            .kubeconfig(&Kubeconfig::exec(&api, "plugin"))
    };
    let google = |text: String| {
        let helper = Helper::get("gcr.io").file("g.json", text);
        let path = helper.path("g.json");
        helper.env("GOOGLE_APPLICATION_CREDENTIALS", path)
    };
    let kubeconfig = |text: String| {
        let helper = Helper::get(CLUSTER).file("k", text);
        let path = helper.path("k");
        helper.env("KUBECONFIG", path)
    };
    let mut runs: Vec<Helper> = texts.iter().map(|text| Helper::get(CLUSTER).docker_auth(text)).collect();
    runs.extend([
        prints(password),
        prints(&format!("{{\"status\":\"{password}\"}}")),
        prints(&format!("{{\"status\":{{\"token\":[\"{password}\"]}}}}")),
        google(password.to_owned()),
        google(format!("{{\"type\":\"{password}\"}}")),
        google(format!("{{\"type\":\"service_account\",\"client_email\":\"e\",\"private_key\":\"{password}\",\"token_uri\":\"https://oauth2.googleapis.com/token\"}}")),
        google(format!("{{\"type\":\"authorized_user\",\"client_secret\":\"{password}\"}}")),
        kubeconfig(format!("users: [{{name: u, user: {{token: {password}}}}}")),
        kubeconfig(format!("token: {password}")),
        Helper::get(CLUSTER).kubeconfig(&Kubeconfig::user(&api, certificate)),
        Helper::new(["store"]).stdin(format!("{{\"ServerURL\":\"a.io\",\"Username\":\"u\",\"Secret\":[\"{password}\"]}}")),
        Helper::new(["store"]).stdin(password),
        Helper::new(["configure", "a.io"]).file(".docker/config.json", password),
    ]);
    for helper in runs {
        let run = helper.env("KUBECLARITY_LOG", "debug").timeout("2").run();
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        assert!(run.text().starts_with("kubeclarity: ") || run.text().contains(" at line "), "{run:?}");
        tells_nothing(&run, false, cache.path());
    }
}

#[test]
fn a_part_of_a_secret_would_be_seen() {
    for (name, secret) in SECRETS {
        for form in forms(secret) {
            assert!(told(&format!("x{}y", &form[8..16])).contains(&name), "{form}");
        }
    }
    assert_eq!(told("credentials not found in native keychain"), [""; 0]);
}

#[test]
fn a_child_is_given_the_environment_and_no_secret_besides() {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(CLUSTER, "u")]);
    let mount = Mount::new();
    mount.secret("pull", ".dockerconfigjson", config_of("mounted.example.com", "a mounted password"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seen");
    let token = json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": { "token": TOKEN } });
    let script = format!(r#"(env; tr '\0' '\n' </proc/$$/cmdline) >"$SEEN"; echo '{token}'"#);
    Helper::get(CLUSTER)
        .program("plugin", &script)
        .kubeconfig(&Kubeconfig::exec(&api, "plugin"))
        .env("IMAGE_PULL_SECRET_PATH", mount.path())
        .env("SEEN", &path)
        .file(".docker/config.json", config_of("file.example.com", "a password in REGISTRY_AUTH_FILE"))
        .run()
        .answers_user(CLUSTER, "u");
    let seen = std::fs::read_to_string(&path).unwrap();
    assert!(seen.contains("KUBERNETES_EXEC_INFO=") && seen.contains("/plugin\n"), "{seen}");
    assert!(told(&seen).is_empty() && !seen.contains("hunter2"), "{seen}");
}
