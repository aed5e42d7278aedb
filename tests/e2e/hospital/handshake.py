"""A TLS client of which each message can be bent before it is sent: TLS 1.2 and 1.3 with x25519 and
AES-128-GCM, written from RFC 5246, 8446, 8422 and 5288, for what a library would not send. It verifies
nothing of the server's: it is not a client to trust.

    with Tls13(address, identity) as tls:
        tls.open()                              # up to where the client's certificate is due
        tls.say(CERTIFICATE, tls.certificate()) # any bytes instead
        tls.prove()                             # CertificateVerify and Finished
        tls.send(b"GET / ..."); tls.receive()
"""
import hashlib
import hmac
import os
import socket
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION = 20, 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, ENCRYPTED_EXTENSIONS, CERTIFICATE, SERVER_KEY_EXCHANGE = 1, 2, 8, 11, 12
CERTIFICATE_REQUEST, SERVER_HELLO_DONE, CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE, FINISHED = 13, 14, 15, 16, 20
ECDSA_P256_SHA256, X25519, P256 = 0x0403, 29, 23


class Ended(Exception):
    """The server has ended the connection; `alert` is its description, None where it said nothing."""

    def __init__(self, alert=None):
        super().__init__(f"ended with alert {alert}")
        self.alert = alert


def vector(width, data):
    """A variable-length vector with its length in `width` bytes."""
    return len(data).to_bytes(width, "big") + data


def message(kind, body):
    return bytes([kind]) + vector(3, body)


def certificates(path):
    """DER of each certificate in a PEM file, in order."""
    with open(path, "rb") as pem:
        blocks = pem.read().split(b"-----BEGIN CERTIFICATE-----")[1:]
    return [x509.load_pem_x509_certificate(b"-----BEGIN CERTIFICATE-----" + b).public_bytes(
        serialization.Encoding.DER) for b in blocks]


class Handshake:
    """What both versions share: records, transcript, the client's key."""

    def __init__(self, address, identity, timeout=60):
        self.socket = socket.create_connection(address, timeout=timeout)
        self.chain = certificates(identity.certificate)
        with open(identity.key, "rb") as pem:
            self.key = serialization.load_pem_private_key(pem.read(), None)
        self.share = X25519PrivateKey.generate()
        self.transcript, self.unread, self.random = b"", b"", os.urandom(32)
        self.reading = self.writing = None  # (AEAD, IV or salt, sequence number)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()

    # --- records

    def record(self, kind, data):
        """One record as the state of the connection wants it."""
        try:
            self.socket.sendall(self.protect(kind, data))
        except (BrokenPipeError, ConnectionResetError):
            raise Ended() from None

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            try:
                more = self.socket.recv(n - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise Ended()
            data += more
        return data

    def next_record(self):
        kind, _, length = struct.unpack(">BHH", self._exactly(5))
        kind, data = self.unprotect(kind, self._exactly(length))
        if kind == ALERT:
            raise Ended(data[1])
        return kind, data

    # --- handshake messages

    def say(self, kind, body):
        self.say_bytes(message(kind, body))

    def say_bytes(self, data):
        """Counted into the transcript, as handshake messages are, and sent in as few records as they need."""
        self.transcript += data
        for at in range(0, len(data), 16384):
            self.record(HANDSHAKE, data[at:at + 16384])

    def hear(self):
        """The server's next handshake message: (kind, body)."""
        while len(self.unread) < 4 or len(self.unread) < 4 + int.from_bytes(self.unread[1:4], "big"):
            kind, data = self.next_record()
            if kind == HANDSHAKE:
                self.unread += data
        length = 4 + int.from_bytes(self.unread[1:4], "big")
        heard, self.unread = self.unread[:length], self.unread[length:]
        self.transcript += heard
        return heard[0], heard[4:]

    def hear_until(self, last):
        """Bodies by kind."""
        heard = {}
        while last not in heard:
            kind, body = self.hear()
            heard[kind] = body
        return heard

    def sign(self, data):
        signature = self.key.sign(data, ec.ECDSA(hashes.SHA256()))
        return struct.pack(">H", ECDSA_P256_SHA256) + vector(2, signature)

    def hello(self, version, ciphers, extensions):
        extensions = [(10, vector(2, struct.pack(">HH", X25519, P256))), (11, vector(1, b"\0")),
                      (13, vector(2, struct.pack(">HHH", ECDSA_P256_SHA256, 0x0804, 0x0401))), *extensions]
        self.say(CLIENT_HELLO, struct.pack(">H", version) + self.random + vector(1, b"") + vector(2, ciphers)
                 + vector(1, b"\0") + vector(2, b"".join(struct.pack(">H", n) + vector(2, e) for n, e in extensions)))

    # --- data

    def send(self, data):
        self.record(APPLICATION, data)

    def receive(self):
        while True:
            kind, data = self.next_record()
            if kind == APPLICATION:
                return data

    def end(self):
        """Waits for the server's end. Gives its alert, or None; whatever else it says is an AssertionError."""
        try:
            while True:
                kind, data = self.next_record()
                assert kind in (HANDSHAKE, CHANGE_CIPHER_SPEC), f"the server went on: {data[:80]}"
        except Ended as ended:
            return ended.alert


class Tls12(Handshake):
    """RFC 5246 with ECDHE (RFC 8422) and AES-128-GCM (RFC 5288)."""

    def open(self):
        self.hello(0x0303, struct.pack(">HH", 0xC02B, 0xC02F), [])
        heard = self.hear_until(SERVER_HELLO_DONE)
        self.server_random = heard[SERVER_HELLO][2:34]
        exchange = heard[SERVER_KEY_EXCHANGE]  # named_curve, x25519, length, point
        assert CERTIFICATE_REQUEST in heard and exchange[:4] == b"\x03\x00\x1d\x20"
        self.premaster = self.share.exchange(X25519PublicKey.from_public_bytes(exchange[4:36]))

    def certificate(self, chain=None):
        return vector(3, b"".join(vector(3, c) for c in (self.chain if chain is None else chain)))

    def key_exchange(self):
        point = self.share.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return vector(1, point)

    def verify(self):
        return self.sign(self.transcript)

    @staticmethod
    def _prf(secret, label, seed, n):
        seed, a, out = label + seed, label + seed, b""
        while len(out) < n:
            a = hmac.digest(secret, a, "sha256")
            out += hmac.digest(secret, a + seed, "sha256")
        return out[:n]

    def prove(self, exchange=None, verify=None):
        """ClientKeyExchange, CertificateVerify, ChangeCipherSpec and Finished; waits for the server's."""
        self.say(CLIENT_KEY_EXCHANGE, self.key_exchange() if exchange is None else exchange)
        self.say(CERTIFICATE_VERIFY, self.verify() if verify is None else verify)
        master = self._prf(self.premaster, b"master secret", self.random + self.server_random, 48)
        block = self._prf(master, b"key expansion", self.server_random + self.random, 40)
        self.record(CHANGE_CIPHER_SPEC, b"\1")
        self.writing = [AESGCM(block[:16]), block[32:36], 0]
        self.say(FINISHED, self._prf(master, b"client finished", hashlib.sha256(self.transcript).digest(), 12))
        while self.next_record()[0] != CHANGE_CIPHER_SPEC:
            pass
        self.reading = [AESGCM(block[16:32]), block[36:40], 0]
        assert self.hear()[0] == FINISHED

    @staticmethod
    def _sealed(state, kind, length):
        """Associated data of the next record."""
        state[2] += 1
        return struct.pack(">QBHH", state[2] - 1, kind, 0x0303, length)

    def protect(self, kind, data):
        if self.writing is not None:
            nonce = struct.pack(">Q", self.writing[2])
            data = nonce + self.writing[0].encrypt(self.writing[1] + nonce, data,
                                                   self._sealed(self.writing, kind, len(data)))
        return struct.pack(">BHH", kind, 0x0303, len(data)) + data

    def unprotect(self, kind, data):
        if self.reading is None:
            return kind, data
        return kind, self.reading[0].decrypt(self.reading[1] + data[:8], data[8:],
                                             self._sealed(self.reading, kind, len(data) - 24))


class Tls13(Handshake):
    """RFC 8446."""

    @staticmethod
    def _expand(secret, label, context, n):
        info = struct.pack(">H", n) + vector(1, b"tls13 " + label) + vector(1, context)
        return hmac.digest(secret, info + b"\1", "sha256")[:n]

    def _hash(self):
        return hashlib.sha256(self.transcript).digest()

    def _keys(self, secret):
        return [AESGCM(self._expand(secret, b"key", b"", 16)), self._expand(secret, b"iv", b"", 12), 0]

    def open(self):
        point = self.share.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.hello(0x0303, struct.pack(">H", 0x1301),
                   [(43, vector(1, struct.pack(">H", 0x0304))),
                    (51, vector(2, struct.pack(">H", X25519) + vector(2, point)))])
        kind, body = self.hear()
        assert kind == SERVER_HELLO
        shared = self.share.exchange(X25519PublicKey.from_public_bytes(self._share_of(body)))
        empty = hashlib.sha256().digest()
        early = hmac.digest(bytes(32), bytes(32), "sha256")
        secret = hmac.digest(self._expand(early, b"derived", empty, 32), shared, "sha256")
        self.mine = self._expand(secret, b"c hs traffic", self._hash(), 32)
        self.reading = self._keys(self._expand(secret, b"s hs traffic", self._hash(), 32))
        heard = self.hear_until(FINISHED)
        request = heard[CERTIFICATE_REQUEST]
        self.context = request[1:1 + request[0]]
        self.writing = self._keys(self.mine)
        master = hmac.digest(self._expand(secret, b"derived", empty, 32), bytes(32), "sha256")
        self.mine_then = self._expand(master, b"c ap traffic", self._hash(), 32)
        self.reading = self._keys(self._expand(master, b"s ap traffic", self._hash(), 32))

    @staticmethod
    def _share_of(hello):
        """The server's point, from its key_share extension."""
        at = 34 + 1 + hello[34] + 3 + 2
        while at < len(hello):
            kind, length = struct.unpack(">HH", hello[at:at + 4])
            if kind == 51:
                return hello[at + 8:at + 40]
            at += 4 + length
        raise AssertionError("the server sent no key share")

    def certificate(self, chain=None, context=None, extensions=b""):
        entries = b"".join(vector(3, c) + vector(2, extensions) for c in (self.chain if chain is None else chain))
        return vector(1, self.context if context is None else context) + vector(3, entries)

    def verify(self):
        return self.sign(b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + self._hash())

    def prove(self, verify=None):
        """CertificateVerify and Finished. The server answers nothing: what comes next is data."""
        self.say(CERTIFICATE_VERIFY, self.verify() if verify is None else verify)
        self.say(FINISHED, hmac.digest(self._expand(self.mine, b"finished", b"", 32), self._hash(), "sha256"))
        self.writing = self._keys(self.mine_then)

    @staticmethod
    def _nonce(state):
        state[2] += 1
        return (int.from_bytes(state[1], "big") ^ (state[2] - 1)).to_bytes(12, "big")

    def protect(self, kind, data):
        if self.writing is None:
            return struct.pack(">BHH", kind, 0x0301, len(data)) + data
        header = struct.pack(">BHH", APPLICATION, 0x0303, len(data) + 1 + 16)
        return header + self.writing[0].encrypt(self._nonce(self.writing), data + bytes([kind]), header)

    def unprotect(self, kind, data):
        if self.reading is None or kind != APPLICATION:
            return kind, data
        plain = self.reading[0].decrypt(self._nonce(self.reading), data,
                                        struct.pack(">BHH", APPLICATION, 0x0303, len(data))).rstrip(b"\0")
        return plain[-1], plain[:-1]
