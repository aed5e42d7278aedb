"""ITI-21 and ITI-22: who answers to these demographics, as far as the asking member may know."""

import pytest

from hospital import Patient, mllp


@pytest.fixture(scope="module")
def people(hub, lakeside, harbour):
    """A few patients of two hospitals; gives nothing: tests ask."""
    def feed(hospital, number, family, given, birth, sex="F", **more):
        answer = hospital.feed("A04", Patient([hospital.cx(number)], family, given, birth, sex, **more))
        assert answer["MSA-1"] == "AA", answer

    feed(lakeside, "Q-1", "Abernathy", "Catherine", "19630317", address="7 Oak St^^Salem^OR^97301^US")
    feed(harbour, "H-1", "Abernathy", "Catherine", "19630317", address="7 Oak St^^Salem^OR^97301^US")
    feed(harbour, "H-2", "Abernathy", "Caleb", "19910704", "M", phone="5035550102")
    feed(harbour, "H-3", "Müller-Lüdenscheidt", "Jürgen", "19500505", "M")
    feed(harbour, "H-4", "Okonkwo", "William", "19800808", "M", extra={18: "ACC-77^^^&1.2.840.1.2&ISO"})
    feed(harbour, "H-5", "Stern", "Sarah", "19770101", extra={6: "Levi^Rachel"})
    for i, given in enumerate(("Ada", "Boris", "Clara", "Dmitri", "Elena", "Farid", "Greta")):
        feed(harbour, f"P-{i}", "Paginated", given, f"19{40 + 7 * i}{i + 3:02d}{2 * i + 11}", "MF"[i % 2],
             address=f"{i + 3} {given} Way^^Salem^OR^973{i:02d}^US")


def ask(hospital, *parameters, domains=(), more="", event="Q22", limit=None, tag=None, version="2.5",
        pointer=None):
    tag = tag or mllp.control_id()
    lines = [mllp.msh(hospital.sender, f"QBP^{event}^QBP_Q21", version=version, charset="UNICODE UTF-8"),
             f"QPD|IHE PDQ Query|{tag}|{'~'.join(parameters)}|||||{'~'.join(domains)}",
             f"RCP|I|{limit}^RD" if limit else "RCP|I"]
    if pointer:
        lines.append(f"DSC|{pointer}|I")
    return hospital.tell("\r".join(lines) + "\r" + more)


def found(answer):
    """[{ids, name, birth}] of an answer."""
    return [{"ids": sorted(r.split("^")[0] for r in pid[3].split("~")), "name": pid[5], "birth": pid[7]}
            for pid in answer.all("PID")]


def ids(answer):
    return [i for p in found(answer) for i in p["ids"]]


def test_the_shape_of_an_answer(people, lakeside):
    answer = ask(lakeside, "@PID.5.1.1^Okonkwo", "@PID.8^M")
    assert answer["MSH-9"] == "RSP^K22^RSP_K21" and answer["MSA-1"] == "AA"
    assert answer["QAK-2"] == "OK" and answer["QAK-4"] == answer["QAK-5"] == "1" and answer["QAK-6"] == "0"
    assert answer["QPD-3"] == "@PID.5.1.1^Okonkwo~@PID.8^M"
    assert answer["PID-1"] == "1" and answer["PID-5"].startswith("Okonkwo^William")
    assert answer["PID-7"] == "19800808" and answer["PID-8"] == "M"
    assert answer["PID-18"] == "ACC-77^^^&1.2.840.1.2&ISO"
    assert "DSC" not in answer and not answer["PID-19"]


def test_nobody_is_no_failure(people, lakeside):
    answer = ask(lakeside, "@PID.5.1^Nobodyatall")
    assert (answer["MSA-1"], answer["QAK-2"], answer["QAK-4"]) == ("AA", "NF", "0")
    assert "PID" not in answer and "ERR" not in answer


def test_one_person_of_two_hospitals_is_one_answer(people, lakeside):
    answer = ask(lakeside, "@PID.5.1^ABERNATHY", "@PID.5.2^catherine")
    assert len(found(answer)) == 1 and {"Q-1", "H-1"} <= set(ids(answer))


@pytest.mark.parametrize("parameters, who", [
    (("@PID.5.1^Abernathy", "@PID.5.2^Katherine"), "Q-1"),                     # sounds alike
    (("@PID.5.1^Abernaty", "@PID.5.2^Catherine", "@PID.7^19630317"), "Q-1"),   # a letter lost
    (("@PID.5.1^Abernathie", "@PID.5.2^Catherine"), "Q-1"),                    # nothing but the names
    (("@PID.5.1^Okonkow", "@PID.5.2^Wiliam", "@PID.8^M"), "H-4"),              # both of them
    (("@PID.5.1^Okonkwo", "@PID.5.2^Wiliam", "@PID.7^19800818"), "H-4"),       # and a digit of the date
    (("@PID.5.1^William", "@PID.5.2^Okonkwo", "@PID.7^19800808"), "H-4"),      # in each other's place
    (("@PID.5.1^Okonkwo", "@PID.5.2^Ngozi", "@PID.7^19800808"), None),         # somebody else
    (("@PID.5.1^Okonkwo", "@PID.5.2^Bill", "@PID.7^19800808"), "H-4"),         # a short form
    (("@PID.5.1^Mueller Luedenscheidt",), "H-3"),                              # another spelling
    (("@PID.5.1^MULLER LUDENSCHEIDT",), "H-3"),                                # marks do not count
    (("@PID.5.1^Stern", "@PID.6.1^Levi"), "H-5"),
    (("@PID.5.1^Stern", "@PID.6.1^Cohen"), None),
    (("@PID.7^19910704",), "H-2"),
    (("@PID.5.1^Abernathy", "@PID.7^1991"), "H-2"),                            # a year
    (("@PID.5.1^Aber*", "@PID.8^M"), "H-2"),
    (("@PID.5.2^*", "@PID.7^19910704"), "H-2"),
    (("@PID.5.1^Abernathy", "@PID.13.1^(503) 555-0102"), "H-2"),
    (("@PID.5.1^Abernathy", "@PID.11.3^Salem", "@PID.11.4^OR"), "Q-1"),
    (("@PID.5.1^Abernathy", "@PID.11.3^Portland", "@PID.5.2^Catherine"), None),
    (("@PID.18.1^ACC-77",), "H-4"),
    (("@PID.18.1^ACC-77", "@PID.18.4.2^1.2.840.1.2", "@PID.18.4.3^ISO"), "H-4"),
    (("@PID.3.1^H-2", "@PID.3.4.2^1.2.840.1.2", "@PID.3.4.3^ISO"), "H-2"),
    (("@PID.3^H-2^^^&1.2.840.1.2&ISO",), "H-2"),
    (("@PID.3.1^H-2", "@PID.3.4.2^9.9.9"), None),                              # nobody's authority
    (("@PID.3.1^H-2", "@PID.3.4.2^1.2.840.1.2", "@PID.5.1^Wrong"), None),
])
def test_by_whatever_is_known(people, lakeside, parameters, who):
    answer = ask(lakeside, *parameters)
    assert answer["MSA-1"] == "AA", answer
    assert (who in ids(answer)) if who else not found(answer), answer


def test_the_best_fit_comes_first(people, lakeside):
    answer = ask(lakeside, "@PID.5.1^Abernathy", "@PID.5.2^Ca*")
    assert len(found(answer)) == 2
    answer = ask(lakeside, "@PID.5.1^Abernathy", "@PID.7^19910704", "@PID.5.2^Caleb")
    assert "H-2" in found(answer)[0]["ids"]


@pytest.mark.parametrize("parameters, code, place", [
    (("@PID.11.6^DE",), "101", "QPD^1^3"),                   # a whole country
    (("@PID.5.1^A",), "101", "QPD^1^3"),
    (("@PID.5.1^Ab*",), "101", "QPD^1^3"),
    (("@PID.5.1^*",), "101", "QPD^1^3"),
    (("@PID.5.1^A*y",), "102", "QPD^1^3^1"),
    (("@PID.5.1^Stern", "@PID.7^yesterday"), "102", "QPD^1^3^2"),
    (("@PID.3.1^H-2",), "101", "QPD^1^3^1"),                 # an identifier without its authority
    (("@PID.10^W",), "103", "QPD^1^3^1"),
    (("PID.5.1^Stern",), "102", "QPD^1^3^1"),
    (("",), "101", "QPD^1^3"),
])
def test_what_cannot_be_asked(people, lakeside, parameters, code, place):
    answer = ask(lakeside, *parameters)
    assert (answer["MSH-9"], answer["MSA-1"], answer["QAK-2"]) == ("RSP^K22^RSP_K21", "AE", "AE")
    assert answer["ERR-2"] == place and answer["ERR-3"].startswith(code)


def test_domains_are_those_that_were_asked_for(people, lakeside, harbour):
    answer = ask(lakeside, "@PID.5.1^Abernathy", domains=["^^^&1.2.840.1.1&ISO"])
    assert ids(answer) == ["Q-1"]  # H-2 has no identifier there: it is left out
    answer = ask(lakeside, "@PID.5.1^Abernathy",
                 domains=["^^^&1.2.840.1.1&ISO", "^^^NOWHERE", "^^^&9.9.9&ISO"])
    assert (answer["MSA-1"], answer["QAK-2"]) == ("AE", "AE")
    assert [e[2] for e in answer.all("ERR")] == ["QPD^1^8^2", "QPD^1^8^3"]
    assert all(e[3].startswith("204") for e in answer.all("ERR"))


def test_pages_are_continued_and_counted(people, lakeside):
    first = ask(lakeside, "@PID.5.1^Paginated", limit=3)
    assert (first["QAK-4"], first["QAK-5"], first["QAK-6"]) == ("7", "3", "4")
    tag = first["QAK-1"]
    second = ask(lakeside, "@PID.5.1^Paginated", limit=3, tag=tag, pointer=first["DSC-1"])
    assert (second["QAK-4"], second["QAK-5"], second["QAK-6"]) == ("7", "3", "1")
    third = ask(lakeside, "@PID.5.1^Paginated", limit=3, tag=tag, pointer=second["DSC-1"])
    assert (third["QAK-5"], third["QAK-6"]) == ("1", "0") and "DSC" not in third
    everyone = ids(first) + ids(second) + ids(third)
    assert len(everyone) == len(set(everyone)) and {f"P-{i}" for i in range(7)} <= set(everyone)


def test_a_pointer_holds_in_another_process_and_only_for_who_got_it(people, hub, lakeside, harbour, make_hub):
    first = ask(lakeside, "@PID.5.1^Paginated", limit=2)
    other = make_hub("pdq_twin", twin=hub)
    try:
        from hospital import Hospital
        there = Hospital("lakeside", lakeside.identity, lakeside.authority, other)
        more = ask(there, "@PID.5.1^Paginated", limit=9, tag=first["QAK-1"], pointer=first["DSC-1"])
        assert more["QAK-5"] == "5"
        there.close()
        stolen = ask(harbour, "@PID.5.1^Paginated", tag=first["QAK-1"], pointer=first["DSC-1"])
        assert stolen["MSA-1"] == "AE" and stolen["ERR-2"] == "DSC^1^1"
    finally:
        other.stop()


def test_a_cancelled_query_is_over(people, lakeside):
    first = ask(lakeside, "@PID.5.1^Paginated", limit=2)
    tag = first["QAK-1"]
    cancelled = lakeside.tell("\r".join([mllp.msh(lakeside.sender, "QCN^J01^QCN_J01", version="2.5"),
                                         f"QID|{tag}|IHE PDQ Query"]) + "\r")
    assert cancelled["MSA-1"] == "AA" and cancelled["MSH-9"].startswith("ACK^J01")
    after = ask(lakeside, "@PID.5.1^Paginated", tag=tag, pointer=first["DSC-1"])
    assert after["MSA-1"] == "AE" and after["ERR-3"].startswith("204")


def test_what_consent_hides_is_neither_found_nor_counted_nor_shown(people, hub, lakeside, harbour):
    harbour.feed("A04", Patient([harbour.cx("C-1")], "Hidden", "Hilda", "19550505"))
    lakeside.feed("A04", Patient([lakeside.cx("C-2")], "Hidden", "Hilda", "19550505",
                                 address="9 Known St^^Salem^OR^97301^US"))
    assert len(found(ask(lakeside, "@PID.5.1^Hidden"))) == 1
    hub.run("consent", "set", "--patient", harbour.cx("C-1"), "--deny")
    mine = ask(lakeside, "@PID.5.1^Hidden")
    assert set(ids(mine)) >= {"C-2"} and "C-1" not in ids(mine)
    harbour.feed("A08", Patient([harbour.cx("C-1")], "Renamed", "Hilda", "19550505"))
    assert not found(ask(lakeside, "@PID.5.1^Renamed"))  # known only to the record that is hidden
    assert found(ask(harbour, "@PID.5.1^Renamed"))
    harbour.feed("A04", Patient([harbour.cx("C-3")], "Hidden", "Other", "19560606"))
    hub.run("consent", "set", "--patient", harbour.cx("C-3"), "--deny")
    counted = ask(lakeside, "@PID.5.1^Hidden")
    assert counted["QAK-4"] == "1" and len(found(counted)) == 1


def test_registered_domains_bound_what_is_found(people, hub, lakeside):
    hub.run("member", "domain", "add", "lakeside", "--domain", "1.2.840.1.1")
    hub.await_members()
    try:
        assert not found(ask(lakeside, "@PID.5.1^Okonkwo"))
        assert ids(ask(lakeside, "@PID.5.1^Abernathy", "@PID.5.2^Catherine")) == ["Q-1"]
    finally:
        hub.run("member", "domain", "remove", "lakeside", "--domain", "1.2.840.1.1")
        hub.await_members()


def test_each_patient_told_of_has_an_audit_row(people, hub, lakeside):
    before = len(hub.audit(transaction="ITI-21"))
    ask(lakeside, "@PID.5.1^Paginated", limit=3)
    ask(lakeside, "@PID.5.1^Nobodyatall")
    ask(lakeside, "@PID.11.6^DE")
    rows = hub.audit(transaction="ITI-21")[before:]
    assert len(rows) == 5 and sum(1 for r in rows if r.get("patient")) == 3


def test_visits_are_asked_for_by_number(people, lakeside, harbour):
    visit = "\r".join([mllp.msh(harbour.sender, "ADT^A01"), f"EVN|A01|{mllp.timestamp()}",
                       f"PID|||{harbour.cx('V-1')}||Visitor^Vera||19820202|F",
                       "PV1||I|||||||||||||||||V-4711^^^&1.2.840.1.2&ISO"]) + "\r"
    assert harbour.tell(visit)["MSA-1"] == "AA"
    answer = ask(lakeside, "@PV1.19^V-4711", event="ZV1")
    assert answer["MSH-9"] == "RSP^ZV2^RSP_ZV2" and "V-1" in ids(answer)
    assert answer["PV1-2"] == "I" and answer["PV1-19"] == "V-4711"
    assert not found(ask(lakeside, "@PID.5.1^Visitor", "@PV1.2^O", event="ZV1"))
    refused = ask(lakeside, "@PV1.7.1^Who", event="ZV1")
    assert refused["MSA-1"] == "AE" and refused["ERR-3"].startswith("103")


def test_a_match_makes_nothing(people, hub):
    asked = ("mpi", "match", "--family", "Okonkwo", "--given", "William", "--birth-date", "19800808",
             "--sex", "M")
    first, second = (hub.json(*asked, expect=None) for _ in range(2))
    assert first == second and first["outcome"] in ("link", "review")
    assert first["candidates"][0]["posterior"] > 0.5
    nobody = hub.json("mpi", "match", "--family", "Zzyzx", "--given", "Quorra", "--birth-date", "19010203",
                      expect=1)
    assert nobody == {"outcome": "new", "reasons": nobody["reasons"], "candidates": []}
    hub.json("mpi", "match", expect=2)


def test_more_than_the_hub_tells_is_said(hub, make_hub, lakeside, harbour, people):
    small = make_hub("pdq_small", twin=hub, max_patients=3)
    try:
        from hospital import Hospital
        there = Hospital("lakeside", lakeside.identity, lakeside.authority, small)
        answer = ask(there, "@PID.5.1^Paginated")
        assert len(found(answer)) == 3 and answer["QAK-4"] == "3" and answer["MSA-1"] == "AA"
        assert answer["ERR-4"] == "W" and "narrowly" in answer["ERR-8"]
        there.close()
    finally:
        small.stop()
