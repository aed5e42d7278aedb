"""XAD-PIDs fed by a member (xad_source): the Document Registry's rules of ITI-8 (TF-2 3.8.4.2.4)."""
import pytest

from hospital import Patient, xds
from hospital.hub import XAD
from hospital.mllp import cx
from people import Person, cda

SETTINGS = {"xad_source": "region"}


@pytest.fixture(scope="module")
def region(hub):
    """The member that feeds the affinity domain's identifiers."""
    return hub.enrol("region", XAD)


def fed(region, *others):
    """A person whom the region knows, and these hospitals too; `xad` is the region's CX."""
    person = Person(region, *others)
    person.xad_cx = person.cx(region)
    return person


def test_the_fed_identifier_is_the_xad_pid(region, lakeside):
    person = fed(region, lakeside)
    assert lakeside.xad_pid(person.number(lakeside)) == person.xad_cx


def test_a_document_is_registered_and_found_under_it(region, lakeside, harbour):
    person = fed(region, lakeside, harbour)
    entry, response = lakeside.publish(person.xad_cx, cda())
    assert response.ok, response
    found = harbour.find(person.xad_cx)
    assert found.unique_ids == [entry.unique_id] and found.entries[0].patient_id == person.xad_cx


def test_the_hub_issues_none_of_its_own(region, lakeside):
    person = Person(lakeside)
    assert lakeside.xad_pid(person.number(lakeside)) is None


def test_another_member_may_not_feed_it(region, lakeside):
    person = Person()
    answer = lakeside.feed("A04", person.patient(cx("FORGED", XAD)))
    assert answer["MSA-1"] in ("AE", "AR")


def merge(region, survivor, subsumed):
    return region.merge(Patient([survivor]), subsumed)


@pytest.fixture
def two(region, lakeside):
    """Two fed persons, each with a document."""
    people = [fed(region, lakeside), fed(region, lakeside)]
    for p in people:
        p.entry, response = lakeside.publish(p.xad_cx, cda(p.family))
        assert response.ok, response
    return people


def state(lakeside, people):
    return [lakeside.find(p.xad_cx).unique_ids for p in people]


def test_a_merge_makes_the_survivor_answer_for_both(region, lakeside, two):
    old, new = two
    assert merge(region, new.xad_cx, old.xad_cx)["MSA-1"] == "AA"
    found = lakeside.find(new.xad_cx)
    assert found.unique_ids == sorted([old.entry.unique_id, new.entry.unique_id])
    assert {e.patient_id for e in found.entries} == {new.xad_cx}
    subsumed = lakeside.find(old.xad_cx)
    assert not subsumed.entries, "a subsumed id has no content"
    late = lakeside.publish(old.xad_cx, cda("late"))[1]
    assert "XDSUnknownPatientId" in late.codes


def test_merges_chain(region, lakeside):
    people = [fed(region, lakeside) for _ in range(3)]
    ids = []
    for p in people:
        entry, response = lakeside.publish(p.xad_cx, cda(p.family))
        assert response.ok
        ids.append(entry.unique_id)
    for old, new in zip(people, people[1:]):
        assert merge(region, new.xad_cx, old.xad_cx)["MSA-1"] == "AA"
    assert lakeside.find(people[2].xad_cx).unique_ids == sorted(ids)
    assert state(lakeside, people[:2]) == [[], []]


REFUSALS = {
    "the survivor of a wrong authority": lambda a, b, dead: (cx("1", "1.2.840.5.5"), a.xad_cx),
    "the subsumed of a wrong authority": lambda a, b, dead: (a.xad_cx, cx("1", "1.2.840.5.5")),
    "both the same": lambda a, b, dead: (a.xad_cx, a.xad_cx),
    "a subsumed one again": lambda a, b, dead: (a.xad_cx, dead.xad_cx),
    "into a subsumed one": lambda a, b, dead: (dead.xad_cx, a.xad_cx),
    "an unknown survivor": lambda a, b, dead: (cx("NOBODY", XAD), a.xad_cx),
    "an unknown subsumed": lambda a, b, dead: (a.xad_cx, cx("NOBODY", XAD)),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_merge_is_refused_and_changes_nothing(what, region, lakeside, two):
    a, b = two
    dead, heir = fed(region), fed(region)
    assert merge(region, heir.xad_cx, dead.xad_cx)["MSA-1"] == "AA"
    before = state(lakeside, two)
    answer = merge(region, *REFUSALS[what](a, b, dead))
    assert answer["MSA-1"] in ("AE", "AR") and "ERR" in answer, answer
    assert state(lakeside, two) == before == [[a.entry.unique_id], [b.entry.unique_id]]


def test_demographics_updates_of_the_source_change_no_document(region, lakeside, two):
    a, b = two
    answer = region.feed("A08", a.patient(a.xad_cx, family="Changed"))
    assert answer["MSA-1"] == "AA"
    assert state(lakeside, two) == [[a.entry.unique_id], [b.entry.unique_id]]
