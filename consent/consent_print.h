/* How `causeway consent` shows what it found: words for people, or JSON for scripts. Pure. */
#pragma once

#include "consent/consent_store.h"
#include "consent/explain.h"

struct consent_view {
    struct arena *arena;
    bool json;
    const struct member_directory *members; /* to name members by */
    const struct person *person;            /* whose consents they are */
    struct str xad_authority;
};

/* "obligations":["no-redisclosure"], into an object that is open. */
void consent_json_obligations(unsigned obligations, struct strbuf *out);
void consent_print_domain(const struct consent_view *v, const struct consent_domain *d,
                          struct strbuf *out);
void consent_print_policies(const struct consent_view *v, const struct consent_policies *p,
                            struct strbuf *out);
void consent_print_history(const struct consent_view *v, const struct rows *history,
                           struct strbuf *out);

/* A decision for an auditor: with every layer's word and the decision without what decided it
 * (consent/explain.h), where `whole` says so. */
struct consent_explained {
    const struct member *member;
    struct consent_decision decision;
    struct consent_step *steps;
    size_t step_count;
    bool could_change; /* `without` holds */
    struct consent_decision without;
    int64_t as_of_us;             /* 0: now */
    const struct str *from_today; /* what of that instant was not kept, and is as it is now */
    size_t from_today_count;
};
void consent_print_decision(const struct consent_view *v, const struct consent_explained *e,
                            bool whole, struct strbuf *out);
/* The new policy, with a word of warning when an earlier one makes it idle. */
void consent_print_set(const struct consent_view *v, const struct consent_policy *p,
                       const struct consent_policies *now, struct strbuf *out);
