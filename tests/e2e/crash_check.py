"""What must hold after kills: see crash.py. Everything is asked anew at each check, through the
hub's ports where a member could ask it, and in the database for what no member sees.
"""
import hashlib
import json
from collections import Counter, defaultdict

import psycopg2

from crash_change import look

BATCH = 15

# Each finds rows that must not be: {name: SQL that counts them}.
INVARIANTS = {
    "every visible entry has its bytes, or they were removed": """
        SELECT count(*) FROM xds_document_entry e
        WHERE e.repository_unique_id <> '1.2.3.4.5'
          AND NOT EXISTS (SELECT FROM xds_blob b WHERE b.pkey = e.pkey AND b.entry_uuid = e.logical_id)""",
    "every blob belongs to an entry, or was removed": """
        SELECT count(*) FROM xds_blob b
        WHERE b.removed_at IS NULL
          AND NOT EXISTS (SELECT FROM xds_document_entry e
                          WHERE e.pkey = b.pkey AND e.entry_uuid = b.entry_uuid)""",
    "of each object one version at most is approved": """
        SELECT count(*) FROM (SELECT FROM xds_document_entry WHERE status = 'approved'
                              GROUP BY pkey, logical_id HAVING count(*) > 1) AS twice""",
    "what is replaced is deprecated": """
        SELECT count(*) FROM xds_association a
        JOIN xds_document_entry e ON e.pkey = a.target_pkey AND e.entry_uuid = a.target_uuid
        WHERE a.association_type LIKE '%RPLC' AND e.status = 'approved'""",
    "both ends of every association are there": """
        SELECT count(*) FROM xds_association a CROSS JOIN LATERAL (VALUES (source_uuid), (target_uuid)) AS x (id)
        WHERE NOT EXISTS (SELECT FROM xds_document_entry WHERE entry_uuid = x.id)
          AND NOT EXISTS (SELECT FROM xds_submission_set WHERE entry_uuid = x.id)
          AND NOT EXISTS (SELECT FROM xds_folder WHERE entry_uuid = x.id)
          AND NOT EXISTS (SELECT FROM xds_association WHERE entry_uuid = x.id)""",
    "every id leads to an entry that is there": """
        SELECT count(*) FROM uid_entry u
        WHERE u.kind = 'document'
          AND NOT EXISTS (SELECT FROM xds_document_entry e WHERE e.pkey = u.pkey AND e.entry_uuid = u.entry_uuid)""",
    "every entry is a member of a submission set": """
        SELECT count(*) FROM xds_document_entry e
        WHERE NOT EXISTS (SELECT FROM xds_association a
                          JOIN xds_submission_set s ON s.pkey = a.pkey AND s.entry_uuid = a.source_uuid
                          WHERE a.pkey = e.pkey AND a.target_uuid = e.entry_uuid)""",
    "every submission set has members": """
        SELECT count(*) FROM xds_submission_set s
        WHERE NOT EXISTS (SELECT FROM xds_association a
                          WHERE a.pkey = s.pkey AND a.source_uuid = s.entry_uuid)""",
    "every submission has exactly one audit row": """
        SELECT abs((SELECT count(*) FROM xds_submission_set)
                 + (SELECT count(*) FROM audit_search WHERE transaction = 'ITI-62' AND outcome = 0)
                 - (SELECT count(*) FROM audit_search
                     WHERE transaction IN ('ITI-41', 'ITI-42', 'ITI-57') AND outcome = 0))""",
    "every audit row is in the log, and waits for its seal": """
        SELECT count(*) FROM audit_search s
        FULL JOIN audit_event e USING (pkey, at, id)
        FULL JOIN audit_pending p USING (pkey, at, id)
        WHERE s.id IS NULL OR e.id IS NULL OR p.id IS NULL""",
    "every identifier leads to a record and its person": """
        SELECT count(*) FROM mpi_identifier i
        WHERE NOT EXISTS (SELECT FROM mpi_person p
                          WHERE p.pkey = i.person_pkey AND p.person_id = i.person_id)""",
}


def batches(submissions):
    """Of one patient each: a query whose answer is about two is refused."""
    by_patient = defaultdict(list)
    for sent in list(submissions):
        by_patient[sent.patient_id].append(sent)
    for sent in by_patient.values():
        yield from (sent[start:start + BATCH] for start in range(0, len(sent), BATCH))


class Checks:
    """Counts what held and what did not, each kind of check by its name."""

    def __init__(self, hub, journal, reader):
        self.hub, self.journal, self.reader = hub, journal, reader
        self.held, self.broken, self.unknown_there = Counter(), [], 0

    def passed(self):
        return sum(self.held.values())

    def failed(self):
        return len(self.broken)

    def failures(self):
        return list(self.broken)

    def summary(self):
        sent = self.journal.submissions
        return (f"{len(sent)} submissions, {self.journal.acknowledged()} acknowledged, of the others "
                f"{self.unknown_there} had gone through; {len(self.journal.patients)} patients; "
                f"{sum(life.done for life in self.journal.lives)} steps of {len(self.journal.lives)} documents; "
                f"{self.failed()} failures")

    def _check(self, name, holds, detail=""):
        if holds:
            self.held[name] += 1
        else:
            self.broken.append(f"{name}: {detail}")

    def everything(self):
        """All of it, anew: what held before a kill must hold after it."""
        self.held.clear()
        self.broken.clear()
        self.unknown_there, there = 0, 0
        for hospital in [self.reader] + [h for h, _ in self.journal.patients]:
            hospital.close()  # kills have broken their connections
        for batch in batches(self.journal.submissions):
            there += self._documents(batch)
        there += self._lives()
        self._patients()
        self._database(there)
        self._repository()
        for line in self.journal.strange:
            self._check("every answer is one that a kill explains", False, line)
        self._check("the load was real", self.journal.acknowledged() > 0 and self.journal.patients)

    def _documents(self, batch):
        """Found and read as a whole, or not there at all. Gives how many documents are there."""
        response = self.reader.get([u for s in batch for u in s.hashes])
        self._check("every query is answered", response.ok, repr(response))
        found = {e.unique_id: e for e in response.entries}
        there = 0
        for sent in batch:
            mine = [found[u] for u in sent.hashes if u in found]
            if sent.acknowledged:
                self._check("an acknowledged submission is found", len(mine) == len(sent.hashes),
                            f"{sent.unique_id}: {len(mine)} of {len(sent.hashes)} documents")
            else:
                self._check("an unacknowledged submission is there as a whole or not at all",
                            len(mine) in (0, len(sent.hashes)),
                            f"{sent.unique_id}: {len(mine)} of {len(sent.hashes)} documents")
                self.unknown_there += bool(mine)
            if mine:
                self._bytes(sent, mine)
                there += len(mine)
        return there

    def _bytes(self, sent, entries):
        documents = {d.unique_id: d.content for d in self.reader.retrieve(*entries).documents}
        for entry in entries:
            content = documents.get(entry.unique_id)
            same = content is not None and hashlib.sha256(content).hexdigest() == sent.hashes[entry.unique_id]
            self._check("a visible document comes back as it was sent", same,
                        f"{entry.unique_id}: {'other bytes' if content is not None else 'does not come'}")

    def _lives(self):
        """Changed documents: as before or as after. Gives how many entries are there."""
        there = 0
        for life in list(self.journal.lives):
            state = look(self.reader, life)
            self._check("a change is seen as a whole or not at all", state in life.allowed(),
                        f"{life.unique_ids} after {life.done} of {life.tried} steps: {sorted(map(str, state))}")
            there += sum(isinstance(x, tuple) for x in state)
        return there

    def _patients(self):
        for hospital, number in list(self.journal.patients):
            self._check("a patient answered AA has an XAD-PID", hospital.xad_pid(number) is not None,
                        f"{hospital.name} {number}")

    def _repository(self):
        findings = json.loads(self.hub.run("xds", "verify", "--json", expect=None))["findings"]
        wrong = [f for f in findings if f["fault"] != "orphan"]
        self._check("the repository is sound", not wrong, str(wrong[:3]))

    def _database(self, documents):
        connection = psycopg2.connect(f"{self.hub.database} user=causeway_admin")
        try:
            with connection.cursor() as cursor:
                for name, sql in INVARIANTS.items():
                    cursor.execute(sql)
                    wrong = cursor.fetchone()[0]
                    self._check(name, wrong == 0, f"{wrong} rows")
                cursor.execute("SELECT count(*) FROM xds_document_entry")
                rows = cursor.fetchone()[0]
                self._check("nothing is there that nobody sent", rows == documents,
                            f"{rows} entries, {documents} of them known to clients")
        finally:
            connection.close()
