"""The real API server behind a relay that cuts, resets, delays and damages what it sends: the answer is the right one, from another
try, or the failure is told. `FAULTS=all` does it at every byte; else some are a sample."""
import json
import os
import time

import pytest

from lib import relay

ALL = os.environ.get("FAULTS") == "all"
HOST, PASSWORD = "registry.example.com", "Qz7vKp2mXw9rTn4bHd6s"


@pytest.fixture
def behind(api, home, namespace, tmp_path):
    """The API server behind a relay; the helper knows no other way."""
    between = relay.Relay(api.port)
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "basic-regcred", {HOST: {"username": "user", "password": PASSWORD}})
    api.allow_get(namespace, f"{namespace}/scanner", ["basic-regcred"])
    config = api.kubeconfig(tmp_path / "kubeconfig", {"token": api.token(namespace, "scanner")}, server=f"https://127.0.0.1:{between.port}")
    home.env |= {"CREDS_SECRET_NAMESPACE": namespace, "KUBECONFIG": str(config), "XDG_RUNTIME_DIR": str(home.directory / "tmp"), "KUBECLARITY_TIMEOUT": "8"}
    yield between
    between.stop()


@pytest.mark.parametrize("damage", [relay.cut, relay.reset, relay.flip, relay.late])
def test_at_any_byte(behind, home, damage):
    cache = home.directory / "tmp/docker-credential-kubeclarity"
    assert json.loads(home.get(HOST, KUBECLARITY_CACHE="off").out)["Secret"] == PASSWORD
    length = behind.passed
    assert length > 1500
    sample = range(length) if ALL and damage is not relay.late else [at * (length - 1) // 9 for at in range(10)]
    answered = 0
    for at in sample:
        behind.damage = damage(at)
        start = time.monotonic()
        result = home.get(HOST)
        assert time.monotonic() - start < 8.8 and result.err == "", (at, result)
        if result.code == 0:
            assert json.loads(result.out) == {"ServerURL": HOST, "Username": "user", "Secret": PASSWORD}
            answered += 1
            [kept] = cache.iterdir()
            kept.unlink()
        else:
            assert damage is relay.flip and result.out.startswith("kubeclarity: secret ") and result.out.count("\n") == 1, (at, result)
            assert not list(cache.iterdir())
    print(f"{damage.__name__} at {len(sample)} of {length} bytes: {answered} answered, {len(sample) - answered} told")
