"""Azure's managed identity endpoints: the instance metadata service on 169.254.169.254, and App Service's on loopback.

learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token (Metadata: true, api-version 2018-02-01, resource;
X-Forwarded-For is refused) and learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference (X-IDENTITY-HEADER, 2019-08-01)."""
import time
import uuid

from .fake_entra import ACR, ARM
from .web import Reply


class _Identities:
    def __init__(self, directory):
        self.directory = directory
        self.cloud, self.tenant = "public", str(uuid.uuid4())
        self.system = None        # the client id of the system-assigned identity
        self.user = {}            # user-assigned: any of its names (client id, object id, resource id) -> client id

    def system_assigned(self):
        self.system = str(uuid.uuid4())
        return self.system

    def user_assigned(self):
        client = str(uuid.uuid4())
        self.user[client] = client
        return client

    def pick(self, query, names):
        asked = [query[n] for n in names if n in query]
        if asked:
            return self.user.get(asked[0]) or (self.system if asked[0] == self.system else None)
        return self.system or (next(iter(self.user.values())) if len(set(self.user.values())) == 1 else None)

    def token(self, client, resource):
        if (resource or "").rstrip("/") not in (ACR, ARM[self.cloud]):
            return None
        now = int(time.time())
        return {"access_token": self.directory.token(self.cloud, self.tenant, client, resource, 86399), "client_id": client, "expires_in": "86399",
                "expires_on": str(now + 86399), "ext_expires_in": "86399", "not_before": str(now), "resource": resource, "token_type": "Bearer"}


def refuse(error, text, status=400):
    return Reply(status, {"error": error, "error_description": text}, why=text)


class FakeAzureMetadata(_Identities):
    name = "azure-metadata"
    present = False

    def serves(self, request):
        return self.present and request.address == request.host == "169.254.169.254" and request.port == 80

    def answer(self, request):
        query = request.query
        if request.headers.get("Metadata", "").lower() != "true":
            return refuse("bad_request_102", "Required metadata header not specified")
        if request.headers.get("X-Forwarded-For"):
            return refuse("invalid_request", "X-Forwarded-For")
        if request.method != "GET" or request.path != "/metadata/identity/oauth2/token":
            return Reply(404, why="no such metadata")
        if query.get("api-version") not in ("2018-02-01", "2019-08-01", "2021-02-01"):
            return refuse("bad_request_version", "api-version")
        client = self.pick(query, ("client_id", "object_id", "msi_res_id", "mi_res_id"))
        if not client:
            return refuse("invalid_request", "Identity not found")
        token = self.token(client, query.get("resource"))
        return Reply(200, token) if token else refuse("invalid_resource", f"AADSTS500011: The resource principal named {query.get('resource')} was not found in the tenant.")


class FakeAppService(_Identities):
    """Runs on a port of its own, as each App Service worker does; `endpoint` and `header` are what its variables say."""
    name, header, port = "app-service", "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a", 41741
    endpoint = f"http://127.0.0.1:{port}/msi/token"

    def serves(self, request):
        return request.port == self.port

    def answer(self, request):
        query = request.query
        if request.headers.get("X-IDENTITY-HEADER") != self.header:
            return Reply(401, why="X-IDENTITY-HEADER")
        if request.method != "GET" or request.path != "/msi/token" or query.get("api-version") not in ("2017-09-01", "2019-08-01"):
            return refuse("invalid_request", "GET /msi/token?api-version=2019-08-01")
        client = self.pick(query, ("client_id", "principal_id", "mi_res_id"))
        token = client and self.token(client, query.get("resource"))
        return Reply(200, {k: token[k] for k in ("access_token", "client_id", "expires_on", "not_before", "resource", "token_type")}) if token else refuse("invalid_request", "identity or resource")

