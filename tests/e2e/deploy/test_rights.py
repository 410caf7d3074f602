"""With the chart's rights and no others, on the real API server: every source of README.md answers, and nothing else may be read.

The table of what was allowed and refused is docs/rights.md; RECORD=1 writes it anew."""
import base64
import json
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import azure_kinds
import google_kinds
import identities
from lib.kapi import ApiError, user_of
from lib.pod import volume
from lib.stored import config_of, path_of
from manifests import REPOSITORY, objects, of_kind, template

HOST = "registry.example.com"
ECR, GOOGLE, ACR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "europe-west1-docker.pkg.dev", "boxregistry.azurecr.io"
ACCOUNT = "docker-credential-kubeclarity"
TABLE = REPOSITORY / "docs/rights.md"


def entry(password, host=HOST):
    return {host: {"username": "user", "password": password}}


class Release:
    """The chart, installed: its service account's pod, with the settings that the chart wrote."""

    def __init__(self, api, server, helper, values):
        self.api, self.helper = api, helper
        self.namespace, self.other = api.namespace("release"), api.namespace("other")
        text = template({"fullnameOverride": ACCOUNT} | json.loads(json.dumps(values).replace("OTHER", self.other)), namespace=self.namespace)
        server.apply(text)
        self.settings = of_kind(text, "ConfigMap")[f"{ACCOUNT}-settings"]["data"]
        self.user, self.token = user_of(self.namespace, ACCOUNT), api.token(self.namespace, ACCOUNT)
        for role in (parsed for parsed in objects(text) if parsed["kind"] == "Role"):
            for rule in role["rules"]:
                api._wait_for_right(role["metadata"]["namespace"], rule, f"{self.namespace}/{ACCOUNT}")
        directory = helper.home / self.namespace
        volume(directory, {"token": self.token, "namespace": self.namespace, "ca.crt": Path(api.ca).read_text()})
        helper.machine = {"BOX_POD": directory}
        self.variables = self.settings | {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": api.port}

    def get(self, host, **variables):
        return self.helper.get(host, **self.variables | variables)

    def refused_so_far(self):
        return [asked for asked in self.api.audit(self.user, 1) if asked[2] == 403]


ALL = {"serviceAccount": {"imagePullSecrets": ["regcred"]}, "pullSecrets": ["named", "OTHER/regcred"],
       "credentials": {"ecr": True, "gcr": True, "acr": True}}


@pytest.fixture
def release(api, server, helper):
    return Release(api, server, helper, ALL)


@pytest.fixture
def complete(release, api):
    """Both named pull secrets are there: a named one that is not there is an error, whatever the rest has."""
    api.pull_secret(release.namespace, "named", entry("of-named", "named.example.com"))
    api.pull_secret(release.other, "regcred", entry("of-other", "other.example.com"))
    return release


def test_mounted_pull_secrets(complete, helper):
    volume(helper.home / "pull-secrets/regcred", {".dockerconfigjson": json.dumps({"auths": entry("mounted")})})
    assert complete.get(HOST, IMAGE_PULL_SECRET_PATH=helper.home / "pull-secrets").found() == ("user", "mounted")


@pytest.mark.parametrize("host, password", [("named.example.com", "of-named"), ("other.example.com", "of-other")])
def test_named_pull_secrets(complete, host, password):
    assert complete.get(host).found() == ("user", password)
    assert complete.refused_so_far() == []


@pytest.mark.parametrize("name", ["regcred", "basic-regcred"])
def test_pull_secrets_by_default(complete, api, name):
    api.pull_secret(complete.namespace, name, entry("by-default"))
    assert complete.get(HOST).found() == ("user", "by-default")
    assert complete.refused_so_far() == []


def test_cloud_secrets(complete, api, box, helper):
    key = box.aws.user()
    api.secret(complete.namespace, "ecr-sa", identities.keys(key))
    api.secret(complete.namespace, "gcr-sa", {"sa.json": google_kinds.service_account(box, helper.home)["GOOGLE_APPLICATION_CREDENTIALS"].read_text()})
    api.secret(complete.namespace, "acr-sa", azure_kinds.client_secret(box, helper.home)[0])
    user, secret = complete.get(ECR).found()
    assert user == "AWS" and box.aws.passwords[secret]["arn"] == key.arn
    assert complete.get(GOOGLE).found()[0] == "oauth2accesstoken"
    assert complete.get(ACR).found()[0] == azure_kinds.NOBODY
    assert complete.refused_so_far() == []


def docker_auth_config(home, auths):
    return {"DOCKER_AUTH_CONFIG": json.dumps({"auths": auths})}


def docker_config(home, auths):
    (home / "docker").mkdir()
    (home / "docker/config.json").write_text(json.dumps({"auths": auths}))
    return {"DOCKER_CONFIG": home / "docker"}


def registry_auth_file(home, auths):
    (home / "auth.json").write_text(json.dumps({"auths": auths}))
    return {"REGISTRY_AUTH_FILE": home / "auth.json"}


@pytest.mark.parametrize("lay", [docker_auth_config, docker_config, registry_auth_file])
def test_docker_s_configuration(complete, helper, lay):
    assert complete.get(HOST, **lay(helper.home, entry("configured"))).found() == ("user", "configured")
    assert complete.refused_so_far() == []


def test_github_s_token(complete):
    assert complete.get("ghcr.io", GITHUB_TOKEN="t", GITHUB_ACTOR="ann").found() == ("ann", "t")


def test_gitlab_s_job(complete):
    assert complete.get("gitlab.example.com", CI_REGISTRY="gitlab.example.com", CI_REGISTRY_USER="ci", CI_REGISTRY_PASSWORD="t").found() == ("ci", "t")


IDENTITIES = {"EKS, IRSA": (ECR, identities.irsa, {}), "EKS, Pod Identity": (ECR, identities.pod_identity, {}),
              "GKE, Workload Identity": (GOOGLE, google_kinds.metadata, {"BOX_DMI": "gce"}),
              "AKS, workload identity": (ACR, lambda box, home: azure_kinds.workload_identity(box, home)[0], {})}


@pytest.mark.parametrize("host, lay, machine", IDENTITIES.values(), ids=list(IDENTITIES))
def test_the_pod_s_cloud_identity(complete, box, helper, host, lay, machine):
    variables = lay(box, helper.home)
    helper.machine |= machine
    assert complete.get(host, **variables).found()[0] in ("AWS", "oauth2accesstoken", azure_kinds.NOBODY)
    assert complete.refused_so_far() == []


LOGIN = json.dumps({"ServerURL": HOST, "Username": "user", "Secret": "stored"})


def test_logins_are_stored_with_the_right_to_and_not_without(api, server, helper):
    without = Release(api, server, helper, {})
    answer = helper.run("store", text=LOGIN, **without.variables)
    assert answer.code == 1 and "kubeclarity: " in answer.out and "access denied" in answer.out, answer
    release = Release(api, server, helper, {"login": {"enabled": True}})  # with the empty Secret of the chart
    assert helper.run("store", text=LOGIN, **release.variables).code == 0
    assert set(config_of(api, release.namespace)["auths"]) == {HOST}
    assert release.get(HOST).found() == ("user", "stored")
    assert helper.run("erase", text=HOST, **release.variables).code == 0
    assert release.refused_so_far() == []


def test_where_creating_is_allowed_the_first_login_creates_the_secret(api, server, helper):
    release = Release(api, server, helper, {"login": {"enabled": True, "secret": False, "create": True}})
    assert helper.run("store", text=LOGIN, **release.variables).code == 0
    assert release.get(HOST).found() == ("user", "stored")
    assert release.refused_so_far() == []


TOKEN = "kubernetes.io/service-account-token"


def token_of(account, **metadata):
    """A Secret that Kubernetes fills with a token of that service account."""
    return {"apiVersion": "v1", "kind": "Secret", "type": TOKEN, "metadata": {"annotations": {"kubernetes.io/service-account.name": account}} | metadata}


@pytest.mark.parametrize("create", [False, True], ids=["the chart's Role", "and with login.create"])
def test_who_logs_in_mints_no_token(api, server, helper, create):
    """Even while basic-regcred is missing: with `create`, the account makes it a token of any account of the namespace, and reads it."""
    release = Release(api, server, helper, {"login": {"enabled": True, "secret": False, "create": create}})
    api.service_account(release.namespace, "victim")
    secrets, mint = SECRETS.format(release.namespace), token_of("victim", name="basic-regcred")
    assert status(release, "PATCH", f"{secrets}/basic-regcred?fieldManager=x", mint, {"Content-Type": "application/apply-patch+yaml"}) == 403
    assert status(release, "POST", secrets, mint, {}) == (201 if create else 403)
    assert status(release, "GET", f"{secrets}/basic-regcred", None, {}) == (200 if create else 404)
    if create:  # this is what the default is for
        assert api.request("GET", f"{secrets}/basic-regcred")["type"] == TOKEN
    else:  # nor is the Secret that the chart creates turned into one
        api.pull_secret(release.namespace, "basic-regcred", {})
        changed = api.request("GET", f"{secrets}/basic-regcred")
        changed["metadata"]["annotations"] = mint["metadata"]["annotations"]
        assert status(release, "PUT", f"{secrets}/basic-regcred", changed | {"type": TOKEN}, {}) == 422
        changed["type"] = "kubernetes.io/dockerconfigjson"
        assert status(release, "PUT", f"{secrets}/basic-regcred", changed, {}) == 200
        assert api.request("GET", f"{secrets}/basic-regcred")["type"] == "kubernetes.io/dockerconfigjson"


# What is asked of the API server, as (method, path, body). N is the release's namespace, O another one.
SECRETS = "/api/v1/namespaces/{}/secrets"
MERGE = {"metadata": {"labels": {"a": "b"}}}
APPLIED = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "new"}}
REQUESTS = {
    "get the service account itself": ("GET", f"/api/v1/namespaces/N/serviceaccounts/{ACCOUNT}"),
    "get its pull secret `regcred`": ("GET", SECRETS.format("N") + "/regcred"),
    "get the named pull secret `named`": ("GET", SECRETS.format("N") + "/named"),
    "get the named pull secret `regcred` of another namespace": ("GET", SECRETS.format("O") + "/regcred"),
    "get `basic-regcred`": ("GET", SECRETS.format("N") + "/basic-regcred"),
    "get `ecr-sa`": ("GET", SECRETS.format("N") + "/ecr-sa"),
    "get `gcr-sa`": ("GET", SECRETS.format("N") + "/gcr-sa"),
    "get `acr-sa`": ("GET", SECRETS.format("N") + "/acr-sa"),
    "update `basic-regcred`": ("PUT", SECRETS.format("N") + "/basic-regcred", "itself"),
    "create a secret": ("POST", SECRETS.format("N"), {"metadata": {"generateName": "new-"}}),
    "create a secret that holds a token of another service account": ("POST", SECRETS.format("N"), token_of("other", generateName="new-")),
    "create a secret by server-side apply": ("PATCH", SECRETS.format("N") + "/new?fieldManager=x", APPLIED),
    "turn `basic-regcred` into a secret that holds such a token": ("PUT", SECRETS.format("N") + "/basic-regcred", "a token"),
    "create a ConfigMap": ("POST", "/api/v1/namespaces/N/configmaps", {"metadata": {"generateName": "new-"}}),
    "create a pod": ("POST", "/api/v1/namespaces/N/pods", {"metadata": {"generateName": "new-"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}),
    "create a service account": ("POST", "/api/v1/namespaces/N/serviceaccounts", {"metadata": {"generateName": "new-"}}),
    "get another secret": ("GET", SECRETS.format("N") + "/unrelated"),
    "get a secret that is not there": ("GET", SECRETS.format("N") + "/absent"),
    "get another secret of another namespace": ("GET", SECRETS.format("O") + "/unrelated"),
    "get `basic-regcred` of another namespace": ("GET", SECRETS.format("O") + "/basic-regcred"),
    "list secrets": ("GET", SECRETS.format("N")),
    "list the one secret `regcred` by its name": ("GET", SECRETS.format("N") + "?fieldSelector=metadata.name%3Dregcred"),
    "watch secrets": ("GET", SECRETS.format("N") + "?watch=1&timeoutSeconds=1"),
    "list the secrets of all namespaces": ("GET", "/api/v1/secrets"),
    "update `regcred`": ("PUT", SECRETS.format("N") + "/regcred", "itself"),
    "patch `basic-regcred`": ("PATCH", SECRETS.format("N") + "/basic-regcred", MERGE),
    "delete `basic-regcred`": ("DELETE", SECRETS.format("N") + "/basic-regcred?dryRun=All"),
    "create a secret in another namespace": ("POST", SECRETS.format("O"), {"metadata": {"generateName": "new-"}}),
    "get another service account": ("GET", "/api/v1/namespaces/N/serviceaccounts/other"),
    "list service accounts": ("GET", "/api/v1/namespaces/N/serviceaccounts"),
    "make a token for itself": ("POST", f"/api/v1/namespaces/N/serviceaccounts/{ACCOUNT}/token", {"spec": {}}),
    "make a token for another service account": ("POST", "/api/v1/namespaces/N/serviceaccounts/other/token", {"spec": {}}),
    "get its own ConfigMap": ("GET", f"/api/v1/namespaces/N/configmaps/{ACCOUNT}"),
    "list pods": ("GET", "/api/v1/namespaces/N/pods"),
    "list namespaces": ("GET", "/api/v1/namespaces"),
    "get its own Role": ("GET", f"/apis/rbac.authorization.k8s.io/v1/namespaces/N/roles/{ACCOUNT}"),
    "create a RoleBinding": ("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/N/rolebindings",
                             {"metadata": {"name": "more"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT}}),
    "impersonate": ("GET", SECRETS.format("N") + "/unrelated", None)}
ALLOWED = {200, 201}
COLUMNS = {"the defaults": {}, "everything but logins": ALL, "and logins": ALL | {"login": {"enabled": True}},
           "and `login.create`": ALL | {"login": {"enabled": True, "create": True}}}


def ask(release, what):
    """The status that the API server answers to the service account."""
    method, path, *body = REQUESTS[what]
    path = path.replace("namespaces/N/", f"namespaces/{release.namespace}/").replace("namespaces/O/", f"namespaces/{release.other}/")
    path = path.replace("namespaces/N?", f"namespaces/{release.namespace}?")
    headers, body = {}, body[0] if body else None
    if what == "impersonate":
        headers["Impersonate-User"] = "admin"
    if body in ("itself", "a token"):
        there = release.api.request("GET", path)
        body = there | ({"type": TOKEN} if body == "a token" else {})
    if method == "PATCH":
        headers["Content-Type"] = "application/apply-patch+yaml" if body is APPLIED else "application/merge-patch+json"
    return status(release, method, path, body, headers)


def status(release, method, path, body, headers):
    context = ssl.create_default_context(cafile=release.api.ca)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(release.api.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Authorization": f"Bearer {release.token}", "Content-Type": "application/json"} | headers)
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def everything_there(api, release, logins):
    for name in ("regcred", "named", *([] if logins else ["basic-regcred"]), "ecr-sa", "gcr-sa", "acr-sa", "unrelated"):
        api.secret(release.namespace, name, {"a": "b"})
    for name in ("regcred", "basic-regcred", "unrelated"):
        api.secret(release.other, name, {"a": "b"})
    api.service_account(release.namespace, "other")


def rules_of(api, token, namespace):
    """All that the API server says the bearer may do there."""
    review = api.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": namespace}}, token=token)
    assert not review["status"]["incomplete"], review
    return {(resource, name, verb) for rule in review["status"]["resourceRules"] for resource in rule["resources"]
            for name in rule.get("resourceNames") or ["*"] for verb in rule["verbs"]}


def test_the_table(api, server, helper):
    statuses = {}
    for column, values in COLUMNS.items():
        release = Release(api, server, helper, values)
        everything_there(api, release, "login" in values)
        statuses[column] = {what: ask(release, what) for what in REQUESTS}
        odd = {what for what, code in statuses[column].items() if code not in ALLOWED | {403}}
        assert odd <= {"turn `basic-regcred` into a secret that holds such a token"}, statuses[column]  # nothing stands there for another reason
        assert {path[2] for path in api.audit(release.user, len(REQUESTS))} <= ALLOWED | {403, 422}
        # The table has what somebody thought of; this is all that there is.
        assert {what for what, code in statuses[column].items() if code in ALLOWED} == expected(values), column
        anybody = api.token(release.namespace, "other")  # an account without a Role: what every account may
        here, there = (rules_of(api, release.token, place) - rules_of(api, anybody, place) for place in (release.namespace, release.other))
        assert here == allowed_here(values)
        assert there == ({("secrets", "regcred", "get")} if "pullSecrets" in values else set())
        control = api.request("GET", f"{SECRETS.format(release.namespace)}/unrelated")
        assert base64.b64decode(control["data"]["a"]) == b"b"  # it is there: the refusal was one
    text = table(statuses)
    print(text)
    if os.environ.get("RECORD"):
        TABLE.write_text(text)
    assert TABLE.read_text() == text, "docs/rights.md differs; run with RECORD=1"


def expected(values):
    got = {"get the service account itself", "get `basic-regcred`"}
    if "pullSecrets" in values:
        got |= {"get its pull secret `regcred`", "get the named pull secret `named`", "get the named pull secret `regcred` of another namespace",
                "get `ecr-sa`", "get `gcr-sa`", "get `acr-sa`"}
    if "login" in values:
        got |= {"update `basic-regcred`"}
        if values["login"].get("create"):
            got |= {"create a secret", "create a secret that holds a token of another service account"}
    return got


def allowed_here(values):
    got = {("serviceaccounts", ACCOUNT, "get"), ("secrets", "basic-regcred", "get")}
    if "pullSecrets" in values:
        got |= {("secrets", name, "get") for name in ("regcred", "named", "ecr-sa", "gcr-sa", "acr-sa")}
    if "login" in values:
        got |= {("secrets", "basic-regcred", "update")}
        if values["login"].get("create"):
            got |= {("secrets", "*", "create")}
    return got


def table(statuses):
    head = ["# The permissions of the chart", "",
            "What the service account of [the chart](../deploy/helm/docker-credential-kubeclarity/values.yaml) asked of a real kube-apiserver (RBAC on), and the",
            "status of each answer. **Bold** answers were allowed; 403 is refused by RBAC, 422 by the API server itself, because the type of a Secret cannot be changed. Every",
            "object named here existed, but for the absent one. The API server's own list of the account's permissions (SelfSubjectRulesReview), less what every",
            "account may do, is exactly the allowed rows. With these permissions every source of README.md answered, and the helper was refused nothing that it asked for.", "",
            "With `login.enabled`, the account can update one Secret and create nothing, so it cannot get a token of another service account. With `login.create` it can:",
            "RBAC cannot limit `create` to one name or type, so the account can create a Secret that Kubernetes fills with such a token.",
            "", "This file is written by tests/e2e/deploy/test_rights.py, which fails when an answer changes.", "",
            "| request | " + " | ".join(statuses) + " |", "|---|" + "---|" * len(statuses)]
    rows = [f"| {what} | " + " | ".join(f"**{codes[what]}**" if codes[what] in ALLOWED else str(codes[what]) for codes in statuses.values()) + " |" for what in REQUESTS]
    values = ["", "`everything but logins` is these values; `OTHER` stands for another namespace:", "", "```json", json.dumps(ALL), "```", ""]
    return "\n".join(head + rows + values)
