"""Random domains, policies and requests, small enough of vocabulary that conditions often hold."""
import copy

from consent_oracle import CONTAINER, ENTRY, EXCHANGE, HL7, IDENTITY, LINK, VALUE_SET

DAY = 86_400_000_000
START = 1_767_225_600_000_000  # 2026-01-01
MEMBERS = [{"id": i, "name": n, "organization": f"1.2.{i}", "suspended": False}
           for i, n in enumerate(("north", "south", "east"), 1)]
PURPOSES = [["TREAT", HL7], ["ETREAT", HL7], ["HRESCH", HL7], ["CLINTRCH", HL7], ["HPAYMT", HL7],
            ["TREATMENT", EXCHANGE], ["EMERGENCY", EXCHANGE], ["TREAT", VALUE_SET], ["TREAT", ""],
            ["RESEARCH", EXCHANGE], ["OTHER", "1.9"], ["TREAT", f"urn:oid:{HL7}"]]
ROLES = [["MD", "1.7"], ["RN", "1.7"], ["MD", "1.8"]]
USERS = ["ann<ann@north>", "ben<ben@south>"]
OBJECT = ("document", "class", "type", "format", "event", "label", "facility", "practice", "author",
          "author-organization", "publisher")
LABELS = ["SUD", "HIV", "MH", "N"]
OBLIGATIONS = ["no-redisclosure", "read-only", "no-onward"]


def iso(us):
    import datetime
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def code(r, what):
    if what == "label":
        return [r.choice(LABELS), ""]
    if what in ("author", "publisher", "document"):
        return [r.choice("AB"), ""]
    return [r.choice("ABC"), r.choice(("1.5", "1.6"))]


def named(r, what):
    if what == "purpose":
        return r.choice(PURPOSES)
    if what == "role":
        return [c := r.choice(ROLES)[0], r.choice(("", "1.7", "1.8"))]
    if what == "user":
        return [r.choice(USERS), ""]
    if what == "member":
        return [r.choice(MEMBERS)["name"], ""]
    if what == "organization":
        return [r.choice(("1.2.1", "1.2.2", "1.4")), ""]
    if what == "relation":
        return [r.choice(("SELF", "PROXY")), ""]
    value = code(r, what)
    return [value[0], r.choice((value[1], ""))]


def condition(r):
    what = r.choice(("member", "role", "user", "organization", "purpose", "purpose", "relation", "instant", "service",
                     "created", "label", "label", "class") + OBJECT)
    if what in ("instant", "service", "created"):
        out, days = {"is": what}, sorted(r.sample(range(0, 400, 10), 2))
        if r.random() < 0.7:
            out["from"] = iso(START + days[0] * DAY)
        if r.random() < 0.7:
            out["until"] = iso(START + days[1] * DAY)
        if r.random() < 0.3:
            out["outside"] = True
        return out
    values = [named(r, what) for _ in range(r.choice((1, 1, 2, 3)))]
    return {"is": what, "none" if r.random() < 0.3 else "any": values}


def rule(r, depth=0):
    out = {"effect": r.choice(("permit", "deny"))}
    conditions = r.choice((0, 1, 1, 2) if depth else (0, 0, 1, 2))
    if conditions:
        out["when"] = [condition(r) for _ in range(conditions)]
    if out["effect"] == "deny" and r.random() < 0.4:
        out["overridable"] = True
    if out["effect"] == "permit" and r.random() < 0.4:
        out["obligations"] = sorted(r.sample(OBLIGATIONS, r.choice((1, 2))), key=OBLIGATIONS.index)
    exceptions = r.choice((0, 0, 1, 2, 3)) if depth < 3 else 0
    if exceptions and depth < 3:
        out["except"] = [rule(r, depth + 1 + (r.random() < 0.5)) for _ in range(exceptions)]
    return out


def policy(r, number, people):
    rules = rule(r) if r.random() < 0.85 else None
    out = {"person": r.choice(people), "id": number, "version": r.randint(1, 9),
           "effect": rules["effect"] if rules else r.choice(("permit", "deny")),
           "member": r.choice((0, 0, 0, 1, 2)), "rules": rules}
    if r.random() < 0.3:
        out["from"] = START + r.randrange(400) * DAY
    if r.random() < 0.3:
        out["until"] = START + r.randrange(400) * DAY
    if rules and r.random() < 0.02:
        rules.setdefault("when", []).append({"is": "phase-of-the-moon", "any": [["full", ""]]})
    return out


def agreement(r):
    out = {"parties": r.choice(([], [], [1, 2], [1, 3], [1, 2, 3], [0, 2], [0, 3])),
           "purposes": r.choice(([], [], [["TREAT", HL7]], [["HRESCH", HL7], ["ETREAT", HL7]])),
           "classes": r.choice(([], [], [], [["A", "1.5"]], [["A", ""], ["B", "1.6"]]))}
    if r.random() < 0.2:
        out["from"] = START + r.randrange(200) * DAY
    if r.random() < 0.2:
        out["until"] = START + (200 + r.randrange(200)) * DAY
    return out


def domain(r):
    labels = r.sample(LABELS, r.randint(0, 3))
    return {"default": r.choice(("permit", "deny")),
            "majority": r.choice((16, 18, 18, 21)),
            "categories": [[what, *code(r, what), r.choice((12, 14, 16))] for what in
                           r.choice(([], [], ["label"], ["label", "class"], ["event"]))],
            "emergencies": r.choice(([], [["ETREAT", HL7]], [["ETREAT", HL7], ["HRESCH", HL7]])),
            "labels": [[label, r.choice(("deny", "deny", "permit"))] for label in labels],
            "duties": [[label, *r.sample(OBLIGATIONS, r.choice((1, 2)))] for label in r.sample(LABELS, r.randint(0, 2))],
            "agreements": [agreement(r) for _ in range(r.choice((0, 1, 1, 2, 3)))],
            "communities": r.choice(([], [], [3], [2], [2, 3]))}


SCOPES = [None, None, {"effect": "permit", "when": [{"is": "class", "any": [["A", ""]]}]},
          {"effect": "permit", "when": [{"is": "label", "none": [["HIV", ""]]}]},
          {"effect": "permit", "when": [{"is": "purpose", "any": [["TREAT", HL7]]}]}]


def relation(r, number, people):
    out = {"person": r.choice(people), "id": number, "version": r.randint(1, 9), "user": r.choice(USERS),
           "kind": r.choice(("PROXY", "PROXY", "PROXY", "SELF", "CARETEAM")), "minor": r.random() < 0.5,
           "birth": r.choice((20080101, 20080229, 20080615, 20101231, 20120301, 19900101)), "scope": r.choice(SCOPES)}
    if not out["minor"] and r.random() < 0.2:
        out["birth"] = 0
    if r.random() < 0.2:
        out["from"] = START + r.randrange(400) * DAY
    if r.random() < 0.2:
        out["until"] = START + r.randrange(400) * DAY
    return out


def emergency(r, people):
    opened = START + r.randrange(400) * DAY
    return {"person": r.choice(people), "member": r.choice((1, 2)), "user": r.choice(USERS),
            "assertion": r.choice(("a1", "a2")), "opened": opened, "until": opened + r.choice((DAY // 24, 200 * DAY))}


def says(r, kind):
    if kind in (LINK, IDENTITY):
        return {}
    share = 0.7 if kind == ENTRY else 0.15
    out = {what: [code(r, what) for _ in range(r.choice((1, 1, 2)))] for what in OBJECT if r.random() < share}
    for what in ("service", "created"):
        if r.random() < share:
            start = START + r.randrange(400) * DAY
            out[what] = [start, start + r.choice((1, DAY, 60 * DAY))]
    return out


def request(r, people):
    member = None if r.random() < 0.01 else dict(r.choice(MEMBERS))
    if member and r.random() < 0.02:
        member["suspended"] = True
    person = r.random() < 0.6
    kind = r.choice((ENTRY, ENTRY, ENTRY, ENTRY, CONTAINER, LINK, IDENTITY))
    return {"member": member, "user": r.choice(USERS) if person else "",
            "organization": r.choice(("", "1.4")), "assertion": r.choice(("a1", "a2")) if person else "",
            "reason": "unconscious" if r.random() < 0.6 else "",
            "role": r.choice(ROLES) if person else ["system", ""],
            "purpose": r.choice(PURPOSES) if r.random() < 0.95 else ["", ""],
            "at": START + r.randrange(400) * DAY + r.choice((0, 0, 1, DAY - 1)), "kind": kind,
            "source": r.choice((0, 1, 2, 3)), "says": says(r, kind),
            "persons": r.sample(people, r.choice((1, 1, 1, 2, min(3, len(people))))) if r.random() < 0.99 else []}


def case(r, requests):
    people = [1, 2, 3]
    out = {"domain": domain(r), "read": people if r.random() < 0.97 else people[:2],
           "policies": [policy(r, n, people) for n in r.sample(range(1, 5000), r.choice((0, 1, 2, 3, 5, 8)))],
           "relations": [relation(r, n, people) for n in r.sample(range(5000, 9000), r.choice((0, 0, 1, 2, 4)))],
           "emergencies": [emergency(r, people) for _ in range(r.choice((0, 0, 1, 3)))],
           "requests": [request(r, people) for _ in range(requests)]}
    if r.random() < 0.01:
        out["readable"] = False
    return out


def mixed(r, rules):
    if rules is None:
        return None
    out = dict(rules)
    for key in ("when", "except"):
        if key in out:
            out[key] = r.sample(out[key], len(out[key]))
    if "except" in out:
        out["except"] = [mixed(r, e) for e in out["except"]]
    return out


def permuted(r, original):
    """The same said in another order: nothing may be decided otherwise."""
    out = copy.copy(original)
    out["policies"] = [dict(p, rules=mixed(r, p["rules"])) for p in r.sample(original["policies"],
                                                                            len(original["policies"]))]
    d = dict(original["domain"])
    for key in ("relations", "emergencies"):
        out[key] = r.sample(original[key], len(original[key]))
    for key in ("labels", "agreements", "categories", "emergencies"):
        d[key] = r.sample(d[key], len(d[key]))
    out["domain"] = d
    out["requests"] = [dict(q, persons=r.sample(q["persons"], len(q["persons"]))) for q in original["requests"]]
    return out
