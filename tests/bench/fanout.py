"""Asking other communities: latency over 1 to 64 of them, what hanging ones cost others, memory."""

import pathlib
import statistics
import subprocess
import sys
import threading
import time

import communities as c
import messages as m

COUNTS = (1, 4, 16, 64)
ENTRIES = 10  # that the local registry holds of each patient
MB = 1024  # kB


class Fanout:
    """Simulated communities, which know patients by rows and not by asking (ITI-55 is another figure)."""

    def __init__(self, stack, patients):
        self.stack, self.patients, self.server = stack, patients, None

    def start(self, *options):
        self.stop()
        for kind in ("crt", "key"):
            (self.stack.pki / f"communities.{kind}").write_bytes((self.stack.pki / f"hub.{kind}").read_bytes())
        self.server = subprocess.Popen(
            [sys.executable, pathlib.Path(c.__file__), "--pki", self.stack.pki, *options],
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.server.stdout.readline())

    def stop(self):
        if self.server is not None:
            self.server.terminate()
            self.server.wait()
            self.server = None

    def enrol(self, patient, count):
        """Makes `count` communities, all of which know this patient (an XAD-PID) and nobody else."""
        rows = ", ".join(f"('sim{n}', '{c.home(n)}')" for n in range(count))
        urls = ", ".join(f"('sim{n}', '{s}', 'https://127.0.0.1:{self.port}/{n}/{s}')"
                         for n in range(count) for s in ("query", "retrieve"))
        known = ", ".join(f"('sim{n}', '{c.home(n)}.5', 'P{n}')" for n in range(count))
        self.stack.sql(f"""
            DELETE FROM community_correlation; DELETE FROM community_endpoint; DELETE FROM community;
            INSERT INTO member (name, organization) SELECT v.name, v.home FROM (VALUES {rows}) AS v (name, home)
             WHERE NOT EXISTS (SELECT 1 FROM member WHERE member.name = v.name);
            INSERT INTO community (member_id, home)
            SELECT member_id, v.home FROM (VALUES {rows}) AS v (name, home) JOIN member USING (name);
            INSERT INTO community_endpoint (member_id, service, url)
            SELECT member_id, v.service, v.url FROM (VALUES {urls}) AS v (name, service, url) JOIN member USING (name);
            INSERT INTO community_correlation (pkey, person_id, community_id, authority, patient_id, asked_at, expires_at)
            SELECT p.pkey, p.person_id, member_id, v.authority, v.id, now(), 'infinity'
              FROM (VALUES {known}) AS v (name, authority, id) JOIN member USING (name),
                   mpi_person AS p WHERE p.xad_pid = '{patient.split("^")[0]}';
            UPDATE epoch SET value = value + 1 WHERE name = 'member'""")
        for first in range(0, count, 16):
            parties = [w for n in range(first, min(first + 16, count)) for w in ("--party", f"sim{n}")]
            self.stack.cli("member", "agreement", "add", f"communities-{first}", "--all", *parties)
        time.sleep(2.5)  # the hub has read its members again

    def times(self, patient, count, want):
        """Milliseconds of single requests, one after the other."""
        taken = []
        with self.stack.connect(self.stack.listen) as connection:
            for i in range(count + 3):
                began = time.perf_counter()
                _, body = self.stack.ask(connection, m.iti18(patient, path="/xca/ig/query"))
                taken.append((time.perf_counter() - began) * 1000)
                found = body.count(b"<rim:ExtrinsicObject ")
                if b"ResponseStatusType:Success" not in body or found != want:
                    raise SystemExit(f"bench: {found} of {want} entries\n{body.decode()[:2000]}")
        return taken[3:]


def xca_fanout(bench, log):
    """p50 over 16 communities against p50 over one, of 20 ms each."""
    bench.populate()
    fan, medians = Fanout(bench.stack, bench.patients), {}
    try:
        fan.start()
        for count in COUNTS:
            fan.enrol(bench.patients[0], count)
            medians[count] = statistics.median(fan.times(bench.patients[0], 60, ENTRIES + 3 * count))
            log(f"xca_fanout: {count} communities, p50 {medians[count]:.1f} ms")
    finally:
        fan.stop()
    return {"name": "xca_fanout", "value": round(medians[16], 1), "unit": "ms over 16", "limit": round(medians[1], 1),
            "ratio": round(medians[16] / medians[1], 3), "p50_ms": {str(k): round(v, 1) for k, v in medians.items()},
            "p99_ms": None, "limit_is": "the same over one community of 20 ms"}


def xca_hanging(bench, log):
    """p99 of local queries while requests fan out to 64 communities of which 8 hang, against p99 while all
    answer: no worker is held by what hangs."""
    bench.populate()
    fan, worst = Fanout(bench.stack, bench.patients), {}
    local = [m.iti18(p) for p in bench.patients[1:]]

    def measure(hang):
        fan.start("--hang", str(hang))
        fan.enrol(bench.patients[0], 64)
        stop, done = threading.Event(), []

        def ask():
            with bench.stack.connect(bench.stack.listen) as connection:
                while not stop.is_set():
                    bench.stack.ask(connection, m.iti18(bench.patients[0], path="/xca/ig/query"))
                    done.append(1)
                    stop.wait(1.0)  # the same load, whether they hang or not
        askers = [threading.Thread(target=ask) for _ in range(32)]
        for a in askers:
            a.start()
        figure = bench.load(local, "--connections", "4")
        stop.set()
        for a in askers:
            a.join()
        log(f"xca_hanging: {64 - min(hang, 64)} hang: local p99 {figure['p99_ms']:.2f} ms, {len(done)} fan-outs")
        return figure["p99_ms"]

    try:
        for _ in range(bench.runs):
            for name, hang in (("none", 1 << 30), ("eight", 56)):
                worst.setdefault(name, []).append(measure(hang))
    finally:
        fan.stop()
    value, limit = statistics.median(worst["eight"]), statistics.median(worst["none"])
    return {"name": "xca_hanging", "value": round(value, 2), "unit": "ms p99 of local ITI-18", "limit": round(limit, 2),
            "ratio": round(value / limit, 3), "p50_ms": None, "p99_ms": None,
            "limit_is": "the same with 64 communities that all answer"}


def xca_memory(bench, log, size=10_000_000):
    """What the hub grows by while 64 documents of 10 MB come from 64 communities in one answer."""
    bench.populate()
    bench.stack.restart_hub()  # which leaves no community alone yet, whatever was measured before
    fan = Fanout(bench.stack, bench.patients)
    try:
        fan.start("--size", str(size), "--entries", "1")
        fan.enrol(bench.patients[0], 64)
        fan.times(bench.patients[0], 1, ENTRIES + 64)
        before = bench.stack.memory_kb()
        pathlib.Path(f"/proc/{bench.stack.hub.pid}/clear_refs").write_text("5")
        wanted = "".join(
            f"<xds:DocumentRequest><xds:HomeCommunityId>urn:oid:{c.home(n)}</xds:HomeCommunityId>"
            f"<xds:RepositoryUniqueId>{c.home(n)}.7</xds:RepositoryUniqueId>"
            f"<xds:DocumentUniqueId>{c.unique_id(n, 0)}</xds:DocumentUniqueId></xds:DocumentRequest>" for n in range(64))
        request = m.mtom("/xca/ig/retrieve", "urn:ihe:iti:2007:RetrieveDocumentSet",
                         f"<xds:RetrieveDocumentSetRequest {m.NS}>{wanted}</xds:RetrieveDocumentSetRequest>")
        answer = bench.load([request], "--count", "1", "--connections", "1")
        if answer["bytes"] < 64 * (size // 256 * 256):
            raise SystemExit(f"bench: xca_memory: only {answer['bytes']} bytes came back")
        extra = (bench.stack.memory_kb("VmHWM") - before) / MB
    finally:
        fan.stop()
    return {"name": "xca_memory", "value": round(extra, 1), "unit": "MB above idle", "limit": 64,
            "ratio": round(extra / 64, 3), "p50_ms": None, "p99_ms": None,
            "limit_is": "64 MB while 64 documents of 10 MB from 64 communities become one answer"}
