"""When the program ends, no secret that went through it is in its memory any more: not what it read, not what a cloud answered, not
what libraries made of it on the way (TLS, HTTP, JSON, signatures). The environment is not its own: the kernel put it there."""
import json
import os

import pytest

import faults
import steps
from box.helper import PROGRAM
from lib import image


def memory(helper, host, variables):
    command, environment = faults.dressed(helper, **variables)
    code, out, memory = image.run(command, host, environment, helper.home)
    assert code == 0 and os.path.realpath(memory.program) == os.path.realpath(PROGRAM), out
    return json.loads(out), memory


@pytest.mark.parametrize("step", steps.EVERY)
def test_nothing_is_left_of_any_secret_on_the_way_to_a_token(box, helper, step):
    host, how, _, firmware = steps.EVERY[step]
    helper.machine = {"BOX_DMI": firmware, "XDG_RUNTIME_DIR": helper.home / "run", "KUBECLARITY_CACHE": None}
    (helper.home / "run").mkdir(mode=0o700)
    variables = how(box, helper.home)
    answer, cold = memory(helper, host, variables)
    again, warm = memory(helper, host, variables)
    assert again == answer
    secrets = {secret for secret in box.secrets() if secret and len(secret) > 11} | {answer["Secret"]}
    assert cold.holds(secrets) == {}
    assert warm.holds(secrets) == {}
    for secret in secrets:
        assert secret.encode() not in cold.arguments
