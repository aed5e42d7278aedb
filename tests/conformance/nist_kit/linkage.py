"""What steps leave behind, and the placeholders that later steps fill from it.

A section's log is the tree that the kit's XPaths are written for:

    TestResults / TestStep[@id] / StoredQueryTransaction[@step] / InputMetadata, Result

and beside it, for each step, what was assigned (UseId's sections AssignedUids, AssignedUuids,
AssignedPatientId) and what was reported (UseReport).
"""
import base64
import copy
import datetime
from dataclasses import dataclass, field

from lxml import etree

from . import metadata
from .plan import other_section


class Unfilled(Exception):
    """A placeholder whose source is missing: the step that should have given it did not pass."""


@dataclass
class StepLog:
    element: etree._Element  # the transaction's, in the section's log
    assigned: dict = field(default_factory=dict)  # section name -> {symbol: value}
    reports: dict = field(default_factory=dict)
    failed: bool = False

    def put(self, name, content):
        """Appends InputMetadata or Result; a copy, in a document that is its own."""
        wrapper = etree.SubElement(self.element, name)
        if content is not None:
            wrapper.append(copy.deepcopy(content))

    def part(self, name):
        return self.element.find(name)


class SectionLog:
    def __init__(self):
        self.root = etree.Element("TestResults")
        self.steps = {}

    def step(self, id, tag):
        outer = etree.SubElement(self.root, "TestStep", id=id)
        self.steps[id] = StepLog(etree.SubElement(outer, tag or "NullTransaction", step=id))
        return self.steps[id]


def step_log(logs, key, step):
    section = logs.get(key)
    if section is None or step not in section.steps:
        raise Unfilled(f"{'/'.join(key)}/{step} has left nothing behind")
    return section.steps[step]


def report(logs, section, use):
    """The value of a <UseReport>."""
    name = use.get("section") or ""
    if use.get("test") and use.get("test") != section.test:
        key = (use.get("test"), "" if name == "None" else name)
    else:
        key = (section.test, section.name if name in ("THIS", "") else name)
    reports = step_log(logs, key, use.get("step")).reports
    if use.get("reportName") not in reports:
        raise Unfilled(f"{'/'.join(key)}/{use.get('step')} reported no {use.get('reportName')}")
    return reports[use.get("reportName")]


def used_id(logs, section, use):
    """The value of a <UseId>."""
    if use.get("value"):
        return use.get("value")
    log = of_testdir(logs, section, use)
    found = log.assigned.get(use.get("section"), {})
    if use.get("id") not in found:
        raise Unfilled(f"step {use.get('step')} has no {use.get('section')} for {use.get('id')}")
    return found[use.get("id")]


def used_object_ref(logs, section, use):
    """The id of the n-th ObjectRef of an earlier answer: <UseObjectRef index=...>."""
    result = of_testdir(logs, section, use).part("Result")
    found = metadata.of_name(result, "ObjectRef") if result is not None else []
    if int(use.get("index")) >= len(found):
        raise Unfilled(f"step {use.get('step')} has no ObjectRef {use.get('index')}")
    return found[int(use.get("index"))].get("id")


def used_repository(logs, section, use):
    """The repositoryUniqueId of the entries that an earlier answer gave."""
    result = of_testdir(logs, section, use).part("Result")
    for slot in metadata.of_name(result, "Slot") if result is not None else []:
        if slot.get("name") == "repositoryUniqueId":
            return "".join(slot.itertext()).strip()
    raise Unfilled(f"step {use.get('step')} has no repositoryUniqueId")


def used_xpath(logs, section, use):
    """The string value of an XPath over an earlier step's log."""
    log = of_testdir(logs, section, use)
    value = log.element.getparent().xpath(f"string({use.text.strip()})")
    return base64.b64decode(value).decode() if use.get("decodebase64") == "true" else value


def of_testdir(logs, section, use):
    key = (section.test, section.name)
    if use.get("testdir"):
        key = other_section(section, use.get("testdir"))
    return step_log(logs, key, use.get("step"))


USES = {"UseId": used_id, "UseObjectRef": used_object_ref, "UseXPath": used_xpath,
        "UseRepositoryUniqueId": used_repository}


def symbols(logs, section, instruction, known=()):
    """{placeholder: value} of all the Use... of a transaction but UseReport, and but those known."""
    return {use.get("symbol"): USES[use.tag](logs, section, use)
            for use in instruction.iterchildren(*USES) if use.get("symbol") not in known}


def reports_used(logs, section, instruction):
    return {use.get("useAs"): report(logs, section, use)
            for use in instruction.iterchildren("UseReport")}


def standard(site):
    """What the kit's tool knows without being told."""
    now = datetime.datetime.utcnow()
    return {"$now$": now.strftime("%Y%m%d%H%M%S"), "$homeCommunityId$": site.home,
            "$configHome$": site.home,
            "$lastyear$": now.replace(year=now.year - 1, day=1).strftime("%Y%m%d%H%M%S")}


def make_reports(instruction, log):
    """Evaluates the <Report>s of a transaction over its own log."""
    for element in instruction.iterchildren("Report"):
        part = log.part(element.get("section"))
        if part is None:
            log.reports[element.get("name")] = ""
            continue
        alone = etree.ElementTree(copy.deepcopy(part))
        log.reports[element.get("name")] = str(alone.xpath(f"string({element.text.strip()})"))
