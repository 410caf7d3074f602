"""The AWS fakes are proven with AWS's own client, botocore: it passes where the real service lets it, and a wrong one does not."""
import base64

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


def client(box, service, key, region="eu-west-1", **options):
    config = Config(retries={"max_attempts": 0}, **options.pop("config", {}))
    return boto3.client(service, region_name=region, aws_access_key_id=key.id, aws_secret_access_key=key.secret, aws_session_token=key.token,
                        verify=str(box.ca.path), config=config, **options)


def refused(call):
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"]


def test_ecr_answers_a_right_signature(box):
    key = box.aws.user()
    data = client(box, "ecr", key).get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    assert box.aws.passwords[password] == {**box.aws.passwords[password], "arn": key.arn, "endpoint": "api.ecr.eu-west-1.amazonaws.com"}


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"])
def test_ecr_is_there_in_every_partition(box, region):
    client(box, "ecr", box.aws.user(), region).get_authorization_token()


@pytest.mark.parametrize("flags", [{"use_fips_endpoint": True}, {"use_dualstack_endpoint": True}, {"use_fips_endpoint": True, "use_dualstack_endpoint": True}])
def test_ecr_has_fips_and_dual_stack_names(box, flags):
    client(box, "ecr", box.aws.user(), "us-east-1", config=flags).get_authorization_token()


def test_ecr_public(box):
    data = client(box, "ecr-public", box.aws.user(), "us-east-1").get_authorization_token()["authorizationData"]
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")


def test_ecr_refuses_a_wrong_secret(box):
    key = box.aws.user()
    box.aws.keys[key.id] = type(key)(key.id, "another", None, key.arn)
    assert refused(client(box, "ecr", key).get_authorization_token) == "InvalidSignatureException"


def test_ecr_refuses_another_regions_signature(box):
    wrong = client(box, "ecr", box.aws.user(), "us-east-1", endpoint_url="https://api.ecr.eu-west-1.amazonaws.com")
    assert refused(wrong.get_authorization_token) == "InvalidSignatureException"


def test_ecr_refuses_an_unknown_key_and_a_missing_session_token(box):
    key = box.aws.session(box.aws.role("r"))
    bare = type(key)(key.id, key.secret, None, key.arn)
    assert refused(client(box, "ecr", bare).get_authorization_token) == "UnrecognizedClientException"
    del box.aws.keys[key.id]
    assert refused(client(box, "ecr", key).get_authorization_token) == "UnrecognizedClientException"
