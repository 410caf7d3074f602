"""The recipes for EKS, GKE and AKS: their pods, changed as the cloud's webhook changes them, pull from the cloud's registry with
the identity of the pod alone."""
import json

import pytest
import yaml

import webhooks
from azure_kinds import NOBODY
from box.fake_container_credentials import pod_token
from box.fake_entra import federated_token
from box.fake_sts import web_token
from box.web import Reply
from lib.kapi import user_of
from recipes import JobPod, Recipe, page, read

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
GOOGLE, ACR = "europe-west1-docker.pkg.dev", "boxregistry.azurecr.io"
ROLE = "arn:aws:iam::123456789012:role/scanner"


@pytest.fixture
def digest(box):
    return lambda repository="team/app": box.real_registry.push(repository)


class Cloud:
    """A recipe in its cloud: the pod as the webhook leaves it, which the API server takes."""

    def __init__(self, api, server, clients, tmp_path, name, **names):
        self.recipe = Recipe(api, server, name, **names)
        self.api, self.server, self.clients, self.directory = api, server, clients, tmp_path
        self.account = self.recipe.the("ServiceAccount")
        self.subject = user_of(self.recipe.namespace, "scanner")

    def pod(self, template, tokens=(), name="pod"):
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pull", "namespace": self.recipe.namespace}, "spec": template["spec"]}
        self.server.post(yaml.safe_dump(manifest), dry_run=True)
        pod = JobPod(self.directory / name, self.api, self.recipe.namespace, template["spec"], self.clients, "/etc/hosts", tokens=tokens)
        # automountServiceAccountToken: false
        assert self.account["automountServiceAccountToken"] is False
        for file in pod.account.iterdir():
            file.unlink() if not file.is_dir() or file.is_symlink() else None
        return pod

    def nothing_was_asked(self):
        return self.api.audit(self.subject, 0) == []


@pytest.fixture
def cloud(api, server, clients, tmp_path, box):
    return lambda name, **names: Cloud(api, server, clients, tmp_path, name, **names)


def irsa(cloud, box):
    """The role trusts whom trust-irsa.json names, for this test's namespace."""
    eks = cloud("eks/irsa.yaml")
    statement, = json.loads(read("eks/trust-irsa.json"))["Statement"]
    condition = {key.rsplit(":", 1)[1]: value for key, value in statement["Condition"]["StringEquals"].items()}
    assert condition == {"sub": "system:serviceaccount:scans:scanner", "aud": "sts.amazonaws.com"}
    box.aws.role("scanner", web_subject=condition["sub"].replace(":scans:", f":{eks.recipe.namespace}:"))
    return eks, webhooks.irsa(eks.recipe.template, eks.account), {"sts.amazonaws.com": web_token(eks.subject)}


def pod_identity(cloud, box):
    eks = cloud("eks/pod-identity.yaml")
    statement, = json.loads(read("eks/trust-pod-identity.json"))["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    box.pod_identity.associations[eks.subject] = box.aws.role("scanner")
    template = webhooks.pod_identity(eks.recipe.template, eks.account, {(eks.recipe.namespace, "scanner")})
    return eks, template, {"pods.eks.amazonaws.com": pod_token(eks.subject)}


def gke(cloud, box):
    box.gce.present, box.gce.email = True, "scanner@box-project.iam.gserviceaccount.com"
    made = cloud("gke/job.yaml", PROJECT="box-project")
    assert made.account["metadata"]["annotations"] == {"iam.gke.io/gcp-service-account": box.gce.email}
    return made, made.recipe.template, {}


def aks(cloud, box):
    made = cloud("aks/job.yaml", **{"example.azurecr.io": ACR})
    tenant, client = box.directory_service.app(subject=made.subject)
    made.account["metadata"]["annotations"]["azure.workload.identity/client-id"] = client
    return made, webhooks.aks(made.recipe.template, made.account, tenant), {"api://AzureADTokenExchange": federated_token(made.subject)}


CLOUDS = {"IRSA": (irsa, "sts", "AWS"), "Pod Identity": (pod_identity, "pod-identity", "AWS"), "GKE": (gke, "gce-metadata", "oauth2accesstoken"), "AKS": (aks, "entra", NOBODY)}


@pytest.mark.parametrize("lay, by, user", CLOUDS.values(), ids=list(CLOUDS))
def test_a_private_image_is_pulled_with_the_pod_s_identity(cloud, box, digest, lay, by, user):
    expected = digest("box-project/team/app" if lay is gke else "team/app")
    made, template, tokens = lay(cloud, box)
    pod = made.pod(template, tokens)
    done = pod.run()
    assert (done.code, done.out.strip()) == (0, expected), f"{done}\n{box.story()}"
    assert box.asked(by), box.story()
    assert made.nothing_was_asked()
    told = pod.explain(next(each["value"] for each in made.recipe.spec["containers"][0]["env"] if each["name"] == "KUBECLARITY_IMAGE"))
    assert told.code == 0 and f"found: user {user}" in told.out, told


@pytest.mark.parametrize("lay, host", [(irsa, ECR), (pod_identity, ECR), (aks, ACR)], ids=["IRSA", "Pod Identity", "AKS"])
def test_without_the_webhook_s_work_the_registry_refuses(cloud, box, digest, lay, host):
    """The account without its annotation, the pod without its label: the webhook leaves the pod alone."""
    digest()
    made, _, _ = lay(cloud, box)
    done = made.pod(made.recipe.template).run()
    assert done.code != 0 and "401" in done.err or "UNAUTHORIZED" in done.err, f"{done}\n{box.story()}"
    assert {request.host for request in box.asked()} == {host}, box.story()


def refused(made, template, tokens, box, where, *words):
    """What crane says when the helper fails: the words that the page quotes."""
    done = made.pod(template, tokens, "refused").run()
    assert done.code != 0 and "out: `kubeclarity: " in done.err, f"{done}\n{box.story()}"
    for word in words:
        assert word in done.err, done
        assert word in page(where), f"{where} does not say {word!r}"


def test_irsa_for_another_account_s_role(cloud, box, digest):
    digest()
    made, template, tokens = irsa(cloud, box)
    box.aws.role("scanner", web_subject="system:serviceaccount:scans:other")
    refused(made, template, tokens, box, "eks.md", "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity; let the role's trust policy name system:serviceaccount:")


def test_a_role_without_the_policy(cloud, box, digest):
    digest()
    made, template, tokens = irsa(cloud, box)
    denied = {"__type": "AccessDeniedException", "Message": f"User: {ROLE} is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action"}
    box.instead["ecr"] = Reply(400, denied, {"Content-Type": "application/x-amz-json-1.1"})
    refused(made, template, tokens, box, "eks.md", "is not authorized to perform: ecr:GetAuthorizationToken", "allow ecr:GetAuthorizationToken to this identity")


def test_pod_identity_without_an_association(cloud, box, digest):
    digest()
    made, template, tokens = pod_identity(cloud, box)
    box.pod_identity.associations = {"other": box.aws.role("scanner")}
    refused(made, template, tokens, box, "eks.md", "; make an association for this pod's service account (")


def test_a_metadata_server_that_is_not_ready_yet_is_asked_again(cloud, box, digest):
    expected = digest("box-project/team/app")
    made, template, tokens = gke(cloud, box)
    left = [Reply(503, why="not ready"), Reply(503, why="not ready")]
    box.instead["gce-metadata"] = lambda request: left.pop() if left else None
    done = made.pod(template, tokens).run()
    assert (done.code, done.out.strip(), left) == (0, expected, []), f"{done}\n{box.story()}"


def test_gke_without_workload_identity(cloud, box, digest):
    digest("box-project/team/app")
    made, template, tokens = gke(cloud, box)
    box.gce.email = None
    refused(made, template, tokens, box, "gke.md", "the metadata server knows no service account; attach one to the machine or pod")


def test_gke_with_a_metadata_server_that_is_down(cloud, box, digest):
    digest("box-project/team/app")
    made, template, tokens = gke(cloud, box)
    box.instead["gce-metadata"] = Reply(503, why="down")
    refused(made, template, tokens, box, "gke.md", "metadata.google.internal answers 503 Service Unavailable; try again later")


def test_aks_without_a_federated_credential(cloud, box, digest):
    digest()
    made, template, _ = aks(cloud, box)
    tokens = {"api://AzureADTokenExchange": federated_token("system:serviceaccount:scans:other")}
    refused(made, template, tokens, box, "aks.md", "No matching federated identity record found", "check the tenant, the client and its secret or federation")


def test_aks_without_the_role(cloud, box, digest):
    digest()
    made, template, tokens = aks(cloud, box)
    box.instead["acr"] = lambda request: Reply(403, {"errors": [{"code": "DENIED", "message": "retrieving permissions failed"}]}) if "exchange" in request.path else None
    refused(made, template, tokens, box, "aks.md", "grant AcrPull on the registry to this identity")


def test_the_policy_is_what_a_pull_of_one_repository_needs():
    """The actions are those that ECR demands of a pull (docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html tells those of a push)."""
    token, pull = json.loads(read("eks/policy.json"))["Statement"]
    assert (token["Action"], token["Resource"]) == ("ecr:GetAuthorizationToken", "*")  # which knows no repository
    assert set(pull["Action"]) == {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"}
    assert pull["Resource"] == "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"
    assert ECR.split(".")[0] in pull["Resource"] and ROLE in read("eks/irsa.yaml") + read("eks/pod-identity.yaml")
