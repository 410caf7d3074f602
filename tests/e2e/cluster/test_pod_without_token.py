"""A pod with `automountServiceAccountToken: false`: the cluster's address is there, but nobody to be."""
import json

import pytest

from lib.helper import assert_error, assert_found, assert_not_found

HOST = "registry.example.com"


@pytest.fixture(autouse=True)
def address(api, home):
    home.env |= {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.port)}


def test_the_cluster_is_skipped_without_a_word(home):
    assert_not_found(home.get(HOST))


def test_other_sources_answer(home):
    auths = {HOST: {"username": "user", "password": "variable"}}
    assert_found(home.get(HOST, DOCKER_AUTH_CONFIG=json.dumps({"auths": auths})), HOST, "user", "variable")


def test_what_was_named_in_the_cluster_is_an_error(home):
    assert_error(home.get(HOST, KUBECLARITY_PULL_SECRETS="regcred"), "KUBECLARITY_PULL_SECRETS")


def test_a_kubeconfig_still_counts(api, home, namespace):
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "regcred", {HOST: {"username": "user", "password": "secret"}})
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["regcred"])
    kubeconfig = api.kubeconfig(home.directory / "kubeconfig", {"token": api.token(namespace, "scanner")}, namespace)
    assert_found(home.get(HOST, KUBECLARITY_PULL_SECRETS="regcred", KUBECONFIG=kubeconfig), HOST, "user", "secret")
