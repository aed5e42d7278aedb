"""Figures of the index: a population is loaded as feeds would have stored it, then people are fed and
asked for.

People, their errors and the truth are tests/tools/population's: the same seed gives the same bytes."""

import csv
import io
import itertools
import random
import subprocess

import index_messages as im
import messages as m

ASKED = 400
RECORDS_OF_A_PERSON = 1.8  # of the population at the most, on average


def frame(text):
    return b"\x0b" + text.encode() + b"\x1c\r"


class Index:
    """A population in the hub's index, and the people in it that are asked for."""

    def __init__(self, stack, persons):
        self.stack, self.persons, self.records = stack, persons, int(persons * RECORDS_OF_A_PERSON) + 1000
        self.program = stack.build / "tests/tools/population"

    def population(self, form):
        return subprocess.Popen([self.program, "--rows", str(self.records), "--format", form,
                                 "--authority", m.AUTHORITY], stdout=subprocess.PIPE)

    def load(self):
        """The first record of each person, by COPY."""
        with self.population("copy") as rows:
            subprocess.run([self.stack.build / "tests/bench/bench_index", self.stack.admin, m.XAD,
                            m.AUTHORITY, "1", str(self.persons)], stdin=rows.stdout, check=True,
                           stdout=subprocess.DEVNULL)

    def feeds(self, wanted):
        """Messages, each once: of people who are known and of new ones (tests/bench/index_messages.py)."""
        new = subprocess.Popen([self.program, "--format", "copy", "--seed", "2", "--rows", str(wanted // 3)],
                               stdout=subprocess.PIPE)
        known = im.feeds(io.TextIOWrapper(self.population("copy").stdout, "utf-8"))
        turns = itertools.zip_longest(known, known, im.newcomers(io.TextIOWrapper(new.stdout, "utf-8")))
        return itertools.islice((text for turn in turns for text in turn if text), wanted)

    def choose(self):
        """People with a birth date and both names, spread over the population."""
        wanted = random.Random(1)
        rows = csv.DictReader(io.TextIOWrapper(self.population("csv").stdout, "utf-8"))
        chosen, seen, entities = [], 0, set()
        for row in rows:
            if row["entity"] in entities:
                continue
            if len(entities) == self.persons:
                break  # the rest was not loaded
            entities.add(row["entity"])
            if len(row["family"]) < 5 or len(row["given"]) < 3 or len(row["dob"]) != 10:
                continue
            seen += 1
            if len(chosen) < ASKED:
                chosen.append(row)
            elif wanted.randrange(seen) < ASKED:
                chosen[wanted.randrange(ASKED)] = row
        return chosen


def misspelt(word):
    """Two letters in each other's place, in the middle."""
    at = len(word) // 2
    return word[:at] + word[at + 1:at + 2] + word[at] + word[at + 2:]


def iti21(person):
    """QBP^Q22 by misspelt family name, given name, birth date and sex."""
    asked = [f"@PID.5.1^{misspelt(person['family'])}", f"@PID.5.2^{person['given']}",
             f"@PID.7^{person['dob'].replace('-', '')}"]
    if person["sex"] in ("F", "M"):
        asked.append(f"@PID.8^{person['sex']}")
    return frame(f"MSH|^~\\&|PDQ|BENCH|HUB|REGION|20261122150000||QBP^Q22^QBP_Q21|{m.MARKER}|P|2.5\r"
                 f"QPD|IHE PDQ Query|{m.MARKER}|{'~'.join(asked)}\rRCP|I\r")


def iti9(person):
    """QBP^Q23 by the record's identifier."""
    return frame(f"MSH|^~\\&|PIX|BENCH|HUB|REGION|20261122150000||QBP^Q23^QBP_Q21|{m.MARKER}|P|2.5\r"
                 f"QPD|IHE PIX Query|{m.MARKER}|{person['id']}^^^&{m.AUTHORITY}&ISO\rRCP|I\r")
