"""Running it: health, metrics, draining, two hubs over one database, round trips, audit."""
import threading

import pytest

from hospital import Hospital, soap, xds
from hospital.hub import eventually
from people import cda, known


@pytest.fixture(scope="module")
def person(lakeside, harbour):
    person = known(lakeside, harbour)
    for n in range(10):
        assert lakeside.publish(person.xad, cda(f"document {n}"))[1].ok
    return person


def test_the_health_paths_answer(hub):
    assert hub.get("/healthz")[0] == 200
    assert hub.get("/readyz") == (200, "ready\n")
    status, text = hub.get("/metrics")
    assert status == 200
    assert "# TYPE causeway_request_seconds histogram" in text
    assert hub.get("/nothing")[0] == 404


def test_a_hub_whose_database_is_gone_is_not_ready_and_comes_back(cluster, make_hub):
    """The database is shut to the hub, not stopped: other tests' hubs live on the same server."""
    import psycopg2

    hub = make_hub("lost")
    name = "lost"
    admin = psycopg2.connect(hub.database.replace(f"dbname={name}", "dbname=postgres") + " user=causeway_admin")
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        eventually(lambda: hub.get("/readyz")[0] == 503)
        assert hub.get("/healthz")[0] == 200
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    admin.close()
    eventually(lambda: hub.get("/readyz")[0] == 200)
    hub.stop()


# --- round trips to the database ------------------------------------------------------------------------------

def flushes_of(member, transaction, work):
    """Round trips of the one request that `work` makes by this member's link."""
    hub = member.hub
    member.link.open().exchange("GET", "/")  # read when what the link asked before has been counted
    labels = dict(transaction=transaction, outcome="ok")
    before = [hub.metric(f"causeway_request_{m}", **labels) for m in ("flushes_total", "seconds_count")]
    work()
    eventually(lambda: hub.metric("causeway_request_seconds_count", **labels) > before[1], f"no {transaction}")
    after = [hub.metric(f"causeway_request_{m}", **labels) for m in ("flushes_total", "seconds_count")]
    assert after[1] == before[1] + 1
    return after[0] - before[0]


@pytest.mark.parametrize("count", [1, 10])
def test_iti_42_takes_four_round_trips_at_most(count, hub, lakeside, harbour):
    person = known(lakeside, harbour)
    entries = [xds.Entry(person.xad, cda(f"flush {n}")) for n in range(count)]
    submission = xds.Submission(person.xad, entries)
    assert flushes_of(lakeside, "ITI-42", lambda: lakeside.register(submission)) <= 4


@pytest.mark.parametrize("return_type", ["LeafClass", "ObjectRef"])
def test_find_documents_takes_four_round_trips_at_most(return_type, hub, harbour, person):
    assert flushes_of(harbour, "ITI-18", lambda: harbour.find(person.xad, return_type=return_type)) <= 4


def test_a_second_question_about_a_patient_takes_two_round_trips(hub, harbour, person):
    harbour.find(person.xad)
    assert flushes_of(harbour, "ITI-18", lambda: harbour.find(person.xad)) <= 2


def test_a_patient_who_was_asked_about_is_answered_as_of_now_after_a_merge_and_an_unmerge(hub, lakeside, harbour):
    two = [known(lakeside), known(lakeside)]
    published = [lakeside.publish(p.xad, cda(f"of {p.serial}"))[0].unique_id for p in two]

    def found():
        return [harbour.find(p.xad).unique_ids for p in two]

    assert found() == found() == [[u] for u in published]
    merge = hub.json("mpi", "merge", *(p.cx(lakeside) for p in two), "--why", "one patient")["merge"]
    assert sorted(map(sorted, found())) == sorted(map(sorted, found())) == [[], sorted(published)]
    hub.json("mpi", "unmerge", merge)
    assert found() == found() == [[u] for u in published]


@pytest.mark.parametrize("by", ["entry_uuids", "unique_ids"])
def test_get_documents_takes_five_round_trips_at_most(by, hub, harbour, person):
    found = harbour.find(person.xad).entries
    ids = [e.id if by == "entry_uuids" else e.unique_id for e in found]
    assert flushes_of(harbour, "ITI-18", lambda: harbour.get(**{by: ids})) <= 5


def test_a_retrieve_takes_three_round_trips_at_most(hub, lakeside, person):
    entry, _ = lakeside.publish(person.xad, cda("not asked about before"))
    assert flushes_of(lakeside, "ITI-43", lambda: lakeside.retrieve((hub.repository, entry.unique_id))) <= 3


def test_a_retrieve_of_what_the_member_was_told_of_takes_two(hub, harbour, person):
    entry = harbour.find(person.xad).entries[0]
    assert flushes_of(harbour, "ITI-43", lambda: harbour.retrieve(entry)) <= 2


# --- draining -----------------------------------------------------------------------------------------------

def test_sigterm_lets_the_request_under_way_finish(make_hub):
    hub = make_hub("drain")
    member = hub.enrol("lakeside", "1.2.840.1.1")
    other = known(member)
    content = soap.serialise(soap.envelope(xds.ITI18, xds.find_documents(other.xad)))
    connection = soap.Connection(hub.soap_address, member.identity, hub.ca)
    before = hub.metric("causeway_received_bytes_total")
    head = (f"POST /xds/registry HTTP/1.1\r\nHost: a\r\nContent-Type: application/soap+xml\r\n"
            f"Content-Length: {len(content)}\r\n\r\n").encode()
    connection.send(head + content[:100])
    eventually(lambda: hub.metric("causeway_received_bytes_total") >= before + len(head) + 100, "the request")

    def turns_away():
        try:
            soap.Connection(hub.soap_address, member.identity, hub.ca).close()
        except OSError:
            return True
        return False

    ended = []
    stopper = threading.Thread(target=lambda: ended.append(hub.stop(expect=None)))
    stopper.start()
    eventually(turns_away, "it listens on")
    connection.send(content[100:])
    answer = connection.receive()
    assert answer.status == 200 and answer.field("connection", "").lower() == "close"
    stopper.join()
    assert ended == [0]


def test_idle_connections_do_not_hold_up_the_end(make_hub):
    hub = make_hub("idle")
    member = hub.enrol("lakeside", "1.2.840.1.1")
    connections = [soap.Connection(hub.soap_address, member.identity, hub.ca) for _ in range(5)]
    assert hub.stop() == 0  # within STOP_SECONDS, which are far fewer than idle_seconds
    for connection in connections:
        connection.close()


# --- two hubs, one database -----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def twin(hub, make_hub):
    return make_hub("operation-twin", twin=hub)


def through(twin, hospital):
    return Hospital(hospital.name, hospital.identity, hospital.authority, twin)


def test_what_one_hub_stored_the_other_gives(hub, twin, lakeside, harbour):
    there = through(twin, harbour)
    person = known(lakeside, harbour)
    entry, response = lakeside.publish(person.xad, cda("here"))
    assert response.ok
    found = there.find(person.xad)
    assert found.unique_ids == [entry.unique_id]
    assert there.retrieve(found.entries[0]).documents[0].content == entry.content
    there.close()


def test_a_revocation_holds_on_the_other_hub_at_once(hub, twin, lakeside, harbour):
    there = through(twin, harbour)
    person = known(lakeside, harbour)
    entry, _ = lakeside.publish(person.xad, cda("revoked"))
    for _ in range(5):
        policy = hub.json("consent", "set", "--patient", person.xad, "--deny")["policy"]
        assert not there.find(person.xad).entries
        hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
        assert there.find(person.xad).unique_ids == [entry.unique_id]
    there.close()


def test_a_resend_to_the_other_hub_gets_the_stored_answer(hub, twin, lakeside):
    from hospital import Patient, mllp

    text = mllp.adt("A04", lakeside.sender, Patient([lakeside.cx("TWIN")]))
    there = through(twin, lakeside)
    assert lakeside.tell(text).raw == there.tell(text).raw
    there.close()


def test_a_new_member_is_admitted_by_both(hub, twin):
    member = hub.enrol("newcomer", "1.2.840.7.1")
    twin.await_admission(member)


def test_feeds_of_one_patient_through_both_hubs_make_one_person(hub, twin, lakeside, harbour):
    from people import Person

    there = through(twin, harbour)
    people = [Person() for _ in range(10)]

    def feed(hospital):
        for p in people:
            hospital.feed("A04", p.patient(p.cx(hospital)))

    threads = [threading.Thread(target=feed, args=[h]) for h in (lakeside, there)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for p in people:
        assert lakeside.xad_pid(p.number(lakeside)) == harbour.xad_pid(p.number(harbour))
    there.close()


# --- audit ----------------------------------------------------------------------------------------------------

def test_a_failure_leaves_a_row_of_its_own_and_nothing_else(hub, lakeside, person):
    entry, response = lakeside.publish(person.xad, cda("bad"), hash="0" * 40)
    assert not response.ok
    rows = [r for r in hub.audit(patient=person.xad, transaction="ITI-41") if r["outcome"] != 0]
    assert len(rows) == 1 and rows[0]["member"]["name"] == "lakeside" and rows[0]["description"]


def test_a_query_leaves_one_row_with_the_query_in_it(hub, harbour, person):
    before = len(hub.audit(patient=person.xad, transaction="ITI-18", member="harbour"))
    assert harbour.find(person.xad).ok
    rows = hub.audit(patient=person.xad, transaction="ITI-18", member="harbour")
    assert len(rows) == before + 1
    row = rows[-1]
    assert (row["event"], row["action"], row["outcome"]) == ("110112", "E", 0)
    assert xds.FIND_DOCUMENTS in str(row["objects"])
    assert "harbour" in row["peer"]


def test_retrieving_a_mix_leaves_a_row_for_what_was_given_and_one_for_what_was_not(hub, harbour, lakeside):
    person = known(lakeside, harbour)
    entry, _ = lakeside.publish(person.xad, cda("given"))
    got = harbour.retrieve((hub.repository, entry.unique_id), (hub.repository, "1.2.3.4.5.6"))
    assert got.status == xds.PARTIAL and len(got.documents) == 1
    rows = hub.audit(transaction="ITI-43", member="harbour")[-2:]
    assert sorted(r["outcome"] == 0 for r in rows) == [False, True]


def test_a_merge_leaves_a_deletion_and_an_update(hub, lakeside):
    old, new = known(lakeside), known(lakeside)
    assert lakeside.merge(new.patient(new.cx(lakeside)), old.cx(lakeside))["MSA-1"] == "AA"
    rows = hub.audit(transaction="ITI-8", member="lakeside")[-2:]
    assert sorted(r["action"] for r in rows) == ["D", "U"]


def test_logs_hold_no_patient_data(hub, lakeside, harbour):
    person = known(lakeside, harbour)
    entry, _ = lakeside.publish(person.xad, cda("logged"), title="Secrettitle")
    harbour.find(person.xad)
    harbour.retrieve((hub.repository, entry.unique_id))
    lakeside.pix(person.cx(lakeside))
    log = hub.log.read_text()
    for secret in (person.family, person.given, person.xad.split("^")[0], person.number(lakeside), "Secrettitle",
                   entry.unique_id):
        assert secret not in log, f"the log shows {secret}"


def test_documents_and_messages_are_not_on_disk_in_the_clear(hub, lakeside, harbour):
    person = known(lakeside, harbour)
    lakeside.publish(person.xad, cda("Needleinahaystack") * 100)
    for file in (hub.folder / "documents").rglob("*"):
        assert not file.is_file() or b"Needleinahaystack" not in file.read_bytes(), file
