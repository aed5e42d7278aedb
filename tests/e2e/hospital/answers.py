"""Where asynchronous answers arrive: an HTTPS server over mutual TLS that keeps what was posted.

    with Answers(identity, ca) as answers:
        hub.run("member", "reply-to", "add", "lakeside", "--address", answers.url)
        ...
        answers.wait(1)[0]            # soap.Answer, oldest first
        answers.status = 503          # what the next ones are answered with
    answers.reply = lambda m: b""  # and with which content, from the soap.Answer that came
"""
import http.server
import ssl
import threading
import time

from . import soap


class Answers:
    def __init__(self, identity, ca, port=0):
        self.status, self.received, self.subjects = 202, [], []
        self.reply = lambda message: b""
        self._changed = threading.Condition()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.certificate, identity.key)
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"https://localhost:{self.port}/answers"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _handler(answers):  # noqa: N805: `self` is the handler's below
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                fields = [(k.lower(), v) for k, v in self.headers.items()]
                posted = soap.HttpAnswer(200, "", fields, content, content)
                with answers._changed:
                    status, reply = answers.status, answers.reply(soap.read(posted))
                    if status // 100 == 2:
                        answers.received.append((self.path, posted))
                        answers.subjects.append(self.connection.getpeercert()["subject"])
                    answers._changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_):
                pass
        return Handler

    def wait(self, count, seconds=60):
        """The answers, when there are at least `count`."""
        end = time.monotonic() + seconds
        with self._changed:
            while len(self.received) < count:
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{len(self.received)} of {count} answers came")
                self._changed.wait(left)
            return [soap.read(answer) for _, answer in self.received]

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
