"""Google's OAuth 2.0 token endpoint, https://oauth2.googleapis.com/token.

developers.google.com/identity/protocols/oauth2/service-account (the JWT bearer grant, RFC 7523: iss, scope, aud, iat, exp within an hour)
and developers.google.com/identity/protocols/oauth2/web-server#offline (the refresh_token grant)."""
import time

from . import jwts
from .google_account import KNOWN_SCOPES, scopes_of
from .web import Reply

HOST = "oauth2.googleapis.com"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def refuse(error, description, status=400):
    return Reply(status, {"error": error, "error_description": description}, why=f"{error}: {description}")


class FakeGoogleOauth:
    name = "google-oauth"

    def __init__(self, google):
        self.google = google
        self.failures = []        # statuses to answer before anything else

    def serves(self, request):
        return request.scheme == "https" and request.host == HOST

    def answer(self, request):
        if request.method != "POST" or request.path != "/token":
            return Reply(404, why="only POST /token")
        if not request.has_form():
            return refuse("invalid_request", "Bad Request: a form is what is read")
        if self.failures:
            return Reply(self.failures.pop(0), {"error": "internal_failure"}, why="as the test asked")
        form = request.form
        if form.get("grant_type") == JWT_BEARER:
            return self._jwt(form)
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form)
        return refuse("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')}")

    def _jwt(self, form):
        try:
            header, claims = jwts.read(form.get("assertion", ""))
            key_id = self.google.service_accounts.get(claims.get("iss"))
            if not key_id or header.get("kid", key_id) != key_id:
                return refuse("invalid_grant", "Invalid grant: account not found")
            jwts.verify(claims["iss"], form["assertion"], leeway=0)
        except jwts.BadToken as error:
            return refuse("invalid_grant", str(error))
        now = time.time()
        if claims.get("aud") != f"https://{HOST}/token":
            return refuse("invalid_grant", "Invalid JWT: Failed audience check.")
        if not isinstance(claims.get("iat"), int) or claims["iat"] > now + 300 or not 0 < claims["exp"] - claims["iat"] <= 3600:
            return refuse("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values.")
        scopes = scopes_of(claims.get("scope"))
        if not scopes or not scopes <= KNOWN_SCOPES:
            return refuse("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        if claims.get("sub", claims["iss"]) != claims["iss"]:
            return refuse("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method", 401)
        return self._token(claims["iss"], scopes)

    def _refresh(self, form):
        triple = (form.get("client_id"), form.get("client_secret"), form.get("refresh_token"))
        if triple[:2] not in {k[:2] for k in self.google.people}:
            return refuse("invalid_client", "The OAuth client was not found.", 401)
        identity = self.google.people.get(triple)
        if not identity:
            return refuse("invalid_grant", "Token has been expired or revoked.")
        granted = {"openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/cloud-platform"}
        asked = scopes_of(form.get("scope")) or granted
        if not asked <= granted:      # what the person consented to is all that there is
            return refuse("invalid_scope", "Some requested scopes were invalid.")
        return self._token(identity, asked)

    def _token(self, identity, scopes):
        token = self.google.issue(identity, scopes, HOST)
        return Reply(200, {"access_token": token, "expires_in": self.google.life, "token_type": "Bearer", "scope": " ".join(sorted(scopes))})
