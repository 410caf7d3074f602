"""No secret of any identity is told: not in the log, not by explain, not by list, not where a step fails."""
import pytest

import everything
import steps
from box.web import Reply


def told(box, text):
    return [s for s in box.secrets() if s and s in text]


def lay(box, helper, step):
    host, how, fake, firmware = steps.EVERY[step]
    helper.machine = {"BOX_DMI": firmware}
    return host, how(box, helper.home), fake


@pytest.mark.parametrize("step", steps.EVERY)
def test_the_log(box, helper, step):
    host, variables, _ = lay(box, helper, step)
    answer = helper.get(host, **variables, KUBECLARITY_LOG="debug")
    assert answer.code == 0 and answer.err, answer
    assert any(box.secrets()) and not told(box, answer.err), told(box, answer.err)


@pytest.mark.parametrize("step", steps.EVERY)
def test_the_log_of_a_failure_and_its_message(box, helper, step):
    host, variables, fake = lay(box, helper, step)
    box.instead[fake] = Reply(400, {"error": "invalid_request", "error_description": "no", "message": "no"})
    answer = helper.get(host, **variables, KUBECLARITY_LOG="debug", KUBECLARITY_TIMEOUT="3")
    assert answer.code == 1 and not told(box, answer.out + answer.err), (told(box, answer.out + answer.err), answer.out)


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize("step", steps.EVERY)
def test_explain(box, helper, step, form):
    host, variables, _ = lay(box, helper, step)
    answer = helper.run("explain", *form, f"{host}/team/app:1", **variables)
    assert answer.code == 0, answer
    assert not told(box, answer.out + answer.err), answer.out
    user = {steps.ECR: "AWS", "public.ecr.aws": "AWS", steps.GOOGLE: "oauth2accesstoken", steps.ACR: "00000000-0000-0000-0000-000000000000"}[host]
    assert user in answer.out, answer.out


def test_list_asks_no_cloud(box, helper):
    answer = helper.run("list", **everything.lay(box, helper))
    assert (answer.code, answer.out.strip(), answer.err) == (0, "{}", "") and box.silent(), (answer, box.story())
