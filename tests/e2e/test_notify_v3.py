"""ITI-46: changed identifiers told in HL7 v3 over SOAP, once, and again until they are acknowledged."""
import functools
import time

import pytest
from lxml import etree

from hospital import Patient, hl7v3, soap
from hospital.answers import Answers
from hospital.hub import Failed, eventually

SETTINGS = {"outbox_ack_seconds": 60, "outbox_attempts": 3, "outbox_pause_seconds": 1}
NS = {"v3": hl7v3.V3}
ACKNOWLEDGEMENT = """<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0">
<id root="2.25.77"/><creationTime value="20261122"/>
<interactionId root="2.16.840.1.113883.1.6" extension="MCCI_IN000002UV01"/>
<processingCode code="P"/><processingModeCode code="T"/><acceptAckCode code="NE"/>
<receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE"><id root="2.25.1"/></device></receiver>
<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id root="2.25.2"/></device></sender>
<acknowledgement><typeCode code="{}"/><targetMessage><id root="{}"/></targetMessage></acknowledgement>
</MCCI_IN000002UV01>"""


def acknowledgement(code, of=None):
    """What a PIX consumer answers; `of`: another message than the one that came."""
    def reply(message):
        target = of or message.body.find("v3:id", NS).get("root")
        body = etree.fromstring(ACKNOWLEDGEMENT.format(code, target))
        return soap.serialise(soap.envelope(hl7v3.ACTION.format("MCCI_IN000002UV01"), body))
    return reply


@pytest.fixture
def consumer(hub, lakeside):
    with Answers(hub.authority.issue("lakeside-pix", server=True), hub.ca) as made:
        made.status, made.reply = 200, acknowledgement("CA")
        hub.run("member", "notify", "add", "lakeside", "--format", "hl7v3", "--to", made.url)
        hub.await_members()
        yield made
        hub.run("member", "notify", "remove", "lakeside", "--format", "hl7v3")


@functools.lru_cache
def schema(folder):
    return etree.XMLSchema(etree.parse(f"{folder}/PRPA_IN201302UV02.xsd"))


def ids(message):
    return {(i.get("root"), i.get("extension")) for i in message.body.iterfind(".//v3:patient/v3:id", NS)}


def patient(hospital, number, family, given):
    return Patient([hospital.cx(number)], family=family, given=given, birth="19710203", sex="F",
                   address="4 Bell Road^^Springfield^IL^62701^US", phone="2175550104")


def test_a_new_link_is_told_in_the_shape_of_the_schema(hub, consumer, lakeside, harbour, data):
    folder = data("ihe/schemas/hl7v3/schema/HL7V3/NE2008/multicacheschemas")
    lakeside.feed("A04", patient(lakeside, "V-1", "Threefold", "Thea"))
    harbour.feed("A04", patient(harbour, "V-2", "Threefold", "Thea"))
    first, second = consumer.wait(2)[:2]
    for told in (first, second):
        schema(folder).assertValid(etree.fromstring(etree.tostring(told.body)))
        assert told.header("Action") == "urn:hl7-org:v3:PRPA_IN201302UV02"
        assert told.header("To") == consumer.url
    assert (lakeside.authority, "V-1") in ids(first)
    assert {(lakeside.authority, "V-1"), (harbour.authority, "V-2")} <= ids(second)
    assert len(hub.audit(transaction="ITI-46")) == 2


@pytest.mark.parametrize("reply", [acknowledgement("CA", of="2.25.9"), lambda _: b"", lambda _: b"<a>"],
                         ids=["another", "nothing", "no_xml"])
def test_the_same_message_comes_again_until_it_is_acknowledged(hub, consumer, lakeside, reply, request):
    replies = iter([reply, reply])
    consumer.reply = lambda message: next(replies, acknowledgement("CA"))(message)
    lakeside.feed("A04", patient(lakeside, f"V-{request.node.callspec.id}", f"Again{request.node.callspec.id}", "Ann"))
    first, second = consumer.wait(2)[:2]
    assert first.header("MessageID") == second.header("MessageID")
    consumer.wait(3)
    time.sleep(1.5)
    assert len(consumer.received) == 3


def test_a_refused_message_is_a_dead_letter(hub, consumer, lakeside):
    consumer.reply = acknowledgement("CE")
    lakeside.feed("A04", patient(lakeside, "V-9", "Refused", "Rita"))
    consumer.wait(1)
    dead = eventually(lambda: hub.json("outbox", "list", "--dead")["messages"])
    assert dead[0]["transaction"] == "ITI-46" and dead[0]["trouble"] == "refused: CE"


def test_an_address_of_hl7v3_is_an_https_url(hub, lakeside):
    with pytest.raises(Failed, match="https://HOST"):
        hub.run("member", "notify", "add", "lakeside", "--format", "hl7v3", "--to", "host:1")
