"""Secrets that others made: merged as kubelet reads them, or left alone; and the Role that an error names is enough."""
import base64
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from lib.helper import Result, assert_error, assert_found
from lib.kapi import ApiError, driver
from lib.pod import Pod
from lib.stored import NAME, config_of, may_store, path_of

README = Path(__file__).resolve().parents[3] / "README.md"
DONE = Result(0, "", "")
HUB = "https://index.docker.io/v1/"


@pytest.fixture(scope="session")
def kubelet():
    """What kubelet's own code finds in a Secret for an image."""
    binary = driver("keyring")

    def logins(secret, image):
        done = subprocess.run([binary, image], input=json.dumps(secret), capture_output=True, text=True, check=True)
        return [tuple(login) for login in json.loads(done.stdout)]
    return logins


@pytest.fixture
def writer(api, home, namespace, in_pod):
    api.service_account(namespace, "writer")
    may_store(api, namespace, f"{namespace}/writer", create=True)
    in_pod("writer")
    return home


def store(home, server, username="user", secret="secret"):
    return home.helper("store", json.dumps({"ServerURL": server, "Username": username, "Secret": secret}))


def by_kubectl(server, username, password, email):
    """The Secret that `kubectl create secret docker-registry basic-regcred` makes of these options."""
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    config = {"auths": {server: {"username": username, "password": password, "email": email, "auth": auth}}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME}, "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(json.dumps(config, separators=(",", ":")).encode()).decode()}}


def create(api, namespace, secret):
    return api.request("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)


@pytest.mark.parametrize("server", [HUB, "registry.example.com", "https://registry.example.com:5000/v1/"])
def test_what_kubectl_made_is_merged(api, writer, namespace, kubelet, server):
    made = by_kubectl(server, "old", "old-secret", "old@example.com")
    made["metadata"] |= {"labels": {"team": "a"}, "annotations": {"note": "b"}}
    create(api, namespace, made)
    assert store(writer, "other.example.com", "other", "other-secret") == DONE
    after = api.request("GET", path_of(namespace))
    assert (after["metadata"]["labels"], after["metadata"]["annotations"]) == ({"team": "a"}, {"note": "b"})
    entry = config_of(api, namespace)["auths"].pop(server)
    assert entry == json.loads(base64.b64decode(made["data"][".dockerconfigjson"]))["auths"][server]
    host = {HUB: "docker.io"}.get(server, server.removeprefix("https://").removesuffix("/v1/"))
    assert kubelet(after, f"{host}/team/app:1") == [("old", "old-secret")]
    assert kubelet(after, "other.example.com/app") == [("other", "other-secret")]
    # Its own entry is replaced, and the email stays.
    assert store(writer, server, "new", "new:secr\u00ebt") == DONE
    after = api.request("GET", path_of(namespace))
    assert kubelet(after, f"{host}/team/app:1") == [("new", "new:secr\u00ebt")]
    assert [entry.get("email") for entry in config_of(api, namespace)["auths"].values()] == ["old@example.com", None]
    assert writer.helper("erase", server) == DONE
    after = api.request("GET", path_of(namespace))
    assert kubelet(after, f"{host}/team/app:1") == []
    assert kubelet(after, "other.example.com/app") == [("other", "other-secret")]


@pytest.mark.parametrize("username, secret", [("robot$a:b", "p:w"), ("\u00fc \"\\", "\u00e9\n\t"), ("u", "p" * 4000)])
def test_kubelet_reads_what_was_stored(api, writer, namespace, kubelet, username, secret):
    assert store(writer, "https://[::1]:5000", username, secret) == DONE
    assert store(writer, "registry.example.com/team", username, secret) == DONE
    after = api.request("GET", path_of(namespace))
    assert kubelet(after, "registry.example.com/team/app:1") == [(username, secret)]
    assert kubelet(after, "registry.example.com/other/app:1") == []
    assert_found(writer.get("[::1]:5000"), "[::1]:5000", username, secret)


@pytest.mark.parametrize("kind, key, text", [
    ("Opaque", "a", "b"), ("kubernetes.io/dockercfg", ".dockercfg", "{}"), ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", '{"auths":[]}')])
def test_what_is_no_such_secret_is_left_alone(api, writer, namespace, kind, key, text):
    api.secret(namespace, NAME, {key: text}, kind)
    before = api.request("GET", path_of(namespace))
    for result in (store(writer, "registry.example.com"), writer.helper("erase", "registry.example.com")):
        assert_error(result, f"secret {namespace}/basic-regcred", "CREDS_SECRET_NAMESPACE" if "json" not in kind else "auths")
    assert api.request("GET", path_of(namespace)) == before


def test_an_immutable_one_is_left_alone(api, writer, namespace):
    secret = by_kubectl("registry.example.com", "old", "old-secret", "e@example.com") | {"immutable": True}
    before = create(api, namespace, secret)
    for result in (store(writer, "registry.example.com"), writer.helper("erase", "registry.example.com")):
        assert_error(result, f"secret {namespace}/basic-regcred", "immutable")
    assert api.request("GET", path_of(namespace)) == before
    assert store(writer, "registry.example.com", "old", "old-secret") == DONE


def test_one_that_is_full_is_left_alone(api, writer, namespace):
    api.secret(namespace, NAME, {".dockerconfigjson": "{}", "more": "a" * (1024 * 1024 - 60)}, "kubernetes.io/dockerconfigjson")
    before = api.request("GET", path_of(namespace))
    assert_error(store(writer, "registry.example.com"), f"secret {namespace}/basic-regcred", "1 MiB")
    assert api.request("GET", path_of(namespace)) == before


def test_the_largest_that_the_server_takes_is_taken(api, writer, namespace):
    assert store(writer, "registry.example.com") == DONE
    secret = api.request("GET", path_of(namespace))
    size = len(base64.b64decode(secret["data"][".dockerconfigjson"]))
    api.request("DELETE", path_of(namespace))
    more = "a" * (1024 * 1024 - size)
    api.secret(namespace, NAME, {".dockerconfigjson": "{}", "more": more}, "kubernetes.io/dockerconfigjson")
    assert store(writer, "registry.example.com") == DONE


def test_a_namespace_that_is_being_deleted(api, writer, namespace):
    api.request("DELETE", f"/api/v1/namespaces/{namespace}")  # without its controllers it stays in that state
    result = store(writer, "registry.example.com")
    assert_error(result, f"secret {namespace}/basic-regcred", f"namespace {namespace}, which is being deleted")
    assert "Role" not in result.out


def test_a_namespace_that_is_not_there(api, home, tmp_path):
    kubeconfig = api.kubeconfig(tmp_path / "kubeconfig", {"token": api.admin})
    home.env |= {"KUBECONFIG": str(kubeconfig), "CREDS_SECRET_NAMESPACE": "nowhere"}
    assert_error(store(home, "registry.example.com"), "secret nowhere/basic-regcred", "namespace nowhere does not exist")


def rule_in(message):
    """Of the Role that the message names: its namespace and its rule."""
    namespace, rule = re.search(r"Role in namespace (\S+) with the rule (\{.*?\}), and a RoleBinding", message).groups()
    rule = yaml.safe_load(rule)
    assert (rule["resourceNames"], rule["verbs"]) == ([NAME], ["get", "update"]), message
    assert message.count("verbs:") == 1, message
    return namespace, rule


def test_the_role_that_the_error_names_is_enough(api, home, namespace, in_pod):
    api.service_account(namespace, "writer")
    in_pod("writer")
    create(api, namespace, by_kubectl("other.example.com", "other", "s", "e@example.com"))
    result = store(home, "registry.example.com")
    assert_error(result, f"to service account {namespace}/writer")
    in_namespace, rule = rule_in(result.out)
    api.role(in_namespace, "as-told", [rule], f"{namespace}/writer")
    logs_in_and_out(api, home, namespace, {"other.example.com"})


def test_the_commands_that_the_error_names_where_the_secret_is_missing_are_enough(api, home, namespace, in_pod, tmp_path):
    """With kubectl, letter by letter."""
    api.service_account(namespace, "writer")
    in_pod("writer")
    api.allow_get(namespace, f"{namespace}/writer", secrets=[NAME])
    result = store(home, "registry.example.com")
    assert_error(result, f"secret {namespace}/{NAME} does not exist", f"access denied to service account {namespace}/writer")
    in_namespace, rule = rule_in(result.out)
    api.role(in_namespace, "as-told", [rule], f"{namespace}/writer")
    command = re.search("`(kubectl create secret .*?)`", result.out)[1]
    kubectl(api, tmp_path, command)
    assert config_of(api, namespace) == {"auths": {}}
    logs_in_and_out(api, home, namespace, set())
    # Run once more, it does no harm.
    assert store(home, "registry.example.com") == DONE
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl(api, tmp_path, command)
    assert "already exists" in refused.value.stderr
    assert_found(home.get("registry.example.com"), "registry.example.com", "user", "secret")


def kubectl(api, directory, command):
    kubeconfig = api.kubeconfig(directory / "admin", {"token": api.admin})
    subprocess.run(command, shell=True, check=True, capture_output=True, text=True, env=os.environ | {"KUBECONFIG": str(kubeconfig)})


def logs_in_and_out(api, home, namespace, rest):
    assert store(home, "registry.example.com") == DONE
    assert_found(home.get("registry.example.com"), "registry.example.com", "user", "secret")
    assert home.helper("erase", "registry.example.com") == DONE
    assert set(config_of(api, namespace)["auths"]) == rest
    # And it opens nothing else.
    api.secret(namespace, "other", {"a": "b"})
    token = {"metadata": {"name": "token", "annotations": {"kubernetes.io/service-account.name": "writer"}}, "type": "kubernetes.io/service-account-token"}
    writer = api.token(namespace, "writer")
    for method, path, body in (("GET", "/other", None), ("GET", "", None), ("DELETE", f"/{NAME}", None), ("POST", "", token)):
        with pytest.raises(ApiError) as denied:
            api.request(method, f"/api/v1/namespaces/{namespace}/secrets{path}", body, token=writer)
        assert denied.value.status == 403


def test_the_role_of_the_readme_is_enough(api, home, namespace, tmp_path):
    """With the command beside it, and without `create`."""
    readme = README.read_text()
    command, = re.findall(r"```sh\n(kubectl create secret generic basic-regcred .*)\n```", readme)
    roles = [role for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) for role in yaml.safe_load_all(block) if role.get("kind") == "Role"]
    role, = (role for role in roles if role["metadata"]["name"] == "docker-login")
    assert f"--namespace {role['metadata']['namespace']} " in command
    assert [verb for rule in role["rules"] for verb in rule["verbs"]] == ["get", "update"]
    kubectl(api, tmp_path, command.replace("--namespace kubeclarity", f"--namespace {namespace}"))
    home.env["CREDS_SECRET_NAMESPACE"] = namespace
    api.service_account(namespace, "writer")
    api.role(namespace, "login", role["rules"], f"{namespace}/writer")
    home.pod = Pod(tmp_path / "pod", api.token(namespace, "writer"), namespace, api.ca, "127.0.0.1", api.port)
    logs_in_and_out(api, home, namespace, set())
