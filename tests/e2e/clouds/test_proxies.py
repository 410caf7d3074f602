"""HTTPS_PROXY and NO_PROXY hold for all three clouds; metadata addresses are never asked through a proxy."""
import base64
import json

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


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_request_goes_through(box, helper, cloud, variable):
    host, variables, names = lay(box, helper, cloud)
    helper.get(host, **variables, **{variable: PROXY}).found()
    assert set(box.proxy.hosts()) == names and not box.direct(), box.story()
    assert all(method == "CONNECT" and where.endswith(":443") for method, where, _ in box.proxy.seen)


@pytest.mark.parametrize("form", ["proxy.example:3128", "//proxy.example:3128", "HTTP://proxy.example:3128/", " http://proxy.example:3128\n", "me:p%40ss@proxy.example:3128"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_form_of_its_address(box, helper, cloud, form):
    host, variables, names = lay(box, helper, cloud)
    if "@" in form:
        box.proxy.credential = "Basic " + base64.b64encode(b"me:p@ss").decode()
    helper.get(host, **variables, HTTPS_PROXY=form).found()
    assert set(box.proxy.hosts()) == names and not box.direct(), box.story()


@pytest.mark.parametrize("address,login", [("socks5://proxy.example:3128", None), ("socks5h://proxy.example:3128", None), ("socks5://me:p%40ss@proxy.example:3128", "me:p@ss")])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_socks_proxy(box, helper, cloud, address, login):
    host, variables, names = lay(box, helper, cloud)
    helper.get(host, **variables, ALL_PROXY=address).found()
    assert {(how, where, who) for how, where, who in box.proxy.seen} == {("SOCKS by name", f"{name}:443", login) for name in names}, box.story()
    assert not box.direct(), box.story()


def test_the_lower_case_name_counts_first(box, helper):
    host, variables, names = lay(box, helper, "azure secret")
    helper.get(host, **variables, HTTPS_PROXY="http://nowhere.example:1", https_proxy=PROXY).found()
    assert set(box.proxy.hosts()) == names, box.story()


@pytest.mark.parametrize("cloud,exempt", [
    ("aws role", "*.amazonaws.com"), ("aws role", "sts.eu-west-1.amazonaws.com:443,.ecr.eu-west-1.amazonaws.com:443"), ("google key", "*.googleapis.com"),
    ("google key", "oauth2.googleapis.com:443"), ("azure secret", "*.microsoftonline.com,BOXREGISTRY.azurecr.io:443"), ("azure secret", " microsoftonline.com , azurecr.io "),
    ("azure secret", "microsoftonline.com azurecr.io"),
])
def test_every_form_of_an_exempt_name(box, helper, cloud, exempt):
    host, variables, _ = lay(box, helper, cloud)
    helper.get(host, **variables, HTTPS_PROXY=PROXY, NO_PROXY="", no_proxy=exempt).found()
    assert not box.proxy.seen, box.story()


@pytest.mark.parametrize("exempt", ["api.ecr.eu-west-1.amazonaws.com:8443", "*.amazonaws.com.evil.example", "127.0.0.0/8", "amazonaws.co", "*amazonaws.com"])
def test_what_does_not_name_a_host_does_not_exempt_it(box, helper, exempt):
    """127.0.0.10 is what the name resolves to here: it is the name that counts."""
    host, variables, names = lay(box, helper, "aws keys")
    helper.get(host, **variables, HTTPS_PROXY=PROXY, NO_PROXY=exempt).found()
    assert set(box.proxy.hosts()) == names, box.story()


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


REFUSING = {   # what the proxy's address is -> what is said of it
    "http://me:hidden@proxy.example:3128": "http://proxy.example:3128", "me:hidden@proxy.example:3128": "http://proxy.example:3128",
    "socks5://me:hidden@proxy.example:9": "socks5://proxy.example:9", "http://hidden@nowhere.example:3128": "http://nowhere.example:3128",
}


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("address", REFUSING)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_proxy_that_refuses_is_named_at_once_without_its_password(box, helper, cloud, address, variable):
    host, variables, names = lay(box, helper, cloud)
    box.proxy.credential = "Basic bm9ib2R5"
    answer = helper.get(host, **variables, **{variable: address})
    message = answer.failed(REFUSING[address], "NO_PROXY")
    assert variable in message and any(name in message for name in names) and "hidden" not in message and not box.requests, box.story()
    assert answer.seconds < 5, answer.seconds


@pytest.mark.parametrize("value", ["socks4://me:hidden@proxy.example:3128", "me:hidden@proxy.example:port", "http:/me:hidden@proxy.example", "http://me:hidden@"])
@pytest.mark.parametrize("cloud", ["aws keys", "google key", "azure secret"])
def test_what_is_no_proxys_address_is_told_and_not_shown(box, helper, cloud, value):
    host, variables, _ = lay(box, helper, cloud)
    for verb in (["get"], ["explain", host]):
        answer = helper.run(*verb, text=host, **variables, HTTPS_PROXY=value, KUBECLARITY_LOG="debug")
        assert answer.code == 1 and "HTTPS_PROXY" in answer.out and "hidden" not in answer.out + answer.err, (answer.out, answer.err)
    assert not box.requests, box.story()


@pytest.mark.parametrize("address", REFUSING)
@pytest.mark.parametrize("verb", ["get", "list", "store", "erase", "explain", "explain --json"])
def test_no_verb_shows_the_password(box, helper, verb, address):
    host, variables, _ = lay(box, helper, "azure secret")
    box.proxy.credential = "Basic bm9ib2R5"
    login = json.dumps({"ServerURL": host, "Username": "u", "Secret": "s"})
    arguments = verb.split() + ([host] if "explain" in verb else [])
    answer = helper.run(*arguments, text=login if verb == "store" else host, **variables, HTTPS_PROXY=address, KUBECLARITY_LOG="debug")
    assert "hidden" not in answer.out + answer.err, (answer.out, answer.err)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "HTTP_PROXY", "http_proxy"])
@pytest.mark.parametrize("machine,host,how", [("ec2", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", identities.ec2), ("none", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", identities.ecs),
                                             ("none", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", identities.pod_identity), ("gce", "gcr.io", google_kinds.metadata),
                                             ("azure", "boxregistry.azurecr.io", lambda b, h: azure_kinds.system_assigned(b, h)[0])],
                         ids=["ec2", "ecs", "pod identity", "gce", "azure"])
def test_a_metadata_server_is_asked_directly(box, helper, machine, host, how, variable):
    helper.machine = {"BOX_DMI": machine}
    helper.get(host, **how(box, helper.home), **{variable: PROXY}).found()
    assert not [h for h in box.proxy.hosts() if h.startswith("169.254.") or h == "metadata.google.internal"], box.story()


def profile_of_containers(box, home, role):
    box.aws.role("from-container", trusts=(role.arn,))
    identities.write(home, ".aws/config", f"[profile scan]\nrole_arn = arn:aws:iam::{identities.ACCOUNT}:role/from-container\ncredential_source = EcsContainer\nregion = us-east-1\n")
    return {"AWS_PROFILE": "scan"}


def profile_of_ecs(box, home):
    variables = identities.ecs(box, home)
    return variables | profile_of_containers(box, home, next(iter(box.ecs.tasks.values())))


def profile_of_pod_identity(box, home):
    variables = identities.pod_identity(box, home)
    return variables | profile_of_containers(box, home, next(iter(box.pod_identity.associations.values())))


@pytest.mark.parametrize("variables", [{"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY}, {"http_proxy": PROXY}, {"ALL_PROXY": PROXY}, {"all_proxy": "socks5://proxy.example:3128"}], ids=str)
@pytest.mark.parametrize("how", [identities.profile_of_machine, profile_of_ecs, profile_of_pod_identity], ids=["ec2", "ecs", "pod identity"])
def test_a_metadata_server_that_a_profile_names_is_asked_directly(box, helper, how, variables):
    helper.machine = {"BOX_DMI": "ec2" if how is identities.profile_of_machine else "none"}
    helper.get("123456789012.dkr.ecr.eu-west-1.amazonaws.com", **how(box, helper.home), **variables).found()
    assert not [h for h in box.proxy.hosts() if h.startswith("169.254.")], box.story()
    assert all(request.scheme == "https" for request in box.requests if request.peer in box.proxy.ports), box.story()
