"""Google's Security Token Service, https://sts.googleapis.com: /v1/token (RFC 8693) and /v1/oauthtoken (refresh for workforce users).

cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token and .../oauthtoken; external_account files: google.aip.dev/auth/4117;
AWS: a signed GetCallerIdentity that names the pool in x-goog-cloud-target-resource (cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds)."""
import base64
import json
import urllib.parse
from email.message import Message

from . import jwts
from .aws_account import AwsError
from .fake_google_oauth import refuse
from .fake_sts import region_of
from .google_account import IDP, KNOWN_SCOPES, scopes_of
from .sigv4 import verify
from .web import Reply

HOST = "sts.googleapis.com"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWTS = {"urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"}
AWS = "urn:ietf:params:aws:token-type:aws4_request"


class FakeGoogleSts:
    name = "google-sts"

    def __init__(self, google, aws):
        self.google, self.aws = google, aws

    def serves(self, request):
        return request.scheme == "https" and request.host == HOST

    def answer(self, request):
        if request.method != "POST" or request.path not in ("/v1/token", "/v1/oauthtoken"):
            return Reply(404, why="only POST /v1/token and /v1/oauthtoken")
        if request.has_form():
            fields = request.form
        elif request.headers.get("Content-Type", "").startswith("application/json") and request.path == "/v1/token":
            fields = {"".join("_" + c.lower() if c.isupper() else c for c in k): v for k, v in json.loads(request.body).items()}
        else:
            return refuse("invalid_request", "neither a form nor JSON")
        return self._exchange(fields) if request.path == "/v1/token" else self._refresh(request, fields)

    def _exchange(self, fields):
        if fields.get("grant_type") != GRANT or fields.get("requested_token_type") != ACCESS_TOKEN:
            return refuse("invalid_request", "grant_type or requested_token_type")
        audience, kind = fields.get("audience", ""), fields.get("subject_token_type")
        pool = self.google.pools.get(audience)
        if pool is None:
            return refuse("invalid_target", 'Invalid value for "audience".')
        scopes = scopes_of(fields.get("scope"))
        if not scopes or not scopes <= KNOWN_SCOPES:
            return refuse("invalid_scope", "scope")
        try:
            if kind in JWTS:
                claims = jwts.verify(IDP, fields.get("subject_token", ""), leeway=0)
                if claims["iss"] != IDP or claims["aud"] not in (audience, "https:" + audience):
                    return refuse("invalid_grant", f"The audience in ID Token [{claims['aud']}] does not match the expected audience.")
                subject = claims["sub"]
            elif kind == AWS:
                subject = self._aws_caller(fields.get("subject_token", ""), audience)
            else:
                return refuse("invalid_request", f"subject_token_type {kind}")
        except (jwts.BadToken, AwsError, ValueError, KeyError) as error:
            return refuse("invalid_grant", f"{type(error).__name__}: {error}")
        if not any(subject == s or subject.startswith(s + "/") for s in pool):
            return refuse("unauthorized_client", "The given credential is rejected by the attribute condition.")
        token = self.google.issue(f"principal:{audience}/subject/{subject}", scopes, HOST)
        return Reply(200, {"access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": self.google.life})

    def _aws_caller(self, subject_token, audience):
        signed = json.loads(urllib.parse.unquote(subject_token))
        url = urllib.parse.urlsplit(signed["url"])
        headers = Message()
        for header in signed["headers"]:
            headers[header["key"]] = header["value"]
        if signed["method"] != "POST" or url.query != "Action=GetCallerIdentity&Version=2011-06-15" or headers["host"] != url.netloc:
            raise AwsError("InvalidRequest", "not a POST of GetCallerIdentity")
        if headers["x-goog-cloud-target-resource"] != audience:
            raise AwsError("InvalidRequest", "x-goog-cloud-target-resource")
        key = verify(self.aws, region_of(url.netloc), "sts", method="POST", target=f"{url.path or '/'}?{url.query}", headers=headers, body=b"")
        return key.arn

    def _refresh(self, request, fields):
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        client = tuple(base64.b64decode(value).decode().split(":", 1)) if kind == "Basic" else (None, None)
        identity = self.google.people.get((*client, fields.get("refresh_token")))
        if fields.get("grant_type") != "refresh_token" or not identity:
            return refuse("invalid_grant" if kind == "Basic" else "invalid_client", "the refresh token is not this client's", 400 if kind == "Basic" else 401)
        token = self.google.issue(identity, scopes_of(fields.get("scope")) or {"https://www.googleapis.com/auth/cloud-platform"}, HOST)
        return Reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": self.google.life})
