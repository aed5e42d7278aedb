"""Links a population with Splink on DuckDB, as its documentation advises for people, and prints one
JSON object: seconds, user and system time, peak memory, pairs compared, best F1. Run by
tests/bench/mpi_batch in an environment of its own."""

import json
import resource
import sys
import time

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

# As many ways to meet as the hub's own keys give: identifiers, contacts, names, dates, homes.
BLOCKS = [
    block_on("ssn"), block_on("phone"), block_on("email"),
    block_on("dob", "substr(given, 1, 1)"), block_on("dob", "substr(family, 1, 1)"),
    block_on("given", "family"), block_on("given", "family", "substr(dob, 1, 4)"),
    block_on("family", "postcode"), block_on("given", "postcode"),
    block_on("house_number", "street"), block_on("dob", "city"),
    block_on("family", "substr(given, 1, 1)", "substr(dob, 6, 5)"),
]


def settings():
    return SettingsCreator(
        link_type="dedupe_only", unique_id_column_name="id",
        blocking_rules_to_generate_predictions=BLOCKS,
        comparisons=[
            cl.ForenameSurnameComparison("given", "family"),
            cl.JaroWinklerAtThresholds("middle", [0.9]),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.ExactMatch("sex"),
            cl.JaroWinklerAtThresholds("street", [0.9]),
            cl.ExactMatch("house_number"),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("postcode", [1]),
            cl.LevenshteinAtThresholds("phone", [1]),
            cl.EmailComparison("email"),
            cl.LevenshteinAtThresholds("ssn", [1]),
        ])


def train(linker):
    linker.training.estimate_probability_two_random_records_match(
        [block_on("ssn"), block_on("given", "family", "dob")], recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("ssn"), block_on("dob"), block_on("given", "family")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)


BEST = """
WITH pairs AS (
    SELECT match_probability AS p, a.entity = b.entity AS same
    FROM predicted JOIN people a ON a.id = id_l JOIN people b ON b.id = id_r
), sums AS (
    SELECT p, sum(sum(same::int)) OVER up AS tp, sum(count(*)) OVER up AS all_pairs
    FROM pairs GROUP BY p WINDOW up AS (ORDER BY p DESC)
)
SELECT max(2.0 * tp / (all_pairs + {total})) FROM sums
"""


def main(path, threads):
    began = time.monotonic()
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute(f"CREATE TABLE people AS SELECT * FROM read_csv('{path}', all_varchar = true)")
    db = DuckDBAPI(connection=connection)
    linker = Linker(db.register("people"), settings())
    train(linker)
    predicted = linker.inference.predict(threshold_match_probability=0.01)
    seconds = time.monotonic() - began
    use = resource.getrusage(resource.RUSAGE_SELF)
    connection.execute("CREATE VIEW predicted AS SELECT match_probability, id_l, id_r FROM "
                       + predicted.physical_name)
    total = connection.execute("SELECT sum(n * (n - 1) / 2)::BIGINT FROM "
                               "(SELECT count(*) AS n FROM people GROUP BY entity)").fetchone()[0]
    f1 = connection.execute(BEST.format(total=total)).fetchone()[0]
    print(json.dumps({"seconds": round(seconds, 2), "cpu": round(use.ru_utime + use.ru_stime, 2),
                      "peak_rss_mb": round(use.ru_maxrss / 1024, 1), "f1": round(f1, 6)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
