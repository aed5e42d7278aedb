"""Random stored queries about a registry: mostly sensible, some wrong."""
from oracle import (ASSOCIATION, AVAILABILITY, DOCUMENT, FOLDER, HAS_MEMBER, KINDS, ON_DEMAND, SET, STABLE, STATUS,
                    Query)
from registry import AUTHORS, BETWEEN, REFERENCES, SCHEMES, SOURCES, TIMES, xds

LETTERS = {"classCode": ("C", 3), "typeCode": ("T", 3), "formatCode": ("F", 3), "healthcareFacilityTypeCode": ("H", 3),
           "practiceSettingCode": ("P", 3), "confidentialityCode": ("N", 3), "eventCodeList": ("E", 4),
           "codeList": ("D", 3), "contentTypeCode": ("S", 3)}
RELATED = BETWEEN + [xds.RPLC, xds.XFRM_RPLC, HAS_MEMBER]
SOMETIMES = {"must": 1.0, "one": 0.0, "some": 0.5, "may": 0.06}


class Asker:
    def __init__(self, world, random):
        self.world, self.random = world, random
        self.by_kind = {k: [o for o in world.objects.values() if o.kind == k]
                        for k in (DOCUMENT, SET, FOLDER, ASSOCIATION)}
        self.all = list(world.objects.values())
        self.by_kind["related"] = [world.objects[e] for o in self.by_kind[ASSOCIATION] if o.type != HAS_MEMBER for e in o.ends]
        self.patients = sorted(world.patients) + sorted(world.subsumed)

    def some(self, values, most=3):
        return self.random.sample(values, min(len(values), self.random.randint(1, most)))

    def pattern(self, text):
        r = self.random
        a, b = sorted(r.randrange(len(text) + 1) for _ in range(2))
        return r.choice([text, text, "%", "%", text[:a] + "%", "%" + text[a:b] + "%", text[:a] + "_" + text[a + 1:],
                         "%" + text[b:], text[:a] + "%" + text[b:], "nobody"])

    def time(self):
        r = self.random
        return r.choice(TIMES + ["2024", "20240616", "2026", "202611", "20261122", "2027", "20300101000000"])

    def values(self, p, kind):
        r = self.random
        if p.how == "equal":
            if p.attribute == "sourceId":
                return self.some(SOURCES + ["1.2.3"], 2)
            letter, most = LETTERS[p.attribute]
            return [f"{letter}{r.randrange(most + 1)}^^{r.choice(SCHEMES)}" for _ in range(r.randint(1, 4))]
        if p.how == "like":
            pool = REFERENCES if p.attribute == "referenceIdList" else AUTHORS
            return [self.pattern(r.choice(pool)) for _ in range(1 if p.times == "one" else r.randint(1, 2))]
        if p.how in ("from", "to"):
            return [self.time()]
        if p.how == "status":
            return r.choice([[STATUS + "Approved"]] * 4 + [[STATUS + "Deprecated"], [STATUS + "Submitted"],
                            [STATUS + "Approved", STATUS + "Deprecated"], [STATUS + "Approved", "urn:x:odd"]])
        if p.how == "type":
            return r.choice([self.some(RELATED, 4), BETWEEN, RELATED]) if p.kind == ASSOCIATION else \
                r.choice([[STABLE], [ON_DEMAND], [STABLE, ON_DEMAND], [STABLE, ON_DEMAND]])
        if p.how == "online":
            return self.some([AVAILABILITY + "Online", AVAILABILITY + "Offline"], 2)
        if p.how == "level":
            return [r.choice("12")]
        if p.how == "patient":
            return [r.choice(self.patients)] if p.times == "one" else self.some(self.patients, 4)
        most = 1 if p.times == "one" else r.choice([1, 1, 3, 8])
        return [self.identifier(p.how, kind) for _ in range(most)]

    def identifier(self, how, kind):
        """Of an object of the right kind mostly, of one patient mostly."""
        r = self.random
        o = r.choice(self.by_kind[kind] if kind and r.random() < 0.93 else self.all)
        if r.random() < 0.02:
            return xds.new_urn() if how != "unique" else "1.2.3.4.5"
        return {"uuid": o.id, "unique": o.unique_id or "1.2.3", "lid": o.lid}[how]

    def query(self):
        r = self.random
        kind = r.choice(list(KINDS))
        parameters = KINDS[kind][1]
        about = {"GetFolders": FOLDER, "GetFolderAndContents": FOLDER, "GetSubmissionSetAndContents": SET,
                 "GetAssociations": None, "GetSubmissionSets": r.choice([DOCUMENT, FOLDER]),
                 "GetRelatedDocuments": "related"}.get(kind, DOCUMENT)
        names = [n for n, p in parameters.items() if r.random() < SOMETIMES[p.need]]
        alternatives = [n for n, p in parameters.items() if p.need == "one"]
        if alternatives:
            names.append(r.choice(alternatives))
        if "$MetadataLevel" not in names and r.random() < 0.3:
            names.append("$MetadataLevel")
        slots = []
        for name in names:
            p = parameters[name]
            for _ in range(r.choice([1, 1, 1, 2, 3]) if p.times == "many" else 1):
                slots.append((name, self.values(p, about)))
        r.shuffle(slots)
        if slots and r.random() < 0.05:
            self.spoil(slots, alternatives, parameters, about)
        return Query(kind, slots, r.random() < 0.3)

    def spoil(self, slots, alternatives, parameters, about):
        """What a careless client does: leaves out, repeats, gives two of what is one."""
        r = self.random
        what = r.randrange(4)
        if what == 0:
            slots.pop(r.randrange(len(slots)))
        elif what == 1:
            slots.append(r.choice(slots))
        elif what == 2 and alternatives:
            name = r.choice(alternatives)
            slots.append((name, self.values(parameters[name], about)))
        else:
            name, values = r.choice(slots)
            if values:
                slots[slots.index((name, values))] = (name, values * 2)
        slots.append(("$XDSUnheardOf", ["x"]))
