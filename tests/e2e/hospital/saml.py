"""An identity provider (X-Assertion Provider): SAML 2.0 assertions as XUA wants them, signed by code
of its own (lxml's exclusive C14N and the cryptography package), and the WS-Security header.

    sts = Provider(folder, "https://sts.lakeside.example")
    assertion = sts.assertion(user="anna", organization="1.2.3", role=("HCP", "2.16..."))
    lakeside.find(xad, headers=[security(assertion)])
"""
import base64
import datetime
import hashlib
import uuid
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from lxml import etree

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DS = "http://www.w3.org/2000/09/xmldsig#"
HL7 = "urn:hl7-org:v3"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-"
WSSE, WSU = _WSS + "secext-1.0.xsd", _WSS + "utility-1.0.xsd"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = DS + "enveloped-signature"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
METHOD = "urn:oasis:names:tc:SAML:2.0:cm:"
SUBJECT = "urn:oasis:names:tc:xspa:1.0:subject:"
PURPOSE = SUBJECT + "purposeofuse"
ROLE = "urn:oasis:names:tc:xacml:2.0:subject:role"
PATIENT = "urn:oasis:names:tc:xacml:2.0:resource:resource-id"
HOME = "urn:ihe:iti:xca:2010:homeCommunityId"
TREAT = ("TREAT", "2.16.840.1.113883.1.11.20448")


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def instant(seconds=0):
    """So many seconds from now, as xs:dateTime."""
    return (now() + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def element(parent, namespace, name, text=None, **attributes):
    made = etree.SubElement(parent, f"{{{namespace}}}{name}", **attributes)
    made.text = text
    return made


def canonical(node):
    return etree.tostring(node, method="c14n", exclusive=True, with_comments=False)


class Key:
    """A key pair with a self-signed certificate in `folder`."""

    def __init__(self, folder, name, kind="rsa"):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.private = (rsa.generate_private_key(65537, 2048) if kind == "rsa"
                        else ec.generate_private_key(ec.SECP256R1()))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        day = datetime.timedelta(days=1)
        self.x509 = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
                     .public_key(self.private.public_key()).serial_number(x509.random_serial_number())
                     .not_valid_before(now() - day).not_valid_after(now() + 30 * day)
                     .sign(self.private, hashes.SHA256()))
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(self.x509.public_bytes(serialization.Encoding.PEM))

    @property
    def algorithm(self):
        kind = "rsa" if isinstance(self.private, rsa.RSAPrivateKey) else "ecdsa"
        return f"http://www.w3.org/2001/04/xmldsig-more#{kind}-sha256"

    def sign(self, data):
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def der(self):
        return base64.b64encode(self.x509.public_bytes(serialization.Encoding.DER)).decode()


def key_info(parent, key):
    data = element(element(parent, DS, "KeyInfo"), DS, "X509Data")
    element(data, DS, "X509Certificate", key.der())


def sign(node, reference, key, enveloped=True, with_key=True, uri=None, method=None, digest=SHA256,
         c14n=EXC_C14N, transforms=None):
    """A ds:Signature over `node`; what it says of itself may be bent by the options."""
    signature = etree.Element(f"{{{DS}}}Signature", nsmap={"ds": DS})
    info = element(signature, DS, "SignedInfo")
    element(info, DS, "CanonicalizationMethod", Algorithm=c14n)
    element(info, DS, "SignatureMethod", Algorithm=method or key.algorithm)
    ref = element(info, DS, "Reference", URI=f"#{reference}" if uri is None else uri)
    steps = element(ref, DS, "Transforms")
    for step in transforms or ([ENVELOPED] if enveloped else []) + [EXC_C14N]:
        element(steps, DS, "Transform", Algorithm=step)
    element(ref, DS, "DigestMethod", Algorithm=digest)
    value = base64.b64encode(hashlib.sha256(canonical(node)).digest()).decode()
    element(ref, DS, "DigestValue", value)
    element(signature, DS, "SignatureValue", base64.b64encode(key.sign(canonical(info))).decode())
    if with_key:
        key_info(signature, key)
    return signature


class Provider:
    """Who vouches for persons: its key, and the name under which it does."""

    def __init__(self, folder, issuer, kind="rsa", audience=None):
        self.issuer, self.audience = issuer, audience
        self.key = Key(folder, "sts-" + uuid.uuid4().hex[:8], kind)

    def unsigned(self, user="anna", name="Anna Arzt", organization=None, role=None, purpose=TREAT,
                 patient=None, home=None, audience=None, issued=-5, begins=-5, ends=300,
                 confirmation="bearer", holder=None, more=(), alias=None):
        """An Assertion element without its signature. Times are seconds from now."""
        root = etree.Element(f"{{{SAML}}}Assertion", nsmap={"saml2": SAML}, Version="2.0",
                             ID="_" + uuid.uuid4().hex, IssueInstant=instant(issued))
        element(root, SAML, "Issuer", self.issuer)
        subject = element(root, SAML, "Subject")
        named = element(subject, SAML, "NameID", user)
        if alias:
            named.set("SPProvidedID", alias)
        confirmed = element(subject, SAML, "SubjectConfirmation", Method=METHOD + confirmation)
        if holder is not None:
            key_info(element(confirmed, SAML, "SubjectConfirmationData"), holder)
        conditions = element(root, SAML, "Conditions", NotBefore=instant(begins),
                             NotOnOrAfter=instant(ends))
        element(element(conditions, SAML, "AudienceRestriction"), SAML, "Audience",
                audience or self.audience)
        context = element(element(root, SAML, "AuthnStatement", AuthnInstant=instant(issued)), SAML,
                          "AuthnContext")
        element(context, SAML, "AuthnContextClassRef",
                "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI")
        self._attributes(root, name, organization, role, purpose, patient, home, more)
        return root

    def _attributes(self, root, name, organization, role, purpose, patient, home, more):
        statement = element(root, SAML, "AttributeStatement")

        def attribute(what, *values):
            made = element(statement, SAML, "Attribute", Name=what)
            for value in values:
                holder = element(made, SAML, "AttributeValue")
                if isinstance(value, etree._Element):
                    holder.append(value)
                else:
                    holder.text = value

        attribute(SUBJECT + "subject-id", name)
        if organization:
            many = organization if isinstance(organization, list) else [organization]
            attribute(SUBJECT + "organization-id", *(f"urn:oid:{o}" for o in many))
            attribute(SUBJECT + "organization", *("An organization" for _ in many))
        if role:
            attribute(ROLE, coded("Role", role))
        if purpose is not None:
            attribute(PURPOSE, purpose if isinstance(purpose, etree._Element)
                      else coded("PurposeOfUse", purpose))
        if patient:
            attribute(PATIENT, patient)
        if home:
            attribute(HOME, f"urn:oid:{home}")
        for what, *values in more:
            attribute(what, *values)

    def sign(self, root, **options):
        """Puts a signature into the assertion, behind its Issuer."""
        signature = sign(root, root.get("ID"), options.pop("key", self.key), **options)
        root.insert(1, signature)
        return root

    def assertion(self, sign_with=None, **claims):
        return self.sign(self.unsigned(**claims), **(sign_with or {}))


def coded(name, value, namespace=HL7):
    made = etree.Element(f"{{{namespace}}}{name}", nsmap={"hl7": namespace, "xsi": XSI})
    made.set("code", value[0])
    if value[1]:
        made.set("codeSystem", value[1])
    made.set(f"{{{XSI}}}type", "hl7:CE")
    return made


def security(*children, role=None):
    """The wsse:Security header block with these children."""
    header = etree.Element(f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
    for child in children:
        header.append(child)
    if role:
        header.set("{http://www.w3.org/2003/05/soap-envelope}role", role)
    return header


def timestamp(created=0, expires=300):
    made = etree.Element(f"{{{WSU}}}Timestamp", nsmap={"wsu": WSU})
    made.set(f"{{{WSU}}}Id", "TS-" + uuid.uuid4().hex)
    element(made, WSU, "Created", instant(created))
    element(made, WSU, "Expires", instant(expires))
    return made


def endorsed(assertion, key, **times):
    """Security header of a holder of key: the message's timestamp, signed with it."""
    stamp = timestamp(**times)
    signature = sign(stamp, stamp.get(f"{{{WSU}}}Id"), key, enveloped=False)
    return security(stamp, assertion, signature)
