"""Submissions (ITI-41, ITI-42): what is accepted, what is refused, and that it is all or nothing."""
import hashlib

import pytest
from lxml import etree

from hospital import soap, xds
from people import cda, known


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


def documents(harbour, person):
    return harbour.find(person.xad, status=[xds.APPROVED, xds.DEPRECATED])


def refused(response, code):
    assert response.status == xds.FAILURE, response
    assert code in response.codes, response
    assert all(e.context for e in response.errors)


# --- what is accepted -----------------------------------------------------------------------------------

@pytest.mark.parametrize("inline", ["none", "all", "some"])
def test_documents_come_as_parts_or_inline_in_any_mix(inline, lakeside, harbour, person):
    entries = [xds.Entry(person.xad, cda(f"mix {n}") + bytes(range(256)) * n, mime_type="application/octet-stream")
               for n in range(3)]
    chosen = {"none": [], "all": entries, "some": entries[1:2]}[inline]
    assert lakeside.provide(xds.Submission(person.xad, entries), inline=chosen).ok
    got = harbour.retrieve(*documents(harbour, person).entries)
    assert got.ok
    assert {d.unique_id: d.content for d in got.documents} == {e.unique_id: e.content for e in entries}


@pytest.mark.parametrize("shape", ["unquoted boundary", "root part last", "simple soap"])
def test_every_legal_shape_of_an_mtom_message_is_read(shape, lakeside, harbour, person):
    entry = xds.Entry(person.xad, cda(shape))
    body, parts = xds.Submission(person.xad, [entry]).provide(inline=[entry] if shape == "simple soap" else [])
    root = soap.envelope(xds.ITI41, body)
    if shape == "simple soap":
        kind, content = "application/soap+xml; charset=UTF-8", soap.serialise(root)
    else:
        kind, content = soap.multipart(root, parts, quote=shape != "unquoted boundary",
                                       root_first=shape != "root part last")
    response = xds.Response(soap.read(lakeside.link.post("/xds/repository", kind, content)))
    assert response.ok, response
    assert documents(harbour, person).unique_ids == [entry.unique_id]


def test_the_answer_to_iti_41_is_mtom(lakeside, person):
    _, response = lakeside.publish(person.xad, cda())
    assert response.ok and response.answer.mtom
    assert response.answer.header("Action") == "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-bResponse"


def test_the_answer_to_iti_42_is_simple_soap(lakeside, person):
    response = lakeside.register(xds.Submission(person.xad, [xds.Entry(person.xad, cda())]))
    assert response.ok and not response.answer.mtom


@pytest.mark.parametrize("header", ["no ReplyTo", "wsa:To", "wsse:Security"])
def test_headers_that_peers_send_are_accepted(header, lakeside, person):
    security = etree.Element("{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
                             "Security")
    security.set(f"{{{soap.SOAP}}}mustUnderstand", "1")
    options = {"no ReplyTo": {"reply_to": None}, "wsa:To": {"to": "https://elsewhere.example/xds"},
               "wsse:Security": {"headers": [security]}}[header]
    answer = lakeside.link.call("/xds/registry", xds.ITI18, xds.find_documents(person.xad), **options)
    assert xds.Response(answer).ok


def test_a_header_that_must_be_understood_and_is_not_gives_the_fault(lakeside, person):
    odd = etree.Element("{urn:example:odd}Odd")
    odd.set(f"{{{soap.SOAP}}}mustUnderstand", "1")
    answer = lakeside.link.call("/xds/registry", xds.ITI18, xds.find_documents(person.xad), headers=[odd])
    assert answer.fault and "MustUnderstand" in etree.tostring(answer.body).decode()


@pytest.mark.parametrize("nested", [False, True])
def test_the_classification_of_the_set_stands_inside_or_beside_it(nested, lakeside, harbour, person):
    submission = xds.Submission(person.xad, [xds.Entry(person.xad, cda())], nested_classification=nested)
    assert lakeside.provide(submission).ok
    assert len(documents(harbour, person).entries) == 1


def test_symbolic_ids_become_uuids_and_given_ones_stay(lakeside, harbour, person):
    given = xds.Entry(person.xad, cda("given"), id=xds.new_urn())
    symbolic = xds.Entry(person.xad, cda("symbolic"), id="doc")
    assert lakeside.provide(xds.Submission(person.xad, [given, symbolic])).ok
    ids = {e.unique_id: e.id for e in documents(harbour, person).entries}
    assert ids[given.unique_id] == given.id
    assert ids[symbolic.unique_id].startswith("urn:uuid:") and ids[symbolic.unique_id] != "doc"


def test_hash_size_and_repository_are_filled_in_and_availability_is_set(lakeside, harbour, person):
    entry, response = lakeside.publish(person.xad, cda("fill"), repository="1.2.3.999",
                                       change=lambda e: e.set("status", xds.DEPRECATED))
    assert response.ok
    found = harbour.find(person.xad).entries[0]
    assert found.slot("hash") == entry.sha1() and found.slot("size") == str(len(entry.content))
    assert found.repository == harbour.hub.repository
    assert found.status == xds.APPROVED


# --- what is refused ------------------------------------------------------------------------------------

def test_a_resent_submission_fails_for_its_unique_id(lakeside, harbour, person):
    submission = xds.Submission(person.xad, [xds.Entry(person.xad, cda())])
    assert lakeside.provide(submission).ok
    refused(lakeside.provide(submission), "XDSDuplicateUniqueIdInRegistry")
    assert len(documents(harbour, person).entries) == 1


def test_the_same_unique_id_with_another_hash_fails(lakeside, harbour, person):
    entry, _ = lakeside.publish(person.xad, cda("one"))
    other, response = lakeside.publish(person.xad, cda("two"), unique_id=entry.unique_id)
    refused(response, "XDSNonIdenticalHash")
    assert entry.unique_id in " ".join(e.context for e in response.errors)
    assert [d.content for d in harbour.retrieve((harbour.hub.repository, entry.unique_id)).documents] == [
        entry.content]


def test_the_same_unique_id_with_the_same_bytes_makes_a_second_entry(lakeside, harbour, person):
    entry, _ = lakeside.publish(person.xad, cda("same"))
    _, response = lakeside.publish(person.xad, entry.content, unique_id=entry.unique_id)
    assert response.ok, response
    assert harbour.get(unique_ids=[entry.unique_id]).unique_ids == [entry.unique_id] * 2


def test_a_set_may_not_take_the_unique_id_of_a_document(lakeside, person):
    entry, _ = lakeside.publish(person.xad, cda())
    response = lakeside.provide(xds.Submission(person.xad, [xds.Entry(person.xad, cda("x"))],
                                               unique_id=entry.unique_id))
    refused(response, "XDSDuplicateUniqueIdInRegistry")


def test_an_entry_uuid_that_exists_is_refused(lakeside, person):
    entry = xds.Entry(person.xad, cda(), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [entry])).ok
    again = xds.Entry(person.xad, cda("again"), id=entry.id)
    assert lakeside.provide(xds.Submission(person.xad, [again])).status == xds.FAILURE


def two_with_one_unique_id(person):
    first = xds.Entry(person.xad, cda("1"))
    return [first, xds.Entry(person.xad, cda("2"), unique_id=first.unique_id)]


def without(scheme):
    def change(element):
        path = f"*[@classificationScheme='{scheme}' or @identificationScheme='{scheme}']"
        for e in element.xpath(path):
            element.remove(e)
    return change


def without_slot(name):
    def change(element):
        for e in element.findall(f"rim:Slot[@name='{name}']", xds.NAMESPACES):
            element.remove(e)
    return change


WRONG = {
    "an unknown patient": (lambda p: [xds.Entry("NOBODY^^^&" + p.xad.split("&")[1] + "&ISO", cda())],
                           "XDSUnknownPatientId"),
    "a wrong hash": (lambda p: [xds.Entry(p.xad, cda(), hash="0" * 40)], "XDSRepositoryMetadataError"),
    "a wrong size": (lambda p: [xds.Entry(p.xad, cda(), size="1")], "XDSRepositoryMetadataError"),
    "one unique id twice": (two_with_one_unique_id, "XDSRepositoryDuplicateUniqueIdInMessage"),
    "no class code": (lambda p: [xds.Entry(p.xad, cda(), class_code=None)], "XDSRegistryMetadataError"),
    "no type code": (lambda p: [xds.Entry(p.xad, cda(), type_code=None)], "XDSRegistryMetadataError"),
    "no format code": (lambda p: [xds.Entry(p.xad, cda(), format_code=None)], "XDSRegistryMetadataError"),
    "no facility type": (lambda p: [xds.Entry(p.xad, cda(), facility_type=None)], "XDSRegistryMetadataError"),
    "no practice setting": (lambda p: [xds.Entry(p.xad, cda(), practice_setting=None)], "XDSRegistryMetadataError"),
    "no confidentiality": (lambda p: [xds.Entry(p.xad, cda(), confidentiality=[])], "XDSRegistryMetadataError"),
    "two class codes": (lambda p: [xds.Entry(p.xad, cda(), class_code=[xds.Code("a", "1.2"), xds.Code("b", "1.2")])],
                        "XDSRegistryMetadataError"),
    "no creation time": (lambda p: [xds.Entry(p.xad, cda(), creation_time=None)], "XDSRegistryMetadataError"),
    "a creation time that is none": (lambda p: [xds.Entry(p.xad, cda(), creation_time="20261340")],
                                     "XDSRegistryMetadataError"),
    "no language": (lambda p: [xds.Entry(p.xad, cda(), language=None)], "XDSRegistryMetadataError"),
    "no source patient": (lambda p: [xds.Entry(p.xad, cda(), change=without_slot("sourcePatientId"))],
                          "XDSRegistryMetadataError"),
    "no patient id": (lambda p: [xds.Entry(p.xad, cda(), change=without(xds.ENTRY_PATIENT))],
                      "XDSRegistryMetadataError"),
    "service that stops before it starts":
        (lambda p: [xds.Entry(p.xad, cda(), service_start="2026", service_stop="2025")], "XDSRegistryMetadataError"),
    "an object type of no kind": (lambda p: [xds.Entry(p.xad, cda(), object_type=xds.new_urn())],
                                  "XDSRegistryMetadataError"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_metadata_has_its_error_and_leaves_nothing(what, lakeside, harbour, person):
    build, code = WRONG[what]
    good = xds.Entry(person.xad, cda("beside"))
    response = lakeside.provide(xds.Submission(person.xad, [good] + build(person)))
    assert response.status == xds.FAILURE, response
    assert code in response.codes or (what == "an unknown patient" and
                                      "XDSPatientIdDoesNotMatch" in response.codes), response
    assert not documents(harbour, person).entries
    got = harbour.retrieve((harbour.hub.repository, good.unique_id))
    assert got.status == xds.FAILURE and not got.documents


def test_one_patient_a_submission(lakeside, harbour, person):
    other = known(lakeside, harbour)
    response = lakeside.provide(xds.Submission(person.xad, [xds.Entry(other.xad, cda())]))
    refused(response, "XDSPatientIdDoesNotMatch")


def test_metadata_without_its_document_is_refused(lakeside, harbour, person):
    entry = xds.Entry(person.xad, cda())
    body, _ = xds.Submission(person.xad, [entry]).provide()
    body.remove(body[-1])
    response = xds.Response(lakeside.link.call("/xds/repository", xds.ITI41, body, mtom=True))
    refused(response, "XDSMissingDocument")
    assert not documents(harbour, person).entries


def test_a_document_without_its_metadata_is_refused(lakeside, harbour, person):
    entry = xds.Entry(person.xad, cda())
    body, parts = xds.Submission(person.xad, [entry]).provide(inline=[entry])
    etree.SubElement(body, f"{{{xds.XDSB}}}Document", id="Nothing").text = "QQ=="
    response = xds.Response(lakeside.link.call("/xds/repository", xds.ITI41, body, mtom=True))
    refused(response, "XDSMissingDocumentMetadata")
    assert not documents(harbour, person).entries


def test_one_unique_id_twice_in_a_registration_has_the_registrys_code(lakeside, person):
    response = lakeside.register(xds.Submission(person.xad, two_with_one_unique_id(person)))
    refused(response, "XDSRegistryDuplicateUniqueIdInMessage")


@pytest.mark.parametrize("slot", ["hash", "size", "repositoryUniqueId"])
def test_a_registration_needs_what_only_a_repository_knows(slot, lakeside, harbour, person):
    entry = xds.Entry(person.xad, cda(slot), change=without_slot(slot))
    refused(lakeside.register(xds.Submission(person.xad, [entry])), "XDSRegistryMetadataError")
    assert not documents(harbour, person).entries


# --- associations ---------------------------------------------------------------------------------------

def publish(lakeside, person, text):
    entry = xds.Entry(person.xad, cda(text), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [entry])).ok
    return entry


def replace(lakeside, person, target, text="replacement", kind=xds.RPLC):
    entry = xds.Entry(person.xad, cda(text), id=xds.new_urn())
    return entry, lakeside.provide(xds.Submission(person.xad, [entry], relations=[(kind, entry.id, target)]))


def statuses(harbour, person):
    return {e.unique_id: e.status for e in documents(harbour, person).entries}


def test_a_replacement_deprecates_what_it_replaces(lakeside, harbour, person):
    old = publish(lakeside, person, "old")
    new, response = replace(lakeside, person, old.id)
    assert response.ok, response
    assert statuses(harbour, person) == {old.unique_id: xds.DEPRECATED, new.unique_id: xds.APPROVED}
    assert harbour.find(person.xad).unique_ids == [new.unique_id]
    assert harbour.get(unique_ids=[old.unique_id]).entries[0].status == xds.DEPRECATED
    assert harbour.retrieve((harbour.hub.repository, old.unique_id)).documents[0].content == old.content


def test_a_replacement_deprecates_the_appended_and_transformed_children(lakeside, harbour, person):
    old = publish(lakeside, person, "old")
    child, response = replace(lakeside, person, old.id, "addendum", xds.APND)
    assert response.ok, response
    transformed, response = replace(lakeside, person, old.id, "transformed", xds.XFRM)
    assert response.ok, response
    new, response = replace(lakeside, person, old.id)
    assert response.ok, response
    assert harbour.find(person.xad).unique_ids == [new.unique_id]


def test_what_is_deprecated_cannot_be_replaced(lakeside, harbour, person):
    old = publish(lakeside, person, "old")
    replace(lakeside, person, old.id)
    _, response = replace(lakeside, person, old.id, "too late")
    refused(response, "XDSRegistryDeprecatedDocumentError")


def test_what_is_not_there_cannot_be_replaced(lakeside, person):
    _, response = replace(lakeside, person, xds.new_urn())
    refused(response, "UnresolvedReferenceException")


def test_a_replacement_of_another_patients_document_is_refused(lakeside, harbour, person):
    other = known(lakeside, harbour)
    old = publish(lakeside, other, "other's")
    _, response = replace(lakeside, person, old.id)
    refused(response, "XDSPatientIdDoesNotMatch")


def test_a_folder_is_stored_with_its_documents(lakeside, harbour, person):
    folder = xds.Folder(person.xad)
    entry = xds.Entry(person.xad, cda())
    submission = xds.Submission(person.xad, [entry], [folder], [(xds.HAS_MEMBER, folder.id, entry.id)])
    response = lakeside.provide(submission)
    assert response.ok, response


def test_a_transformed_replacement_deprecates_too(lakeside, harbour, person):
    old = publish(lakeside, person, "old")
    new, response = replace(lakeside, person, old.id, "transformed", xds.XFRM_RPLC)
    assert response.ok, response
    assert harbour.find(person.xad).unique_ids == [new.unique_id]


@pytest.mark.parametrize("kind", [xds.APND, xds.XFRM, xds.SIGNS])
def test_a_relationship_leaves_its_target_approved(kind, lakeside, harbour, person):
    old = publish(lakeside, person, "old")
    new, response = replace(lakeside, person, old.id, "beside", kind)
    assert response.ok, response
    assert harbour.find(person.xad).unique_ids == sorted([old.unique_id, new.unique_id])


def test_a_snapshot_is_of_an_on_demand_entry(lakeside, person):
    old = publish(lakeside, person, "stable")
    _, response = replace(lakeside, person, old.id, "snapshot", xds.SNAPSHOT)
    refused(response, "XDSRegistryMetadataError")


def test_a_replacement_comes_into_the_folders_of_what_it_replaces(lakeside, harbour, person):
    folder, old = xds.Folder(person.xad, id=xds.new_urn()), xds.Entry(person.xad, cda("old"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [old], [folder], [(xds.HAS_MEMBER, folder.id, old.id)])).ok
    new, response = replace(lakeside, person, old.id)
    assert response.ok, response
    contents = xds.adhoc_query("urn:uuid:b909a503-523d-4517-8acf-8e5834dfc4c7",
                               [("$XDSFolderEntryUUID", [xds.quoted(folder.id)])])
    found = harbour.query(contents)
    assert sorted(e.unique_id for e in found.entries) == sorted([old.unique_id, new.unique_id]), found


def test_a_delayed_document_is_registered_before_its_bytes_are_known(lakeside, harbour, person):
    """TF-1 10.2.10: hash and size of nothing now, by ITI-57 those of the document when it is made."""
    entry = xds.Entry(person.xad, b"", id=xds.new_urn(), hash="da39a3ee5e6b4b0d3255bfef95601890afd80709", size="0",
                      repository="1.2.3.4.5")
    assert lakeside.register(xds.Submission(person.xad, [entry])).ok
    made = xds.Entry(person.xad, cda("made"), entry.unique_id, xds.new_urn(), lid=entry.id, previous="1",
                     repository="1.2.3.4.5")
    response = lakeside.update(xds.Submission(person.xad, [made]))
    assert response.ok, response
    assert [(e.slot("size"), e.version) for e in harbour.find(person.xad).entries] == [(str(len(made.content)), "2")]
    other = xds.Entry(person.xad, cda("another"), entry.unique_id, repository="1.2.3.4.5")
    refused(lakeside.register(xds.Submission(person.xad, [other])), "XDSNonIdenticalHash")


def test_concurrent_replacements_of_one_document_let_one_through(lakeside, harbour, person):
    import threading

    from hospital import Hospital

    old = publish(lakeside, person, "contested")
    results = []

    def attempt(number):
        own = Hospital(lakeside.name, lakeside.identity, lakeside.authority, lakeside.hub)
        results.append(replace(own, person, old.id, f"contender {number}")[1])
        own.close()

    threads = [threading.Thread(target=attempt, args=[n]) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(r.ok for r in results) == 1, results
    assert len(harbour.find(person.xad).entries) == 1


def test_concurrent_submissions_of_one_document_store_it_once(lakeside, harbour, person):
    import threading

    from hospital import Hospital

    submission = xds.Submission(person.xad, [xds.Entry(person.xad, cda("once"), id=xds.new_urn())])
    results = []

    def attempt():
        own = Hospital(lakeside.name, lakeside.identity, lakeside.authority, lakeside.hub)
        results.append(own.provide(submission))
        own.close()

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(r.ok for r in results) == 1, results
    assert len(documents(harbour, person).entries) == 1


# --- size -----------------------------------------------------------------------------------------------

def test_a_document_of_some_megabytes_streams_through(lakeside, harbour, person):
    content = hashlib.sha256(b"seed").digest() * (1 << 18)  # 8 MB
    entry, response = lakeside.publish(person.xad, content, mime_type="application/dicom")
    assert response.ok, response
    got = harbour.retrieve((harbour.hub.repository, entry.unique_id))
    assert got.ok and got.documents[0].content == content


def inline(lakeside, person, size):
    """(content type, bytes) of a submission whose document of that size stands inside the XML."""
    entry = xds.Entry(person.xad, b"x" * size, mime_type="text/plain")
    body, _ = xds.Submission(person.xad, [entry]).provide(inline=[entry])
    return soap.multipart(soap.envelope(xds.ITI41, body), {})


def test_inline_base64_above_the_limit_is_refused_and_names_mtom(lakeside, person):
    answer = soap.read(lakeside.link.post("/xds/repository", *inline(lakeside, person, 6 << 20)))
    response = xds.Response(answer)
    refused(response, "XDSRepositoryError")
    assert "MTOM" in response.errors[0].context


def test_a_message_that_is_too_large_without_its_parts_is_refused_by_http_and_names_mtom(lakeside, person):
    answer = lakeside.link.post("/xds/repository", *inline(lakeside, person, 8 << 20))
    assert answer.status == 413 and b"MTOM" in answer.content


def test_an_empty_document_is_the_hash_of_nothing(lakeside, harbour, person):
    entry, response = lakeside.publish(person.xad, b"", mime_type="text/plain")
    if response.ok:
        found = harbour.find(person.xad).entries[0]
        assert found.slot("size") == "0"
        assert found.slot("hash") == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
        assert harbour.retrieve(found).documents[0].content == b""
    else:
        assert response.errors[0].context
