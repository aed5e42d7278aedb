"""Certificate messages that no library would send: each ends its connection, and harms nobody (ITI-19)."""
import re
import time
from pathlib import Path

import pytest

from hospital import handshake as h
from hospital import soap
from hospital.handshake import CERTIFICATE, CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE, FINISHED, Tls12, Tls13, vector
from hospital.hub import eventually

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
VERSIONS = [pytest.param(Tls12, id="1.2"), pytest.param(Tls13, id="1.3")]
DEEP = b"\x30\x80" * 2000


# --- the list of certificates, bent: (around the list, the list of entries)

def entry(tls, der):
    return vector(3, der) + (vector(2, b"") if isinstance(tls, Tls13) else b"")


def around(tls, body):
    return (vector(1, tls.context) if isinstance(tls, Tls13) else b"") + body


def entries(tls, *ders):
    return around(tls, vector(3, b"".join(entry(tls, d) for d in ders)))


LISTS = {
    "no body": lambda tls: b"",
    "an empty list": lambda tls: entries(tls),
    "a certificate of no bytes": lambda tls: entries(tls, b""),
    "a list longer than its message": lambda tls: around(tls, (5000).to_bytes(3, "big") + entry(tls, tls.chain[0])),
    "a list shorter than its entry": lambda tls: around(tls, (3).to_bytes(3, "big") + entry(tls, tls.chain[0])),
    "an entry longer than its list": lambda tls: around(
        tls, vector(3, (len(tls.chain[0]) + 9).to_bytes(3, "big") + tls.chain[0])),
    "an entry of sixteen megabytes": lambda tls: around(tls, vector(3, b"\xff\xff\xff" + tls.chain[0])),
    "bytes behind the list": lambda tls: entries(tls, tls.chain[0]) + b"\0",
    "half an entry behind the first": lambda tls: around(tls, vector(3, entry(tls, tls.chain[0]) + b"\0\1")),
    "DER cut off": lambda tls: entries(tls, tls.chain[0][:-1]),
    "DER cut off in its head": lambda tls: entries(tls, tls.chain[0][:3]),
    "DER with bytes behind": lambda tls: entries(tls, tls.chain[0] + b"\0"),
    "DER that claims two gigabytes": lambda tls: entries(tls, b"\x30\x84\x7f\xff\xff\xff" + tls.chain[0]),
    "DER without end, two thousand deep": lambda tls: entries(tls, DEEP),
    "no DER": lambda tls: entries(tls, b"GET / HTTP/1.1\r\n\r\n"),
    "zeros": lambda tls: entries(tls, bytes(700)),
    "one bit of the key turned": lambda tls: entries(tls, turned(tls.chain[0], 0.5)),
    "one bit of the signature turned": lambda tls: entries(tls, turned(tls.chain[0], 0.99)),
    "rubbish as its issuer": lambda tls: entries(tls, tls.chain[0], b"\x30\x03\x02\x01\x01\x05"),
    "a thousand certificates": lambda tls: entries(tls, *(tls.chain[:1] * 1000)),
}


def turned(der, where):
    at = int(len(der) * where)
    return der[:at] + bytes([der[at] ^ 1]) + der[at + 1:]


# --- what comes in its place or behind it

def another_algorithm(tls):
    return b"\x08\x04" + tls.verify()[2:]  # rsa_pss_rsae_sha256, with a key that is of a curve


def weak_algorithm(tls):
    return b"\x02\x03" + tls.verify()[2:]  # ecdsa_sha1


VERIFIES = {
    "a signature of nothing": lambda tls: tls.sign(b""),
    "a bit of the signature turned": lambda tls: turned(tls.verify(), 0.8),
    "an empty signature": lambda tls: tls.verify()[:2] + vector(2, b""),
    "a signature longer than its message": lambda tls: tls.verify()[:2] + b"\xff\xff" + tls.verify()[4:],
    "bytes behind the signature": lambda tls: tls.verify() + b"\0",
    "no body": lambda tls: b"",
    "another key's algorithm": another_algorithm,
    "SHA-1": weak_algorithm,
    "sixty thousand bytes": lambda tls: tls.verify()[:2] + vector(2, bytes(60000)),
}


def exchange_first(tls):
    """TLS 1.2 has the key exchange between the certificate and its proof."""
    if isinstance(tls, Tls12):
        tls.say(CLIENT_KEY_EXCHANGE, tls.key_exchange())


def twice(tls):
    tls.say(CERTIFICATE, tls.certificate())
    tls.say(CERTIFICATE, tls.certificate())


def proof_first(tls):
    tls.say(CERTIFICATE_VERIFY, tls.verify())


def no_proof(tls):
    tls.say(CERTIFICATE, tls.certificate())
    exchange_first(tls)
    if isinstance(tls, Tls12):
        tls.record(h.CHANGE_CIPHER_SPEC, b"\1")
    tls.say(FINISHED, bytes(32 if isinstance(tls, Tls13) else 12))


def no_certificate(tls):
    exchange_first(tls)
    tls.say(FINISHED, bytes(32))


def sixteen_megabytes(tls):
    tls.say_bytes(bytes([CERTIFICATE]) + b"\xff\xff\xff" + tls.certificate())


def plain_data(tls):
    tls.record(h.APPLICATION, REQUEST)


ORDERS = {
    "the certificate twice": twice,
    "its proof before it": proof_first,
    "no proof": no_proof,
    "Finished in its place": no_certificate,
    "a message of sixteen megabytes": sixteen_megabytes,
    "a request in its place": plain_data,
}


def ways(tls):
    """Every malformation as a function that says it to the hub."""
    for name, make in LISTS.items():
        yield f"certificate: {name}", lambda make=make: tls.say(CERTIFICATE, make(tls))
    for name, make in VERIFIES.items():
        def prove(make=make):
            tls.say(CERTIFICATE, tls.certificate())
            exchange_first(tls)
            tls.say(CERTIFICATE_VERIFY, make(tls))
        yield f"proof: {name}", prove
    for name, say in ORDERS.items():
        yield f"order: {name}", lambda say=say: say(tls)


NAMES = [name for name, _ in ways(None)]
ROUND = 2 * len(NAMES)


def ended_by(version, name, hub, identity):
    """The alert with which the hub ended it."""
    with version(hub.soap_address, identity) as tls:
        tls.open()
        try:
            dict(ways(tls))[name]()
        except h.Ended as ended:
            if ended.alert is not None:
                return ended.alert
        return tls.end()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_well_formed_handshake_of_this_client_is_heard(version, hub, lakeside):
    """Without which nothing below would prove a thing."""
    with version(hub.soap_address, lakeside.identity) as tls:
        tls.open()
        tls.say(CERTIFICATE, tls.certificate())
        tls.prove()
        tls.send(REQUEST)
        assert tls.receive().startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_in_records_of_one_byte_is_heard(version, hub, lakeside):
    with version(hub.soap_address, lakeside.identity) as tls:
        tls.open()
        certificate = h.message(CERTIFICATE, tls.certificate())
        tls.transcript += certificate
        for byte in certificate:
            tls.record(h.HANDSHAKE, bytes([byte]))
        tls.prove()
        tls.send(REQUEST)
        assert tls.receive().startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_malformed_ends_its_connection_with_an_alert(version, name, hub, lakeside):
    before = hub.metric("causeway_handshakes_refused_total")
    assert ended_by(version, name, hub, lakeside.identity) is not None
    eventually(lambda: hub.metric("causeway_handshakes_refused_total") > before)


@pytest.mark.parametrize("version", VERSIONS)
def test_another_members_certificate_is_of_no_use_without_its_key(version, hub, lakeside, harbour):
    with version(hub.soap_address, lakeside.identity) as tls:
        tls.open()
        tls.say(CERTIFICATE, tls.certificate(h.certificates(harbour.identity.certificate)))
        exchange_first(tls)
        tls.say(CERTIFICATE_VERIFY, tls.verify())
        assert tls.end() == 51  # decrypt_error


@pytest.mark.parametrize("version", VERSIONS)
def test_half_a_certificate_is_waited_for_no_longer_than_a_handshake_may_take(version, hub, lakeside):
    with version(hub.soap_address, lakeside.identity) as tls:
        tls.open()
        tls.say_bytes(h.message(CERTIFICATE, tls.certificate())[:100])
        began = time.monotonic()
        tls.end()
        assert time.monotonic() - began < 50  # handshake_seconds, and a slow machine


def test_many_of_them_leave_records_and_no_memory_behind_and_the_members_are_served(hub, lakeside):
    def resident():
        status = Path(f"/proc/{hub.process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s*(\d+) kB$", status, re.M)[1])

    def each(times):
        for n in range(times):
            name, version = NAMES[n % len(NAMES)], (Tls12, Tls13)[n // len(NAMES) % 2]
            ended_by(version, name, hub, lakeside.identity)

    with soap.Link(hub.soap_address, lakeside.identity, hub.ca).open() as link:
        each(ROUND)  # what the first ones allocate for good
        before, records = resident(), len(hub.audit(transaction="ITI-19"))
        each(3 * ROUND)
        if "/asan/" not in str(hub.program) and "/tsan/" not in str(hub.program):  # they keep what was freed
            assert resident() - before < 8192  # a leak of one certificate list each would be above 20 MB
        eventually(lambda: len(hub.audit(transaction="ITI-19")) > records)
        assert link.exchange("GET", "/").status == 404
    hub.process.poll()
    assert hub.process.returncode is None
