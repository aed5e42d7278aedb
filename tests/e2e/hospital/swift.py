"""An S3 server of Debian's own: OpenStack Swift on one node, with s3api in front and tempauth.

    swift = Swift(folder)       # starts proxy, account, container and object server on loopback
    swift.endpoint              # http://127.0.0.1:PORT
    bucket = Bucket(swift, "documents").make()
    bucket.put("key", b"bytes"), bucket.get("key"), bucket.delete("key"), bucket.keys()
    swift.stop()

The client signs by itself (AWS Signature Version 4), so that it and the hub cannot err together.

Accounts are sqlite files and objects files with extended attributes, all under `folder`. The four
processes end with their parent.
"""
import datetime
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import textwrap
import threading
import time
from pathlib import Path

from .ports import free_port

ACCESS, SECRET = "test:hub", "a_secret_of_the_tests"
START_SECONDS = 60


def installed():
    return subprocess.run(["/usr/bin/python3", "-c", "import swift.common.middleware.s3api.s3api"],
                          capture_output=True).returncode == 0


class Swift:
    KINDS = ("account", "container", "object")

    def __init__(self, folder):
        self.folder = Path(folder)
        (self.folder / "devices/d1").mkdir(parents=True, exist_ok=True)
        self.ports = {kind: free_port() for kind in (*self.KINDS, "proxy")}
        self.endpoint = f"http://127.0.0.1:{self.ports['proxy']}"
        self._configure()
        self.processes = []
        self.start()

    def _write(self, name, text):
        (self.folder / name).write_text(textwrap.dedent(text))

    def _configure(self):
        self._write("swift.conf", """\
            [swift-hash]
            swift_hash_path_suffix = tests
            [storage-policy:0]
            name = only
            default = yes
            """)
        for kind in self.KINDS:
            self._write(f"{kind}.conf", f"""\
                [DEFAULT]
                bind_ip = 127.0.0.1
                bind_port = {self.ports[kind]}
                workers = 0
                user = {os.environ.get('USER', 'root')}
                swift_dir = {self.folder}
                devices = {self.folder}/devices
                mount_check = false
                log_level = ERROR
                [pipeline:main]
                pipeline = {kind}-server
                [app:{kind}-server]
                use = egg:swift#{kind}
                """)
        self._write("proxy.conf", f"""\
            [DEFAULT]
            bind_ip = 127.0.0.1
            bind_port = {self.ports['proxy']}
            workers = 0
            user = {os.environ.get('USER', 'root')}
            swift_dir = {self.folder}
            log_level = ERROR
            [pipeline:main]
            pipeline = catch_errors forgetful listing_formats bulk s3api tempauth slo proxy-server
            [app:proxy-server]
            use = egg:swift#proxy
            account_autocreate = true
            error_suppression_limit = 1000000
            [filter:catch_errors]
            use = egg:swift#catch_errors
            [filter:forgetful]
            paste.filter_factory = forgetful:factory
            [filter:listing_formats]
            use = egg:swift#listing_formats
            [filter:bulk]
            use = egg:swift#bulk
            [filter:s3api]
            use = egg:swift#s3api
            allow_multipart_uploads = true
            min_segment_size = 5242880
            max_bucket_listing = 100
            [filter:slo]
            use = egg:swift#slo
            [filter:tempauth]
            use = egg:swift#tempauth
            user_{ACCESS.replace(':', '_')} = {SECRET} .admin
            """)
        # tempauth asks for memcached, though it need not find anything there.
        self._write("forgetful.py", """\
            class Cache:
                def __getattr__(self, name):
                    return lambda *given, **named: None

            def factory(settings, **local):
                def make(app):
                    def call(environment, start):
                        environment["swift.cache"] = Cache()
                        return app(environment, start)
                    return call
                return make
            """)
        rings = textwrap.dedent(f"""\
            from swift.common.ring import RingBuilder
            for kind, port in {json.dumps({k: self.ports[k] for k in self.KINDS})}.items():
                b = RingBuilder(2, 1, 1)
                b.add_dev(dict(id=0, region=1, zone=1, weight=1, ip="127.0.0.1", port=port,
                               device="d1", meta="", replication_ip="127.0.0.1", replication_port=port))
                b.rebalance()
                b.get_ring().save(r"{self.folder}/" + kind + ".ring.gz")
            """)
        subprocess.run(["/usr/bin/python3", "-c", rings], check=True)

    def start(self):
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        for kind in (*self.KINDS, "proxy"):
            code = ("import ctypes, sys; ctypes.CDLL(None).prctl(1, 9)\n"
                    "import swift.common.utils as u; u.SWIFT_CONF_FILE = sys.argv[2]\n"
                    "from swift.common.wsgi import run_wsgi\n"
                    "sys.exit(run_wsgi(sys.argv[1], sys.argv[3]))\n")
            with open(self.folder / f"{kind}.log", "ab") as log:
                self.processes.append(subprocess.Popen(
                    ["/usr/bin/python3", "-c", code, self.folder / f"{kind}.conf",
                     self.folder / "swift.conf", f"{kind}-server"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=self.folder))
        end = time.monotonic() + START_SECONDS
        for port in self.ports.values():
            while not self._listens(port):
                if time.monotonic() > end:
                    raise TimeoutError(f"Swift did not start; see {self.folder}/*.log")
                time.sleep(0.1)

    @staticmethod
    def _listens(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        self.processes = []


class TlsFront:
    """https://localhost:PORT in front of the server: ends TLS and passes bytes on."""

    def __init__(self, swift, identity):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(identity.certificate, identity.key)
        self._to = ("127.0.0.1", swift.ports["proxy"])
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"https://localhost:{self._socket.getsockname()[1]}"
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
            near, far = self._context.wrap_socket(plain, server_side=True), socket.create_connection(self._to)
        except (OSError, ssl.SSLError):
            return
        back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
        back.start()
        self._pass(near, far)

    @staticmethod
    def _pass(source, sink):
        try:
            while chunk := source.recv(65536):
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)
        except (OSError, ssl.SSLError):
            pass

    def close(self):
        self._socket.close()


class Bucket:
    def __init__(self, swift, name):
        self.swift, self.name = swift, name
        self.host = swift.endpoint.removeprefix("http://")

    def call(self, method, key="", query="", body=b"", wanted=(200, 204)):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        path = f"/{self.name}" + (f"/{key}" if key else "")
        headers = {"host": self.host, "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": now}
        names = ";".join(sorted(headers))
        canonical = "\n".join([method, path, query, *(f"{k}:{headers[k]}" for k in sorted(headers)), "", names,
                               headers["x-amz-content-sha256"]])
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        secret = f"AWS4{SECRET}".encode()
        for step in scope.split("/"):
            secret = hmac.new(secret, step.encode(), hashlib.sha256).digest()
        signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders={names}, "
                                    f"Signature={signature}")
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request(method, path + (f"?{query}" if query else ""), body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status in wanted, (method, key, answer.status, content[:300])
        return content

    def make(self):
        self.call("PUT")
        return self

    def put(self, key, body):
        self.call("PUT", key, body=body)

    def get(self, key):
        return self.call("GET", key)

    def delete(self, key):
        self.call("DELETE", key)

    def keys(self):
        """All of them, so long as they are at most a thousand."""
        text = self.call("GET", query="list-type=2").decode()
        return [x.split("</Key>")[0] for x in text.split("<Key>")[1:]]
