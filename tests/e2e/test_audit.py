"""What the audit rows say (TF-2 3.20, and the audit section of each transaction): failures and
resends say as much as successes, and each row stands by itself."""
import re

import pytest
from lxml import etree

from hospital import mllp, soap, xds
from people import Person, cda, known


def last(hub, **criteria):
    return hub.audit(**criteria)[-1]


def objects(row, kind):
    return [o for o in row["objects"] if o["kind"] == kind]


# --- failures -----------------------------------------------------------------------------------------

def wrong_query(hub, lakeside, harbour):
    assert not harbour.query(xds.adhoc_query(xds.FIND_DOCUMENTS, [])).ok
    return {"transaction": "ITI-18", "member": "harbour"}, "query", xds.FIND_DOCUMENTS


def unknown_query(hub, lakeside, harbour):
    asked = xds.new_urn()
    assert not harbour.query(xds.adhoc_query(asked, [])).ok
    return {"transaction": "ITI-18", "member": "harbour"}, "query", asked


def wrong_hash(hub, lakeside, harbour):
    person = known(lakeside)
    entry = xds.Entry(person.xad, cda("wrong"), hash="0" * 40)
    submission = xds.Submission(person.xad, [entry])
    assert not lakeside.provide(submission).ok
    return {"transaction": "ITI-41", "patient": person.xad}, "submission_set", submission.unique_id


def wrong_metadata(hub, lakeside, harbour):
    person = known(lakeside)
    submission = xds.Submission(person.xad, [xds.Entry(person.xad, cda("wrong"), language="!")])
    assert not lakeside.register(submission).ok
    return {"transaction": "ITI-42", "patient": person.xad}, "submission_set", submission.unique_id


def wrong_birth_date(hub, lakeside, harbour):
    person = Person()
    answer = lakeside.feed("A04", person.patient(person.cx(lakeside), birth="when?"), control="WRONG1")
    assert answer["MSA-1"] == "AE"
    return {"transaction": "ITI-8", "member": "lakeside"}, "message", "WRONG1"


def wrong_event(hub, lakeside, harbour):
    answer = lakeside.tell(mllp.message(mllp.msh(lakeside.sender, "QBP^Q99^QBP_Q21", "WRONG2", version="2.5")))
    assert answer["MSA-1"] == "AR"
    return {"member": "lakeside"}, "message", "WRONG2"


def unknown_identifier(hub, lakeside, harbour):
    assert lakeside.pix(lakeside.cx("NOBODY"), tag="TAG77")["QAK-2"] == "AE"
    return {"transaction": "ITI-9", "member": "lakeside"}, "query", "TAG77"


@pytest.mark.parametrize("fail", [wrong_query, unknown_query, wrong_hash, wrong_metadata, wrong_birth_date,
                                  wrong_event, unknown_identifier])
def test_a_failures_row_says_what_was_asked(fail, hub, lakeside, harbour):
    criteria, kind, name = fail(hub, lakeside, harbour)
    row = last(hub, **criteria)
    assert row["outcome"] and row["description"]
    assert [o["id"] for o in objects(row, kind)] == [name], row


def test_a_failed_retrieve_names_the_documents_in_their_order(hub, harbour):
    assert not harbour.retrieve((hub.repository, "1.2.3.1"), (hub.repository, "1.2.3.2"), ("", "1.2.3.3")).ok
    row = last(hub, transaction="ITI-43", member="harbour")
    assert [o["id"] for o in objects(row, "document")] == ["1.2.3.1", "1.2.3.2"], row


def test_a_patient_id_that_no_index_holds_is_refused_for_what_it_is(hub, lakeside):
    endless = "1" * 5000 + f"^^^&{hub.xad_authority}&ISO"
    response = lakeside.provide(xds.Submission(endless, [xds.Entry(endless, cda("endless"))]))
    assert "XDSRegistryMetadataError" in response.codes, response
    row = last(hub, transaction="ITI-41", member="lakeside")
    assert row["outcome"] and row["patient"].startswith("111") and objects(row, "submission_set")


# --- contents -----------------------------------------------------------------------------------------

def test_the_query_of_a_row_can_be_read_by_itself(hub, lakeside, harbour):
    """Prefixes that the Envelope declared are declared again (3.18.5.1: ParticipantObjectQuery)."""
    person = known(lakeside, harbour)
    text = soap.serialise(soap.envelope(xds.ITI18, xds.find_documents(person.xad))).decode()
    for declaration in set(re.findall(r' xmlns:\w+="urn:[^"]*"', text)):
        text = text.replace(declaration, "").replace("Envelope ", f"Envelope{declaration} ", 1)
    answer = harbour.link.post("/xds/registry", "application/soap+xml", text.encode())
    assert answer.status == 200
    row = last(hub, transaction="ITI-18", patient=person.xad)
    told = etree.fromstring(objects(row, "query")[0]["detail"])
    assert told.tag == "{urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0}AdhocQueryRequest"
    assert told.find("{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}AdhocQuery").get("id") == xds.FIND_DOCUMENTS


def test_a_messages_row_says_which_application_sent_it(hub, lakeside):
    """Source.UserID of ITI-8 and ITI-9 is MSH-3 and MSH-4 (3.8.5.1, 3.9.5.1)."""
    person = Person()
    lakeside.feed("A04", person.patient(person.cx(lakeside)), control="SENDER1")
    message = objects(last(hub, transaction="ITI-8", member="lakeside"), "message")[0]
    assert message["id"] == "SENDER1"
    assert message["detail"] == f"{lakeside.sender.application}|{lakeside.sender.facility}"


@pytest.mark.parametrize("event", ["A04", "A40", "A02"])
def test_every_message_about_a_patient_names_the_patient_resent_or_not(event, hub, lakeside):
    person, old = known(lakeside), known(lakeside)
    patient = person.patient(person.cx(lakeside))
    text = (mllp.merge(lakeside.sender, patient, old.cx(lakeside)) if event == "A40"
            else mllp.adt(event, lakeside.sender, patient))
    for resent in (False, True):
        assert lakeside.tell(text)["MSA-1"] == "AA"
        row = last(hub, member="lakeside")
        assert row["patient"].split("^")[0] == person.number(lakeside), row
        assert ("Resent" in row["description"]) == resent


def test_a_withheld_document_is_in_the_row_of_its_patient(hub, lakeside, harbour):
    seen, hidden = known(lakeside, harbour), known(lakeside, harbour)
    first, _ = lakeside.publish(seen.xad, cda("seen"))
    second, _ = lakeside.publish(hidden.xad, cda("hidden"))
    hub.run("consent", "set", "--patient", hidden.xad, "--deny")
    assert len(harbour.get(unique_ids=[first.unique_id, second.unique_id]).entries) == 1
    rows = {r["patient"]: r for r in hub.audit(transaction="ITI-18", member="harbour")[-2:]}
    assert rows[seen.xad]["description"] == ""
    assert rows[hidden.xad]["description"] == "withheld by consent, nothing told beside others: 1"


# --- the hub itself -----------------------------------------------------------------------------------

def test_start_and_stop_are_audited(make_hub):
    """3.20: Application Activity."""
    hub = make_hub("activity")
    assert hub.stop() in (0, None)
    hub.start()
    rows = [(r["transaction"], r["event"], r["description"].split()[0]) for r in hub.audit()]
    for row in (("START", "110100", "110120"), ("STOP", "110100", "110121")):
        assert row in rows


def test_another_configuration_and_other_certificates_are_audited(make_hub):
    """3.20: Security Alert, Security Configuration."""
    hub = make_hub("configured")
    hub.stop()
    hub.start().stop()
    hub.config.write_text(hub.config.read_text() + "max_results = 17\n")
    hub.start()
    hub.reload()
    hub.await_log("tls_reloaded")
    hub.stop()
    rows = hub.audit()
    starts = [r["description"].split()[-1] for r in rows if r["transaction"] == "START"]
    assert len(starts) == 3 and starts[0] == starts[1] != starts[2]
    alert, = [r for r in rows if r["transaction"] == "CONFIG" and "read again" in r["description"]]
    assert (alert["event"], alert["outcome"]) == ("110113", 0)
