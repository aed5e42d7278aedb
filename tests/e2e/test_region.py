"""A region whose XAD-PIDs are fed by a member: the Document Registry's rules for A40 (ITI TF-2 3.8.4.2.4),
resends at once, and what other members' identifiers tell."""
import threading

import pytest

from hospital import Patient, mllp
from hospital.mllp import cx
from people import Person

SETTINGS = {"xad_source": "region"}


def code(answer):
    return answer["MSA-1"]


@pytest.fixture(scope="module")
def region(hub):
    return hub.enrol("region", "1.2.840.1.9")


def xad(hub, number):
    return cx(number, hub.xad_authority)


@pytest.fixture(scope="module")
def feed_xad(hub, region):
    def feed(person, number):
        answer = region.feed("A04", person.patient(xad(hub, number)))
        assert code(answer) == "AA", answer
    return feed


def test_the_fed_identifier_is_the_persons(hub, lakeside, feed_xad):
    person = Person(lakeside)
    assert lakeside.xad_pid(person.number(lakeside)) is None
    feed_xad(person, "R-100")
    assert lakeside.xad_pid(person.number(lakeside)) == xad(hub, "R-100")


def test_nobody_else_feeds_them(hub, lakeside):
    person = Person()
    answer = lakeside.feed("A04", person.patient(xad(hub, "R-200")))
    assert code(answer) == "AE" and "ERR" in answer
    person.feed(lakeside)
    both = lakeside.feed("A08", person.patient(person.cx(lakeside), xad(hub, "R-200")))
    assert code(both) == "AA", "an identifier of no concern is let pass"
    assert lakeside.xad_pid(person.number(lakeside)) is None


def test_one_person_has_one_of_them(hub, region, lakeside, feed_xad):
    person = Person(lakeside)
    feed_xad(person, "R-300")
    feed_xad(person, "R-301")
    assert lakeside.xad_pid(person.number(lakeside)) == xad(hub, "R-300"), "the second is another person"


def test_a_merge_is_refused_without_effect_six_ways(hub, region, lakeside, feed_xad):
    people = [Person(lakeside) for _ in range(4)]
    for n, person in enumerate(people):
        feed_xad(person, f"R-40{n}")
    gone = region.merge(people[1].patient(xad(hub, "R-401")), xad(hub, "R-400"))
    assert code(gone) == "AA", gone
    assert lakeside.xad_pid(people[0].number(lakeside)) == xad(hub, "R-401")
    refused = {
        "wrong authority, survivor": (people[2].cx(lakeside), xad(hub, "R-402")),
        "wrong authority, subsumed": (xad(hub, "R-402"), people[3].cx(lakeside)),
        "the same": (xad(hub, "R-402"), xad(hub, "R-402")),
        "subsumed before": (xad(hub, "R-402"), xad(hub, "R-400")),
        "survivor subsumed before": (xad(hub, "R-400"), xad(hub, "R-402")),
        "survivor unknown": (xad(hub, "R-499"), xad(hub, "R-402")),
        "subsumed unknown": (xad(hub, "R-402"), xad(hub, "R-499")),
    }
    for why, (survivor, subsumed) in refused.items():
        answer = region.merge(Patient([survivor]), subsumed)
        assert code(answer) == "AE" and "ERR" in answer, (why, answer)
    other = lakeside.merge(Patient([xad(hub, "R-402")]), xad(hub, "R-403"))
    assert code(other) == "AE", "not this member's to merge"
    for n in (2, 3):
        assert lakeside.xad_pid(people[n].number(lakeside)) == xad(hub, f"R-40{n}")


def test_a_survivor_that_is_not_known_yet_is_made_known(lakeside):
    old, new = Person(lakeside), Person()
    answer = lakeside.merge(new.patient(new.cx(lakeside)), old.cx(lakeside))
    assert code(answer) == "AA", answer
    assert code(lakeside.pix(new.cx(lakeside))) == "AA"
    assert code(lakeside.pix(old.cx(lakeside))) == "AE", "the subsumed one stands for nobody"
    late = lakeside.feed("A08", old.patient(old.cx(lakeside)))
    assert code(late) == "AE" and "ERR" in late, "nor can it be fed"


def test_copies_of_one_message_at_once_have_one_effect(hub, lakeside):
    for n in range(10):
        person = Person()
        text = mllp.adt("A04", lakeside.sender, person.patient(person.cx(lakeside)), control=f"COPY{n}")
        answers = []

        def send():
            with mllp.Wire(hub.mllp_address, lakeside.identity, hub.ca) as wire:
                start.wait()
                answers.append(wire.ask(text).raw)

        start = threading.Barrier(4)
        threads = [threading.Thread(target=send) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(answers) == 4 and len(set(answers)) == 1, answers


def test_a_refused_message_is_tried_anew_when_it_is_sent_again(lakeside):
    old, new = Person(), Person(lakeside)
    text = mllp.merge(lakeside.sender, new.patient(new.cx(lakeside)), old.cx(lakeside))
    assert code(lakeside.tell(text)) == "AE"
    old.feed(lakeside)
    assert code(lakeside.tell(text)) == "AA"


def test_an_identifier_that_may_not_be_seen_cannot_be_asked_by(hub, lakeside, harbour):
    person = Person(lakeside, harbour)
    asked = person.cx(harbour)
    assert (person.number(lakeside), lakeside.authority) in lakeside.pix(asked).identifiers()
    hub.run("consent", "set", "--deny", "--patient", person.cx(lakeside))
    unknown = lakeside.pix(cx("NEVERFED", harbour.authority))
    denied = lakeside.pix(asked)
    assert (code(denied), denied["QAK-2"], denied["ERR-2"], denied["ERR-3"]) == \
        (code(unknown), unknown["QAK-2"], unknown["ERR-2"], unknown["ERR-3"]) == \
        ("AE", "AE", "QPD^1^3^1^1", unknown["ERR-3"])
    own = lakeside.pix(person.cx(lakeside))
    assert own["QAK-2"] == "NF", "its own identifier resolves, the other hospital's is withheld"


def test_batches_are_refused_with_a_word(lakeside):
    text = mllp.adt("A04", lakeside.sender, Patient([lakeside.cx("B1")]))
    answer = lakeside.tell("FHS|^~\\&|A\rBHS|^~\\&|A\r" + text + "BTS|1\rFTS|1\r")
    assert code(answer) == "AR" and "ERR" in answer
