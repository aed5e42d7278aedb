"""What came out: a score by transaction, the failures, and why steps were not played."""
import collections
import csv
import json

OUTCOMES = ("passed", "failed", "not_applicable")


class Score:
    def __init__(self, exceptions=()):
        self.results, self.exceptions = [], dict(exceptions)

    def add(self, results):
        self.results += results

    def of(self, outcome):
        return [r for r in self.results if r.outcome == outcome]

    def _table(self, key):
        table = collections.defaultdict(lambda: dict.fromkeys(OUTCOMES, 0))
        for result in self.results:
            table[key(result)][result.outcome] += 1
        return dict(sorted(table.items()))

    def by_transaction(self):
        return self._table(lambda r: r.transaction)

    def by_test(self):
        return self._table(lambda r: r.name.partition("/")[0])

    def excepted(self, name):
        """The reason of a step that the table of exceptions names: whole, or test/*."""
        return self.exceptions.get(name) or self.exceptions.get(name.partition("/")[0] + "/*")

    def text(self):
        lines = [f"{'transaction':24} {'passed':>7} {'failed':>7} {'not applicable':>15}"]
        for name, row in self.by_transaction().items():
            lines.append(f"{name:24} " + " ".join(f"{row[o]:{w}}" for o, w in zip(OUTCOMES, (7, 7, 15))))
        played = len(self.of("passed")) + len(self.of("failed"))
        share = 100 * len(self.of("passed")) / played if played else 0.0
        lines.append(f"{len(self.of('passed'))} of {played} applicable steps passed ({share:.1f} %), "
                     f"{len(self.of('not_applicable'))} are not applicable")
        return "\n".join(lines)

    def failures(self):
        for result in self.of("failed"):
            yield f"FAIL {result.name} ({result.transaction})" + (f": {result.goal}" if result.goal else "")
            for detail in result.details:
                yield f"     {detail}"
            if self.excepted(result.name):
                yield f"     known: {self.excepted(result.name)}"

    def reasons(self):
        """Not-applicable steps, those of one reason together."""
        groups = collections.defaultdict(list)
        for result in self.of("not_applicable"):
            groups[result.details[0]].append(result.name)
        for why, names in groups.items():
            yield f"{len(names)} not applicable, {why}: {', '.join(names)}"

    def json(self):
        steps = {r.name: {"transaction": r.transaction, "outcome": r.outcome, "details": r.details,
                          **({"known": self.excepted(r.name)} if self.excepted(r.name) else {})}
                 for r in self.results}
        return json.dumps({**{o: len(self.of(o)) for o in OUTCOMES},
                           "by_transaction": self.by_transaction(), "by_test": self.by_test(),
                           "steps": steps}, indent=1)


def read_exceptions(path):
    """{test/section/step or test/*: reason}; `#` begins a comment line."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        rows = csv.reader((line for line in file if line.strip() and not line.startswith("#")),
                          delimiter="\t", quoting=csv.QUOTE_NONE)
        return {f"{test}/{step}": reason for test, step, reason in rows}
