"""Others' AWS: moto answers as ECR and STS."""
import pytest

from box.moto_front import Moto

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


@pytest.fixture(scope="module")
def moto_server():
    moto = Moto()
    yield moto
    moto.close()


@pytest.fixture
def moto(box, moto_server):
    box.fakes.insert(0, moto_server)
    return moto_server


def test_keys(box, helper, moto):
    user, secret = helper.get(HOST, **KEYS).found()
    assert user == "AWS" and secret
    assert [(r.by, r.host) for r in box.requests] == [("moto", "api.ecr.eu-west-1.amazonaws.com")], box.story()


def test_an_assumed_role(box, helper, moto):
    user, _ = helper.get(HOST, **KEYS, AWS_ROLE_ARN="arn:aws:iam::123456789012:role/puller").found()
    assert user == "AWS"
    assert [r.host.partition(".")[0] for r in box.requests] == ["sts", "api"], box.story()
    assert box.requests[0].form["Action"] == "AssumeRole"


def test_a_web_identity(box, helper, moto):
    (helper.home / "token").write_text("header.payload.signature")
    user, _ = helper.get(HOST, AWS_ROLE_ARN="arn:aws:iam::123456789012:role/irsa", AWS_WEB_IDENTITY_TOKEN_FILE=helper.home / "token", AWS_REGION="eu-west-1").found()
    assert user == "AWS"
    assert box.requests[0].form["WebIdentityToken"] == "header.payload.signature"


def test_a_token_that_ended_in_2015_is_not_kept(box, helper, moto):
    """Each question is asked anew: moto's tokens are over the moment they come."""
    for _ in range(2):
        helper.get(HOST, **KEYS, KUBECLARITY_CACHE=None, XDG_RUNTIME_DIR=helper.home, XDG_CACHE_HOME=helper.home).found()
    assert len(box.requests) == 2, box.story()
