"""What a test kit holds. The layout, as NIST's XDS Toolkit has it:

    tests/<test>/index.idx                      its sections, in order
    tests/<test>/collections.txt, readme.txt    the actors that it is for; the first line is its title
    tests/<test>/<section>/testplan.xml         <TestPlan> of <TestStep>s, each with one transaction
    environment/codes*.xml                      the codes of the affinity domain

A test without index.idx has its folders as sections, or is one section itself.
"""
import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree


@dataclass
class Step:
    """One <TestStep>. `name` is unique in the kit: test/section/step, #2 for a second of one id."""

    name: str
    id: str
    element: etree._Element
    folder: Path  # of its section

    @property
    def transaction(self):
        """The transaction's element; None when the step has none."""
        return next((e for e in self.element.iterchildren(etree.Element)
                     if e.tag.endswith("Transaction") or e.tag == "Gather"), None)

    @property
    def kind(self):
        found = self.transaction
        return "" if found is None else found.tag.removesuffix("Transaction")

    def text(self, tag):
        found = self.element.find(tag)
        return "" if found is None else (found.text or "").strip()

    @property
    def statuses(self):
        """The statuses that it may end with; empty when it says nothing."""
        return [s.strip() for s in self.text("ExpectedStatus").split(",") if s.strip()]

    @property
    def goal(self):
        return self.text("Goal") or " ".join(
            (e.text or "").strip() for e in self.element.iterfind("Rule/Assertion")).strip()


@dataclass
class Section:
    test: str
    name: str
    folder: Path
    listed: bool  # in index.idx
    root: etree._Element = None

    @functools.cached_property
    def steps(self):
        found, seen = [], {}
        for element in self.root.iterfind("TestStep"):
            id = element.get("id")
            seen[id] = seen.get(id, 0) + 1
            name = "/".join(x for x in (self.test, self.name, id) if x)
            name += f"#{seen[id]}" if seen[id] > 1 else ""
            found.append(Step(name, id, element, self.folder))
        return found

    @property
    def uses(self):
        """{(test, section)} whose results this section works on."""
        found = set()
        for use in self.root.iter("UseReport"):
            name = use.get("section") or ""
            found.add((use.get("test") or self.test, self.name if name == "THIS" else name))
        for use in self.root.iter("UseId", "UseXPath", "UseObjectRef", "UseRepositoryUniqueId",
                                  "ReferenceMetadata"):
            twice = [u for u in use.getparent().iterchildren("UseReport")
                     if u.get("useAs") == use.get("symbol")]
            if use.get("testdir") and not twice:
                found.add(other_section(self, use.get("testdir")))
        return found


@dataclass
class Test:
    name: str
    folder: Path
    title: str = ""
    collections: list = field(default_factory=list)
    sections: list = field(default_factory=list)

    @property
    def needs(self):
        return {test for s in self.sections if s.listed for test, _ in s.uses} - {self.name}

    @property
    def session(self):
        """(test, section, step) whose $patientid$ this test works with; None: one of its own."""
        for section in self.sections:
            for use in section.root.iter("UseReport"):
                if use.get("reportName") == "$patientid$" and use.get("test") not in (None, self.name):
                    return use.get("test"), use.get("section"), use.get("step")
        return None


def other_section(section, testdir):
    """(test, section) of a path relative to a section's folder: ../submit, ../../12346/single_doc."""
    names = [section.test, *([section.name] if section.name else [])]
    for name in Path(testdir).parts:
        names = names[:-1] if name == ".." else names + [name]
    return names[0] if names else "", "/".join(names[1:])


class Kit:
    """A kit in `folder`, which is the kit's or its tests'."""

    def __init__(self, folder):
        folder = Path(folder)
        self.root = folder if (folder / "tests").is_dir() else folder.parent
        self.folder = folder / "tests" if (folder / "tests").is_dir() else folder
        self.tests = {}
        for path in sorted(p for p in self.folder.iterdir() if p.is_dir()):
            test = self._read(path)
            if test.sections:
                self.tests[test.name] = test

    def _read(self, folder):
        test = Test(folder.name, folder)
        test.title = _line(folder / "readme.txt")
        test.collections = _words(folder / "collections.txt")
        listed = _words(folder / "index.idx")
        there = sorted(p.parent.name for p in folder.glob("*/testplan.xml"))
        if not listed and not there and (folder / "testplan.xml").exists():
            listed, there = [""], [""]
        for name in listed + [n for n in there if n not in listed]:
            plan = folder / name / "testplan.xml"
            if plan.exists():
                section = Section(test.name, name, plan.parent, not listed or name in listed)
                section.root = etree.parse(str(plan)).getroot()
                test.sections.append(section)
        return test

    def order(self, names=None):
        """The named tests (default: all) and what they need, each behind what it needs."""
        ordered, begun = [], set()

        def visit(name):
            if name in begun or name not in self.tests:
                return
            begun.add(name)
            for other in sorted(self.tests[name].needs):
                visit(other)
            ordered.append(self.tests[name])

        for name in names or sorted(self.tests):
            visit(name)
        return ordered

    def missing(self, section):
        """What the section works on and the kit does not hold, as test/section."""
        there = {(s.test, s.name) for test in self.tests.values() for s in test.sections}
        return sorted("/".join(x) for x in section.uses - there)


def _line(path):
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return next((x.strip() for x in lines if x.strip()), "")


def _words(path):
    return re.split(r"\s+", path.read_text().strip()) if path.exists() and path.read_text().strip() else []
