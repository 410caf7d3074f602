"""What the tests of deploy/ share. They run in the box (tests/e2e/box/enter), so that the clouds' sources can be tried as well."""
import os
import shutil
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
from lib.kapi import Api  # noqa: E402
from manifests import Server  # noqa: E402


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
