"""What the tests of deploy/ share. They run in the box (tests/e2e/box/enter), so that the clouds' sources can be tried as well."""
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

E2E = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(E2E), str(E2E / "clouds")]
if os.environ.get("BOX_METADATA") is None:
    pytest.exit("these tests run in the box: tests/e2e/box/enter pytest tests/e2e/deploy", returncode=2)

from box.cloud import Box  # noqa: E402
from box.helper import Helper  # noqa: E402
from kubelet import Image  # noqa: E402
from lib.images import push  # noqa: E402
from lib.kapi import Api  # noqa: E402
from lib.pki import Authority  # noqa: E402
from lib.registry import Registry  # noqa: E402
from manifests import REPOSITORY, Server  # noqa: E402
from recipe_fixtures import both_hosts, build, clients, mirror, with_crane  # noqa: E402, F401


@pytest.fixture(scope="session")
def work():
    directory = Path(tempfile.mkdtemp(prefix="d."))  # short: Unix sockets live in it
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def api(work):
    server = Api(work / "k")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def server(api):
    return Server(api)


@pytest.fixture(scope="session")
def the_box():
    box = Box()
    yield box
    box.close()


@pytest.fixture
def box(the_box):
    the_box.reset()
    return the_box


@pytest.fixture
def helper(box):
    home = Path(tempfile.mkdtemp(prefix="h."))
    yield Helper(box, home)
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def program():
    """The static program: STATIC, or HELPER if that is one."""
    return Path(os.environ.get("STATIC") or os.environ["HELPER"]).resolve(strict=True)


@pytest.fixture(scope="session")
def authority(work):
    return Authority(work / "pki")


@pytest.fixture(scope="session")
def password():
    return secrets.token_urlsafe(18)


@pytest.fixture(scope="session")
def private(work, authority, password):
    """A registry that opens to `puller` with the password only."""
    registry = Registry(work / "private", "private.example.test", authority, {"puller": password})
    yield registry
    registry.stop()


@pytest.fixture(scope="session")
def hosts(work):
    """The box's hosts file, and the registry."""
    path = work / "hosts"
    path.write_text(Path("/etc/hosts").read_text() + "127.0.0.1 private.example.test\n")
    return path


@pytest.fixture(scope="session")
def pushed(work, private, password, authority, hosts):
    """A private image of two layers: (reference, digest)."""
    return push(work / "push", f"{private.host}/team/app:1", 2, authority.ca, hosts, ("puller", password))


@pytest.fixture(scope="session")
def authorities(work, authority, the_box):
    """What the machines of these tests trust: the registry's authority and the clouds'."""
    path = work / "authorities.crt"
    path.write_text(authority.ca.read_text() + Path(the_box.ca.path).read_text())
    return path


@pytest.fixture(scope="session")
def storage(work):
    """buildah's and podman's, of these tests' own."""
    return ["--root", str(work / "storage"), "--runroot", str(work / "run"), "--storage-driver", "vfs"]


@pytest.fixture(scope="session")
def image(work, program, authorities, storage):
    """The image, built by deploy/image/build: (its name, an archive of it)."""
    archive, name = work / "image.tar", "localhost/docker-credential-kubeclarity:test"
    environment = os.environ | {"PROGRAM": str(program), "AUTHORITIES": str(authorities), "BUILDAH": shlex.join(["buildah", *storage])}
    subprocess.run([REPOSITORY / "deploy/image/build", name, archive], env=environment, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return name, archive


@pytest.fixture(scope="session")
def unpacked(work, image):
    """The image's root as a directory, laid by hand out of its layers."""
    layout, root = work / "unpacked", work / "image-root"
    for directory in (layout, root):
        directory.mkdir()
    subprocess.run(["tar", "-xf", image[1], "-C", layout], check=True)
    blob = lambda digest: layout / "blobs" / digest.replace(":", "/")  # noqa: E731
    manifest = json.loads(blob(json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]).read_text())
    for layer in manifest["layers"]:
        subprocess.run(["tar", "-xf", blob(layer["digest"]), "-C", root], check=True)
    return root, json.loads(blob(manifest["config"]["digest"]).read_text()), manifest


@pytest.fixture(scope="session")
def images(work, unpacked, authorities):
    """By name: the helper's image, and a scanner's, which holds crane (static) and the authorities and nothing else."""
    root, config, _ = unpacked
    scanner = work / "scanner-root"
    (scanner / "usr/bin").mkdir(parents=True)
    (scanner / "etc/ssl/certs").mkdir(parents=True)
    shutil.copy(authorities, scanner / "etc/ssl/certs/ca-certificates.crt")
    shutil.copy(shutil.which("crane"), scanner / "usr/bin/crane")
    helper = config["config"]
    return {"helper": Image(root, helper["Entrypoint"], dict(pair.split("=", 1) for pair in helper["Env"]), int(helper["User"].partition(":")[0])),
            "scanner": Image(scanner, ["/usr/bin/crane"])}
