"""HL7 v2 over MLLP: the feed (ITI-8), merges (A40) and the PIX query (ITI-9)."""
import pytest

from hospital import Patient, mllp
from hospital.mllp import cx
from people import Person, cda, known

PIX_DOMAIN = "^^^&{}&ISO"


def code(answer):
    return answer["MSA-1"]


# --- acknowledgements -------------------------------------------------------------------------------

@pytest.mark.parametrize("event", ["A01", "A04", "A05", "A08"])
def test_each_feed_event_makes_the_patient_known(event, lakeside):
    person = Person()
    answer = lakeside.feed(event, person.patient(person.cx(lakeside)), control=f"EV{event}")
    assert (code(answer), answer["MSA-2"]) == ("AA", f"EV{event}")
    assert answer["MSH-9"].startswith("ACK")
    assert lakeside.xad_pid(person.number(lakeside))


@pytest.mark.parametrize("event", ["A02", "A03", "A29", "A60", "Z99"])
def test_an_event_without_use_is_answered_aa_and_counted(event, hub, lakeside):
    before = hub.metric("causeway_hl7_unused_events_total")
    person = Person()
    assert code(lakeside.feed(event, person.patient(person.cx(lakeside)))) == "AA"
    assert hub.metric("causeway_hl7_unused_events_total") == before + 1
    assert lakeside.xad_pid(person.number(lakeside)) is None


def test_a_strict_source_gets_ar_for_it(hub):
    strict = hub.enrol("strict", "1.2.840.3.1", more=["--strict-adt"])
    assert code(strict.feed("A02", Patient([strict.cx("1")]))) == "AR"


def test_an_identical_resend_gets_the_stored_answer(hub, lakeside):
    text = mllp.adt("A04", lakeside.sender, Patient([lakeside.cx("RESENT")]))
    before = hub.metric("causeway_hl7_duplicates_total")
    first, second = lakeside.tell(text), lakeside.tell(text)
    assert first.raw == second.raw
    assert hub.metric("causeway_hl7_duplicates_total") == before + 1


def test_a_reused_control_id_with_other_content_is_processed(hub, lakeside):
    before = hub.metric("causeway_hl7_control_id_reused_total")
    first, second = Person(), Person()
    assert code(lakeside.feed("A04", first.patient(first.cx(lakeside)), control="RECYCLED")) == "AA"
    assert code(lakeside.feed("A04", second.patient(second.cx(lakeside)), control="RECYCLED")) == "AA"
    assert hub.metric("causeway_hl7_control_id_reused_total") == before + 1
    assert lakeside.xad_pid(second.number(lakeside))


def test_what_was_acknowledged_survives_a_killed_hub(make_hub):
    hub = make_hub("killed")
    member = hub.enrol("lakeside", "1.2.840.1.1")
    person = Person(member)
    hub.kill()
    hub.start()
    member.close()
    member = type(member)("lakeside", member.identity, member.authority, hub)
    assert member.xad_pid(person.number(member))
    hub.stop()


def test_several_messages_in_one_write_are_answered_in_order(lakeside):
    people = [Person() for _ in range(5)]
    texts = [mllp.adt("A04", lakeside.sender, p.patient(p.cx(lakeside)), control=f"BATCH{n}")
             for n, p in enumerate(people)]
    lakeside.wire.socket.sendall(b"".join(mllp.START + t.encode() + mllp.END for t in texts))
    assert [lakeside.wire.receive()["MSA-2"] for _ in people] == [f"BATCH{n}" for n in range(5)]


def test_a_message_in_many_writes_is_read(lakeside):
    person = Person()
    frame = mllp.START + mllp.adt("A04", lakeside.sender, person.patient(person.cx(lakeside))).encode() + mllp.END
    for i in range(0, len(frame), 7):
        lakeside.wire.socket.sendall(frame[i:i + 7])
    assert code(lakeside.wire.receive()) == "AA"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_other_segment_ends_are_read(ending, lakeside):
    person = Person()
    text = mllp.adt("A04", lakeside.sender, person.patient(person.cx(lakeside))).replace("\r", ending)
    assert code(lakeside.tell(text)) == "AA"
    assert lakeside.xad_pid(person.number(lakeside))


@pytest.mark.parametrize("charset, encoding", [("UNICODE UTF-8", "utf-8"), ("8859/1", "latin-1")])
def test_names_in_the_declared_character_set_match(charset, encoding, hub, lakeside, harbour):
    person = Person()
    person.family = "Sørensen" + person.family[4:]
    for hospital, (cs, enc) in ((lakeside, (charset, encoding)), (harbour, ("UNICODE UTF-8", "utf-8"))):
        text = mllp.adt("A04", hospital.sender, person.patient(person.cx(hospital)), charset=cs)
        answer = hospital.tell(text, enc)
        assert code(answer) == "AA"
    assert lakeside.xad_pid(person.number(lakeside)) == harbour.xad_pid(person.number(harbour))


# --- who may say what -------------------------------------------------------------------------------

def test_another_members_authority_may_not_be_fed(lakeside, harbour):
    person = Person()
    answer = lakeside.feed("A04", person.patient(person.cx(harbour)))
    assert code(answer) in ("AE", "AR") and "ERR" in answer
    assert harbour.xad_pid(person.number(harbour)) is None


def test_an_authority_that_nobody_registered_may_not_be_fed(lakeside):
    answer = lakeside.feed("A04", Patient([cx("1", "1.2.840.99.99")]))
    assert code(answer) in ("AE", "AR") and "ERR" in answer


def test_msh_3_and_4_must_belong_to_the_certificates_member(hub, lakeside, harbour):
    hub.run("member", "add", "branded", "--organization", "1.2.840.3.2", "--authority", "1.2.840.3.2.1",
            "--application", "BRANDED|MAIN", "--cert", hub.authority.issue("branded").certificate)
    sender = mllp.Sender("BRANDED", "MAIN")
    person = Person()
    answer = lakeside.tell(mllp.adt("A04", sender, person.patient(person.cx(lakeside))))
    assert code(answer) in ("AE", "AR") and "ERR" in answer
    assert lakeside.xad_pid(person.number(lakeside)) is None


def test_a_namespace_alone_names_an_authority_of_the_source(hub, lakeside):
    member = hub.enrol("spaced", "1.2.840.3.3", namespace="EPIC")
    person = Person()
    answer = member.feed("A04", person.patient("17^^^EPIC^MRN"))
    assert code(answer) == "AA"
    assert member.xad_pid("17")
    assert code(lakeside.feed("A04", person.patient("17^^^EPIC^MRN"))) in ("AE", "AR"), "not Lakeside's word"


def test_a_missing_authority_is_the_members_only_one(lakeside):
    assert code(lakeside.feed("A04", Patient(["SOLE"]))) == "AA"
    assert lakeside.xad_pid("SOLE")


def test_namespace_and_oid_together_are_accepted(hub, lakeside):
    assert code(lakeside.feed("A04", Patient([cx("NSOID", lakeside.authority, namespace="LAKE")]))) == "AA"
    assert lakeside.xad_pid("NSOID")


@pytest.mark.parametrize("kind", ["AN", "VN", "SS"])
def test_account_visit_and_social_security_numbers_identify_no_person(kind, lakeside, harbour):
    person, other = Person(), Person()
    shared = cx(f"SHARED{kind}", lakeside.authority, kind)
    assert code(lakeside.feed("A04", person.patient(person.cx(lakeside), shared))) == "AA"
    assert code(lakeside.feed("A04", other.patient(other.cx(lakeside), shared))) == "AA"
    assert lakeside.xad_pid(person.number(lakeside)) != lakeside.xad_pid(other.number(lakeside))
    assert code(lakeside.pix(cx(f"SHARED{kind}", lakeside.authority))) == "AE", "nor can it be asked for"


# --- matching, first form -----------------------------------------------------------------------------

def test_exact_demographics_after_normalisation_make_one_person(lakeside, harbour):
    person = Person(lakeside)
    answer = harbour.feed("A04", person.patient(person.cx(harbour), family=person.family.upper(),
                                                given=f" {person.given.lower()} "))
    assert code(answer) == "AA"
    assert lakeside.xad_pid(person.number(lakeside)) == harbour.xad_pid(person.number(harbour))


@pytest.mark.parametrize("field, value", [("birth", "19330303"), ("given", "Zora")])
def test_another_birth_date_or_name_is_another_person(field, value, lakeside, harbour):
    person = Person(lakeside)
    assert code(harbour.feed("A04", person.patient(person.cx(harbour), **{field: value}))) == "AA"
    assert lakeside.xad_pid(person.number(lakeside)) != harbour.xad_pid(person.number(harbour))


def test_two_feeds_at_once_of_one_new_patient_make_one_person(lakeside, harbour):
    import threading

    people = [Person() for _ in range(10)]

    def feed(hospital):
        for p in people:
            hospital.feed("A04", p.patient(p.cx(hospital)))

    threads = [threading.Thread(target=feed, args=[h]) for h in (lakeside, harbour)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for p in people:
        assert lakeside.xad_pid(p.number(lakeside)) == harbour.xad_pid(p.number(harbour))


# --- A40 under a member's own authority (PIX Manager, 3.8.4.2.3) ------------------------------------

def test_a_merge_moves_the_subsumed_records_documents_to_the_survivor(lakeside, harbour):
    old, new = known(lakeside), known(lakeside, harbour)
    entry, response = lakeside.publish(old.xad, cda("before the merge"), source_patient_id=old.cx(lakeside))
    assert response.ok
    assert not harbour.find(new.xad).entries
    answer = lakeside.merge(new.patient(new.cx(lakeside)), old.cx(lakeside))
    assert code(answer) == "AA", answer
    assert harbour.find(new.xad).unique_ids == [entry.unique_id]
    assert harbour.find(new.xad).entries[0].patient_id == new.xad
    subsumed = harbour.find(old.xad)
    assert not subsumed.entries
    late = lakeside.publish(old.xad, cda("too late"))[1]
    assert "XDSUnknownPatientId" in late.codes, late


def test_a_merge_with_an_authority_not_registered_for_the_source_is_refused(lakeside, harbour):
    person, other = Person(lakeside, harbour), Person(harbour)
    answer = lakeside.merge(person.patient(person.cx(lakeside)), other.cx(harbour))
    assert code(answer) in ("AE", "AR") and "ERR" in answer
    assert harbour.xad_pid(other.number(harbour))


def test_merges_chain(lakeside, harbour):
    people = [known(lakeside) for _ in range(3)]
    entries = [lakeside.publish(p.xad, cda(p.family), source_patient_id=p.cx(lakeside))[0] for p in people]
    for old, new in zip(people, people[1:]):
        assert code(lakeside.merge(new.patient(new.cx(lakeside)), old.cx(lakeside))) == "AA"
    found = lakeside.find(people[-1].xad)
    assert found.unique_ids == sorted(e.unique_id for e in entries)


# --- ITI-9 -----------------------------------------------------------------------------------------------

def test_a_pix_answer_has_the_shape_of_3_9_4_2_2(hub, lakeside, harbour):
    person = known(lakeside, harbour)
    answer = lakeside.pix(person.cx(lakeside), tag="TAG1", control="CTL1")
    assert answer["MSH-9"] == "RSP^K23^RSP_K23" and code(answer) == "AA" and answer["MSA-2"] == "CTL1"
    assert (answer["QAK-1"], answer["QAK-2"]) == ("TAG1", "OK")
    assert answer["QPD-2"] == "TAG1" and answer["QPD-3"] == person.cx(lakeside)
    assert answer["PID-5"] == "~^^^^^^S", "an empty first name, and the second without"
    assert (person.number(lakeside), lakeside.authority) not in answer.identifiers(), "never the queried id"
    assert (person.number(harbour), harbour.authority) in answer.identifiers()
    assert (person.xad.split("^")[0], hub.xad_authority) in answer.identifiers()


def test_the_domains_asked_for_are_those_answered(lakeside, harbour):
    person = known(lakeside, harbour)
    answer = lakeside.pix(person.cx(lakeside), [PIX_DOMAIN.format(harbour.authority)])
    assert answer.identifiers() == [(person.number(harbour), harbour.authority)]


def test_nothing_found_is_nf(lakeside, harbour):
    person = known(lakeside)
    answer = lakeside.pix(person.cx(lakeside), [PIX_DOMAIN.format(harbour.authority)])
    assert (code(answer), answer["QAK-2"]) == ("AA", "NF") and "PID" not in answer


@pytest.mark.parametrize("identifier, domains, position", [
    ("NEVERFED", [], "QPD^1^3^1^1"), (None, [], "QPD^1^3^1^4"), ("KNOWN", ["1.2.840.88.88"], "QPD^1^4^1")])
def test_what_cannot_be_resolved_is_error_204_at_its_place(identifier, domains, position, lakeside):
    person = known(lakeside)
    asked = {None: cx("1", "1.2.840.77.77"), "KNOWN": person.cx(lakeside)}.get(identifier, lakeside.cx("NEVERFED"))
    answer = lakeside.pix(asked, [PIX_DOMAIN.format(d) for d in domains])
    assert (code(answer), answer["QAK-2"]) == ("AE", "AE"), answer
    assert answer["ERR-2"] == position and answer["ERR-3"].startswith("204"), answer


# --- bad input --------------------------------------------------------------------------------------------

def corrupt(text, segment, field, value):
    lines = [line.split("|") for line in text.split("\r")]
    for line in lines:
        if line[0] == segment:
            line[field - (segment == "MSH")] = value
    return "\r".join("|".join(line) for line in lines)


BAD = {
    "no PID": lambda t: "\r".join(s for s in t.split("\r") if not s.startswith("PID")),
    "no PID-3": lambda t: corrupt(t, "PID", 3, ""),
    "a PID-3 of a namespace that nobody registered": lambda t: corrupt(t, "PID", 3, "123^^^NOWHERE"),
    "a PID-3 with a social security number alone": lambda t: corrupt(t, "PID", 3, "219091234^^^&1.2.840.1.1&ISO^SS"),
    "a birth date that is none": lambda t: corrupt(t, "PID", 7, "19991332"),
    "a message type that is not served": lambda t: corrupt(t, "MSH", 9, "ORU^R01"),
    "a version that is not HL7 v2": lambda t: corrupt(t, "MSH", 12, "3.0"),
    "a processing id of no kind": lambda t: corrupt(t, "MSH", 11, "X"),
    "no control id": lambda t: corrupt(t, "MSH", 10, ""),
    "no MSH": lambda t: t[t.index("EVN"):],
    "nothing at all": lambda t: "",
    "noise": lambda t: "\x00\x01\x02 noise",
    "a character set that is not known": lambda t: corrupt(t, "MSH", 18, "KLINGON") if t.split("\r")[0].count("|") > 16
    else t.replace("\r", "||||||KLINGON\r", 1),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_message_is_refused_with_err_and_leaves_no_trace(what, lakeside):
    person = Person()
    text = BAD[what](mllp.adt("A04", lakeside.sender, person.patient(person.cx(lakeside))))
    try:
        answer = lakeside.tell(text)
        assert code(answer) in ("AE", "AR") and "ERR" in answer, answer
    except mllp.Closed:
        assert what in ("no MSH", "nothing at all", "noise"), "nobody to answer to"
    assert lakeside.xad_pid(person.number(lakeside)) is None


def test_an_oversized_message_closes_the_connection(lakeside):
    with mllp.Wire(lakeside.hub.mllp_address, lakeside.identity, lakeside.hub.ca) as wire:
        with pytest.raises((mllp.Closed, ConnectionError, OSError)):
            wire.send("MSH|^~\\&|" + "x" * (3 << 20))
            wire.receive()


def test_bytes_before_the_frame_are_passed_over(lakeside):
    person = Person()
    text = mllp.adt("A04", lakeside.sender, person.patient(person.cx(lakeside)))
    lakeside.wire.socket.sendall(b"\r\n")
    assert code(lakeside.tell(text)) == "AA"
