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
