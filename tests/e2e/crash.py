"""The crash suite: SIGKILL of hub or database at random moments under concurrent load.

Four clients submit documents (ITI-41), two feed patients (ITI-8) and three submit, update, replace and
remove (ITI-41, 42, 57, 62, 86) over mutual TLS while the hub, PostgreSQL's postmaster, or both are killed and started again. Then, and at every 40th kill, all
clients pause and it must hold that

  - nothing acknowledged is lost: each acknowledged document is found (GetDocuments) and comes back
    with the bytes that were sent (ITI-43); each patient answered AA has an XAD-PID (ITI-9);
  - no change is half visible: each document that was updated, replaced or removed is seen as before or as
    after, and as after when that was acknowledged;
  - nothing half-made is visible: a submission whose answer never came is there as a whole, readable,
    or not at all; in the database every entry has its blob, set and association, every set its
    entries, and every submission exactly one audit row;
  - the repository is sound: `causeway xds verify` finds nothing but orphans, which kills leave and
    `causeway xds collect`, running beside the load all the time, takes away when they are old enough.

  /usr/bin/python3 tests/e2e/crash.py [--kills N] [--seed N] [--store fs|s3] [--keep]

With --store s3 the documents lie in OpenStack Swift (hospital/swift.py), which is not killed.

The moments are drawn from the seed, which is printed; what they hit depends on the machine as well.
Closes with 'N passed, N failed, N skipped'.
"""
import argparse
import ctypes
import os
import random
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

from crash_change import Changer  # noqa: E402
from crash_check import Checks  # noqa: E402
from crash_load import Feeder, Gate, Journal, Submitter  # noqa: E402
from hospital import Hospital, Patient, swift  # noqa: E402
from hospital.hub import Cluster, Failed, Hub, eventually  # noqa: E402
from hospital.ports import fixed_addresses  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("CAUSEWAY_BIN") or ROOT / "build/release/causeway").resolve()
PROGRESS_SECONDS = 90  # within which something must be acknowledged again after a kill
CHECK_EVERY = 40
SUBMITTERS, FEEDERS, CHANGERS, PEOPLE = 4, 2, 3, 12
REQUEST_SECONDS = 10
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class World:
    """PostgreSQL and the hub, and how to kill them."""

    def __init__(self, folder, store):
        # The postmaster leaves its starter: as its heir we reap it at once when it is killed. Until
        # somebody does, PostgreSQL takes the dead for the living and will not start.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.cluster = self._cluster(folder / "pg")
        self.hub = Hub(ROOT, PROGRAM, folder / "hub", self.cluster.database("crash"), workers=6,
                       request_seconds=REQUEST_SECONDS, **fixed_addresses(), **self._store(folder, store)).start()
        self.hub.open_region()

    def _store(self, folder, store):
        """Keys of the configuration. Swift takes no bucket until all of it runs."""
        self.swift = None
        if store == "fs":
            return {}
        self.swift = swift.Swift(folder / "swift")
        credentials = folder / "s3.credentials"
        with open(os.open(credentials, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(f"{swift.ACCESS}\n{swift.SECRET}\n")
        return {"store": "s3", "s3_endpoint": self.swift.endpoint, "s3_credentials": credentials,
                "s3_bucket": swift.Bucket(self.swift, "documents").make().name}

    @staticmethod
    def _cluster(folder):
        return Cluster(ROOT, folder, max_connections=60, recovery_init_sync_method="syncfs")

    def kill_hub(self):
        self.hub.kill()
        self.hub.start()

    def _kill_postmaster(self):
        pid = int((self.cluster.folder / "data/postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def _start_database(self):
        """Its children may hold the shared memory for a moment more."""
        def started():
            try:
                return self._cluster(self.cluster.folder)
            except Failed:
                return None
        return eventually(started, "PostgreSQL did not start again")

    def kill_database(self):
        self._kill_postmaster()
        self._start_database()

    def kill_both(self):
        self.hub.kill()
        self._kill_postmaster()
        self._start_database()
        self.hub.start()

    def stop(self):
        self.hub.stop(expect=None)
        self._kill_postmaster()
        self.cluster.remove()
        if self.swift:
            self.swift.stop()


class Collector(threading.Thread):
    """`causeway xds collect` beside the load, as greedy as it is let be."""

    def __init__(self, hub):
        super().__init__(daemon=True)
        self.hub, self.ended = hub, threading.Event()

    def run(self):
        while not self.ended.wait(3):
            self.hub.run("xds", "collect", "--orphans-after", f"{REQUEST_SECONDS + 10}s", expect=None)


def load(world, journal, gate, chance):
    """The clients, each with its own connections; two hospitals, one certificate each."""
    members = [world.hub.enrol(name, f"1.2.840.7.{n}") for n, name in enumerate(("lakeside", "harbour"))]
    for n in range(PEOPLE):
        number = f"PERSON-{n}"
        members[0].feed("A04", Patient([members[0].cx(number)], family=f"Person{n}", birth=f"19{50 + n}0101"))
        journal.people.append(members[0].xad_pid(number))
        journal.patients.append((members[0], number))
    members[0].close()
    clients = []
    for n, kind in enumerate([Submitter] * SUBMITTERS + [Feeder] * FEEDERS + [Changer] * CHANGERS):
        m = members[n % 2]
        own = Hospital(m.name, m.identity, m.authority, world.hub, m.organization)
        clients.append(kind(own, journal, gate, chance.random()))
    for client in clients:
        client.start()
    reader = world.hub.enrol("reader", "1.2.840.7.9")
    return clients, reader


def wait_for_progress(journal, before):
    end = time.monotonic() + PROGRESS_SECONDS
    while journal.acknowledged() <= before:
        if time.monotonic() > end:
            raise Failed(f"nothing was acknowledged within {PROGRESS_SECONDS} s of a kill")
        time.sleep(0.02)


def kills(world, journal, gate, checks, chance, count):
    """The kills, with a check of everything at intervals and at the end."""
    tally = dict.fromkeys(("hub", "database", "both"), 0)
    for n in range(1, count + 1):
        wait_for_progress(journal, journal.acknowledged())
        time.sleep(chance.random() * 0.5)
        victim = chance.choices(("hub", "database", "both"), (6, 3, 1))[0]
        getattr(world, f"kill_{victim}")()
        tally[victim] += 1
        if n % CHECK_EVERY == 0 or n == count:
            wait_for_progress(journal, journal.acknowledged())
            gate.close()
            checks.everything()
            print(f"{n} kills {tally}: {checks.summary()}", flush=True)
            gate.open.set()


def report(checks, trouble):
    failures = list(trouble) + checks.failures()
    for line in failures[:12]:
        print(f"FAIL {line}")
    failed = len(trouble) + checks.failed()
    print(f"{checks.passed()} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--keep", action="store_true", help="leave var/crash as it is")
    parser.add_argument("--store", choices=("fs", "s3"), default="fs")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    chance, folder = random.Random(options.seed), ROOT / "var/crash"
    shutil.rmtree(folder, ignore_errors=True)
    world, journal, gate, trouble = World(folder, options.store), Journal(), Gate(), []
    try:
        clients, reader = load(world, journal, gate, chance)
        checks = Checks(world.hub, journal, reader)
        collector = Collector(world.hub)
        collector.start()
        gate.open.set()
        try:
            kills(world, journal, gate, checks, chance, options.kills)
        except Failed as failure:
            trouble.append(str(failure))
        gate.end()
        collector.ended.set()
        collector.join(60)
        for client in clients:
            client.join(30)
        status = report(checks, trouble)
    finally:
        world.stop()
    if status == 0 and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
