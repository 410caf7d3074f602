"""Without the secret no client gets the private image: the helper was asked, said that it has none, and that was that."""
import re

import pytest

from lib.clients import CLIENTS, LISTS


@pytest.fixture
def empty_pod(api, namespace, in_pod):
    """A pod whose service account has no right at all, in a namespace without secrets."""
    api.service_account(namespace, "scanner")
    in_pod()


@pytest.mark.parametrize("registries", ["one", "all"])
@pytest.mark.parametrize("client", CLIENTS)
def test_refused(home, empty_pod, private, image, client, registries):
    home.configure(*[private.host] if registries == "one" else [])
    result, digest = CLIENTS[client](home, image[0])
    assert (result.code != 0, digest) == (True, None), result
    assert re.search("unauthorized|authentication required|credential not found", result.out + result.err, re.IGNORECASE), result
    if client in LISTS and registries == "all":
        assert home.asked == ["list"]
    else:
        assert "get" in home.asked
