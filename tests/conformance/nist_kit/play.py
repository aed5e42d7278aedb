"""The transactions of a testplan, played against a Site. Each step gives a Result."""
import re
import time
import uuid
from dataclasses import dataclass, field

from lxml import etree

from hospital import soap

from . import expect, linkage, metadata
from .linkage import SectionLog, Unfilled

REGISTRY, REPOSITORY = "/xds/registry", "/xds/repository"
RESPONDING = "/xca/rg"
XDSB = "urn:ihe:iti:xds-b:2007"


@dataclass
class Kind:
    """How a transaction goes over the wire. `parsed`: identifiers are assigned in its metadata.
    `gateway`: another community sends it. `consumer`: a consumer of the initiating hub's does."""

    name: str
    path: str
    action: str
    parsed: bool = True
    mtom: bool = False
    gateway: bool = False
    consumer: bool = False


KINDS = {
    "Register": Kind("ITI-42", REGISTRY, "urn:ihe:iti:2007:RegisterDocumentSet-b"),
    "RegisterODDE": Kind("ITI-61", REGISTRY, "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry"),
    "ProvideAndRegister": Kind("ITI-41", REPOSITORY, "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b",
                               mtom=True),
    "Mu": Kind("ITI-57", REGISTRY, "urn:ihe:iti:2010:UpdateDocumentSet"),
    "Rmu": Kind("ITI-92", REGISTRY, "urn:ihe:iti:2018:RestrictedUpdateDocumentSet"),
    "RemoveMetadata": Kind("ITI-62", REGISTRY, "urn:ihe:iti:2010:DeleteDocumentSet"),
    "Rmd": Kind("ITI-62", REGISTRY, "urn:ihe:iti:2010:DeleteDocumentSet"),
    "Rd": Kind("ITI-86", REPOSITORY, "urn:ihe:iti:2017:RemoveDocuments", parsed=False),
    "StoredQuery": Kind("ITI-18", REGISTRY, "urn:ihe:iti:2007:RegistryStoredQuery", parsed=False),
    "MPQ": Kind("ITI-51", REGISTRY, "urn:ihe:iti:2009:MultiPatientStoredQuery", parsed=False),
    "Retrieve": Kind("ITI-43", REPOSITORY, "urn:ihe:iti:2007:RetrieveDocumentSet", parsed=False, mtom=True),
    "Http": Kind("ITI-41", REPOSITORY, "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"),
    "XCQ": Kind("ITI-38", f"{RESPONDING}/query", "urn:ihe:iti:2007:CrossGatewayQuery", parsed=False,
                gateway=True),
    "XCR": Kind("ITI-39", f"{RESPONDING}/retrieve", "urn:ihe:iti:2007:CrossGatewayRetrieve", parsed=False,
                mtom=True, gateway=True),
    "PatientIdentityFeed": Kind("ITI-8", "", ""),
    "PatientMove": Kind("ITI-64", "", ""),
    "Null": Kind("assertions", "", ""),
}
# The kit's tests of an Initiating Gateway show what it has to ask; a consumer's question makes it.
INITIATED = {
    "XCQ": Kind("ITI-18 and 38", "/xca/ig/query", "urn:ihe:iti:2007:RegistryStoredQuery", parsed=False, consumer=True),
}
IG = "ig(xca)"
# Whose document in community 1 the kit's own tool loads by itself: "Single document in Community 1".
ONE_DOCUMENT = "15824"


@dataclass
class Result:
    name: str
    transaction: str
    outcome: str  # passed, failed, not_applicable
    goal: str = ""
    details: list = field(default_factory=list)  # what was expected and came; or why not applicable


@dataclass
class Session:
    """The patients and parameters that the sections of one test share."""

    patient: str
    alternate: str = None
    moves: bool = False  # a local identifier goes over from one patient to another (ITI-64)
    parameters: dict = field(default_factory=dict)


class Player:
    def __init__(self, kit, site):
        self.kit, self.site = kit, site
        self.logs = {}

    def play(self, test):
        """The Results of one test's sections in their order."""
        session, results = None, []
        for section in test.sections:
            log = self.logs[section.test, section.name] = SectionLog()
            for step in section.steps:
                why = not_applicable(self.kit, self.site, test, section, step)
                if why is not None:
                    results.append(_named(step, why))
                    continue
                session = session or self._session(test)
                results.append(Turn(self, session, section, log, step, IG in test.collections).run())
        return results

    def _session(self, test):
        try:
            patient = None
            if test.session is not None:
                name, section, step = test.session
                reports = linkage.step_log(self.logs, (name, section), step).reports
                patient = reports.get("$patientid$")
        except Unfilled:
            pass
        feeds = any(s.kind == "PatientIdentityFeed" for c in test.sections if c.listed for s in c.steps)
        if patient is None:
            patient = self.site.new_patient()
            if not feeds:
                self.site.feed(patient)
        if IG in test.collections and test.session and test.session[0] == ONE_DOCUMENT:
            self.site.load_document(patient)
        moves = any(s.kind == "PatientMove" for c in test.sections for s in c.steps)
        return Session(patient, None, moves,
                       {"$patientid$": patient, "$testdata_home$": self.site.home})


class Turn:
    """One step's turn."""

    def __init__(self, player, session, section, log, step, initiates=False):
        self.site, self.logs, self.kit = player.site, player.logs, player.kit
        self.session, self.section, self.step = session, section, step
        self.kind = KINDS[step.kind or "Null"]
        if initiates:
            self.kind = INITIATED.get(step.kind, self.kind)
        self.instruction = step.transaction
        self.log = log.step(step.id, None if self.instruction is None else self.instruction.tag)
        self.tree, self.steps = log.root, log.steps
        self.values = {}

    def run(self):
        try:
            wrong = self._patients() + self._unprepared()
            if self.instruction is not None and not wrong:
                wrong = getattr(self, HANDLERS.get(self.step.kind, "message"))()
                if not wrong:
                    linkage.make_reports(self.instruction, self.log)
                    wrong = self._assertions()
            self.log.reports.update(self.session.parameters)
        except Unfilled as what:
            wrong = [f"not played: {what}"]
        except (soap.Broken, OSError, AssertionError, etree.XMLSyntaxError, etree.DocumentInvalid) as what:
            wrong = [f"{type(what).__name__}: {what}"]
        self.log.failed = bool(wrong)
        if wrong:  # what a failed step leaves behind is no one's input
            self.log.reports.clear()
        elif self._asks_nothing():
            return Result(self.step.name, "none", "not_applicable", self.step.goal, [ASKS_NOTHING])
        return Result(self.step.name, self.kind.name, "failed" if wrong else "passed",
                      self.step.goal, wrong)

    def _asks_nothing(self):
        """Whether it only prepares the client, or makes the reader think."""
        return self.step.kind in ("", "Null") and (
            self.instruction is None or self.instruction.find("Assertions") is None)

    def _unprepared(self):
        """Assertions alone look at what the steps of their section left: all of these must stand."""
        if self.step.kind != "Null" or not any(log.failed for log in self.steps.values()):
            return []
        return ["not played: an earlier step of its section failed"]

    def _patients(self):
        if self.step.element.find("NewPatientId") is not None:
            self.session.patient = self.site.new_patient()
            self.session.parameters["$patientid$"] = self.session.patient
        self.session.alternate = None
        if self.step.element.find("AltPatientId") is not None:
            self.session.alternate = self.site.new_patient()
        return []

    # --- the request ----------------------------------------------------------------------------

    def _has(self, tag):
        return self.instruction.find(tag) is not None

    def _file(self, name):
        path = self.section.folder / name
        if not path.exists():
            raise Unfilled(f"the kit does not hold {name}")
        return path

    def _fill(self, root, values):
        self.values.update(values)
        for symbol, value in values.items():
            metadata.replace(root, symbol, value)

    def _request(self):
        """The metadata file with its placeholders filled and its identifiers assigned."""
        name = (self.instruction.findtext("MetadataFile") or "").strip()
        root = etree.parse(str(self._file(name)), etree.XMLParser(remove_comments=True)).getroot()
        text = etree.tostring(root, encoding="unicode")
        if "$now$" in text:  # as an upper bound it is excluded (TF-2 3.18.4.1.2.3.3)
            time.sleep(1.1)
        self._more_patients(root, text)
        self._fill(root, self.session.parameters)
        self._fill(root, linkage.reports_used(self.logs, self.section, self.instruction))
        self._fill(root, {use.get("symbol"): uuid.uuid4().urn
                          for use in self.instruction.iterchildren("AssignNewUuid")})
        parsed = self.kind.parsed and (self.instruction.findtext("ParseMetadata") or "").strip() != "False"
        if parsed:
            self._fill(root, linkage.standard(self.site))
            self._assign(root)
        self._fill_ids(root)
        self._fill(root, {**linkage.standard(self.site), **self.site.adopted})
        if self._has("CleanParams"):
            metadata.clean_query(root)
        return metadata.to_v3(root) if parsed and not self._has("NoConvert") else root

    def _fill_ids(self, root):
        self._fill(root, linkage.symbols(self.logs, self.section, self.instruction, self.values))

    def _more_patients(self, root, text):
        """Patients that the kit expects to be known: $patient_id1$ and so on, and literal ones."""
        for symbol in set(re.findall(r"\$patient_id\d+\$", text)):
            if symbol not in self.session.parameters:
                self.session.parameters[symbol] = self.site.new_patient()
                self.site.feed(self.session.parameters[symbol])
        if self._has("NoPatientId") and self.step.statuses == ["Success"]:
            for patient in metadata.values(root, metadata.PATIENT):
                self.site.adopt(patient)
        self._fill(root, self.site.adopted)

    def _assign(self, root):
        assigned = self.log.assigned
        if not self._has("NoPatientId"):
            patient = self.session.alternate or self.session.patient
            assigned["AssignedPatientId"] = metadata.assign(root, metadata.PATIENT, lambda: patient)
        self._fill_ids(root)
        keep = [e.get("id") for e in self.instruction.iterchildren("NoAssignUids")]
        if None not in keep:
            excluded = [e.get("value") for e in self.instruction.iterfind("AssignUuids/Exclude")]
            given = metadata.assign(root, metadata.UNIQUE, metadata.new_unique_id, keep, excluded)
            assigned["AssignedUids"] = given
            self.log.reports.update({f"{k}_uid": v for k, v in given.items()})
        assigned["AssignedSourceId"] = metadata.assign(root, metadata.SOURCE, lambda: self.site.source_id)
        if self._has("AssignUuids"):
            given = metadata.assign_uuids(root)
            assigned["AssignedUuids"] = given
            self.log.reports.update({f"{k}_uuid": v for k, v in given.items()})

    # --- one message, one answer ------------------------------------------------------------------

    def _ask(self, body, parts=None):
        """Sends it; keeps request and answer; what is wrong with the answer as such."""
        self.log.put("InputMetadata", body)
        wait = self.instruction.findtext("WaitBefore")
        if wait:
            time.sleep(int(wait) / 1000)
        if self.kind.consumer:
            return self._initiate(body)
        answer = self.site.call(self.kind, body, parts, asynchronous=self._has("ASync"))
        return self._judge(answer)

    def _initiate(self, body):
        """The consumer is answered; and community 1 was asked what the kit asks. That may be for LeafClass
        where the consumer wants ObjectRef: consent here is decided by metadata."""
        site = self.site.initiating
        for patient, demographics in self.site.fed.items():
            if patient in etree.tostring(body, encoding="unicode").replace("&amp;", "&"):
                site.feed(patient, demographics)
        heard = len(site.heard())
        wrong = self._judge(self.site.call(self.kind, body))
        asked = [etree.fromstring(x) for x in site.heard()[heard:]]
        if len(asked) != 1:
            return [*wrong, f"expected one question to community 1, got {len(asked)}"]
        return wrong + expect.same_query(body, asked[0], self.site.home)

    def _judge(self, answer):
        self.answer = answer
        self.log.put("Result", answer.body)
        response = expect.Response(answer)
        wrong = expect.status(self.step, response) + expect.error(self.step, response)
        wanted = self.kind.action + "Response"
        if response.fault is None and answer.header("Action") != wanted:
            wrong.append(f"expected wsa:Action {wanted}, got {answer.header('Action')}")
        return wrong + self.site.invalid(answer)

    def message(self):
        wrong = self._ask(self._request())
        expected = self.instruction.find("ExpectedContents")
        if expected is not None and not wrong:
            wrong = expect.contents(expected, self.answer.body,
                                    lambda use: linkage.used_id(self.logs, self.section, use))
        return wrong

    def provide(self):
        submission = self._request()
        body = etree.Element(f"{{{XDSB}}}ProvideAndRegisterDocumentSetRequest", nsmap={"xdsb": XDSB})
        body.append(submission)
        parts = {}
        for element in self.instruction.iterchildren("Document"):
            id = self.log.assigned.get("AssignedUuids", {}).get(element.get("id"), element.get("id"))
            cid = f"{uuid.uuid4().hex}@kit"
            parts[cid] = ("application/octet-stream", self._file(element.text.strip()).read_bytes())
            soap.include(etree.SubElement(body, f"{{{XDSB}}}Document", id=id), cid)
        return self._ask(body, parts)

    def retrieve(self):
        wrong = self._ask(self._request())
        if wrong or expect.Response(self.answer).errors:
            return wrong
        files = {}
        for element in self.instruction.iterchildren("ReferenceDocument"):
            path = self.section.folder / element.text.strip()
            if path.exists():  # the kit names some that it does not hold, and never reads them
                files[self.values.get(element.get("uid"), element.get("uid"))] = path
        reference = self.instruction.find("ReferenceMetadata")
        if reference is not None:
            reference = linkage.of_testdir(self.logs, self.section, reference).part("Result")
        mime_type = (self.instruction.findtext("ExpectedMimeType") or "").strip()
        return expect.documents(self.answer, files, mime_type, reference)

    def http(self):
        """A whole MTOM message as the kit dumped it, with LF ends and one run's identifiers."""
        fields = [x.split(":", 1) for x in self.instruction.findtext("Headers").strip().splitlines()]
        kind = next(v.strip() for k, v in fields if k.strip().lower() == "content-type")
        content = self._file(self.instruction.findtext("BodyFile").strip()).read_bytes()
        return self._judge(self.site.post(self.kind, kind, self._repack(kind, content)))

    def _repack(self, kind, content):
        """CRLF where MIME wants it; the root part gets identifiers of this run."""
        mark = b"--" + soap.content_parameters(kind)["boundary"].encode()
        blocks = []
        for number, block in enumerate((b"\n" + content).split(b"\n" + mark)[1:-1]):
            head, _, body = block.lstrip(b"\n").partition(b"\n\n")
            if number == 0:
                root = etree.fromstring(body.strip())
                self._assign_raw(root)
                self.log.put("InputMetadata", root)
                body = soap.serialise(root)
            lines = [line.strip() for line in head.split(b"\n")]
            blocks.append(b"\r\n".join([mark, *lines, b"", body]) + b"\r\n")
        return b"".join(blocks) + mark + b"--\r\n"

    def _assign_raw(self, root):
        patient = self.session.patient
        self.log.assigned["AssignedPatientId"] = metadata.assign(root, metadata.PATIENT, lambda: patient)
        self.log.assigned["AssignedUids"] = metadata.assign(root, metadata.UNIQUE, metadata.new_unique_id)

    # --- without SOAP ---------------------------------------------------------------------------

    def feed(self):
        if self._has("CreateNewPatientId"):
            self.session.patient = self.site.new_patient()
        elif self._has("PatientID"):
            self.session.patient = self.instruction.findtext("PatientID").strip()
        self.session.parameters["$patientid$"] = self.session.patient
        wrong = self.site.feed(self.session.patient)
        if not wrong and self.session.moves:
            wrong = self.site.feed_local(self.session.patient)
        return wrong

    def move(self):
        used = linkage.reports_used(self.logs, self.section, self.instruction)
        return self.site.move(used.get("$OldXADPID$"), used.get("$NewXADPID$"),
                              used.get("$OldLocalPID$"), used.get("$NewLocalPID$"))

    def null(self):
        self.values.update(linkage.reports_used(self.logs, self.section, self.instruction))
        return []

    def _assertions(self):
        element = self.instruction.find("Assertions")
        if element is None:
            return []
        values = {**self.session.parameters, **linkage.standard(self.site), **self.values}
        return expect.assertions(element, self.tree, values)


HANDLERS = {"ProvideAndRegister": "provide", "Retrieve": "retrieve", "XCR": "retrieve", "Http": "http",
            "PatientIdentityFeed": "feed", "PatientMove": "move", "Null": "null"}


# --- what is not the hub's ------------------------------------------------------------------------

ASKS_NOTHING = "asks the hub nothing and asserts nothing: it only prepares the client"
GATEWAY = "XCA-I, XCDR or an Initiating Gateway's simulated partner, which the kit's own tool plays"
IMAGING = "XDS-I.b and XCA-I: a test of an Imaging Document Source or Consumer, or of its gateways"
MHD = "MHD: a test of a FHIR Document Recipient or Responder, or of its support server"
NOT_OURS = [
    (r"XCRmu|IGQ|IGR|XCDRProvide", GATEWAY),
    (r"ImagingDocSet.*|ImgDetail|XmlDetail|Sim|WADO", IMAGING),
    (r"Fhir.*|ProvideDocumentBundle", MHD),
    (r"Simple", "registration with the public registry of NIST, not a transaction of a profile"),
    (r"Xcpd", "XCPD (ITI-55): a gateway's test"),
    (r"EdgeServer|XDRProvideAndRegister", "XDR or Direct: a test of an edge server or a recipient"),
    (r"Sts|Gather|GenericSoap11|SqlQuery|Echo.*|Socket|Mock|Epsos|Dsub.*|Publish",
     "a transaction of another actor"),
]
COLLECTIONS = [
    (r"reg_xua", "XUA (ITI-40): wants SAML assertions of a token service that is not in the kit; "
                 "tests/e2e/test_xua.py plays them with one of its own"),
    (r".*(iig|rig|ids|idc|isr)\b.*", IMAGING),
    (r".*mhd.*|fhirsupport.*", MHD),
]


def not_applicable(kit, site, test, section, step):
    """Why a step is not a test of the hub; None when it is one."""
    if not section.listed:
        return "the test's index.idx leaves its section out, so the kit's own tool does not play it"
    for pattern, why in NOT_OURS:
        if step.kind and re.fullmatch(pattern, step.kind):
            return why
    for name in test.collections:
        for pattern, why in COLLECTIONS:
            if re.fullmatch(pattern, name):
                return why
    if IG in test.collections and site.initiating is None:
        return "an Initiating Gateway's test: it needs a second hub, which --start starts"
    if kit.missing(section):
        return f"works on the results of {', '.join(kit.missing(section))}, which the kit does not hold"
    if step.kind not in KINDS and step.kind:
        return f"the runner does not know {step.kind}Transaction"
    return None


def _named(step, why):
    kind = KINDS.get(step.kind)
    return Result(step.name, kind.name if kind else step.kind or "none", "not_applicable", step.goal, [why])
