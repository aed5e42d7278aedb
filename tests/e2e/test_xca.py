"""Asking other communities (ITI-18 and ITI-43 at /xca/ig): against communities of the test's own,
which know their patients and documents from lists and answer well or badly."""
import contextlib
import json
import random
import re
import time

import psycopg2
import pytest
from lxml import etree

from hospital import saml, soap, xds
from hospital.hub import HOME, eventually
from hospital.community import ITI38, ITI39, ITI80, Community, Person as Stranger
from people import Person, cda

PLQ = "urn:ihe:iti:xcpd:2009"
SETTINGS = {"community_soft_ms": 60000, "community_hard_ms": 60000, "community_leave_alone_ms": 10000,
            "health_data_locator": "on", "max_results": 40, "rediscovery_purpose": "TREAT"}


class Region:
    """A hub with a hospital, and two communities that know the same patient."""

    def __init__(self, hub, lakeside):
        self.hub, self.lakeside = hub, lakeside
        self.aurora = self.add("aurora", "2.16.840.1.1")
        self.borealis = self.add("borealis", "2.16.840.1.2")
        self.communities, self.hurried = [self.aurora, self.borealis], []

    def add(self, name, home):
        identity = self.hub.authority.issue(name, server=True)
        community = Community(name, home, home + ".5", identity, self.hub.ca)
        community.identity = identity
        self.hub.run("member", "add", name, "--organization", home, "--authority", home + ".5",
                     "--cert", identity.certificate)
        self.hub.run("community", "add", name, "--home", home,
                     *(x for s in ("query", "retrieve", "discovery", "provide") for x in (f"--{s}", f"{community.url}/{s}")))
        self.hub.run("member", "agreement", "add", name, "--all", "--party", name)
        return community

    def patient(self, *communities):
        """A patient of Lakeside, whom these communities know too; with a document in each."""
        p = Person(self.lakeside)
        p.resolve(self.lakeside)
        p.entries = {"here": xds.Entry(p.xad, cda(f"here {p.serial}"), title="here")}
        assert self.lakeside.provide(xds.Submission(p.xad, list(p.entries.values()))).ok
        for c in communities:
            number = f"{c.name[0].upper()}-{p.serial}"
            c.patients[number] = Stranger(p.family, p.given, p.birth, "F")
            p.entries[c.name] = c.publish(number, cda(f"{c.name} {p.serial}"), title=c.name)
        return p

    def call(self, path, action, body, **options):
        return xds.Response(self.lakeside.link.call(path, action, body, **options))

    def query(self, body):
        return self.call("/xca/ig/query", xds.ITI18, body)

    def retrieve(self, *wanted):
        """Each (repository, unique id, home)."""
        body = xds.retrieve([(r, u) for r, u, _ in wanted])
        for request, (_, _, home) in zip(body, wanted):
            if home:
                element = soap.etree.Element(f"{{{xds.XDSB}}}HomeCommunityId")
                element.text = home
                request.insert(0, element)
        return self.call("/xca/ig/retrieve", xds.ITI43, body, mtom=True)

    def find(self, p, **options):
        return self.query(xds.find_documents(p.xad, **options))

    def hurry(self, community):
        """Waits two seconds for this one alone: the others may be slow because the machine is."""
        self.hub.run("community", "quirk", community.name, "add", "soft-ms", "--value", 2000)
        self.hurried.append(community)

    def reset(self):
        while self.hurried:
            self.hub.run("community", "quirk", self.hurried.pop().name, "remove", "soft-ms")
        for c in self.communities:
            c.asked.clear()
            c.mend, c.head = (lambda kind, text: text), (lambda kind, fields: fields)
            c.delay, c.hangs, c.inline, c.time_to_live = 0.0, False, False, "P7D"


@pytest.fixture(scope="module")
def world(hub, lakeside):
    region = Region(hub, lakeside)
    yield region
    for c in region.communities:
        c.close()


@pytest.fixture
def region(world):
    world.reset()
    yield world
    world.reset()


def rows(hub, statement, *values):
    """What a statement of the database's owner gives, or how many rows it touches."""
    connection = psycopg2.connect(f"{hub.database} user=causeway_owner")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else cursor.rowcount
    finally:
        connection.close()


def titles(response):
    return sorted(e.title for e in response.entries)


def errors_at(response):
    return sorted((e.code, e.location) for e in response.errors)


def test_a_query_is_answered_from_everyone_who_knows_the_patient(region):
    p = region.patient(region.aurora, region.borealis)
    answer = region.find(p)
    assert answer.status == xds.SUCCESS, answer
    assert titles(answer) == ["aurora", "borealis", "here"]
    homes = {e.title: e.element.get("home") for e in answer.entries}
    assert homes["aurora"] == f"urn:oid:{region.aurora.home}"
    assert homes["borealis"] == f"urn:oid:{region.borealis.home}"
    asked = region.aurora.asked[-1][1]
    assert asked.find(f"{{{xds.RIM}}}AdhocQuery").get("home") == f"urn:oid:{region.aurora.home}"
    assert region.aurora.cx(f"A-{p.serial}") in "".join(asked.itertext())
    assert p.xad not in "".join(asked.itertext())


def test_who_a_patient_is_elsewhere_is_asked_again_only_when_it_has_expired(region):
    p = region.patient(region.aurora)
    region.find(p)
    region.find(p)
    assert [a == ITI38 for a, _ in region.aurora.asked] == [False, True, True]
    region.aurora.time_to_live = None
    q = region.patient(region.aurora)
    region.aurora.asked.clear()
    region.find(q)
    region.find(q)
    assert [a == ITI38 for a, _ in region.aurora.asked] == [False, True, False, True]


def test_a_question_who_a_patient_is_has_the_shape_that_the_profile_wants(region, data):
    folder = data("ihe/schemas/hl7v3/schema/HL7V3/NE2008/multicacheschemas")
    p = region.patient(region.aurora)
    p.feed(region.lakeside, "A08", phone="^PRN^PH^^^217^5550001~^PRN^PH^^^217^5550002",
           address="1 Elm St^^Springfield^IL^62701^US~2 Oak St^^Springfield^IL^62701^US")
    region.find(p)
    action, body = region.aurora.asked[0]
    root = etree.fromstring(etree.tostring(body))
    etree.XMLSchema(etree.parse(f"{folder}/PRPA_IN201305UV02.xsd")).assertValid(root)
    assert action == "urn:hl7-org:v3:PRPA_IN201305UV02:CrossGatewayPatientDiscovery"

    def all_of(path):
        return root.xpath(path, namespaces={"v": "urn:hl7-org:v3"})
    asked = "/*/v:controlActProcess/v:queryByParameter"
    assert all_of("/*/v:controlActProcess/@moodCode") == ["EVN"] and all_of("/*/v:acceptAckCode/@code") == ["AL"]
    assert all_of(f"{asked}/v:responsePriorityCode/@code") == ["I"]
    assert all_of(f"{asked}/v:responseModalityCode/@code") == ["R"]
    author = "/*/v:controlActProcess/v:authorOrPerformer"
    assert all_of(f"{author}/@typeCode") == ["AUT"]
    assert all_of(f"{author}/v:assignedDevice/v:id/@root") == [region.hub.xad_authority]
    assert not all_of(f"{author}/v:assignedDevice/v:id/@extension")
    assert (region.hub.xad_authority, p.xad.split("^")[0]) in [
        (v.get("root"), v.get("extension")) for v in all_of(f"{asked}//v:livingSubjectId/v:value")]
    assert all_of("/*/v:sender/v:device/v:asAgent/v:representedOrganization/v:id/@root") == [HOME]
    assert [len(all_of(f"{asked}//v:{name}")) for name in ("patientAddress", "patientTelecom")] == [1, 1]
    assert [len(all_of(f"{asked}//v:{name}/v:value")) for name in ("patientAddress", "patientTelecom")] == [2, 2]


def runs_out(region, *patients, used_days=0):
    """What Aurora said of these runs out soon; nobody has looked yet, and somebody will now. Who is at it already
    is not disturbed: what it learns would be dropped."""
    assert rows(region.hub, "UPDATE community_correlation SET asked_at = now() - interval '6 days',"
                " expires_at = now() + interval '30 minutes', again_at = '-infinity',"
                " used_at = now() - make_interval(days => %s) WHERE patient_id = ANY(%s)",
                used_days, [f"A-{p.serial}" for p in patients]) == len(patients)
    rows(region.hub, "UPDATE community_chore SET due_at = '-infinity' WHERE name = 'rediscover' AND owner IS NULL")


def lasts(region, p):
    """Does what Aurora said of them last for days? And has the hub tried by itself to make it so?"""
    return rows(region.hub, "SELECT expires_at > now() + interval '5 days', again_at > now() FROM community_correlation"
                " WHERE patient_id = %s", f"A-{p.serial}")[0]


def times_asked(region, p):
    return sum(p.family in "".join(body.itertext()) for action, body in region.aurora.asked if action not in (ITI38, ITI39))


def is_idle(region):
    return rows(region.hub, "SELECT owner IS NULL FROM community_chore WHERE name = 'rediscover'")[0][0]


def test_who_a_patient_is_elsewhere_is_asked_again_before_it_runs_out(region):
    p, denied, forgotten = (region.patient(region.aurora) for _ in range(3))
    for patient in (p, denied, forgotten):
        region.find(patient)
    region.hub.run("consent", "set", "--patient", denied.xad, "--deny", "--member", "aurora")
    region.aurora.asked.clear()
    before = region.hub.metric("causeway_community_asked_again_total")
    runs_out(region, forgotten, used_days=31)
    runs_out(region, p, denied)
    eventually(lambda: lasts(region, p) == (True, False), "it has not asked again")
    eventually(lambda: lasts(region, denied) == (False, True) and is_idle(region), "nobody looked at the denial")
    assert lasts(region, forgotten) == (False, False)
    assert [times_asked(region, x) for x in (p, denied, forgotten)] == [1, 0, 0]
    assert region.hub.metric("causeway_community_asked_again_total") == before + 1
    row, = [r for r in region.hub.audit(transaction="ITI-55", patient=p.xad, limit=20) if r["purpose"] == "TREAT"][-1:]
    assert (row["event"], row["outcome"], row["role"], row["member"]["id"]) == ("110112", 0, "system", 0)
    region.find(p)
    assert times_asked(region, p) == 1


def test_a_community_that_does_not_answer_is_not_asked_again_at_once_and_nothing_is_lost(region):
    p = region.patient(region.aurora)
    region.find(p)
    region.aurora.asked.clear()
    region.aurora.mend = lambda kind, text: (500, "sorry")
    runs_out(region, p)
    eventually(lambda: times_asked(region, p) > 0 and is_idle(region), "it has not asked again")
    assert lasts(region, p) == (False, True)
    region.aurora.mend = lambda kind, text: text
    assert titles(region.find(p)) == ["aurora", "here"]


def test_one_hub_of_several_asks_again(region, make_hub):
    twin = make_hub("xca-twin", twin=region.hub)
    people = [region.patient(region.aurora) for _ in range(20)]
    for p in people:
        region.find(p)
    region.aurora.asked.clear()
    runs_out(region, *people)
    eventually(lambda: all(lasts(region, p)[0] for p in people), "it has not asked again")
    twin.stop()
    assert [times_asked(region, p) for p in people] == [1] * 20


def test_what_is_out_of_date_of_a_community_is_forgotten_after_a_while(region):
    p, q = region.patient(region.aurora), region.patient(region.aurora)
    for patient in (p, q):
        region.find(patient)
    mine, others = f"A-{p.serial}", f"A-{q.serial}"

    def known(number):
        return (rows(region.hub, "SELECT count(*) FROM community_correlation WHERE patient_id = %s", number)[0][0],
                rows(region.hub, "SELECT count(*) FROM community_patient WHERE patient_id = %s", number)[0][0],
                rows(region.hub, "SELECT count(*) FROM community_document WHERE position(%s IN entry) > 0", number)[0][0])
    assert known(mine) == known(others) == (1, 1, 1)
    before = region.hub.metric("causeway_community_rows_pruned_total")
    for number, days in ((mine, 31), (others, 29)):
        for table in ("community_correlation", "community_patient"):
            assert rows(region.hub, f"UPDATE {table} SET expires_at = now() - make_interval(days => %s)"
                        " WHERE patient_id = %s", days, number) == 1
        assert rows(region.hub, "UPDATE community_document SET seen_at = now() - make_interval(days => %s)"
                    " WHERE position(%s IN entry) > 0", days + 1, number) == 1
    rows(region.hub, "UPDATE community_chore SET due_at = '-infinity' WHERE name = 'prune'")
    eventually(lambda: known(mine) == (0, 0, 0), "what is out of date is still there")
    assert known(others) == (1, 1, 1)
    eventually(lambda: region.hub.metric("causeway_community_rows_pruned_total") == before + 3, "the metric")
    assert titles(region.find(p)) == ["aurora", "here"]


def test_documents_come_from_where_they_lie(region):
    p = region.patient(region.aurora, region.borealis)
    found = region.find(p).entries
    wanted = [(e.repository, e.unique_id, e.element.get("home")) for e in found]
    answer = region.retrieve(*wanted)
    assert answer.status == xds.SUCCESS, answer
    assert {d.unique_id: d.content for d in answer.documents} == {
        e.unique_id: e.content for e in p.entries.values()}
    assert region.aurora.count(ITI39) == region.borealis.count(ITI39) == 1


def test_a_document_that_no_query_has_shown_is_asked_about_before_it_is_fetched(region):
    p = region.patient(region.aurora)
    region.find(p)
    entry = region.aurora.publish(f"A-{p.serial}", cda("unseen"))
    region.aurora.asked.clear()
    home = f"urn:oid:{region.aurora.home}"
    answer = region.retrieve((region.aurora.repository, entry.unique_id, home))
    assert answer.status == xds.SUCCESS, answer
    assert [a for a, _ in region.aurora.asked] == [ITI38, ITI39]
    answer = region.retrieve((region.aurora.repository, "1.2.3.4.5.6", home))
    assert errors_at(answer) == [("XDSDocumentUniqueIdError", f"1.2.3.4.5.6 {home}")]
    assert region.aurora.count(ITI39) == 1


def test_what_a_community_says_of_a_document_is_told_of_it_and_never_credited_to_another(region):
    p = region.patient(region.aurora)
    entry = next(e for e in region.find(p).entries if e.title == "aurora")
    uid, home = entry.unique_id, f"urn:oid:{region.aurora.home}"
    del region.aurora.contents[uid]

    def told(location):
        region.aurora.mend = lambda kind, text: re.sub('location="[^"]*"', f'location="{location}"', text)
        return errors_at(region.retrieve((entry.repository, uid, home)))
    for location in (uid, f"{uid} {home}", f"{home} {uid}"):
        assert told(location) == [("XDSDocumentUniqueIdError", f"{uid} {home}")]
    assert told(f"{uid} urn:oid:{region.borealis.home}") == [("XDSMissingHomeCommunityId", f"{uid} {home}")]


def test_what_the_patient_denies_here_is_not_shown_from_elsewhere_nor_fetched(region):
    p = region.patient(region.aurora)
    found = region.find(p).entries
    region.hub.run("consent", "set", "--patient", p.xad, "--deny")
    assert region.find(p).entries == []
    region.aurora.asked.clear()
    answer = region.retrieve(*[(e.repository, e.unique_id, e.element.get("home")) for e in found])
    assert answer.status == xds.FAILURE and not answer.documents
    assert region.aurora.count(ITI39) == 0


def test_records_of_a_retrieval_are_counted_as_the_profile_counts_them(region):
    p = region.patient(region.aurora, region.borealis)
    found = region.find(p).entries
    before = {r["id"] for r in region.hub.audit()}
    region.retrieve(*[(e.repository, e.unique_id, e.element.get("home")) for e in found])
    rows = [r for r in region.hub.audit() if r["id"] not in before and r["transaction"] != "ITI-81"]
    assert sorted(r["transaction"] for r in rows) == ["ITI-39", "ITI-39", "ITI-43", "ITI-43"], rows


def test_records_of_a_query_are_counted_as_the_profile_counts_them(region):
    """The caller's, and the local registry's as its consumer; each community asked who it is, and what it has."""
    p = region.patient(region.aurora, region.borealis)
    before = {r["id"] for r in region.hub.audit()}
    region.find(p)
    rows = [r for r in region.hub.audit() if r["id"] not in before and r["transaction"] != "ITI-81"]
    assert sorted(r["transaction"] for r in rows) == ["ITI-18"] * 2 + ["ITI-38"] * 2 + ["ITI-55"] * 2, rows


@pytest.mark.parametrize("break_it, code", [
    (lambda c: setattr(c, "hangs", True), "XDSUnavailableCommunity"),
    (lambda c: setattr(c, "mend", lambda kind, text: text if kind == "discovery" else
                       text.replace(f"urn:oid:{c.home}", "urn:oid:2.16.840.1.999")), "XDSMissingHomeCommunityId"),
    (lambda c: setattr(c, "mend", lambda kind, text: text if kind == "discovery" else
                       text.replace(f' home="urn:oid:{c.home}"', "")), "XDSMissingHomeCommunityId"),
    (lambda c: setattr(c, "mend", lambda kind, text: text if kind == "discovery" else ""), "XDSUnavailableCommunity"),
    (lambda c: setattr(c, "mend", lambda kind, text: text if kind == "discovery" else "<broken"),
     "XDSUnavailableCommunity"),
    (lambda c: setattr(c, "mend", lambda kind, text: text if kind == "discovery" else (500, "sorry")),
     "XDSUnavailableCommunity"),
], ids=["hangs", "lies about its home", "names no home", "empty", "no XML", "HTTP 500"])
def test_a_community_that_fails_is_named_and_the_others_are_answered(region, break_it, code):
    p = region.patient(region.aurora, region.borealis)
    region.find(p)
    break_it(region.aurora)
    if region.aurora.hangs:
        region.hurry(region.aurora)
    began = time.monotonic()
    answer = region.find(p)
    assert time.monotonic() - began < 30  # which is half of community_hard_ms
    assert answer.status == xds.PARTIAL, answer
    assert titles(answer) == ["borealis", "here"]
    assert [e.code for e in answer.errors] == [code], answer
    assert region.aurora.home in answer.errors[0].context


@pytest.mark.parametrize("kind", ["discovery", "query"])
def test_a_community_that_names_things_without_end_costs_the_others_nothing(region, kind):
    p = region.patient(region.aurora, region.borealis)
    long = "".join(f"{random.getrandbits(64):020}" for _ in range(1000))  # more than an index takes, compressed too
    if kind == "query":
        region.find(p)
    before = rf'(extension=")A-{p.serial}' if kind == "discovery" else \
        f'(identificationScheme="{xds.ENTRY_UNIQUE}"[^>]* value=")[^"]*'
    region.aurora.mend = lambda what, text: re.sub(before, rf"\g<1>{long}", text) if what == kind else text
    answer = region.find(p)
    assert answer.status == xds.PARTIAL, answer
    assert titles(answer) == ["borealis", "here"]
    assert {region.aurora.home in e.context for e in answer.errors} == {True}


def test_what_an_emergency_saw_before_it_was_rolled_back_hides_no_later_denial(region):
    """Breaking glass moves the patient's epoch; rolled back, that epoch is another change's."""
    p, hub, issuer = region.patient(region.aurora), region.hub, "https://sts.lakeside.example/emergency"
    sts = saml.Provider(hub.folder / "sts-emergency", issuer, audience=f"urn:oid:{HOME}")
    hub.run("member", "idp", "add", "lakeside", "--issuer", issuer, "--cert", sts.key.certificate)
    hub.run("consent", "emergency", "add", "ETREAT", "--minutes", 30, "--review-hours", 24)
    region.find(p)
    deny = ("consent", "set", "--patient", p.xad, "--deny", "--member", "lakeside")
    hub.run(*deny, "--overridable")
    hub.await_members()

    def in_emergency():
        purpose = saml.coded("PurposeOfUse", ("ETREAT", "2.16.840.1.113883.5.8"))
        saml.element(purpose, saml.HL7, "originalText", "unconscious")
        assertion = sts.assertion(user="anna", organization=region.lakeside.organization, purpose=purpose)
        return region.call("/xca/ig/query", xds.ITI18, xds.find_documents(p.xad), headers=[saml.security(assertion)])

    one = list(region.aurora.entries)
    for i in range(45):
        region.aurora.publish(f"A-{p.serial}", cda(f"many {i}"), title="many")
    assert [e.code for e in in_emergency().errors] == ["XDSTooManyResults"]
    region.aurora.entries[:] = one
    hub.run(*deny)
    assert titles(in_emergency()) == []


# --- who is it there? ------------------------------------------------------------------------------

def tasks_of(region):
    return [t for t in region.hub.json("mpi", "task", "list")["tasks"] if t["kind"] == "foreign_match"]


def test_several_matches_become_a_stewards_task_and_are_used_for_nothing(region):
    p = region.patient(region.aurora)
    region.aurora.patients[f"B-{p.serial}"] = Stranger(p.family, p.given, p.birth, "F")
    before = len(tasks_of(region))
    answer = region.find(p)
    assert answer.status == xds.SUCCESS and titles(answer) == ["here"]
    assert len(tasks_of(region)) == before + 1
    region.find(p)
    assert len(tasks_of(region)) == before + 1
    assert region.aurora.count(ITI38) == 0


def test_somebody_else_becomes_a_stewards_task_and_is_used_for_nothing(region):
    p = region.patient(region.aurora)
    region.aurora.mend = lambda kind, text: text.replace(p.family, "Zzyzx") if kind == "discovery" else text
    before = len(tasks_of(region))
    assert titles(region.find(p)) == ["here"]
    assert len(tasks_of(region)) == before + 1


def test_no_more_is_told_of_a_patient_than_the_community_may_see(region):
    p = region.patient(region.aurora)
    region.hub.run("consent", "set", "--patient", p.xad, "--deny", "--member", "aurora")
    assert titles(region.find(p)) == ["here"]
    assert region.aurora.asked == []


def test_objects_of_a_patient_whom_nobody_asked_about_are_left_out_and_told(region):
    p, other = region.patient(region.aurora), region.patient(region.aurora)
    region.find(p)
    region.aurora.mend = lambda kind, text: text.replace(f">A-{p.serial}^", f">A-{other.serial}^").replace(
        f"A-{p.serial}^", f"A-{other.serial}^") if kind == "query" else text
    answer = region.find(p)
    assert answer.status == xds.PARTIAL and titles(answer) == ["here"]
    assert region.aurora.home in answer.errors[0].context


# --- how it is asked -------------------------------------------------------------------------------

def test_a_query_by_id_goes_to_the_community_that_it_names_alone(region):
    p = region.patient(region.aurora, region.borealis)
    region.find(p)
    region.borealis.asked.clear()
    body = xds.get_documents([p.entries["aurora"].unique_id])
    answer = region.query(body)
    assert answer.codes == ["XDSMissingHomeCommunityId"]
    body[-1].set("home", f"urn:oid:{region.aurora.home}")
    answer = region.query(body)
    assert answer.status == xds.SUCCESS and titles(answer) == ["aurora"], answer
    assert region.borealis.asked == []
    body[-1].set("home", "urn:oid:2.16.840.1.999")
    assert region.query(body).codes == ["XDSUnknownCommunity"]


def test_references_are_told_of_what_may_be_seen_alone(region):
    p = region.patient(region.aurora)
    answer = region.find(p, return_type="ObjectRef")
    assert answer.status == xds.SUCCESS and len(answer.refs) == 2 and not answer.entries


def test_the_request_can_be_followed_to_the_other_hub(region):
    p = region.patient(region.aurora)
    region.find(p)
    ids = {f["x-request-id"] for f in region.aurora.fields[-2:]}
    assert len(ids) == 1
    region.hub.await_log(ids.pop())  # its line comes after the answer


def test_a_busy_community_is_asked_again(region):
    p = region.patient(region.aurora)
    region.find(p)
    busy = iter([True, True, False])
    region.aurora.mend = lambda kind, text: (503, "busy") if next(busy, False) else text
    answer = region.find(p)
    assert answer.status == xds.SUCCESS and titles(answer) == ["aurora", "here"]


def test_a_community_that_failed_five_times_is_left_alone_and_then_probed(region):
    p = region.patient(region.aurora)
    region.find(p)
    region.aurora.mend = lambda kind, text: (502, "away")
    for _ in range(5):
        assert region.find(p).status == xds.PARTIAL
    asked = len(region.aurora.asked)
    answer = region.find(p)
    assert answer.status == xds.PARTIAL and "left alone" in answer.errors[0].context
    assert len(region.aurora.asked) == asked
    assert region.hub.metric("causeway_community_breaker", community="aurora") == 1
    region.reset()
    eventually(lambda: region.find(p).status == xds.SUCCESS, "it is not probed")


def test_documents_whose_bytes_are_not_what_their_entry_says_are_not_passed_on(region):
    p = region.patient(region.aurora)
    found = [e for e in region.find(p).entries if e.title == "aurora"]
    region.aurora.contents[found[0].unique_id] = ("text/xml", b"<other/>")
    answer = region.retrieve(*[(e.repository, e.unique_id, e.element.get("home")) for e in found])
    assert answer.status == xds.FAILURE and "hash" in answer.errors[0].context


# --- partners as they are --------------------------------------------------------------------------

def bare(kind, text):
    return text.replace("urn:oid:", "")


def prefixes(kind, text):
    return (text.replace("rim:", "ns2:").replace(' xmlns:ns2="', ' xmlns:other="')
            .replace(f' xmlns:rim="{xds.RIM}"', "").replace("xmlns:ns2", "xmlns:nn"))


def soap11(kind, text):
    return 500, ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
                 '<faultcode>s:Server</faultcode><faultstring>the moon is full</faultstring></s:Fault></s:Body></s:Envelope>')


@pytest.mark.parametrize("quirk, value, mend, without, within", [
    ("bare-oids", None, lambda c: bare, xds.PARTIAL, xds.SUCCESS),
    ("no-home", None, lambda c: lambda kind, text: text.replace(f' home="urn:oid:{c.home}"', ""), xds.PARTIAL, xds.SUCCESS),
    ("other-home", "2.16.840.1.77", lambda c: lambda kind, text: text.replace(f"urn:oid:{c.home}", "urn:oid:2.16.840.1.77"),
     xds.PARTIAL, xds.SUCCESS),
    ("loose-namespaces", None, lambda c: prefixes, xds.PARTIAL, xds.SUCCESS),
    ("empty-body", None, lambda c: lambda kind, text: "", xds.PARTIAL, xds.SUCCESS),
], ids=lambda x: x if isinstance(x, str) else "")
def test_what_the_profile_forbids_is_let_pass_by_its_quirk_alone(region, quirk, value, mend, without, within):
    p = region.patient(region.aurora)
    region.find(p)
    region.aurora.mend = mend(region.aurora)
    assert region.find(p).status == without
    region.hub.run("community", "quirk", "aurora", "add", quirk, *(["--value", value] if value else []))
    try:
        answer = region.find(p)
        assert answer.status == within, answer
        if quirk != "empty-body":
            assert titles(answer) == ["aurora", "here"]
            homes = {e.element.get("home") for e in answer.entries if e.title == "aurora"}
            assert homes == {f"urn:oid:{region.aurora.home}"}
    finally:
        region.hub.run("community", "quirk", "aurora", "remove", quirk)
    assert region.find(p).status == without


def test_a_fault_in_soap_11_is_read_by_its_quirk_alone(region):
    p = region.patient(region.aurora)
    region.find(p)
    region.aurora.mend = soap11
    assert "moon" not in region.find(p).errors[0].context
    region.hub.run("community", "quirk", "aurora", "add", "soap11-faults")
    assert "the moon is full" in region.find(p).errors[0].context
    region.hub.run("community", "quirk", "aurora", "remove", "soap11-faults")


def fetch_all(region, found):
    return region.retrieve(*[(e.repository, e.unique_id, e.element.get("home")) for e in found])


@pytest.mark.parametrize("quirk, requests", [(("one-document",), 3), (("documents", "--value", "2"), 2), (None, 1)])
def test_documents_are_asked_for_in_batches_of_what_the_community_takes(region, quirk, requests):
    p = region.patient(region.aurora)
    for i in range(2):
        region.aurora.publish(f"A-{p.serial}", cda(f"more {i}"), title=f"more {i}")
    found = [e for e in region.find(p).entries if e.title != "here"]
    assert len(found) == 3
    if quirk:
        region.hub.run("community", "quirk", "aurora", "add", *quirk)
    answer = fetch_all(region, found)
    assert answer.status == xds.SUCCESS and len(answer.documents) == 3
    assert region.aurora.count(ITI39) == requests
    if quirk:
        region.hub.run("community", "quirk", "aurora", "remove", quirk[0])


def test_plain_xml_announced_as_mtom_is_read_by_its_quirk_alone(region):
    p = region.patient(region.aurora)
    found = [e for e in region.find(p).entries if e.title == "aurora"]
    region.aurora.inline = True
    region.aurora.head = lambda kind, fields: ({"Content-Type": 'multipart/related; boundary="b"; type="application/xop+xml"'}
                                               if kind == "retrieve" else fields)
    assert fetch_all(region, found).status == xds.FAILURE
    region.hub.run("community", "quirk", "aurora", "add", "raw-mtom")
    answer = fetch_all(region, found)
    assert answer.status == xds.SUCCESS and answer.documents[0].content == p.entries["aurora"].content
    region.hub.run("community", "quirk", "aurora", "remove", "raw-mtom")


def test_a_synthetic_patient_shows_where_a_community_breaks(region):
    region.aurora.patients["T-1"] = Stranger("Causewaytest", "Synthetic", "19000101", "F")
    region.aurora.publish("T-1", cda("synthetic"), title="synthetic")
    steps = [line.split()[:2] for line in region.hub.run("community", "test", "aurora").splitlines()]
    assert steps == [["discovery", "ok"], ["query", "ok"], ["retrieve", "ok"]]
    region.aurora.mend = lambda kind, text: bare(kind, text) if kind == "query" else text
    told = region.hub.run("community", "test", "aurora", expect=1)
    assert [line.split()[:2] for line in told.splitlines()][1] == ["query", "BREAKS"]
    assert "another home community" in told
    del region.aurora.patients["T-1"]


def test_a_health_data_locator_tells_a_community_where_else_a_patient_is_known(region, data):
    """Whom it may see here; from what communities said, but itself (3.56.4.2)."""
    folder = data("ihe/schemas/hl7v3/schema/IHE")
    p = region.patient(region.aurora, region.borealis)
    region.find(p)
    number = p.xad.split("^")[0]
    body = etree.fromstring(
        f'<PatientLocationQueryRequest xmlns="{PLQ}"><RequestedPatientId root="{region.hub.xad_authority}" '
        f'extension="{number}"/></PatientLocationQueryRequest>')
    link = soap.Link(region.hub.soap_address, region.aurora.identity, region.hub.ca)
    told = link.call("/xcpd", "urn:ihe:iti:2009:PatientLocationQuery", body)
    etree.XMLSchema(etree.parse(f"{folder}/XCPD_PLQ.xsd")).assertValid(etree.fromstring(etree.tostring(told.body)))
    assert told.header("Action") == "urn:ihe:iti:2009:PatientLocationQueryResponse"
    assert told.body.xpath("//p:HomeCommunityId/text()", namespaces={"p": PLQ}) == [f"urn:oid:{region.borealis.home}"]
    assert told.body.xpath("//p:CorrespondingPatientId/@extension", namespaces={"p": PLQ}) == [f"B-{p.serial}"]
    row = region.hub.audit(transaction="ITI-56")[-1]
    assert (row["event"], row["patient"], row["outcome"]) == ("110112", p.xad, 0)
    region.hub.run("consent", "set", "--patient", p.xad, "--deny", "--member", "aurora")
    assert len(link.call("/xcpd", "urn:ihe:iti:2009:PatientLocationQuery", body).body) == 0
    link.close()


def provide(region, to, p, content=b"<note>for another region</note>"):
    """An ordinary ITI-41 at the gateway, with the header block that names the community."""
    entry = xds.Entry(p.xad, content, source_patient_id=p.cx(region.lakeside))
    return entry, provide_all(region, to, p, [entry])


def provide_all(region, to, p, entries):
    body, parts = xds.Submission(p.xad, entries).provide()
    block = etree.Element("{urn:ihe:iti:xdr:2014}homeCommunityBlock")
    etree.SubElement(block, "{urn:ihe:iti:xdr:2014}homeCommunityId").text = to
    root = soap.envelope(xds.ITI41, body, headers=(block,) if to else ())
    return xds.Response(soap.read(region.lakeside.link.post("/xca/ig/provide", *soap.multipart(root, parts))))


def test_documents_are_provided_to_another_community_by_the_patients_identifier_there(region):
    p = region.patient(region.aurora)
    region.aurora.provided.clear()
    entry, response = provide(region, f"urn:oid:{region.aurora.home}", p)
    assert response.ok, response
    (ids, content), = region.aurora.provided
    assert content == entry.content and f"A-{p.serial}^^^&{region.aurora.authority}&ISO" in ids and p.xad not in ids
    header = region.aurora.envelopes[-1]
    assert header.findtext(".//{urn:ihe:iti:xdr:2014}homeCommunityId") == f"urn:oid:{region.aurora.home}"
    assert [(r["transaction"], r["event"], r["action"]) for r in region.hub.audit(patient=p.xad, limit=20)
            if r["transaction"] in ("ITI-41", "ITI-80")][-1] == ("ITI-41", "110107", "C")
    assert [(r["event"], r["action"]) for r in region.hub.audit(transaction="ITI-80", limit=1)] == [("110106", "R")]


def largest_file(folder):
    sizes = [0]
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            sizes.append(file.stat().st_size)
    return max(sizes)


def test_documents_of_any_size_go_on_to_another_community(region):
    """More than max_message_kb and more than one, each by itself, whole and in their order."""
    p = region.patient(region.aurora)
    contents = [random.Random(n).randbytes(size) for n, size in enumerate((24_000_000, 0, 70_000))]
    entries = [xds.Entry(p.xad, c, mime_type="application/dicom", source_patient_id=p.cx(region.lakeside))
               for c in contents]
    region.aurora.provided.clear()
    assert provide_all(region, f"urn:oid:{region.aurora.home}", p, entries).ok
    assert [len(got) for _, got in region.aurora.provided] == [len(c) for c in contents]
    assert [got for _, got in region.aurora.provided] == contents
    eventually(lambda: largest_file(region.hub.folder / "documents") < 20_000_000, "it is kept here")


def test_nothing_is_provided_that_consent_keeps_from_the_community_or_to_one_that_knows_nobody(region):
    p, stranger = region.patient(region.aurora), region.patient()
    region.hub.run("consent", "set", "--patient", p.xad, "--deny", "--member", "aurora")
    region.aurora.provided.clear()
    _, denied = provide(region, f"urn:oid:{region.aurora.home}", p)
    assert denied.status == xds.FAILURE and not region.aurora.provided
    assert provide(region, f"urn:oid:{region.aurora.home}", stranger)[1].codes == ["XDSUnknownPatientId"]
    assert provide(region, "urn:oid:9.9.9", stranger)[1].codes == ["XDSUnknownCommunity"]
    assert provide(region, None, stranger)[1].codes == ["XDSMissingHomeCommunityId"]


def test_what_is_provided_is_sent_once_and_a_refusal_is_told(region):
    p = region.patient(region.aurora)
    region.find(p)
    region.aurora.mend = lambda kind, text: (503, "busy")
    assert provide(region, f"urn:oid:{region.aurora.home}", p)[1].codes == ["XDSUnavailableCommunity"]
    assert region.aurora.count(ITI80) == 1
    region.aurora.mend = lambda kind, text: 1 / 0  # it closes the connection without an answer
    assert provide(region, f"urn:oid:{region.aurora.home}", p)[1].codes == ["XDSUnavailableCommunity"]
    assert region.aurora.count(ITI80) == 2
    error = '<rs:RegistryErrorList><rs:RegistryError errorCode="XDSRegistryMetadataError" codeContext="no" severity="{}"/>'
    region.aurora.mend = lambda kind, text: text.replace(
        f'status="{xds.SUCCESS}"/>', f'status="{xds.FAILURE}">{error.format(xds.ERROR)}</rs:RegistryErrorList>'
        '</rs:RegistryResponse>')
    assert provide(region, f"urn:oid:{region.aurora.home}", p)[1].codes == ["XDSRegistryMetadataError"]


def endpoint(home, kind, address, specific=None, status="active"):
    """An Endpoint of IHE mCSD, whose organization has this home community id."""
    types = "https://profiles.ihe.net/ITI/mCSD/"
    resource = {"resourceType": "Endpoint", "status": status, "address": address,
                "connectionType": {"code": kind}, "managingOrganization": {"reference": f"Organization/of-{home}"}}
    if specific:
        resource["extension"] = [{
            "url": f"{types}StructureDefinition/ihe-endpointspecifictype", "valueCodeableConcept": {
                "coding": [{"system": f"{types}CodeSystem/MCSDEndpointTypes", "code": specific}]}}]
    return {"resource": resource}


def test_a_directory_says_where_members_are_reached_and_enrols_nobody(region, tmp_path):
    home, stranger = "2.16.840.1.77", "2.16.840.1.78"
    identity = region.hub.authority.issue("cirrus")
    region.hub.run("member", "add", "cirrus", "--organization", home, "--cert", identity.certificate)
    entries = [{"resource": {"resourceType": "Organization", "id": f"of-{h}", "identifier": [{"value": f"urn:oid:{h}"}]}}
               for h in (home, stranger)]
    entries += [endpoint(home, "ihe-xca", "https://cirrus.example/q", "XCA-RespGateway-Query"),
                endpoint(home, "ihe-xca", "https://cirrus.example/r", "XCA-RespGateway-Retrieve"),
                endpoint(home, "ihe-xca", "https://cirrus.example/async", "XCA-RespGateway-Query-Async"),
                endpoint(home, "ihe-xcpd", "https://cirrus.example/old", status="off"),
                endpoint(home, "ihe-xcpd", "https://cirrus.example/d"),
                endpoint(home, "ihe-xcpd", "http://cirrus.example/plain"),
                endpoint(stranger, "ihe-xca", "https://stranger.example/x")]
    file = tmp_path / "directory.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}))
    said = region.hub.run("community", "import", file)
    try:
        assert f"urn:oid:{stranger}: no member has this organization" in said
        assert "1 communities taken over; 1 endpoints of the directory left out" in said
        shown = region.hub.json("community", "show", "cirrus")
        assert (shown["home"], shown["endpoints"]) == (home, [
            "discovery https://cirrus.example/d", "query https://cirrus.example/q",
            "retrieve https://cirrus.example/r"])
        file.write_text('{"resourceType": "Patient"}')
        region.hub.run("community", "import", file, expect=2)
    finally:
        region.hub.run("community", "remove", "cirrus")


def test_the_assertion_of_who_asks_goes_along_where_the_community_trusts_its_issuer(region):
    p = region.patient(region.aurora, region.borealis)
    issuer = "https://sts.lakeside.example"
    sts = saml.Provider(region.hub.folder / "sts", issuer, audience=f"urn:oid:{HOME}")
    region.hub.run("member", "idp", "add", "lakeside", "--issuer", issuer, "--cert", sts.key.certificate)
    region.hub.run("community", "quirk", "aurora", "add", "forward-assertion")
    assertion = sts.assertion(user="anna", organization=region.lakeside.organization)
    sent = saml.canonical(assertion)
    decoys = [etree.Element("{urn:example:other}Security"), etree.Element(f"{{{saml.WSSE}}}Security")]
    decoys[1].set(f"{{{soap.SOAP}}}role", "urn:example:somebody-else")
    for _ in range(50):
        answer = region.lakeside.link.call("/xca/ig/query", xds.ITI18, xds.find_documents(p.xad),
                                           headers=[*decoys, saml.security(assertion)])
        if not answer.fault:
            break
        time.sleep(0.1)
    assert xds.Response(answer).status == xds.SUCCESS, region.aurora.troubles
    came = region.aurora.envelopes[-1].find(f".//{{{saml.SAML}}}Assertion")
    assert saml.canonical(came) == sent
    assert region.borealis.envelopes[-1].find(f".//{{{saml.SAML}}}Assertion") is None
    region.hub.run("community", "quirk", "aurora", "remove", "forward-assertion")


def test_the_question_who_a_patient_is_validates_against_the_schema(region, data):
    folder = data("ihe/schemas/hl7v3/schema/HL7V3/NE2008/multicacheschemas")
    p = region.patient(region.aurora)
    region.find(p)
    question = soap.etree.fromstring(soap.etree.tostring(region.aurora.asked[0][1]))
    schema = soap.etree.XMLSchema(soap.etree.parse(f"{folder}/PRPA_IN201305UV02.xsd"))
    schema.assertValid(question)


def test_the_question_who_a_patient_is_names_the_community_that_asks(region):
    """3.55.4.1.2.4: without it the other community cannot ask back."""
    p = region.patient(region.aurora)
    region.find(p)
    ids = region.aurora.asked[0][1].findall(".//{*}sender/{*}device/{*}asAgent/{*}representedOrganization/{*}id")
    assert [(i.get("root"), i.get("extension")) for i in ids] == [(HOME, None)]
