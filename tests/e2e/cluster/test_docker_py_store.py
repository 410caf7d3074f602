"""docker-py's own credential store reads what the helper says, failures too, and writes through it."""
import json
import sys

import pytest

from lib.pod import volume
from lib.stored import config_of, may_store

SCRIPT = """\
import json, sys
import docker.auth, docker.credentials
verb, server, *login = sys.argv[1:]
try:
    if verb == "resolve":
        answer = docker.auth.resolve_authconfig(docker.auth.load_config(), server)
    else:
        answer = getattr(docker.credentials.Store("kubeclarity"), verb)(*[server, *login] if server else [])
except docker.credentials.StoreError as error:
    answer = [type(error).__name__, str(error)]
print(json.dumps(answer, default=bytes.decode))
"""


@pytest.fixture
def ask(home, private, auths):
    """Asks docker-py, with a mounted pull secret for the private registry."""
    home.env["IMAGE_PULL_SECRET_PATH"] = str(home.directory / "pull-secrets")
    volume(home.directory / "pull-secrets/regcred", {".dockerconfigjson": json.dumps({"auths": auths})})
    home.configure(private.host)

    return asks(home)


def asks(home):
    def run(verb, server="", *login):
        done = home.run(sys.executable, "-c", SCRIPT, verb, server, *login)
        assert (done.code, done.err) == (0, ""), done
        return json.loads(done.out)
    return run


@pytest.fixture
def stored(api, home, namespace, in_pod):
    """Asks docker-py in a pod that may store logins."""
    api.service_account(namespace, "writer")
    may_store(api, namespace, f"{namespace}/writer")
    in_pod("writer")
    return asks(home)


def test_get(ask, private, password):
    assert ask("get", private.host) == {"ServerURL": private.host, "Username": "puller", "Secret": password}


def test_get_of_nothing_is_its_own_error(ask):
    kind, message = ask("get", "other.example.test")
    assert kind == "CredentialsNotFound"
    assert "No matching credentials" in message


def test_a_failure_is_another_error_with_our_words(ask, home):
    home.env["IMAGE_PULL_SECRET_PATH"] = "/nowhere"
    kind, message = ask("get", "other.example.test")
    assert kind == "StoreError"
    assert "kubeclarity: " in message and "/nowhere" in message


def test_list(ask, private):
    assert ask("list") == {private.host: "puller"}


def test_resolve_authconfig(ask, private, password):
    answer = ask("resolve", private.host)
    assert (answer["Username"], answer["Password"]) == ("puller", password)


def test_resolve_authconfig_of_nothing(ask):
    assert ask("resolve", "other.example.test") is None


KEY = "https://registry.example.com"
LOGIN = ("user", "secret")


# docker-py's own tests of a store (tests/integration/credentials/store_test.py), against this helper.

def test_store_and_get(stored):
    assert stored("store", KEY, *LOGIN) == ""
    assert stored("get", KEY) == {"ServerURL": KEY, "Username": "user", "Secret": "secret"}


def test_get_of_what_is_missing(stored):
    assert stored("get", KEY)[0] == "CredentialsNotFound"


def test_store_and_erase(stored):
    stored("store", KEY, *LOGIN)
    assert stored("erase", KEY) is None
    assert stored("get", KEY)[0] == "CredentialsNotFound"


def test_erase_of_what_is_missing(stored):
    assert stored("erase", KEY) is None


def test_unicode(stored):
    login = ("\u00fcser \u65e5\u672c", "s\u00e9cr\u00ebt \U0001f511")
    stored("store", KEY, *login)
    answer = stored("get", KEY)
    assert (answer["Username"], answer["Secret"]) == login


def test_store_and_list(api, namespace, stored):
    names = [f"https://registry-{letter}.example.com" for letter in "abc"]
    for name in names:
        stored("store", name, *LOGIN)
    # A list is of hosts, and docker-py finds each of them again.
    listed = stored("list")
    assert listed == {name.removeprefix("https://"): "user" for name in names}
    assert list(config_of(api, namespace)["auths"]) == list(listed)
    for name in listed:
        assert stored("get", name)["Username"] == "user"


def test_an_identity_token(api, home, namespace, stored):
    stored("store", KEY, "<token>", "refresh")
    assert config_of(api, namespace) == {"auths": {"registry.example.com": {"identitytoken": "refresh"}}}
    home.configure("registry.example.com")
    assert stored("resolve", "registry.example.com") == {"IdentityToken": "refresh", "ServerAddress": "registry.example.com"}


def test_a_login_that_cannot_be_stored_is_an_error_with_our_words(home, namespace, stored):
    home.env["CREDS_SECRET_NAMESPACE"] = "elsewhere"
    kind, message = stored("store", KEY, *LOGIN)
    assert kind == "StoreError"
    assert "kubeclarity: secret elsewhere/basic-regcred: access denied to service account" in message
