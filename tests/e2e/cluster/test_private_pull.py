"""Every client pulls a private image through the helper, from wherever the credential comes."""
import json

import pytest

from lib.clients import CLIENTS, READ_THE_VARIABLE
from lib.pod import volume


@pytest.fixture
def secret(api, namespace, auths):
    """A pull secret in the cluster, and `scanner`, who may get it by name."""
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "regcred", auths)
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["regcred"], service_accounts=["scanner"])


@pytest.fixture
def pod(home, secret, in_pod):
    home.env["KUBECLARITY_PULL_SECRETS"] = "regcred"
    in_pod()


@pytest.fixture
def kubeconfig(api, home, secret, namespace):
    home.env |= {
        "KUBECLARITY_PULL_SECRETS": "regcred", "CREDS_SECRET_NAMESPACE": namespace,
        "KUBECONFIG": str(api.kubeconfig(
            home.directory / "kubeconfig", {"token": api.token(namespace, "scanner")}, namespace))}


@pytest.fixture
def mounted(home, auths):
    home.env["IMAGE_PULL_SECRET_PATH"] = str(home.directory / "pull-secrets")
    volume(home.directory / "pull-secrets/regcred", {".dockerconfigjson": json.dumps({"auths": auths})})


@pytest.fixture
def variable(home, auths):
    home.env["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": auths})


@pytest.mark.parametrize("source", ["pod", "kubeconfig", "mounted", "variable"])
@pytest.mark.parametrize("client", CLIENTS)
def test_pulls(request, home, private, image, client, source):
    request.getfixturevalue(source)
    home.configure(private.host)
    result, digest = CLIENTS[client](home, image[0])
    assert (result.code, digest) == (0, image[1]), result
    by_itself = source == "variable" and client in READ_THE_VARIABLE
    assert ("get" in home.asked) != by_itself


@pytest.mark.parametrize("client", CLIENTS)
def test_pulls_with_the_helper_for_all_registries(home, mounted, image, client):
    home.configure()
    result, digest = CLIENTS[client](home, image[0])
    assert (result.code, digest) == (0, image[1]), result
    assert "get" in home.asked
