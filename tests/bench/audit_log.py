"""audit_search: searches over a log of any size, beside the bare look-up by the same index."""

import json
import statistics

from stack import TREE, run

BARE = ("\\set p random(0, {patients})\n"
        "SELECT pkey, at, id, record_key FROM audit_search"
        " WHERE patient = 'P' || :p ::text || '^^^&1.2.840.114350&ISO' ORDER BY at DESC, id DESC LIMIT 51;\n")


def audit_search(bench, records, log):
    stack = bench.stack
    log(f"making {records} audit records")
    stack.script(TREE / "tests/bench/audit_records.sql", records=records)
    log(f"the database has {stack.size()}")
    tool = stack.build / "tests/bench/bench_audit_search"
    bare = stack.dir / "audit_search_bare.sql"
    bare.write_text(BARE.format(patients=records // 50))
    ours, limit = [], []
    for _ in range(bench.runs):
        ours.append(json.loads(run(tool, stack.database, "patient", records, bench.seconds))["per_second"])
        out = run("pgbench", "-n", "-M", "prepared", "-c", "1", "-T", max(1, round(bench.seconds)), "-f", bare,
                  stack.database)
        limit.append(float(next(l for l in out.splitlines() if l.startswith("tps =")).split()[2]))
    each = {kind: json.loads(run(tool, stack.database, kind, records, bench.seconds))["p99_ms"]
            for kind in ("patient", "user", "document", "request", "failure", "member", "time")}
    mix = json.loads(run(tool, stack.database, "mix", records, bench.seconds))
    value, bound = statistics.median(ours), statistics.median(limit)
    return {"name": "audit_search", "value": round(value, 1), "unit": "searches/s by patient", "limit": round(bound, 1),
            "ratio": round(value / bound, 3), "p50_ms": mix["p50_ms"], "p99_ms": mix["p99_ms"], "records": records,
            "p99_ms_by": each, "limit_is": "pgbench, one connection, the index on patient alone"}
