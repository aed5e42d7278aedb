"""Documents follow their records: merges, their chains, and links that are taken apart and healed."""
import psycopg2
import pytest

from hospital import xds
from people import cda, known


@pytest.fixture(scope="module")
def sql(hub):
    connection = psycopg2.connect(f"{hub.database} user=causeway_admin")
    connection.autocommit = True

    def run(text, *values):
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.fetchall()

    yield run
    connection.close()


def publish(hospital, person, text, relations=()):
    """A document under the hospital's own record of the person."""
    entry = xds.Entry(person.xad, cda(text), id=xds.new_urn(), source_patient_id=person.cx(hospital))
    assert hospital.provide(xds.Submission(person.xad, [entry],
                                           relations=[(k, entry.id, t) for k, t in relations])).ok
    return entry


def tasks(sql, entry):
    return sql("""SELECT t.state, t.resolution, t.detail->'associations' FROM mpi_task t
                  JOIN xds_document_entry e ON (e.pkey, e.record_id) IN ((t.pkey, t.record_id),
                                                                        (t.other_pkey, t.other_record))
                  WHERE t.kind = 'torn_association' AND e.entry_uuid = %s ORDER BY t.opened_at""",
               entry.id.removeprefix("urn:uuid:"))


def test_an_association_that_an_unlink_tears_is_a_task_that_a_link_heals(hub, lakeside, harbour, sql):
    person = known(lakeside, harbour)
    base = publish(lakeside, person, "base")
    addendum = publish(harbour, person, "addendum", [(xds.APND, base.id)])
    assert tasks(sql, base) == []
    hub.run("mpi", "unlink", person.cx(harbour), "--why", "another person")
    assert [(s, r) for s, r, _ in tasks(sql, base)] == [("open", None)]
    [(link,)] = sql("SELECT DISTINCT entry_uuid FROM xds_association WHERE source_uuid = %s AND target_uuid = %s",
                    addendum.id.removeprefix("urn:uuid:"), base.id.removeprefix("urn:uuid:"))
    assert tasks(sql, base)[0][2] == [f"urn:uuid:{link}"]
    apart = harbour.xad_pid(person.number(harbour))
    assert apart != person.xad
    assert [e.id for e in harbour.find(person.xad).entries] == [base.id]
    assert [e.id for e in harbour.find(apart).entries] == [addendum.id]
    hub.run("mpi", "no-link", person.cx(harbour), person.cx(lakeside), "--end", "--why", "the same after all")
    hub.run("mpi", "link", person.cx(harbour), person.xad, "--why", "the same after all")
    assert [(s, r) for s, r, _ in tasks(sql, base)] == [("closed", "healed")]
    assert sorted(e.id for e in harbour.find(person.xad).entries) == sorted([base.id, addendum.id])


def test_what_moves_together_is_not_torn(lakeside, harbour, hub, sql):
    one, two = known(lakeside, harbour), known(lakeside)
    base = publish(lakeside, one, "base")
    publish(harbour, one, "addendum", [(xds.APND, base.id)])
    hub.run("mpi", "merge", two.xad, one.xad, "--why", "one person")
    assert tasks(sql, base) == []
    assert len(harbour.find(two.xad).entries) == 2


def test_a_merge_and_its_undoing_show_in_queries_at_once(hub, lakeside, harbour):
    """A into B into C, and back."""
    a, b, c = (known(lakeside, harbour) for _ in range(3))
    entries = {p: publish(lakeside, p, p.family) for p in (a, b, c)}
    hub.run("mpi", "merge", b.xad, a.xad, "--why", "one")
    hub.run("mpi", "merge", c.xad, b.xad, "--why", "one")
    found = harbour.find(c.xad).entries
    assert sorted(e.id for e in found) == sorted(e.id for e in entries.values())
    assert {e.patient_id for e in found} == {c.xad}
    for gone in (a, b):
        assert not harbour.find(gone.xad).entries
        response = lakeside.publish(gone.xad, cda("late"))[1]
        assert response.codes == ["XDSUnknownPatientId"] and gone.xad in response.errors[0].context
    new = publish(lakeside, c, "new", [(xds.RPLC, entries[a].id)])
    assert sorted(e.id for e in harbour.find(c.xad).entries) == sorted([new.id, entries[b].id, entries[c].id])
    assert harbour.get(entry_uuids=[entries[a].id]).entries[0].status == xds.DEPRECATED


def test_an_update_follows_the_record(hub, lakeside, harbour):
    """After a merge a document is updated under the surviving identifier, and under no other."""
    old, new = known(lakeside, harbour), known(lakeside, harbour)
    entry = publish(lakeside, old, "first")
    hub.run("mpi", "merge", new.xad, old.xad, "--why", "one")

    def version(xad):
        return xds.Entry(xad, entry.content, entry.unique_id, xds.new_urn(), lid=entry.id, previous="1",
                         hash=entry.sha1(), size=str(len(entry.content)), repository=hub.repository)

    assert lakeside.update(xds.Submission(old.xad, [version(old.xad)])).codes == ["XDSUnknownPatientId"]
    assert lakeside.update(xds.Submission(new.xad, [version(new.xad)])).ok
    assert [e.version for e in harbour.find(new.xad).entries] == ["2"]
