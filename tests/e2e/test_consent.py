"""Consent on every door: what is withheld, and that nothing tells of it."""
import re

import json

import pytest

from hospital import xds
from hospital.mllp import cx
from people import Person, cda, known, masked


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


def deny(hub, person, *more):
    return hub.json("consent", "set", "--patient", person.xad, "--deny", *more)["policy"]


def masked_message(message, *hide):
    """An HL7 v2 answer without its times and numbers, and without what `hide` names."""
    text = re.sub(r"^(MSH\|(?:[^|]*\|){5})[^|]*(\|[^|]*\|[^|]*\|)[^|]*", r"\1T\2C", message.text)
    text = re.sub(r"(MSA\|\w+\|)[^|\r]*", r"\1C", text)
    text = re.sub(r"(QAK\|)[^|\r]*", r"\1Q", text)
    text = re.sub(r"(QPD\|[^|]*\|)[^|\r]*", r"\1Q", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "REQUEST", text)
    for word in hide:
        text = text.replace(word, "HIDDEN")
    return text


# --- the canary: a patient who denies all -------------------------------------------------------

DOORS = {
    "find documents, whole": lambda h, p, e: h.find(p.xad),
    "find documents, references": lambda h, p, e: h.find(p.xad, return_type="ObjectRef"),
    "get documents by entry uuid": lambda h, p, e: h.get(entry_uuids=[e.id]),
    "get documents by entry uuid, references":
        lambda h, p, e: h.get(entry_uuids=[e.id], return_type="ObjectRef"),
    "get documents by unique id": lambda h, p, e: h.get(unique_ids=[e.unique_id]),
    "get documents by unique id, references":
        lambda h, p, e: h.get(unique_ids=[e.unique_id], return_type="ObjectRef"),
    "retrieve": lambda h, p, e: h.retrieve((h.hub.repository, e.unique_id)),
}


@pytest.fixture(scope="module")
def canary(hub, lakeside, harbour):
    """Denies all, and has a document of Lakeside's."""
    person = known(lakeside, harbour)
    entry = xds.Entry(person.xad, cda("canary"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [entry])).ok
    deny(hub, person)
    return person, entry


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("member", ["harbour", "lakeside"])
def test_nothing_of_a_patient_who_denies_all_passes_any_door(door, member, canary, request):
    hospital = request.getfixturevalue(member)
    person, entry = canary
    response = DOORS[door](hospital, person, entry)
    raw = response.answer.raw
    assert not response.objects and not response.documents
    for secret in (entry.id.removeprefix("urn:uuid:"), entry.sha1(), entry.title, "canary"):
        assert secret.encode() not in raw, f"{door} shows {secret}"


@pytest.mark.parametrize("door", DOORS)
def test_an_answer_with_a_hidden_document_equals_one_without_byte_for_byte(door, hub, lakeside,
                                                                         harbour, person):
    deny(hub, person)
    entry = xds.Entry(person.xad, cda("hidden"), id=xds.new_urn())
    without = masked(DOORS[door](harbour, person, entry))
    assert lakeside.provide(xds.Submission(person.xad, [entry])).ok
    assert masked(DOORS[door](harbour, person, entry)) == without


def test_a_patient_unknown_to_the_asker_is_hidden_from_pix_too(hub, lakeside, harbour):
    """Another member's identifier, denied, answers as one that nobody ever fed."""
    person = Person(lakeside)
    person.resolve(lakeside)
    deny(hub, person)
    hidden = harbour.pix(person.cx(lakeside))
    never = harbour.pix(lakeside.cx("NEVERFED"))
    assert masked_message(hidden, person.number(lakeside)) == masked_message(never, "NEVERFED")


def test_pix_gives_other_members_identifiers_only_where_consent_allows(hub, lakeside, harbour, person):
    own, other = person.number(harbour), (person.number(lakeside), lakeside.authority)
    assert other in harbour.pix(person.cx(harbour)).identifiers()
    deny(hub, person)
    answer = harbour.pix(person.cx(harbour))
    assert other not in answer.identifiers() and other[0] not in answer.text.split("QPD|")[0]
    assert harbour.xad_pid(own) == person.xad, "a member always resolves its own to the XAD-PID"


def test_a_denied_pix_answer_equals_one_where_no_other_member_knows_the_patient(hub, lakeside, harbour):
    alone, shared = Person(harbour), known(harbour, lakeside)
    alone.resolve(harbour)
    deny(hub, shared)
    first, second = harbour.pix(alone.cx(harbour)), harbour.pix(shared.cx(harbour))
    hide = [alone.number(harbour), shared.number(harbour), alone.xad.split("^")[0], shared.xad.split("^")[0]]
    assert masked_message(first, *hide) == masked_message(second, *hide)


def test_a_denial_goes_with_a_record_that_its_source_merges_into_another(hub, lakeside, harbour):
    """Harbour's record stays behind, so this is no merge of persons: the documents of Lakeside's
    record come under a person who said nothing."""
    person, duplicate = known(lakeside, harbour), known(lakeside)
    entry, response = lakeside.publish(person.xad, cda("denied"), source_patient_id=person.cx(lakeside))
    assert response.ok
    deny(hub, person)
    answer = lakeside.merge(duplicate.patient(duplicate.cx(lakeside)), person.cx(lakeside))
    assert answer["MSA-1"] == "AA", answer
    for response in (harbour.find(duplicate.xad), harbour.get(unique_ids=[entry.unique_id]),
                     harbour.retrieve((hub.repository, entry.unique_id))):
        assert not response.objects and not response.documents


def test_a_denial_of_one_member_goes_with_a_record_and_no_permit_does(hub, lakeside, harbour):
    person, duplicate = known(lakeside, harbour), known(lakeside)
    entry, _ = lakeside.publish(person.xad, cda("some"), source_patient_id=person.cx(lakeside))
    hub.json("consent", "set", "--patient", person.xad, "--permit")
    deny(hub, person, "--member", lakeside.name)
    lakeside.merge(duplicate.patient(duplicate.cx(lakeside)), person.cx(lakeside))
    carried = hub.json("consent", "show", "--patient", duplicate.xad)["policies"]
    assert [(p["effect"], p["member"]) for p in carried] == [("deny", lakeside.name)]
    assert harbour.get(unique_ids=[entry.unique_id]).objects


def test_a_denial_within_a_permit_goes_with_a_record_too(hub, lakeside, harbour, tmp_path):
    """The permit stays behind: in an opt-in domain nothing of the other person opens by it."""
    person, duplicate = known(lakeside, harbour), known(lakeside)
    third = hub.enrol("hillside", "1.2.840.1.4")
    entry, _ = lakeside.publish(person.xad, cda("but one"), source_patient_id=person.cx(lakeside))
    consent = tmp_path / "consent.json"
    consent.write_text(json.dumps({
        "resourceType": "Consent", "id": "but-one", "status": "active", "patient": {"reference": "Patient/p"},
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope",
                              "code": "patient-privacy"}]},
        "provision": {"type": "permit", "provision": [{"type": "deny", "actor": [{
            "role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                                 "code": "IRCP"}]},
            "reference": {"reference": "Organization/harbour"}}]}]}}))
    hub.run("consent", "import", "--patient", person.xad, consent)
    assert third.find(person.xad).entries and not harbour.find(person.xad).entries
    assert lakeside.merge(duplicate.patient(duplicate.cx(lakeside)), person.cx(lakeside))["MSA-1"] == "AA"
    assert third.get(unique_ids=[entry.unique_id]).objects
    assert not harbour.get(unique_ids=[entry.unique_id]).objects
    assert [p["effect"] for p in hub.json("consent", "show", "--patient", duplicate.xad)["policies"]] == ["deny"]
    hub.run("consent", "default", "opt-in")
    try:
        assert not third.get(unique_ids=[entry.unique_id]).objects
    finally:
        hub.run("consent", "default", "opt-out")


# --- what permits and denies -----------------------------------------------------------------------

def test_a_revocation_holds_on_the_next_request(hub, lakeside, harbour, person):
    entry, response = lakeside.publish(person.xad, cda())
    assert response.ok
    for _ in range(5):
        policy = deny(hub, person)
        assert not harbour.find(person.xad).entries
        hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
        assert harbour.find(person.xad).unique_ids == [entry.unique_id]


def test_a_denial_for_one_member_leaves_the_others(hub, lakeside, harbour, person):
    third = hub.enrol("hilltop", "1.2.840.1.3")
    person.feed(third)
    entry, response = lakeside.publish(person.xad, cda())
    assert response.ok
    deny(hub, person, "--member", "harbour")
    assert not harbour.find(person.xad).entries
    assert third.find(person.xad).unique_ids == [entry.unique_id]


def test_a_denial_beats_a_permit_whatever_came_first(hub, lakeside, harbour, person):
    lakeside.publish(person.xad, cda())
    deny(hub, person)
    hub.run("consent", "set", "--patient", person.xad, "--permit", "--member", "harbour")
    assert not harbour.find(person.xad).entries


def test_in_an_opt_in_domain_only_a_permit_opens_and_a_publisher_reads_its_own(hub, lakeside, harbour,
                                                                              person):
    entry, response = lakeside.publish(person.xad, cda())
    assert response.ok
    hub.run("consent", "default", "opt-in")
    try:
        assert not harbour.find(person.xad).entries
        assert lakeside.find(person.xad).unique_ids == [entry.unique_id]
        hub.run("consent", "set", "--patient", person.xad, "--permit", "--member", "harbour")
        assert harbour.find(person.xad).unique_ids == [entry.unique_id]
    finally:
        hub.run("consent", "default", "opt-out")


def test_a_source_replaces_its_own_document_whatever_the_patient_denies(hub, lakeside, harbour, person):
    old = xds.Entry(person.xad, cda("old"), id=xds.new_urn())
    assert lakeside.provide(xds.Submission(person.xad, [old])).ok
    policy = deny(hub, person)
    new = xds.Entry(person.xad, cda("new"))
    response = lakeside.provide(xds.Submission(person.xad, [new], relations=[(xds.RPLC, new.id, old.id)]))
    assert response.ok, response
    hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
    assert harbour.find(person.xad).unique_ids == [new.unique_id]


def test_a_policy_holds_only_in_its_period(hub, lakeside, harbour, person):
    entry, response = lakeside.publish(person.xad, cda())
    assert response.ok
    deny(hub, person, "--until", "2020-01-01")
    deny(hub, person, "--from", "2999-01-01")
    assert harbour.find(person.xad).unique_ids == [entry.unique_id]


# --- the command -------------------------------------------------------------------------------------

def test_decide_is_the_decision_that_the_doors_make(hub, lakeside, harbour, person):
    lakeside.publish(person.xad, cda())
    arguments = ("consent", "decide", "--member", "harbour", "--patient", person.xad)
    permitted = hub.json(*arguments)
    assert (permitted["decision"], permitted["rule"]) == ("permit", "domain-default")
    policy = deny(hub, person)
    denied = hub.json(*arguments, expect=1)
    assert (denied["decision"], denied["rule"], denied["policy"]) == ("deny", "patient-deny", policy)
    hub.json(*arguments[:-1], cx(person.number(lakeside), lakeside.authority), expect=1)


def test_a_past_decision_is_made_again(hub, lakeside, harbour, person):
    import datetime
    import time

    def instant():
        time.sleep(0.01)
        return datetime.datetime.utcnow().isoformat() + "Z"

    arguments = ("consent", "decide", "--member", "harbour", "--patient", person.xad, "--as-of")
    before = instant()
    policy = deny(hub, person)
    while_denied = instant()
    hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
    after = instant()
    assert hub.json(*arguments, before)["decision"] == "permit"
    assert hub.json(*arguments, while_denied, expect=1)["policy"] == policy
    assert hub.json(*arguments, after)["decision"] == "permit"
    assert "had fed this identifier by" in hub.json(*arguments, "2001-01-01", expect=1)["error"]


def test_history_keeps_what_was_revoked_and_who_did_it(hub, lakeside, harbour, person):
    policy = deny(hub, person)
    hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
    shown = hub.json("consent", "show", "--patient", person.xad)
    assert shown["policies"] == [] and shown["default"] == "opt-out"
    row, = hub.json("consent", "history", "--patient", person.xad)
    assert row["policy"] == policy and row["effect"] == "deny"
    assert row["ended_at"] and row["ended_by"] == row["recorded_by"]


@pytest.mark.parametrize("arguments", [
    ("set", "--patient", "X"), ("set", "--patient", "a^^^&1.2.840.9.9&ISO", "--deny"),
    ("set", "--deny"), ("default", "perhaps"), ("revoke", "--patient", "PERSON", "--policy", "1"),
    ("set", "--patient", "PERSON", "--deny", "--permit"),
    ("set", "--patient", "PERSON", "--deny", "--member", "nobody"),
    ("set", "--patient", "PERSON", "--deny", "--from", "soon"),
    ("set", "--patient", "PERSON", "--deny", "--from", "2026-02-01", "--until", "2026-01-01"),
    ("revoke", "--patient", "PERSON", "--policy", "00000000-0000-7000-8000-000000000000"),
])
def test_a_wrong_command_changes_nothing_and_says_so(arguments, hub, person):
    arguments = [person.xad if a == "PERSON" else a for a in arguments]
    output = hub.run("consent", *arguments, "--json", expect=None)
    assert "error" in output
    assert hub.json("consent", "history", "--patient", person.xad) == []


def test_each_change_leaves_an_audit_row_of_the_operator(hub, person):
    policy = deny(hub, person)
    hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
    rows = [r for r in hub.audit(patient=person.xad) if r["transaction"] == "CONSENT"]
    assert [r["action"] for r in rows] == ["C", "U"] and all(policy in str(r) for r in rows)
    assert all(r["user"] and r["role"] == "operator" for r in rows)


# --- merged persons ------------------------------------------------------------------------------------

def test_what_either_half_of_a_merged_person_denied_stays_denied(hub, lakeside, harbour):
    """Decided once for each constituent, the strictest wins: a permit of one is none of the other."""
    old, new = known(lakeside), known(lakeside, harbour)
    entry, response = lakeside.publish(new.xad, cda("survivor's"), source_patient_id=new.cx(lakeside))
    assert response.ok
    policy = deny(hub, old)
    assert harbour.find(new.xad).unique_ids == [entry.unique_id]
    assert lakeside.merge(new.patient(new.cx(lakeside)), old.cx(lakeside))["MSA-1"] == "AA"
    assert not harbour.find(new.xad).entries
    hub.run("consent", "set", "--patient", new.xad, "--permit")
    assert not harbour.find(new.xad).entries
    hub.run("consent", "revoke", "--patient", new.xad, "--policy", policy)
    assert harbour.find(new.xad).unique_ids == [entry.unique_id]


def test_a_statement_after_a_merge_holds_for_all_of_the_person(hub, lakeside, harbour):
    old, new = known(lakeside), known(lakeside, harbour)
    entry, response = lakeside.publish(old.xad, cda("subsumed's"), source_patient_id=old.cx(lakeside))
    assert response.ok
    hub.run("consent", "default", "opt-in")
    try:
        hub.run("consent", "set", "--patient", old.xad, "--permit")
        assert lakeside.merge(new.patient(new.cx(lakeside)), old.cx(lakeside))["MSA-1"] == "AA"
        assert not harbour.find(new.xad).entries, "the other half said nothing, and the domain is opt-in"
        hub.run("consent", "set", "--patient", new.xad, "--permit")
        assert harbour.find(new.xad).unique_ids == [entry.unique_id]
    finally:
        hub.run("consent", "default", "opt-out")


def test_a_change_moves_the_persons_epoch_in_its_own_transaction(hub, lakeside, person):
    import psycopg2

    connection = psycopg2.connect(hub.database + " user=causeway_admin")
    connection.autocommit = True

    def epochs():
        with connection.cursor() as cursor:
            cursor.execute("SELECT sum(epoch) FROM consent_epoch")
            persons = cursor.fetchone()[0] or 0
            cursor.execute("SELECT value FROM epoch WHERE name = 'consent'")
            return persons, cursor.fetchone()[0]

    persons, region = epochs()
    policy = deny(hub, person)
    assert epochs() == (persons + 1, region)
    hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
    assert epochs() == (persons + 2, region)
    hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy, expect=1)
    assert epochs() == (persons + 2, region), "a change that failed changed nothing"
    hub.run("consent", "default", "opt-out")
    assert epochs() == (persons + 2, region + 1)
    connection.close()


def test_the_help_teaches_and_a_wrong_word_is_usage(hub):
    import subprocess

    for words in (["consent", "--help"], ["consent", "set", "--help"], ["consent", "decide", "--help"]):
        done = subprocess.run([hub.program, *words], text=True, capture_output=True)
        assert done.returncode == 0 and "usage: causeway consent" in done.stdout
    done = subprocess.run([hub.program, "consent", "perhaps"], text=True, capture_output=True)
    assert done.returncode == 2 and "perhaps" in done.stderr


# --- submissions ----------------------------------------------------------------------------------

def refusal(response, **words):
    """The errors, with what differs by the question itself put out of the way."""
    assert response.status == xds.FAILURE, response
    said = [(e.code, e.context, e.severity, e.location) for e in response.errors]
    for name, word in words.items():
        said = [tuple(text.replace(word, name) if text else text for text in error) for error in said]
    return said


def names(hospital, hub, person, how, target, content):
    """What a member hears that names an object: by a relationship, as a new version of it, as its status."""
    entry = xds.Entry(person.xad, content, id=xds.new_urn())
    words = {"TARGET": target, "ENTRY": entry.id}
    if how == "version":
        entry.lid, entry.previous, entry.repository = target, "1", hub.repository
        entry.hash, entry.size = entry.sha1(), str(len(content))
        return refusal(hospital.update(xds.Submission(person.xad, [entry])), **words)
    if how == "status":
        change = xds.Submission(person.xad, statuses=[(target, xds.APPROVED, xds.DEPRECATED)])
        return refusal(hospital.update(change), **words)
    return refusal(hospital.provide(xds.Submission(person.xad, [entry], relations=[(how, entry.id, target)])), **words)


@pytest.mark.parametrize("how", [xds.RPLC, xds.APND, xds.XFRM, xds.SIGNS, "version", "status"],
                         ids=lambda how: how.rsplit(":")[-1])
def test_a_submission_does_not_tell_a_hidden_document_from_none(how, hub, lakeside, harbour):
    person, other = known(lakeside, harbour), known(lakeside, harbour)
    hidden, strange = (xds.Entry(p.xad, cda("kept"), id=xds.new_urn()) for p in (person, other))
    for p, entry in ((person, hidden), (other, strange)):
        assert lakeside.provide(xds.Submission(p.xad, [entry])).ok
    seen = names(harbour, hub, person, how, strange.id, cda("a guess")) if how not in ("version", "status") else None
    for p in (person, other):
        hub.run("consent", "set", "--patient", p.xad, "--deny", "--member", "harbour")
    nobodys = names(harbour, hub, person, how, xds.new_urn(), cda("a guess"))
    assert names(harbour, hub, person, how, hidden.id, cda("a guess")) == nobodys
    assert names(harbour, hub, person, how, strange.id, cda("a guess")) == nobodys != seen
    kept, = lakeside.find(person.xad).entries
    assert (kept.id, kept.status) == (hidden.id, xds.APPROVED)


def test_a_publisher_replaces_what_is_hidden_from_itself(hub, lakeside, harbour):
    person = known(lakeside, harbour)
    first, second = (xds.Entry(person.xad, cda(text), id=xds.new_urn()) for text in ("wrong", "right"))
    assert lakeside.provide(xds.Submission(person.xad, [first])).ok
    policy = hub.json("consent", "set", "--patient", person.xad, "--deny")["policy"]
    assert lakeside.provide(xds.Submission(person.xad, [second], relations=[(xds.RPLC, second.id, first.id)])).ok
    hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
    assert harbour.find(person.xad).unique_ids == [second.unique_id]
