"""A private certificate authority: one root, and a certificate for each name the moment it is asked for."""
import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


class CertificateAuthority:
    def __init__(self, directory: Path):
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.leaf_key = ec.generate_private_key(ec.SECP256R1())
        self.contexts = {}
        self.name = _name("Cloud in a box")
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        root = self._sign(self.name, self.key.public_key(), [(x509.BasicConstraints(ca=True, path_length=0), True), (usage, True)])
        self.path = directory / "ca.pem"
        self.path.write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject, public_key, extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(self.name, subject, public_key, x509.random_serial_number(),
                                          now - datetime.timedelta(hours=1), now + datetime.timedelta(days=30))
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def context(self, host: str) -> ssl.SSLContext:
        """What a server called `host` needs: its certificate names that host and no other."""
        if host not in self.contexts:
            public = self.leaf_key.public_key()
            leaf = self._sign(_name(host), public, [
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (x509.SubjectAlternativeName([x509.DNSName(host)]), False),
                (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)])
            file = self.directory / f"{host}.pem"
            file.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + self.leaf_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            context.set_alpn_protocols(["http/1.1"])
            self.contexts[host] = context
        return self.contexts[host]
