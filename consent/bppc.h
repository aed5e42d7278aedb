/* The CDA header of a consent document (IHE BPPC, TF-3 5.1.2): whose it is, and the consent acts
 * that it documents. What stands in the body, text or a scan, is for people. Pure. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/person.h"

enum { BPPC_ACTS_MAX = 100, BPPC_IDS_MAX = 100, BPPC_SIZE_MAX = 16 << 20 };

struct bppc_header {
    struct identifier *patients; /* recordTarget/patientRole/id */
    size_t patient_count;
    /* documentationOf/serviceEvent with the template of a consent: its code, the policy. */
    struct str *policies;
    size_t policy_count;
};

/* INVALID, code "bppc", for what is no ClinicalDocument with one recordTarget and a consent act, or
 * above the caps. */
enum status bppc_header_read(struct arena *a, struct str document, struct bppc_header *out,
                             struct errors *err) MUST_CHECK;

bool bppc_names_patient(const struct bppc_header *h, struct identifier id);
bool bppc_names_policy(const struct bppc_header *h, struct str policy);
