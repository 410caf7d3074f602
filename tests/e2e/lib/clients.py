"""The clients, each as a function that pulls an image and tells its digest (None if it did not come)."""
import json
import re
import sys

DOCKER_PY = """\
import docker, os, sys
repository, tag = sys.argv[1].rsplit(":", 1)
client = docker.APIClient(base_url=os.environ["DOCKER_HOST"], version="auto")
for line in client.pull(repository, tag=tag, stream=True, decode=True):
    if "error" in line:
        sys.exit(line["error"])
    print(line["status"])
"""


def _to_layout(*command):
    """Pulls into an OCI layout, whose index names the digest."""
    def pull(home, reference):
        target = home.directory / "layout"
        result = home.run(*(part.format(reference=reference, target=target) for part in command))
        index = target / "index.json"
        manifests = json.loads(index.read_text())["manifests"] if index.exists() else []
        return result, manifests[0]["digest"] if manifests else None
    return pull


def _to_storage(inspect, *command):
    """Pulls into a container storage of the home's own, then asks that for the digest."""
    def pull(home, reference):
        storage = ["--root", home.directory / "root", "--runroot", "/run/e2e", "--storage-driver", "vfs"]
        result = home.run(command[0], *storage, *command[1:], reference)
        if result.code:
            return result, None
        return result, home.run(command[0], *storage, *inspect, reference).out.strip()
    return pull


def _by_daemon(*command):
    def pull(home, reference):
        result = home.run(*command, reference)
        digest = re.search(r"^Digest: (sha256:[0-9a-f]{64})$", result.out, re.MULTILINE)
        return result, digest and digest[1]
    return pull


CLIENTS = {
    "crane": _to_layout("crane", "pull", "--format=oci", "{reference}", "{target}"),
    "skopeo": _to_layout("skopeo", "copy", "docker://{reference}", "oci:{target}:1"),
    "oras": _to_layout("oras", "copy", "{reference}", "--to-oci-layout", "{target}:1"),
    "regctl": _to_layout("regctl", "image", "copy", "{reference}", "ocidir://{target}:1"),
    "podman": _to_storage(["image", "inspect", "--format", "{{.Digest}}"], "podman", "pull"),
    "buildah": _to_storage(["inspect", "--type", "image", "--format", "{{.FromImageDigest}}"], "buildah", "pull"),
    "docker": _by_daemon("docker", "pull"),
    "docker-py": _by_daemon(sys.executable, "-c", DOCKER_PY),
}

# What they do without being told to; measured, and asserted.
ASK_ONLY_WHEN_CHALLENGED = {"oras", "regctl"}  # the others ask the helper before the registry
LISTS = {"regctl"}  # as credsStore it asks `list` once and `get` only for what is in there
READ_THE_VARIABLE = {"regctl"}  # DOCKER_AUTH_CONFIG, before any helper
