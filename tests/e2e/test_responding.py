"""Answering other communities: ITI-55 at /xcpd, ITI-38, 39 and 80 below /xca/rg."""
import functools
import uuid

import pytest
from lxml import etree

from hospital import hl7v3 as v3
from hospital import soap, xds
from hospital.answers import Answers
from hospital.community import ITI38, ITI39
from hospital.hub import HOME
from people import cda, known

ITI80 = "urn:ihe:iti:2015:CrossGatewayDocumentProvide"
ITI55 = "urn:hl7-org:v3:PRPA_IN201305UV02:CrossGatewayPatientDiscovery"
DEFERRED = "urn:hl7-org:v3:PRPA_IN201305UV02:Deferred:CrossGatewayPatientDiscovery"
URN = f"urn:oid:{HOME}"
XCPD = "urn:ihe:iti:xcpd:2009"
SETTINGS = {"discovery_matches": 2, "outbox_kept": 4}


@functools.lru_cache
def schema(folder, interaction):
    return etree.XMLSchema(etree.parse(f"{folder}/{interaction}.xsd"))


@pytest.fixture(scope="module")
def aurora(hub, lakeside):
    aurora = hub.enrol("aurora", "2.16.840.1.1")
    hub.run("community", "add", "aurora", "--home", "2.16.840.1.1")
    hub.run("member", "agreement", "add", "aurora", "--all", "--party", "aurora")
    hub.await_members()
    return aurora


@pytest.fixture
def valid(data):
    """Validates a v3 message against the normative schemas."""
    folder = data("ihe/schemas/hl7v3/schema/HL7V3/NE2008/multicacheschemas")

    def check(root):
        root = etree.fromstring(etree.tostring(root))
        schema(folder, etree.QName(root).localname).assertValid(root)
    return check


@pytest.fixture
def discover(aurora, valid):
    def go(*parameters, well_formed=True, **options):
        body = v3.pdq_query(list(parameters))
        if well_formed:
            valid(body)
        answer = v3.call(aurora, "/xcpd", body, ITI55, **options)
        valid(answer.root)
        assert answer.interaction == "PRPA_IN201306UV02"
        assert answer.soap.header("Action") == ITI55.replace("201305", "201306")
        return answer
    return go


def sex(code):
    return "livingSubjectAdministrativeGender", f'<value code="{code}"/>'


def birth(day):
    return "livingSubjectBirthTime", f'<value value="{day}"/>'


def theirs(number):
    return "livingSubjectId", f'<value root="2.16.840.1.1.5" extension="{number}"/>'


def named(family, given):
    return "livingSubjectName", f"<value><given>{given}</given><family>{family}</family></value>"


def who(p):
    return birth(p.birth), theirs(p.serial), named(p.family, p.given)


def wanted(answer):
    return answer.all("./controlActProcess/reasonOf/detectedIssueEvent/triggerFor/actOrderRequired/code/@code")


def trouble(answer):
    return answer.all("./controlActProcess/reasonOf/detectedIssueEvent/mitigatedBy/detectedIssueManagement/code/@code")


def call(community, path, action, body, **options):
    return xds.Response(community.link.call(path, action, body, **options))


def query(community, body, home=None):
    if home:
        body.find(f"{{{xds.RIM}}}AdhocQuery").set("home", home)
    return call(community, "/xca/rg/query", ITI38, body)


def published(person, hospital, title="a summary"):
    entry = xds.Entry(person.xad, cda(f"{title} {uuid.uuid4()}"), title=title)
    assert hospital.provide(xds.Submission(person.xad, [entry])).ok
    return entry


# --- ITI-55 --------------------------------------------------------------------------------------

def test_a_match_tells_the_identifier_the_home_and_no_more_than_the_profile_wants(hub, lakeside, discover):
    p = known(lakeside)
    answer = discover(*who(p))
    assert (answer.ack, answer.response, len(answer.patients)) == ("AA", "OK", 1)
    assert answer.ids() == {(hub.xad_authority, p.xad.split("^")[0])}
    assert answer.value(".//patientPerson/name/family").text == p.family
    assert answer.value(".//patientPerson/birthTime/@value") == p.birth
    assert answer.all(".//patientPerson/addr") == answer.all(".//patientPerson/telecom") == []
    assert answer.value(".//custodian/assignedEntity/id/@root") == HOME
    assert answer.value(".//custodian/assignedEntity/code/@code") == "NotHealthDataLocator"
    life = answer.soap.root.find(f".//{{{XCPD}}}CorrelationTimeToLive")
    assert life.text == "P7D" and etree.QName(life.getparent()).localname == "Header"


def test_nobody_is_found_who_differs_in_name_or_birth_date(lakeside, discover):
    p = known(lakeside)
    for asked in ((birth("19000101"), named(p.family, p.given)), (birth(p.birth), named("Zzyzx", "Quentin"))):
        answer = discover(*asked)
        assert (answer.ack, answer.response, answer.patients) == ("AA", "NF", [])
        assert answer.soap.root.find(f".//{{{XCPD}}}CorrelationTimeToLive") is None


def alike(lakeside, count, family):
    for i in range(count):
        v3.call(lakeside, "/pix", v3.feed("PRPA_IN201301UV02", [(lakeside.authority, f"{family}-{i}")], v3.person(
            family, "Thekla", "19440404", "F",
            f"<addr><streetAddressLine>{i} Quay</streetAddressLine><city>Town{'abcdef'[i] * 4}</city></addr>")))


def test_several_who_fit_are_told_up_to_the_limit_and_behind_it_more_is_asked_for(lakeside, discover):
    alike(lakeside, 2, "Twofold")
    found = discover(birth("19440404"), named("Twofold", "Thekla"))
    alike(lakeside, 3, "Threefold")
    many = discover(birth("19440404"), named("Threefold", "Thekla"))
    if len(found.patients) == 2:  # else the index holds them for one person
        assert (found.ack, found.response) == ("AA", "OK")
    assert (many.ack, many.response, many.patients) == ("AA", "OK", [])
    assert wanted(many) == ["LivingSubjectAdministrativeGenderRequested", "PatientAddressRequested",
                            "PatientTelecomRequested", "MothersMaidenNameRequested"]


def test_a_question_without_name_or_birth_date_is_an_error(lakeside, discover):
    p = known(lakeside)
    for asked in ((birth(p.birth),), (named(p.family, p.given),), (birth(p.birth), named("*", p.given))):
        answer = discover(*asked)
        assert (answer.ack, answer.response, trouble(answer)) == ("AE", "AE", ["AnswerNotAvailable"])
        assert answer.patients == []


def test_an_address_that_has_changed_hides_nobody(lakeside, discover):
    p = known(lakeside)
    moved = ("patientAddress", "<value><streetAddressLine>1 Other Rd</streetAddressLine><city>Elsewhere</city></value>")
    assert len(discover(*who(p), moved).patients) == 1


def test_the_agreement_says_what_else_is_told(hub, aurora, lakeside, discover):
    p = known(lakeside)
    hub.run("community", "set", "aurora", "--tell", "address", "--tell", "telecom")
    hub.await_members()
    try:
        answer = discover(*who(p))
        assert answer.value(".//patientPerson/addr/city").text == "Springfield"
        assert answer.all(".//patientPerson/telecom")
    finally:
        hub.run("community", "set", "aurora", "--tell", "nothing")
        hub.await_members()
    assert discover(*who(p)).all(".//patientPerson/addr") == []


def test_who_hides_from_the_community_is_not_found(hub, lakeside, discover, aurora):
    p = known(lakeside)
    hub.run("consent", "set", "--patient", p.xad, "--deny")
    answer = discover(*who(p))
    assert (answer.response, answer.patients) == ("NF", [])


def test_a_discovery_is_on_record_for_each_patient_who_was_told_of(hub, lakeside, discover):
    p = known(lakeside)
    discover(*who(p))
    row = hub.audit(transaction="ITI-55")[-1]
    assert (row["member"]["name"], row["outcome"]) == ("aurora", 0), row
    assert row["patient"] == p.xad


def test_a_hub_that_is_no_health_data_locator_tells_nobody_where_else_patients_are(hub, aurora, lakeside):
    """What one tells that is: tests/e2e/test_xca.py."""
    p = known(lakeside)
    body = etree.fromstring(
        f'<PatientLocationQueryRequest xmlns="{XCPD}"><RequestedPatientId root="{hub.xad_authority}" '
        f'extension="{p.xad.split("^")[0]}"/></PatientLocationQueryRequest>')
    answer = aurora.link.call("/xcpd", "urn:ihe:iti:2009:PatientLocationQuery", body)
    assert etree.QName(answer.body).localname == "Fault" and b"no health data locator" in answer.raw


def test_a_deferred_answer_is_asked_for_by_its_own_action(aurora, lakeside, valid):
    body = v3.pdq_query(list(who(known(lakeside))))
    body.find(f".//{{{v3.V3}}}responsePriorityCode").set("code", "D")
    answer = v3.call(aurora, "/xcpd", body, ITI55)
    valid(answer.root)
    assert (answer.ack, answer.response) == ("AE", "AE") and b"deferred" in answer.soap.raw


def deferred(p, address):
    body = v3.pdq_query(list(who(p)))
    body.find(f"{{{v3.V3}}}sender").addprevious(etree.fromstring(
        f'<respondTo xmlns="{v3.V3}" typeCode="RSP"><telecom value="{address}"/>'
        '<entityRsp classCode="ENT" determinerCode="INSTANCE"><id root="2.16.840.1.1"/></entityRsp></respondTo>'))
    return body


def test_a_deferred_question_is_acknowledged_and_answered_later(hub, aurora, lakeside, valid):
    p = known(lakeside)
    with Answers(hub.authority.issue("aurora-answers", server=True), hub.ca) as answers:
        hub.run("member", "reply-to", "add", "aurora", "--address", answers.url)
        hub.await_members()
        body = deferred(p, answers.url)
        valid(body)
        answer = v3.call(aurora, "/xcpd", body, DEFERRED)
        assert (answer.interaction, answer.ack) == ("MCCI_IN000002UV01", "AA")
        got = answers.wait(1)[0]
        assert got.header("Action") == DEFERRED.replace("201305", "201306")
        valid(got.body)
        assert v3.Answer(got).ids() == {(hub.xad_authority, p.xad.split("^")[0])}
        hub.run("member", "reply-to", "remove", "aurora", "--address", answers.url)
        hub.await_members()
        refused = v3.call(aurora, "/xcpd", body, DEFERRED)
        assert (refused.interaction, refused.ack) == ("MCCI_IN000002UV01", "AE")


def test_no_more_deferred_answers_are_kept_than_may_be(hub, aurora, lakeside):
    p = known(lakeside)
    with Answers(hub.authority.issue("aurora-full", server=True), hub.ca) as answers:
        answers.status = 503
        hub.run("member", "reply-to", "add", "aurora", "--address", answers.url)
        hub.await_members()
        acks = [v3.call(aurora, "/xcpd", deferred(p, answers.url), DEFERRED).ack for _ in range(6)]
        assert acks == ["AA"] * 4 + ["AE"] * 2
        assert v3.call(aurora, "/xcpd", v3.pdq_query(list(who(p))), ITI55).ack == "AA"
        hub.run("member", "reply-to", "remove", "aurora", "--address", answers.url)
        hub.await_members()


def test_each_transaction_answers_asynchronously_too(hub, aurora, lakeside, valid):
    p = known(lakeside)
    entry = published(p, lakeside)
    with Answers(hub.authority.issue("aurora-async", server=True), hub.ca) as answers:
        hub.run("member", "reply-to", "add", "aurora", "--address", answers.url)
        hub.await_members()

        def post(path, action, body, mtom=False):
            root = soap.envelope(action, body, reply_to=answers.url)
            kind, content = (soap.multipart(root, {}) if mtom else
                             ("application/soap+xml; charset=UTF-8", soap.serialise(root)))
            assert aurora.link.post(path, kind, content).status == 202

        post("/xcpd", ITI55, v3.pdq_query(list(who(p))))
        post("/xca/rg/query", ITI38, xds.find_documents(p.xad))
        post("/xca/rg/retrieve", ITI39, xds.retrieve([(hub.repository, entry.unique_id)], home=URN), mtom=True)
        found, listed, fetched = answers.wait(3)
        valid(found.body)
        assert [e.unique_id for e in xds.Response(listed).entries] == [entry.unique_id]
        assert [d.content for d in xds.Response(fetched).documents] == [entry.content]
        hub.run("member", "reply-to", "remove", "aurora", "--address", answers.url)
        hub.await_members()


# --- ITI-38 and 39 -------------------------------------------------------------------------------

def test_every_object_of_an_answer_has_the_home(aurora, lakeside):
    p = known(lakeside)
    published(p, lakeside)
    for kind in ("LeafClass", "ObjectRef"):
        answer = query(aurora, xds.find_documents(p.xad, return_type=kind))
        assert answer.status == xds.SUCCESS
        objects = answer.answer.body.find(f"{{{xds.RIM}}}RegistryObjectList")
        assert len(objects) == 1 and {o.get("home") for o in objects} == {URN}


def test_what_is_asked_by_objects_has_to_name_this_home(aurora, lakeside):
    entry = published(known(lakeside), lakeside)
    ask = functools.partial(xds.get_documents, [entry.unique_id])
    assert [e.unique_id for e in query(aurora, ask(), URN).entries] == [entry.unique_id]
    for home, code in ((None, "XDSMissingHomeCommunityId"), ("urn:oid:9.9.9", "XDSUnknownCommunity")):
        answer = query(aurora, ask(), home)
        assert (answer.status, answer.codes) == (xds.FAILURE, [code])
        assert [e.location for e in answer.errors] == [URN]


def test_patients_are_asked_for_by_the_identifier_of_this_community_alone(aurora, lakeside):
    p = known(lakeside)
    published(p, lakeside)
    assert query(aurora, xds.find_documents(p.cx(lakeside))).codes == ["XDSUnknownPatientId"]
    assert query(aurora, xds.find_documents(p.xad), "urn:oid:9.9.9").codes == ["XDSUnknownCommunity"]


def test_documents_are_fetched_by_home_and_each_failure_is_named(hub, aurora, lakeside):
    entry = published(known(lakeside), lakeside)
    wanted = [(hub.repository, entry.unique_id), (hub.repository, "1.2.3.4.5")]

    def fetch(home):
        return call(aurora, "/xca/rg/retrieve", ITI39, xds.retrieve(wanted, home=home), mtom=True)
    answer = fetch(URN)
    assert answer.status == xds.PARTIAL and [d.content for d in answer.documents] == [entry.content]
    assert answer.answer.body.findtext(f".//{{{xds.XDSB}}}HomeCommunityId") == URN
    assert [(e.code, e.location) for e in answer.errors] == [("XDSDocumentUniqueIdError", f"1.2.3.4.5 {URN}")]
    nowhere = fetch(None)
    assert [(e.code, e.location) for e in nowhere.errors] == [("XDSMissingHomeCommunityId", f"{entry.unique_id} {URN}")]
    assert set(fetch("urn:oid:9.9.9").codes) == {"XDSUnknownCommunity"}


def test_consent_hides_from_a_community_what_is_there(hub, aurora, lakeside):
    p = known(lakeside)
    entry = published(p, lakeside)
    hub.run("consent", "set", "--patient", p.xad, "--deny")
    assert query(aurora, xds.find_documents(p.xad)).entries == []
    fetched = call(aurora, "/xca/rg/retrieve", ITI39, xds.retrieve([(hub.repository, entry.unique_id)], home=URN),
                   mtom=True)
    assert fetched.codes == ["XDSDocumentUniqueIdError"]
    assert [r["transaction"] for r in hub.audit(member="aurora")][-2:] == ["ITI-38", "ITI-39"]


# --- ITI-80 --------------------------------------------------------------------------------------

def test_the_obligations_of_a_label_go_to_other_communities_too(hub, aurora, lakeside):
    p = known(lakeside)
    sud = xds.Entry(p.xad, cda("treated"), confidentiality=[xds.Code("SUD", "2.16.840.1.113883.5.4")])
    assert lakeside.provide(xds.Submission(p.xad, [sud])).ok
    fetched = call(aurora, "/xca/rg/retrieve", ITI39, xds.retrieve([(hub.repository, sud.unique_id)], home=URN), mtom=True)
    for answer in (query(aurora, xds.find_documents(p.xad)), fetched):
        assert answer.ok and xds.response_slots(answer)["urn:causeway:obligations"] == ["no-redisclosure"]


def provide(community, submission, home=None):
    body, parts = submission.provide()
    headers = ()
    if home:
        block = etree.Element("{urn:ihe:iti:xdr:2014}homeCommunityBlock")
        etree.SubElement(block, "{urn:ihe:iti:xdr:2014}homeCommunityId").text = home
        headers = (block,)
    root = soap.envelope(ITI80, body, headers=headers)
    kind, content = soap.multipart(root, parts)
    return xds.Response(soap.read(community.link.post("/xca/rg/provide", kind, content)))


def test_another_community_provides_documents(aurora, lakeside):
    p = known(lakeside)
    entry = xds.Entry(p.xad, cda("from aurora"))
    assert provide(aurora, xds.Submission(p.xad, [entry]), URN).ok
    assert entry.unique_id in {e.unique_id for e in query(aurora, xds.find_documents(p.xad)).entries}
    other = provide(aurora, xds.Submission(p.xad, [xds.Entry(p.xad, cda("astray"))]), "urn:oid:9.9.9")
    assert other.codes == ["XDSUnknownCommunity"]


# --- the doors -----------------------------------------------------------------------------------

def test_each_door_serves_members_or_communities_and_says_so(hub, aurora, lakeside):
    p = known(lakeside)
    for caller, path, action in ((aurora, "/xds/registry", xds.ITI18), (aurora, "/xca/ig/query", xds.ITI18),
                                 (lakeside, "/xca/rg/query", ITI38)):
        answer = caller.link.call(path, action, xds.find_documents(p.xad))
        assert answer.fault and "This door is for" in answer.fault_text
        assert hub.audit(member=caller.name)[-1]["outcome"] == 8
    assert lakeside.link.call("/xcpd", ITI55, v3.pdq_query(list(who(p)))).fault
