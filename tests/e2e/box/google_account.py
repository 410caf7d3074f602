"""Who there is in the box's Google: service accounts, people, pools and their identities, and the access tokens issued."""
import secrets
import time
from dataclasses import dataclass, field

from . import jwts

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
READ_ONLY = CLOUD_PLATFORM + ".read-only"
STORAGE = "https://www.googleapis.com/auth/devstorage.read_only"
IAM = "https://www.googleapis.com/auth/iam"
KNOWN_SCOPES = {CLOUD_PLATFORM, READ_ONLY, STORAGE, IAM, "openid", "https://www.googleapis.com/auth/userinfo.email",
                "https://www.googleapis.com/auth/devstorage.read_write", "https://www.googleapis.com/auth/devstorage.full_control"}
IDP = "https://oidc.idp.example"      # an identity provider that pools may trust


@dataclass
class Token:
    identity: str
    scopes: frozenset
    expires: float
    endpoint: str


@dataclass
class Google:
    service_accounts: dict = field(default_factory=dict)   # email -> key id
    people: dict = field(default_factory=dict)             # (client id, client secret, refresh token) -> identity
    pools: dict = field(default_factory=dict)              # audience -> set of subjects, or of AWS role ARNs
    may_impersonate: set = field(default_factory=set)      # (identity, email): roles/iam.serviceAccountTokenCreator
    tokens: dict = field(default_factory=dict)
    life: int = 3599

    def service_account(self, name="scanner", project="box-project", **fields):
        """The JSON key file of a new service account (cloud.google.com/iam/docs/keys-create-delete)."""
        email = f"{name}@{project}.iam.gserviceaccount.com"
        key_id = secrets.token_hex(20)
        self.service_accounts[email] = key_id
        return {"type": "service_account", "project_id": project, "private_key_id": key_id, "private_key": jwts.pem(email), "client_email": email,
                "client_id": "100000000000000000001", "auth_uri": "https://accounts.google.com/o/oauth2/auth",
                "token_uri": "https://oauth2.googleapis.com/token", "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
                "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{email}", "universe_domain": "googleapis.com", **fields}

    def person(self, identity="person@example.com"):
        """What `gcloud auth application-default login` leaves."""
        user = {"client_id": "764086051850-box.apps.googleusercontent.com", "client_secret": "d-box", "refresh_token": "1//" + secrets.token_urlsafe(40)}
        self.people[tuple(user.values())] = identity
        return {"type": "authorized_user", **user, "quota_project_id": "box-project", "universe_domain": "googleapis.com"}

    def issue(self, identity, scopes, endpoint):
        token = "ya29.c." + secrets.token_urlsafe(120)
        self.tokens[token] = Token(identity, frozenset(scopes), time.time() + self.life, endpoint)
        return token

    def bearer(self, request):
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        found = self.tokens.get(token) if kind == "Bearer" else None
        return found if found and found.expires > time.time() else None


def scopes_of(text):
    return set((text or "").replace(",", " ").split())


def idp_token(audience, subject="scanner", seconds=3600):
    return jwts.sign(IDP, {"iss": IDP, "sub": subject, "aud": audience, "iat": int(time.time()), "exp": int(time.time()) + seconds}, kid="idp")
