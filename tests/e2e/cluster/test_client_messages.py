"""When the helper fails, the client shows the user the helper's one line."""
import pytest

from lib.clients import CLIENTS


@pytest.mark.parametrize("client", ["crane", "skopeo", "podman", "buildah", "oras", "docker-py"])
def test_quoted(api, home, namespace, in_pod, private, image, client):
    api.service_account(namespace, "scanner")
    in_pod()
    home.configure(private.host)
    home.env["KUBECLARITY_PULL_SECRETS"] = "regcred"  # which scanner may not read
    result, digest = CLIENTS[client](home, image[0])
    assert (result.code != 0, digest) == (True, None), result
    assert "kubeclarity: " in result.err and f"{namespace}/regcred" in result.err, result
