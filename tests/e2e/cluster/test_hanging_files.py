"""A file system that hangs: the limit holds for every verb, wherever the files lie and whatever they hang in."""
import json
import sys
import time
from pathlib import Path

import pytest

from lib.helper import assert_error, assert_found

HANGING = Path(__file__).parents[1] / "lib/hanging.py"
SERVER = "reg.example.com"
CONFIG = json.dumps({"auths": {SERVER: {"username": "u", "password": "hunter2"}}})
KUBECONFIG = json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c"}}],
                         "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}]})
LIMIT = 1
FUSE = ["LOOKUP", "OPEN", "READ", "unread"]


@pytest.fixture
def hanging(home):
    """Runs the helper beside a file system that hangs; its result, which must come in time."""
    place = home.directory / "hanging"
    place.mkdir()

    def run(kind, verb, *arguments, content=CONFIG, **env):
        started = time.monotonic()
        env = {name: str(value).replace("HANGING", str(place)) for name, value in env.items()}
        arguments = [str(argument).replace("HANGING", str(place)) for argument in arguments]
        stdin = {"get": SERVER, "erase": SERVER, "store": json.dumps({"ServerURL": SERVER, "Username": "u", "Secret": "hunter2-new"})}.get(verb, "")
        result = home.run(home.binary, verb, *arguments, stdin=stdin, before=[sys.executable, HANGING, place, kind],
                          HANGING_CONTENT=content, KUBECLARITY_TIMEOUT=LIMIT, **env)
        assert time.monotonic() - started < LIMIT + 5, f"it hung: {result}"
        return result
    return run


def assert_late(result, *parts):
    assert_error(result, f"did not end within {LIMIT} s", *parts)
    assert "hunter2" not in result.out


@pytest.mark.parametrize("kind", [*FUSE, "OPENDIR", "READDIR", "autofs"])
@pytest.mark.parametrize("verb", ["get", "list", "explain"])
def test_mounted_secrets(hanging, verb, kind):
    arguments = [SERVER] if verb == "explain" else []
    assert_late(hanging(kind, verb, *arguments, IMAGE_PULL_SECRET_PATH="HANGING/secrets" if kind == "autofs" else "HANGING"))


@pytest.mark.parametrize("kind", [*FUSE, "autofs"])
@pytest.mark.parametrize("env", [{"DOCKER_CONFIG": "HANGING/docker"}, {"REGISTRY_AUTH_FILE": "HANGING/x/auth.json"}], ids=str)
@pytest.mark.parametrize("verb", ["get", "list"])
def test_docker_s_configuration(hanging, verb, env, kind):
    assert_late(hanging(kind, verb, **env))


@pytest.mark.parametrize("kind", [*FUSE, "autofs"])
@pytest.mark.parametrize("verb", ["get", "store", "erase", "list", "explain"])
def test_kubeconfig(hanging, verb, kind):
    arguments = [SERVER] if verb == "explain" else []
    assert_late(hanging(kind, verb, *arguments, content=KUBECONFIG, KUBECONFIG="HANGING/x/kubeconfig"))


@pytest.mark.parametrize("kind", ["LOOKUP", "unread", "autofs"])
@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "HOME"])
def test_the_cache(hanging, home, variable, kind):
    (home.directory / "kubeconfig").write_text(KUBECONFIG)
    assert_late(hanging(kind, "get", **{variable: "HANGING/x"}, KUBECONFIG=home.directory / "kubeconfig"))


@pytest.mark.parametrize("kind", ["LOOKUP", "OPEN", "READ", "unread", "autofs"])
def test_configure(hanging, kind):
    assert_late(hanging(kind, "configure", SERVER, DOCKER_CONFIG="HANGING/docker"))


@pytest.mark.parametrize("kind", ["LOOKUP", "CREATE", "unread", "autofs"])
def test_install(hanging, kind):
    assert_late(hanging(kind, "install", "HANGING/x/shared"))


def test_files_of_a_plugin_s_kubeconfig(hanging):
    user = {"client-certificate": "HANGING/x/token", "client-key": "HANGING/x/token"}
    text = json.loads(KUBECONFIG) | {"users": [{"name": "u", "user": user}]}
    text["contexts"][0]["context"]["user"] = "u"
    assert_late(hanging("READ", "get", content=json.dumps(text), KUBECONFIG="HANGING/x/kubeconfig"))


def test_one_that_does_not_hang_is_read(hanging):
    """The way through a second process is the same to clients: found, not found, an error, and what a failed verb says."""
    assert_found(hanging("none", "get", IMAGE_PULL_SECRET_PATH="HANGING"), SERVER, "u", "hunter2")
    found = hanging("none", "explain", SERVER, IMAGE_PULL_SECRET_PATH="HANGING")
    assert (found.code, found.err) == (0, "") and "HANGING" not in found.out and SERVER in found.out
    assert hanging("none", "list", IMAGE_PULL_SECRET_PATH="HANGING").out == json.dumps({SERVER: "u"}, separators=(",", ":")) + "\n"
    assert hanging("none", "get", content="{}", IMAGE_PULL_SECRET_PATH="HANGING").out == "credentials not found in native keychain\n"
    assert_error(hanging("none", "get", content="{", IMAGE_PULL_SECRET_PATH="HANGING"), ".dockerconfigjson")
    logged = hanging("none", "get", IMAGE_PULL_SECRET_PATH="HANGING", KUBECLARITY_LOG="debug")
    assert logged.code == 0 and "kubeclarity: question" in logged.err
