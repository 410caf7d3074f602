"""Logging in and out through the helper, outside a cluster: what is served already is fine, anything else is said truthfully."""
import json

import pytest

from lib.pod import volume

LOGIN = {
    "crane": ["crane", "auth", "login", "{host}", "-u", "{user}", "-p", "{password}"],
    "skopeo": ["skopeo", "login", "{host}", "-u", "{user}", "-p", "{password}"],
    "podman": ["podman", "login", "{host}", "-u", "{user}", "-p", "{password}"],
    "docker": ["docker", "login", "{host}", "-u", "{user}", "-p", "{password}"],
    "oras": ["oras", "login", "{host}", "-u", "{user}", "-p", "{password}"],
}
LOGOUT = {
    "crane": ["crane", "auth", "logout", "{host}"],
    "skopeo": ["skopeo", "logout", "{host}"],
    "podman": ["podman", "logout", "{host}"],
    "docker": ["docker", "logout", "{host}"],
    "oras": ["oras", "logout", "{host}"],
}


@pytest.fixture
def mounted(home, auths):
    home.env["IMAGE_PULL_SECRET_PATH"] = str(home.directory / "pull-secrets")
    volume(home.directory / "pull-secrets/regcred", {".dockerconfigjson": json.dumps({"auths": auths})})


def run(home, command, host, password=""):
    return home.run(*(part.format(host=host, user="puller", password=password) for part in command))


def configure(home, client, host):
    home.configure(host)
    if client in ("skopeo", "podman"):  # they write only where they are told to
        home.env["REGISTRY_AUTH_FILE"] = str(home.directory / ".docker/config.json")


@pytest.mark.parametrize("client", LOGIN)
def test_with_what_is_served_already(home, mounted, private, password, client):
    configure(home, client, private.host)
    done = run(home, LOGIN[client], private.host, password)
    assert done.code == 0, done
    assert "store" in home.asked
    assert password not in (home.directory / ".docker/config.json").read_text()


@pytest.mark.parametrize("client", LOGIN)
def test_with_what_cannot_be_kept(home, private, password, client):
    configure(home, client, private.host)
    done = run(home, LOGIN[client], private.host, password)
    assert done.code != 0, done
    assert "kubeclarity: " in done.err, done
    assert password not in done.out + done.err
    assert "store" in home.asked
    assert password not in (home.directory / ".docker/config.json").read_text()


@pytest.mark.parametrize("client", LOGOUT)
def test_out_of_what_nobody_serves(home, private, client):
    configure(home, client, private.host)
    done = run(home, LOGOUT[client], private.host)
    assert done.code == 0, done
    assert "kubeclarity: " not in done.out + done.err
    assert "erase" in home.asked


@pytest.mark.parametrize("client", LOGOUT)
def test_out_of_what_a_mounted_secret_serves(home, mounted, private, password, client):
    configure(home, client, private.host)
    done = run(home, LOGOUT[client], private.host)
    assert "erase" in home.asked
    assert password not in done.out + done.err
    if client == "docker":  # 20.10 says nothing of a helper's refusal to erase
        assert done.code == 0, done
        return
    assert done.code != 0, done
    # podman 4.3 and skopeo 1.9 end with a stack overflow of their own when any helper refuses
    assert ("stack overflow" if client in ("skopeo", "podman") else "kubeclarity: ") in done.out + done.err, done
