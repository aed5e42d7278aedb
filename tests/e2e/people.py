"""People for tests: each is new, and known to the hospitals that they are given to."""
import itertools
import re

from hospital import Patient

_serial = itertools.count(1)


def letters(number):
    """1 -> 'b', 26 -> 'ba': names without digits, which normalisation may drop."""
    text = ""
    while number:
        number, rest = divmod(number, 26)
        text = chr(ord("a") + rest) + text
    return text


class Person:
    """One person, fed by A04 to each hospital with the same demographics."""

    def __init__(self, *hospitals):
        self.serial = next(_serial)
        self.family, self.given = f"Rowan{letters(self.serial)}", f"Anna{letters(self.serial * 7)}"
        self.birth = f"19{self.serial % 90 + 10}{self.serial % 12 + 1:02}{self.serial % 27 + 2:02}"
        self.numbers = {}
        for hospital in hospitals:
            self.feed(hospital)
        self._xad = None

    def number(self, hospital):
        return self.numbers.setdefault(hospital.name, f"{hospital.name[:2].upper()}{self.serial:05}")

    def cx(self, hospital):
        return hospital.cx(self.number(hospital))

    def patient(self, *identifiers, **changes):
        fields = dict(family=self.family, given=self.given, birth=self.birth,
                      address=f"{self.serial} Elm St^^Springfield^IL^62701^US",
                      phone=f"^PRN^PH^^^217^555{self.serial:04}")
        return Patient(list(identifiers), **{**fields, **changes})

    def feed(self, hospital, event="A04", **changes):
        answer = hospital.feed(event, self.patient(self.cx(hospital), **changes))
        assert answer["MSA-1"] == "AA", answer
        return answer

    @property
    def xad(self):
        """The region's identifier, asked for by the first hospital."""
        if self._xad is None:
            raise LookupError("resolve() first")
        return self._xad

    def resolve(self, hospital):
        self._xad = hospital.xad_pid(self.number(hospital))
        assert self._xad, f"{hospital.name} got no XAD-PID for its own patient"
        return self._xad


def known(*hospitals):
    """A new person whom these hospitals know, with `xad` resolved."""
    person = Person(*hospitals)
    person.resolve(hospitals[0])
    return person


def cda(text="A summary"):
    """A small clinical document, different for each text."""
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">'
            f'<title>{text}</title></ClinicalDocument>\n').encode()


_UUID = re.compile(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(rb"(?im)^date: [^\r\n]*")
_BOUNDARY = re.compile(rb'boundary="?([^";\r\n]+)')


def masked(response):
    """The bytes of an answer, head included, without what changes from answer to answer: MessageID,
    RelatesTo and the request id (all UUIDs), Date, and the MIME boundary."""
    raw = response.answer.raw
    boundary = _BOUNDARY.search(raw)
    if boundary:
        raw = raw.replace(boundary[1], b"BOUNDARY")
    return _DATE.sub(b"Date: -", _UUID.sub(b"UUID", raw))
