"""A hub with small limits: what is too much says so, and counts only what the asker may see."""
from hospital import xds
from people import cda, known

SETTINGS = {"max_results": 3, "unknown_patient": "empty"}


def publish(lakeside, person, count):
    entries = [xds.Entry(person.xad, cda(f"limit {n}")) for n in range(count)]
    assert lakeside.provide(xds.Submission(person.xad, entries)).ok
    return entries


def test_as_many_results_as_the_limit_are_given(lakeside, harbour):
    person = known(lakeside, harbour)
    publish(lakeside, person, 3)
    assert len(harbour.find(person.xad).entries) == 3


def test_more_results_than_the_limit_are_an_error_and_none_is_given(lakeside, harbour):
    person = known(lakeside, harbour)
    publish(lakeside, person, 4)
    for return_type in ("LeafClass", "ObjectRef"):
        response = harbour.find(person.xad, return_type=return_type)
        assert response.status == xds.FAILURE and response.codes == ["XDSTooManyResults"]
        assert not response.objects


def test_hidden_results_do_not_count(hub, lakeside, harbour):
    person = known(lakeside, harbour)
    publish(lakeside, person, 4)
    hub.run("consent", "set", "--patient", person.xad, "--deny", "--member", "harbour")
    response = harbour.find(person.xad)
    assert response.ok and not response.entries
    assert lakeside.find(person.xad).codes == ["XDSTooManyResults"]


def test_an_unknown_patient_may_be_an_empty_answer(hub, harbour):
    response = harbour.find(f"NOBODY^^^&{hub.xad_authority}&ISO")
    assert response.ok and not response.objects


def test_an_unknown_and_a_hidden_patient_answer_alike(hub, lakeside, harbour):
    from people import masked

    person = known(lakeside, harbour)
    publish(lakeside, person, 1)
    hub.run("consent", "set", "--patient", person.xad, "--deny")
    hidden = masked(harbour.find(person.xad))
    assert hidden == masked(harbour.find(f"NOBODY^^^&{hub.xad_authority}&ISO"))
