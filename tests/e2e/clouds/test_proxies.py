"""HTTPS_PROXY and NO_PROXY hold for all three clouds; metadata addresses are never asked through a proxy."""
import base64

import pytest

import azure_kinds
import google_kinds
import identities

PROXY = "http://proxy.example:3128"
CLOUDS = {
    "aws keys": ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", lambda b, h: identities.keys(b.aws.user()), {"api.ecr.eu-west-1.amazonaws.com"}),
    "aws role": ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", lambda b, h: identities.irsa(b, h), {"api.ecr.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"}),
    "aws sso": ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", lambda b, h: identities.sso(b, h), {"api.ecr.eu-west-1.amazonaws.com", "portal.sso.eu-west-1.amazonaws.com"}),
    "google key": ("gcr.io", google_kinds.service_account, {"oauth2.googleapis.com"}),
    "google federation": ("gcr.io", google_kinds.external_impersonating, {"sts.googleapis.com", "iamcredentials.googleapis.com"}),
    "azure secret": ("boxregistry.azurecr.io", lambda b, h: azure_kinds.client_secret(b, h)[0], {"login.microsoftonline.com", "boxregistry.azurecr.io"}),
}


def lay(box, helper, cloud):
    host, how, names = CLOUDS[cloud]
    return host, how(box, helper.home) | ({"AWS_REGION": "eu-west-1"} if cloud == "aws role" else {}), names


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_request_goes_through(box, helper, cloud, variable):
    host, variables, names = lay(box, helper, cloud)
    helper.get(host, **variables, **{variable: PROXY}).found()
    assert set(box.proxy.hosts()) == names and not box.direct(), box.story()
    assert all(method == "CONNECT" and where.endswith(":443") for method, where, _ in box.proxy.seen)


@pytest.mark.parametrize("exempt", ["{}", "other.example,{}", "*"])
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_exempt_names_are_asked_directly(box, helper, cloud, variable, exempt):
    host, variables, names = lay(box, helper, cloud)
    helper.get(host, **variables, HTTPS_PROXY=PROXY, **{variable: exempt.format(",".join(sorted(names)))}).found()
    assert not box.proxy.seen, box.story()


@pytest.mark.parametrize("cloud,suffix", [("aws keys", ".amazonaws.com"), ("aws keys", "amazonaws.com"), ("google key", "googleapis.com"), ("azure secret", ".microsoftonline.com,.azurecr.io")])
def test_a_suffix_exempts_all_names_under_it(box, helper, cloud, suffix):
    host, variables, _ = lay(box, helper, cloud)
    helper.get(host, **variables, HTTPS_PROXY=PROXY, NO_PROXY=suffix).found()
    assert not box.proxy.seen, box.story()


@pytest.mark.parametrize("cloud", CLOUDS)
def test_one_that_only_ends_alike_is_not_exempt(box, helper, cloud):
    host, variables, names = lay(box, helper, cloud)
    helper.get(host, **variables, HTTPS_PROXY=PROXY, NO_PROXY="naws.com,leapis.com,softonline.com,urecr.io").found()
    assert set(box.proxy.hosts()) == names, box.story()


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_proxys_own_credential(box, helper, cloud):
    host, variables, names = lay(box, helper, cloud)
    box.proxy.credential = "Basic " + base64.b64encode(b"me:p@ss").decode()
    helper.get(host, **variables, HTTPS_PROXY="http://me:p%40ss@proxy.example:3128").found()
    assert not box.direct(), box.story()


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_proxy_that_refuses_is_an_error_and_nothing_goes_past_it(box, helper, cloud):
    host, variables, _ = lay(box, helper, cloud)
    box.proxy.credential = "Basic bm9ib2R5"
    message = helper.get(host, **variables, HTTPS_PROXY="http://me:hidden@proxy.example:3128", KUBECLARITY_TIMEOUT="3").failed()
    assert not box.requests and "hidden" not in message, box.story()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "HTTP_PROXY", "http_proxy"])
@pytest.mark.parametrize("machine,host,how", [("ec2", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", identities.ec2), ("none", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", identities.ecs),
                                             ("none", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", identities.pod_identity), ("gce", "gcr.io", google_kinds.metadata),
                                             ("azure", "boxregistry.azurecr.io", lambda b, h: azure_kinds.system_assigned(b, h)[0])],
                         ids=["ec2", "ecs", "pod identity", "gce", "azure"])
def test_a_metadata_server_is_asked_directly(box, helper, machine, host, how, variable):
    helper.machine = {"BOX_DMI": machine}
    helper.get(host, **how(box, helper.home), **{variable: PROXY}).found()
    assert not [h for h in box.proxy.hosts() if h.startswith("169.254.") or h == "metadata.google.internal"], box.story()
