"""Answers of clouds are kept as long as they live, under the identity as configured, and never a moment longer."""
import json
import os
import subprocess

import pytest

import azure_kinds
import google_kinds
import identities
import steps
from box.helper import PROGRAM
from box.web import Reply

ECR, GOOGLE, ACR = steps.ECR, steps.GOOGLE, steps.ACR


@pytest.fixture
def kept(helper):
    """The helper with its cache on, in a directory of this test."""
    helper.machine = {"KUBECLARITY_CACHE": None, "XDG_RUNTIME_DIR": helper.home / "run", "XDG_CACHE_HOME": helper.home / "cache"}
    (helper.home / "run").mkdir(mode=0o700)
    return helper


def lay(box, helper, step):
    host, how, _, firmware = steps.EVERY[step]
    helper.machine = helper.machine | {"BOX_DMI": firmware}
    return host, how(box, helper.home)


@pytest.mark.parametrize("step", steps.EVERY)
def test_the_second_question_reaches_nobody(box, kept, step):
    host, variables = lay(box, kept, step)
    first = kept.get(host, **variables).found()
    asked = len(box.requests)
    assert kept.get(host, **variables).found() == first
    assert len(box.requests) == asked, box.story()


@pytest.mark.parametrize("step", steps.EVERY)
def test_all_repositories_of_a_registry_have_one_token(box, kept, step):
    host, variables = lay(box, kept, step)
    first = kept.get(f"{host}/team/app", **variables).found()
    asked = len(box.requests)
    for repository in ("/team/app", "/team/other", "/base", ""):
        assert kept.get(host + repository, **variables).found() == first
    assert len(box.requests) == asked, box.story()


@pytest.mark.parametrize("step,fakes", [("ecr", ["ecr"]), ("google key", ["google-oauth"]), ("entra secret", ["entra", "acr"])])
def test_a_valid_token_is_given_out_while_the_cloud_is_down(box, kept, step, fakes):
    host, variables = lay(box, kept, step)
    first = kept.get(host, **variables).found()
    box.instead = {fake: Reply(503) for fake in fakes}
    assert kept.get(host, **variables).found() == first


@pytest.mark.parametrize("step,life", [("ecr", -5), ("ecr", 5), ("ecr", 50), ("google key", 5), ("google key", 50), ("entra secret", 5), ("entra secret", 50)])
def test_what_hardly_lives_is_not_kept(box, kept, step, life):
    """The margin is a minute at least."""
    box.ecr.life = box.google.life = box.acr.life = life
    host, variables = lay(box, kept, step)
    kept.get(host, **variables).found()
    asked = len(box.requests)
    kept.get(host, **variables).found()
    assert len(box.requests) == 2 * asked, box.story()


@pytest.mark.parametrize("step", ["ecr", "google key", "entra secret"])
def test_what_claims_to_live_for_a_month_is_kept_for_twelve_hours_at_most(box, kept, step):
    box.ecr.life = box.google.life = box.acr.life = 30 * 86_400
    host, variables = lay(box, kept, step)
    kept.get(host, **variables).found()
    for file in (kept.home / "run").glob("*/*"):
        answer = json.loads(file.read_text().split("\n", 1)[1])
        assert 36_000 < answer["fresh_until"] - answer["asked"] <= 43_200, answer
        assert answer["over"] - answer["asked"] <= 43_200, answer


def test_another_identity_is_another_question(box, kept):
    one, two = box.aws.user("one"), box.aws.user("two")
    for key in (one, two, one):
        assert box.aws.passwords[kept.get(ECR, **identities.keys(key)).found()[1]]["arn"] == key.arn


def test_another_region_is_another_question(box, kept):
    variables = identities.keys(box.aws.user())
    for region in ("eu-west-1", "us-east-1", "eu-west-1"):
        assert box.aws.passwords[kept.get(f"123456789012.dkr.ecr.{region}.amazonaws.com", **variables).found()[1]]["region"] == region
    assert len(box.requests) == 2, box.story()


def test_a_key_file_that_changed_is_another_question(box, kept):
    variables = google_kinds.service_account(box, kept.home)
    kept.get(GOOGLE, **variables).found()
    file = variables["GOOGLE_APPLICATION_CREDENTIALS"]
    file.write_text(json.dumps(box.google.service_account("other")))
    os.utime(file, (1, 1))
    assert box.google.tokens[kept.get(GOOGLE, **variables).found()[1]].identity.startswith("other@")


def test_a_failure_is_not_kept(box, kept):
    variables, client = azure_kinds.client_secret(box, kept.home)
    box.acr.denied.add(client)
    kept.get(ACR, **variables).failed(ACR)
    box.acr.denied.clear()
    kept.get(ACR, **variables).found()


def test_a_short_lived_key_under_a_role_still_hits(box, kept):
    """The pod's token is renewed on the way; the role is the same."""
    variables = identities.irsa(box, kept.home)
    first = kept.get(ECR, **variables).found()
    variables["AWS_WEB_IDENTITY_TOKEN_FILE"].write_text(identities.web_token(identities.SUBJECT, seconds=7200))
    assert kept.get(ECR, **variables).found() == first, box.story()


def at_once(helper, questions):
    """All helpers started before the first is waited for: their outputs."""
    started = []
    for host, variables in questions:
        process = subprocess.Popen([PROGRAM, "get"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=helper.environment(**variables), cwd=helper.home)
        process.stdin.write(host.encode())
        process.stdin.close()
        process.stdin = None
        started.append(process)
    done = [(*p.communicate(timeout=60), p.returncode) for p in started]
    assert all(code == 0 and not err for _, err, code in done), [d for d in done if d[2]][:3]
    return [json.loads(out)["Secret"] for out, _, _ in done]


@pytest.mark.parametrize("step,calls", [("ecr", ["ecr"]), ("sts, irsa", ["sts", "ecr"]), ("google key", ["google-oauth"]), ("entra secret", ["entra", "acr"])])
def test_200_at_once_make_one_call(box, kept, step, calls):
    host, variables = lay(box, kept, step)
    kept.machine.pop("BOX_DMI")
    assert len(set(at_once(kept, [(host, variables)] * 200))) == 1
    assert [r.by for r in box.requests] == calls, f"{len(box.requests)} calls"


def test_50_identities_at_once_are_all_kept(box, kept):
    questions = [(ECR, identities.keys(box.aws.user(f"user-{n}"))) for n in range(50)]
    first = at_once(kept, questions)
    assert len(set(first)) == 50 and len(box.requests) == 50
    assert at_once(kept, questions) == first and len(box.requests) == 50


def test_nothing_is_written_where_the_cache_is_off(box, kept):
    variables = identities.keys(box.aws.user())
    kept.get(ECR, **variables, KUBECLARITY_CACHE="off").found()
    assert not list((kept.home / "run").iterdir()) and not (kept.home / "cache").exists()


def test_files_are_the_owner_s_alone(box, kept):
    kept.get(ECR, **identities.keys(box.aws.user())).found()
    files = [f for f in kept.home.rglob("*") if f.is_relative_to(kept.home / "run") or f.is_relative_to(kept.home / "cache")]
    modes = {oct(f.stat().st_mode & 0o7777) for f in files if f.is_file()}, {oct(f.stat().st_mode & 0o7777) for f in files if f.is_dir()}
    assert modes == ({"0o600"}, {"0o700"}), modes
