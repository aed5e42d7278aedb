"""A random registry: patients, submissions and consents told to a real hub, and the same as plain objects.

What the registry itself does to objects (TF-2 3.42.4.1.3) is done to ours by its text. Its own
associations and the times of folders are learned from it; what they join is checked.
"""
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from hospital import Patient, hub as hubs, xds  # noqa: E402
from hospital.xds import Code  # noqa: E402
from lxml import etree  # noqa: E402

import oracle  # noqa: E402
from oracle import ASSOCIATION, AVAILABILITY, DOCUMENT, FOLDER, HAS_MEMBER, SET, Object  # noqa: E402

SCHEMES = ["1.2.3.1", "1.2.3.2"]
TIMES = ["2023", "202406", "20240615", "2024061512", "202406151230", "20240615123045", "20250101", "20251231235959"]
AUTHORS = ["11^Smith^Ada", "22^Jones^Bob", "33^O'Hara^Smithers", "44^Żak^Łucja", "^100%^A_B"]
REFERENCES = [f"R{n}^^^&1.2.3.{n % 2}&ISO^urn:ihe:iti:xds:2013:accession" for n in range(4)]
SOURCES = ["1.3.6.1.4.1.21367.2026.1", "1.3.6.1.4.1.21367.2026.2"]
REFERENCE_SLOT = "urn:ihe:iti:xds:2013:referenceIdList"
BETWEEN = [xds.APND, xds.XFRM, xds.SIGNS]


def code(r, letter, most=3):
    return Code(f"{letter}{r.randrange(most)}", r.choice(SCHEMES))


def text(c):
    return f"{c.code}^^{c.scheme}"


class Registry:
    def __init__(self, root, program, folder, seed):
        self.random, self.seed = random.Random(seed), seed
        self.root, self.folder = root, folder
        self.cluster = hubs.Cluster(root, folder / "pg", max_connections=60, fsync="off")
        self.database = self.cluster.database("differential")
        self.hub = hubs.Hub(root, program, folder / "hub", self.database, workers=2, log_level="warn").start()
        self.hub.open_region()
        self.members = {n: self.hub.enrol(n, f"1.2.840.7.{i}", more=more) for i, (n, more) in enumerate(
            [("lakeside", ["--multi-patient"]), ("harbour", ["--multi-patient"]), ("inland", [])])}
        self.objects, self.people = {}, []

    def fill(self, patients=20, submissions=4):
        for number in range(patients):
            self.people.append(self.person(number))
            for _ in range(self.random.randint(1, submissions)):
                self.submit(self.people[-1])
        self.refer_across()
        self.learn()
        self.arrange()
        subsumed = self.merge()
        rules = self.consents()
        self.world = oracle.World(
            self.objects, {p["xad"] for p in self.people} - subsumed, subsumed,
            lambda asker, o: rules(asker, o), {"lakeside", "harbour"})

    def stop(self):
        for m in self.members.values():
            m.close()
        self.hub.stop()
        self.cluster.remove()

    # --- patients -------------------------------------------------------------------------------

    @staticmethod
    def patient(number, identifier):
        """Nobody is like another, and no value a placeholder: who is one person is not left to luck."""
        word = "".join("bdfgklmnprstvz"[(number * p + q) % 14] + "aeiou"[(number + q) % 5]
                       for p, q in ((1, 3), (3, 7), (5, 2), (9, 13)))
        return Patient(
            [identifier], family=word.title(), given=word[::-1].title(),
            birth=f"{1931 + number * 7 % 60}{number * 5 % 12 + 1:02}{number * 11 % 26 + 2:02}",
            address=f"{number * 13 + 17} {word.title()} St^^Springfield^IL^{62701 + number}^US",
            phone=f"^PRN^PH^^^217^{number * 37 % 700 + 231}{number * 1371 % 8000 + 1357:04}")

    def person(self, number):
        """Two hospitals know each: their documents lie with records of their own."""
        local = {}
        for name in ("lakeside", "harbour"):
            m = self.members[name]
            local[name] = m.cx(f"{name[:1].upper()}{number:05}")
            answer = m.feed("A04", self.patient(number, local[name]))
            assert answer["MSA-1"] == "AA", answer
        xad, other = (self.members[n].xad_pid(f"{n[:1].upper()}{number:05}") for n in local)
        assert xad == other, (number, xad, other)
        return {"number": number, "xad": xad, "local": local}

    # --- submissions ----------------------------------------------------------------------------

    def entry(self, person, name):
        r = self.random
        start = r.choice([None, r.choice(TIMES)])
        e = xds.Entry(
            person["xad"], r.randbytes(8), id=xds.new_urn(), source_patient_id=person["local"].get(name, person["xad"]),
            class_code=code(r, "C"), type_code=code(r, "T"), format_code=code(r, "F"), facility_type=code(r, "H"),
            practice_setting=code(r, "P"), confidentiality=list({code(r, "N") for _ in range(r.randint(1, 3))}),
            events=list({code(r, "E", 4) for _ in range(r.randint(0, 3))}), creation_time=r.choice(TIMES),
            service_start=start, service_stop=start and r.choice([None, "2026"]), author=r.choice(AUTHORS))
        if r.random() < 0.4:
            e.extra_slots = {REFERENCE_SLOT: r.sample(REFERENCES, r.randint(1, 2))}
        return e

    def document(self, e, name):
        values = {
            "classCode": [text(e.class_code)], "typeCode": [text(e.type_code)], "formatCode": [text(e.format_code)],
            "healthcareFacilityTypeCode": [text(e.facility_type)], "practiceSettingCode": [text(e.practice_setting)],
            "confidentialityCode": [text(c) for c in e.confidentiality], "eventCodeList": [text(c) for c in e.events],
            "creationTime": [e.creation_time], "authorPerson": [e.author],
            "serviceStartTime": [e.service_start] if e.service_start else [],
            "serviceStopTime": [e.service_stop] if e.service_stop else [],
            "referenceIdList": e.extra_slots.get(REFERENCE_SLOT, [])}
        return Object(e.id, DOCUMENT, e.patient_id, name, lid=e.id, unique_id=e.unique_id, values=values,
                      type=e.object_type)

    def name_associations(self, request):
        """Gives each association of the message an entryUUID, and remembers them."""
        found = [e for e in request.iter(f"{{{xds.RIM}}}Association")]
        named = {e.get("id"): xds.new_urn() for e in found}
        for e in found:
            for attribute in ("id", "sourceObject", "targetObject"):
                e.set(attribute, named.get(e.get(attribute), e.get(attribute)))
        self.sent = [(e.get("id"), e.get("associationType"), e.get("sourceObject"), e.get("targetObject"),
                      "Reference" in "".join(e.itertext())) for e in found]

    def mine(self, person, kind, **having):
        return [o for o in self.objects.values() if o.kind == kind and o.patient == person["xad"]
                and all(getattr(o, k) == v for k, v in having.items())]

    def submit(self, person):
        r = self.random
        name = r.choice(["lakeside", "harbour", "inland"])
        entries = [self.entry(person, name) for _ in range(r.randint(1, 3))]
        folders = [xds.Folder(person["xad"], id=xds.new_urn(), codes=[code(r, "D"), code(r, "D")][:r.randint(1, 2)])
                   for _ in range(r.choice([0, 0, 1, 2]))]
        for folder in folders:
            folder.codes = list(dict.fromkeys(folder.codes))
        relations = [(HAS_MEMBER, f.id, e.id) for f in folders for e in entries if r.random() < 0.7]
        old_folders = [o.id for o in self.mine(person, FOLDER)]
        old = [o.id for o in self.mine(person, DOCUMENT, status="Approved")]
        if old_folders and r.random() < 0.5:
            relations.append((HAS_MEMBER, r.choice(old_folders), entries[0].id))
        # One level of appendages: what is appended to is not one itself.
        leaves = {o.ends[0] for o in self.mine(person, ASSOCIATION) if o.type in BETWEEN}
        roots = [i for i in old if i not in leaves]
        if roots and r.random() < 0.7:
            relations.append((r.choice([xds.RPLC, xds.XFRM_RPLC] + BETWEEN), entries[-1].id, r.choice(roots)))
        s = xds.Submission(person["xad"], entries, folders, relations, id=xds.new_urn(),
                           source_id=r.choice(SOURCES), submission_time=r.choice(TIMES), author=r.choice(AUTHORS),
                           content_type=code(r, "S"), change=self.name_associations)
        response = self.members[name].register(s)
        assert response.ok, response
        self.remember(person, name, s)

    def remember(self, person, name, s):
        for e in s.entries:
            self.add(self.document(e, name))
        for f in s.folders:
            self.add(Object(f.id, FOLDER, person["xad"], name, lid=f.id, unique_id=f.unique_id,
                            values={"codeList": [text(c) for c in f.codes]}))
        self.add(Object(s.id, SET, person["xad"], name, lid=s.id, unique_id=s.unique_id, values={
            "sourceId": [s.source_id], "submissionTime": [s.submission_time], "authorPerson": [s.author],
            "contentTypeCode": [text(s.content_type)]}))
        for i, kind, source, target, reference in self.sent:
            self.add(Object(i, ASSOCIATION, person["xad"], name, lid=i, type=kind, ends=(source, target),
                            reference=reference))
        for _, kind, source, target, _ in self.sent:
            if kind in (xds.RPLC, xds.XFRM_RPLC):
                self.replace(person, name, s.id, source, target)

    def add(self, o):
        assert o.id not in self.objects
        self.objects[o.id] = o

    def replace(self, person, name, set_id, new, old):
        """3.42.4.1.3.5: the replaced is deprecated, and so are its appendages and transforms; the
        replacement comes into its folders, by a membership that the set has too."""
        self.objects[old].status = "Deprecated"
        links = self.mine(person, ASSOCIATION)
        for a in links:
            if a.ends[1] == old and a.type in (xds.APND, xds.XFRM):
                self.objects[a.ends[0]].status = "Deprecated"
        folders = {a.ends[0] for a in links if a.ends[1] == old and self.objects[a.ends[0]].kind == FOLDER}
        already = {a.ends[0] for a in links if a.ends[1] == new}
        for folder in sorted(folders - already):
            made = f"made:{folder}:{new}"
            self.add(Object(made, ASSOCIATION, person["xad"], name, lid=made, type=HAS_MEMBER, ends=(folder, new)))
            self.add(Object(made + "/set", ASSOCIATION, person["xad"], name, lid=made, type=HAS_MEMBER,
                            ends=(set_id, made)))

    def refer_across(self):
        """Sets that refer to a document that was there before, of the same patient or another's."""
        for person, other in zip(self.people, self.people[1:] + self.people[1:2]):
            targets = self.mine(other, DOCUMENT, status="Approved")
            if not targets or self.random.random() < 0.5:
                continue
            entry = self.entry(person, "lakeside")
            target = self.random.choice(targets).id

            def refer(request, target=target, s_id=(s_id := xds.new_urn())):
                request[0].append(xds.association(HAS_MEMBER, s_id, target, "refers", "Reference"))
                self.name_associations(request)
            s = xds.Submission(person["xad"], [entry], id=s_id, change=refer)
            response = self.members["lakeside"].register(s)
            assert response.ok, response
            self.remember(person, "lakeside", s)

    # --- what only the registry knows -----------------------------------------------------------

    def ask(self, kind, slots):
        body = xds.adhoc_query("urn:uuid:" + oracle.KINDS[kind][0], slots)
        response = self.members["lakeside"].query(body)
        assert response.ok, response
        return etree.fromstring(etree.tostring(response.answer.body)).find(f".//{{{xds.RIM}}}RegistryObjectList")

    def learn(self):
        """The ids of its own associations, which must be those that we expect, and folders' times."""
        made = {o.id for o in self.objects.values() if o.id.startswith("made:")}
        for person in self.people:
            ids = [o.id for k in (DOCUMENT, FOLDER, SET) for o in self.mine(person, k)]
            found = self.ask("GetAssociations", [("$uuid", [xds.listed(*ids)])])
            news = [e for e in found if e.get("id") not in self.objects]
            inner = {}
            for e in news:
                key = f"made:{e.get('sourceObject')}:{e.get('targetObject')}"
                if key in made:
                    inner[e.get("id")] = key
            for e in news:
                old = inner.get(e.get("id")) or inner.get(e.get("targetObject"), "?") + "/set"
                assert old in made, f"an association that no rule makes: {etree.tostring(e)}"
                made.discard(old)
                self.rename(old, e.get("id"))
        assert not made, f"associations that the registry did not make: {made}"
        for person in self.people:
            ids = [o.id for o in self.mine(person, FOLDER)]
            for e in self.ask("GetFolders", [("$XDSFolderEntryUUID", [xds.listed(*ids)])]) if ids else []:
                slot = e.find(f"{{{xds.RIM}}}Slot[@name='lastUpdateTime']")
                self.objects[e.get("id")].values["lastUpdateTime"] = [v.text for v in slot.iter(f"{{{xds.RIM}}}Value")]

    def rename(self, old, new):
        o = self.objects.pop(old)
        o.id = o.lid = new
        self.objects[new] = o
        for x in self.objects.values():
            x.ends = tuple(new if e == old else e for e in x.ends)

    # --- what other transactions would have made ------------------------------------------------

    def sql(self, text, *ids):
        for i in ids:
            text = text.replace("?", f"'{i.removeprefix('urn:uuid:')}'", 1)
        self.statements.append(text)

    def arrange(self):
        """Versions, deprecated folders and associations, on-demand and offline entries: by SQL."""
        r, self.statements = self.random, []
        sets = [o for o in self.objects.values() if o.kind == SET]
        for s in sets:
            members = [self.objects[a.ends[1]] for a in self.objects.values()
                       if a.kind == ASSOCIATION and a.ends[0] == s.id and not a.reference]
            for kind, table in ((DOCUMENT, "xds_document_entry"), (FOLDER, "xds_folder")):
                of = [o for o in members if o.kind == kind]
                if len(of) > 1 and r.random() < 0.3:
                    self.version(table, *of[:2])
        for o in list(self.objects.values()):
            luck = r.random()
            if o.kind == FOLDER and luck < 0.15:
                o.status = "Deprecated"
                self.sql("UPDATE xds_folder SET status = 'deprecated' WHERE entry_uuid = ?", o.id)
            elif o.kind == ASSOCIATION and luck < 0.1:
                o.status = "Deprecated"
                self.sql("UPDATE xds_association SET status = 'deprecated' WHERE entry_uuid = ?", o.id)
            elif o.kind == DOCUMENT and luck < 0.1:
                o.type, o.values["creationTime"] = oracle.ON_DEMAND, []
                self.sql(f"UPDATE xds_document_entry SET object_type = '{oracle.ON_DEMAND}', creation_time = NULL "
                         "WHERE entry_uuid = ?", o.id)
            elif o.kind == DOCUMENT and luck < 0.2:
                which = AVAILABILITY + r.choice(["Online", "Offline"])
                o.values["documentAvailability"] = [which]
                self.sql(f"UPDATE xds_document_entry SET document_availability = '{which}' WHERE entry_uuid = ?", o.id)
        script = self.folder / "arrange.sql"
        script.write_text(";\n".join(self.statements) + ";\n")
        hubs._shell(self.root, 'pg_sql "$1" differential -v ON_ERROR_STOP=1 -q < "$2"', str(self.folder / "pg"),
                    str(script))

    def version(self, table, old, new):
        old.status, new.lid, new.version = "Deprecated", old.lid, 2
        self.sql(f"UPDATE {table} SET status = 'deprecated' WHERE entry_uuid = ?", old.id)
        self.sql(f"UPDATE {table} SET logical_id = ?, version = 2 WHERE entry_uuid = ?", old.lid, new.id)

    # --- people who turn out to be one, and what they permit ------------------------------------

    def merge(self):
        """A40 by both hospitals: the second person's objects are the first one's from now on."""
        first, second = self.people[:2]
        for name in ("lakeside", "harbour"):
            m = self.members[name]
            answer = m.merge(self.patient(first["number"], first["local"][name]), second["local"][name])
            assert answer["MSA-1"] == "AA", answer
        for o in self.objects.values():
            if o.patient == second["xad"]:
                o.patient = first["xad"]
        for name in ("lakeside", "harbour"):
            assert self.members[name].xad_pid(f"{name[:1].upper()}{first['number']:05}") == first["xad"]
        return {second["xad"]}

    def consents(self):
        """An opt-in domain: a member sees what it published, and what patients permit it."""
        rules = {}
        for person in self.people[2:]:
            effect = self.random.choice([None, None, "permit", "permit", "deny"])
            member = self.random.choice([None, "lakeside", "harbour"])
            if effect:
                self.hub.run("consent", "set", "--patient", person["xad"], f"--{effect}",
                             *(["--member", member] if member else []))
                rules[person["xad"]] = (effect, member)
        self.hub.run("consent", "default", "opt-in")

        def permitted(asker, o):
            effect, member = rules.get(o.patient, (None, None))
            if effect and member in (None, asker):
                return effect == "permit"
            return o.source == asker
        return permitted
