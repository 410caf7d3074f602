"""Every kind of ECR host is answered by the API of its own region, partition and kind of endpoint."""
import pytest

import identities

ACCOUNT = "123456789012"
HOSTS = [
    (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", {"api.ecr.eu-west-1.amazonaws.com"}),
    (f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com", {"api.ecr.us-east-1.amazonaws.com"}),
    (f"{ACCOUNT}.dkr.ecr.us-gov-west-1.amazonaws.com", {"api.ecr.us-gov-west-1.amazonaws.com"}),
    (f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com", {"ecr-fips.us-east-1.amazonaws.com", "api.ecr-fips.us-east-1.amazonaws.com"}),
    (f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com", {"ecr-fips.us-gov-west-1.amazonaws.com", "api.ecr-fips.us-gov-west-1.amazonaws.com"}),
    (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", {"api.ecr.cn-north-1.amazonaws.com.cn"}),
    (f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu", {"api.ecr.eusc-de-east-1.amazonaws.eu"}),
    (f"{ACCOUNT}.dkr-ecr.us-east-2.on.aws", {"ecr.us-east-2.api.aws"}),
    (f"{ACCOUNT}.dkr-ecr-fips.us-east-2.on.aws", {"ecr-fips.us-east-2.api.aws"}),
    (f"{ACCOUNT}.dkr-ecr.us-gov-west-1.on.aws", {"ecr.us-gov-west-1.api.aws"}),
    (f"{ACCOUNT}.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn", {"ecr.cn-northwest-1.api.amazonwebservices.com.cn"}),
    (f"{ACCOUNT}.dkr.ecr.us-iso-east-1.c2s.ic.gov", {"api.ecr.us-iso-east-1.c2s.ic.gov"}),
    (f"{ACCOUNT}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", {"api.ecr.us-isob-east-1.sc2s.sgov.gov"}),
    (f"{ACCOUNT}.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", {"api.ecr.eu-isoe-west-1.cloud.adc-e.uk"}),
    (f"{ACCOUNT}.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", {"api.ecr.us-isof-south-1.csp.hci.ic.gov"}),
]
PUBLIC = {"api.ecr-public.us-east-1.amazonaws.com", "ecr-public.us-east-1.api.aws"}
HOSTS += [("public.ecr.aws", PUBLIC), ("ecr-public.aws.com", PUBLIC)]


PARTITIONS = {".us-gov-": "us-gov-east-1", ".cn-": "cn-north-1", ".eusc-": "eusc-de-east-1", ".us-iso-": "us-iso-west-1", ".us-isob-": "us-isob-east-1",
              ".eu-isoe-": "eu-isoe-west-1", ".us-isof-": "us-isof-east-1"}


@pytest.mark.parametrize("host,endpoints", HOSTS, ids=[h for h, _ in HOSTS])
@pytest.mark.parametrize("form", ["{}", "{}/team/app", "https://{}"])
def test_every_row_of_the_table(box, helper, host, endpoints, form):
    key = box.aws.user()
    # a region that is set says which partition the keys are of, and nothing else: the host has its own
    region = next((region for part, region in PARTITIONS.items() if part in host), "ap-southeast-2")
    user, secret = helper.get(form.format(host), **identities.keys(key), AWS_REGION=region, AWS_DEFAULT_REGION=region).found()
    assert user == "AWS"
    assert box.aws.passwords[secret]["arn"] == key.arn
    assert [r.by for r in box.requests] == ["ecr"] and box.requests[0].host in endpoints, box.story()


@pytest.mark.parametrize("form", ["123456789012.DKR.ecr.EU-West-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com:443", "http:/123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/",
                                  " https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v1/\r\n"])
def test_other_spellings_of_the_same_host(box, helper, form):
    if form.startswith("http:/1"):
        form = form.replace("http:/", "https:/")
    assert helper.get(form, **identities.keys(box.aws.user())).found()[0] == "AWS"


def test_a_server_error_and_throttling_are_tried_again(box, helper):
    box.ecr.failures = [(500, "ServerException"), (400, "ThrottlingException")]
    assert helper.get(HOSTS[0][0], **identities.keys(box.aws.user())).found()[0] == "AWS"
    assert [r.status for r in box.requests] == [500, 400, 200]
