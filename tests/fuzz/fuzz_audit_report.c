/* DICOM audit messages that members send, inside their syslog message or bare. */
#include "hub/audit/dicom_read.h"
#include "hub/audit/syslog.h"
#include "hub/base/err.h"
#include "hub/data/xml.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str bytes = str_of(data, n);
    struct syslog_message m;
    struct audit_report r;
    struct arena a;

    arena_init(&a);
    xml_init();
    if (syslog_read(bytes, &m))
        bytes = m.text;
    if (audit_report_read(&a, bytes, &r)) {
        must(r.outcome == 0 || r.outcome == 4 || r.outcome == 8 || r.outcome == 12, "an outcome");
        for (size_t i = 0; i < r.patient_count && i < AUDIT_REPORT_PATIENTS_MAX; i++)
            must(r.patients[i].n > 0, "a patient has an id");
    }
    arena_dispose(&a);
    return 0;
}
