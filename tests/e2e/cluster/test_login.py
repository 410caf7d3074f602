"""Logging in and out through the helper, outside a cluster: what is served already is fine, anything else is said truthfully."""
import base64
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


def run(home, command, host, password="", **variables):
    return home.run(*(part.format(host=host, user="puller", password=password) for part in command), **variables)


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


@pytest.mark.parametrize("client", ["skopeo", "podman"])
def test_they_log_in_past_credhelpers_unless_registry_auth_file_names_the_file(home, private, password, client):
    """README.md warns of it: where they pull by this helper, they still keep passwords themselves."""
    file, runtime = home.directory / ".config/containers/auth.json", home.directory / "run"
    for directory in (file.parent, runtime):
        directory.mkdir(parents=True)
    file.write_text(json.dumps({"credHelpers": {private.host: "kubeclarity"}}))
    home.env["XDG_RUNTIME_DIR"] = str(runtime)
    done = run(home, LOGIN[client], private.host, password)
    assert done.code == 0 and "Login Succeeded" in done.out and "store" not in home.asked, done
    kept = json.loads((runtime / "containers/auth.json").read_text())["auths"][private.host]["auth"]
    assert base64.b64decode(kept).decode() == f"puller:{password}"
    (runtime / "containers/auth.json").unlink()
    done = run(home, LOGIN[client], private.host, password, REGISTRY_AUTH_FILE=file)
    assert done.code != 0 and "kubeclarity: " in done.err and "store" in home.asked, done  # without a cluster it cannot be kept
    assert not (runtime / "containers/auth.json").exists() and "auths" not in json.loads(file.read_text())


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
