"""Retrieve Document Set (ITI-43): what is given, and how each failure is told (TF-2 3.43)."""
import pytest

from hospital import xds
from people import cda, known, masked


@pytest.fixture(scope="module")
def shelf(lakeside, harbour):
    person = known(lakeside, harbour)
    person.entries = [lakeside.publish(person.xad, cda(f"shelf {n}"))[0] for n in range(3)]
    return person


def test_several_documents_come_in_one_answer(hub, harbour, shelf):
    got = harbour.retrieve(*[(hub.repository, e.unique_id) for e in shelf.entries])
    assert got.ok and {d.unique_id: d.content for d in got.documents} == {
        e.unique_id: e.content for e in shelf.entries}


def test_some_found_and_some_not_is_partial_success(hub, harbour, shelf):
    wanted = shelf.entries[0].unique_id
    got = harbour.retrieve((hub.repository, wanted), (hub.repository, "1.2.3.999"))
    assert got.status == xds.PARTIAL
    assert [d.unique_id for d in got.documents] == [wanted]
    error, = got.errors
    assert (error.code, error.location) == ("XDSDocumentUniqueIdError", "1.2.3.999")
    assert error.severity == xds.ERROR and error.context


def test_one_document_is_given_eight_times_in_an_answer(hub, harbour, shelf):
    got = harbour.retrieve(*[(hub.repository, shelf.entries[0].unique_id)] * 9)
    assert got.status == xds.PARTIAL and len(got.documents) == 8
    assert got.codes == ["XDSRepositoryOutOfResources"]


def test_none_found_is_failure(hub, harbour):
    got = harbour.retrieve((hub.repository, "1.2.3.998"))
    assert got.status == xds.FAILURE and got.codes == ["XDSDocumentUniqueIdError"] and not got.documents


def test_an_unknown_repository_has_its_own_error(harbour, shelf):
    got = harbour.retrieve(("1.2.3.4.999", shelf.entries[0].unique_id))
    assert got.status == xds.FAILURE and got.codes == ["XDSUnknownRepositoryId"]


def test_a_document_asked_for_twice_comes_once_or_twice_but_is_no_error(hub, harbour, shelf):
    pair = (hub.repository, shelf.entries[0].unique_id)
    got = harbour.retrieve(pair, pair)
    assert got.ok and {d.unique_id for d in got.documents} == {pair[1]}


def test_the_home_community_id_is_echoed_only_if_it_was_asked_with(hub, harbour, shelf):
    home = "urn:oid:" + hub.settings["home_community_id"]
    body = xds.retrieve([(hub.repository, shelf.entries[0].unique_id)], home=home)
    got = xds.Response(harbour.link.call("/xds/repository", xds.ITI43, body, mtom=True))
    assert got.ok and got.documents[0].home == home


def test_simple_soap_is_accepted_and_answered_by_mtom(hub, harbour, shelf):
    body = xds.retrieve([(hub.repository, shelf.entries[0].unique_id)])
    got = xds.Response(harbour.link.call("/xds/repository", xds.ITI43, body))
    assert got.ok and got.answer.mtom


def told_apart(hub, member, unique_id):
    """The answer for this document and that for one that nobody registered, made alike."""
    nobody = unique_id[:-1] + str((int(unique_id[-1]) + 1) % 10)
    answers = [member.retrieve((hub.repository, u)) for u in (unique_id, nobody)]
    assert answers[0].codes == ["XDSDocumentUniqueIdError"]
    return [masked(a).replace(u.encode(), b"UNIQUE-ID") for a, u in zip(answers, (unique_id, nobody))]


def test_what_a_member_was_shown_before_is_decided_anew(hub, lakeside, harbour):
    """The hub remembers where it was (xds/find.c), and believes nothing of that."""
    person, other = known(lakeside, harbour), known(lakeside)
    entry, _ = lakeside.publish(person.xad, cda("shown before"))
    pair = (hub.repository, entry.unique_id)
    assert harbour.find(person.xad).ok and harbour.retrieve(pair).ok and harbour.retrieve(pair).ok
    policy = hub.json("consent", "set", "--patient", person.xad, "--deny", "--member", "harbour")["policy"]
    for _ in range(2):
        hidden, nobody = told_apart(hub, harbour, entry.unique_id)
        assert hidden == nobody
        assert lakeside.retrieve(pair).ok
    hub.run("consent", "revoke", "--patient", person.xad, "--policy", policy)
    assert harbour.retrieve(pair).ok
    hub.run("consent", "set", "--patient", other.xad, "--deny", "--member", "harbour")
    merge = hub.json("mpi", "merge", person.cx(lakeside), other.cx(lakeside), "--why", "one patient")["merge"]
    assert harbour.retrieve(pair).codes == ["XDSDocumentUniqueIdError"]
    hub.json("mpi", "unmerge", merge)
    assert harbour.retrieve(pair).ok and harbour.retrieve(pair).documents[0].content == entry.content
    assert lakeside.remove_documents(pair).ok
    gone, nobody = told_apart(hub, harbour, entry.unique_id)
    assert gone == nobody


def test_a_document_whose_bytes_were_changed_on_disk_is_not_given(hub, lakeside, harbour):
    """The frames authenticate themselves: a flipped byte breaks the answer off, or is an error."""
    from hospital import soap

    person = known(lakeside, harbour)
    before = {f for f in (hub.folder / "documents").rglob("*") if f.is_file()}
    entry, response = lakeside.publish(person.xad, cda("flipped") * 50)
    assert response.ok
    blob, = {f for f in (hub.folder / "documents").rglob("*") if f.is_file()} - before
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.chmod(0o600)
    blob.write_bytes(data)
    try:
        got = harbour.retrieve((hub.repository, entry.unique_id))
    except soap.Broken:
        return
    assert got.status == xds.FAILURE and not got.documents
