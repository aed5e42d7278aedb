"""ITI-55 as another community asks it, beside the same questions by ITI-21."""

import time
from xml.sax.saxutils import escape

import index
import messages as m

COMMUNITY, HOME = "aurora", m.HUB + ".77"
ACTION = "urn:hl7-org:v3:PRPA_IN201305UV02:CrossGatewayPatientDiscovery"


def parameter(name, value):
    return f"<{name}>{value}<semanticsText>{name}</semanticsText></{name}>"


def iti55(person):
    """As index.iti21: by misspelt family name, given name, birth date and sex."""
    sex = person["sex"] in ("F", "M") and parameter(
        "livingSubjectAdministrativeGender", f'<value code="{person["sex"]}"/>') or ""
    name = (f'<value><given>{escape(person["given"])}</given>'
            f'<family>{escape(index.misspelt(person["family"]))}</family></value>')
    asked = sex + parameter("livingSubjectBirthTime", f'<value value="{person["dob"].replace("-", "")}"/>')
    device = ('<{0} typeCode="{1}"><device classCode="DEV" determinerCode="INSTANCE"><id root="{2}"/></device></{0}>')
    return m.soap("/xcpd", ACTION, (
        '<PRPA_IN201305UV02 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0"><id root="2.25.1" extension="1"/>'
        '<creationTime value="20261122150000"/>'
        '<interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201305UV02"/>'
        '<processingCode code="P"/><processingModeCode code="T"/><acceptAckCode code="AL"/>'
        + device.format("receiver", "RCV", m.HUB) + device.format("sender", "SND", HOME)
        + '<controlActProcess classCode="CACT" moodCode="EVN"><queryByParameter><queryId root="2.25.1" extension="1"/>'
        '<statusCode code="new"/><responseModalityCode code="R"/><responsePriorityCode code="I"/>'
        f'<parameterList>{asked}{parameter("livingSubjectName", name)}</parameterList>'
        "</queryByParameter></controlActProcess></PRPA_IN201305UV02>"))


def enrol(stack):
    stack.member(COMMUNITY, HOME, HOME + ".1")
    stack.cli("community", "add", COMMUNITY, "--home", HOME)
    stack.cli("member", "agreement", "add", COMMUNITY, "--all", "--party", COMMUNITY)
    stack.cli("consent", "default", "opt-out")
    time.sleep(1)  # the hub has read its members again


def knows(stack, person):
    with stack.connect(stack.listen, COMMUNITY) as connection:
        return b'<queryResponseCode code="OK"/>' in stack.ask(connection, iti55(person))[1]


def xcpd(bench, log):
    people = bench.people()
    enrol(bench.stack)
    asked = [p for p in people if knows(bench.stack, p)]
    log(f"xcpd: {len(asked)} of {len(people)} are told of")
    seconds = ("--seconds", str(bench.seconds))
    figure = bench.compare(
        "xcpd", lambda: bench.stack.load(bench.stack.listen, [iti55(p) for p in asked], *seconds, "--expect",
                                         'queryResponseCode code="OK"', member=COMMUNITY),
        lambda: bench.stack.load_mllp([index.iti21(p) for p in asked], *seconds, "--expect", "|OK|"),
        f"mpi_pdq: ITI-21 about the same people; {bench.persons} persons, {bench.stack.size()} of database")
    figure["flushes"] = bench.flushes("ITI-55")
    figure["found"] = round(len(asked) / len(people), 3)
    return figure
