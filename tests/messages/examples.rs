//! One example of every failure, with `…` for every name.

use std::io::ErrorKind::Other;
use std::time::{Duration, UNIX_EPOCH};

use docker_credential_kubeclarity::problem::*;
use docker_credential_kubeclarity::shown::Shown;

pub const ANY: &str = "…";

fn any() -> Shown {
    ANY.into()
}

fn json() -> JsonReason {
    serde_json::from_str::<()>("x").unwrap_err().into()
}

pub fn all() -> Vec<Problem> {
    let mut all = plain();
    all.extend(expected().map(|expected| Problem::Setting { variable: ANY, expected }));
    let limit = Duration::from_secs(10);
    all.extend(tasks().map(|what| Problem::Deadline { what, limit }));
    all.extend([Problem::Clock, Problem::Stack { kibibytes: 300, least: 1024 }]);
    all.extend(stops().map(|by| Problem::Stopped { by }));
    all.extend(needs().map(|what| Problem::System { what, kind: Other }));
    all.extend(files().into_iter().map(|what| Problem::File { path: any(), what }));
    all.extend(configs().map(|why| Problem::NotDockerConfig { origin: any(), why }));
    all.extend(entries().map(|what| Problem::Unusable { origin: any(), what }));
    all.extend(servers().into_iter().map(|what| Problem::Cluster { object: any(), server: any(), what }));
    let origin = || Shown::from("kubeconfig …");
    all.extend(kubeconfigs().into_iter().map(|what| Problem::ClusterConfig { origin: origin(), what }));
    all.extend(caches().map(|what| Problem::Cache { directory: any(), what }));
    all.extend(google_files().map(|what| Problem::IdentityFile { origin: any(), what }));
    all.extend(clouds().into_iter().map(|what| Problem::Cloud { identity: any(), host: any(), what }));
    all
}

fn caches() -> [CacheFault; 5] {
    let variable = "XDG_CACHE_HOME";
    [
        CacheFault::AboveOwned { directory: any(), owner: 1000, variable },
        CacheFault::AboveWritable { directory: any(), mode: 0o777, variable },
        CacheFault::Owned(1000, variable),
        CacheFault::Accessible(0o755),
        CacheFault::Link(variable),
    ]
}

/// Those that are one message each.
fn plain() -> Vec<Problem> {
    vec![
        Problem::Named { variable: "IMAGE_PULL_SECRET_PATH", path: any(), what: Unreadable::Absent },
        Problem::IncompleteVariables { set: ANY, missing: ANY },
        Problem::Missing { object: "secret …".into(), variable: "KUBECLARITY_PULL_SECRETS" },
        Problem::TooManyPullSecrets { origin: any(), names: 100, read: 64 },
        Problem::PullSecretsTogether { object: "secret …".into() },
        Problem::WrongType { object: "secret …".into(), found: any() },
        Problem::NoAnnotation { object: "secret …".into() },
        Problem::MissingKey { object: "secret …".into(), key: ANY, has: any() },
        Problem::Denied {
            object: any(),
            account: Some((any(), any())),
            namespace: any(),
            rules: vec![any()],
        },
        Problem::Unauthorized { object: any(), server: any() },
        Problem::NoCluster { variable: ANY },
        Problem::NoNamespace { object: "secret …".into(), namespace: any() },
        Problem::NotCreated {
            object: "secret …".into(),
            account: Some((any(), any())),
            namespace: any(),
            rule: any(),
        },
        Problem::NowhereToStore { registry: any() },
        Problem::NoRegistry,
        Problem::NoSecret { registry: any() },
        Problem::LoginTooLong,
        Problem::StillServed { registry: any(), origin: any() },
        Problem::StillServedByEntry { registry: any(), origin: any() },
        Problem::StoredType { object: "secret …".into(), found: any() },
        Problem::AzureCloud { origin: "secret …".into(), what: AzureFault::Authority },
        Problem::ExplainQuestion { question: any() },
        Problem::ConfigureNothing,
        Problem::ConfigureRegistry { name: any() },
        Problem::ConfigureTaken { helper: any(), place: any() },
        Problem::ConfigureNoHome,
    ]
}

fn expected() -> impl Iterator<Item = Expected> {
    use Expected::*;
    [Text, Either("debug", "off"), Cloud, Timeout, Life, Namespace, Proxy, ObjectName].into_iter()
}

fn tasks() -> impl Iterator<Item = Task> {
    [
        Task::Stdin,
        Task::AskCluster,
        Task::Everything,
        Task::List,
        Task::WriteCluster,
        Task::WriteContended(any()),
        Task::AskCloud(any()),
        Task::Files,
        Task::Mounted,
        Task::Cache,
        Task::DockerConfig,
        Task::ClientConfig,
        Task::Install,
        Task::ExecPlugin { command: any(), origin: Shown::from("kubeconfig …") },
    ]
    .into_iter()
}

fn needs() -> impl Iterator<Item = Need> {
    use Need::*;
    [WaitForStdin, ReadStdin, Thread, Network, Tls, HttpClient].into_iter()
}

fn stops() -> impl Iterator<Item = Stop> {
    use Stop::*;
    [Terminate, Interrupt, HangUp, Quit, ProcessorTime, Abort, Stop::Other, Kill].into_iter()
}

pub fn unreadable() -> [Unreadable; 7] {
    use Unreadable::{Absent, Denied, LeavesDirectory, NotDirectory, NotRegular, TooLarge};
    let large = TooLarge { most: 2 * 1024 * 1024 };
    [Absent, Denied, NotRegular, NotDirectory, large, LeavesDirectory, Unreadable::Other(Other)]
}

fn files() -> Vec<FileFault> {
    use FileFault::*;
    let absent = Unreadable::Absent;
    let mut files: Vec<FileFault> = unreadable().into_iter().map(Mounted).collect();
    files.push(MountedTogether { most: 16 * 1024 * 1024 });
    files.extend([
        DockerConfig(absent),
        GoogleNamed(absent),
        GoogleWellKnown(absent),
        Bundle(absent),
        BundleEmpty,
    ]);
    files.extend([NoAuthorities, Configure(absent), ConfigureWrite(Other)]);
    files.extend([InstallDirectory(Other), InstallSource(Other), InstallConfig(absent), InstallWrite(Other)]);
    files
}

fn configs() -> impl Iterator<Item = ConfigFault> {
    use ConfigFault::*;
    [Json(json()), List, NotBase64, Field(ANY)].into_iter()
}

fn entries() -> impl Iterator<Item = EntryFault> {
    use EntryFault::*;
    let broken =
        [NotObject, NoPassword, NoUsername, AuthNotBase64, AuthNoColon, AuthNoUsername, AuthNoPassword];
    broken.into_iter().chain([Expired(UNIX_EPOCH), RegistryToken, NotUtf8, NotText, Immutable, Full])
}

pub fn outages() -> [Outage; 4] {
    [Outage::Silent, Outage::Status(any()), Outage::Unreachable(any()), Outage::BrokenOff]
}

fn servers() -> Vec<ServerFault> {
    use ServerFault::*;
    let mut servers: Vec<ServerFault> = outages().into_iter().map(Down).collect();
    servers.extend([
        NotKubernetes,
        OddStatus(any()),
        TooLong,
        Name,
        Invalid,
        Terminating(any()),
        Quota(any()),
    ]);
    servers.extend([Policy(any()), Identity(any()), Certificate(any())]);
    servers.extend([CertificateName(any()), CertificateTime(any()), InClear]);
    servers.extend(proxies().map(ByProxy));
    servers
}

pub fn programs() -> [ProgramFault; 5] {
    use ProgramFault::*;
    [NotStarted(Other), NotRead(Other), NotWaitedFor(Other), TooLong, Failed(any())]
}

fn kubeconfigs() -> Vec<KubeconfigFault> {
    use KubeconfigFault::*;
    let absent = docker_credential_kubeclarity::problem::Unreadable::Absent;
    let mut all =
        vec![Pod(any()), Client(any()), KubeconfigFault::Unreadable(absent), NotText, Empty, Invalid];
    all.extend([
        DoNotFit,
        NoFile,
        NoCurrentContext,
        NoContext(any()),
        NoCluster(any()),
        NoUser(any()),
        NoServer,
    ]);
    all.extend([
        ServerUrl,
        ProxyUrl,
        AuthProvider,
        Token,
        AuthorityNotBase64,
        AuthorityFile(any(), absent),
        AuthorityEmpty,
    ]);
    all.extend([TokenFile(any(), absent), TokenFileEmpty(any()), ExecNoCommand]);
    all.extend(programs().map(|fault| Exec(any(), fault)));
    all.extend([ExecNoCredential(any()), ExecNoStatus(any()), ExecNoToken(any())]);
    all
}

fn google_files() -> impl Iterator<Item = GoogleFileFault> {
    use GoogleFileFault::*;
    let missing = Missing { key: ANY, kind: any() };
    let not_from_secret = {
        use docker_credential_kubeclarity::problem::NotFromSecret::*;
        [Executable, Url, Aws, File].map(NotFromSecret)
    };
    let files =
        [NotCredential(json()), NotText, missing, UnknownType, Nested, ExternalAccount(json()), Address(ANY)];
    files.into_iter().chain([Environment, NoSource]).chain(not_from_secret)
}

fn refusals() -> impl Iterator<Item = Refusal> {
    [
        (Namer::Secret, Touched::File),
        (Namer::Workload, Touched::Variable),
        (Namer::Rule, Touched::Program),
        (Namer::Kubelet, Touched::Address),
        (Namer::Environment, Touched::ProgramNotAllowed),
        (Namer::Secret, Touched::ApiServersToken),
    ]
    .into_iter()
    .map(|(by, touched)| Refusal { by, touched })
}

fn other_clouds() -> impl Iterator<Item = CloudFault> {
    use OtherCloud::*;
    [Azure, AzureSecret, Aws, AwsSecret, AwsRole].into_iter().map(|fix| CloudFault::OtherCloud(ANY, ANY, fix))
}

pub fn said() -> [Said; 2] {
    [Said::Status(any()), Said::Words(any())]
}

fn clouds() -> Vec<CloudFault> {
    let mut clouds: Vec<CloudFault> = Vec::new();
    clouds.extend(http().map(CloudFault::Http));
    clouds.push(CloudFault::Setup(Box::new(Problem::File { path: any(), what: FileFault::NoAuthorities })));
    clouds.extend(aws().into_iter().map(CloudFault::Aws));
    clouds.extend(google().into_iter().map(CloudFault::Google));
    clouds.extend(azure().into_iter().map(CloudFault::Azure));
    clouds.extend(refusals().map(CloudFault::Refused));
    clouds.extend(other_clouds());
    clouds
}

pub fn proxies() -> [ProxyFault; 2] {
    let of_variable = ProxyFault::OfVariable { proxy: any(), variable: ANY, why: any(), host: any() };
    [of_variable, ProxyFault::OfKubeconfig { proxy: any(), why: any() }]
}

fn http() -> impl Iterator<Item = HttpFault> {
    use HttpFault::*;
    let by_proxy = proxies().map(|fault| ByProxy(any(), fault));
    let others = [CutOff(any(), any()), Nowhere, TooLong(any())];
    let all = [Silent(any()), Status(any(), any()), Unreachable(any(), any())].into_iter();
    all.chain(by_proxy).chain(others)
}

pub fn advice() -> [AwsAdvice; 5] {
    use AwsAdvice::*;
    [Allow(ANY), Keys, Renew, Later, LookUp]
}

fn aws() -> Vec<AwsFault> {
    use AwsFault::*;
    let refused = |advice| Refused { code: any(), message: any(), advice };
    let mut aws: Vec<AwsFault> = advice().into_iter().map(refused).collect();
    aws.extend([
        NotReached(any()),
        NoToken,
        NoRegistry,
        Half(ANY),
        Malformed(ANY),
        Trust { causes: any(), subject: any() },
        Association(any()),
        Endpoint(ANY),
        MetadataDisabled,
        MetadataElsewhere,
        AgentNoAddress(ANY),
        AgentElsewhere(any()),
        TokenFile(any(), Unreadable::Absent),
        TokenNotText,
        NoSession,
        NoRegion,
        NotThere(any()),
        Profile(any()),
    ]);
    aws.extend(programs().map(Process));
    aws.extend([ProcessNotJson(json()), ProcessField(ANY), ProcessExpired]);
    aws.extend([Sso(any()), Identity(any())]);
    aws
}

fn google() -> Vec<GoogleFault> {
    use GoogleFault::*;
    let mut all: Vec<GoogleFault> = said().into_iter().map(Refused).collect();
    let [_, words] = said();
    all.extend([
        NoToken,
        Impersonation { email: any(), said: words },
        ImpersonationNoToken,
        NoAccount,
        PlainSource,
        Key,
        Sign,
    ]);
    all.extend([Clock, VerificationUrl, SignForAws, NoAwsIdentity(any())]);
    all.push(OfAws(any(), Box::new(AwsFault::NoRegion.into())));
    all.extend([TokenFile(any(), Unreadable::Absent), SourceStatus(any())]);
    all.extend([NoFieldName, NotJson, NoSubjectToken, ProgramNoName]);
    all.extend(programs().map(Program));
    all.extend([ProgramLate, ProgramNotJson, ProgramRefused(any()), ProgramNoToken]);
    all
}

fn azure() -> Vec<AzureFault> {
    use AzureFault::*;
    let [_, words] = said();
    let absent = Unreadable::Absent;
    vec![
        Entra(words.clone()),
        EntraNoToken,
        Exchange(words),
        ExchangeNoToken,
        Tenant,
        Authority,
        Environment,
        Contradiction,
        EndpointNoAddress,
        EndpointElsewhere,
        TokenFile(absent),
        TokenNotText,
    ]
}
