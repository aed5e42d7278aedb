"""Plays the exchange of deploy/quickstart: two hospitals, one woman, one document, one objection.

Everything goes through the hub's own ports, with the hospitals' own certificates; the client side
is tests/e2e/hospital, which shares no code with the hub. Each step says what was done and what came
back. The first answer that is not as it should be ends the story with exit status 1.

Documents and messages are those of $CAUSEWAY_DATA where it is at hand, else of deploy/samples.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from lxml import etree  # noqa: E402

from hospital import Hospital, Patient, mllp, pki, soap, xds  # noqa: E402

DATA = Path(os.environ.get("CAUSEWAY_DATA", ROOT / "../shared/data"))
SAMPLES = ROOT / "deploy/samples"
MESSAGES = DATA / "hl7v2/fhir-converter-hl7v2/data/SampleData/Hl7v2"
CDA = {"h": "urn:hl7-org:v3"}

BELLEVUE = SimpleNamespace(name="bellevue", title="Bellevue General Hospital",
                           organization="2.999.1", authority="2.999.1.1", number="BG-20417")
ELSEWHERE = SimpleNamespace(name="elsewhere", title="St. Elsewhere", organization="2.999.2",
                            authority="2.999.2.1", number="77-120")


class Astray(Exception):
    """An answer that was not as it should be."""


def must(condition, otherwise):
    if not condition:
        raise Astray(otherwise)


def heading(text):
    print(f"\n{text}")


def tell(text, first="  "):
    print(textwrap.fill(" ".join(text.split()), 98, initial_indent=first, subsequent_indent="  "))


def answer(text):
    print(f"    <- {text}")


# --- what the hospitals have to say ---------------------------------------------------------------

def choose(preferred, sample):
    """A file of the test data, or our own sample."""
    return preferred if preferred.exists() else SAMPLES / sample


def person_of(document):
    """The demographics in a C-CDA document's recordTarget, as PID fields."""
    role = etree.fromstring(document).find("h:recordTarget/h:patientRole", CDA)

    def text(path, node=role):
        return (node.findtext(path, "", CDA) or "").strip()

    address = role.find("h:addr", CDA)
    lines = [text(f"h:{n}", address) for n in ("streetAddressLine", "city", "state", "postalCode", "country")]
    return Patient(
        identifiers=[], family=text("h:patient/h:name/h:family"), given=text("h:patient/h:name/h:given"),
        birth=role.find("h:patient/h:birthTime", CDA).get("value")[:8],
        sex=role.find("h:patient/h:administrativeGenderCode", CDA).get("code"),
        address=f"{lines[0]}^^{lines[1]}^{lines[2]}^{lines[3]}^{lines[4]}")


def adapted(path, hospital, number, person, shout):
    """A sample ADT message as this hospital would send it about this person."""
    raw = path.read_bytes().decode("utf-8", "replace").encode("ascii", "replace").decode()
    segments = [line.split("|") for line in raw.replace("\n", "\r").split("\r") if line]
    case = str.upper if shout else str
    for fields in segments:
        if fields[0] == "MSH":
            fields[2:6] = [hospital.sender.application, hospital.sender.facility, "CAUSEWAY", "REGION"]
            fields[6], fields[9] = mllp.timestamp(), mllp.control_id()
        elif fields[0] == "PID":
            fields += [""] * (12 - len(fields))
            fields[2] = fields[4] = fields[6] = fields[9] = ""
            fields[3] = hospital.cx(number)
            fields[5] = case(f"{person.family}^{person.given}")
            fields[7], fields[8], fields[11] = person.birth, person.sex, case(person.address)
    return "".join("|".join(fields) + "\r" for fields in segments)


# --- the operator's side --------------------------------------------------------------------------

class Region:
    """The hub that runs: its addresses, and the program that administers it."""

    def __init__(self, options):
        self.folder, self.program, self.pki = Path(options.directory), options.causeway, options.pki
        ready = json.loads((self.folder / "ready.json").read_text())
        self.soap_address = self._address(ready["listen"])
        self.mllp_address = self._address(ready["mllp_listen"])
        self.ca, self.xad_authority = self.folder / "pki/ca.crt", "2.999.100.1"

    @staticmethod
    def _address(text):
        host, _, port = text.rpartition(":")
        return host, int(port)

    def causeway(self, *arguments):
        """Runs a command of the program as the operator would; its output."""
        done = subprocess.run([self.program, *arguments, "--config", self.folder / "causeway.conf"],
                              capture_output=True, text=True)
        must(done.returncode == 0, f"causeway {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def command(self, *arguments):
        """The same, told."""
        shown = " ".join(f"'{a}'" if "^" in a or " " in a else a for a in arguments)
        print(f"    $ causeway {shown}")
        return self.causeway(*arguments)

    def enrol(self, who):
        subprocess.run([self.pki, self.folder / "pki", "member", who.name, who.title], check=True,
                       stdout=subprocess.DEVNULL)
        certificate = self.folder / "pki" / f"{who.name}.crt"
        known = json.loads(self.causeway("member", "list", "--json"))["members"]
        if any(member["name"] == who.name for member in known):
            answer(f"{who.title} is a member already")
        else:
            self.command("member", "add", who.name, "--organization", who.organization,
                         "--authority", who.authority, "--cert", str(certificate))
            answer(f"{who.title} may connect, with this certificate and no other")
        identity = pki.Identity(who.name, certificate, certificate.with_suffix(".key"))
        self._wait_until_admitted(identity)
        return Hospital(who.name, identity, who.authority, self, who.organization)

    def _wait_until_admitted(self, identity):
        """A hub looks several times a second whether its members have changed."""
        for _ in range(600):
            try:
                with soap.Connection(self.soap_address, identity, self.ca) as connection:
                    return connection.exchange("GET", "/")
            except (soap.Broken, OSError):
                time.sleep(0.1)
        raise Astray(f"{identity.name} was not admitted within a minute")


# --- the story ------------------------------------------------------------------------------------

class Story:
    """What the chapters share. Each chapter is one step of the exchange."""

    def __init__(self, region):
        self.region = region
        document = choose(DATA / "ccda/Documents/CCD/CCD 2/CCD.xml", "clinical_summary.xml")
        self.document, self.content = document, document.read_bytes()
        self.person = person_of(self.content)
        self.name = f"{self.person.given} {self.person.family}"
        self.began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def chapters(self):
        return [
            ("1. Two hospitals join", self.enrol),
            ("2. Both know the same woman", self.feed),
            ("3. Bellevue General publishes her clinical summary", self.publish),
            ("4. St. Elsewhere finds it", self.find),
            ("5. St. Elsewhere reads it", self.read),
            ("6. She objects", self.object),
            ("7. The same question, once more", self.find_nothing),
            ("8. Who saw what", self.audit),
        ]

    def enrol(self):
        tell("A member is known by its certificate and by the numbers that it issues. The region "
             "shares what a patient does not object to.")
        self.bellevue = self.region.enrol(BELLEVUE)
        self.elsewhere = self.region.enrol(ELSEWHERE)
        self.region.command("member", "agreement", "add", "region", "--all")
        self.region.command("consent", "default", "opt-out")

    def _tell_hub(self, hospital, who, path, shout=False):
        message = adapted(path, hospital, who.number, self.person, shout)
        reply = hospital.tell(message)
        event = mllp.Message(message.encode())["MSH-9"]
        must(reply["MSA-1"] == "AA", f"{who.title}'s {event} was answered {reply!r}")
        answer(f"{event} from {who.title}, its number {who.number}: MSA|{reply['MSA-1']}, accepted and kept")

    def feed(self):
        tell(f"{self.name} is admitted to Bellevue General, and has been an outpatient of "
             "St. Elsewhere. Each hospital's own system tells the hub in its own words (ITI-8: HL7 v2 "
             "over MLLP over mutual TLS).")
        self._tell_hub(self.bellevue, BELLEVUE, choose(MESSAGES / "ADT-A01-01.hl7", "admission.hl7"))
        self._tell_hub(self.elsewhere, ELSEWHERE, choose(MESSAGES / "ADT-A04-01.hl7", "registration.hl7"),
                       shout=True)
        self._forget_objections()
        tell("Are these one person? St. Elsewhere asks by the number that it knows (ITI-9, PIX query).")
        reply = self.elsewhere.pix(self.elsewhere.cx(ELSEWHERE.number))
        found = reply.identifiers()
        answer(f"MSA|{reply['MSA-1']}, PID-3 {reply['PID-3']}")
        must((BELLEVUE.number, BELLEVUE.authority) in found, "Bellevue's number for her is not in the answer")
        self.xad = self.elsewhere.xad_pid(ELSEWHERE.number)
        must(self.xad is not None, "the region has no identifier for her")
        must(self.xad == self.bellevue.xad_pid(BELLEVUE.number), "the two hospitals were given two persons")
        tell(f"One person: the region calls her {self.xad}.")

    def _forget_objections(self):
        """The last time this story was told, she objected in the end."""
        patient = self.bellevue.cx(BELLEVUE.number)
        for policy in json.loads(self.region.causeway("consent", "show", "--patient", patient, "--json"))["policies"]:
            tell("She objected the last time this was played; she changes her mind.")
            self.region.command("consent", "revoke", "--patient", patient, "--policy", policy["policy"])

    def publish(self):
        where = "the test data" if SAMPLES not in self.document.parents else "deploy/samples"
        tell(f"A C-CDA document of {len(self.content):,} bytes ({self.document.name}, from {where}) goes to "
             "the repository with its metadata (ITI-41, MTOM).")
        entry = xds.Entry(
            self.xad, self.content, title=f"Clinical summary of {self.name}",
            source_patient_id=self.bellevue.cx(BELLEVUE.number), author="^Sand^Tove^^^Dr",
            institution=f"{BELLEVUE.title}^^^^^^^^^{BELLEVUE.organization}")
        response = self.bellevue.provide(xds.Submission(self.xad, [entry], source_id=BELLEVUE.organization))
        must(response.ok, f"the submission was refused: {response!r}")
        self.unique_id = entry.unique_id
        answer(f"{response.status.rpartition(':')[2]}: kept encrypted, on disk, and known to the registry")

    def find(self):
        tell("A physician there opens her chart. Their system asks the registry for all her approved "
             "documents (ITI-18, FindDocuments).")
        response = self.elsewhere.find(self.xad)
        must(response.ok, f"the query failed: {response!r}")
        ours = [entry for entry in response.entries if entry.unique_id == self.unique_id]
        must(len(ours) == 1, f"the document is not among the {len(response.entries)} found")
        self.found = ours[0]
        answer(f"{len(response.entries)} found; this one: '{self.found.title}', {self.found.slot('size')} "
               f"bytes, SHA-1 {self.found.slot('hash')}")

    def read(self):
        tell("They fetch it from the repository (ITI-43).")
        response = self.elsewhere.retrieve(self.found)
        must(response.ok and len(response.documents) == 1, f"the document did not come: {response!r}")
        sent, came = (hashlib.sha256(content).hexdigest()
                      for content in (self.content, response.documents[0].content))
        answer(f"SHA-256 of what Bellevue sent:    {sent}")
        answer(f"SHA-256 of what St. Elsewhere got: {came}")
        must(sent == came, "the bytes are not the same")
        tell("Byte for byte the same.")

    def object(self):
        tell(f"{self.name} no longer wants other hospitals to see her records. The region's privacy "
             "office records it.")
        self.region.command("consent", "set", "--patient", self.bellevue.cx(BELLEVUE.number), "--deny")

    def find_nothing(self):
        tell("St. Elsewhere asks again, and tries the document itself, whose number it still has.")
        response = self.elsewhere.find(self.xad)
        must(response.ok, f"the query failed: {response!r}")
        must(not response.entries, f"{len(response.entries)} documents are still found")
        answer(f"ITI-18: {response.status.rpartition(':')[2]}, 0 documents")
        response = self.elsewhere.retrieve(self.found)
        must(not response.documents, "the document still came")
        answer(f"ITI-43: {response.status.rpartition(':')[2]}, {', '.join(response.codes)}")

    def audit(self):
        tell("Each of these steps left a row in the audit log, in the same transaction as what it "
             "tells of.")
        rows = self.region.command("audit", "search", "--patient", self.xad, "--from", self.began)
        print(textwrap.indent(rows.rstrip(), "    "))
        for transaction in ("ITI-41", "ITI-18", "ITI-43"):
            must(transaction in rows, f"no row about {transaction}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--directory", required=True, help="of the hub: ready.json, causeway.conf, pki")
    parser.add_argument("--causeway", required=True, help="the program")
    parser.add_argument("--pki", required=True, help="deploy/pki")
    story = Story(Region(parser.parse_args()))
    try:
        for title, play in story.chapters():
            heading(title)
            play()
    except (Astray, AssertionError, OSError, mllp.Closed) as trouble:
        print(f"\nNot as it should be: {trouble}", file=sys.stderr)
        return 1
    heading("All went as told.")
    return 0


sys.exit(main())
