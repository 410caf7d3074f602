"""Where a request goes decides whom it trusts, how often it is sent, and whether it is sent at all."""
import pytest

import azure_kinds
import google_kinds
import identities
from box.web import Reply

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
SYSTEM = "/etc/ssl/certs/ca-certificates.crt"    # which knows nothing of the box's authority
CLOUDS = {
    "aws": (ECR, lambda b, h: identities.keys(b.aws.user())),
    "google": ("gcr.io", google_kinds.service_account),
    "azure": ("boxregistry.azurecr.io", lambda b, h: azure_kinds.client_secret(b, h)[0]),
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_awss_bundle_is_trusted_for_aws_alone(box, helper, cloud):
    host, how = CLOUDS[cloud]
    answer = helper.get(host, **how(box, helper.home), SSL_CERT_FILE=SYSTEM, AWS_CA_BUNDLE=box.ca.path)
    if cloud == "aws":
        answer.found()
    else:
        answer.failed("certificate")
        assert not box.requests and answer.seconds < 5, box.story()


@pytest.mark.parametrize("cloud", ["google", "azure"])
@pytest.mark.parametrize("bundle", ["/nonexistent", "/dev/null"])
def test_awss_bundle_is_nobody_elses_business(box, helper, cloud, bundle):
    host, how = CLOUDS[cloud]
    helper.get(host, **how(box, helper.home), AWS_CA_BUNDLE=bundle).found()


def test_a_bundle_with_a_broken_block_is_used_without_it(box, helper):
    host, how = CLOUDS["aws"]
    good = box.ca.path.read_text() if hasattr(box.ca.path, "read_text") else open(box.ca.path).read()
    broken = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"
    bundle = identities.write(helper.home, "bundle.pem", broken + good + "-----BEGIN CERTIFICATE-----\nMIIB")
    helper.get(host, **how(box, helper.home), SSL_CERT_FILE=SYSTEM, AWS_CA_BUNDLE=bundle).found()


METADATA = {   # the fake, the machine, the registry's host, how the identity is laid out
    "ec2": ("ec2-metadata", "ec2", ECR, identities.ec2),
    "ecs": ("ecs", "none", ECR, identities.ecs),
    "pod identity": ("pod-identity", "none", ECR, identities.pod_identity),
    "gce": ("gce-metadata", "gce", "gcr.io", google_kinds.metadata),
    "azure": ("azure-metadata", "azure", "boxregistry.azurecr.io", lambda b, h: azure_kinds.system_assigned(b, h)[0]),
}


def first(box, fake, *replies):
    """These answers to the first requests; then the fake's own."""
    left = list(replies)
    box.instead[fake] = lambda request: left.pop(0) if left else None


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("kind", METADATA)
def test_a_metadata_server_that_is_late_is_asked_again(box, helper, kind, status):
    fake, machine, host, how = METADATA[kind]
    helper.machine = {"BOX_DMI": machine}
    variables = how(box, helper.home)
    first(box, fake, *[Reply(status)] * 4)
    helper.get(host, **variables).found()


@pytest.mark.parametrize("status", [404, 410])
def test_azures_is_not_there_at_first(box, helper, status):
    fake, machine, host, how = METADATA["azure"]
    helper.machine = {"BOX_DMI": machine}
    variables = how(box, helper.home)
    first(box, fake, *[Reply(status)] * 3)
    helper.get(host, **variables).found()


@pytest.mark.parametrize("kind", METADATA)
def test_how_long_it_says_to_wait_is_kept(box, helper, kind):
    fake, machine, host, how = METADATA[kind]
    helper.machine = {"BOX_DMI": machine}
    variables = how(box, helper.home)
    first(box, fake, Reply(429, headers={"Retry-After": "1"}))
    answer = helper.get(host, **variables)
    answer.found()
    assert answer.seconds >= 1, answer.seconds


@pytest.mark.parametrize("kind", METADATA)
def test_it_is_not_asked_past_the_deadline(box, helper, kind):
    fake, machine, host, how = METADATA[kind]
    helper.machine = {"BOX_DMI": machine}
    variables = how(box, helper.home)
    box.instead[fake] = Reply(503)
    answer = helper.get(host, **variables, KUBECLARITY_TIMEOUT="2")
    assert answer.code == 1 and answer.seconds < 3.5 and len(box.asked(fake)) >= 3, (answer.out, answer.seconds, box.story())


def test_googles_is_reached_where_its_name_is_not_known(box, helper):
    fake, _, host, how = METADATA["gce"]
    variables = how(box, helper.home)
    helper.machine = {"BOX_METADATA": "none", "BOX_DMI": "gce"}
    helper.get(host, **variables).found()
    assert [r.host for r in box.asked(fake)] == ["metadata.google.internal"], box.story()


SERVICES = {   # the fake that is out of order, and the identity that needs it
    "sts": identities.irsa, "ecr": lambda b, h: identities.keys(b.aws.user()), "sso": identities.sso,
    "google-oauth": google_kinds.service_account, "entra": lambda b, h: azure_kinds.client_secret(b, h)[0],
}
HOSTS = {"google-oauth": "gcr.io", "entra": "boxregistry.azurecr.io"}
THROTTLED = Reply(400, "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>", {"Content-Type": "text/xml"})
UNVERIFIED = Reply(400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>Couldn't retrieve verification key</Message></Error></ErrorResponse>", {"Content-Type": "text/xml"})
NO_IDP = Reply(400, "<ErrorResponse><Error><Code>IDPCommunicationError</Code><Message>x</Message></Error></ErrorResponse>", {"Content-Type": "text/xml"})


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_fails_for_a_moment_is_asked_again(box, helper, service, status):
    variables = SERVICES[service](box, helper.home)
    first(box, service, Reply(status), Reply(status))
    helper.get(HOSTS.get(service, ECR), **variables).found()


@pytest.mark.parametrize("reply", [THROTTLED, UNVERIFIED, NO_IDP], ids=["throttled", "key not retrieved", "no answer of the issuer"])
def test_a_refusal_that_passes_is_asked_again(box, helper, reply):
    variables = identities.irsa(box, helper.home)
    first(box, "sts", reply, reply)
    helper.get(ECR, **variables).found()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_stays_out_of_order_is_named(box, helper, service):
    variables = SERVICES[service](box, helper.home)
    box.instead[service] = Reply(503)
    message = helper.get(HOSTS.get(service, ECR), **variables).failed("503", "try again later")
    assert 2 <= len(box.asked(service)) <= 6 and box.asked(service)[0].host in message, (message, box.story())


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_says_nothing_is_named_with_the_identity(box, helper, service):
    """By one text, whichever limit is the first to be over."""
    variables = SERVICES[service](box, helper.home)
    box.instead[service] = box.stall
    for _ in range(3):
        answer = helper.get(HOSTS.get(service, ECR), **variables, KUBECLARITY_TIMEOUT="1")
        answer.failed("does not answer", box.asked(service)[0].host, "gave no token for")
        assert answer.seconds < 2.5, answer.seconds


LOOK_ALIKES = ["https://abc123.execute-api.us-east-1.amazonaws.com", "https://bucket.s3.us-east-1.amazonaws.com", "https://sts.evil.us-east-1.amazonaws.com", "http://sts.us-east-1.amazonaws.com",
               "https://sts.us-east-1.amazonaws.com.evil.example", "https://evil.example", "http://127.0.0.10", "http://169.254.169.254:8080"]


@pytest.mark.parametrize("endpoint", LOOK_ALIKES)
def test_a_profiles_endpoint_that_only_looks_like_awss_gets_nothing(box, helper, endpoint):
    variables = identities.profile_with_web_identity(box, helper.home)
    config = helper.home / ".aws/config"
    config.write_text(config.read_text() + f"endpoint_url = {endpoint}\n")
    helper.get(ECR, **variables).failed("endpoint_url")
    assert not box.requests, box.story()
