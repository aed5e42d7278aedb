"""The same message in HL7 v2 and v3 is taken, and answered, alike: the pairs of pixpdq-v2-v3-pairs.

What the files cannot know is filled in: MSH-3 and MSH-4 become the sender's own, and where a pair holds a
question in one version only, the other version is written from it.
"""
import copy
import json
import re

import pytest
from lxml import etree

from hospital import Patient, hl7v3, mllp
from test_v3 import schema

SETTINGS = {}
PAIRS = "ihe/pixpdq-v2-v3-pairs/translation"
NS = {"v": hl7v3.V3}
HZLN, PKLN = "2.16.840.1.113883.3.37.4.1.1.2.411.1", "2.16.840.1.113883.3.37.4.1.1.2.511.1"
HIMSS, XREF = "1.3.6.1.4.1.21367.2005.1.1", "1.3.6.1.4.1.21367.2005.1.2"
AUTHORITIES = {
    HZLN: "HZLN", PKLN: "PKLN", "2.16.840.1.113883.3.37.4.1.1.2.611.1": "KHKN", HIMSS: "HIMSS2005",
    XREF: "XREF2005", "2.16.840.1.113883.3.37.4.1.1.2.1.1": "MPI", "1.2.3.4.5.1000": "", "1.2.3.4.666": "domain1",
    "1.2.3.4.777": "domain2", "1.12.23.34.45": "", "2.71": "",
}


@pytest.fixture(scope="module")
def mesa(hub):
    """One member with all the assigning authorities of the files."""
    more = [x for oid, name in list(AUTHORITIES.items())[1:]
            for x in ("--authority", f"{oid}={name}" if name else oid)]
    return hub.enrol("mesa", HZLN, namespace="HZLN", organization="1.2.840.114350.1.13.99998", more=more)


def v2_file(path):
    """Segments of a file, whatever ends its lines."""
    return [s for s in re.split(r"[\r\n]+", path.read_text(encoding="utf-8")) if s]


def told(hospital, segments):
    """Sends these segments as the hospital's own."""
    fields = segments[0].split("|")
    fields[2:4] = hospital.sender
    fields[9] = mllp.control_id()
    return hospital.tell("\r".join(["|".join(fields), *segments[1:]]) + "\r")


def called(hospital, path, body, data):
    body = copy.deepcopy(body)
    body.find("v:id", NS).set("extension", mllp.control_id())
    answer = hl7v3.call(hospital, path, body)
    folder = data("ihe/schemas/hl7v3/schema/HL7V3/NE2008/multicacheschemas")
    schema(folder, answer.interaction).assertValid(etree.fromstring(etree.tostring(answer.root)))
    return answer


def v3_file(path):
    return etree.parse(path).getroot()


# --- feeds (ITI-8 and ITI-44) ------------------------------------------------------------------------------

FEEDS = [("pixfeed", f"PIX_FEED_{k}_Maximal_Request", f"PIX_FEED_{k}_Maximal_Request") for k in ("REG", "REV", "MERGE")]
FEEDS += [("pixsource", k, f"{k}_Response") for k in ("A04", "A01", "A01_with_BR", "A08", "A40")]


def renamed(text, ids):
    """The same message about another patient: its identifiers get a letter more."""
    for number in ids:
        text = text.replace(number, f"{number}B")
    return text


def record(hub, cx):
    """What the index keeps of a record, as far as both versions of the files can say it: theirs of v3 know no
    use of an address, no account, and of telephones neither mobile nor private ones apart from the rest; those
    of v2 know no mother."""
    versions = hub.json("mpi", "record", cx)["versions"]
    kept = json.loads(max(versions, key=lambda v: int(v["version"]))["demographics"])
    for unsaid in ("account", "mother_family"):
        kept.pop(unsaid, None)
    names = [{k: v for k, v in n.items() if k != "type" or v == "B"} for n in kept["names"]]
    addresses = [{k: v for k, v in a.items() if k != "type"} for a in kept["addresses"]]
    return {**kept, "names": names, "addresses": [a for a in addresses if a],
            "telecoms": sorted((t["value"], t.get("equipment") == "FX") for t in kept["telecoms"])}


@pytest.mark.parametrize("folder, v2, v3", FEEDS, ids=[f"{f}-{v}" for f, v, _ in FEEDS])
def test_a_feed_leaves_the_same_record(hub, mesa, data, folder, v2, v3):
    segments = v2_file(data(f"{PAIRS}/{folder}/v2/{v2}.hl7"))
    pid = next(s for s in segments if s.startswith("PID")).split("|")
    names = [cx.split("^") for cx in pid[3].split("~") if not cx.startswith('""')]
    ids = [n[0] for n in names] + [s.split("|")[1].split("^")[0] for s in segments if s.startswith("MRG")]
    first = told(mesa, segments)
    other = etree.fromstring(renamed(data(f"{PAIRS}/{folder}/v3/{v3}.xml").read_text(encoding="utf-8"), ids).encode())
    second = called(mesa, "/pix", other, data)
    assert (first["MSA-1"] == "AA") == (second.ack in ("CA", "AA"))
    if first["MSA-1"] == "AA":
        oid = names[0][3].split("&")[1]
        assert record(hub, f"{ids[0]}^^^&{oid}&ISO") == record(hub, f"{ids[0]}B^^^&{oid}&ISO")


# --- who is it? (ITI-9 and ITI-45) -------------------------------------------------------------------------

@pytest.fixture(scope="module")
def patients(mesa, data):
    """Everyone whom the answers of the files tell of."""
    for path in sorted(data(f"{PAIRS}/pdq/v2").glob("*_Response.hl7")):
        for pid in (s.split("|") for s in v2_file(path) if s.startswith("PID")):
            known = [cx for cx in pid[3].split("~") if cx.split("^")[3].split("&")[1] in AUTHORITIES]
            if known:
                pid[3] = "~".join(known)
                answer = mesa.tell(mllp.message(mllp.msh(mesa.sender, "ADT^A04^ADT_A01"), "EVN|A04|20100324",
                                                "|".join(pid), "PV1||O"))
                assert answer["MSA-1"] == "AA", answer
    mesa.feed("A04", Patient([f"79234^^^&{HZLN}&ISO"], family="Einzig", given="Emil", birth="19550505"))
    mesa.feed("A04", Patient([f"PIX10501^^^&{HIMSS}&ISO", f"XREF10501^^^&{XREF}&ISO"], family="Mesa", given="Maria"))
    mesa.feed("A04", Patient([f"ABC10501^^^&{HIMSS}&ISO"], family="Allein", given="Anton", birth="19450405"))
    mesa.feed("A04", Patient([f"MOORE-1^^^&{HIMSS}&ISO"], family="Moore", given="Chip", birth="19530917", sex="M"))
    mesa.feed("A04", Patient([f"HEIDI-1^^^&{XREF}&ISO"], family="Heidi", given="Mary", birth="19400101",
                             address="3443 North Arctic Avenue^^Some City"))


def root_of(authority):
    """OID of an HD, by its registered namespace where it has none; else an OID that nobody registered."""
    name, oid, *_ = [*authority.split("&"), ""]
    return oid or next((o for o, n in AUTHORITIES.items() if n and n == name), "1.2.3.99999")


def outcome_v2(answer):
    """(ok, nf or error, identifiers)"""
    status = answer["QAK-2"].lower() if answer["MSA-1"] == "AA" else "error"
    return status, set(answer.identifiers()) if "PID" in answer else set()


def outcome_v3(answer):
    return answer.response.lower() if answer.ack == "AA" else "error", {(e, r) for r, e in answer.ids()}


QUESTIONS = {"ok-1": "ok", "ok-2": "ok", "ok-3": "ok", "ok-4": "nf", "nf-1": "ok", "nf-2": "ok", "err-1": "error",
             "err-2": "error"}
"""Where the files' manager says otherwise: ok-4 asks for the domain of the identifier itself, whose own number is
not told again, and for one where nobody is known; nf-1 and nf-2 know no other identifier than this region's."""


@pytest.mark.parametrize("name, expected", QUESTIONS.items())
def test_a_pix_query_of_v2_is_answered_alike_in_v3(mesa, patients, data, name, expected):
    segments = v2_file(data(f"{PAIRS}/pixquery/v2/{name}_Response.hl7"))
    qpd = [*next((s for s in segments if s.startswith("QPD")), QPD_OF_ERR_2).split("|"), ""][:5]
    number, authority = qpd[3].split("^")[0], qpd[3].split("^")[3]
    domains = [d.split("^")[3] for d in qpd[4].split("~") if d]
    first = outcome_v2(mesa.tell(mllp.message(mllp.msh(mesa.sender, "QBP^Q23^QBP_Q21", version="2.5"),
                                              "|".join(qpd), "RCP|I")))
    second = outcome_v3(called(mesa, "/pix", hl7v3.pix_query(root_of(authority), number,
                                                             [root_of(d) for d in domains]), data))
    assert first == second and first[0] == expected


QPD_OF_ERR_2 = "QPD|QRY_1001|QRY10501108|79471^^^HZLN^PI|^^^PKLN~^^^NONEXISTING~^^^&1.2.3.4&ISO"
"""The file holds the answer's MSA alone, which names these domains."""

MESA = {"NistPixpdq_Mesa10501-04_Example_01": "ok", "NistPixpdq_Mesa10501-05_Example_01": "nf",
        "NistPixpdq_Mesa10502-03~UnknownId_Example_01": "error",
        "NistPixpdq_Mesa10503-01~UnknownAssigningAuth_Example_01": "error"}


@pytest.mark.parametrize("name, expected", MESA.items())
def test_a_pix_query_of_v3_is_answered_alike_in_v2(mesa, patients, data, name, expected):
    question = v3_file(data(f"{PAIRS}/pixquery/v3/{name}.xml"))
    asked = question.find(".//v:patientIdentifier/v:value", NS)
    domains = [f"^^^&{d.get('root')}&ISO" for d in question.iterfind(".//v:dataSource/v:value", NS)]
    first = outcome_v3(called(mesa, "/pix", question, data))
    second = outcome_v2(mesa.pix(f"{asked.get('extension')}^^^&{asked.get('root')}&ISO", domains))
    assert first == second and first[0] == expected


# --- who could it be? (ITI-21 and ITI-47) ------------------------------------------------------------------

PARAMETERS = {
    "livingSubjectName": [("v:family[not(@qualifier)]", "PID.5.1"), ("v:given[not(@qualifier)]", "PID.5.2")],
    "livingSubjectBirthTime": [("@value", "PID.7")],
    "livingSubjectAdministrativeGender": [("@code", "PID.8")],
    "livingSubjectId": [("@extension", "PID.3.1"), ("@root", "PID.3.4.2"), ("'ISO'", "PID.3.4.3")],
    "patientAddress": [("v:streetAddressLine", "PID.11.1"), ("v:city", "PID.11.3"), ("v:country", "PID.11.6")],
}


def qpd_of(question):
    """The parameters of PRPA_IN201305UV02 as QPD-3 and QPD-8."""
    asked = []
    for element, parts in PARAMETERS.items():
        for value in question.iterfind(f".//v:{element}/v:value", NS):
            for path, field in parts:
                found = value.xpath(f"string({path})", namespaces=NS).strip()
                asked += [f"@{field}^{found}"] if found else []
    domains = [f"^^^&{d.get('root')}&ISO" for d in question.iterfind(".//v:otherIDsScopingOrganization/v:value", NS)]
    return f"QPD|IHE PDQ Query|{mllp.control_id()}|{'~'.join(asked)}|||||{'~'.join(domains)}"


def found_v2(answer):
    if answer["MSA-1"] != "AA":
        return "error", None
    return answer["QAK-2"].lower(), sorted(sorted(c.split("^")[0] for c in pid[3].split("~")) for pid in answer.all("PID"))


def found_v3(answer):
    if answer.ack != "AA":
        return "error", None
    return answer.response.lower(), sorted(sorted(e for _, e in answer.ids(p)) for p in answer.patients)


@pytest.mark.parametrize("name, expected", [
    ("PDQ_with_PID4", "ok"), ("PDQ_ID_Query", "nf"), ("PDQ_Maximal_Query", "ok"), ("PDQ", "ok"),
    ("PDQ_connectathon2011_namespaces_issue", "ok"), ("PDQ_unused_global_namespace_issue", "ok")])
def test_a_demographics_query_is_answered_alike(mesa, patients, data, name, expected):
    question = v3_file(data(f"{PAIRS}/pdq/v3/{name}.xml"))
    for unwanted in question.xpath(".//v:initialQuantity", namespaces=NS):
        unwanted.getparent().remove(unwanted)
    questions = [[mllp.msh(mesa.sender, "QBP^Q22^QBP_Q21", version="2.5"), qpd_of(question), "RCP|I"]]
    written = data(f"{PAIRS}/pdq/v2") / f"{name}.hl7"
    questions += [v2_file(written)] if written.exists() else []
    first = found_v3(called(mesa, "/pdq", question, data))
    assert first[0] == expected
    for v2 in questions:
        assert found_v2(told(mesa, v2)) == first
