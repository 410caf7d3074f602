"""What explain says to paste is no guess: the API server takes it, and then the secret opens."""
import json
import time

import pytest
import yaml

from lib.helper import assert_error, assert_found

HOST = "registry.example.com"
AUTHS = {HOST: {"username": "user", "password": "secret"}}


@pytest.fixture
def denied(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "regcred", AUTHS)
    in_pod()
    home.env["KUBECLARITY_PULL_SECRETS"] = "regcred"
    assert_error(home.get(HOST), f"{namespace}/regcred", "Role")


def paste(api, text):
    """What kubectl would be given on its stdin."""
    manifest = text.split("<<'YAML'\n", 1)[1].split("\nYAML", 1)[0]
    for document in yaml.safe_load_all(manifest):
        namespace, kind = document["metadata"]["namespace"], document["kind"].lower() + "s"
        api.request("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{kind}", document)


def wait_for_the_authorizer(home):
    deadline = time.monotonic() + 10
    while home.get(HOST).code and time.monotonic() < deadline:
        time.sleep(0.05)


def test_the_text_as_it_stands(api, home, denied):
    result = home.run(home.binary, "explain", HOST)
    assert result.code == 1, result
    paste(api, result.out)
    wait_for_the_authorizer(home)
    assert_found(home.get(HOST), HOST, "user", "secret")


def test_the_field_in_json(api, home, denied):
    result = home.run(home.binary, "explain", "--json", HOST)
    looks = [look for source in json.loads(result.out)["sources"] for look in source["looks"]]
    [fix] = {look["fix"] for look in looks if look["object"].endswith("/regcred") and look["fix"]}
    paste(api, fix)
    wait_for_the_authorizer(home)
    assert_found(home.get(HOST), HOST, "user", "secret")
