"""Credentials of containers: the ECS agent on 169.254.170.2 and the EKS Pod Identity agent on 169.254.170.23.

docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html, .../AmazonECS/latest/developerguide/task-iam-roles.html,
.../eks/latest/userguide/pod-id-how-it-works.html (the agent wants the pod's projected token, audience pods.eks.amazonaws.com)."""
import time

from . import jwts
from .aws_account import stamp
from .fake_sts import EKS
from .web import Reply


def pod_token(subject="system:serviceaccount:scan:scanner", audience="pods.eks.amazonaws.com", seconds=3600):
    return jwts.sign(EKS, {"iss": EKS, "sub": subject, "aud": [audience], "exp": int(time.time()) + seconds}, kid="eks")


def _document(key, **more):
    return {"AccessKeyId": key.id, "SecretAccessKey": key.secret, "Token": key.token, "Expiration": stamp(key.expires), **more}


class FakeEcs:
    name = "ecs"

    def __init__(self, accounts):
        self.accounts = accounts
        self.tasks = {}           # /v2/credentials/<id> -> role

    def serves(self, request):
        return bool(self.tasks) and request.address == "169.254.170.2" and request.port == 80

    def answer(self, request):
        role = self.tasks.get(request.path)
        if request.method != "GET" or not role:
            return Reply(400, {"code": "InvalidIdInRequest", "message": "CredentialsV2Request: ID not found", "HTTPErrorCode": 400}, why="no such task")
        return Reply(200, _document(self.accounts.session(role, "task"), RoleArn=role.arn))


class FakePodIdentity:
    name = "pod-identity"

    def __init__(self, accounts):
        self.accounts = accounts
        self.associations = {}    # subject -> role

    def serves(self, request):
        return bool(self.associations) and request.address == "169.254.170.23" and request.port == 80

    def answer(self, request):
        if request.method != "GET" or request.path != "/v1/credentials":
            return Reply(404, "404 page not found", why="only GET /v1/credentials")
        try:
            claims = jwts.verify(EKS, request.headers.get("Authorization", ""))
        except jwts.BadToken as error:
            return Reply(400, "Service account token cannot be empty" if not request.headers.get("Authorization") else str(error), why=str(error))
        if claims["aud"] != ["pods.eks.amazonaws.com"]:
            return Reply(400, "InvalidTokenException: audience", why=f"audience {claims['aud']}")
        role = self.associations.get(claims["sub"])
        if not role:
            return Reply(404, "ResourceNotFoundException: Cannot find association", why=f"no association for {claims['sub']}")
        return Reply(200, _document(self.accounts.session(role, "eks-pod"), AccountId=role.arn.split(":")[4]))
