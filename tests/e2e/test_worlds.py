"""Random worlds of up to eight communities with overlapping patients, documents and consents: the merged
answer is the union that consent allows, computed here; with faults it is that union less what the failed
communities hold, and it names them. CAUSEWAY_WORLDS sets how many (default 12), CAUSEWAY_SEED which."""
import os
import random

import pytest

from hospital import xds
from hospital.community import Person as Stranger
from people import Person, cda
from test_xca import Region

SETTINGS = {"community_soft_ms": 60000, "community_hard_ms": 60000, "community_leave_alone_ms": 10, "workers": 4}
WORLDS = int(os.environ.get("CAUSEWAY_WORLDS", 12))
SEED = int(os.environ.get("CAUSEWAY_SEED", 7))

FAULTS = {
    "hangs": lambda c: setattr(c, "hangs", True),
    "lies": lambda c: setattr(c, "mend", lambda kind, text: text.replace(c.home, "2.16.840.1.999")),
    "is broken": lambda c: setattr(c, "mend", lambda kind, text: (500, "no")),
    "says nothing": lambda c: setattr(c, "mend", lambda kind, text: ""),
    "answers late": lambda c: setattr(c, "delay", 4.0),
}
LATE = ("hangs", "answers late")


class World(Region):
    """Lakeside publishes here; Harbour asks."""

    def __init__(self, hub, lakeside, harbour):
        self.hub, self.lakeside, self.harbour = hub, lakeside, harbour
        self.communities, self.hurried = [self.add(f"world{i}", f"2.16.840.2.{i + 1}") for i in range(8)], []

    def call(self, path, action, body, **options):
        return xds.Response(self.harbour.link.call(path, action, body, **options))


@pytest.fixture(scope="module")
def world(hub, lakeside, harbour):
    made = World(hub, lakeside, harbour)
    yield made
    for c in made.communities:
        c.close()


def make_person(world, dice, knowing):
    """A patient of Lakeside and of some communities; {community or None: unique ids}."""
    person, held = Person(world.lakeside), {}
    person.resolve(world.lakeside)
    here = [xds.Entry(person.xad, cda(f"here {i}"), title="here") for i in range(dice.randint(0, 3))]
    if here:
        assert world.lakeside.provide(xds.Submission(person.xad, here)).ok
    held[None] = {e.unique_id for e in here}
    for c in knowing:
        number = f"{c.name}-{person.serial}"
        c.patients[number] = Stranger(person.family, person.given, person.birth, "F")
        held[c] = {c.publish(number, cda(f"{c.name} {i}"), title=c.name).unique_id for i in range(dice.randint(0, 3))}
    return person, held


def decide(world, dice, person):
    """Sets a consent of the patient's; True when Harbour may still see everything."""
    options, allows = dice.choice([([], True), ([], True), (["--deny"], False),
                                   (["--deny", "--member", "harbour"], False), (["--permit"], True)])
    if options:
        world.hub.run("consent", "set", "--patient", person.xad, *options)
    return allows


@pytest.mark.parametrize("number", range(WORLDS))
def test_the_merged_answer_is_the_union_that_consent_allows_less_what_failed(world, number):
    dice = random.Random(SEED * 1000 + number)
    world.reset()
    knowing = dice.sample(world.communities, dice.randint(0, 8))
    person, held = make_person(world, dice, knowing)
    first = world.find(person)
    assert set(first.unique_ids) == set().union(*held.values()), (number, "before consent and faults")
    failed = dice.sample(knowing, dice.randint(0, len(knowing)))
    faults = {c: dice.choice(sorted(FAULTS)) for c in failed}
    allowed = decide(world, dice, person)
    for c, fault in faults.items():
        FAULTS[fault](c)
        if fault in LATE:
            world.hurry(c)
    answer = world.find(person)
    story = (number, allowed, {c.name: f for c, f in faults.items()}, answer)
    expected = set().union(*(ids for c, ids in held.items() if allowed and c not in faults))
    assert set(answer.unique_ids) == expected, story
    told = " ".join(e.context for e in answer.errors)
    failed = {c for c, fault in faults.items() if fault != "lies" or held[c]}  # an empty answer is no lie
    assert {c for c in world.communities if c.home in told} == failed, story
    assert answer.status == (xds.PARTIAL if failed else xds.SUCCESS), story
    for entry in answer.entries:
        owner = next((c for c, ids in held.items() if entry.unique_id in ids))
        home = owner.home if owner else None
        assert home is None or entry.element.get("home") == f"urn:oid:{home}", story
