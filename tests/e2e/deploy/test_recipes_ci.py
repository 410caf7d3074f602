"""The recipe for CI: the image is built, and the jobs' own lines are run in it, with the variables that GitLab and GitHub set."""
import json
import re
import shutil
import subprocess

import pytest

from recipes import APP, JobPod, page, root_of, yaml_of

DEBUG = "gcr.io/go-containerregistry/crane:debug"


@pytest.fixture(scope="session")
def ci_image(work, build, authorities):
    """crane's debug image has a shell of busybox's; here it is this machine's."""
    programs = {"/ko-app/crane": shutil.which("crane"), "/busybox/sh": "/bin/sh"}
    return build("crane-ci/Containerfile", DEBUG, root_of(work / "crane-debug", authorities, programs))


@pytest.fixture
def shell(api, ci_image, both_hosts, tmp_path):
    """Runs lines in the image as a job does: its account has no right in the cluster."""
    namespace = api.namespace("ci")
    api.service_account(namespace, "default")
    pod = JobPod(tmp_path / "pod", api, namespace, {"serviceAccountName": "default", "containers": []}, {"ci": ci_image}, both_hosts)

    def run(lines, **variables):
        env = [{"name": name, "value": value} for name, value in variables.items()]
        return pod.container({"image": "ci", "env": env}, command=["/busybox/sh", "-euc", "\n".join(lines)])
    return run


@pytest.fixture
def logins(private, mirror, password):
    return {private.host: {"username": "puller", "password": password}, mirror.host: {"username": "puller", "password": password[::-1]}}


def auth_config(logins, *registries):
    return json.dumps({"auths": {registry.host: logins[registry.host] for registry in registries}})


def test_gitlab_copies_into_the_project_s_registry(shell, private, mirror, logins, pushed):
    job = yaml_of("crane-ci/gitlab-ci.yml")["copy"]
    assert job["variables"] == {"SOURCE": APP}
    project = f"{mirror.host}/group/project"
    gitlab = {"CI_REGISTRY": mirror.host, "CI_REGISTRY_USER": "puller", "CI_REGISTRY_PASSWORD": logins[mirror.host]["password"], "CI_REGISTRY_IMAGE": project}
    variables = gitlab | {"SOURCE": pushed[0], "DOCKER_AUTH_CONFIG": auth_config(logins, private)}
    done = shell(job["script"], **variables)
    assert done.code == 0, done
    assert shell([f"crane digest {project}/app:1"], **gitlab).out.strip() == pushed[1]
    without = shell(job["script"], **variables | {"DOCKER_AUTH_CONFIG": ""})
    assert without.code != 0 and "UNAUTHORIZED" in without.err, without


def github(token, secret, **variables):
    """The job's own variables, its expressions filled in, and those that GitHub sets."""
    job = yaml_of("crane-ci/github.yml")["jobs"]["copy"]
    filled = {name: value.replace("${{ github.token }}", token).replace("${{ secrets.DOCKER_AUTH_CONFIG }}", secret) for name, value in job["env"].items()}
    assert not any("${{" in value for value in filled.values())
    return [step["run"] for step in job["steps"]], filled | {"GITHUB_ACTOR": "ann", "GITHUB_ACTIONS": "true"} | variables


def test_github_s_steps_copy(shell, private, mirror, logins, pushed):
    target = f"{mirror.host}/owner/app:1"
    lines, variables = github("ghs_token", auth_config(logins, private, mirror), SOURCE=pushed[0], TARGET=target)
    done = shell(lines, **variables)
    assert done.code == 0, done
    assert shell([f"crane digest {target}"], **variables).out.strip() == pushed[1]


def test_github_s_token_opens_ghcr_io(shell):
    """ghcr.io itself is not here: this is the login that crane would send there."""
    _, variables = github("ghs_token", "")
    assert json.loads(shell(["crane auth get ghcr.io"], **variables).out) == {"Username": "ann", "Secret": "ghs_token"}
    # GitHub does not hand the token to a step by itself.
    without = shell(["crane auth get ghcr.io"], **variables | {"GITHUB_TOKEN": ""})
    assert (without.code, without.out) == (1, "credentials not found in native keychain\n"), without


def test_the_page_s_line_for_auth_takes_long_passwords(shell, private, logins, pushed):
    """base64 breaks lines after 76 characters, which JSON does not take."""
    line, = re.findall(r"`(printf %s user:password \| .*?)`", page("crane-ci.md"))
    encoded = subprocess.run(["bash", "-c", line.replace("user:password", "user:" + "p" * 200)], capture_output=True, text=True, check=True).stdout
    config = json.dumps({"auths": {private.host: {"auth": "ENCODED"}}}).replace("ENCODED", encoded)
    done = shell([f"crane auth get {private.host}"], DOCKER_AUTH_CONFIG=config)
    assert done.code == 0 and json.loads(done.out) == {"Username": "user", "Secret": "p" * 200}, done


def test_a_broken_variable_is_told(shell, pushed, private):
    done = shell(yaml_of("crane-ci/gitlab-ci.yml")["copy"]["script"], SOURCE=pushed[0], CI_REGISTRY_IMAGE=private.host, DOCKER_AUTH_CONFIG="$DOCKER_AUTH_CONFIG")
    words = "DOCKER_AUTH_CONFIG is no valid docker configuration"
    assert done.code != 0 and words in done.err and words in page("crane-ci.md"), done
