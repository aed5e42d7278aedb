"""ITI-44, 45 and 47: the doors of HL7 v3, which answer what those of v2 answer."""
import functools

import pytest
from lxml import etree

from hospital import hl7v3 as v3
from people import Person, known

SETTINGS = {"xad_source": "hub"}


@functools.lru_cache
def schema(folder, interaction):
    return etree.XMLSchema(etree.parse(f"{folder}/{interaction}.xsd"))


@pytest.fixture
def call(data):
    """Calls, and validates question and answer against the normative schemas."""
    folder = data("ihe/schemas/hl7v3/schema/HL7V3/NE2008/multicacheschemas")

    def go(hospital, path, body, action=None, valid=True):
        if valid and etree.QName(body).localname.startswith("PRPA"):
            schema(folder, etree.QName(body).localname).assertValid(etree.fromstring(etree.tostring(body)))
        answer = v3.call(hospital, path, body, action)
        if valid:  # a failure quotes the question
            schema(folder, answer.interaction).assertValid(etree.fromstring(etree.tostring(answer.root)))
        assert answer.soap.header("Action") == v3.ACTION.format(answer.interaction)
        return answer

    return go


def fed(call, hospital, number, family, given, birth="19700101", interaction="PRPA_IN201301UV02", **more):
    return call(hospital, "/pix", v3.feed(interaction, [(hospital.authority, number)],
                                          v3.person(family, given, birth, "F"), **more))


# --- ITI-44 ------------------------------------------------------------------------------------------------

def test_a_patient_fed_by_v3_is_found_by_v2_and_by_v3(call, hub, lakeside):
    answer = fed(call, lakeside, "V-1", "Vandermeer", "Wilhelmina", "19510203")
    assert (answer.interaction, answer.ack, answer.details) == ("MCCI_IN000002UV01", "CA", [])
    xad = lakeside.xad_pid("V-1")
    found = call(lakeside, "/pix", v3.pix_query(lakeside.authority, "V-1"))
    assert (found.ack, found.response) == ("AA", "OK")
    assert found.ids() == {(hub.xad_authority, xad.split("^")[0])}


def message_id(answer):
    return answer.root.find(f"{{{v3.V3}}}id").get("root")


def test_an_identical_resend_gets_the_stored_answer(call, hub, lakeside):
    body = v3.feed("PRPA_IN201301UV02", [(lakeside.authority, "V-RE")], v3.person("Resenden", "Rita", "19480101"))
    before = hub.metric("causeway_hl7_duplicates_total")
    first, second = (call(lakeside, "/pix", body) for _ in range(2))
    assert (first.ack, second.ack) == ("CA", "CA") and message_id(first) == message_id(second)
    assert hub.metric("causeway_hl7_duplicates_total") == before + 1
    merge = v3.feed("PRPA_IN201304UV02", [(lakeside.authority, "V-RE")], v3.person("Resenden", "Rita", "19480101"),
                    prior=(lakeside.authority, "V-RF"))
    fed(call, lakeside, "V-RF", "Otherwise", "Olga")
    assert message_id(call(lakeside, "/pix", merge)) == message_id(call(lakeside, "/pix", merge))
    assert hub.metric("causeway_hl7_duplicates_total") == before + 2


def test_what_was_refused_is_tried_anew(call, hub, lakeside):
    merge = v3.feed("PRPA_IN201304UV02", [(lakeside.authority, "V-RG")], v3.person("Refusen", "Rolf", "19480202"),
                    prior=(lakeside.authority, "V-RH"))
    assert call(lakeside, "/pix", merge, valid=False).ack == "CE"
    fed(call, lakeside, "V-RH", "Otherwisen", "Olaf")
    assert call(lakeside, "/pix", merge).ack == "CA"


def test_v2_and_v3_feeds_of_one_patient_make_one_person(call, lakeside, harbour):
    person = Person(lakeside)
    who = v3.person(person.family, person.given).replace("</patientPerson>", "")
    who += (f'<telecom value="tel:217555{person.serial:04}" use="HP"/>'
            f'<birthTime value="{person.birth}"/><addr use="HP"><streetAddressLine>{person.serial} Elm St'
            "</streetAddressLine><city>Springfield</city><state>IL</state><postalCode>62701</postalCode></addr>"
            "</patientPerson>")
    assert call(harbour, "/pix", v3.feed("PRPA_IN201301UV02", [(harbour.authority, "VV-1")], who)).ack == "CA"
    assert harbour.xad_pid("VV-1") == lakeside.xad_pid(person.number(lakeside))


def test_a_revision_changes_what_is_known(call, lakeside):
    fed(call, lakeside, "V-2", "Wrongname", "Otto")
    assert fed(call, lakeside, "V-2", "Rightname", "Otto", interaction="PRPA_IN201302UV02").ack == "CA"
    found = call(lakeside, "/pdq", v3.pdq_query([("livingSubjectName", "<value><family>Rightname</family></value>")]))
    assert found.value(".//patientPerson/name/family").text == "Rightname"


def test_a_merge_makes_the_subsumed_identifier_stand_for_nobody(call, lakeside):
    fed(call, lakeside, "V-3", "Mergeling", "Bertha", "19330303")
    fed(call, lakeside, "V-4", "Mergeling", "Berta", "19330303")
    answer = fed(call, lakeside, "V-3", "Mergeling", "Bertha", "19330303", "PRPA_IN201304UV02",
                 prior=(lakeside.authority, "V-4"))
    assert (answer.ack, answer.details) == ("CA", [])
    assert call(lakeside, "/pix", v3.pix_query(lakeside.authority, "V-4")).response == "AE"


def test_a_merge_of_what_was_merged_is_refused_at_its_place(call, lakeside):
    for number in ("V-5", "V-6"):
        fed(call, lakeside, number, "Twicemerged", "Carl" + number[-1])
    merge = functools.partial(fed, call, lakeside, "V-5", "Twicemerged", "Carl5", "19700101", "PRPA_IN201304UV02",
                              prior=(lakeside.authority, "V-6"))
    assert merge().ack == "CA"
    answer = merge()
    assert answer.ack == "CE" and answer.details
    assert answer.details[0][1].endswith("priorRegisteredRole/id")


@pytest.mark.parametrize("ids, code", [([("1.2.840.1.2", "H-9")], "204"), ([("2.999.9", "X")], "204"),
                                       ([("1.2.840.1.1", "")], "101"),
                                       ([("1.2.840.1.1", "A\nB\n1.2.840.1.2\nC")], "101"),
                                       ([("1.2.840.1.1", "A^^^&1.2.840.1.2&ISO")], "101")])
def test_a_feed_without_an_identifier_of_the_source_is_refused(call, lakeside, harbour, ids, code):
    answer = call(lakeside, "/pix", v3.feed("PRPA_IN201301UV02", ids, v3.person("Nobody", "N")), valid=False)
    assert answer.ack == "CE"
    assert answer.details == [(code, "/PRPA_IN201301UV02/controlActProcess/subject/registrationEvent"
                                     "/subject1/patient/id")]


def test_a_birth_time_that_is_none_is_refused(call, lakeside):
    answer = call(lakeside, "/pix", v3.feed("PRPA_IN201301UV02", [(lakeside.authority, "V-7")],
                                            v3.person("Baddate", "B", "1970-01-01")), valid=False)
    assert answer.ack == "CE" and answer.details[0][0] == "102"
    assert call(lakeside, "/pix", v3.pix_query(lakeside.authority, "V-7")).response == "AE"


# --- ITI-45 ------------------------------------------------------------------------------------------------

AT = "/PRPA_IN201309UV02/controlActProcess/queryByParameter/parameterList"


def test_v2_and_v3_pix_answer_alike(call, lakeside, harbour):
    person = known(lakeside, harbour)
    number = person.number(lakeside)
    v2 = {(a, i) for i, a in lakeside.pix(person.cx(lakeside)).identifiers()}
    assert call(lakeside, "/pix", v3.pix_query(lakeside.authority, number)).ids() == v2
    only = call(lakeside, "/pix", v3.pix_query(lakeside.authority, number, [harbour.authority]))
    assert only.ids() == {(harbour.authority, person.number(harbour))}


def test_known_but_nothing_in_the_domain_asked_for_is_nf(call, lakeside, harbour):
    person = known(lakeside)
    answer = call(lakeside, "/pix", v3.pix_query(lakeside.authority, person.number(lakeside), [harbour.authority]))
    assert (answer.ack, answer.response, answer.patients) == ("AA", "NF", [])


@pytest.mark.parametrize("root, extension, domains, places", [
    ("1.2.840.1.1", "NEVERFED", [], ["/patientIdentifier/value"]),
    ("2.999", "X", [], ["/patientIdentifier/value"]),
    ("1.2.840.1.1", "ANY", ["2.999", "1.2.840.1.2", "2.998"], ["/dataSource[1]/value", "/dataSource[3]/value"]),
])
def test_pix_errors_name_their_place(call, lakeside, harbour, root, extension, domains, places):
    answer = call(lakeside, "/pix", v3.pix_query(root, extension, domains))
    assert (answer.ack, answer.response) == ("AE", "AE")
    assert answer.details == [("204", AT + p) for p in places]
    assert answer.value(".//queryByParameter//patientIdentifier/value/@extension") == extension


def test_a_denied_patient_is_unknown_to_v3_too(call, hub, lakeside, harbour):
    person = known(lakeside)
    hub.json("consent", "set", "--patient", person.xad, "--deny")
    hidden = call(harbour, "/pix", v3.pix_query(lakeside.authority, person.number(lakeside)))
    never = call(harbour, "/pix", v3.pix_query(lakeside.authority, "NEVERFED"))
    assert (hidden.ack, hidden.response, hidden.details) == (never.ack, never.response, never.details)


# --- ITI-47 ------------------------------------------------------------------------------------------------

def names(answer):
    return [p.findtext(f".//{{{v3.V3}}}family") for p in answer.patients]


def by_name(family, given=None, **more):
    value = f"<value><family>{family}</family>{f'<given>{given}</given>' if given else ''}</value>"
    return v3.pdq_query([("livingSubjectName", value)], **more)


def test_demographics_are_told_as_the_schema_has_them(call, lakeside):
    fed(call, lakeside, "D-1", "Demography", "Theodora", "19440506")
    answer = call(lakeside, "/pdq", by_name("Demography"))
    assert (answer.ack, answer.response, answer.counts()) == ("AA", "OK", (1, 1, 0))
    assert answer.value(".//patientPerson/birthTime/@value") == "19440506"
    assert (lakeside.authority, "D-1") in answer.ids()
    assert 0 < int(answer.value(".//queryMatchObservation/value/@value")) <= 100


def test_by_identifier_and_only_the_domains_asked_for(call, hub, lakeside, harbour):
    person = known(lakeside, harbour)
    answer = call(lakeside, "/pdq", v3.pdq_query([
        ("livingSubjectId", v3.ii("value", lakeside.authority, person.number(lakeside))),
        ("otherIDsScopingOrganization", v3.ii("value", hub.xad_authority))]))
    assert answer.ids() == {(hub.xad_authority, person.xad.split("^")[0])}


def test_nobody_answers_is_nf(call, lakeside):
    answer = call(lakeside, "/pdq", by_name("Zzyzxnobody"))
    assert (answer.ack, answer.response, answer.counts()) == ("AA", "NF", (0, 0, 0))


@pytest.mark.parametrize("parameters, code", [
    ([("otherIDsScopingOrganization", '<value root="2.999"/>'),
      ("livingSubjectName", "<value><family>Any</family></value>")], "204"),
    ([("livingSubjectBirthTime", '<value value="soon"/>')], "102"),
    ([("livingSubjectAdministrativeGender", '<value code="X"/>')], "103"),
    ([("principalCareProviderId", '<value root="1.2" extension="3"/>')], "103"),
    ([("livingSubjectName", "<value><given>Anna</given></value>")], "207"),
])
def test_pdq_errors(call, lakeside, parameters, code):
    answer = call(lakeside, "/pdq", v3.pdq_query(parameters), valid=False)
    assert (answer.ack, answer.response) == ("AE", "AE")
    assert answer.details[0][0] == code


@pytest.fixture(scope="module")
def crowd(lakeside):
    for i, given in enumerate(("Ada", "Boris", "Clara", "Dmitri", "Elena")):
        body = v3.feed("PRPA_IN201301UV02", [(lakeside.authority, f"C-{i}")],
                       v3.person("Crowdedly", given, f"19{40 + 9 * i}0{i + 1}1{i}"))
        assert v3.call(lakeside, "/pix", body).ack == "CA"


def test_pages_continue_until_all_are_told(call, lakeside, crowd):
    pages, answer = [], call(lakeside, "/pdq", by_name("Crowdedly", query_id="page-1", page=2))
    assert answer.counts() == (5, 2, 3)
    pages.append(answer.ids())
    for expected in ((5, 2, 1), (5, 1, 0)):
        answer = call(lakeside, "/pdq", v3.continuation("page-1"), v3.ACTION.format("QUQI_IN000003UV01_Continue"))
        assert answer.counts() == expected
        pages.append(answer.ids())
    own = [{e for r, e in page if r == lakeside.authority} for page in pages]
    assert set().union(*own) == {f"C-{i}" for i in range(5)} and sum(map(len, own)) == 5


def test_a_page_that_is_asked_for_again_is_answered_again(call, lakeside, crowd):
    call(lakeside, "/pdq", by_name("Crowdedly", query_id="page-2", page=2))
    action = v3.ACTION.format("QUQI_IN000003UV01_Continue")
    first = call(lakeside, "/pdq", v3.continuation("page-2", start=3, count=2), action)
    again = call(lakeside, "/pdq", v3.continuation("page-2", start=3, count=2), action)
    assert first.ids() == again.ids() and len(first.patients) == 2


def test_a_cancelled_query_does_not_continue(call, lakeside, crowd):
    call(lakeside, "/pdq", by_name("Crowdedly", query_id="page-3", page=2))
    answer = call(lakeside, "/pdq", v3.continuation("page-3", "QUQI_IN000003UV01_Cancel"))
    assert (answer.interaction, answer.ack) == ("MCCI_IN000002UV01", "CA")
    gone = call(lakeside, "/pdq", v3.continuation("page-3"), v3.ACTION.format("QUQI_IN000003UV01_Continue"))
    assert (gone.ack, gone.response) == ("AE", "AE")


def test_another_members_query_is_not_continued(call, lakeside, harbour, crowd):
    call(lakeside, "/pdq", by_name("Crowdedly", query_id="page-4", page=2))
    gone = call(harbour, "/pdq", v3.continuation("page-4"), v3.ACTION.format("QUQI_IN000003UV01_Continue"))
    assert gone.response == "AE"


def test_the_body_must_be_what_the_action_says(lakeside):
    answer = v3.call(lakeside, "/pix", by_name("Any"), v3.ACTION.format("PRPA_IN201309UV02"))
    assert (answer.ack, answer.details) == ("AE", [("100", "Envelope/Body")])
