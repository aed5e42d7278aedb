"""ITI-81: the audit log by FHIR search, for members who may."""
import json
import re
import urllib.parse

import pytest

from hospital import soap, xds
from hospital.hub import eventually
from people import cda, known

DAY = "date=ge2020-01-01"


@pytest.fixture(scope="module")
def auditor(hub):
    member = hub.enrol("auditor", "1.2.840.1.9")
    hub.run("member", "permit", "auditor", "--audit-reader", "all")
    await_right(member)
    return member


def await_right(member):
    """The hub reads its members again within a second."""
    eventually(lambda: get(member, DAY)[0] != 403, f"{member.name} may not read")


@pytest.fixture(scope="module")
def asked(hub, lakeside, harbour):
    """A document that harbour looked for and fetched, and a query that failed."""
    person = known(lakeside, harbour)
    _, entry = lakeside.publish(person.xad, cda("audited"))
    harbour.query(xds.find_documents(person.xad))
    harbour.query(xds.find_documents(f"NOBODY^^^&{hub.xad_authority}&ISO"))
    return person


def get(member, search, path="/fhir/AuditEvent"):
    with soap.Connection(member.hub.soap_address, member.identity, member.hub.ca) as connection:
        answer = connection.exchange("GET", f"{path}?{search}")
    return answer.status, json.loads(answer.content)


def post(member, url, form, content_type="application/x-www-form-urlencoded"):
    with soap.Connection(member.hub.soap_address, member.identity, member.hub.ca) as connection:
        answer = connection.exchange("POST", f"/fhir/AuditEvent/_search{url}", [("Content-Type", content_type)],
                                     form.encode())
    return answer.status, json.loads(answer.content)


def events(bundle):
    assert bundle["resourceType"] == "Bundle" and bundle["type"] == "searchset"
    return [e["resource"] for e in bundle["entry"]]


def subtypes(event):
    return [c["code"] for c in event["subtype"]]


def token(patient):
    number, oid = re.fullmatch(r"([^^]+)\^\^\^&([^&]+)&ISO", patient).groups()
    return urllib.parse.quote(f"urn:oid:{oid}|{number}")


def test_an_auditor_finds_what_was_asked_about_a_patient(asked, auditor):
    status, bundle = get(auditor, f"{DAY}&patient.identifier={token(asked.xad)}&subtype=ITI-18")
    assert status == 200
    event = events(bundle)[0]
    assert event["type"]["code"] == "110112" and event["action"] == "E" and event["outcome"] == "0"
    client, server = event["agent"][:2]
    assert client["who"]["display"] == "harbour" and client["network"]["address"] == "127.0.0.1"
    assert server["who"]["identifier"]["value"].endswith("/xds/registry")
    kinds = [(e["type"]["code"], e.get("role", {}).get("code")) for e in event["entity"]]
    assert kinds == [("XrequestId", None), ("1", "1"), ("2", "24")]
    assert event["entity"][1]["what"]["identifier"]["value"] == asked.xad.split("^")[0]


@pytest.mark.parametrize("search, check", [
    ("type=110107", lambda e: e["type"]["code"] == "110107"),
    ("action=C", lambda e: e["action"] == "C"),
    ("outcome=8", lambda e: e["outcome"] == "8"),
    ("outcome=0&subtype=ITI-18", lambda e: e["outcome"] == "0" and "ITI-18" in subtypes(e)),
    ("subtype=110120", lambda e: "110120" in subtypes(e)),
])
def test_each_parameter_chooses(search, check, asked, auditor):
    status, bundle = get(auditor, f"{DAY}&{search}")
    assert status == 200 and events(bundle)
    assert all(check(e) for e in events(bundle))


def test_pages_follow_each_other_without_gap_or_repetition(asked, auditor):
    whole = [e["id"] for e in events(get(auditor, f"{DAY}&subtype=ITI-8&_count=500")[1])]
    paged, search = [], f"{DAY}&subtype=ITI-8&_count=1"
    while search:
        status, bundle = get(auditor, search)
        assert status == 200
        paged += [e["id"] for e in events(bundle)]
        links = {x["relation"]: x["url"] for x in bundle["link"]}
        search = links.get("next", "?").split("?", 1)[1]
    assert paged == whole and len(whole) >= 2


def test_a_search_by_post_says_the_same(asked, auditor):
    search = f"patient.identifier={token(asked.xad)}"
    by_get = [e["id"] for e in events(get(auditor, f"{DAY}&{search}&subtype=ITI-18")[1])]
    status, bundle = post(auditor, f"?{DAY}", f"{search}&subtype=ITI-18")
    assert status == 200 and [e["id"] for e in events(bundle)] == by_get
    status, outcome = post(auditor, f"?{DAY}", "{}", "application/json")
    assert status == 400 and outcome["issue"][0]["code"] == "not-supported"


def test_a_member_sees_nothing_or_its_own_until_it_may_see_all(asked, hub, harbour, lakeside):
    status, outcome = get(harbour, DAY)
    assert status == 403 and outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["code"] == "forbidden"
    hub.run("member", "permit", "harbour", "--audit-reader", "own")
    await_right(harbour)
    status, own = get(harbour, f"{DAY}&_count=500")
    assert status == 200 and events(own)
    for event in events(own):
        assert event["agent"][0]["who"].get("display") == "harbour", event
    hub.run("member", "forbid", "harbour", "--audit-reader")
    assert hub.json("member", "show", "harbour")["audit_reader"] == "none"


@pytest.mark.parametrize("search, code", [
    ("", "required"), ("date=lt2026", "required"), ("date=soon", "value"), (f"{DAY}&name=x", "not-supported"),
    (f"{DAY}&_format=xml", "value"), (f"{DAY}&type=%00", "invalid"),
    (f"{DAY}&type=%ff", "invalid"),
])
def test_what_is_not_understood_is_an_operation_outcome(search, code, auditor):
    status, outcome = get(auditor, search)
    assert status == 400 and [i["code"] for i in outcome["issue"]] == [code]


def test_each_look_is_a_record_of_audit_log_use(asked, hub, auditor):
    search = f"{DAY}&patient.identifier={token(asked.xad)}&subtype=ITI-41"
    assert get(auditor, search)[0] == 200
    row = hub.audit(transaction="ITI-81", member="auditor")[-1]
    assert row["event"] == "110101" and row["action"] == "R" and row["outcome"] == 0
    assert row["patient"] == asked.xad and row["endpoint"].endswith("/fhir/AuditEvent")
    assert [o["detail"] for o in row["objects"] if o["kind"] == "query"] == [search]
    assert get(auditor, "date=soon")[0] == 400
    assert hub.audit(transaction="ITI-81", member="auditor")[-1]["outcome"] == 8
