"""Azure Container Registry's token service: POST /oauth2/exchange on the registry's own host, and its /oauth2/token.

github.com/Azure/acr/blob/main/docs/AAD-OAuth.md; learn.microsoft.com/rest/api/containerregistry (Authentication - Exchange AAD Access Token For ACR Refresh Token).
A registry may refuse ARM's audience: learn.microsoft.com/azure/container-registry/container-registry-disable-authentication-as-arm."""
import base64
import re
import time

from . import jwts
from .fake_entra import ACR, ARM, entra_key
from .web import Reply

CLOUDS = {"azurecr.io": "public", "azurecr.us": "us", "azurecr.cn": "china"}
NOBODY = "00000000-0000-0000-0000-000000000000"


def cloud_of(host):
    match = re.fullmatch(r"(?:[a-z0-9-]+\.)+(azurecr\.(?:io|us|cn))", host)
    return CLOUDS[match[1]] if match else None


def refuse(text, status=401):
    return Reply(status, {"errors": [{"code": "UNAUTHORIZED", "message": text}]}, why=text)


class FakeAcr:
    name = "acr"

    def __init__(self, directory):
        self.directory = directory
        self.arm = True           # whether ARM's audience is accepted (the default of a registry)
        self.exp = True           # whether refresh tokens say when they expire
        self.life = 3 * 3600
        self.denied = set()       # application ids without AcrPull
        self.issued = set()       # refresh tokens

    def serves(self, request):
        return request.scheme == "https" and cloud_of(request.host) is not None and request.path in ("/oauth2/exchange", "/oauth2/token")

    def answer(self, request):
        return self._exchange(request) if request.path == "/oauth2/exchange" else self._token(request)

    def _exchange(self, request):
        cloud, form = cloud_of(request.host), request.form if request.has_form() else {}
        if request.method != "POST" or form.get("grant_type") != "access_token" or set(form) - {"grant_type", "service", "access_token", "tenant"}:
            return refuse("grant_type access_token, service, access_token and tenant are what is read", 400)
        if form.get("service") != request.host:
            return refuse(f"service {form.get('service')} is not this registry", 400)
        try:
            claims = jwts.verify(entra_key(cloud), form.get("access_token", ""))
        except jwts.BadToken as error:
            return refuse(f"authentication required: {error}")
        accepted = {ACR} | ({ARM[cloud]} if self.arm else set())
        if claims["aud"].rstrip("/") not in accepted:
            return refuse(f"authentication required: audience {claims['aud']}")
        if form.get("tenant") not in (None, claims["tid"]):
            return refuse("authentication required: tenant")
        if claims["appid"] in self.denied:
            return refuse("authentication required, visit https://aka.ms/acr/authorization for more information.")
        now = int(time.time())
        body = {"jti": claims["uti"], "sub": claims["oid"], "appid": claims["appid"], "tenant": claims["tid"], "aud": request.host, "iss": "Azure Container Registry",
                "nbf": now, "iat": now, "aad_aud": claims["aud"], "grant_type": "refresh_token", **({"exp": now + self.life} if self.exp else {})}
        token = jwts.sign("acr", body, kid="acr")
        self.issued.add(token)
        return Reply(200, {"refresh_token": token})

    def _token(self, request):
        """With user 0000... and the refresh token as password, or the refresh token itself: a token for the registry."""
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if request.method == "GET" and kind == "Basic":
            user, _, refresh = base64.b64decode(value).decode().partition(":")
            if user != NOBODY:
                return refuse("user name")
            fields = request.query
        elif request.method == "POST" and request.has_form() and request.form.get("grant_type") == "refresh_token":
            fields, refresh = request.form, request.form.get("refresh_token", "")
        else:
            return refuse("GET with Basic or POST of a refresh token", 400)
        try:
            claims = jwts.verify("acr", refresh)
        except jwts.BadToken as error:
            return refuse(str(error))
        if claims["aud"] != request.host or fields.get("service") != request.host:
            return refuse("not a token of this registry")
        return Reply(200, {"access_token": jwts.sign("acr", {"aud": request.host, "exp": int(time.time()) + 3600, "scope": fields.get("scope", ""), "use": "access"})})
