"""ITI-10 and ITI-64: what changes is told, in order, once it is durable, and never to a wrong one."""
import time

import pytest

from hospital import Patient
from hospital.hub import eventually
from hospital.listener import Listener

SETTINGS = {"outbox_ack_seconds": 5, "outbox_attempts": 3, "outbox_pause_seconds": 1}
SAME = {"family": "Notified", "given": "Nora", "birth": "19700102", "sex": "F",
        "address": "1 Bell Road^^Springfield^IL^62701^US", "phone": "2175550101"}


def person(hospital, number, **changes):
    return Patient([hospital.cx(number)], **{**SAME, **changes})


@pytest.fixture
def listener(hub, lakeside):
    with Listener(lakeside.identity, hub.ca) as made:
        hub.run("member", "notify", "add", "lakeside", "--to", made.address)
        hub.await_members()
        yield made
        hub.run("member", "notify", "remove", "lakeside")


def ids(message):
    return sorted(i for i, _ in message.identifiers())


def test_a_new_link_is_told_with_all_identifiers(hub, listener, lakeside, harbour):
    lakeside.feed("A04", person(lakeside, "N-1"))
    first = listener.wait(1)[0]
    assert first["MSH-9"] == "ADT^A31^ADT_A05" and first["PID-5"] == " " and first["PV1-2"] == "N"
    assert "N-1" in ids(first)
    harbour.feed("A04", person(harbour, "N-2"))
    second = listener.wait(2)[1]
    assert {"N-1", "N-2"} <= set(ids(second))
    assert second["MSH-10"] != first["MSH-10"]
    rows = hub.audit(transaction="ITI-10")
    assert len(rows) == 2 and all(r["member"]["name"] == "lakeside" for r in rows)


def test_an_update_of_the_address_alone_is_not_told(listener, lakeside):
    lakeside.feed("A04", person(lakeside, "N-3", family="Still", given="Stella"))
    listener.wait(1)
    lakeside.feed("A08", person(lakeside, "N-3", family="Still", given="Stella",
                                address="2 Other Road^^Springfield^IL^62701^US"))
    time.sleep(1)
    assert len(listener.messages) == 1


def test_no_answer_closes_the_connection_and_the_same_message_comes_again(hub, listener, lakeside):
    listener.answer = [None, "AA"]
    lakeside.feed("A04", person(lakeside, "N-4", family="Quiet", given="Quentin"))
    first, second = listener.wait(2)[:2]
    assert first["MSH-10"] == second["MSH-10"] and listener.connections >= 2
    _nothing_waits(hub)


def test_an_answer_to_another_message_is_no_acknowledgement(hub, listener, lakeside):
    listener.answer = ["other", "AA"]
    lakeside.feed("A04", person(lakeside, "N-5", family="Crossed", given="Carl"))
    first, second = listener.wait(2)[:2]
    assert first["MSH-10"] == second["MSH-10"]
    _nothing_waits(hub)


def test_a_refused_message_is_a_dead_letter_that_can_be_sent_again(hub, listener, lakeside):
    listener.answer = "AE"
    lakeside.feed("A04", person(lakeside, "N-6", family="Dead", given="Dora"))
    listener.wait(1)
    dead = _dead(hub, 1)
    assert dead[0]["transaction"] == "ITI-10" and dead[0]["trouble"] == "refused: AE"
    listener.answer = "AA"
    lakeside.feed("A04", person(lakeside, "N-7", family="Living", given="Lisa"))
    assert "N-7" in ids(listener.wait(2)[1])  # the next one went on
    hub.run("outbox", "resend", "--id", dead[0]["id"])
    assert "N-6" in ids(listener.wait(3)[2])
    _nothing_waits(hub)


def test_too_many_attempts_make_a_dead_letter(hub, listener, lakeside):
    listener.answer = "AR"
    lakeside.feed("A04", person(lakeside, "N-8", family="Busy", given="Bert"))
    listener.wait(3)
    assert _dead(hub, 1)[0]["attempts"] == 3
    hub.run("outbox", "drop", "--member", "lakeside")
    assert not hub.json("outbox", "list")["messages"]


def test_notifications_survive_a_kill_and_another_process_may_send_them(hub, listener, lakeside, harbour,
                                                                        make_hub):
    listener.answer = None
    numbers = [f"N-2{i}" for i in range(5)]
    for i, number in enumerate(numbers):
        lakeside.feed("A04", person(lakeside, number, family=f"Ordered{i}", given=f"Olga{i}"))
    hub.kill()
    listener.answer = "AA"
    heard = len(listener.messages)
    other = make_hub("notify_twin", twin=hub)
    try:
        told = listener.wait(heard + 5)[heard:]
        order = [next(n for n in ids(m) if n in numbers) for m in told]
        assert order == sorted(order)
    finally:
        other.stop()
        lakeside.close()
        harbour.close()
        hub.start()


def test_a_stranger_who_listens_at_the_address_is_told_nothing(hub, lakeside, tmp_path):
    from hospital import pki
    stranger = pki.self_signed(tmp_path, "stranger")
    with Listener(stranger, hub.ca) as wrong:
        hub.run("member", "notify", "add", "lakeside", "--to", wrong.address)
        hub.await_members()
        lakeside.feed("A04", person(lakeside, "N-9", family="Secret", given="Sam"))
        assert "certificate" in _dead(hub, 1)[0]["trouble"]
        assert not wrong.messages
        hub.run("outbox", "drop", "--member", "lakeside")
        hub.run("member", "notify", "remove", "lakeside")


def test_only_registered_domains_are_told(hub, listener, lakeside, harbour):
    hub.run("member", "domain", "add", "lakeside", "--domain", lakeside.authority)
    hub.await_members()
    try:
        lakeside.feed("A04", person(lakeside, "N-10", family="Narrow", given="Nick"))
        assert ids(listener.wait(1)[0]) == ["N-10"]
        harbour.feed("A04", person(harbour, "N-11", family="Narrow", given="Nick"))
        time.sleep(1)
        assert len(listener.messages) == 1  # its own set did not change
        assert lakeside.pix(lakeside.cx("N-10"))["QAK-2"] == "NF"
    finally:
        hub.run("member", "domain", "remove", "lakeside", "--domain", lakeside.authority)


def _nothing_waits(hub):
    eventually(lambda: not hub.json("outbox", "list")["messages"], "the outbox is not empty")


def _dead(hub, count):
    def dead():
        found = hub.json("outbox", "list", "--dead")["messages"]
        return found if len(found) >= count else None
    return eventually(dead, "no dead letters")


def test_a_registry_is_told_of_links_that_changed(hub, lakeside, harbour):
    """ITI-64: new XAD-PID and local identifier in PID-3, the previous one in MRG-1."""
    def told(number, listener, count):
        message = listener.wait(count)[count - 1]
        assert message["MSH-9"] == "ADT^A43^ADT_A43" and message["PID-5"] == " "
        assert message["EVN-1"] == "A43"
        new, local = message.identifiers()
        assert local == (number, harbour.authority)
        return new[0], [r.split("^")[0] for r in message["MRG-1"].split("~")]

    one = Patient([harbour.cx("G-1")], "Gardener", "Gwen", "19610611", "F", "1 Elm St^^Salem^OR^97301^US")
    other = Patient([harbour.cx("G-2")], "Hollis", "Harriet", "19820822", "F", "9 Ash St^^Bend^OR^97701^US")
    for patient in (one, other):
        assert harbour.feed("A04", patient)["MSA-1"] == "AA"
    xads = [harbour.xad_pid(n).split("^")[0] for n in ("G-1", "G-2")]
    with Listener(lakeside.identity, hub.ca) as registry:
        hub.run("member", "notify", "add", "lakeside", "--to", registry.address, "--format", "links",
                "--application", "REGISTRY|REGION")
        hub.await_members()
        both = [f"PID|||{harbour.cx(n)}||X^Y" for n in ("G-1", "G-2")]
        assert _adt(harbour, "A24", *both)["MSA-1"] == "AA"
        assert told("G-2", registry, 1) == (xads[0], [xads[1]])
        assert (registry.messages[0]["MSH-5"], registry.messages[0]["MSH-6"]) == ("REGISTRY", "REGION")
        assert _adt(harbour, "A37", *both)["MSA-1"] == "AA"
        assert told("G-2", registry, 2) == (xads[1], [xads[0]])
        assert harbour.merge(one, harbour.cx("G-2"))["MSA-1"] == "AA"
        assert told("G-1", registry, 3) == (xads[0], [xads[1], "G-2"])
        hub.run("member", "notify", "remove", "lakeside", "--format", "links")


def _adt(hospital, event, *segments):
    from hospital import mllp
    return hospital.tell(mllp.message(mllp.msh(hospital.sender, f"ADT^{event}"),
                                      f"EVN|{event}|{mllp.timestamp()}", *segments))
