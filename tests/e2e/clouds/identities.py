"""The AWS identities that a machine or a pod may have, laid out as AWS lays them out. Each returns the variables that lead to it."""
import datetime
import hashlib
import json
import os

from box.aws_account import ACCOUNT, stamp
from box.fake_container_credentials import pod_token
from box.fake_sts import web_token

SUBJECT = "system:serviceaccount:scan:scanner"


def keys(key):
    return {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret, **({"AWS_SESSION_TOKEN": key.token} if key.token else {})}


def write(home, path, text):
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def profile_with_source(box, home):
    key = box.aws.user("base")
    role = box.aws.role("from-profile", trusts=(key.arn,), external_id="unit-7")
    write(home, ".aws/credentials", f"[base]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n")
    write(home, ".aws/config", f"[profile scan]\nrole_arn = {role.arn}\nsource_profile = base\nexternal_id = unit-7\nrole_session_name = by-profile\nregion = us-east-1\n")
    return {"AWS_PROFILE": "scan"}


def sso(box, home, session="corp", live=True):
    """A login that `aws sso login` left; with live=False its access token has expired and must be refreshed."""
    role, token = box.aws.role("AWSReservedSSO_Scan_0123456789abcdef"), "sso-access-token"
    box.sso.sessions[token] = {(ACCOUNT, "Scan"): role}
    box.sso.refresh[("client", "client-secret", "refresh-token")] = token
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=4 if live else -4)
    entry = {"startUrl": "https://corp.awsapps.com/start", "region": "eu-west-1", "accessToken": token if live else "expired", "expiresAt": stamp(until),
             "clientId": "client", "clientSecret": "client-secret", "refreshToken": "refresh-token",
             "registrationExpiresAt": stamp(until + datetime.timedelta(days=60))}
    write(home, f".aws/sso/cache/{hashlib.sha1(session.encode()).hexdigest()}.json", json.dumps(entry))
    write(home, ".aws/config", f"[profile scan]\nsso_session = {session}\nsso_account_id = {ACCOUNT}\nsso_role_name = Scan\nregion = us-east-1\n"
                               f"[sso-session {session}]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\nsso_registration_scopes = sso:account:access\n")
    return {"AWS_PROFILE": "scan"}


def legacy_sso(box, home):
    """The older form: the start URL in the profile itself, and no refresh."""
    start = "https://corp.awsapps.com/start"
    sso(box, home, start)
    write(home, ".aws/config", f"[profile scan]\nsso_start_url = {start}\nsso_region = eu-west-1\nsso_account_id = {ACCOUNT}\nsso_role_name = Scan\nregion = us-east-1\n")
    return {"AWS_PROFILE": "scan"}


def profile_of_environment(box, home):
    key = box.aws.user("base")
    role = box.aws.role("from-environment", trusts=(key.arn,))
    write(home, ".aws/config", f"[profile scan]\nrole_arn = {role.arn}\ncredential_source = Environment\nrole_session_name = by-profile\nregion = us-east-1\n")
    return {"AWS_PROFILE": "scan", **keys(key)}


def profile_of_machine(box, home):
    ec2(box, home)
    role = box.aws.role("from-machine", trusts=(box.ec2.role.arn,))
    write(home, ".aws/config", f"[profile scan]\nrole_arn = {role.arn}\ncredential_source = Ec2InstanceMetadata\nrole_session_name = by-profile\nregion = us-east-1\n")
    return {"AWS_PROFILE": "scan"}


def profile_with_web_identity(box, home):
    role = box.aws.role("from-web", web_subject=SUBJECT)
    file = write(home, "irsa/token", web_token(SUBJECT))
    write(home, ".aws/config", f"[profile scan]\nrole_arn = {role.arn}\nweb_identity_token_file = {file}\nrole_session_name = by-profile\nregion = us-east-1\n")
    return {"AWS_PROFILE": "scan"}


def credential_process(box, home):
    key = box.aws.session(box.aws.role("from-process"), "process")
    document = {"Version": 1, "AccessKeyId": key.id, "SecretAccessKey": key.secret, "SessionToken": key.token, "Expiration": stamp(key.expires)}
    script = write(home, "bin/vend", f"#!/bin/sh\ncat <<'J'\n{json.dumps(document)}\nJ\n")
    os.chmod(script, 0o755)
    write(home, ".aws/config", f"[profile scan]\ncredential_process = {script}\nregion = us-east-1\n")
    return {"AWS_PROFILE": "scan"}


def process_with_role(box, home):
    """The role of a profile whose source is a command."""
    credential_process(box, home)
    role = box.aws.role("after-process", trusts=(box.aws.role("from-process").arn,), external_id="unit-7")
    config = (home / ".aws/config").read_text().replace("[profile scan]", "[profile vend]")
    write(home, ".aws/config", config + f"[profile scan]\nrole_arn = {role.arn}\nsource_profile = vend\nexternal_id = unit-7\nrole_session_name = by-process\nregion = us-east-1\n")
    return {"AWS_PROFILE": "scan"}


def irsa(box, home, token=None):
    role = box.aws.role("irsa", web_subject=SUBJECT)
    file = write(home, "irsa/token", token or web_token(SUBJECT))
    return {"AWS_ROLE_ARN": role.arn, "AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_ROLE_SESSION_NAME": "irsa-pod", "AWS_REGION": "us-east-1", "AWS_STS_REGIONAL_ENDPOINTS": "regional"}


def pod_identity(box, home, token=None):
    box.pod_identity.associations[SUBJECT] = box.aws.role("pod-identity")
    file = write(home, "pod/eks-pod-identity-token", token or pod_token(SUBJECT))
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file}


def ecs(box, home):
    path = "/v2/credentials/0ed9ee8c-7ac4-4f3c-9c4e-5a9e2a1f7a10"
    box.ecs.tasks[path] = box.aws.role("ecs-task")
    return {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": path}


def ec2(box, home):
    box.ec2.present, box.ec2.role = True, box.aws.role("ec2-instance")
    return {}


def arn(account_role, session):
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{account_role}/{session}"


EVERY = {   # name: (how it is laid out, the identity that must ask ECR, which fakes it goes through)
    "profile": (profile_with_source, arn("from-profile", "by-profile"), ["sts"]),
    "sso": (sso, arn("AWSReservedSSO_Scan_0123456789abcdef", "person@example.com"), ["sso"]),
    "legacy sso": (legacy_sso, arn("AWSReservedSSO_Scan_0123456789abcdef", "person@example.com"), ["sso"]),
    "profile of the machine": (profile_of_machine, arn("from-machine", "by-profile"), ["ec2-metadata", "sts"]),
    "profile with web identity": (profile_with_web_identity, arn("from-web", "by-profile"), ["sts"]),
    "credential_process": (credential_process, arn("from-process", "process"), []),
    "credential_process with a role": (process_with_role, arn("after-process", "by-process"), ["sts"]),
    "irsa": (irsa, arn("irsa", "irsa-pod"), ["sts"]),
    "pod_identity": (pod_identity, arn("pod-identity", "eks-pod"), ["pod-identity"]),
    "ecs": (ecs, arn("ecs-task", "task"), ["ecs"]),
    "ec2": (ec2, arn("ec2-instance", "i-0123456789abcdef0"), ["ec2-metadata"]),
}
