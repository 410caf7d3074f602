"""A `get` answered from a mounted secret touches no network and starts nothing."""
import json

import pytest

from lib.helper import assert_found, assert_not_found
from lib.pod import volume


@pytest.fixture
def traced(home, auths):
    """Runs `get` under strace; returns the result and the calls that were made."""
    home.env["IMAGE_PULL_SECRET_PATH"] = str(home.directory / "pull-secrets")
    volume(home.directory / "pull-secrets/regcred", {".dockerconfigjson": json.dumps({"auths": auths})})

    def get(server):
        log = home.directory / "trace"
        result = home.get(server, before=[
            "strace", "-f", "-qq", "-o", log, "-e", "trace=execve,%network,clone,clone3,fork,vfork,exit_group"])
        return result, [line.split(maxsplit=1)[1].split("(")[0] for line in log.read_text().splitlines()]
    return get


def test_no_socket_and_no_thread(traced, private, password):
    result, calls = traced(private.host)
    assert_found(result, private.host, "puller", password)
    assert calls == ["execve", "exit_group"]


def test_none_when_nothing_is_found_outside_a_cluster(traced):
    result, calls = traced("other.example.test")
    assert_not_found(result)
    assert calls == ["execve", "exit_group"]


def test_the_trace_would_show_a_socket(api, traced, home, namespace, in_pod):
    """The same question to a cluster: so the tests above are not blind."""
    api.service_account(namespace, "scanner")
    in_pod()
    result, calls = traced("other.example.test")
    assert_not_found(result)
    assert "socket" in calls and "connect" in calls
