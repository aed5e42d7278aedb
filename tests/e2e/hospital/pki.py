"""Certificates as a region has them: a CA, what it issues and revokes, and self-signed ones.

    ca = CertificateAuthority(folder)
    hub = ca.issue("hub.example", server=True)
    lakeside = ca.issue("lakeside.example")
    ca.revoke(lakeside)                # ca.crl is written anew
    lone = self_signed(folder, "lone.example")
"""
import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, as PEM files."""

    name: str
    certificate: Path
    key: Path

    @property
    def x509(self):
        return x509.load_pem_x509_certificate(self.certificate.read_bytes())

    @property
    def fingerprint(self):
        return self.x509.fingerprint(hashes.SHA256()).hex()


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
                      x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Causeway test"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write(folder, stem, certificate, key):
    folder.mkdir(parents=True, exist_ok=True)
    identity = Identity(stem, folder / f"{stem}.pem", folder / f"{stem}.key")
    identity.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    descriptor = os.open(identity.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM,
                                     serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
    return identity


def _builder(subject, issuer, key, begin, end, ca):
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(begin).not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))


def _key_usage(ca):
    return x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=False,
                         data_encipherment=False, key_agreement=False, key_cert_sign=ca,
                         crl_sign=ca, encipher_only=False, decipher_only=False)


def _leaf(builder, server):
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH] + ([ExtendedKeyUsageOID.SERVER_AUTH] if server else [])
    builder = builder.add_extension(_key_usage(False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if server:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder


class CertificateAuthority:
    """A P-256 CA with a CRL that is always current. `certificate` and `crl` are PEM files."""

    def __init__(self, folder, name="Causeway test CA"):
        self.folder = Path(folder)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(name)
        built = (_builder(self._subject, self._subject, self._key, now() - DAY, now() + 3650 * DAY, True)
                 .add_extension(_key_usage(True), critical=True).sign(self._key, hashes.SHA256()))
        self.certificate = _write(self.folder, "ca", built, self._key).certificate
        self._revoked = []
        self.crl = self.folder / "ca.crl"
        self._write_crl()

    def issue(self, name, server=False, begin=-1, end=365):
        """A certificate, valid from `begin` to `end` days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self._subject, key, now() + begin * DAY, now() + end * DAY, False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = _leaf(builder, server).add_extension(authority, critical=False)
        return _write(self.folder, name, builder.sign(self._key, hashes.SHA256()), key)

    def revoke(self, identity):
        self._revoked.append(identity.x509.serial_number)
        self._write_crl()

    def _write_crl(self):
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self._subject)
                   .last_update(now() - DAY).next_update(now() + 30 * DAY))
        for serial in self._revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial)
                .revocation_date(now()).build())
        crl = builder.sign(self._key, hashes.SHA256())
        self.crl.write_bytes(crl.public_bytes(serialization.Encoding.PEM))


def self_signed(folder, name, begin=-1, end=365):
    """A certificate that vouches for itself: direct trust (ITI-19)."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(name), _name(name), key, now() + begin * DAY, now() + end * DAY, False)
    return _write(Path(folder), name, _leaf(builder, False).sign(key, hashes.SHA256()), key)
