"""The cluster by kubeconfig: each way to write one."""
import base64
import json

import pytest

from lib.helper import assert_error, assert_found

HOST = "registry.example.com"


@pytest.fixture
def named(api, home, namespace):
    """A named pull secret, and scanner and alice who may read it."""
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "regcred", {HOST: {"username": "user", "password": "by-kubeconfig"}})
    for subject in (f"{namespace}/scanner", "alice"):
        api.allow_get(namespace, subject, secrets=["regcred"])
    home.env |= {"KUBECLARITY_PULL_SECRETS": "regcred", "CREDS_SECRET_NAMESPACE": namespace}


@pytest.fixture
def config(api, named, namespace):
    """A kubeconfig with alice's certificate and scanner's token, to be changed by the test."""
    certificate, key = api.clients.client("alice")
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "token",
        "clusters": [{"name": "c", "cluster": {"server": api.url, "certificate-authority": str(api.ca)}}],
        "users": [{"name": "alice", "user": {"client-certificate": str(certificate), "client-key": str(key)}},
                  {"name": "scanner", "user": {"token": api.token(namespace, "scanner")}}],
        "contexts": [{"name": "certificate", "context": {"cluster": "c", "user": "alice", "namespace": namespace}},
                     {"name": "token", "context": {"cluster": "c", "user": "scanner", "namespace": namespace}}]}


def save(home, config, name="kubeconfig"):
    path = home.directory / "configs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(config))
    home.env["KUBECONFIG"] = str(path)
    return path


def data(path):
    with open(path, "rb") as file:
        return base64.b64encode(file.read()).decode()


def test_files_in_place_as_data(api, home, config):
    config["current-context"] = "certificate"
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    cluster["certificate-authority-data"] = data(cluster.pop("certificate-authority"))
    for name in ("client-certificate", "client-key"):
        user[f"{name}-data"] = data(user.pop(name))
    save(home, config)
    assert_found(home.get(HOST), HOST, "user", "by-kubeconfig")


def test_paths_are_relative_to_the_file(api, home, config):
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    path = save(home, config)
    (path.parent / "ca.crt").write_bytes(api.ca.read_bytes())
    assert_found(home.get(HOST), HOST, "user", "by-kubeconfig")


def test_several_files_are_merged_and_missing_ones_left_out(home, config):
    users = config.pop("users")
    first = save(home, config, "first")
    second = save(home, {"apiVersion": "v1", "kind": "Config", "users": users}, "second")
    home.env["KUBECONFIG"] = f"{first}:{home.directory}/missing:{second}"
    assert_found(home.get(HOST), HOST, "user", "by-kubeconfig")


def test_as_yaml(api, home, namespace, config):
    path = save(home, config)
    path.write_text(f"""\
# as a person writes it
apiVersion: v1
kind: Config
current-context: token
clusters:
  - name: c
    cluster: {{server: "{api.url}", certificate-authority: {api.ca}}}
users:
  - name: scanner
    user:
      token: {config["users"][1]["user"]["token"]}
contexts:
  - name: token
    context: {{cluster: c, user: scanner, namespace: {namespace}}}
preferences: {{}}
""")
    assert_found(home.get(HOST), HOST, "user", "by-kubeconfig")


@pytest.mark.parametrize("missing", ["clusters", "users", "contexts"])
def test_one_that_names_what_it_does_not_hold(home, config, missing):
    config[missing] = []
    path = save(home, config)
    assert_error(home.get(HOST), str(path))


def test_one_that_is_no_yaml(home, config):
    path = save(home, config)
    path.write_text("clusters: [\n\x00 secret-looking-text")
    result = home.get(HOST)
    assert_error(result, str(path))
    assert "secret-looking-text" not in result.out


def test_another_name_for_the_server(api, home, config):
    """`tls-server-name` is checked instead of the address."""
    config["clusters"][0]["cluster"]["tls-server-name"] = "kubernetes.default.svc"
    save(home, config)
    assert_found(home.get(HOST), HOST, "user", "by-kubeconfig")
    config["clusters"][0]["cluster"]["tls-server-name"] = "someone.else.example"
    save(home, config)
    assert_error(home.get(HOST, KUBECLARITY_TIMEOUT=2), "certificate")
