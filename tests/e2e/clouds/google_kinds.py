"""Google's Application Default Credentials of every type, laid out as Google lays them out (google.aip.dev/auth/4110 and 4117).

Each returns the variables that lead to it."""
import json
import os

from box.google_account import idp_token
from box.fake_subject_url import FakeSubjectUrl

POOL = "projects/123456/locations/global/workloadIdentityPools/box/providers/idp"
AUDIENCE = f"//iam.googleapis.com/{POOL}"
WORKFORCE = "//iam.googleapis.com/locations/global/workforcePools/staff/providers/idp"
TOKEN_URL, IAM_URL = "https://sts.googleapis.com/v1/token", "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
EMAIL = "scanner@box-project.iam.gserviceaccount.com"


def lay(home, document, **variables):
    file = home / "adc.json"
    file.write_text(json.dumps(document))
    return {"GOOGLE_APPLICATION_CREDENTIALS": file, "GOOGLE_CLOUD_PROJECT": "box-project", **variables}


def service_account(box, home):
    return lay(home, box.google.service_account())


def authorized_user(box, home):
    return lay(home, box.google.person())


def external(source, kind="jwt", **more):
    return {"type": "external_account", "audience": AUDIENCE, "subject_token_type": f"urn:ietf:params:oauth:token-type:{kind}", "token_url": TOKEN_URL,
            "credential_source": source, "universe_domain": "googleapis.com", **more}


def external_file(box, home, **more):
    box.google.pools[AUDIENCE] = {"scanner"}
    (home / "subject-token").write_text(idp_token(AUDIENCE))
    return lay(home, external({"file": str(home / "subject-token")}, **more))


def external_file_json(box, home):
    box.google.pools[AUDIENCE] = {"scanner"}
    (home / "subject.json").write_text(json.dumps({"token": idp_token("https:" + AUDIENCE)}))
    return lay(home, external({"file": str(home / "subject.json"), "format": {"type": "json", "subject_token_field_name": "token"}}))


def external_impersonating(box, home):
    box.google.service_account()
    box.google.may_impersonate.add((f"principal:{AUDIENCE}/subject/scanner", EMAIL))
    return external_file(box, home, service_account_impersonation_url=f"{IAM_URL}/{EMAIL}:generateAccessToken")


def external_url(box, home):
    box.google.pools[AUDIENCE] = {"scanner"}
    box.subject_url.audience = AUDIENCE
    return lay(home, external({"url": FakeSubjectUrl.url, "headers": {"X-Agent": "box"}, "format": {"type": "json", "subject_token_field_name": "id_token"}}))


def external_executable(box, home):
    box.google.pools[AUDIENCE] = {"scanner"}
    program = home / "vend"
    document = {"version": 1, "success": True, "token_type": "urn:ietf:params:oauth:token-type:id_token", "id_token": idp_token(AUDIENCE), "expiration_time": 4102444800}
    program.write_text(f"#!/bin/sh\n[ \"$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE\" = {AUDIENCE} ] || exit 3\ncat <<'J'\n{json.dumps(document)}\nJ\n")
    os.chmod(program, 0o755)
    return lay(home, external({"executable": {"command": str(program), "timeout_millis": 5000}}, "id_token"), GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES="1")


def aws_source():
    return external({"environment_id": "aws1", "region_url": "http://169.254.169.254/latest/meta-data/placement/availability-zone",
                     "url": "http://169.254.169.254/latest/meta-data/iam/security-credentials",
                     "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
                     "imdsv2_session_token_url": "http://169.254.169.254/latest/api/token"}, "jwt") | {"subject_token_type": "urn:ietf:params:aws:token-type:aws4_request"}


def external_aws_keys(box, home):
    key = box.aws.session(box.aws.role("federated"), "s")
    box.google.pools[AUDIENCE] = {key.arn}
    return lay(home, aws_source(), AWS_ACCESS_KEY_ID=key.id, AWS_SECRET_ACCESS_KEY=key.secret, AWS_SESSION_TOKEN=key.token, AWS_REGION="eu-west-1")


def external_aws_metadata(box, home):
    box.ec2.present, box.ec2.role = True, box.aws.role("ec2-federated")
    box.google.pools[AUDIENCE] = {"arn:aws:sts::123456789012:assumed-role/ec2-federated"}
    return lay(home, aws_source())


def external_authorized_user(box, home):
    person = box.google.person("principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/person")
    return lay(home, {"type": "external_account_authorized_user", "audience": WORKFORCE, "client_id": person["client_id"], "client_secret": person["client_secret"],
                      "refresh_token": person["refresh_token"], "token_url": "https://sts.googleapis.com/v1/oauthtoken",
                      "token_info_url": "https://sts.googleapis.com/v1/introspect", "universe_domain": "googleapis.com"})


def impersonated(box, home, delegates=()):
    source = box.google.service_account("source")
    box.google.service_account()
    chain = [source["client_email"], *delegates, EMAIL]
    for delegate in delegates:
        box.google.service_account(delegate.partition("@")[0])
    box.google.may_impersonate |= set(zip(chain, chain[1:]))
    return lay(home, {"type": "impersonated_service_account", "delegates": list(delegates), "source_credentials": source,
                      "service_account_impersonation_url": f"{IAM_URL}/{EMAIL}:generateAccessToken"})


def impersonated_by_user(box, home):
    box.google.service_account()
    box.google.may_impersonate.add(("person@example.com", EMAIL))
    return lay(home, {"type": "impersonated_service_account", "delegates": [], "source_credentials": box.google.person(),
                      "service_account_impersonation_url": f"{IAM_URL}/{EMAIL}:generateAccessToken"})


def impersonated_by_federation(box, home):
    external_impersonating(box, home)
    source = json.loads((home / "adc.json").read_text())
    del source["service_account_impersonation_url"]
    return lay(home, {"type": "impersonated_service_account", "delegates": [], "source_credentials": source,
                      "service_account_impersonation_url": f"{IAM_URL}/{EMAIL}:generateAccessToken"})


def metadata(box, home):
    box.gce.present, box.gce.email = True, "node@box-project.iam.gserviceaccount.com"
    return {"GOOGLE_CLOUD_PROJECT": "box-project"}


FEDERATED = f"principal:{AUDIENCE}/subject/scanner"
EVERY = {   # name: (how it is laid out, whose token comes out, which fakes it goes through)
    "service_account": (service_account, EMAIL, ["google-oauth"]),
    "authorized_user": (authorized_user, "person@example.com", ["google-oauth"]),
    "external_account file": (external_file, FEDERATED, ["google-sts"]),
    "external_account file json": (external_file_json, FEDERATED, ["google-sts"]),
    "external_account impersonating": (external_impersonating, EMAIL, ["google-sts", "google-iam"]),
    "external_account url": (external_url, FEDERATED, ["subject-url", "google-sts"]),
    "external_account executable": (external_executable, FEDERATED, ["google-sts"]),
    "external_account aws keys": (external_aws_keys, f"principal:{AUDIENCE}/subject/arn:aws:sts::123456789012:assumed-role/federated/s", ["google-sts"]),
    "external_account aws metadata": (external_aws_metadata, f"principal:{AUDIENCE}/subject/arn:aws:sts::123456789012:assumed-role/ec2-federated/i-0123456789abcdef0", ["ec2-metadata", "google-sts"]),
    "external_account_authorized_user": (external_authorized_user, "principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/person", ["google-sts"]),
    "impersonated_service_account": (impersonated, EMAIL, ["google-oauth", "google-iam"]),
    "impersonated by a user": (impersonated_by_user, EMAIL, ["google-oauth", "google-iam"]),
    "metadata server": (metadata, "node@box-project.iam.gserviceaccount.com", ["gce-metadata"]),
}
