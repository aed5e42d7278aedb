"""Consent on every kind of stored query: nothing in an answer tells of what is hidden (promise 1)."""
import re
import time

import pytest

from hospital import xds
from people import cda, known

UUID = "$XDSDocumentEntryEntryUUID"
STATUS_BOTH = [xds.listed(xds.APPROVED, xds.DEPRECATED)]
LEVEL_2 = ("$MetadataLevel", ["2"])
TYPES = "(" + ",".join(xds.quoted(t) for t in (xds.APND, xds.XFRM, xds.SIGNS, xds.RPLC)) + ")"


class Scene:
    """Harbour's own documents, and what Lakeside puts beside and between them: hidden from Harbour."""

    def __init__(self, lakeside, harbour):
        self.lakeside, self.harbour = lakeside, harbour
        self.person, self.other = known(lakeside, harbour), known(lakeside, harbour)
        self.xad = self.person.xad
        self.entry = xds.Entry(self.xad, cda("shown"), id=xds.new_urn())
        self.second = xds.Entry(self.xad, cda("second"), id=xds.new_urn())
        self.folder = xds.Folder(self.xad, id=xds.new_urn())
        self.set = xds.Submission(
            self.xad, [self.entry, self.second], [self.folder], id=xds.new_urn(),
            relations=[(xds.HAS_MEMBER, self.folder.id, self.entry.id),
                       (xds.APND, self.second.id, self.entry.id)])
        assert harbour.register(self.set).ok
        self.hidden = xds.Entry(self.xad, cda("hidden"), id=xds.new_urn(), extra_slots={
            "urn:ihe:iti:xds:2013:referenceIdList": ["R1^^^&1.2.3&ISO^urn:ihe:iti:xds:2013:accession"]})

    def hide(self):
        """A document that is appended to Harbour's, signs it and lies in its folder; and a folder with both."""
        mine = xds.Folder(self.xad, id=xds.new_urn())
        response = self.lakeside.register(xds.Submission(
            self.xad, [self.hidden], [mine], id=xds.new_urn(),
            relations=[(xds.APND, self.hidden.id, self.entry.id),
                       (xds.HAS_MEMBER, self.folder.id, self.hidden.id),
                       (xds.HAS_MEMBER, mine.id, self.hidden.id), (xds.HAS_MEMBER, mine.id, self.entry.id)]))
        assert response.ok, response


def documents(scene, *more):
    return [("$XDSDocumentEntryPatientId", [xds.quoted(scene.xad)]), ("$XDSDocumentEntryStatus", STATUS_BOTH), *more]


# kind: (query id, slots of a scene)
KINDS = {
    "FindDocuments": ("14d4debf-8f97-4251-9a74-a90016b0af0d", documents),
    "FindDocumentsByReferenceId": ("12941a89-e02e-4be5-967c-ce4bfc8fe492",
                                   lambda s: documents(s, ("$XDSDocumentEntryReferenceIdList", ["('R1%')"]))),
    "FindSubmissionSets": ("f26abbcb-ac74-4422-8a30-edb644bbc1a9", lambda s: [
        ("$XDSSubmissionSetPatientId", [xds.quoted(s.xad)]), ("$XDSSubmissionSetStatus", STATUS_BOTH)]),
    "FindFolders": ("958f3006-baad-4929-a4de-ff1114824431", lambda s: [
        ("$XDSFolderPatientId", [xds.quoted(s.xad)]), ("$XDSFolderStatus", STATUS_BOTH)]),
    "GetAll": ("10b545ea-725c-446d-9b95-8aeb444eddf3", lambda s: [
        ("$patientId", [xds.quoted(s.xad)]), ("$XDSDocumentEntryStatus", STATUS_BOTH),
        ("$XDSSubmissionSetStatus", STATUS_BOTH), ("$XDSFolderStatus", STATUS_BOTH)]),
    "GetDocuments": ("5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4",
                     lambda s: [(UUID, [xds.listed(s.entry.id, s.hidden.id)])]),
    "GetFolders": ("5737b14c-8a1a-4539-b659-e03a34a5e1e4",
                   lambda s: [("$XDSFolderEntryUUID", [xds.listed(s.folder.id)])]),
    "GetAssociations": ("a7ae438b-4bc2-4642-93e9-be891f7bb155",
                        lambda s: [("$uuid", [xds.listed(s.entry.id, s.folder.id, s.hidden.id)])]),
    "GetDocumentsAndAssociations": ("bab9529a-4a10-40b3-a01f-f68a615d247a",
                                    lambda s: [(UUID, [xds.listed(s.entry.id, s.hidden.id)])]),
    "GetSubmissionSets": ("51224314-5390-4169-9b91-b1980040715a",
                          lambda s: [("$uuid", [xds.listed(s.entry.id, s.hidden.id)])]),
    "GetSubmissionSetAndContents": ("e8e3cb2c-e39c-46b9-99e4-c12f57260b83",
                                    lambda s: [("$XDSSubmissionSetEntryUUID", [xds.quoted(s.set.id)])]),
    "GetFolderAndContents": ("b909a503-523d-4517-8acf-8e5834dfc4c7",
                             lambda s: [("$XDSFolderEntryUUID", [xds.quoted(s.folder.id)])]),
    "GetFoldersForDocument": ("10cae35a-c7f9-4cf5-b61e-fc3278ffb578",
                              lambda s: [(UUID, [xds.quoted(s.entry.id)])]),
    "GetRelatedDocuments": ("d90e5407-b356-4d91-a89f-873917b4b0e6",
                            lambda s: [(UUID, [xds.quoted(s.entry.id)]), ("$AssociationTypes", [TYPES])]),
    "FindDocumentsForMultiplePatients": ("3d1bdb10-39a2-11de-89c2-2f44d94eaa9f", lambda s: [
        ("$XDSDocumentEntryPatientId", [xds.listed(s.xad, s.other.xad)]), ("$XDSDocumentEntryStatus", STATUS_BOTH)]),
    "FindFoldersForMultiplePatients": ("50d3f5ac-39a2-11de-a1ca-b366239e58df", lambda s: [
        ("$XDSFolderPatientId", [xds.listed(s.xad, s.other.xad)]), ("$XDSFolderStatus", STATUS_BOTH)]),
}
MANY = "urn:ihe:iti:2009:MultiPatientStoredQuery"


def ask(hospital, kind, scene, *more, return_type="LeafClass"):
    query, slots = KINDS[kind]
    body = xds.adhoc_query("urn:uuid:" + query, [*slots(scene), *more], return_type)
    if kind.endswith("MultiplePatients"):
        return hospital._call("/xds/registry", MANY, body)
    return hospital.query(body)


def masked(response):
    """All bytes but MessageID, RelatesTo and Date."""
    raw = re.sub(rb"(?im)^date: [^\r\n]*", b"Date: -", response.answer.raw)
    return re.sub(rb"(<wsa:(?:MessageID|RelatesTo)[^>]*>)[^<]*", rb"\1-", raw)


WAYS = [(kind, return_type, more) for kind in KINDS for return_type in ("LeafClass", "ObjectRef")
        for more in ((), (LEVEL_2,))]


@pytest.fixture(scope="module")
def scene(hub, lakeside, harbour):
    """Answers before anything is hidden, and after: Harbour sees its own, in an opt-in domain."""
    hub.run("member", "permit", "harbour", "--multi-patient")
    hub.run("member", "permit", "lakeside", "--multi-patient")
    hub.await_admission(harbour)
    scene = Scene(lakeside, harbour)
    hub.run("consent", "default", "opt-in")
    scene.without = [ask(harbour, kind, scene, *more, return_type=r) for kind, r, more in WAYS]
    time.sleep(1.1)  # a second later: a time that moved would be seen
    scene.hide()
    return scene


@pytest.mark.parametrize("way", WAYS, ids=lambda w: f"{w[0]}, {w[1]}{', level 2' if w[2] else ''}")
def test_an_answer_with_a_hidden_document_equals_one_without_byte_for_byte(way, scene):
    kind, return_type, more = way
    answer = ask(scene.harbour, kind, scene, *more, return_type=return_type)
    before = scene.without[WAYS.index(way)]
    assert before.status == answer.status == xds.SUCCESS
    assert masked(before) == masked(answer)


@pytest.mark.parametrize("kind", KINDS)
def test_its_publisher_sees_what_is_hidden_from_others(kind, scene):
    """The scene is one: each kind would show the hidden document, or what hangs on it."""
    hidden = ask(scene.lakeside, kind, scene).answer.raw
    shown = ask(scene.harbour, kind, scene).answer.raw
    if kind in ("FindSubmissionSets", "FindFolders", "GetFolders", "GetSubmissionSetAndContents",
                "GetFolderAndContents", "GetFoldersForDocument", "GetRelatedDocuments",
                "FindFoldersForMultiplePatients"):
        assert hidden != shown  # of sets, folders and what joins both members' objects
    else:
        assert scene.hidden.id.encode() in hidden and scene.hidden.id.encode() not in shown


def test_counts_are_of_what_is_visible(hub, make_hub, scene):
    """XDSTooManyResults by the two documents that Harbour sees of three: a limit of two lets them pass."""
    twin = make_hub("two_results", twin=hub, max_results=2)
    try:
        harbour = type(scene.harbour)("harbour", scene.harbour.identity, scene.harbour.authority, twin)
        assert len(ask(harbour, "FindDocuments", scene).entries) == 2
        answer = ask(harbour, "GetAll", scene)
        assert answer.codes == ["XDSTooManyResults"], answer
        harbour.close()
    finally:
        twin.stop()


def test_no_kind_takes_more_than_nine_round_trips(hub, scene):
    for kind in KINDS:
        assert ask(scene.lakeside if kind.startswith("Get") else scene.harbour, kind, scene, LEVEL_2).ok
    for transaction in ("ITI-18", "ITI-51"):
        assert 0 < hub.metric("causeway_request_flushes_most", transaction=transaction, outcome="ok") <= 9


def test_a_query_of_several_patients_wants_the_operators_permission(hub, scene, lakeside):
    hub.run("member", "forbid", "lakeside", "--multi-patient")
    hub.await_admission(lakeside)
    answer = ask(lakeside, "FindDocumentsForMultiplePatients", scene)
    assert answer.status == xds.FAILURE and not answer.objects
    assert "permission" in answer.errors[0].context


def test_a_query_of_several_patients_leaves_a_row_for_each(hub, scene):
    before = len(hub.audit(transaction="ITI-51"))
    assert ask(scene.harbour, "FindDocumentsForMultiplePatients", scene).ok
    rows = hub.audit(transaction="ITI-51")[before:]
    assert sorted(r["patient"] for r in rows) == sorted([scene.xad, scene.other.xad])


@pytest.mark.parametrize("kind, action", [
    ("FindDocumentsForMultiplePatients", xds.ITI18), ("FindDocuments", MANY)])
def test_a_kind_belongs_to_one_transaction(kind, action, scene):
    query, slots = KINDS[kind]
    body = xds.adhoc_query("urn:uuid:" + query, slots(scene))
    answer = scene.harbour._call("/xds/registry", action, body)
    assert answer.codes == ["XDSUnknownStoredQuery"] and query in answer.errors[0].context
