"""What a benchmark stands on: a private PostgreSQL, a hub, nginx, certificates, people and
documents. Everything lies under one folder and is stopped by close()."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import messages as m

TREE = pathlib.Path(__file__).resolve().parents[2]
MEMBER = "bench"

HUB_CONF = """
home_community_id = {m.HUB}
xad_authority = {m.XAD}
repository_unique_id = {m.REPOSITORY}
database = {database}
listen = 127.0.0.1:0
mllp_listen = 127.0.0.1:0
admin_listen = 127.0.0.1:0
syslog_listen = 127.0.0.1:0
tls_certificate = {pki}/hub.crt
tls_key = {pki}/hub.key
tls_ca = {pki}/ca.crt
master_key = {dir}/master.key
checkpoint_key = {dir}/checkpoint.key
store_dir = {dir}/documents
workers = 16
io_threads = 2
log_level = warn
entries_memory_mb = 1024
# One member's figures are the hub's: it may have all of it.
max_connections_per_member = 12000
member_running = 100
member_rate = 0
address_handshakes = 0
address_handshake_rate = 0
"""

NGINX_CONF = """
daemon off;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {dir}/nginx-tmp/body;
    proxy_temp_path {dir}/nginx-tmp/proxy;
    fastcgi_temp_path {dir}/nginx-tmp/fastcgi;
    uwsgi_temp_path {dir}/nginx-tmp/uwsgi;
    scgi_temp_path {dir}/nginx-tmp/scgi;
    keepalive_requests 1000000000;
    sendfile on;
    server {{
        listen 127.0.0.1:{port} ssl;
        root {dir}/www;
        ssl_certificate {pki}/hub.crt;
        ssl_certificate_key {pki}/hub.key;
        ssl_client_certificate {pki}/ca.crt;
        ssl_verify_client on;
        ssl_protocols TLSv1.3;
    }}
}}
"""


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def shell(function, *arguments):
    """A function of deploy/lib/postgres.sh."""
    return run("bash", "-c", f'. "{TREE}/deploy/lib/postgres.sh"; {function} "$@"', "pg", *arguments)


class Stack:
    def __init__(self, folder, build):
        self.dir = pathlib.Path(folder)
        self.build = pathlib.Path(build)
        self.program = self.build / "causeway"
        self.pki = self.dir / "pki"
        self.hub = self.nginx = None
        self.pg_dir = self.dir / "pg"
        self.answers = 0

    # --- starting and stopping

    def start(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        self.start_postgres()
        self.make_pki()
        self.start_hub()
        self.start_nginx()

    def start_postgres(self):
        shell("pg_start", self.pg_dir, "shared_buffers=2GB", "max_connections=200", "fsync=on",
              "synchronous_commit=on", "max_wal_size=8GB", "commit_delay=1000")
        self.admin = shell("pg_create_database", self.pg_dir, "bench")
        run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.admin, "-f", TREE / "deploy/roles.sql")
        run("psql", "-q", "-d", self.admin, "-c", "ALTER DATABASE bench OWNER TO causeway_owner")
        self.owner = self.as_role("causeway_owner")
        self.database = self.as_role("causeway_hub")

    def as_role(self, role):
        return " ".join([w for w in self.admin.split() if not w.startswith("user=")] + [f"user={role}"])

    def make_pki(self):
        pki = TREE / "deploy/pki"
        run(pki, self.pki, "ca")
        run(pki, self.pki, "hub", "127.0.0.1", "localhost")
        run(pki, self.pki, "member", MEMBER, "Bench Hospital")

    def member(self, name, organization, authority):
        """One more member."""
        run(TREE / "deploy/pki", self.pki, "member", name, f"{name} Hospital")
        self.cli("member", "add", name, "--organization", organization, "--authority", authority,
                 "--cert", self.pki / f"{name}.crt")

    def cli(self, *arguments):
        return run(self.program, *arguments, "--config", self.conf)

    def start_hub(self):
        self.conf = self.dir / "causeway.conf"
        (self.dir / "documents").mkdir(mode=0o700)
        self.conf.write_text(HUB_CONF.format(m=m, database=self.database, pki=self.pki, dir=self.dir))
        run(self.program, "doctor", "--make-key", self.dir / "master.key")
        self.cli("migrate", "--database", self.owner)
        self.cli("member", "add", MEMBER, "--organization", m.HUB + ".4", "--authority", m.AUTHORITY,
                 "--authority", m.HUB + ".21", "--cert", self.pki / f"{MEMBER}.crt")
        self.cli("member", "agreement", "add", "region", "--all")
        self.cli("consent", "default", "opt-out")
        self.serve()

    def serve(self):
        ready = self.dir / "ready.json"
        self.hub = subprocess.Popen(
            [self.program, "serve", "--config", self.conf, "--ready-file", ready],
            stderr=open(self.dir / "hub.log", "ab"))
        deadline = time.time() + 30
        while not ready.exists():
            if self.hub.poll() is not None or time.time() > deadline:
                raise SystemExit("bench: the hub did not start\n" + (self.dir / "hub.log").read_text())
            time.sleep(0.05)
        addresses = json.loads(ready.read_text())
        self.listen, self.mllp, self.health, self.syslog = (
            addresses[k] for k in ("listen", "mllp_listen", "admin_listen", "syslog_listen"))

    def restart_hub(self):
        """A hub that has not done anything yet: for figures of memory."""
        self.hub.send_signal(signal.SIGTERM)
        self.hub.wait(60)
        (self.dir / "ready.json").unlink()
        self.serve()

    def configure(self, **settings):
        """Other values of keys that the configuration has, from a new start on."""
        text = self.conf.read_text()
        for key, value in settings.items():
            text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        self.conf.write_text(text)
        self.restart_hub()

    @contextlib.contextmanager
    def sealer(self):
        if not (self.dir / "checkpoint.key").exists():
            self.cli("audit", "key")
        process = subprocess.Popen([self.program, "audit", "seal", "--config", self.conf],
                                   stderr=open(self.dir / "sealer.log", "ab"))
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

    def start_nginx(self):
        (self.dir / "www").mkdir()
        (self.dir / "nginx-tmp").mkdir()
        os.chmod(self.dir, 0o755)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.nginx_port = s.getsockname()[1]
        conf = self.dir / "nginx.conf"
        text = NGINX_CONF.format(dir=self.dir, pki=self.pki, port=self.nginx_port)
        if os.geteuid() == 0:
            text = "user root;\n" + text
        conf.write_text(text)
        self.nginx = subprocess.Popen(["/usr/sbin/nginx", "-p", self.dir, "-c", conf, "-e", self.dir / "nginx.log"])
        self.wait_for_port(self.nginx_port)

    def wait_for_port(self, port):
        deadline = time.time() + 10
        while time.time() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("bench: nginx did not start\n" + (self.dir / "nginx.log").read_text())

    def close(self):
        for process in (self.hub, self.nginx):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
        if self.pg_dir.exists():
            shell("pg_remove", self.pg_dir)

    # --- talking to the hub

    def tls(self, member=MEMBER):
        context = ssl.create_default_context(cafile=self.pki / "ca.crt")
        context.load_cert_chain(self.pki / f"{member}.crt", self.pki / f"{member}.key")
        context.check_hostname = False
        return context

    def connect(self, address, member=MEMBER):
        host, port = address.rsplit(":", 1)
        return self.tls(member).wrap_socket(socket.create_connection((host, int(port))), server_hostname=host)

    def ask(self, connection, request):
        """One request, one answer; the answer's body."""
        connection.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.more(connection)
        head, body = data.split(b"\r\n\r\n", 1)
        length = next(int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length"))
        while len(body) < length:
            body += self.more(connection)
        return head, body

    @staticmethod
    def more(connection):
        data = connection.recv(1 << 20)
        if not data:
            raise SystemExit("bench: the hub closed the connection")
        return data

    def submit(self, connection, request):
        head, body = self.ask(connection, request)
        if b"ResponseStatusType:Success" not in body:
            raise SystemExit(f"bench: refused: {head.decode()}\n{body.decode(errors='replace')[:3000]}")
        self.answers += 1

    def feed(self, count):
        """Patients P0..; returns their XAD-PIDs in order."""
        with self.connect(self.mllp) as c:
            for i in range(count):
                c.sendall(b"\x0b" + m.adt_a04(i) + b"\x1c\r")
                ack = b""
                while b"\x1c\r" not in ack:
                    ack += self.more(c)
                if b"MSA|AA" not in ack:
                    raise SystemExit("bench: refused: " + ack.decode())
        rows = self.sql(
            "SELECT i.id, p.xad_pid FROM mpi_identifier i JOIN mpi_person p"
            " ON p.pkey = i.person_pkey AND p.person_id = i.person_id"
            f" WHERE i.authority = '{m.AUTHORITY}'")
        xads = dict(line.split("|") for line in rows.splitlines())
        return [m.cx(xads[f"P{i}"], m.XAD) for i in range(count)]

    def sql(self, text):
        return run("psql", "-At", "-d", self.admin, "-c", text)

    def metrics(self):
        host, port = self.health.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as c:
            _, body = self.ask(c, m.get("/metrics"))
        figures = {}
        for line in body.decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                figures[name] = float(value)
        return figures

    def memory_kb(self, field="VmRSS"):
        status = pathlib.Path(f"/proc/{self.hub.pid}/status").read_text()
        return next(int(l.split()[1]) for l in status.splitlines() if l.startswith(field + ":"))

    # --- load and limits

    def load_command(self, address, requests, *options, member=MEMBER):
        command = [self.build / "tests/bench/bench_load", "--connect", address,
                   "--cert", self.pki / f"{member}.crt", "--key", self.pki / f"{member}.key",
                   "--ca", self.pki / "ca.crt", *options]
        for i, request in enumerate(requests):
            path = self.dir / f"request-{hashlib.sha1(request).hexdigest()}"
            if not path.exists():
                path.write_bytes(request)
            command += ["--request", path]
        return [str(c) for c in command]

    def load(self, address, requests, *options, member=MEMBER):
        done = subprocess.run(self.load_command(address, requests, *options, member=member), capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"bench: load failed: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def load_mllp(self, messages, *options):
        return self.load(self.mllp, messages, "--mllp", *options)

    def finds(self, message, number):
        """Does the answer to this framed query name the identifier?"""
        with self.connect(self.mllp) as c:
            c.sendall(message)
            answer = b""
            while b"\x1c\r" not in answer:
                answer += self.more(c)
        return f"|{number}^".encode() in answer or f"~{number}^".encode() in answer

    def script(self, path, **variables):
        """A psql script, as the database's superuser."""
        given = [w for k, v in variables.items() for w in ("-v", f"{k}={v}")]
        run("psql", "-q", "-d", self.admin, *given, "-f", path)

    def size(self):
        """Of the database, in words."""
        return run("psql", "-At", "-d", self.admin, "-c", "SELECT pg_size_pretty(pg_database_size('bench'))")

    def pgbench(self, script, seconds, define=()):
        command = ["pgbench", "-n", "-M", "prepared", "-c", "16", "-j", "2", "-T", str(max(1, round(seconds))), "-f", script]
        for name, value in define:
            command += ["-D", f"{name}={value}"]
        out = run(*command, self.database)
        rate = next(l for l in out.splitlines() if l.startswith("tps ="))
        return {"per_second": float(rate.split()[2])}
