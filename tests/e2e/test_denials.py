"""The decision in the audit record of each disclosure and refusal, and the report that counts denials."""
import datetime
import json

import pytest

from hospital import xds
from hospital.xds import response_slots as slots
from hospital.hub import Failed
from people import cda, known

SUD = xds.Code("SUD", "2.16.840.1.113883.5.4")


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


def record(hub, person, transaction, **of):
    """The newest one about the person."""
    more = [word for name, value in of.items() for word in (f"--{name}", value)]
    lines = hub.run("audit", "search", "--patient", person.xad, "--transaction", transaction, *more,
                    "--json").splitlines()
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


def test_the_notice_goes_with_what_is_labelled_sud_though_no_policy_says_so(hub, lakeside, harbour, person, document):
    treated = xds.Entry(person.xad, cda("treated"), confidentiality=[SUD])
    assert lakeside.provide(xds.Submission(person.xad, [treated])).ok
    for answer in (harbour.find(person.xad), harbour.retrieve((hub.repository, treated.unique_id))):
        assert answer.ok and slots(answer)["urn:causeway:obligations"] == ["no-redisclosure"]
        assert slots(answer)["urn:causeway:notice"][0].startswith("42 CFR part 2 prohibits")
    for transaction in ("ITI-18", "ITI-43"):
        permits = record(hub, person, transaction, member="harbour")["decisions"]
        assert "no-redisclosure" in {d["obligations"] for d in permits if d["rule"] == "domain-default"}
    decision = hub.json("consent", "decide", "--patient", person.xad, "--member", "harbour", "--explain",
                        "--document", treated.unique_id)
    assert (decision["rule"], decision["obligations"]) == ("domain-default", ["no-redisclosure"])
    rows = {r["member"]: r["obligations"] for r in hub.json("consent", "preview", "--patient", person.xad)}
    assert (rows["lakeside"], rows["harbour"]) == ([], ["no-redisclosure"])
    assert slots(harbour.retrieve((hub.repository, document.unique_id))) == {}
    assert slots(lakeside.find(person.xad)) == {}  # its own: nothing is disclosed


def test_a_sensitivitys_obligations_are_the_domains_to_set_and_join_those_of_a_permit(hub, lakeside, harbour, person):
    counsel = xds.Entry(person.xad, cda("counsel"), confidentiality=[SUD])
    assert lakeside.provide(xds.Submission(person.xad, [counsel])).ok

    def told():
        return set(slots(harbour.find(person.xad)).get("urn:causeway:obligations", []))
    set_consent(hub, person, "--permit", "--obligation", "read-only")
    before = now()
    assert told() == {"read-only", "no-redisclosure"}
    try:
        hub.run("consent", "default", "--label", "SUD", "--obligation", "no-onward")
        assert told() == {"read-only", "no-onward"}
        hub.run("consent", "default", "--label", "SUD", "--no-obligation")
        assert told() == {"read-only"}
        then = hub.json("consent", "decide", "--patient", person.xad, "--member", "harbour", "--as-of", before,
                        "--document", counsel.unique_id)
        assert set(then["obligations"]) == {"read-only", "no-redisclosure"}
    finally:
        hub.run("consent", "default", "--label", "SUD", "--obligation", "no-redisclosure")
    assert {"label": "SUD", "obligations": ["no-redisclosure"]} in hub.json("consent", "default")["obligations"]
    for wrong in (("--obligation", "no-onward"), ("--label", "SUD", "--obligation", "politeness"),
                  ("--label", "SUD", "--obligation", "no-onward", "--no-obligation"),
                  ("--label", "PSY", "--no-obligation")):
        with pytest.raises(Failed):
            hub.run("consent", "default", *wrong)


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
