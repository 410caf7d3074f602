"""Every kind of Azure identity opens every Azure registry, through its own cloud's authority and the registry's own exchange."""
import time

import pytest

import azure_kinds
from box import jwts
from box.fake_entra import ACR, ARM

HOST = "boxregistry.azurecr.io"
HOSTS = [(HOST, "public"), ("box-registry.azurecr.io", "public"), ("boxregistry-a1b2c3d4e5f6.azurecr.io", "public"), ("boxregistry.westeurope.geo.azurecr.io", "public"),
         ("boxregistry.azurecr.us", "us"), ("boxregistry.azurecr.cn", "china")]


def claims(answer):
    user, secret = answer.found()
    assert user == azure_kinds.NOBODY
    return jwts.verify("acr", secret)


@pytest.mark.parametrize("form", ["{}", "{}/team/app", "https://{}"])
@pytest.mark.parametrize("host,cloud", HOSTS)
def test_every_row_of_the_table(box, helper, host, cloud, form):
    variables, client = azure_kinds.client_secret(box, helper.home, cloud)
    got = claims(helper.get(form.format(host), **variables, **azure_kinds.of_cloud(cloud)))
    assert (got["appid"], got["aud"], got["aad_aud"]) == (client, host, ACR)
    assert box.endpoints() == [f"POST {azure_kinds.AUTHORITY[cloud]}/{variables['AZURE_TENANT_ID']}/oauth2/v2.0/token", f"POST {host}/oauth2/exchange"], box.story()


@pytest.mark.parametrize("kind", azure_kinds.EVERY)
def test_each_kind(box, helper, kind):
    lay, fakes, machine = azure_kinds.EVERY[kind]
    helper.machine = {"BOX_DMI": machine or "none"}
    variables, client = lay(box, helper.home)
    got = claims(helper.get(HOST, **variables))
    assert got["appid"] == client, box.story()
    assert [r.by for r in box.requests] == [*fakes, "acr"], box.story()


@pytest.mark.parametrize("cloud", ["us", "china"])
def test_workload_identity_in_a_sovereign_cloud(box, helper, cloud):
    variables, client = azure_kinds.workload_identity(box, helper.home, cloud)
    assert claims(helper.get(azure_kinds.HOSTS[cloud], **variables))["appid"] == client


@pytest.mark.parametrize("cloud,kind", [("public", "client_secret"), ("us", "client_secret"), ("china", "client_secret"), ("public", "workload_identity")])
def test_arm_is_the_fallback_where_the_tenant_has_no_registry_resource(box, helper, cloud, kind):
    variables, client = getattr(azure_kinds, kind)(box, helper.home, cloud)
    box.directory_service.without_acr.add(variables["AZURE_TENANT_ID"])
    got = claims(helper.get(azure_kinds.HOSTS[cloud], **azure_kinds.of_cloud(cloud) | variables))
    assert got["appid"] == client and got["aad_aud"].rstrip("/") == ARM[cloud]
    assert [r.by for r in box.requests] == ["entra", "entra", "acr"], box.story()


def test_a_managed_identity_in_a_sovereign_cloud(box, helper):
    helper.machine = {"BOX_DMI": "azure"}
    variables, client = azure_kinds.system_assigned(box, helper.home)
    box.azure_vm.cloud = "us"
    assert claims(helper.get("boxregistry.azurecr.us", **variables, AZURE_ENVIRONMENT="AzureUSGovernment"))["appid"] == client


def test_managed_identity_requests_are_as_documented(box, helper):
    helper.machine = {"BOX_DMI": "azure"}
    variables, client = azure_kinds.user_assigned(box, helper.home)
    claims(helper.get(HOST, **variables))
    asked = box.asked("azure-metadata")
    assert len(asked) == 1 and asked[0].query["client_id"] == client and asked[0].query["resource"].rstrip("/") == ACR, box.story()


def test_a_secret_comes_before_the_machine(box, helper):
    helper.machine = {"BOX_DMI": "azure"}
    azure_kinds.system_assigned(box, helper.home)
    variables, client = azure_kinds.client_secret(box, helper.home)
    assert claims(helper.get(HOST, **variables))["appid"] == client
    assert not box.asked("azure-metadata"), box.story()


def test_a_refresh_token_that_does_not_say_when_it_ends_is_given_out(box, helper):
    box.acr.exp = False
    user, secret = helper.get(HOST, **azure_kinds.client_secret(box, helper.home)[0]).found()
    assert user == azure_kinds.NOBODY and "exp" not in jwts.read(secret)[1]


def test_a_transient_error_is_tried_again(box, helper):
    box.entra.failures = [503]
    assert claims(helper.get(HOST, **azure_kinds.client_secret(box, helper.home)[0]))["exp"] > time.time()
    assert [r.status for r in box.requests] == [503, 200, 200], box.story()
