"""IAM Identity Center: the portal's GetRoleCredentials, and SSO OIDC's CreateToken for an expired session.

docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html, .../OIDCAPIReference/API_CreateToken.html;
the file the CLI leaves: ~/.aws/sso/cache/<SHA-1 of the session's name or start URL>.json (docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html)."""
import json
import re
import secrets

from .web import Reply


class FakeSso:
    name = "sso"

    def __init__(self, accounts):
        self.accounts = accounts
        self.region = "eu-west-1"
        self.sessions = {}        # access token -> {(account, role name): Role}
        self.refresh = {}         # (client id, client secret, refresh token) -> access token

    def serves(self, request):
        return request.scheme == "https" and request.host in (f"portal.sso.{self.region}.amazonaws.com", f"oidc.{self.region}.amazonaws.com")

    def answer(self, request):
        return self._portal(request) if request.host.startswith("portal.") else self._oidc(request)

    def _portal(self, request):
        if request.method != "GET" or request.path != "/federation/credentials":
            return Reply(404, {"message": "not found"}, why="only GET /federation/credentials")
        session = self.sessions.get(request.headers.get("x-amz-sso_bearer_token"))
        if session is None:
            return Reply(401, {"message": "Session token not found or invalid"}, {"x-amzn-ErrorType": "UnauthorizedException"}, "bearer token")
        if set(request.query) != {"role_name", "account_id"} or not re.fullmatch(r"\d{12}", request.query["account_id"]):
            return Reply(400, {"message": "Invalid request"}, {"x-amzn-ErrorType": "InvalidRequestException"}, f"query {request.query}")
        role = session.get((request.query["account_id"], request.query["role_name"]))
        if not role:
            return Reply(403, {"message": "No access"}, {"x-amzn-ErrorType": "ForbiddenException"}, "no such assignment")
        key = self.accounts.session(role, "person@example.com")
        return Reply(200, {"roleCredentials": {"accessKeyId": key.id, "secretAccessKey": key.secret, "sessionToken": key.token,
                                               "expiration": int(key.expires.timestamp() * 1000)}})

    def _oidc(self, request):
        try:
            body = json.loads(request.body)
        except ValueError:
            body = {}
        if request.method != "POST" or request.path != "/token" or body.get("grantType") != "refresh_token":
            return Reply(400, {"error": "invalid_request"}, {"x-amzn-ErrorType": "InvalidRequestException"}, "only POST /token, grantType refresh_token")
        token = self.refresh.get((body.get("clientId"), body.get("clientSecret"), body.get("refreshToken")))
        if not token:
            return Reply(400, {"error": "invalid_grant"}, {"x-amzn-ErrorType": "InvalidGrantException"}, "refresh token")
        return Reply(200, {"accessToken": token, "expiresIn": 28800, "tokenType": "Bearer", "refreshToken": secrets.token_urlsafe(20)})
