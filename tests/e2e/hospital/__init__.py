"""An independent hospital: everything that a member does with the hub, and nothing of the hub's code.

    region = Hub(...)                       # or the addresses of one that runs
    lakeside = Hospital("lakeside", identity, authority="1.2.3", hub=region)
    lakeside.feed("A04", Patient([lakeside.cx("L-1")], family="Meyer", given="Anna"))
    xad = lakeside.xad_pid("L-1")
    lakeside.provide(xad, content)
    harbour.find(xad).entries
    harbour.retrieve(entry).documents[0].content

Each call goes through a real port with the hospital's own certificate and gives back what came:
xds.Response for documents, mllp.Message for messages. The tests and deploy/quickstart both use it.
"""
from . import mllp, pki, soap, xds
from .mllp import Patient, Sender

__all__ = ["Hospital", "Patient", "Sender", "mllp", "pki", "soap", "xds"]


class Hospital:
    """One member. `hub` has soap_address, mllp_address, ca and xad_authority."""

    def __init__(self, name, identity, authority, hub, organization=None, namespace=""):
        self.name, self.identity, self.hub = name, identity, hub
        self.authority, self.organization, self.namespace = authority, organization, namespace
        self.sender = Sender(name.upper(), name.upper())
        self.link = soap.Link(hub.soap_address, identity, hub.ca)
        self._wire = None

    # --- identity -------------------------------------------------------------------------------

    def cx(self, number):
        """One of this hospital's own identifiers, written CX."""
        return mllp.cx(number, self.authority)

    @property
    def wire(self):
        if self._wire is None:
            self._wire = mllp.Wire(self.hub.mllp_address, self.identity, self.hub.ca)
        return self._wire

    def tell(self, text, encoding="utf-8"):
        """Sends one HL7 v2 message and gives the answer."""
        try:
            return self.wire.ask(text, encoding)
        except Exception:
            self.close()
            raise

    def feed(self, event, patient, **options):
        """ITI-8: tells the hub about a patient."""
        return self.tell(mllp.adt(event, self.sender, patient, **options))

    def merge(self, survivor, subsumed, **options):
        """ITI-8 A40: the identifier `subsumed` (CX) ends in the Patient `survivor`."""
        return self.tell(mllp.merge(self.sender, survivor, subsumed, **options))

    def pix(self, identifier, domains=(), **options):
        """ITI-9: which other identifiers has this person?"""
        return self.tell(mllp.pix_query(self.sender, identifier, domains, **options))

    def xad_pid(self, number):
        """The region's identifier (CX) of one of our patients, by ITI-9; None when it has none."""
        answer = self.pix(self.cx(number), [f"^^^&{self.hub.xad_authority}&ISO"])
        for found, authority in answer.identifiers():
            if authority == self.hub.xad_authority:
                return mllp.cx(found, authority)
        return None

    # --- documents ------------------------------------------------------------------------------

    def provide(self, submission, inline=(), **options):
        """ITI-41: a Submission, with its documents."""
        body, parts = submission.provide(inline)
        return self._call("/xds/repository", xds.ITI41, body, parts, mtom=True, **options)

    def publish(self, patient_id, content, **attributes):
        """ITI-41 of one document; (Entry, Response)."""
        entry = xds.Entry(patient_id, content, **attributes)
        return entry, self.provide(xds.Submission(patient_id, [entry]))

    def register(self, submission, **options):
        """ITI-42: a Submission's metadata."""
        return self._call("/xds/registry", xds.ITI42, submission.register(), **options)

    def register_on_demand(self, submission, **options):
        """ITI-61."""
        return self._call("/xds/registry", xds.ITI61, submission.objects(), **options)

    def update(self, submission, action=xds.ITI57, **options):
        """ITI-57, or ITI-92 with its action."""
        return self._call("/xds/registry", action, submission.update(), **options)

    def remove_metadata(self, *ids, **options):
        """ITI-62: entryUUIDs."""
        return self._call("/xds/registry", xds.ITI62, xds.remove_objects(ids), **options)

    def remove_documents(self, *wanted, **options):
        """ITI-86: found entries, or (repositoryUniqueId, documentUniqueId) pairs."""
        pairs = [w if isinstance(w, tuple) else (w.repository, w.unique_id) for w in wanted]
        return self._call("/xds/repository", xds.ITI86, xds.remove_documents(pairs), **options)

    def query(self, body, **options):
        """ITI-18: any stored query."""
        return self._call("/xds/registry", xds.ITI18, body, **options)

    def find(self, patient_id, more=(), headers=(), **options):
        """ITI-18 FindDocuments."""
        return self.query(xds.find_documents(patient_id, more, **options), headers=headers)

    def get(self, unique_ids=(), entry_uuids=(), headers=(), **options):
        """ITI-18 GetDocuments."""
        return self.query(xds.get_documents(unique_ids, entry_uuids, **options), headers=headers)

    def retrieve(self, *wanted, **options):
        """ITI-43: found entries, or (repositoryUniqueId, documentUniqueId) pairs."""
        pairs = [w if isinstance(w, tuple) else (w.repository, w.unique_id) for w in wanted]
        return self._call("/xds/repository", xds.ITI43, xds.retrieve(pairs), mtom=True, **options)

    def _call(self, path, action, body, parts=None, **options):
        return xds.Response(self.link.call(path, action, body, parts, **options))

    def close(self):
        self.link.close()
        if self._wire is not None:
            self._wire.close()
            self._wire = None
