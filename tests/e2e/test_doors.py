"""Every door, and whether consent stands in it.

The program lists its doors by the tables that it runs by (`causeway doors`). Each that discloses has a
probe here, which is tried under each policy: it hears the canary where the policy lets it, and else not a
word, in the raw bytes of the whole answer. A door without a probe fails the test.
"""
import json
import uuid

import psycopg2
import pytest
from lxml import etree

from canary import Canary, leaks
from hospital import hl7v3 as v3
from hospital import mllp, soap, xds
from hospital.answers import Answers
from hospital.hub import HOME
from hospital.hub import eventually
from hospital.community import Community
from hospital.listener import Listener
from kinds import KINDS, MANY, body_of
from people import Person, known

SETTINGS = {"health_data_locator": "on", "outbox_ack_seconds": 20, "outbox_attempts": 3, "outbox_pause_seconds": 1,
            "rediscovery_purpose": "TREAT"}
ITI38, ITI39 = "urn:ihe:iti:2007:CrossGatewayQuery", "urn:ihe:iti:2007:CrossGatewayRetrieve"
ITI55 = "urn:hl7-org:v3:PRPA_IN201305UV02:CrossGatewayPatientDiscovery"
ITI56 = "urn:ihe:iti:2009:PatientLocationQuery"
DEFERRED = ITI55.replace("UV02:", "UV02:Deferred:")
URN = f"urn:oid:{HOME}"
COMMUNITIES = ("aurora", "cirrus")
AURORA, NIMBUS, CIRRUS = "2.16.840.1.1", "2.16.840.1.3", "2.16.840.1.4"


class Region:
    """Lakeside publishes; Harbour and, from another community, Aurora ask; Cirrus, another one, is asked."""

    def __init__(self, hub, lakeside, harbour):
        self.hub, self.lakeside, self.harbour = hub, lakeside, harbour
        self.hilltop = hub.enrol("hilltop", "1.2.840.1.3")
        self.aurora = hub.enrol("aurora", AURORA)
        hub.run("community", "add", "aurora", "--home", AURORA)
        hub.enrol("nimbus", NIMBUS)
        hub.run("community", "add", "nimbus", "--home", NIMBUS)
        identity = hub.authority.issue("cirrus", server=True)
        self.cirrus = Community("cirrus", CIRRUS, f"{CIRRUS}.5", identity, hub.ca)
        hub.run("member", "add", "cirrus", "--organization", CIRRUS, "--authority", f"{CIRRUS}.5", "--cert",
                identity.certificate)
        hub.run("community", "add", "cirrus", "--home", CIRRUS, "--discovery", f"{self.cirrus.url}/discovery")
        hub.run("member", "permit", "harbour", "--multi-patient")
        hub.run("member", "permit", "harbour", "--audit-reader", "own")
        self.answers = {}
        for name in ("harbour", "aurora"):
            made = Answers(hub.authority.issue(f"{name}-answers", server=True), hub.ca)
            hub.run("member", "reply-to", "add", name, "--address", made.url)
            self.answers[name] = made
        self.agree()
        hub.await_members()

    def agree(self):
        self.hub.run("member", "agreement", "add", "region", "--all")
        for name in COMMUNITIES:
            self.hub.run("member", "agreement", "add", name, "--all", "--party", name)

    def disagree(self):
        for name in ("region", *COMMUNITIES):
            self.hub.run("member", "agreement", "end", name)

    def heard(self, name, send):
        """What comes back at this member's address for what is sent."""
        answers = self.answers[name]
        before = len(answers.received)
        send(answers.url)
        answers.wait(before + 1)
        return answers.received[before][1].raw

    def close(self):
        for answers in self.answers.values():
            answers.close()
        self.cirrus.close()


@pytest.fixture(scope="module")
def region(hub, lakeside, harbour):
    region = Region(hub, lakeside, harbour)
    yield region
    region.close()


# --- policies ------------------------------------------------------------------------------------

ASKERS = ("harbour", "aurora", "cirrus")


def consent(region, patient, *arguments):
    return region.hub.json("consent", "set", "--patient", patient, *arguments)["policy"]


def deny(region, c):
    consent(region, c.xad, "--deny")


def deny_askers(region, c):
    for name in ASKERS:
        consent(region, c.xad, "--deny", "--member", name)


def deny_and_permit(region, c):
    deny(region, c)
    for name in ASKERS:
        consent(region, c.xad, "--permit", "--member", name)


def revoke(region, c):
    policy = consent(region, c.xad, "--deny")
    region.hub.run("consent", "revoke", "--patient", c.xad, "--policy", policy)


def merge_one_who_denied(region, c):
    old = Person(region.lakeside)
    consent(region, old.resolve(region.lakeside), "--deny")
    answer = region.lakeside.merge(c.person.patient(c.person.cx(region.lakeside)), old.cx(region.lakeside))
    assert answer["MSA-1"] == "AA", answer


def permit(region, c):
    consent(region, c.xad, "--permit")


# name: (how it is made, in an opt-in domain, with agreements, whether the askers may see)
POLICIES = {
    "says nothing": (lambda region, c: None, False, True, True),
    "denies all": (deny, False, True, False),
    "denies these members": (deny_askers, False, True, False),
    "denies all, permits these members": (deny_and_permit, False, True, False),
    "denies another member": (lambda r, c: consent(r, c.xad, "--deny", "--member", "hilltop"), False, True, True),
    "denied until yesterday": (lambda r, c: consent(r, c.xad, "--deny", "--until", "2020-01-01"), False, True, True),
    "took a denial back": (revoke, False, True, True),
    "is merged with one who denies": (merge_one_who_denied, False, True, False),
    "says nothing where one must opt in": (lambda region, c: None, True, True, False),
    "permits where one must opt in": (permit, True, True, True),
    "permits where no agreement joins": (permit, False, False, False),
}


@pytest.fixture(scope="module", params=POLICIES)
def canary(request, region):
    make, opt_in, agreed, seen = POLICIES[request.param]
    c = Canary(region.lakeside, region.harbour)
    c.region, c.make, c.may_be_seen = region, make, seen
    make(region, c)
    if opt_in:
        region.hub.run("consent", "default", "opt-in")
    if not agreed:
        region.disagree()
    yield c
    if opt_in:
        region.hub.run("consent", "default", "opt-out")
    if not agreed:
        region.agree()


# --- probes: (what was asked, what came back), as bytes ------------------------------------------

def soap_probe(hospital, path, action, body, mtom=False):
    asked = etree.tostring(body)
    return asked, hospital.link.call(path, action, body, mtom=mtom).raw


def stored_query(kind, transaction, path):
    def probe(c):
        body = body_of(kind, c)
        if path.startswith("/xca"):
            body.find(f"{{{xds.RIM}}}AdhocQuery").set("home", URN)
        if transaction == "ITI-38":
            return soap_probe(c.region.aurora, path, ITI38, body)
        return soap_probe(c.region.harbour, path, MANY if transaction == "ITI-51" else xds.ITI18, body)
    return probe


def retrieve(c, hospital, path, action, home=None):
    body = xds.retrieve([(c.region.hub.repository, e.unique_id) for e in (c.entry, c.hidden)], home=home)
    return soap_probe(hospital, path, action, body, mtom=True)


def pix_v2(c):
    asked = c.person.cx(c.harbour)
    return asked.encode(), c.harbour.pix(asked).raw


def pdq_v2(event):
    def probe(c):
        lines = [mllp.msh(c.harbour.sender, f"QBP^{event}^QBP_Q21", version="2.5"),
                 f"QPD|IHE PDQ Query|{mllp.control_id()}|@PID.5.1.1^{c.person.family}~@PID.7^{c.person.birth}", "RCP|I"]
        asked = "\r".join(lines) + "\r"
        return asked.encode(), c.harbour.tell(asked).raw
    return probe


def pix_v3(c):
    body = v3.pix_query(c.harbour.authority, c.person.number(c.harbour))
    return etree.tostring(body), v3.call(c.harbour, "/pix", body).soap.raw


def by_name(p, **options):
    return v3.pdq_query([("livingSubjectName", f"<value><given>{p.given}</given><family>{p.family}</family></value>"),
                         ("livingSubjectBirthTime", f'<value value="{p.birth}"/>')], **options)


def pdq_v3(c):
    body = by_name(c.person)
    return etree.tostring(body), v3.call(c.harbour, "/pdq", body).soap.raw


def pdq_v3_continued(c):
    """Of two who answer to the name one a page: the canary is on one of them."""
    twin = c.person.patient(c.harbour.cx(f"TWIN{c.serial}"), given=c.sign("Twin"), birth="19010101",
                            address="9 Far Rd^^Elsewhere^AK^99501^US", phone="")
    assert c.harbour.feed("A04", twin)["MSA-1"] == "AA"
    query = uuid.uuid4().hex
    body = v3.pdq_query([("livingSubjectName", f"<value><family>{c.person.family}</family></value>")], query_id=query,
                        page=1)
    first = v3.call(c.harbour, "/pdq", body).soap.raw
    action = v3.ACTION.format("QUQI_IN000003UV01_Continue")
    return etree.tostring(body), first + v3.call(c.harbour, "/pdq", v3.continuation(query), action).soap.raw


def discovery(c):
    body = by_name(c.person)
    return etree.tostring(body), v3.call(c.region.aurora, "/xcpd", body, ITI55).soap.raw


def discovery_deferred(c):
    body = by_name(c.person)

    def send(url):
        body.find(f"{{{v3.V3}}}sender").addprevious(etree.fromstring(
            f'<respondTo xmlns="{v3.V3}" typeCode="RSP"><telecom value="{url}"/><entityRsp classCode="ENT" '
            f'determinerCode="INSTANCE"><id root="{AURORA}"/></entityRsp></respondTo>'))
        assert v3.call(c.region.aurora, "/xcpd", body, DEFERRED).ack == "AA"
    return etree.tostring(body), c.region.heard("aurora", send)


def sql(c, statement, *values):
    """What it gives, or nothing."""
    connection = psycopg2.connect(f"{c.region.hub.database} user=causeway_owner")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


def known_at(c, community, expires):
    """This community has said who the canary is there, and that it lasts for so long."""
    sql(c, "INSERT INTO community_correlation (pkey, person_id, community_id, authority, patient_id, asked_at, expires_at)"
        " SELECT p.pkey, p.person_id, m.member_id, '1.2.3', %s, now() - interval '1 day', now() + %s::interval"
        "   FROM mpi_person AS p, member AS m WHERE p.xad_pid = %s AND m.name = %s"
        "     ON CONFLICT DO NOTHING", c.sign("elsewhere"), expires, c.xad.split("^")[0], community)


def asked_again(c):
    """Cirrus knows the canary, which runs out soon: the hub asks it again by itself, if it may tell it anything."""
    known_at(c, "cirrus", "30 minutes")
    before = len(c.region.cirrus.envelopes)
    sql(c, "UPDATE community_chore SET due_at = '-infinity' WHERE name = 'rediscover' AND owner IS NULL")
    eventually(lambda: sql(
        c, "SELECT true FROM mpi_person AS p, community_correlation AS k, community_chore AS b WHERE p.xad_pid = %s"
        " AND k.pkey = p.pkey AND k.person_id = p.person_id AND b.name = 'rediscover' AND b.owner IS NULL"
        " AND (k.again_at > now() OR k.asked_at > now() - interval '1 hour')", c.xad.split("^")[0]), "nobody looked")
    return b"", b"".join(etree.tostring(e) for e in c.region.cirrus.envelopes[before:])


def location(c):
    """Nimbus has said who the canary is there."""
    known_at(c, "nimbus", "1 day")
    number = c.xad.split("^")[0]
    body = etree.fromstring(
        f'<PatientLocationQueryRequest xmlns="urn:ihe:iti:xcpd:2009">'
        f'<RequestedPatientId root="{c.region.hub.xad_authority}" extension="{number}"/></PatientLocationQueryRequest>')
    return etree.tostring(body), c.region.aurora.link.call("/xcpd", ITI56, body).raw


def asynchronous(c):
    body = body_of("FindDocuments", c)

    def send(url):
        root = soap.envelope(xds.ITI18, body, reply_to=url)
        kind, content = "application/soap+xml; charset=UTF-8", soap.serialise(root)
        assert c.harbour.link.post("/xds/registry", kind, content).status == 202
    return etree.tostring(body), c.region.heard("harbour", send)


def audit_search(method):
    """The newest record of Harbour's own question for a document by its id: whose document it is, and that
    there is one, is told by the record as little as by the answer."""
    def probe(c):
        asked, _ = soap_probe(c.harbour, "/xds/registry", xds.ITI18, body_of("GetDocuments", c))
        search = "date=ge2020-01-01&subtype=ITI-18&_count=1"
        with soap.Connection(c.region.hub.soap_address, c.harbour.identity, c.region.hub.ca) as connection:
            if method == "GET":
                answer = connection.exchange("GET", f"/fhir/AuditEvent?{search}")
            else:
                answer = connection.exchange("POST", "/fhir/AuditEvent/_search", [
                    ("Content-Type", "application/x-www-form-urlencoded")], search.encode())
        assert answer.status == 200 and json.loads(answer.content)["entry"], answer.content[:500]
        return asked, answer.raw
    return probe


def told(c, listener_of, trigger):
    """What a member is told of, up to a message about a patient whom nobody hides: they come in order."""
    with listener_of() as heard:
        c.region.hub.await_members()
        trigger()
        marker = Person()
        marker.feed(c.harbour)
        eventually(lambda: any(marker.number(c.harbour).encode() in raw for raw in heard()), "the marker")
        return b"".join(heard())


class Subscription:
    """Harbour's, while it lasts. Gives a function that gives what came so far."""

    def __init__(self, c, form):
        self.c, self.form = c, form

    def __enter__(self):
        region = self.c.region
        if self.form == "hl7v3":
            self.server = region.answers["harbour"]
            self.server.status, self.server.reply = 200, acknowledge
            before, address = len(self.server.received), self.server.url

            def heard():
                return [posted.raw for _, posted in self.server.received[before:]]
        else:
            self.server = Listener(region.harbour.identity, region.hub.ca)
            address = self.server.address

            def heard():
                return [m.raw for m in self.server.messages]
        region.hub.run("member", "notify", "add", "harbour", "--format", self.form, "--to", address)
        return heard

    def __exit__(self, *_):
        self.c.region.hub.run("member", "notify", "remove", "harbour", "--format", self.form)
        if self.form == "hl7v3":
            self.server.status, self.server.reply = 202, lambda message: b""
        else:
            self.server.close()


def acknowledge(message):
    body = etree.fromstring(
        f'<MCCI_IN000002UV01 xmlns="{v3.V3}" ITSVersion="XML_1.0"><id root="{uuid.uuid4()}"/>'
        '<creationTime value="20261122"/><interactionId root="2.16.840.1.113883.1.6" extension="MCCI_IN000002UV01"/>'
        '<processingCode code="P"/><processingModeCode code="T"/><acceptAckCode code="NE"/>'
        '<receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE"><id root="2.25.1"/></device></receiver>'
        '<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id root="2.25.2"/></device></sender>'
        '<acknowledgement><typeCode code="CA"/><targetMessage><id root="'
        + message.body.find(f"{{{v3.V3}}}id").get("root") + '"/></targetMessage></acknowledgement></MCCI_IN000002UV01>')
    return soap.serialise(soap.envelope(v3.ACTION.format("MCCI_IN000002UV01"), body))


def notification(form):
    """Lakeside comes to know the canary by another number as well."""
    def probe(c):
        number = f"AGAIN{c.serial:04}{form}"

        def trigger():
            answer = c.lakeside.feed("A04", c.person.patient(c.lakeside.cx(number), address=f"{c.street} 1^^Springfield"
                                                             "^IL^62701^US"))
            assert answer["MSA-1"] == "AA", answer
        return b"", told(c, lambda: Subscription(c, form), trigger)
    return probe


def links(c):
    """A patient of Lakeside, who says the same, turns out to be the canary; Harbour is told of links, and of the marker's."""
    other = known(c.lakeside)
    if c.make is not merge_one_who_denied:
        c.make(c.region, other)
    number = other.number(c.lakeside)
    c.words_of_links = {"number": number.encode()}
    one, two = Person(c.harbour), Person(c.harbour)

    def link(hospital, a, b):
        both = [f"PID|||{p.cx(hospital)}||X^Y" for p in (a, b)]
        answer = hospital.tell(mllp.message(mllp.msh(hospital.sender, "ADT^A24"), f"EVN|A24|{mllp.timestamp()}", *both))
        assert answer["MSA-1"] == "AA", answer

    with Subscription(c, "links") as heard:
        c.region.hub.await_members()
        link(c.lakeside, c.person, other)
        link(c.harbour, one, two)
        eventually(lambda: any(two.number(c.harbour).encode() in raw for raw in heard()), "the marker")
        return b"", b"".join(heard())


# (kind, name, path or "") of a door: what asks at it. Of a stored query: of each transaction that takes it.
PROBES = {
    ("transaction", "ITI-43", "/xds/repository"): lambda c: retrieve(c, c.harbour, "/xds/repository", xds.ITI43),
    ("transaction", "ITI-43", "/xca/ig/retrieve"):
        lambda c: retrieve(c, c.harbour, "/xca/ig/retrieve", xds.ITI43, home=URN),
    ("transaction", "ITI-39", "/xca/rg/retrieve"):
        lambda c: retrieve(c, c.region.aurora, "/xca/rg/retrieve", ITI39, home=URN),
    ("transaction", "ITI-9", ""): pix_v2,
    ("transaction", "ITI-21", ""): pdq_v2("Q22"),
    ("transaction", "ITI-22", ""): pdq_v2("ZV1"),
    ("transaction", "ITI-45", "/pix"): pix_v3,
    ("transaction", "ITI-47", "/pdq"): pdq_v3,
    ("transaction", "ITI-47", "/pdq", "urn:hl7-org:v3:QUQI_IN000003UV01_Continue"): pdq_v3_continued,
    ("transaction", "ITI-55", "/xcpd"): discovery,
    ("transaction", "ITI-55", "/xcpd", DEFERRED): discovery_deferred,
    ("transaction", "ITI-56", "/xcpd"): location,
    ("transaction", "ITI-81", "/fhir/AuditEvent"): audit_search("GET"),
    ("transaction", "ITI-81", "/fhir/AuditEvent/_search"): audit_search("POST"),
    ("background", "ITI-55", ""): asked_again,
    ("carrier", "SOAP", ""): asynchronous,
    ("carrier", "ITI-10", ""): notification("hl7v2"),
    ("carrier", "ITI-46", ""): notification("hl7v3"),
    ("carrier", "ITI-64", ""): links,
}
QUERY_DOORS = {"ITI-18": ("/xds/registry", "/xca/ig/query"), "ITI-51": ("/xds/registry",), "ITI-38": ("/xca/rg/query",)}
for _kind in KINDS:
    _many = _kind.endswith("MultiplePatients")
    for _transaction in ("ITI-51",) if _many else ("ITI-18", "ITI-38"):
        for _path in QUERY_DOORS[_transaction]:
            PROBES["query", _kind, _path, _transaction] = stored_query(_kind, _transaction, _path)


def words(c, door):
    """What this door may not tell of the canary."""
    name = door[1]
    if name == "ITI-55":  # a community is told of that it is known here, and of nothing more
        return {"XAD-PID": c.xad.split("^")[0].encode()}
    if name == "ITI-56":
        return {"who it is elsewhere": c.sign("elsewhere").encode(), "where": NIMBUS.encode()}
    if name == "ITI-64":
        return c.words_of_links
    if name == "ITI-81":
        return {**c.words, "XAD-PID": c.xad.split("^")[0].encode(), "that something is hidden": b"ithheld"}
    return c.words


@pytest.mark.parametrize("door", PROBES, ids=lambda d: " ".join(filter(None, d[1:])))
def test_a_door_tells_what_the_policy_lets_it_and_else_not_a_word(door, canary):
    asked, answered = PROBES[door](canary)
    told = leaks(words(canary, door), asked, answered)
    if canary.may_be_seen:
        assert told, "the probe asks for nothing that this door tells"
    else:
        assert told == []


def test_each_door_that_discloses_has_a_probe(hub):
    """The stored queries stand for the transactions that take them."""
    queries = {d["name"] for d in hub.json("doors") if d["kind"] == "query"}
    assert queries == set(KINDS)
    without = []
    for d in hub.json("doors"):
        if d["door"] != "discloses" or d["kind"] == "query":
            continue
        if d["name"] in QUERY_DOORS:
            assert d["path"] in QUERY_DOORS[d["name"]], d
            continue
        key = d["kind"], d["name"], d["path"]
        first = [x for x in hub.json("doors") if (x["kind"], x["name"], x["path"]) == key][0]
        if key not in PROBES or (d != first and (*key, d["action"]) not in PROBES):
            without.append((*key, d["action"]))
    assert without == []


def test_each_operation_says_what_it_discloses(hub):
    assert {d["door"] for d in hub.json("doors")} <= {"discloses", "staff", "nothing"}
    assert all(d["says"] for d in hub.json("doors"))
    hub.run("doors", "--check")


def test_who_may_not_read_the_log_is_told_nothing_by_it(region):
    c = Canary(region.lakeside, region.harbour)
    with soap.Connection(region.hub.soap_address, region.hilltop.identity, region.hub.ca) as connection:
        answer = connection.exchange("GET", f"/fhir/AuditEvent?date=ge2020-01-01&patient.identifier="
                                     f"{c.xad.split('^')[0]}")
    assert answer.status == 403 and leaks(c.words, b"", answer.raw) == []


# --- the exchange's own staff --------------------------------------------------------------------

# What auditors and those who keep consents are shown of a patient: who asked, what was decided, and ids; no
# words of documents, and no demographics. Stewards compare demographics, and `xds export` is the patient's own
# copy: each leaves a record, and no member reaches them.
STAFF = {
    "audit search": ("audit", "search", "--patient"), "audit export": ("audit", "export", "--patient"),
    "audit report access": ("audit", "report", "access", "--patient"),
    "audit report disclosures": ("audit", "report", "disclosures", "--patient"),
    "consent show": ("consent", "show", "--patient"), "consent history": ("consent", "history", "--patient"),
    "consent export": ("consent", "export", "--patient"), "consent preview": ("consent", "preview", "--patient"),
    "consent decide": ("consent", "decide", "--member", "harbour", "--patient"),
}


@pytest.fixture(scope="module")
def asked_about(region):
    """One who denies; Harbour asked, and got nothing, and Lakeside too."""
    c = Canary(region.lakeside, region.harbour)
    c.region = region
    deny(region, c)
    for hospital in (c.harbour, c.lakeside):
        hospital.find(c.xad)
        hospital.retrieve((region.hub.repository, c.entry.unique_id))
    return c


@pytest.mark.parametrize("name", STAFF)
def test_staff_are_shown_no_words_of_documents_and_no_demographics(name, region, asked_about):
    said = region.hub.run(*STAFF[name], asked_about.xad, expect=None).encode()
    assert b"error" not in said[:20], said
    secret = {k: v for k, v in asked_about.words.items() if not k.endswith(("id", "uniqueId", "number"))}
    assert leaks(secret, b"", said) == []


def test_what_staff_are_shown_is_on_record(region, asked_about):
    def records():
        with psycopg2.connect(f"{region.hub.database} user=causeway_admin") as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM audit_event")
                return cursor.fetchone()[0]
    for name, arguments in STAFF.items():
        before = records()
        region.hub.run(*arguments, asked_about.xad, expect=None)
        assert records() > before, f"{name} left no record"


# --- identity ------------------------------------------------------------------------------------

def test_a_member_always_resolves_its_own_identifiers_and_the_xad_pid(canary):
    """Else it could neither publish nor record that the patient opts out."""
    c = canary
    for hospital in (c.lakeside, c.harbour):
        assert hospital.xad_pid(c.person.number(hospital)) == c.xad
        body = v3.pix_query(hospital.authority, c.person.number(hospital), [c.region.hub.xad_authority])
        assert (c.region.hub.xad_authority, c.xad.split("^")[0]) in v3.call(hospital, "/pix", body).ids()
    own = v3.call(c.harbour, "/pdq", by_name(c.person)).ids()
    assert (c.harbour.authority, c.person.number(c.harbour)) in own


def test_who_knows_nobody_of_a_patient_who_denies_finds_nobody(region):
    c = known(region.lakeside)
    deny(region, c)
    answer = v3.call(region.hilltop, "/pdq", by_name(c))
    assert answer.response == "NF" and answer.ids() == set()
    assert region.hilltop.pix(c.cx(region.lakeside)).identifiers() == []


def test_other_domains_are_told_only_to_a_member_that_registered_for_them(region):
    """Lakeside's is not among Harbour's domains of interest: the number is not told, whatever consent allows."""
    c = Canary(region.lakeside, region.harbour)
    c.region = region
    doors = [d for d in PROBES if d[1] in ("ITI-9", "ITI-21", "ITI-22", "ITI-45", "ITI-47")]
    region.hub.run("member", "domain", "add", "harbour", "--domain", region.hilltop.authority)
    region.hub.await_members()
    try:
        assert [d for d in doors if leaks({"number": c.words["number"]}, *PROBES[d](c))] == []
    finally:
        region.hub.run("member", "domain", "remove", "harbour", "--domain", region.hilltop.authority)
        region.hub.await_members()
