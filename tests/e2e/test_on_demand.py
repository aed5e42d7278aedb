"""On-demand entries (ITI-61), and the snapshots that their retrieval makes (ITI-43)."""
import threading

import pytest

from hospital import Hospital, xds
from people import cda, known


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


def on_demand(hub, person, **fields):
    return xds.Entry(person.xad, **{"object_type": xds.ON_DEMAND, "creation_time": None, "repository": hub.repository,
                                    "id": xds.new_urn(), "title": "Current summary", **fields})


def registered(hub, hospital, person, **fields):
    entry = on_demand(hub, person, **fields)
    response = hospital.register_on_demand(xds.Submission(person.xad, [entry]))
    assert response.ok, response
    return entry


def publish(hospital, person, text, created, **fields):
    entry, response = hospital.publish(person.xad, cda(text), creation_time=created, **fields)
    assert response.ok, response
    return entry


def ask(hospital, entry):
    """(NewDocumentUniqueId, bytes) of the one document."""
    response = hospital.retrieve((entry.repository, entry.unique_id))
    assert response.ok, response
    element = response.body.find("xdsb:DocumentResponse", xds.NAMESPACES)
    assert element.findtext("xdsb:DocumentUniqueId", None, xds.NAMESPACES) == entry.unique_id
    assert element.findtext("xdsb:NewRepositoryUniqueId", None, xds.NAMESPACES) == entry.repository
    return element.findtext("xdsb:NewDocumentUniqueId", None, xds.NAMESPACES), response.documents[0].content


def test_each_transaction_takes_its_own_kind(hub, lakeside, person):
    entry = on_demand(hub, person)
    response = lakeside.register_on_demand(xds.Submission(person.xad, [xds.Entry(person.xad, cda())]))
    assert response.codes and set(response.codes) == {"XDSRegistryMetadataError"}
    entry.hash, entry.size = None, None
    response = xds.Response(lakeside.link.call("/xds/registry", xds.ITI42,
                                               xds.Submission(person.xad, [entry]).objects()))
    assert set(response.codes) == {"XDSRegistryMetadataError"} and "stable" in response.errors[0].context
    assert registered(hub, lakeside, person)


def test_a_query_shows_it_when_it_is_asked_for(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    assert not harbour.find(person.xad).entries
    types = [("$XDSDocumentEntryType", [xds.listed(xds.ON_DEMAND, xds.STABLE)])]
    assert [e.id for e in harbour.find(person.xad, types).entries] == [entry.id]


def test_the_newest_document_of_its_kind_is_the_answer_and_is_kept(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    publish(lakeside, person, "older", "20260101")
    newest = publish(lakeside, person, "newest", "20260301")
    publish(lakeside, person, "other kind", "20260401", type_code=xds.Code("11506-3", xds.LOINC))
    new_id, content = ask(harbour, entry)
    assert content == newest.content and new_id not in (entry.unique_id, newest.unique_id)
    again = harbour.retrieve((hub.repository, new_id))
    assert again.documents[0].content == content
    kept = harbour.get(unique_ids=[new_id]).entries[0]
    assert kept.slot("hash") == newest.sha1() and kept.title == "Current summary"


def test_the_same_bytes_have_the_same_id_and_others_replace_them(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    publish(lakeside, person, "first", "20260101")
    first, _ = ask(harbour, entry)
    assert ask(lakeside, entry)[0] == first
    newer = publish(lakeside, person, "second", "20260201")
    second, content = ask(harbour, entry)
    assert second != first and content == newer.content
    assert harbour.get(unique_ids=[first]).entries[0].status == xds.DEPRECATED
    assert harbour.get(unique_ids=[second]).entries[0].status == xds.APPROVED


def test_who_asks_at_once_gets_one_snapshot(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    publish(lakeside, person, "only", "20260101")
    got = []

    def attempt():
        own = Hospital(harbour.name, harbour.identity, harbour.authority, harbour.hub)
        got.append(ask(own, entry)[0])
        own.close()

    threads = [threading.Thread(target=attempt) for _ in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(got) == 5 and len(set(got)) == 1, got


def test_nothing_to_make_it_of_is_an_error_of_that_document(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    other = publish(lakeside, person, "other kind", "20260401", type_code=xds.Code("11506-3", xds.LOINC))
    response = harbour.retrieve((hub.repository, entry.unique_id), (hub.repository, other.unique_id))
    assert response.status == xds.PARTIAL and response.codes == ["XDSDocumentUniqueIdError"]
    assert [d.content for d in response.documents] == [other.content]


def test_the_documents_of_others_are_not_in_it(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    foreign = publish(harbour, person, "of another publisher", "20260301")
    response = harbour.retrieve((hub.repository, entry.unique_id))
    assert response.status == xds.FAILURE and response.codes == ["XDSDocumentUniqueIdError"], response
    own = publish(lakeside, person, "own and older", "20260101")
    assert foreign.content != own.content and ask(harbour, entry)[1] == own.content


def test_its_unique_id_is_that_of_no_other(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    _, response = harbour.publish(person.xad, cda("in its place"), unique_id=entry.unique_id)
    assert response.codes == ["XDSDuplicateUniqueIdInRegistry"], response
    stable = publish(lakeside, person, "stable", "20260101")
    other = on_demand(hub, person, unique_id=stable.unique_id)
    response = harbour.register_on_demand(xds.Submission(person.xad, [other]))
    assert response.codes == ["XDSDuplicateUniqueIdInRegistry"], response


def test_ten_are_made_for_one_request(hub, lakeside, harbour, person):
    publish(lakeside, person, "copied", "20260101")
    entries = [registered(hub, lakeside, person) for _ in range(11)]
    response = harbour.retrieve(*[(hub.repository, e.unique_id) for e in entries])
    assert response.status == xds.PARTIAL and len(response.documents) == 10, response
    assert response.codes == ["XDSRepositoryOutOfResources"]


def test_what_the_caller_may_not_see_is_not_in_it(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    publish(lakeside, person, "hidden", "20260101")
    hub.run("consent", "set", "--patient", person.xad, "--deny")
    response = harbour.retrieve((hub.repository, entry.unique_id))
    assert response.status == xds.FAILURE and not response.documents


def test_a_snapshot_is_audited_beside_its_retrieval(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    publish(lakeside, person, "audited", "20260101")
    ask(harbour, entry)
    ask(harbour, entry)
    assert sorted(r["action"] for r in hub.audit(transaction="ITI-43", patient=person.xad)) == ["C", "R", "R"]


def test_it_is_updated_as_any_other(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    second = on_demand(hub, person, unique_id=entry.unique_id, lid=entry.id, previous="1", title="Renamed")
    submission = xds.Submission(person.xad, [second])
    submission.register = submission.objects
    response = lakeside.update(submission)
    assert response.ok, response
    assert [e.version for e in harbour.get(unique_ids=[entry.unique_id]).entries] == ["2"]


def test_a_retracted_document_takes_the_snapshots_that_hold_its_bytes(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    wrong = publish(lakeside, person, "of somebody else", "20260301")
    new_id, _ = ask(harbour, entry)
    answer = hub.json("xds", "retract", wrong.unique_id, "--reason", "filed under a namesake")
    assert answer["entries"] == 2
    assert not harbour.get(unique_ids=[new_id, wrong.unique_id]).objects
    assert not harbour.retrieve((hub.repository, new_id)).documents
    assert harbour.get(entry_uuids=[entry.id]).entries, "the on-demand entry stays"


def test_a_retracted_on_demand_entry_takes_its_snapshots(hub, lakeside, harbour, person):
    entry = registered(hub, lakeside, person)
    source = publish(lakeside, person, "right", "20260301")
    new_id, _ = ask(harbour, entry)
    answer = hub.json("xds", "retract", entry.unique_id, "--reason", "no such summary")
    assert answer["entries"] == 2 and {r["member"] for r in answer["retrieved"]} == {"harbour"}
    assert not harbour.get(unique_ids=[new_id, entry.unique_id]).objects
    assert harbour.get(unique_ids=[source.unique_id]).entries
