"""HL7 v3 over SOAP as a hospital writes it: ITI-44, 45 and 47. Messages are text; answers are read
by local names."""
import uuid
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

V3 = "urn:hl7-org:v3"
ACTION = "urn:hl7-org:v3:{}"


PROVIDER = ('<providerOrganization classCode="ORG" determinerCode="INSTANCE"><id root="1.2.3.8"/>'
            '<contactParty classCode="CON"/></providerOrganization>')


def ii(name, root, extension=None):
    more = f" extension={quoteattr(extension)}" if extension is not None else ""
    return f'<{name} root="{root}"{more}/>'


def message(interaction, control_act):
    device = ('<{0} typeCode="{1}"><device classCode="DEV" determinerCode="INSTANCE"><id root="{2}"/></device></{0}>')
    return etree.fromstring(
        f'<{interaction} xmlns="{V3}" ITSVersion="XML_1.0"><id root="{uuid.uuid4()}"/>'
        f'<creationTime value="20261122101500"/>{ii("interactionId", "2.16.840.1.113883.1.6", interaction)}'
        '<processingCode code="P"/><processingModeCode code="T"/><acceptAckCode code="AL"/>'
        + device.format("receiver", "RCV", "1.2.3.9") + device.format("sender", "SND", "1.2.3.8")
        + f'<controlActProcess classCode="CACT" moodCode="EVN">{control_act}</controlActProcess></{interaction}>')


def name(family, given, **attributes):
    more = "".join(f' {k}="{v}"' for k, v in attributes.items())
    return f"<name{more}><given>{escape(given)}</given><family>{escape(family)}</family></name>"


def person(family, given, birth=None, sex=None, more=""):
    return ('<patientPerson classCode="PSN" determinerCode="INSTANCE">' + name(family, given)
            + (f'<administrativeGenderCode code="{sex}"/>' if sex else "")
            + (f'<birthTime value="{birth}"/>' if birth else "") + more + "</patientPerson>")


def feed(interaction, ids, who, prior=None):
    """ITI-44: `ids` [(root, extension)]; `prior` the subsumed identifier of 201304."""
    replaced = ""
    if prior:
        replaced = ('<replacementOf typeCode="RPLC"><priorRegistration classCode="REG" moodCode="EVN">'
                    '<statusCode code="obsolete"/><subject1 typeCode="SBJ"><priorRegisteredRole classCode="PAT">'
                    + ii("id", *prior) + "</priorRegisteredRole></subject1></priorRegistration></replacementOf>")
    return message(interaction, (
        '<subject typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN"><statusCode code="active"/>'
        '<subject1 typeCode="SBJ"><patient classCode="PAT">' + "".join(ii("id", *i) for i in ids)
        + '<statusCode code="active"/>' + who + PROVIDER + "</patient></subject1>"
        '<custodian typeCode="CST"><assignedEntity classCode="ASSIGNED"><id root="1.2.3.8"/></assignedEntity></custodian>'
        + replaced + "</registrationEvent></subject>"))


def _parameter(element, value, semantics="x"):
    return f"<{element}>{value}<semanticsText>{semantics}</semanticsText></{element}>"


def pix_query(root, extension, domains=(), query_id=None):
    parameters = "".join(_parameter("dataSource", ii("value", d)) for d in domains)
    parameters += _parameter("patientIdentifier", ii("value", root, extension))
    return message("PRPA_IN201309UV02", (
        f'<queryByParameter>{ii("queryId", "1.2.3.8.1", query_id or uuid.uuid4().hex)}<statusCode code="new"/>'
        f'<responsePriorityCode code="I"/><parameterList>{parameters}</parameterList></queryByParameter>'))


def pdq_query(parameters, query_id=None, page=None):
    """`parameters`: [(element, value element as text)]."""
    parameters = "".join(_parameter(e, v) for e, v in parameters)
    return message("PRPA_IN201305UV02", (
        f'<queryByParameter>{ii("queryId", "1.2.3.8.1", query_id or uuid.uuid4().hex)}<statusCode code="new"/>'
        '<responseModalityCode code="R"/><responsePriorityCode code="I"/>'
        + (f'<initialQuantity value="{page}"/>' if page else "")
        + f"<parameterList>{parameters}</parameterList></queryByParameter>"))


def continuation(query_id, interaction="QUQI_IN000003UV01", start=None, count=None):
    return message(interaction, (
        f'<queryContinuation>{ii("queryId", "1.2.3.8.1", query_id)}'
        + (f'<startResultNumber value="{start}"/>' if start else "")
        + (f'<continuationQuantity value="{count}"/>' if count else "")
        + '<statusCode code="waitContinuedQueryResponse"/></queryContinuation>'))


class Answer:
    def __init__(self, answer):
        self.soap, self.root = answer, answer.body

    def all(self, path):
        return self.root.xpath(path.replace("/", "/v:").replace("/v:/v:", "//v:").replace("v:@", "@"),
                               namespaces={"v": V3})

    def value(self, path):
        found = self.all(path)
        return found[0] if found else None

    @property
    def interaction(self):
        return etree.QName(self.root).localname

    @property
    def ack(self):
        return self.value("./acknowledgement/typeCode/@code")

    @property
    def response(self):
        return self.value("./controlActProcess/queryAck/queryResponseCode/@code")

    @property
    def details(self):
        """[(code, location)]"""
        return [(d.findtext(f"{{{V3}}}code") or d.find(f"{{{V3}}}code").get("code"), d.findtext(f"{{{V3}}}location"))
                for d in self.all("./acknowledgement/acknowledgementDetail")]

    @property
    def patients(self):
        return self.all(".//patient")

    def ids(self, patient=None):
        """{(root, extension)} of one patient, or of all."""
        nodes = [patient] if patient is not None else self.patients
        return {(i.get("root"), i.get("extension")) for p in nodes for i in p.findall(f"{{{V3}}}id")}

    def counts(self):
        return tuple(int(self.value(f"./controlActProcess/queryAck/result{k}Quantity/@value"))
                     for k in ("Total", "Current", "Remaining"))


def call(hospital, path, body, action=None):
    action = action or ACTION.format(etree.QName(body).localname)
    return Answer(hospital.link.call(path, action, body))
