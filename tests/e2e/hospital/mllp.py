"""HL7 v2 over MLLP over mutual TLS: the patient identity feed (ITI-8) and the PIX query (ITI-9).

    wire = Wire(address, identity, ca)
    answer = wire.ask(adt("A04", sender, patient))
    answer["MSA-1"], answer["MSA-2"]

Messages are written from HL7 v2.3.1 / v2.5 and IHE ITI TF-2 3.8 and 3.9; nothing is shared with
the hub.
"""
import datetime
import itertools
import socket
import ssl
from dataclasses import dataclass, field
from typing import NamedTuple

START, END = b"\x0b", b"\x1c\x0d"
_serial = itertools.count(1)


class Sender(NamedTuple):
    """MSH-3 and MSH-4."""

    application: str
    facility: str


@dataclass
class Patient:
    """Demographics of one person as one hospital knows them. `identifiers` are CX strings."""

    identifiers: list
    family: str = "Doe"
    given: str = "Jane"
    birth: str = "19700101"
    sex: str = "F"
    address: str = "1 Main St^^Springfield^IL^62701^US"
    phone: str = ""
    extra: dict = field(default_factory=dict)  # further PID fields by number


def cx(number, authority, kind=None, namespace=""):
    """ID^^^NAMESPACE&OID&ISO[^TYPE]; without an OID the namespace alone names the authority."""
    domain = f"{namespace}&{authority}&ISO" if authority else namespace
    return f"{number}^^^{domain}" + (f"^{kind}" if kind else "")


def control_id():
    return f"T{datetime.datetime.utcnow():%H%M%S%f}{next(_serial):06d}"


def timestamp():
    return f"{datetime.datetime.utcnow():%Y%m%d%H%M%S}"


def msh(sender, kind, control=None, version="2.3.1", charset=""):
    fields = ["MSH", "^~\\&", sender.application, sender.facility, "CAUSEWAY", "REGION", timestamp(),
              "", kind, control or control_id(), "P", version, "", "", "", "", "", charset]
    return "|".join(fields).rstrip("|")


def pid(patient):
    fields = {3: "~".join(patient.identifiers), 5: f"{patient.family}^{patient.given}",
              7: patient.birth, 8: patient.sex, 11: patient.address, 13: patient.phone}
    fields.update(patient.extra)
    return "|".join(["PID"] + [fields.get(n, "") for n in range(1, max(fields) + 1)]).rstrip("|")


def message(*segments):
    return "\r".join(segments) + "\r"


def adt(event, sender, patient, control=None, **options):
    """ITI-8: A01 admit, A04 register, A05 pre-admit, A08 update, or any other event."""
    structure = {"A04": "ADT_A01", "A08": "ADT_A01"}.get(event, f"ADT_{event}")
    return message(msh(sender, f"ADT^{event}^{structure}", control, **options),
                   f"EVN|{event}|{timestamp()}", pid(patient), "PV1||O")


def merge(sender, survivor, subsumed, control=None, **options):
    """ITI-8 A40: `survivor` is a Patient, `subsumed` the identifier (CX) that ends in it."""
    return message(msh(sender, "ADT^A40^ADT_A39", control, **options),
                   f"EVN|A40|{timestamp()}", pid(survivor), f"MRG|{subsumed}")


def pix_query(sender, identifier, domains=(), control=None, tag=None):
    """ITI-9: which identifiers has this person, in all domains or in these ('^^^&OID&ISO')?"""
    control = control or control_id()
    qpd = f"QPD|IHE PIX Query|{tag or 'Q' + control}|{identifier}"
    if domains:
        qpd += "|" + "~".join(domains)
    return message(msh(sender, "QBP^Q23^QBP_Q21", control, version="2.5"), qpd, "RCP|I")


class Message:
    """A message taken apart: m["MSA-1"], m["PID-3"]; m.all("ERR") gives every such segment."""

    def __init__(self, raw):
        self.raw = raw
        self.text = raw.decode("utf-8", "replace")
        self.segments = [s.split("|") for s in self.text.split("\r") if s]

    def all(self, name):
        return [s for s in self.segments if s[0] == name]

    def __getitem__(self, position):
        name, number = position.split("-")
        for segment in self.all(name):
            # MSH-1 is the separator itself, which split() has taken away
            index = int(number) - (1 if name == "MSH" else 0)
            return segment[index] if index < len(segment) else ""
        return ""

    def __contains__(self, name):
        return bool(self.all(name))

    def identifiers(self):
        """PID-3 of the answer: [(id, authority OID)]."""
        found = []
        for repetition in filter(None, self["PID-3"].split("~")):
            components = repetition.split("^")
            domain = components[3].split("&") if len(components) > 3 else [""]
            found.append((components[0], domain[1] if len(domain) > 1 else ""))
        return found

    def __repr__(self):
        return "\n".join("|".join(s) for s in self.segments)


class Closed(Exception):
    """The hub closed the connection instead of answering."""


class Wire:
    """One MLLP connection. Times out after `timeout` seconds without an answer."""

    def __init__(self, address, identity, ca, timeout=60):
        plain = socket.create_connection(address, timeout=timeout)
        self.socket = client_context(identity, ca).wrap_socket(plain, server_hostname="localhost")
        self._received = b""

    def send(self, text, encoding="utf-8"):
        data = text if isinstance(text, bytes) else text.encode(encoding)
        self.socket.sendall(START + data + END)

    def receive(self):
        while END not in self._received:
            try:
                chunk = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError) as error:
                raise Closed(str(error)) from error
            if not chunk:
                raise Closed("end of stream")
            self._received += chunk
        frame, self._received = self._received.split(END, 1)
        if not frame.startswith(START):
            raise AssertionError(f"a frame begins with {frame[:1]!r}, not VT")
        return Message(frame[1:])

    def ask(self, text, encoding="utf-8"):
        self.send(text, encoding)
        return self.receive()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def client_context(identity, ca):
    """TLS as a member speaks it. `identity` None: no certificate is offered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(ca)
    if identity is not None:
        context.load_cert_chain(identity.certificate, identity.key)
    return context
