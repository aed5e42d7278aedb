"""Who may see what: written from the rules of the reference, slowly, and not from the engine's code.

What is not known (which person asks, what lies in a folder) is not reasoned about: every world that
could be so is tried, and the strictest answer of all worlds counts. A policy is stricter when it
denies than when it says nothing, and when it says nothing than when it permits.
"""
import datetime
import itertools
import json

ENTRY, CONTAINER, LINK, IDENTITY = range(4)
ASKER = {"member", "role", "user", "organization", "purpose", "relation"}
INTERVALS = {"service", "created"}
PERHAPS = None
DENY, SILENT, PERMIT = "deny", "silent", "permit"
STRICTEST = [DENY, SILENT, PERMIT]

# HL7 v3 ActReason, and what others call the same.
HL7 = "2.16.840.1.113883.5.8"
VALUE_SET = "2.16.840.1.113883.1.11.20448"
EXCHANGE = "2.16.840.1.113883.3.18.7.1"
SAME_PURPOSE = {
    (EXCHANGE, "TREATMENT"): "TREAT", (EXCHANGE, "PAYMENT"): "HPAYMT", (EXCHANGE, "OPERATIONS"): "HOPERAT",
    (EXCHANGE, "PUBLICHEALTH"): "PUBHLTH", (EXCHANGE, "EMERGENCY"): "ETREAT", (EXCHANGE, "RESEARCH"): "HRESCH",
}
RESEARCH = {"BIORCH", "CLINTRCH", "CLINTRCHNPC", "CLINTRCHPC", "DSRCH", "POARCH", "PRECLINTRCH", "TRANSRCH"}


def purpose(code, system):
    """One name for a purpose, whatever network speaks."""
    system = system.removeprefix("urn:oid:")
    if system in ("", VALUE_SET, HL7):
        return code, HL7
    return (SAME_PURPOSE[system, code], HL7) if (system, code) in SAME_PURPOSE else (code, system)


def speaks_of(named, asked):
    return named == asked or (named == ("HRESCH", HL7) and asked[1] == HL7 and asked[0] in RESEARCH)


def same(named, found):
    return named[0] == found[0] and named[1] in ("", found[1])


def at(text):
    """Instants of rules are kept as 2026-01-01T00:00:00.000000Z; the requests' are microseconds."""
    import datetime
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)


def bounds(condition):
    return (at(condition["from"]) if "from" in condition else -1 << 63,
            at(condition["until"]) if "until" in condition else (1 << 63) - 1)


# --- conditions: true, false, or perhaps

def asker_says(request, what):
    """Proven values of the asker; PERHAPS where nothing is proven."""
    m = request["member"]
    if what == "member":
        return [(m["name"], "")]
    if what == "organization":
        return [(request["organization"] or m["organization"], "")]
    if what == "purpose":
        return [purpose(*request["purpose"])] if request["purpose"][0] else PERHAPS
    if what == "role":
        return [tuple(request["role"])] if request["assertion"] and request["role"][0] else PERHAPS
    if what == "user":
        return [(request["user"], "")] if request["user"] else PERHAPS
    if what == "relation":
        return [(w, "") for w in sorted(request["relations"])] if request["user"] else PERHAPS
    return PERHAPS


def found(condition, values):
    named = [tuple(v) for v in condition.get("any", condition.get("none"))]
    if condition["is"] == "purpose":
        return any(speaks_of(purpose(*n), v) for n in named for v in values)
    return any(same(n, v) for n in named for v in values)


def holds(condition, effect, request):
    what, kind = condition["is"], request["kind"]
    negated = "none" in condition or condition.get("outside", False)
    if what == "instant":
        start, end = bounds(condition)
        return (start <= request["at"] < end) != negated
    if what in ASKER:
        values = asker_says(request, what)
        if what == "relation":
            named = {tuple(v) for v in condition.get("any", condition.get("none"))}
            met = values is not PERHAPS and bool(named & set(values))
            if not met and (values is PERHAPS or named - {("SELF", ""), ("PROXY", ""), ("CARETEAM", "")}):
                return PERHAPS  # of a word that the hub does not record nobody knows
            return met != negated
        return PERHAPS if values is PERHAPS else found(condition, values) != negated
    if kind in (IDENTITY, LINK):  # rules about documents reach them only by "everything but"
        return negated and effect == PERMIT
    if what in INTERVALS:
        said = request["says"].get(what)
        if said is None:
            return PERHAPS
        start, end = bounds(condition)
        if said[1] <= start or end <= said[0]:
            return negated
        return not negated if start <= said[0] and said[1] <= end else PERHAPS
    values = [tuple(v) for v in request["says"].get(what, [])]
    if kind == CONTAINER and not values:
        return PERHAPS
    return found(condition, values) != negated


# --- one policy, in every world

def settle(rule, request, unknown):
    """The tree with each rule true, false, or the number of an unknown. A rule that is false in every
    world goes, and its exceptions with it."""
    known = [holds(c, rule["effect"], request) for c in rule.get("when", [])]
    if False in known:
        return None
    number = None
    if PERHAPS in known:
        number = len(unknown)
        unknown.append(number)
    exceptions = [settle(e, request, unknown) for e in rule.get("except", [])]
    return rule, number, [e for e in exceptions if e is not None]


def in_world(node, world):
    """(what is said, the rules that say it)"""
    rule, number, exceptions = node
    if number is not None and not world[number]:
        return SILENT, []
    said = [in_world(e, world) for e in exceptions]
    for effect in (DENY, PERMIT):
        rules = [r for s, rs in said if s == effect for r in rs]
        if rules:
            return effect, rules
    return rule["effect"], [rule]


def tree_says(rule, request):
    """(effect, overridable, obligations)"""
    unknown = []
    node = settle(rule, request, unknown)
    if node is None:
        return SILENT, False, set()
    worlds = [in_world(node, w) for w in itertools.product((False, True), repeat=len(unknown))]
    effect = min((w[0] for w in worlds), key=STRICTEST.index)
    if effect == DENY:
        return DENY, all(r.get("overridable", False) for s, rs in worlds if s == DENY for r in rs), set()
    certain = worlds[0]  # where nothing that is unknown holds
    return effect, False, {o for r in certain[1] for o in r.get("obligations", [])} if effect == PERMIT else set()


def policy_says(policy, request):
    if policy["member"] not in (0, request["member"]["id"]):
        return SILENT, False, set()
    if not policy.get("from", -1 << 63) <= request["at"] < policy.get("until", 1 << 63):
        return SILENT, False, set()
    if policy["rules"] is None:
        return policy["effect"], False, set()
    if not readable(policy["rules"]):
        return DENY, False, set()
    return tree_says(policy["rules"], request)


def readable(rule):
    known = ASKER | INTERVALS | {"instant", "document", "class", "type", "format", "event", "label", "facility",
                                 "practice", "author", "author-organization", "publisher"}
    return (set(rule) <= {"effect", "when", "overridable", "obligations", "except"}
            and all(c["is"] in known for c in rule.get("when", []))
            and all(readable(e) for e in rule.get("except", [])))


# --- the layers

REGION = 0  # as a party: every member that is no community


def agreed(domain, request):
    for g in domain["agreements"]:
        parties = {request["member"]["id"], request["source"]}
        named = set(g["parties"]) or {REGION}
        unnamed = parties - named
        if unnamed and (REGION not in named or unnamed & set(domain["communities"])):
            continue
        if not g.get("from", -1 << 63) <= request["at"] < g.get("until", 1 << 63):
            continue
        asked = purpose(*request["purpose"])
        if g["purposes"] and not any(speaks_of(tuple(p), asked) for p in g["purposes"]):
            continue
        if not g["classes"] or request["kind"] in (IDENTITY, LINK):
            return True
        of = [tuple(c) for c in request["says"].get("class", [])]
        if request["kind"] == ENTRY and any(same(tuple(c), of[0]) for c in g["classes"] if of):
            return True
    return False


def by_default(domain, request):
    """A default of a sensitivity speaks before the general one; a denial among them wins."""
    labels = {v[0] for v in request["says"].get("label", [])} if request["kind"] == ENTRY else set()
    effects = [e for label, e in domain["labels"]
               if label in labels or (request["kind"] == CONTAINER and e == DENY)]
    if effects:
        effect = DENY if DENY in effects else PERMIT
        return effect, "sensitivity-default"
    return domain["default"], "domain-default"


def duties_of(domain, request):
    """What goes with the labels of a document that another published."""
    labels = {v[0] for v in request["says"].get("label", [])}
    if request["kind"] != ENTRY or request["source"] == request["member"]["id"]:
        return frozenset()
    return frozenset(word for label, *words in domain["duties"] if label in labels for word in words)


# --- people

def birthday(birth, years):
    """The instant at which somebody has lived so many years: born on a leap day, on 1 March of others."""
    year, month, day = birth // 10000 + years, birth // 100 % 100, birth % 100
    try:
        date = datetime.date(year, month, day)
    except ValueError:
        date = datetime.date(year, 3, 1)
    return (date - datetime.date(1970, 1, 1)) // datetime.timedelta(days=1) * 86_400_000_000


def in_force(domain, relation, request):
    if not relation.get("from", -1 << 63) <= request["at"] < relation.get("until", 1 << 63):
        return False
    return not relation["minor"] or request["at"] < birthday(relation["birth"], domain["majority"])


def relations_of(case, person, request):
    return [r for r in case["relations"] if r["person"] == person and request["user"] and r["user"] == request["user"]]


def keeps(domain, relation, request):
    """Does the adolescent keep this from whoever represents?"""
    if request["kind"] not in (ENTRY, CONTAINER) or not relation["birth"]:
        return False
    if request["at"] >= birthday(relation["birth"], domain["majority"]):
        return False
    return any(request["at"] >= birthday(relation["birth"], age) and
               (request["kind"] == CONTAINER or
                any(same((code, system), tuple(v)) for v in request["says"].get(what, [])))
               for what, code, system, age in domain["categories"])


def representation(case, person, request):
    """(effect, rule, the relation that is named), or None where nobody represents anybody"""
    said = []
    for r in relations_of(case, person, request):
        if r["kind"] == "CARETEAM":
            continue
        if not in_force(case["domain"], r, request):
            said.append((2, DENY, "relation-ended", r["id"]))
        elif r["kind"] == "SELF":
            said.append((1, PERMIT, "self", r["id"]))
        elif keeps(case["domain"], r, request):
            said.append((0, DENY, "minor-confidential", r["id"]))
        elif (r["scope"] is None or request["kind"] in (IDENTITY, LINK)
              or tree_says(r["scope"], request)[0] == PERMIT):
            said.append((1, PERMIT, "proxy", r["id"]))
        else:
            said.append((2, DENY, "proxy-scope", r["id"]))
    if not said:
        return None
    first = min(s[0] for s in said)
    return min((s for s in said if s[0] == first), key=lambda s: s[3])[1:]


def breaks_glass(case, request):
    """May this asker open what is overridable, of any of these persons?"""
    asked = purpose(*request["purpose"])
    if not (request["user"] and request["assertion"]):
        return False
    if not any(speaks_of(tuple(p), asked) for p in case["domain"]["emergencies"]):
        return False
    mine = [e for e in case["emergencies"] if e["person"] in request["persons"] and e["user"] == request["user"]
            and e["member"] == request["member"]["id"]]
    if any(e["opened"] <= request["at"] < e["until"] for e in mine):
        return True
    return bool(request["reason"]) and not any(e["assertion"] == request["assertion"] for e in mine)


def decide_one(case, person, request):
    """(effect, rule, policies that may be named, overridable, obligations)"""
    own = request["source"] != 0 and request["source"] == request["member"]["id"]
    if person not in case["read"]:
        return DENY, "unreadable", {0}, False, set()
    if request["source"] != 0 and not own and not agreed(case["domain"], request):
        return DENY, "no-agreement", {0}, False, set()
    request = dict(request, relations={r["kind"] for r in relations_of(case, person, request)
                                       if in_force(case["domain"], r, request)})
    standing = representation(case, person, request)
    said = [(p["id"], *policy_says(p, request)) for p in case["policies"] if p["person"] == person]
    denials = [s for s in said if s[1] == DENY]
    permits = [s for s in said if s[1] == PERMIT]
    if denials:
        beyond = standing is not None and standing[0] == DENY
        return (DENY, "patient-deny", {min(s[0] for s in denials)}, all(s[2] for s in denials) and not beyond,
                set())
    if standing is not None and standing[0] == DENY:
        return DENY, standing[1], {standing[2]}, False, set()
    if permits:
        return PERMIT, "patient-permit", {min(s[0] for s in permits)}, False, set().union(*(s[3] for s in permits))
    if own:
        return PERMIT, "own-object", {0}, False, set()
    if standing is not None:
        return PERMIT, standing[1], {standing[2]}, False, set()
    effect, rule = by_default(case["domain"], request)
    return effect, rule, {0}, effect == DENY, set()


def decide(case, request):
    """(effect, (rule, policy) pairs that may be named, overridable, obligations, whether the glass is broken)

    Of broken glass the pairs are those of the denial that it opens."""
    out = without_emergency(case, request)
    if out[0] == DENY and out[2] and breaks_glass(case, request):
        return PERMIT, out[1], False, duties_of(case["domain"], request), True
    if out[0] == PERMIT:
        return *out[:3], out[3] | duties_of(case["domain"], request), False
    return *out, False


def without_emergency(case, request):
    if not case.get("readable", True):
        return DENY, {("unreadable", 0)}, False, frozenset()
    if request["member"] is None or request["member"]["suspended"]:
        return DENY, {("member-standing", 0)}, False, frozenset()
    if not request["persons"]:
        return DENY, {("no-person", 0)}, False, frozenset()
    each = [decide_one(case, p, request) for p in request["persons"]]
    denials = [d for d in each if d[0] == DENY]
    overridable = bool(denials) and all(d[3] for d in denials)
    deciding = [d for d in denials if d[3] == overridable] or each
    obligations = frozenset() if denials else frozenset().union(*(d[4] for d in each))
    return DENY if denials else PERMIT, {(d[1], i) for d in deciding for i in d[2]}, overridable, obligations


def check(case, request, line):
    """What is wrong with the engine's decision, or None."""
    effect, named, overridable, obligations, broken = decide(case, request)
    e, rule, policy, _, over, duties, overrode = line
    if (rule == "break-glass") != broken:
        return f"decided by {rule}, expected {'broken glass' if broken else sorted(named)}"
    rule = overrode if broken else rule
    if e != effect:
        return f"effect {e} ({rule}), expected {effect} {sorted(named)}"
    if (rule, policy) not in named:
        return f"decided by {rule} {policy}, expected one of {sorted(named)}"
    if e == DENY and over != overridable:
        return f"overridable {over}, expected {overridable}"
    if e == PERMIT and set(duties) != obligations:
        return f"obligations {duties}, expected {sorted(obligations)}"
    return None


def dumps(case):
    return json.dumps(case, separators=(",", ":"))
