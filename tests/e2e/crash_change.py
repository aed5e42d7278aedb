"""Changes under the crash suite: documents that are updated, replaced and removed while hub and database are
killed, and what must be seen of each.

A life is a document with the steps that its source takes, one after the other, and for each step what
everybody must see once it has happened. A step that was acknowledged has happened; of the last one that was
not, nobody knows, but it has happened as a whole or not at all.
"""
from dataclasses import dataclass, field

from crash_load import TROUBLE, Client, Trouble
from hospital import xds

GONE = frozenset()
BYTES = "bytes"


@dataclass
class Life:
    patient_id: str
    repository: str
    unique_ids: list
    steps: list   # functions of a hospital: the answer
    states: list  # states[n]: what is seen when n steps have happened: {(uniqueId, version, status)}, BYTES
    done: int = 0
    tried: int = 0  # steps sent, the last one perhaps without an answer
    seen: set = field(default_factory=set)

    def allowed(self):
        return self.states[self.done:self.tried + 1]


def seen(*entries, has_bytes=False):
    return frozenset(entries) | ({BYTES} if has_bytes else set())


def entry_of(patient, random, **fields):
    return xds.Entry(patient, random.randbytes(random.choice((700, 9_000))), id=xds.new_urn(),
                     mime_type="application/octet-stream", **fields)


def submission_of(patient, entry, relations=()):
    """Ids of everything are given: a removal names them."""
    link = xds.new_urn()

    def name_link(request):
        for e in request.iter(f"{{{xds.RIM}}}Association"):
            if e.get("id") == "member0":
                e.set("id", link)

    submission = xds.Submission(patient, [entry], id=xds.new_urn(), relations=list(relations), change=name_link)
    return submission, (entry.id, link, submission.id)


def version_of(entry, patient, repository):
    return xds.Entry(patient, entry.content, entry.unique_id, xds.new_urn(), entry.mime_type, lid=entry.id,
                     previous="1", hash=entry.sha1(), size=str(len(entry.content)), repository=repository)


def updated_and_replaced(patient, repository, random):
    """ITI-41, ITI-57, ITI-41 with RPLC."""
    first, third = entry_of(patient, random), entry_of(patient, random)
    second = version_of(first, patient, repository)
    a, b = first.unique_id, third.unique_id
    steps = [lambda h: h.provide(submission_of(patient, first)[0]),
             lambda h: h.update(xds.Submission(patient, [second])),
             lambda h: h.provide(submission_of(patient, third, [(xds.RPLC, third.id, second.id)])[0])]
    states = [GONE, seen((a, "1", xds.APPROVED), has_bytes=True),
              seen((a, "1", xds.DEPRECATED), (a, "2", xds.APPROVED), has_bytes=True),
              seen((a, "1", xds.DEPRECATED), (a, "2", xds.DEPRECATED), (b, "1", xds.APPROVED), has_bytes=True)]
    return Life(patient, repository, [a, b], steps, states)


def removed(patient, repository, random):
    """ITI-41, ITI-86, ITI-62."""
    entry = entry_of(patient, random)
    submission, ids = submission_of(patient, entry)
    steps = [lambda h: h.provide(submission),
             lambda h: h.remove_documents((repository, entry.unique_id)),
             lambda h: h.remove_metadata(*ids)]
    there = (entry.unique_id, "1", xds.APPROVED)
    return Life(patient, repository, [entry.unique_id], steps,
                [GONE, seen(there, has_bytes=True), seen(there), GONE])


def registered_and_removed(patient, repository, random):
    """ITI-42 of a document that another repository keeps, ITI-62."""
    entry = entry_of(patient, random, repository="1.2.3.4.5")
    submission, ids = submission_of(patient, entry)
    steps = [lambda h: h.register(submission), lambda h: h.remove_metadata(*ids)]
    return Life(patient, repository, [entry.unique_id], steps,
                [GONE, seen((entry.unique_id, "1", xds.APPROVED)), GONE])


class Changer(Client):
    """Takes one step of a life at each turn, and leaves some of them where they are."""

    life = None

    def turn(self):
        if self.life is None or self.life.done == len(self.life.steps) or self.random.random() < 0.1:
            kind = self.random.choice((updated_and_replaced, removed, registered_and_removed))
            self.life = kind(self.random.choice(self.journal.people), self.hospital.hub.repository, self.random)
            self.journal.lives.append(self.life)
        life, self.life = self.life, None  # a step without an answer ends it
        life.tried += 1
        response = life.steps[life.done](self.hospital)
        if response.ok:
            life.done += 1
            self.life = life
        elif TROUBLE.issuperset(response.codes):
            raise Trouble
        else:
            life.tried -= 1
            self.journal.strange.append(f"step {life.done} of {life.unique_ids}: {response!r}")


def look(reader, life):
    """What a member sees of a life."""
    response = reader.get(life.unique_ids, metadata_level=2)
    found = {(e.unique_id, e.version, e.status) for e in response.entries}
    for unique_id in {u for u, _, _ in found}:
        if reader.retrieve((life.repository, unique_id)).documents:
            found.add(BYTES)
    return frozenset(found)
