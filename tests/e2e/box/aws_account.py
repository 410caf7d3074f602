"""Who there is in the box's AWS: access keys, roles and whom they trust, and what the fakes have issued."""
import datetime
import secrets
from dataclasses import dataclass, field

ACCOUNT = "123456789012"


class AwsError(Exception):
    def __init__(self, code, message, status=400):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclass
class Key:
    id: str
    secret: str
    token: str | None
    arn: str
    expires: datetime.datetime | None = None


@dataclass
class Role:
    """A role as its trust policy describes it."""
    arn: str
    trusts: tuple = ()                 # principals: ARNs that may assume it
    external_id: str | None = None     # condition sts:ExternalId
    web_subject: str | None = None     # condition <issuer>:sub, for AssumeRoleWithWebIdentity


def now():
    return datetime.datetime.now(datetime.timezone.utc)


@dataclass
class Accounts:
    keys: dict = field(default_factory=dict)
    roles: dict = field(default_factory=dict)
    passwords: dict = field(default_factory=dict)   # ECR's: password -> what it opens

    def user(self, name="scanner", token=None, account=ACCOUNT):
        key = Key("AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30), token, f"arn:aws:iam::{account}:user/{name}")
        self.keys[key.id] = key
        return key

    def role(self, name, partition="aws", **trust):
        role = Role(f"arn:{partition}:iam::{ACCOUNT}:role/{name}", **trust)
        self.roles[role.arn] = role
        return role

    def session(self, role, session="session", seconds=3600):
        """Temporary credentials of a role (STS, EC2, ECS, SSO ... all give this kind)."""
        partition, account, name = role.arn.split(":")[1], role.arn.split(":")[4], role.arn.split("/")[-1]
        key = Key("ASIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30), secrets.token_urlsafe(120),
                  f"arn:{partition}:sts::{account}:assumed-role/{name}/{session}", now() + datetime.timedelta(seconds=seconds))
        self.keys[key.id] = key
        return key

    def may(self, role, principal):
        """Whether `principal`, an ARN, is one of those that the role trusts; a session is trusted as its role."""
        return principal in role.trusts or any(
            t.startswith("arn:aws") and ":role/" in t and f":assumed-role/{t.split('/')[-1]}/" in principal for t in role.trusts)


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
