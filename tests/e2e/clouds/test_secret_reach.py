"""What a Secret that holds a Google credential may touch of the pod: a file below /var/run/secrets/, and nothing else.

Whoever may write the Secret chooses every value in it; everything that it could reach is there, and would work for the user's own file."""
import json
import os
import shutil
import time

import pytest

import google_kinds
import identities
from box import jwts
from box.google_account import idp_token

HOST = "europe-west1-docker.pkg.dev"
MOUNTED = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
API = "/var/run/secrets/kubernetes.io/serviceaccount"
ISSUER = "https://kubernetes.default.svc.cluster.local"


@pytest.fixture
def pod(box, cluster, helper, api):
    """A pod with its own token, a token for a cloud beside it, and AWS keys and a metadata server at hand."""
    own, other = helper.home / "own", helper.home / "other"
    own.mkdir(), other.mkdir()
    (own / "token").write_text(cluster.token)
    (own / "namespace").write_text(cluster.namespace)
    shutil.copy(api.ca, own / "ca.crt")
    box.google.pools[google_kinds.AUDIENCE] = {"scanner"}
    (other / "token").write_text(idp_token(google_kinds.AUDIENCE))
    os.symlink("..data/linked", other / "linked")
    os.symlink("..1", other / "..data")
    (other / "..1").mkdir()
    (other / "..1/linked").write_text(idp_token(google_kinds.AUDIENCE))
    box.subject_url.audience = google_kinds.AUDIENCE
    identities.ec2(box, helper.home)
    helper.machine = {"BOX_POD": own, "BOX_EKS_POD": other, "BOX_DMI": "ec2", "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1", **identities.keys(box.aws.user()), "AWS_REGION": "eu-west-1"}
    cluster.variables = {"CREDS_SECRET_NAMESPACE": cluster.namespace, "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": api.port}
    cluster.own, cluster.other = own, other
    return cluster


def put(pod, source, **more):
    document = google_kinds.external(source, **more)
    pod.secret("gcr-sa", {"sa.json": json.dumps(document)})
    return document


def nested(document):
    return {"type": "impersonated_service_account", "delegates": [], "source_credentials": document,
            "service_account_impersonation_url": f"{google_kinds.IAM_URL}/{google_kinds.EMAIL}:generateAccessToken"}


@pytest.mark.parametrize("name", ["token", "linked"])
def test_a_token_that_is_mounted_for_it(box, pod, name):
    put(pod, {"file": f"{MOUNTED}/{name}"})
    assert box.google.tokens[pod.get(HOST).found()[1]].identity == google_kinds.FEDERATED
    assert [r.by for r in box.requests] == ["google-sts"], box.story()


def test_a_field_of_a_mounted_file(box, pod):
    (pod.other / "subject.json").write_text(json.dumps({"t": idp_token(google_kinds.AUDIENCE)}))
    put(pod, {"file": f"{MOUNTED}/subject.json", "format": {"type": "json", "subject_token_field_name": "t"}})
    assert box.google.tokens[pod.get(HOST).found()[1]].identity == google_kinds.FEDERATED


FILES = ["/proc/self/environ", "/proc/1/environ", "/etc/passwd", "/etc/hostname", "{home}/elsewhere", "elsewhere", "", "/", "/var/run/secrets", "/var/run/secrets/",
         f"{API}/token", f"{API}/ca.crt", f"{API}/namespace", f"{API}/..data/token", f"{MOUNTED}/../../kubernetes.io/serviceaccount/token", f"{MOUNTED}/../../../../../proc/self/environ",
         "/var/run/secrets/../../../proc/self/environ", "/var/run/secrets/../secrets/pods.eks.amazonaws.com/serviceaccount/token", "/var/run/secrets//kubernetes.io/serviceaccount/token",
         "/var/run/secrets/./kubernetes.io/./serviceaccount/token", "/var/run/../run/secrets/pods.eks.amazonaws.com/serviceaccount/token", "/var/run/secretsx/token", "/VAR/RUN/SECRETS/token"]


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("wrap", [lambda d: d, nested], ids=["plain", "nested"])
def test_no_other_file(box, pod, helper, path, wrap):
    (helper.home / "elsewhere").write_text(idp_token(google_kinds.AUDIENCE))
    document = google_kinds.external({"file": path.format(home=helper.home)})
    pod.secret("gcr-sa", {"sa.json": json.dumps(wrap(document))})
    message = pod.get(HOST).failed(f"{pod.namespace}/gcr-sa/sa.json", "external_account", "/var/run/secrets/")
    assert pod.token not in message and box.silent(), box.story()


@pytest.mark.parametrize("target", ["/proc/self/environ", "/etc/passwd", "{home}/elsewhere", f"{API}/token", "../../kubernetes.io/serviceaccount/token", "../../kubernetes.io/serviceaccount/ca.crt",
                                    "../../../../../etc/passwd", "../../../../../proc/self/environ"])
def test_no_link_leads_out(box, pod, helper, target):
    (helper.home / "elsewhere").write_text(idp_token(google_kinds.AUDIENCE))
    os.symlink(target.format(home=helper.home), pod.other / "link")
    put(pod, {"file": f"{MOUNTED}/link"})
    pod.get(HOST).failed(f"{pod.namespace}/gcr-sa")
    assert box.silent(), box.story()


@pytest.mark.parametrize("how", ["the same", "another of its kind", "in a field"])
def test_the_api_server_s_own_token_is_not_sent_from_another_mount_either(box, pod, how):
    claims = jwts.read(pod.token)[1]
    token = {"another of its kind": jwts.sign("anybody", {"iss": claims["iss"], "sub": "system:serviceaccount:a:b", "aud": claims["aud"], "exp": int(time.time()) + 600})}.get(how, pod.token)
    source = {"file": f"{MOUNTED}/copy"}
    if how == "in a field":
        token, source["format"] = json.dumps({"t": token}), {"type": "json", "subject_token_field_name": "t"}
    (pod.other / "copy").write_text(token)
    put(pod, source)
    assert pod.token not in pod.get(HOST).failed(f"{pod.namespace}/gcr-sa", "API server")
    assert box.silent(), box.story()


URLS = ["http://127.0.0.1/token", "http://localhost/token", "http://169.254.169.254/latest/meta-data/iam/security-credentials/", "http://169.254.170.23/v1/credentials", "http://metadata.google.internal/",
        "https://oidc.idp.example/token", "https://sts.googleapis.com/v1/token", "file:///proc/self/environ", ""]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("wrap", [lambda d: d, nested], ids=["plain", "nested"])
def test_no_address(box, pod, url, wrap):
    document = google_kinds.external({"url": url, "headers": {"X-Agent": "box", "Metadata": "true"}})
    pod.secret("gcr-sa", {"sa.json": json.dumps(wrap(document))})
    pod.get(HOST).failed(f"{pod.namespace}/gcr-sa/sa.json", "url", "/var/run/secrets/")
    assert box.silent(), box.story()


@pytest.mark.parametrize("allowed", ["1", "0", None])
@pytest.mark.parametrize("wrap", [lambda d: d, nested], ids=["plain", "nested"])
def test_no_program(box, pod, helper, allowed, wrap):
    program = helper.home / "vend"
    program.write_text(f"#!/bin/sh\ntouch {helper.home}/ran\n")
    program.chmod(0o755)
    document = google_kinds.external({"executable": {"command": str(program), "timeout_millis": 5000, "output_file": f"{helper.home}/output"}})
    (helper.home / "output").write_text(json.dumps({"version": 1, "success": True, "token_type": "urn:ietf:params:oauth:token-type:id_token", "id_token": idp_token(google_kinds.AUDIENCE), "expiration_time": 4102444800}))
    pod.secret("gcr-sa", {"sa.json": json.dumps(wrap(document))})
    pod.get(HOST, GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=allowed).failed(f"{pod.namespace}/gcr-sa/sa.json", "executable", "/var/run/secrets/")
    assert not (helper.home / "ran").exists() and box.silent(), box.story()


@pytest.mark.parametrize("url", [None, "https://sts.{region}.amazonaws.com?Action=AssumeRole&RoleArn=x&Version=2011-06-15"])
@pytest.mark.parametrize("wrap", [lambda d: d, nested], ids=["plain", "nested"])
def test_no_keys_of_aws(box, pod, url, wrap):
    document = google_kinds.aws_source()
    if url:
        document["credential_source"]["regional_cred_verification_url"] = url
    pod.secret("gcr-sa", {"sa.json": json.dumps(wrap(document))})
    pod.get(HOST).failed(f"{pod.namespace}/gcr-sa/sa.json", "aws1", "/var/run/secrets/")
    assert box.silent(), box.story()


def test_a_credential_source_with_everything_takes_nothing(box, pod, helper):
    """What is passed over by one library is taken by another: whichever source counts, none may be taken."""
    program = helper.home / "vend"
    program.write_text(f"#!/bin/sh\ntouch {helper.home}/ran\n")
    program.chmod(0o755)
    put(pod, {"file": f"{MOUNTED}/token", "url": "http://127.0.0.1/token", "executable": {"command": str(program)}, "environment_id": "aws1"})
    pod.get(HOST).failed(f"{pod.namespace}/gcr-sa")
    assert not (helper.home / "ran").exists() and box.silent(), box.story()


VERIFY = "https://sts.{region}.amazonaws.com"
NOT_WHO_AM_I = ["", "?Action=GetCallerIdentity", "?Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/admin&RoleSessionName=x&Version=2011-06-15", "?Action=GetSessionToken&Version=2011-06-15",
                "?Action=GetCallerIdentity&Version=2011-06-15&Action=GetSessionToken", "?Action=GetCallerIdentity&Version=2010-05-08", "/x?Action=GetCallerIdentity&Version=2011-06-15",
                ":8443?Action=GetCallerIdentity&Version=2011-06-15", ".evil.example?Action=GetCallerIdentity&Version=2011-06-15", "?Action=GetCallerIdentity&Version=2011-06-15#x"]


@pytest.mark.parametrize("rest", NOT_WHO_AM_I)
def test_the_user_s_own_file_signs_nothing_but_who_am_i(box, helper, rest):
    variables = google_kinds.external_aws_keys(box, helper.home)
    file = variables["GOOGLE_APPLICATION_CREDENTIALS"]
    document = json.loads(file.read_text())
    document["credential_source"]["regional_cred_verification_url"] = VERIFY + rest
    file.write_text(json.dumps(document))
    helper.get(HOST, **variables).failed("regional_cred_verification_url")
    assert box.silent(), box.story()


def test_the_user_s_own_file_may_be_a_link(box, helper):
    variables = google_kinds.service_account(box, helper.home)
    (helper.home / "vault").mkdir()
    variables["GOOGLE_APPLICATION_CREDENTIALS"].rename(helper.home / "vault/key.json")
    os.symlink(helper.home / "vault/key.json", variables["GOOGLE_APPLICATION_CREDENTIALS"])
    helper.get(HOST, **variables).found()
