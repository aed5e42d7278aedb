"""A canary: a patient whose every word is unique, so that it is heard wherever it leaks.

    canary = Canary(lakeside, harbour)
    leaks(canary.words, asked, answered)   # names of the words that an answer told and the question did not

Lakeside knows the canary's address, telephone and visit, and published its documents. Harbour knows it
by name and birth date, under a number of its own: it may ask about it, and be told what consent allows.
"""
import itertools

from hospital import xds
from people import Person, cda, letters

_serial = itertools.count(1)


class Canary:
    def __init__(self, lakeside, harbour):
        self.lakeside, self.harbour = lakeside, harbour
        self.serial = next(_serial)
        self.person = Person(lakeside, harbour)
        self.xad = self.person.resolve(harbour)
        assert lakeside.xad_pid(self.person.number(lakeside)) == self.xad, "the two records are of one person"
        self.other = Person(lakeside, harbour)
        self.other.resolve(harbour)
        self._tell_lakeside_more()
        self._publish()
        self.words = {name: word.encode() for name, word in self._words()}

    def sign(self, what):
        """A word of this canary alone."""
        return f"Canary{letters(self.serial)}{what}"

    def _tell_lakeside_more(self):
        p = self.person
        self.street, self.phone, self.visit = self.sign("Street"), f"217{self.serial:07}", f"VISIT{self.serial:06}"
        p.feed(self.lakeside, "A08", address=f"{self.street} 1^^Springfield^IL^62701^US",
               phone=f"^PRN^PH^^^217^{self.serial:07}", extra={18: self.lakeside.cx(self.visit)})

    def _publish(self):
        reference = {"urn:ihe:iti:xds:2013:referenceIdList": ["R1^^^&1.2.3&ISO^urn:ihe:iti:xds:2013:accession"]}
        entry, hidden = (
            xds.Entry(self.xad, cda(self.sign(f"content{n}")), id=xds.new_urn(), title=self.sign(f"title{n}"),
                      comments=self.sign(f"comments{n}"), author=f"^{self.sign('author')}",
                      source_patient_id=self.person.cx(self.lakeside), extra_slots=dict(reference))
            for n in ("One", "Two"))
        self.entry, self.hidden = entry, hidden
        self.folder = xds.Folder(self.xad, id=xds.new_urn(), title=self.sign("folder"))
        self.set = xds.Submission(
            self.xad, [entry, hidden], [self.folder], id=xds.new_urn(), author=f"^{self.sign('submitter')}",
            relations=[(xds.APND, hidden.id, entry.id), (xds.HAS_MEMBER, self.folder.id, entry.id)])
        response = self.lakeside.provide(self.set)
        assert response.ok, response

    def _words(self):
        yield "number", self.person.number(self.lakeside)
        yield "street", self.street
        yield "phone", f"{self.serial:07}"
        yield "visit", self.visit
        for what in ("contentOne", "contentTwo", "titleOne", "titleTwo", "commentsOne", "commentsTwo", "author",
                     "submitter", "folder"):
            yield what, self.sign(what)
        for name in ("entry", "hidden", "folder", "set"):
            yield f"{name} id", getattr(self, name).id
            yield f"{name} uniqueId", getattr(self, name).unique_id


def leaks(words, asked, answered):
    """Which words the answer tells that the question did not."""
    return sorted(name for name, word in words.items() if word in answered and word not in asked)
