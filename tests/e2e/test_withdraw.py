"""What an operator decides: codes and limits of submissions, and documents that are withdrawn."""
import json

import pytest

from hospital import xds
from people import cda, known

CODES = """<?xml version="1.0" encoding="UTF-8"?>
<Codes>
  <CodeType name="classCode" classScheme="urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a">
    <Code code="34133-9" display="Summary" codingScheme="2.16.840.1.113883.6.1" system="http://loinc.org"/>
    <Code code="34133-9" display="Again" codingScheme="2.16.840.1.113883.6.1"/>
  </CodeType>
  <CodeType name="mimeType"><Code code="text/xml" ext="xml"/></CodeType>
  <CodeType name="folderCodeList"><Code code="FDR001" codingScheme="1.3.6.1.4.1.21367.100.1"/></CodeType>
  <AssigningAuthority id="&amp;1.2.3&amp;ISO"/>
</Codes>"""


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


@pytest.fixture(scope="module")
def codes(hub, tmp_path_factory):
    file = tmp_path_factory.mktemp("codes") / "codes.xml"
    file.write_text(CODES)
    assert hub.json("xds", "codes", "load", file) == {"codes": 3, "repeated": 1}
    return file


@pytest.fixture
def source(hub):
    """source("--codes", "strict"): of lakeside, until the test ends."""
    def run(*options):
        return hub.json("xds", "source", "lakeside", *options)

    yield run
    run("--codes", "off", "--limited", "off", "--curator", "off")


# --- codes ----------------------------------------------------------------------------------------------

STRANGE = {
    "a code": dict(class_code=xds.Code("11111-1", xds.LOINC)),
    "a scheme": dict(class_code=xds.Code("34133-9", "1.2.3.4")),
    "a mimeType": dict(mime_type="image/x-odd"),
}


@pytest.mark.parametrize("what", STRANGE)
@pytest.mark.parametrize("check", ["strict", "warn", "off"])
def test_an_unknown_code_is_refused_warned_of_or_taken(check, what, codes, source, lakeside, person):
    source("--codes", check)
    _, response = lakeside.publish(person.xad, cda(), **STRANGE[what])
    assert response.ok == (check != "strict"), response
    said = [(e.code, e.severity) for e in response.errors]
    assert said == {"strict": [("XDSRegistryMetadataError", xds.ERROR)],
                    "warn": [("XDSRegistryMetadataError", xds.WARNING)], "off": []}[check]
    changed = STRANGE[what].get("class_code") or (STRANGE[what]["mime_type"],)
    assert all(changed[0] in e.context for e in response.errors)


def test_known_codes_pass_and_the_display_name_is_free(codes, source, lakeside, person):
    source("--codes", "strict")
    folder = xds.Folder(person.xad)
    entry = xds.Entry(person.xad, cda(), class_code=xds.Code("34133-9", xds.LOINC, "another name"))
    response = lakeside.provide(xds.Submission(person.xad, [entry], [folder],
                                               [(xds.HAS_MEMBER, folder.id, entry.id)]))
    assert response.ok and not response.errors, response


def test_a_folders_code_is_checked(codes, source, lakeside, person):
    source("--codes", "strict")
    folder = xds.Folder(person.xad, codes=[xds.Code("ODD", "1.2.3")])
    response = lakeside.register(xds.Submission(person.xad, [], [folder]))
    assert response.codes == ["XDSRegistryMetadataError"] and "ODD" in response.errors[0].context


def test_a_kind_without_codes_is_not_checked(codes, source, lakeside, person):
    source("--codes", "strict")
    assert lakeside.publish(person.xad, cda(), type_code=xds.Code("anything", "1.2.3"))[1].ok


def test_the_codes_of_the_test_kit_are_read(hub, data, codes):
    for file in sorted(data("ihe/nist/environment").glob("codes-*.xml")):
        assert hub.json("xds", "codes", "load", file)["codes"] > 100, file
    hub.run("xds", "codes", "load", codes)
    listed = {k["kind"]: k["codes"] for k in hub.json("xds", "codes", "list")}
    assert listed["classCode"] == 1 and listed["formatCode"] > 50


@pytest.mark.parametrize("text, words", [
    ("<Codes/>", "CodeType"), ("<Other/>", "Codes"), ("<Codes><CodeType><Code code='a'/></CodeType></Codes>", "name"),
    ("<Codes><CodeType name='x'><Code code='a'/></CodeType></Codes>", "codingScheme"),
    ("<Codes><CodeType name='x'><Code codingScheme='1.2'/></CodeType></Codes>", "no code"), ("<Codes>", "line")])
def test_a_file_that_is_no_codes_file_changes_nothing(text, words, hub, codes, tmp_path):
    before = hub.json("xds", "codes", "list")
    (tmp_path / "bad.xml").write_text(text)
    said = json.loads(hub.run("xds", "codes", "load", tmp_path / "bad.xml", "--json", expect=2))
    assert words in json.dumps(said)
    assert hub.json("xds", "codes", "list") == before


# --- limited metadata -----------------------------------------------------------------------------------

LIMITED = {"entry": "urn:uuid:ab9b591b-83ab-4d03-8f5d-f93b1fb92e85"}


def limited_submission(person):
    def limit(element):
        element.append(xds._node(LIMITED["entry"], element.get("id")))

    return xds.Submission(person.xad, [xds.Entry(person.xad, cda(), class_code=None, type_code=None, change=limit)])


def test_limited_metadata_wants_the_right_to_it(source, lakeside, harbour, person):
    response = lakeside.provide(limited_submission(person))
    assert response.codes == ["XDSRegistryMetadataError"] and "limited" in response.errors[0].context
    source("--limited", "on")
    assert lakeside.provide(limited_submission(person)).ok
    entry = harbour.find(person.xad).entries[0].element
    assert LIMITED["entry"] in [c.get("classificationNode") for c in entry]


# --- commands -------------------------------------------------------------------------------------------

def test_a_source_shows_how_it_stands(source):
    stands = {"member": "lakeside", "codes": "warn", "limited": False, "curator": False, "consents": "own",
              "consent_headers": True}
    assert source("--codes", "warn") == stands
    assert source("--curator", "on") == {**stands, "curator": True}


@pytest.mark.parametrize("arguments", [("source", "nobody"), ("source", "lakeside", "--codes", "some"),
                                       ("source", "lakeside", "--limited", "maybe"), ("codes", "load", "/nothing"),
                                       ("retract", "1.2.3", "--reason", "x"), ("retract", "1.2.3")])
def test_what_cannot_be_done_says_so(arguments, hub, lakeside):
    assert "error" in json.loads(hub.run("xds", *arguments, "--json", expect=None))


def test_changes_of_sources_and_codes_are_audited(hub, codes, source):
    source("--codes", "warn")
    what = [o["id"] for r in hub.audit(transaction="CONFIG") for o in r.get("objects", [])]
    assert "lakeside" in what and str(codes) in what


# --- retract --------------------------------------------------------------------------------------------

def shown(hospital, person, entry):
    """Everywhere that the document may show itself."""
    found = hospital.find(person.xad, status=[xds.APPROVED, xds.DEPRECATED])
    retrieved = hospital.retrieve((hospital.hub.repository, entry.unique_id))
    return (entry.unique_id in found.unique_ids, bool(hospital.get(unique_ids=[entry.unique_id]).objects),
            bool(hospital.get(entry_uuids=[entry.id]).objects), bool(retrieved.documents))


def test_a_retracted_document_is_nowhere_and_who_had_it_is_told(hub, lakeside, harbour, person):
    entry = xds.Entry(person.xad, cda("of somebody else"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [entry])).ok
    assert shown(harbour, person, entry) == (True,) * 4
    answer = hub.json("xds", "retract", entry.unique_id, "--reason", "filed under a namesake")
    assert (answer["document"], answer["patient"]) == (entry.unique_id, person.xad)
    assert (answer["entries"], answer["submission_sets"], answer["associations"]) == (1, 1, 1)
    assert [(r["member"], r["transaction"]) for r in answer["retrieved"]] == [("harbour", "ITI-43")]
    assert shown(harbour, person, entry) == (False,) * 4
    assert shown(lakeside, person, entry) == (False,) * 4
    assert hub.audit(transaction="ITI-41", patient=person.xad), "the log stays"
    row = [r for r in hub.audit(patient=person.xad, transaction="CONFIG")][-1]
    assert row["objects"][0]["id"] == entry.unique_id and "namesake" in row["description"]


def test_what_was_submitted_with_it_stays(hub, lakeside, harbour, person):
    wrong, right = (xds.Entry(person.xad, cda(t), id=xds.new_urn()) for t in ("wrong", "right"))
    assert lakeside.provide(xds.Submission(person.xad, [wrong, right], relations=[])).ok
    addendum = xds.Entry(person.xad, cda("addendum"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [addendum], relations=[(xds.APND, addendum.id, wrong.id)])).ok
    answer = hub.json("xds", "retract", wrong.id, "--reason", "wrong")
    assert (answer["entries"], answer["submission_sets"], answer["associations"]) == (1, 0, 2)
    assert answer["retrieved"] == []
    assert sorted(e.id for e in harbour.find(person.xad).entries) == sorted([right.id, addendum.id])


def test_all_versions_are_withdrawn_whichever_is_named(hub, lakeside, harbour, person):
    first = xds.Entry(person.xad, cda("v"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [first])).ok
    second = xds.Entry(person.xad, first.content, first.unique_id, xds.new_urn(), lid=first.id, previous="1",
                       hash=first.sha1(), size=str(len(first.content)), repository=hub.repository)
    assert lakeside.update(xds.Submission(person.xad, [second])).ok
    assert hub.json("xds", "retract", second.id, "--reason", "wrong")["entries"] == 2
    assert not harbour.get(unique_ids=[first.unique_id]).objects


def test_a_retracted_unique_id_cannot_come_back_with_other_bytes(hub, lakeside, person):
    entry, _ = lakeside.publish(person.xad, cda("first"))
    text = hub.run("xds", "retract", entry.unique_id, "--reason", "wrong")
    assert "Nobody had retrieved it" in text
    assert lakeside.publish(person.xad, cda("second"), unique_id=entry.unique_id)[1].codes == ["XDSNonIdenticalHash"]
