"""`causeway xds export`: one patient's record as an XDM archive, read by Python's own zipfile."""
import hashlib
import os
import zipfile

import pytest
from lxml import etree

from hospital import xds
from people import cda, known
from test_repository import bytes_of, publish, stored_files

RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
SUBSET = "IHE_XDM/SUBSET01/"


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


def export(hub, person, name="export.zip", expect=0):
    path = hub.folder / name
    path.unlink(missing_ok=True)
    hub.run("xds", "export", person.xad, "--out", path, "--reason", "a test", expect=expect)
    return path


def slot(element, name):
    return element.findtext(f"{{{RIM}}}Slot[@name='{name}']/{{{RIM}}}ValueList/{{{RIM}}}Value")


def test_the_archive_holds_every_document_and_what_describes_it(hub, lakeside, harbour, person):
    old = xds.Entry(person.xad, cda("old") * 2000, id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [old])).ok
    new = xds.Entry(person.xad, cda("new"), id=xds.new_urn())
    assert harbour.provide(xds.Submission(person.xad, [new], relations=[(xds.RPLC, new.id, old.id)])).ok
    image = publish(lakeside, person, bytes_of(3_000_000), mime_type="application/dicom")
    path = export(hub, person)
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:3] == ["INDEX.HTM", "README.TXT", SUBSET + "METADATA.XML"]
        metadata = etree.fromstring(archive.read(SUBSET + "METADATA.XML"))
        entries = {slot(e, "hash"): e for e in metadata.iter(f"{{{RIM}}}ExtrinsicObject")}
        for document in (old, new, image):
            entry = entries[document.sha1()]
            content = archive.read(SUBSET + slot(entry, "URI"))
            assert content == document.content and slot(entry, "size") == str(len(content))
        index = archive.read("INDEX.HTM").decode()
    assert all(slot(e, "URI") in index for e in entries.values()) and "superseded" in index
    links = [(a.get("associationType").rpartition(":")[2], a.get("sourceObject"), a.get("targetObject"))
             for a in metadata.iter(f"{{{RIM}}}Association")]
    ids = {e.get("id") for e in entries.values()}
    packages = [p.get("id") for p in metadata.iter(f"{{{RIM}}}RegistryPackage")]
    assert len(packages) == 1 and {(s, t) for kind, s, t in links if kind == "HasMember"} == \
        {(packages[0], i) for i in ids}
    assert ("RPLC", entries[new.sha1()].get("id"), entries[old.sha1()].get("id")) in links
    patient = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"
    assert {v.get("value") for v in metadata.iter(f"{{{RIM}}}ExternalIdentifier")
            if v.get("identificationScheme") == patient} == {person.xad}


def test_the_export_is_on_record(hub, lakeside, person):
    entry = publish(lakeside, person, cda("recorded"))
    export(hub, person)
    rows = [r for r in hub.audit(patient=person.xad) if r["transaction"] == "EXPORT"]
    assert len(rows) == 1 and rows[0]["event"] == "110106" and "a test" in rows[0]["description"]
    assert entry.unique_id in str(rows[0]["objects"]) and rows[0]["user"]


def test_what_consent_hides_from_members_is_the_patients_own(hub, lakeside, person):
    entry = publish(lakeside, person, cda("hidden"))
    hub.json("consent", "set", "--patient", person.xad, "--deny")
    with zipfile.ZipFile(export(hub, person)) as archive:
        assert entry.sha1() in {hashlib.sha1(archive.read(n)).hexdigest() for n in archive.namelist()}


def test_a_document_that_cannot_be_read_leaves_no_half_archive(hub, lakeside, person):
    entry = publish(lakeside, person, cda("spoiled"))
    newest = max(stored_files(hub), key=lambda p: p.name)
    whole = newest.read_bytes()
    newest.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    path = export(hub, person, expect=2)
    newest.write_bytes(whole)
    assert not path.exists() and entry


def test_a_file_that_is_there_is_not_overwritten(hub, lakeside, person):
    path = hub.folder / "mine.zip"
    path.write_text("mine")
    hub.run("xds", "export", person.xad, "--out", path, "--reason", "x", expect=2)
    assert path.read_text() == "mine"
    os.unlink(path)


def test_a_patient_whom_nobody_knows_has_no_record(hub):
    hub.run("xds", "export", "nobody^^^&1.2.3&ISO", "--out", hub.folder / "none.zip", "--reason", "x", expect=1)
    assert not (hub.folder / "none.zip").exists()
