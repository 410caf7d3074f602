"""docker-py's own credential store reads what the helper says, failures too."""
import json
import sys

import pytest

from lib.pod import volume

SCRIPT = """\
import json, sys
import docker.auth, docker.credentials
verb, server = sys.argv[1:]
try:
    if verb == "resolve":
        answer = docker.auth.resolve_authconfig(docker.auth.load_config(), server)
    else:
        answer = getattr(docker.credentials.Store("kubeclarity"), verb)(*[server] if server else [])
except docker.credentials.StoreError as error:
    answer = [type(error).__name__, str(error)]
print(json.dumps(answer))
"""


@pytest.fixture
def ask(home, private, auths):
    """Asks docker-py, with a mounted pull secret for the private registry."""
    home.env["IMAGE_PULL_SECRET_PATH"] = str(home.directory / "pull-secrets")
    volume(home.directory / "pull-secrets/regcred", {".dockerconfigjson": json.dumps({"auths": auths})})
    home.configure(private.host)

    def run(verb, server=""):
        done = home.run(sys.executable, "-c", SCRIPT, verb, server)
        assert (done.code, done.err) == (0, ""), done
        return json.loads(done.out)
    return run


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
