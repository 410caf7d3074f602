"""A real registry (Debian's docker-registry, CNCF distribution) behind each cloud's own way of asking for credentials.

ECR: Basic (docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html). ECR Public, Google and ACR: distribution's token authentication
(distribution.github.io/distribution/spec/auth/token), with Google's realm https://<host>/v2/token and ACR's https://<host>/oauth2/token."""
import base64
import hashlib
import http.client
import json
import re
import secrets
import subprocess
import time
import urllib.request

from . import jwts
from .fake_acr import cloud_of
from .google_account import CLOUD_PLATFORM, READ_ONLY, STORAGE
from .web import Reply

PORT = 5999
ECR = re.compile(r"\d{12}\.dkr(?:\.|-)ecr(?:-fips)?\.([a-z0-9-]+)\.(?:on\.)?(?:amazonaws|amazonwebservices|aws|c2s|sc2s|cloud|csp)[a-z0-9.-]*")
ECR_PUBLIC = ("public.ecr.aws", "ecr-public.aws.com")
GOOGLE = re.compile(r"(?:[a-z-]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev|docker\.[a-z0-9-]+\.rep\.pkg\.dev|container\.cloud\.google\.com")


class RealRegistry:
    """docker-registry on loopback, without authentication: the front has done that."""

    def __init__(self, directory):
        config = directory / "registry.yml"
        config.write_text(f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {directory}/registry}}}}\n"
                          f"http: {{addr: '127.0.0.1:{PORT}', relativeurls: true}}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        for _ in range(100):
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{PORT}/v2/", timeout=5).close()
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("docker-registry did not start")

    def call(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
        try:
            connection.request(method, path, body, dict(headers))
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def push(self, repository, tag="1"):
        """A small image of one configuration and no layer; returns its digest."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"of": repository}}, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        digest = "sha256:" + hashlib.sha256(config).hexdigest()
        _, headers, _ = self.call("POST", f"/v2/{repository}/blobs/uploads/")
        place = headers["Location"] + ("&" if "?" in headers["Location"] else "?") + f"digest={digest}"
        status, _, body = self.call("PUT", place, config, {"Content-Type": "application/octet-stream"})
        assert status == 201, body
        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": [],
                               "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)}})
        status, headers, body = self.call("PUT", f"/v2/{repository}/manifests/{tag}", manifest, {"Content-Type": kind})
        assert status == 201, body
        return headers["Docker-Content-Digest"]

    def close(self):
        self.process.terminate()
        self.process.wait()


class Front:
    name = "registry"

    def __init__(self, registry, aws, google):
        self.registry, self.aws, self.google = registry, aws, google
        self.bearers = {}         # host, token -> credential that bought it

    def serves(self, request):
        h = request.host
        mine = ECR.fullmatch(h) or h in ECR_PUBLIC or GOOGLE.fullmatch(h) or cloud_of(h)
        return request.scheme == "https" and bool(mine) and (request.path.startswith("/v2/") or request.path == "/token/")

    def answer(self, request):
        if request.path in ("/v2/token", "/token/"):
            return self._token(request)
        if not self._allowed(request):
            return Reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}, {"WWW-Authenticate": self._challenge(request.host),
                         "Docker-Distribution-Api-Version": "registry/2.0"}, "not authorized")
        keep = {k: v for k, v in request.headers.items() if k.lower() in ("accept", "range", "content-type")}
        status, headers, body = self.registry.call(request.method, request.target, request.body or None, keep)
        kept = ("content-type", "docker-content-digest", "docker-distribution-api-version", "etag") + (("content-length",) if request.method == "HEAD" else ())
        return Reply(status, body, {k: v for k, v in headers.items() if k.lower() in kept})

    def _challenge(self, host):
        if ECR.fullmatch(host):
            return f'Basic realm="https://{host}/",service="ecr.amazonaws.com"'
        realm = "oauth2/token" if cloud_of(host) else "token/" if host in ECR_PUBLIC else "v2/token"
        return f'Bearer realm="https://{host}/{realm}",service="{host}"'

    def _allowed(self, request):
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        host = request.host
        if ECR.fullmatch(host):
            return kind == "Basic" and self._ecr(value, "ecr", ECR.fullmatch(host)[1])
        if cloud_of(host):
            try:
                claims = jwts.verify("acr", value)
            except jwts.BadToken:
                return False
            return kind == "Bearer" and claims["aud"] == host and claims.get("use") == "access"
        return kind == "Bearer" and (host, value) in self.bearers

    def _ecr(self, basic, service, region):
        user, _, password = base64.b64decode(basic).decode().partition(":")
        opens = self.aws.passwords.get(password)
        return user == "AWS" and bool(opens) and (opens["service"], opens["region"]) == (service, region) and opens["expires"] > time.time()

    def _token(self, request):
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if request.method != "GET" or kind != "Basic" or request.query.get("service") != request.host:
            return Reply(401, {"errors": [{"code": "UNAUTHORIZED"}]}, why="GET with Basic and this service")
        if request.host in ECR_PUBLIC:
            good = self._ecr(value, "ecr-public", "us-east-1")
        else:
            user, _, password = base64.b64decode(value).decode().partition(":")
            token = self.google.tokens.get(password)
            good = user == "oauth2accesstoken" and token and token.expires > time.time() and token.scopes & {CLOUD_PLATFORM, READ_ONLY, STORAGE}
        if not good:
            return Reply(403, {"errors": [{"code": "DENIED"}]}, why="the credential opens nothing here")
        bearer = secrets.token_urlsafe(40)
        self.bearers[request.host, bearer] = value
        return Reply(200, {"token": bearer, "access_token": bearer, "expires_in": 300})
