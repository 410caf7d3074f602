"""`list` in a pod: every registry that `get` would answer, as host[:port]."""
import json

import pytest

from lib.helper import Result, assert_error

ENTRY = {"username": "user", "password": "secret"}


@pytest.fixture
def scanner(api, namespace, in_pod):
    """A pod whose account names `own`, and may read `own` and `basic-regcred`."""
    api.service_account(namespace, "scanner", pull_secrets=["own"])
    api.pull_secret(namespace, "own", {
        "https://OWN.example.com:5000/team/app": ENTRY | {"username": "own"}, "https://index.docker.io/v1/": ENTRY,
        "*.glob.example.com": ENTRY, "https://index.docker.io/v1/access-token": ENTRY, "empty.example.com": {}})
    api.pull_secret(namespace, "basic-regcred", {
        "basic.example.com:443": {"identitytoken": "refresh"}, "own.example.com:5000": ENTRY | {"username": "later"}})
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["own", "basic-regcred"], service_accounts=["scanner"])
    in_pod()


def test_all_sources(home, scanner):
    result = home.helper("list")
    assert (result.code, result.err) == (0, ""), result
    assert json.loads(result.out) == {
        "own.example.com:5000": "later",  # a key without a path wins where no image is known
        "https://index.docker.io/v1/": "user", "basic.example.com": "<token>"}
    for server, user in json.loads(result.out).items():
        assert json.loads(home.get(server).out)["Username"] == user


def test_nothing(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner")
    in_pod()
    assert home.helper("list") == Result(0, "{}\n", "")


def test_a_named_secret_that_cannot_be_read(home, namespace, scanner):
    home.env["KUBECLARITY_PULL_SECRETS"] = "denied"
    assert_error(home.helper("list"), f"{namespace}/denied", "Role")
    assert home.helper("list", KUBECLARITY_ON_ERROR="anonymous") == Result(0, "{}\n", "")


def test_stdin_is_not_waited_for(home, scanner):
    """A fifo that is also open for writing never ends."""
    done = home.run("sh", "-c", 'mkfifo silent; exec "$1" list <> silent', "sh", home.binary, timeout=20)
    assert (done.code, done.err) == (0, "")
    assert "own.example.com:5000" in json.loads(done.out)
