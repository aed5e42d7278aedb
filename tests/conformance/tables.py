"""What the conformance runners share: tables, test data, the closing line.

A table is tab-separated, `#` begins a comment line; its first column names a file of the collection.
Every file of the collection must stand in the table, and the other way round.
"""
import argparse
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("CAUSEWAY_DATA", ROOT / "../shared/data"))


def read(path, columns):
    rows = []
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) != columns:
                sys.exit(f"{path}:{number}: {len(cells)} columns, wanted {columns}")
            rows.append(cells)
    return rows


def collection(path):
    """The folder of a collection; ends the program, as a skip, where the data is not at hand."""
    folder = DATA / path
    if folder.is_dir():
        return folder
    failed = os.environ.get("CI") == "true"
    print(f"SKIP {path}: test data is not at hand (set CAUSEWAY_DATA)")
    print(f"0 passed, {int(failed)} failed, {int(not failed)} skipped")
    sys.exit(int(failed))


def unlisted(folder, names):
    """Files that the table misses, and names that are no files."""
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    return sorted(there - set(names)), sorted(set(names) - there)


def build_folder():
    return pathlib.Path(os.environ["CAUSEWAY_BIN"]).parent if "CAUSEWAY_BIN" in os.environ \
        else ROOT / "build/release"


class Score:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, problem):
        """problem: None, or what is wrong."""
        if problem is None:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {name}: {problem}")

    def skip(self, name, why):
        self.skipped += 1
        print(f"SKIP {name}: {why}")

    def files(self, folder, names):
        extra, missing = unlisted(folder, names)
        for name in extra:
            self.check(name, "is not in the table")
        for name in missing:
            self.check(name, "is in the table but not in the collection")

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed else 0)


def arguments(about):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--build", type=pathlib.Path, default=build_folder(),
                        help="build folder (default: that of $CAUSEWAY_BIN, else build/release)")
    return parser
