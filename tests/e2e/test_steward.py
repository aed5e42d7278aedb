"""Stewards at a terminal: what they say holds, shows on the wire, and can be taken back."""
import json

import psycopg2
import pytest

from hospital.mllp import cx
from people import Person, known


def sql(hub, text, *values):
    with psycopg2.connect(hub.database + " user=causeway_owner") as connection:
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.fetchall() if cursor.description else None


@pytest.fixture
def two(lakeside):
    """Two patients of Lakeside's that resemble nobody."""
    people = Person(lakeside), Person(lakeside)
    for person in people:
        person.resolve(lakeside)
    return people


def person_of(hub, lakeside, person):
    return hub.json("mpi", "person", person.cx(lakeside))


def test_a_merge_moves_the_answers_and_an_unmerge_moves_them_back(hub, lakeside, two):
    one, other = two
    done = hub.json("mpi", "merge", one.cx(lakeside), other.cx(lakeside), "--why", "one patient")
    assert done["emptied"]
    assert lakeside.xad_pid(other.number(lakeside)) == one.xad
    shown = person_of(hub, lakeside, one)
    assert len(shown["records"]) == 4
    assert [m["merge"] for m in shown["merges"]] == [done["merge"]]
    hub.json("mpi", "unmerge", done["merge"])
    assert lakeside.xad_pid(other.number(lakeside)) == other.xad
    assert len(person_of(hub, lakeside, one)["records"]) == 2


def test_an_unlinked_record_answers_for_itself_and_is_kept_apart(hub, lakeside, harbour):
    person = known(lakeside, harbour)
    hub.json("mpi", "unlink", person.cx(harbour), "--why", "two patients")
    assert lakeside.xad_pid(person.number(lakeside)) == person.xad
    assert harbour.xad_pid(person.number(harbour)) not in (None, person.xad)
    refused = hub.json("mpi", "link", person.cx(harbour), person.cx(lakeside), expect=2)
    assert "no-link --end" in str(refused["error"])
    hub.json("mpi", "no-link", person.cx(harbour), person.cx(lakeside), "--end")
    hub.json("mpi", "link", person.cx(harbour), person.cx(lakeside))
    assert harbour.xad_pid(person.number(harbour)) == person.xad


def test_what_a_steward_says_leaves_audit_rows(hub, lakeside, two):
    one, other = two
    hub.json("mpi", "no-link", one.cx(lakeside), other.cx(lakeside), "--why", "cousins")
    for person in two:
        rows = hub.run("audit", "search", "--patient", person.cx(lakeside), "--json")
        assert '"PATIENT"' in rows and "causeway mpi no-link" in rows


def test_a_record_shows_where_it_was_and_what_was_decided(hub, lakeside, harbour):
    person = known(lakeside, harbour)
    shown = hub.json("mpi", "record", person.cx(harbour))
    assert [v["event"] for v in shown["versions"]] == ["A04"]
    assert [l["because"] for l in shown["links"]] == ["demographics by algorithm"]
    assert [d["outcome"] for d in shown["decisions"]] == ["link"]


def test_the_golden_record_takes_the_trusted_complete_and_recent(hub, lakeside, harbour):
    person = Person(lakeside)
    person.feed(harbour, address="9 New Rd^^Springfield^IL^62703^US")
    golden = person_of(hub, lakeside, person)
    assert golden["golden"]["addresses"][0]["street"] == "9 New Rd"
    assert golden["sources"]["addresses"]["rule"] == "recency"
    assert len(golden["golden"]["addresses"]) == 2


def test_a_task_is_assigned_and_resolved(hub, lakeside):
    person = Person(lakeside)
    lakeside.feed("A08", person.patient(person.cx(lakeside), family="Unlike", given="Otto",
                                        birth="19010203", sex="M"))
    tasks = hub.json("mpi", "task", "list", "--kind", "overlay")["tasks"]
    record = hub.json("mpi", "record", person.cx(lakeside))["record"]
    task = next(t for t in tasks if t["record"] == record)["task"]
    assert hub.json("mpi", "task", "assign", task, "ann")["tasks"][0]["assigned_to"] == "ann"
    assert task in [t["task"] for t in
                    hub.json("mpi", "task", "list", "--assigned-to", "ann")["tasks"]]
    closed = hub.json("mpi", "task", "resolve", task, "--corrected")["tasks"][0]
    assert (closed["state"], closed["resolution"]) == ("closed", "corrected")
    again = hub.json("mpi", "task", "resolve", task, "--dismiss", expect=2)
    assert "closed" in str(again["error"])


def conflict_of(hub, lakeside, one, other):
    """The task about a message that names two patients."""
    lakeside.feed("A08", one.patient(one.cx(lakeside), other.cx(lakeside)))
    record = hub.json("mpi", "record", one.cx(lakeside))["record"]
    tasks = hub.json("mpi", "task", "list", "--kind", "identifier_conflict")["tasks"]
    return next(t for t in tasks if t["record"] == record)["task"]


def test_a_task_that_a_merge_settled_is_open_again_once_that_is_taken_back(hub, lakeside, two):
    task = conflict_of(hub, lakeside, *two)
    closed = hub.json("mpi", "task", "resolve", task, "--same")["tasks"][0]
    assert closed["state"] == "closed"
    assert lakeside.xad_pid(two[0].number(lakeside)) == lakeside.xad_pid(two[1].number(lakeside))
    hub.json("mpi", "unmerge", closed["resolution"])
    again = hub.json("mpi", "task", "show", task)["tasks"][0]
    assert (again["state"], again["resolution"]) == ("open", "")


def test_a_national_identifier_is_shown_whole_only_where_it_is_asked_for_and_audited(hub, lakeside):
    person = Person(lakeside)
    person.feed(lakeside, "A08", extra={19: "219-09-9998"})
    for what in "person", "record":
        shown = hub.run("mpi", what, person.cx(lakeside), "--json")
        assert "****" in shown and "219099998" not in shown.replace("-", "")
        whole = hub.run("mpi", what, person.cx(lakeside), "--json", "--clear")
        assert "219099998" in whole.replace("-", "")
    rows = hub.run("audit", "search", "--patient", person.cx(lakeside), "--json")
    assert rows.count("shown in clear") == 2


def test_a_model_is_not_refined_from_a_few_judgements(hub, lakeside, two, tmp_path):
    hub.json("mpi", "merge", *(p.cx(lakeside) for p in two))
    model = tmp_path / "refined.json"
    refused = hub.json("mpi", "model", "refine", "--out", model, expect=2)
    assert "500 are needed" in str(refused["error"]) and not model.exists()


def test_the_index_is_made_again_while_the_hub_serves(hub, lakeside, harbour):
    person = Person(lakeside)
    sql(hub, "DELETE FROM mpi_block_key")
    done = hub.json("mpi", "reindex")
    assert done["records"] > 0 and done["normalised"] == 0
    person.feed(harbour)
    assert harbour.xad_pid(person.number(harbour)) == lakeside.xad_pid(person.number(lakeside))
    again = hub.json("mpi", "reindex")
    assert again["keys"] > 0 and again["stale"] == 0


def test_what_is_not_there_is_a_plain_no(hub):
    for arguments in (["person", "P1.999999"], ["record", "R1.999999"],
                      ["unmerge", "00000000-0000-7000-8000-000000000000"],
                      ["task", "show", "00000000-0000-7000-8000-000000000000"],
                      ["merge", "P1.999998", "P1.999999"],
                      ["record", cx("NOBODY", "1.2.3.4")]):
        hub.run("mpi", *arguments, expect=1)


def test_a_decision_is_explained_by_its_evidence(hub, lakeside, harbour, tmp_path):
    person = Person(lakeside)
    person.feed(harbour, family=person.family[:-1] + "<i>")
    text = hub.run("mpi", "explain", person.cx(harbour))
    assert "family name" in text and "birth date" in text and "probability" in text
    explained = hub.json("mpi", "explain", person.cx(harbour))["decisions"][0]
    best = explained["candidates"][0]
    assert explained["same"] and best["weight"] == pytest.approx(sum(s["bits"] for s in best["steps"]))
    page = tmp_path / "report.html"
    ids = tmp_path / "ids"
    ids.write_text(explained["decision"] + "\n")
    hub.run("mpi", "explain", "--input", ids, "--html", page)
    html = page.read_text()
    assert explained["decision"] in html and "<script" not in html and "<i>" not in html.replace(
        '<i class', "")
    assert page.stat().st_mode & 0o077 == 0


def test_every_decision_is_reproduced_by_replay(hub, lakeside, harbour):
    people = [Person(lakeside) for _ in range(10)]
    for person in people:
        person.feed(harbour, given=person.given[:-1])
        person.feed(lakeside, "A08", address="5 Other St^^Springfield^IL^62702^US")
    answer = hub.json("mpi", "replay")
    assert answer["decisions"] >= 30 and answer["differing"] == 0
    assert hub.json("mpi", "replay", "--last", 7)["decisions"] == 7


def test_a_decision_that_was_tampered_with_differs(hub, lakeside, harbour):
    person = Person(lakeside)
    person.feed(harbour)
    record = hub.json("mpi", "record", person.cx(harbour))
    decision = record["decisions"][0]["decision"]
    sql(hub, "UPDATE mpi_decision SET outcome = 'new' WHERE decision_id = %s", decision)
    answer = hub.json("mpi", "replay", decision, expect=1)
    assert answer["list"] == [{"decision": decision, "differs": "outcome"}]
    sql(hub, "UPDATE mpi_decision SET outcome = 'link' WHERE decision_id = %s", decision)


def test_another_model_decides_from_the_next_feed_on(hub, lakeside, harbour, tmp_path):
    Person(lakeside).feed(harbour)
    first, second = Person(lakeside), Person(lakeside)
    strict = json.loads(sql(hub, "SELECT content FROM mpi_model WHERE name = 'built-in'")[0][0])
    strict["name"] = "strict"
    strict["evidence"] = 200
    model = tmp_path / "strict.json"
    model.write_text(json.dumps(strict))
    shadow = hub.json("mpi", "model", "shadow", model)
    assert shadow["table"]["link"]["review"] > 0
    assert {"was": "link", "would_be": "review"}.items() <= shadow["changed"][0].items()
    hub.json("mpi", "model", "activate", model)
    first.feed(harbour)
    assert harbour.xad_pid(first.number(harbour)) != lakeside.xad_pid(first.number(lakeside))
    hub.json("mpi", "model", "activate", "built-in")
    second.feed(harbour)
    assert harbour.xad_pid(second.number(harbour)) == lakeside.xad_pid(second.number(lakeside))
    assert hub.json("mpi", "replay")["differing"] == 0
