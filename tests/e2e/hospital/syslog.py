"""The other ends of ITI-20: an Audit Record Repository that keeps what it gets, and an audit source.

    with Repository(identity, ca) as repository:       # TLS, octet counting (RFC 5425)
        ...
        repository.wait(3)                             # messages, bytes, in the order of arrival
        repository.close(); repository.open()          # away, and back at the same port
    send_tls(address, identity, ca, [b"<85>1 ..."])
"""
import socket
import ssl
import threading
import time

from .ports import free_port


def frame(message):
    return b"%d %s" % (len(message), message)


class Repository:
    def __init__(self, identity, ca):
        self.messages, self.connections, self.hang_up = [], 0, 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(identity.certificate, identity.key)
        self._context.load_verify_locations(ca)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._changed, self._open, self._port, self._socket = threading.Condition(), [], free_port(), None
        self.open()
        self.address = "tls://localhost:%d" % self._port

    def open(self):
        self._socket = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def close(self):
        """Goes away, in the middle of whatever it hears."""
        if self._socket is None:
            return
        listening, self._socket = self._socket, None
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._open = []

    def _accept(self, listening):
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            wire = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            self._open.append(wire)
            threading.Thread(target=self._serve, args=(wire,), daemon=True).start()

    def _serve(self, wire):
        try:
            with wire:
                wire.do_handshake()
                self.connections += 1
                if self.hang_up > 0:  # takes what comes, and forgets it
                    self.hang_up -= 1
                    wire.recv(65536)
                    return
                received = b""
                while chunk := wire.recv(65536):
                    received = self._take(received + chunk)
        except (OSError, ssl.SSLError):
            pass

    def _take(self, received):
        while b" " in received[:12]:
            length, rest = received.split(b" ", 1)
            if len(rest) < int(length):
                break
            with self._changed:
                self.messages.append(rest[:int(length)])
                self._changed.notify_all()
            received = rest[int(length):]
        return received

    def wait_for(self, enough, seconds=60):
        end = time.monotonic() + seconds
        with self._changed:
            while not enough(self.messages):
                left = end - time.monotonic()
                assert left > 0, f"only {len(self.messages)} messages came"
                self._changed.wait(left)
            return list(self.messages)

    def wait(self, count, seconds=60):
        return self.wait_for(lambda messages: len(messages) >= count, seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def connect(address, identity, ca):
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    context.load_cert_chain(identity.certificate, identity.key)
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=60))


def send_tls(address, identity, ca, messages, step=None):
    """All messages over one connection; `step` cuts the stream into pieces of that size."""
    stream = b"".join(map(frame, messages))
    with connect(address, identity, ca) as wire:
        for i in range(0, len(stream), step or len(stream)):
            wire.sendall(stream[i:i + (step or len(stream))])
        wire.unwrap()


def send_udp(address, datagrams):
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        for datagram in datagrams:
            wire.sendto(datagram, (host, int(port)))
