"""An Azure identity that was asked for and fails is an error that names it; the machine's own is there and is never taken."""
import uuid

import pytest

import azure_kinds
from box.fake_entra import federated_token

HOST = "boxregistry.azurecr.io"


@pytest.fixture(autouse=True)
def a_machine_with_an_identity(box, helper, request):
    azure_kinds.system_assigned(box, helper.home)
    helper.machine = {"BOX_DMI": "azure"}
    yield
    if "own" not in request.node.name:
        assert not box.asked("azure-metadata"), f"the next identity was asked\n{box.story()}"


def test_a_wrong_secret(box, helper):
    variables, client = azure_kinds.client_secret(box, helper.home)
    message = helper.get(HOST, **variables | {"AZURE_CLIENT_SECRET": "not-the-secret"}).failed("AADSTS7000215", client)
    assert "not-the-secret" not in message
    assert len(box.requests) == 1, f"a refusal is not tried again, nor with ARM's audience\n{box.story()}"


def test_an_unknown_application(box, helper):
    variables, _ = azure_kinds.client_secret(box, helper.home)
    helper.get(HOST, **variables | {"AZURE_CLIENT_ID": str(uuid.uuid4())}).failed("AADSTS700016")
    assert len(box.requests) == 1, box.story()


def test_a_tenant_of_another_cloud(box, helper):
    variables, _ = azure_kinds.client_secret(box, helper.home, "china")
    helper.get(HOST, **variables).failed("AADSTS90002")
    assert [r.host for r in box.requests] == ["login.microsoftonline.com"], box.story()


@pytest.mark.parametrize("tenant", ["../common", "a/b", "x?y", "evil.example#", "a b", "login.microsoftonline.com@evil.example/x"])
def test_a_tenant_that_is_no_tenant_does_not_lead_elsewhere(box, helper, tenant):
    variables, _ = azure_kinds.client_secret(box, helper.home)
    helper.get(HOST, **variables | {"AZURE_TENANT_ID": tenant}).failed("AZURE_TENANT_ID")
    assert box.silent(), box.story()


def test_an_authority_without_tls_gets_nothing(box, helper):
    variables, _ = azure_kinds.client_secret(box, helper.home)
    helper.get(HOST, **variables, AZURE_AUTHORITY_HOST="http://login.microsoftonline.com/").failed("AZURE_AUTHORITY_HOST")
    assert box.silent(), box.story()


def test_a_federated_token_that_is_not_there(box, helper):
    variables, _ = azure_kinds.workload_identity(box, helper.home)
    variables["AZURE_FEDERATED_TOKEN_FILE"].unlink()
    helper.get(HOST, **variables).failed(str(variables["AZURE_FEDERATED_TOKEN_FILE"]))
    assert box.silent(), box.story()


@pytest.mark.parametrize("token,code", [(federated_token("system:serviceaccount:other:scanner"), "AADSTS700213"), (federated_token(audience="sts.amazonaws.com"), "AADSTS700212"),
                                        (federated_token(seconds=-900), "AADSTS700024")], ids=["subject", "audience", "expired"])
def test_a_federated_token_that_is_refused(box, helper, token, code):
    message = helper.get(HOST, **azure_kinds.workload_identity(box, helper.home, token=token)[0]).failed(code)
    assert token not in message
    assert not box.asked("acr"), box.story()


@pytest.mark.parametrize("field", ["AZURE_TENANT_ID", "AZURE_CLIENT_ID"])
@pytest.mark.parametrize("lay", [azure_kinds.client_secret, azure_kinds.workload_identity])
def test_a_secret_or_token_file_without_the_rest(box, helper, lay, field):
    variables, _ = lay(box, helper.home)
    helper.get(HOST, **variables | {field: None}).failed(field)
    assert box.silent(), box.story()


def test_a_registry_that_does_not_know_the_identity(box, helper):
    variables, client = azure_kinds.client_secret(box, helper.home)
    box.acr.denied.add(client)
    helper.get(HOST, **variables).failed(HOST)
    assert {r.by for r in box.requests} == {"entra", "acr"}, box.story()


def test_an_own_identity_that_does_not_exist(box, helper):
    wanted = str(uuid.uuid4())
    helper.get(HOST, AZURE_CLIENT_ID=wanted).failed(wanted)
    assert not box.asked("acr"), box.story()


def test_app_service_with_a_wrong_header(box, helper):
    variables, _ = azure_kinds.app_service(box, helper.home)
    helper.get(HOST, **variables | {"IDENTITY_HEADER": "wrong"}).failed("IDENTITY_ENDPOINT")
    assert not box.asked("acr"), box.story()
