"""A cluster that cannot be asked: one clear line where somebody named it, silence where it was found by chance."""
import socket
import time

import pytest

from lib.helper import assert_error, assert_found, assert_not_found
from lib.pod import Pod, volume

HOST = "registry.example.com"
AUTHS = {HOST: {"username": "user", "password": "secret"}}


@pytest.fixture
def closed_port():
    """A port that is ours and refuses every connection."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def silent_port():
    """A port that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def kubeconfig(api, home, namespace):
    """Writes a kubeconfig, by default a good one, of an account that may read `regcred`."""
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "regcred", AUTHS)
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["regcred"])
    home.env |= {"CREDS_SECRET_NAMESPACE": namespace, "KUBECLARITY_TIMEOUT": "2"}

    def write(path, token=None, **cluster):
        path.parent.mkdir(exist_ok=True)
        return api.kubeconfig(path, {"token": token or api.token(namespace, "scanner")}, namespace, **cluster)
    return write


def test_wrong_authority(home, authority, kubeconfig):
    home.env["KUBECONFIG"] = str(kubeconfig(home.directory / "kubeconfig", ca=authority.ca))
    assert_error(home.get(HOST), "certificate")


def test_pointing_nowhere(home, kubeconfig, closed_port):
    server = f"https://127.0.0.1:{closed_port}"
    home.env["KUBECONFIG"] = str(kubeconfig(home.directory / "kubeconfig", server=server))
    start = time.monotonic()
    assert_error(home.get(HOST), server)
    assert time.monotonic() - start < 8  # not the default of ten seconds


def test_a_server_that_never_answers(home, kubeconfig, silent_port):
    server = f"https://127.0.0.1:{silent_port}"
    home.env["KUBECONFIG"] = str(kubeconfig(home.directory / "kubeconfig", server=server))
    start = time.monotonic()
    assert_error(home.get(HOST), server)
    assert time.monotonic() - start < 8  # not the default of ten seconds


@pytest.mark.parametrize("fault", ["nowhere", "wrong authority"])
def test_a_kubeconfig_found_by_chance_is_no_reason_to_fail(home, authority, kubeconfig, closed_port, fault):
    cluster = {"server": f"https://127.0.0.1:{closed_port}"} if fault == "nowhere" else {"ca": authority.ca}
    kubeconfig(home.directory / ".kube/config", **cluster)
    assert_not_found(home.get(HOST))


def test_but_it_is_one_once_a_secret_is_named(home, kubeconfig, closed_port):
    kubeconfig(home.directory / ".kube/config", server=f"https://127.0.0.1:{closed_port}")
    assert_error(home.get(HOST, KUBECLARITY_PULL_SECRETS="regcred"), "regcred")


def test_a_kubeconfig_that_is_not_there(home):
    home.env["KUBECONFIG"] = str(home.directory / "nowhere")
    assert_error(home.get(HOST), f"{home.directory}/nowhere")


def test_an_empty_kubeconfig(home):
    (home.directory / "empty").touch()
    home.env["KUBECONFIG"] = str(home.directory / "empty")
    assert_error(home.get(HOST), f"{home.directory}/empty")


def test_an_expired_token_is_not_tried_twice(api, home, namespace, kubeconfig):
    token = api.expired_token(namespace, "scanner")
    home.env["KUBECONFIG"] = str(kubeconfig(home.directory / "kubeconfig", token=token))
    start = time.monotonic()
    assert_error(home.get(HOST, KUBECLARITY_TIMEOUT=30), "401")
    assert time.monotonic() - start < 10


def test_in_a_pod_it_is_an_error(api, home, namespace, tmp_path, kubeconfig, closed_port):
    home.pod = Pod(tmp_path / "pod", api.token(namespace, "scanner"), namespace, api.ca, "127.0.0.1", closed_port)
    assert_error(home.get(HOST), f"https://127.0.0.1:{closed_port}")
    assert_not_found(home.get(HOST, KUBECLARITY_ON_ERROR="anonymous"))


def test_a_mounted_secret_answers_before_the_cluster_is_asked(api, home, namespace, tmp_path, kubeconfig, silent_port):
    home.pod = Pod(tmp_path / "pod", api.token(namespace, "scanner"), namespace, api.ca, "127.0.0.1", silent_port)
    volume(home.directory / "mounted/regcred", {".dockerconfigjson": '{"auths": {"%s": {"auth": "dTpw"}}}' % HOST})
    home.env["IMAGE_PULL_SECRET_PATH"] = str(home.directory / "mounted")
    start = time.monotonic()
    assert_found(home.get(HOST, KUBECLARITY_TIMEOUT=30), HOST, "u", "p")
    assert time.monotonic() - start < 10


def test_a_later_source_wins_over_a_default_cluster_that_fails(api, home, namespace, tmp_path, kubeconfig, closed_port):
    home.pod = Pod(tmp_path / "pod", api.token(namespace, "scanner"), namespace, api.ca, "127.0.0.1", closed_port)
    config = '{"auths": {"%s": {"auth": "dTpw"}}}' % HOST
    assert_found(home.get(HOST, DOCKER_AUTH_CONFIG=config), HOST, "u", "p")
    assert_error(home.get(HOST, DOCKER_AUTH_CONFIG=config, KUBECLARITY_PULL_SECRETS="regcred"), "regcred")
