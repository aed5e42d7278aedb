"""The operator's commands, run as an operator runs them: what they change, refuse, show and audit."""
import json
import os
import re
import socket
import ssl
import subprocess
import time

import psycopg2
import pytest

from hospital import pki
from hospital.hub import Hub
from people import known

COMMANDS = [["member"], ["member", "add"], ["member", "list"], ["member", "show"],
            ["member", "suspend"], ["member", "resume"], ["member", "cert"],
            ["member", "cert", "add"], ["member", "cert", "remove"], ["member", "authority"],
            ["member", "authority", "add"], ["member", "authority", "remove"], ["audit"],
            ["audit", "search"], ["mpi", "eval"], ["mpi", "train"], ["mpi", "model"],
            ["mpi", "model", "show"], ["mpi", "model", "diff"], ["migrate"], ["doctor"], ["consent"], ["serve"]]


def command(hub, *arguments):
    """(exit status, standard output, standard error) of a command."""
    done = subprocess.run([hub.program, *map(str, arguments), "--config", hub.config], text=True,
                          capture_output=True, cwd=hub.root, timeout=120)
    return done.returncode, done.stdout, done.stderr


def sql(hub, text, *values, role="causeway_owner"):
    """Rows of a statement, in the database as `role`."""
    with psycopg2.connect(f"{hub.database} user={role}") as connection, connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else []


def members(hub):
    return {m["name"]: m for m in hub.json("member", "list")["members"]}


def epoch(hub):
    return sql(hub, "SELECT value FROM epoch WHERE name = 'member'")[0][0]


numbers = iter(range(1, 1000))


@pytest.fixture
def enrolled(hub):
    """A member of the test's own: (name, identity, authority)."""
    number = next(numbers)
    name, authority = f"clinic-{number}", f"1.2.840.77.{number}"
    identity = hub.authority.issue(name)
    hub.run("member", "add", name, "--organization", f"{authority}.99", "--authority",
            f"{authority}=NS{number}", "--cert", identity.certificate)
    return name, identity, authority


# --- help -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_says_how_to_use_it(words, program):
    done = subprocess.run([program, *words, "--help"], text=True, capture_output=True)
    assert done.returncode == 0 and not done.stderr
    assert f"usage: causeway {' '.join(words)}" in done.stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_wrong_usage_is_exit_status_2_and_changes_nothing(words, program):
    done = subprocess.run([program, *words, "--no-such-option"], text=True, capture_output=True)
    assert done.returncode == 2
    assert "usage: causeway" in done.stderr and not done.stdout


def test_without_a_configuration_it_says_where_it_looked(program, tmp_path):
    done = subprocess.run([program, "member", "list", "--config", tmp_path / "none.conf"], text=True,
                          capture_output=True)
    assert done.returncode == 2 and "none.conf" in done.stderr and "--config" in done.stderr


# --- member ---------------------------------------------------------------------------------------

def test_an_enrolled_member_is_listed_as_it_was_given(hub):
    identity = hub.authority.issue("north")
    added = hub.json("member", "add", "north", "--organization", "urn:oid:1.2.840.70", "--authority",
                     "1.2.840.70.1=EPIC", "--authority", "1.2.840.70.2", "--application",
                     "ADT|NORTH", "--application", "LAB", "--charset", "8859/1", "--strict-adt",
                     "--cert", identity.certificate)
    assert added == members(hub)["north"] == hub.json("member", "show", "north")
    assert added["organization"] == "1.2.840.70"
    assert added["authorities"] == [{"oid": "1.2.840.70.1", "namespace": "EPIC"},
                                    {"oid": "1.2.840.70.2", "namespace": ""}]
    assert added["applications"] == [{"application": "ADT", "facility": "NORTH"},
                                     {"application": "LAB", "facility": ""}]
    assert (added["charset"], added["strict_adt"], added["suspended"]) == ("8859/1", True, False)
    certificate, = added["certificates"]
    assert certificate["fingerprint"] == identity.fingerprint and not certificate["direct"]
    assert certificate["not_after"].startswith(identity.x509.not_valid_after.isoformat())
    text = hub.run("member", "show", "north")
    assert identity.fingerprint in text and "EPIC" in text
    assert re.search(r"^north +admitted +1\.2\.840\.70 ", hub.run("member", "list"), re.M)


@pytest.fixture(scope="module")
def files(hub, tmp_path_factory):
    """Certificates and files of every wrong kind, by name."""
    folder = tmp_path_factory.mktemp("certificates")
    stranger = pki.CertificateAuthority(folder / "stranger", "Unknown CA")
    weak = folder / "weak.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "30", "-keyout",
                    folder / "weak.key", "-out", weak, "-subj", "/CN=weak"], check=True,
                   capture_output=True)
    (folder / "noise").write_bytes(os.urandom(2000))
    revoked = hub.authority.issue("revoked")
    hub.authority.revoke(revoked)
    taken = hub.authority.issue("taken")
    hub.run("member", "add", "taken", "--organization", "1.2.840.71", "--authority", "1.2.840.71.1=TKN",
            "--application", "TAKEN|HERE", "--cert", taken.certificate)
    return {"good": hub.authority.issue("good").certificate, "missing": folder / "none.pem",
            "noise": folder / "noise", "key": taken.key, "taken": taken.certificate, "weak": weak,
            "expired": hub.authority.issue("old", begin=-20, end=-1).certificate,
            "stranger": stranger.issue("stranger").certificate, "revoked": revoked.certificate}


REFUSED = [
    # name, what is wrong, how the message says it
    ("two words", {}, "a name has"),
    ("../up", {}, "a name has"),
    ("taken", {}, "called taken already"),
    ("new", {"--organization": None}, "OID is required"),
    ("new", {"--organization": "hospital"}, "OID is required"),
    ("new", {"--authority": "EPIC"}, "OID=NAMESPACE"),
    ("new", {"--authority": "1.2.840.71.1"}, "belongs to taken"),
    ("new", {"--authority": "XAD"}, "affinity domain's own"),
    ("new", {"--application": "TAKEN|HERE"}, "belongs to taken"),
    ("new", {"--application": "|HERE"}, "MSH-3"),
    ("new", {"--charset": "KLINGON"}, "table 0211"),
    ("new", {"--cert": None}, "--cert is required"),
    ("new", {"--cert": "missing"}, "No such file"),
    ("new", {"--cert": "noise"}, "not a certificate"),
    ("new", {"--cert": "key"}, "not a certificate"),
    ("new", {"--cert": "expired"}, "expired"),
    ("new", {"--cert": "weak"}, "2048"),
    ("new", {"--cert": "taken"}, "taken's already"),
    ("new", {"--cert": "stranger"}, "--direct"),
    ("new", {"--cert": "revoked"}, "revoked"),
]


@pytest.mark.parametrize("name, wrong, words", REFUSED)
def test_an_enrolment_that_is_wrong_is_refused_whole(hub, files, name, wrong, words):
    given = {"--organization": "1.2.840.72", "--authority": "1.2.840.72.1", "--cert": "good", **wrong}
    if given["--authority"] == "XAD":
        given["--authority"] = hub.xad_authority
    if given["--cert"]:
        given["--cert"] = files[given["--cert"]]
    options = [x for k, v in given.items() if v is not None for x in (k, v)]
    before = members(hub), epoch(hub)
    status, out, err = command(hub, "member", "add", name, *options)
    assert (status, out) == (2, "") and words in err
    status, out, _ = command(hub, "member", "add", name, *options, "--json")
    assert status == 2 and words in json.loads(out)["error"]
    assert (members(hub), epoch(hub)) == before


def test_an_authority_given_twice_is_refused(hub, files):
    for pair in (("1.2.840.72.1", "1.2.840.72.1"), ("1.2.840.72.1=NS", "1.2.840.72.2=NS")):
        status, _, err = command(hub, "member", "add", "new", "--organization", "1.2.840.72",
                                 "--authority", pair[0], "--authority", pair[1], "--cert", files["good"])
        assert status == 2 and "given twice" in err


def test_a_certificate_may_be_trusted_by_itself(hub, files):
    added = hub.json("member", "add", "lone", "--organization", "1.2.840.73", "--cert",
                     files["stranger"], "--direct")
    assert [c["direct"] for c in added["certificates"]] == [True]


@pytest.mark.parametrize("words", [
    ["show"], ["suspend"], ["resume"], ["cert", "add", "--cert", "x"],
    ["cert", "remove", "--fingerprint", "00" * 32], ["authority", "add", "--authority", "1.2.3"],
    ["authority", "remove", "--authority", "1.2.3"]], ids=" ".join)
def test_a_member_that_does_not_exist_is_a_no(hub, words):
    verbs = [w for w in words if not w.startswith("--")][:2 if words[0] in ("cert", "authority") else 1]
    status, out, err = command(hub, "member", *verbs, "nobody", *words[len(verbs):])
    assert (status, out) == (1, "") and "nobody" in err and "member list" in err


def test_certificates_rotate_one_at_a_time(hub, enrolled):
    name, first, _ = enrolled
    second, third = hub.authority.issue(f"{name}-2"), hub.authority.issue(f"{name}-3")
    hub.run("member", "cert", "add", name, "--cert", second.certificate)
    status, _, err = command(hub, "member", "cert", "add", name, "--cert", third.certificate)
    assert status == 2 and "two live certificates" in err
    colons = ":".join(re.findall("..", first.fingerprint.upper()))
    hub.run("member", "cert", "remove", name, "--fingerprint", colons)
    status, _, err = command(hub, "member", "cert", "remove", name, "--fingerprint", first.fingerprint)
    assert status == 1 and "no such certificate" in err
    hub.run("member", "cert", "add", name, "--cert", third.certificate)
    have = {c["fingerprint"] for c in members(hub)[name]["certificates"]}
    assert have == {second.fingerprint, third.fingerprint}


def test_a_certificate_of_another_member_cannot_be_removed(hub, enrolled, files):
    taken = members(hub)["taken"]["certificates"][0]["fingerprint"]
    status, _, err = command(hub, "member", "cert", "remove", enrolled[0], "--fingerprint", taken)
    assert status == 1 and "no such certificate" in err
    assert members(hub)["taken"]["certificates"]


def test_authorities_come_and_go(hub, enrolled):
    name, _, authority = enrolled
    changed = hub.json("member", "authority", "add", name, "--authority", f"{authority}.5=MORE")
    assert {"oid": f"{authority}.5", "namespace": "MORE"} in changed["authorities"]
    status, _, err = command(hub, "member", "authority", "add", name, "--authority", f"{authority}.6=MORE")
    assert status == 2 and "'MORE' already" in err
    changed = hub.json("member", "authority", "remove", name, "--authority", f"{authority}.5")
    assert [a["oid"] for a in changed["authorities"]] == [authority]
    status, _, _ = command(hub, "member", "authority", "remove", name, "--authority", f"{authority}.5")
    assert status == 1


def admitted(hub, identity):
    """Does the hub talk HTTP with this certificate?"""
    context = ssl.create_default_context(cafile=str(hub.ca))
    context.load_cert_chain(identity.certificate, identity.key)
    try:
        with socket.create_connection(hub.soap_address, timeout=20) as plain, \
                context.wrap_socket(plain, server_hostname="localhost") as wire:
            wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return wire.recv(100).startswith(b"HTTP/1.1 ")
    except OSError:
        return False


def within(seconds, true):
    """Polls, because a running hub looks for changes a few times a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False


def test_changes_hold_without_a_restart(hub, enrolled):
    name, identity, _ = enrolled
    assert within(60, lambda: admitted(hub, identity))
    hub.run("member", "suspend", name)
    assert members(hub)[name]["suspended"]
    assert within(60, lambda: not admitted(hub, identity))
    hub.run("member", "resume", name)
    assert within(60, lambda: admitted(hub, identity))
    hub.run("member", "cert", "remove", name, "--fingerprint", identity.fingerprint)
    assert within(60, lambda: not admitted(hub, identity))


def test_suspending_twice_is_no_error(hub, enrolled):
    for verb in ("suspend", "suspend", "resume", "resume"):
        hub.run("member", verb, enrolled[0])


def test_every_change_moves_the_epoch_and_is_audited(hub, enrolled):
    name, _, authority = enrolled
    second = hub.authority.issue(f"{name}-next")
    changes = [
        (["suspend", name], "suspended"),
        (["resume", name], "resumed"),
        (["authority", "add", name, "--authority", f"{authority}.7"], f"added authority {authority}.7"),
        (["authority", "remove", name, "--authority", f"{authority}.7"],
         f"removed authority {authority}.7"),
        (["cert", "add", name, "--cert", second.certificate], f"added certificate {second.fingerprint}"),
        (["cert", "remove", name, "--fingerprint", second.fingerprint],
         f"removed certificate {second.fingerprint}"),
    ]
    for words, told in changes:
        before = epoch(hub)
        hub.run("member", *words)
        assert epoch(hub) == before + 1
        row = records(hub, "--transaction", "CONFIG", "--limit", 1)[0]
        assert (row["event"], row["action"], row["outcome"]) == ("110113", "E", 0)
        assert row["user"] and row["role"] == "operator"
        assert row["objects"][0]["id"].startswith("110137")
        assert row["objects"][1]["id"] == name and row["objects"][1]["detail"].startswith(told)


# --- audit search ---------------------------------------------------------------------------------

def records(hub, *options):
    """The records of `audit search --json`, newest first."""
    return [json.loads(line) for line in hub.run("audit", "search", *options, "--json").splitlines()]


def test_looking_at_the_audit_log_is_audited(hub, enrolled):
    hub.run("audit", "search", "--member", enrolled[0], "--from", "2026-01-01")
    look = records(hub, "--transaction", "ITI-81", "--limit", 1)[0]
    assert (look["event"], look["action"]) == ("110101", "R")
    assert look["objects"][0]["detail"] == f"--member {enrolled[0]} --from 2026-01-01"


def test_a_look_at_a_patients_rows_is_a_row_of_that_patient(hub):
    patient = "NOBODY-1^^^&1.2.840.79&ISO"
    assert records(hub, "--patient", patient) == []
    look, = records(hub, "--patient", "NOBODY-1")
    assert look["patient"] == patient


def test_a_survivors_rows_include_those_of_who_was_merged_into_it(hub, lakeside):
    old, new = known(lakeside), known(lakeside)
    fed = [r["id"] for r in records(hub, "--patient", old.cx(lakeside), "--transaction", "ITI-8")]
    lakeside.merge(new.patient(new.cx(lakeside)), old.cx(lakeside))
    found = [r["id"] for r in records(hub, "--patient", new.xad, "--transaction", "ITI-8")]
    assert len(fed) == 1 and fed[0] in found


def test_pages_go_on_where_the_last_one_stopped(hub, enrolled):
    for _ in range(3):
        hub.run("member", "suspend", enrolled[0])
        hub.run("member", "resume", enrolled[0])
    whole = [r["id"] for r in records(hub, "--transaction", "CONFIG", "--limit", 1000)]
    paged, cursor = [], []
    while True:
        page = records(hub, "--transaction", "CONFIG", "--limit", 4, *cursor)
        if not page:
            break
        paged += [r["id"] for r in page]
        cursor = ["--before", f"{page[-1]['at']}/{page[-1]['id']}"]
    assert paged == whole and len(whole) >= 7


def test_the_table_tells_how_to_go_on(hub, enrolled):
    hub.run("member", "suspend", enrolled[0])
    text = hub.run("audit", "search", "--transaction", "CONFIG", "--limit", 1)
    assert f"member {enrolled[0]} (suspended)" in text
    cursor = re.search(r"--before (\S+)", text)[1]
    assert enrolled[0] in hub.run("audit", "search", "--transaction", "CONFIG", "--before", cursor)


def test_rows_of_one_request_are_found_by_its_id(hub, enrolled):
    row = records(hub, "--transaction", "CONFIG", "--limit", 1)[0]
    assert [r["id"] for r in records(hub, "--request", row["request"])] == [row["id"]]
    at = row["at"]
    assert row["id"] in [r["id"] for r in records(hub, "--from", at)]
    assert row["id"] not in [r["id"] for r in records(hub, "--to", at)]


@pytest.mark.parametrize("option, value, expected", [
    ("--member", "nobody", 1), ("--from", "yesterday", 2), ("--to", "2026-13-01", 2),
    ("--limit", "0", 2), ("--limit", "1001", 2), ("--limit", "many", 2), ("--request", "17", 2),
    ("--before", "2026-01-01", 2), ("--before", "x/y", 2)])
def test_a_condition_that_cannot_be_read_is_refused(hub, option, value, expected):
    status, out, err = command(hub, "audit", "search", option, value)
    assert (status, out) == (expected, "") and (value in err or option in err)


def test_a_record_that_was_altered_is_shown_as_unreadable(hub, enrolled):
    hub.run("member", "suspend", enrolled[0])
    row = records(hub, "--transaction", "CONFIG", "--limit", 1)[0]
    sql(hub, "UPDATE audit_event SET record = set_byte(record, 20, (get_byte(record, 20) + 1) %% 256)"
             " WHERE id = %s", row["id"])
    shown = [r for r in records(hub, "--request", row["request"])]
    assert [r.get("unreadable") for r in shown] == [True] and shown[0]["id"] == row["id"]
    assert "unreadable" in hub.run("audit", "search", "--request", row["request"])


# --- migrate --------------------------------------------------------------------------------------

def bare_hub(cluster, program, folder, name, **settings):
    """A hub whose database has nothing in it."""
    class Bare(Hub):
        def run(self, *arguments, **options):
            return "" if arguments[0] == "migrate" and "--database" in arguments and \
                not hasattr(self, "made") else super().run(*arguments, **options)
    hub = Bare(cluster.root, program, folder / name, cluster.database(name), **settings)
    hub.made = True
    return hub


def test_migrate_brings_an_empty_database_up_once(cluster, program, tmp_path):
    hub = bare_hub(cluster, program, tmp_path, "commands_migrate")
    owner = ("--database", f"{hub.database} user=causeway_owner")
    status, out, _ = command(hub, "migrate", *owner, "--status")
    assert status == 1 and "pending" in out and "applied" not in out.split("\n", 1)[1]
    status, _, err = command(hub, "member", "list")
    assert status == 2 and "causeway migrate" in err
    planned = hub.json("migrate", *owner, "--dry-run")["migrations"]
    assert planned and {m["state"] for m in planned} == {"pending"}
    assert sql(hub, "SELECT count(*) FROM pg_class WHERE relname = 'member'") == [(0,)]
    done = hub.json("migrate", *owner)
    assert done["applied"] == len(planned)
    assert hub.json("migrate", *owner) == {"applied": 0, "partitions": 0}
    status, out, _ = command(hub, "migrate", "--status", "--json")
    assert status == 0 and {m["state"] for m in json.loads(out)["migrations"]} == {"applied"}


def test_migrate_makes_missing_partitions(cluster, program, tmp_path):
    hub = Hub(cluster.root, program, tmp_path / "hub", cluster.database("commands_partitions"))
    month = sql(hub, "SELECT to_char(audit_partitions_end() - interval '1 month', 'YYYY_MM')")[0][0]
    sql(hub, f"DROP TABLE audit_event_{month}, audit_search_{month}")
    assert hub.json("migrate", "--database", f"{hub.database} user=causeway_owner")["partitions"] == 2


# --- doctor ---------------------------------------------------------------------------------------

def doctor(hub, config=None):
    """(exit status, {check: [(level, text, advice)]})"""
    done = subprocess.run([hub.program, "doctor", "--json", "--config", config or hub.config], text=True,
                          capture_output=True, cwd=hub.root, timeout=120)
    found = {}
    for finding in json.loads(done.stdout)["findings"]:
        found.setdefault(finding["check"], []).append(
            (finding["level"], finding["text"], finding["advice"]))
    return done.returncode, found


def test_a_sound_hub_has_no_problem(hub, enrolled):
    status, found = doctor(hub)
    levels = {check: {level for level, _, _ in findings} for check, findings in found.items()}
    # some members of these tests have no certificate; this session's limit may be low
    levels.pop("audit log", None)  # no sealer runs in these tests
    assert levels.pop("members") <= {"fine", "warning"} and levels.pop("descriptors") <= {"fine", "warning"}
    assert {frozenset(x) for x in levels.values()} == {frozenset({"fine"})}, found
    assert status == 0
    assert "0 problems" in hub.run("doctor")


@pytest.fixture(scope="module")
def broken(hub, files, tmp_path_factory):
    """broken(key=value...): a configuration like the hub's, with these settings changed."""
    folder = tmp_path_factory.mktemp("broken")

    def make(**changes):
        path = folder / f"{len(list(folder.iterdir()))}.conf"
        settings = {**hub.settings, **changes}
        path.write_text("".join(f"{k} = {v}\n" for k, v in settings.items() if v is not None))
        return path
    return make


def key_file(folder, size, mode):
    path = folder / f"key-{size}-{mode:o}"
    path.write_bytes(os.urandom(size))
    path.chmod(mode)
    return path


def certificate(identity):
    return {"tls_certificate": identity.certificate, "tls_key": identity.key}


def stale_crl(hub, folder):
    """The CA's list, of which the next was due yesterday."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    builder = (x509.CertificateRevocationListBuilder().issuer_name(hub.authority._subject)
               .last_update(pki.now() - 9 * pki.DAY).next_update(pki.now() - pki.DAY))
    path = folder / "stale.crl"
    path.write_bytes(builder.sign(hub.authority._key, hashes.SHA256())
                     .public_bytes(serialization.Encoding.PEM))
    return path


BROKEN = [
    # check, the level and the words of the finding, and what was changed
    ("configuration", "problem", "colour", lambda h, f: {"colour": "red"}),
    ("configuration", "problem", "xad_authority", lambda h, f: {"xad_authority": None}),
    ("hub certificate", "problem", "No such file", lambda h, f: {"tls_certificate": f / "none"}),
    ("hub certificate", "problem", "expired on",
     lambda h, f: certificate(h.authority.issue("hub-old", True, -20, -1))),
    ("hub certificate", "problem", "expires within 5 days",
     lambda h, f: certificate(h.authority.issue("hub-5", True, -1, 5))),
    ("hub certificate", "warning", "expires in 39 days",
     lambda h, f: certificate(h.authority.issue("hub-40", True, -1, 40))),
    ("hub certificate", "problem", "is not the key of",
     lambda h, f: {"tls_key": h.authority.issue("other").key}),
    ("hub certificate", "warning", "vouches for it",
     lambda h, f: certificate(pki.self_signed(f, "own"))),
    ("trusted CAs", "problem", "not a certificate", lambda h, f: {"tls_ca": key_file(f, 50, 0o600)}),
    ("revocation lists", "problem", "out of date", lambda h, f: {"tls_crl": stale_crl(h, f)}),
    ("revocation lists", "problem", "no list of",
     lambda h, f: {"tls_crl": pki.CertificateAuthority(f / "b", "B").crl}),
    ("master key", "problem", "No such file", lambda h, f: {"master_key": f / "none"}),
    ("master key", "problem", "31 bytes", lambda h, f: {"master_key": key_file(f, 31, 0o600)}),
    ("master key", "problem", "others may read", lambda h, f: {"master_key": key_file(f, 32, 0o640)}),
    ("audit key", "problem", "cannot be read", lambda h, f: {"master_key": key_file(f, 32, 0o600)}),
    ("document store", "problem", "cannot be written", lambda h, f: {"store_dir": f / "none"}),
    ("database", "problem", "does not exist",
     lambda h, f: {"database": h.settings["database"].replace("dbname=", "dbname=no_")}),
    ("durability", "problem", "synchronous_commit = off",
     lambda h, f: {"database": h.settings["database"] + " options='-c synchronous_commit=off'"}),
    ("privileges", "problem", "owns audit_event",
     lambda h, f: {"database": f"{h.database} user=causeway_owner"}),
    ("privileges", "problem", "superuser",
     lambda h, f: {"database": f"{h.database} user=causeway_admin"}),
    ("XAD-PID source", "problem", "no member", lambda h, f: {"xad_source": "nobody"}),
    ("XAD-PID source", "problem", "does not feed", lambda h, f: {"xad_source": "taken"}),
    ("descriptors", "warning", "max_connections", lambda h, f: {"max_connections": 1000000}),
]


@pytest.mark.parametrize("check, level, words, change", BROKEN,
                         ids=lambda x: x if isinstance(x, str) else "")
def test_the_doctor_finds_what_is_broken_and_says_what_to_do(check, level, words, change, hub,
                                                             broken, tmp_path):
    status, found = doctor(hub, broken(**change(hub, tmp_path)))
    matching = [x for x in found[check] if x[0] == level and words in x[1]]
    assert matching and matching[0][2], found[check]
    assert status == (1 if level == "problem" else 0)


def test_what_cannot_be_examined_is_skipped_by_name(hub, broken):
    status, found = doctor(hub, broken(database="host=/nonexistent dbname=x"))
    assert status == 1 and found["database"][0][0] == "problem"
    for check in ("durability", "migrations", "privileges", "audit partitions", "members"):
        assert found[check] == [("skipped", "not examined without the database", "")]


def test_the_doctor_sees_what_the_database_lacks(cluster, program, tmp_path):
    hub = bare_hub(cluster, program, tmp_path, "commands_doctor")
    status, found = doctor(hub)
    assert status == 1 and found["migrations"][0][0] == "problem" and "migrate" in found["migrations"][0][2]
    hub.run("migrate", "--database", f"{hub.database} user=causeway_owner")
    assert doctor(hub)[0] == 0
    assert doctor(hub)[1]["members"] == [
        ("warning", "nobody is enrolled yet", "`causeway member add --help`")]
    months = sql(hub, "SELECT to_char(m, 'YYYY_MM') FROM generate_series("
                      " date_trunc('month', now()), now() + interval '5 months', '1 month') m")
    for month, in months[1:]:
        sql(hub, f"DROP TABLE IF EXISTS audit_event_{month}, audit_search_{month}")
    level, text, advice = doctor(hub)[1]["audit partitions"][0]
    assert level in ("warning", "fine") and "made up to" in text or "they end on" in text
    sql(hub, f"DROP TABLE audit_event_{months[0][0]}, audit_search_{months[0][0]}")
    assert doctor(hub)[1]["audit partitions"][0][0] == "problem"
    sql(hub, "GRANT UPDATE ON audit_event TO causeway_hub")
    assert "may change audit_event" in doctor(hub)[1]["privileges"][0][1]


def test_members_whose_certificates_end_are_named(hub):
    identity = hub.authority.issue("ending", end=20)
    hub.run("member", "add", "ending", "--organization", "1.2.840.74", "--cert", identity.certificate)
    texts = [(level, text) for level, text, _ in doctor(hub)[1]["members"]]
    assert any(level == "warning" and "the last certificate of ending expires" in text
               for level, text in texts), texts
    hub.run("member", "suspend", "ending")
    assert not any("ending" in text for _, text, _ in doctor(hub)[1]["members"])


def test_a_master_key_is_made_once(program, tmp_path):
    key = tmp_path / "master.key"
    done = subprocess.run([program, "doctor", "--make-key", key], text=True, capture_output=True)
    assert done.returncode == 0 and "copy" in done.stdout
    made = key.read_bytes()
    assert len(made) == 32 and key.stat().st_mode & 0o777 == 0o600
    done = subprocess.run([program, "doctor", "--make-key", key], text=True, capture_output=True)
    assert done.returncode == 2 and "exists" in done.stderr
    assert key.read_bytes() == made


def test_the_hub_does_not_start_on_a_configuration_that_the_doctor_refuses(hub, broken):
    done = subprocess.run([hub.program, "serve", "--config", broken(colour="red")], text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 2 and "colour" in done.stderr
