"""Kills of hub, sealers and database under load, and what the audit log must still be.

Four hospitals' machines ask about patients (ITI-18, each answer a disclosure) while the hub, one of two
sealers, or PostgreSQL's postmaster is killed and started again at random moments. At the end it must hold
that

  - disclosures never exceed audit rows: for each patient at least as many successful rows are committed
    as answers were received;
  - the leaves are gap-free, and each record has exactly one;
  - the two sealers never forked the tree: every checkpoint that either of them ever signed, collected
    all the time, has the root of the leaves that are there now;
  - the log is genuine to `causeway audit verify`, by the first checkpoint that was seen.

  /usr/bin/python3 tests/e2e/crash_log.py [--kills N] [--seed N] [--keep]

Closes with 'N passed, N failed, N skipped'.
"""
import argparse
import collections
import hashlib
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import psycopg2  # noqa: E402

import merkle  # noqa: E402
from crash import ROOT, World  # noqa: E402
from hospital import Hospital, Patient  # noqa: E402
from hospital.hub import Failed, end  # noqa: E402

PEOPLE, MACHINES, SEALERS, PROGRESS_SECONDS = 8, 4, 2, 90


class Sealers:
    """Two of them, each with its own copy of the key and memory of its own, as on two machines."""

    def __init__(self, hub, folder):
        self.hub, self.configs, self.seen = hub, [], {}
        public = hub.checkpoint_key()
        for n in range(SEALERS):
            place = folder / f"sealer{n}"
            place.mkdir()
            key = place / "checkpoint.key"
            key.write_bytes(public.with_suffix("").read_bytes())
            key.chmod(0o600)
            config = place / "causeway.conf"
            text = hub.config.read_text()
            text = text.replace(f"checkpoint_key = {hub.settings['checkpoint_key']}\n", f"checkpoint_key = {key}\n")
            config.write_text(text.replace("seal_interval_ms = 100\n", "seal_interval_ms = 20\n"))
            self.configs.append(config)
        self.processes = [self._start(n) for n in range(SEALERS)]
        self.ended = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def _start(self, n):
        with open(self.configs[n].parent / "sealer.log", "ab") as log:
            return subprocess.Popen([self.hub.program, "audit", "seal", "--config", self.configs[n]],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self, n):
        self.processes[n].kill()
        self.processes[n].wait()
        self.processes[n] = self._start(n)

    def _look(self):
        """Each signed state, by its text: two of one size with different roots would be a fork."""
        for config in self.configs:
            try:
                note = merkle.Checkpoint((config.parent / "checkpoint.key.last").read_text())
            except (OSError, ValueError):
                continue
            self.seen.setdefault((note.size, note.root), note.note)

    def _watch(self):
        while not self.ended.wait(0.01):
            self._look()

    def stop(self):
        statuses = [end(process) for process in self.processes]
        self.ended.set()
        self.watcher.join(10)
        self._look()
        return statuses


class Machine(threading.Thread):
    """Asks about patients; each answer that comes whole is a disclosure."""

    def __init__(self, hospital, people, answered, seed):
        super().__init__(daemon=True)
        self.hospital, self.people, self.answered = hospital, people, answered
        self.random, self.ended = random.Random(seed), False

    def run(self):
        while not self.ended:
            patient = self.random.choice(self.people)
            try:
                if self.hospital.find(patient).ok:
                    self.answered[patient] += 1
            except Exception:  # killed hubs end connections in every way there is
                self.hospital.close()
                time.sleep(0.02)


def rows(world, sql):
    connection = psycopg2.connect(f"{world.hub.database} user=causeway_admin")
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()
    finally:
        connection.close()


def wait_for_progress(answered):
    before, until = [sum(a.values()) for a in answered], time.monotonic() + PROGRESS_SECONDS
    while sum(sum(a.values()) for a in answered) <= sum(before):
        if time.monotonic() > until:
            raise Failed(f"nothing was answered within {PROGRESS_SECONDS} s of a kill")
        time.sleep(0.01)


def roots(hashes, sizes):
    """Root of each prefix, in one pass over the leaves."""
    edge, out = [], {}  # (height, hash) from left to right
    for n, leaf in enumerate(hashes, 1):
        edge.append((0, leaf))
        while len(edge) > 1 and edge[-1][0] == edge[-2][0]:
            (height, right), (_, left) = edge.pop(), edge.pop()
            edge.append((height + 1, hashlib.sha256(b"\1" + left + right).digest()))
        if n in sizes:
            node = edge[-1][1]
            for _, left in reversed(edge[:-1]):
                node = hashlib.sha256(b"\1" + left + node).digest()
            out[n] = node
    return out


class Checks:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def __call__(self, name, holds, what=""):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        if not holds:
            print(f"FAIL {name}: {what}", flush=True)


def check_everything(world, sealers, people, answered, folder):
    check, hub = Checks(), world.hub
    hub.seal()
    committed = dict(rows(world, "SELECT patient, count(*) FROM audit_search WHERE transaction = 'ITI-18' "
                                 "AND outcome = 0 GROUP BY patient"))
    for patient in people:
        told = sum(a[patient] for a in answered)
        check("disclosures never exceed audit rows", told <= committed.get(patient, 0),
              f"{patient}: {told} answers, {committed.get(patient, 0)} rows")
    leaves = rows(world, "SELECT leaf, leaf_hash, id FROM audit_leaf ORDER BY leaf")
    check("the leaves are gap-free", [r[0] for r in leaves] == list(range(len(leaves))))
    events = {r[0] for r in rows(world, "SELECT id FROM audit_event")}
    check("each record has one leaf", len(events) == len(leaves) and events == {r[2] for r in leaves})
    check("the head is where the leaves end", rows(world, "SELECT size FROM audit_head") == [(len(leaves),)])
    published = rows(world, "SELECT note FROM audit_checkpoint")
    for note, in published:
        checkpoint = merkle.Checkpoint(note)
        sealers.seen.setdefault((checkpoint.size, checkpoint.root), note)
    true = roots([bytes(r[1]) for r in leaves], {size for size, _ in sealers.seen})
    for size, root in sealers.seen:
        check("no checkpoint forks the tree", true.get(size) == root, f"at {size} of {len(leaves)} leaves")
    first = folder / "first.txt"
    first.write_text(sealers.seen[min(sealers.seen)])
    hub.run("audit", "export-log", "--to", folder / "log.txt")
    said = subprocess.run([hub.program, "audit", "verify", "--export", folder / "log.txt", "--key",
                           hub.checkpoint_key(), "--checkpoint", first], capture_output=True, text=True)
    check("audit verify finds it genuine", said.returncode == 0, said.stdout + said.stderr)
    print(f"{sum(sum(a.values()) for a in answered)} disclosures, {len(leaves)} leaves, "
          f"{len(sealers.seen)} checkpoints", flush=True)
    return check


def play(world, sealers, answered, chance, kills):
    tally = collections.Counter()
    for _ in range(kills):
        wait_for_progress(answered)
        time.sleep(chance.random() * 0.3)
        victim = chance.choices(("hub", "sealer0", "sealer1", "both sealers", "database"), (4, 4, 4, 1, 1))[0]
        if victim == "hub":
            world.kill_hub()
        elif victim == "database":
            world.kill_database()
        else:
            for n in (0, 1) if victim == "both sealers" else (int(victim[-1]),):
                sealers.kill(n)
        tally[victim] += 1
    print(f"{kills} kills {dict(tally)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--keep", action="store_true", help="leave var/crash_log as it is")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    chance, folder = random.Random(options.seed), ROOT / "var/crash_log"
    shutil.rmtree(folder, ignore_errors=True)
    world, failed = World(folder, "fs"), 0
    try:
        member = world.hub.enrol("lakeside", "1.2.840.7.1")
        people = []
        for n in range(PEOPLE):
            member.feed("A04", Patient([member.cx(f"P{n}")], family=f"Person{n}", birth=f"19{50 + n}0101"))
            people.append(member.xad_pid(f"P{n}"))
        member.close()
        sealers = Sealers(world.hub, folder)
        answered = [collections.Counter() for _ in range(MACHINES)]
        machines = [Machine(Hospital(member.name, member.identity, member.authority, world.hub, member.organization),
                            people, a, chance.random()) for a in answered]
        for machine in machines:
            machine.start()
        try:
            play(world, sealers, answered, chance, options.kills)
        except Failed as failure:
            failed += 1
            print(f"FAIL {failure}")
        for machine in machines:
            machine.ended = True
        for machine in machines:
            machine.join(30)
        statuses = sealers.stop()
        check = check_everything(world, sealers, people, answered, folder)
        check("the sealers end well", statuses == [0] * SEALERS, statuses)
        failed += check.failed
        print(f"{check.passed} passed, {failed} failed, 0 skipped")
    finally:
        world.stop()
    if failed == 0 and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
