"""What a testplan expects of an answer: status, errors, contents, assertions.

Each check gives a list of complaints: what was expected, and what came.
"""
import copy
import datetime
import hashlib
import re

from lxml import etree

from . import metadata
from .metadata import UNIQUE, children, of_name

STATUS = "urn:oasis:names:tc:ebxml-regrep:StatusType:"
HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
RESPONSE = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:"
STATUSES = {"PartialSuccess": "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"}


# --- the question of an Initiating Gateway ----------------------------------------------------------

def _query_of(body):
    query = next(e for e in body.iter("{*}AdhocQuery"))
    slots = {slot.get("name"): sorted("".join(v.itertext()).strip() for v in slot.iter("{*}Value"))
             for slot in query.iter("{*}Slot")}
    return query, slots


def same_query(kit, asked, home):
    """Community 1 was asked what the kit's message asks (3.38.4.1.2): the same query, the same values, of its
    own home."""
    (wanted, slots), (query, found) = _query_of(kit), _query_of(asked)
    wrong = []
    if query.get("id") != wanted.get("id"):
        wrong.append(f"expected the query {wanted.get('id')} to community 1, got {query.get('id')}")
    if found != slots:
        wrong.append(f"expected the values {slots} to community 1, got {found}")
    if query.get("home") != home:
        wrong.append(f"expected the home {home} in the query to community 1, got {query.get('home')}")
    types = {e.get("returnType") for e in asked.iter("{*}ResponseOption")}
    if not types <= {"LeafClass", *(e.get("returnType") for e in kit.iter("{*}ResponseOption"))}:
        wrong.append(f"community 1 was asked for {types}")
    return wrong


# --- the response ---------------------------------------------------------------------------------

class Response:
    """A RegistryResponse wherever it stands in the body; `fault` is the text of a SOAP fault."""

    def __init__(self, answer):
        self.body = answer.body
        self.fault = answer.fault_text if answer.fault else None
        holder = next((e for e in self.body.iter(etree.Element) if e.get("status")), None)
        self.status = None if holder is None or self.fault else holder.get("status")
        self.errors = [(e.get("errorCode"), e.get("codeContext") or "", e.get("severity") or "")
                       for e in of_name(self.body, "RegistryError")]

    @property
    def short(self):
        if self.fault is not None:
            return f"a fault: {' '.join(self.fault.split())[:300]}"
        errors = "; ".join(f"{code}: {context}" for code, context, _ in self.errors)
        return (self.status or "no status").rpartition(":")[2] + (f" ({errors[:400]})" if errors else "")


def status(step, response):
    wanted = step.statuses
    if not wanted:
        return []
    if "Fault" in wanted and response.fault is not None:
        return []
    if response.status in [STATUSES.get(w, RESPONSE + w) for w in wanted if w != "Fault"]:
        return []
    return [f"expected {' or '.join(wanted)}, got {response.short}"]


def error(step, response):
    """<ExpectedErrorCode>, and <ExpectedErrorMessage>, which may stand in the code or its context."""
    code, message = step.text("ExpectedErrorCode"), step.text("ExpectedErrorMessage")
    found = []
    if response.fault is not None:
        return found
    if code and code not in [c for c, _, _ in response.errors]:
        found.append(f"expected the error {code}, got {response.short}")
    if message and not any(message in f"{c} {context}" for c, context, _ in response.errors):
        found.append(f"expected an error that says '{message}', got {response.short}")
    return found


# --- the contents of a query's answer ----------------------------------------------------------------

class Contents:
    def __init__(self, body):
        self.objects = metadata.object_list(body)
        found = [] if self.objects is None else children(self.objects)

        def of(name):
            return [e for e in found if metadata.local(e) == name]

        self.documents, self.associations = of("ExtrinsicObject"), of("Association")
        self.refs = of("ObjectRef")
        packages = of("RegistryPackage")
        self.sets = [p for p in packages if _has_scheme(p, UNIQUE[1])]
        self.folders = [p for p in packages if _has_scheme(p, UNIQUE[2])]

    def counts(self):
        return {"Documents": len(self.documents), "Associations": len(self.associations),
                "ObjectRefs": len(self.refs), "SubmissionSets": len(self.sets),
                "Folders": len(self.folders)}


def _has_scheme(element, scheme):
    return any(e.get("identificationScheme") == scheme for e in children(element, "ExternalIdentifier"))


def _count(contents, **wanted):
    have = contents.counts()
    return [f"expected {n} {k}, got {have[k]}" for k, n in wanted.items() if have[k] != n]


def _all_status(elements, name, what):
    return [f"expected {what} {name}, got {e.get('id')} {(e.get('status') or '').rpartition(':')[2]}"
            for e in elements if e.get("status") != STATUS + name]


def _one_status(elements, name):
    have = sum(e.get("status") == STATUS + name for e in elements)
    return [] if have == 1 else [f"expected one document {name}, got {have}"]


def _members(contents, pairs):
    """HasMember from each source to one of its targets; complaints about those that are missing."""
    found = []
    for what, source, targets in pairs:
        ids = {t.get("id") for t in targets}
        if not any(a.get("sourceObject") == source.get("id") and a.get("targetObject") in ids
                   and a.get("associationType") == HAS_MEMBER for a in contents.associations):
            found.append(f"expected HasMember from {what}, got none")
    return found


def _with_folder(contents, documents, associations, in_folder):
    """A submission set of documents and one folder, `in_folder` of them in it (each by its set)."""
    wrong = _count(contents, SubmissionSets=1, Documents=documents, Folders=1, Associations=associations)
    if wrong:
        return wrong
    the_set, folder = contents.sets[0], contents.folders[0]
    pairs = [("the submission set to each document", the_set, [d]) for d in contents.documents]
    pairs.append(("the submission set to the folder", the_set, [folder]))
    inner = [a for a in contents.associations if a.get("sourceObject") == folder.get("id")]
    pairs += [("the submission set to the folder's association", the_set, [a]) for a in inner]
    wrong = _members(contents, pairs)
    if len(inner) != in_folder:
        wrong.append(f"expected {in_folder} associations of the folder, got {len(inner)}")
    return wrong


def _set_of(contents, documents):
    wrong = _count(contents, SubmissionSets=1, Documents=documents, Associations=documents)
    return wrong or _members(contents, [("the submission set to each document", contents.sets[0], [d])
                                        for d in contents.documents])


def _set_of_folder(contents):
    wrong = _count(contents, SubmissionSets=1, Documents=0, Folders=1, Associations=1)
    return wrong or _members(contents, [("the submission set to the folder", contents.sets[0],
                                         contents.folders)])


def _related(kind):
    def check(contents, _count):
        have = [a for a in contents.associations if a.get("associationType").endswith(":" + kind)]
        return [] if have else [f"expected an association {kind}, got none"]
    return check


def _approved_set(contents, _n=None):
    if not contents.sets:
        return ["expected a submission set, got none"]
    return _all_status(contents.sets[:1], "Approved", "the submission set")


def _replaced(contents, _n):
    wrong = _count(contents, Documents=2, Associations=1)
    return wrong or (_related("RPLC")(contents, None) + _one_status(contents.documents, "Approved")
                     + _one_status(contents.documents, "Deprecated"))


def _snapshot(contents, _n):
    found = [a for a in contents.associations if a.get("associationType").endswith(":IsSnapshotOf")]
    if len(found) != 1:
        return [f"expected one association IsSnapshotOf, got {len(found)}"]
    ids = {d.get("id") for d in contents.documents}
    return [f"expected the association's {end} in the answer" for end in ("sourceObject", "targetObject")
            if found[0].get(end) not in ids] + _all_status(contents.documents, "Approved", "the document")


CHECKS = {
    "Documents": lambda c, n: _count(c, Documents=n),
    "Folders": lambda c, n: _count(c, Folders=n),
    "SubmissionSets": lambda c, n: _count(c, SubmissionSets=n),
    "Associations": lambda c, n: _count(c, Associations=n),
    "ObjectRefs": lambda c, n: _count(c, ObjectRefs=n, Documents=0, SubmissionSets=0, Folders=0,
                                      Associations=0),
    "None": lambda c, n: _count(c, Documents=0, SubmissionSets=0, Folders=0, Associations=0),
    "NoSubmissionSet": lambda c, n: _count(c, SubmissionSets=0),
    "NoDocument": lambda c, n: _count(c, Documents=0),
    "SSwithOneDoc": lambda c, n: _set_of(c, 1) + _approved_set(c),
    "SSwithOneDocOnly": lambda c, n: _set_of(c, 1),
    "SSwithTwoDoc": lambda c, n: _set_of(c, 2) + _approved_set(c),
    "SSwithTwoDocOnly": lambda c, n: _set_of(c, 2),
    "SSwithOneFol": lambda c, n: _set_of_folder(c),
    "SSwithOneDocOneFol": lambda c, n: _with_folder(c, 1, 4, 1),
    "SSwithTwoDocOneFol": lambda c, n: _with_folder(c, 2, 7, 2),
    "SSwithTwoDocOneFolOneDocInFol": lambda c, n: _with_folder(c, 2, 5, 1),
    "SSApproved": _approved_set,
    "DocApp": lambda c, n: _all_status(c.documents, "Approved", "the document"),
    "DocDep": lambda c, n: _all_status(c.documents, "Deprecated", "the document"),
    "OneDocApp": lambda c, n: _one_status(c.documents, "Approved"),
    "OneDocDep": lambda c, n: _one_status(c.documents, "Deprecated"),
    "FolApp": lambda c, n: _all_status(c.folders, "Approved", "the folder"),
    "FolDep": lambda c, n: _all_status(c.folders, "Deprecated", "the folder"),
    "DocRplcDoc": _replaced,
    "HasRPLC": _related("RPLC"), "HasAPND": _related("APND"), "HasXFRM_RPLC": _related("XFRM_RPLC"),
    "HasSnapshotPattern": _snapshot,
    "RegistryResponseIsValid": lambda c, n: [],
}


def contents(expected, body, resolve):
    """<ExpectedContents>; resolve(UseId element) gives the entryUUID that one names."""
    have, wrong = Contents(body), []
    for element in expected.iterchildren(etree.Element):
        if element.tag == "DocumentEntries":
            for rule in element.iterchildren("Include", "MustOnlyInclude", "Exclude"):
                wrong += _entries(rule, have, resolve)
        elif element.tag not in CHECKS:
            wrong.append(f"the kit asks for {element.tag}, which this runner does not know")
        else:
            count = element.get("count")
            wrong += CHECKS[element.tag](have, int(count) if count else None)
    return wrong


def _entries(rule, have, resolve):
    by_id, wrong = {d.get("id"): d for d in have.documents}, []
    wanted = {resolve(e.find("UseId")): (e.findtext("DocumentEntryType") or "").strip()
              for e in rule.iterchildren("DocumentEntry")}
    for id, kind in wanted.items():
        if rule.tag == "Exclude":
            wrong += [f"expected no document entry {id}"] if id in by_id else []
        elif id not in by_id:
            wrong.append(f"expected the document entry {id}, got {sorted(by_id) or 'none'}")
        elif kind and by_id[id].get("objectType") != kind:
            wrong.append(f"expected the objectType {kind} of {id}, got {by_id[id].get('objectType')}")
    if rule.tag == "MustOnlyInclude" and set(by_id) - set(wanted):
        wrong.append(f"expected no other document entries, got {sorted(set(by_id) - set(wanted))}")
    return wrong


# --- assertions -----------------------------------------------------------------------------------

def assertions(element, root, values):
    """<Assert>s: XPaths over the section's log so far, which must come out true.

    The log holds requests too, and some assertions would be true of the request alone; so they
    must hold over the answers as well, unless they count or name the request.
    """
    data = etree.Element("Data")
    for reference in element.iterchildren("DataRef"):
        if reference.get("file") == "THIS":
            etree.SubElement(data, reference.get("as")).append(copy.deepcopy(root))
    answers = copy.deepcopy(data)
    for request in list(answers.iter("InputMetadata")):
        request.getparent().remove(request)
    wrong = []
    for one in element.iterchildren("Assert"):
        text = (one.text or "").strip()
        for symbol, value in values.items():
            text = text.replace(symbol, value or "")
        text = text.replace("$DATE$", datetime.datetime.utcnow().strftime("%Y%m%d"))
        looser = "count(" in text or "InputMetadata" in text
        wrong += _assertion(data, one.get("id"), text) or (
            [] if looser else _assertion(answers, one.get("id"), text))
    return wrong


def _assertion(data, id, text):
    if "equalsIgnoreCase" in text:
        text = " = ".join(x.lower() for x in text.split("equalsIgnoreCase"))
    try:
        came = data.xpath(f"string({text})")
    except etree.XPathError as error:
        return [f"assertion {id}: {error}: {' '.join(text.split())}"]
    if came.lower() == "true":
        return []
    return [f"assertion {id} is {came or 'empty'}: {' '.join(text.split())}{_left_side(data, text)}"]


def _left_side(data, text):
    left, found, _ = re.sub(r"\[[^\]]*\]", lambda m: m[0].replace("=", "\0"), text).partition("=")
    if not found:
        return ""
    try:
        return f" (the left side is '{data.xpath('string(' + left.replace(chr(0), '=') + ')')}')"
    except etree.XPathError:
        return ""


# --- retrieved documents --------------------------------------------------------------------------

def documents(answer, files, mime_type, reference):
    """DocumentResponses against files ({uniqueId: Path}), a mimeType, and metadata that described them."""
    wrong, came = [], {}
    for e in of_name(answer.body, "DocumentResponse"):
        text = {metadata.local(c): (c.text or "").strip() for c in children(e)}
        content = next((answer.binary(c) for c in children(e, "Document")), None)
        came[text.get("DocumentUniqueId")] = (text.get("mimeType"), content)
    for unique_id, (kind, content) in came.items():
        if mime_type and kind != mime_type:
            wrong.append(f"expected the mimeType {mime_type} of {unique_id}, got {kind}")
        if unique_id in files and files[unique_id].read_bytes() != content:
            wrong.append(f"expected {unique_id} to be {files[unique_id].name}, byte for byte")
        wrong += _as_described(reference, unique_id, kind, content)
    return wrong + [f"expected the document {u}, got none" for u in files if u not in came]


def _as_described(reference, unique_id, kind, content):
    if reference is None:
        return []
    for entry in of_name(reference, "ExtrinsicObject"):
        if not any(e.get("value") == unique_id and e.get("identificationScheme") == UNIQUE[0]
                   for e in children(entry, "ExternalIdentifier")):
            continue
        slots = {s.get("name"): [v.text for v in of_name(s, "Value")] for s in children(entry, "Slot")}
        have = {"mimeType": kind, "size": str(len(content)), "hash": hashlib.sha1(content).hexdigest()}
        said = {"mimeType": entry.get("mimeType"), "size": slots.get("size", [""])[0],
                "hash": slots.get("hash", [""])[0].lower()}
        return [f"expected {k} {said[k]} of {unique_id}, as registered, got {have[k]}"
                for k in have if have[k] != said[k]]
    return []
