"""What is looked for without being named: the service account's pull secrets and `basic-regcred`. Silent where denied."""
import pytest

from lib.helper import assert_error, assert_found, assert_not_found
from lib.kapi import ApiError

HOST = "registry.example.com"


def entry(password):
    return {HOST: {"username": "user", "password": password}}


def test_nothing_there_and_no_right(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner")
    in_pod()
    assert_not_found(home.get(HOST))


def test_basic_regcred_without_the_right_is_passed_over(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "basic-regcred", entry("denied"))
    in_pod()
    assert_not_found(home.get(HOST))


def test_basic_regcred(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "basic-regcred", entry("basic"))
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["basic-regcred"])
    in_pod()
    assert_found(home.get(HOST), HOST, "user", "basic")


def test_the_credentials_namespace_is_kubeclarity_by_default(api, home, namespace, in_pod):
    try:
        api.request("POST", "/api/v1/namespaces", {"metadata": {"name": "kubeclarity"}})
    except ApiError as error:
        assert error.status == 409
    api.service_account(namespace, "scanner")
    api.pull_secret("kubeclarity", "basic-regcred", entry("chart"))
    api.allow_get("kubeclarity", f"{namespace}/scanner", secrets=["basic-regcred"])
    in_pod()
    del home.env["CREDS_SECRET_NAMESPACE"]
    assert_found(home.get(HOST), HOST, "user", "chart")


def test_the_pod_s_own_pull_secrets_are_followed(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner", pull_secrets=["unrelated", "regcred"])
    api.pull_secret(namespace, "unrelated", {"elsewhere.example.com": {"username": "x", "password": "y"}})
    api.pull_secret(namespace, "regcred", entry("followed"))
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["unrelated", "regcred"], service_accounts=["scanner"])
    in_pod()
    assert_found(home.get(HOST), HOST, "user", "followed")


def test_a_pull_secret_without_the_right_is_passed_over(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner", pull_secrets=["denied", "absent", "regcred"])
    api.pull_secret(namespace, "denied", entry("denied"))
    api.pull_secret(namespace, "regcred", entry("allowed"))
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["absent", "regcred"], service_accounts=["scanner"])
    in_pod()
    assert_found(home.get(HOST), HOST, "user", "allowed")


def test_without_the_right_to_read_itself_its_pull_secrets_are_passed_over(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner", pull_secrets=["regcred"])
    api.pull_secret(namespace, "regcred", entry("unreachable"))
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["regcred"])
    in_pod()
    assert_not_found(home.get(HOST))


def test_the_account_is_the_one_in_the_mounted_token(api, home, namespace, in_pod):
    for account in ("scanner", "other"):
        api.service_account(namespace, account, pull_secrets=[f"{account}-regcred"])
        api.pull_secret(namespace, f"{account}-regcred", entry(account))
        api.allow_get(namespace, f"{namespace}/{account}", secrets=["scanner-regcred", "other-regcred"],
                      service_accounts=["scanner", "other"])
    in_pod(account="other")
    assert_found(home.get(HOST), HOST, "user", "other")


@pytest.mark.parametrize("qualified", [False, True])
def test_another_account_may_be_named(api, home, namespace, in_pod, qualified):
    where = api.namespace("workload") if qualified else namespace
    api.service_account(namespace, "scanner")
    api.service_account(where, "workload", pull_secrets=["workload-regcred"])
    api.pull_secret(where, "workload-regcred", entry("workload"))
    api.allow_get(where, f"{namespace}/scanner", secrets=["workload-regcred"], service_accounts=["workload"])
    home.env["KUBECLARITY_SERVICE_ACCOUNT"] = f"{where}/workload" if qualified else "workload"
    in_pod()
    assert_found(home.get(HOST), HOST, "user", "workload")


def test_a_named_account_without_the_right_is_an_error(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner")
    api.service_account(namespace, "workload")
    home.env["KUBECLARITY_SERVICE_ACCOUNT"] = "workload"
    in_pod()
    assert_error(home.get(HOST), f"{namespace}/workload", "Role", "get", "serviceaccounts")


def test_a_named_account_that_is_not_there_is_an_error(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner")
    api.allow_get(namespace, f"{namespace}/scanner", service_accounts=["workload"])
    home.env["KUBECLARITY_SERVICE_ACCOUNT"] = "workload"
    in_pod()
    assert_error(home.get(HOST), f"{namespace}/workload", "does not exist")


def test_named_before_the_account_s_before_basic_regcred(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner", pull_secrets=["own"])
    for name in ("named", "own", "basic-regcred"):
        api.pull_secret(namespace, name, entry(name))
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["named", "own", "basic-regcred"], service_accounts=["scanner"])
    in_pod()
    assert_found(home.get(HOST, KUBECLARITY_PULL_SECRETS="named"), HOST, "user", "named")
    assert_found(home.get(HOST), HOST, "user", "own")
