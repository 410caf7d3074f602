"""`docker login` once: into the cluster by one pod, out of it by every other, with each client's own words."""
import base64

import pytest

from lib.clients import CLIENTS
from lib.helper import Home, assert_found, assert_not_found
from lib.kapi import ApiError
from lib.pod import Pod
from lib.stored import config_of, may_store, path_of

WITH = ["{host}", "-u", "puller", "-p", "{password}"]
CLIENT = {  # how it logs in and out, and what it says to that
    "docker": (["docker", "login", *WITH], "Login Succeeded\n",
               ["docker", "logout", "{host}"], "Removing login credentials for {host}\n"),
    "podman": (["podman", "login", *WITH], "Login Succeeded!\n",
               ["podman", "logout", "{host}"], "Removed login credentials for {host}\n"),
    "skopeo": (["skopeo", "login", *WITH], "Login Succeeded!\n",
               ["skopeo", "logout", "{host}"], "Removed login credentials for {host}\n"),
    "crane": (["crane", "auth", "login", *WITH], "logged in via {config}\n",
              ["crane", "auth", "logout", "{host}"], "logged out via {config}\n"),
    "oras": (["oras", "login", *WITH], "Login Succeeded\n", ["oras", "logout", "{host}"], ""),
}


@pytest.fixture
def writer(api, home, namespace, in_pod):
    """A pod that may store logins and nothing else."""
    api.service_account(namespace, "writer")
    may_store(api, namespace, f"{namespace}/writer")
    in_pod("writer")
    return home


@pytest.fixture
def reader(api, tmp_path, home, namespace, writer):
    """Another pod, of an account that may only read the Secret."""
    api.service_account(namespace, "reader")
    api.allow_get(namespace, f"{namespace}/reader", secrets=["basic-regcred"])
    other = Home(tmp_path / "other", hosts=home.hosts)
    other.env = home.env | {"HOME": str(other.directory), "PATH": other.env["PATH"] + ":" + home.env["PATH"]}
    other.pod = Pod(tmp_path / "reader", api.token(namespace, "reader"), namespace, api.ca, "127.0.0.1", api.port)
    return other


def run(home, command, host, password=""):
    return home.run(*(part.format(host=host, password=password) for part in command))


def configure(home, client, host):
    home.configure(host)
    if client in ("skopeo", "podman"):  # they write only where they are told to
        home.env["REGISTRY_AUTH_FILE"] = str(home.directory / ".docker/config.json")


def says(done, text, home, host):
    """It succeeded with these words; crane has its own on stderr, with the time in front."""
    words = done.err.split(" ", 2)[-1] if "logged" in text else done.out
    assert (done.code, words) == (0, text.format(host=host, config=home.directory / ".docker/config.json")), done
    assert "kubeclarity: " not in done.out + done.err, done


@pytest.mark.parametrize("client", CLIENT)
def test_in_and_out(api, writer, reader, namespace, private, password, client):
    into, welcome, out_of, farewell = CLIENT[client]
    configure(writer, client, private.host)
    says(run(writer, into, private.host, password), welcome, writer, private.host)
    auth = base64.b64encode(f"puller:{password}".encode()).decode()
    assert config_of(api, namespace) == {
        "auths": {private.host: {"username": "puller", "password": password, "auth": auth}}}
    assert password not in (writer.directory / ".docker/config.json").read_text()
    assert_found(reader.get(private.host), private.host, "puller", password)
    for _ in range(2):  # the second time there is nothing to log out of
        says(run(writer, out_of, private.host), farewell, writer, private.host)
        assert config_of(api, namespace) == {"auths": {}}
    assert_not_found(writer.get(private.host))
    assert {"store", "erase"} <= set(writer.asked)


@pytest.mark.parametrize("client", CLIENT)
def test_in_once_more_writes_nothing(api, writer, namespace, private, password, client):
    configure(writer, client, private.host)
    into = CLIENT[client][0]
    assert run(writer, into, private.host, password).code == 0
    before = api.request("GET", path_of(namespace))
    assert run(writer, into, private.host, password).code == 0
    assert api.request("GET", path_of(namespace)) == before


@pytest.mark.parametrize("client", CLIENT)
def test_in_without_the_right(api, reader, namespace, private, password, client):
    """The account that may only read: the client says who needs which Role."""
    configure(reader, client, private.host)
    done = run(reader, CLIENT[client][0], private.host, password)
    assert done.code != 0, done
    for part in (f"secret {namespace}/basic-regcred: access denied to service account {namespace}/reader", "verbs: [get, update]"):
        assert part in done.out + done.err, done
    assert "create" not in done.out + done.err, done
    assert password not in done.out + done.err


@pytest.mark.parametrize("client", ["crane", "skopeo", "docker"])
def test_pull_in_another_pod(api, writer, reader, namespace, private, password, image, client):
    configure(writer, "crane", private.host)
    assert run(writer, CLIENT["crane"][0], private.host, password).code == 0
    reader.configure(private.host)
    result, digest = CLIENTS[client](reader, image[0])
    assert digest == image[1], result
    assert "get" in reader.asked
    with pytest.raises(ApiError) as denied:  # nor can the other pod write
        api.request("PUT", path_of(namespace), api.request("GET", path_of(namespace)),
                    token=api.token(namespace, "reader"))
    assert denied.value.status == 403
