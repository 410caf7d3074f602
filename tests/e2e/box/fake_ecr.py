"""Amazon ECR and ECR Public, the one action that opens a registry: GetAuthorizationToken.

docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html and .../AmazonECRPublic/... (JSON 1.1 over POST /);
names: docs.aws.amazon.com/general/latest/gr/ecr.html and ecr-public.html, and the endpoint rules of the official SDKs."""
import base64
import json
import re
import secrets

from .aws_account import ACCOUNT, AwsError, now
from .web import Reply
from .names import PARTITIONS
from .sigv4 import verify

TARGETS = {"ecr": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", "ecr-public": "SpencerFrontendService.GetAuthorizationToken"}


def endpoint(host):
    """(service, region, registry's DNS suffix) of an API name; None for any other name."""
    if host in ("api.ecr-public.us-east-1.amazonaws.com", "ecr-public.us-east-1.api.aws"):
        return "ecr-public", "us-east-1", None
    for suffix, (dual, regions) in PARTITIONS.items():
        single = re.fullmatch(r"(?:api\.ecr|ecr-fips|api\.ecr-fips)\.([^.]+)\." + re.escape(suffix), host)
        both = re.fullmatch(r"ecr(?:-fips)?\.([^.]+)\." + re.escape(dual), host)
        for match in (single, both):
            if match and match[1] in regions:
                return "ecr", match[1], suffix
    return None


class FakeEcr:
    name = "ecr"

    def __init__(self, accounts):
        self.accounts = accounts
        self.denied = set()       # ARNs without ecr:GetAuthorizationToken
        self.life = 12 * 3600
        self.failures = []        # (status, code) to answer before anything else

    def serves(self, request):
        return request.scheme == "https" and endpoint(request.host) is not None

    def answer(self, request):
        try:
            return self._answer(request)
        except AwsError as error:
            return Reply(error.status, {"__type": error.code, "message": error.message},
                         {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "box"}, str(error))

    def _answer(self, request):
        service, region, suffix = endpoint(request.host)
        if request.method != "POST" or request.target != "/":
            raise AwsError("UnknownOperationException", "POST / is all there is", 404)
        if request.headers.get("Content-Type") != "application/x-amz-json-1.1":
            raise AwsError("UnknownOperationException", "not JSON 1.1", 404)
        if request.headers.get("X-Amz-Target") != TARGETS[service]:
            raise AwsError("UnknownOperationException", f"target {request.headers.get('X-Amz-Target')}")
        if self.failures:
            status, code = self.failures.pop(0)
            raise AwsError(code, "as the test asked", status)
        key = verify(self.accounts, region, service, method=request.method, target=request.target, headers=request.headers, body=request.body)
        try:
            body = json.loads(request.body)
        except ValueError:
            raise AwsError("SerializationException", "the body is not JSON") from None
        ids = body.get("registryIds") or []
        if service == "ecr" and not all(re.fullmatch(r"\d{12}", i) for i in ids) or set(body) - {"registryIds"}:
            raise AwsError("InvalidParameterException", "registryIds")
        if key.arn in self.denied:
            raise AwsError("AccessDeniedException", f"User: {key.arn} is not authorized to perform: {service}:GetAuthorizationToken on resource: * "
                           f"because no identity-based policy allows the {service}:GetAuthorizationToken action")
        return self._token(service, region, suffix, key, request.host)

    def _token(self, service, region, suffix, key, host):
        expires = int(now().timestamp()) + self.life
        payload = {"payload": secrets.token_urlsafe(60), "datakey": secrets.token_urlsafe(40), "version": "2", "type": "DATA_KEY", "expiration": expires}
        password = base64.b64encode(json.dumps(payload).encode()).decode()
        self.accounts.passwords[password] = {"arn": key.arn, "service": service, "region": region, "endpoint": host, "expires": expires}
        data = {"authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(), "expiresAt": expires + 0.123}
        if service == "ecr":
            data["proxyEndpoint"] = f"https://{ACCOUNT}.dkr.ecr.{region}.{suffix}"
        return Reply(200, {"authorizationData": [data] if service == "ecr" else data},
                     {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "box"})
