"""The operator's commands over the repository: `causeway xds verify`, `collect` and `rekey`."""
import json
import os
import secrets
import threading
import time

import psycopg2
import psycopg2.extras
import pytest

from hospital import xds
from hospital.ports import fixed_addresses
from people import cda, known
from test_repository import bytes_of, newest_object, publish, spoil, stored_files

REQUEST_SECONDS = 5
ORPHAN_SECONDS = REQUEST_SECONDS + 10  # the least that `collect` takes

SETTINGS = {"request_seconds": REQUEST_SECONDS, **fixed_addresses()}


@pytest.fixture
def person(lakeside):
    return known(lakeside)


def sql(hub, statement, *values, user="causeway_owner"):
    with psycopg2.connect(f"{hub.database} user={user}") as connection, connection.cursor() as cursor:
        psycopg2.extras.register_uuid(conn_or_curs=connection)
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def verify(hub):
    """(exit status, {(fault, object): finding})"""
    report = json.loads(hub.run("xds", "verify", "--json", expect=None))
    return report, {(f["fault"], f.get("blob")) for f in report["findings"]}


def age(path, seconds):
    """The store goes by the time of the last rename: only the clock can make an object old."""
    wait = seconds - (time.time() - path.stat().st_ctime)
    time.sleep(max(0, wait + 0.5))


# --- verify -----------------------------------------------------------------------------------------

def test_a_sound_repository_has_no_findings(hub, lakeside, person):
    for content in (cda("one") * 3000, bytes_of(300_000), b""):
        publish(lakeside, person, content, mime_type="application/octet-stream")
    report, found = verify(hub)
    assert not found and report["documents"] >= 3 and report["entries"] >= 3
    assert report["bytes"] >= 300_000
    hub.run("xds", "verify")


@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "packed"])
@pytest.mark.parametrize("fault", ["altered", "missing", "truncated", "wrong_hash"])
def test_verify_finds(fault, packed, hub, lakeside, person):
    before = stored_files(hub)
    publish(lakeside, person, cda("x") * 4000 if packed else bytes_of(200_000))
    path = newest_object(hub, before)
    whole = path.read_bytes()
    if fault == "altered":
        spoil(path, 70_000 if len(whole) > 80_000 else len(whole) // 2)
    elif fault == "missing":
        path.unlink()
    elif fault == "truncated":
        path.write_bytes(whole[:-1])
    else:
        kept = sql(hub, "SELECT sha256 FROM xds_blob WHERE blob_id = %s", path.name)[0][0]
        sql(hub, "UPDATE xds_blob SET sha256 = %s WHERE blob_id = %s", b"\1" * 32, path.name)
    report, found = verify(hub)
    hub.run("xds", "verify", expect=1)
    if fault == "wrong_hash":
        sql(hub, "UPDATE xds_blob SET sha256 = %s WHERE blob_id = %s", kept, path.name)
    path.write_bytes(whole)
    assert found == {(fault, path.name)}
    assert not verify(hub)[1]


def test_verify_compares_the_entry_with_its_document(hub, lakeside, person):
    entry = publish(lakeside, person, cda("entry"))
    row = "(SELECT entry_uuid FROM xds_document_entry WHERE unique_id = %s)"
    sql(hub, "UPDATE xds_document_entry SET hash = repeat('0', 40) WHERE unique_id = %s", entry.unique_id)
    assert [f[0] for f in verify(hub)[1]] == ["mismatch"]
    sql(hub, "UPDATE xds_document_entry SET hash = %s WHERE unique_id = %s", entry.sha1(), entry.unique_id)
    sql(hub, f"UPDATE xds_blob SET pkey = pkey + 1 WHERE entry_uuid = {row}", entry.unique_id)
    assert [f[0] for f in verify(hub)[1]] == ["unstored"]
    sql(hub, f"UPDATE xds_blob SET pkey = pkey - 1 WHERE entry_uuid = {row}", entry.unique_id)
    assert not verify(hub)[1]


# --- collect ----------------------------------------------------------------------------------------

def orphan(hub, source):
    """A copy of an object under a name that nobody knows, as a crash would leave it."""
    name = source.name[:-4] + secrets.token_hex(2)
    path = source.with_name(name)
    path.write_bytes(source.read_bytes())
    return path


def test_orphans_are_found_and_collected_when_they_are_old_enough(hub, lakeside, person):
    before = stored_files(hub)
    publish(lakeside, person, cda("with an orphan"))
    path = orphan(hub, newest_object(hub, before))
    assert not verify(hub)[1], "it may belong to a submission under way"
    hub.run("xds", "collect", "--orphans-after", "5s", expect=2)
    assert hub.json("xds", "collect", "--orphans-after", f"{ORPHAN_SECONDS}s")["orphans"] == 0
    age(path, ORPHAN_SECONDS)
    assert verify(hub)[1] == {("orphan", path.name)}
    assert hub.json("xds", "collect", "--orphans-after", f"{ORPHAN_SECONDS}s", "--dry-run")["orphans"] == 1
    assert path.exists()
    assert hub.json("xds", "collect", "--orphans-after", f"{ORPHAN_SECONDS}s")["orphans"] == 1
    assert not path.exists() and not verify(hub)[1]


def test_a_removed_document_is_kept_for_a_time_and_then_erased(hub, lakeside, person):
    before = stored_files(hub)
    entry = publish(lakeside, person, cda("removed"))
    path = newest_object(hub, before)
    sql(hub, "UPDATE xds_blob SET removed_at = now() - interval '2 hours' WHERE blob_id = %s", path.name)
    assert lakeside.retrieve((hub.repository, entry.unique_id)).codes == ["XDSDocumentUniqueIdError"]
    assert hub.json("xds", "collect", "--removed-after", "3h")["removed"] == 0 and path.exists()
    assert hub.json("xds", "collect", "--removed-after", "1h")["removed"] == 1 and not path.exists()
    assert sql(hub, "SELECT wrapped_key FROM xds_blob WHERE blob_id = %s", path.name)[0][0].tobytes() == bytes(72)
    assert hub.json("xds", "collect", "--removed-after", "1h")["removed"] == 0
    assert not verify(hub)[1]
    assert hub.json("xds", "rekey")["locked"] == 0


def test_collecting_all_the_time_loses_no_submission(hub, lakeside, person):
    """Submissions, some refused, beside collectors as greedy as they are let be; and two submissions
    that wait for a lock while a collector runs."""
    stop, trouble, published = threading.Event(), [], []

    def collect():
        while not stop.is_set():
            try:
                hub.run("xds", "collect", "--orphans-after", f"{ORPHAN_SECONDS}s")
            except Exception as error:  # noqa: BLE001: any failure is the test's
                trouble.append(error)

    collectors = [threading.Thread(target=collect) for _ in range(2)]
    for thread in collectors:
        thread.start()
    end = time.monotonic() + ORPHAN_SECONDS + 6
    while time.monotonic() < end:
        content = bytes_of(70_000 + len(published))
        wrong = len(published) % 5 == 4
        entry = xds.Entry(person.xad, content, mime_type="application/dicom", **({"hash": "0" * 40} if wrong else {}))
        assert lakeside.provide(xds.Submission(person.xad, [entry])).ok != wrong
        published.append(None if wrong else entry)
        time.sleep(0.1)
    stop.set()
    for thread in collectors:
        thread.join()
    assert not trouble
    for entry in filter(None, published):
        assert lakeside.retrieve((hub.repository, entry.unique_id)).documents[0].content == entry.content
    assert not verify(hub)[1]


# --- rekey ------------------------------------------------------------------------------------------

def write_key(path):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(secrets.token_bytes(32))
    return path


def configure(hub, **settings):
    hub.settings.update(settings)
    hub.config.write_text("".join(f"{k} = {v}\n" for k, v in hub.settings.items()))


def test_keys_are_rotated_without_losing_a_document(hub, lakeside, person):
    old = [publish(lakeside, person, cda(f"old {n}") * (1 + n * 1000)) for n in range(3)]
    new_key = write_key(hub.folder / "next.key")

    def all_there(entries):
        return all(lakeside.retrieve((hub.repository, e.unique_id)).documents[0].content == e.content
                   for e in entries)

    def restart(**settings):
        lakeside.close()
        configure(hub, **settings)
        hub.stop()
        hub.start()

    restart(document_keys_known=new_key)
    assert all_there(old)
    restart(document_key=new_key, document_keys_known=hub.settings["master_key"])
    both = old + [publish(lakeside, person, cda("between"))]
    assert all_there(both)
    first = hub.json("xds", "rekey")
    assert first["rewrapped"] >= len(old) and first["locked"] == 0
    assert hub.json("xds", "rekey")["rewrapped"] == 0
    assert all_there(both)
    restart(document_keys_known="")
    assert all_there(both) and not verify(hub)[1]
    configure(hub, document_key=hub.settings["master_key"])
    hub.run("xds", "rekey", expect=1)
    assert {f[0] for f in verify(hub)[1]} == {"locked"}
    configure(hub, document_key=new_key)
