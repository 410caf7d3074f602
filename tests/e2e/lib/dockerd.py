"""A stand-in for the Docker engine: enough of its API for `docker pull` and `docker login`, on a Unix socket.

It asks the real registry for the image's manifest with the credential that it was sent, and nothing else.
"""
import base64
import hashlib
import json
import ssl
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

from .web import Handler, UnixServer, stop

VERSION = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24", "Os": "linux", "Arch": "amd64"}
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


class Daemon:
    """`seen` holds (image, X-Registry-Auth decoded) of every pull, oldest first."""

    def __init__(self, path, ca):
        self.host = f"unix://{path}"
        self.seen = []
        self._tls = ssl.create_default_context(cafile=ca)
        daemon = self

        class Engine(Handler):
            def do_HEAD(self):
                self.do_GET()

            def do_GET(self):
                path = urlsplit(self.path).path
                if path.endswith("/_ping"):
                    self.reply(200, b"OK", {"Api-Version": VERSION["ApiVersion"], "OSType": "linux"})
                elif path.endswith("/version"):
                    self.json(200, VERSION)
                else:
                    self.json(404, {"message": f"not in this stand-in: {self.path}"})

            def do_POST(self):
                body = self.body()
                url = urlsplit(self.path)
                if url.path.endswith("/auth"):
                    return self.json(*daemon.login(json.loads(body)))
                if not url.path.endswith("/images/create"):
                    return self.json(404, {"message": f"not in this stand-in: {self.path}"})
                query = parse_qs(url.query)
                self.json(200, daemon.pull(
                    query["fromImage"][0], query["tag"][0], _decoded(self.headers.get("X-Registry-Auth"))))

            def json(self, status, value):
                self.reply(status, json.dumps(value).encode() + b"\r\n", {"Content-Type": "application/json"})

        self._server = UnixServer(path, Engine)

    def pull(self, image, tag, auth):
        self.seen.append((image, auth))
        host, _, repository = image.partition("/")
        try:
            manifest = self._ask(host, f"{repository}/manifests/{tag}", auth)
            return {"status": f"Digest: sha256:{hashlib.sha256(manifest).hexdigest()}"}
        except urllib.error.HTTPError as error:
            message = f"{error.code} {error.reason.lower()}"
            return {"errorDetail": {"message": message}, "error": message}

    def login(self, auth):
        try:
            self._ask(auth["serveraddress"], "", auth)
            return 200, {"Status": "Login Succeeded", "IdentityToken": ""}
        except urllib.error.HTTPError as error:
            return error.code, {"message": error.reason.lower()}

    def _ask(self, host, path, auth):
        request = urllib.request.Request(  # every test registry's certificate names this address too
            f"https://127.0.0.1:{host.rsplit(':', 1)[1]}/v2/{path}", headers={"Accept": MANIFESTS})
        if auth.get("username"):
            login = base64.b64encode(f"{auth['username']}:{auth['password']}".encode()).decode()
            request.add_header("Authorization", f"Basic {login}")
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._tls))
        with opener.open(request, timeout=30) as answer:
            return answer.read()

    def stop(self):
        stop(self._server)


def _decoded(header):
    """Keys in lower case: the engine reads them in any (docker-py sends `Username`)."""
    fields = json.loads(base64.urlsafe_b64decode(header)) if header else {}
    return {name.lower(): value for name, value in fields.items()}
