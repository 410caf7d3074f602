"""What the tests of the clouds share: the box, and the helper run in it as a client would."""
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
if os.environ.get("BOX_METADATA") is None:
    pytest.exit("the clouds' tests run in the box: tests/e2e/box/enter pytest tests/e2e/clouds", returncode=2)

from box.cloud import Box  # noqa: E402
from box.helper import Helper  # noqa: E402
from lib.kapi import Api  # noqa: E402


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
    """Its home has a name that says nothing: a test that looks for a word in a message must not find it in a path."""
    home = Path(tempfile.mkdtemp(prefix="h."))
    yield Helper(box, home)
    shutil.rmtree(home)


NAMES = ("ecr-sa", "gcr-sa", "acr-sa")


@pytest.fixture(scope="session")
def api():
    directory = tempfile.mkdtemp(prefix="k.", dir="/tmp")      # short: Unix sockets live in it
    server = Api(directory)
    yield server
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)


class Cluster:
    """A fresh credentials namespace and a service account that may read the secrets of that name, and nothing else."""

    def __init__(self, api, helper):
        self.api, self.helper = api, helper
        self.namespace = api.namespace()
        api.service_account(self.namespace, "scanner")
        api.allow_get(self.namespace, f"{self.namespace}/scanner", secrets=(*NAMES, "basic-regcred"), service_accounts=("scanner",))
        self.token = api.token(self.namespace, "scanner")
        self.variables = {"KUBECONFIG": api.kubeconfig(helper.home / "kubeconfig", {"token": self.token}), "CREDS_SECRET_NAMESPACE": self.namespace}

    def secret(self, name, data):
        self.api.secret(self.namespace, name, {k: v for k, v in data.items() if v is not None})

    def replace(self, name, data):
        self.api.request("DELETE", f"/api/v1/namespaces/{self.namespace}/secrets/{name}")
        self.secret(name, data)

    def get(self, host, **variables):
        return self.helper.get(host, **self.variables, **variables)


@pytest.fixture
def cluster(api, helper):
    return Cluster(api, helper)
