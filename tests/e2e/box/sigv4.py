"""AWS Signature Version 4, verified: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.

The signature is computed anew from what arrived; nothing that the client says about itself is believed."""
import datetime
import hashlib
import hmac
import re
import urllib.parse

from .aws_account import Accounts, AwsError, Key, now

FORM = re.compile(r"AWS4-HMAC-SHA256 Credential=([A-Z0-9]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})")


def _mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _encode(text):
    return urllib.parse.quote(text, safe="-_.~")


def canonical(method, target, signed, header, payload_hash):
    path, _, query = target.partition("?")
    path = "/".join(_encode(part) for part in (path or "/").split("/"))     # every service but S3 encodes the sent path once more
    pairs = sorted((_encode(k), _encode(v)) for k, v in urllib.parse.parse_qsl(query, keep_blank_values=True))
    lines = [method, path, "&".join(f"{k}={v}" for k, v in pairs)]
    lines += [f"{name}:{re.sub(' +', ' ', header(name).strip())}" for name in signed]
    return "\n".join(lines + ["", ";".join(signed), payload_hash])


def verify(accounts: Accounts, region, service, *, method, target, headers, body) -> Key:
    """The key that signed, or the error that AWS answers."""
    authorization = headers.get("Authorization")
    if not authorization:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    form = FORM.fullmatch(authorization)
    if not form:
        raise AwsError("IncompleteSignatureException", "Authorization header is not of the documented form")
    key_id, date, scope_region, scope_service, signed, signature = form.groups()
    signed = signed.split(";")
    sent = {name.lower() for name in headers.keys()}
    must = {"host"} | {n for n in sent if n.startswith("x-amz-")} | ({"content-type"} & sent)
    if signed != sorted(signed) or not must <= set(signed):
        raise AwsError("InvalidSignatureException", f"headers that must be signed and are not: {sorted(must - set(signed))}")
    if not set(signed) <= sent:
        raise AwsError("InvalidSignatureException", "a signed header is missing")
    stamp = headers.get("X-Amz-Date", "")
    if not re.fullmatch(r"\d{8}T\d{6}Z", stamp) or stamp[:8] != date:
        raise AwsError("InvalidSignatureException", "X-Amz-Date is absent or not of the scope's day")
    moment = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    if abs((now() - moment).total_seconds()) > 300:
        raise AwsError("InvalidSignatureException", "Signature expired")
    if (scope_region, scope_service) != (region, service):
        raise AwsError("InvalidSignatureException",
                       f"Credential should be scoped to {region}/{service}, not {scope_region}/{scope_service}")
    key = accounts.keys.get(key_id)
    if not key or headers.get("X-Amz-Security-Token") != key.token:
        raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
    payload_hash = hashlib.sha256(body).hexdigest()
    if headers.get("X-Amz-Content-Sha256", payload_hash) != payload_hash:
        raise AwsError("InvalidSignatureException", "X-Amz-Content-Sha256 is not the body's")
    text = canonical(method, target, signed, lambda n: ",".join(headers.get_all(n)), payload_hash)
    scope = f"{date}/{region}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(text.encode()).hexdigest()}"
    k = f"AWS4{key.secret}".encode()
    for part in (date, region, service, "aws4_request"):
        k = _mac(k, part)
    if not hmac.compare_digest(_mac(k, to_sign).hex(), signature):
        raise AwsError("InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")
    if key.expires and key.expires < now():
        raise AwsError("ExpiredTokenException", "The security token included in the request is expired")
    return key
