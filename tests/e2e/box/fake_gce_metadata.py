"""Google's metadata server: metadata.google.internal, 169.254.169.254 port 80.

cloud.google.com/compute/docs/metadata/querying-metadata: Metadata-Flavor: Google is demanded of every request but `/`, X-Forwarded-For is refused;
tokens: cloud.google.com/compute/docs/access/authenticate-workloads (instance/service-accounts/default/token?scopes=a,b)."""
import urllib.parse

from .google_account import KNOWN_SCOPES, scopes_of
from .web import Reply

FLAVOR = {"Metadata-Flavor": "Google", "Server": "Metadata Server for VM"}


class FakeGceMetadata:
    name = "gce-metadata"

    def __init__(self, google):
        self.google = google
        self.present = False
        self.email = None         # the machine's service account
        self.granted = {"https://www.googleapis.com/auth/cloud-platform"}   # without ?scopes

    def serves(self, request):
        return self.present and request.address == "169.254.169.254" and request.port == 80 and request.host in ("metadata.google.internal", "169.254.169.254")

    def answer(self, request):
        if request.headers.get("X-Forwarded-For"):
            return Reply(403, headers=dict(FLAVOR), why="X-Forwarded-For")
        if request.path == "/":
            return Reply(200, "computeMetadata/\n", {**FLAVOR, "Content-Type": "application/text"})
        if request.headers.get("Metadata-Flavor") != "Google":
            return Reply(403, "Missing Metadata-Flavor:Google header.", dict(FLAVOR), "no Metadata-Flavor: Google")
        base = "/computeMetadata/v1/instance/service-accounts/"
        if request.method != "GET" or not request.path.startswith(base) or not self.email:
            return Reply(404, headers=dict(FLAVOR), why="no such metadata")
        account, _, what = urllib.parse.unquote(request.path[len(base):]).partition("/")
        if account not in ("default", self.email):
            return Reply(404, headers=dict(FLAVOR), why=f"no service account {account}")
        if not what and request.query.get("recursive") == "true":
            return Reply(200, {"aliases": ["default"], "email": self.email, "scopes": sorted(self.granted)}, dict(FLAVOR))
        if what == "email":
            return Reply(200, self.email, {**FLAVOR, "Content-Type": "application/text"})
        if what == "scopes":
            return Reply(200, "\n".join(sorted(self.granted)) + "\n", {**FLAVOR, "Content-Type": "application/text"})
        if what == "token":
            scopes = scopes_of(request.query.get("scopes")) or self.granted
            if not scopes <= KNOWN_SCOPES:
                return Reply(400, headers=dict(FLAVOR), why="scopes")
            token = self.google.issue(self.email, scopes, "metadata.google.internal")
            return Reply(200, {"access_token": token, "expires_in": self.google.life, "token_type": "Bearer"}, dict(FLAVOR))
        return Reply(404, headers=dict(FLAVOR), why="no such metadata")
