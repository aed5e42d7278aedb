"""Audit messages as members send them (ITI-20): octet-counted over TLS, each of its own bytes."""

import threading
import time

CONNECTIONS = 4
BATCH = 30  # messages that one read of a connection holds, about: 64 kB
RECORD_BYTES = 3100  # of a sealed record with the message in it

MESSAGE = """<85>1 2026-11-22T10:00:00.5Z ehr.example ehr 77 IHE+RFC-3881 - <?xml version="1.0" encoding="UTF-8"?>\
<AuditMessage><EventIdentification EventActionCode="E" EventDateTime="2026-11-22T10:00:00.5Z" \
EventOutcomeIndicator="0"><EventID csd-code="110112" codeSystemName="DCM" originalText="Query"/><EventTypeCode \
csd-code="ITI-18" codeSystemName="IHE Transactions" originalText="Registry Stored Query"/></EventIdentification>\
<ActiveParticipant UserID="http://www.w3.org/2005/08/addressing/anonymous" AlternativeUserID="77" \
UserIsRequestor="true" NetworkAccessPointID="192.0.2.7" NetworkAccessPointTypeCode="2"><RoleIDCode \
csd-code="110153" codeSystemName="DCM" originalText="Source Role ID"/></ActiveParticipant><ActiveParticipant \
UserID="user{user}" UserName="u&lt;user{user}@idp&gt;" UserIsRequestor="true"/><ActiveParticipant \
UserID="https://hub.example/xds/registry" UserIsRequestor="false" NetworkAccessPointID="hub.example" \
NetworkAccessPointTypeCode="1"><RoleIDCode csd-code="110152" codeSystemName="DCM" \
originalText="Destination Role ID"/></ActiveParticipant><AuditSourceIdentification AuditSourceID="ehr"/>\
<ParticipantObjectIdentification ParticipantObjectID="P{number}^^^&amp;1.2.3&amp;ISO" ParticipantObjectTypeCode="1" \
ParticipantObjectTypeCodeRole="1"><ParticipantObjectIDTypeCode csd-code="2" codeSystemName="RFC-3881" \
originalText="Patient Number"/></ParticipantObjectIdentification></AuditMessage>"""

_numbers = iter(range(1, 1 << 40))


def _stream(count):
    parts = []
    for _ in range(count):
        number = next(_numbers)
        message = MESSAGE.format(number=number, user=number % 1000).encode()
        parts.append(b"%d %s" % (len(message), message))
    return b"".join(parts)


def _received(stack):
    return stack.metrics().get("causeway_syslog_received_total", 0)


def receive(stack, count):
    each = count // CONNECTIONS
    wires = [(stack.connect(stack.syslog), _stream(each)) for _ in range(CONNECTIONS)]
    before, begin = _received(stack), time.monotonic()
    threads = [threading.Thread(target=wire.sendall, args=(stream,)) for wire, stream in wires]
    for thread in threads:
        thread.start()
    while _received(stack) < before + each * CONNECTIONS:
        if time.monotonic() > begin + 120:
            raise SystemExit("bench: the messages did not all arrive")
        time.sleep(0.02)
    took = time.monotonic() - begin
    for thread in threads:
        thread.join()
    for wire, _ in wires:
        wire.close()
    return {"per_second": each * CONNECTIONS / took}


def scaled(figure):
    """Transactions of pgbench as messages."""
    return {**figure, "per_second": figure["per_second"] * BATCH}
