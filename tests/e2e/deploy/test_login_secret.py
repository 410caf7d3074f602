"""The Secret of stored logins is created empty, once, and nothing that is installed, upgraded or applied afterwards removes a login from it:
with real Helm (4 and 3) and real kubectl on the real API server."""
import base64
import json
import os
import subprocess

import pytest
import yaml

from lib.kapi import ApiError
from lib.stored import NAME, config_of, path_of
from manifests import CHART, KUSTOMIZE, of_kind, template

HOST = "registry.example.com"
LOGIN = json.dumps({"ServerURL": HOST, "Username": "user", "Secret": "stored"})
EMPTY = {"auths": {}}
ACCOUNT = "creds-docker-credential-kubeclarity"
HELMS = ["helm", "helm3"]
FORCE = {"helm": ("--force-replace", "--server-side=false"), "helm3": ("--force",)}


class Tool:
    """A program that runs against the API server as its administrator, and keeps nothing outside of a directory."""

    def __init__(self, api, directory):
        self.env = os.environ | {"KUBECONFIG": str(api.kubeconfig(directory / "admin", {"token": api.admin})), "HOME": str(directory)}
        self.env |= {f"HELM_{place}_HOME": str(directory / place) for place in ("CACHE", "CONFIG", "DATA")}

    def __call__(self, *command, stdin=""):
        done = subprocess.run([str(part) for part in command], input=stdin, env=self.env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done
        return done.stdout

    def fails(self, *command, stdin=""):
        done = subprocess.run([str(part) for part in command], input=stdin, env=self.env, capture_output=True, text=True, timeout=120)
        assert done.returncode != 0, done
        return done.stderr


@pytest.fixture
def tool(api, tmp_path):
    return Tool(api, tmp_path)


@pytest.fixture
def namespace(api):
    return api.namespace("logins")


def secret(api, namespace):
    return api.request("GET", path_of(namespace))


def is_absent(api, namespace):
    with pytest.raises(ApiError) as refused:
        secret(api, namespace)
    return refused.value.status == 404


def log_in(api, helper, namespace, account=ACCOUNT):
    """By the account of the chart, and with the rights that it has."""
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [NAME], "verbs": ["update"]}
    api._wait_for_right(namespace, rule, f"{namespace}/{account}")
    kubeconfig = api.kubeconfig(helper.home / "kubeconfig", {"token": api.token(namespace, account)})
    done = helper.run("store", text=LOGIN, KUBECONFIG=kubeconfig, CREDS_SECRET_NAMESPACE=namespace)
    assert (done.code, done.out) == (0, ""), done
    assert set(config_of(api, namespace)["auths"]) == {HOST}
    return secret(api, namespace)


@pytest.mark.parametrize("helm", HELMS)
def test_no_helm_command_changes_it_once_it_exists(api, tool, helper, namespace, helm):
    release = ("creds", CHART, "--namespace", namespace)
    tool(helm, "install", *release, "--set", "login.enabled=true")
    assert config_of(api, namespace) == EMPTY
    logged_in = log_in(api, helper, namespace)
    for command in (
            ("upgrade", *release, "--set", "login.enabled=true,settings.KUBECLARITY_CLOUD=none"), ("upgrade", *release, "--reuse-values"),
            ("upgrade", "--install", *release, "--set", "login.enabled=true", *FORCE[helm]),
            *([("upgrade", *release, "--set", "login.enabled=true", "--server-side=true", "--force-conflicts")] if helm == "helm" else []),
            *([("upgrade", *release, "--set", "login.enabled=true", "--server-side=false")] if helm == "helm" else []),
            ("rollback", "creds", "1", "--namespace", namespace), ("upgrade", *release, "--set", "login.enabled=false"),
            ("upgrade", *release, "--set", "login.enabled=true"), ("uninstall", "creds", "--namespace", namespace),
            ("install", *release, "--set", "login.enabled=true")):
        tool(helm, *command)
        assert secret(api, namespace) == logged_in, command  # to its resourceVersion
    assert "kind: Secret" not in tool(helm, "get", "manifest", "creds", "--namespace", namespace)


@pytest.mark.parametrize("first, second", [("helm3", "helm"), ("helm", "helm3")])
def test_nor_does_the_other_helm(api, tool, helper, namespace, first, second):
    release = ("creds", CHART, "--namespace", namespace, "--set", "login.enabled=true")
    tool(first, "install", *release)
    logged_in = log_in(api, helper, namespace)
    tool(second, "upgrade", *release, "--set", "settings.KUBECLARITY_CLOUD=none")
    assert secret(api, namespace) == logged_in


@pytest.mark.parametrize("helm", HELMS)
def test_one_that_others_made_is_used_as_it_is(api, tool, helper, namespace, helm):
    tool("kubectl", "create", "secret", "docker-registry", NAME, "--namespace", namespace, "--docker-server", "other.example.com",
         "--docker-username", "other", "--docker-password", "kept")
    before = secret(api, namespace)
    tool(helm, "install", "creds", CHART, "--namespace", namespace, "--set", "login.enabled=true")
    assert secret(api, namespace) == before
    tool(helm, "upgrade", "creds", CHART, "--namespace", namespace, "--set", "login.enabled=true")
    assert secret(api, namespace) == before


@pytest.mark.parametrize("helm", HELMS)
def test_it_is_created_when_logins_are_turned_on_later(api, tool, helper, namespace, helm):
    release = ("creds", CHART, "--namespace", namespace)
    tool(helm, "install", *release)
    assert is_absent(api, namespace)
    tool(helm, "upgrade", *release, "--set", "login.enabled=true")
    assert config_of(api, namespace) == EMPTY
    log_in(api, helper, namespace)


@pytest.mark.parametrize("helm", HELMS)
def test_in_the_credentials_namespace(api, tool, namespace, helm):
    credentials = api.namespace("credentials")
    tool(helm, "install", "creds", CHART, "--namespace", namespace, "--set", f"login.enabled=true,credentials.namespace={credentials}")
    assert config_of(api, credentials) == EMPTY and is_absent(api, namespace)


@pytest.mark.parametrize("helm", HELMS)
def test_not_where_it_is_not_wanted(api, tool, helper, namespace, helm):
    """The notes then have the command."""
    out = tool(helm, "install", "creds", CHART, "--namespace", namespace, "--set", "login.enabled=true,login.secret=false")
    assert is_absent(api, namespace)
    command, = [line for line in out.splitlines() if line.startswith("kubectl create secret generic")]
    tool("bash", "-c", command)
    assert config_of(api, namespace) == EMPTY
    log_in(api, helper, namespace)


def test_it_is_what_the_helper_itself_would_create(api, namespace):
    made = of_kind(template({"login": {"enabled": True}}, namespace=namespace), "Secret")[NAME]
    assert (made["type"], made["metadata"]["labels"]) == ("kubernetes.io/dockerconfigjson", {"app.kubernetes.io/managed-by": "docker-credential-kubeclarity"})
    assert json.loads(base64.b64decode(made["data"][".dockerconfigjson"])) == EMPTY
    # Helm would delete it before it creates it, and Argo CD would apply it at each synchronization.
    annotations = made["metadata"]["annotations"]
    assert "before-hook-creation" not in annotations["helm.sh/hook-delete-policy"] and annotations["argocd.argoproj.io/hook"] == "Skip"
    assert "Secret" not in {parsed["kind"] for parsed in yaml.safe_load_all(template({"login": {"enabled": False}})) if parsed}


def test_that_two_renderings_are_the_same():
    assert template({"login": {"enabled": True}}) == template({"login": {"enabled": True}})


@pytest.mark.parametrize("helm", HELMS)
def test_what_helm_renders_can_be_applied_again_and_again(api, tool, helper, namespace, helm):
    """As the chart's README.md says: without hooks, after the Secret was created."""
    render = (helm, "template", "creds", CHART, "--namespace", namespace, "--set", "login.enabled=true", "--kube-version", "1.37.0")
    apply = ("kubectl", "apply", "-f", "-")
    tool(*apply, stdin=tool(*render))
    assert config_of(api, namespace) == EMPTY
    logged_in = log_in(api, helper, namespace)
    tool(*apply, stdin=tool(*render, "--no-hooks"))
    assert secret(api, namespace) == logged_in
    tool(*apply, stdin=tool(*render))  # it would be noticed
    assert config_of(api, namespace) == EMPTY


@pytest.fixture
def overlay(tmp_path, namespace):
    """What people keep: the base, logins, and a namespace of their own."""
    directory = tmp_path / "overlay"
    directory.mkdir()
    place = os.path.relpath(KUSTOMIZE, directory)
    (directory / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": namespace,
        "resources": [f"{place}/base"], "components": [f"{place}/components/login", f"{place}/components/ecr"]}))
    return directory


ONCE = ("kubectl", "create", "-k", KUSTOMIZE / "basic-regcred", "--namespace")


@pytest.mark.parametrize("side", [(), ("--server-side",), ("--server-side", "--force-conflicts")], ids=["client", "server", "forced"])
def test_no_kubectl_command_changes_it_once_it_exists(api, tool, helper, namespace, overlay, side):
    tool(*ONCE, namespace)
    apply = ("kubectl", "apply", *side, "-k", overlay)
    tool(*apply)
    assert config_of(api, namespace) == EMPTY
    logged_in = log_in(api, helper, namespace, "docker-credential-kubeclarity")
    assert "already exists" in tool.fails(*ONCE, namespace)
    assert secret(api, namespace) == logged_in
    (overlay / "kustomization.yaml").write_text((overlay / "kustomization.yaml").read_text().replace("ecr", "gcr"))
    for command in (apply, *([] if side else [(*apply, "--prune", "-l", "app.kubernetes.io/name=docker-credential-kubeclarity")]),
                    ("kubectl", "delete", "-k", overlay), apply):
        tool(*command)
        assert secret(api, namespace) == logged_in, command


def test_why_it_is_no_resource_of_what_is_applied_again(api, tool, helper, namespace, overlay):
    """The API server takes none without the key, and what a manifest has, apply puts back."""
    text = (KUSTOMIZE / "basic-regcred/secret.yaml").read_text()
    without = yaml.safe_dump({key: value for key, value in yaml.safe_load(text).items() if key != "data"})
    for command in (("kubectl", "create"), ("kubectl", "apply"), ("kubectl", "apply", "--server-side")):
        assert "data[.dockerconfigjson]: Required" in tool.fails(*command, "--namespace", namespace, "-f", "-", stdin=without)
    tool("kubectl", "apply", "-k", overlay)
    tool("kubectl", "apply", "--namespace", namespace, "-f", "-", stdin=text)
    log_in(api, helper, namespace, "docker-credential-kubeclarity")
    tool("kubectl", "apply", "--namespace", namespace, "-f", "-", stdin=text)
    assert config_of(api, namespace) == EMPTY
    # On the server's side it is a conflict, unless that is forced.
    log_in(api, helper, namespace, "docker-credential-kubeclarity")
    assert "conflict" in tool.fails("kubectl", "apply", "--server-side", "--namespace", namespace, "-f", "-", stdin=text)
    assert set(config_of(api, namespace)["auths"]) == {HOST}
