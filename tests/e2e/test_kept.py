"""What a hub keeps in memory of document entries and consents answers nothing that has changed since, whoever
changed it: here another program, behind the hub's back."""
import concurrent.futures

import psycopg2
import pytest
from lxml import etree

from hospital import Hospital, xds
from people import cda, known


@pytest.fixture
def sql(hub):
    """sql(text, *values): as the database's owner, who tells the hub nothing."""
    connection = psycopg2.connect(f"{hub.database} user=causeway_admin")
    connection.autocommit = True

    def run(text, *values):
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.rowcount

    yield run
    connection.close()


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


@pytest.fixture
def entries(lakeside, harbour, person):
    """Three entries that harbour has listed and opened until nothing but versions is asked for."""
    for text in ("one", "two", "three"):
        lakeside.publish(person.xad, cda(text))
    for _ in range(4):
        found = harbour.find(person.xad).entries
        for entry in found:
            assert len(harbour.retrieve(entry).documents) == 1
    assert len(found) == 3
    return found


def seen(response):
    """Everything that is said of each entry, as it came."""
    return sorted(etree.tostring(e.element) for e in response.entries)


def test_what_is_kept_is_said_as_it_was_read(harbour, person, entries):
    assert seen(harbour.find(person.xad)) == sorted(etree.tostring(e.element) for e in entries)


def test_what_another_program_has_changed_is_answered_from_the_next_request_on(harbour, person, entries, sql):
    changed = entries[1].unique_id
    assert sql("UPDATE xds_document_entry SET title = ARRAY[NULL, NULL, 'changed'], mime_type = 'text/plain' "
               "WHERE unique_id = %s", changed) == 1

    found = {e.unique_id: e for e in harbour.find(person.xad).entries}
    assert found[changed].title == "changed" and found[changed].mime_type == "text/plain"
    assert [d.mime_type for d in harbour.retrieve(found[changed]).documents] == ["text/plain"]
    assert len(found) == 3


def test_an_entry_that_is_opened_first_after_a_change_says_so(harbour, entries, sql):
    assert sql("UPDATE xds_document_entry SET mime_type = 'text/plain' WHERE unique_id = %s", entries[0].unique_id)
    assert [d.mime_type for d in harbour.retrieve(entries[0]).documents] == ["text/plain"]


def test_what_is_deprecated_or_new_is_so_at_once(lakeside, harbour, person, entries, sql):
    old = entries[0].unique_id
    assert sql("UPDATE xds_document_entry SET status = 'deprecated' WHERE unique_id = %s", old) == 1
    new, _ = lakeside.publish(person.xad, cda("four"))

    found = harbour.find(person.xad).unique_ids
    assert old not in found and new.unique_id in found and len(found) == 3
    every = harbour.find(person.xad, status=(xds.APPROVED, xds.DEPRECATED))
    assert {e.unique_id: e.status for e in every.entries}[old] == xds.DEPRECATED


def test_what_was_removed_is_not_opened(lakeside, harbour, entries):
    assert lakeside.remove_documents(entries[0]).ok
    assert harbour.retrieve(entries[0]).codes == ["XDSDocumentUniqueIdError"]
    assert len(harbour.retrieve(entries[1]).documents) == 1


def test_a_denial_holds_from_the_next_request_on_and_its_end_too(hub, harbour, person, entries):
    policy = hub.json("consent", "set", "--patient", person.xad, "--deny")["policy"]
    assert harbour.find(person.xad).entries == []
    assert harbour.retrieve(entries[0]).codes == ["XDSDocumentUniqueIdError"]
    hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
    assert len(harbour.find(person.xad).entries) == 3
    assert len(harbour.retrieve(entries[0]).documents) == 1


def test_many_who_read_the_same_get_the_same(lakeside, harbour, person, entries):
    """Each has what it may change to itself; what is shared nobody changes."""
    hospitals = [lakeside, harbour]
    wanted = {h.name: seen(h.find(person.xad)) for h in hospitals}

    def ask(number):
        one = hospitals[number % 2]
        hospital = Hospital(one.name, one.identity, one.authority, one.hub)
        try:
            return all(seen(hospital.find(person.xad)) == wanted[one.name] for _ in range(40))
        finally:
            hospital.close()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))


@pytest.fixture
def recalled(hub):
    """recalled(question) -> how many answers it was given from memory; its own goes to `question`'s asserts."""
    def count(question):
        before = hub.metric("causeway_requests_recalled_total")
        question()
        return hub.metric("causeway_requests_recalled_total") - before

    return count


def often(recalled, question):
    """Nearly always: one answer in sixty-four is doubted whatever the database says, so that a slow one tells nothing."""
    return max(recalled(question) for _ in range(6)) == 1


def opens(hospital, *entries, documents=None):
    answer = hospital.retrieve(*entries)
    assert len(answer.documents) == (len(entries) if documents is None else documents)
    return answer


def test_a_document_that_was_opened_before_is_given_from_memory_and_recorded(hub, harbour, person, entries, recalled):
    rows = len(hub.audit(transaction="ITI-43", patient=person.xad))
    assert often(recalled, lambda: opens(harbour, entries[0]))
    told = hub.audit(transaction="ITI-43", patient=person.xad)
    assert len(told) == rows + 6 and told[-1]["outcome"] == 0
    assert [o["id"] for o in told[-1]["objects"] if o["kind"] == "document"] == [entries[0].unique_id]


def test_several_documents_of_one_request_are_too(harbour, entries, recalled):
    for _ in range(3):
        opens(harbour, *entries)
    assert often(recalled, lambda: opens(harbour, *entries))


def test_what_has_changed_is_asked_again_and_then_remembered_anew(hub, harbour, entries, sql, recalled):
    moved = hub.metric("causeway_requests_moved_total")
    assert sql("UPDATE xds_document_entry SET mime_type = 'text/plain' WHERE unique_id = %s", entries[0].unique_id)
    assert recalled(lambda: opens(harbour, entries[0])) == 0
    assert hub.metric("causeway_requests_moved_total") == moved + 1
    opens(harbour, entries[0])
    assert often(recalled, lambda: opens(harbour, entries[0]))


def test_who_is_not_shown_something_is_never_answered_from_memory(hub, lakeside, harbour, person, entries, recalled):
    """Its time would tell when what is hidden changes."""
    assert recalled(lambda: [opens(harbour, (entries[0].repository, "1.2.3.4"), documents=0) for _ in range(4)]) == 0
    assert recalled(lambda: [opens(harbour, entries[0], (entries[0].repository, "1.2.3.4"), documents=1)
                             for _ in range(4)]) == 0
    hub.json("consent", "set", "--patient", person.xad, "--deny")
    assert recalled(lambda: [opens(harbour, entries[0], documents=0) for _ in range(4)]) == 0


def test_what_another_member_has_opened_is_not_in_this_ones_memory(lakeside, harbour, entries, recalled):
    assert recalled(lambda: opens(lakeside, entries[0])) == 0


def test_a_lost_database_connection_loses_no_answer(harbour, person, entries, sql):
    """The last one: until each worker has noticed, nothing is answered from memory."""
    before = seen(harbour.find(person.xad))
    # waits for the end of each: what is asked while one ends may be told so
    assert sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
               " WHERE application_name = 'causeway worker' AND datname = current_database()") > 0
    for _ in range(3):
        assert seen(harbour.find(person.xad)) == before
