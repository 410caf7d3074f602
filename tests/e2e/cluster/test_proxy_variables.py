"""The API server and the proxy variables: HTTPS_PROXY is used, NO_PROXY is honoured."""
import pytest

from lib.connect_proxy import ConnectProxy
from lib.helper import assert_error, assert_found

HOST = "registry.example.com"
NAME = "kubernetes.default.svc"  # one of the names in the API server's certificate


@pytest.fixture
def proxy():
    server = ConnectProxy()
    yield server
    server.stop()


@pytest.fixture
def pod(api, home, namespace, in_pod):
    """A pod that reaches the API server by name, and may read the secret that it names."""
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "regcred", {HOST: {"username": "user", "password": "secret"}})
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["regcred"])
    home.hosts = home.directory / "hosts"
    home.hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
    home.env["KUBECLARITY_PULL_SECRETS"] = "regcred"
    in_pod().env["KUBERNETES_SERVICE_HOST"] = NAME


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_used(api, home, pod, proxy, variable):
    assert_found(home.get(HOST, **{variable: proxy.url}), HOST, "user", "secret")
    assert set(proxy.seen) == {f"{NAME}:{api.port}"}


@pytest.mark.parametrize("exception", [NAME, ".svc", "example.org, .default.svc", "*"])
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_not_used_where_excepted(home, pod, proxy, variable, exception):
    assert_found(home.get(HOST, **{"HTTPS_PROXY": proxy.url, variable: exception}), HOST, "user", "secret")
    assert proxy.seen == []


def test_used_where_another_is_excepted(api, home, pod, proxy):
    assert_found(home.get(HOST, HTTPS_PROXY=proxy.url, NO_PROXY="svc.example.org,127.0.0.1"), HOST, "user", "secret")
    assert set(proxy.seen) == {f"{NAME}:{api.port}"}


def test_not_used_for_an_excepted_address(home, pod, proxy):
    home.pod.env["KUBERNETES_SERVICE_HOST"] = "127.0.0.1"
    assert_found(home.get(HOST, HTTPS_PROXY=proxy.url, NO_PROXY="10.0.0.0/8,127.0.0.0/8"), HOST, "user", "secret")
    assert proxy.seen == []


def test_a_dead_proxy_is_an_error(home, namespace, pod, proxy):
    proxy.stop()
    assert_error(home.get(HOST, HTTPS_PROXY=proxy.url, KUBECLARITY_TIMEOUT=2), f"{namespace}/regcred")
