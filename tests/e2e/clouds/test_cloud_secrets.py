"""The cloud secrets of the cluster, read from a real API server: ecr-sa, gcr-sa and acr-sa in the credentials namespace."""
import json
import shutil

import pytest

import azure_kinds
import google_kinds
import identities

ECR, GOOGLE, ACR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "europe-west1-docker.pkg.dev", "boxregistry.azurecr.io"


def ecr_data(box, key, **more):
    return {**identities.keys(key), "AWS_DEFAULT_REGION": "us-east-1", **more}


def gcr_data(box, helper, lay=google_kinds.service_account):
    variables = lay(box, helper.home)
    return {"sa.json": variables["GOOGLE_APPLICATION_CREDENTIALS"].read_text()}


def acr_data(box, helper):
    return azure_kinds.client_secret(box, helper.home)[0]


@pytest.mark.parametrize("host,region", [(ECR, "us-east-1"), ("public.ecr.aws", "us-east-1"), ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-northwest-1")])
def test_ecr(box, cluster, host, region):
    key = box.aws.user()
    cluster.secret("ecr-sa", ecr_data(box, key, AWS_DEFAULT_REGION=region))
    user, secret = cluster.get(host).found()
    assert user == "AWS" and box.aws.passwords[secret]["arn"] == key.arn
    assert [r.by for r in box.requests] == ["ecr"], box.story()


def test_ecr_with_a_session_token(box, cluster):
    key = box.aws.session(box.aws.role("r"))
    cluster.secret("ecr-sa", ecr_data(box, key))
    assert box.aws.passwords[cluster.get(ECR).found()[1]]["arn"] == key.arn


def test_ecr_with_a_role(box, cluster):
    key = box.aws.user()
    role = box.aws.role("puller", trusts=(key.arn,))
    cluster.secret("ecr-sa", ecr_data(box, key, AWS_ROLE_ARN=role.arn))
    assert "assumed-role/puller/" in box.aws.passwords[cluster.get(ECR).found()[1]]["arn"]
    assert [r.by for r in box.requests] == ["sts", "ecr"], box.story()


def test_ecr_with_a_role_that_wants_an_external_id(box, cluster):
    key = box.aws.user()
    role = box.aws.role("puller", trusts=(key.arn,), external_id="unit-7")
    cluster.secret("ecr-sa", ecr_data(box, key, AWS_ROLE_ARN=role.arn, AWS_EXTERNAL_ID="unit-7\n"))
    assert "assumed-role/puller/" in box.aws.passwords[cluster.get(ECR).found()[1]]["arn"]


def test_ecr_with_a_role_that_may_not_be_assumed(box, cluster):
    key = box.aws.user()
    role = box.aws.role("puller")
    cluster.secret("ecr-sa", ecr_data(box, key, AWS_ROLE_ARN=role.arn))
    cluster.get(ECR).failed(role.arn, f"{cluster.namespace}/ecr-sa")
    assert not box.asked("ecr"), box.story()


@pytest.mark.parametrize("kind", ["service_account", "authorized_user", "external_account_authorized_user", "impersonated_service_account", "impersonated by a user"])
def test_google_with_any_type(box, cluster, helper, kind):
    lay, identity, _ = google_kinds.EVERY[kind]
    cluster.secret("gcr-sa", gcr_data(box, helper, lay))
    user, secret = cluster.get(GOOGLE).found()
    assert user == "oauth2accesstoken" and box.google.tokens[secret].identity == identity


def test_acr(box, cluster, helper):
    cluster.secret("acr-sa", acr_data(box, helper))
    assert cluster.get(ACR).found()[0] == azure_kinds.NOBODY
    assert [r.by for r in box.requests] == ["entra", "acr"], box.story()


def test_in_a_pod(box, cluster, helper, api):
    """The mounted service account, and no kubeconfig."""
    pod = helper.home / "serviceaccount"
    pod.mkdir()
    (pod / "token").write_text(cluster.token)
    (pod / "namespace").write_text(cluster.namespace)
    shutil.copy(api.ca, pod / "ca.crt")
    cluster.secret("ecr-sa", ecr_data(box, box.aws.user()))
    helper.machine = {"BOX_POD": pod}
    answer = helper.get(ECR, CREDS_SECRET_NAMESPACE=cluster.namespace, KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT=api.port)
    assert answer.found()[0] == "AWS"


def test_a_trailing_newline_is_trimmed(box, cluster, helper):
    cluster.secret("ecr-sa", {k: v + "\n" for k, v in ecr_data(box, box.aws.user()).items()})
    cluster.secret("gcr-sa", {k: v + "\n" for k, v in gcr_data(box, helper).items()})
    cluster.secret("acr-sa", {k: v + "\r\n" for k, v in acr_data(box, helper).items()})
    for host, user in ((ECR, "AWS"), (GOOGLE, "oauth2accesstoken"), (ACR, azure_kinds.NOBODY)):
        assert cluster.get(host).found()[0] == user


@pytest.mark.parametrize("key", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
@pytest.mark.parametrize("value", [None, "", "\n"])
def test_a_missing_key_of_ecr_is_named(box, cluster, key, value):
    cluster.secret("ecr-sa", ecr_data(box, box.aws.user(), **{key: value}))
    cluster.get(ECR).failed(f"{cluster.namespace}/ecr-sa", key)
    assert box.silent(), box.story()


def test_the_message_is_the_one_that_was_promised(box, cluster):
    cluster.secret("ecr-sa", ecr_data(box, box.aws.user(), AWS_SECRET_ACCESS_KEY=None))
    assert f"kubeclarity: secret {cluster.namespace}/ecr-sa has no key AWS_SECRET_ACCESS_KEY" in cluster.get(ECR).failed()


def test_a_region_is_not_needed_where_the_host_has_one(box, cluster):
    cluster.secret("ecr-sa", ecr_data(box, box.aws.user(), AWS_DEFAULT_REGION=None))
    assert cluster.get(ECR).found()[0] == "AWS"
    assert cluster.get("public.ecr.aws").found()[0] == "AWS"


@pytest.mark.parametrize("key", ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"])
def test_a_missing_key_of_acr_is_named(box, cluster, helper, key):
    cluster.secret("acr-sa", {**acr_data(box, helper), key: None})
    cluster.get(ACR).failed(f"{cluster.namespace}/acr-sa", key)
    assert box.silent(), box.story()


@pytest.mark.parametrize("data", [{}, {"key.json": "{}"}, {"sa.json": ""}])
def test_a_missing_key_of_google_is_named(box, cluster, data):
    cluster.secret("gcr-sa", data)
    cluster.get(GOOGLE).failed(f"{cluster.namespace}/gcr-sa", "sa.json")
    assert box.silent(), box.story()


def test_a_key_file_that_is_no_json_is_not_quoted(box, cluster):
    cluster.secret("gcr-sa", {"sa.json": '{"private_key": "c2VjcmV0" oops'})
    assert "c2VjcmV0" not in cluster.get(GOOGLE).failed(f"{cluster.namespace}/gcr-sa", "sa.json")


def test_a_token_uri_in_the_cluster_that_is_not_googles_gets_nothing(box, cluster):
    cluster.secret("gcr-sa", {"sa.json": json.dumps(box.google.service_account(token_uri="https://evil.example/token"))})
    message = cluster.get(GOOGLE).failed(f"{cluster.namespace}/gcr-sa", "Google")
    assert "file secret" not in message, message
    assert box.silent(), box.story()


def test_a_cloud_secret_comes_before_the_environment(box, cluster, helper):
    mine, other = box.aws.user("cluster"), box.aws.user("environment")
    cluster.secret("ecr-sa", ecr_data(box, mine))
    assert box.aws.passwords[cluster.get(ECR, **identities.keys(other)).found()[1]]["arn"] == mine.arn


def test_a_setting_of_the_environment_does_not_leak_into_a_secret_s_identity(box, cluster):
    """AWS_SESSION_TOKEN, AWS_ROLE_ARN and AWS_PROFILE of the machine belong to the machine's identity."""
    mine = box.aws.user("cluster")
    cluster.secret("ecr-sa", ecr_data(box, mine))
    answer = cluster.get(ECR, AWS_SESSION_TOKEN="other", AWS_ROLE_ARN="arn:aws:iam::123456789012:role/other", AWS_PROFILE="absent", AWS_EXTERNAL_ID="x")
    assert box.aws.passwords[answer.found()[1]]["arn"] == mine.arn
    assert [r.by for r in box.requests] == ["ecr"], box.story()


def test_without_the_secret_the_environment_answers(box, cluster):
    key = box.aws.user()
    assert box.aws.passwords[cluster.get(ECR, **identities.keys(key)).found()[1]]["arn"] == key.arn


@pytest.mark.parametrize("host", ["quay.io", "mcr.microsoft.com", "mirror.gcr.io", ECR + ".evil.com", "x.azurecr.io.evil.com"])
def test_another_host_gets_nothing_of_them(box, cluster, helper, host):
    cluster.secret("ecr-sa", ecr_data(box, box.aws.user()))
    cluster.secret("gcr-sa", gcr_data(box, helper))
    cluster.secret("acr-sa", acr_data(box, helper))
    cluster.get(host).not_found()
    assert box.silent(), box.story()


def test_a_secret_that_the_cloud_refuses_is_an_error_that_names_it(box, cluster, helper):
    helper.machine = {"BOX_DMI": "ec2"}
    identities.ec2(box, helper.home)
    cluster.secret("ecr-sa", ecr_data(box, box.aws.user(), AWS_SECRET_ACCESS_KEY="wrong"))
    assert "wrong" not in cluster.get(ECR).failed(f"{cluster.namespace}/ecr-sa", "signature")
    assert not box.asked("ec2-metadata"), box.story()
