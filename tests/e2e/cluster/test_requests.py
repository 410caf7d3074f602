"""What is asked of the API server: only `get`, only of named objects, each once, two round trips deep."""
import pytest

from lib.helper import assert_found, assert_not_found
from lib.kapi import user_of
from lib.pod import Pod
from lib.proxy import SlowProxy

HOST = "registry.example.com"


@pytest.fixture
def elsewhere(api):
    return api.namespace("elsewhere")


@pytest.fixture
def asked_for(namespace, elsewhere):
    """Every object that the settings below lead to."""
    return {f"/api/v1/namespaces/{path}" for path in (
        f"{namespace}/secrets/named", f"{elsewhere}/secrets/named-elsewhere", f"{namespace}/serviceaccounts/scanner",
        f"{namespace}/secrets/own-1", f"{namespace}/secrets/own-2", f"{namespace}/secrets/basic-regcred")}


@pytest.fixture
def scene(api, home, namespace, elsewhere, in_pod):
    """All kinds of pull secrets at once, all readable, none for HOST but the account's last."""
    api.service_account(namespace, "scanner", pull_secrets=["own-1", "own-2"])
    for place, names in ((namespace, ["named", "own-1", "own-2", "basic-regcred"]), (elsewhere, ["named-elsewhere"])):
        for name in names:
            host = HOST if name == "own-2" else f"{name}.example.com"
            api.pull_secret(place, name, {host: {"username": "u", "password": name}})
        api.allow_get(place, f"{namespace}/scanner", secrets=names, service_accounts=["scanner"])
    home.env["KUBECLARITY_PULL_SECRETS"] = f"named,{elsewhere}/named-elsewhere"
    in_pod()


def test_only_get_of_named_objects_and_each_once(api, home, namespace, scene, asked_for):
    assert_not_found(home.get("nobody.example.org"))
    requests = api.audit(user_of(namespace, "scanner"), len(asked_for))
    assert {(verb, status) for verb, _, status in requests} == {("get", 200)}
    paths = [path for _, path, _ in requests]
    assert sorted(paths) == sorted(asked_for)


def test_two_round_trips_deep(api, home, authority, namespace, tmp_path, scene, asked_for):
    proxy = SlowProxy(api, authority.server("127.0.0.1"), pause=0.3)
    try:
        home.pod = Pod(tmp_path / "behind-proxy", api.token(namespace, "scanner"), namespace, authority.ca,
                       "127.0.0.1", proxy.port)
        assert_found(home.get(HOST), HOST, "u", "own-2")
    finally:
        proxy.stop()
    assert {request.method for request in proxy.requests} == {"GET"}
    assert {request.path for request in proxy.requests} <= asked_for
    assert f"/api/v1/namespaces/{namespace}/secrets/own-2" in {request.path for request in proxy.requests}
    assert proxy.depth() == 2
