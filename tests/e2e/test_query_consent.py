"""Consent on every kind of stored query: nothing in an answer tells of what is hidden (promise 1)."""
import re
import time

import pytest

from hospital import xds
from hospital.hub import eventually
from kinds import KINDS, MANY, ask
from people import cda, known

LEVEL_2 = ("$MetadataLevel", ["2"])


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
    hub.run("consent", "default", "opt-out")  # only what it may see can Lakeside join its own to
    scene.hide()
    hub.run("consent", "default", "opt-in")
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
        assert eventually(lambda: hub.metric("causeway_request_flushes_most", transaction=transaction, outcome="ok")) <= 9


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
