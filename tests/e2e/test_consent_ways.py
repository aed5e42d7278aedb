"""Consents that come from elsewhere: BPPC documents through XDS, and FHIR Consents."""
import json

import psycopg2
import pytest

from hospital import xds
from hospital.hub import Failed
from people import cda, known

IHE = "1.3.6.1.4.1.19376.1.2.3"
BPPC = xds.Code("urn:ihe:iti:bppc:2007", IHE)
SCANNED = xds.Code("urn:ihe:iti:bppc-sd:2007", IHE)
OPT_OUT, OPT_IN, UNKNOWN = "1.2.840.99.1", "1.2.840.99.2", "1.2.840.99.9"
POLICIES = "1.2.840.99"


@pytest.fixture(scope="module", autouse=True)
def policies(hub):
    hub.run("consent", "policy", "add", OPT_OUT, "--effect", "deny", "--name", "opt-out")
    hub.run("consent", "policy", "add", OPT_IN, "--effect", "permit", "--name", "opt-in")


@pytest.fixture
def person(lakeside, harbour):
    """Has a document of Lakeside's, which Harbour sees in an opt-out domain."""
    person = known(lakeside, harbour)
    person.entry, response = lakeside.publish(person.xad, cda("plain"))
    assert response.ok, response
    assert sees(harbour, person)
    return person


def sees(hospital, person):
    """Both by ITI-18 and by ITI-43, or by neither."""
    found = hospital.find(person.xad)
    retrieved = hospital.retrieve((hospital.hub.repository, person.entry.unique_id))
    assert person.entry.unique_id in found.unique_ids or not retrieved.documents
    assert bool(retrieved.documents) == (person.entry.unique_id in found.unique_ids)
    return bool(retrieved.documents)


def consent_cda(cx, *policies, body="<text>I have read it</text>"):
    number, authority = cx.split("^^^&")
    acts = "".join(
        f'<documentationOf typeCode="DOC"><serviceEvent classCode="ACT" moodCode="EVN">'
        f'<templateId root="1.3.6.1.4.1.19376.1.5.3.1.2.6"/><code code="{p}"/></serviceEvent>'
        f'</documentationOf>' for p in policies)
    return (f'<ClinicalDocument xmlns="urn:hl7-org:v3"><templateId root="1.3.6.1.4.1.19376.1.5.3.1.1.7"/>'
            f'<recordTarget><patientRole><id extension="{number}" root="{authority.split("&")[0]}"/>'
            f'</patientRole></recordTarget>{acts}<component><nonXMLBody>{body}</nonXMLBody></component>'
            f'</ClinicalDocument>').encode()


def consent_entry(hospital, person, *policies, content=None, **changes):
    cx = person.cx(hospital)
    return xds.Entry(person.xad, content or consent_cda(cx, *policies), **{
        "id": xds.new_urn(), "format_code": BPPC, "title": "Consent", "source_patient_id": cx,
        "events": [xds.Code(p, POLICIES) for p in policies], **changes})


def file_consent(hospital, person, *policies, replaces=None, **changes):
    entry = consent_entry(hospital, person, *policies, **changes)
    relations = [(xds.RPLC, entry.id, replaces.id)] if replaces else []
    return entry, hospital.provide(xds.Submission(person.xad, [entry], relations=relations))


def open_flags(hub, entry):
    return [f["element"] for f in hub.json("consent", "flags", "list")
            if f["origin"] == entry.id.removeprefix("urn:uuid:")]


def memberships(hub, entry):
    """Associations that touch it, by the database: no query shows what its patient denies."""
    with psycopg2.connect(f"{hub.database} user=causeway_admin") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT entry_uuid FROM xds_association WHERE target_uuid = %s",
                       [entry.id.removeprefix("urn:uuid:")])
        return [f"urn:uuid:{row[0]}" for row in cursor.fetchall()]


# --- BPPC ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", [BPPC, SCANNED], ids=["bppc", "bppc-sd"])
def test_a_consent_document_changes_what_another_member_sees_on_the_next_request(form, lakeside, harbour,
                                                                               person):
    entry, response = file_consent(lakeside, person, OPT_OUT, format_code=form)
    assert response.ok, response
    assert not sees(harbour, person)
    assert entry.unique_id not in harbour.find(person.xad).unique_ids


def test_it_ceases_when_a_document_replaces_it(lakeside, harbour, person):
    entry, response = file_consent(lakeside, person, OPT_OUT)
    assert response.ok and not sees(harbour, person)
    newer, response = file_consent(lakeside, person, OPT_IN, replaces=entry)
    assert response.ok, response
    assert sees(harbour, person)


def test_it_ceases_when_it_is_deprecated_and_holds_again_when_it_is_approved(lakeside, harbour, person):
    entry, response = file_consent(lakeside, person, OPT_OUT)
    assert response.ok and not sees(harbour, person)

    def restate(before, after):
        response = lakeside.update(xds.Submission(person.xad, statuses=[(entry.id, before, after)]))
        assert response.ok, response

    restate(xds.APPROVED, xds.DEPRECATED)
    assert sees(harbour, person)
    restate(xds.DEPRECATED, xds.APPROVED)
    assert not sees(harbour, person)


def test_it_ceases_when_it_is_removed(hub, lakeside, harbour, person):
    entry = consent_entry(lakeside, person, OPT_OUT)
    submission = xds.Submission(person.xad, [entry], id=xds.new_urn())
    assert lakeside.provide(submission).ok and not sees(harbour, person)
    response = lakeside.remove_metadata(entry.id, submission.id, *memberships(hub, entry))
    assert response.ok, response
    assert sees(harbour, person)


def test_a_new_version_of_its_metadata_is_a_new_acknowledgement(lakeside, harbour, person, hub):
    entry, response = file_consent(lakeside, person, OPT_OUT)
    assert response.ok and not sees(harbour, person)
    newer = consent_entry(lakeside, person, OPT_IN, content=entry.content, unique_id=entry.unique_id,
                          lid=entry.id, previous="1", hash=entry.sha1(), size=str(len(entry.content)),
                          repository=hub.repository)
    response = lakeside.update(xds.Submission(person.xad, [newer], id=xds.new_urn()))
    assert response.ok, response
    assert sees(harbour, person)


def test_service_times_are_its_validity(lakeside, harbour, person):
    _, response = file_consent(lakeside, person, OPT_OUT, service_start="20200101",
                               service_stop="20201231")
    assert response.ok
    assert sees(harbour, person)
    _, response = file_consent(lakeside, person, OPT_OUT, service_start="20200101")
    assert response.ok
    assert not sees(harbour, person)


@pytest.mark.parametrize("policies", [(UNKNOWN,), (OPT_IN, UNKNOWN), ()], ids=["unknown", "one of two", "none"])
def test_a_policy_that_the_domain_does_not_know_denies_and_is_flagged(policies, hub, lakeside, harbour,
                                                                    person):
    content = consent_cda(person.cx(lakeside), *(policies or (OPT_IN,)))
    entry, response = file_consent(lakeside, person, *policies, content=content)
    assert response.ok, response
    assert not sees(harbour, person)
    assert open_flags(hub, entry) == ([f"eventCodeList: policy {UNKNOWN}"] if policies else ["eventCodeList"])
    policy = next(f["policy"] for f in hub.json("consent", "flags", "list")
                  if f["origin"] == entry.id.removeprefix("urn:uuid:"))
    hub.run("consent", "flags", "resolve", policy, "--note", "asked the patient")
    assert not open_flags(hub, entry)


def test_who_may_file_for_whom_is_checked(hub, lakeside, harbour, person):
    entry = consent_entry(lakeside, person, OPT_OUT, source_patient_id=person.xad)
    response = lakeside.provide(xds.Submission(person.xad, [entry]))
    assert not response.ok and "may not file" in response.errors[0].context
    # Harbour names Lakeside's identifier: it is none of its own.
    entry = consent_entry(lakeside, person, OPT_OUT)
    assert not harbour.provide(xds.Submission(person.xad, [entry])).ok
    hub.run("xds", "source", "harbour", "--consents", "any")
    try:
        entry = consent_entry(lakeside, person, OPT_OUT)
        assert harbour.provide(xds.Submission(person.xad, [entry])).ok
        hub.run("xds", "source", "harbour", "--consents", "none")
        assert not harbour.provide(xds.Submission(person.xad, [consent_entry(harbour, person, OPT_IN)])).ok
    finally:
        hub.run("xds", "source", "harbour", "--consents", "own")


def test_a_source_whose_consents_are_off_files_plain_documents(hub, lakeside, harbour, person):
    hub.run("xds", "source", "lakeside", "--consents", "off")
    try:
        _, response = file_consent(lakeside, person, OPT_OUT, content=cda("a leaflet"))
        assert response.ok and sees(harbour, person)
    finally:
        hub.run("xds", "source", "lakeside", "--consents", "own")


def test_nobody_else_ends_a_consent_by_replacing_it(lakeside, harbour, person):
    entry, response = file_consent(lakeside, person, OPT_OUT)
    assert response.ok
    plain = xds.Entry(person.xad, cda("instead"), id=xds.new_urn())
    response = harbour.provide(xds.Submission(person.xad, [plain],
                                              relations=[(xds.RPLC, plain.id, entry.id)]))
    assert not response.ok
    assert not sees(harbour, person)


@pytest.mark.parametrize("content", [
    lambda p, h: cda("no consent"),
    lambda p, h: b"%PDF-1.4 no XML",
    lambda p, h: consent_cda("SOMEBODY^^^&1.2.3&ISO", OPT_OUT),
    lambda p, h: consent_cda(p.cx(h), OPT_IN),
], ids=["no consent act", "no CDA", "another patient", "another policy"])
def test_a_header_that_contradicts_the_metadata_is_refused(content, lakeside, harbour, person):
    _, response = file_consent(lakeside, person, OPT_OUT, content=content(person, lakeside))
    assert not response.ok and "XDSRepositoryMetadataError" in response.codes
    assert sees(harbour, person)


def test_registered_from_another_repository_the_metadata_are_enough(lakeside, harbour, person):
    entry = consent_entry(lakeside, person, OPT_OUT, content=b"elsewhere", repository="1.2.3.4.99")
    entry.hash, entry.size = entry.sha1(), str(len(entry.content))
    response = lakeside.register(xds.Submission(person.xad, [entry]))
    assert response.ok, response
    assert not sees(harbour, person)


# --- FHIR ------------------------------------------------------------------------------------------

ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
TREATMENT = [{"system": ACT_REASON, "code": "TREAT"}]


def fhir(id, provision, **changes):
    return {"resourceType": "Consent", "id": id, "status": "active",
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope",
                                  "code": "patient-privacy"}]},
            "patient": {"reference": "Patient/p"}, "provision": provision, **changes}


@pytest.fixture
def take(hub, tmp_path, person):
    def take(resource):
        path = tmp_path / "consent.json"
        path.write_text(json.dumps(resource))
        return hub.json("consent", "import", "--patient", person.xad, path)
    return take


def test_an_imported_consent_holds_on_the_next_request_until_its_status_ends_it(take, harbour, person):
    made = take(fhir("one", {"type": "deny", "purpose": TREATMENT}))
    assert len(made["policies"]) == 1 and made["flags"] == 0
    assert not sees(harbour, person)
    made = take(fhir("one", {"type": "deny", "purpose": TREATMENT}, status="inactive"))
    assert made["policies"] == [] and made["ended"] == 1
    assert sees(harbour, person)


def test_the_same_resource_again_replaces_what_it_said(take, harbour, person):
    take(fhir("one", {"type": "deny"}))
    assert not sees(harbour, person)
    assert take(fhir("one", {"type": "permit"}))["ended"] == 1
    assert sees(harbour, person)


def test_a_purpose_that_is_not_denied_is_not_touched(take, harbour, person):
    take(fhir("one", {"type": "deny", "purpose": [{"system": ACT_REASON, "code": "HRESCH"}]}))
    assert sees(harbour, person)


def test_an_actor_is_a_member(take, lakeside, harbour, person):
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
    made = take(fhir("one", {"type": "deny", "actor": [
        {"role": role, "reference": {"reference": "Organization/harbour"}}]}))
    assert made["flags"] == 0
    assert not sees(harbour, person) and sees(lakeside, person)


def test_data_by_label_are_denied_and_the_rest_is_shown(take, lakeside, harbour, person):
    secret, response = lakeside.publish(person.xad, cda("secret"), confidentiality=[
        xds.Code("R", "2.16.840.1.113883.5.25")])
    assert response.ok
    take(fhir("one", {"type": "permit", "purpose": TREATMENT, "securityLabel": [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}]}))
    found = harbour.find(person.xad).unique_ids
    assert person.entry.unique_id in found and secret.unique_id not in found


def test_a_value_set_labels_what_is_registered_already_from_the_next_request_on(take, hub, lakeside, harbour,
                                                                              person, tmp_path):
    secret, response = lakeside.publish(person.xad, cda("programme"), events=[
        xds.Code("F10.20", "2.16.840.1.113883.6.90")])
    assert response.ok
    take(fhir("one", {"type": "permit", "provision": [{"type": "deny", "securityLabel": [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SUD"}]}]}))
    assert secret.unique_id in harbour.find(person.xad).unique_ids
    codes = tmp_path / "sud.csv"
    codes.write_text("# labels: ETH\nevent,http://hl7.org/fhir/sid/icd-10-cm,F10*,alcohol\n")
    hub.run("consent", "labels", "load", "TEST", codes)
    try:
        found = harbour.find(person.xad).unique_ids
        assert person.entry.unique_id in found and secret.unique_id not in found
    finally:
        hub.run("consent", "labels", "remove", "TEST")
    assert secret.unique_id in harbour.find(person.xad).unique_ids


@pytest.mark.parametrize("changes, element", [
    ({"modifierExtension": [{"url": "http://x"}]}, "Consent.modifierExtension"),
    ({"provision": {"type": "permit", "class": [{"system": "s", "code": "c"}]}}, "Consent.provision.class[0]"),
    ({"provision": {"type": "permit", "actor": [
        {"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": "Group/nobody"}}]}},
     "Consent.provision.actor[0]"),
    ({"scope": {"coding": [{"code": "research"}]}}, "Consent.scope"),
], ids=["modifierExtension", "class", "unresolvable actor", "scope"])
def test_what_is_not_understood_denies_everyone_and_is_flagged(changes, element, take, hub, harbour, person):
    resource = {**fhir("strange", {"type": "permit"}), **changes}
    made = take(resource)
    assert made["flags"] == 1
    assert not sees(harbour, person)
    flags = [f["element"] for f in hub.json("consent", "flags", "list") if f["policy"] == made["policies"][0]]
    assert flags == [element]


def test_what_was_imported_is_exported_as_it_came(take, hub, person):
    resource = fhir("kept", {"type": "deny", "purpose": TREATMENT}, dateTime="2026-01-01")
    take(resource)
    take(fhir("other", {"type": "permit"}))
    lines = hub.run("consent", "export", "--patient", person.xad).splitlines()
    assert resource in [json.loads(line) for line in lines] and len(lines) == 2


def test_a_consent_of_another_patient_is_refused(take, hub, person, lakeside):
    other = known(lakeside)
    number, authority = other.xad.split("^^^&")
    resource = fhir("one", {"type": "permit"}, patient={"identifier": {
        "system": f"urn:oid:{authority.split('&')[0]}", "value": number}})
    with pytest.raises(Failed, match="another patient"):
        take(resource)
