"""Each identity that AWS gives to machines and pods asks ECR, and nobody else is asked."""
import pytest

import identities

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
PUBLIC = "public.ecr.aws"


def whom(box, answer):
    user, secret = answer.found()
    assert user == "AWS"
    return box.aws.passwords[secret]["arn"]


def sources(box):
    return {r.by for r in box.requests}


def test_static_keys(box, helper):
    key = box.aws.user()
    assert whom(box, helper.get(HOST, **identities.keys(key))) == key.arn
    assert len(box.requests) == 1, box.story()


def test_a_session_token(box, helper):
    key = box.aws.session(box.aws.role("r"))
    assert whom(box, helper.get(HOST, **identities.keys(key))) == key.arn
    assert len(box.requests) == 1, box.story()


@pytest.mark.parametrize("external_id", [None, "unit-7/x=y"])
def test_a_role_assumed_with_keys(box, helper, external_id):
    key = box.aws.user()
    role = box.aws.role("puller", trusts=(key.arn,), external_id=external_id)
    assert "assumed-role/puller/" in whom(box, helper.get(HOST, **identities.keys(key), AWS_ROLE_ARN=role.arn, AWS_EXTERNAL_ID=external_id))
    assert [r.by for r in box.requests] == ["sts", "ecr"], box.story()
    assert ("ExternalId" in box.requests[0].form) == bool(external_id)


@pytest.mark.parametrize("host,partition,sts", [("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "aws-cn", ".amazonaws.com.cn"),
                                                ("123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", "aws-us-gov", "sts.us-gov-west-1.amazonaws.com"),
                                                ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "aws-eusc", ".amazonaws.eu")])
def test_a_role_is_assumed_in_the_partition_of_the_host(box, helper, host, partition, sts):
    key = box.aws.user()
    role = box.aws.role("puller", partition, trusts=(key.arn,))
    assert whom(box, helper.get(host, **identities.keys(key), AWS_ROLE_ARN=role.arn)).startswith(f"arn:{partition}:sts::")
    assert box.asked("sts")[0].host.endswith(sts), box.story()


@pytest.mark.parametrize("host", [HOST, PUBLIC])
@pytest.mark.parametrize("kind", identities.EVERY)
def test_each_kind(box, helper, kind, host):
    lay, arn, fakes = identities.EVERY[kind]
    helper.machine = {"BOX_DMI": "ec2" if "ec2-metadata" in fakes else "none"}
    assert whom(box, helper.get(host, **lay(box, helper.home))) == arn, box.story()
    assert sources(box) == {*fakes, "ecr"}, box.story()


def test_a_profile_that_assumes_with_the_variables_keys(box, helper):
    """Named together with keys, the keys alone come first in AWS's own chain; the profile says to use them."""
    variables = identities.profile_of_environment(box, helper.home)
    assert whom(box, helper.get(HOST, **variables)) in (identities.arn("from-environment", "by-profile"), "arn:aws:iam::123456789012:user/base")


def test_a_machine_that_was_told_not_to_ask_its_metadata(box, helper):
    identities.ec2(box, helper.home)
    helper.machine = {"BOX_DMI": "ec2"}
    helper.get(HOST, AWS_EC2_METADATA_DISABLED="true").not_found()
    assert box.silent(), box.story()


def test_the_default_profile_needs_no_variable(box, helper):
    key = box.aws.user()
    identities.write(helper.home, ".aws/credentials", f"[default]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n")
    assert whom(box, helper.get(HOST)) == key.arn
    assert len(box.requests) == 1, box.story()


def test_files_named_by_variables(box, helper):
    key = box.aws.user()
    file = identities.write(helper.home, "elsewhere/credentials", f"[p]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n")
    assert whom(box, helper.get(HOST, AWS_SHARED_CREDENTIALS_FILE=file, AWS_PROFILE="p")) == key.arn


def test_an_expired_sso_login_is_refreshed(box, helper):
    assert "AWSReservedSSO" in whom(box, helper.get(HOST, **identities.sso(box, helper.home, live=False)))
    assert "POST oidc.eu-west-1.amazonaws.com/token" in box.endpoints(), box.story()


def test_keys_come_before_the_machine(box, helper):
    identities.ec2(box, helper.home)
    helper.machine = {"BOX_DMI": "ec2"}
    key = box.aws.user()
    assert whom(box, helper.get(HOST, **identities.keys(key))) == key.arn
    assert not box.asked("ec2-metadata"), box.story()


def test_the_metadata_service_is_asked_as_version_2_demands(box, helper):
    identities.ec2(box, helper.home)
    helper.machine = {"BOX_DMI": "ec2"}
    helper.get(HOST).found()
    asked = box.asked("ec2-metadata")
    assert (asked[0].method, asked[0].path) == ("PUT", "/latest/api/token")
    assert all(r.status == 200 for r in asked), box.story()
