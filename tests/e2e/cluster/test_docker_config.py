"""A config.json that holds a credential and names this helper: the helper reads the one and does not run itself."""
import json

import pytest

from lib.clients import CLIENTS


def config(home, private, auths):
    path = home.directory / "elsewhere/config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"auths": auths, "credHelpers": {private.host: "kubeclarity"}, "credsStore": "kubeclarity"}))
    return path


@pytest.mark.parametrize("client", ["crane", "docker", "oras"])
def test_docker_config(home, private, auths, image, client):
    home.env["DOCKER_CONFIG"] = str(config(home, private, auths).parent)
    result, digest = CLIENTS[client](home, image[0])
    assert (result.code, digest) == (0, image[1]), result
    assert set(home.asked) == {"get"}


@pytest.mark.parametrize("client", ["skopeo", "podman", "buildah"])
def test_registry_auth_file(home, private, auths, image, client):
    home.env["REGISTRY_AUTH_FILE"] = str(config(home, private, auths))
    result, digest = CLIENTS[client](home, image[0])
    assert (result.code, digest) == (0, image[1]), result
    assert set(home.asked) == {"get"}
