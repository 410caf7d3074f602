"""The recipes of skopeo and kaniko: their pods, run container by container, with two private registries."""
import json
import os

import pytest

import identities
from lib.kapi import user_of
from recipe_fixtures import KANIKO, KANIKO_ENV
from recipes import CRANE, JobPod, Recipe, page, root_of


@pytest.fixture
def mirroring(api, server, private, mirror):
    return Recipe(api, server, "skopeo-mirror/cronjob.yaml", **{"registry.example.com:": f'"{private.host}":', "mirror.example.com": mirror.host})


def login(registry, password):
    return {registry.host: {"username": "puller", "password": password}}


def test_skopeo_mirrors_from_one_private_registry_to_another(api, mirroring, private, mirror, clients, both_hosts, password, pushed, tmp_path):
    api.pull_secret(mirroring.namespace, "source", login(private, password))
    api.pull_secret(mirroring.namespace, "target", login(mirror, password[::-1]))
    pod = mirroring.pod(tmp_path / "pod", clients, both_hosts)
    done = pod.run()
    assert done.code == 0, done
    digest = pod.container(mirroring.spec["containers"][0], command=["/usr/bin/skopeo", "inspect", "--format", "{{.Digest}}", f"docker://{mirror.host}/copies/app:1"])
    assert digest.out.strip() == pushed[1], digest
    asked = [path for _, path, code in api.audit(user_of(mirroring.namespace, "mirror"), 3) if code == 200]
    assert {path.rsplit("/", 1)[1] for path in asked} == {"mirror", "source", "target"}, asked


def test_skopeo_is_refused_by_a_target_whose_secret_is_missing(api, mirroring, private, mirror, clients, both_hosts, password, tmp_path, pushed):
    api.pull_secret(mirroring.namespace, "source", login(private, password))
    done = mirroring.pod(tmp_path / "pod", clients, both_hosts).run()
    assert done.code != 0 and "unauthorized: authentication required" in done.err, done
    assert "trying to reuse blob" in done.err and "initializing source" not in done.err, done
    words = page("skopeo-mirror.md")
    assert "trying to reuse blob" in words and "initializing source" in words and "unauthorized: authentication required" in words


def test_skopeo_is_refused_by_a_source_whose_secret_is_missing(api, mirroring, mirror, clients, both_hosts, password, tmp_path, pushed):
    api.pull_secret(mirroring.namespace, "target", login(mirror, password[::-1]))
    done = mirroring.pod(tmp_path / "pod", clients, both_hosts).run()
    assert done.code != 0 and "initializing source" in done.err and "unauthorized: authentication required" in done.err, done


def test_what_the_helper_says_reaches_skopeo_s_log(api, mirroring, private, clients, both_hosts, tmp_path, pushed):
    api.pull_secret(mirroring.namespace, "source", {private.host: {"username": "puller"}})
    done = mirroring.pod(tmp_path / "pod", clients, both_hosts).run()
    words = "has a username but no password; add the password"
    assert done.code != 0 and words in done.err and words in page("skopeo-mirror.md"), done


def test_what_skopeo_says_without_the_helper_on_path(mirroring, clients, both_hosts, pushed, tmp_path):
    pod = mirroring.pod(tmp_path / "pod", clients, both_hosts)
    container, = pod.spec["containers"]
    container["env"] = [each for each in container["env"] if each["name"] != "PATH"] + [{"name": "PATH", "value": "/usr/bin:/bin"}]
    done = pod.run()
    words = "resolves to executable in current directory (./docker-credential-kubeclarity)"
    assert done.code != 0 and words in done.err, done
    assert words in page("skopeo-mirror.md") and words in page("README.md")


@pytest.fixture
def building(api, server, private):
    return Recipe(api, server, "kaniko/job.yaml", **{"registry.example.com/team": f"{private.host}/team"})


@pytest.fixture
def crane_for_kaniko(authorities, clients, tmp_path):
    """kaniko's image with crane where its executor is: the same library asks. Nothing but its variables tells where the authorities are."""
    root = root_of(tmp_path / "kaniko-root", authorities, {"/kaniko/executor": clients[CRANE].root / "ko-app/crane"}, certificates="kaniko/ssl/certs")
    root.env = KANIKO_ENV
    (root.root / "root").mkdir(mode=0o700)  # as of an image that was unpacked there
    return clients | {KANIKO: root}


def written(tmp_path):
    """What the last container left in its root, but for what was mounted there."""
    root = max(tmp_path.glob("pod/root-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]))
    return root, {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_kaniko_s_job_with_crane_in_its_place_reads_and_writes(api, building, private, crane_for_kaniko, hosts, password, pushed, tmp_path):
    api.pull_secret(building.namespace, "regcred", login(private, password))
    target = f"{private.host}/team/copied:1"
    container, = building.spec["containers"]
    spec = building.spec | {"containers": [container | {"args": ["copy", "$(KUBECLARITY_IMAGE)", target]}]}
    pod = JobPod(tmp_path / "pod", api, building.namespace, spec, crane_for_kaniko, hosts)
    done = pod.run()
    assert done.code == 0, done
    # The root of the container becomes the image: no answer of the helper is kept in it.
    assert not [name for name in written(tmp_path)[1] if "kubeclarity" in name], written(tmp_path)
    assert pod.container(container, command=["/kaniko/executor", "digest", target]).out.strip() == pushed[1]


def test_without_the_setting_kaniko_s_root_would_keep_answers(api, building, private, crane_for_kaniko, hosts, password, pushed, tmp_path):
    api.pull_secret(building.namespace, "regcred", login(private, password))
    container, = building.spec["containers"]
    env = [each for each in container["env"] if each["name"] != "KUBECLARITY_CACHE"]
    spec = building.spec | {"containers": [container | {"args": ["digest", "$(KUBECLARITY_IMAGE)"], "env": env}]}
    assert JobPod(tmp_path / "pod", api, building.namespace, spec, crane_for_kaniko, hosts).run().out.strip() == pushed[1]
    root, names = written(tmp_path)
    assert any(password.encode() in (root / name).read_bytes() for name in names if "kubeclarity" in name), names


def test_the_helper_finds_kaniko_s_authorities(api, building, box, crane_for_kaniko, tmp_path):
    """A cloud is asked over TLS: SSL_CERT_DIR of kaniko's image counts."""
    container, = building.spec["containers"]
    container = container | {"env": container["env"] + [{"name": name, "value": value} for name, value in identities.keys(box.aws.user()).items()]}
    pod = JobPod(tmp_path / "pod", api, building.namespace, building.spec, crane_for_kaniko, "/etc/hosts")
    pod.container(building.spec["initContainers"][0])
    done = pod.container(container, command=["/kubeclarity/docker-credential-kubeclarity", "explain", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"])
    assert done.code == 0 and "found: user AWS" in done.out, done


def test_kaniko_is_refused_without_the_secret(building, crane_for_kaniko, hosts, tmp_path):
    container, = building.spec["containers"]
    pod = building.pod(tmp_path / "pod", crane_for_kaniko, hosts)
    pod.spec = building.spec | {"containers": [container | {"args": ["digest", "$(KUBECLARITY_IMAGE)"]}]}
    done = pod.run()
    assert done.code != 0 and "UNAUTHORIZED" in done.err, done


@pytest.mark.skipif(not os.environ.get("KANIKO"), reason="KANIKO names no binary of kaniko's executor")
def test_kaniko_itself(api, building, private, clients, hosts, password, pushed, tmp_path):
    api.pull_secret(building.namespace, "regcred", login(private, password))
    pod = building.pod(tmp_path / "pod", clients, hosts)
    done = pod.run()
    assert done.code == 0, done
    assert not [name for name in written(tmp_path)[1] if "kubeclarity" in name], written(tmp_path)
    crane = {"image": CRANE, "env": building.spec["containers"][0]["env"], "volumeMounts": [{"name": "helper", "mountPath": "/kubeclarity"}]}
    config = json.loads(pod.container(crane, command=["/ko-app/crane", "config", f"{private.host}/team/built:1"]).out)
    assert config["config"]["Labels"] == {"built-by": "kaniko"}


@pytest.mark.skipif(not os.environ.get("KANIKO"), reason="KANIKO names no binary of kaniko's executor")
def test_what_the_helper_says_reaches_kaniko_s_log(api, building, private, clients, hosts, tmp_path):
    said = {}
    said["nothing"] = building.pod(tmp_path / "pod", clients, hosts).run()
    api.pull_secret(building.namespace, "regcred", {private.host: {"username": "puller"}})
    said["broken"] = building.pod(tmp_path / "pod-2", clients, hosts).run()
    assert said["nothing"].code and "UNAUTHORIZED" in said["nothing"].err, said
    assert said["broken"].code and "has a username but no password; add the password`" in said["broken"].err, said
    for done in said.values():
        assert "error checking push permissions" in done.err and "error checking push permissions" in page("kaniko.md"), done
