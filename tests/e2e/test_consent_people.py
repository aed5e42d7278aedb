"""People around a patient, end to end: representatives, minors, and broken glass as a closed loop."""
import datetime
import json

import pytest

from hospital import saml, xds
from hospital.hub import HOME
from people import Person, cda, known

ACT_REASON = "2.16.840.1.113883.5.8"
EMERGENCY = ("ETREAT", ACT_REASON)
ISSUER = "https://sts.harbour.example"


@pytest.fixture(scope="module")
def sts(hub, harbour):
    """Harbour's identity provider."""
    provider = saml.Provider(hub.folder / "sts", ISSUER, audience=f"urn:oid:{HOME}")
    hub.run("member", "idp", "add", "harbour", "--issuer", ISSUER, "--cert", provider.key.certificate)
    hub.run("consent", "emergency", "add", "ETREAT", "--minutes", 30, "--review-hours", 24)
    return provider


def user(name):
    return f"<{name}@{ISSUER}>"


def purpose(code, reason=None):
    made = saml.coded("PurposeOfUse", code)
    if reason:
        saml.element(made, saml.HL7, "originalText", reason)
    return made


def vouch(sts, who, code=saml.TREAT, reason=None):
    """A header with an assertion of its own."""
    return saml.security(sts.assertion(user=who, role=("HCP", "1.2.7"), purpose=purpose(code, reason)))


def found(hospital, person, header):
    answer = hospital.find(person.xad, headers=[header])
    assert answer.ok, answer
    return {e.unique_id for e in answer.entries}


def published(lakeside, person, text, **options):
    entry = xds.Entry(person.xad, cda(text), id=xds.new_urn(), **options)
    assert lakeside.provide(xds.Submission(person.xad, [entry])).ok
    return entry


def sql(hub, text, *values):
    import psycopg2
    with psycopg2.connect(f"{hub.database} user=causeway_admin") as connection, connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else None


def lines(hub, *words):
    return [json.loads(line) for line in hub.run(*words, "--json").splitlines()]


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


@pytest.fixture
def scene(hub, lakeside, harbour, sts):
    """A patient who denies, but lets it be broken in an emergency; with a document of Lakeside's."""
    person = known(lakeside, harbour)
    entry = published(lakeside, person, "an allergy")
    person.policy = hub.json("consent", "set", "--patient", person.xad, "--deny", "--overridable")["policy"]
    return person, entry


# --- broken glass ----------------------------------------------------------------------------------

def test_the_glass_breaks_with_a_reason_for_a_time_and_everybody_is_told(hub, harbour, sts, scene):
    person, entry = scene
    assert found(harbour, person, vouch(sts, "medic")) == set()
    assert found(harbour, person, vouch(sts, "medic", EMERGENCY)) == set(), "without a reason"
    assert found(harbour, person, vouch(sts, "medic", reason="unconscious")) == set(), "for treatment"
    opening = vouch(sts, "medic", EMERGENCY, "unconscious in the ED")
    assert found(harbour, person, opening) == {entry.unique_id}
    assert found(harbour, person, opening) == {entry.unique_id}
    assert found(harbour, person, vouch(sts, "medic", EMERGENCY)) == {entry.unique_id}, "it is open"
    assert harbour.retrieve((hub.repository, entry.unique_id), headers=[opening]).ok
    assert found(harbour, person, vouch(sts, "other", EMERGENCY)) == set(), "for one user alone"
    assert sql(hub, "SELECT count(*), max(until_at - opened_at) = interval '30 minutes' FROM break_glass"
                    " WHERE user_id = %s", user("medic")) == [(1, True)]

    # the patient's log: a notice, and what was done under it
    report = json.loads(hub.run("audit", "report", "access", "--patient", person.xad, "--format", "json"))
    told = [e for e in report["events"] if e["emergency"] and not e["refused"]]
    notice, = [e for e in told if "emergency" in e["what"]]
    assert notice["why"].endswith("unconscious in the ED") and "closed" in notice["what"]
    text = hub.run("audit", "report", "access", "--patient", person.xad)
    assert "EMERGENCY ACCESS" in text and "unconscious in the ED" in text

    # each row tells what was overridden
    row, = hub.audit(transaction="EMERGENCY", patient=person.xad)
    about, = [o for o in row["objects"] if o["kind"] == "emergency"]
    assert about["detail"].startswith(f"patient-deny {person.policy} v1, until ")
    looks = [r for r in hub.audit(transaction="ITI-18", patient=person.xad)
             if any(o["kind"] == "emergency" and o["id"] == about["id"] for o in r["objects"])]
    assert len(looks) == 3 and row["id"] == about["id"]

    # one task of review, not one for each look
    mine = [t for t in lines(hub, "audit", "review", "breakglass", "--user", user("medic"))
            if t["access"].endswith(row["id"])]
    assert len(mine) == 1 and not mine[0]["overdue"]
    assert not [t for t in lines(hub, "audit", "review", "breakglass", "--user", user("medic"))
                if t["access"].endswith(looks[0]["id"])]


def age(hub, who, hours):
    """As if this user's emergencies had been opened so much earlier."""
    sql(hub, "UPDATE break_glass SET opened_at = opened_at - make_interval(hours => %s),"
             " until_at = until_at - make_interval(hours => %s),"
             " review_due_at = review_due_at - make_interval(hours => %s) WHERE user_id = %s",
        hours, hours, hours, user(who))
    sql(hub, "UPDATE consent_epoch SET epoch = epoch + 1")


def test_after_its_time_an_emergency_is_declared_anew_by_another_assertion(hub, harbour, sts, scene):
    person, entry = scene
    first = vouch(sts, "late", EMERGENCY, "unconscious")
    assert found(harbour, person, first) == {entry.unique_id}
    age(hub, "late", 1)
    assert found(harbour, person, first) == set()
    assert found(harbour, person, vouch(sts, "late", EMERGENCY)) == set()
    assert found(harbour, person, vouch(sts, "late", EMERGENCY, "still unconscious")) == {entry.unique_id}
    assert sql(hub, "SELECT count(*) FROM break_glass WHERE user_id = %s", user("late")) == [(2,)]


def test_only_a_denial_that_is_marked_overridable_is_opened(hub, lakeside, harbour, sts):
    person = known(lakeside, harbour)
    published(lakeside, person, "a secret")
    hub.run("consent", "set", "--patient", person.xad, "--deny")
    header = vouch(sts, "firm", EMERGENCY, "unconscious")
    assert found(harbour, person, header) == set()
    hub.run("consent", "set", "--patient", person.xad, "--deny", "--overridable")  # one firm denial is enough
    assert found(harbour, person, header) == set()
    assert sql(hub, "SELECT count(*) FROM break_glass WHERE user_id = %s", user("firm")) == [(0,)]


def test_a_purpose_opens_nothing_once_the_domain_has_removed_it(hub, harbour, sts, scene):
    person, entry = scene
    disaster = ("DISASTER", ACT_REASON)
    assert found(harbour, person, vouch(sts, "relief", disaster, "flood")) == set()
    hub.run("consent", "emergency", "add", "DISASTER", "--minutes", 10)
    header = vouch(sts, "relief", disaster, "flood")
    assert found(harbour, person, header) == {entry.unique_id}
    task, = lines(hub, "audit", "review", "breakglass", "--user", user("relief"))
    assert task["record"]["purpose"] == "BTG"
    hub.run("consent", "emergency", "remove", "DISASTER")
    assert found(harbour, person, header) == set()
    hub.run("consent", "emergency", "remove", "DISASTER", expect=1)


def test_a_search_opens_no_emergency_and_a_question_about_one_patient_does(hub, lakeside, harbour, sts, scene):
    from hospital import hl7v3
    person, _ = scene
    theirs = (lakeside.authority, person.number(lakeside))

    def ids(path, body, header):
        action = hl7v3.ACTION.format(body.tag.split("}")[1])
        return hl7v3.Answer(harbour.link.call(path, action, body, headers=[header])).ids()

    def search():
        return hl7v3.pdq_query([("livingSubjectName", f"<value><family>{person.family}</family></value>")])

    declared = vouch(sts, "seeker", EMERGENCY, "unconscious")
    of_seeker = "SELECT count(*) FROM break_glass WHERE user_id = %s", user("seeker")
    assert theirs not in ids("/pdq", search(), declared)
    assert sql(hub, *of_seeker) == [(0,)]
    one = hl7v3.pix_query(harbour.authority, person.number(harbour))
    assert theirs not in ids("/pix", one, vouch(sts, "seeker"))
    assert theirs in ids("/pix", one, declared)
    assert sql(hub, *of_seeker) == [(1,)]
    assert theirs in ids("/pdq", search(), vouch(sts, "seeker", EMERGENCY))  # it is open


def test_what_was_overridden_is_decided_again_as_it_was(hub, harbour, sts, scene):
    """Replay: before, within and after the time box."""
    person, entry = scene
    ask = ("consent", "decide", "--patient", person.xad, "--member", "harbour", "--source", "lakeside",
           "--user", user("replayed"), "--purpose", f"ETREAT^^{ACT_REASON}")
    before = datetime.datetime.now(datetime.timezone.utc)
    assert hub.json(*ask, expect=1)["rule"] == "patient-deny"
    assert hub.json(*ask, "--reason", "unconscious")["rule"] == "break-glass"  # would open; opens nothing
    assert sql(hub, "SELECT count(*) FROM break_glass WHERE user_id = %s", user("replayed")) == [(0,)]
    assert found(harbour, person, vouch(sts, "replayed", EMERGENCY, "unconscious")) == {entry.unique_id}
    (opened, until), = sql(hub, "SELECT opened_at, until_at FROM break_glass WHERE user_id = %s", user("replayed"))

    def rule(at):
        stamp = at.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return hub.json(*ask, "--as-of", stamp, expect=None)["rule"]

    assert rule(before) == "patient-deny"
    assert rule(opened) == rule(until - datetime.timedelta(microseconds=1)) == "break-glass"
    assert rule(until) == "patient-deny"


def test_a_review_that_is_overdue_escalates_until_somebody_looks(hub, harbour, sts, scene):
    person, entry = scene
    assert found(harbour, person, vouch(sts, "hasty", EMERGENCY, "no time")) == {entry.unique_id}
    hub.seal()
    hub.run("audit", "watch", "--once")
    overdue = ("SELECT escalated_at IS NOT NULL, reviewed_at IS NOT NULL FROM break_glass WHERE user_id = %s",
               user("hasty"))
    assert sql(hub, *overdue) == [(False, False)]
    sql(hub, "UPDATE break_glass SET review_due_at = now() - interval '1 minute' WHERE user_id = %s", user("hasty"))
    task, = lines(hub, "audit", "review", "breakglass", "--user", user("hasty"))
    assert task["overdue"]
    hub.run("audit", "watch", "--once")
    assert sql(hub, *overdue) == [(True, False)]
    alert, = [a for a in lines(hub, "audit", "alerts", "list", "--limit", 1000)
              if (a["rule"], a["user"]) == ("break-glass-overdue", user("hasty"))]
    assert task["access"] in alert["records"]
    hub.run("audit", "watch", "--once")  # once
    task, = lines(hub, "audit", "review", "breakglass", "--user", user("hasty"))
    assert task["escalated"]
    hub.run("audit", "review", "close", task["access"], "--finding", "unjustified", "--note", "was awake")
    assert lines(hub, "audit", "review", "breakglass", "--user", user("hasty")) == []
    assert sql(hub, *overdue) == [(True, True)]


# --- representatives and minors --------------------------------------------------------------------

def test_a_representative_sees_within_scope_and_time_what_an_opt_in_domain_hides(hub, lakeside, harbour, sts):
    person = known(lakeside, harbour)
    entry = published(lakeside, person, "for the son")
    hub.run("consent", "default", "opt-in")
    try:
        assert found(harbour, person, vouch(sts, "son")) == set()
        added = hub.json("consent", "proxy", "add", "--patient", person.xad, "--user", user("son"))
        relation, = added["relations"]
        assert relation["state"] == "in force"
        assert found(harbour, person, vouch(sts, "son")) == {entry.unique_id}
        assert found(harbour, person, vouch(sts, "daughter")) == set()
        hub.run("consent", "proxy", "end", "--patient", person.xad, "--relation", relation["id"])
        assert found(harbour, person, vouch(sts, "son")) == set()
        narrow = hub.json("consent", "proxy", "add", "--patient", person.xad, "--user", user("nephew"),
                          "--class", "none^^1.2.3")
        assert len(narrow["relations"]) == 2
        assert found(harbour, person, vouch(sts, "nephew")) == set()
    finally:
        hub.run("consent", "default", "opt-out")
    # who was a representative is no stranger, whom the domain permits
    assert found(harbour, person, vouch(sts, "daughter")) == {entry.unique_id}
    assert found(harbour, person, vouch(sts, "son")) == set()
    hub.run("consent", "proxy", "end", "--patient", person.xad, "--relation", relation["id"], "--mistake")
    assert found(harbour, person, vouch(sts, "son")) == {entry.unique_id}
    hub.run("consent", "proxy", "end", "--patient", person.xad, "--relation", relation["id"], expect=1)


def test_a_representative_of_one_is_none_of_whom_a_record_goes_to(hub, lakeside, harbour, sts):
    """An A40 takes a record out of a person who stays: what was kept from somebody stays kept."""
    person, duplicate = known(lakeside, harbour), known(lakeside)
    entry, _ = lakeside.publish(person.xad, cda("kept"), source_patient_id=person.cx(lakeside))
    hub.run("consent", "proxy", "add", "--patient", person.xad, "--user", user("stepmother"), "--class", "none^^1.2.3")
    assert harbour.get(unique_ids=[entry.unique_id], headers=[vouch(sts, "stranger")]).objects
    assert not harbour.get(unique_ids=[entry.unique_id], headers=[vouch(sts, "stepmother")]).objects
    assert lakeside.merge(duplicate.patient(duplicate.cx(lakeside)), person.cx(lakeside))["MSA-1"] == "AA"
    assert harbour.get(unique_ids=[entry.unique_id], headers=[vouch(sts, "stranger")]).objects
    assert not harbour.get(unique_ids=[entry.unique_id], headers=[vouch(sts, "stepmother")]).objects
    relation, = hub.json("consent", "proxy", "list", "--patient", duplicate.xad)["relations"]
    assert (relation["user"], relation["state"]) == (user("stepmother"), "ended")


def test_a_corrected_birth_date_reaches_who_represents_a_minor_at_the_next_request(hub, lakeside, harbour, sts):
    """The index knows the patient as an adult; their record of Lakeside's says so by mistake."""
    def years_ago(years):
        return f"{datetime.date.today().year - years}0101"
    person = Person()
    for hospital in (lakeside, harbour):
        person.feed(hospital, birth=years_ago(40))
    person.resolve(lakeside)
    entry = published(lakeside, person, "a broken arm")
    hub.json("consent", "proxy", "add", "--patient", person.xad, "--user", user("father"), "--of-minor")

    def decision(*more):
        return json.loads(hub.run("consent", "decide", "--patient", person.xad, "--member", "harbour", "--user",
                                  user("father"), "--document", entry.unique_id, "--json", *more, expect=None))["rule"]
    assert found(harbour, person, vouch(sts, "father")) == set()
    assert decision() == "relation-ended"
    before = now()
    for birth, rule in ((years_ago(10), "proxy"), (years_ago(30), "relation-ended"), (years_ago(9), "proxy")):
        for hospital in (lakeside, harbour):
            person.feed(hospital, "A31" if rule == "proxy" else "A08", birth=birth)
        assert found(harbour, person, vouch(sts, "father")) == ({entry.unique_id} if rule == "proxy" else set())
        assert decision() == rule
    assert decision("--as-of", before) == "relation-ended"
    relation, = hub.json("consent", "proxy", "list", "--patient", person.xad)["relations"]
    assert relation["born"] == f"{datetime.date.today().year - 9}-01-01"


def test_a_parents_relation_ends_with_majority_and_adolescents_keep_their_categories(hub, lakeside, harbour, sts):
    person = known(lakeside, harbour)
    entry = published(lakeside, person, "a check-up")
    today = datetime.datetime.now(datetime.timezone.utc).date()
    born = today.replace(year=today.year - 15, day=1)
    add = ("consent", "proxy", "add", "--patient", person.xad, "--user", user("mother"), "--of-minor", "--born", born)
    relation, = hub.json(*add)["relations"]
    assert relation["born"] == born.isoformat()
    assert found(harbour, person, vouch(sts, "mother")) == {entry.unique_id}
    assert user("mother") in hub.run("consent", "minors", "list")
    hub.run("consent", "minors", "keep", "label", "SEX", "--from-age", 14)
    assert found(harbour, person, vouch(sts, "mother")) == {entry.unique_id}
    hub.run("consent", "minors", "majority", 15)
    try:
        assert found(harbour, person, vouch(sts, "mother")) == set()
        assert found(harbour, person, vouch(sts, "doctor")) == {entry.unique_id}
        listed, = hub.json("consent", "proxy", "list", "--patient", person.xad)["relations"]
        assert listed["state"] == "ended: of age"
    finally:
        hub.run("consent", "minors", "majority", 18)
    assert hub.json("consent", "minors", "show")["categories"] == [
        {"attribute": "label", "code": "SEX", "from_age": 14}]
    hub.run("consent", "minors", "share", "label", "SEX")
    hub.run("consent", "minors", "share", "label", "SEX", expect=1)


def test_the_index_knows_when_a_patient_was_born(hub, lakeside, harbour, sts):
    person = known(lakeside, harbour)
    relation, = hub.json("consent", "proxy", "add", "--patient", person.xad, "--user", user("guardian"),
                         "--of-minor")["relations"]
    assert relation["born"].replace("-", "") == person.birth
    assert relation["state"] == "ended: of age"


@pytest.mark.parametrize("options", [
    ["--user", "nobody"], ["--user", "<a@b>", "--relation", "COUSIN"], ["--user", "<a@b>", "--born", "yesterday"],
    ["--user", "<a@b>", "--relation", "SELF", "--of-minor"], ["--user", "<a@b>", "--from", "2030-01-01", "--until", "2029-01-01"],
    []])
def test_a_relation_that_makes_no_sense_is_refused(options, hub, lakeside, harbour, sts):
    hub.run("consent", "proxy", "add", "--patient", known(lakeside).xad, *options, expect=2)


@pytest.mark.parametrize("command", [
    ["minors", "majority", "0"], ["minors", "keep", "label", "X"], ["minors", "keep", "member", "X", "--from-age", "3"],
    ["minors", "keep", "label", "X", "--from-age", "90"], ["emergency", "add", "BTG", "--minutes", "0"],
    ["emergency", "add", "BTG", "--minutes", "many"]])
def test_ages_and_terms_out_of_range_are_refused(command, hub):
    hub.run("consent", *command, expect=2)


@pytest.mark.parametrize("table", ["consent_relation", "consent_age", "consent_emergency_purpose", "break_glass"])
def test_what_was_recorded_is_never_deleted_by_the_hub(table, hub):
    import psycopg2
    with psycopg2.connect(f"{hub.database} user=causeway_hub") as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(f"DELETE FROM {table}")
