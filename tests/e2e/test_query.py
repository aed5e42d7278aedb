"""Stored queries (ITI-18): the rules of TF-2 3.18.4.1.2 and 3.18.4.1.3, and their errors."""
import pytest

from hospital import xds
from hospital.xds import Code, quoted
from people import cda, known

S1, S2 = "1.2.3.1", "1.2.3.2"  # two coding schemes with the same codes


def coded(*codes, scheme=S1):
    return "(" + ",".join(f"'{c}^^{scheme}'" for c in codes) + ")"


ENTRY = "$XDSDocumentEntry"


@pytest.fixture(scope="module")
def shelf(lakeside, harbour):
    """Three documents of one patient, a, b and c, that differ in what queries can ask for."""
    person = known(lakeside, harbour)
    person.entries = {
        "a": xds.Entry(person.xad, cda("a"), title="a", class_code=Code("C1", S1), type_code=Code("T1", S1),
                       events=[Code("E1", S1), Code("E2", S1)], confidentiality=[Code("N", S1)],
                       creation_time="2026", service_start="20260101", service_stop="20260201",
                       author="11^Smith^Ada", format_code=Code("F1", S1), facility_type=Code("H1", S1),
                       practice_setting=Code("P1", S1)),
        "b": xds.Entry(person.xad, cda("b"), title="b", class_code=Code("C2", S1), type_code=Code("T1", S1),
                       events=[Code("E2", S1), Code("E3", S1)],
                       confidentiality=[Code("N", S1), Code("R", S1)],
                       creation_time="202606", author="22^Jones^Bob", format_code=Code("F2", S1),
                       facility_type=Code("H2", S1), practice_setting=Code("P2", S1)),
        "c": xds.Entry(person.xad, cda("c"), title="c", class_code=Code("C1", S2), type_code=Code("T2", S1),
                       events=[Code("E1", S1), Code("E3", S1)], confidentiality=[Code("R", S1)],
                       creation_time="20260615120000", service_start="20260601120000",
                       service_stop="20260601130000", author="33^O'Hara^Smithers", format_code=Code("F1", S1),
                       facility_type=Code("H1", S1), practice_setting=Code("P2", S1)),
    }
    response = lakeside.provide(xds.Submission(person.xad, list(person.entries.values())))
    assert response.ok, response
    return person


# name of the rule: (slots beside patient and status, titles found)
RULES = {
    "no filter finds all": ([], "abc"),
    "a code filters": ([("ClassCode", [coded("C1")])], "a"),
    "a code of another scheme is another code": ([("ClassCode", [coded("C1", scheme=S2)])], "c"),
    "values in one list are alternatives": ([("ClassCode", [coded("C1", "C2")])], "ab"),
    "lists split over several values are alternatives":
        ([("ClassCode", [coded("C1"), coded("C2")])], "ab"),
    "filters of different names must all hold":
        ([("ClassCode", [coded("C1", "C2")]), ("TypeCode", [coded("T1")]), ("FormatCode", [coded("F2")])], "b"),
    "type code": ([("TypeCode", [coded("T2")])], "c"),
    "format code": ([("FormatCode", [coded("F1")])], "ac"),
    "facility type": ([("HealthcareFacilityTypeCode", [coded("H2")])], "b"),
    "practice setting": ([("PracticeSettingCode", [coded("P2")])], "bc"),
    "confidentiality": ([("ConfidentialityCode", [coded("R")])], "bc"),
    "an event alternative": ([("EventCodeList", [coded("E1", "E2")])], "abc"),
    "repeated slots of a many-valued attribute must all hold":
        ([("EventCodeList", [coded("E1")]), ("EventCodeList", [coded("E3")])], "c"),
    "(a or b) and c": ([("EventCodeList", [coded("E1", "E2")]), ("EventCodeList", [coded("E3")])], "bc"),
    "repeated confidentiality": ([("ConfidentialityCode", [coded("N")]), ("ConfidentialityCode", [coded("R")])], "b"),
    "an author like": ([("AuthorPerson", ["('%Smith%')"])], "ac"),
    "an author of one letter more": ([("AuthorPerson", ["('__^Smith^%')"])], "a"),
    "a doubled quote is a quote": ([("AuthorPerson", ["('%O''Hara%')"])], "c"),
    "an unquoted single value is let pass": ([("CreationTimeFrom", ["20260610"])], "c"),
    "a number in quotes is let pass": ([("CreationTimeFrom", ["'20260610'"])], "c"),
    "from includes its edge, padded": ([("CreationTimeFrom", ["20260601000000"])], "bc"),
    "from of less precision is padded too": ([("CreationTimeFrom", ["2026"])], "abc"),
    "to excludes its edge": ([("CreationTimeTo", ["20260615120000"])], "ab"),
    "a time between": ([("CreationTimeFrom", ["20260102"]), ("CreationTimeTo", ["20260615"])], "b"),
    "service times do not exclude what has none": ([("ServiceStartTimeFrom", ["20260301"])], "bc"),
    "service start to": ([("ServiceStartTimeTo", ["20260101"])], "b"),
    "service stop from includes its edge": ([("ServiceStopTimeFrom", ["20260601130000"])], "bc"),
    "service stop to": ([("ServiceStopTimeTo", ["20260601"])], "ab"),
    "stable documents are the default, and may be named": ([("Type", [f"('{xds.STABLE}')"])], "abc"),
    "on-demand alone finds none":
        ([("Type", ["('urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248')"])], ""),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("return_type", ["LeafClass", "ObjectRef"])
def test_find_documents(rule, return_type, shelf, harbour):
    slots, titles = RULES[rule]
    response = harbour.find(shelf.xad, [(ENTRY + name, values) for name, values in slots],
                            return_type=return_type)
    assert response.ok, response
    if return_type == "LeafClass":
        assert sorted(e.title for e in response.entries) == sorted(titles)
    else:
        assert len(response.refs) == len(titles)


APPROVED_SLOT = (ENTRY + "Status", [xds.listed(xds.APPROVED)])


def find(shelf, *slots):
    return xds.adhoc_query(xds.FIND_DOCUMENTS, slots)


def patient_slot(shelf):
    return (ENTRY + "PatientId", [quoted(shelf.xad)])


# name of the rule: (the query, the error)
ERRORS = {
    "patient id is required": (lambda s: find(s, APPROVED_SLOT), "XDSStoredQueryMissingParam"),
    "status is required": (lambda s: find(s, patient_slot(s)), "XDSStoredQueryMissingParam"),
    "unknown status values are ignored, and none is left":
        (lambda s: find(s, patient_slot(s), (ENTRY + "Status", ["('urn:x:Odd')"])), "XDSStoredQueryMissingParam"),
    "a single-valued slot comes once":
        (lambda s: find(s, patient_slot(s), patient_slot(s), APPROVED_SLOT), "XDSStoredQueryParamNumber"),
    "a code slot of a single-valued attribute comes once":
        (lambda s: find(s, patient_slot(s), APPROVED_SLOT, (ENTRY + "ClassCode", [coded("C1")]),
                        (ENTRY + "ClassCode", [coded("C2")])), "XDSStoredQueryParamNumber"),
    "a single-valued slot has one value":
        (lambda s: find(s, patient_slot(s), APPROVED_SLOT, (ENTRY + "CreationTimeFrom", ["2026", "2027"])),
         "XDSStoredQueryParamNumber"),
    "an unknown query": (lambda s: xds.adhoc_query(xds.new_urn(), [patient_slot(s)]), "XDSUnknownStoredQuery"),
    "get documents needs an id": (lambda s: xds.get_documents(), "XDSStoredQueryMissingParam"),
    "get documents takes one kind of id":
        (lambda s: xds.get_documents(["1.2.3"], [xds.new_urn()]), "XDSStoredQueryParamNumber"),
    "an unknown patient":
        (lambda s: xds.find_documents("NOBODY^^^&" + s.xad.split("&")[1] + "&ISO"), "XDSUnknownPatientId"),
}


@pytest.mark.parametrize("rule", ERRORS)
def test_a_wrong_query_fails_with_its_own_error_and_gives_nothing(rule, shelf, harbour):
    build, code = ERRORS[rule]
    response = harbour.query(build(shelf))
    assert response.status == xds.FAILURE and code in response.codes, response
    assert not response.objects
    error = response.errors[0]
    assert error.context and error.severity == xds.ERROR and response.highest_severity in (None, xds.ERROR)


@pytest.mark.parametrize("value", [
    "'C1'", "'C1^^'", "'^^1.2.3'", "C1^^1.2.3.1'", "('C1^^1.2.3.1'", "('C1^^1.2.3.1',)"])
def test_a_malformed_code_is_an_error_not_an_empty_answer(value, shelf, harbour):
    response = harbour.find(shelf.xad, [(ENTRY + "ClassCode", [value])])
    assert response.status == xds.FAILURE and not response.objects, response


@pytest.mark.parametrize("value", ["yesterday", "20261301", "20260230", "2026060112345"])
def test_a_malformed_time_is_an_error(value, shelf, harbour):
    response = harbour.find(shelf.xad, [(ENTRY + "CreationTimeFrom", [value])])
    assert response.status == xds.FAILURE, response


def test_an_unknown_status_beside_a_known_one_is_ignored(shelf, harbour):
    assert len(harbour.find(shelf.xad, status=[xds.APPROVED, "urn:x:Odd"]).entries) == 3


def test_an_empty_result_is_success_with_an_empty_list(shelf, harbour):
    response = harbour.find(shelf.xad, status=[xds.DEPRECATED])
    assert response.ok and not response.objects
    assert response.body.find("rim:RegistryObjectList", xds.NAMESPACES) is not None


def test_ids_of_another_kind_of_object_find_nothing(lakeside, harbour):
    person = known(lakeside, harbour)
    submission = xds.Submission(person.xad, [xds.Entry(person.xad, cda("kind"))], id=xds.new_urn())
    assert lakeside.provide(submission).ok
    for response in (harbour.get(entry_uuids=[submission.id]),
                     harbour.get(unique_ids=[submission.unique_id])):
        assert response.ok and not response.objects


def test_get_documents_across_two_patients_needs_object_refs(lakeside, harbour):
    people = [known(lakeside, harbour), known(lakeside, harbour)]
    ids = []
    for person in people:
        entry, response = lakeside.publish(person.xad, cda(person.family))
        assert response.ok
        ids.append(entry.unique_id)
    whole = harbour.get(unique_ids=ids)
    assert whole.status == xds.FAILURE and whole.codes == ["XDSResultNotSinglePatient"]
    assert not whole.objects
    assert len(harbour.get(unique_ids=ids, return_type="ObjectRef").refs) == 2


def test_a_hidden_patient_does_not_make_a_result_of_two(hub, lakeside, harbour):
    """Counts and errors come from what is visible: the other patient's existence does not show."""
    seen, hidden = known(lakeside, harbour), known(lakeside, harbour)
    first, _ = lakeside.publish(seen.xad, cda("seen"))
    second, _ = lakeside.publish(hidden.xad, cda("hidden"))
    hub.run("consent", "set", "--patient", hidden.xad, "--deny")
    response = harbour.get(unique_ids=[first.unique_id, second.unique_id])
    assert response.ok and response.unique_ids == [first.unique_id]


def test_every_extra_slot_is_kept_and_given_back(lakeside, harbour):
    person = known(lakeside, harbour)
    entry, response = lakeside.publish(person.xad, cda("slot"), extra_slots={"urn:example:ward": ["7", "8"]})
    assert response.status == xds.SUCCESS, response
    found = harbour.find(person.xad).entries[0]
    assert found.slot("urn:example:ward") == "7"


def test_the_response_echoes_message_id_and_action(harbour, shelf):
    answer = harbour.link.call("/xds/registry", xds.ITI18, xds.find_documents(shelf.xad),
                               message_id="urn:uuid:0c0ffee0-0000-4000-8000-000000000001")
    assert answer.header("RelatesTo") == "urn:uuid:0c0ffee0-0000-4000-8000-000000000001"
    assert answer.header("Action") == "urn:ihe:iti:2007:RegistryStoredQueryResponse"
    assert not answer.mtom  # Simple SOAP: 3.18.4.1.2.7
