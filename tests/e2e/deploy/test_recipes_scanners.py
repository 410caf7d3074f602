"""The recipes for scanners: their Jobs, run container by container, pull a private image, and say why if they may not."""
import json
import os
import shutil
import time

import pytest

from lib.kapi import user_of
from recipe_fixtures import GRYPE, SYFT, TRIVY
from recipes import APP, JobPod, Recipe, page, yaml_of

JOBS = {"trivy/job.yaml": TRIVY, "grype/job.yaml": GRYPE, "grype/syft.yaml": SYFT}


@pytest.fixture
def recipe(api, server, pushed):
    """A scanner's recipe for the private image of these tests."""
    return lambda name, image=pushed[0]: Recipe(api, server, name, **{APP: image})


@pytest.fixture
def allowed(api, private, password):
    """The pull secret of a recipe, for the private registry."""
    return lambda recipe: api.pull_secret(recipe.namespace, "regcred", {private.host: {"username": "puller", "password": password}})


@pytest.mark.parametrize("name", JOBS)
def test_the_job_with_crane_in_the_scanner_s_place(recipe, allowed, with_crane, pushed, api, hosts, tmp_path, name):
    job = recipe(name)
    allowed(job)
    spec, images = with_crane(job.spec)
    done = JobPod(tmp_path / "pod", api, job.namespace, spec, images, hosts).run()
    assert (done.code, done.out.strip()) == (0, pushed[1]), done
    # The helper had it from the secret, which its account was allowed to read; nothing was refused.
    asked = api.audit(user_of(job.namespace, "scanner"), 2)
    assert f"/api/v1/namespaces/{job.namespace}/secrets/regcred" in [path for _, path, code in asked if code == 200], asked
    assert [path for _, path, code in asked if code == 403 and not path.endswith("basic-regcred")] == [], asked


def test_syft_lists_a_private_image(recipe, allowed, clients, pushed, hosts, tmp_path):
    job = recipe("grype/syft.yaml")
    allowed(job)
    done = job.pod(tmp_path / "pod", clients, hosts).run()
    assert done.code == 0, done
    assert json.loads(done.out)["source"]["metadata"]["manifestDigest"] == pushed[1]


def test_syft_is_refused_without_the_secret(recipe, clients, hosts, tmp_path):
    done = recipe("grype/syft.yaml").pod(tmp_path / "pod", clients, hosts).run()
    assert done.code != 0 and "UNAUTHORIZED" in done.err and "kubeclarity: " not in done.err, done


def test_what_the_helper_says_reaches_syft_s_log(recipe, api, private, clients, hosts, tmp_path):
    job = recipe("grype/syft.yaml")
    api.pull_secret(job.namespace, "regcred", {private.host: {"username": "puller"}})
    done = job.pod(tmp_path / "pod", clients, hosts).run()
    words = "has a username but no password; add the password`"
    assert done.code != 0 and words in done.err, done
    assert words in page("grype.md") and words.split(";")[0] in page("README.md")


def test_a_path_without_the_volume_is_told(recipe, allowed, api, with_crane, hosts, tmp_path):
    job = recipe("trivy/job.yaml")
    allowed(job)
    spec, images = with_crane(job.spec)
    container, = spec["containers"]
    container["env"] = [each for each in container["env"] if each["name"] != "PATH"] + [{"name": "PATH", "value": "/usr/bin"}]
    done = JobPod(tmp_path / "pod", api, job.namespace, spec, images, hosts).run()
    words = "executable file not found in $PATH"
    assert done.code != 0 and words in done.err and words in page("README.md"), done


def test_explain_as_the_recipe_s_account(recipe, allowed, api, clients, pushed, hosts, tmp_path):
    """The pod of explain.yaml: it finds the secret; without the RoleBinding it shows the Role that is missing."""
    job = recipe("trivy/job.yaml")
    allowed(job)
    namespace = job.namespace
    spec = yaml_of("explain.yaml")["spec"]
    container, = spec["containers"]
    container["args"] = [each.replace(APP, pushed[0]) for each in container["args"]]
    pod = JobPod(tmp_path / "pod", api, namespace, spec, clients, hosts)
    done = pod.run()
    assert done.code == 0 and f"found: user puller from secret {namespace}/regcred/.dockerconfigjson" in done.out, done
    api.request("DELETE", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings/scanner")
    deadline = time.monotonic() + 10
    while (done := pod.run()).code == 0 and time.monotonic() < deadline:
        time.sleep(0.05)  # the authorizer learns of it a moment later
    assert done.code == 1 and f"access denied to service account {namespace}/scanner; see fix 1" in done.out, done
    assert "resources: [serviceaccounts], resourceNames: [scanner], verbs: [get]" in done.out, done


# The programs themselves, where they are given (recipe_fixtures.BY_HAND). No database of vulnerabilities can be had here: Trivy looks for
# secrets instead, which needs none; Grype is given a directory with one of its making, GRYPE_DB, which may be empty.
def by_hand(variable):
    return pytest.mark.skipif(not os.environ.get(variable), reason=f"{variable} names no program")


@by_hand("TRIVY")
def test_trivy_itself(recipe, allowed, clients, pushed, hosts, tmp_path):
    job = recipe("trivy/job.yaml")
    allowed(job)
    container, = job.spec["containers"]
    container["args"][1:1] = ["--scanners", "secret", "--format", "json", "--quiet"]
    pod = job.pod(tmp_path / "pod", clients, hosts)
    pod.spec = job.spec | {"containers": [container]}
    done = pod.run()
    assert done.code == 0, done
    assert json.loads(done.out)["Metadata"]["RepoDigests"] == [f"{pushed[0].rsplit(':', 1)[0]}@{pushed[1]}"], done


def grype(job, clients, hosts, directory):
    container, = job.spec["containers"]
    pod = job.pod(directory, clients, hosts)
    database = shutil.copytree(os.environ["GRYPE_DB"], pod.volumes["tmp"] / "grype", copy_function=shutil.copyfile)
    for path in [database, *database.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    more = {"GRYPE_DB_AUTO_UPDATE": "false", "GRYPE_CHECK_FOR_APP_UPDATE": "false"}
    env = container["env"] + [{"name": name, "value": value} for name, value in more.items()]
    pod.spec = job.spec | {"containers": [container | {"args": [*container["args"], "-o", "json"], "env": env}]}
    return pod.run()


@by_hand("GRYPE")
def test_grype_itself(recipe, allowed, clients, pushed, hosts, tmp_path):
    job = recipe("grype/job.yaml")
    allowed(job)
    done = grype(job, clients, hosts, tmp_path / "pod")
    assert done.code == 0, done
    assert json.loads(done.out)["source"]["target"]["manifestDigest"] == pushed[1], done


@by_hand("GRYPE")
def test_what_the_helper_says_reaches_grype_s_log(recipe, api, private, clients, hosts, tmp_path):
    job = recipe("grype/job.yaml")
    done = grype(job, clients, hosts, tmp_path / "pod")
    assert done.code != 0 and "UNAUTHORIZED" in done.err and "kubeclarity: " not in done.err, done
    api.pull_secret(job.namespace, "regcred", {private.host: {"username": "puller"}})
    done = grype(job, clients, hosts, tmp_path / "pod-2")
    assert done.code != 0 and "has a username but no password; add the password`" in done.err, done
