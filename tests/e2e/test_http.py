"""HTTP/1.1 and SOAP on the wire: what is strict, what is capped, and what each refusal looks like
(RFC 9110, RFC 9112; SOAP 1.2 part 1 5.4 and part 2 7.5; ITI TF-2 appendix V)."""
import time

import pytest
from lxml import etree

from hospital import soap, xds
from hospital.hub import eventually
from people import cda, known

SETTINGS = {"max_message_kb": 256, "max_request_mb": 8, "max_parts": 4, "head_seconds": 2,
            "min_body_rate": 20000}
SOAP_TYPE = "application/soap+xml; charset=UTF-8"


@pytest.fixture
def connection(hub, lakeside):
    with soap.Connection(hub.soap_address, lakeside.identity, hub.ca) as connection:
        yield connection


@pytest.fixture(scope="module")
def person(lakeside, harbour):
    return known(lakeside, harbour)


@pytest.fixture(scope="module")
def query(person):
    """The bytes of a good query."""
    return soap.serialise(soap.envelope(xds.ITI18, xds.find_documents(person.xad)))


def post(content, *fields, path="/xds/registry", length=True):
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {SOAP_TYPE}", *fields]
    if length:
        head.append(f"Content-Length: {len(content)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


def chunked(content, size=1000, extension=b""):
    pieces = [content[i:i + size] for i in range(0, len(content), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces) + b"0\r\n\r\n"


def good(answer):
    assert answer.status == 200, answer.content
    assert xds.Response(soap.read(answer)).ok


# --- what is read ---------------------------------------------------------------------------------------

def test_a_connection_serves_many_requests(connection, query):
    for _ in range(5):
        connection.send(post(query))
        good(connection.receive())


def test_pipelined_requests_are_answered_in_order(connection, query):
    connection.send(post(query) + b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n" + post(query))
    good(connection.receive())
    assert connection.receive().status == 404
    good(connection.receive())


@pytest.mark.parametrize("extension", [b"", b";name=value"])
def test_a_chunked_request_is_read(extension, connection, query):
    connection.send(post(b"", "Transfer-Encoding: chunked", length=False) + chunked(query, 100, extension))
    good(connection.receive())


def test_a_request_in_small_writes_is_read(connection, query):
    data = post(query)
    for i in range(0, len(data), 97):
        connection.send(data[i:i + 97])
    good(connection.receive())


def test_expect_100_continue_gets_it_before_the_body(connection, query):
    connection.send(post(b"", "Expect: 100-continue", f"Content-Length: {len(query)}", length=False))
    head = connection._until(b"\r\n\r\n")
    assert head == b"HTTP/1.1 100 Continue"
    connection.send(query)
    good(connection.receive())


def test_connection_close_is_obeyed(connection, query):
    connection.send(post(query, "Connection: close"))
    answer = connection.receive()
    good(answer)
    assert answer.field("connection").lower() == "close"
    assert connection.socket.recv(1) == b""


def test_an_unknown_path_is_404_and_a_wrong_method_405(connection):
    assert connection.exchange("GET", "/nothing/here").status == 404
    answer = connection.exchange("GET", "/xds/registry")
    assert answer.status == 405 and "POST" in answer.field("allow", "")


def test_admin_paths_are_not_on_the_members_port(connection):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert connection.exchange("GET", path).status == 404


# --- what is refused ------------------------------------------------------------------------------------

REFUSED = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "a folded field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400),
    "a control character in a field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\x01c\r\n\r\n", 400),
    "a bare CR": (b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
    "a method of no token": (b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a version of no kind": (b"GET / HTTP/11\r\nHost: a\r\n\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "two lengths": (b"POST /xds/registry HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    "length and chunks": (b"POST /xds/registry HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a negative length": (b"POST /xds/registry HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    "a length with a sign": (b"POST /xds/registry HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400),
    "a length beyond 64 bits": (b"POST /xds/registry HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999"
                                b"\r\n\r\n", 413),
    "a coding that is not chunked in the end": (b"POST /xds/registry HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip"
                                                b"\r\n\r\n", 400),
    "a coding that is not known": (b"POST /xds/registry HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked"
                                   b"\r\n\r\n", 501),
    "an endless head": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"y" * 100000 + b"\r\n\r\n", 431),
    "too many fields": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 5000 + b"\r\n", 431),
    "a body beyond the cap": (b"POST /xds/registry HTTP/1.1\r\nHost: a\r\nContent-Type: application/soap+xml\r\n"
                              b"Content-Length: 99999999999\r\n\r\n", 413),
    "an expectation of no kind": (b"POST /xds/registry HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n"
                                  b"Content-Length: 1\r\n\r\nx", 417),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_bad_request_gets_its_status_and_the_connection_ends(what, connection):
    data, status = REFUSED[what]
    connection.send(data)
    answer = connection.receive()
    assert answer.status == status, answer.content
    assert answer.field("connection", "").lower() == "close"
    try:
        assert connection.socket.recv(1) == b""
    except ConnectionError:
        pass  # what we still sent met a closed socket


def test_a_request_without_length_and_chunks_has_an_empty_body(connection):
    """RFC 9112 6.3 rule 7; which is no envelope."""
    connection.send(post(b"", length=False))
    assert connection.receive().status in (400, 411)


@pytest.mark.parametrize("chunks", [b"zz\r\nx\r\n0\r\n\r\n", b"-1\r\nx\r\n", b"1\r\nxx\r\n0\r\n\r\n",
                                    b"ffffffffffffffffff\r\n", b"1;" + b"e" * 100000 + b"\r\nx\r\n"])
def test_bad_chunks_are_400(chunks, connection):
    connection.send(post(b"", "Transfer-Encoding: chunked", length=False) + chunks)
    assert connection.receive().status in (400, 413, 431)


def test_a_message_beyond_the_cap_is_413_however_it_is_framed(hub, lakeside, connection):
    big = b"<x>" + b"y" * (300 << 10) + b"</x>"
    connection.send(post(b"", "Transfer-Encoding: chunked", length=False) + chunked(big, 60000))
    assert connection.receive().status == 413


def test_too_many_parts_are_413(lakeside, person):
    entries = [xds.Entry(person.xad, cda(str(n))) for n in range(6)]
    body, parts = xds.Submission(person.xad, entries).provide()
    kind, content = soap.multipart(soap.envelope(xds.ITI41, body), parts)
    assert lakeside.link.post("/xds/repository", kind, content).status == 413
    lakeside.link.close()


def test_a_head_that_never_ends_is_408(connection):
    connection.send(b"POST /xds/registry HTTP/1.1\r\nHost: a\r\n")
    assert connection.receive().status == 408


def test_a_body_that_drips_is_408(connection):
    connection.send(post(b"", "Content-Length: 100000", length=False))
    for _ in range(3):
        connection.send(b"x")
        time.sleep(0.2)
    assert connection.receive().status == 408


@pytest.mark.parametrize("kind", ["text/xml", "application/json", "multipart/form-data; boundary=x", "nonsense", ""])
def test_another_media_type_is_415(kind, lakeside, query):
    answer = lakeside.link.post("/xds/registry", kind, query)
    assert answer.status == 415, answer.content
    lakeside.link.close()


def envelope_with(mutate):
    def build(person):
        root = soap.envelope(xds.ITI18, xds.find_documents(person.xad))
        return mutate(root)
    return build


def remove(path):
    def mutate(root):
        for e in root.findall(path):
            e.getparent().remove(e)
        return soap.serialise(root)
    return envelope_with(mutate)


def raw(text):
    return lambda person: text


HEADER = f"{{{soap.SOAP}}}Header"
BAD_SOAP = {
    "not XML": (raw(b"hello"), "Sender"),
    "XML that breaks off": (envelope_with(lambda r: soap.serialise(r)[:-20]), "Sender"),
    "XML of another kind": (raw(b"<hello/>"), "VersionMismatch"),
    "an envelope of no known version": (raw(b'<Envelope xmlns="urn:x"><Body/></Envelope>'), "VersionMismatch"),
    "an empty body": (remove(f"{{{soap.SOAP}}}Body/*"), None),
    "no body": (remove(f"{{{soap.SOAP}}}Body"), "Sender"),
    "no action": (remove(f"{HEADER}/{{{soap.WSA}}}Action"), "Sender"),
    "an action that is not served here":
        (envelope_with(lambda r: soap.serialise(r).replace(xds.ITI18.encode(), b"urn:ihe:iti:2007:Nonsense")), "Sender"),
    "a DOCTYPE": (envelope_with(lambda r: b'<!DOCTYPE x [<!ENTITY a "b">]>' + etree.tostring(r)), "Sender"),
    "entities that grow": (raw(b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'), "Sender"),
    "elements nested without end": (raw(b"<x>" * 20000 + b"</x>" * 20000), "Sender"),
    "bytes that are not UTF-8": (envelope_with(lambda r: soap.serialise(r).replace(b"Approved", b"Appr\xff\xfeved")),
                                 "Sender"),
    "a body of another transaction":
        (lambda p: soap.serialise(soap.envelope(xds.ITI18, xds.retrieve([("1.2", "1.3")]))), None),
}


@pytest.mark.parametrize("what", BAD_SOAP)
def test_bad_soap_gets_a_fault_with_its_code(what, lakeside, person):
    build, code = BAD_SOAP[what]
    answer = soap.read(lakeside.link.post("/xds/registry", SOAP_TYPE, build(person)))
    lakeside.link.close()
    if code is None:
        assert answer.fault or xds.Response(answer).status == xds.FAILURE
        return
    assert answer.fault, etree.tostring(answer.root)
    value = answer.body.findtext(f"{{{soap.SOAP}}}Code/{{{soap.SOAP}}}Value") or answer.body.findtext("faultcode")
    assert value.split(":")[-1] == code
    assert answer.http.status in (400, 500)


MIME = {
    "no boundary": lambda k, c: (k[:k.index("; boundary")], c),
    "another boundary": lambda k, c: (k[:k.index("boundary=")] + "boundary=other", c),
    "no final boundary": lambda k, c: (k, c.rstrip(b"\r\n")[:-2]),
    "a start that is nowhere": lambda k, c: (k.replace("start=\"<root", "start=\"<toor"), c),
    "a part that is not there": lambda k, c: (k, c.replace(b"Content-ID: <document0", b"Content-ID: <elsewhere")),
    "no parts": lambda k, c: (k, b""),
}


@pytest.mark.parametrize("what", MIME)
def test_broken_mime_is_refused_and_stores_nothing(what, lakeside, harbour, person):
    entry = xds.Entry(person.xad, cda(what))
    body, parts = xds.Submission(person.xad, [entry]).provide()
    kind, content = MIME[what](*soap.multipart(soap.envelope(xds.ITI41, body), parts))
    http = lakeside.link.post("/xds/repository", kind, content)
    lakeside.link.close()
    if http.status == 200:
        assert xds.Response(soap.read(http)).status == xds.FAILURE
    else:
        assert http.status in (400, 415, 500), http.content
    assert not harbour.get(unique_ids=[entry.unique_id]).entries


def test_an_upload_that_breaks_off_stores_nothing(hub, lakeside, harbour, person):
    entry = xds.Entry(person.xad, cda("cut") * 5000)
    body, parts = xds.Submission(person.xad, [entry]).provide()
    kind, content = soap.multipart(soap.envelope(xds.ITI41, body), parts)
    with soap.Connection(hub.soap_address, lakeside.identity, hub.ca) as connection:
        head = f"POST /xds/repository HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}"
        connection.send(head.encode() + b"\r\n\r\n" + content[:-500])
    eventually(lambda: not [f for f in (hub.folder / "documents").rglob("*")
                            if "tmp" in str(f) and f.is_file() and f.name != "lock"], "what came of it is kept")
    assert not harbour.get(unique_ids=[entry.unique_id]).entries


def test_the_hub_is_still_well(hub, lakeside, person):
    """The last test of the file: none of the above left it ill."""
    assert hub.get("/readyz")[0] == 200
    assert lakeside.find(person.xad).ok
