"""docs/recordings: what explain says in a pod, against the real API server."""
import base64
import json

import pytest

from lib import recording
from lib.pod import Pod

HOST = "registry.example.com"
IMAGE = f"{HOST}/team/app:1"


def jwt(**claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    return f"{part({'alg': 'none'})}.{part(claims)}.c2lnbmF0dXJl"


@pytest.fixture
def pod(api, home, tmp_path):
    """In a pod of the service account `scanner` of a namespace of this very name, which is the credentials namespace too."""
    def enter(namespace, pull_secrets=(), readable=()):
        api.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        api.service_account(namespace, "scanner", pull_secrets)
        api.allow_get(namespace, f"{namespace}/scanner", service_accounts=["scanner"])
        if readable:
            api.allow_get(namespace, f"{namespace}/scanner", secrets=readable)
        home.env["CREDS_SECRET_NAMESPACE"] = namespace
        home.pod = Pod(tmp_path / "pod", api.token(namespace, "scanner"), namespace, api.ca, "127.0.0.1", api.port)
    return enter


@pytest.fixture
def explain(home):
    def run(name, about, image, code):
        result = home.run(home.binary, "explain", image)
        assert (result.code, result.err) == (code, ""), result
        recording.compare(name, about, ["explain", image], code, result.out)
        return result.out
    return run


def test_recordings_pull_secret_found(api, pod, explain):
    pod("scans", ["regcred"], ["regcred", "basic-regcred"])
    api.pull_secret("scans", "regcred", {HOST: {"username": "robot", "password": "p"}, "ghcr.io": {"username": "ci", "password": "p"}})
    out = explain("pull-secret-found", "In a pod whose service account names the pull secret regcred and may read it.", IMAGE, 0)
    assert "found: user robot from secret scans/regcred/.dockerconfigjson entry registry.example.com" in out


def test_recordings_rbac_denied(api, pod, explain):
    pod("team-a", ["regcred"], ["basic-regcred"])
    api.pull_secret("team-a", "regcred", {HOST: {"username": "robot", "password": "p"}})
    out = explain("rbac-denied", "In a pod whose service account names the pull secret regcred but may not read it.", IMAGE, 1)
    assert "fix 1, for secret team-a/regcred" in out


def test_recordings_path_over_host(api, pod, explain):
    pod("team-b", ["everyone", "team"], ["everyone", "team", "basic-regcred"])
    api.pull_secret("team-b", "everyone", {HOST: {"username": "everyone", "password": "p"}})
    api.pull_secret("team-b", "team", {f"{HOST}/team": {"username": "team-robot", "password": "p"}})
    out = explain("path-over-host", "In a pod with two pull secrets: one for the whole registry, one for a path of it.", IMAGE, 0)
    assert "found: user team-robot" in out


def test_recordings_expired_token(api, pod, explain):
    pod("team-c", ["regcred"], ["regcred", "basic-regcred"])
    token = jwt(exp=1735689600)
    api.pull_secret("team-c", "regcred", {HOST: {"username": "robot", "password": token}})
    out = explain("expired-token", "In a pod whose pull secret holds a token that expired at the end of 2024.", IMAGE, 1)
    assert "has expired (on 2025-01-01 at 00:00:00 UTC); renew it" in out


def test_recordings_ecr_missing_key(api, pod, explain):
    pod("kubeclarity-jobs", [], ["ecr-sa", "basic-regcred"])
    api.secret("kubeclarity-jobs", "ecr-sa", {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_DEFAULT_REGION": "eu-west-1"})
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1"
    out = explain("ecr-missing-key", "In a pod; the secret ecr-sa has no AWS_SECRET_ACCESS_KEY.", image, 1)
    assert "fix 1, for secret kubeclarity-jobs/ecr-sa" in out
