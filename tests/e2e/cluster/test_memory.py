"""When the program ends, no secret that went through it is in its memory any more: the API server's token, what Secrets, mounted
files, plugins and clients gave it, nor the answer. (For the clouds: clouds/test_memory.py.)"""
import base64
import json
import os

import pytest

from lib import image, pod

HOST = "registry.example.com"
PASSWORD, OTHER = "Qz7vKp2mXw9rTn4bHd6s", "Bg2yDt6mSe9zKr4pHv1f"
AUTH = base64.b64encode(f"user:{PASSWORD}".encode()).decode()


def memory(home, verb, text=HOST, **variables):
    """Runs a verb; its output and its memory at the end."""
    environment = home.env | {name: str(value) for name, value in variables.items()}
    code, out, memory = image.run([home.binary, verb], text, environment, home.directory)
    assert code == 0 and os.path.realpath(memory.program) == str(home.binary), out
    return out, memory


@pytest.fixture
def cluster(api, home, namespace, tmp_path):
    """A kubeconfig with the token of someone who may read and write logins. Returns all that is secret."""
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "basic-regcred", {HOST: {"auth": AUTH}, "token.example.com": {"identitytoken": OTHER}})
    api.role(namespace, "logins", [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "update"]}], f"{namespace}/scanner")
    token = api.token(namespace, "scanner")
    home.env |= {"CREDS_SECRET_NAMESPACE": namespace, "XDG_RUNTIME_DIR": str(home.directory / "tmp"),
                 "KUBECONFIG": str(api.kubeconfig(tmp_path / "kubeconfig", {"token": token}))}
    return [PASSWORD, OTHER, token.split(".")[1], token.split(".")[2]]


def test_a_get_that_asks_and_one_that_does_not(home, cluster):
    for _ in ("cold", "warm"):
        out, left = memory(home, "get")
        assert json.loads(out)["Secret"] == PASSWORD
        assert left.holds(cluster) == {}
    out, left = memory(home, "get", "token.example.com")
    assert json.loads(out)["Secret"] == OTHER and left.holds(cluster) == {}


def test_a_login_that_is_stored_and_one_that_is_erased(home, cluster):
    login = json.dumps({"ServerURL": "https://new.example.com", "Username": "user", "Secret": "Ex8nLw3yIr6kUb1fCv5t"})
    for verb, text in (("store", login), ("get", "new.example.com"), ("erase", "new.example.com"), ("list", "")):
        _, left = memory(home, verb, text)
        assert left.holds([*cluster, "Ex8nLw3yIr6kUb1fCv5t"]) == {}, verb


def test_the_key_of_a_client_certificate(api, home, namespace, cluster, tmp_path):
    certificate, key = api.clients.client("certified")
    api.role(namespace, "certified", [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}], "certified")
    home.env["KUBECONFIG"] = str(api.kubeconfig(tmp_path / "by-key", {"client-certificate": str(certificate), "client-key": str(key)}))
    _, left = memory(home, "get")
    body = "".join(key.read_text().splitlines()[1:-1])
    assert left.holds([PASSWORD, *key.read_text().splitlines()[1:-1], base64.b64decode(body)[-32:]]) == {}


def test_what_a_plugin_prints(api, home, namespace, cluster, tmp_path):
    token = api.token(namespace, "scanner")
    printed = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\nprintf '%s' '{json.dumps(printed)}'\n")
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}}
    home.env["KUBECONFIG"] = str(api.kubeconfig(tmp_path / "by-plugin", user))
    _, left = memory(home, "get")
    assert left.holds([PASSWORD, *token.split(".")[1:]]) == {}


def test_files_and_variables(home, tmp_path):
    mounted = tmp_path / "mounted"
    pod.volume(mounted / "one", {".dockerconfigjson": json.dumps({"auths": {HOST: {"auth": AUTH}}})})
    config = json.dumps({"auths": {"variable.example.com": {"username": "user", "password": OTHER}}})
    runs = [(HOST, PASSWORD, {"IMAGE_PULL_SECRET_PATH": mounted}), ("variable.example.com", OTHER, {"DOCKER_AUTH_CONFIG": config}),
            ("ghcr.io", OTHER, {"GITHUB_TOKEN": OTHER}),
            ("ci.example.com", OTHER, {"CI_REGISTRY": "ci.example.com", "CI_REGISTRY_USER": "user", "CI_REGISTRY_PASSWORD": OTHER})]
    for host, secret, variables in runs:
        out, left = memory(home, "get", host, **variables)
        assert json.loads(out)["Secret"] == secret
        assert left.holds([PASSWORD, OTHER]) == {}, host


def test_a_copy_would_be_seen(home):
    """In the environment it is seen, and set apart."""
    _, left = memory(home, "version", "", GITHUB_TOKEN=OTHER, DOCKER_AUTH_CONFIG=AUTH)
    places = {place.name: place.content for place in left.places}
    assert OTHER.encode() in places["environment"] and AUTH.encode() in places["environment"]
    for place in left.places:
        place.name = "memory"
    assert set(left.holds([PASSWORD, OTHER])) == {PASSWORD, OTHER}
