"""Secrets named in KUBECLARITY_PULL_SECRETS, under RBAC: what works with `get` alone, and what each missing piece says."""
import base64
import json

import pytest

from lib.helper import assert_error, assert_found, assert_not_found

HOST = "registry.example.com"
AUTHS = {HOST: {"username": "named", "password": "secret-1"}}


@pytest.fixture
def scanner(api, namespace):
    api.service_account(namespace, "scanner")
    return f"{namespace}/scanner"


@pytest.fixture
def named(home, in_pod, scanner):
    """In the scanner's pod, with these secrets named."""
    def enter(names):
        home.env["KUBECLARITY_PULL_SECRETS"] = names
        in_pod()
    return enter


def test_get_on_the_one_secret_is_enough(api, home, namespace, scanner, named):
    api.pull_secret(namespace, "regcred", AUTHS)
    api.allow_get(namespace, scanner, secrets=["regcred"])
    named("regcred")
    assert_found(home.get(HOST), HOST, "named", "secret-1")


def test_without_the_right_the_role_is_named(api, home, namespace, scanner, named):
    api.pull_secret(namespace, "regcred", AUTHS)
    named("regcred")
    result = home.get(HOST)
    assert_error(result, f"{namespace}/regcred", "Role", "get", "secrets")
    assert "secret-1" not in result.out


def test_the_role_for_another_secret_does_not_open_it(api, home, namespace, scanner, named):
    api.pull_secret(namespace, "regcred", AUTHS)
    api.pull_secret(namespace, "other", {})
    api.allow_get(namespace, scanner, secrets=["other"])
    named("other,regcred")
    assert_error(home.get(HOST), f"{namespace}/regcred", "Role")


def test_a_missing_secret_is_an_error(api, home, namespace, scanner, named):
    api.allow_get(namespace, scanner, secrets=["regcred"])
    named("regcred")
    assert_error(home.get(HOST), f"{namespace}/regcred", "does not exist")


def test_a_secret_for_another_registry_has_no_answer(api, home, namespace, scanner, named):
    api.pull_secret(namespace, "regcred", AUTHS)
    api.allow_get(namespace, scanner, secrets=["regcred"])
    named("regcred")
    assert_not_found(home.get("registry.example.org"))


def test_a_broken_secret_does_not_hide_the_next(api, home, namespace, scanner, named):
    api.secret(namespace, "broken", {".dockerconfigjson": json.dumps({"auths": {HOST: {"auth": "%%%"}}})},
               "kubernetes.io/dockerconfigjson")
    api.pull_secret(namespace, "regcred", AUTHS)
    api.allow_get(namespace, scanner, secrets=["broken", "regcred"])
    named("broken,regcred")
    assert_found(home.get(HOST), HOST, "named", "secret-1")


def test_another_namespace(api, home, scanner, named):
    elsewhere = api.namespace("elsewhere")
    api.pull_secret(elsewhere, "regcred", AUTHS)
    api.allow_get(elsewhere, scanner, secrets=["regcred"])
    named(f"{elsewhere}/regcred")
    assert_found(home.get(HOST), HOST, "named", "secret-1")


def test_another_namespace_without_the_right(api, home, scanner, named):
    elsewhere = api.namespace("elsewhere")
    api.pull_secret(elsewhere, "regcred", AUTHS)
    named(f"{elsewhere}/regcred")
    assert_error(home.get(HOST), f"{elsewhere}/regcred", "Role")


def test_the_first_named_wins(api, home, namespace, scanner, named):
    for number in "12":
        api.pull_secret(namespace, f"regcred-{number}", {HOST: {"username": "u", "password": number}})
    api.allow_get(namespace, scanner, secrets=["regcred-1", "regcred-2"])
    named("regcred-2, regcred-1")
    assert_found(home.get(HOST), HOST, "u", "2")


def test_dockercfg(api, home, namespace, scanner, named):
    auth = base64.b64encode(b"old:style:with:colons").decode()
    api.secret(namespace, "regcred", {".dockercfg": json.dumps({f"https://{HOST}/v1/": {"auth": auth}})},
               "kubernetes.io/dockercfg")
    api.allow_get(namespace, scanner, secrets=["regcred"])
    named("regcred")
    assert_found(home.get(HOST), HOST, "old", "style:with:colons")


@pytest.mark.parametrize("variable", ["KUBECLARITY_IMAGE", "IMAGE_NAME_TO_SCAN", "IMAGE_ID_TO_SCAN"])
def test_keys_with_paths_and_the_image_in_a_variable(api, home, namespace, scanner, named, variable):
    api.pull_secret(namespace, "regcred", {
        f"{HOST}/group-a": {"username": "a", "password": "token-a"},
        f"{HOST}/group-b": {"username": "b", "password": "token-b"}})
    api.allow_get(namespace, scanner, secrets=["regcred"])
    named("regcred")
    assert_not_found(home.get(HOST))  # which of the two, nobody can say
    assert_found(home.get(HOST, **{variable: f"{HOST}/group-b/app:1"}), HOST, "b", "token-b")
    assert_found(home.get(f"{HOST}/group-a/app"), f"{HOST}/group-a/app", "a", "token-a")
