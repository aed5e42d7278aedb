"""The other end of notifications: an MLLP listener over mutual TLS that keeps what it was told.

    with Listener(identity, ca) as listener:
        hub.run("member", "notify", "add", "lakeside", "--to", listener.address)
        ...
        listener.wait(2)              # messages, oldest first
        listener.answer = "AE"        # AA, AE, AR, None (silence), "other"
    listener.answer = [None, "AA"]  # one after the other, and the last from then on
"""
import socket
import ssl
import threading
import time

from .mllp import END, START, Message


class Listener:
    def __init__(self, identity, ca, answer="AA"):
        self.answer = answer
        self.messages, self.connections = [], 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(identity.certificate, identity.key)
        self._context.load_verify_locations(ca)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = "localhost:%d" % self._socket.getsockname()[1]
        self._changed = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            with self._context.wrap_socket(plain, server_side=True) as wire:
                self.connections += 1
                received = b""
                while chunk := wire.recv(65536):
                    received += chunk
                    while END in received:
                        frame, received = received.split(END, 1)
                        self._take(wire, Message(frame[frame.index(START) + 1:]))
        except (OSError, ssl.SSLError):
            pass

    def _take(self, wire, message):
        with self._changed:
            self.messages.append(message)
            answer = self.answer
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            self._changed.notify_all()
        if answer is None:
            return
        control = "OTHER" if answer == "other" else message["MSH-10"]
        code = "AA" if answer == "other" else answer
        text = f"MSH|^~\\&|L|L|H|H|20260101||ACK^A31^ACK|{time.time_ns()}|P|2.5\rMSA|{code}|{control}\r"
        wire.sendall(START + text.encode() + END)

    def wait(self, count, seconds=60):
        """The messages, when there are at least `count`."""
        end = time.monotonic() + seconds
        with self._changed:
            while len(self.messages) < count:
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{len(self.messages)} of {count} messages came")
                self._changed.wait(left)
            return list(self.messages)

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
