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
