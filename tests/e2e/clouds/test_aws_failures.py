"""An AWS identity that was asked for and fails is an error that names it; the machine's own identity is there and is never taken."""
import pytest

import identities
from box.fake_container_credentials import pod_token
from box.fake_sts import web_token

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture(autouse=True)
def a_machine_with_a_role(box, helper):
    identities.ec2(box, helper.home)
    helper.machine = {"BOX_DMI": "ec2"}
    yield
    assert not box.asked("ec2-metadata"), f"the next identity was asked\n{box.story()}"
    assert not box.aws.passwords, "a password was given out"


def test_a_wrong_key(box, helper):
    key = box.aws.user()
    message = helper.get(HOST, **identities.keys(key) | {"AWS_SECRET_ACCESS_KEY": "not-the-secret"}).failed("AWS", "signature")
    assert "not-the-secret" not in message
    assert len(box.requests) == 1, f"a refusal is not tried again\n{box.story()}"


def test_an_unknown_key(box, helper):
    helper.get(HOST, AWS_ACCESS_KEY_ID="AKIA0000000000000000", AWS_SECRET_ACCESS_KEY="x").failed("AWS", "security token")
    assert len(box.requests) == 1, box.story()


def test_a_right_that_is_missing(box, helper):
    key = box.aws.user()
    box.ecr.denied.add(key.arn)
    helper.get(HOST, **identities.keys(key)).failed("ecr:GetAuthorizationToken")


@pytest.mark.parametrize("present,absent", [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")])
def test_half_a_key(box, helper, present, absent):
    helper.get(HOST, **{present: "AKIAIOSFODNN7EXAMPLE"}).failed(absent)
    assert box.silent(), box.story()


@pytest.mark.parametrize("trust,external_id", [(False, None), (True, "wrong")])
def test_a_role_that_may_not_be_assumed(box, helper, trust, external_id):
    key = box.aws.user()
    role = box.aws.role("puller", trusts=(key.arn,) if trust else (), external_id="right")
    helper.get(HOST, **identities.keys(key), AWS_ROLE_ARN=role.arn, AWS_EXTERNAL_ID=external_id).failed(role.arn)
    assert not box.asked("ecr"), box.story()


def test_a_role_without_anything_to_assume_it_with(box, helper):
    """AWS_WEB_IDENTITY_TOKEN_FILE names a file that is not there (the webhook's volume is missing)."""
    variables = identities.irsa(box, helper.home)
    variables["AWS_WEB_IDENTITY_TOKEN_FILE"].unlink()
    message = helper.get(HOST, **variables).failed()
    assert str(variables["AWS_WEB_IDENTITY_TOKEN_FILE"]) in message or "AWS_WEB_IDENTITY_TOKEN_FILE" in message, message
    assert box.silent(), box.story()


def test_a_service_account_that_the_role_does_not_trust_is_named(box, helper):
    variables = identities.irsa(box, helper.home, web_token("system:serviceaccount:other:scanner"))
    message = helper.get(HOST, **variables).failed("AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity")
    assert message.rstrip().endswith("; let the role's trust policy name system:serviceaccount:other:scanner"), message


def test_a_service_account_without_an_association(box, helper):
    variables = identities.pod_identity(box, helper.home)
    box.pod_identity.associations = {"other": box.aws.role("scanner")}
    message = helper.get(HOST, **variables).failed("EKS Pod Identity")
    assert "aws eks create-pod-identity-association" in message, message


@pytest.mark.parametrize("token", [web_token("system:serviceaccount:other:scanner"), web_token(audience="https://kubernetes.default.svc"), web_token(seconds=-900)],
                         ids=["subject", "audience", "expired"])
def test_a_web_identity_that_is_refused(box, helper, token):
    variables = identities.irsa(box, helper.home, token)
    message = helper.get(HOST, **variables).failed(variables["AWS_ROLE_ARN"])
    print(message)
    assert token not in message and "Error {" not in message, message
    assert not box.asked("ecr"), box.story()


def test_a_pod_identity_token_that_is_not_there(box, helper):
    variables = identities.pod_identity(box, helper.home)
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"].unlink()
    message = helper.get(HOST, **variables).failed()
    assert str(variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]) in message or "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in message, message
    assert box.silent(), box.story()


def test_a_pod_identity_that_is_refused(box, helper):
    variables = identities.pod_identity(box, helper.home, pod_token("system:serviceaccount:other:scanner"))
    message = helper.get(HOST, **variables).failed()
    assert "Pod Identity" in message or "AWS_CONTAINER_CREDENTIALS_FULL_URI" in message, message
    assert not box.asked("ecr"), box.story()


def test_container_credentials_that_do_not_exist(box, helper):
    identities.ecs(box, helper.home)
    helper.get(HOST, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2/credentials/another").failed("ECS")
    assert not box.asked("ecr"), box.story()


@pytest.mark.parametrize("uri", ["http://evil.example/creds", "http://10.0.0.1/creds", "http://169.254.169.254.evil.example/"])
def test_a_container_address_that_is_no_agents_gets_nothing(box, helper, uri):
    variables = identities.pod_identity(box, helper.home)
    helper.get(HOST, **variables | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri}, KUBECLARITY_TIMEOUT="3").failed()
    assert not box.requests and not box.strays, box.story()


def test_a_profile_that_does_not_exist(box, helper):
    identities.profile_with_source(box, helper.home)
    helper.get(HOST, AWS_PROFILE="absent").failed("absent")
    assert box.silent(), box.story()


def test_a_profile_whose_role_may_not_be_assumed(box, helper):
    variables = identities.profile_with_source(box, helper.home)
    box.aws.roles.clear()
    helper.get(HOST, **variables).failed("scan")
    assert not box.asked("ecr"), box.story()


def test_a_process_that_fails(box, helper):
    identities.write(helper.home, ".aws/config", "[profile scan]\ncredential_process = /bin/false\n")
    helper.get(HOST, AWS_PROFILE="scan").failed("scan")
    assert box.silent(), box.story()


def test_a_login_that_is_over(box, helper):
    variables = identities.sso(box, helper.home, live=False)
    box.sso.refresh.clear()
    helper.get(HOST, **variables).failed("scan", "aws sso login")
    assert not box.asked("ecr"), box.story()


@pytest.mark.parametrize("content", [None, "not a certificate", ""])
def test_a_bad_ca_bundle_is_said_and_no_panic(box, helper, content):
    bundle = helper.home / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    helper.get(HOST, **identities.keys(box.aws.user()), AWS_CA_BUNDLE=bundle).failed(str(bundle))
    assert not box.requests


def test_a_server_that_nobody_vouches_for(box, helper):
    """Without the private CA nothing is sent to the API, whatever its name."""
    key = box.aws.user()
    from box.ca import CertificateAuthority
    stranger = CertificateAuthority(helper.home).path
    helper.get(HOST, **identities.keys(key), SSL_CERT_FILE=stranger, AWS_CA_BUNDLE=stranger, KUBECLARITY_TIMEOUT="3").failed("certificate")
    assert not box.requests
