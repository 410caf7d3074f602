"""Every client pulls a public image with the helper configured and nothing to answer."""
import pytest

from lib.clients import ASK_ONLY_WHEN_CHALLENGED, CLIENTS, LISTS


@pytest.mark.parametrize("registries", ["one", "all"])
@pytest.mark.parametrize("client", CLIENTS)
def test_public(api, home, namespace, in_pod, public, public_image, client, registries):
    api.service_account(namespace, "scanner")
    in_pod()
    home.configure(*[public.host] if registries == "one" else [])
    result, digest = CLIENTS[client](home, public_image[0])
    assert (result.code, digest) == (0, public_image[1]), result
    if client in ASK_ONLY_WHEN_CHALLENGED:
        assert home.asked == (["list"] if client in LISTS and registries == "all" else [])
    else:
        assert "get" in home.asked
