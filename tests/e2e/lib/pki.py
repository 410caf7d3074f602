"""A private certificate authority, and what it signs."""
import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    """Keeps its files in `directory`; `ca` is the path of its own certificate (PEM)."""

    def __init__(self, directory, name="e2e test authority"):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ca = self.directory / "ca.crt"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        builder = _certificate(self._name, self._name, self._key.public_key())
        usage = dict.fromkeys(
            "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
            " key_cert_sign crl_sign encipher_only decipher_only".split(), False)
        usage.update(key_cert_sign=True, crl_sign=True, digital_signature=True)
        certificate = (builder
                       .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                       .add_extension(x509.KeyUsage(**usage), critical=True)
                       .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False)
                       .sign(self._key, hashes.SHA256()))
        self.ca.write_bytes(_pem(certificate))

    def server(self, *names):
        """A certificate for DNS names and addresses; returns (certificate, key) as paths."""
        return self._sign(names[0], [], _alternatives(names), ExtendedKeyUsageOID.SERVER_AUTH)

    def client(self, user, *groups):
        """A certificate as Kubernetes reads it: CN is the user, each O a group."""
        return self._sign(user, groups, None, ExtendedKeyUsageOID.CLIENT_AUTH)

    def _sign(self, name, groups, alternatives, usage):
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (_certificate(_name(name, groups), self._name, key.public_key())
                   .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                   .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
                   .add_extension(
                       x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False))
        if alternatives:
            builder = builder.add_extension(alternatives, critical=False)
        stem = self.directory / "".join(c if c.isalnum() else "-" for c in name)
        certificate_path, key_path = stem.with_suffix(".crt"), stem.with_suffix(".key")
        certificate_path.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        key_path.touch(mode=0o600)
        key_path.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return certificate_path, key_path


def _name(common, groups=()):
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    # A common name has at most 64 characters; clients read the alternative names, not this one.
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _alternatives(names):
    return x509.SubjectAlternativeName([_alternative(name) for name in names])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate(subject, issuer, public_key):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=7)))


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)
