"""The 16 kinds of stored query, each asked about a scene: a patient (`xad`, and `other.xad`) with documents
`entry` and `hidden`, a `folder` and a submission `set`."""
from hospital import xds

UUID = "$XDSDocumentEntryEntryUUID"
STATUS_BOTH = [xds.listed(xds.APPROVED, xds.DEPRECATED)]
TYPES = "(" + ",".join(xds.quoted(t) for t in (xds.APND, xds.XFRM, xds.SIGNS, xds.RPLC)) + ")"


def documents(scene, *more):
    return [("$XDSDocumentEntryPatientId", [xds.quoted(scene.xad)]), ("$XDSDocumentEntryStatus", STATUS_BOTH), *more]


# kind: (query id, slots of a scene)
KINDS = {
    "FindDocuments": ("14d4debf-8f97-4251-9a74-a90016b0af0d", documents),
    "FindDocumentsByReferenceId": ("12941a89-e02e-4be5-967c-ce4bfc8fe492",
                                   lambda s: documents(s, ("$XDSDocumentEntryReferenceIdList", ["('R1%')"]))),
    "FindSubmissionSets": ("f26abbcb-ac74-4422-8a30-edb644bbc1a9", lambda s: [
        ("$XDSSubmissionSetPatientId", [xds.quoted(s.xad)]), ("$XDSSubmissionSetStatus", STATUS_BOTH)]),
    "FindFolders": ("958f3006-baad-4929-a4de-ff1114824431", lambda s: [
        ("$XDSFolderPatientId", [xds.quoted(s.xad)]), ("$XDSFolderStatus", STATUS_BOTH)]),
    "GetAll": ("10b545ea-725c-446d-9b95-8aeb444eddf3", lambda s: [
        ("$patientId", [xds.quoted(s.xad)]), ("$XDSDocumentEntryStatus", STATUS_BOTH),
        ("$XDSSubmissionSetStatus", STATUS_BOTH), ("$XDSFolderStatus", STATUS_BOTH)]),
    "GetDocuments": ("5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4",
                     lambda s: [(UUID, [xds.listed(s.entry.id, s.hidden.id)])]),
    "GetFolders": ("5737b14c-8a1a-4539-b659-e03a34a5e1e4",
                   lambda s: [("$XDSFolderEntryUUID", [xds.listed(s.folder.id)])]),
    "GetAssociations": ("a7ae438b-4bc2-4642-93e9-be891f7bb155",
                        lambda s: [("$uuid", [xds.listed(s.entry.id, s.folder.id, s.hidden.id)])]),
    "GetDocumentsAndAssociations": ("bab9529a-4a10-40b3-a01f-f68a615d247a",
                                    lambda s: [(UUID, [xds.listed(s.entry.id, s.hidden.id)])]),
    "GetSubmissionSets": ("51224314-5390-4169-9b91-b1980040715a",
                          lambda s: [("$uuid", [xds.listed(s.entry.id, s.hidden.id)])]),
    "GetSubmissionSetAndContents": ("e8e3cb2c-e39c-46b9-99e4-c12f57260b83",
                                    lambda s: [("$XDSSubmissionSetEntryUUID", [xds.quoted(s.set.id)])]),
    "GetFolderAndContents": ("b909a503-523d-4517-8acf-8e5834dfc4c7",
                             lambda s: [("$XDSFolderEntryUUID", [xds.quoted(s.folder.id)])]),
    "GetFoldersForDocument": ("10cae35a-c7f9-4cf5-b61e-fc3278ffb578",
                              lambda s: [(UUID, [xds.quoted(s.entry.id)])]),
    "GetRelatedDocuments": ("d90e5407-b356-4d91-a89f-873917b4b0e6",
                            lambda s: [(UUID, [xds.quoted(s.entry.id)]), ("$AssociationTypes", [TYPES])]),
    "FindDocumentsForMultiplePatients": ("3d1bdb10-39a2-11de-89c2-2f44d94eaa9f", lambda s: [
        ("$XDSDocumentEntryPatientId", [xds.listed(s.xad, s.other.xad)]), ("$XDSDocumentEntryStatus", STATUS_BOTH)]),
    "FindFoldersForMultiplePatients": ("50d3f5ac-39a2-11de-a1ca-b366239e58df", lambda s: [
        ("$XDSFolderPatientId", [xds.listed(s.xad, s.other.xad)]), ("$XDSFolderStatus", STATUS_BOTH)]),
}
MANY = "urn:ihe:iti:2009:MultiPatientStoredQuery"


def body_of(kind, scene, *more, return_type="LeafClass"):
    query, slots = KINDS[kind]
    return xds.adhoc_query("urn:uuid:" + query, [*slots(scene), *more], return_type)


def ask(hospital, kind, scene, *more, return_type="LeafClass"):
    body = body_of(kind, scene, *more, return_type=return_type)
    if kind.endswith("MultiplePatients"):
        return hospital._call("/xds/registry", MANY, body)
    return hospital.query(body)
