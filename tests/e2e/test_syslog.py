"""ITI-20 on the wire: the log goes to repositories, and members' records come in. The other ends are
written independently of the hub (hospital/syslog.py)."""
import base64
import collections
import hashlib
import re
import select
import socket
import ssl
import time

import pytest
from lxml import etree

from hospital import hl7v3 as v3
from hospital import mllp, pki, soap, syslog, xds
from hospital.hub import end
from people import Person, cda, known

HEADER = re.compile(rb"<85>1 (\S+) \S+ causeway \d+ IHE\+RFC-3881 - <\?xml")
XSD = "ihe/audit-samples/dicom2017c.xsd"


def reconfigure(hub, **settings):
    hub.settings.update(settings)
    hub.config.write_text("".join(f"{k} = {v}\n" for k, v in hub.settings.items()))


@pytest.fixture(scope="module")
def region(make_hub):
    """A hub with a repository by TLS and one by UDP, and its own repository's doors open."""
    hub = make_hub("syslog")
    hub.stop()
    identity = hub.authority.issue("repository", server=True)
    hub.repository_identity = identity
    hub.arr = syslog.Repository(identity, hub.ca)
    hub.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hub.datagrams.bind(("127.0.0.1", 0))
    hub.datagrams.settimeout(60)
    reconfigure(hub, audit_forward=f"{hub.arr.address}, udp://127.0.0.1:{hub.datagrams.getsockname()[1]}",
                audit_site="region", outbox_pause_seconds=1, outbox_ack_seconds=1,
                syslog_listen="127.0.0.1:0", syslog_udp_listen="127.0.0.1:0")
    sealer = hub.start_sealer()
    hub.start()
    hub.open_region()
    yield hub
    end(sealer)
    hub.arr.close()


@pytest.fixture(scope="module")
def lakeside(region):
    return region.enrol("lakeside", "1.2.840.1.1")


@pytest.fixture(scope="module")
def harbour(region):
    return region.enrol("harbour", "1.2.840.1.2")


def tree(message):
    assert HEADER.match(message), message[:100]
    return etree.fromstring(message[message.index(b"<?xml"):])


def codes(message):
    root = tree(message)
    event = root.find("EventIdentification")
    return (event.find("EventTypeCode").get("csd-code"), event.find("EventID").get("csd-code"),
            event.get("EventActionCode"), int(event.get("EventOutcomeIndicator")))


def query_ids(messages):
    """The queries, each named by the patient that it was about."""
    found = []
    for message in messages:
        if b'csd-code="ITI-18"' in message:
            patient = tree(message).find("ParticipantObjectIdentification[@ParticipantObjectTypeCodeRole='1']")
            found.append(patient.get("ParticipantObjectID"))
    return found


def ask(harbour, name):
    """A query about somebody whom nobody knows; the record names the one that was asked for."""
    patient = f"{name}^^^&{harbour.hub.xad_authority}&ISO"
    harbour.query(xds.find_documents(patient))
    return patient


def firsts(items):
    return list(dict.fromkeys(items))


def arrived(region, wanted, seconds=60):
    messages = region.arr.wait_for(lambda m: set(wanted) <= set(query_ids(m)), seconds)
    return [q for q in firsts(query_ids(messages)) if q in set(wanted)]


# --- sending ------------------------------------------------------------------------------------------

def test_every_record_goes_out_in_the_form_of_dicom(region, lakeside, harbour, data):
    schema = etree.XMLSchema(etree.parse(str(data(XSD))))
    person = known(lakeside, harbour)
    lakeside.publish(person.xad, cda("sent"))
    ask(harbour, "FORM")
    expected = collections.Counter(
        (r["transaction"], r["event"], r["action"], r["outcome"]) for r in region.audit())
    messages = firsts(region.arr.wait_for(
        lambda m: any(b"FORM^^^" in x for x in m)))  # what went into a connection that broke came again
    for message in messages:
        schema.assertValid(tree(message))
    types = collections.Counter(codes(m)[0] for m in messages)
    for (transaction, event, action, outcome), count in expected.items():
        if transaction.startswith("ITI-") and transaction not in ("ITI-19", "ITI-81"):
            same = [m for m in messages if codes(m) == (transaction, event, action, outcome)]
            assert len(same) == count, (transaction, action, count, types)


def test_a_repository_by_udp_gets_the_same(region, harbour):
    while select.select([region.datagrams], [], [], 0)[0]:  # a full buffer would take no more
        region.datagrams.recv(65536)
    patient = ask(harbour, "DATAGRAM")
    while True:
        message = region.datagrams.recv(65536)
        if patient.split("^")[0].encode() in message:
            break
    assert HEADER.match(message) and codes(message)[0] == "ITI-18"


def test_nothing_is_lost_while_the_repository_is_away_and_the_order_stays(region, harbour):
    before = [ask(harbour, f"BEFORE{i}") for i in range(3)]
    arrived(region, before)
    region.arr.close()
    away = [ask(harbour, f"AWAY{i}") for i in range(20)]
    time.sleep(1)
    region.arr.open()
    after = [ask(harbour, f"AFTER{i}") for i in range(3)]
    assert arrived(region, before + away + after) == before + away + after


def test_one_that_takes_and_forgets_does_not_move_the_cursor_for_good(region, harbour):
    """RFC 5425 has no acknowledgement: what went into a connection that broke goes out again."""
    region.arr.close()
    region.arr.hang_up = 3
    told = [ask(harbour, f"FORGOT{i}") for i in range(10)]
    region.arr.open()
    assert arrived(region, told) == told


def test_a_killed_hub_goes_on_where_it_was(region, lakeside, harbour):
    told = [ask(harbour, f"KILL{i}") for i in range(10)]
    region.kill()
    region.start()
    for hospital in (lakeside, harbour):
        hospital.close()
        hospital.link = soap.Link(region.soap_address, hospital.identity, region.ca)
    told += [ask(harbour, f"ALIVE{i}") for i in range(5)]
    assert arrived(region, told) == told


def test_a_repository_that_no_ca_vouches_for_gets_nothing(region, harbour, tmp_path):
    region.arr.close()
    lone = pki.self_signed(tmp_path, "lone.example")
    region.arr._context, real = _context(lone, region.ca), region.arr._context
    region.arr.open()
    told = [ask(harbour, "SECRET")]
    time.sleep(3)
    assert not any(b"SECRET" in m for m in region.arr.messages)
    region.arr.close()
    region.arr._context = real
    region.arr.open()
    assert arrived(region, told) == told


def _context(identity, ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_start_and_stop_and_refused_nodes_go_out_too(region, harbour, tmp_path):
    stranger = pki.self_signed(tmp_path, "stranger.example")
    with pytest.raises((soap.Broken, OSError)):
        with soap.Connection(region.soap_address, stranger, region.ca) as connection:
            connection.exchange("GET", "/")
    messages = region.arr.wait_for(lambda m: any(b'"110126"' in x and stranger.fingerprint.encode() in
                                                 _details(x) for x in m))
    assert any(codes(m)[0] == "110120" for m in messages)


def _details(message):
    return b" ".join(base64.b64decode(d.get("value")) for d in tree(message).iter("ParticipantObjectDetail"))

# --- how many, and which --------------------------------------------------------------------------------

class Play:
    """Each transaction of the hub once, and once in vain."""

    def __init__(self, region, lakeside, harbour):
        self.hub, self.lakeside, self.harbour = region, lakeside, harbour
        self.person, self.old = Person(), Person()
        self._played = set()

    def _play(self, name):
        self._played.add(name)
        return getattr(self, name)()

    def _catch_up(self, name=None):
        """Each stands on those before it, which may not have been asked for."""
        for earlier in PLAYS[:PLAYS.index(name)] if name else PLAYS:
            if earlier not in self._played:
                self._play(earlier)

    def feed(self):
        self.person.feed(self.lakeside)
        self.person.feed(self.harbour)
        return [("ITI-8", "110110", "C", 0)] * 2

    def update(self):
        self.person.feed(self.lakeside, "A08")
        return [("ITI-8", "110110", "U", 0)]

    def merge(self):
        """A merge is two: D of what was subsumed, U of what survives."""
        self.old.feed(self.lakeside)
        self.lakeside.merge(self.person.patient(self.person.cx(self.lakeside)), self.old.cx(self.lakeside))
        return [("ITI-8", "110110", "C", 0), ("ITI-8", "110110", "D", 0), ("ITI-8", "110110", "U", 0)]

    def feed_in_vain(self):
        self.lakeside.feed("A04", self.person.patient(self.person.cx(self.lakeside), birth="when?"))
        return [("ITI-8", "110110", "C", 8)]

    def manage(self):
        self.lakeside.feed("A31", self.person.patient(self.person.cx(self.lakeside)))
        return [("ITI-30", "110110", "U", 0)]

    def feed_v3(self):
        v3.call(self.lakeside, "/pix", v3.feed("PRPA_IN201301UV02", [(self.lakeside.authority, "V3-1")],
                                               v3.person("Vandermeer", "Wilhelmina", "19510203", "F")))
        return [("ITI-44", "110110", "C", 0)]

    def pix(self):
        self.person.resolve(self.lakeside)
        self.lakeside.pix(self.lakeside.cx("NOBODY"))
        return [("ITI-9", "110112", "E", 0), ("ITI-9", "110112", "E", 8)]

    def pix_v3(self):
        v3.call(self.lakeside, "/pix", v3.pix_query(self.lakeside.authority, "V3-1"))
        return [("ITI-45", "110112", "E", 0)]

    def pdq(self):
        self.lakeside.tell("\r".join([
            mllp.msh(self.lakeside.sender, "QBP^Q22^QBP_Q21", version="2.5"),
            f"QPD|IHE PDQ Query|T1|@PID.5.1^{self.person.family}~@PID.7^{self.person.birth}", "RCP|I"]) + "\r")
        return [("ITI-21", "110112", "E", 0)]

    def pdq_v3(self):
        v3.call(self.lakeside, "/pdq", v3.pdq_query([("livingSubjectName", v3.name("Vandermeer", "Wilhelmina").replace(
            "<name>", "<value>").replace("</name>", "</value>"))]))
        return [("ITI-47", "110112", "E", 0)]

    def provide(self):
        self.entry, response = self.lakeside.publish(self.person.xad, cda("counted"))
        assert response.ok, response
        return [("ITI-41", "110107", "C", 0)]

    def provide_in_vain(self):
        entry = xds.Entry(self.person.xad, cda("wrong"), hash="0" * 40)
        assert not self.lakeside.provide(xds.Submission(self.person.xad, [entry])).ok
        return [("ITI-41", "110107", "C", 8)]

    def register(self):
        assert self.lakeside.register(xds.Submission(self.person.xad, [xds.Entry(self.person.xad, cda("r"))])).ok
        return [("ITI-42", "110107", "C", 0)]

    def register_on_demand(self):
        entry = xds.Entry(self.person.xad, object_type=xds.ON_DEMAND, creation_time=None, id=xds.new_urn(),
                          repository=self.hub.repository)
        assert self.lakeside.register_on_demand(xds.Submission(self.person.xad, [entry])).ok
        return [("ITI-61", "110107", "C", 0)]

    def update_metadata(self):
        """A new version, one by a restricted update, and one in vain."""
        first = xds.Entry(self.person.xad, cda("first"), id=xds.new_urn())
        assert self.lakeside.provide(xds.Submission(self.person.xad, [first])).ok

        def version(previous):
            return xds.Submission(self.person.xad, [xds.Entry(
                self.person.xad, first.content, unique_id=first.unique_id, id=xds.new_urn(), lid=first.id,
                previous=previous, hash=first.sha1(), size=str(len(first.content)), repository=self.hub.repository,
                title=f"after {previous}")])

        assert self.lakeside.update(version("1")).ok
        assert self.lakeside.update(version("2"), action=xds.ITI92).ok
        assert not self.lakeside.update(version("1")).ok
        return [("ITI-41", "110107", "C", 0), ("ITI-57", "110107", "U", 0), ("ITI-92", "110107", "U", 0),
                ("ITI-57", "110107", "U", 8)]

    def remove_metadata(self):
        """Of one patient: one record, whatever the number of objects."""
        set_, entry = xds.new_urn(), xds.Entry(self.person.xad, cda("to go"), id=xds.new_urn())
        assert self.lakeside.provide(xds.Submission(self.person.xad, [entry], id=set_)).ok
        assert self.lakeside.remove_documents((self.hub.repository, entry.unique_id)).ok
        found = self.lakeside.query(xds.adhoc_query(
            "urn:uuid:a7ae438b-4bc2-4642-93e9-be891f7bb155", [("$uuid", [xds.listed(entry.id)])]))
        links = [e.get("id") for e in found.body.iter(f"{{{xds.RIM}}}Association")]
        assert self.lakeside.remove_metadata(entry.id, set_, *links).ok
        return [("ITI-41", "110107", "C", 0), ("ITI-86", "110110", "D", 0), ("ITI-18", "110112", "E", 0),
                ("ITI-62", "110110", "D", 0)]

    def query_about_two(self):
        """A record for each patient."""
        other = known(self.lakeside, self.harbour)
        body = xds.adhoc_query("urn:uuid:3d1bdb10-39a2-11de-89c2-2f44d94eaa9f", [
            ("$XDSDocumentEntryPatientId", [xds.listed(self.person.xad, other.xad)]),
            ("$XDSDocumentEntryStatus", [xds.listed(xds.APPROVED)])])
        action = "urn:ihe:iti:2009:MultiPatientStoredQuery"
        assert xds.Response(self.lakeside.link.call("/xds/registry", action, body)).ok
        return [("ITI-8", "110110", "C", 0)] * 2 + [("ITI-9", "110112", "E", 0)] + [
            ("ITI-51", "110112", "E", 0)] * 2

    def without_a_person(self):
        """A refused assertion: the login alone, and nothing of what was asked."""
        self.hub.run("member", "set", "harbour", "--xua", "required")
        answer = self.harbour.link.call("/xds/registry", xds.ITI18, xds.find_documents(self.person.xad))
        self.hub.run("member", "set", "harbour", "--xua", "optional")
        assert answer.fault
        return [("CONFIG", "110113", "E", 0)] * 2 + [("ITI-40", "110114", "E", 8)]

    def query(self):
        self.found = self.harbour.find(self.person.xad).entries
        self.harbour.query(xds.adhoc_query(xds.FIND_DOCUMENTS, []))
        return [("ITI-18", "110112", "E", 0), ("ITI-18", "110112", "E", 8)]

    def retrieve(self):
        """What succeeded and what failed are records of their own."""
        self.harbour.retrieve((self.hub.repository, self.entry.unique_id), (self.hub.repository, "1.2.3.404"))
        return [("ITI-43", "110106", "R", 0), ("ITI-43", "110106", "R", 8)]

    def remove_documents(self):
        assert self.lakeside.remove_documents((self.hub.repository, self.entry.unique_id)).ok
        self.lakeside.remove_documents((self.hub.repository, "1.2.3.404"))
        return [("ITI-86", "110110", "D", 0), ("ITI-86", "110110", "D", 8)]

    def remove_metadata_in_vain(self):
        self.lakeside.remove_metadata(xds.new_urn())
        return [("ITI-62", "110110", "D", 8)]

    def read_the_log(self):
        self.hub.run("audit", "search", "--limit", 1)
        return [("ITI-81", "110101", "R", 0)]

    def change_a_member(self):
        self.hub.run("member", "permit", "lakeside", "--multi-patient")
        return [("CONFIG", "110113", "E", 0)]


PLAYS = [name for name in vars(Play) if not name.startswith("_")]


@pytest.fixture(scope="module")
def play(region, lakeside, harbour):
    region.run("member", "permit", "lakeside", "--multi-patient")
    region.await_members()
    return Play(region, lakeside, harbour)


def recorded(region):
    """All records but the looks at the log that this function is, and those of handshakes, which come later."""
    rows = [r for r in region.audit() if r["transaction"] != "ITI-19" and
            not (r["transaction"] == "ITI-81" and r["objects"][0]["detail"].find("1000") >= 0)]
    return [(r["transaction"], r["event"], r["action"], r["outcome"]) for r in rows]


@pytest.mark.parametrize("name", PLAYS)
def test_each_transaction_leaves_its_records_and_no_others(name, play, region):
    play._catch_up(name)
    before = len(recorded(region))
    expected = play._play(name)
    assert collections.Counter(recorded(region)[before:]) == collections.Counter(expected)


def test_what_the_plays_left_reached_the_repository_as_the_schema_has_it(play, region, data):
    play._catch_up()
    schema = etree.XMLSchema(etree.parse(str(data(XSD))))
    patient = ask(play.harbour, "PLAYED")
    messages = region.arr.wait_for(lambda m: any(patient.split("^")[0].encode() in x for x in m))
    for message in messages:
        schema.assertValid(tree(message))
    removed = next(m for m in messages if codes(m)[::3] == ("ITI-86", 0) and play.entry.unique_id.encode() in m)
    document = tree(removed).find("ParticipantObjectIdentification[@ParticipantObjectTypeCodeRole='3']")
    assert document.get("ParticipantObjectID") == play.entry.unique_id
    assert document.get("ParticipantObjectDataLifeCycle") == "14"
    sent = {codes(m)[0] for m in messages}
    assert {"ITI-8", "ITI-9", "ITI-18", "ITI-21", "ITI-30", "ITI-41", "ITI-42", "ITI-43", "ITI-44", "ITI-45",
            "ITI-47", "ITI-51", "ITI-57", "ITI-61", "ITI-62", "ITI-81", "ITI-86", "ITI-92", "110137", "110122"} <= sent


# --- receiving ----------------------------------------------------------------------------------------

def report(patient, user="jd<house@idp>", event="ITI-18", action="E", more=""):
    return f"""<?xml version="1.0" encoding="UTF-8"?><AuditMessage><EventIdentification
 EventActionCode="{action}" EventDateTime="2026-11-22T10:00:00Z" EventOutcomeIndicator="0"><EventID
 csd-code="110112" codeSystemName="DCM" originalText="Query"/><EventTypeCode csd-code="{event}"
 codeSystemName="IHE Transactions" originalText="q"/></EventIdentification><ActiveParticipant UserID="house"
 UserName="{user.replace('<', '&lt;')}" UserIsRequestor="true"><RoleIDCode csd-code="HCP" codeSystemName="x"
 originalText="x"/></ActiveParticipant><AuditSourceIdentification AuditSourceID="ehr"/>
<ParticipantObjectIdentification ParticipantObjectID="{patient.replace('&', '&amp;')}" ParticipantObjectTypeCode="1"
 ParticipantObjectTypeCodeRole="1"><ParticipantObjectIDTypeCode csd-code="2" codeSystemName="RFC-3881"
 originalText="p"/></ParticipantObjectIdentification>{more}</AuditMessage>""".encode()


def message(text, bom=b"", data=b"-"):
    return b"<85>1 2026-11-22T10:00:00.5Z ehr.example ehr 77 IHE+RFC-3881 " + data + b" " + bom + text


def receipts(region, count, **criteria):
    until = time.monotonic() + 60
    while True:
        rows = region.audit(transaction="ITI-20", **criteria)
        if len(rows) >= count or time.monotonic() > until:
            return rows
        time.sleep(0.1)


def verbatim(row):
    return base64.b64decode(row["verbatim"])


ODD = [
    message(b"\xff\xfe not UTF-8 \x00 and a NUL"),
    b"<13>Nov 22 10:00:00 host su: RFC 3164",
    b"\x00\x01\x02 garbage",
    message(b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><AuditMessage>&x;"),
    message(b"", data=b'[x@1 k="a\\"]b"]'),
]


@pytest.mark.parametrize("step", [None, 1, 100])
def test_messages_are_kept_byte_for_byte_however_the_stream_is_cut(step, region, lakeside):
    mark = f"CUT{step}^^^&1.2.3&ISO"
    sent = [message(report(mark)), message(report(mark), bom=b"\xef\xbb\xbf")]
    sent += [m + str(step).encode() for m in ODD]
    before = len(region.audit(transaction="ITI-20"))
    syslog.send_tls(region.addresses["syslog_listen"], lakeside.identity, region.ca, sent, step)
    rows = receipts(region, before + len(sent))[before:]
    assert [verbatim(r) for r in rows] == sent
    assert all(r["member"]["name"] == "lakeside" for r in rows)
    found = receipts(region, 2, patient=mark)
    assert [verbatim(r) for r in found] == sent[:2]
    assert found[0]["user"] == "jd<house@idp>" and found[0]["role"] == "HCP"
    assert [o["id"] for o in found[0]["objects"] if o["kind"] == "reported"] == ["ITI-18"]
    assert "No RFC 5424" in rows[3]["description"]


def test_thousands_in_one_stream_all_arrive(region, lakeside):
    mark = "MANY^^^&1.2.3&ISO"
    sent = [message(report(mark, user=f"u<{i}@idp>")) for i in range(900)]
    syslog.send_tls(region.addresses["syslog_listen"], lakeside.identity, region.ca, sent)
    rows = receipts(region, len(sent), patient=mark)
    assert [verbatim(r) for r in rows] == sent


def test_a_large_message_is_kept_whole(region, lakeside):
    text = message(report("LARGE^^^&1.2.3&ISO", more="<!-- " + "x" * 200000 + " -->"))
    syslog.send_tls(region.addresses["syslog_listen"], lakeside.identity, region.ca, [text])
    assert verbatim(receipts(region, 1, patient="LARGE^^^&1.2.3&ISO")[0]) == text


def test_a_replay_is_a_receipt_of_its_own_that_names_the_first(region, lakeside, harbour):
    text = message(report("AGAIN^^^&1.2.3&ISO"))
    address = region.addresses["syslog_listen"]
    syslog.send_tls(address, lakeside.identity, region.ca, [text, text])
    syslog.send_tls(address, harbour.identity, region.ca, [text])
    rows = receipts(region, 3, patient="AGAIN^^^&1.2.3&ISO")
    assert len(rows) == 3 and verbatim(rows[0]) == text
    for row in rows[1:]:
        assert row["verbatim"] == ""
        assert [o["id"] for o in row["objects"] if o["kind"] == "replay_of"] == [rows[0]["id"]]
        assert [o["id"] for o in row["objects"] if o["kind"] == "syslog"] == [hashlib.sha256(text).hexdigest()]


def test_a_message_about_several_patients_is_found_by_each(region, lakeside):
    two = report("ONE^^^&1.2.3&ISO").replace(b"</AuditMessage>", b"") + re.search(
        rb"<ParticipantObjectId.*</ParticipantObjectIdentification>", report("TWO^^^&1.2.3&ISO"), re.S)[0] + b"</AuditMessage>"
    syslog.send_tls(region.addresses["syslog_listen"], lakeside.identity, region.ca, [message(two)])
    one = receipts(region, 1, patient="ONE^^^&1.2.3&ISO")[0]
    other = receipts(region, 1, patient="TWO^^^&1.2.3&ISO")[0]
    assert verbatim(one) == message(two)
    assert [o["id"] for o in other["objects"] if o["kind"] == "receipt"] == [one["id"]]


@pytest.mark.parametrize("stream", [b"x", b"-5 hello", b"0 ", b"99999999999 x", b"5hello", b"900000 x"])
def test_what_is_no_frame_ends_the_connection_and_nothing_else(stream, region, lakeside):
    mark = f"FRAME{stream.hex()}^^^&1.2.3&ISO"
    with syslog.connect(region.addresses["syslog_listen"], lakeside.identity, region.ca) as wire:
        wire.sendall(syslog.frame(message(report(mark))))
        wire.sendall(stream)
        wire.settimeout(60)
        try:
            assert wire.recv(1) == b""
        except ssl.SSLError:
            pass
    assert len(receipts(region, 1, patient=mark)) == 1


def test_a_stranger_is_not_let_in(region, tmp_path):
    stranger = pki.self_signed(tmp_path, "nobody.example")
    with pytest.raises((OSError, ssl.SSLError)):
        with syslog.connect(region.addresses["syslog_listen"], stranger, region.ca) as wire:
            wire.sendall(syslog.frame(message(report("X^^^&1.2.3&ISO"))))
            if wire.recv(1) == b"":
                raise OSError("closed")


def test_datagrams_are_kept_cut_off_or_not(region):
    whole = message(report("UDP^^^&1.2.3&ISO"))
    cut = message(report("UDP2^^^&1.2.3&ISO"))[:300]
    before = len(region.audit(transaction="ITI-20"))
    syslog.send_udp(region.addresses["syslog_udp_listen"], [whole, cut, b"", b"\xff garbage"])
    rows = receipts(region, before + 3)[before:]
    assert {verbatim(r) for r in rows} >= {whole, cut, b"\xff garbage"}
    assert verbatim(receipts(region, 1, patient="UDP^^^&1.2.3&ISO")[0]) == whole
    assert ["Cut off by UDP"] == [r["description"] for r in rows if verbatim(r) == cut]
    assert all(r["member"]["id"] == 0 and "udp" in r["peer"] for r in rows)


def test_what_was_received_goes_on_as_it_came(region, lakeside):
    text = message(report("FORWARDED^^^&1.2.3&ISO"), bom=b"\xef\xbb\xbf")
    syslog.send_tls(region.addresses["syslog_listen"], lakeside.identity, region.ca, [text])
    region.arr.wait_for(lambda m: text in m)
