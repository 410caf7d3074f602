"""A URL that gives a workload's own token, as external_account configurations name it in credential_source.url (google.aip.dev/auth/4117).

Plain http on loopback is what such agents use; here http://127.0.0.1/token, which demands the header that the configuration names."""
from .google_account import idp_token
from .web import Reply


class FakeSubjectUrl:
    name = "subject-url"
    url = "http://127.0.0.1/token"

    def __init__(self):
        self.audience = None
        self.as_json = True

    def serves(self, request):
        return request.scheme == "http" and request.host == "127.0.0.1" and request.port == 80 and self.audience is not None

    def answer(self, request):
        if request.method != "GET" or request.path != "/token" or request.headers.get("X-Agent") != "box":
            return Reply(403, why="X-Agent: box")
        token = idp_token(self.audience)
        return Reply(200, {"id_token": token}) if self.as_json else Reply(200, token, {"Content-Type": "text/plain"})
