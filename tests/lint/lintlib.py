"""What the lints share: which files there are, C without its comments and strings, the closing line.

A lint is a program here with check(path, text) -> [(line, words)] and SELF_TEST, a list of
(what it shows, path, text, number of findings). Every run proves the lint on its own bad snippets
first: a lint that cannot fail is a bug. `--self-test` runs nothing else.
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("hub", "mpi", "consent", "xds", "gateway")


def tree():
    """Paths of the tree's files, relative to ROOT; those of git, else all but what is made."""
    try:
        listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
                                capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = []
        for folder, folders, files in os.walk(ROOT):
            folders[:] = [f for f in folders if f not in (".git", "build", "var", "__pycache__")]
            listed += [os.path.relpath(os.path.join(folder, f), ROOT) for f in files]
    return sorted(p for p in listed if (ROOT / p).is_file())


def c_files(rooms=ROOMS + ("tests",)):
    return [p for p in tree() if p.endswith((".c", ".h")) and p.split("/")[0] in rooms]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def blank(text, strings=True):
    """C with comments (and strings) blanked out: same length, same lines."""
    def wipe(m):
        t = m.group()
        if t[0] in "\"'":
            return t[0] + " " * (len(t) - 2) + t[0] if strings else t
        return re.sub(r"[^\n]", " ", t)
    return TOKEN.sub(wipe, text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def self_test(check, cases):
    bad = 0
    for shows, path, text, expected in cases:
        found = check(path, text)
        if len(found) != expected:
            bad += 1
            print(f"self-test: {shows}: {expected} findings expected, got {found}")
    return bad


def run(check, paths, cases):
    """Self-test, then all paths; prints the findings and the closing line; returns the status."""
    bad = self_test(check, cases)
    if "--self-test" in sys.argv[1:]:
        print(f"{len(cases) - bad} passed, {bad} failed, 0 skipped")
        return 1 if bad else 0
    passed, failed = (0, 1) if bad else (1, 0)
    for path in paths:
        found = check(path, read(path))
        for line, words in found:
            print(f"{path}:{line}: {words}")
        failed += bool(found)
        passed += not found
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0
