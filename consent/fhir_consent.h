/* FHIR R4 Consent in JSON, as IHE Privacy Consent on FHIR (PCF 1.1) profiles it: basic,
 * intermediate and advanced, with provisions nested to any depth within the cap.
 *
 * Everything is either understood or named: an element, a modifierExtension, a code or a shape that
 * is not known is listed in `strange` by its path (Consent.provision.provision[0].class), and a
 * consent with such an element may only ever deny. Nothing is ignored but what FHIR says is no part
 * of the meaning: text, meta, and displays, which are kept by the original that is stored.
 *
 * Pure. Strings borrow from the JSON tree, which ends with the arena. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/base/str.h"

enum {
    FHIR_CONSENT_MAX = 1 << 20, /* bytes */
    FHIR_CONSENT_DEPTH = 40,    /* of JSON; a provision takes two */
    FHIR_STRANGE_MAX = 100,     /* elements that are named; more are not counted */
};

struct fhir_coding {
    struct str system, code; /* system as code_system gives it; STR_NONE where there is none */
};

/* A Reference: by a literal, by an identifier, or both. */
struct fhir_reference {
    struct str reference; /* "Practitioner/ex-practitioner", a URL, urn:uuid:... */
    struct str system, value;
};

/* Half open: [from, until). A date that names a day, a month or a year covers all of it. */
struct fhir_period {
    int64_t from_us, until_us; /* INT64_MIN, INT64_MAX: open */
    struct str start, end;     /* as written; STR_NONE: not */
};

struct fhir_provision {
    struct str type; /* "permit", "deny"; STR_NONE: not given */
    struct fhir_period period, data_period;
    struct fhir_actor {
        struct fhir_coding role;
        struct fhir_reference who;
    } * actors;
    struct fhir_coding *actions, *labels, *purposes, *classes, *codes;
    struct fhir_data {
        struct str meaning; /* "instance", "related", "dependents", "authoredby" */
        struct fhir_reference what;
    } * data;
    struct fhir_provision *provisions;
    size_t actor_count, action_count, label_count, purpose_count, class_count, code_count,
        data_count, provision_count;
};

struct fhir_consent {
    struct str id; /* of the resource; STR_NONE: none */
    struct str identifier_system, identifier_value;
    struct str status; /* "active": in force; the five others: not */
    struct fhir_coding scope;
    struct fhir_coding *categories;
    size_t category_count;
    struct fhir_reference patient;
    struct str date_time;
    struct fhir_reference *performers, *organizations;
    size_t performer_count, organization_count;
    struct fhir_reference source; /* sourceReference */
    struct str attachment;        /* sourceAttachment, as JSON; STR_NONE: none */
    struct str *policies;         /* policy.uri */
    size_t policy_count;
    struct fhir_coding policy_rule;
    bool has_provision;
    struct fhir_provision provision;
    struct str *strange; /* paths of what is not understood, each once, in order */
    size_t strange_count;
};

/* INVALID, code "fhir", only for what is no Consent at all: no JSON, another resourceType, too
 * large or too deep. Whatever else is wrong stands in out->strange. */
enum status fhir_consent_read(struct arena *a, struct str json, struct fhir_consent *out,
                              struct errors *err) MUST_CHECK;

/* A provision alone, as the domain's policies are written. */
enum status fhir_provision_read(struct arena *a, struct str json, struct fhir_provision *out,
                                struct str **strange, size_t *strange_count,
                                struct errors *err) MUST_CHECK;

/* The JSON of it. What was read and written is read the same again, when nothing was strange. */
struct str fhir_consent_write(struct arena *a, const struct fhir_consent *c);
struct str fhir_provision_write(struct arena *a, const struct fhir_provision *p);
