"""Linking of files: accuracy on public data sets by column roles alone, the same links whatever the
order of rows and the number of threads, and what is said about files that are not as they should be.
Needs no database."""
import csv
import json
import random
import subprocess

import pytest

FEBRL = ("given=given_name,family=surname,house_number=street_number,street=address_1,"
         "street=address_2,city=suburb,postcode=postcode,state=state,dob=date_of_birth,"
         "ssn=soc_sec_id")
FEBRL_TRUTH = ["--truth-rule", r"^rec-(\d+)- on rec_id"]
HISTORICAL = ("id=unique_id,name=full_name,given=first_name,family=surname,dob=dob,"
              "birthplace=birth_place,postcode=postcode_fake,sex=gender,occupation=occupation")
FAKE = "id=unique_id,given=first_name,family=surname,dob=dob,city=city,email=email"
FIELDS = ["given", "middle", "family", "maiden", "suffix", "dob", "sex", "house_number", "street",
          "unit", "city", "state", "postcode", "phone", "email", "ssn", "mother_given",
          "birth_order"]
PEOPLE = "id=id," + ",".join(f"{f}={f}" for f in FIELDS)
KEYS = ["records", "truth_pairs", "tp", "fp", "fn", "precision", "recall", "f1",
        "precision_default", "recall_default", "f1_default", "b3_f1", "blocking_recall",
        "candidates_per_record", "wrong_auto_links", "seconds", "peak_rss_mb"]


def mpi(program, *words, status=0):
    done = subprocess.run([program, "mpi", *map(str, words)], text=True, capture_output=True,
                          timeout=600)
    assert done.returncode == status, done.stderr
    return done


def evaluate(program, *words):
    return json.loads(mpi(program, "eval", "--json", *words).stdout)


def rows(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def write(path, header, lines):
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(header)
        out.writerows(lines)
    return path


# --- accuracy

def test_febrl4_is_linked_whole_and_nobody_wrongly(program, data):
    result = evaluate(program, "--input", data("mpi/febrl/dataset4a.csv"), "--input",
                      data("mpi/febrl/dataset4b.csv"), "--between", "--columns", FEBRL, *FEBRL_TRUTH)
    assert all(key in result for key in KEYS)
    assert result["records"] == 10000 and result["truth_pairs"] == 5000
    assert result["f1"] >= 0.9998
    assert result["wrong_auto_links"] == 0


def test_febrl3_is_deduplicated(program, data):
    result = evaluate(program, "--input", data("mpi/febrl/dataset3.csv"), "--columns", FEBRL,
                      *FEBRL_TRUTH)
    assert result["truth_pairs"] == 6538 and result["f1"] >= 0.996


def test_historical_people_are_grouped(program, data):
    result = evaluate(program, "--input",
                      data("mpi/splink/historical_figures_with_errors_50k.csv"), "--columns",
                      HISTORICAL, "--truth-entity", "cluster")
    assert result["truth_pairs"] == 303961 and result["f1"] >= 0.83


def test_fake_people_are_grouped_by_column_and_by_list_alike(program, data):
    words = ["--input", data("mpi/splink/fake_1000.csv"), "--columns", FAKE]
    result = evaluate(program, *words, "--truth-entity", "cluster")
    listed = evaluate(program, *words, "--truth-pairs", data("mpi/splink/fake_1000_labels.csv"))
    assert result["truth_pairs"] == 2031 and result["f1"] >= 0.94
    assert listed["truth_pairs"] == 2031 and listed["f1"] == result["f1"]


def test_no_pair_of_two_people_is_linked_among_recordlinkers_cases(program, data, tmp_path):
    seeds = {r["Match Id"]: r for r in rows(data("mpi/recordlinker/nbs_seed.csv"))}
    fields = {"dob": "BIRTHDATE", "given": "FIRST", "family": "LAST", "suffix": "SUFFIX",
              "maiden": "MAIDEN", "sex": "GENDER", "street": "ADDRESS", "city": "CITY",
              "state": "STATE", "postcode": "ZIP", "ssn": "SSN"}
    cases = [c for c in rows(data("mpi/recordlinker/better_test.csv")) if c["Match Id"] in seeds]
    header = [f"{side}_{f}" for side in "ab" for f in fields] + ["case", "expected"]
    write(tmp_path / "cases.csv", header,
          [[c[h] for h in fields.values()] + [seeds[c["Match Id"]][h] for h in fields.values()]
           + [c["Test Case #"], c["Expected Result"]] for c in cases])
    roles = ",".join(f"{side}.{f}={side}_{f}" for side in "ab" for f in fields)
    result = evaluate(program, "--pairs", tmp_path / "cases.csv", "--columns", roles, "--label",
                      "expected", "--scenario", "case")
    assert result["pairs"] == len(cases) > 200
    assert result["labels"]["no_match"]["auto_linked"] == 0
    assert sum(result["labels"]["match"].values()) == sum(
        counts["match"]["auto_linked"] + counts["match"]["review"] + counts["match"]["kept_apart"]
        for counts in result["scenarios"].values() if "match" in counts)


# --- the population

@pytest.fixture(scope="module")
def population(program, tmp_path_factory):
    tool = program.parent / "tests/tools/population"
    folder = tmp_path_factory.mktemp("population")
    subprocess.run([tool, "--rows", "20000", "--seed", "11", "--out", folder / "people.csv",
                    "--relations", folder / "relations.csv"], check=True)
    return folder


def test_a_population_is_what_its_seed_says(program, population, tmp_path):
    tool = program.parent / "tests/tools/population"
    subprocess.run([tool, "--rows", "20000", "--seed", "11", "--out", tmp_path / "again.csv"],
                   check=True)
    assert (tmp_path / "again.csv").read_bytes() == (population / "people.csv").read_bytes()
    people = rows(population / "people.csv")
    assert len(people) == 20000 and len({p["id"] for p in people}) == 20000
    relations = {r["relation"] for r in rows(population / "relations.csv")}
    assert relations == {"twin", "jr-sr", "parent-child", "sibling", "household"}


def test_no_twin_no_namesake_and_no_parent_is_linked(program, population, tmp_path):
    mpi(program, "link", "--input", population / "people.csv", "--columns", PEOPLE, "--out",
        tmp_path / "links.csv")
    entity = {p["id"]: p["entity"] for p in rows(population / "people.csv")}
    relation = {frozenset((r["entity_a"], r["entity_b"])): r["relation"]
                for r in rows(population / "relations.csv")}
    linked = [(entity[l["left_id"]], entity[l["right_id"]]) for l in rows(tmp_path / "links.csv")
              if l["decision"] == "link"]
    wrong = [relation.get(frozenset(pair), "strangers") for pair in linked if pair[0] != pair[1]]
    assert len(linked) > 5000
    assert not [w for w in wrong if w in ("twin", "jr-sr", "parent-child")]


# --- the same links, bit for bit

def test_neither_threads_nor_the_order_of_rows_change_the_links(program, population, tmp_path):
    lines = (population / "people.csv").read_text().splitlines(keepends=True)
    shuffled = lines[1:]
    random.Random(5).shuffle(shuffled)
    (tmp_path / "shuffled.csv").write_text(lines[0] + "".join(shuffled))
    for name, path, threads in (("one", population / "people.csv", 1),
                                ("two", population / "people.csv", 2),
                                ("other", tmp_path / "shuffled.csv", 2)):
        mpi(program, "link", "--input", path, "--columns", PEOPLE, "--threads", threads, "--out",
            tmp_path / f"{name}.csv")
    for ending in ("csv", "people.csv"):
        first = (tmp_path / f"one.{ending}").read_bytes()
        assert len(first) > 100000
        assert (tmp_path / f"two.{ending}").read_bytes() == first
        assert (tmp_path / f"other.{ending}").read_bytes() == first


def test_a_model_is_what_its_records_and_seed_say(program, population, tmp_path):
    hashes = [mpi(program, "train", "--input", population / "people.csv", "--columns", PEOPLE,
                  "--threads", n, "--out", tmp_path / f"model{n}.json").stdout for n in (1, 2)]
    assert hashes[0] == hashes[1] and len(hashes[0].strip()) == 64
    assert "COMPARISON" in mpi(program, "model", "show", tmp_path / "model1.json").stdout
    assert not mpi(program, "model", "diff", tmp_path / "model1.json",
                   tmp_path / "model2.json").stdout
    assert mpi(program, "model", "diff", tmp_path / "model1.json", status=1).stdout
    mpi(program, "link", "--input", population / "people.csv", "--columns", PEOPLE, "--model",
        tmp_path / "model1.json", "--out", tmp_path / "links.csv")


# --- files as they come

TWINS = [["1", "Ann", "Miller", "03/04/1971"], ["2", "Ann", "Miller", "03/04/1971"],
         ["3", "Bob", "Smith", "25/12/1980"]]


def linked(program, path, columns="id=nr,given=first name,family=SURNAME,dob=born"):
    out = path.with_name("links.csv")
    done = mpi(program, "link", "--input", path, "--columns", columns, "--out", out)
    return done, rows(out)


def test_separators_encodings_and_headers_are_taken_as_they_come(program, tmp_path):
    for encoding, separator in (("utf-8-sig", ","), ("latin-1", ";"), ("utf-8", "\t")):
        text = "\r\n".join(separator.join(r) for r in [["nr", "First Name", "surname", "born"]] + TWINS
                           + [["4", "J\u00fcrgen", "M\u00fcller", "NA"]])
        path = tmp_path / "people.csv"
        path.write_text(text, encoding=encoding, newline="")
        done, links = linked(program, path)
        assert done.stdout.startswith("4 records")
        assert links and {links[0]["left_id"], links[0]["right_id"]} == {"1", "2"}


def test_ragged_rows_are_told_by_line(program, tmp_path):
    path = write(tmp_path / "people.csv", ["nr", "first name", "surname", "born"],
                 TWINS + [["4", "Eve"], ["5", "Eve", "Hill", "1999-01-02", "more"]])
    done, _ = linked(program, path)
    assert "line 5: 2 fields, the header has 4" in done.stderr
    assert "line 6: 5 fields, the header has 4" in done.stderr


@pytest.mark.parametrize("words, said", [
    (["--columns", "given=nobody"], "has no column 'nobody'; there are: nr, first name, surname"),
    (["--columns", "gven=surname"], "known role"),
    (["--columns", "given=surname", "--input", "/nonexistent.csv"], "/nonexistent.csv"),
])
def test_what_is_wrong_is_said(program, tmp_path, words, said):
    path = write(tmp_path / "people.csv", ["nr", "first name", "surname", "born"], TWINS)
    done = subprocess.run([program, "mpi", "link", "--input", path, "--out", tmp_path / "l.csv",
                           *words], text=True, capture_output=True, timeout=60)
    assert done.returncode in (1, 2) and said in done.stderr


def test_a_quote_that_never_closes_is_told_by_line(program, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text('nr,first name,surname,born\n1,Ann,Hill,\n2,"Bob,Smith,\n')
    done = mpi(program, "link", "--input", path, "--columns", "given=first name", "--out",
               tmp_path / "l.csv", status=2)
    assert "line 3" in done.stderr and "never closed" in done.stderr
