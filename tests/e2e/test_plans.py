"""How PostgreSQL runs the registry's statements on a registry that is large enough: by keys, never by scanning.

Every SELECT, UPDATE and DELETE of xds/ is taken from the sources as the compiler sees it, prepared,
and planned once for all values, as a serving connection does (hub/data/db.h).
"""
import json
import re
import subprocess

import pytest

from hospital import hub as hubs

DOCUMENTS, PATIENTS = 50000, 10000
LARGE = {"xds_document_entry", "xds_submission_set", "xds_association", "uid_claim", "uid_entry",
         "mpi_identifier", "mpi_person", "mpi_link", "mpi_record"}

# Those that read a whole table, and why they may.
SCANS = {
    "xds_scan_documents": "ITI-51 without a patient: at most max_scanned rows",
    "xds_scan_folders": "ITI-51 without a patient: at most max_scanned rows",
}

STATEMENT = re.compile(r'\{\s*"([a-z0-9_]+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)[,}]')
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


def statements(root):
    """name -> SQL of each struct statement of xds/."""
    found = {}
    for path in sorted((root / "xds").glob("*.c")):
        done = subprocess.run(["cc", "-E", "-P", "-D_GNU_SOURCE", f"-I{root}", "-I/usr/include/postgresql",
                               "-I/usr/include/libxml2", str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        own = done.stdout[done.stdout.index("struct statement") if "struct statement" in done.stdout else 0:]
        for name, literals in STATEMENT.findall(own):
            text = "".join(LITERAL.findall(literals)).replace("\\n", "\n").replace('\\"', '"')
            if re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)\b", text):
                found[name] = text
    return found


@pytest.fixture(scope="module")
def plans(cluster, program, make_hub):
    """name -> plan of every statement."""
    from conftest import ROOT

    hub = make_hub("plans")
    hub.stop()
    script = hub.folder / "plans.sql"
    hubs._shell(ROOT, 'pg_sql "$1" plans -q -v documents="$2" -v patients="$3" -v authority=1.2.3 -v xad=1.2.4 '
                '-v member=1 -f tests/bench/registry.sql', str(cluster.folder), str(DOCUMENTS), str(PATIENTS))
    texts = statements(ROOT)
    script.write_text("SET plan_cache_mode = force_generic_plan;\n" + "".join(
        f"PREPARE {name} AS {text};\n\\echo @{name}\nEXPLAIN (FORMAT JSON) EXECUTE {name}{nothing(text)};\n"
        for name, text in texts.items()))
    out = hubs._shell(ROOT, 'pg_sql "$1" plans -q -At -v ON_ERROR_STOP=1 < "$2"', str(cluster.folder), str(script))
    found = dict(part.split("\n", 1) for part in out.split("@")[1:] if "\n" in part)
    assert set(found) == set(texts)
    return {name: json.loads(plan)[0]["Plan"] for name, plan in found.items()}


def nothing(text):
    """(NULL, ...) for as many parameters as the statement has."""
    most = max((int(n) for n in re.findall(r"\$(\d+)", text)), default=0)
    return "(" + ", ".join(["NULL"] * most) + ")" if most else ""


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def scans(plan):
    """The large tables that are read without a condition on an index."""
    return sorted({n["Relation Name"] for n in nodes(plan)
                   if n.get("Relation Name") in LARGE and n["Node Type"] not in ("ModifyTable", "Bitmap Heap Scan")
                   and not n.get("Index Cond") and n["Node Type"].endswith("Scan")}
                  | {n.get("Index Name") for n in nodes(plan)
                     if n["Node Type"] == "Bitmap Index Scan" and not n.get("Index Cond")})


def test_no_statement_of_the_registry_scans_a_table(plans):
    assert len(plans) > 20
    wrong = {name: scans(plan) for name, plan in plans.items() if scans(plan) and name not in SCANS}
    assert not wrong


def test_the_exceptions_are_those_that_scan(plans):
    assert all(scans(plans[name]) or "folders" in name for name in SCANS if name in plans)
