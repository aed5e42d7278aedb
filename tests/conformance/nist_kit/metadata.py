"""The metadata files of a kit: ebRIM 2.1 brought to 3.0, and the identifiers that a run assigns.

The objects are found by local name, so that each function serves both versions.
"""
import itertools
import time
import uuid

from lxml import etree

RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
LCM = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
XML = "http://www.w3.org/XML/1998/namespace"
OBJECT = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:"
STATUS = "urn:oasis:names:tc:ebxml-regrep:StatusType:"

# External identifiers (TF-3 4.2.5.1): of a document entry, a submission set, a folder
PATIENT = ("urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427", "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446",
           "urn:uuid:f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a")
UNIQUE = ("urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab", "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8",
          "urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a")
SOURCE = ("urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832",)

# Association types of ebRIM 2.1 metadata, which leave the name space out (TF-3 4.2.2)
ASSOCIATIONS = {
    "HasMember": "urn:oasis:names:tc:ebxml-regrep:AssociationType:",
    "IsSnapshotOf": "urn:ihe:iti:2010:AssociationType:",
    "NonVersioningUpdate": "urn:ihe:iti:2010:AssociationType:",
    "NonversioningUpdate": "urn:ihe:iti:2010:AssociationType:",
    "SubmitAssociation": "urn:ihe:iti:2010:AssociationType:",
    "UpdateAvailabilityStatus": "urn:ihe:iti:2010:AssociationType:",
}
IHE_ASSOCIATION = "urn:ihe:iti:2007:AssociationType:"

ORDER = ("Slot", "Name", "Description", "VersionInfo", "Classification", "ExternalIdentifier")
REFERENCES = ("classifiedObject", "sourceObject", "targetObject", "registryObject")

_serial = itertools.count(1)
_base = f"1.2.42.{time.strftime('%Y%m%d%H%M%S')}{uuid.uuid4().int % 100000}"


def new_unique_id():
    return f"{_base}.{next(_serial)}"


def local(element):
    return etree.QName(element).localname


def children(element, *names):
    return [e for e in element.iterchildren(etree.Element) if not names or local(e) in names]


def of_name(root, *names):
    return [e for e in root.iter(etree.Element) if local(e) in names]


def object_list(root):
    found = of_name(root, "RegistryObjectList", "LeafRegistryObjectList")
    return found[0] if found else None


# --- to ebRIM 3.0 ---------------------------------------------------------------------------------

def to_v3(root):
    """lcm:SubmitObjectsRequest of 3.0. Metadata of 3.0 stays as it is."""
    objects = object_list(root)
    if objects is None or etree.QName(objects).namespace == RIM:
        return root
    request = etree.Element(f"{{{LCM}}}SubmitObjectsRequest", nsmap={"lcm": LCM, "rim": RIM})
    into = etree.SubElement(request, f"{{{RIM}}}RegistryObjectList")
    names = itertools.count(1)
    for element in children(objects):
        if local(element) != "ObjectRef":
            into.append(_translated(element, names))
    return request


def _translated(element, names, parent_id=None):
    name = local(element)
    new = etree.Element(f"{{{RIM}}}{name}")
    for key, value in element.attrib.items():
        _attribute(new, etree.QName(key).localname, value)
    if name in ("RegistryPackage", "Association", "Classification", "ExternalIdentifier"):
        new.set("objectType", OBJECT + name)
    if name in ("Association", "Classification", "ExternalIdentifier") and not new.get("id"):
        new.set("id", f"id_{next(names)}")
    if name == "ExternalIdentifier" and parent_id:
        new.set("registryObject", parent_id)
    rank = {n: i for i, n in enumerate(ORDER)}
    for child in sorted(children(element), key=lambda e: rank.get(local(e), len(ORDER))):
        if local(child) != "ObjectRef":
            new.append(_translated(child, names, element.get("id")))
    if len(new) == 0:
        new.text = element.text
    return new


def _attribute(new, key, value):
    if key in ("minorVersion", "majorVersion"):
        return
    if key == "lang":
        key = f"{{{XML}}}lang"
    elif key == "status" and ":" not in value:
        value = STATUS + value
    elif key == "associationType" and ":" not in value:
        value = ASSOCIATIONS.get(value, IHE_ASSOCIATION) + value
    new.set(key, value)


# --- what a run assigns ---------------------------------------------------------------------------

def _identifiers(root, schemes):
    for owner in of_name(root, "ExtrinsicObject", "RegistryPackage"):
        for e in children(owner, "ExternalIdentifier"):
            if e.get("identificationScheme") in schemes:
                yield owner.get("id"), e


def values(root, schemes):
    return {e.get("value") for _, e in _identifiers(root, schemes)}


def assign(root, schemes, make, keep=(), excluded=()):
    """Gives each such identifier make()'s value; {object's id: value}. Objects in `keep` are left."""
    given = {}
    for id, element in _identifiers(root, schemes):
        if id in keep:
            continue
        if element.get("identificationScheme") not in excluded:
            element.set("value", make())
        given[id] = element.get("value")
    return given


def assign_uuids(root):
    """Replaces symbolic ids, and what refers to them, by UUIDs; {symbolic id: urn:uuid:...}."""
    given = {}
    objects = object_list(root)
    if objects is None:
        return given
    for element in objects.iterdescendants(etree.Element):
        id = element.get("id")
        if id and not id.startswith("urn:uuid:") and local(element) != "ObjectRef":
            given[id] = uuid.uuid4().urn
            element.set("id", given[id])
    for element in objects.iterdescendants(etree.Element):
        for name in REFERENCES:
            if element.get(name) in given:
                element.set(name, given[element.get(name)])
    return given


# --- placeholders ---------------------------------------------------------------------------------

def replace(root, symbol, value):
    """Puts `value` for `symbol` in texts and attributes, but not where a testplan defines it."""
    if root is None or not symbol or value in (None, ""):
        return
    for element in root.iter(etree.Element):
        if local(element) in ("Report", "UseReport", "UseId"):
            continue
        if element.text and symbol in element.text:
            element.text = element.text.replace(symbol, value)
        for key, old in element.attrib.items():
            if symbol in old:
                element.set(key, old.replace(symbol, value))


def clean_query(root):
    """<CleanParams/>: parameters whose placeholder nothing filled are taken out of a query."""
    def open_symbol(text):
        return (text or "").count("$") >= 2

    for query in of_name(root, "AdhocQuery"):
        for key, value in list(query.attrib.items()):
            if "$" in value:
                del query.attrib[key]
        for slot in children(query, "Slot"):
            for value in of_name(slot, "Value"):
                if open_symbol(value.text):
                    value.getparent().remove(value)
            if not of_name(slot, "Value"):
                query.remove(slot)
