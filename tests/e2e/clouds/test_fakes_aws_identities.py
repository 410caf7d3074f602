"""The fakes of STS, SSO and the metadata services are proven with botocore's own credential chain."""
import base64

import botocore.credentials
import botocore.session
import botocore.tokens
import pytest
from botocore.exceptions import BotoCoreError, ClientError

import identities
from box.fake_container_credentials import pod_token
from box.fake_sts import web_token


def whom(box, home, monkeypatch, variables):
    """The identity for which the fake ECR gives a token to botocore's default chain."""
    for name, value in {"HOME": home, "AWS_CA_BUNDLE": box.ca.path, "AWS_REGION": "us-east-1", **variables}.items():
        monkeypatch.setenv(name, str(value))
    for provider in (botocore.tokens.SSOTokenProvider, botocore.credentials.SSOProvider):     # they read HOME only at import
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(home / ".aws/sso/cache"))
    session = botocore.session.Session()
    data = session.create_client("ecr", region_name="eu-west-1").get_authorization_token()["authorizationData"][0]
    return box.aws.passwords[base64.b64decode(data["authorizationToken"]).decode().removeprefix("AWS:")]["arn"]


@pytest.mark.parametrize("kind", identities.EVERY)
def test_botocore_is_served(box, tmp_path, monkeypatch, kind):
    lay, arn, fakes = identities.EVERY[kind]
    assert whom(box, tmp_path, monkeypatch, lay(box, tmp_path)) == arn, box.story()
    assert {r.by for r in box.asked()} == {*fakes, "ecr"}, box.story()


def test_an_expired_sso_login_is_refreshed(box, tmp_path, monkeypatch):
    assert "AWSReservedSSO" in whom(box, tmp_path, monkeypatch, identities.sso(box, tmp_path, live=False))
    assert "POST oidc.eu-west-1.amazonaws.com/token" in box.endpoints()


@pytest.mark.parametrize("token", [web_token("system:serviceaccount:other:scanner"), web_token(audience="https://kubernetes.default.svc"), web_token(seconds=-900), "a.b.c"])
def test_sts_refuses_a_wrong_web_identity(box, tmp_path, monkeypatch, token):
    with pytest.raises(ClientError):
        whom(box, tmp_path, monkeypatch, identities.irsa(box, tmp_path, token))


@pytest.mark.parametrize("token", [pod_token("system:serviceaccount:other:scanner"), pod_token(audience="sts.amazonaws.com"), pod_token(seconds=-900)])
def test_the_pod_identity_agent_refuses_a_wrong_token(box, tmp_path, monkeypatch, token):
    with pytest.raises((ClientError, BotoCoreError)):
        whom(box, tmp_path, monkeypatch, identities.pod_identity(box, tmp_path, token))


def test_sts_refuses_a_wrong_external_id(box, tmp_path, monkeypatch):
    variables = identities.profile_with_source(box, tmp_path)
    file = tmp_path / ".aws/config"
    file.write_text(file.read_text().replace("unit-7", "unit-8"))
    with pytest.raises(ClientError, match="AccessDenied"):
        whom(box, tmp_path, monkeypatch, variables)


def test_ec2_metadata_answers_nothing_without_a_token(box):
    import urllib.error
    import urllib.request
    identities.ec2(box, None)
    for headers, method, code in (({}, "GET", 401), ({"X-aws-ec2-metadata-token": "x"}, "GET", 401)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request("http://169.254.169.254/latest/meta-data/iam/security-credentials/", headers=headers, method=method))
        assert caught.value.code == code
    for headers, code in (({}, 400), ({"X-aws-ec2-metadata-token-ttl-seconds": "99999"}, 400), ({"X-aws-ec2-metadata-token-ttl-seconds": "60", "X-Forwarded-For": "10.0.0.1"}, 403)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request("http://169.254.169.254/latest/api/token", headers=headers, method="PUT"))
        assert caught.value.code == code
