"""A revocation holds from the next request on: two processes over one database, under load.

CAUSEWAY_REVOCATIONS revocations (default 10; `deploy/test consent` asks for 1,000). Each is told by the
operator's command while both processes answer others, and both are asked as soon as it has returned.
"""
import os
import threading

import pytest

from hospital import Hospital
from people import cda, known

REVOCATIONS = int(os.environ.get("CAUSEWAY_REVOCATIONS", "10"))
PATIENTS = 5


@pytest.fixture(scope="module")
def twin(hub, make_hub):
    return make_hub("revocation-twin", twin=hub)


def at(hospital, hub):
    """The same hospital, at another door."""
    return Hospital(hospital.name, hospital.identity, hospital.authority, hub, hospital.organization)


class Load:
    """Asks for these patients, over and over, until it is left."""

    def __init__(self, hospital, patients):
        self.hospital, self.patients = hospital, patients
        self.asked, self.fault, self.over = 0, None, threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        try:
            while not self.over.is_set():
                assert self.hospital.find(self.patients[self.asked % len(self.patients)].xad).ok
                self.asked += 1
        except BaseException as error:
            self.fault = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.hospital.close()
        assert self.fault is None, self.fault


@pytest.fixture(scope="module")
def patients(hub, lakeside, harbour):
    """They have a document of Lakeside's each, in a region where nobody shares unasked."""
    people = [known(lakeside, harbour) for _ in range(PATIENTS)]
    for person in people:
        _, response = lakeside.publish(person.xad, cda(f"of {person.serial}"), source_patient_id=person.cx(lakeside))
        assert response.ok, response
    hub.run("consent", "default", "opt-in")
    return people


def test_a_revocation_holds_from_the_next_request_on_at_every_process(hub, twin, harbour, patients):
    doors = [at(harbour, hub), at(harbour, twin)]
    late, unseen = [], []
    with Load(at(harbour, hub), patients) as first, Load(at(harbour, twin), patients) as second:
        for number in range(REVOCATIONS):
            person = patients[number % PATIENTS]
            policy = hub.json("consent", "set", "--patient", person.xad, "--permit")["policy"]
            unseen += [(number, i) for i, door in enumerate(doors) if len(door.find(person.xad).entries) != 1]
            hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
            late += [(number, i) for i, door in enumerate(doors) if door.find(person.xad).objects]
    assert not late, f"{len(late)} of {2 * REVOCATIONS} answers came by a consent that was revoked: {late[:5]}"
    assert not unseen, f"permitted, and not shown: {unseen[:5]}"
    assert first.asked and second.asked, "there was no load"
    for door in doors:
        door.close()
