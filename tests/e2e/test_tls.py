"""Who gets through the door: mutual TLS, enrolment, revocation, suspension, rotation (ITI-19)."""
import datetime
import socket
import ssl
import time

import pytest

from hospital import Hospital, mllp, pki, soap
from hospital.hub import eventually
from people import known

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def bytes_heard(address, identity, ca, say=REQUEST):
    """What the hub says to this certificate. TLS 1.3 lets a client speak before it is refused."""
    try:
        with socket.create_connection(address, timeout=60) as plain:
            with mllp.client_context(identity, ca).wrap_socket(plain, server_hostname="localhost") as tls:
                tls.sendall(say)
                return tls.recv(1000)
    except (ssl.SSLError, ConnectionError):
        return b""


def ended(link, seconds=60):
    """Is this open connection closed by the hub without being spoken to?"""
    link.connection.socket.settimeout(seconds)
    try:
        return link.connection.socket.recv(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True
    except TimeoutError:
        return False


def stranger(hub, kind):
    if kind == "no certificate":
        return None
    if kind == "of our CA, not enrolled":
        return hub.authority.issue("stranger")
    if kind == "self-signed":
        return pki.self_signed(hub.folder / "strangers", "selfsigned")
    other = pki.CertificateAuthority(hub.folder / "other-ca", "Another CA")
    return other.issue("lakeside")


@pytest.mark.parametrize("door", ["soap_address", "mllp_address"])
@pytest.mark.parametrize("kind", ["no certificate", "of our CA, not enrolled", "self-signed", "of another CA"])
def test_a_stranger_hears_no_byte(kind, door, hub, lakeside):
    identity = stranger(hub, kind)
    assert bytes_heard(getattr(hub, door), identity, hub.ca) == b""


def test_a_member_is_heard(hub, lakeside):
    assert bytes_heard(hub.soap_address, lakeside.identity, hub.ca).startswith(b"HTTP/1.1 404")


def test_refusals_are_counted_and_logged_without_harm(hub, lakeside):
    before = hub.metric("causeway_handshakes_refused_total")
    bytes_heard(hub.soap_address, stranger(hub, "of our CA, not enrolled"), hub.ca)
    eventually(lambda: hub.metric("causeway_handshakes_refused_total") > before)


def test_an_expired_certificate_is_refused(hub):
    identity = hub.authority.issue("mayfly", end=20 / 86400)
    mayfly = hub.enrol("mayfly", "1.2.840.2.1", identity)  # it is let in
    left = identity.x509.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp() - time.time()
    time.sleep(max(0, left + 2))
    assert bytes_heard(hub.soap_address, mayfly.identity, hub.ca) == b""


def test_a_revoked_certificate_is_refused_and_its_connections_end(hub):
    member = hub.enrol("revoked", "1.2.840.2.2")
    link = soap.Link(hub.soap_address, member.identity, hub.ca)
    assert link.open().exchange("GET", "/").status == 404
    hub.authority.revoke(member.identity)
    hub.reload()
    assert ended(link)
    assert bytes_heard(hub.soap_address, member.identity, hub.ca) == b""


def test_suspension_closes_open_connections_and_resumption_opens_the_door(hub):
    member = hub.enrol("onoff", "1.2.840.2.3")
    link = soap.Link(hub.soap_address, member.identity, hub.ca)
    assert link.open().exchange("GET", "/").status == 404
    assert member.feed("A04", mllp.Patient([member.cx("S1")]))["MSA-1"] == "AA"
    hub.run("member", "suspend", "onoff")
    assert ended(link)
    member.wire.socket.settimeout(60)
    with pytest.raises(mllp.Closed):
        member.wire.receive()
    assert bytes_heard(hub.soap_address, member.identity, hub.ca) == b""
    hub.run("member", "resume", "onoff")
    eventually(lambda: bytes_heard(hub.soap_address, member.identity, hub.ca) != b"")


def test_two_certificates_live_while_a_member_changes_over(hub, lakeside, harbour):
    person = known(lakeside, harbour)
    member = hub.enrol("rotating", "1.2.840.2.4")
    fresh = hub.authority.issue("rotating-next")
    hub.run("member", "cert", "add", "rotating", "--cert", fresh.certificate)
    successor = Hospital("rotating", fresh, member.authority, hub)
    for hospital in (member, successor):
        eventually(lambda h=hospital: bytes_heard(hub.soap_address, h.identity, hub.ca) != b"")
        assert hospital.find(person.xad).ok
    hub.run("member", "cert", "remove", "rotating", "--fingerprint", member.identity.fingerprint)
    assert ended(member.link)
    assert bytes_heard(hub.soap_address, member.identity, hub.ca) == b""
    assert successor.find(person.xad).ok


def test_a_certificate_may_be_trusted_directly(hub):
    identity = pki.self_signed(hub.folder / "direct", "lone")
    lone = hub.enrol("lone", "1.2.840.2.5", identity, more=["--direct"])
    eventually(lambda: bytes_heard(hub.soap_address, lone.identity, hub.ca) != b"")


def test_old_protocol_versions_are_refused(hub, lakeside):
    context = mllp.client_context(lakeside.identity, hub.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(hub.soap_address, timeout=60) as plain:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken_and_closed_properly(version, hub, lakeside):
    context = mllp.client_context(lakeside.identity, hub.ca)
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(hub.soap_address, timeout=60) as plain:
        with context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b""
            while chunk := tls.recv(4096):  # an end without close_notify would raise
                answer += chunk
    assert answer.startswith(b"HTTP/1.1 404") and b"onnection: close" in answer


def test_a_peer_that_says_nothing_is_closed_in_time(make_hub):
    hub = make_hub("silent", handshake_seconds=3, head_seconds=3)
    with socket.create_connection(hub.soap_address, timeout=60) as plain:
        assert plain.recv(1) == b"", "no handshake within handshake_seconds"
    member = hub.enrol("quiet", "1.2.840.2.6")
    link = soap.Link(hub.soap_address, member.identity, hub.ca)
    eventually(lambda: bytes_heard(hub.soap_address, member.identity, hub.ca) != b"")
    link.open().send(b"POST /xds/registry HTTP/1.1\r\n")
    answer = link.connection.receive()
    assert answer.status == 408
    hub.stop()
