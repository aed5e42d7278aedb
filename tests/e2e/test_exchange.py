"""Two hospitals exchange a real document: the whole road, and the audit row of each step."""
import pytest

from hospital import xds
from people import cda, known

CCD = "ccda/Documents/CCD/CCD 1/CCD.XML"


@pytest.fixture(scope="module")
def exchange(lakeside, harbour, data):
    """Lakeside publishes a real C-CDA of a patient whom both know."""
    person = known(lakeside, harbour)
    person.document = data(CCD).read_bytes()
    person.source = person.cx(lakeside)
    person.entry, response = lakeside.publish(person.xad, person.document,
                                              source_patient_id=person.cx(lakeside))
    assert response.ok, response
    return person


def test_both_hospitals_feeds_make_one_person_with_one_xad_pid(lakeside, harbour):
    person = known(lakeside, harbour)
    assert harbour.xad_pid(person.number(harbour)) == person.xad


def test_the_other_hospital_finds_the_document_with_its_metadata(exchange, harbour):
    found = harbour.find(exchange.xad)
    assert found.ok and found.unique_ids == [exchange.entry.unique_id]
    entry = found.entries[0]
    assert entry.patient_id == exchange.xad
    assert entry.status == xds.APPROVED
    assert entry.title == exchange.entry.title
    assert entry.mime_type == "text/xml"
    assert entry.slot("hash").lower() == exchange.entry.sha1()
    assert entry.slot("size") == str(len(exchange.document))
    assert entry.repository == harbour.hub.repository
    assert entry.slot("sourcePatientId") == exchange.source
    for attribute in xds.ENTRY_CODES:
        wanted = getattr(exchange.entry, attribute)
        wanted = wanted if isinstance(wanted, list) else [wanted]
        assert [(c.code, c.scheme) for c in entry.codes(attribute)] == [
            (c.code, c.scheme) for c in wanted]


def test_object_refs_name_the_same_entries(exchange, harbour):
    found = harbour.find(exchange.xad)
    refs = harbour.find(exchange.xad, return_type="ObjectRef")
    assert refs.ok and refs.refs == [found.entries[0].id] and not refs.entries


def test_get_documents_answers_by_entry_uuid_and_by_unique_id(exchange, harbour):
    entry = harbour.find(exchange.xad).entries[0]
    by_uuid = harbour.get(entry_uuids=[entry.id])
    by_unique_id = harbour.get(unique_ids=[entry.unique_id])
    assert by_uuid.unique_ids == by_unique_id.unique_ids == [exchange.entry.unique_id]


def test_the_document_comes_back_byte_for_byte(exchange, harbour):
    entry = harbour.find(exchange.xad).entries[0]
    got = harbour.retrieve(entry)
    assert got.ok and got.answer.mtom
    document = got.documents[0]
    assert document.content == exchange.document
    assert (document.repository, document.unique_id) == (entry.repository, entry.unique_id)
    assert document.mime_type == "text/xml"
    assert document.home is None  # echoed only if it was asked with (3.43)


def test_every_step_left_its_audit_row(hub, lakeside, harbour):
    person = known(lakeside, harbour)
    entry, response = lakeside.publish(person.xad, cda("audited"))
    assert response.ok
    found = harbour.find(person.xad).entries[0]
    assert harbour.retrieve(found).ok
    rows = hub.audit(patient=person.xad)
    seen = [(r["transaction"], r["member"]["name"], r["outcome"]) for r in rows]
    for transaction, member in (("ITI-8", "lakeside"), ("ITI-8", "harbour"), ("ITI-9", "lakeside"),
                                ("ITI-41", "lakeside"), ("ITI-18", "harbour"),
                                ("ITI-43", "harbour")):
        assert [s[2] for s in seen if s[:2] == (transaction, member)] == [0], (
            transaction, member, seen)
    assert entry.unique_id in str([r for r in rows if r["transaction"] == "ITI-43"])


def test_the_schemas_that_every_answer_is_held_against_are_at_hand(data):
    """conftest.py validates each SOAP answer where they are; without them this is what is skipped."""
    assert (data("ihe/schemas") / "xds/wsdl/schema").is_dir()
