"""Another community, as a hub meets it: an HTTPS server over mutual TLS that answers ITI-55, 38 and 39
out of a few lists, well or badly. Written from ITI TF-2 3.38, 3.39 and 3.55.

    with Community("aurora", home, authority, identity, ca) as aurora:
        aurora.patients["A-1"] = Person("Meyer", "Anna", "19700101", "F")
        entry = aurora.publish("A-1", b"content")
        aurora.mend = lambda kind, text: text     # what the answer becomes before it is sent
        aurora.asked                              # [(action, element)], as they came
"""
import base64
import http.server
import re
import ssl
import threading
import time
import traceback
import uuid
from typing import NamedTuple

from lxml import etree

from . import soap, xds
from .soap import read as read_unchecked

V3 = "urn:hl7-org:v3"
ITI38 = "urn:ihe:iti:2007:CrossGatewayQuery"
ITI39 = "urn:ihe:iti:2007:CrossGatewayRetrieve"
ITI80 = "urn:ihe:iti:2015:CrossGatewayDocumentProvide"


class Person(NamedTuple):
    family: str
    given: str
    birth: str
    sex: str


class Community:
    def __init__(self, name, home, authority, identity, ca, delay=0.0):
        self.name, self.home, self.authority = name, home, authority
        self.repository = home + ".7"
        self.delay, self.hangs, self.time_to_live = delay, False, "P7D"
        self.patients, self.entries, self.contents = {}, [], {}
        self.provided = []
        self.mend = lambda kind, text: text
        self.head = lambda kind, fields: fields
        self.inline = False
        self.envelopes = []
        self.asked, self.fields, self.most_at_once, self._now = [], [], 0, 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.certificate, identity.key)
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = Server(("127.0.0.1", 0), self._handler(), context)
        self.port = self._server.server_address[1]
        self.url = f"https://localhost:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    # --- its world ------------------------------------------------------------------------------

    def cx(self, number):
        return f"{number}^^^&{self.authority}&ISO"

    def publish(self, number, content, **attributes):
        entry = xds.Entry(self.cx(number), content, id=uuid.uuid4().urn, repository=self.repository, **attributes)
        entry.hash, entry.size = entry.sha1(), str(len(content))
        self.entries.append((number, entry))
        self.contents[entry.unique_id] = (entry.mime_type, content)
        return entry

    # --- its services ---------------------------------------------------------------------------

    def _discover(self, question):
        def value(path):
            return question.xpath(f"string({path})", namespaces={"v": V3})
        family = value("//v:livingSubjectName/v:value/v:family")
        birth = value("//v:livingSubjectBirthTime/v:value/@value")
        matches = [(n, p) for n, p in self.patients.items() if p.family == family and p.birth == birth]
        events = "".join(self._event(n, p) for n, p in matches)
        ident = value("/*/v:id/@root")
        return (
            f'<PRPA_IN201306UV02 xmlns="{V3}" ITSVersion="XML_1.0"><id root="{uuid.uuid4()}"/>'
            f'<creationTime value="20261122"/>'
            f'<interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201306UV02"/>'
            f'<processingCode code="P"/><processingModeCode code="T"/><acceptAckCode code="NE"/>'
            f'<acknowledgement><typeCode code="AA"/><targetMessage><id root="{ident}"/></targetMessage></acknowledgement>'
            f'<controlActProcess classCode="CACT" moodCode="EVN">{events}'
            f'<queryAck><statusCode code="deliveredResponse"/>'
            f'<queryResponseCode code="{"OK" if matches else "NF"}"/></queryAck></controlActProcess></PRPA_IN201306UV02>')

    def _event(self, number, p):
        return (
            f'<subject typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN"><statusCode code="active"/>'
            f'<subject1 typeCode="SBJ"><patient classCode="PAT"><id root="{self.authority}" extension="{number}"/>'
            f'<statusCode code="active"/><patientPerson classCode="PSN" determinerCode="INSTANCE">'
            f'<name><given>{p.given}</given><family>{p.family}</family></name>'
            f'<administrativeGenderCode code="{p.sex}"/><birthTime value="{p.birth}"/></patientPerson>'
            f'</patient></subject1><custodian typeCode="CST"><assignedEntity classCode="ASSIGNED">'
            f'<id root="{self.home}"/></assignedEntity></custodian></registrationEvent></subject>')

    def _query(self, question):
        values = {s.get("name"): [re.sub(r"[()']", "", v.text or "") for v in s.iter(f"{{{xds.RIM}}}Value")]
                  for s in question.iter(f"{{{xds.RIM}}}Slot")}
        patient = values.get("$XDSDocumentEntryPatientId", [None])[0]
        uniques = values.get("$XDSDocumentEntryUniqueId", [])
        wanted = [e for n, e in self.entries
                  if (patient and self.cx(n) == patient) or e.unique_id in uniques]
        objects = b""
        for e in wanted:
            element = e.element()
            element.set("home", f"urn:oid:{self.home}")
            objects += etree.tostring(element)
        return (f'<query:AdhocQueryResponse xmlns:query="{xds.QUERY}" status="{xds.SUCCESS}">'
                f'<rim:RegistryObjectList xmlns:rim="{xds.RIM}">{objects.decode()}</rim:RegistryObjectList>'
                f'</query:AdhocQueryResponse>')

    def _retrieve(self, question, parts):
        found, missing = "", ""
        for wanted in question.iter(f"{{{xds.XDSB}}}DocumentRequest"):
            ident = wanted.findtext(f"{{{xds.XDSB}}}DocumentUniqueId")
            if ident not in self.contents:
                missing += (f'<rs:RegistryError errorCode="XDSDocumentUniqueIdError" codeContext="not here" '
                            f'severity="{xds.ERROR}" location="{ident}"/>')
                continue
            kind, content = self.contents[ident]
            if self.inline:
                body = base64.b64encode(content).decode()
            else:
                cid = f"{uuid.uuid4().hex}@community"
                parts[cid] = (kind, content)
                body = f'<xop:Include xmlns:xop="{soap.XOP}" href="cid:{cid}"/>'
            found += (f'<x:DocumentResponse><x:HomeCommunityId>urn:oid:{self.home}</x:HomeCommunityId>'
                      f'<x:RepositoryUniqueId>{self.repository}</x:RepositoryUniqueId>'
                      f'<x:DocumentUniqueId>{ident}</x:DocumentUniqueId><x:mimeType>{kind}</x:mimeType>'
                      f'<x:Document>{body}</x:Document></x:DocumentResponse>')
        status = xds.SUCCESS if not missing else xds.PARTIAL if found else xds.FAILURE
        if missing:
            missing = f'<rs:RegistryErrorList>{missing}</rs:RegistryErrorList>'
        return (f'<x:RetrieveDocumentSetResponse xmlns:x="{xds.XDSB}"><rs:RegistryResponse xmlns:rs="{xds.RS}" '
                f'status="{status}">{missing}</rs:RegistryResponse>{found}</x:RetrieveDocumentSetResponse>')

    def _provide(self, message):
        """The bytes of what was provided, by uniqueId, and whose it is said to be."""
        body = message.body
        for document in body.iter(f"{{{xds.XDSB}}}Document"):
            entry = next(e for e in body.iter(f"{{{xds.RIM}}}ExtrinsicObject") if e.get("id") == document.get("id"))
            ids = [i.get("value") for i in entry.iter(f"{{{xds.RIM}}}ExternalIdentifier")]
            self.provided.append((ids, message.binary(document)))
        return f'<rs:RegistryResponse xmlns:rs="{xds.RS}" status="{xds.SUCCESS}"/>'

    # --- the wire -------------------------------------------------------------------------------

    def _answer(self, question):
        action, message, body = question.header("Action"), question.header("MessageID"), question.body
        parts, kind = {}, "discovery"
        if action == ITI38:
            kind, text = "query", self._query(body)
        elif action == ITI39:
            kind, text = "retrieve", self._retrieve(body, parts)
        elif action == ITI80:
            kind, text = "provide", self._provide(question)
        else:
            text = self._discover(body)
        life = (f'<CorrelationTimeToLive xmlns="urn:ihe:iti:xcpd:2009">{self.time_to_live}</CorrelationTimeToLive>'
                if kind == "discovery" and self.time_to_live else "")
        text = (f'<soap:Envelope xmlns:soap="{soap.SOAP}" xmlns:wsa="{soap.WSA}"><soap:Header>'
                f'<wsa:Action>{action}Response</wsa:Action><wsa:RelatesTo>{message}</wsa:RelatesTo>{life}'
                f'</soap:Header><soap:Body>{text}</soap:Body></soap:Envelope>')
        text = self.mend(kind, text)
        status = 200
        if isinstance(text, tuple):
            status, text = text
            return status, self.head(kind, {"Content-Type": "application/soap+xml; charset=UTF-8"}), text.encode()
        if kind not in ("retrieve", "provide") or self.inline:
            fields = {"Content-Type": "application/soap+xml; charset=UTF-8"}
            return status, self.head(kind, fields), text.encode()
        mime, content = soap.multipart(etree.fromstring(text), parts)
        return status, self.head(kind, {"Content-Type": mime}), content

    def _handler(community):  # noqa: N805: `self` is the handler's below
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                fields = [(k.lower(), v) for k, v in self.headers.items()]
                # Tests check what soap.read reads against schemas, which do not know SAML's types.
                read = read_unchecked if b"Assertion" in content else soap.read
                question = read(soap.HttpAnswer(200, "", fields, content, content))
                with community._lock:
                    community.asked.append((question.header("Action"), question.body))
                    community.envelopes.append(question.root)
                    community.fields.append(dict(fields))
                    community._now += 1
                    community.most_at_once = max(community.most_at_once, community._now)
                if community.hangs:
                    community._stopped.wait(60)
                time.sleep(community.delay)
                status, fields, answer = community._answer(question)
                with community._lock:
                    community._now -= 1
                try:
                    self.send_response(status)
                    for name, value in fields.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    pass

            def log_message(self, *_):
                pass
        return Handler

    @property
    def troubles(self):
        return self._server.troubles

    def count(self, action):
        return sum(1 for a, _ in self.asked if a == action)

    def close(self):
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Server(http.server.ThreadingHTTPServer):
    """TLS handshakes in the connection's own thread."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address, handler, context):
        super().__init__(address, handler)
        self.context, self.troubles = context, []

    def finish_request(self, request, client_address):
        try:
            with self.context.wrap_socket(request, server_side=True) as wire:
                super().finish_request(wire, client_address)
        except (OSError, ssl.SSLError):
            pass

    def handle_error(self, request, client_address):
        """What was asked was not to be read: a test that wants to know looks at `troubles`."""
        self.troubles.append(traceback.format_exc())
