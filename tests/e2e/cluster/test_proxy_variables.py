"""The API server and the proxy variables: HTTPS_PROXY is used, NO_PROXY is honoured."""
import time

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


@pytest.mark.parametrize("form", ["{address}", "me:hidden@{address}", "http://{address}/", " {url} ", "socks5://{address}", "socks5h://me:hidden@{address}"])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_every_form(api, home, pod, proxy, variable, form):
    value = form.format(address=proxy.address, url=proxy.url)
    assert_found(home.get(HOST, **{variable: value}), HOST, "user", "secret")
    assert set(proxy.seen) == {f"{NAME}:{api.port}"}


def test_the_lower_case_name_counts_first(api, home, pod, proxy):
    assert_found(home.get(HOST, HTTPS_PROXY="http://127.0.0.1:9", https_proxy=proxy.url), HOST, "user", "secret")
    assert_found(home.get(HOST, HTTPS_PROXY=proxy.url, NO_PROXY="example.org", no_proxy=NAME), HOST, "user", "secret")
    assert set(proxy.seen) == {f"{NAME}:{api.port}"}


@pytest.mark.parametrize("exception", [NAME, ".svc", "*.svc", "example.org, .default.svc", "example.org svc", "*"])
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_not_used_where_excepted(home, pod, proxy, variable, exception):
    assert_found(home.get(HOST, **{"HTTPS_PROXY": proxy.url, variable: exception}), HOST, "user", "secret")
    assert proxy.seen == []


def test_used_where_another_is_excepted(api, home, pod, proxy):
    assert_found(home.get(HOST, HTTPS_PROXY=proxy.url, NO_PROXY="svc.example.org,127.0.0.1"), HOST, "user", "secret")
    assert set(proxy.seen) == {f"{NAME}:{api.port}"}


@pytest.mark.parametrize("exception", ["{port}", "1"])
def test_a_port_in_an_exception(api, home, pod, proxy, exception):
    port = exception.format(port=api.port)
    assert_found(home.get(HOST, HTTPS_PROXY=proxy.url, NO_PROXY=f"{NAME}:{port}"), HOST, "user", "secret")
    assert (proxy.seen == []) == (port == str(api.port))


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_not_used_for_this_machine(home, pod, proxy, address, variable):
    home.pod.env["KUBERNETES_SERVICE_HOST"] = address
    answer = home.get(HOST, **{variable: proxy.url})
    assert proxy.seen == []
    if address == "localhost":  # a name that is not in the API server's certificate
        assert_error(answer, "certificate")
    else:
        assert_found(answer, HOST, "user", "secret")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_dead_proxy_is_named_at_once_without_its_password(home, namespace, pod, proxy, variable):
    proxy.stop()
    start = time.monotonic()
    answer = home.get(HOST, **{variable: proxy.url.replace("://", "://me:hidden@")})
    assert_error(answer, f"{namespace}/regcred", proxy.url, variable, "NO_PROXY")
    assert "hidden" not in answer.out and time.monotonic() - start < 5
