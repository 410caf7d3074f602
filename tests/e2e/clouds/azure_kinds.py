"""The Azure identities that a machine or a pod may have, as Azure lays them out. Each returns (variables, client id)."""
from box.fake_entra import AUTHORITIES, federated_token

SUBJECT = "system:serviceaccount:scan:scanner"
AUTHORITY = {cloud: host for host, cloud in AUTHORITIES.items()}
HOSTS = {"public": "boxregistry.azurecr.io", "us": "boxregistry.azurecr.us", "china": "boxregistry.azurecr.cn"}
NOBODY = "00000000-0000-0000-0000-000000000000"


def of_cloud(cloud):
    """What says that an identity is of one of Azure's clouds."""
    return {} if cloud == "public" else {"AZURE_AUTHORITY_HOST": f"https://{AUTHORITY[cloud]}/"}


def client_secret(box, home, cloud="public"):
    tenant, client = box.directory_service.app(cloud, secret="s3cr~t+with/odd&chars=")
    return {"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": "s3cr~t+with/odd&chars="}, client


def workload_identity(box, home, cloud="public", token=None):
    tenant, client = box.directory_service.app(cloud, subject=SUBJECT)
    file = home / "azure-identity-token"
    file.write_text(token or federated_token(SUBJECT))
    return {"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client, "AZURE_FEDERATED_TOKEN_FILE": file, "AZURE_AUTHORITY_HOST": f"https://{AUTHORITY[cloud]}/"}, client


def system_assigned(box, home):
    box.azure_vm.present = True
    return {}, box.azure_vm.system_assigned()


def user_assigned(box, home):
    box.azure_vm.present = True
    box.azure_vm.system_assigned()
    client = box.azure_vm.user_assigned()
    return {"AZURE_CLIENT_ID": client}, client


def app_service(box, home):
    return {"IDENTITY_ENDPOINT": box.app_service.endpoint, "IDENTITY_HEADER": box.app_service.header}, box.app_service.system_assigned()


EVERY = {   # name: (how it is laid out, which fakes it goes through, the firmware it is on)
    "client secret": (client_secret, ["entra"], None),
    "workload identity": (workload_identity, ["entra"], None),
    "managed identity, system-assigned": (system_assigned, ["azure-metadata"], "azure"),
    "managed identity, user-assigned": (user_assigned, ["azure-metadata"], "azure"),
    "managed identity, App Service": (app_service, ["app-service"], None),
}
