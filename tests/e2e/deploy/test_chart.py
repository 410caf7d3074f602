"""The chart and the kustomization: what they make is taken by the real API server, and nonsense is refused."""
import re
import subprocess

import pytest
import yaml

from manifests import CHART, KUSTOMIZE, Refused, documents, kustomize, notes, objects, of_kind, template

IMAGE = {"image": {"repository": "registry.example.com/docker-credential-kubeclarity"}}
SCAN = IMAGE | {"scan": {"enabled": True, "targets": ["registry.example.com/team/app:1", "docker.io/library/alpine:3"]}}
EVERYTHING = SCAN | {
    "serviceAccount": {"imagePullSecrets": ["regcred"], "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/scan"}},
    "pullSecrets": ["named", "team-a/regcred", "team-a/other", "team-b/regcred"],
    "credentials": {"namespace": "kubeclarity", "ecr": True, "gcr": True, "acr": True},
    "login": {"enabled": True, "subjects": [
        {"kind": "User", "name": "ann@example.com", "apiGroup": "rbac.authorization.k8s.io"}, {"kind": "ServiceAccount", "name": "ci", "namespace": "ci"}]},
    "config": {"registries": ["registry.example.com:5000", "docker.io"]},
    "settings": {"KUBECLARITY_TIMEOUT": "20", "KUBECLARITY_CLOUD": "aws"}}
EVERYTHING["scan"] = SCAN["scan"] | {
    "command": ["crane"], "args": ["pull", "$(TARGET)", "/tmp/image.tar"], "podLabels": {"azure.workload.identity/use": "true"},
    "podAnnotations": {"note": "a"}, "resources": {"limits": {"memory": "1Gi"}}, "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "scan", "operator": "Exists"}]}
VALUES = {
    "the defaults": {}, "a scan": SCAN, "everything": EVERYTHING,
    "an account that is there": {"serviceAccount": {"create": False, "name": "scanner", "imagePullSecrets": ["regcred"]}},
    "Kubernetes's own form": {"serviceAccount": {"imagePullSecrets": [{"name": "regcred"}, "other"]}},
    "a long name": SCAN | {"fullnameOverride": "a" * 63}, "nothing but itself": {"credentials": {"basicRegcred": False}},
    "names that YAML reads as other than text": SCAN | {"fullnameOverride": "404", "serviceAccount": {"name": "123", "imagePullSecrets": ["null", "1000", "true"]},
                                                "pullSecrets": ["0x1/404"], "credentials": {"namespace": "007"}},
    "a digest": SCAN | {"image": IMAGE["image"] | {"digest": "sha256:" + "a" * 64}}}


def test_lint():
    done = subprocess.run(["helm", "lint", "--strict", CHART], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("values", VALUES.values(), ids=list(VALUES))
def test_the_api_server_takes_it(server, values):
    assert server.check(template(values)) >= 4


@pytest.mark.parametrize("values", [
    {"scan": SCAN["scan"] | {"image": "crane:1\n            securityContext: {privileged: true}"}}, {"scan": SCAN["scan"] | {"image": "crane:1 # x"}},
    {"image": {"repository": "registry.example.com/a\n            securityContext: {privileged: true}"}}, {"image": IMAGE["image"] | {"tag": "1\n2"}},
    {"scan": {"enabled": True, "targets": ["--output=/etc/passwd"]}}, {"scan": {"enabled": True, "targets": ["a b"]}}])
def test_no_value_puts_more_than_a_value_there(values):
    with pytest.raises(Refused, match="pattern|does not match"):
        template(SCAN | values)


@pytest.mark.parametrize("directory", ["base", "example"])
def test_the_api_server_takes_the_kustomization(server, directory):
    assert server.check(kustomize(KUSTOMIZE / directory)) >= 5


@pytest.mark.parametrize("line, other", [
    ("  concurrencyPolicy: Forbid", "  concurencyPolicy: Forbid"), ("  concurrencyPolicy: Forbid", "  concurrencyPolicy: Never"),
    ("          restartPolicy: Never", "          restartPolicy: Never\n          restartPolicy: Never")])
def test_that_check_refuses_mistakes(server, line, other):
    text = template(SCAN)
    assert line in text
    with pytest.raises(Refused, match="CronJob .*: (400|422)"):
        server.check(text.replace(line, other))


SECRETS = {
    "GITHUB_TOKEN": "t", "CI_REGISTRY_PASSWORD": "t", "DOCKER_AUTH_CONFIG": "{}", "AWS_SECRET_ACCESS_KEY": "t", "AWS_SESSION_TOKEN": "t",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t", "AZURE_CLIENT_SECRET": "t", "IDENTITY_HEADER": "t", "TRIVY_PASSWORD": "t", "GRYPE_REGISTRY_AUTH_TOKEN": "t", "REGISTRY_PASS": "t",
    "SIGNING_KEY": "t", "HTTPS_PROXY": "http://me:hunter2@proxy:3128", "HTTP_PROXY": "me:hunter2@proxy:3128", "ALL_PROXY": "socks5://me:hunter2@proxy",
    "AWS_ENDPOINT_URL": "https://me:hunter2@sts.amazonaws.com", "KUBECLARITY_IMAGE": "ghp_hunter2hunter2hunter2", "KUBECLARITY_LOG": "github_pat_11AAhunter2hunter2",
    "GOOGLE_APPLICATION_CREDENTIALS": '{"type": "service_account", "private_key": "hunter2"}', "REGISTRY_AUTH_FILE": "eyJhdXRocyI6eyJhLmlvIjp7ImF1dGgiOiJodW50ZXIyIn19fQ==",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.hunter2", "SSL_CERT_FILE": "-----BEGIN RSA PRIVATE KEY-----\nhunter2",
    "AZURE_FEDERATED_TOKEN_FILE": "-----BEGIN PRIVATE KEY-----"}
NO_SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/scan", "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/token",
    "GOOGLE_APPLICATION_CREDENTIALS": "/var/run/secrets/sa.json", "IMAGE_PULL_SECRET_PATH": "/pull-secrets", "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure",
    "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials", "REGISTRY_AUTH_FILE": "/auth.json",
    "HTTPS_PROXY": "http://proxy.example.com:3128", "NO_PROXY": "10.0.0.0/8,.svc", "KUBECLARITY_IMAGE": "alpine:3@sha256:" + "a" * 64, "KUBECLARITY_ON_ERROR": "anonymous",
    "KUBECLARITY_CACHE_TTL": "60", "TRIVY_SECRET_CONFIG": "/etc/trivy.yaml", "TRIVY_SCANNERS": "vuln,secret", "GITHUB_TOKEN": ""}


@pytest.mark.parametrize("place", ["settings", "scan.env"])
def test_what_holds_a_secret_is_refused_and_not_shown(place):
    """Both are stored where everyone who may read ConfigMaps or CronJobs can read them."""
    def values(variables):
        return {"settings": variables} if place == "settings" else SCAN | {"scan": SCAN["scan"] | {"env": variables}}
    for name, value in SECRETS.items():
        with pytest.raises(Refused, match=rf"{place}\.{name} .*settingsSecret") as refused:
            template(values({name: value}))
        assert "hunter2" not in str(refused.value), name
    assert template(values(NO_SECRETS)).count("TRIVY_SECRET_CONFIG") >= 1


@pytest.mark.parametrize("command", ["command", "args"])
def test_nor_may_a_command_line_hold_one(command):
    for word in ("ghp_hunter2hunter2hunter2", "--header=Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.x", "https://me:hunter2@registry.example.com"):
        with pytest.raises(Refused, match=rf"scan\.{command} looks like .*settingsSecret") as refused:
            template(SCAN | {"scan": SCAN["scan"] | {command: ["crane", word]}})
        assert "hunter2" not in str(refused.value), word


@pytest.mark.parametrize("values", [
    {"scan": SCAN["scan"] | {"targets": ["registry.example.com/$(GITHUB_TOKEN)"]}}, {"scan": SCAN["scan"] | {"targets": ["registry.example.com/app:$(GITHUB_TOKEN)"]}},
    {"scan": SCAN["scan"] | {"targets": ["$(GITHUB_TOKEN).example.com/app"]}}, {"scan": SCAN["scan"] | {"targets": ["registry.example.com/$$(X)"]}},
    {"scan": SCAN["scan"] | {"path": "/bin:$(GITHUB_TOKEN)"}}, {"scan": SCAN["scan"] | {"image": "crane:$(GITHUB_TOKEN)"}}])
def test_no_value_becomes_a_variable_s_value(values):
    """Kubernetes replaces $(NAME) in commands, arguments and variables: an image's name could carry a token to a registry."""
    with pytest.raises(Refused, match="does not match pattern"):
        template(SCAN | values)


@pytest.mark.parametrize("repository", [
    "registry.example.com/helper:0.1.0", "registry.example.com:5000", "registry.example.com/helper@sha256:" + "a" * 64, "https://registry.example.com/helper",
    "docker://registry.example.com/helper", "registry.example.com/Helper", "REGISTRY.example.com/helper", "registry.example.com/", "/helper", "a//b", "helper ", "-a/b", "a/b-", "a/_b"])
def test_a_repository_is_one_and_nothing_else(repository):
    """`host/x:0.1.0` with a tag behind it would be an image with two."""
    with pytest.raises(Refused, match="image/repository"):
        template(SCAN | {"image": {"repository": repository}})


@pytest.mark.parametrize("repository", ["helper", "team/helper", "localhost:5000/helper", "registry.example.com/a/b_c/d--e.f", "[::1]:5000/helper", "10.0.0.1/x"])
def test_repositories_that_are(server, repository):
    text = template(SCAN | {"image": {"repository": repository}})
    assert f'image: "{repository}:' in text and server.check(text) >= 4


def test_every_container_has_requests_and_a_memory_limit():
    pods = [yaml.safe_load(pod_of(text))["spec"] for text in (template(SCAN), kustomize(KUSTOMIZE / "example"))]
    pods += [yaml.safe_load(text)["spec"] for text in re.findall(r"<<'YAML'\n(.*?)^YAML$", notes(SCAN), re.MULTILINE | re.DOTALL)]
    containers = [container for pod in pods for container in pod.get("initContainers", []) + pod["containers"]]
    assert len(containers) == 7
    for container in containers:
        resources = container["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"} and set(resources["limits"]) == {"memory"}, container


def test_a_secret_of_settings_is_passed_to_the_pod_and_the_settings_win():
    text = template(SCAN | {"settingsSecret": "more", "settings": {"KUBECLARITY_CLOUD": "aws"}})
    container, = yaml.safe_load(pod_of(text))["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "more"}}, {"configMapRef": {"name": "scan-docker-credential-kubeclarity-settings"}}]
    assert not any(name == "more" for _, _, name, _ in rules(text))  # no permission is needed


WRONG = {
    "an unknown value": ({"serviceAcount": {"create": False}}, "serviceAcount"),
    "an unknown value further in": ({"credentials": {"ecrs": True}}, "ecrs"),
    "text for a switch": ({"credentials": {"ecr": "yes"}}, "ecr"),
    "a secret of no name": ({"pullSecrets": ["Reg_Cred"]}, "pullSecrets"),
    "a secret of all namespaces": ({"pullSecrets": ["*/regcred"]}, "pullSecrets"),
    "a setting with a value of its own": ({"settings": {"CREDS_SECRET_NAMESPACE": "other"}}, "use credentials.namespace"),
    "another such setting": ({"settings": {"KUBECLARITY_PULL_SECRETS": "other/regcred"}}, "use pullSecrets"),
    "an account without its rights": ({"settings": {"KUBECLARITY_SERVICE_ACCOUNT": "other/scanner"}}, "use serviceAccount"),
    "a pull secret without a name": ({"serviceAccount": {"imagePullSecrets": [{"names": "regcred"}]}}, "imagePullSecrets"),
    "a schedule that is none": (SCAN | {"scan": SCAN["scan"] | {"schedule": "nope"}}, "schedule"),
    "a glob": ({"serviceAccount": {"imagePullSecrets": ["*"]}}, "imagePullSecrets"),
    "a registry with a path": ({"config": {"registries": ["registry.example.com/team"]}}, "registries"),
    "root": (SCAN | {"scan": SCAN["scan"] | {"runAsUser": 0}}, "runAsUser"),
    "a tag for a digest": ({"image": {"digest": "latest"}}, "digest"),
    "a Secret of no name": ({"settingsSecret": "More"}, "settingsSecret"),
    "a scan of nothing": (IMAGE | {"scan": {"enabled": True}}, "scan.targets"),
    "a scan without the image": ({"scan": SCAN["scan"]}, "image.repository"),
    "no account": ({"serviceAccount": {"create": False}}, "serviceAccount.name")}


@pytest.mark.parametrize("values, says", WRONG.values(), ids=list(WRONG))
def test_wrong_values_are_refused(values, says):
    with pytest.raises(Refused, match=says.replace(".", r"\.")):
        template(values)


@pytest.mark.parametrize("schedule", ["0 */6 * * MON-FRI", "5,35 0 1-7 jan ?", "@daily"])
def test_schedules_that_the_api_server_takes_too(server, schedule):
    assert server.check(template(SCAN | {"scan": SCAN["scan"] | {"schedule": schedule}})) >= 4


def pod_of(text, **changed):
    job, = [parsed for parsed in objects(text) if parsed["kind"] == "CronJob"][:1]
    pod = job["spec"]["jobTemplate"]["spec"]["template"]
    container = pod["spec"]["containers"][0]
    container["securityContext"] = container["securityContext"] | changed
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "scan", "namespace": "restricted"}, "spec": pod["spec"]})


@pytest.mark.parametrize("values", [SCAN, EVERYTHING, None], ids=["a scan", "everything", "kustomize"])
def test_the_scan_s_pod_fits_the_restricted_standard(server, values):
    text = template(values) if values else kustomize(KUSTOMIZE / "example")
    server.namespace("restricted", **{"pod-security.kubernetes.io/enforce": "restricted"})
    server.post(pod_of(text), dry_run=True)
    with pytest.raises(Refused, match="403 .*PodSecurity"):
        server.post(pod_of(text, allowPrivilegeEscalation=True), dry_run=True)
    read_only = [container["securityContext"]["readOnlyRootFilesystem"] for pod in [yaml.safe_load(pod_of(text))["spec"]]
                 for container in pod["initContainers"] + pod["containers"]]
    assert read_only == [True, True]


def rules(text):
    return {(role["metadata"]["namespace"], resource, name, verb) for role in objects(text) if role["kind"] == "Role"
            for rule in role["rules"] for resource in rule["resources"] for name in rule.get("resourceNames", ["*"]) for verb in rule["verbs"]}


def test_the_roles_name_what_is_enabled_and_nothing_else():
    account = ("scans", "serviceaccounts", "scan-docker-credential-kubeclarity", "get")
    basic = ("scans", "secrets", "basic-regcred", "get")
    assert rules(template({})) == {account, basic}
    assert rules(template(VALUES["nothing but itself"])) == {account}
    for cloud in ("ecr", "gcr", "acr"):
        assert rules(template({"credentials": {cloud: True}})) == {account, basic, ("scans", "secrets", f"{cloud}-sa", "get")}
    assert rules(template(EVERYTHING)) == {
        account, ("scans", "secrets", "regcred", "get"), ("scans", "secrets", "named", "get"), ("team-a", "secrets", "regcred", "get"),
        ("team-a", "secrets", "other", "get"), ("team-b", "secrets", "regcred", "get"),
        *(("kubeclarity", "secrets", name, "get") for name in ("basic-regcred", "ecr-sa", "gcr-sa", "acr-sa")),
        ("kubeclarity", "secrets", "basic-regcred", "update")}
    creating = EVERYTHING | {"login": EVERYTHING["login"] | {"create": True}}
    assert rules(template(creating)) - rules(template(EVERYTHING)) == {("kubeclarity", "secrets", "*", "create")}


def test_the_notes_name_the_same():
    told = notes(EVERYTHING)
    for namespace, resource, name, verb in rules(template(EVERYTHING)):
        if verb == "get":
            assert f"  {resource[:-1]} {namespace}/{name}\n" in told, told
    assert told.count("  secret ") == 9, told
    assert "Logins are stored in secret kubeclarity/basic-regcred." in told and "cronjob/scan-docker-credential-kubeclarity-0" in told
    assert "Logins" not in notes({}) and "cronjob" not in notes({})
    assert "WARNING" in notes({"login": {"enabled": True, "create": True}}) and "WARNING" not in told


def test_both_forms_of_pull_secrets_are_one():
    """Kubernetes's own form and the name alone: the account's list and the Role."""
    text = template({"serviceAccount": {"imagePullSecrets": [{"name": "regcred"}, "other", "regcred"]}})
    account, = of_kind(text, "ServiceAccount").values()
    assert account["imagePullSecrets"] == [{"name": "regcred"}, {"name": "other"}]
    assert {name for _, resource, name, _ in rules(text) if resource == "secrets"} == {"regcred", "other", "basic-regcred"}


def test_every_key_stands_once():
    """A key that stands twice is no YAML, and which of the two counts is anybody's guess."""
    for values in VALUES.values():
        for part, _ in documents(template(values)):
            yaml.load(part, Once)


class Once(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        names = [key.value for key, _ in node.value]
        assert len(names) == len(set(names)), names
        return super().construct_mapping(node, deep)


def test_config_json():
    def config(values):
        return of_kind(template(values), "ConfigMap")["scan-docker-credential-kubeclarity"]["data"]
    assert yaml.safe_load(config({})["config.json"]) == {"credsStore": "kubeclarity"}
    assert config({})["registries.conf"] == 'credential-helpers = ["kubeclarity"]\n'
    few = config(EVERYTHING)
    assert yaml.safe_load(few["config.json"]) == {"credHelpers": dict.fromkeys(
        ["registry.example.com:5000", "docker.io", "https://index.docker.io/v1/"], "kubeclarity")}
    assert "registries.conf" not in few


def plain(text):
    """The manifests without what only helm or only kustomize says."""
    found = {}
    for parsed in objects(text):
        meta = parsed["metadata"]
        meta.pop("labels", None)
        if parsed["kind"] == "CronJob":
            meta.pop("annotations", None)
            parsed["spec"]["jobTemplate"]["spec"]["template"].pop("metadata", None)
        found[parsed["kind"], meta["namespace"], meta["name"]] = parsed
    return found


def test_kustomize_makes_the_same_as_the_chart():
    values = IMAGE | {
        "fullnameOverride": "docker-credential-kubeclarity", "credentials": {"ecr": True, "gcr": True, "acr": True}, "login": {"enabled": True},
        "serviceAccount": {"imagePullSecrets": ["regcred"], "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/scan"}},
        "scan": {"enabled": True, "targets": ["registry.example.com/team/other:2"]}}
    chart, other = plain(template(values)), plain(kustomize(KUSTOMIZE / "example"))
    # What is created once, and not applied again.
    once, = objects(kustomize(KUSTOMIZE / "basic-regcred"))
    made = chart.pop(("Secret", "scans", "basic-regcred"))
    assert (made["type"], made["data"]) == (once["type"], once["data"]) and ("Secret", "scans", "basic-regcred") not in other
    for found in (chart, other):
        for role in (parsed for (kind, *_), parsed in found.items() if kind == "Role"):
            for rule in role["rules"]:
                rule["resourceNames"] = sorted(rule.get("resourceNames", []))
    assert chart == other


def test_the_base_gives_the_rights_that_the_chart_gives():
    values = {"fullnameOverride": "docker-credential-kubeclarity", "serviceAccount": {"imagePullSecrets": ["regcred"]}}
    assert rules(kustomize(KUSTOMIZE / "base")) == rules(template(values, namespace="kubeclarity"))
    assert len(documents(kustomize(KUSTOMIZE / "base"))) == len(documents(template(values)))
