"""What went wrong in other consent engines, each by the name of the engine, proven not to go wrong here.

The list is of published sources, read: LEAP's CES and CDS, ASU SHARES, SanteDB, Google's Healthcare API,
HAPI FHIR and its starter project.
"""
import itertools
import json

import psycopg2
import pytest

from canary import Canary, leaks
from hospital import mllp, soap, xds
from people import Person, cda, known, masked

ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
HARBOUR = {"role": {"coding": [{"system": PARTICIPATION, "code": "IRCP"}]},
           "reference": {"reference": "Organization/harbour"}}


@pytest.fixture
def take(hub, tmp_path):
    """Takes a FHIR Consent of this patient."""
    def take(person, id, provision, **changes):
        path = tmp_path / "consent.json"
        path.write_text(json.dumps({
            "resourceType": "Consent", "id": id, "status": "active", "scope": {"coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
            "patient": {"reference": "Patient/p"}, "provision": provision, **changes}))
        return hub.json("consent", "import", "--patient", person.xad, path)
    return take


@pytest.fixture
def person(lakeside, harbour):
    """Has a document of Lakeside's."""
    person = known(lakeside, harbour)
    person.entry = published(lakeside, person)
    return person


def published(hospital, person, **attributes):
    entry, response = hospital.publish(person.xad, cda(f"of {person.serial}"), **attributes)
    assert response.ok, response
    return entry


def sees(hospital, person):
    found = person.entry.unique_id in hospital.find(person.xad).unique_ids
    assert bool(hospital.retrieve((hospital.hub.repository, person.entry.unique_id)).documents) == found
    return found


def say(hub, person, *arguments):
    return hub.json("consent", "set", "--patient", person.xad, *arguments)["policy"]


@pytest.fixture
def opt_in(hub):
    hub.run("consent", "default", "opt-in")
    yield
    hub.run("consent", "default", "opt-out")


# --- leap-fhir-ces: decisions were applied by index to another list than they were made of --------

def test_leap_ces_a_decision_belongs_to_its_object_wherever_it_stands(hub, lakeside, harbour):
    """Two patients' documents, a hidden one and one that there is not, in every order."""
    one, two, hidden = (known(lakeside, harbour) for _ in range(3))
    shown = [published(lakeside, p) for p in (one, two)]
    secret = published(lakeside, hidden)
    say(hub, hidden, "--deny")
    nowhere = xds.new_oid()
    wanted, refs = [e.unique_id for e in shown], None
    for order in itertools.permutations([*wanted, secret.unique_id, nowhere]):
        refs = refs or sorted(harbour.get(unique_ids=wanted, return_type="ObjectRef").refs)
        assert sorted(harbour.get(unique_ids=order, return_type="ObjectRef").refs) == refs and len(refs) == 2
        got = harbour.retrieve(*((hub.repository, uid) for uid in order))
        assert [d.unique_id for d in got.documents] == [uid for uid in order if uid in wanted]
        assert [e.location for e in got.errors] == [uid for uid in order if uid not in wanted]


# --- leap-cds: the newest consent won --------------------------------------------------------------

@pytest.mark.parametrize("order", list(itertools.permutations(["deny", "permit", "permit narrowly"])))
def test_leap_cds_a_newer_permit_does_not_erase_an_older_denial(order, hub, take, harbour, person):
    for word in order:
        if word == "deny":
            say(hub, person, "--deny")
        elif word == "permit":
            say(hub, person, "--permit")
        else:
            take(person, "narrow", {"type": "permit", "actor": [HARBOUR], "purpose": [
                {"system": ACT_REASON, "code": "TREAT"}]})
    assert not sees(harbour, person)


def test_leap_cds_what_supersedes_by_reference_does_erase(take, harbour, person):
    take(person, "one", {"type": "deny"})
    assert not sees(harbour, person)
    take(person, "one", {"type": "permit"})
    assert sees(harbour, person)


# --- leap-cds: what could not be evaluated was dropped ---------------------------------------------

def test_leap_cds_rules_that_cannot_be_read_deny_beside_a_permit(hub, take, harbour, person):
    take(person, "broken", {"type": "permit", "purpose": [{"system": ACT_REASON, "code": "TREAT"}]})
    say(hub, person, "--permit")
    assert sees(harbour, person)
    with psycopg2.connect(f"{hub.database} user=causeway_owner") as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE consent_policy SET rules = '{\"effect\":\"permit\",\"whim\":1}'"
                       " WHERE rules IS NOT NULL AND until IS NULL AND recorded_by IS NOT NULL"
                       "   AND policy_id IN (SELECT policy_id FROM consent_policy ORDER BY since DESC LIMIT 2)"
                       " RETURNING pkey, person_id")
        pkey, number = cursor.fetchone()
        cursor.execute("UPDATE consent_epoch SET epoch = epoch + 1 WHERE pkey = %s AND person_id = %s",
                       [pkey, number])
    assert not sees(harbour, person)


def test_leap_cds_policies_that_cannot_be_reached_deny(hub, harbour, person):
    assert sees(harbour, person)
    with psycopg2.connect(f"{hub.database} user=causeway_owner") as connection, connection.cursor() as cursor:
        cursor.execute("REVOKE SELECT ON consent_policy, consent_epoch FROM causeway_hub")
    try:
        answers = [harbour.link.call("/xds/registry", xds.ITI18, xds.find_documents(person.xad)),
                   harbour.link.call("/xds/repository", xds.ITI43,
                                     xds.retrieve([(hub.repository, person.entry.unique_id)]), mtom=True)]
        for answer in answers:
            assert person.entry.unique_id.encode() not in answer.raw.replace(b"location=", b"") or answer.fault
            assert person.entry.content not in answer.raw and person.entry.title.encode() not in answer.raw
    finally:
        with psycopg2.connect(f"{hub.database} user=causeway_owner") as connection, connection.cursor() as cursor:
            cursor.execute("GRANT SELECT ON consent_policy, consent_epoch TO causeway_hub")
    assert sees(harbour, person)


def test_leap_cds_an_actor_whom_nobody_knows_denies(hub, take, harbour, person):
    say(hub, person, "--permit")
    made = take(person, "stranger", {"type": "permit", "actor": [
        {"role": HARBOUR["role"], "reference": {"reference": "Organization/nobody"}}]})
    assert made["flags"] > 0 and not sees(harbour, person)


# --- leap-cds: parts of a provision were not looked at ---------------------------------------------

def nested(depth, innermost):
    """permit except deny except permit ... except `innermost`."""
    for level in range(depth, 0, -1):
        innermost = {"type": "permit" if level % 2 else "deny", "provision": [innermost]}
    return innermost


@pytest.mark.parametrize("depth", [1, 3, 5, 7])
def test_leap_cds_a_nested_provision_counts_at_every_depth(depth, take, harbour, person):
    take(person, "deep", nested(depth, {"type": "deny", "actor": [HARBOUR]}))
    assert not sees(harbour, person)


@pytest.mark.parametrize("changes", [
    {"modifierExtension": [{"url": "http://x", "valueBoolean": True}]},
    {"provision": {"type": "permit", "modifierExtension": [{"url": "http://x"}]}},
    {"provision": {"type": "permit", "phase": "of the moon"}},
    {"provision": {"type": "permit", "code": [{"text": "something"}]}},
    {"provision": {"type": "permit", "provision": [{"type": "permit", "class": [{"system": "s", "code": "c"}]}]}},
    {"provision": {"type": "permit", "data": [{"meaning": "related", "reference": {"reference": "Binary/1"}}]}},
], ids=lambda c: json.dumps(c)[:60])
def test_leap_cds_an_element_that_is_not_understood_denies_and_is_flagged(changes, take, harbour, person):
    made = take(person, "strange", **{"provision": {"type": "permit"}, **changes})
    assert made["flags"] > 0
    assert not sees(harbour, person)


@pytest.mark.parametrize("provision, may", [
    ({"type": "deny", "period": {"start": "2020-01-01", "end": "2021-01-01"}}, True),
    ({"type": "deny", "period": {"start": "2020-01-01"}}, False),
    ({"type": "permit", "provision": [{"type": "deny", "period": {"end": "2021-01-01"}}]}, True),
    ({"type": "permit", "provision": [{"type": "deny", "period": {"start": "2021-01-01"}}]}, False),
    ({"type": "permit", "provision": [{"type": "deny", "dataPeriod": {"end": "2021-01-01"}}]}, True),
    ({"type": "permit", "provision": [{"type": "deny", "dataPeriod": {"start": "2021-01-01"}}]}, False),
], ids=str)
def test_leap_cds_periods_of_provisions_and_of_data_count(provision, may, take, lakeside, harbour):
    person = known(lakeside, harbour)
    person.entry = published(lakeside, person, service_start="202601010800", service_stop="202601010900")
    take(person, "periods", provision)
    assert sees(harbour, person) == may


def test_leap_cds_who_leaves_out_a_purpose_meets_no_permit_for_one(hub, take, opt_in, harbour, person):
    """Without an assertion a member's machine asks for treatment: a permit for research is none for it."""
    take(person, "research", {"type": "permit", "purpose": [{"system": ACT_REASON, "code": "HRESCH"}]})
    assert not sees(harbour, person)


# --- asushares/cds: the caller's headers turned the rules off --------------------------------------

HEADERS = [("CDS-Redaction-Enabled", "false"), ("CDS-Confidence-Threshold", "2"), ("X-Consent-Scope", "btg=ETREAT"),
           ("X-Break-Glass", "true"), ("X-Purpose-Of-Use", "ETREAT"), ("X-Forwarded-For", "127.0.0.1"),
           ("X-Member", "lakeside"), ("Authorization", "Basic cm9vdDpyb290")]


def test_asu_no_header_of_the_caller_weakens_a_policy(hub, harbour, person):
    say(hub, person, "--deny")
    root = soap.envelope(xds.ITI18, xds.find_documents(person.xad))
    post = lambda fields: harbour.link.post(  # noqa: E731
        "/xds/registry", "application/soap+xml; charset=UTF-8", soap.serialise(root), fields)
    plain = post([])
    for fields in [[h] for h in HEADERS] + [HEADERS]:
        answer = post(fields)
        assert person.entry.unique_id.encode() not in answer.raw
        assert masked_http(answer) == masked_http(plain)


def masked_http(http):
    class Holder:
        answer = http
    return masked(Holder)


# --- SanteDB: a query by a field that may not be read, and the hits tell ---------------------------

@pytest.mark.parametrize("slot, values", [
    ("$XDSDocumentEntryClassCode", ["('SECRET^^1.2.3')"]), ("$XDSDocumentEntryTypeCode", ["('SECRET^^1.2.3')"]),
    ("$XDSDocumentEntryAuthorPerson", ["('%Whistleblower%')"]),
    ("$XDSDocumentEntryEventCodeList", ["('SECRET^^1.2.3')"]),
    ("$XDSDocumentEntryConfidentialityCode", ["('R^^2.16.840.1.113883.5.25')"]),
    ("$XDSDocumentEntryServiceStartTimeFrom", ["20260101"]),
])
def test_santedb_a_predicate_on_hidden_metadata_learns_nothing(slot, values, hub, lakeside, harbour):
    code = xds.Code("SECRET", "1.2.3", "secret")
    people = known(lakeside, harbour), known(lakeside, harbour)
    published(lakeside, people[0], class_code=code, type_code=code, events=[code], author="^Whistleblower^Wilma",
              confidentiality=[xds.Code("R", "2.16.840.1.113883.5.25")], service_start="202603010800")
    body = [(slot, values)]
    assert len(harbour.find(people[0].xad, body).entries) == 1  # the predicate hits
    for p in people:
        say(hub, p, "--deny")
    assert masked(harbour.find(people[0].xad, body)) == masked(harbour.find(people[1].xad, body))


@pytest.mark.parametrize("parameter", ["@PID.11.1^{street} 1", "@PID.13.1^{phone}", "@PID.3.1^{number}~@PID.3.4.2^1.2.840.1.1",
                                       "@PID.18.1^{visit}"])
def test_santedb_a_predicate_on_hidden_demographics_learns_nothing(parameter, hub, lakeside, harbour):
    """Harbour knows the patient itself, but neither Lakeside's number nor what Lakeside alone was told."""
    canary = Canary(lakeside, harbour)
    number = canary.person.number(lakeside)
    asked = parameter.format(street=canary.street, phone=canary.phone, number=number, visit=canary.visit)

    def pdq():
        return harbour.tell(mllp.message(
            mllp.msh(harbour.sender, "QBP^Q22^QBP_Q21", version="2.5"),
            f"QPD|IHE PDQ Query|{mllp.control_id()}|{asked}~@PID.7^{canary.person.birth}", "RCP|I"))

    hub.json("consent", "set", "--patient", canary.xad, "--deny")
    answer = pdq()
    assert answer.all("PID") == [] and answer["QAK-2"] == "NF", answer
    assert leaks(canary.words, asked.encode(), answer.raw) == []


# --- Google: nothing said was everything allowed ---------------------------------------------------

def test_google_absent_consent_denies_where_one_must_opt_in(opt_in, harbour, person):
    assert not sees(harbour, person)


def test_google_absent_agreement_denies_whatever_the_patient_permits(hub, harbour, person):
    say(hub, person, "--permit")
    hub.run("member", "agreement", "end", "region")
    try:
        assert not sees(harbour, person)
    finally:
        hub.open_region()
    assert sees(harbour, person)


def test_google_a_change_needs_no_applying(hub, harbour, person):
    """There a revocation had no effect until the consents were applied again."""
    policy = say(hub, person, "--deny")
    assert not sees(harbour, person)
    hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
    assert sees(harbour, person)


# --- the starter fork: enforcement was a no-op ------------------------------------------------------

def test_the_starter_forks_enforcement_that_was_never_registered(hub):
    """A door cannot be built without saying what it discloses, and each is heard by a canary that denies
    all (test_doors.py)."""
    import test_doors

    assert not {d["door"] for d in hub.json("doors")} - {"discloses", "staff", "nothing"}
    assert "denies all" in test_doors.POLICIES and len(test_doors.PROBES) > 40


# --- HAPI FHIR: pages and totals ---------------------------------------------------------------------

def test_hapi_counts_and_pages_are_of_what_is_visible(hub, lakeside, harbour):
    """Two who answer to a name, of whom one is Lakeside's alone and hides: one, on the only page."""
    one, hidden = known(lakeside, harbour), Person()
    answer = lakeside.feed("A04", hidden.patient(hidden.cx(lakeside), family=one.family))
    assert answer["MSA-1"] == "AA", answer
    hidden.resolve(lakeside)

    def counts():
        answer = harbour.tell(mllp.message(
            mllp.msh(harbour.sender, "QBP^Q22^QBP_Q21", version="2.5"),
            f"QPD|IHE PDQ Query|{mllp.control_id()}|@PID.5.1.1^{one.family}", "RCP|I|1^RD"))
        return len(answer.all("PID")), answer["QAK-4"], answer["QAK-5"], answer["QAK-6"], "DSC" in answer

    assert counts() == (1, "2", "1", "1", True)
    say(hub, hidden, "--deny")
    assert counts() == (1, "1", "1", "0", False)


def test_hapi_a_limit_is_of_what_is_visible(hub, lakeside, harbour, make_hub):
    """Otherwise XDSTooManyResults would count what is hidden."""
    person, hidden = known(lakeside, harbour), known(lakeside, harbour)
    ids = [published(lakeside, p).unique_id for p in (person, hidden)]
    twin = make_hub("defects_limit", twin=hub, max_results=1)
    try:
        there = type(harbour)("harbour", harbour.identity, harbour.authority, twin)
        assert there.get(unique_ids=ids).codes == ["XDSTooManyResults"]
        say(hub, hidden, "--deny")
        assert there.get(unique_ids=ids).unique_ids == ids[:1]
        there.close()
    finally:
        twin.stop()
