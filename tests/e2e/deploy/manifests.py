"""Manifests: rendered by helm and kustomize, and sent to the API server as text, which it decodes itself and strictly."""
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
CHART = REPOSITORY / "deploy/helm/docker-credential-kubeclarity"
KUSTOMIZE = REPOSITORY / "deploy/kustomize"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PLACES = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts", "Secret": "/api/v1/namespaces/{}/secrets",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps", "Pod": "/api/v1/namespaces/{}/pods", "Namespace": "/api/v1/namespaces",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Role": RBAC + "/namespaces/{}/roles", "RoleBinding": RBAC + "/namespaces/{}/rolebindings",
    "Job": "/apis/batch/v1/namespaces/{}/jobs", "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments"}


class Refused(Exception):
    """By the API server, or by helm's own check of the values."""


def _run(*command, stdin=""):
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def documents(text):
    """The texts of the manifests in one, each with what it says."""
    texts = ["\n".join(part) for part in _split(text.splitlines())]
    return [(part, parsed) for part in texts if (parsed := yaml.safe_load(part))]


def _split(lines):
    part = []
    for line in lines:
        if line.startswith("---"):
            yield part
            part = []
        else:
            part.append(line)
    yield part


def template(values, release="scan", namespace="scans"):
    """What the chart makes of these values: text."""
    return _run("helm", "template", release, CHART, "--namespace", namespace, "--values", "-", stdin=yaml.safe_dump(values))


def notes(values, release="scan", namespace="scans"):
    out = _run("helm", "install", release, CHART, "--namespace", namespace, "--dry-run=client", "--values", "-", stdin=yaml.safe_dump(values))
    return out.partition("NOTES:\n")[2]


def kustomize(directory):
    return _run("kustomize", "build", directory)


def objects(text):
    return [parsed for _, parsed in documents(text)]


def of_kind(text, kind):
    return {parsed["metadata"]["name"]: parsed for parsed in objects(text) if parsed["kind"] == kind}


class Server:
    """Sends manifests to a running API server (lib.kapi.Api)."""

    def __init__(self, api):
        self.api = api
        context = ssl.create_default_context(cafile=api.ca)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))

    def post(self, text, dry_run=False, namespace="default"):
        parsed = yaml.safe_load(text)
        place = PLACES[parsed["kind"]].format(parsed["metadata"].get("namespace", namespace))
        query = "?fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        request = urllib.request.Request(
            self.api.url + place + query, method="POST", data=text.encode(),
            headers={"Authorization": f"Bearer {self.api.admin}", "Content-Type": "application/yaml", "Accept": "application/json"})
        try:
            self._opener.open(request, timeout=30).close()
        except urllib.error.HTTPError as error:
            raise Refused(f"{parsed['kind']} {parsed['metadata'].get('name')}: {error.code} {error.read().decode()}") from None

    def namespace(self, name, **labels):
        try:
            self.api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        except Exception as error:  # it may be there already
            if getattr(error, "status", 0) != 409:
                raise

    def check(self, text):
        """Server-side dry run of every manifest, in namespaces that are there; returns how many."""
        return self._each(text, dry_run=True)

    def apply(self, text):
        return self._each(text, dry_run=False)

    def _each(self, text, dry_run):
        found = documents(text)
        for namespace in {parsed["metadata"]["namespace"] for _, parsed in found if "namespace" in parsed["metadata"]}:
            self.namespace(namespace)
        for part, _ in found:
            self.post(part, dry_run)
        return len(found)
