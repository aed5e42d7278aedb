"""XDS.b metadata and messages, written from ITI TF-3 4.2 and TF-2 3.18, 3.41, 3.42 and 3.43.

    entry = Entry(patient_id, content)
    submission = Submission(patient_id, [entry])
    body, parts = submission.provide()          # ITI-41
    body = submission.register()                # ITI-42
    body = find_documents(patient_id)           # ITI-18
    body = retrieve([(repository, unique_id)])  # ITI-43
    Response(answer).status, .errors, .entries, .refs, .documents
"""
import base64
import hashlib
import uuid
from dataclasses import dataclass, field
from typing import NamedTuple

from lxml import etree

from . import soap

RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
LCM = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
XDSB = "urn:ihe:iti:xds-b:2007"
RMD = "urn:ihe:iti:rmd:2017"
NAMESPACES = {"rim": RIM, "rs": RS, "lcm": LCM, "query": QUERY, "xdsb": XDSB}

ITI18 = "urn:ihe:iti:2007:RegistryStoredQuery"
ITI41 = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
ITI42 = "urn:ihe:iti:2007:RegisterDocumentSet-b"
ITI43 = "urn:ihe:iti:2007:RetrieveDocumentSet"
ITI57 = "urn:ihe:iti:2010:UpdateDocumentSet"
ITI61 = "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry"
ITI62 = "urn:ihe:iti:2010:DeleteDocumentSet"
ITI86 = "urn:ihe:iti:2017:RemoveDocuments"
ITI92 = "urn:ihe:iti:2018:RestrictedUpdateDocumentSet"

FIND_DOCUMENTS = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
GET_DOCUMENTS = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"

APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
FAILURE = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure"
PARTIAL = "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"
ERROR = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error"
WARNING = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Warning"

HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
RPLC, APND, XFRM, XFRM_RPLC, SIGNS = (f"urn:ihe:iti:2007:AssociationType:{n}"
                                      for n in ("RPLC", "APND", "XFRM", "XFRM_RPLC", "signs"))
SNAPSHOT, RESTATE, SUBMIT = (f"urn:ihe:iti:2010:AssociationType:{n}"
                             for n in ("IsSnapshotOf", "UpdateAvailabilityStatus", "SubmitAssociation"))

STABLE = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
ON_DEMAND = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"
SUBMISSION_SET = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"
FOLDER = "urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2"

# Classification schemes and identification schemes (TF-3 4.2.5.2)
AUTHOR = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
ENTRY_CODES = {
    "class_code": "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a",
    "confidentiality": "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f",
    "events": "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4",
    "format_code": "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d",
    "facility_type": "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1",
    "practice_setting": "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead",
    "type_code": "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983",
}
ENTRY_PATIENT = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"
ENTRY_UNIQUE = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
SET_AUTHOR = "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d"
SET_CONTENT_TYPE = "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500"
SET_PATIENT = "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446"
SET_UNIQUE = "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8"
SET_SOURCE = "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832"
FOLDER_CODES = "urn:uuid:1ba97051-7806-41a8-a48b-8fce7af683c5"
FOLDER_PATIENT = "urn:uuid:f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a"
FOLDER_UNIQUE = "urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a"


class Code(NamedTuple):
    code: str
    scheme: str
    display: str = ""


LOINC = "2.16.840.1.113883.6.1"
SNOMED = "2.16.840.1.113883.6.96"
CONFIDENTIALITY = "2.16.840.1.113883.5.25"


def new_oid():
    """A unique id of our own (ITU-T X.667: a UUID below 2.25)."""
    return f"2.25.{uuid.uuid4().int}"


def new_urn():
    return uuid.uuid4().urn


@dataclass
class Entry:
    """A document entry and its document. What is None is left out of the metadata."""

    patient_id: str
    content: bytes = b""
    unique_id: str = field(default_factory=new_oid)
    id: str = field(default_factory=lambda: f"Document{uuid.uuid4().hex[:8]}")  # symbolic
    mime_type: str = "text/xml"
    object_type: str = STABLE
    title: str = "Continuity of Care Document"
    comments: str = None
    creation_time: str = "20261101120000"
    service_start: str = None
    service_stop: str = None
    language: str = "en-US"
    source_patient_id: str = None  # default: patient_id
    author: str = "^Smith^Ada^^^Dr"
    institution: str = "Lakeside Hospital^^^^^^^^^1.2.3.4.5"
    class_code: Code = Code("34133-9", LOINC, "Summary of episode note")
    type_code: Code = Code("34133-9", LOINC, "Summary of episode note")
    format_code: Code = Code("urn:hl7-org:sdwg:ccda-structuredBody:2.1", "1.3.6.1.4.1.19376.1.2.3")
    facility_type: Code = Code("22232009", SNOMED, "Hospital")
    practice_setting: Code = Code("394802001", SNOMED, "General medicine")
    confidentiality: list = field(default_factory=lambda: [Code("N", CONFIDENTIALITY, "normal")])
    events: list = field(default_factory=list)
    hash: str = None
    size: str = None
    repository: str = None
    extra_slots: dict = field(default_factory=dict)
    lid: str = None       # ITI-57: what this is a new version of,
    previous: str = None  # and the version that it follows
    propagate: str = None  # AssociationPropagation
    change: object = None  # called with the finished element: what no field says

    def sha1(self):
        return hashlib.sha1(self.content).hexdigest()

    def element(self):
        e = _element("ExtrinsicObject", id=self.id, mimeType=self.mime_type, objectType=self.object_type)
        if self.lid:
            e.set("lid", self.lid)
        for name, value in (
                ("creationTime", self.creation_time), ("languageCode", self.language),
                ("serviceStartTime", self.service_start), ("serviceStopTime", self.service_stop),
                ("sourcePatientId", self.source_patient_id or self.patient_id), ("hash", self.hash),
                ("size", self.size), ("repositoryUniqueId", self.repository)):
            if value is not None:
                e.append(slot(name, value))
        for name, values in self.extra_slots.items():
            e.append(slot(name, *values))
        _localized(e, "Name", self.title)
        _localized(e, "Description", self.comments)
        if self.author:
            e.append(_author(AUTHOR, self.id, self.author, self.institution))
        for attribute, scheme in ENTRY_CODES.items():
            value = getattr(self, attribute)
            for code in [] if value is None else value if isinstance(value, list) else [value]:
                e.append(_coded(scheme, self.id, code))
        e.append(_external(ENTRY_PATIENT, self.id, self.patient_id, "XDSDocumentEntry.patientId"))
        e.append(_external(ENTRY_UNIQUE, self.id, self.unique_id, "XDSDocumentEntry.uniqueId"))
        if self.change:
            self.change(e)
        return e


@dataclass
class Folder:
    patient_id: str
    unique_id: str = field(default_factory=new_oid)
    id: str = field(default_factory=lambda: f"Folder{uuid.uuid4().hex[:8]}")
    title: str = "Diabetes care"
    codes: list = field(default_factory=lambda: [Code("FDR001", "1.3.6.1.4.1.21367.100.1", "care")])
    last_update: str = "20200101000000"
    lid: str = None
    previous: str = None
    propagate: str = None

    def elements(self):
        e = _element("RegistryPackage", id=self.id)
        if self.lid:
            e.set("lid", self.lid)
        e.append(slot("lastUpdateTime", self.last_update))
        _localized(e, "Name", self.title)
        e.append(_node(FOLDER, self.id))
        for code in self.codes:
            e.append(_coded(FOLDER_CODES, self.id, code))
        e.append(_external(FOLDER_PATIENT, self.id, self.patient_id, "XDSFolder.patientId"))
        e.append(_external(FOLDER_UNIQUE, self.id, self.unique_id, "XDSFolder.uniqueId"))
        return [e]


@dataclass
class Submission:
    """One submission set with what belongs to it. `relations` are (type, source id, target id)."""

    patient_id: str
    entries: list = field(default_factory=list)
    folders: list = field(default_factory=list)
    relations: list = field(default_factory=list)
    statuses: list = field(default_factory=list)  # ITI-57: (target, original, new)
    unique_id: str = field(default_factory=new_oid)
    source_id: str = "1.3.6.1.4.1.21367.2026.1"
    id: str = "SubmissionSet01"
    submission_time: str = "20261101120500"
    content_type: Code = Code("34133-9", LOINC, "Summary of episode note")
    author: str = "^Smith^Ada^^^Dr"
    nested_classification: bool = False  # TF-3 4.2.1.2.1: inside the package, or beside it
    change: object = None  # called with the finished SubmitObjectsRequest

    def _package(self):
        e = _element("RegistryPackage", id=self.id)
        e.append(slot("submissionTime", self.submission_time))
        _localized(e, "Name", "Submission")
        if self.nested_classification:
            e.append(_node(SUBMISSION_SET, self.id))
        if self.author:
            e.append(_author(SET_AUTHOR, self.id, self.author, None))
        e.append(_coded(SET_CONTENT_TYPE, self.id, self.content_type))
        e.append(_external(SET_PATIENT, self.id, self.patient_id, "XDSSubmissionSet.patientId"))
        e.append(_external(SET_UNIQUE, self.id, self.unique_id, "XDSSubmissionSet.uniqueId"))
        e.append(_external(SET_SOURCE, self.id, self.source_id, "XDSSubmissionSet.sourceId"))
        return e

    def objects(self):
        request = etree.Element(f"{{{LCM}}}SubmitObjectsRequest", nsmap=NAMESPACES)
        items = etree.SubElement(request, f"{{{RIM}}}RegistryObjectList")
        items.extend(e.element() for e in self.entries)
        for folder in self.folders:
            items.extend(folder.elements())
        items.append(self._package())
        if not self.nested_classification:
            items.append(_node(SUBMISSION_SET, self.id))
        for number, member in enumerate(self.entries + self.folders):
            items.append(association(HAS_MEMBER, self.id, member.id, f"member{number}", "Original"
                                     if isinstance(member, Entry) else None,
                                     PreviousVersion=member.previous, AssociationPropagation=member.propagate))
        for number, (target, original, new) in enumerate(self.statuses):
            items.append(association(RESTATE, self.id, target, f"restate{number}",
                                     OriginalStatus=original, NewStatus=new))
        for number, (kind, source, target) in enumerate(self.relations):
            items.append(association(kind, source, target, f"relation{number}"))
            if kind == HAS_MEMBER:  # a membership is the set's member too (TF-3 4.1.4)
                items.append(association(HAS_MEMBER, self.id, f"relation{number}", f"filed{number}"))
        if self.change:
            self.change(request)
        return request

    def update(self):
        """The body of ITI-57: relations are submitted by SubmitAssociation, not filed."""
        request = self.register()
        items = request[0]
        for e in [a for a in items.findall(f"{{{RIM}}}Association") if a.get("id").startswith("filed")]:
            items.remove(e)
        for number, _ in enumerate(self.relations):
            items.append(association(SUBMIT, self.id, f"relation{number}", f"submit{number}"))
        return request

    def register(self):
        """The body of ITI-42. Entries get hash, size and repository unless they have them."""
        for e in self.entries:
            e.hash = e.hash or e.sha1()
            e.size = e.size or str(len(e.content))
            e.repository = e.repository or "1.3.6.1.4.1.21367.2026.9.1"
        return self.objects()

    def provide(self, inline=()):
        """(body, parts) of ITI-41. Entries of `inline` travel as base64, the others as parts."""
        body = etree.Element(f"{{{XDSB}}}ProvideAndRegisterDocumentSetRequest", nsmap=NAMESPACES)
        body.append(self.objects())
        parts = {}
        for number, e in enumerate(self.entries):
            document = etree.SubElement(body, f"{{{XDSB}}}Document", id=e.id)
            if e in inline:
                document.text = base64.b64encode(e.content).decode()
                continue
            cid = f"document{number}.{uuid.uuid4().hex}@hospital"
            soap.include(document, cid)
            parts[cid] = (e.mime_type, e.content)
        return body, parts


def _element(tag, /, **attributes):
    return etree.Element(f"{{{RIM}}}{tag}", attributes, nsmap={"rim": RIM})


def slot(name, *values):
    e = _element("Slot", name=name)
    items = etree.SubElement(e, f"{{{RIM}}}ValueList")
    for value in values:
        etree.SubElement(items, f"{{{RIM}}}Value").text = value
    return e


def _localized(parent, name, text):
    if text is not None:
        e = etree.SubElement(parent, f"{{{RIM}}}{name}")
        etree.SubElement(e, f"{{{RIM}}}LocalizedString", value=text)


def _coded(scheme, classified, code):
    e = _element("Classification", id=new_urn(), classificationScheme=scheme,
                 classifiedObject=classified, nodeRepresentation=code.code)
    e.append(slot("codingScheme", code.scheme))
    _localized(e, "Name", code.display or code.code)
    return e


def _author(scheme, classified, person, institution):
    e = _element("Classification", id=new_urn(), classificationScheme=scheme,
                 classifiedObject=classified, nodeRepresentation="")
    e.append(slot("authorPerson", person))
    if institution:
        e.append(slot("authorInstitution", institution))
    return e


def _node(node, classified):
    return _element("Classification", id=new_urn(), classifiedObject=classified,
                    classificationNode=node)


def _external(scheme, owner, value, name):
    e = _element("ExternalIdentifier", id=new_urn(), identificationScheme=scheme,
                 registryObject=owner, value=value)
    _localized(e, "Name", name)
    return e


def association(kind, source, target, id, status=None, **slots):
    e = _element("Association", id=id, associationType=kind, sourceObject=source, targetObject=target)
    for name, value in {"SubmissionSetStatus": status, **slots}.items():
        if value is not None:
            e.append(slot(name, value))
    return e


def remove_objects(ids):
    """The body of ITI-62."""
    body = etree.Element(f"{{{LCM}}}RemoveObjectsRequest", nsmap=NAMESPACES)
    refs = etree.SubElement(body, f"{{{RIM}}}ObjectRefList")
    for i in ids:
        etree.SubElement(refs, f"{{{RIM}}}ObjectRef", id=i)
    return body


def remove_documents(wanted):
    """The body of ITI-86; `wanted` as for retrieve."""
    body = etree.Element(f"{{{RMD}}}RemoveDocumentsRequest", nsmap={"rmd": RMD, "xdsb": XDSB})
    body.extend(retrieve(wanted))
    return body


def quoted(value):
    """'x' as ITI-18 writes a string, with ' doubled."""
    return "'" + value.replace("'", "''") + "'"


def listed(*values):
    """('a','b')"""
    return "(" + ",".join(quoted(v) for v in values) + ")"


def adhoc_query(query_id, slots, return_type="LeafClass"):
    """`slots`: [(name, [values])], values as they stand in <Value>; a name may come repeatedly."""
    body = etree.Element(f"{{{QUERY}}}AdhocQueryRequest", nsmap=NAMESPACES)
    etree.SubElement(body, f"{{{QUERY}}}ResponseOption", returnComposedObjects="true",
                     returnType=return_type)
    query = etree.SubElement(body, f"{{{RIM}}}AdhocQuery", id=query_id)
    for name, values in slots:
        query.append(slot(name, *values))
    return body


def find_documents(patient_id, more=(), status=(APPROVED,), return_type="LeafClass"):
    slots = [("$XDSDocumentEntryPatientId", [quoted(patient_id)])]
    if status:
        slots.append(("$XDSDocumentEntryStatus", [listed(*status)]))
    return adhoc_query(FIND_DOCUMENTS, slots + list(more), return_type)


def get_documents(unique_ids=(), entry_uuids=(), return_type="LeafClass", metadata_level=None):
    slots = [("$MetadataLevel", [str(metadata_level)])] if metadata_level else []
    if unique_ids:
        slots.append(("$XDSDocumentEntryUniqueId", [listed(*unique_ids)]))
    if entry_uuids:
        slots.append(("$XDSDocumentEntryEntryUUID", [listed(*entry_uuids)]))
    return adhoc_query(GET_DOCUMENTS, slots, return_type)


def response_slots(response):
    """The slots of the response itself, by name."""
    return {s.get("name"): s.xpath("rim:ValueList/rim:Value/text()", namespaces=NAMESPACES)
            for s in response.body.iterfind(".//rs:ResponseSlotList/rim:Slot", NAMESPACES)}


def retrieve(wanted, home=None):
    """`wanted`: [(repositoryUniqueId, documentUniqueId)]"""
    body = etree.Element(f"{{{XDSB}}}RetrieveDocumentSetRequest", nsmap={"xdsb": XDSB})
    for repository, unique_id in wanted:
        request = etree.SubElement(body, f"{{{XDSB}}}DocumentRequest")
        if home:
            etree.SubElement(request, f"{{{XDSB}}}HomeCommunityId").text = home
        etree.SubElement(request, f"{{{XDSB}}}RepositoryUniqueId").text = repository
        etree.SubElement(request, f"{{{XDSB}}}DocumentUniqueId").text = unique_id
    return body


class RegistryError(NamedTuple):
    code: str
    context: str
    severity: str
    location: str


class Found:
    """A document entry as the registry gave it."""

    def __init__(self, element):
        self.element = element
        self.id = element.get("id")
        self.lid = element.get("lid")
        self.home = element.get("home")
        self.status = element.get("status")
        self.mime_type = element.get("mimeType")
        version = element.find("rim:VersionInfo", NAMESPACES)
        self.version = None if version is None else version.get("versionName")

    def slot(self, name):
        values = self.element.findall(f"rim:Slot[@name='{name}']/rim:ValueList/rim:Value", NAMESPACES)
        return values[0].text if values else None

    def external(self, scheme):
        e = self.element.find(f"rim:ExternalIdentifier[@identificationScheme='{scheme}']", NAMESPACES)
        return None if e is None else e.get("value")

    def codes(self, attribute):
        path = f"rim:Classification[@classificationScheme='{ENTRY_CODES[attribute]}']"
        return [Code(e.get("nodeRepresentation"),
                     e.findtext("rim:Slot[@name='codingScheme']/rim:ValueList/rim:Value", None, NAMESPACES))
                for e in self.element.findall(path, NAMESPACES)]

    @property
    def title(self):
        e = self.element.find("rim:Name/rim:LocalizedString", NAMESPACES)
        return None if e is None else e.get("value")

    unique_id = property(lambda self: self.external(ENTRY_UNIQUE))
    patient_id = property(lambda self: self.external(ENTRY_PATIENT))
    repository = property(lambda self: self.slot("repositoryUniqueId"))


class Document(NamedTuple):
    home: str
    repository: str
    unique_id: str
    mime_type: str
    content: bytes


class Response:
    """What came back from the registry or the repository, whatever the transaction."""

    def __init__(self, answer):
        self.answer = answer
        self.body = answer.body
        if answer.fault:
            raise AssertionError(f"SOAP fault: {answer.fault_text}")
        head = self.body
        if self.body.tag == f"{{{XDSB}}}RetrieveDocumentSetResponse":
            head = self.body.find("rs:RegistryResponse", NAMESPACES)
        self.status = head.get("status")
        self.errors = [RegistryError(e.get("errorCode"), e.get("codeContext"), e.get("severity"),
                                     e.get("location"))
                       for e in head.findall("rs:RegistryErrorList/rs:RegistryError", NAMESPACES)]
        self.highest_severity = next((e.get("highestSeverity") for e in
                                      head.findall("rs:RegistryErrorList", NAMESPACES)), None)
        objects = self.body.find("rim:RegistryObjectList", NAMESPACES)
        self.objects = [] if objects is None else list(objects)
        self.entries = [Found(e) for e in self.objects if e.tag == f"{{{RIM}}}ExtrinsicObject"]
        self.refs = [e.get("id") for e in self.objects if e.tag == f"{{{RIM}}}ObjectRef"]
        self.documents = [self._document(e) for e in
                          self.body.findall("xdsb:DocumentResponse", NAMESPACES)]

    def _document(self, e):
        def text(name):
            return e.findtext(f"xdsb:{name}", None, NAMESPACES)

        return Document(text("HomeCommunityId"), text("RepositoryUniqueId"), text("DocumentUniqueId"),
                        text("mimeType"), self.answer.binary(e.find("xdsb:Document", NAMESPACES)))

    @property
    def ok(self):
        return self.status == SUCCESS

    @property
    def codes(self):
        return [e.code for e in self.errors]

    @property
    def unique_ids(self):
        return sorted(e.unique_id for e in self.entries)

    def __repr__(self):
        return f"{self.status} {self.errors} {len(self.objects)} objects, {len(self.documents)} documents"
