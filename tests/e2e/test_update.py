"""Changes of what is registered: new versions and statuses (ITI-57, ITI-92), removal (ITI-62, ITI-86)."""
import threading

import psycopg2
import pytest

from hospital import Hospital, xds
from people import cda, known


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


@pytest.fixture(scope="module")
def sql(hub):
    """sql(text, *values): rows, as the database's owner sees them: what no query shows."""
    connection = psycopg2.connect(f"{hub.database} user=causeway_admin")
    connection.autocommit = True

    def run(text, *values):
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.fetchall()

    yield run
    connection.close()


def refused(response, code, *words):
    assert response.status == xds.FAILURE and code in response.codes, response
    said = " ".join(e.context for e in response.errors)
    assert all(w in said for w in words), said


def publish(hospital, person, text="first", **options):
    entry = xds.Entry(person.xad, cda(text), id=xds.new_urn())
    submission = xds.Submission(person.xad, [entry], id=xds.new_urn(), **options)
    response = hospital.provide(submission)
    assert response.ok, response
    entry.set_id = submission.id
    return entry


def newer(entry, person, previous="1", **changes):
    """The next version of an entry, as its source writes it."""
    return xds.Entry(person.xad, entry.content, **{
        "unique_id": entry.unique_id, "id": xds.new_urn(), "lid": entry.lid or entry.id, "previous": previous,
        "hash": entry.sha1(), "size": str(len(entry.content)), "repository": entry.repository or REPOSITORY,
        "title": "corrected", **changes})


REPOSITORY = None


@pytest.fixture(autouse=True)
def repository(hub):
    global REPOSITORY
    REPOSITORY = hub.repository


def update(hospital, person, *entries, action=xds.ITI57, **options):
    return hospital.update(xds.Submission(person.xad, list(entries), **options), action)


def versions(harbour, entry):
    """{version: status} of everything under its uniqueId."""
    return {e.version: e.status for e in harbour.get(unique_ids=[entry.unique_id], metadata_level=2).entries}


# --- versions -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("action", [xds.ITI57, xds.ITI92])
def test_an_update_makes_the_next_version_and_deprecates_the_last(action, lakeside, harbour, person):
    first = publish(lakeside, person)
    second = newer(first, person)
    response = update(lakeside, person, second, action=action)
    assert response.ok, response
    third = newer(second, person, "2", title="again")
    assert update(lakeside, person, third, action=action).ok
    assert versions(harbour, first) == {"1": xds.DEPRECATED, "2": xds.DEPRECATED, "3": xds.APPROVED}
    found = harbour.find(person.xad).entries
    assert [(e.id, e.lid, e.title) for e in found] == [(third.id, first.id, "again")]


def test_every_version_has_the_bytes(lakeside, harbour, person):
    first = publish(lakeside, person)
    assert update(lakeside, person, newer(first, person)).ok
    found = harbour.find(person.xad).entries[0]
    assert harbour.retrieve(found).documents[0].content == first.content


def test_an_update_must_follow_the_latest_version(lakeside, harbour, person):
    first = publish(lakeside, person)
    assert update(lakeside, person, newer(first, person)).ok
    late = newer(first, person)
    refused(update(lakeside, person, late), "XDSMetadataVersionError", late.id, "is 2")
    assert versions(harbour, first) == {"1": xds.DEPRECATED, "2": xds.APPROVED}


def test_of_concurrent_updates_one_goes_through(lakeside, harbour, person):
    first = publish(lakeside, person)
    results = []

    def attempt():
        own = Hospital(lakeside.name, lakeside.identity, lakeside.authority, lakeside.hub)
        results.append(update(own, person, newer(first, person)))
        own.close()

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(r.ok for r in results) == 1, results
    assert versions(harbour, first) == {"1": xds.DEPRECATED, "2": xds.APPROVED}


def test_what_is_deprecated_is_not_updated(lakeside, harbour, person):
    first = publish(lakeside, person)
    new = xds.Entry(person.xad, cda("new"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [new], relations=[(xds.RPLC, new.id, first.id)])).ok
    refused(update(lakeside, person, newer(first, person)), "XDSMetadataUpdateError", first.id, "Deprecated")


WRONG = {
    "another uniqueId": (dict(unique_id="1.2.3.4.5.6"), "XDSMetadataIdentifierError", "1.2.3.4.5.6"),
    "an unknown lid": (dict(lid="urn:uuid:00000000-0000-4000-8000-000000000001"), "XDSMetadataVersionError",
                       "00000000-0000-4000-8000-000000000001"),
    "a lid that is no UUID": (dict(lid="logical"), "XDSMetadataUpdateError", "logical"),
    "no lid": (dict(lid=None), "XDSMetadataUpdateError", "lid"),
    "no PreviousVersion": (dict(previous=None), "XDSMetadataUpdateError", "PreviousVersion"),
    "a hash that the bytes have not": (dict(hash="0" * 40), "XDSMetadataUpdateError", "hash"),
    "an on-demand type": (dict(object_type=xds.ON_DEMAND, creation_time=None, hash=None, size=None),
                          "XDSMetadataUpdateError", "objectType"),
    "AssociationPropagation maybe": (dict(propagate="maybe"), "XDSMetadataUpdateError", "maybe"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_update_has_its_error_and_leaves_nothing(what, lakeside, harbour, person):
    changes, code, words = WRONG[what]
    first = publish(lakeside, person)
    entry = newer(first, person, **changes)
    submission = xds.Submission(person.xad, [entry])
    if "hash" in changes and changes["hash"] is None:
        submission.register = submission.objects
    refused(lakeside.update(submission), code, words)
    assert [e.id for e in harbour.find(person.xad).entries] == [first.id]


@pytest.mark.parametrize("attribute, value", [("source_patient_id", "X1^^^&1.2.3.4&ISO"),
                                              ("repository", "1.2.3.4.5")])
def test_a_restricted_update_may_not_change(attribute, value, lakeside, person):
    first = publish(lakeside, person)
    entry = newer(first, person, **{attribute: value})
    refused(update(lakeside, person, entry, action=xds.ITI92), "UnmodifiableMetadataError", entry.id, value)


def test_a_restricted_update_holds_documents_only(lakeside, person):
    first = publish(lakeside, person)
    response = update(lakeside, person, action=xds.ITI92, statuses=[(first.id, xds.APPROVED, xds.DEPRECATED)])
    refused(response, "XDSMetadataUpdateOperationError", "restate0")


@pytest.mark.parametrize("action", [xds.ITI57, xds.ITI92])
def test_an_update_does_not_move_a_document_to_another_patient(action, lakeside, harbour, person):
    other, first = known(lakeside, harbour), publish(lakeside, person)
    entry = newer(first, other)
    refused(update(lakeside, other, entry, action=action), "XDSPatientIDReconciliationError", other.xad, first.id)


def test_one_object_is_not_updated_twice_in_a_message(lakeside, person):
    first = publish(lakeside, person)
    refused(update(lakeside, person, newer(first, person), newer(first, person)), "XDSMetadataUpdateError", first.id)


def test_a_message_that_asks_for_nothing_is_refused(lakeside, person):
    refused(update(lakeside, person), "XDSMetadataUpdateError")


def test_only_the_publisher_or_a_curator_updates(hub, lakeside, harbour, person):
    first = publish(lakeside, person)
    refused(update(harbour, person, newer(first, person)), "XDSMetadataUpdateError", first.id)
    hub.run("xds", "source", "harbour", "--curator", "on")
    try:
        assert update(harbour, person, newer(first, person)).ok
    finally:
        hub.run("xds", "source", "harbour", "--curator", "off")


def test_what_only_an_update_may_say_is_refused_by_a_registration(lakeside, person):
    first = publish(lakeside, person)
    entry = xds.Entry(person.xad, cda("x"))
    submission = xds.Submission(person.xad, [entry], statuses=[(first.id, xds.APPROVED, xds.DEPRECATED)])
    refused(lakeside.register(submission), "XDSRegistryMetadataError", "ITI-57")


# --- propagation ----------------------------------------------------------------------------------------

def filed(lakeside, person):
    """A document in a folder, with an addendum."""
    folder, entry = xds.Folder(person.xad, id=xds.new_urn()), xds.Entry(person.xad, cda("base"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [entry], [folder],
                                           [(xds.HAS_MEMBER, folder.id, entry.id)])).ok
    addendum = xds.Entry(person.xad, cda("addendum"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [addendum],
                                           relations=[(xds.APND, addendum.id, entry.id)])).ok
    return folder, entry, addendum


LINKS = """SELECT association_type, source_uuid, target_uuid, status FROM xds_association
           WHERE %s::uuid IN (source_uuid, target_uuid) AND source_kind <> 'set'"""


def uuid(urn):
    return urn.removeprefix("urn:uuid:")


def test_a_new_version_takes_the_associations_along(lakeside, person, sql):
    folder, entry, addendum = filed(lakeside, person)
    sql("UPDATE xds_folder SET last_update_time = '20200101' WHERE entry_uuid = %s RETURNING 1", uuid(folder.id))
    second = newer(entry, person)
    assert update(lakeside, person, second).ok
    assert sorted(sql(LINKS, uuid(second.id))) == sorted([
        (xds.HAS_MEMBER, uuid(folder.id), uuid(second.id), "approved"),
        (xds.APND, uuid(addendum.id), uuid(second.id), "approved")])
    assert sql("SELECT last_update_time > '2026' FROM xds_folder WHERE entry_uuid = %s", uuid(folder.id)) == [(True,)]
    assert sql("""SELECT count(*) FROM xds_association s JOIN xds_association m ON m.entry_uuid = s.target_uuid
                  WHERE s.source_kind = 'set' AND m.target_uuid = %s AND m.source_kind = 'folder'""",
               uuid(second.id)) == [(1,)]


def test_a_new_version_leaves_them_when_told_to(lakeside, person, sql):
    folder, entry, addendum = filed(lakeside, person)
    second = newer(entry, person, propagate="no")
    assert update(lakeside, person, second).ok
    assert sql(LINKS, uuid(second.id)) == []


def test_two_new_versions_keep_the_association_between_them_once(lakeside, person, sql):
    _, entry, addendum = filed(lakeside, person)
    one, two = newer(entry, person), newer(addendum, person)
    assert update(lakeside, person, one, two).ok
    assert [r for r in sql(LINKS, uuid(two.id))] == [(xds.APND, uuid(two.id), uuid(one.id), "approved")]


def test_a_folder_gets_versions_and_keeps_its_documents(lakeside, person, sql):
    folder, entry, _ = filed(lakeside, person)
    second = xds.Folder(person.xad, folder.unique_id, xds.new_urn(), "New title", lid=folder.id, previous="1")
    response = lakeside.update(xds.Submission(person.xad, [], [second]))
    assert response.ok, response
    assert sql("SELECT version, status FROM xds_folder WHERE unique_id = %s ORDER BY version", folder.unique_id) == [
        (1, "deprecated"), (2, "approved")]
    assert (xds.HAS_MEMBER, uuid(second.id), uuid(entry.id), "approved") in sql(LINKS, uuid(entry.id))


def test_a_folder_that_nobody_registered_is_no_update(lakeside, person):
    folder = xds.Folder(person.xad)
    refused(lakeside.update(xds.Submission(person.xad, [], [folder])), "XDSMetadataUpdateError", folder.id)


# --- the uniqueId of another's document ------------------------------------------------------------------

NOTHING = "da39a3ee5e6b4b0d3255bfef95601890afd80709"


def test_a_delayed_document_has_a_unique_id_of_its_own(lakeside, harbour, person):
    victim = publish(lakeside, person, "the victim's")
    own = xds.Entry(person.xad, b"", victim.unique_id, hash=NOTHING, size="0", repository="1.2.3.4.5")
    refused(harbour.register(xds.Submission(person.xad, [own])), "XDSNonIdenticalHash", victim.unique_id)


def test_an_update_does_not_say_what_anothers_document_is(lakeside, harbour, person):
    victim = publish(lakeside, person, "the victim's")
    own = xds.Entry(person.xad, victim.content, victim.unique_id, xds.new_urn(), repository="1.2.3.4.5")
    assert harbour.register(xds.Submission(person.xad, [own])).ok
    forged = xds.Entry(person.xad, cda("forged"), victim.unique_id, xds.new_urn(), lid=own.id, previous="1",
                       repository="1.2.3.4.5")
    refused(update(harbour, person, forged), "XDSNonIdenticalHash", victim.unique_id)
    assert update(harbour, person, newer(own, person, repository="1.2.3.4.5")).ok
    _, response = harbour.publish(person.xad, cda("forged"), unique_id=victim.unique_id)
    refused(response, "XDSNonIdenticalHash", victim.unique_id)
    assert harbour.retrieve((REPOSITORY, victim.unique_id)).documents[0].content == victim.content


def test_a_document_with_two_contents_is_not_given(lakeside, harbour, person, sql):
    one = publish(lakeside, person, "one")
    two = xds.Entry(person.xad, one.content, one.unique_id, xds.new_urn())
    assert harbour.provide(xds.Submission(person.xad, [two])).ok
    assert harbour.retrieve((REPOSITORY, one.unique_id)).ok
    sql("UPDATE xds_document_entry SET hash = %s WHERE entry_uuid = %s RETURNING 1", "0" * 40, uuid(two.id))
    assert harbour.retrieve((REPOSITORY, one.unique_id)).codes == ["XDSRepositoryError"]


# --- availabilityStatus and associations ----------------------------------------------------------------

def restate(hospital, person, target, original, new):
    return update(hospital, person, statuses=[(target, original, new)])


def test_a_status_changes_from_what_it_is_to_the_other(lakeside, harbour, person):
    entry = publish(lakeside, person)
    assert restate(lakeside, person, entry.id, xds.APPROVED, xds.DEPRECATED).ok
    assert not harbour.find(person.xad).entries
    refused(restate(lakeside, person, entry.id, xds.APPROVED, xds.DEPRECATED), "XDSMetadataUpdateError", entry.id)
    assert restate(lakeside, person, entry.id, xds.DEPRECATED, xds.APPROVED).ok
    assert [e.id for e in harbour.find(person.xad).entries] == [entry.id]


def test_a_new_version_may_be_deprecated_in_the_same_message(lakeside, harbour, person):
    entry = publish(lakeside, person)
    second = newer(entry, person)
    refused(update(lakeside, person, second, statuses=[(second.id, xds.DEPRECATED, xds.APPROVED)]),
            "XDSMetadataUpdateError", "restate0")
    assert update(lakeside, person, second, statuses=[(second.id, xds.APPROVED, xds.DEPRECATED)]).ok
    assert versions(harbour, entry) == {"1": xds.DEPRECATED, "2": xds.DEPRECATED}


def test_an_old_version_does_not_come_back(lakeside, harbour, person):
    entry = publish(lakeside, person)
    assert update(lakeside, person, newer(entry, person)).ok
    refused(restate(lakeside, person, entry.id, xds.DEPRECATED, xds.APPROVED), "XDSMetadataUpdateOperationError",
            entry.id)


@pytest.mark.parametrize("original, new, code", [
    (xds.APPROVED, xds.APPROVED, "XDSMetadataUpdateOperationError"), ("Approved", xds.DEPRECATED,
                                                                      "XDSMetadataUpdateError"),
    (xds.APPROVED, None, "XDSMetadataUpdateError")])
def test_two_different_statuses_are_named(original, new, code, lakeside, person):
    entry = publish(lakeside, person)
    refused(restate(lakeside, person, entry.id, original, new), code, "restate0")


def test_a_submission_set_keeps_its_status(lakeside, person):
    entry = publish(lakeside, person)
    refused(restate(lakeside, person, entry.set_id, xds.APPROVED, xds.DEPRECATED),
            "XDSMetadataUpdateOperationError", entry.set_id)


def test_a_status_of_nothing_is_unresolved(lakeside, person):
    nothing = xds.new_urn()
    refused(restate(lakeside, person, nothing, xds.APPROVED, xds.DEPRECATED), "UnresolvedReferenceException", nothing)


def test_an_association_is_submitted_between_registered_documents_and_deprecated(lakeside, person, sql):
    one, two = publish(lakeside, person, "one"), publish(lakeside, person, "two")
    response = update(lakeside, person, relations=[(xds.APND, one.id, two.id)])
    assert response.ok, response
    assert sql(LINKS, uuid(one.id)) == [(xds.APND, uuid(one.id), uuid(two.id), "approved")]
    [(link,)] = sql("SELECT entry_uuid FROM xds_association WHERE source_uuid = %s", uuid(one.id))
    assert restate(lakeside, person, f"urn:uuid:{link}", xds.APPROVED, xds.DEPRECATED).ok
    assert sql(LINKS, uuid(one.id)) == [(xds.APND, uuid(one.id), uuid(two.id), "deprecated")]


@pytest.mark.parametrize("relation", [xds.RPLC, xds.APND, xds.XFRM])
def test_what_others_published_is_not_related_by_an_update(relation, lakeside, harbour, person):
    one, two, own = publish(lakeside, person, "one"), publish(lakeside, person, "two"), publish(harbour, person, "own")
    refused(update(harbour, person, relations=[(relation, one.id, two.id)]), "XDSMetadataUpdateError", one.id)
    assert update(harbour, person, relations=[(relation, own.id, two.id)]).ok == (relation != xds.RPLC)
    assert {e.id for e in harbour.find(person.xad).entries} == {one.id, two.id, own.id}


def test_a_document_does_not_replace_itself(lakeside, harbour, person):
    entry = publish(lakeside, person)
    refused(update(lakeside, person, relations=[(xds.RPLC, entry.id, entry.id.upper().replace("URN:UUID", "urn:uuid"))]),
            "XDSRegistryMetadataError")
    assert [e.id for e in harbour.find(person.xad).entries] == [entry.id]


def test_a_snapshot_is_not_made_of_a_registered_document(lakeside, person):
    one, two = publish(lakeside, person, "one"), publish(lakeside, person, "two")
    refused(update(lakeside, person, relations=[(xds.SNAPSHOT, one.id, two.id)]), "XDSRegistryMetadataError",
            "registration")


def test_an_association_of_no_known_type_is_a_metadata_error(lakeside, person):
    one, two = publish(lakeside, person, "one"), publish(lakeside, person, "two")
    refused(update(lakeside, person, relations=[("urn:example:Likes", one.id, two.id)]), "XDSRegistryMetadataError",
            "urn:example:Likes")


def test_a_document_is_put_into_a_registered_folder(lakeside, person, sql):
    folder, entry, addendum = filed(lakeside, person)
    assert update(lakeside, person, relations=[(xds.HAS_MEMBER, folder.id, addendum.id)]).ok
    assert (xds.HAS_MEMBER, uuid(folder.id), uuid(addendum.id), "approved") in sql(LINKS, uuid(addendum.id))


# --- ITI-62 ---------------------------------------------------------------------------------------------

def everything_of(sql, entry):
    """entryUUIDs of a submission with one document: the document, its membership, the set."""
    [(link,)] = sql("SELECT entry_uuid FROM xds_association WHERE target_uuid = %s", uuid(entry.id))
    return entry.id, f"urn:uuid:{link}", entry.set_id


def test_a_whole_submission_is_removed(lakeside, harbour, person, sql):
    entry = publish(lakeside, person)
    response = lakeside.remove_metadata(*everything_of(sql, entry))
    assert response.ok, response
    assert not harbour.get(unique_ids=[entry.unique_id]).entries
    assert not harbour.get(entry_uuids=[entry.id]).entries
    assert harbour.retrieve((REPOSITORY, entry.unique_id)).codes == ["XDSDocumentUniqueIdError"]
    assert sql("SELECT count(*) FROM xds_blob WHERE entry_uuid = %s AND removed_at IS NULL", uuid(entry.id)) == [(0,)]


def test_the_ids_of_what_was_removed_name_nothing_else(lakeside, person, sql):
    entry = publish(lakeside, person)
    assert lakeside.remove_metadata(*everything_of(sql, entry)).ok
    _, response = lakeside.publish(person.xad, cda("other bytes"), unique_id=entry.unique_id)
    refused(response, "XDSNonIdenticalHash", entry.unique_id)


def test_what_is_not_registered_cannot_be_removed(lakeside):
    nothing = xds.new_urn()
    refused(lakeside.remove_metadata(nothing), "UnresolvedReferenceException", nothing)


@pytest.mark.parametrize("keep, code", [(1, "ReferencesExistException"), (2, "XDSUnreferencedObjectException"),
                                        (0, "XDSUnreferencedObjectException")])
def test_nothing_is_left_hanging(keep, code, lakeside, harbour, person, sql):
    entry = publish(lakeside, person)
    ids = list(everything_of(sql, entry))
    kept = ids.pop(keep)
    refused(lakeside.remove_metadata(*ids), code, kept)
    assert harbour.get(entry_uuids=[entry.id]).entries


def test_a_membership_in_a_folder_is_removed_with_its_filing(lakeside, person, sql):
    folder, entry, _ = filed(lakeside, person)
    [(member, filing)] = sql("""SELECT m.entry_uuid, s.entry_uuid FROM xds_association m
                                JOIN xds_association s ON s.target_uuid = m.entry_uuid
                                WHERE m.target_uuid = %s AND m.source_kind = 'folder'""", uuid(entry.id))
    refused(lakeside.remove_metadata(f"urn:uuid:{member}"), "ReferencesExistException", str(filing))
    assert lakeside.remove_metadata(f"urn:uuid:{member}", f"urn:uuid:{filing}").ok
    assert (xds.HAS_MEMBER, uuid(folder.id), uuid(entry.id), "approved") not in sql(LINKS, uuid(entry.id))


def test_only_the_publisher_removes(lakeside, harbour, person, sql):
    entry = publish(lakeside, person)
    refused(harbour.remove_metadata(*everything_of(sql, entry)), "XDSRegistryError", entry.id)
    refused(harbour.remove_documents((REPOSITORY, entry.unique_id)), "XDSRepositoryError", entry.unique_id)


def test_removals_are_audited_with_their_objects(hub, lakeside, person, sql):
    entry = publish(lakeside, person)
    ids = everything_of(sql, entry)
    assert lakeside.remove_documents((REPOSITORY, entry.unique_id)).ok
    assert lakeside.remove_metadata(*ids).ok
    rows = hub.audit(transaction="ITI-62", patient=person.xad)
    assert [r["action"] for r in rows] == ["D"]
    assert sorted(o["id"] for o in rows[0]["objects"]) == sorted(ids)
    assert [r["action"] for r in hub.audit(transaction="ITI-86", patient=person.xad)] == ["D"]


# --- ITI-86 ---------------------------------------------------------------------------------------------

def test_a_removed_document_cannot_be_retrieved_and_its_entry_stays(lakeside, harbour, person):
    entry = publish(lakeside, person)
    found = harbour.find(person.xad).entries[0]
    response = lakeside.remove_documents(found)
    assert response.ok, response
    assert harbour.retrieve(found).codes == ["XDSDocumentUniqueIdError"]
    assert [e.id for e in harbour.find(person.xad).entries] == [entry.id]
    refused(lakeside.remove_documents(found), "XDSDocumentUniqueIdError", entry.unique_id)


def test_all_of_a_removal_or_nothing(lakeside, harbour, person):
    entry = publish(lakeside, person)
    found = harbour.find(person.xad).entries[0]
    refused(lakeside.remove_documents(found, (REPOSITORY, "1.2.3.4.5")), "XDSDocumentUniqueIdError", "1.2.3.4.5")
    assert harbour.retrieve(found).ok


def test_a_strangers_entry_does_not_keep_a_document(lakeside, harbour, person):
    entry = publish(lakeside, person)
    strange = xds.Entry(person.xad, entry.content, entry.unique_id, xds.new_urn(), repository="1.2.3.4.5")
    assert harbour.register(xds.Submission(person.xad, [strange])).ok
    refused(harbour.remove_documents((REPOSITORY, entry.unique_id)), "XDSRepositoryError", entry.unique_id)
    assert lakeside.remove_documents((REPOSITORY, entry.unique_id)).ok
    assert harbour.retrieve((REPOSITORY, entry.unique_id)).codes == ["XDSDocumentUniqueIdError"]


def test_a_removal_names_this_repository(lakeside):
    refused(lakeside.remove_documents(("1.2.3", "1.2.3.4.5")), "XDSUnknownRepositoryId", "1.2.3")
