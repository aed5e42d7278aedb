"""One hostile member does not slow the others: shares of requests, workers, connections and handshakes."""
import socket
import threading
import time

import pytest

from hospital import soap, xds
from hospital.hub import WAIT_SECONDS, eventually
from people import known

RATE = 1  # a second; few enough that a busy machine goes beyond


@pytest.fixture(scope="module")
def person(lakeside, harbour):
    return known(lakeside, harbour)


def query_of(person):
    root = soap.envelope(xds.ITI18, xds.find_documents(person.xad))
    return f'application/soap+xml; charset=UTF-8; action="{xds.ITI18}"', soap.serialise(root)


def ask(link, person):
    kind, content = query_of(person)
    return link.post("/xds/registry", kind, content)


def refused(hub, member, reason):
    return hub.metric("causeway_member_refused_total", member=member, reason=reason)


@pytest.fixture
def shared(hub):
    """shared(member, option, value...): a share for this test alone."""
    changed = []

    def share(member, *options):
        changed.append(member)
        hub.run("member", "share", member, *options)
        hub.await_members()

    yield share
    for member in changed:
        hub.run("member", "share", member, "--weight", "default", "--rate", "default",
                "--waiting", "default", "--running", "default")


def test_a_share_is_shown_audited_and_taken_back(hub, lakeside):
    before = len(hub.audit(member="lakeside", transaction="CONFIG"))
    hub.run("member", "share", "lakeside", "--weight", "200", "--rate", "50")
    assert hub.json("member", "show", "lakeside")["share"] == {"weight": 200, "rate": 50, "waiting": 0, "running": 0}
    hub.run("member", "share", "lakeside", "--weight", "default", "--rate", "default")
    assert hub.json("member", "show", "lakeside")["share"] == {"weight": 100, "rate": 0, "waiting": 0, "running": 0}
    hub.run("member", "share", "lakeside", "--rate", "0", expect=2)
    hub.run("member", "share", "lakeside", expect=2)
    assert len(hub.audit(transaction="CONFIG")) >= before + 4


def test_above_its_rate_a_member_gets_503_and_its_connection_rests_and_the_others_are_served(
        hub, lakeside, harbour, person, shared):
    shared("harbour", "--rate", str(RATE))
    harbour.close()
    answers, before, began = [], refused(hub, "harbour", "rate"), time.monotonic()
    while [a.status for a in answers].count(503) < 3 and time.monotonic() < began + WAIT_SECONDS:
        answers.append(ask(harbour.link, person))
    took = time.monotonic() - began
    served = [a for a in answers if a.status == 200]
    busy = [a for a in answers if a.status == 503]
    assert RATE <= len(served) <= RATE * (took + 1) + 1
    assert busy and len(busy) <= took + 1, "each refusal is a second of rest"
    assert all(a.field("retry-after") == "1" and a.field("connection", "") != "close" for a in busy)
    assert b"more requests a second" in busy[0].content
    assert ask(lakeside.link, person).status == 200
    assert refused(hub, "harbour", "rate") - before == len(busy)
    assert refused(hub, "lakeside", "rate") == 0
    rows = eventually(lambda: hub.audit(member="harbour", transaction="BUSY"), "the record of the refusal")
    assert rows[0]["outcome"] == 4


def test_hl7_messages_above_the_rate_are_slowed_down_and_none_is_refused(hub, harbour, person, shared):
    shared("harbour", "--rate", "5")
    harbour.close()
    count, began, before = 16, time.monotonic(), hub.metric("causeway_requests_refused_total")
    for _ in range(count):
        assert person.feed(harbour, "A08")["MSA-1"] == "AA"
    assert time.monotonic() - began >= (count - 5 - 1) / 5
    assert hub.metric("causeway_requests_refused_total") == before


def test_who_floods_waits_behind_itself_and_pays_for_the_full_lane(hub, lakeside, harbour, person, shared):
    """Twenty connections of one member with four places in line, beside one of another."""
    shared("harbour", "--waiting", "4", "--running", "1")
    kind, content = query_of(person)
    stop, statuses = threading.Event(), []

    def flood():
        link = soap.Link(hub.soap_address, harbour.identity, hub.ca)
        while not stop.is_set():
            statuses.append(link.post("/xds/registry", kind, content).status)
        link.close()

    def refusals():
        """For want of a place; and for the rate, which what it asked before may still count against."""
        return [refused(hub, "harbour", reason) for reason in ("member_full", "rate")]

    threads = [threading.Thread(target=flood) for _ in range(20)]
    before = refusals()
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            assert ask(lakeside.link, person).status == 200
        eventually(lambda: 200 in statuses and refusals()[0] > before[0], "both answers")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert statuses.count(200) > 0 and statuses.count(503) > 0
    assert set(statuses) == {200, 503}
    assert sum(refusals()) - sum(before) == statuses.count(503)
    assert refused(hub, "lakeside", "member_full") == refused(hub, "lakeside", "lane_full") == 0
    assert hub.metric("causeway_member_worker_seconds_total", member="harbour") > 0


def test_the_connections_of_a_member_count_whichever_certificate_they_show(make_hub):
    hub = make_hub("connections", max_connections_per_member=3)
    harbour = hub.enrol("harbour", "1.2.840.9.2")
    lakeside = hub.enrol("lakeside", "1.2.840.9.1")
    second = hub.authority.issue("harbour-2")
    hub.run("member", "cert", "add", "harbour", "--cert", second.certificate)
    hub.await_members()
    eventually(lambda: hub.metric("causeway_connections_open") <= 1, "what looked whether it is admitted still counts")
    open_ones = [soap.Connection(hub.soap_address, identity, hub.ca)
                 for identity in (harbour.identity, second, harbour.identity)]
    for connection in open_ones:
        assert connection.exchange("GET", "/").status == 404
    with pytest.raises((soap.Broken, OSError)):
        with soap.Connection(hub.soap_address, second, hub.ca) as one_more:
            one_more.exchange("GET", "/")
    with soap.Connection(hub.soap_address, lakeside.identity, hub.ca) as other:
        assert other.exchange("GET", "/").status == 404
    for connection in open_ones:
        connection.close()
    hub.stop()


def closed_at_once(address, seconds=60):
    with socket.create_connection(address, timeout=60) as s:
        s.settimeout(seconds)
        try:
            return s.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True


def test_an_address_that_begins_too_many_handshakes_is_turned_away_before_tls(make_hub):
    hub = make_hub("handshakes", address_handshakes=4, address_handshake_rate=0, handshake_seconds=60)
    lakeside = hub.enrol("lakeside", "1.2.840.9.1")
    eventually(lambda: hub.metric("causeway_connections_open") <= 1, "what looked whether it is admitted still counts")
    half = [socket.create_connection(hub.soap_address) for _ in range(4)]
    eventually(lambda: hub.metric("causeway_connections_open") >= 4, "the connections")
    assert closed_at_once(hub.soap_address) and closed_at_once(hub.mllp_address)
    assert hub.metric("causeway_connections_turned_away_total") == 2
    for s in half:
        s.close()
    hub.await_admission(lakeside)

    def told():
        return [r for r in hub.audit(transaction="ITI-19") if "too many handshakes" in str(r)]
    rows = eventually(told, "the record of it")
    assert len(rows) == 1, "a flood of connections is not one of records"
    hub.stop()


def test_an_address_begins_so_many_handshakes_a_second(make_hub):
    hub = make_hub("handshake_rate", address_handshakes=0, address_handshake_rate=2)
    closed = sum(closed_at_once(hub.soap_address, 1) for _ in range(3))
    assert closed == 0, "a burst of ten passes"
    with_burst = [socket.create_connection(hub.soap_address) for _ in range(40)]
    eventually(lambda: hub.metric("causeway_connections_turned_away_total") > 0, "a burst of forty")
    for s in with_burst:
        s.close()
    eventually(lambda: not closed_at_once(hub.soap_address, 1), "it comes back with time")
    hub.stop()
