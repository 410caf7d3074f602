"""The Role that an error names is no guess: made exactly so, it opens the object, and nothing else."""
import re

import pytest
import yaml

from lib.helper import assert_error, assert_found
from lib.kapi import ApiError

HOST = "registry.example.com"
AUTHS = {HOST: {"username": "user", "password": "secret"}}


def make_the_role(api, result, subject):
    """Reads `namespace N with the rule {..}` out of the message and makes that Role."""
    assert_error(result)
    match = re.search(r"Role in namespace (\S+) with the rule (\{.*?\})", result.out)
    assert match, result
    rule = yaml.safe_load(match[2])
    assert rule["verbs"] == ["get"] and len(rule["resourceNames"]) == 1, rule
    api.role(match[1], "as-told", [rule], subject)


@pytest.fixture
def secrets(api, namespace):
    for name in ("regcred", "other"):
        api.pull_secret(namespace, name, AUTHS)
    api.service_account(namespace, "scanner")


def test_for_a_secret(api, home, namespace, secrets, in_pod):
    in_pod()
    home.env["KUBECLARITY_PULL_SECRETS"] = "regcred"
    make_the_role(api, home.get(HOST), f"{namespace}/scanner")
    assert_found(home.get(HOST), HOST, "user", "secret")
    assert_error(home.get(HOST, KUBECLARITY_PULL_SECRETS="other"), f"{namespace}/other", "Role")


def test_for_a_service_account(api, home, namespace, secrets, in_pod):
    api.service_account(namespace, "workload", pull_secrets=["regcred"])
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["regcred"])
    in_pod()
    home.env["KUBECLARITY_SERVICE_ACCOUNT"] = "workload"
    make_the_role(api, home.get(HOST), f"{namespace}/scanner")
    assert_found(home.get(HOST), HOST, "user", "secret")


def test_it_gives_no_right_to_list(api, home, namespace, secrets, in_pod):
    in_pod()
    home.env["KUBECLARITY_PULL_SECRETS"] = "regcred"
    make_the_role(api, home.get(HOST), f"{namespace}/scanner")
    with pytest.raises(ApiError) as denied:
        api.request("GET", f"/api/v1/namespaces/{namespace}/secrets", token=api.token(namespace, "scanner"))
    assert denied.value.status == 403
