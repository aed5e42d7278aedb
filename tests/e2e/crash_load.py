"""The load of the crash suite: hospitals that submit and feed as fast as they can while hub and
database are killed, and a journal of what they were told.

Each client is a thread with connections of its own. What a client was told decides what must hold
afterwards: acknowledged, or unknown (the answer never came, or said that the hub was in trouble).
A client that does not know half the time sends the same submission again, as real ones do: then
XDSDuplicateUniqueIdInRegistry means that the first attempt had gone through after all.
"""
import hashlib
import random
import threading
import time
from dataclasses import dataclass, field

from hospital import Patient, xds
from hospital.hub import Failed

DUPLICATE = "XDSDuplicateUniqueIdInRegistry"
# Answers that say the hub is in trouble, not the message: the client tries again later.
TROUBLE = {"XDSRegistryError", "XDSRepositoryError", "XDSRegistryBusy", "XDSRepositoryBusy",
           "XDSRegistryNotAvailable"}
INTERNAL_ERROR = "207"  # HL7 table 0357; in ERR-1 before version 2.5, then in ERR-3


@dataclass
class Sent:
    """One submission and what became of it, as far as its client knows."""

    unique_id: str
    hashes: dict  # document unique id -> SHA-256
    patient_id: str
    acknowledged: bool = False


@dataclass
class Journal:
    """What the clients sent and were told. Appended by many threads."""

    submissions: list = field(default_factory=list)
    patients: list = field(default_factory=list)  # (hospital's name, number) that were answered AA
    people: list = field(default_factory=list)    # XAD-PIDs that may receive documents
    strange: list = field(default_factory=list)   # answers that no kill explains
    lives: list = field(default_factory=list)     # crash_change.Life
    attempts: int = 0

    def acknowledged(self):
        return sum(1 for s in self.submissions if s.acknowledged)


class Gate:
    """Lets clients work, or holds them between two messages while the state is checked."""

    def __init__(self):
        self.open, self.ended = threading.Event(), False
        self.working, self.changed = 0, threading.Condition()

    def __enter__(self):
        while True:
            self.open.wait()
            with self.changed:
                if self.open.is_set():
                    self.working += 1
                    return

    def __exit__(self, *_):
        with self.changed:
            self.working -= 1
            self.changed.notify_all()

    def close(self):
        """Returns when nobody is between a message and its answer."""
        with self.changed:
            self.open.clear()
            if not self.changed.wait_for(lambda: self.working == 0, timeout=180):
                raise Failed("a client does not come back")

    def end(self):
        self.ended = True
        self.open.set()


class Trouble(Exception):
    """The hub says that it cannot, for now."""


class Client(threading.Thread):
    """One hospital's machine. Subclasses say what it sends."""

    def __init__(self, hospital, journal, gate, seed):
        super().__init__(daemon=True)
        self.hospital, self.journal, self.gate = hospital, journal, gate
        self.random = random.Random(seed)

    def run(self):
        while not self.gate.ended:
            try:
                with self.gate:
                    self.turn()
            except Exception:  # killed hubs end connections in every way there is
                self.hospital.close()
                time.sleep(0.03)


class Submitter(Client):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.again = None  # (submission, its journal line) that got no clear answer

    def turn(self):
        self.journal.attempts += 1
        again, self.again = self.again, None
        submission, sent = again or self._new()
        if self.random.random() < 0.5:
            self.again = (submission, sent)
        response = self.hospital.provide(submission)
        if response.ok or (again and DUPLICATE in response.codes):
            sent.acknowledged, self.again = True, None
        elif TROUBLE.issuperset(response.codes):
            raise Trouble
        else:
            self.again = None
            self.journal.strange.append(f"submission {sent.unique_id}: {response!r}")

    def _new(self):
        patient = self.random.choice(self.journal.people)
        entries = [xds.Entry(patient, self.random.randbytes(self.random.choice((800, 9_000, 120_000))),
                             mime_type="application/octet-stream") for _ in range(self.random.randint(1, 3))]
        submission = xds.Submission(patient, entries)
        sent = Sent(submission.unique_id,
                    {e.unique_id: hashlib.sha256(e.content).hexdigest() for e in entries}, patient)
        self.journal.submissions.append(sent)
        return submission, sent


class Feeder(Client):
    count = 0

    def turn(self):
        self.count += 1
        number = f"{self.name}-{self.count}".replace("Thread", "P")
        patient = Patient([self.hospital.cx(number)], family=f"Crash{number}",
                          given=self.random.choice(("Ada", "Grace", "Edsger", "Barbara")),
                          birth=f"19{self.random.randint(10, 99)}0{self.random.randint(1, 9)}11")
        answer = self.hospital.feed("A04", patient)
        if answer["MSA-1"] == "AA":
            self.journal.patients.append((self.hospital, number))
            person = self.hospital.xad_pid(number) if self.count % 5 == 0 else None
            if person is not None:
                self.journal.people.append(person)
        elif INTERNAL_ERROR in answer["ERR-1"] + answer["ERR-3"]:
            raise Trouble
        else:
            self.journal.strange.append(f"feed of {number}: {answer!r}")
