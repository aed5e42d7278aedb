"""The real hub, run as an operator runs it: a configuration, a database of its own, the program.

    cluster = Cluster(root, folder)                  # a private PostgreSQL (deploy/lib/postgres.sh)
    hub = Hub(root, program, folder, cluster.database("exchange"))
    hub.start()
    lakeside = hub.enrol("lakeside", "1.2.3")        # certificate, `causeway member add`, Hospital
    hub.open_region()                                # agreement of all, opt-out
    hub.stop()

Everything lies under `folder`. Listeners take free ports of 127.0.0.1; the program tells them
through --ready-file.
"""
import json
import os
import re
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import Hospital, pki, soap

HOME, XAD, REPOSITORY = "1.3.6.1.4.1.21367.2026.10", "1.3.6.1.4.1.21367.2026.20", "1.3.6.1.4.1.21367.2026.30"
START_SECONDS, STOP_SECONDS = 60, 60
WAIT_SECONDS = 60  # a wait that succeeds costs nothing, and the machine may be busy


class Failed(Exception):
    """A command of the program, or of the shell, did not end well; the message is what it said."""


def eventually(condition, what="it", seconds=WAIT_SECONDS):
    """Waits until the condition is true of what another process or thread does meanwhile; gives its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.05)
    return value


def heeds_signals(process):
    """Whether a program of ours has come to handle SIGTERM: one that was started just now would die of it."""
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", Path(f"/proc/{process.pid}/status").read_text(), re.M)
    return bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def end(process):
    """SIGTERM to `causeway audit seal` or `watch`, once it heeds that. Gives its exit status."""
    eventually(lambda: process.poll() is not None or heeds_signals(process), "it handles no SIGTERM")
    process.terminate()
    return process.wait(STOP_SECONDS)


def _shell(root, script, *arguments):
    done = subprocess.run(["bash", "-euc", f". deploy/lib/postgres.sh; {script}", "bash", *arguments],
                          cwd=root, text=True, capture_output=True)
    if done.returncode != 0:
        raise Failed(f"{script}: {done.stderr or done.stdout}")
    return done.stdout.strip()


class Cluster:
    """A private PostgreSQL with Causeway's roles, on a Unix socket under `folder`."""

    def __init__(self, root, folder, **settings):
        self.root, self.folder = Path(root), Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        _shell(root, 'pg_start "$@" 9>&-', str(folder), *(f"{k}={v}" for k, v in settings.items()))
        _shell(root, 'pg_sql "$1" postgres -f deploy/roles.sql', str(folder))

    def database(self, name):
        """An empty database of causeway_owner's. Gives its conninfo, without a user."""
        _shell(self.root, 'pg_sql "$1" postgres -c "DROP DATABASE IF EXISTS \\"$2\\" WITH (FORCE)";'
               'pg_create_database "$1" "$2" >/dev/null;'
               'pg_sql "$1" postgres -c "ALTER DATABASE \\"$2\\" OWNER TO causeway_owner"',
               str(self.folder), name)
        conninfo = _shell(self.root, 'pg_conninfo "$1" "$2"', str(self.folder), name)
        return re.sub(r"\buser=\S+ ?", "", conninfo)

    def stop(self, mode="fast"):
        _shell(self.root, 'pg_stop "$1" "$2"', str(self.folder), mode)

    def remove(self):
        _shell(self.root, 'pg_remove "$1"', str(self.folder))


class Hub:
    """One hub process with its configuration. `settings` are keys of causeway.conf.

    `twin` makes a second process over the first one's database, keys, documents and certificates.
    """

    def __init__(self, root, program, folder, database, twin=None, **settings):
        self.root, self.program, self.folder = Path(root), Path(program), Path(folder)
        self.database = database
        self.folder.mkdir(parents=True, exist_ok=True)
        self.authority = twin.authority if twin else pki.CertificateAuthority(self.folder / "pki")
        self.ca, self.xad_authority, self.repository = self.authority.certificate, XAD, REPOSITORY
        self.process = self.addresses = None
        self.environment = {}  # of the process, beside the caller's
        self.settings = dict(twin.settings if twin else self._first_settings(), **settings)
        self.config = self.folder / "causeway.conf"
        self.log = self.folder / "hub.log"
        self.config.write_text("".join(f"{k} = {v}\n" for k, v in self.settings.items()))
        if twin is None:
            self.run("migrate", "--database", f"{database} user=causeway_owner")

    def _first_settings(self):
        identity = self.authority.issue("hub", server=True)
        key = self.folder / "master.key"
        with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        documents = self.folder / "documents"
        documents.mkdir(mode=0o700, exist_ok=True)
        return {"home_community_id": HOME, "xad_authority": XAD, "repository_unique_id": REPOSITORY,
                "database": f"{self.database} user=causeway_hub", "listen": "127.0.0.1:0",
                "mllp_listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0",
                "tls_certificate": identity.certificate, "tls_key": identity.key,
                "tls_ca": self.authority.certificate, "tls_crl": self.authority.crl,
                "store_dir": documents, "master_key": key, "migrations": self.root / "sql",
                "checkpoint_key": self.folder / "checkpoint.key", "seal_interval_ms": 100,
                "workers": 4}

    # --- the process ----------------------------------------------------------------------------

    def start(self):
        """Starts `causeway serve` and waits until it is ready."""
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--config", self.config, "--ready-file", ready],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.root,
                env={**os.environ, **self.environment})
        end = time.monotonic() + START_SECONDS
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed(f"the hub did not start:\n{self.log_tail()}")
            time.sleep(0.02)
        self.addresses = json.loads(ready.read_text())
        return self

    def stop(self, expect=0):
        """SIGTERM: drains. Gives the exit status, which must be `expect` (None: whatever)."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status, self.process = self.process.wait(STOP_SECONDS), None
        if expect is not None and status != expect:
            raise Failed(f"the hub ended with {status}:\n{self.log_tail()}")
        return status

    def kill(self):
        self.process.kill()
        self.process.wait(STOP_SECONDS)
        self.process = None

    def reload(self):
        """SIGHUP: certificates, CAs and CRLs are read again."""
        self.process.send_signal(signal.SIGHUP)

    def await_log(self, words):
        """Until the hub has written these words to its log."""
        eventually(lambda: words in self.log.read_text(errors="replace"), f"'{words}' is not in {self.log}")

    def await_members(self):
        """Until the hub's own threads, which ask four times a second, know the members as they are now.
        Requests need no such wait: they are decided by the members of their transaction."""
        epoch = self._member_epoch()

        def known():
            read = re.findall(r'"members_read","detail":"epoch=(\d+) ', self.log.read_text(errors="replace"))
            return read and int(read[-1]) >= epoch
        eventually(known, f"epoch {epoch} of the members is not in {self.log}")

    def _member_epoch(self):
        import psycopg2  # here: not everybody who plays a hospital has it

        connection = psycopg2.connect(f"{self.database} user=causeway_owner")
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT value FROM epoch WHERE name = 'member'")
                return cursor.fetchone()[0]
        finally:
            connection.close()

    def log_tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _address(self, name):
        host, _, port = self.addresses[name].rpartition(":")
        return host.strip("[]"), int(port)

    soap_address = property(lambda self: self._address("listen"))
    mllp_address = property(lambda self: self._address("mllp_listen"))
    admin_address = property(lambda self: self._address("admin_listen"))

    # --- the operator ---------------------------------------------------------------------------

    def run(self, *arguments, expect=0):
        """Runs a sub-command and gives its output. `expect` None lets any exit status pass."""
        done = subprocess.run([self.program, *map(str, arguments), "--config", self.config],
                              text=True, capture_output=True, cwd=self.root, timeout=120)
        if expect is not None and done.returncode != expect:
            raise Failed(f"causeway {' '.join(map(str, arguments))}: exit status "
                         f"{done.returncode}, not {expect}\n{done.stdout}{done.stderr}")
        return done.stdout

    def json(self, *arguments, **options):
        return json.loads(self.run(*arguments, "--json", **options))

    def seal(self):
        """What waits is sealed and signed, by a key made at the first time. Gives FILE.pub."""
        self.checkpoint_key()
        self.run("audit", "seal", "--once")
        return self.checkpoint_key()

    def checkpoint_key(self):
        if not Path(self.settings["checkpoint_key"]).exists():
            self.run("audit", "key")
        return Path(f"{self.settings['checkpoint_key']}.pub")

    def start_sealer(self):
        """Starts `causeway audit seal`; whoever asks for one ends it (end)."""
        self.checkpoint_key()
        with open(self.folder / "sealer.log", "ab") as log:
            return subprocess.Popen([self.program, "audit", "seal", "--config", self.config],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.root)

    def open_region(self):
        """All members share what patients do not object to."""
        self.run("member", "agreement", "add", "region", "--all")
        self.run("consent", "default", "opt-out")

    def enrol(self, name, authority, identity=None, namespace="", organization=None, more=()):
        """Issues a certificate unless one is given, adds the member, and gives the Hospital."""
        identity = identity or self.authority.issue(name)
        organization = organization or f"{authority}.99"
        named = f"{authority}={namespace}" if namespace else authority
        self.run("member", "add", name, "--organization", organization, "--authority", named,
                 "--cert", identity.certificate, *more)
        hospital = Hospital(name, identity, authority, self, organization, namespace)
        self.await_admission(hospital)
        return hospital

    def await_admission(self, hospital, seconds=WAIT_SECONDS):
        """Returns when every listener of the hub has heard of a change to the members."""
        end = time.monotonic() + seconds
        while self.process is not None:
            try:
                with soap.Connection(self.soap_address, hospital.identity, self.ca) as connection:
                    connection.exchange("GET", "/")
                return
            except (soap.Broken, OSError):
                if time.monotonic() > end:
                    raise Failed(f"{hospital.name} is not admitted:\n{self.log_tail()}")
                time.sleep(0.05)

    def audit(self, **criteria):
        """`causeway audit search --json`, oldest first; criteria as its options."""
        options = [x for k, v in {"limit": 1000, **criteria}.items() for x in (f"--{k}", v)]
        lines = self.run("audit", "search", "--json", *options).splitlines()
        return [json.loads(line) for line in reversed(lines)]

    # --- what monitoring sees -------------------------------------------------------------------

    def get(self, path):
        """(HTTP status, text) of /healthz, /readyz or /metrics."""
        host, port = self.admin_address
        try:
            with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name, **labels):
        """Sum over the samples of a metric that carry these labels."""
        total, found = 0.0, False
        for line in self.get("/metrics")[1].splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if not match or match[1] != name:
                continue
            have = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
            if all(have.get(k) == v for k, v in labels.items()):
                total, found = total + float(match[3]), True
        return total if found else 0.0
