"""A config.json that holds a credential and names this helper: the helper reads the one and does not run itself."""
import base64
import json
from pathlib import Path

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


def test_crane_s_word_on_docker_auth_config_is_harmless(home, private, auths, image):
    """What `kubectl create secret docker-registry` writes has more fields than crane knows: it says so, and the helper reads them."""
    login, = auths.values()
    auth = {"auth": base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()}
    home.configure(private.host)
    said = {}
    for name, entry in (("kubectl's", login | auth), ("auth alone", auth)):
        home.env["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {private.host: entry}})
        said[name], digest = CLIENTS["crane"](home, image[0])
        assert (said[name].code, digest) == (0, image[1]), said
    words = 'Failed to create credential store from DOCKER_AUTH_CONFIG: json: unknown field "username"'
    assert words in " ".join(said["kubectl's"].err.split()) and not said["auth alone"].err, said
    assert words in (Path(__file__).resolve().parents[3] / "README.md").read_text()
