"""What the chart says after it was installed can be pasted: its two pods are taken by the API server, fit the restricted standard, and do
what is said of them, with the rights of the release."""
import re
import subprocess
import sys

import pytest
import yaml

from kubelet import Pod
from manifests import CHART, REPOSITORY, notes, objects, of_kind, template
from recipes import APP, CRANE, HELPER

NAME = "scan-docker-credential-kubeclarity"
IMAGE = {"image": {"repository": HELPER.rpartition(":")[0]}}
PULL_SECRET = {"serviceAccount": {"imagePullSecrets": ["regcred"]}}


def pasted(told):
    """What a shell gives to `kubectl apply -f -`, by the pod's name."""
    texts = re.findall(r"^kubectl apply -f - <<'YAML'\n(.*?)^YAML$", told, re.MULTILINE | re.DOTALL)
    return {yaml.safe_load(text)["metadata"]["name"]: text for text in texts}


@pytest.fixture
def release(api, server, private, password):
    """Installed in a namespace of its own: its namespace, and its notes, with the image of the tests."""
    namespace = api.namespace("notes")
    values = IMAGE | PULL_SECRET
    text = template(values, namespace=namespace)
    server.apply(text)
    api._wait_for_right(namespace, of_kind(text, "Role")[NAME]["rules"][1], f"{namespace}/{NAME}")
    api.pull_secret(namespace, "regcred", {private.host: {"username": "puller", "password": password}})
    return namespace, notes(values, namespace=namespace)


def test_both_pods_can_be_pasted(server, release):
    pods = pasted(release[1])
    assert set(pods) == {"pull", "explain"}
    server.namespace(release[0], **{"pod-security.kubernetes.io/enforce": "restricted"})
    for text in pods.values():
        assert yaml.safe_load(text)["metadata"]["namespace"] == release[0]
        assert server.check(text) == 1


def test_the_pod_pulls(api, release, clients, hosts, pushed, tmp_path):
    spec = yaml.safe_load(pasted(release[1])["pull"].replace(APP, pushed[0]))["spec"]
    assert spec["containers"][0]["image"] == CRANE
    done = Pod(tmp_path / "pod", api, release[0], spec, clients, hosts).run()
    assert (done.code, done.out.strip()) == (0, pushed[1]), done


def test_explain_finds_the_same(api, release, clients, hosts, private, tmp_path):
    spec = yaml.safe_load(pasted(release[1])["explain"].replace(APP, f"{private.host}/team/app:1"))["spec"]
    done = Pod(tmp_path / "pod", api, release[0], spec, clients, hosts).run()
    assert done.code == 0 and f"secret {release[0]}/regcred" in done.out and "found: user puller" in done.out, done


def test_a_secret_of_settings_reaches_the_helper(api, server, clients, hosts, tmp_path):
    namespace = api.namespace("notes")
    values = IMAGE | {"settingsSecret": "more"}
    server.apply(template(values, namespace=namespace))
    api.secret(namespace, "more", {"GITHUB_TOKEN": "token-of-github", "GITHUB_ACTOR": "ann", "CREDS_SECRET_NAMESPACE": "elsewhere"})
    spec = yaml.safe_load(pasted(notes(values, namespace=namespace))["explain"].replace(APP, "ghcr.io/team/app:1"))["spec"]
    done = Pod(tmp_path / "pod", api, namespace, spec, clients, hosts).run()
    assert done.code == 0 and "found: user ann" in done.out and "elsewhere" not in done.out and "token-of-github" not in done.out, done


# Run by a small process: what the parent holds counts as the child's until that has become another program.
MEASURE = """\
import os, sys
child = os.fork()
if not child:
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.execv(sys.argv[1], sys.argv[1:])
print(os.wait4(child, 0)[2].ru_maxrss)
"""


def memory_of(*command, **variables):
    """The most that it held at any time, in MiB."""
    done = subprocess.run([sys.executable, "-S", "-E", "-c", MEASURE, *map(str, command)], env={name: str(value) for name, value in variables.items()},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def test_the_helper_s_containers_need_less_memory_than_they_get(api, program, tmp_path):
    values = yaml.safe_load((CHART / "values.yaml").read_text())["resources"]
    request, limit = (int(values[kind]["memory"].removesuffix("Mi")) for kind in ("requests", "limits"))
    assert memory_of(program, "install", tmp_path / "shared", HOME=tmp_path) < request
    api.kubeconfig(tmp_path / "kubeconfig", {"token": api.admin})
    cloud = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "key", "HTTPS_PROXY": "http://127.0.0.1:9", "KUBECLARITY_TIMEOUT": 2}
    for registry in ("registry.example.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"):
        assert memory_of(program, "explain", registry, HOME=tmp_path, KUBECONFIG=tmp_path / "kubeconfig", **cloud) < limit / 2


def test_without_an_image_a_name_stands_for_it():
    pods = pasted(notes({}))
    images = {container["image"] for text in pods.values() for container in yaml.safe_load(text)["spec"].get("initContainers", yaml.safe_load(text)["spec"]["containers"])}
    assert images == {HELPER}


@pytest.mark.parametrize("readme", [CHART / "README.md", REPOSITORY / "README.md"], ids=["the chart's", "the repository's"])
def test_the_readme_s_values_are_the_chart_s(server, readme):
    values, = [block for block in re.findall(r"```yaml\n(.*?)```", readme.read_text(), re.DOTALL) if "\nserviceAccount:" in block]
    text = template(yaml.safe_load(values), release="kubeclarity-creds")
    assert server.check(text) >= 7
    assert {("scans", "regcred"), ("team-a", "regcred")} <= {(role["metadata"]["namespace"], name) for role in objects(text) if role["kind"] == "Role"
                                                              for rule in role["rules"] for name in rule["resourceNames"]}
