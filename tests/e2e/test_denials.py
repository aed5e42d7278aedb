"""The decision in the audit record of each disclosure and refusal, and the report that counts denials."""
import datetime
import json

import pytest

from hospital import xds
from people import cda, known


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


@pytest.fixture
def document(lakeside, person):
    entry = xds.Entry(person.xad, cda("noted"))
    assert lakeside.provide(xds.Submission(person.xad, [entry])).ok
    return entry


def set_consent(hub, person, *words):
    return hub.json("consent", "set", "--patient", person.xad, *words)["policy"]


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def record(hub, person, transaction):
    """The newest one about the person."""
    lines = hub.run("audit", "search", "--patient", person.xad, "--transaction", transaction, "--json").splitlines()
    return max((json.loads(line) for line in lines), key=lambda r: r["at"])


def test_a_querys_record_has_the_rule_the_policy_and_the_reason(hub, harbour, person, document):
    policy = set_consent(hub, person, "--deny")
    assert harbour.find(person.xad).unique_ids == []
    denial, = record(hub, person, "ITI-18")["decisions"]
    assert (denial["effect"], denial["rule"], denial["policy"], denial["version"], denial["count"]) == \
        ("deny", "patient-deny", policy, 1, 1)
    assert denial["reason"].startswith("171.202(e)")


def test_a_disclosures_record_has_its_obligations(hub, harbour, person, document):
    policy = set_consent(hub, person, "--permit", "--obligation", "no-redisclosure", "--obligation", "read-only")
    assert harbour.find(person.xad).unique_ids == [document.unique_id]
    permit, = record(hub, person, "ITI-18")["decisions"]
    assert (permit["effect"], permit["rule"], permit["policy"], permit["obligations"], permit["reason"]) == \
        ("permit", "patient-permit", policy, "no-redisclosure read-only", "")


def slots(response):
    return {s.get("name"): s.xpath("rim:ValueList/rim:Value/text()", namespaces=xds.NAMESPACES)
            for s in response.body.iterfind(".//rs:ResponseSlotList/rim:Slot", xds.NAMESPACES)}


def test_obligations_and_the_notice_of_42_cfr_part_2_go_with_what_is_disclosed(hub, lakeside, harbour, person, document):
    wanted = (hub.repository, document.unique_id)
    assert slots(harbour.find(person.xad)) == {} and slots(harbour.retrieve(wanted)) == {}
    set_consent(hub, person, "--permit", "--member", "harbour", "--obligation", "no-redisclosure")
    for answer in (harbour.find(person.xad), harbour.retrieve(wanted)):
        assert answer.ok and answer.errors == []
        assert slots(answer)["urn:causeway:obligations"] == ["no-redisclosure"]
        assert slots(answer)["urn:causeway:notice"][0].startswith("42 CFR part 2 prohibits")
    assert slots(lakeside.find(person.xad)) == {}
    set_consent(hub, person, "--deny", "--member", "harbour")
    assert slots(harbour.find(person.xad)) == {} and slots(harbour.retrieve(wanted)) == {}


def test_a_refused_retrievals_record_says_by_what(hub, harbour, person, document):
    set_consent(hub, person, "--deny")
    assert not harbour.retrieve((hub.repository, document.unique_id)).ok
    assert [d["rule"] for d in record(hub, person, "ITI-43")["decisions"]] == ["patient-deny"]


def test_denials_are_counted_by_member_purpose_and_reason(hub, lakeside, harbour, person, document):
    since = now()
    set_consent(hub, person, "--deny", "--member", "harbour")
    assert hub.json("consent", "report", "denials", "--since", since) == []
    for _ in range(3):
        harbour.find(person.xad)
    lakeside.find(person.xad)
    row, = hub.json("consent", "report", "denials", "--since", since)
    assert (row["member"], row["purpose"], row["rule"], row["requests"], row["objects"], row["patients"]) == \
        ("harbour", "TREAT", "patient-deny", 3, 3, 1)
    assert row["reason_class"].startswith("171.202(e)")
    assert "patient-deny" in hub.run("consent", "report", "denials", "--since", since)
    assert "nothing" in hub.run("consent", "report", "denials", "--since", now())
