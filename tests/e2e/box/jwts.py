"""JSON Web Tokens, signed and verified with RS256 (RFC 7515, RFC 7518 section 3.3, RFC 7519)."""
import base64
import functools
import json
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class BadToken(Exception):
    pass


@functools.cache
def private_key(owner):
    """One key for each owner for the whole run: making one takes a tenth of a second."""
    return rsa.generate_private_key(65537, 2048)


def pem(owner):
    return private_key(owner).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(owner, claims, **header):
    head = _b64(json.dumps({"alg": "RS256", "typ": "JWT", **header}).encode())
    text = f"{head}.{_b64(json.dumps(claims).encode())}"
    return f"{text}.{_b64(private_key(owner).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def read(token):
    """(header, claims), unverified."""
    try:
        head, body, _ = token.split(".")
        return json.loads(_unb64(head)), json.loads(_unb64(body))
    except ValueError as error:
        raise BadToken(f"not a JWT: {error}") from None


def verify(owner, token, leeway=60):
    """The claims, if `owner` signed them and they have not expired."""
    header, claims = read(token)
    if header.get("alg") != "RS256":
        raise BadToken(f"alg {header.get('alg')}")
    text, _, signature = token.rpartition(".")
    try:
        private_key(owner).public_key().verify(_unb64(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise BadToken("Invalid JWT Signature.") from None
    if not isinstance(claims.get("exp"), (int, float)) or claims["exp"] < time.time() - leeway:
        raise BadToken("the token has expired")
    return claims
