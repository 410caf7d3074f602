"""KubeClarity's scanner Jobs with the helper, in both ways of the recipe: their containers are run as kubelet would, with crane in the
scanner's place, which asks for a credential with the same library."""
import pytest
import yaml

import azure_kinds
import identities
import kubeclarity
from lib.kapi import ApiError, user_of
from recipes import CRANE, RECIPES, JobPod, page, yaml_of
from test_recipes_clouds import ACR, ECR

RELEASE = "kubeclarity"  # as in the recipe


@pytest.fixture(scope="session")
def built(build, clients):
    """The image of kubeclarity/Containerfile, on one that holds crane where KubeClarity's holds its scanner."""
    return build("kubeclarity/Containerfile", kubeclarity.SCANNER, clients[CRANE])


@pytest.fixture(params=["an image with the helper", "an init container"])
def way(request, clients):
    """(the Job's template, the images), once for each way: the scanner's image built anew, or the additions to the template."""
    if request.param == "an init container":
        additions = yaml_of("kubeclarity/template.yaml")
        return kubeclarity.with_additions(kubeclarity.template(), additions), clients | {kubeclarity.SCANNER: clients[CRANE]}
    values = yaml_of("kubeclarity/values.yaml")["kubeclarity-runtime-scan"]
    name = values["vulnerability-scanner"]["docker"]["imageName"]
    template = kubeclarity.template(name)
    template["metadata"]["namespace"] = values["namespace"]
    return template, clients | {name: request.getfixturevalue("built")}


@pytest.fixture
def account(api, server):
    """The account `default` of a namespace, which a controller makes in a real cluster."""
    def make(namespace):
        server.namespace(namespace)
        try:
            api.service_account(namespace, "default")
        except ApiError as error:
            assert error.status == 409, error
        return namespace
    return make


@pytest.fixture
def release(api, server, account):
    """The release's namespace with rights.yaml; its secrets are gone afterwards."""
    account(RELEASE)
    for parsed in yaml.safe_load_all((RECIPES / "kubeclarity/rights.yaml").read_text()):
        try:
            server.post(yaml.safe_dump(parsed))
        except Exception as error:  # there already
            assert "409" in str(error), error
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["acr-sa"], "verbs": ["get"]}
    api._wait_for_right(RELEASE, rule, f"{RELEASE}/default")
    yield RELEASE
    for item in api.request("GET", f"/api/v1/namespaces/{RELEASE}/secrets")["items"]:
        api.request("DELETE", f"/api/v1/namespaces/{RELEASE}/secrets/{item['metadata']['name']}")


@pytest.fixture
def run(api, server, way, hosts, tmp_path, account):
    """Runs the Job that KubeClarity makes for an image of a pod in `namespace`."""
    def start(image, namespace, **there):
        template, images = way
        job = kubeclarity.job_for(template, image, namespace, **there)
        namespace = account(job["metadata"]["namespace"])
        server.post(yaml.safe_dump(job), dry_run=True)
        spec = job["spec"]["template"]["spec"] | {"serviceAccountName": "default"}  # what a pod without one gets
        spec["containers"] = [each | {"command": ["/ko-app/crane"], "args": ["digest", "$(IMAGE_NAME_TO_SCAN)"]} for each in spec["containers"]]
        return JobPod(tmp_path / "pod", api, namespace, spec, images, hosts).run()
    return start


def test_a_pod_s_pull_secret_as_kubeclarity_mounts_it(api, run, account, pushed, private, password):
    """No right is needed, and the API server is not asked."""
    namespace = account(api.namespace("scanned"))
    api.pull_secret(namespace, "regcred", {private.host: {"username": "puller", "password": password}})
    done = run(pushed[0], namespace, pull_secrets=["absent", "regcred"])
    assert (done.code, done.out.strip()) == (0, pushed[1]), done
    assert api.audit(user_of(namespace, "default"), 0) == []


def test_two_logins_for_one_host_the_image_s_name_decides(api, run, account, pushed, private, password):
    namespace = account(api.namespace("scanned"))
    api.pull_secret(namespace, "regcred", {f"{private.host}/other": {"username": "puller", "password": "wrong"},
                                           f"{private.host}/team": {"username": "puller", "password": password}})
    done = run(pushed[0], namespace, pull_secrets=["regcred"])
    assert (done.code, done.out.strip()) == (0, pushed[1]), done


def test_a_broken_pull_secret_is_told(api, run, account, pushed, private):
    namespace = account(api.namespace("scanned"))
    api.pull_secret(namespace, "regcred", {private.host: {"username": "puller"}})
    done = run(pushed[0], namespace, pull_secrets=["regcred"])
    words = "has a username but no password"
    assert done.code != 0 and words in done.err and "/opt/kubeclarity-pull-secrets/regcred/.dockerconfigjson" in done.err, done
    assert words in page("kubeclarity.md")


def test_a_pull_secret_that_is_not_there(api, run, account, pushed):
    done = run(pushed[0], account(api.namespace("scanned")), pull_secrets=["absent"])
    assert done.code != 0 and "UNAUTHORIZED" in done.err and "kubeclarity: " not in done.err, done


def test_the_release_s_login_is_mounted_by_kubeclarity(api, run, release, pushed, private, password):
    api.pull_secret(release, "basic-regcred", {private.host: {"username": "puller", "password": password}})
    done = run(pushed[0], "scanned", credentials=["basic-regcred"])
    assert (done.code, done.out.strip()) == (0, pushed[1]), done


def test_the_release_s_key_of_aws_is_handed_on_as_variables(api, box, run, release):
    digest = box.real_registry.push("team/app")
    api.secret(release, "ecr-sa", identities.keys(box.aws.user()) | {"AWS_DEFAULT_REGION": "eu-west-1"})
    done = run(f"{ECR}/team/app:1", "scanned", credentials=["ecr-sa"])
    assert (done.code, done.out.strip()) == (0, digest), f"{done}\n{box.story()}"


def test_azure_s_secret_which_kubeclarity_does_not_know(api, box, run, release, tmp_path, way):
    """The Job runs in the release's namespace because values.yaml says so; the additions alone leave it where the pod is."""
    digest = box.real_registry.push("team/app")
    api.secret(release, "acr-sa", azure_kinds.client_secret(box, tmp_path)[0])
    done = run(f"{ACR}/team/app:1", release)
    assert (done.code, done.out.strip()) == (0, digest), f"{done}\n{box.story()}"
    # In any other namespace the account may not read it.
    assert RELEASE == yaml_of("kubeclarity/values.yaml")["kubeclarity-runtime-scan"]["namespace"]
