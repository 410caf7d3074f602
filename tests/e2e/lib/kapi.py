"""A real kube-apiserver, and the few objects that the tests put into it (plain HTTPS, no client library)."""
import base64
import itertools
import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from .pki import Authority

RUN = Path(__file__).resolve().parent.parent / "kapi" / "run.sh"
# Only what is asked of objects; the server's own start-up is left out.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  userGroups: ["system:masters"]
- level: Metadata
"""


def driver(name):
    """A program of kapi/src/NAME around Kubernetes' own code, which `prepare` has built."""
    return subprocess.run([RUN, "build", name], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout.strip()


class ApiError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status = status


class Api:
    """`url`, `ca` (path) and `admin` (token) of a running server. Keep `directory` short: Unix sockets live in it."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.clients = Authority(self.directory / "clients", "e2e client authority")
        policy = self.directory / "audit.yaml"
        policy.write_text(AUDIT_POLICY)
        self._audit = self.directory / "audit.log"
        flags = (f"--client-ca-file={self.clients.ca}", f"--audit-policy-file={policy}",
                 f"--audit-log-path={self._audit}", "--audit-log-mode=blocking")
        subprocess.run([RUN, "start", self.directory], check=True, stdin=subprocess.DEVNULL,
                       env=os.environ | {"KAPI_FLAGS": " ".join(flags)})
        self.url = (self.directory / "url").read_text().strip()
        self.port = int(self.url.rsplit(":", 1)[1])
        self.ca = self.directory / "ca.crt"
        self.admin = (self.directory / "admin.token").read_text().strip()
        self._tls = ssl.create_default_context(cafile=self.ca)
        self._numbers = itertools.count(1)

    def stop(self):
        subprocess.run([RUN, "stop", self.directory], check=True)

    def request(self, method, path, body=None, token=None, kind="application/json"):
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token or self.admin}", "Content-Type": kind})
        opener = urllib.request.build_opener(  # no proxy, whatever the environment says
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._tls))
        try:
            with opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode(errors="replace")) from None

    def namespace(self, prefix="test"):
        """Creates a fresh namespace and returns its name."""
        name = f"{prefix}-{next(self._numbers)}"
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def service_account(self, namespace, name, pull_secrets=()):
        self.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts",
                     {"metadata": {"name": name}, "imagePullSecrets": [{"name": secret} for secret in pull_secrets]})
        return name

    def token(self, namespace, account, seconds=3600):
        """A token of the TokenRequest API, as a pod has it mounted."""
        answer = self.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
                              {"spec": {"expirationSeconds": seconds}})
        return answer["status"]["token"]

    def expired_token(self, namespace, account):
        """The same, signed by the same key, but over since an hour."""
        head, body, _ = self.token(namespace, account).split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        now = int(time.time())
        claims |= {"iat": now - 7200, "nbf": now - 7200, "exp": now - 3600}
        signed = f"{head}.{_base64url(json.dumps(claims).encode())}"
        key = serialization.load_pem_private_key((self.directory / "sa.key").read_bytes(), password=None)
        return f"{signed}.{_base64url(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def secret(self, namespace, name, data, kind="Opaque"):
        """`data` maps keys to text or bytes."""
        encoded = {key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
                   for key, value in data.items()}
        self.request("POST", f"/api/v1/namespaces/{namespace}/secrets",
                     {"metadata": {"name": name}, "type": kind, "data": encoded})
        return name

    def pull_secret(self, namespace, name, auths):
        """A kubernetes.io/dockerconfigjson; `auths` as in a config.json."""
        return self.secret(namespace, name, {".dockerconfigjson": json.dumps({"auths": auths})},
                           "kubernetes.io/dockerconfigjson")

    def role(self, namespace, name, rules, *subjects):
        """A Role and its RoleBinding. A subject is `namespace/account`, or a user's name."""
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        self.request("POST", f"{rbac}/roles", {"metadata": {"name": name}, "rules": rules})
        self.request("POST", f"{rbac}/rolebindings", {
            "metadata": {"name": name}, "subjects": [_subject(subject) for subject in subjects],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}})
        for subject in subjects:
            self._wait_for_right(namespace, rules[0], subject)

    def _wait_for_right(self, namespace, rule, subject):
        """The authorizer learns of a new Role a moment after it was made."""
        attributes = {"namespace": namespace, "verb": rule["verbs"][0], "group": rule["apiGroups"][0],
                      "resource": rule["resources"][0], "name": rule.get("resourceNames", [""])[0]}
        review = {"spec": {"user": user_of(*subject.split("/")) if "/" in subject else subject,
                           "resourceAttributes": attributes}}
        deadline = time.monotonic() + 10
        while not self.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{subject} still has no right to {attributes}")
            time.sleep(0.01)

    def allow_get(self, namespace, subject, secrets=(), service_accounts=()):
        """`get` on exactly these named objects, and nothing else."""
        rules = [{"apiGroups": [""], "resources": [resource], "resourceNames": list(names), "verbs": ["get"]}
                 for resource, names in (("secrets", secrets), ("serviceaccounts", service_accounts)) if names]
        self.role(namespace, f"get-{next(self._numbers)}", rules, subject)

    def kubeconfig(self, path, user, namespace="default", server=None, ca=None):
        """`user` is a kubeconfig's user: {"token": ..}, {"client-certificate": ..}, {"exec": ..}."""
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": server or self.url, "certificate-authority": str(ca or self.ca)}}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}]}
        path = Path(path)
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))  # JSON is YAML
        return path

    def audit(self, user, at_least):
        """What this user asked so far, oldest first: (verb, path, status). Waits a moment for that many to be written."""
        deadline = time.monotonic() + 5
        while True:
            whole = self._audit.read_text().rpartition("\n")[0] if self._audit.exists() else ""
            entries = [json.loads(line) for line in whole.splitlines()]
            asked = [(entry["verb"], entry["requestURI"], entry["responseStatus"]["code"])
                     for entry in entries if entry["user"].get("username") == user]
            if len(asked) >= at_least or time.monotonic() > deadline:
                return asked
            time.sleep(0.05)


def user_of(namespace, account):
    """The name under which the API server knows a service account."""
    return f"system:serviceaccount:{namespace}:{account}"


def _base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _subject(subject):
    namespace, slash, account = subject.partition("/")
    if slash:
        return {"kind": "ServiceAccount", "namespace": namespace, "name": account}
    return {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": subject}
