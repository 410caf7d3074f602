"""The Azure fakes are proven with Azure's own client, azure-identity; the registry's exchange has no client of Azure's in Python, so by its documentation."""
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential

import azure_kinds
from box.fake_entra import ACR, ARM, federated_token

SCOPE = ACR + "/.default"


def credential(kind, variables, authority):
    common = {"authority": authority, "disable_instance_discovery": True}
    if kind == "client secret":
        return ClientSecretCredential(variables["AZURE_TENANT_ID"], variables["AZURE_CLIENT_ID"], variables["AZURE_CLIENT_SECRET"], **common)
    if kind == "workload identity":
        return WorkloadIdentityCredential(tenant_id=variables["AZURE_TENANT_ID"], client_id=variables["AZURE_CLIENT_ID"],
                                          token_file_path=str(variables["AZURE_FEDERATED_TOKEN_FILE"]), **common)
    return ManagedIdentityCredential(client_id=variables.get("AZURE_CLIENT_ID"))


def token(box, home, monkeypatch, kind, scope=SCOPE, **options):
    variables, client = azure_kinds.EVERY[kind][0](box, home, **options)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(box.ca.path))
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    given = credential(kind, variables, azure_kinds.AUTHORITY[options.get("cloud", "public")]).get_token(scope).token
    assert box.directory_service.issued[given]["appid"] == client
    return given


def exchange(box, host, **form):
    fields = {"grant_type": "access_token", "service": host, **form}
    request = urllib.request.Request(f"https://{host}/oauth2/exchange", urllib.parse.urlencode(fields).encode())
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=box.ca.path)) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("kind", azure_kinds.EVERY)
def test_azure_identity_is_served_and_the_registry_takes_its_token(box, tmp_path, monkeypatch, kind):
    status, body = exchange(box, "boxregistry.azurecr.io", access_token=token(box, tmp_path, monkeypatch, kind))
    assert status == 200 and body["refresh_token"].count(".") == 2, box.story()
    assert set(azure_kinds.EVERY[kind][1]) <= {r.by for r in box.asked()}


@pytest.mark.parametrize("cloud", ["us", "china"])
def test_a_sovereign_cloud_is_apart(box, tmp_path, monkeypatch, cloud):
    given = token(box, tmp_path, monkeypatch, "client secret", cloud=cloud)
    assert exchange(box, azure_kinds.HOSTS[cloud], access_token=given)[0] == 200
    assert exchange(box, "boxregistry.azurecr.io", access_token=given)[0] == 401


def test_arm_s_audience_is_taken_only_where_the_registry_allows_it(box, tmp_path, monkeypatch):
    given = token(box, tmp_path, monkeypatch, "client secret", ARM["public"] + "/.default")
    assert exchange(box, "boxregistry.azurecr.io", access_token=given)[0] == 200
    box.acr.arm = False
    assert exchange(box, "boxregistry.azurecr.io", access_token=given)[0] == 401


def test_the_exchange_refuses_another_service_and_garbage(box, tmp_path, monkeypatch):
    given = token(box, tmp_path, monkeypatch, "client secret")
    assert exchange(box, "boxregistry.azurecr.io", access_token=given, service="other.azurecr.io")[0] == 400
    assert exchange(box, "boxregistry.azurecr.io", access_token=given, tenant="another")[0] == 401
    assert exchange(box, "boxregistry.azurecr.io", access_token=given[:-8] + "AAAAAAAA")[0] == 401


@pytest.mark.parametrize("federated,code", [(federated_token("system:serviceaccount:other:scanner"), "AADSTS700213"), (federated_token(audience="sts.amazonaws.com"), "AADSTS700212"),
                                            (federated_token(seconds=-900), "AADSTS700024")])
def test_entra_refuses_a_wrong_assertion(box, tmp_path, monkeypatch, federated, code):
    with pytest.raises(ClientAuthenticationError, match=code):
        token(box, tmp_path, monkeypatch, "workload identity", token=federated)


def test_entra_refuses_an_unknown_resource(box, tmp_path, monkeypatch):
    with pytest.raises(ClientAuthenticationError, match="AADSTS500011"):
        token(box, tmp_path, monkeypatch, "client secret", "https://nowhere.example/.default")
    with pytest.raises(ClientAuthenticationError, match="AADSTS1002012"):
        token(box, tmp_path, monkeypatch, "client secret", ACR)


def test_entra_refuses_a_wrong_secret(box, tmp_path, monkeypatch):
    tenant, client = box.directory_service.app(secret="right")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(box.ca.path))
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        ClientSecretCredential(tenant, client, "wrong", disable_instance_discovery=True).get_token(SCOPE)
