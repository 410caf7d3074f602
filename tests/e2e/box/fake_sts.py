"""AWS STS: AssumeRole, AssumeRoleWithWebIdentity and GetCallerIdentity over the query protocol, version 2011-06-15.

docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, API_AssumeRoleWithWebIdentity.html, API_GetCallerIdentity.html;
errors: .../CommonErrors.html; names: docs.aws.amazon.com/general/latest/gr/sts.html."""
import re
import time

from . import jwts
from .aws_account import AwsError, stamp
from .names import PARTITIONS
from .sigv4 import verify
from .web import Reply

EKS = "https://oidc.eks.eu-west-1.amazonaws.com/id/B0C"   # the cluster whose tokens roles may trust
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
# the query protocol names two errors as the JSON protocols do not, and most are 403
CODES = {"UnrecognizedClientException": ("InvalidClientTokenId", 403), "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
         "ExpiredTokenException": ("ExpiredToken", 403), "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403)}


def region_of(host):
    if host == "sts.amazonaws.com":
        return "us-east-1"
    for suffix, (dual, regions) in PARTITIONS.items():
        for pattern in (r"sts(?:-fips)?\.([^.]+)\." + re.escape(suffix), r"sts(?:-fips)?\.([^.]+)\." + re.escape(dual)):
            match = re.fullmatch(pattern, host)
            if match and match[1] in regions:
                return match[1]
    return None


def web_token(subject="system:serviceaccount:scan:scanner", audience="sts.amazonaws.com", seconds=3600):
    """What kubelet projects into a pod for IRSA."""
    return jwts.sign(EKS, {"iss": EKS, "sub": subject, "aud": [audience], "iat": int(time.time()), "exp": int(time.time()) + seconds}, kid="eks")


class FakeSts:
    name = "sts"

    def __init__(self, accounts):
        self.accounts = accounts

    def serves(self, request):
        return request.scheme == "https" and region_of(request.host) is not None

    def answer(self, request):
        try:
            action, result = self._answer(request)
        except AwsError as error:
            code, status = CODES.get(error.code, (error.code, error.status))
            return Reply(status, f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code><Message>{error.message}</Message></Error>'
                                 "<RequestId>box</RequestId></ErrorResponse>", {"Content-Type": "text/xml"}, str(error))
        return Reply(200, f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{result}</{action}Result>'
                          f"<ResponseMetadata><RequestId>box</RequestId></ResponseMetadata></{action}Response>", {"Content-Type": "text/xml"})

    def _answer(self, request):
        query = request.query if not request.body else request.form
        if request.method not in ("POST", "GET") or request.path != "/" or request.body and not request.has_form():
            raise AwsError("InvalidAction", "a form on / is all there is")
        if query.get("Version") != "2011-06-15":
            raise AwsError("NoSuchVersion", "2011-06-15 is the version")
        action = query.get("Action")
        if action == "AssumeRoleWithWebIdentity":
            return action, self._web_identity(query)
        if action not in ("AssumeRole", "GetCallerIdentity"):
            raise AwsError("InvalidAction", f"no action {action}")
        caller = verify(self.accounts, region_of(request.host), "sts", method=request.method, target=request.target, headers=request.headers, body=request.body)
        if action == "GetCallerIdentity":
            return action, f"<Arn>{caller.arn}</Arn><UserId>AIDA</UserId><Account>{caller.arn.split(':')[4]}</Account>"
        return action, self._assume(query, caller)

    def _session_name(self, query):
        name = query.get("RoleSessionName", "")
        if not re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII):
            raise AwsError("ValidationError", f"RoleSessionName {name!r}")
        if not 900 <= int(query.get("DurationSeconds", 3600)) <= 43200:
            raise AwsError("ValidationError", "DurationSeconds")
        return name

    def _assume(self, query, caller):
        role, name = self.accounts.roles.get(query.get("RoleArn")), self._session_name(query)
        denied = AwsError("AccessDenied", f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {query.get('RoleArn')}", 403)
        if not role or not self.accounts.may(role, caller.arn):
            raise denied
        if role.external_id is not None and query.get("ExternalId") != role.external_id:
            raise denied
        return self._credentials(role, name, query)

    def _web_identity(self, query):
        role, name = self.accounts.roles.get(query.get("RoleArn")), self._session_name(query)
        try:
            claims = jwts.verify(EKS, query.get("WebIdentityToken", ""))
        except jwts.BadToken as error:
            code = "ExpiredTokenException" if "expired" in str(error) else "InvalidIdentityToken"
            raise AwsError(code, str(error)) from None
        if claims["aud"] not in ("sts.amazonaws.com", ["sts.amazonaws.com"]):
            raise AwsError("InvalidIdentityToken", "Incorrect token audience")
        if not role or role.web_subject != claims["sub"]:
            raise AwsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
        return self._credentials(role, name, query) + f"<SubjectFromWebIdentityToken>{claims['sub']}</SubjectFromWebIdentityToken>"

    def _credentials(self, role, name, query):
        key = self.accounts.session(role, name, int(query.get("DurationSeconds", 3600)))
        return (f"<Credentials><AccessKeyId>{key.id}</AccessKeyId><SecretAccessKey>{key.secret}</SecretAccessKey><SessionToken>{key.token}</SessionToken>"
                f"<Expiration>{stamp(key.expires)}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROA:{name}</AssumedRoleId><Arn>{key.arn}</Arn></AssumedRoleUser>")
