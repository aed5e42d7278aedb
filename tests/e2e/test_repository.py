"""The repository's edges: what ITI-43 refuses and hides, and the bytes of ITI-41 at rest."""
import hashlib
import time
from pathlib import Path

import pytest
from lxml import etree

from hospital import soap, xds
from hospital.hub import eventually
from people import cda, known, masked


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


def publish(lakeside, person, content, **attributes):
    entry, response = lakeside.publish(person.xad, content, **attributes)
    assert response.ok, response
    return entry


def bytes_of(size):
    """Bytes that no compression makes smaller, the same each time."""
    return hashlib.shake_256(str(size).encode()).digest(size)


def stored_files(hub):
    """Every object of the store, and every temporary."""
    return sorted(p for p in Path(hub.settings["store_dir"]).rglob("*")
                  if p.is_file() and p.name != "lock" and not p.name.startswith("."))


def holds_only(hub, before, seconds=60):
    """What a refused submission brought is taken away when its answer has gone."""
    end = time.monotonic() + seconds
    while stored_files(hub) != before and time.monotonic() < end:
        time.sleep(0.05)
    return stored_files(hub) == before


# --- what is answered -----------------------------------------------------------------------------------

def test_documents_come_as_asked_in_order_and_as_often(lakeside, harbour, person):
    one = publish(lakeside, person, cda("one"))
    two = publish(lakeside, person, b"two", mime_type="text/plain")
    asked = [two, one, two]
    got = harbour.retrieve(*[(harbour.hub.repository, e.unique_id) for e in asked])
    assert got.ok and not got.errors
    assert [(d.unique_id, d.content, d.mime_type) for d in got.documents] == \
        [(e.unique_id, e.content, e.mime_type) for e in asked]
    assert {d.repository for d in got.documents} == {harbour.hub.repository}


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072, 262144, 262145, 3_000_000])
def test_every_size_comes_back_byte_for_byte(size, lakeside, harbour, person):
    content = bytes_of(size)
    entry = publish(lakeside, person, content, mime_type="application/octet-stream")
    got = harbour.retrieve((harbour.hub.repository, entry.unique_id))
    assert got.ok and got.documents[0].content == content


def test_an_answer_tells_its_length_in_advance(lakeside, harbour, person):
    entry = publish(lakeside, person, bytes_of(1_000_000), mime_type="application/dicom")
    got = harbour.retrieve((harbour.hub.repository, entry.unique_id))
    assert int(got.answer.http.field("content-length")) == len(got.answer.http.content)


def test_a_deprecated_document_can_be_retrieved(lakeside, harbour, person):
    old = xds.Entry(person.xad, cda("old"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [old])).ok
    new = xds.Entry(person.xad, cda("new"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [new], relations=[(xds.RPLC, new.id, old.id)])).ok
    got = harbour.retrieve((harbour.hub.repository, old.unique_id))
    assert got.documents[0].content == old.content


# --- what is refused ------------------------------------------------------------------------------------

@pytest.mark.parametrize("what,code", [("document", "XDSDocumentUniqueIdError"),
                                       ("repository", "XDSUnknownRepositoryId"),
                                       ("community", "XDSUnknownCommunity")])
def test_what_is_not_here_has_its_own_error(what, code, lakeside, harbour, person):
    entry = publish(lakeside, person, cda())
    repository = "1.2.3.4.5" if what == "repository" else harbour.hub.repository
    unique_id = xds.new_oid() if what == "document" else entry.unique_id
    body = xds.retrieve([(repository, unique_id)], "urn:oid:1.2.3.4.5" if what == "community" else None)
    got = xds.Response(harbour.link.call("/xds/repository", xds.ITI43, body, mtom=True))
    assert got.status == xds.FAILURE and not got.documents
    assert [(e.code, e.location) for e in got.errors] == [(code, unique_id)]


def test_a_hidden_document_answers_like_one_that_does_not_exist(hub, lakeside, harbour, person):
    entry = publish(lakeside, person, cda("hidden"))
    hub.json("consent", "set", "--patient", person.xad, "--deny")
    missing = xds.new_oid()
    while len(missing) != len(entry.unique_id):
        missing = xds.new_oid()
    hidden, absent = (harbour.retrieve((hub.repository, i)) for i in (entry.unique_id, missing))
    assert hidden.codes == ["XDSDocumentUniqueIdError"]
    assert masked(hidden).replace(entry.unique_id.encode(), b"ID") == \
        masked(absent).replace(missing.encode(), b"ID")
    rows = [r for r in hub.audit(patient=person.xad) if r["transaction"] == "ITI-43"]
    assert len(rows) == 1 and rows[0]["outcome"] == 8 and entry.unique_id in str(rows[0])


@pytest.mark.parametrize("name", ["RepositoryUniqueId", "DocumentUniqueId", "DocumentRequest"])
def test_an_incomplete_request_is_refused_as_a_whole(name, lakeside, harbour, person):
    entry = publish(lakeside, person, cda())
    body = xds.retrieve([(harbour.hub.repository, entry.unique_id)])
    element = next(body.iter(f"{{{xds.XDSB}}}{name}"))
    element.getparent().remove(element)
    got = xds.Response(harbour.link.call("/xds/repository", xds.ITI43, body, mtom=True))
    assert got.status == xds.FAILURE and got.errors[0].context and not got.documents


def test_more_documents_than_one_request_may_name_are_refused(harbour):
    got = harbour.retrieve(*[(harbour.hub.repository, f"1.2.3.{n}") for n in range(1001)])
    assert got.status == xds.FAILURE and got.codes == ["XDSRepositoryOutOfResources"]


def test_a_denial_of_a_person_merged_in_hides_documents_asked_for_by_id(hub, lakeside, harbour):
    old, new = known(lakeside), known(lakeside, harbour)
    entry = publish(lakeside, new, cda("survivor's"), source_patient_id=new.cx(lakeside))
    wanted = (hub.repository, entry.unique_id)
    hub.json("consent", "set", "--patient", old.xad, "--deny")
    assert harbour.retrieve(wanted).ok and harbour.get(unique_ids=[entry.unique_id]).entries
    assert lakeside.merge(new.patient(new.cx(lakeside)), old.cx(lakeside))["MSA-1"] == "AA"
    assert harbour.retrieve(wanted).codes == ["XDSDocumentUniqueIdError"]
    assert not harbour.get(unique_ids=[entry.unique_id]).entries


# --- audit ----------------------------------------------------------------------------------------------

def test_successes_and_failures_have_a_row_each_for_each_patient(hub, lakeside, harbour):
    people = [known(lakeside, harbour) for _ in range(2)]
    entries = [publish(lakeside, p, cda(f"audited {n}")) for p in people for n in range(2)]
    missing = xds.new_oid()
    got = harbour.retrieve(*[(hub.repository, i) for i in [e.unique_id for e in entries] + [missing]])
    assert got.status == xds.PARTIAL and len(got.documents) == 4
    for person, own in zip(people, (entries[:2], entries[2:])):
        rows = [r for r in hub.audit(patient=person.xad) if r["transaction"] == "ITI-43"]
        assert [r["outcome"] for r in rows] == [0]
        assert all(e.unique_id in str(rows[0]) for e in own)
        assert not any(e.unique_id in str(rows[0]) for e in entries if e not in own)


# --- at rest --------------------------------------------------------------------------------------------

def newest_object(hub, known_before):
    new = [p for p in stored_files(hub) if p not in known_before]
    assert len(new) == 1, new
    return new[0]


def spoil(path, offset):
    """Flips one bit; a negative offset counts from the end."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def test_the_store_holds_no_plain_text(hub, lakeside, person):
    before = stored_files(hub)
    publish(lakeside, person, cda("Meyer, Anna ") * 1000)
    path = newest_object(hub, before)
    assert b"Meyer" not in path.read_bytes() and b"ClinicalDocument" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_refused_submission_leaves_nothing_in_the_store(hub, lakeside, person):
    before = stored_files(hub)
    small = xds.Entry(person.xad, cda("small"), hash="0" * 40)
    large = xds.Entry(person.xad, bytes_of(500_000), mime_type="application/dicom")
    response = lakeside.provide(xds.Submission(person.xad, [large, small]))
    assert response.codes == ["XDSRepositoryMetadataError"]
    assert "0" * 40 in response.errors[0].context and small.sha1() in response.errors[0].context
    submission = xds.Submission("unknown^^^&1.2.3&ISO", [xds.Entry("unknown^^^&1.2.3&ISO", cda("unknown"))])
    assert lakeside.provide(submission).status == xds.FAILURE
    assert holds_only(hub, before)


def test_two_documents_may_not_share_one_part(hub, lakeside, person):
    before = stored_files(hub)
    entries = [xds.Entry(person.xad, cda("shared")) for _ in range(2)]
    body, parts = xds.Submission(person.xad, entries).provide()
    first, second = body.findall(f"{{{xds.XDSB}}}Document")
    second[0].set("href", first[0].get("href"))
    response = xds.Response(lakeside.link.call("/xds/repository", xds.ITI41, body, parts, mtom=True))
    assert response.status == xds.FAILURE and "part" in response.errors[0].context
    assert holds_only(hub, before)


def test_a_spoiled_small_document_is_an_error_of_its_own(hub, lakeside, harbour, person):
    before = stored_files(hub)
    entry = publish(lakeside, person, cda("spoiled"))
    spoil(newest_object(hub, before), -1)
    good = publish(lakeside, person, cda("good"))
    got = harbour.retrieve((hub.repository, entry.unique_id), (hub.repository, good.unique_id))
    assert got.status == xds.PARTIAL
    assert [d.content for d in got.documents] == [good.content]
    assert [(e.code, e.location) for e in got.errors] == [("XDSRepositoryError", entry.unique_id)]


def test_a_document_that_breaks_off_closes_the_connection_and_is_audited(hub, lakeside, harbour, person):
    before = stored_files(hub)
    content = bytes_of(5_000_000)
    entry = publish(lakeside, person, content, mime_type="application/dicom")
    spoil(newest_object(hub, before), -100)
    broken = hub.metric("causeway_answers_broken_total")
    with pytest.raises(soap.Broken):
        harbour.retrieve((hub.repository, entry.unique_id))
    harbour.link.close()
    eventually(lambda: hub.metric("causeway_answers_broken_total") > broken, "it is not counted")
    assert hub.metric("causeway_answers_broken_total") == broken + 1


def test_a_document_whose_bytes_are_gone_is_an_error_of_its_own(hub, lakeside, harbour, person):
    before = stored_files(hub)
    entry = publish(lakeside, person, cda("gone"))
    newest_object(hub, before).unlink()
    got = harbour.retrieve((hub.repository, entry.unique_id))
    assert got.codes == ["XDSRepositoryError"] and etree.tostring(got.body).count(b"RegistryError ") == 1
