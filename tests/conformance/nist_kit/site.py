"""The hub that is played against: one of the run's own, or one that runs already.

The source is the member that files, changes, queries and retrieves; the feeder is the `xad_source`,
which tells the hub about the affinity domain's patient identifiers.
"""
import itertools
import time
import uuid

from hospital import mllp, soap, xds
from hospital.mllp import Patient, cx

_serial = itertools.count(1)
_run = f"{time.strftime('%m%d%H%M%S')}{uuid.uuid4().int % 1000}"


class Initiating:
    """Another hub, whose gateway asks the first one, which is its community 1. `link` is its consumer's,
    `wire` its feeder's; `heard` gives the queries that community 1 has been asked, as its log has them."""

    def __init__(self, link, wire, heard):
        self.link, self.wire, self.heard = link, wire, heard
        self.sender, self.fed = mllp.Sender("KIT", "REGION"), set()

    def feed(self, patient, demographics):
        """It knows the same person, by the same identifier, and no document of theirs."""
        if patient in self.fed:
            return
        answer = self.wire.ask(mllp.adt("A04", self.sender, Patient([patient], **demographics)))
        assert answer["MSA-1"] in ("AA", "CA"), answer
        self.fed.add(patient)


class Site:
    """`source` is a soap.Link, `wire` gives the feeder's mllp.Wire; `check` raises on a bad answer.

    `local` gives the source's own (wire, assigning authority), for identifiers of its patients.
    `dumps` is the Link for whole messages that the kit dumped in another affinity domain, with codes
    that the hub would refuse from the source. `answers` is an Answers at a registered address.
    """

    def __init__(self, source, wire, xad, home, source_id, check=None, local=None, dumps=None,
                 answers=None, gateway=None, initiating=None):
        self.source, self.wire, self.xad, self.home = source, wire, xad, home
        self.local, self.dumps, self.answers = local, dumps or source, answers
        self.gateway, self.initiating = gateway, initiating
        self.source_id, self.check = source_id, check
        self.sender, self.fed = mllp.Sender("KIT", "REGION"), {}  # {identifier: demographics}
        self.adopted = {}

    def new_patient(self):
        """A patient identifier (CX) that no one knows yet."""
        return cx(f"KIT{_run}.{next(_serial)}", self.xad)

    def adopt(self, patient):
        """Makes an identifier that the kit has written out known: one of another affinity domain
        gets this one's authority, and every later mention of it does."""
        id, found, _ = patient.partition("^^^&")
        if not found or patient.startswith("$"):
            return
        here = cx(id, self.xad)
        if here != patient:
            self.adopted[patient] = here
        if here not in self.fed:
            self.feed(here)

    def feed(self, patient):
        """ITI-8 A04. No two of the run's patients look alike, so none are linked."""
        number = next(_serial)
        self.fed[patient] = {
            "family": f"Kit{uuid.uuid4().hex[:12]}", "given": uuid.uuid4().hex[:8],
            "birth": f"{1900 + number % 100}{1 + number % 12:02d}{1 + number % 28:02d}",
            "address": f"{number} Kit Street^^Town{number}^IL^{10000 + number}^US"}
        person = Patient([patient], **self.fed[patient])
        return self._acknowledged(mllp.adt("A04", self.sender, person))

    def feed_local(self, patient):
        """The source tells of the same person. The kit names its local identifier L and the region's,
        under the region's authority; here it gets the source's own, as ITI-64 means it."""
        wire, authority = self.local()
        here = cx("L" + patient.partition("^")[0], authority)
        self.adopted["L" + patient] = here
        person = Patient([here], **self.fed[patient])
        return self._acknowledged(mllp.adt("A04", mllp.Sender("KIT", "SOURCE"), person), wire)

    def move(self, old, new, old_local=None, new_local=None):
        """ITI-64: the local identifier that was linked to `old` is linked to `new` from now on."""
        pid = "~".join(x for x in (new, new_local) if x)
        mrg = "~".join(x for x in (old, old_local) if x)
        return self._acknowledged(mllp.message(
            mllp.msh(self.sender, "ADT^A43^ADT_A43", version="2.5"), f"EVN|A43|{mllp.timestamp()}",
            f"PID|||{pid}|| ", f"MRG|{mrg}"))

    def _acknowledged(self, text, wire=None):
        answer = (wire or self.wire()).ask(text)
        return [] if answer["MSA-1"] in ("AA", "CA") else [f"expected MSA-1 AA, got {answer}"]

    def load_document(self, patient):
        """One document of this patient's, with codes that the kit's environment need not know."""
        entry = xds.Entry(patient, b"Single document in Community 1")
        body, parts = xds.Submission(patient, [entry]).provide()
        answer = xds.Response(self.dumps.call("/xds/repository", xds.ITI41, body, parts, mtom=True))
        assert answer.ok, answer

    def call(self, kind, body, parts=None, asynchronous=False):
        if asynchronous:
            return self._call_later(kind, body, parts)
        link = self.gateway if kind.gateway else self.initiating.link if kind.consumer else self.source
        return link.call(kind.path, kind.action, body, parts, kind.mtom)

    def _call_later(self, kind, body, parts):
        """A 202 now, the answer at our own address (TF-2 appendix V.5)."""
        if self.answers is None:
            raise OSError("there is no address for asynchronous answers (--answers)")
        message_id, before = uuid.uuid4().urn, len(self.answers.received)
        root = soap.envelope(kind.action, body, message_id, reply_to=self.answers.url)
        content_type, content = f'application/soap+xml; charset=UTF-8; action="{kind.action}"', None
        if parts or kind.mtom:
            content_type, content = soap.multipart(root, parts or {})
        http = self.source.post(kind.path, content_type, content or soap.serialise(root))
        if http.status != 202 or http.content:
            raise AssertionError(f"expected HTTP 202 and nothing, got {http.status}: {http.content[:300]}")
        answer = self.answers.wait(before + 1)[before]
        if answer.header("RelatesTo") != message_id:
            raise AssertionError(f"expected RelatesTo {message_id}, got {answer.header('RelatesTo')}")
        return answer

    def post(self, kind, content_type, content):
        """A body as it is."""
        return soap.read(self.dumps.post(kind.path, content_type, content))

    def invalid(self, answer):
        """Complaints of the standards' schemas about an answer."""
        if self.check is None:
            return []
        try:
            self.check(answer)
        except Exception as what:  # lxml.etree.DocumentInvalid
            return [f"the answer is not valid: {what}"]
        return []
