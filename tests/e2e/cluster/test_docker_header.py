"""The X-Registry-Auth that docker and docker-py send to the engine is what the helper answered."""
import json

import pytest

from lib.clients import CLIENTS
from lib.pod import volume


def pull(home, daemon, client, host, entry):
    """Pulls with this entry for `host` in a mounted secret; returns what the engine was sent."""
    home.env["IMAGE_PULL_SECRET_PATH"] = str(home.directory / "pull-secrets")
    volume(home.directory / "pull-secrets/regcred", {".dockerconfigjson": json.dumps({"auths": {host: entry}})})
    home.configure(host)
    before = len(daemon.seen)
    CLIENTS[client](home, f"{host}/team/app:1")
    (image, auth), = daemon.seen[before:]
    assert image == f"{host}/team/app"
    return {name: value for name, value in auth.items() if value and name != "serveraddress"}


@pytest.mark.parametrize("client", ["docker", "docker-py"])
def test_user_and_password(home, daemon, private, image, client):
    sent = pull(home, daemon, client, private.host, {"username": "puller", "password": "a:b c\u00fc\"\\"})
    assert sent == {"username": "puller", "password": "a:b c\u00fc\"\\"}


@pytest.mark.parametrize("client", ["docker", "docker-py"])
def test_identity_token(home, daemon, private, image, client):
    sent = pull(home, daemon, client, private.host, {"identitytoken": "refresh-me"})
    assert sent == {"identitytoken": "refresh-me"}


@pytest.mark.parametrize("client", ["docker", "docker-py"])
def test_nothing_for_another_registry(home, daemon, private, public, public_image, client):
    pull(home, daemon, client, private.host, {"username": "puller", "password": "secret"})
    home.configure(public.host)
    CLIENTS[client](home, public_image[0])
    image, auth = daemon.seen[-1]
    assert image == f"{public.host}/base"
    assert not auth.get("username") and not auth.get("password") and not auth.get("identitytoken")
