"""What the kernel sees of a submission, in order (ARCHITECTURE.md, promise 3: acknowledged means durable).

A killed process does not empty the page cache, so kills alone cannot show a missing fsync. Here
strace watches a hub while documents are submitted (ITI-41), and for every document this order must
hold, each step finished before the next begins:

  1. fsync or fdatasync of the document's bytes, after the last of them was written
  2. rename to its final name
  3. fsync of the folder that holds it
  4. COMMIT sent to PostgreSQL
  5. COMMIT answered
  6. the first byte of the reply

The same hub without one of the two fsyncs (tests/tools/swallow_fsync.c takes it away) must be found
out. Closes with 'N passed, N failed, N skipped'.

  /usr/bin/python3 tests/e2e/trace.py [--keep]
"""
import argparse
import os
import re
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

from hospital import Patient, xds  # noqa: E402
from hospital.hub import Cluster, Hub  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("CAUSEWAY_BIN") or ROOT / "build/release/causeway").resolve()
SHIM = PROGRAM.parent / "tests/tools/swallow_fsync.so"
CALLS = "fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg,write,writev,pwrite64,recvfrom,read"
SIZES = [[900], [4_000, 30_000], [60_000], [2_500], [12_000, 700, 5_000]]


# --- reading strace -------------------------------------------------------------------------------

@dataclass
class Call:
    """One system call. begin and end are line numbers of the trace: order in time."""

    thread: str
    name: str
    arguments: str
    begin: int
    end: int = None
    result: str = ""

    def before(self, other):
        return self.end is not None and self.end < other.begin


BEGUN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*) = (.*)$")
WHOLE = re.compile(r"(\d+) +(\w+)\((.*)\) += (.*)$")


def read_trace(lines):
    """strace -f -o FILE -> [Call], by when each began."""
    calls, open_calls = [], {}
    for number, line in enumerate(lines):
        line = line.rstrip("\n")
        if match := BEGUN.match(line):
            open_calls[match[1]] = Call(match[1], match[2], match[3], number)
            calls.append(open_calls[match[1]])
        elif match := RESUMED.match(line):
            call = open_calls.pop(match[1], None)
            if call is not None:
                call.arguments, call.end, call.result = call.arguments + match[3], number, match[4]
        elif match := WHOLE.match(line):
            calls.append(Call(match[1], match[2], match[3], number, number, match[4]))
    return calls


# --- what must hold -------------------------------------------------------------------------------

class Trace:
    """The calls that matter, by kind."""

    def __init__(self, calls, store, client_port):
        folder = re.escape(str(store))
        done = [c for c in calls if c.result.startswith("0")]
        self.syncs = [(self._path(c), c) for c in done if c.name in ("fsync", "fdatasync")]
        self.writes = [(self._path(c), c) for c in calls if c.name in ("write", "writev", "pwrite64")]
        self.renames = [(match, c) for c in done if c.name.startswith("rename")
                        for match in [re.match(rf'\d+<({folder}[^>]*)>, "([^"]+)", '
                                               rf'\d+<({folder}/(?!tmp/)[^>]*)>, "([^"]+)"', c.arguments)]
                        if match]  # what is renamed below tmp/ is a process's own lock
        database = [c for c in calls if re.match(r"\d+<UNIX", c.arguments)]
        self.commits = [c for c in database if c.name in ("sendto", "sendmsg", "write", "writev")
                        and re.search(r"commit", c.arguments, re.I)]
        self.answers = [c for c in database if c.name in ("recvfrom", "read") and r"COMMIT\0" in c.arguments]
        self.replies = [c for c in calls if c.name in ("sendto", "sendmsg", "write", "writev")
                        and re.match(rf"\d+<TCP[^>]*->127\.0\.0\.1:{client_port}\]>", c.arguments)]

    @staticmethod
    def _path(call):
        match = re.match(r"\d+<([^>]*)>", call.arguments)
        return match[1] if match else ""

    def first(self, calls, after):
        return next((c for c in calls if after.before(c)), None)

    def _written(self, path, sync):
        """Was all of a file written before this sync began?"""
        writes = [c for where, c in self.writes if where == path]
        return bool(writes) and all(c.before(sync) for c in writes)

    def complaint(self, rename):
        """Why the order does not hold for one renamed document; None when it does."""
        match, moved = rename
        source, target = f"{match[1]}/{match[2]}", match[3]
        if not any(path == source and sync.before(moved) and self._written(source, sync)
                   for path, sync in self.syncs):
            return f"the bytes of {match[2]} were not synced before its rename"
        commit = self.first([c for c in self.commits if c.thread == moved.thread], moved)
        if commit is None:
            return f"no COMMIT after the rename of {match[2]}"
        if not any(path == target and moved.before(sync) and sync.before(commit) for path, sync in self.syncs):
            return f"the folder of {match[2]} was not synced between its rename and COMMIT"
        answer = self.first([c for c in self.answers if c.thread == moved.thread], commit)
        reply = next((c for c in self.replies if c.begin > moved.begin), None)
        if answer is None or reply is None:
            return f"COMMIT or the client was never answered after {match[2]}"
        if not answer.before(reply):
            return f"the reply about {match[2]} began before COMMIT was answered"
        return None


# --- playing --------------------------------------------------------------------------------------

WRAPPER = """#!/bin/sh
# The program under strace, when it serves.
if [ "$1" = serve ]; then
    exec strace -f -yy -s 65536 -o '{trace}' -e trace={calls} {preload} '{program}' "$@"
fi
exec '{program}' "$@"
"""


def play(folder, cluster, swallow=None):
    """Submits under strace. (Trace, number of documents acknowledged)"""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    trace, wrapper = folder / "trace", folder / "causeway"
    preload = f"-E LD_PRELOAD='{SHIM}' -E SWALLOW_FSYNC={swallow}" if swallow else ""
    wrapper.write_text(WRAPPER.format(trace=trace, calls=CALLS, preload=preload, program=PROGRAM))
    wrapper.chmod(0o755)
    hub = Hub(ROOT, wrapper, folder / "hub", cluster.database(f"trace_{swallow or 'whole'}")).start()
    try:
        source = hub.enrol("lakeside", "1.2.840.1.1")
        source.feed("A04", Patient([source.cx("T-1")], family="Trace", given="Ada"))
        patient, acknowledged = source.xad_pid("T-1"), 0
        source.link.open()
        port = source.link.connection.socket.getsockname()[1]
        for sizes in SIZES:
            entries = [xds.Entry(patient, os.urandom(n), mime_type="application/octet-stream") for n in sizes]
            response = source.provide(xds.Submission(patient, entries))
            if not response.ok:
                raise AssertionError(f"a submission was refused: {response!r}")
            acknowledged += len(entries)
        source.close()
    finally:
        # strace holds signals back from itself: the hub's own process is told.
        os.kill(hub.addresses["pid"], signal.SIGTERM)
        hub.process.wait(60)
    with open(trace, errors="replace") as lines:
        return Trace(read_trace(lines), hub.folder / "documents", port), acknowledged


def verdict(trace, acknowledged):
    """The first complaint, or None."""
    if len(trace.renames) != acknowledged:
        return f"{acknowledged} documents acknowledged, {len(trace.renames)} renamed into the store"
    return next(filter(None, map(trace.complaint, trace.renames)), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", action="store_true", help="leave the traces in var/trace")
    options = parser.parse_args()
    folder = ROOT / "var/trace"
    if shutil.which("strace") is None:
        print("SKIP trace: strace is not installed\n0 passed, 0 failed, 1 skipped")
        return 0
    cluster = Cluster(ROOT, folder / "pg")
    passed = failed = 0
    try:
        for name, swallow, expected in (
                ("every acknowledged document was durable first", None, None),
                ("a hub without the fsync of the bytes is found out", "file", "the bytes of"),
                ("a hub without the fsync of the folder is found out", "directory", "the folder of")):
            trace, acknowledged = play(folder / (swallow or "whole"), cluster, swallow)
            found = verdict(trace, acknowledged)
            good = found is None if expected is None else bool(found and found.startswith(expected))
            passed, failed = passed + good, failed + (not good)
            print(f"{'PASS' if good else 'FAIL'} {name} ({acknowledged} documents): {found or 'in order'}")
    finally:
        cluster.remove()
        if not options.keep and failed == 0:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
