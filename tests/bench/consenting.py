"""What consent costs: the engine by itself, its memory, and a query of many documents under many rules."""

import json
import statistics

import messages as m
from stack import TREE, run as command

CANDIDATES, RULES, ASKED = 200, 30, 10  # entries of a patient; rules of their policy; patients of each kind


def engine(bench, *arguments):
    return json.loads(command(bench.stack.build / "tests/bench/bench_consent", *arguments))


def consent_decide(bench, log):
    """Processor time of one core; the limit is what the target for a query leaves: 200 decisions in 1 ms."""
    rates = {}
    for rules in (1, 3, RULES):
        rates[rules] = statistics.median(engine(bench, "decide", rules, bench.seconds)["per_second"]
                                         for _ in range(bench.runs))
        log(f"consent_decide, {rules} rules: {rates[rules]:.0f}/s")
    value, limit = rates[RULES], CANDIDATES * 1000
    return {"name": "consent_decide", "value": value, "unit": "1/s of one core", "limit": limit,
            "ratio": round(value / limit, 3), "p50_ms": None, "p99_ms": None, "one_rule": rates[1],
            "three_rules": rates[3], "limit_is": f"{CANDIDATES} decisions by {RULES} rules in 1 ms"}


def consent_memory(bench, log):
    """From PostgreSQL, cold."""
    log(f"three policies each for {bench.persons} patients")
    bench.stack.script(TREE / "tests/bench/consent.sql", persons=bench.persons)
    size = engine(bench, "memory", bench.stack.database, bench.persons)
    if size["persons"] != bench.persons:
        raise SystemExit(f"bench: consent_memory: {size['persons']} of {bench.persons} were kept")
    limit = 1024 * 1.048576 * bench.persons / 1_000_000
    return {"name": "consent_memory", "value": size["resident_mb"], "unit": "MB", "limit": round(limit, 1),
            "ratio": round(size["resident_mb"] / limit, 3), "p50_ms": None, "p99_ms": None,
            "seconds": size["seconds"],
            "limit_is": f"1 GiB for a million patients with three policies each; here {bench.persons}"}


def rules():
    """Thirty that look at each document, and permit it."""
    exceptions = [{"effect": "deny", "when": [
        {"is": "class", "any": [["34133-9", "2.16.840.1.113883.6.1"]]},
        {"is": "created", "from": f"19{n:02}-01-01T00:00:00.000000Z", "until": f"19{n:02}-06-01T00:00:00.000000Z"},
        {"is": "label", "any": [["SUD", ""]]}]} for n in range(10, 9 + RULES)]
    return json.dumps({"effect": "permit", "except": exceptions}, separators=(",", ":"))


def permit(bench, patients, written):
    """One policy each, of these rules or of none, behind the hub's back."""
    ids = ",".join("'" + p.split("^")[0] + "'" for p in patients)
    bench.stack.sql(f"""
        WITH made AS (
            INSERT INTO consent_policy (pkey, person_id, policy_id, version, effect, rules, since, recorded_by)
            SELECT person_pkey, person_id, gen_random_uuid(), 1, 'permit', {f"'{written}'" if written else 'NULL'},
                   now(), 'bench'
              FROM mpi_xad WHERE xad_pid IN ({ids}) RETURNING pkey, person_id)
        INSERT INTO consent_epoch (pkey, person_id, epoch)
        SELECT pkey, person_id, 1 FROM made
            ON CONFLICT (pkey, person_id) DO UPDATE SET epoch = consent_epoch.epoch + 1""")


def iti18_consent(bench, log):
    """Beside the same query of as many documents under one policy that permits all."""
    bench.populate()
    log(f"{CANDIDATES} entries each for {2 * ASKED} patients")
    chosen = bench.patients[-2 * ASKED:]
    with bench.stack.connect(bench.stack.listen) as c:
        for i, patient in enumerate(chosen):
            local = bench.local(len(bench.patients) - 2 * ASKED + i)
            for n in range(CANDIDATES // 10 - 1):
                bench.stack.submit(c, m.iti42(patient, local, 50_000 + 100 * i + n))
    permit(bench, chosen[:ASKED], rules())
    permit(bench, chosen[ASKED:], None)
    bench.stack.sql("VACUUM ANALYZE")
    ruled, plain = ([m.iti18(p) for p in part] for part in (chosen[:ASKED], chosen[ASKED:]))
    figure = bench.compare("iti18_consent", lambda: bench.load(ruled), lambda: bench.load(plain),
                           f"the same {CANDIDATES} documents with consent compiled to permit-all")
    figure["flushes"] = bench.flushes("ITI-18")
    return figure
