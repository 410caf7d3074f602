"""What the tests share: one API server, three registries, their images; and for each test a home and a namespace."""
import os
import secrets
import shutil
import tempfile
from pathlib import Path

import pytest

if not os.environ.get("E2E_SEALED"):
    pytest.exit("these tests run sealed: tests/e2e/sealed pytest tests/e2e/cluster", returncode=2)

from lib.dockerd import Daemon  # noqa: E402
from lib.helper import Home  # noqa: E402
from lib.images import push  # noqa: E402
from lib.kapi import Api  # noqa: E402
from lib.pki import Authority  # noqa: E402
from lib.pod import Pod  # noqa: E402
from lib.registry import Registry  # noqa: E402

TOOLS = Path(shutil.which("crane")).parent
USER = "puller"


@pytest.fixture(scope="session")
def work():
    """A short path: the API server keeps Unix sockets below it."""
    directory = Path(tempfile.mkdtemp(prefix="kc-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def api(work):
    server = Api(work / "k")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def authority(work):
    return Authority(work / "pki")


@pytest.fixture(scope="session")
def password():
    return secrets.token_urlsafe(18)


@pytest.fixture(scope="session")
def private(work, authority, password):
    """A registry that opens to USER and `password` only."""
    yield from _serve(work, "private.example.test", authority, {USER: password})


@pytest.fixture(scope="session")
def mirror(work, authority, password):
    """Another private one, with a password of its own: the same, backwards."""
    yield from _serve(work, "mirror.example.test", authority, {USER: password[::-1]})


@pytest.fixture(scope="session")
def public(work, authority):
    """A registry that asks nobody for a password."""
    yield from _serve(work, "public.example.test", authority, None)


def _serve(work, name, authority, users):
    registry = Registry(work / name, name, authority, users)
    yield registry
    registry.stop()


@pytest.fixture(scope="session")
def hosts(work):
    """An /etc/hosts in which the registries have names."""
    path = work / "hosts"
    path.write_text("127.0.0.1 localhost private.example.test mirror.example.test public.example.test\n::1 localhost\n")
    return path


@pytest.fixture(scope="session")
def image(work, private, password, authority, hosts):
    """A private image of three layers: (reference, digest)."""
    return push(work / "push-private", f"{private.host}/team/app:1", 3, authority.ca, hosts, (USER, password))


@pytest.fixture(scope="session")
def public_image(work, public, authority, hosts):
    return push(work / "push-public", f"{public.host}/base:1", 1, authority.ca, hosts)


@pytest.fixture(scope="session")
def daemon(work, authority):
    """Where docker and docker-py send their pulls."""
    engine = Daemon(work / "docker.sock", authority.ca)
    yield engine
    engine.stop()


@pytest.fixture
def home(tmp_path, authority, hosts, daemon):
    return Home(tmp_path / "home", paths=[TOOLS], hosts=hosts, SSL_CERT_FILE=authority.ca, DOCKER_HOST=daemon.host)


@pytest.fixture
def namespace(api):
    return api.namespace()


@pytest.fixture
def auths(private, password):
    """What opens the private registry, as in a config.json."""
    return {private.host: {"username": USER, "password": password}}


@pytest.fixture
def in_pod(api, home, namespace, tmp_path):
    """Puts the home into a pod of the service account `scanner` in `namespace`, which must exist; the credentials
    namespace is the same. Returns the pod."""
    home.env["CREDS_SECRET_NAMESPACE"] = namespace

    def enter(account="scanner", token=None):
        home.pod = Pod(tmp_path / "pod", token or api.token(namespace, account), namespace, api.ca, "127.0.0.1", api.port)
        return home.pod
    return enter
