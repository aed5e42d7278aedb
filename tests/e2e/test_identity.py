"""Patient Identity Management (ITI-30) and link changes (ITI-64): ADT A28, A31, A47, A24, A37, A43."""
import pytest

from hospital import Patient, mllp
from people import Person


def code(answer):
    return answer["MSA-1"]


def error(answer):
    """(code, place) of the first ERR, in the shape of either version."""
    old = answer["ERR-1"]
    if old:
        parts = old.split("^")
        return parts[3].split("&")[0], "^".join(parts[:3])
    return answer["ERR-3"].split("^")[0], answer["ERR-2"]


def message(hospital, event, *segments, **options):
    return hospital.tell(mllp.message(mllp.msh(hospital.sender, f"ADT^{event}", **options),
                                      f"EVN|{event}|{mllp.timestamp()}", *segments))


def pid(cx, name="Renamed^Rita"):
    return f"PID|||{cx}||{name}||19700101|F"


@pytest.mark.parametrize("event", ["A28", "A31"])
@pytest.mark.parametrize("version", ["2.3.1", "2.5"])
def test_a_person_is_added_and_updated(event, version, lakeside):
    person = Person()
    assert code(lakeside.feed(event, person.patient(person.cx(lakeside)), version=version)) == "AA"
    assert lakeside.xad_pid(person.number(lakeside))


def test_a47_gives_the_record_another_name(lakeside):
    person = Person()
    lakeside.feed("A28", person.patient(person.cx(lakeside)))
    xad = lakeside.xad_pid(person.number(lakeside))
    assert code(message(lakeside, "A47", pid(lakeside.cx("R-1")), f"MRG|{person.cx(lakeside)}")) == "AA"
    assert lakeside.xad_pid("R-1") == xad
    assert lakeside.xad_pid(person.number(lakeside)) is None  # the old one stands for nobody


def test_a47_to_an_identifier_that_is_known_is_refused(lakeside):
    one, other = Person(), Person()
    for person in (one, other):
        lakeside.feed("A28", person.patient(person.cx(lakeside)))
    answer = message(lakeside, "A47", pid(other.cx(lakeside)), f"MRG|{one.cx(lakeside)}")
    assert code(answer) == "AE" and error(answer) == ("205", "PID^1^3")
    assert lakeside.xad_pid(one.number(lakeside))


def test_a47_of_an_unknown_identifier_is_refused(lakeside):
    answer = message(lakeside, "A47", pid(lakeside.cx("R-2")), f"MRG|{lakeside.cx('R-3')}", version="2.5")
    assert code(answer) == "AE" and error(answer) == ("204", "MRG^1^1")
    assert lakeside.xad_pid("R-2") is None


def test_a47_of_a_merged_identifier_is_refused(lakeside):
    one, other = Person(), Person()
    for person in (one, other):
        lakeside.feed("A28", person.patient(person.cx(lakeside)))
    lakeside.merge(one.patient(one.cx(lakeside)), other.cx(lakeside))
    answer = message(lakeside, "A47", pid(lakeside.cx("R-4")), f"MRG|{other.cx(lakeside)}")
    assert error(answer) == ("204", "MRG^1^1")


def test_a24_links_and_a37_unlinks_for_good(lakeside):
    one, other = Person(), Person()
    for person in (one, other):
        lakeside.feed("A28", person.patient(person.cx(lakeside)))
    before = [lakeside.xad_pid(p.number(lakeside)) for p in (one, other)]
    assert before[0] != before[1]
    both = (pid(one.cx(lakeside)), pid(other.cx(lakeside)))
    assert code(message(lakeside, "A24", *both)) == "AA"
    assert lakeside.xad_pid(other.number(lakeside)) == lakeside.xad_pid(one.number(lakeside)) == before[0]
    assert code(message(lakeside, "A37", *both)) == "AA"
    assert [lakeside.xad_pid(p.number(lakeside)) for p in (one, other)] == before
    lakeside.feed("A31", one.patient(other.cx(lakeside)))  # now the same demographics
    assert lakeside.xad_pid(other.number(lakeside)) == before[1]


def test_a37_of_two_persons_keeps_them_apart(lakeside, harbour):
    person = Person()
    lakeside.feed("A28", person.patient(person.cx(lakeside)))
    lakeside.feed("A28", Person().patient(lakeside.cx("K-1")))
    assert code(message(lakeside, "A37", pid(person.cx(lakeside)), pid(lakeside.cx("K-1")))) == "AA"
    assert code(message(lakeside, "A24", pid(person.cx(lakeside)), pid(lakeside.cx("K-1")))) in ("AE", "AR")


@pytest.mark.parametrize("event", ["A24", "A37"])
def test_both_patients_must_be_known_and_named(event, lakeside):
    person = Person()
    lakeside.feed("A28", person.patient(person.cx(lakeside)))
    answer = message(lakeside, event, pid(person.cx(lakeside)), pid(lakeside.cx("nobody")))
    assert code(answer) == "AE" and error(answer) == ("204", "PID^2^3")
    answer = message(lakeside, event, pid(person.cx(lakeside)))
    assert code(answer) == "AE" and error(answer)[0] == "100"
    answer = message(lakeside, event, pid(person.cx(lakeside)), pid("1^^^&9.9.9&ISO"))
    assert code(answer) == "AE" and error(answer) == ("204", "PID^2^3")


def test_a43_is_taken_from_nobody_where_the_hub_issues_xad_pids(hub, lakeside):
    person = Person()
    lakeside.feed("A28", person.patient(person.cx(lakeside)))
    answer = message(lakeside, "A43", f"PID|||X-1^^^&{hub.xad_authority}&ISO~{person.cx(lakeside)}|| ",
                     f"MRG|X-2^^^&{hub.xad_authority}&ISO", version="2.5")
    assert code(answer) != "AA" and error(answer)[0] == "204"


@pytest.fixture(scope="module")
def region(make_hub):
    """A region whose XAD-PIDs a member feeds."""
    made = make_hub("identity_region", xad_source="registry")
    made.open_region()
    return made


def test_a43_moves_a_local_identifier_to_another_xad_pid(region):
    registry, clinic = region.enrol("registry", "1.2.840.9.1"), region.enrol("clinic", "1.2.840.9.2")

    def xad(number):
        return f"{number}^^^&{region.xad_authority}&ISO"

    one, other = Person(), Person()
    registry.feed("A01", one.patient(xad("X-1")))
    registry.feed("A01", other.patient(xad("X-2")))
    clinic.feed("A01", one.patient(clinic.cx("C-1")))
    clinic.feed("A01", other.patient(clinic.cx("C-2")))
    assert clinic.xad_pid("C-1").startswith("X-1^") and clinic.xad_pid("C-2").startswith("X-2^")

    def change(new, local, old, subsumed=None):
        return message(registry, "A43", f"PID|||{xad(new)}~{local}|| ",
                       "MRG|" + "~".join(filter(None, [xad(old), subsumed])), version="2.5")

    wrong = change("X-2", clinic.cx("C-1"), "X-2x")
    assert error(wrong) == ("204", "MRG^1^1")
    assert error(change("X-9", clinic.cx("C-1"), "X-1")) == ("204", "PID^1^3")
    assert code(change("X-2", clinic.cx("C-1"), "X-1")) == "AA"
    assert clinic.xad_pid("C-1").startswith("X-2^")
    assert code(change("X-2", clinic.cx("C-2"), "X-2", clinic.cx("C-1"))) == "AA"
    assert clinic.xad_pid("C-1") is None and clinic.xad_pid("C-2").startswith("X-2^")
    denied = message(clinic, "A43", f"PID|||{xad('X-1')}~{clinic.cx('C-2')}|| ", f"MRG|{xad('X-2')}",
                     version="2.5")
    assert code(denied) != "AA"
