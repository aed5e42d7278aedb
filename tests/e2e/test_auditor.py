"""What auditors do with the log: searching, saved searches."""
import json

import pytest

from hospital import xds
from people import cda, known


def lines(hub, *words, **options):
    return [json.loads(line) for line in hub.run("audit", *words, "--json", **options).splitlines()]


@pytest.fixture(scope="module")
def story(hub, lakeside, harbour):
    """A document that harbour retrieves, and one that it must not see."""
    person = known(lakeside, harbour)
    entry, _ = lakeside.publish(person.xad, cda("story"))
    assert harbour.query(xds.find_documents(person.xad)).ok
    assert harbour.retrieve((hub.repository, entry.unique_id)).ok
    assert not harbour.retrieve((hub.repository, "1.2.3.4.5")).ok
    return {"person": person, "document": entry.unique_id}


# --- search -------------------------------------------------------------------------------------------

def test_a_document_is_found_by_what_named_it(hub, story):
    rows = lines(hub, "search", "--document", story["document"])
    assert [r["transaction"] for r in rows] == ["ITI-43"]
    assert lines(hub, "search", "--document", story["document"] + "0") == []


@pytest.mark.parametrize("options, holds", [
    (["--outcome", "failure"], lambda r: r["outcome"] != 0),
    (["--outcome", "success"], lambda r: r["outcome"] == 0),
    (["--outcome", "serious"], lambda r: r["outcome"] == 8),
    (["--role", "operator"], lambda r: r["role"] == "operator"),
    (["--purpose", "TREAT"], lambda r: r["purpose"] == "TREAT"),
    (["--member", "harbour", "--outcome", "failure"], lambda r: r["member"]["name"] == "harbour" and r["outcome"])])
def test_every_row_found_meets_the_conditions_and_none_is_left_out(options, holds, hub, story):
    everything = lines(hub, "search", "--limit", 1000)
    found = [r["id"] for r in lines(hub, "search", "--limit", 1000, *options)]
    assert found and [r["id"] for r in everything if holds(r)] == [i for i in found if i in {r["id"] for r in everything}]


def test_an_operators_rows_are_found_by_the_login_name(hub, story):
    me = lines(hub, "search", "--role", "operator", "--limit", 1)[0]["user"]
    assert {r["user"] for r in lines(hub, "search", "--user", me)} == {me}
    assert lines(hub, "search", "--user", "nobody") == []


def test_an_outcome_that_is_none_is_refused(hub):
    hub.run("audit", "search", "--outcome", "bad", expect=2)


def test_a_saved_search_is_run_again_by_its_name(hub, story):
    first = lines(hub, "search", "--member", "harbour", "--transaction", "ITI-43", "--save", "retrievals")
    assert [r["id"] for r in lines(hub, "search", "--saved", "retrievals")] == [r["id"] for r in first]
    narrower = lines(hub, "search", "--saved", "retrievals", "--outcome", "failure")
    assert {r["outcome"] > 0 for r in narrower} == {True}
    listed, = hub.json("audit", "saved", "list")
    assert listed["conditions"] == "--member harbour --transaction ITI-43"
    hub.run("audit", "saved", "remove", "retrievals")
    hub.run("audit", "search", "--saved", "retrievals", expect=1)
    hub.run("audit", "saved", "remove", "retrievals", expect=1)


def test_a_search_without_conditions_cannot_be_saved(hub):
    hub.run("audit", "search", "--limit", "5", "--save", "all", expect=2)


# --- detection ----------------------------------------------------------------------------------------

def sql(hub, text, *values):
    import psycopg2
    with psycopg2.connect(f"{hub.database} user=causeway_admin") as connection, connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else None


def by_user(hub, hospital, person, user, role="physician", purpose="TREAT"):
    """A query of this hospital about the person, as if a person at it had asked."""
    assert hospital.query(xds.find_documents(person.xad)).ok
    row = hub.audit(transaction="ITI-18", member=hospital.name)[-1]
    sql(hub, "UPDATE audit_search SET user_id = %s, role = %s, purpose = %s WHERE id = %s",
        user, role, purpose, row["id"])
    return row


def seal(hub):
    """Numbers what was recorded."""
    key = hub.folder / "checkpoint.key"
    if not key.exists():
        with open(hub.config, "a") as config:
            config.write(f"checkpoint_key = {key}\n")
        hub.run("audit", "key")
    hub.run("audit", "seal", "--once")


def watch(hub):
    seal(hub)
    hub.run("audit", "watch", "--once")


def alerts(hub, *options):
    return {(a["rule"], a["user"]): a for a in lines(hub, "alerts", "list", "--limit", 1000, *options)}


@pytest.fixture(scope="module")
def found(hub, lakeside, harbour, tmp_path_factory):
    """Self-access, a stranger's look, and a namesake with a care relationship."""
    me, stranger, cared = known(lakeside, harbour), known(lakeside), known(harbour)
    staff = tmp_path_factory.mktemp("staff") / "staff.csv"
    staff.write_text("user_id,organization,role,family,given,birth_date,hours\n"
                     f"self,{harbour.organization},physician,{me.family},{me.given},{me.birth},\n"
                     f"night,{harbour.organization},physician,Nobody,Knows,1970-01-02,mon-mon 00:00-00:00\n")
    hub.run("audit", "staff", "load", staff)
    rows = {u: by_user(hub, harbour, who, u)["id"] for u, who in
            {"self": me, "stranger": stranger, "night": cared}.items()}
    watch(hub)
    return rows


def test_each_rule_finds_what_it_is_for_and_names_the_records(found, hub):
    raised = alerts(hub)
    assert {k for k in raised if k[1] in found} == {
        ("self-access", "self"), ("no-care", "stranger"), ("after-hours", "night")}
    for (_, user), alert in raised.items():
        if user in found:
            assert [r.split("/")[1] for r in alert["records"]] == [found[user]]
