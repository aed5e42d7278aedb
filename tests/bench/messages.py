"""The raw requests that the load client repeats: bytes on the wire, written from the profile texts.

Every request is complete HTTP. MARKER stands where a number must be unique; the load client puts
one there (tests/bench/load.c)."""

import hashlib
from xml.sax.saxutils import escape

MARKER = "7777777777777777"
HUB = "1.3.6.1.4.1.21367.13.99"
XAD = HUB + ".1"
REPOSITORY = HUB + ".2"
AUTHORITY = HUB + ".10"
SOURCE_ID = HUB + ".3"

NS = (
    'xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" '
    'xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" '
    'xmlns:rs="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0" '
    'xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" '
    'xmlns:xds="urn:ihe:iti:xds-b:2007"'
)

# XDSDocumentEntry classification schemes (ITI TF-3 Table 4.2.5.2-1) and the values used here.
ENTRY_CODES = [
    ("urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a", "34133-9", "2.16.840.1.113883.6.1", "Summary"),
    ("urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f", "N", "2.16.840.1.113883.5.25", "Normal"),
    ("urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d", "urn:hl7-org:sdwg:ccda-structuredBody:2.1",
     "1.3.6.1.4.1.19376.1.2.3", "C-CDA"),
    ("urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "22232009", "2.16.840.1.113883.6.96", "Hospital"),
    ("urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead", "394802001", "2.16.840.1.113883.6.96", "Medicine"),
    ("urn:uuid:f0306f51-975f-434e-a61c-c59651d33983", "34133-9", "2.16.840.1.113883.6.1", "CCD"),
]


def slot(name, *values):
    inside = "".join(f"<rim:Value>{escape(v)}</rim:Value>" for v in values)
    return f'<rim:Slot name="{name}"><rim:ValueList>{inside}</rim:ValueList></rim:Slot>'


def text(tag, value):
    return f'<rim:{tag}><rim:LocalizedString value="{escape(value)}"/></rim:{tag}>'


def classification(scheme, obj, code, coding, display, number):
    return (
        f'<rim:Classification id="c{number}-{obj}" classificationScheme="{scheme}" '
        f'classifiedObject="{obj}" nodeRepresentation="{escape(code)}">'
        f'{slot("codingScheme", coding)}{text("Name", display)}</rim:Classification>'
    )


def author(scheme, obj):
    return (
        f'<rim:Classification id="a-{obj}" classificationScheme="{scheme}" classifiedObject="{obj}" '
        f'nodeRepresentation="">{slot("authorPerson", "^Welby^Marcus^^^Dr^MD")}'
        f'{slot("authorInstitution", "Bellevue General^^^^^^^^^" + HUB + ".4")}</rim:Classification>'
    )


def external(scheme, obj, value, name, number):
    return (
        f'<rim:ExternalIdentifier id="x{number}-{obj}" registryObject="{obj}" '
        f'identificationScheme="{scheme}" value="{escape(value)}">{text("Name", name)}'
        "</rim:ExternalIdentifier>"
    )


def entry(obj, unique_id, patient, local, digest=None, size=None, minute=0):
    slots = [
        slot("creationTime", f"202611{1 + minute % 28:02}1200"),
        slot("languageCode", "en-US"),
        slot("serviceStartTime", "202611011200"),
        slot("serviceStopTime", "202611011300"),
        slot("sourcePatientId", local),
        slot("sourcePatientInfo", "PID-3|" + local, "PID-5|Nilsson^Agneta", "PID-7|19510203", "PID-8|F"),
    ]
    if digest:
        slots += [slot("hash", digest), slot("size", str(size)), slot("repositoryUniqueId", REPOSITORY)]
    codes = "".join(classification(s, obj, c, k, d, i) for i, (s, c, k, d) in enumerate(ENTRY_CODES))
    return (
        f'<rim:ExtrinsicObject id="{obj}" mimeType="text/xml" '
        'objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1">'
        + "".join(slots) + text("Name", "Continuity of Care Document")
        + author("urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d", obj) + codes
        + external("urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427", obj, patient, "XDSDocumentEntry.patientId", 1)
        + external("urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab", obj, unique_id, "XDSDocumentEntry.uniqueId", 2)
        + "</rim:ExtrinsicObject>"
    )


def submission_set(unique_id, patient):
    obj = "set"
    return (
        f'<rim:RegistryPackage id="{obj}">{slot("submissionTime", "20261122150000")}'
        + text("Name", "Submission")
        + author("urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d", obj)
        + classification("urn:uuid:aa543740-bdda-424e-8c96-df4873be8500", obj, "34133-9",
                         "2.16.840.1.113883.6.1", "Summary", 9)
        + external("urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446", obj, patient, "XDSSubmissionSet.patientId", 1)
        + external("urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8", obj, unique_id, "XDSSubmissionSet.uniqueId", 2)
        + external("urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832", obj, SOURCE_ID, "XDSSubmissionSet.sourceId", 3)
        + "</rim:RegistryPackage>"
        f'<rim:Classification id="node" classifiedObject="{obj}" '
        'classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"/>'
    )


def has_member(number, obj):
    return (
        f'<rim:Association id="m{number}" sourceObject="set" targetObject="{obj}" '
        'associationType="urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember">'
        f'{slot("SubmissionSetStatus", "Original")}</rim:Association>'
    )


def submit_objects(set_uid, patient, entries):
    members = "".join(has_member(i, f"doc{i}") for i in range(len(entries)))
    return (
        f"<lcm:SubmitObjectsRequest {NS}><rim:RegistryObjectList>"
        + "".join(entries) + submission_set(set_uid, patient) + members
        + "</rim:RegistryObjectList></lcm:SubmitObjectsRequest>"
    )


def envelope(action, body, header=""):
    """With an assertion in `header` each message has an id of its own: a second one is a replay."""
    message = f"urn:bench:{MARKER}" if header else "urn:uuid:7a3a7b0e-4d5f-4a0c-9c3b-2f7f1d0c8e11"
    return (
        '<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:wsa="http://www.w3.org/2005/08/addressing"><soap:Header>'
        f'<wsa:Action soap:mustUnderstand="1">{action}</wsa:Action>'
        f"<wsa:MessageID>{message}</wsa:MessageID>"
        "<wsa:ReplyTo><wsa:Address>http://www.w3.org/2005/08/addressing/anonymous</wsa:Address>"
        "</wsa:ReplyTo>" + header + "</soap:Header><soap:Body>" + body + "</soap:Body></soap:Envelope>"
    ).encode()


def http(path, content_type, body):
    head = f"POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: hub\r\n\r\n".encode()


def soap(path, action, body, header=""):
    return http(path, f'application/soap+xml; charset=UTF-8; action="{action}"',
                envelope(action, body, header))


def mtom(path, action, body, document=None):
    root = envelope(action, body)
    parts = (
        b'--bench\r\nContent-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\n'
        b"Content-Transfer-Encoding: binary\r\nContent-ID: <root@bench>\r\n\r\n" + root + b"\r\n"
    )
    if document is not None:
        parts += (
            b"--bench\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: binary\r\n"
            b"Content-ID: <doc@bench>\r\n\r\n" + document + b"\r\n"
        )
    content_type = (
        'multipart/related; type="application/xop+xml"; boundary="bench"; start="<root@bench>"; '
        f'start-info="application/soap+xml"; action="{action}"'
    )
    return http(path, content_type, parts + b"--bench--\r\n")


def cx(identifier, authority):
    return f"{identifier}^^^&{authority}&ISO"


def iti42(patient, local, number, entries=10):
    """A submission of metadata only, for documents that lie in some repository."""
    made = [
        entry(f"doc{i}", f"{HUB}.5.{number}.{i + 1}", patient, local,
              hashlib.sha1(f"{number}.{i}".encode()).hexdigest(), 1000 + i, i)
        for i in range(entries)
    ]
    body = submit_objects(f"{HUB}.6.{number}", patient, made)
    return soap("/xds/registry", "urn:ihe:iti:2007:RegisterDocumentSet-b", body)


def iti41(patient, local, document, number=MARKER):
    made = [entry("doc0", f"{HUB}.7.{number}", patient, local)]
    body = (
        f"<xds:ProvideAndRegisterDocumentSetRequest {NS}>"
        + submit_objects(f"{HUB}.8.{number}", patient, made)
        + '<xds:Document id="doc0"><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" '
        'href="cid:doc@bench"/></xds:Document></xds:ProvideAndRegisterDocumentSetRequest>'
    )
    return mtom("/xds/repository", "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b", body, document)


def iti18(patient, kind="LeafClass", path="/xds/registry", header=""):
    """`header`: further SOAP header blocks."""
    body = (
        f"<query:AdhocQueryRequest {NS}><query:ResponseOption returnComposedObjects=\"true\" "
        f'returnType="{kind}"/><rim:AdhocQuery id="urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d">'
        + slot("$XDSDocumentEntryPatientId", f"'{patient}'")
        + slot("$XDSDocumentEntryStatus", "('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')")
        + "</rim:AdhocQuery></query:AdhocQueryRequest>"
    )
    return soap(path, "urn:ihe:iti:2007:RegistryStoredQuery", body, header)


def iti43(unique_id):
    body = (
        f"<xds:RetrieveDocumentSetRequest {NS}><xds:DocumentRequest>"
        f"<xds:RepositoryUniqueId>{REPOSITORY}</xds:RepositoryUniqueId>"
        f"<xds:DocumentUniqueId>{unique_id}</xds:DocumentUniqueId>"
        "</xds:DocumentRequest></xds:RetrieveDocumentSetRequest>"
    )
    return mtom("/xds/repository", "urn:ihe:iti:2007:RetrieveDocumentSet", body)


def _name(number):
    """A name for each number below 19,683, far from its neighbours' names."""
    mixed = number * 7919 % 3 ** 9
    return "".join(("ba", "ko", "ri")[mixed // 3 ** i % 3] for i in range(9)).capitalize()


def adt_a04(number):
    """People whom nothing but their country joins: the index is not to take two for one."""
    birth = f"{1930 + number * 37 % 80}{number * 5 % 12 + 1:02}{number * 11 % 27 + 2:02}"
    return (
        f"MSH|^~\\&|ADT|BENCH|HUB|REGION|20261122150000||ADT^A04^ADT_A01|B{number}|P|2.3.1\r"
        "EVN|A04|20261122150000\r"
        f"PID|||P{number}^^^&{AUTHORITY}&ISO||{_name(number)}^{_name(9000 + number)}||{birth}|F|||"
        f"{number + 1} {_name(4000 + number)} St^^Bergen^^{5000 + number % 900}\r"
        "PV1||O\r"
    ).encode()
