"""IAM Service Account Credentials: generateAccessToken.

cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken. The caller's own token must have the
scope cloud-platform or iam: a read-only one cannot make tokens."""
import json
import re
import time

from .google_account import CLOUD_PLATFORM, IAM, KNOWN_SCOPES
from .web import Reply

HOST = "iamcredentials.googleapis.com"


def refuse(status, name, message):
    return Reply(status, {"error": {"code": status, "message": message, "status": name}}, why=message)


class FakeGoogleIam:
    name = "google-iam"

    def __init__(self, google):
        self.google = google

    def serves(self, request):
        return request.scheme == "https" and request.host == HOST

    def answer(self, request):
        match = re.fullmatch(r"/v1/projects/-/serviceAccounts/([^/:]+):generateAccessToken", request.path.replace("%40", "@"))
        if request.method != "POST" or not match:
            return refuse(404, "NOT_FOUND", "no such method")
        caller = self.google.bearer(request)
        if not caller:
            return refuse(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if not caller.scopes & {CLOUD_PLATFORM, IAM}:
            return refuse(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.")
        try:
            body = json.loads(request.body)
        except ValueError:
            return refuse(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
        scopes = body.get("scope")
        if set(body) - {"scope", "delegates", "lifetime"} or not isinstance(scopes, list) or not scopes or not set(scopes) <= KNOWN_SCOPES:
            return refuse(400, "INVALID_ARGUMENT", "Request contains an invalid argument: scope")
        lifetime = re.fullmatch(r"(\d+)s", body.get("lifetime", "3600s"))
        if not lifetime or not 0 < int(lifetime[1]) <= 3600:
            return refuse(400, "INVALID_ARGUMENT", "Request contains an invalid argument: lifetime")
        chain = [d.rpartition("/")[2] for d in body.get("delegates") or []] + [match[1]]
        identity = caller.identity
        for email in chain:
            if (identity, email) not in self.google.may_impersonate or email not in self.google.service_accounts:
                return refuse(403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).")
            identity = email
        token = self.google.issue(identity, scopes, HOST)
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + int(lifetime[1])))
        return Reply(200, {"accessToken": token, "expireTime": expires})
