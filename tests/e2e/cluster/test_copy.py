"""A multi-layer image goes from one private registry to another; the helper opens both."""
import json

import pytest

COPY = {
    "crane": ["crane", "copy", "{source}", "{target}"],
    "skopeo": ["skopeo", "copy", "docker://{source}", "docker://{target}"],
}


@pytest.fixture
def in_scan_pod(api, home, namespace, in_pod, private, mirror):
    """In a pod with a pull secret of these entries, both registries' credentials asked of the helper."""
    def enter(auths):
        api.service_account(namespace, "scanner", pull_secrets=["registries"])
        api.pull_secret(namespace, "registries", auths)
        api.allow_get(namespace, f"{namespace}/scanner", secrets=["registries"], service_accounts=["scanner"])
        home.configure(private.host, mirror.host)
        in_pod()
    return enter


def copy(home, tool, source, target):
    return home.run(*(part.format(source=source, target=target) for part in COPY[tool]))


@pytest.mark.parametrize("tool", COPY)
def test_copies_between_two_private_registries(home, in_scan_pod, auths, mirror, image, password, tool):
    in_scan_pod(auths | {mirror.host: {"username": "puller", "password": password[::-1]}})
    target = f"{mirror.host}/copied-by/{tool}:1"
    done = copy(home, tool, image[0], target)
    assert done.code == 0, done
    assert "get" in home.asked

    assert home.run("crane", "digest", target).out.strip() == image[1]
    layers = json.loads(home.run("crane", "manifest", target).out)["layers"]
    assert len(layers) == 3
    for layer in layers:  # each is really there, and whole
        blob = f"{mirror.host}/copied-by/{tool}@{layer['digest']}"
        checksum = home.run("sh", "-c", 'crane blob "$1" | sha256sum', "sh", blob).out.split()[0]
        assert f"sha256:{checksum}" == layer["digest"]


@pytest.mark.parametrize("tool", COPY)
def test_refused_without_the_target_s_secret(home, in_scan_pod, auths, mirror, image, tool):
    in_scan_pod(auths)
    done = copy(home, tool, image[0], f"{mirror.host}/refused/{tool}:1")
    assert done.code != 0
    assert "unauthorized" in done.err.lower() or "authentication required" in done.err.lower(), done


