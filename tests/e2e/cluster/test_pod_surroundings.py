"""Pods are bare: no home, nothing writable, odd certificates. The cluster answers all the same."""
import base64
import json

import pytest

from lib.helper import assert_error, assert_found

HOST = "registry.example.com"


@pytest.fixture(autouse=True)
def pod(api, home, namespace, in_pod):
    api.service_account(namespace, "scanner", pull_secrets=["regcred"])
    api.pull_secret(namespace, "regcred", {HOST: {"username": "user", "password": "secret"}})
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["regcred"], service_accounts=["scanner"])
    return in_pod()


@pytest.mark.parametrize("missing", ["HOME", "PATH", "TMPDIR", "LC_ALL"])
def test_without_a_variable(home, missing):
    del home.env[missing]
    assert_found(home.get(HOST), HOST, "user", "secret")


@pytest.mark.parametrize("value", ["", "/", "/nowhere", "/dev/null", "relative"])
def test_with_an_odd_home(home, value):
    assert_found(home.get(HOST, HOME=value), HOST, "user", "secret")


@pytest.mark.parametrize("value", ["/nowhere", "/dev/null", "/etc/hostname"])
def test_the_cluster_has_an_authority_of_its_own(home, value):
    assert_found(home.get(HOST, SSL_CERT_FILE=value, SSL_CERT_DIR=value), HOST, "user", "secret")


def test_with_everything_read_only(home):
    read_only = ["sh", "-euc", 'mount --rbind -o ro / /; cd "$HOME"; ! touch there 2> /dev/null; exec "$@"', "sh"]
    assert_found(home.get(HOST, before=read_only), HOST, "user", "secret")


def test_the_cluster_wins_over_a_kubeconfig(api, home):
    """In a pod the pod's own identity counts, whatever lies in the home."""
    (home.directory / ".kube").mkdir()
    api.kubeconfig(home.directory / ".kube/config", {"token": "of somebody else"}, server="https://127.0.0.1:1")
    assert_found(home.get(HOST), HOST, "user", "secret")


def test_a_token_renewed_by_kubelet_is_read_anew(api, home, namespace, pod):
    token = pod.account / "..data/token"
    token.write_text(api.expired_token(namespace, "scanner"))
    assert_error(home.get(HOST), "401")
    token.write_text(api.token(namespace, "scanner"))
    assert_found(home.get(HOST), HOST, "user", "secret")


def test_a_token_that_ends_in_a_newline(api, home, namespace, pod):
    """As kubectl and kubelet's own libraries read it: trimmed."""
    (pod.account / "..data/token").write_text(api.token(namespace, "scanner") + "\n")
    assert_found(home.get(HOST), HOST, "user", "secret")


@pytest.mark.parametrize("name", ["../../../kube-system", "a/b", "a?watch=1", "Scan", "a.b", "x\nEOF\n$(touch here)", "a" * 64])
def test_a_namespace_that_is_none_is_told_and_not_used(home, pod, name):
    (pod.account / "..data/namespace").write_text(name)
    assert_found(home.get(HOST), HOST, "user", "secret")
    told = home.run(home.binary, "explain", "--fresh", HOST).out
    assert "which is no namespace's name" in told and "$(touch here)\n" not in told


@pytest.mark.parametrize("subject", ["scanner:../../secrets/admin", "scanner/../x", "system:node:worker", "x:y\nEOF\n$(touch here)", "a:b?watch=1"])
def test_a_token_for_no_service_account_is_told_and_not_asked_with(home, pod, subject):
    subject = subject if subject.startswith("system:") else f"system:serviceaccount:{subject}"
    claims = base64.urlsafe_b64encode(json.dumps({"iss": "https://kubernetes.default.svc", "sub": subject}).encode()).decode().rstrip("=")
    (pod.account / "..data/token").write_text(f"eyJhbGciOiJub25lIn0.{claims}.x")
    assert_error(home.get(HOST), "401", "secret ")
    told = home.run(home.binary, "explain", "--fresh", HOST).out
    assert "which is no service account" in told and "the pod's token names none" in told and "\n$(touch here)" not in told
