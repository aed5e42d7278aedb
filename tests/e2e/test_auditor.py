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


def watch(hub):
    hub.seal()
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


def test_care_that_comes_to_light_explains_no_care(hub, lakeside, harbour, found):
    person = known(lakeside)
    by_user(hub, harbour, person, "early")
    watch(hub)
    assert alerts(hub)["no-care", "early"]["state"] == "open"
    person.feed(harbour)
    watch(hub)
    assert ("no-care", "early") not in alerts(hub)
    assert alerts(hub, "--state", "explained")["no-care", "early"]


def test_an_access_is_judged_once_however_often_the_watch_runs(found, hub):
    before = alerts(hub, "--state", "all")
    watch(hub)
    assert alerts(hub, "--state", "all").keys() == before.keys()
    assert "0 alerts" in hub.run("audit", "watch", "--once")


def test_an_alert_is_closed_with_a_finding_and_can_be_opened_again(found, hub):
    name = alerts(hub)["after-hours", "night"]["alert"]
    assert found["night"] in hub.run("audit", "alerts", "show", name, "--json")
    hub.run("audit", "alerts", "close", name, expect=2)
    hub.run("audit", "alerts", "close", name, "--note", "on call")
    assert ("after-hours", "night") not in alerts(hub)
    assert alerts(hub, "--state", "closed")["after-hours", "night"]["note"] == "on call"
    hub.run("audit", "alerts", "reopen", name, "--note", "was not")
    assert ("after-hours", "night") in alerts(hub)
    hub.run("audit", "alerts", "show", "0" * 16, expect=1)


def test_every_access_to_a_vip_raises_an_alert(hub, harbour, found):
    star = known(harbour)
    hub.run("audit", "vip", "add", star.xad, "--reason", "a public figure")
    by_user(hub, harbour, star, "fan")
    watch(hub)
    assert ("vip", "fan") in alerts(hub)
    assert "a public figure" in hub.run("audit", "vip", "list")
    hub.run("audit", "vip", "remove", star.xad)
    hub.run("audit", "vip", "remove", star.xad, expect=1)


def test_a_staff_file_is_loaded_whole_or_not_at_all(hub, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("user_id,organization,hours\nnew-one,1.2,\nnew-two,1.2,always\n")
    hub.run("audit", "staff", "load", bad, expect=2)
    assert sql(hub, "SELECT count(*) FROM audit_staff WHERE user_id LIKE 'new-%%'") == [(0,)]
    bad.write_text("name\nx\n")
    hub.run("audit", "staff", "load", bad, expect=2)


# --- cases and reviews --------------------------------------------------------------------------------

def test_a_case_keeps_what_was_added_to_it(found, hub):
    name = alerts(hub)["self-access", "self"]["alert"]
    row = lines(hub, "search", "--user", "self")[0]
    hub.run("audit", "case", "open", "2026-1", "--about", "looks at herself")
    hub.run("audit", "case", "open", "2026-1", "--about", "again", expect=2)
    hub.run("audit", "case", "add", "2026-1", "--alert", name)
    hub.run("audit", "case", "add", "2026-1", "--record", f"{row['at']}/{row['id']}", "--text", "the look")
    hub.run("audit", "case", "assign", "2026-1", "--to", "reviewer")
    hub.run("audit", "case", "close", "2026-1", "--finding", "allowed")
    hub.run("audit", "case", "note", "2026-1", "--text", "late", expect=2)
    shown = lines(hub, "case", "show", "2026-1")
    assert [e.get("kind") for e in shown[:5]] == ["open", "alert", "record", "assign", "close"]
    assert shown[5]["id"] == row["id"]
    assert "2026-1" not in [c["case"] for c in lines(hub, "case", "list")]
    listed, = [c for c in lines(hub, "case", "list", "--all") if c["case"] == "2026-1"]
    assert (listed["state"], listed["assigned"]) == ("closed", "reviewer")
    hub.run("audit", "case", "show", "nothing", expect=1)


def test_every_act_on_a_case_is_audited(hub, found):
    hub.run("audit", "case", "open", "2026-2", "--about", "acts")
    hub.run("audit", "case", "note", "2026-2", "--text", "first")
    acts = [r for r in lines(hub, "search", "--transaction", "CONFIG")
            if any(o["id"] == "2026-2" for o in r["objects"])]
    assert [r["objects"][0]["detail"] for r in reversed(acts)] == ["open, entry 1", "note, entry 2"]


@pytest.mark.parametrize("table", ["audit_case_entry", "audit_review", "audit_alert", "audit_alert_event"])
def test_what_auditors_wrote_cannot_be_changed_by_the_hub(table, hub):
    import psycopg2
    for text in (f"DELETE FROM {table}", f"UPDATE {table} SET at = now()"):
        with psycopg2.connect(f"{hub.database} user=causeway_hub") as connection, connection.cursor() as cursor:
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(text)


def test_break_glass_waits_until_it_is_reviewed(hub, lakeside, found):
    person = known(lakeside)
    row = by_user(hub, lakeside, person, "rescuer", purpose="BTG")
    name = f"{row['at']}/{row['id']}"
    waiting = lines(hub, "review", "breakglass")
    assert [(w["access"], w["overdue"]) for w in waiting] == [(name, False)]
    hub.run("audit", "review", "close", name, "--finding", "justified", "--note", "unconscious")
    assert lines(hub, "review", "breakglass") == []
    reviewed, = lines(hub, "review", "breakglass", "--all")
    assert reviewed["finding"] == "justified"
    other = hub.audit(transaction="ITI-18", member="harbour")[-1]
    hub.run("audit", "review", "close", f"{other['at']}/{other['id']}", "--finding", "justified", "--note", "x",
            expect=2)


# --- export -------------------------------------------------------------------------------------------

def test_an_export_has_every_record_once_and_is_on_record_first(hub, story, tmp_path):
    file = tmp_path / "all.jsonl"
    hub.run("audit", "export", "--from", "2026-01-01", "--output", file)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    searched = lines(hub, "search", "--from", "2026-01-01", "--limit", 1000)
    assert len(rows) == len({r["id"] for r in rows}) > 0
    assert {r["id"] for r in rows} == {r["id"] for r in searched if r["at"] <= rows[0]["at"]}
    assert rows[0]["record"]["objects"][0]["id"] == "audit export"
    hub.run("audit", "export", "--output", file, expect=2)  # never over a file that is there


def test_what_is_sealed_is_exported_with_its_proof_and_the_rest_says_so(hub, story):
    hub.seal()
    export, *rows = lines(hub, "export", "--patient", story["person"].xad, "--proofs")
    assert export["unproven"] and "proof" not in export  # the export's own row
    assert rows and all(r["proof"].startswith("c2sp.org/tlog-proof@v1\n") and r["stored"] for r in rows)


def test_csv_runs_nothing_in_a_spreadsheet(hub, tmp_path):
    import csv
    hub.run("audit", "case", "open", "formula", "--about", '=HYPERLINK("http://x","y"), "z"')
    file = tmp_path / "all.csv"
    hub.run("audit", "export", "--transaction", "CONFIG", "--format", "csv", "--output", file)
    with open(file, newline="") as text:
        rows = list(csv.DictReader(text))
    assert '\'=HYPERLINK("http://x","y"), "z"' in [r["description"] for r in rows]
    assert not any(v[:1] in ("=", "+", "-", "@", "\t") for r in rows for v in r.values())
    hub.run("audit", "export", "--format", "csv", "--proofs", expect=2)


# --- reports ------------------------------------------------------------------------------------------

def test_the_patients_report_tells_every_access_refusals_and_merged_identifiers_included(hub, lakeside, harbour):
    old, new = known(lakeside, harbour), known(lakeside, harbour)
    assert harbour.query(xds.find_documents(old.xad)).ok
    hub.run("consent", "set", "--patient", new.xad, "--deny")
    entry, _ = lakeside.publish(new.xad, cda("mine"))
    harbour.query(xds.find_documents(new.xad))
    harbour.merge(new.patient(new.cx(harbour)), old.cx(harbour))
    lakeside.merge(new.patient(new.cx(lakeside)), old.cx(lakeside))
    report = json.loads(hub.run("audit", "report", "access", "--patient", new.xad, "--json"))
    looks = [(e["member"], e["what"], e["result"]) for e in report["events"]
             if e["what"].startswith("looked at the list of your documents")]
    assert ("harbour", "looked at the list of your documents", "done") in looks
    assert ("harbour", "looked at the list of your documents", "done, but part of it was withheld") in looks
    text = hub.run("audit", "report", "access", "--patient", new.xad)
    assert "harbour (its computer system) looked at the list of your documents, for treatment, from 127.0.0.1" in text
    row = lines(hub, "search", "--patient", new.xad, "--transaction", "ITI-81")[0]
    assert row["objects"][0]["id"] == "audit report access"


def test_the_page_to_print_is_escaped_and_loads_nothing(hub):
    import re
    hub.run("audit", "search", "--patient", "<script>1^^^&1.2.3&ISO")
    page = hub.run("audit", "report", "access", "--patient", "<script>1^^^&1.2.3&ISO", "--format", "html")
    assert "<script" not in page and "&lt;script&gt;1" in page
    assert not re.search(r"(src|href)\s*=|url\(|@import", page)


def test_the_accounting_leaves_treatment_out_and_names_recipient_and_address(hub, lakeside, harbour):
    person = known(lakeside, harbour)
    assert harbour.query(xds.find_documents(person.xad)).ok
    accounting = json.loads(hub.run("audit", "report", "disclosures", "--patient", person.xad, "--json"))
    assert accounting["events"] == []
    hub.run("audit", "report", "recipient", "harbour", "--name", "Harbour Hospital", "--address", "1 Quay St")
    assert "Harbour Hospital" in hub.run("audit", "report", "recipients")
    told = json.loads(hub.run("audit", "report", "access", "--patient", person.xad, "--json"))["events"]
    assert ("Harbour Hospital", "1 Quay St") in {(e["member"], e["address"]) for e in told}
    hub.run("audit", "report", "disclosures", expect=2)
