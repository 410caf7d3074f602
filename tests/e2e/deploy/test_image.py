"""The image: what is in it, that it runs as nobody with a read-only root, and that an init container of it hands the helper to a scanner."""
import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
import yaml

import identities
from box import fake_dns
from kubelet import Image, Pod
from lib.helper import NAME
from lib.kapi import user_of
from manifests import REPOSITORY, kustomize, of_kind, template

MOST_BYTES = 12_000_000
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def test_what_is_in_it(unpacked, program):
    root, config, manifest = unpacked
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())
    assert files == ["etc/ssl/certs/ca-certificates.crt", f"usr/local/bin/{NAME}", f"usr/share/doc/{NAME}/LICENSE"]
    assert (root / f"usr/local/bin/{NAME}").read_bytes() == program.read_bytes()
    header = subprocess.run(["readelf", "-h", program], capture_output=True, text=True, check=True).stdout
    assert "DYN (Position-Independent Executable file)" in header  # loaded at an address that nobody knows
    assert (config["config"]["User"], config["config"]["Entrypoint"]) == ("65532:65532", [f"/usr/local/bin/{NAME}"])
    labels = config["config"]["Labels"]
    version = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    assert labels["org.opencontainers.image.version"] == version and labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert set(labels) >= {f"org.opencontainers.image.{name}" for name in ("title", "description", "revision")}
    packed, bare = sum(layer["size"] for layer in manifest["layers"]), sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    print(f"the image has {bare} bytes, {packed} packed; the program in it {program.stat().st_size}")
    assert bare < MOST_BYTES


def test_the_same_program_gives_the_same_image(work, image, program, authorities, storage):
    environment = os.environ | {"PROGRAM": str(program), "AUTHORITIES": str(authorities), "BUILDAH": shlex.join(["buildah", *storage])}
    again = work / "again.tar"
    subprocess.run([REPOSITORY / "deploy/image/build", image[0], again], env=environment, check=True, capture_output=True)
    assert again.read_bytes() == image[1].read_bytes(), "the archives differ"


def test_a_program_that_is_not_static_is_refused(work, storage):
    done = subprocess.run([REPOSITORY / "deploy/image/build", "localhost/refused:1"], capture_output=True, text=True,
                          env=os.environ | {"PROGRAM": "/usr/bin/env", "BUILDAH": shlex.join(["buildah", *storage])})
    assert done.returncode == 1 and "is not static" in done.stderr, done


def podman(storage, image, *arguments, options=(), stdin=""):
    """Read-only, without capabilities, as the image's own user. The empty /sys/fs/cgroup is for crun, which knows no mixture of the
    two kinds of cgroups; no limit is set here."""
    command = ["podman", *storage, "run", "--rm", "-i", "--read-only", "--read-only-tmpfs=false", "--cgroups=disabled", "--network=host", "--cap-drop=ALL",
               "--security-opt=no-new-privileges", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000", *options, image[0], *arguments]
    script = 'if [ -d /sys/fs/cgroup ]; then mount -t tmpfs cgroup /sys/fs/cgroup; fi; exec "$@"'
    return subprocess.run(["unshare", "-m", "sh", "-euc", script, "podman", *command], input=stdin, capture_output=True, text=True, timeout=120)


def test_podman_runs_it_as_nobody_with_a_read_only_root(storage, image, program, tmp_path):
    assert podman(storage, image).stdout.startswith(f"Usage: {NAME} "), podman(storage, image)
    version = podman(storage, image, "version")
    assert (version.returncode, version.stdout, version.stderr) == (0, subprocess.run([program, "version"], capture_output=True, text=True).stdout, "")
    # It may not write its root, but a volume.
    refused = podman(storage, image, "install", "/kubeclarity")
    assert refused.returncode == 1 and "file /kubeclarity cannot be made" in refused.stdout, refused
    tmp_path.chmod(0o777)
    done = podman(storage, image, "install", "/kubeclarity", options=[f"--volume={tmp_path}:/kubeclarity"])
    assert done.returncode == 0, done
    copy = tmp_path / NAME
    assert copy.read_bytes() == program.read_bytes() and (copy.stat().st_uid, copy.stat().st_mode & 0o777) == (65532, 0o755)


def test_podman_gets_a_credential_of_a_mounted_secret(storage, image, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "regcred").mkdir()
    (tmp_path / "regcred/.dockerconfigjson").write_text(json.dumps({"auths": {"registry.example.com": {"username": "u", "password": "p"}}}))
    done = podman(storage, image, "get", stdin="registry.example.com",
                  options=[f"--volume={tmp_path}:/secrets:ro", "--env=IMAGE_PULL_SECRET_PATH=/secrets"])
    assert json.loads(done.stdout) == {"ServerURL": "registry.example.com", "Username": "u", "Secret": "p"}, done


def test_several_init_containers_may_share_a_directory(program, tmp_path):
    """Each is process 1 of its own: no temporary file of one is another's."""
    command = ["unshare", "-p", "-f", "--kill-child", program, "install", tmp_path]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(12)]
    said = [(process.communicate(timeout=120)[0], process.returncode) for process in running]
    assert [code for _, code in said] == [0] * 12, said
    assert (tmp_path / NAME).read_bytes() == program.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", NAME]


@pytest.fixture
def readme(server, api, pushed):
    """The pod of README.md, as it stands there but for the namespace and for what is pulled: (namespace, its spec)."""
    text, = [block for block in re.findall(r"```yaml\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.S) if "kind: Pod\n" in block]
    namespace, target = api.namespace("readme"), "registry.example.com/team/app:1"
    assert text.count("namespace: scans") == 1 and text.count(target) == 1
    text = text.replace("namespace: scans", f"namespace: {namespace}").replace(target, pushed[0])
    api.request("PATCH", f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
                kind="application/merge-patch+json")
    server.check(text)
    return namespace, yaml.safe_load(text)["spec"]


def in_readme(spec, images):
    init, = spec["initContainers"]
    scan, = spec["containers"]
    return {init["image"]: images["helper"], scan["image"]: images["scanner"]}


def test_the_readme_s_pod_pulls_a_private_image(api, readme, images, hosts, tmp_path, private, password):
    namespace, spec = readme
    api.pull_secret(namespace, "regcred", {private.host: {"username": "puller", "password": password}})
    pod = Pod(tmp_path / "pod", api, namespace, spec, in_readme(spec, images), hosts)
    done = pod.run()
    assert done.code == 0, done
    assert len([name for name in subprocess.run(["tar", "-tf", pod.volumes["tmp"] / "app.tar"], capture_output=True, text=True, check=True)
                .stdout.split() if name.endswith(".tar.gz")]) == 2


def test_the_readme_s_pod_is_refused_with_another_password(api, readme, images, hosts, tmp_path, private):
    namespace, spec = readme
    api.pull_secret(namespace, "regcred", {private.host: {"username": "puller", "password": "another"}})
    done = Pod(tmp_path / "pod", api, namespace, spec, in_readme(spec, images), hosts).run()
    assert done.code != 0 and "UNAUTHORIZED" in done.err, done


@pytest.fixture
def chart(server, api, pushed):
    """The chart with a scan by crane: (namespace, the scan's pod)."""
    namespace = api.namespace("scan")
    text = template({
        "fullnameOverride": "scan", "serviceAccount": {"imagePullSecrets": ["regcred"]}, "image": {"repository": "helper"},
        "scan": {"enabled": True, "targets": [pushed[0]], "image": "scanner", "args": ["pull", "$(TARGET)", "/tmp/image.tar"]}}, namespace=namespace)
    server.apply(text)
    api._wait_for_right(namespace, of_kind(text, "Role")["scan"]["rules"][1], f"{namespace}/scan")
    return namespace, of_kind(text, "CronJob")["scan-0"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def named(images):
    return images | {"helper:0.1.0": images["helper"]}


def test_the_chart_s_scan_pulls_a_private_image(api, chart, images, hosts, tmp_path, private, password, pushed):
    """`install` by the init container, then crane, whose root holds nothing but itself and the authorities."""
    namespace, spec = chart
    api.pull_secret(namespace, "regcred", {private.host: {"username": "puller", "password": password}})
    pod = Pod(tmp_path / "pod", api, namespace, spec, named(images), hosts)
    assert sorted(path.name for path in images["scanner"].root.rglob("*") if path.is_file()) == ["ca-certificates.crt", "crane"]
    done = pod.run()
    assert done.code == 0, done
    assert sorted(path.name for path in pod.volumes["helper"].iterdir()) == ["config.json", NAME]
    digest = pod.container(spec["containers"][0], command=["/usr/bin/crane", "digest", pushed[0]])
    assert digest.out.strip() == pushed[1], digest
    layers = subprocess.run(["tar", "-tf", pod.volumes["tmp"] / "image.tar"], capture_output=True, text=True, check=True).stdout.split()
    assert len([name for name in layers if name.endswith(".tar.gz")]) == 2, layers
    # It went through the helper: the API server was asked for the secret, by the pod's account.
    asked = [path for verb, path, code in api.audit(user_of(namespace, "scan"), 2) if code == 200]
    assert f"/api/v1/namespaces/{namespace}/secrets/regcred" in asked, asked
    # Nobody, and nothing to write but the volumes.
    assert (pod.volumes["tmp"] / "image.tar").stat().st_uid == 65532
    refused = pod.container(spec["containers"][0], command=["/usr/bin/crane", "pull", pushed[0], "/image.tar"])
    assert refused.code != 0 and "read-only file system" in refused.err, refused


def test_without_the_secret_it_is_refused(api, chart, images, hosts, tmp_path):
    namespace, spec = chart
    done = Pod(tmp_path / "pod", api, namespace, spec, named(images), hosts).run()
    assert done.code != 0 and "UNAUTHORIZED" in done.err, done


def test_what_the_helper_says_reaches_the_log(api, chart, images, hosts, tmp_path, private):
    namespace, spec = chart
    api.pull_secret(namespace, "regcred", {private.host: {"username": "puller"}})
    done = Pod(tmp_path / "pod", api, namespace, spec, named(images), hosts).run()
    assert done.code != 0 and "has a username but no password" in done.err, done


class Names(fake_dns.NameServer):
    """A name server on another address that knows the box's names."""

    def __init__(self):
        self.known = dict(reversed(line.split()) for line in (Path(fake_dns.__file__).parent / "names.txt").read_text().splitlines() if line and line[0] != "#")
        super(fake_dns.NameServer, self).__init__(("127.0.0.2", 53), _Answer)
        self.asked = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class _Answer(fake_dns._Handler):
    def handle(self):
        message, connection = self.request
        name, end = fake_dns.question(message)
        self.server.asked.append(name)
        address = self.server.known.get(name)
        if not address:
            return super().handle()
        v4 = message[end - 4:end - 2] == b"\0\1"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes(map(int, address.split("."))) if v4 else b""
        header = message[:2] + bytes([0x80 | (message[2] & 0x79), 0x80, 0, 1, 0, 1 if v4 else 0, 0, 0, 0, 0])
        connection.sendto(header + message[12:end] + answer, self.client_address)


NSSWITCH = "hosts: files mymachines mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] dns myhostname\n"


@pytest.mark.parametrize("nsswitch", [None, NSSWITCH], ids=["empty", "with modules that are not there"])
@pytest.mark.parametrize("by", ["hosts file", "name server"])
def test_names_are_found_in_an_empty_root(box, api, images, tmp_path, by, nsswitch):
    """The static program brings no name service of the C library along: /etc/hosts and /etc/resolv.conf must do, whatever else
    the scanner's image names in nsswitch.conf."""
    root = shutil.copytree(images["helper"].root, tmp_path / "root", symlinks=True)
    if nsswitch:
        (root / "etc/nsswitch.conf").write_text(nsswitch)
    images = {"helper": dataclasses.replace(images["helper"], root=root)}
    namespace = api.namespace("names")
    api.service_account(namespace, "scan")
    empty = tmp_path / "hosts"
    empty.write_text("127.0.0.1 localhost\n")
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text("nameserver 127.0.0.2\noptions timeout:1 attempts:1 ndots:5\nsearch svc.cluster.local\n")
    names = Names()
    try:
        variables = identities.keys(box.aws.user()) | {"KUBECLARITY_CACHE": "off"}
        pod = Pod(tmp_path / "pod", api, namespace, {"serviceAccountName": "scan", "containers": [], "securityContext": {"runAsUser": 65532}}, images,
                  Path("/etc/hosts") if by == "hosts file" else empty, resolv_conf, variables)
        done = pod.container({"image": "helper", "args": ["explain", ECR], "securityContext": {"readOnlyRootFilesystem": True}})
    finally:
        names.shutdown()
        names.server_close()
    assert done.code == 0 and "AWS" in done.out, done
    assert box.asked("ecr"), box.story()
    assert ("api.ecr.eu-west-1.amazonaws.com" in names.asked) == (by == "name server"), names.asked


def test_the_kustomization_s_scan_installs_the_same(images):
    """Its init container is the chart's (test_chart compares them whole); here, that the image's command is what it calls."""
    spec = of_kind(kustomize(REPOSITORY / "deploy/kustomize/example"), "CronJob")["docker-credential-kubeclarity-0"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert images["helper"].entrypoint + spec["initContainers"][0]["args"] == [f"/usr/local/bin/{NAME}", "install", "/kubeclarity"]
    assert isinstance(images["helper"], Image)
