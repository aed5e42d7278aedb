"""Every error code of TF-3 Table 4.2.4.1-2 that a registry or a repository can raise, in the condition that
defines it: the answer's status, the code, its severity, and a codeContext that names id and value.

One table: each row builds its condition with World and gives the answer and the words to be found.
"""
import csv
from contextlib import contextmanager

import psycopg2
import pytest

from hospital import Hospital, xds
from people import cda, known

SETTINGS = {"max_results": 30}

# Codes of the table that others raise.
ELSEWHERE = {
    "DocumentQueued": "an XDR recipient", "InvalidDocumentContent": "a recipient that reads what it gets",
    "PartialAppendContentNotProcessed": "an XDR recipient", "PartialFolderContentNotProcessed": "an XDR recipient",
    "PartialReplaceContentNotProcessed": "an XDR recipient", "PartialTransformNotProcessed": "an XDR recipient",
    "PartialTransformReplaceNotProcessed": "an XDR recipient",
    "XDSMissingHomeCommunityId": "a gateway", "XDSUnavailableCommunity": "a gateway",
}


class World:
    """Two hospitals, a person, and the ways to go wrong."""

    def __init__(self, hub, us, them, hurried):
        self.hub, self.us, self.them, self.hurried = hub, us, them, hurried
        self.person = known(us, them)
    def entry(self, text="text", **fields):
        return xds.Entry(fields.pop("patient_id", self.person.xad), cda(text), **{"id": xds.new_urn(), **fields})

    def submission(self, *entries, **fields):
        return xds.Submission(fields.pop("patient_id", self.person.xad), list(entries), **fields)

    def stored(self, text="stored", **fields):
        entry = self.entry(text, **fields)
        assert self.us.provide(self.submission(entry)).ok
        return entry

    def version(self, entry, **fields):
        return xds.Entry(fields.pop("patient_id", self.person.xad), entry.content, **{
            "unique_id": entry.unique_id, "id": xds.new_urn(), "lid": entry.id, "previous": "1",
            "hash": entry.sha1(), "size": str(len(entry.content)), "repository": self.hub.repository, **fields})

    @property
    def another(self):
        if not hasattr(self, "_another"):
            self._another = known(self.us, self.them)
        return self._another

    @contextmanager
    def sql(self):
        connection = psycopg2.connect(f"{self.hub.database} user=causeway_admin")
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def locked(self):
        """The registry waits for a lock that nobody gives back in time."""
        with self.sql() as connection, connection.cursor() as cursor:
            cursor.execute("LOCK TABLE uid_claim IN ACCESS EXCLUSIVE MODE")
            yield

    @contextmanager
    def away(self):
        """The registry's database takes no connections."""
        with self.sql() as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("SELECT current_database()")
            name = cursor.fetchone()[0]
            cursor.execute("ALTER ROLE causeway_hub NOLOGIN")
            try:
                cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                               "WHERE datname = %s AND usename = 'causeway_hub'", [name])
                yield
            finally:
                cursor.execute("ALTER ROLE causeway_hub LOGIN")

    def removed_ids(self, entry):
        with self.sql() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT entry_uuid, source_uuid FROM xds_association WHERE target_uuid = %s",
                           [entry.id.removeprefix("urn:uuid:")])
            return [f"urn:uuid:{u}" for u in cursor.fetchone()]


# --- ITI-42 and ITI-41 ----------------------------------------------------------------------------------

def unknown_patient(w):
    nobody = "NOBODY^^^&" + w.person.xad.split("&")[1] + "&ISO"
    return w.us.register(w.submission(w.entry(patient_id=nobody), patient_id=nobody)), [nobody]


def unlike_patients(w):
    entry = w.entry(patient_id=w.another.xad)
    return w.us.register(w.submission(entry)), [w.another.xad, w.person.xad, entry.id]


def another_patients_folder(w):
    folder = xds.Folder(w.another.xad, id=xds.new_urn())
    assert w.us.register(xds.Submission(w.another.xad, [], [folder])).ok
    entry = w.entry()
    return w.us.register(w.submission(entry, relations=[(xds.HAS_MEMBER, folder.id, entry.id)])), [folder.id]


def other_hash(w):
    stored = w.stored()
    return w.us.provide(w.submission(w.entry("other", unique_id=stored.unique_id))), [stored.unique_id]


def other_size(w):
    stored = w.stored()
    again = w.entry("stored", unique_id=stored.unique_id, size="1")
    return w.us.register(w.submission(again)), [stored.unique_id]


def set_id_again(w):
    submission = w.submission(w.entry())
    assert w.us.register(submission).ok
    return w.us.register(w.submission(w.entry(), unique_id=submission.unique_id)), ["SubmissionSet",
                                                                                    submission.unique_id]


def folder_id_again(w):
    stored = w.stored()
    folder = xds.Folder(w.person.xad, stored.unique_id)
    return w.us.register(w.submission(folders=[folder])), ["Folder", stored.unique_id]


def twice(w):
    first = w.entry()
    return w.submission(first, w.entry("x", unique_id=first.unique_id)), [first.unique_id]


def twice_at_the_registry(w):
    submission, words = twice(w)
    return w.us.register(submission), words


def twice_at_the_repository(w):
    submission, words = twice(w)
    return w.us.provide(submission), words


def bad_metadata(w):
    entry = w.entry(creation_time="20261340")
    return w.us.register(w.submission(entry)), ["creationTime", "20261340", entry.id]


def bad_hash_of_the_bytes(w):
    entry = w.entry(hash="0" * 40)
    return w.us.provide(w.submission(entry)), [entry.unique_id, "0" * 40, entry.sha1()]


def no_document(w):
    entry = w.entry()
    body, _ = w.submission(entry).provide()
    body.remove(body[-1])
    return xds.Response(w.us.link.call("/xds/repository", xds.ITI41, body, mtom=True)), [entry.id]


def no_metadata(w):
    entry = w.entry()
    body, parts = w.submission(entry).provide()
    body.append(xds.etree.fromstring(f'<Document xmlns="{xds.XDSB}" id="Nothing">QQ==</Document>'))
    return xds.Response(w.us.link.call("/xds/repository", xds.ITI41, body, parts, mtom=True)), ["Nothing"]


def no_submission(w):
    body = xds.etree.Element(f"{{{xds.XDSB}}}ProvideAndRegisterDocumentSetRequest")
    return xds.Response(w.us.link.call("/xds/repository", xds.ITI41, body, mtom=True)), ["SubmitObjectsRequest"]


def no_message(w):
    body = xds.etree.Element(f"{{{xds.LCM}}}ApproveObjectsRequest")
    return xds.Response(w.us.link.call("/xds/registry", xds.ITI42, body)), ["SubmitObjectsRequest"]


def registry_away(w):
    submission = w.submission(w.entry())
    with w.away():
        return w.us.provide(submission), []


def registry_busy(w):
    submission = w.submission(w.entry())
    with w.locked():
        return w.hurried.register(submission), []


def repository_busy(w):
    submission = w.submission(w.entry())
    with w.locked():
        return w.hurried.provide(submission), []


def replaces_the_replaced(w):
    stored = w.stored()
    for text in ("second", "third"):
        entry = w.entry(text)
        response = w.us.provide(w.submission(entry, relations=[(xds.RPLC, entry.id, stored.id)]))
    return response, [stored.id]


def refers_to_nothing(w):
    nothing, entry = xds.new_urn(), w.entry()
    return w.us.register(w.submission(entry, relations=[(xds.APND, entry.id, nothing)])), [nothing]


def more_than_can_be_kept(w):
    def add(element):
        code = element.find(f"rim:Classification[@classificationScheme='{xds.ENTRY_CODES['type_code']}']", xds.NAMESPACES)
        code.append(xds.slot("urn:example:more", "1"))

    entry = w.entry(change=add)
    return w.us.register(w.submission(entry)), ["urn:example:more", entry.id]


# --- queries and retrieval ------------------------------------------------------------------------------

def unknown_query(w):
    return w.us.query(xds.adhoc_query("urn:uuid:00000000-0000-4000-8000-000000000000", [])), ["00000000-0000-4000"]


def no_patient(w):
    return w.us.query(xds.adhoc_query(xds.FIND_DOCUMENTS, [("$XDSDocumentEntryStatus", ["('x')"])])), [
        "$XDSDocumentEntryPatientId"]


def two_patients(w):
    slot = ("$XDSDocumentEntryPatientId", [f"('{w.person.xad}','{w.another.xad}')"])
    return w.us.query(xds.adhoc_query(xds.FIND_DOCUMENTS, [
        slot, ("$XDSDocumentEntryStatus", [f"('{xds.APPROVED}')"])])), ["$XDSDocumentEntryPatientId"]


def documents_of_two(w):
    mine, other = w.stored(), w.entry(patient_id=w.another.xad)
    assert w.us.provide(w.submission(other, patient_id=w.another.xad)).ok
    return w.us.get(unique_ids=[mine.unique_id, other.unique_id]), []


def too_many(w):
    assert w.us.register(w.submission(*(w.entry(str(n)) for n in range(31)))).ok
    return w.us.find(w.person.xad), ["30"]


def other_repository(w):
    return w.us.retrieve(("1.2.3.4", w.stored().unique_id)), ["1.2.3.4"]


def other_community(w):
    body = xds.retrieve([(w.hub.repository, w.stored().unique_id)], home="urn:oid:1.2.3.4")
    return xds.Response(w.us.link.call("/xds/repository", xds.ITI43, body, mtom=True)), ["urn:oid:1.2.3.4"]


def other_document(w):
    return w.us.retrieve((w.hub.repository, "1.2.3.4.5")), ["1.2.3.4.5"]


def too_many_documents(w):
    return w.us.retrieve(*[(w.hub.repository, f"1.2.{n}") for n in range(1001)]), ["1001", "1000"]


# --- changes --------------------------------------------------------------------------------------------

def update(w, *entries, action=xds.ITI57, **fields):
    return w.us.update(w.submission(*entries, **fields), action)


def no_update(w):
    entry = w.version(w.stored(), lid="none")
    return update(w, entry), [entry.id, "none"]


def same_status(w):
    entry = w.stored()
    return update(w, statuses=[(entry.id, xds.APPROVED, xds.APPROVED)]), ["restate0", xds.APPROVED]


def old_version(w):
    entry = w.version(w.stored(), previous="7")
    return update(w, entry), [entry.id, entry.lid, "7"]


def other_unique_id(w):
    stored = w.stored()
    entry = w.version(stored, unique_id="1.2.3.4.5")
    return update(w, entry), [entry.id, "1.2.3.4.5", stored.unique_id]


def moved_patient(w):
    entry = w.version(w.stored(), patient_id=w.another.xad)
    return update(w, entry, patient_id=w.another.xad), [entry.id, w.another.xad]


def fixed_attribute(w):
    entry = w.version(w.stored(), source_patient_id="X^^^&1.2.3.4&ISO")
    return update(w, entry, action=xds.ITI92), [entry.id, "sourcePatientId", "X^^^&1.2.3.4&ISO"]


def set_alone(w):
    entry = w.stored()
    link, package = w.removed_ids(entry)
    return w.us.remove_metadata(package), [link, package]


def all_but_the_set(w):
    entry = w.stored()
    link, package = w.removed_ids(entry)
    return w.us.remove_metadata(entry.id, link), [package]


def unknown_object(w):
    nothing = xds.new_urn()
    return w.us.remove_metadata(nothing), [nothing]


def too_many_objects(w):
    return w.us.remove_metadata(*[xds.new_urn() for _ in range(1001)]), ["1001", "1000"]


def unknown_document(w):
    return w.us.remove_documents((w.hub.repository, "1.2.3.4.5")), ["1.2.3.4.5"]


TABLE = [
    ("XDSUnknownPatientId", unknown_patient), ("XDSPatientIdDoesNotMatch", unlike_patients),
    ("XDSPatientIdDoesNotMatch", another_patients_folder), ("XDSNonIdenticalHash", other_hash),
    ("XDSNonIdenticalSize", other_size), ("XDSDuplicateUniqueIdInRegistry", set_id_again),
    ("XDSDuplicateUniqueIdInRegistry", folder_id_again),
    ("XDSRegistryDuplicateUniqueIdInMessage", twice_at_the_registry),
    ("XDSRepositoryDuplicateUniqueIdInMessage", twice_at_the_repository), ("XDSRegistryMetadataError", bad_metadata),
    ("XDSRepositoryMetadataError", bad_hash_of_the_bytes), ("XDSMissingDocument", no_document),
    ("XDSMissingDocumentMetadata", no_metadata), ("XDSRepositoryError", no_submission), ("XDSRegistryError", no_message),
    ("XDSRegistryNotAvailable", registry_away), ("XDSRegistryBusy", registry_busy),
    ("XDSRepositoryBusy", repository_busy), ("XDSRegistryDeprecatedDocumentError", replaces_the_replaced),
    ("UnresolvedReferenceException", refers_to_nothing), ("XDSExtraMetadataNotSaved", more_than_can_be_kept),
    ("XDSUnknownStoredQuery", unknown_query), ("XDSStoredQueryMissingParam", no_patient),
    ("XDSStoredQueryParamNumber", two_patients), ("XDSResultNotSinglePatient", documents_of_two),
    ("XDSTooManyResults", too_many), ("XDSUnknownRepositoryId", other_repository),
    ("XDSUnknownCommunity", other_community), ("XDSDocumentUniqueIdError", other_document),
    ("XDSRepositoryOutOfResources", too_many_documents), ("XDSMetadataUpdateError", no_update),
    ("XDSMetadataUpdateOperationError", same_status), ("XDSMetadataVersionError", old_version),
    ("XDSMetadataIdentifierError", other_unique_id), ("XDSPatientIDReconciliationError", moved_patient),
    ("UnmodifiableMetadataError", fixed_attribute), ("ReferencesExistException", set_alone),
    ("XDSUnreferencedObjectException", all_but_the_set), ("UnresolvedReferenceException", unknown_object),
    ("XDSRegistryOutOfResources", too_many_objects), ("XDSDocumentUniqueIdError", unknown_document),
]
WARNINGS = {"XDSExtraMetadataNotSaved"}


@pytest.fixture(scope="module")
def hurried(hub, make_hub, lakeside):
    """Lakeside at another process, which gives a request two seconds."""
    twin = make_hub("error-codes-twin", twin=hub, request_seconds=2)
    member = Hospital(lakeside.name, lakeside.identity, lakeside.authority, twin)
    yield member
    member.close()
    twin.stop()


@pytest.mark.parametrize("code, condition", TABLE, ids=[f"{c}-{f.__name__}" for c, f in TABLE])
def test_the_code_is_raised_where_its_condition_holds(code, condition, hub, lakeside, harbour, hurried):
    response, words = condition(World(hub, lakeside, harbour, hurried))
    severity = xds.WARNING if code in WARNINGS else xds.ERROR
    assert response.status == (xds.SUCCESS if code in WARNINGS else xds.FAILURE), response
    assert code in response.codes, response
    assert response.highest_severity == severity
    said = [e for e in response.errors if e.code == code]
    assert all(e.severity == severity and e.context for e in said)
    missing = [w for w in words if not any(w in e.context for e in said)]
    assert not missing, f"{missing} not in {[e.context for e in said]}"
    if severity == xds.ERROR:
        assert not response.entries and not response.refs and not response.documents


def test_the_table_is_complete(data):
    with open(data("ihe/nist/TransactionDefinedErrorCodes.txt")) as file:
        known_codes = {row[1].strip() for row in list(csv.reader(file))[1:]}
    raised = {code for code, _ in TABLE}
    assert known_codes - raised == set(ELSEWHERE), "neither raised nor another actor's"
