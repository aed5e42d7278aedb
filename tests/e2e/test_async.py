"""Asynchronous web services: a registered wsa:ReplyTo gets the answer, the caller an empty 202."""
import json
import uuid

import pytest

from hospital import soap, xds
from hospital.answers import Answers
from hospital.hub import eventually
from hospital.ports import fixed_addresses, free_port
from people import cda, known

SETTINGS = {"outbox_ack_seconds": 10, "outbox_attempts": 8, "outbox_pause_seconds": 1,
            "outbox_kept": 5, **fixed_addresses()}


@pytest.fixture
def answers(hub, lakeside):
    with Answers(hub.authority.issue("lakeside-answers", server=True), hub.ca, free_port()) as answers:
        hub.run("member", "reply-to", "add", "lakeside", "--address", answers.url)
        hub.await_members()
        yield answers
        hub.run("member", "reply-to", "remove", "lakeside", "--address", answers.url)


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


def post(hospital, path, action, body, parts=None, mtom=False, **options):
    """(HttpAnswer, MessageID)"""
    message_id = uuid.uuid4().urn
    root = soap.envelope(action, body, message_id=message_id, **options)
    if mtom:
        kind, content = soap.multipart(root, parts or {})
    else:
        kind, content = "application/soap+xml; charset=UTF-8", soap.serialise(root)
    return hospital.link.post(path, kind, content), message_id


def accepted(answer):
    return answer[0].status == 202 and answer[0].content == b""


def test_each_transaction_is_accepted_at_once_and_answered_later(hub, lakeside, person, answers):
    entry = xds.Entry(person.xad, cda("asynchronous"))
    provided = xds.Submission(person.xad, [entry])
    registered = xds.Submission(person.xad, [xds.Entry(person.xad, cda("registered"))])
    body, parts = provided.provide()
    sent = [post(lakeside, "/xds/repository", xds.ITI41, body, parts, mtom=True, reply_to=answers.url),
            post(lakeside, "/xds/registry", xds.ITI42, registered.register(), reply_to=answers.url)]
    answers.wait(2)
    sent += [post(lakeside, "/xds/registry", xds.ITI18, xds.find_documents(person.xad), reply_to=answers.url),
             post(lakeside, "/xds/repository", xds.ITI43, xds.retrieve([(hub.repository, entry.unique_id)]),
                  mtom=True, reply_to=answers.url)]
    assert all(accepted(a) for a in sent)
    got = answers.wait(4)
    assert [a.header("RelatesTo") for a in got] == [message_id for _, message_id in sent]
    assert len({a.header("MessageID") for a in got}) == 4
    assert all(a.header("To") == answers.url for a in got)
    assert [a.header("Action") for a in got] == [x + "Response" for x in (xds.ITI41, xds.ITI42, xds.ITI18, xds.ITI43)]
    provide, register, query, retrieve = (xds.Response(a) for a in got)
    assert provide.ok and register.ok and got[0].mtom and not got[1].mtom
    assert entry.unique_id in {e.unique_id for e in query.entries}
    assert [d.content for d in retrieve.documents] == [entry.content]
    assert all("hub" in str(subject) for subject in answers.subjects)


def test_a_failure_is_answered_there_too(hub, lakeside, answers):
    sent = post(lakeside, "/xds/registry", xds.ITI18, xds.find_documents("nobody^^^&1.2.3&ISO"),
                reply_to=answers.url)
    assert accepted(sent)
    got = answers.wait(1)[0]
    assert got.header("RelatesTo") == sent[1] and xds.Response(got).codes == ["XDSUnknownPatientId"]


@pytest.mark.parametrize("address", ["https://localhost:1/answers", "http://10.0.0.1/",
                                     "http://www.w3.org/2005/08/addressing/none"])
def test_an_address_that_is_not_registered_is_a_fault(address, hub, lakeside, harbour, person, answers):
    for hospital, reply_to in ((lakeside, address), (harbour, answers.url)):
        answer, message_id = post(hospital, "/xds/registry", xds.ITI18, xds.find_documents(person.xad),
                                  reply_to=reply_to)
        fault = soap.read(answer)
        assert answer.status == 400 and fault.fault and fault.header("RelatesTo") == message_id
        assert "OnlyAnonymousAddressSupported" in fault.fault_text
    assert not answers.received and not hub.json("outbox", "list")["messages"]


def test_the_disclosure_is_on_record_before_it_leaves(hub, lakeside, person, answers):
    entry, _ = lakeside.publish(person.xad, cda("audited"))
    answers.status = 503
    post(lakeside, "/xds/repository", xds.ITI43, xds.retrieve([(hub.repository, entry.unique_id)]), mtom=True,
         reply_to=answers.url)
    rows = [r for r in hub.audit(patient=person.xad) if r["transaction"] == "ITI-43"]
    assert [r["outcome"] for r in rows] == [0] and not answers.received
    answers.status = 202
    assert xds.Response(answers.wait(1)[0]).documents[0].content == entry.content


def test_no_more_is_kept_for_an_address_than_may_be(hub, lakeside, person, answers):
    """Who never takes its answers cannot fill the hub's disks; who takes them asks on."""
    answers.status = 503

    def ask():
        return post(lakeside, "/xds/registry", xds.ITI18, xds.find_documents(person.xad), reply_to=answers.url)

    sent = [ask() for _ in range(5)]
    assert all(accepted(a) for a in sent)
    refused, _ = ask()
    assert refused.status == 200 and xds.Response(soap.read(refused)).codes == ["XDSRegistryBusy"]
    assert len(hub.json("outbox", "list")["messages"]) == 5
    answers.status = 202
    answers.wait(5)
    eventually(lambda: not hub.json("outbox", "list")["messages"], "the outbox is not empty")
    assert accepted(ask())
    answers.wait(6)


def test_what_waits_survives_a_restart_and_keeps_its_order(hub, lakeside, harbour, person, answers):
    port, sent = answers.port, []
    identity = hub.authority.issue("lakeside-answers", server=True)
    answers.close()
    for _ in range(3):
        sent.append(post(lakeside, "/xds/registry", xds.ITI18, xds.find_documents(person.xad),
                         reply_to=answers.url))
    assert all(accepted(a) for a in sent)
    lakeside.close(), harbour.close()
    hub.kill()
    hub.start()
    with Answers(identity, hub.ca, port) as again:
        got = again.wait(3)
    assert [a.header("RelatesTo") for a in got] == [message_id for _, message_id in sent]


def test_an_address_that_was_taken_back_gets_nothing_that_waited(hub, lakeside, harbour, person):
    identity = hub.authority.issue("lakeside-late", server=True)
    with Answers(identity, hub.ca, free_port()) as late:
        url, port = late.url, late.port
    hub.run("member", "reply-to", "add", "lakeside", "--address", url)
    hub.await_members()
    assert accepted(post(lakeside, "/xds/registry", xds.ITI18, xds.find_documents(person.xad), reply_to=url))
    hub.run("member", "reply-to", "remove", "lakeside", "--address", url)
    hub.await_members()  # until then nobody listens there
    with Answers(identity, hub.ca, port) as late:
        eventually(lambda: any(url in str(m) for m in hub.json("outbox", "list", "--dead")["messages"]))
        assert not late.received
    hub.run("outbox", "drop", "--member", "lakeside")


def test_a_server_of_another_is_told_nothing(hub, lakeside, harbour, person):
    """Its certificate is a member's, but not this one's."""
    with Answers(harbour.identity, hub.ca) as strange:
        hub.run("member", "reply-to", "add", "lakeside", "--address", strange.url)
        hub.await_members()
        assert accepted(post(lakeside, "/xds/registry", xds.ITI18, xds.find_documents(person.xad),
                             reply_to=strange.url))
        dead = eventually(lambda: hub.json("outbox", "list", "--dead")["messages"])
        assert len(dead) == 1 and "certificate" in json.dumps(dead) and not strange.received
        hub.run("outbox", "drop", "--member", "lakeside")


def test_only_https_addresses_can_be_registered(hub, lakeside):
    for wrong in ("http://localhost/answers", "https://", "https://user@localhost/", "answers"):
        hub.run("member", "reply-to", "add", "lakeside", "--address", wrong, expect=2)
