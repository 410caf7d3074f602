"""Secrets that others made: merged as kubelet reads them, or left alone; and the Role that an error names is enough."""
import base64
import json
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
    may_store(api, namespace, f"{namespace}/writer")
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


@pytest.mark.parametrize("there", [False, True], ids=["create", "update"])
def test_the_role_that_the_error_names_is_enough(api, home, namespace, in_pod, there):
    api.service_account(namespace, "writer")
    in_pod("writer")
    if there:
        create(api, namespace, by_kubectl("other.example.com", "other", "s", "e@example.com"))
    result = store(home, "registry.example.com")
    assert_error(result, f"to service account {namespace}/writer")
    in_namespace = re.search(r"Role in namespace (\S+) ", result.out)[1]
    rules = [yaml.safe_load(rule) for rule in re.findall(r"the rule (\{.*?\})", result.out)]
    assert [rule["verbs"] for rule in rules] == [["get", "update"], ["create"]], result
    assert [rule.get("resourceNames") for rule in rules] == [[NAME], None], result
    api.role(in_namespace, "as-told", rules, f"{namespace}/writer")
    assert store(home, "registry.example.com") == DONE
    assert_found(home.get("registry.example.com"), "registry.example.com", "user", "secret")
    assert home.helper("erase", "registry.example.com") == DONE
    assert set(config_of(api, namespace)["auths"]) == ({"other.example.com"} if there else set())
    # And it opens nothing else.
    api.secret(namespace, "other", {"a": "b"})
    for method, path in (("GET", "/other"), ("GET", ""), ("DELETE", f"/{NAME}")):
        with pytest.raises(ApiError) as denied:
            api.request(method, f"/api/v1/namespaces/{namespace}/secrets{path}", token=api.token(namespace, "writer"))
        assert denied.value.status == 403


def test_the_role_of_the_readme_is_enough(api, home, namespace, tmp_path):
    """And its first rule is, once the Secret is there."""
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    roles = [role for block in blocks for role in yaml.safe_load_all(block) if role.get("kind") == "Role"]
    rules, = (role["rules"] for role in roles if role["metadata"]["name"] == "docker-login")
    home.env["CREDS_SECRET_NAMESPACE"] = namespace
    for account, its in (("first", rules), ("later", rules[:1])):
        api.service_account(namespace, account)
        api.role(namespace, account, its, f"{namespace}/{account}")
        home.pod = Pod(tmp_path / account, api.token(namespace, account), namespace, api.ca, "127.0.0.1", api.port)
        assert store(home, "registry.example.com", account, "secret") == DONE
        assert_found(home.get("registry.example.com"), "registry.example.com", account, "secret")
