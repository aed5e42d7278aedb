"""SOAP 1.2 with WS-Addressing over HTTP/1.1 over mutual TLS, as ITI TF-2 appendix V has it.

Simple SOAP and MTOM/XOP, both ways, written on sockets: what goes over the wire is what a test
wrote, and what came back is kept as bytes.

    link = Link(address, identity, ca)
    answer = link.call("/xds/registry", "urn:ihe:iti:2007:RegistryStoredQuery", element)
    answer.body, answer.header("RelatesTo"), answer.raw
"""
import base64
import socket
import urllib.parse
import uuid
from dataclasses import dataclass, field

from lxml import etree

from .mllp import client_context

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
XOP = "http://www.w3.org/2004/08/xop/include"
ANONYMOUS = WSA + "/anonymous"


def envelope(action, body, message_id=None, to=None, reply_to=ANONYMOUS, headers=()):
    """A whole envelope around one body element. reply_to None leaves wsa:ReplyTo out."""
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"s": SOAP, "a": WSA})
    head = etree.SubElement(root, f"{{{SOAP}}}Header")

    def add(name, text):
        element = etree.SubElement(head, f"{{{WSA}}}{name}")
        element.text = text
        return element

    add("Action", action).set(f"{{{SOAP}}}mustUnderstand", "1")
    add("MessageID", message_id or uuid.uuid4().urn)
    if to:
        add("To", to).set(f"{{{SOAP}}}mustUnderstand", "1")
    if reply_to:
        etree.SubElement(add("ReplyTo", None), f"{{{WSA}}}Address").text = reply_to
    for element in headers:
        head.append(element)
    etree.SubElement(root, f"{{{SOAP}}}Body").append(body)
    return root


def serialise(root):
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def include(parent, cid):
    """Puts an xop:Include for a part into an element (RFC 2392: the URL is escaped)."""
    element = etree.SubElement(parent, f"{{{XOP}}}Include", nsmap={"xop": XOP})
    element.set("href", "cid:" + urllib.parse.quote(cid))


def multipart(root, parts, boundary=None, quote=True, root_first=True):
    """(content type, bytes) of an MTOM message: `parts` maps content ids to (type, bytes)."""
    boundary = boundary or f"b{uuid.uuid4().hex}"
    start = f"root.{uuid.uuid4().hex}@hospital"
    blocks = [_part(boundary, 'application/xop+xml; charset=UTF-8; type="application/soap+xml"',
                    start, serialise(root))]
    rest = [_part(boundary, kind, cid, content) for cid, (kind, content) in parts.items()]
    blocks = blocks + rest if root_first else rest + blocks
    written = f'"{boundary}"' if quote else boundary
    kind = (f'multipart/related; type="application/xop+xml"; start="<{start}>"; '
            f'start-info="application/soap+xml"; boundary={written}')
    return kind, b"".join(blocks) + f"--{boundary}--\r\n".encode()


def _part(boundary, kind, cid, content):
    head = (f"--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: binary\r\n"
            f"Content-ID: <{cid}>\r\n\r\n")
    return head.encode() + content + b"\r\n"


class Broken(Exception):
    """The connection ended before a whole answer came."""


@dataclass
class HttpAnswer:
    status: int
    reason: str
    fields: list  # [(lower-case name, value)]
    content: bytes
    raw: bytes  # head and body as they came

    def field(self, name, default=None):
        return next((v for n, v in self.fields if n == name.lower()), default)


@dataclass
class Answer:
    """A SOAP answer. `parts` holds the MIME parts by content id."""

    http: HttpAnswer
    root: etree._Element
    parts: dict = field(default_factory=dict)
    mtom: bool = False

    @property
    def raw(self):
        return self.http.raw

    @property
    def body(self):
        return self.root.find(f"{{{SOAP}}}Body")[0]

    def header(self, name):
        found = self.root.find(f"{{{SOAP}}}Header/{{{WSA}}}{name}")
        return None if found is None else found.text

    @property
    def fault(self):
        return etree.QName(self.body).localname == "Fault" and self.body.tag.startswith(f"{{{SOAP}}}")

    @property
    def fault_text(self):
        return " ".join(self.body.itertext()).strip() if self.fault else None

    def binary(self, element):
        """The bytes of a base64Binary element: inline or by xop:Include."""
        reference = element.find(f"{{{XOP}}}Include")
        if reference is None:
            return base64.b64decode(element.text or "")
        cid = urllib.parse.unquote(reference.get("href").removeprefix("cid:"))
        return self.parts[cid]


def parse_mime(kind, content):
    """(content id of the root, {content id: bytes}) of a multipart/related body (RFC 2387)."""
    parameters = content_parameters(kind)
    mark = b"--" + parameters["boundary"].encode()
    assert content.startswith(mark) or b"\r\n" + mark in content, "no boundary in the body"
    assert content.rstrip(b"\r\n").endswith(mark + b"--"), "no final boundary"
    parts = {}
    for block in (b"\r\n" + content).split(b"\r\n" + mark)[1:-1]:
        head, _, data = block.partition(b"\r\n\r\n")
        fields = dict(line.split(":", 1) for line in head.decode().split("\r\n") if line.strip())
        cid = next(v for k, v in fields.items() if k.lower() == "content-id").strip()
        parts[cid.strip("<>")] = data
    root = parameters.get("start", "").strip("<>") or next(iter(parts))
    return root, parts


def content_parameters(kind):
    found, rest = {}, kind.partition(";")[2]
    while rest:
        name, _, rest = rest.partition("=")
        rest = rest.lstrip()
        if rest.startswith('"'):
            value, _, rest = rest[1:].partition('"')
            rest = rest.partition(";")[2]
        else:
            value, _, rest = rest.partition(";")
        found[name.strip().lower()] = value.strip()
    return found


class Connection:
    """A raw HTTP/1.1 connection over mutual TLS, or without TLS (`identity` False)."""

    def __init__(self, address, identity=None, ca=None, timeout=60):
        self.socket = socket.create_connection(address, timeout=timeout)
        if identity is not False:
            context = client_context(identity, ca)
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self._received = b""

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        try:
            chunk = self.socket.recv(1 << 16)
        except (ConnectionError, OSError) as error:
            raise Broken(str(error)) from error
        if not chunk:
            raise Broken(f"end of stream after {self._received[:200]!r}")
        self._received += chunk

    def _until(self, mark):
        while mark not in self._received:
            self._more()
        head, self._received = self._received.split(mark, 1)
        return head

    def _exactly(self, count):
        while len(self._received) < count:
            self._more()
        data, self._received = self._received[:count], self._received[count:]
        return data

    def receive(self):
        """One answer; 100 Continue is passed over."""
        head = self._until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        fields = [(k.strip().lower(), v.strip()) for k, v in (l.split(":", 1) for l in lines[1:])]
        if status == 100:
            return self.receive()
        raw, content = self._body(dict(fields), status)
        return HttpAnswer(status, lines[0].partition(" ")[2].partition(" ")[2], fields, content,
                          head + b"\r\n\r\n" + raw)

    def _body(self, fields, status):
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked()
        if "content-length" in fields:
            data = self._exactly(int(fields["content-length"]))
            return data, data
        return b"", b""

    def _chunked(self):
        raw = content = b""
        while True:
            line = self._until(b"\r\n")
            size = int(line.split(b";")[0], 16)
            raw += line + b"\r\n"
            data = self._exactly(size)
            raw += data + self._exactly(2)
            content += data
            if size == 0:
                return raw, content

    def exchange(self, method, path, fields=(), content=b""):
        head = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        head += [f"{name}: {value}" for name, value in fields]
        if content or method == "POST":
            head.append(f"Content-Length: {len(content)}")
        self.send("\r\n".join(head).encode() + b"\r\n\r\n" + content)
        return self.receive()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Link:
    """A member's keep-alive connection to the hub; opened anew when the hub has closed it."""

    def __init__(self, address, identity, ca, timeout=60):
        self.address, self.identity, self.ca, self.timeout = address, identity, ca, timeout
        self.connection = None

    def open(self):
        if self.connection is None:
            self.connection = Connection(self.address, self.identity, self.ca, self.timeout)
        return self.connection

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def post(self, path, kind, content, fields=()):
        """One POST; an HttpAnswer."""
        fields = [("Content-Type", kind), *fields]
        try:
            answer = self.open().exchange("POST", path, fields, content)
        except Exception:
            self.close()
            raise
        if answer.field("connection", "").lower() == "close":
            self.close()
        return answer

    def call(self, path, action, body, parts=None, mtom=False, **options):
        """Calls with one body element. `parts` (or mtom) makes it an MTOM message."""
        root = envelope(action, body, **options)
        if parts or mtom:
            kind, content = multipart(root, parts or {})
        else:
            kind = f'application/soap+xml; charset=UTF-8; action="{action}"'
            content = serialise(root)
        return read(self.post(path, kind, content))


def read(http):
    """HttpAnswer -> Answer."""
    kind = http.field("content-type", "")
    if not kind.lower().startswith("multipart/related"):
        if not kind.lower().startswith("application/soap+xml"):
            raise AssertionError(f"HTTP {http.status} {kind}: {http.content[:300]!r}")
        return Answer(http, etree.fromstring(http.content))
    root, parts = parse_mime(kind, http.content)
    return Answer(http, etree.fromstring(parts[root]), parts, mtom=True)
