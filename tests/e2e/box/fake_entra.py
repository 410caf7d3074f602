"""Microsoft Entra ID's v2.0 token endpoint on the three clouds' authorities, client credentials only.

learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow (secret and federated assertion), .../reference-error-codes (AADSTS),
.../authentication-national-cloud (authorities). A tenant lives in one cloud; the audience of a token is the resource before /.default."""
import secrets
import time
import uuid

from . import jwts
from .web import Reply

AUTHORITIES = {"login.microsoftonline.com": "public", "login.microsoftonline.us": "us", "login.partner.microsoftonline.cn": "china"}
ARM = {"public": "https://management.azure.com", "us": "https://management.usgovcloudapi.net", "china": "https://management.chinacloudapi.cn"}
ACR = "https://containerregistry.azure.net"
FORM = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLUSTER = "https://westeurope.oic.prod-aks.azure.com/box"      # the issuer that federated credentials trust


def entra_key(cloud):
    return f"entra-{cloud}"


def federated_token(subject="system:serviceaccount:scan:scanner", audience="api://AzureADTokenExchange", seconds=3600):
    """What the workload identity webhook projects into a pod."""
    return jwts.sign(CLUSTER, {"iss": CLUSTER, "sub": subject, "aud": [audience], "iat": int(time.time()), "exp": int(time.time()) + seconds}, kid="aks")


class Directory:
    """Tenants and applications of the three clouds."""

    def __init__(self):
        self.apps = {}            # (cloud, tenant, client id) -> {"secret":..., "subject":...}
        self.without_acr = set()  # tenants in which the registry's resource principal is not there
        self.issued = {}          # token -> {"cloud", "appid", "aud"}

    def app(self, cloud="public", secret=None, subject=None, tenant=None):
        tenant, client = tenant or str(uuid.uuid4()), str(uuid.uuid4())
        self.apps[cloud, tenant, client] = {"secret": secret, "subject": subject}
        return tenant, client

    def token(self, cloud, tenant, client, audience, life=3599):
        now = int(time.time())
        token = jwts.sign(entra_key(cloud), {"aud": audience, "iss": f"https://sts.windows.net/{tenant}/", "iat": now, "nbf": now, "exp": now + life, "appid": client,
                                             "oid": str(uuid.uuid5(uuid.NAMESPACE_OID, client)), "tid": tenant, "uti": secrets.token_hex(8), "ver": "1.0"}, kid="entra")
        self.issued[token] = {"cloud": cloud, "appid": client, "aud": audience}
        return token


class FakeEntra:
    name = "entra"

    def __init__(self, directory):
        self.directory = directory
        self.failures = []

    def serves(self, request):
        return request.scheme == "https" and request.host in AUTHORITIES

    def answer(self, request):
        cloud, parts = AUTHORITIES[request.host], request.path.split("/")
        if request.method == "GET" and parts[2:] == ["v2.0", ".well-known", "openid-configuration"]:
            base = f"https://{request.host}/{parts[1]}"
            return Reply(200, {"token_endpoint": f"{base}/oauth2/v2.0/token", "authorization_endpoint": f"{base}/oauth2/v2.0/authorize", "issuer": f"{base}/v2.0"})
        if request.method != "POST" or len(parts) != 5 or parts[2:] != ["oauth2", "v2.0", "token"]:
            return Reply(404, why="only POST /<tenant>/oauth2/v2.0/token")
        if self.failures:
            return Reply(self.failures.pop(0), {"error": "temporarily_unavailable", "error_description": "AADSTS90033: A transient error has occurred.", "error_codes": [90033]}, why="as the test asked")
        if not request.has_form():
            return self._refuse(900144, "invalid_request", "The request body must contain the following parameter: 'grant_type'.")
        form, tenant = request.form, parts[1]
        if form.get("grant_type") != "client_credentials":
            return self._refuse(70003, "unsupported_grant_type", f"The app requested an unsupported grant type '{form.get('grant_type')}'.")
        if not any((c, t) == (cloud, tenant) for c, t, _ in self.directory.apps):
            return self._refuse(90002, "invalid_request", f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.")
        client = form.get("client_id", "")
        app = self.directory.apps.get((cloud, tenant, client))
        if not app:
            return self._refuse(700016, "unauthorized_client", f"Application with identifier '{client}' was not found in the directory '{tenant}'.")
        return self._authenticate(form, app) or self._resource(form, cloud, tenant, client)

    def _authenticate(self, form, app):
        if "client_secret" in form:
            if not app["secret"] or form["client_secret"] != app["secret"]:
                return self._refuse(7000215, "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value.", 401)
        elif "client_assertion" in form:
            if form.get("client_assertion_type") != FORM:
                return self._refuse(900144, "invalid_request", "client_assertion_type")
            try:
                claims = jwts.verify(CLUSTER, form["client_assertion"])
            except jwts.BadToken as error:
                return self._refuse(700024 if "expired" in str(error) else 50027, "invalid_client", f"Client assertion: {error}", 401)
            if claims["aud"] not in (["api://AzureADTokenExchange"], "api://AzureADTokenExchange"):
                return self._refuse(700212, "invalid_client", f"No matching federated identity record found for presented assertion audience '{claims['aud']}'.", 401)
            if not app["subject"] or claims["sub"] != app["subject"]:
                return self._refuse(700213, "invalid_client", f"No matching federated identity record found for presented assertion subject '{claims['sub']}'.", 401)
        else:
            return self._refuse(7000216, "invalid_client", "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.", 401)

    def _resource(self, form, cloud, tenant, client):
        scope = form.get("scope", "")
        resource = scope.removesuffix("/.default")
        known = {ACR, ARM[cloud]} - ({ACR} if tenant in self.directory.without_acr else set())
        if not scope.endswith("/.default"):
            return self._refuse(1002012, "invalid_scope", f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.")
        if resource.rstrip("/") not in known:
            return self._refuse(500011, "invalid_resource", f"The resource principal named {resource} was not found in the tenant named Box.")
        return Reply(200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": self.directory.token(cloud, tenant, client, resource)},
                     {"Cache-Control": "no-store, no-cache"})

    def _refuse(self, code, error, text, status=400):
        trace, correlation, moment = uuid.uuid4(), uuid.uuid4(), time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        return Reply(status, {"error": error, "error_description": f"AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}", "error_codes": [code],
                              "timestamp": moment, "trace_id": str(trace), "correlation_id": str(correlation),
                              "error_uri": f"https://login.microsoftonline.com/error?code={code}"}, why=f"AADSTS{code}: {text}")
