"""What a stored query must answer, by the profile's text and nothing else: a slow evaluation over plain objects.

IHE ITI TF-2 3.18.4.1.2 and 3.18.4.1.3, 3.51.4.1.2; for $MetadataLevel and what belongs to it the
XDS Metadata Update supplement, 3.18.4.1.2.3.5.1. It knows nothing of how the hub stores or finds.

    evaluate(world, asker, query) -> Answer(error, ids)
"""
import re
from dataclasses import dataclass, field
from typing import NamedTuple

DOCUMENT, SET, FOLDER, ASSOCIATION = "DocumentEntry", "SubmissionSet", "Folder", "Association"
STATUS = "urn:oasis:names:tc:ebxml-regrep:StatusType:"
STABLE = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
ON_DEMAND = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"
AVAILABILITY = "urn:ihe:iti:2010:DocumentAvailability:"
HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"


@dataclass
class Object:
    """An object of the registry. `values` are its attributes by the profile's name, each a list."""

    id: str
    kind: str
    patient: str = None  # XAD-PID that stands for the patient now; of an association its source's
    source: str = None   # the member that published it
    status: str = "Approved"
    lid: str = None
    version: int = 1
    unique_id: str = None
    values: dict = field(default_factory=dict)
    type: str = None     # of a document its objectType, of an association its associationType
    ends: tuple = ()     # ids of source and target
    reference: bool = False  # SubmissionSetStatus is Reference


@dataclass
class World:
    objects: dict          # id -> Object
    patients: set          # XAD-PIDs with content or without, that stand for somebody
    subsumed: set          # XAD-PIDs that were merged into another
    permitted: callable    # (asker, Object) -> bool, by consent
    many: set              # members with the permission for ITI-51
    seen: dict = field(default_factory=dict)  # asker -> what it may see

    def visible(self, asker):
        """Objects that consent lets through; an association with both its ends, of one patient."""
        if asker not in self.seen:
            may = {o.id: o for o in self.objects.values() if self.permitted(asker, o)}
            shown = {i: o for i, o in may.items() if o.kind != ASSOCIATION}
            for _ in range(2):  # an association may be another's end
                for o in may.values():
                    if o.kind == ASSOCIATION and all(e in shown for e in o.ends):
                        source, target = (shown[e] for e in o.ends)
                        if source.patient == target.patient or (source.kind == SET and o.reference):
                            shown[o.id] = o
            self.seen[asker] = shown
        return self.seen[asker]

    def latest(self, o):
        return not any(x.lid == o.lid and x.version > o.version for x in self.objects.values())


class Query(NamedTuple):
    kind: str
    slots: list  # [(name, [value, ...])], decoded: a value is the text that stands between quotes
    whole: bool = False  # LeafClass


class Answer(NamedTuple):
    errors: frozenset = frozenset()  # codes
    ids: frozenset = frozenset()


class Wrong(Exception):
    """The query is answered with these error codes."""


class Parameter(NamedTuple):
    kind: str       # of the objects that it restricts
    attribute: str
    how: str
    times: str = "list"  # one: one value; list: one slot; many: slots that must all hold
    need: str = "may"    # must; one: one of those so marked; some: one at least


def _documents(**needs):
    listed = {"ClassCode": "classCode", "TypeCode": "typeCode", "PracticeSettingCode": "practiceSettingCode",
              "HealthcareFacilityTypeCode": "healthcareFacilityTypeCode", "FormatCode": "formatCode"}
    table = {n: Parameter(DOCUMENT, a, "equal", "list", needs.get(n, "may")) for n, a in listed.items()}
    for n, a in {"EventCodeList": "eventCodeList", "ConfidentialityCode": "confidentialityCode"}.items():
        table[n] = Parameter(DOCUMENT, a, "equal", "many", needs.get(n, "may"))
    for n, a in {"CreationTime": "creationTime", "ServiceStartTime": "serviceStartTime",
                 "ServiceStopTime": "serviceStopTime"}.items():
        table[n + "From"] = Parameter(DOCUMENT, a, "from", "one")
        table[n + "To"] = Parameter(DOCUMENT, a, "to", "one")
    table["AuthorPerson"] = Parameter(DOCUMENT, "authorPerson", "like")
    table["Type"] = Parameter(DOCUMENT, None, "type")
    table["Status"] = Parameter(DOCUMENT, None, "status", "list", "must")
    table["DocumentAvailability"] = Parameter(DOCUMENT, "documentAvailability", "online")
    return {"$XDSDocumentEntry" + n: p for n, p in table.items()}


def _ids(prefix, times="list", logical=False):
    names = {"EntryUUID": "uuid", "UniqueId": "unique", **({"LogicalID": "lid"} if logical else {})}
    return {prefix + n: Parameter(None, None, how, times, "one") for n, how in names.items()}


_PATIENT = Parameter(None, None, "patient", "one", "must")
_PATIENTS = Parameter(None, None, "patient", "list", "some")
_CONTENTS = {n: p for n, p in _documents().items()
             if n.endswith(("FormatCode", "ConfidentialityCode", "EntryType"))}
_LINKS = {"$XDSAssociationStatus": Parameter(ASSOCIATION, None, "status")}
_UUID = {"$uuid": Parameter(None, None, "uuid", "list", "must")}
_FOLDERS = {"$XDSFolderLastUpdateTimeFrom": Parameter(FOLDER, "lastUpdateTime", "from", "one"),
            "$XDSFolderLastUpdateTimeTo": Parameter(FOLDER, "lastUpdateTime", "to", "one"),
            "$XDSFolderStatus": Parameter(FOLDER, None, "status", "list", "must")}
_CODED = Parameter(FOLDER, "codeList", "equal", "many")

KINDS = {
    "FindDocuments": ("14d4debf-8f97-4251-9a74-a90016b0af0d",
                      {"$XDSDocumentEntryPatientId": _PATIENT, **_documents()}),
    "FindDocumentsByReferenceId": ("12941a89-e02e-4be5-967c-ce4bfc8fe492", {
        "$XDSDocumentEntryPatientId": _PATIENT, **_documents(),
        "$XDSDocumentEntryReferenceIdList": Parameter(DOCUMENT, "referenceIdList", "like", "many", "must")}),
    "FindSubmissionSets": ("f26abbcb-ac74-4422-8a30-edb644bbc1a9", {
        "$XDSSubmissionSetPatientId": _PATIENT,
        "$XDSSubmissionSetSourceId": Parameter(SET, "sourceId", "equal"),
        "$XDSSubmissionSetSubmissionTimeFrom": Parameter(SET, "submissionTime", "from", "one"),
        "$XDSSubmissionSetSubmissionTimeTo": Parameter(SET, "submissionTime", "to", "one"),
        "$XDSSubmissionSetAuthorPerson": Parameter(SET, "authorPerson", "like", "one"),
        "$XDSSubmissionSetContentType": Parameter(SET, "contentTypeCode", "equal"),
        "$XDSSubmissionSetStatus": Parameter(SET, None, "status", "list", "must")}),
    "FindFolders": ("958f3006-baad-4929-a4de-ff1114824431", {
        "$XDSFolderPatientId": _PATIENT, **_FOLDERS, "$XDSFolderCodeList": _CODED}),
    "GetAll": ("10b545ea-725c-446d-9b95-8aeb444eddf3", {
        "$patientId": _PATIENT, **_CONTENTS, **_LINKS,
        "$XDSDocumentEntryStatus": Parameter(DOCUMENT, None, "status", "list", "must"),
        "$XDSSubmissionSetStatus": Parameter(SET, None, "status", "list", "must"),
        "$XDSFolderStatus": Parameter(FOLDER, None, "status", "list", "must")}),
    "GetDocuments": ("5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4", _ids("$XDSDocumentEntry", logical=True)),
    "GetFolders": ("5737b14c-8a1a-4539-b659-e03a34a5e1e4", _ids("$XDSFolder", logical=True)),
    "GetAssociations": ("a7ae438b-4bc2-4642-93e9-be891f7bb155", {**_UUID, **_LINKS}),
    "GetDocumentsAndAssociations": ("bab9529a-4a10-40b3-a01f-f68a615d247a",
                                    {**_ids("$XDSDocumentEntry"), **_LINKS}),
    "GetSubmissionSets": ("51224314-5390-4169-9b91-b1980040715a", {**_UUID, **_LINKS}),
    "GetSubmissionSetAndContents": ("e8e3cb2c-e39c-46b9-99e4-c12f57260b83",
                                    {**_ids("$XDSSubmissionSet", "one"), **_CONTENTS, **_LINKS}),
    "GetFolderAndContents": ("b909a503-523d-4517-8acf-8e5834dfc4c7",
                             {**_ids("$XDSFolder", "one"), **_CONTENTS, **_LINKS}),
    "GetFoldersForDocument": ("10cae35a-c7f9-4cf5-b61e-fc3278ffb578",
                              {**_ids("$XDSDocumentEntry", "one"), **_LINKS}),
    "GetRelatedDocuments": ("d90e5407-b356-4d91-a89f-873917b4b0e6", {
        **_ids("$XDSDocumentEntry", "one"), **_LINKS,
        "$AssociationTypes": Parameter(ASSOCIATION, None, "type", "list", "must"),
        "$XDSDocumentEntryType": Parameter(DOCUMENT, None, "type")}),
    "FindDocumentsForMultiplePatients": ("3d1bdb10-39a2-11de-89c2-2f44d94eaa9f", {
        "$XDSDocumentEntryPatientId": _PATIENTS,
        **_documents(ClassCode="some", EventCodeList="some", HealthcareFacilityTypeCode="some")}),
    "FindFoldersForMultiplePatients": ("50d3f5ac-39a2-11de-a1ca-b366239e58df", {
        "$XDSFolderPatientId": _PATIENTS, **_FOLDERS, "$XDSFolderCodeList": _CODED._replace(need="some")}),
}
for _, parameters in KINDS.values():
    parameters["$MetadataLevel"] = Parameter(None, None, "level", "one")


# --- the query's own errors ---------------------------------------------------------------------

def _groups(query):
    """name -> [values of a slot, ...] of the parameters that the kind has; unknown statuses fall."""
    parameters, given, wrong, named = KINDS[query.kind][1], {}, set(), set()
    for name, values in query.slots:
        p = parameters.get(name)
        if p is None:
            continue
        if name in named and p.times != "many" or p.times == "one" and len(values) > 1:
            wrong.add("XDSStoredQueryParamNumber")
        named.add(name)
        if p.how == "status":
            values = [v for v in values if v in (STATUS + "Approved", STATUS + "Deprecated")]
        if values:
            given.setdefault(name, []).append(values)
    for need in ("one", "some"):
        marked = [n for n, p in parameters.items() if p.need == need]
        if marked and not any(n in given for n in marked):
            wrong.add("XDSStoredQueryMissingParam")
        if need == "one" and sum(n in given for n in marked) > 1:
            wrong.add("XDSStoredQueryParamNumber")
    if any(p.need == "must" and n not in given for n, p in parameters.items()):
        wrong.add("XDSStoredQueryMissingParam")
    if wrong:
        raise Wrong(*wrong)
    return given


# --- one object against the parameters ----------------------------------------------------------

def _instant(text):
    """Both sides are padded to their first instant."""
    return text + "00000101000000"[len(text):]


def _like(pattern):
    return re.compile("".join({"%": ".*", "_": "."}.get(c) or re.escape(c) for c in pattern), re.S)


def _holds(p, wanted, o):
    have = o.values.get(p.attribute, [])
    if p.how == "equal":
        return wanted in have
    if p.how == "like":
        return any(_like(wanted).fullmatch(v) for v in have)
    if p.how == "from":  # what has no such time is not excluded
        return not have or _instant(wanted) <= _instant(have[0])
    if p.how == "to":
        return not have or _instant(have[0]) < _instant(wanted)
    if p.how == "status":
        return wanted == STATUS + o.status
    if p.how == "type":
        return wanted == o.type
    if p.how == "online":
        return wanted in (have or [AVAILABILITY + "Online"])
    raise AssertionError(p.how)


class _Evaluation:
    def __init__(self, world, asker, query, given):
        self.world, self.query, self.given = world, query, given
        self.parameters = KINDS[query.kind][1]
        self.level = given.get("$MetadataLevel", [["1"]])[0][0]
        self.seen = world.visible(asker)

    def fits(self, o):
        if self.level == "1":
            if o.kind in (DOCUMENT, FOLDER) and not self.world.latest(o):
                return False
            if o.kind == DOCUMENT and AVAILABILITY + "Offline" in o.values.get("documentAvailability", []):
                return False
            if o.kind in (FOLDER, ASSOCIATION) and o.status != "Approved":
                return False
        if o.kind == DOCUMENT and "$XDSDocumentEntryType" in self.parameters \
                and "$XDSDocumentEntryType" not in self.given and o.type != STABLE:
            return False
        return all(any(_holds(self.parameters[n], v, o) for v in values)
                   for n, groups in self.given.items() if self.parameters[n].kind == o.kind
                   for values in groups)

    def links(self):
        """(association, source, target) of those that fit."""
        for o in self.seen.values():
            if o.kind == ASSOCIATION and self.fits(o):
                yield o, *(self.seen[e] for e in o.ends)

    def named(self, *kinds):
        """The objects that the query names by id, of these kinds."""
        for name, groups in self.given.items():
            how = self.parameters[name].how
            for o in self.seen.values():
                if o.kind in kinds and {"uuid": o.id, "unique": o.unique_id, "lid": o.lid}.get(how) in groups[0]:
                    yield o

    def patients(self):
        for name, groups in self.given.items():
            if self.parameters[name].how == "patient":
                for patient in groups[0]:
                    if patient not in self.world.patients | self.world.subsumed:
                        raise Wrong("XDSUnknownPatientId")
                return set(groups[0])
        return None

    # --- the kinds ------------------------------------------------------------------------------

    def find(self, *kinds):
        patients = self.patients()
        return [o for o in self.seen.values() if o.kind in kinds and self.fits(o)
                and (patients is None or o.patient in patients)]

    def with_links(self, objects):
        ids = {o.id for o in objects}
        return objects + [a for a, s, t in self.links() if s.id in ids or t.id in ids]

    def get(self, *kinds):
        return [o for o in self.named(*kinds) if self.fits(o)]

    def associations(self):
        named = {o.id for o in self.named(DOCUMENT, SET, FOLDER, ASSOCIATION)}
        return [a for a, s, t in self.links() if s.id in named or t.id in named]

    def sets(self):
        named = {o.id for o in self.named(DOCUMENT, FOLDER)}
        found = [(a, s) for a, s, t in self.links()
                 if a.type == HAS_MEMBER and s.kind == SET and t.id in named]
        return [o for pair in found for o in pair]

    def contents(self, kind):
        answer = {o.id: o for o in self.get(kind)}
        whole, listed = set(answer), set()
        for a, s, t in self.links():
            if a.type == HAS_MEMBER and s.id in whole:
                listed.add(t.id)
                if t.kind != ASSOCIATION and self.fits(t):
                    answer[t.id] = t
        for _ in range(2):  # associations when both ends are in the answer; the set's of those too
            for a, s, t in self.links():
                if (a.type == HAS_MEMBER or a.id in listed) and s.id in answer and t.id in answer:
                    answer[a.id] = a
        return list(answer.values())

    def folders(self):
        named = {o.id for o in self.named(DOCUMENT)}
        return [s for a, s, t in self.links()
                if a.type == HAS_MEMBER and s.kind == FOLDER and t.id in named and self.fits(s)]

    def related(self):
        named = {o.id for o in self.named(DOCUMENT)}
        return [o for a, s, t in self.links() if s.kind == t.kind == DOCUMENT
                and (s.id in named or t.id in named) and self.fits(s) and self.fits(t) for o in (a, s, t)]

    def answer(self):
        return {
            "FindDocuments": lambda: self.find(DOCUMENT),
            "FindDocumentsByReferenceId": lambda: self.find(DOCUMENT),
            "FindSubmissionSets": lambda: self.find(SET),
            "FindFolders": lambda: self.find(FOLDER),
            "GetAll": lambda: self.with_links(self.find(DOCUMENT, SET, FOLDER)),
            "GetDocuments": lambda: self.get(DOCUMENT),
            "GetFolders": lambda: self.get(FOLDER),
            "GetAssociations": self.associations,
            "GetDocumentsAndAssociations": lambda: self.with_links(self.get(DOCUMENT)),
            "GetSubmissionSets": self.sets,
            "GetSubmissionSetAndContents": lambda: self.contents(SET),
            "GetFolderAndContents": lambda: self.contents(FOLDER),
            "GetFoldersForDocument": self.folders,
            "GetRelatedDocuments": self.related,
            "FindDocumentsForMultiplePatients": lambda: self.find(DOCUMENT),
            "FindFoldersForMultiplePatients": lambda: self.find(FOLDER),
        }[self.query.kind]()


def evaluate(world, asker, query):
    many = query.kind.endswith("ForMultiplePatients")
    try:
        given = _groups(query)
        if many and asker not in world.many:
            raise Wrong("XDSRegistryError")
        found = _Evaluation(world, asker, query, given).answer()
        if query.whole and not many and \
                len({o.patient for o in found if o.kind != ASSOCIATION}) > 1:
            raise Wrong("XDSResultNotSinglePatient")
    except Wrong as wrong:
        return Answer(frozenset(wrong.args))
    return Answer(frozenset(), frozenset(o.id for o in found))
