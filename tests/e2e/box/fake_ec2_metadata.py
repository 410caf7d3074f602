"""EC2's instance metadata service, version 2 only (HttpTokens: required), on 169.254.169.254 port 80.

docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html and instance-metadata-security-credentials.html:
a token by PUT with a TTL of 1 to 21600 s, refused with 403 when X-Forwarded-For is there; every GET without a live token is 401."""
import json
import secrets

from .aws_account import now, stamp
from .web import Reply


class FakeEc2Metadata:
    name = "ec2-metadata"

    def __init__(self, accounts):
        self.accounts = accounts
        self.present = False      # whether this machine is an EC2 instance
        self.role = None
        self.region = "eu-west-1"
        self.tokens = {}

    def serves(self, request):
        return self.present and request.address == "169.254.169.254" and request.port == 80 and request.host == "169.254.169.254"

    def answer(self, request):
        if request.path == "/latest/api/token":
            return self._token(request)
        token = request.headers.get("X-aws-ec2-metadata-token")
        if self.tokens.get(token, 0) < now().timestamp():
            return Reply(401, "", why="no live session token")
        if request.method != "GET":
            return Reply(405, why="GET only")
        base = "/latest/meta-data/iam/security-credentials/"
        if request.path in (base, base[:-1]) and self.role:
            return Reply(200, self.role.arn.split("/")[-1], {"Content-Type": "text/plain"})
        if self.role and request.path == base + self.role.arn.split("/")[-1]:
            key = self.accounts.session(self.role, "i-0123456789abcdef0", 6 * 3600)
            return Reply(200, json.dumps({"Code": "Success", "LastUpdated": stamp(now()), "Type": "AWS-HMAC", "AccessKeyId": key.id, "SecretAccessKey": key.secret,
                                          "Token": key.token, "Expiration": stamp(key.expires)}), {"Content-Type": "text/plain"})
        if request.path == "/latest/meta-data/placement/region":
            return Reply(200, self.region, {"Content-Type": "text/plain"})
        if request.path == "/latest/meta-data/placement/availability-zone":
            return Reply(200, self.region + "a", {"Content-Type": "text/plain"})
        return Reply(404, why="no such metadata")

    def _token(self, request):
        seconds = request.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if request.method != "PUT":
            return Reply(405, why="PUT only")
        if request.headers.get("X-Forwarded-For"):
            return Reply(403, why="X-Forwarded-For")
        if not seconds.isdigit() or not 1 <= int(seconds) <= 21600:
            return Reply(400, why="TTL")
        token = secrets.token_urlsafe(40)
        self.tokens[token] = now().timestamp() + int(seconds)
        return Reply(200, token, {"Content-Type": "text/plain", "X-aws-ec2-metadata-token-ttl-seconds": seconds})
