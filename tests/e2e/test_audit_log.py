"""The audit log cannot be changed unnoticed: each wrong as the database's superuser, who also rebuilds
the tree, and each caught by `audit verify` from an export, the public key and a checkpoint that was kept.
"""
import base64
import json
import os
import re
import subprocess
import time
import uuid
from pathlib import Path

import psycopg2
import pytest

import merkle
from hospital import soap
from hospital.hub import Hub, eventually

EARLY, LATE = 12, 9  # records before and after the checkpoint that a member keeps


class Log:
    """A copy of the log, with a superuser's hands on it."""

    def __init__(self, hub, name, template, folder):
        self.hub, self.folder = hub, folder
        folder.mkdir()
        self.database = re.sub(r"dbname=\S+", f"dbname={name}", hub.database)
        admin = psycopg2.connect(re.sub(r"dbname=\S+", "dbname=postgres", hub.database) + " user=causeway_admin")
        admin.autocommit = True
        source = re.search(r"dbname=(\S+)", template)[1]
        with admin.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}" OWNER causeway_owner')
        admin.close()
        self.key = folder / "checkpoint.key"
        for suffix in ("", ".pub", ".last"):
            original = Path(f"{hub.settings['checkpoint_key']}{suffix}")
            copy = Path(f"{self.key}{suffix}")
            copy.write_bytes(original.read_bytes())
            copy.chmod(original.stat().st_mode & 0o777)
        self.config = folder / "causeway.conf"
        settings = dict(hub.settings, checkpoint_key=self.key, database=f"{self.database} user=causeway_hub")
        self.config.write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))

    def run(self, *arguments, expect=0, **environment):
        done = subprocess.run([self.hub.program, *map(str, arguments), "--config", self.config], text=True,
                              capture_output=True, cwd=self.hub.root, timeout=120,
                              env=dict(os.environ, **environment))
        assert done.returncode == expect, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def sql(self, text, *values):
        with psycopg2.connect(f"{self.database} user=causeway_admin") as connection, \
                connection.cursor() as cursor:
            cursor.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []

    def record(self, count=1, **environment):
        """Commits `count` audit records, by an operator's command each."""
        for i in range(count):
            self.run("consent", "default", "opt-in" if i % 2 else "opt-out", **environment)

    def seal(self, expect=0):
        return self.run("audit", "seal", "--once", expect=expect)

    def rebuild(self):
        """Numbers the leaves anew and makes the tree fit them: all but the signature."""
        rows = self.sql("SELECT leaf FROM audit_leaf ORDER BY leaf")
        for number, (leaf,) in enumerate(rows):
            if leaf != number:
                self.sql("UPDATE audit_leaf SET leaf = %s WHERE leaf = %s", number, leaf)
        hashes = [bytes(h) for h, in self.sql("SELECT leaf_hash FROM audit_leaf ORDER BY leaf")]
        self.sql("UPDATE audit_head SET size = %s, frontier = %s", len(hashes), merkle.frontier(hashes))
        self.sql("DELETE FROM audit_checkpoint WHERE size > %s", len(hashes))

    def verify(self, kept=None, key=None, expect=1):
        """Exports and verifies. Gives the kinds of what was found, and the words."""
        file = self.folder / f"log-{uuid.uuid4().hex}.txt"
        self.run("audit", "export-log", "--to", file)
        done = subprocess.run([self.hub.program, "audit", "verify", "--json", "--export", file, "--key",
                               key or f"{self.key}.pub", *(["--checkpoint", kept] if kept else [])],
                              text=True, capture_output=True, timeout=120, cwd="/", env={})
        assert done.returncode == expect, done.stdout + done.stderr
        verdict = json.loads(done.stdout)
        assert verdict["genuine"] == (expect == 0)
        return {f["kind"] for f in verdict["findings"] if f["tampering"]}, verdict


@pytest.fixture(scope="module")
def world(cluster, program, scratch):
    """A log of which a member kept the checkpoint half-way, and a backup of that moment."""
    hub = Hub(Path(__file__).resolve().parents[2], program, scratch / "hubs/audit_log",
              cluster.database("audit_log"))
    (hub.folder / "copies").mkdir(exist_ok=True)
    public = hub.checkpoint_key()
    for i in range(EARLY):
        hub.run("consent", "default", "opt-in" if i % 2 else "opt-out")
        if i % 5 == 4:
            hub.seal()
    hub.seal()
    kept = hub.folder / "kept.txt"
    kept.write_text(hub.run("audit", "checkpoint"))
    (hub.folder / "kept.last").write_bytes(Path(f"{hub.settings['checkpoint_key']}.last").read_bytes())
    backup = Log(hub, "audit_log_backup", hub.database, hub.folder / "copies/backup")
    for i in range(LATE):
        hub.run("consent", "default", "opt-in" if i % 2 else "opt-out")
    hub.seal()
    return hub, kept, public, backup


numbers = iter(range(1, 1000))


@pytest.fixture
def log(world):
    hub = world[0]
    n = next(numbers)
    return Log(hub, f"audit_log_{n}", hub.database, hub.folder / f"copies/{n}")


@pytest.fixture
def kept(world):
    return world[1]


def test_a_log_that_nobody_touched_is_genuine(log, kept):
    found, verdict = log.verify(kept, expect=0)
    assert not found and verdict["checkpoint_contained"] and verdict["leaves"] >= EARLY + LATE


def test_a_checkpoint_verifies_by_the_texts_of_c2sp_alone(log, kept):
    hashes = [bytes(h) for h, in log.sql("SELECT leaf_hash FROM audit_leaf ORDER BY leaf")]
    checkpoint = merkle.Checkpoint(log.run("audit", "checkpoint")).verify(Path(f"{log.key}.pub").read_text())
    assert checkpoint.size == len(hashes) and checkpoint.root == merkle.root(hashes)
    old = merkle.Checkpoint(kept.read_text())
    assert old.root == merkle.root(hashes[:old.size])


# --- the wrongdoing suite -----------------------------------------------------------------------------

EDIT = """UPDATE audit_event e SET record = set_byte(record, 20, get_byte(record, 20) # 1)
          FROM audit_leaf l WHERE l.leaf = %s AND e.id = l.id"""


def test_edit_a_record(log, kept):
    log.sql(EDIT, 3)
    found, verdict = log.verify(kept)
    assert found == {"edited"} and "leaf 3:" in str(verdict)


def test_edit_a_record_and_its_hash(log, kept):
    log.sql(EDIT, 3)
    log.sql("UPDATE audit_leaf l SET leaf_hash = sha256('\\x00'::bytea || e.record) FROM audit_event e "
            "WHERE l.leaf = 3 AND e.id = l.id")
    log.rebuild()
    assert "altered" in log.verify(kept)[0]
    log.record()
    assert "does not contain what this sealer signed" in log.seal(expect=1)


def test_delete_a_record(log, kept):
    log.sql("DELETE FROM audit_event e USING audit_leaf l WHERE l.leaf = 4 AND e.id = l.id")
    assert log.verify(kept)[0] == {"missing"}


def test_delete_a_record_and_its_leaf(log, kept):
    log.sql("DELETE FROM audit_event e USING audit_leaf l WHERE l.leaf = 4 AND e.id = l.id")
    log.sql("DELETE FROM audit_leaf WHERE leaf = 4")
    assert "missing" in log.verify(kept)[0]
    log.rebuild()
    assert "altered" in log.verify(kept)[0]


def test_delete_the_tail(log, world):
    hub, _, _, _ = world
    kept = log.folder / "newest.txt"
    kept.write_text(log.run("audit", "checkpoint"))
    size = log.sql("SELECT size FROM audit_head")[0][0]
    log.sql("DELETE FROM audit_event e USING audit_leaf l WHERE l.leaf >= %s AND e.id = l.id", size - 3)
    log.sql("DELETE FROM audit_leaf WHERE leaf >= %s", size - 3)
    assert "missing" in log.verify()[0]  # the log's own checkpoint tells it ...
    log.rebuild()
    assert "missing" in log.verify(kept)[0]  # ... and when that is gone too, the one that was kept


def test_reorder(log, kept):
    log.sql("UPDATE audit_leaf SET leaf = -1 WHERE leaf = 2")
    log.sql("UPDATE audit_leaf SET leaf = 2 WHERE leaf = 7")
    log.sql("UPDATE audit_leaf SET leaf = 7 WHERE leaf = -1")
    log.rebuild()
    assert "altered" in log.verify(kept)[0]


COPY = """INSERT INTO audit_event (pkey, at, id, leaf_hash, record)
          SELECT e.pkey, e.at - interval '2 hours', %s, e.leaf_hash, e.record
          FROM audit_event e JOIN audit_leaf l ON l.id = e.id WHERE l.leaf = 5
          RETURNING pkey, at, id, leaf_hash"""


def backdated(log):
    """A record that claims an earlier time, and an id that fits."""
    ms = int(log.sql("SELECT extract(epoch FROM at) * 1000 FROM audit_leaf WHERE leaf = 5")[0][0]) - 7200_000
    return log.sql(COPY, str(uuid.UUID(int=ms << 80 | 0x7000 << 64 | 0x8000 << 48 | uuid.uuid4().int % 2**48)))[0]


def test_insert_a_back_dated_record(log, kept):
    backdated(log)
    assert log.verify(kept)[0] == {"inserted"}


def test_insert_a_back_dated_record_by_the_queue(log, kept):
    row = backdated(log)
    log.sql("INSERT INTO audit_pending (pkey, at, id, leaf_hash) VALUES (%s, %s, %s, %s)", *row)
    log.seal()
    assert "clock" in log.verify(kept)[0]


def test_insert_a_back_dated_record_into_the_tree(log, kept):
    row = backdated(log)
    log.sql("UPDATE audit_leaf SET leaf = -leaf WHERE leaf >= 2")
    log.sql("UPDATE audit_leaf SET leaf = 1 - leaf WHERE leaf < 0")
    log.sql("INSERT INTO audit_leaf (leaf, pkey, at, id, leaf_hash) VALUES (2, %s, %s, %s, %s)", *row)
    log.rebuild()
    assert "altered" in log.verify(kept)[0]


def test_restore_an_old_backup(world, log):
    hub, _, public, backup = world
    newest = log.folder / "newest.txt"
    newest.write_text(log.run("audit", "checkpoint"))
    old = Log(hub, f"audit_log_{next(numbers)}", backup.database, log.folder / "restored")
    assert "missing" in old.verify(newest)[0]
    old.record(LATE + 3)  # other records in the place of those that were lost
    assert "Was the database restored" in old.seal(expect=1)
    Path(f"{old.key}.last").write_bytes((hub.folder / "kept.last").read_bytes())
    old.seal()  # the sealer's memory was put back too
    assert "altered" in old.verify(newest)[0]


def test_swap_the_key(log, kept):
    genuine = log.folder / "genuine.pub"
    genuine.write_bytes(Path(f"{log.key}.pub").read_bytes())
    for suffix in ("", ".pub", ".last"):
        Path(f"{log.key}{suffix}").unlink()
    log.run("audit", "key")
    assert "swapped" in log.seal(expect=1)  # the last checkpoint is not this key's
    log.sql("DELETE FROM audit_checkpoint")
    log.sql(EDIT, 3)
    log.sql("UPDATE audit_leaf l SET leaf_hash = sha256('\\x00'::bytea || e.record) FROM audit_event e "
            "WHERE l.leaf = 3 AND e.id = l.id")
    log.rebuild()
    log.seal()
    assert "key" in log.verify(kept, key=genuine)[0]


def test_roll_back_the_clock(log, kept, program):
    library = program.parent / "tests/tools/turn_clock_back.so"
    if not library.exists():
        pytest.skip("this build has no library to preload")
    log.record(LD_PRELOAD=str(library), CLOCK_BEHIND="7200")
    log.seal()
    found, verdict = log.verify(kept)
    assert found == {"clock"} and "turned back" in str(verdict)


def test_destroy_a_key_without_an_erasure(log, kept):
    log.sql("DELETE FROM audit_search s USING audit_leaf l WHERE l.leaf = 6 AND s.id = l.id")
    assert log.verify(kept)[0] == {"lost"}


def test_move_a_record(log, kept):
    """Its bytes are whole, but it claims another time than the one it was sealed with."""
    for table in ("audit_event", "audit_search"):
        log.sql(f"UPDATE {table} t SET at = t.at + interval '1 second' FROM audit_leaf l "
                "WHERE l.leaf = 6 AND t.id = l.id")
    log.sql("UPDATE audit_leaf SET at = at + interval '1 second' WHERE leaf = 6")
    assert log.verify(kept)[0] == {"lost"}


# --- an honest restore ----------------------------------------------------------------------------------

def test_a_restore_begins_a_new_origin_and_says_what_was_lost(world, log):
    hub, kept, _, backup = world
    newest = log.folder / "newest.txt"
    newest.write_text(log.run("audit", "checkpoint"))
    old = Log(hub, f"audit_log_{next(numbers)}", backup.database, log.folder / "restored")
    assert "older" not in old.run("audit", "seal", "--new-origin", kept, expect=1)  # not the last one
    old.run("audit", "seal", "--new-origin", newest)
    old.record(4)
    old.seal()
    for checkpoint in (kept, newest):
        found, verdict = old.verify(checkpoint, expect=0)
        assert not found and f"{LATE} records are lost" in str(verdict)
    assert merkle.Checkpoint(old.run("audit", "checkpoint")).origin.endswith("/2")


# --- proofs ---------------------------------------------------------------------------------------------

def prove(log, leaf, *options):
    identifier = log.sql("SELECT id FROM audit_leaf WHERE leaf = %s", leaf)[0][0]
    file = log.folder / f"{identifier}.tlog-proof"
    file.write_text(log.run("audit", "prove", "--record", identifier, *options))
    return identifier, file


def test_a_record_is_proved_offline(log):
    for leaf, in log.sql("SELECT leaf FROM audit_leaf WHERE leaf % 5 = 0 ORDER BY leaf"):
        identifier, file = prove(log, leaf)
        said = log.run("audit", "verify", "--proof", file, "--key", f"{log.key}.pub")
        assert identifier in said and f"leaf {leaf} " in said


def test_an_opened_proof_shows_the_record_and_an_altered_one_proves_nothing(log):
    identifier, file = prove(log, 5, "--open")
    said = log.run("audit", "verify", "--proof", file, "--key", f"{log.key}.pub")
    assert json.loads(said.splitlines()[1])["id"] == identifier
    file.write_text(file.read_text().replace("index 5\n", "index 4\n"))
    log.run("audit", "verify", "--proof", file, "--key", f"{log.key}.pub", expect=1)


def test_an_export_since_a_checkpoint_goes_on_from_it(log, kept):
    file = log.folder / "since.txt"
    log.run("audit", "export-log", "--since", kept, "--to", file)
    said = log.run("audit", "verify", "--export", file, "--key", f"{log.key}.pub", "--checkpoint", kept)
    assert "contains all of the checkpoint that was kept" in said


def test_a_file_that_breaks_off_is_no_log(log, kept):
    file = log.folder / "cut.txt"
    log.run("audit", "export-log", "--to", file)
    file.write_bytes(file.read_bytes()[:-100])
    log.run("audit", "verify", "--export", file, "--key", f"{log.key}.pub", expect=2)


# --- erasure and archives -----------------------------------------------------------------------------

def owned(log):
    return "--database", f"{log.database} user=causeway_owner"


def test_an_erased_record_is_unreadable_and_the_log_still_genuine(log, kept):
    identifier = log.sql("SELECT id FROM audit_leaf WHERE leaf = 6")[0][0]
    log.run("audit", "erase", "--record", identifier, "--reason", "a court's order", *owned(log))
    log.seal()
    found, verdict = log.verify(kept, expect=0)
    assert not found and verdict["erased"] == 1 and "leaf 6: erased" in str(verdict)
    assert identifier not in [json.loads(x)["id"] for x in log.run("audit", "search", "--json").splitlines()]
    log.run("audit", "prove", "--record", identifier, "--open", expect=1)
    prove(log, 6)
    assert "court's order" in log.run("audit", "search", "--json", "--limit", "9")


def test_an_erasure_whose_warrant_names_another_record_is_tampering(log, kept):
    first, second = (row[0] for row in log.sql("SELECT id FROM audit_leaf WHERE leaf IN (6, 7) ORDER BY leaf"))
    log.run("audit", "erase", "--record", first, "--reason", "a court's order", *owned(log))
    log.sql("INSERT INTO audit_erasure SELECT l.pkey, l.at, l.id, x.warrant_pkey, x.warrant_at, x.warrant_id "
            "FROM audit_leaf l, audit_erasure x WHERE l.leaf = 7")
    log.sql("DELETE FROM audit_search WHERE id = %s", second)
    log.seal()
    assert log.verify(kept)[0] == {"erased"}


def test_the_hub_may_not_erase(log):
    identifier = log.sql("SELECT id FROM audit_leaf WHERE leaf = 6")[0][0]
    log.run("audit", "erase", "--record", identifier, "--reason", "none", "--database",
            f"{log.database} user=causeway_hub", expect=2)


def months_ago(log, library, days):
    log.sql("SET ROLE causeway_owner; SELECT audit_make_partition(t, date_trunc('month', now() AT TIME ZONE 'UTC' - %s * interval '1 day') "
            "AT TIME ZONE 'UTC') FROM unnest(ARRAY['audit_event', 'audit_search']) t", days)
    log.record(6, LD_PRELOAD=str(library), CLOCK_BEHIND=str(days * 86400))


@pytest.fixture
def old_log(cluster, program, world):
    """An empty log, then records of 100 and of 60 days ago, then of today."""
    library = program.parent / "tests/tools/turn_clock_back.so"
    if not library.exists():
        pytest.skip("this build has no library to preload")
    hub, n = world[0], next(numbers)
    database = cluster.database(f"audit_old_{n}")
    hub.run("migrate", "--database", f"{database} user=causeway_owner")
    log = Log(hub, f"audit_old_{n}_copy", database, hub.folder / f"copies/{n}")
    Path(f"{log.key}.last").unlink()
    for days in (100, 60):
        months_ago(log, library, days)
        log.seal()
    log.record(3)
    log.seal()
    return log


def test_archived_months_verify_and_come_back(old_log):
    log, folder = old_log, old_log.folder
    kept = folder / "kept.txt"
    kept.write_text(log.run("audit", "checkpoint"))
    count = log.sql("SELECT count(*) FROM audit_event")[0][0]
    said = log.run("audit", "archive", "--before", "2999-01", "--to", folder, "--key", f"{log.key}.pub", *owned(log))
    files = sorted(folder.glob("causeway-audit-*.log"))
    assert len(files) == 2 and said.count("6 records") == 2
    log.seal()
    assert log.verify(kept, expect=0)[1]["archived"] == 12
    for file in files:
        verified = log.run("audit", "verify", "--export", file, "--key", f"{log.key}.pub")
        assert "6 records" in verified and "is genuine" in verified
    assert log.sql("SELECT count(*) FROM audit_event")[0][0] < count
    assert "(over)" not in log.run("audit", "archive", "--list", *owned(log))
    for file in files:
        log.run("audit", "restore", file, "--key", f"{log.key}.pub", *owned(log))
    log.seal()
    assert log.verify(kept, expect=0)[1]["archived"] == 0
    assert len(log.run("audit", "search", "--json", "--from", "2000-01-01").splitlines()) >= count


def test_an_archive_that_was_altered_is_refused(old_log):
    log, folder = old_log, old_log.folder
    log.run("audit", "archive", "--before", "2999-01", "--to", folder, "--key", f"{log.key}.pub", *owned(log))
    file = sorted(folder.glob("causeway-audit-*.log"))[0]
    lines = file.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if " whole " in line)
    words = lines[at].split(" ")
    words[-1] = words[-1][:50] + ("A" if words[-1][50] != "A" else "B") + words[-1][51:]
    lines[at] = " ".join(words)
    file.write_text("\n".join(lines) + "\n")
    log.run("audit", "verify", "--export", file, "--key", f"{log.key}.pub", expect=1)
    log.run("audit", "restore", file, "--key", f"{log.key}.pub", *owned(log), expect=2)


def test_a_month_that_does_not_verify_stays(old_log):
    log = old_log
    log.sql(EDIT, 1)
    log.run("audit", "archive", "--before", "2999-01", "--to", log.folder, "--key", f"{log.key}.pub", *owned(log),
            expect=2)
    assert log.sql("SELECT count(*) FROM audit_archive")[0][0] == 0


# --- who may ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("role", ["causeway_hub", "causeway_seal"])
@pytest.mark.parametrize("table", ["audit_event", "audit_search", "audit_leaf", "audit_node", "audit_origin"])
def test_neither_hub_nor_sealer_may_change_the_log(log, role, table):
    assert log.sql("SELECT has_table_privilege(%s, %s, 'UPDATE, DELETE, TRUNCATE')", role, table) == [(False,)]


def test_a_key_that_others_can_read_is_refused(log):
    log.key.chmod(0o640)
    assert "others may read it" in log.seal(expect=2)


# --- members -----------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def served(make_hub):
    hub = make_hub("audit_log_door")
    hub.run("consent", "default", "opt-out")
    return hub, hub.enrol("lakeside", "1.2.840.9.1"), hub.enrol("harbour", "1.2.840.9.2")


def fetch(hub, hospital, path, body=None):
    """(HTTP status, text) at the members' port."""
    with soap.Connection(hub.soap_address, hospital.identity, hub.ca) as connection:
        answer = connection.exchange("POST" if body else "GET", path, content=body.encode() if body else b"")
        return answer.status, answer.content.decode()


def offer(text):
    """C2SP tlog-witness: old size, proof, checkpoint."""
    head, note = text.split("\n\n", 1)
    lines = head.splitlines()
    return int(lines[0].removeprefix("old ")), [base64.b64decode(x) for x in lines[1:]], merkle.Checkpoint(note)


def test_a_member_follows_the_log_by_its_own_means(served):
    hub, lakeside, _ = served
    public = hub.seal().read_text()
    kept = merkle.Checkpoint(fetch(hub, lakeside, "/log/checkpoint")[1]).verify(public)
    for _ in range(3):
        hub.run("consent", "default", "opt-out")
        hub.seal()
        old, proof, now = offer(fetch(hub, lakeside, f"/log/consistency?old={kept.size}")[1])
        now.verify(public)
        assert old == kept.size < now.size
        assert merkle.consistent(old, now.size, kept.root, proof, now.root)
        kept = now


def test_a_member_gets_the_proof_of_a_record(served):
    hub, lakeside, _ = served
    hub.seal()
    record = hub.audit(transaction="CONFIG")[0]["id"]
    status, proof = fetch(hub, lakeside, f"/log/proof?record={record}")
    assert status == 200 and proof.startswith("c2sp.org/tlog-proof@v1\nindex ")
    assert fetch(hub, lakeside, f"/log/proof?record={uuid.uuid4()}")[0] == 404
    assert fetch(hub, lakeside, "/log/proof?record=x")[0] == 400
    assert fetch(hub, lakeside, "/log/proof")[0] == 400


def test_a_cosignature_of_a_registered_key_joins_the_checkpoint(served):
    hub, lakeside, harbour = served
    hub.seal()
    witness = merkle.Cosigner("lakeside.example/log")
    hub.run("member", "cosigner", "add", "lakeside", "--key", witness.vkey)
    now = merkle.Checkpoint(fetch(hub, lakeside, "/log/checkpoint")[1])
    signed = now.note + witness.line(now, int(time.time()))
    assert fetch(hub, harbour, "/log/cosignature", signed)[0] == 403  # another member's key
    assert fetch(hub, lakeside, "/log/cosignature", signed) == (200, "1 kept\n")
    again = merkle.Checkpoint(hub.run("audit", "checkpoint"))
    assert "lakeside.example/log" in [name for name, _ in again.signatures] or again.size > now.size
    spoilt = now.note + witness.line(merkle.Checkpoint(now.note.replace(f"\n{now.size}\n", "\n1\n")), 1)
    assert fetch(hub, lakeside, "/log/cosignature", spoilt)[0] == 400
    assert fetch(hub, lakeside, "/log/cosignature", signed.replace(f"\n{now.size}\n", "\n1\n"))[0] == 404
    hub.run("member", "cosigner", "remove", "lakeside", "--name", witness.name)
    assert fetch(hub, lakeside, "/log/cosignature", signed)[0] == 403


def test_the_program_cosigns_for_a_member_and_refuses_a_log_that_forgot(served, tmp_path):
    hub, lakeside, _ = served
    public, key, kept = hub.seal(), tmp_path / "own.key", tmp_path / "kept.txt"

    def run(*arguments, expect=0):
        done = subprocess.run([hub.program, "audit", *map(str, arguments)], capture_output=True, text=True, env={})
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    def cosign(expect=0):
        old = merkle.Checkpoint(kept.read_text()).size if kept.exists() else 0
        (tmp_path / "new.txt").write_text(fetch(hub, lakeside, f"/log/consistency?old={old}")[1])
        return run("cosign", tmp_path / "new.txt", "--key", key, "--log", public, "--kept", kept, expect=expect)

    run("key", key, "--name", "lakeside.example/own", "--cosigner")
    hub.run("member", "cosigner", "add", "lakeside", "--key", f"{key}.pub")
    for _ in range(2):
        assert fetch(hub, lakeside, "/log/cosignature", cosign())[0] == 200
        hub.run("consent", "default", "opt-out")
        hub.seal()
    text = kept.read_text()
    root64 = text.split("\n")[2]
    secret = merkle_forger(hub, text.replace(root64, base64.b64encode(b"x" * 32).decode()))
    kept.write_text(secret)
    cosign(expect=1)


def merkle_forger(hub, text):
    """The text, signed anew by the log's own key: what a member would have kept of another log."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    _, _, name, key_id, seed = Path(hub.settings["checkpoint_key"]).read_text().strip().split("+", 4)
    body = text.rsplit("\n\n", 1)[0] + "\n"
    signature = Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed)[1:]).sign(body.encode())
    return f"{body}\n\u2014 {name} {base64.b64encode(bytes.fromhex(key_id) + signature).decode()}\n"


def test_metrics_tell_how_far_the_sealer_is(served):
    hub, _, _ = served
    hub.run("consent", "default", "opt-out")
    assert hub.metric("causeway_audit_unsealed") >= 1
    eventually(lambda: hub.seal() and hub.metric("causeway_audit_unsealed") == 0, "something is unsealed")
    assert hub.metric("causeway_audit_checkpoint_leaves") > 0
    connection = psycopg2.connect(f"{hub.database} user=causeway_admin")
    with connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO audit_pending VALUES (1, now() - interval '1 hour', gen_random_uuid(), '\\x00')")
        connection.commit()
        assert "is `causeway audit seal` running?" in hub.get("/readyz")[1]
        cursor.execute("DELETE FROM audit_pending WHERE leaf_hash = '\\x00'")
    connection.close()
