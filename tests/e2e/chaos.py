"""Three hubs under load while hubs are killed, cut off, slowed down and their clocks set wrong at random
(deploy/federation's regions). Meanwhile the patient objects in the North and takes it back, over and over.
What must hold all the time:

  - an answer holds every document that was acknowledged before it was asked for, but those of regions
    that it names as missing; nothing is credited to the wrong region;
  - no answer that was asked for while she objects holds a document of the North;
  - every answer has its audit row, and every hub's log is whole and genuine in the end;
  - what was acknowledged is there in the end, byte by byte, and all three answer again by themselves.

    tests/e2e/chaos.py [--seconds 60] [--seed N] [--causeway build/release/causeway]
"""
import argparse
import json
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg2

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "deploy/lib")]

from federation import Astray, Journey, Region, must  # noqa: E402
from hospital import Hospital, xds  # noqa: E402
from hospital.hub import Cluster  # noqa: E402
from hospital.soap import Broken  # noqa: E402

GONE = (OSError, Broken, AssertionError)  # the hub was killed under the question
SKEW_MS = 45000


class Chaos:
    def __init__(self, regions, dice):
        self.regions, self.dice = regions, dice
        self.journey = Journey(regions)
        self.journey.begin()
        self.acknowledged = {self.journey.entries[r].unique_id: (r, self.journey.entries[r].content) for r in regions}
        self.lock, self.over = threading.Lock(), threading.Event()
        self.answers = self.partial = self.refused = self.faults = self.minds = 0
        self.objects = False  # in the North; None: just being said
        self.wrong = []

    def hospital(self, region):
        """A connection of this thread's own, to wherever the hub listens now."""
        h = region.hospital
        return Hospital(h.name, h.identity, h.authority, region.hub, h.organization)

    # --- load ---------------------------------------------------------------------------------------

    def publish(self, region):
        number = 0
        while not self.over.is_set():
            number += 1
            content = f"<note>{region.name} {number}</note>".encode()
            try:
                entry, response = self.hospital(region).publish(self.journey.xads[region], content, title="chaos")
                if response.ok:
                    with self.lock:
                        self.acknowledged[entry.unique_id] = (region, content)
            except GONE:
                pass
            self.over.wait(0.5)

    def change_mind(self):
        """She objects in the North, and takes it back. The operator's commands need no hub."""
        north = self.regions[0]
        patient = ["--patient", self.journey.xads[north]]
        while not self.over.wait(1):
            for objects in (True, False):
                with self.lock:
                    self.objects = None
                if objects:
                    north.hub.run("consent", "set", *patient, "--deny")
                else:
                    for policy in json.loads(north.hub.run("consent", "show", *patient, "--json"))["policies"]:
                        north.hub.run("consent", "revoke", *patient, "--policy", policy["policy"])
                with self.lock:
                    self.objects = objects
                    self.minds += 1
                self.over.wait(1)

    def judge(self, before, objects, answer):
        """`objects`: whether she did, all the while; None: it changed meanwhile."""
        told = " ".join(e.context for e in answer.errors)
        missing = [r for r in self.regions if r.home in told]
        found = {e.unique_id: e.element.get("home") for e in answer.entries}
        for ident, (region, _) in before.items():
            if region is self.regions[0] and objects is not False:
                if objects and ident in found:
                    self.wrong.append(f"the North's {ident} was told although she objects")
            elif region not in missing and ident not in found:
                self.wrong.append(f"{region.name}'s {ident} is neither found nor is the region named: {answer}")
            elif ident in found and found[ident] != f"urn:oid:{region.home}":
                self.wrong.append(f"{ident} of {region.name} is credited to {found[ident]}")

    def query(self):
        east = self.regions[1]
        while not self.over.is_set():
            with self.lock:
                before, objects, minds = dict(self.acknowledged), self.objects, self.minds
            try:
                answer = xds.Response(self.hospital(east).link.call(
                    "/xca/ig/query", xds.ITI18, xds.find_documents(self.journey.xads[east])))
            except GONE:
                with self.lock:
                    self.refused += 1
                self.over.wait(0.05)
                continue
            with self.lock:
                self.answers += 1
                self.partial += answer.status == xds.PARTIAL
                if (self.objects, self.minds) != (objects, minds):
                    objects = None
            if answer.status != xds.FAILURE:
                self.judge(before, objects, answer)

    # --- faults -------------------------------------------------------------------------------------

    def kill(self, region):
        region.hub.kill()
        time.sleep(self.dice.uniform(0.2, 2))
        region.hub.start()

    def cut(self, region):
        region.proxy.cut = True
        time.sleep(self.dice.uniform(0.5, 3))
        region.proxy.cut = False

    def slow(self, region):
        region.proxy.delay = self.dice.uniform(0.1, 4)
        time.sleep(self.dice.uniform(0.5, 3))
        region.proxy.delay = 0.0

    def skew(self, region):
        """It is killed, and its clock is wrong from then on, until the next time."""
        region.hub.environment = {"CAUSEWAY_TEST_CLOCK_MS": str(self.dice.randint(-SKEW_MS, SKEW_MS))}
        self.kill(region)

    def trouble(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.dice.choice([self.kill, self.cut, self.slow, self.skew])(self.dice.choice(self.regions))
            self.faults += 1
            time.sleep(self.dice.uniform(0, 1))

    # --- the end ------------------------------------------------------------------------------------

    def recover(self):
        for region in self.regions:
            region.hospital = self.hospital(region)
        end = time.monotonic() + 90
        while time.monotonic() < end:
            answer, _ = self.journey.ask()
            if answer.status == xds.SUCCESS and {e.unique_id for e in answer.entries} >= set(self.acknowledged):
                return answer
            time.sleep(0.5)
        raise Astray(f"the hubs did not recover: {answer}")

    def check(self, answer):
        must(not self.wrong, "\n".join(self.wrong[:3]))
        for at in range(0, len(answer.entries), 40):
            got = self.journey.fetch(answer.entries[at:at + 40])
            must(got.status == xds.SUCCESS, f"retrieval: {got}")
            for d in got.documents:
                must(d.content == self.acknowledged.get(d.unique_id, (None, d.content))[1], f"{d.unique_id} has changed")
        told = self.told(self.regions[1].hub)
        must(told >= self.answers, f"{self.answers} answers, {told} of them on record")
        for region in self.regions:
            self.check_log(region.hub)

    def told(self, hub):
        """How many questions the log says were answered."""
        connection = psycopg2.connect(f"{hub.database} user=causeway_admin")
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT request) FROM audit_search WHERE transaction = 'ITI-18'"
                           " AND action = 'E' AND outcome = 0")
            return cursor.fetchone()[0]

    def check_log(self, hub):
        """What is on record is whole: sealed, exported, and verified without the database."""
        key, file = hub.seal(), hub.folder / "log.txt"
        hub.run("audit", "export-log", "--to", file)
        done = subprocess.run([hub.program, "audit", "verify", "--export", file, "--key", key],
                              capture_output=True, text=True)
        must(done.returncode == 0, f"audit verify: {done.stdout}{done.stderr}")

    def run(self, seconds):
        threads = [threading.Thread(target=self.publish, args=(r,)) for r in self.regions]
        threads += [threading.Thread(target=self.query) for _ in range(2)]
        threads.append(threading.Thread(target=self.change_mind))
        for t in threads:
            t.start()
        try:
            self.trouble(seconds)
        finally:
            self.over.set()
            for t in threads:
                t.join()
        self.check(self.recover())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--causeway", default=ROOT / "build/release/causeway")
    args = parser.parse_args()
    folder = ROOT / "var/chaos"
    shutil.rmtree(folder / "hubs", ignore_errors=True)
    cluster, regions = Cluster(ROOT, folder / "pg", max_connections=150), []
    try:
        for i, name in enumerate(("North", "East", "South"), 1):
            regions.append(Region(i, name, cluster, Path(args.causeway).resolve(), folder / "hubs"))
        for region in regions:
            for other in regions:
                if other is not region:
                    region.introduce(other)
        chaos = Chaos(regions, random.Random(args.seed))
        chaos.run(args.seconds)
    except Astray as error:
        print(f"chaos: seed {args.seed}: {error}\nLogs are in {folder}/hubs/*/hub.log", file=sys.stderr)
        return 1
    finally:
        for region in regions:
            region.close()
        cluster.remove()
    print(f"chaos: seed {args.seed}: {chaos.faults} faults, {chaos.answers} answers ({chaos.partial} partial, "
          f"{chaos.refused} cut off), {chaos.minds} changes of consent, {len(chaos.acknowledged)} documents "
          "acknowledged, none lost; three logs verified")
    return 0


if __name__ == "__main__":
    sys.exit(main())
