"""Plays a patient's journey through three regions (deploy/federation), with one fault at will.

Mara lives in the North, was once treated in the South, and falls ill in the East. Everything goes
through the hubs' own ports; the hospitals are tests/e2e/hospital, which shares no code with the hub.
The first answer that is not as it should be ends the journey with exit status 1.
"""
import argparse
import re
import select
import shutil
import socket
import sys
import textwrap
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from lxml import etree  # noqa: E402

from hospital import Patient, xds  # noqa: E402
from hospital.hub import Cluster, Hub  # noqa: E402

SOFT_SECONDS, SLOW_SECONDS = 2.0, 4.0


class Astray(Exception):
    """An answer that was not as it should be."""


def must(condition, otherwise):
    if not condition:
        raise Astray(otherwise)


def heading(text):
    print(f"\n{text}")


def tell(text, first="  "):
    print(textwrap.fill(" ".join(text.split()), 98, initial_indent=first, subsequent_indent="    "))


class Proxy:
    """Bytes pass through, each `delay` seconds late; a partition is a proxy that takes nothing."""

    def __init__(self, address, target):
        self.target, self.delay, self.cut = target, 0.0, False
        self._socket = socket.create_server((address, 0), backlog=256)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near):
        try:
            with near, socket.create_connection(self.target(), timeout=5) as far:
                far.settimeout(None)
                while True:
                    ready, _, _ = select.select([near, far], [], [], 60)
                    if not ready or self.cut:
                        return
                    for end in ready:
                        piece = end.recv(1 << 16)
                        if not piece:
                            return
                        if end is far:
                            time.sleep(self.delay)
                        (near if end is far else far).sendall(piece)
        except OSError:
            pass

    def close(self):
        self._socket.close()


class Region:
    """A hub, its hospital, and the proxy that others reach it through."""

    def __init__(self, number, name, cluster, program, folder, **settings):
        self.number, self.name, self.address = number, name, f"127.0.1.{number}"
        self.home = f"2.999.{number}00"
        self.hub = Hub(ROOT, program, folder / name, cluster.database(name.lower()),
                       home_community_id=self.home, xad_authority=f"{self.home}.1",
                       repository_unique_id=f"{self.home}.2", listen=f"{self.address}:0",
                       community_soft_ms=int(SOFT_SECONDS * 1000), community_hard_ms=6000,
                       community_leave_alone_ms=500, **settings)
        self.hub.xad_authority, self.hub.repository = f"{self.home}.1", f"{self.home}.2"
        self.hub.start()
        self.hub.run("consent", "default", "opt-out")
        self.proxy = Proxy(self.address, lambda: self.hub.soap_address)
        self.url = f"https://{self.address}:{self.proxy.port}"
        self.hospital = self.hub.enrol(f"{name.lower()}-hospital", f"{self.home}.9")

    def introduce(self, other):
        """Enrols the other region's hub here: its certificate, and where it is asked."""
        name = other.name.lower()
        self.hub.run("member", "add", name, "--organization", other.home, "--authority", f"{other.home}.1",
                     "--cert", other.hub.settings["tls_certificate"], "--direct")
        self.hub.run("community", "add", name, "--home", other.home, "--discovery", f"{other.url}/xcpd",
                     "--query", f"{other.url}/xca/rg/query", "--retrieve", f"{other.url}/xca/rg/retrieve")
        self.hub.run("member", "agreement", "add", name, "--all", "--party", name)

    def lie(self):
        """Calls itself by another home community id than the others know it by."""
        self.configure(home_community_id="2.999.666")

    def configure(self, **settings):
        self.hub.stop()
        self.hub.settings.update(settings)
        self.hub.config.write_text("".join(f"{k} = {v}\n" for k, v in self.hub.settings.items()))
        self.hub.start()

    def close(self):
        self.proxy.close()
        if self.hub.process is not None:
            self.hub.stop(expect=None)


class Journey:
    def __init__(self, regions):
        self.north, self.east, self.south = self.regions = regions
        self.serial = int(time.time()) % 100000

    # --- what the patient leaves behind -------------------------------------------------------------

    def arrive(self, region, title):
        hospital = region.hospital
        number = f"{region.name[0]}-{self.serial}"
        answer = hospital.feed("A04", Patient([hospital.cx(number)], family="Lindqvist", given="Mara",
                                              birth="19680312", sex="F"))
        must(answer["MSA-1"] == "AA", f"{region.name} did not take the patient: {answer}")
        xad = hospital.xad_pid(number)
        entry, response = hospital.publish(xad, f"<note>{title} {self.serial}</note>".encode(), title=title)
        must(response.ok, f"{region.name} did not take the document: {response}")
        tell(f"{region.name}: Mara Lindqvist is registered and known as {xad.split('^')[0][:8]}...; \"{title}\" is"
             " published.")
        return xad, entry

    def begin(self):
        heading("Mara Lindqvist lives in the North, was once treated in the South, and falls ill in the East")
        self.xads, self.entries = {}, {}
        for region, title in ((self.north, "Allergies"), (self.south, "Hip replacement"), (self.east, "Emergency note")):
            self.xads[region], self.entries[region] = self.arrive(region, title)

    # --- what the East asks --------------------------------------------------------------------------

    def ask(self):
        """The East's ordinary query, at its gateway; (Response, seconds)."""
        began = time.monotonic()
        answer = xds.Response(self.east.hospital.link.call("/xca/ig/query", xds.ITI18,
                                                           xds.find_documents(self.xads[self.east])))
        return answer, time.monotonic() - began

    def fetch(self, found):
        body = xds.retrieve([(e.repository, e.unique_id) for e in found])
        for request, e in zip(body, found):
            home = etree.Element(f"{{{xds.XDSB}}}HomeCommunityId")
            home.text = e.element.get("home")
            request.insert(0, home)
        return xds.Response(self.east.hospital.link.call("/xca/ig/retrieve", xds.ITI43, body, mtom=True))

    def hops(self, marks):
        """What each hub wrote down since then: the same request from hub to hub."""
        for region in self.regions:
            if region.hub.process is None:
                tell(f"{region.name} is dead and says nothing.", "    ")
                continue
            lines = region.hub.log.read_text(errors="replace")[marks[region]:]
            for line in re.findall(r'"event":"request".*?"detail":"([^"]*)', lines):
                found = re.search(r"transaction=(\S+) outcome=(\S+) .*us=(\d+)", line)
                origin = re.search(r"origin=(\S+)", line)
                tell(f"{region.name} answered {found[1]}: {found[2]}, after {int(found[3]) // 1000} ms"
                     + (f", for request {origin[1][:13]}..." if origin else ""), "    ")

    def marks(self):
        return {r: len(r.hub.log.read_text(errors="replace")) for r in self.regions}

    def expect(self, missing=()):
        """Asks, tells, and checks that all but `missing` are in the answer, and those are named in it."""
        marks = self.marks()
        answer, seconds = self.ask()
        titles = sorted(e.title for e in answer.entries)
        tell(f"East's hospital asks its gateway and has its answer after {seconds:.2f} s: "
             f"{answer.status.rsplit(':', 1)[1]}, {', '.join(titles) or 'nothing'}.")
        for error in answer.errors:
            tell(f"{error.code}: {error.context}", "    ")
        time.sleep(0.2)
        self.hops(marks)
        there = [r for r in self.regions if r not in missing]
        must(titles == sorted(self.entries[r].title for r in there), f"found were {titles}")
        must(answer.status == (xds.PARTIAL if missing else xds.SUCCESS), f"the status is {answer.status}")
        told = " ".join(e.context for e in answer.errors)
        for r in self.regions:
            must((r.home in told) == (r in missing), f"{r.name} is {'not ' if r in missing else ''}named: {told}")
        for e in answer.entries:
            owner = next(r for r in there if self.entries[r].unique_id == e.unique_id)
            must(e.element.get("home") == f"urn:oid:{owner.home}", f"{e.title} is credited to {e.element.get('home')}")
        must(seconds < SOFT_SECONDS + 1.5, f"it took {seconds:.1f} s")
        return answer

    def read_all(self, answer):
        got = self.fetch(answer.entries)
        must(got.status == xds.SUCCESS, f"retrieval: {got}")
        contents = {d.unique_id: d.content for d in got.documents}
        for region in self.regions:
            must(contents.get(self.entries[region].unique_id) == self.entries[region].content,
                 f"the document of the {region.name} did not come as it was published")
        tell("It fetches them, each from where it lies, in one retrieval: the same bytes that were published.")


# --- passes -------------------------------------------------------------------------------------------

def sound(journey):
    heading("All three regions work")
    answer = journey.expect()
    journey.read_all(answer)
    heading("She objects in the North: the North tells nobody any more, and the others go on")
    journey.north.hub.run("consent", "set", "--patient", journey.xads[journey.north], "--deny")
    answer, _ = journey.ask()
    titles = sorted(e.title for e in answer.entries)
    tell(f"East's hospital asks again and finds {', '.join(titles)}.")
    must(titles == ["Emergency note", "Hip replacement"], f"found were {titles}")


def faulty(journey, region, what, cause, mend):
    heading(f"The {region.name} {what}")
    journey.expect()
    cause()
    journey.expect(missing=[region])
    mend()
    heading(f"The {region.name} is as it was: nobody has to do anything")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        answer, _ = journey.ask()
        if answer.status == xds.SUCCESS and len(answer.entries) == 3:
            break
        time.sleep(0.5)
    journey.expect()


def slow(journey, region):
    faulty(journey, region, f"answers {SLOW_SECONDS:.0f} s late; the others wait {SOFT_SECONDS:.0f} s",
           lambda: setattr(region.proxy, "delay", SLOW_SECONDS), lambda: setattr(region.proxy, "delay", 0.0))


def lie(journey, region):
    faulty(journey, region, "credits what it says to another home community", region.lie,
           lambda: region.configure(home_community_id=region.home))


def kill(journey, region):
    faulty(journey, region, "is killed", region.hub.kill, region.hub.start)


PASSES = {"slow": slow, "lie": lie, "kill": kill}


def run(program, cluster, folder, passes):
    for name, number in passes:
        shutil.rmtree(folder / "hubs", ignore_errors=True)
        regions = []
        try:
            for i, title in enumerate(("North", "East", "South"), 1):
                regions.append(Region(i, title, cluster, program, folder / "hubs"))
            for region in regions:
                for other in regions:
                    if other is not region:
                        region.introduce(other)
            journey = Journey(regions)
            journey.begin()
            if name is None:
                sound(journey)
            else:
                PASSES[name](journey, regions[number - 1])
        finally:
            for region in regions:
                region.close()


def main():
    parser = argparse.ArgumentParser(prog="deploy/federation", description=__doc__)
    parser.add_argument("--causeway", required=True)
    parser.add_argument("--check", action="store_true")
    for name in PASSES:
        parser.add_argument(f"--{name}", type=int, choices=(1, 3), metavar="N")
    args = parser.parse_args()
    passes = [(n, getattr(args, n)) for n in PASSES if getattr(args, n)]
    if not passes:
        passes = [(None, 0)] + ([("slow", 1), ("lie", 3), ("kill", 1)] if args.check else [])
    folder = ROOT / "var/federation"
    shutil.rmtree(folder / "hubs", ignore_errors=True)
    cluster = Cluster(ROOT, folder / "pg", max_connections=120)
    try:
        run(Path(args.causeway).resolve(), cluster, folder, passes)
    except Astray as error:
        print(f"\nNot as it should be: {error}\nLogs are in {folder}/hubs/*/hub.log", file=sys.stderr)
        return 1
    finally:
        cluster.remove()
    print(f"\nAll as it should be: {len(passes)} {'passes' if len(passes) > 1 else 'pass'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
