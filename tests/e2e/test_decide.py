"""Why: what `causeway consent decide` and `preview` say is what the doors do, for any document, asker
and moment."""
import datetime
import json
import time

import pytest

from hospital import xds
from hospital.hub import Failed
from people import cda, known

SUD = "# labels: SUD\nevent,http://hl7.org/fhir/sid/icd-10-cm,F10*,alcohol\n"
ALCOHOL = xds.Code("F10.20", "2.16.840.1.113883.6.90")


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


@pytest.fixture
def documents(lakeside, person):
    """One of class 34133-9 and one of class 11488-4, of Lakeside's."""
    found = {}
    for name, code in (("summary", "34133-9"), ("consult", "11488-4")):
        entry = xds.Entry(person.xad, cda(name), class_code=xds.Code(code, xds.LOINC, name))
        assert lakeside.provide(xds.Submission(person.xad, [entry])).ok
        found[name] = entry
    return found


def decide(hub, person, *more, member="harbour", denied=None, expect=None):
    expect = {None: expect, True: 1, False: 0}[denied]
    return hub.json("consent", "decide", "--member", member, "--patient", person.xad, *more, expect=expect)


def set_consent(hub, person, *words):
    return hub.json("consent", "set", "--patient", person.xad, *words)["policy"]


def instant():
    time.sleep(0.01)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    time.sleep(0.01)
    return now


def test_a_rule_about_some_documents_decides_about_those(hub, harbour, person, documents):
    policy = set_consent(hub, person, "--deny", "--when", "class=11488-4^^2.16.840.1.113883.6.1")
    hidden = decide(hub, person, "--document", documents["consult"].unique_id, denied=True)
    assert (hidden["rule"], hidden["policy"], hidden["version"]) == ("patient-deny", policy, 1)
    shown = decide(hub, person, "--document", documents["summary"].unique_id, denied=False)
    assert shown["rule"] == "domain-default"
    assert harbour.find(person.xad).unique_ids == [documents["summary"].unique_id]


def test_an_explanation_has_every_layers_word_and_what_would_have_changed_it(hub, person, documents):
    permit = set_consent(hub, person, "--permit")
    deny = set_consent(hub, person, "--deny", "--member", "harbour")
    why = decide(hub, person, "--document", documents["summary"].unique_id, "--explain", denied=True)
    said = {(s["layer"], s["by"]): s["says"] for s in why["steps"]}
    assert said[("patient", permit)] == "permit" and said[("patient", deny)] == "deny"
    assert {s["layer"] for s in why["steps"]} == {"agreement", "patient", "domain-default"}
    assert (why["without"], why["without_rule"]) == ("permit", "patient-permit")
    assert "revoking" in why["remedy"] and why["reason_class"].startswith("171.202(e)")
    text = hub.run("consent", "decide", "--member", "harbour", "--patient", person.xad, "--explain", expect=1)
    assert "without it: permit by patient-permit" in text and deny in text


def test_each_voice_says_what_it_may(hub, person, documents):
    policy = set_consent(hub, person, "--deny")
    arguments = ("consent", "decide", "--member", "harbour", "--patient", person.xad)
    caller = hub.run(*arguments, "--for", "caller", expect=1)
    other = hub.run(*arguments, "--source", "lakeside", "--for", "caller", expect=1)
    assert caller == other == "nothing to show\n"
    patient = hub.run(*arguments, "--for", "patient", expect=1)
    assert "refused" in patient and policy not in patient
    assert policy in hub.run(*arguments, expect=1)
    hub.run(*arguments, "--for", "nobody", expect=2)


def test_a_user_a_role_and_a_purpose_are_decided_about(hub, person, documents):
    set_consent(hub, person, "--deny", "--when", "purpose=HRESCH")
    set_consent(hub, person, "--deny", "--when", "role=pharmacist^^2.999.1", "--overridable")
    nurse = ("--user", "a<b@c>", "--role", "nurse^^2.999.1")
    assert decide(hub, person, *nurse, denied=False)["rule"] == "domain-default"
    assert decide(hub, person, *nurse, "--purpose", "HRESCH", denied=True)["overridable"] is False
    assert decide(hub, person, "--user", "a<b@c>", "--role", "pharmacist^^2.999.1", denied=True)["overridable"]
    assert decide(hub, person, denied=True)["overridable"]  # a machine cannot prove to be none


def test_obligations_of_a_permit_are_told(hub, person, documents):
    set_consent(hub, person, "--permit", "--obligation", "no-redisclosure", "--obligation", "read-only")
    assert decide(hub, person, denied=False)["obligations"] == ["no-redisclosure", "read-only"]


def test_the_past_is_decided_by_what_was_known_then(hub, person, lakeside, tmp_path):
    entry = xds.Entry(person.xad, cda("alcohol"), events=[ALCOHOL])
    assert lakeside.provide(xds.Submission(person.xad, [entry])).ok
    set_consent(hub, person, "--deny", "--when", "label=SUD")
    before = instant()
    codes = tmp_path / "sud.csv"
    codes.write_text(SUD)
    hub.run("consent", "labels", "load", "TEST", codes)
    try:
        labelled = instant()
        about = ("--document", entry.unique_id)
        assert decide(hub, person, *about, denied=True)["rule"] == "patient-deny"
        assert decide(hub, person, *about, "--as-of", before, denied=False)["rule"] == "domain-default"
    finally:
        hub.run("consent", "labels", "remove", "TEST")
    assert decide(hub, person, *about, denied=False)
    assert decide(hub, person, *about, "--as-of", labelled, denied=True)


def test_the_past_is_decided_for_whom_the_patient_was_then(hub, person, lakeside, documents):
    other = known(lakeside)
    set_consent(hub, other, "--deny")
    apart = instant()
    merge = hub.json("mpi", "merge", person.cx(lakeside), other.cx(lakeside), "--why", "one patient")["merge"]
    merged = instant()
    assert decide(hub, person, denied=True)["rule"] == "patient-deny"
    assert decide(hub, person, "--as-of", apart, denied=False)["rule"] == "domain-default"
    hub.json("mpi", "unmerge", merge)
    again = instant()
    assert decide(hub, person, denied=False)["rule"] == "domain-default"
    for moment, hidden in ((apart, False), (merged, True), (again, False)):
        told = decide(hub, person, "--as-of", moment, denied=hidden)
        assert told["as_of"][:19] == moment[:19]
        assert told["from_today"] == ["the name and organization of the member"]
        assert decide(hub, other, "--as-of", moment, denied=True)["rule"] == "patient-deny"
    about = ("--document", documents["summary"].unique_id)
    assert decide(hub, person, *about, "--as-of", merged, denied=True)
    assert decide(hub, other, *about, "--as-of", merged, denied=True)
    assert "the patient had no document" in decide(hub, other, *about, "--as-of", apart, expect=1)["error"]


def test_a_record_that_joined_a_person_later_was_not_there_before(hub, lakeside, harbour):
    person = known(lakeside)
    here = xds.Entry(person.xad, cda("here"))
    assert lakeside.provide(xds.Submission(person.xad, [here])).ok
    alone = instant()
    person.feed(harbour)
    there = xds.Entry(person.xad, cda("there"), source_patient_id=person.cx(harbour))
    assert harbour.provide(xds.Submission(person.xad, [there])).ok
    both = instant()
    assert decide(hub, person, "--document", there.unique_id, "--as-of", both, member="lakeside", denied=False)
    assert "had no document" in decide(hub, person, "--document", there.unique_id, "--as-of", alone,
                                       member="lakeside", expect=1)["error"]
    assert decide(hub, person, "--document", here.unique_id, "--as-of", alone, denied=False)


def test_the_past_is_decided_about_the_version_of_then(hub, person, lakeside):
    first = xds.Entry(person.xad, cda("plain"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [first])).ok
    set_consent(hub, person, "--deny", "--when", "class=11488-4")
    plain = instant()
    second = xds.Entry(person.xad, first.content, first.unique_id, xds.new_urn(),
                       lid=first.id, previous="1", class_code=xds.Code("11488-4", xds.LOINC, "consult"),
                       repository=hub.repository, hash=first.sha1(), size=str(len(first.content)))
    answer = lakeside.update(xds.Submission(person.xad, [second]))
    assert answer.ok, answer.errors
    about = ("--document", first.unique_id)
    assert decide(hub, person, *about, denied=True)["rule"] == "patient-deny"
    assert decide(hub, person, *about, "--as-of", plain, denied=False)["rule"] == "domain-default"


def test_the_past_is_decided_as_the_member_stood_then(hub, person, harbour):
    before = instant()
    hub.run("member", "suspend", "harbour")
    try:
        hub.await_members()
        harbour.close()  # the hub ended its connections
        shut = instant()
        assert decide(hub, person, denied=True)["rule"] == "member-standing"
        assert decide(hub, person, "--as-of", before, denied=False)
    finally:
        hub.run("member", "resume", "harbour")
        hub.await_admission(harbour)
    assert decide(hub, person, "--as-of", shut, denied=True)["rule"] == "member-standing"
    assert decide(hub, person, denied=False)
    text = hub.run("consent", "decide", "--member", "harbour", "--patient", person.xad, "--as-of", shut, expect=1)
    assert "taken from today: the name and organization of the member" in text


def test_a_preview_is_what_each_member_finds(hub, person, documents, lakeside, harbour):
    set_consent(hub, person, "--deny", "--member", "harbour", "--when", "class=11488-4")
    rows = {r["member"]: r for r in hub.json("consent", "preview", "--patient", person.xad)}
    for hospital in (lakeside, harbour):
        assert rows[hospital.name]["visible"] == len(hospital.find(person.xad).unique_ids)
        assert rows[hospital.name]["documents"] == 2
    assert rows["harbour"]["rules"] == {"patient-deny": 1, "domain-default": 1}
    assert rows["lakeside"]["rules"] == {"own-object": 2}
    assert "1 of 2" in hub.run("consent", "preview", "--patient", person.xad)


def test_rules_come_from_a_file_whole(hub, person, documents, tmp_path):
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"effect": "permit", "except": [
        {"effect": "deny", "when": [{"is": "class", "any": [["11488-4", ""]]}]}]}))
    set_consent(hub, person, "--permit", "--rules", path)
    assert decide(hub, person, "--document", documents["consult"].unique_id, denied=True)
    assert decide(hub, person, "--document", documents["summary"].unique_id, denied=False)["rule"] == \
        "patient-permit"


@pytest.mark.parametrize("words", [
    ("--deny", "--when", "colour=red"), ("--deny", "--when", "service=yesterday"), ("--deny", "--when", "class="),
    ("--deny", "--obligation", "read-only"), ("--permit", "--overridable"),
    ("--permit", "--obligation", "politeness"), ("--permit", "--rules", "/nonexistent/rules"),
    ("--deny", "--when", "created=2026-02-01..2026-01-01")])
def test_a_statement_that_is_no_statement_is_refused_and_changes_nothing(hub, person, words):
    with pytest.raises(Failed, match="exit status [12]"):
        hub.run("consent", "set", "--patient", person.xad, *words)
    assert hub.json("consent", "show", "--patient", person.xad)["policies"] == []


def test_asking_about_a_document_of_somebody_else_finds_none(hub, person, documents, lakeside, harbour):
    other = known(lakeside, harbour)
    with pytest.raises(Failed, match="has no document"):
        hub.run("consent", "decide", "--member", "harbour", "--patient", other.xad,
                "--document", documents["summary"].unique_id)


def test_looking_into_a_decision_leaves_a_record_with_its_rule(hub, person, documents):
    set_consent(hub, person, "--deny")
    decide(hub, person, denied=True)
    assert "patient-deny" in hub.run("audit", "search", "--patient", person.xad, "--limit", 1, "--json")
