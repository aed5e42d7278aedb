/* How `causeway consent` shows what it found: words for people, or JSON for scripts. Pure. */
#pragma once

#include "consent/consent_store.h"

struct consent_view {
    struct arena *arena;
    bool json;
    const struct member_directory *members; /* to name members by */
    const struct person *person;            /* whose consents they are */
    struct str xad_authority;
};

void consent_print_domain(const struct consent_view *v, const struct consent_domain *d,
                          struct strbuf *out);
void consent_print_policies(const struct consent_view *v, const struct consent_policies *p,
                            struct strbuf *out);
void consent_print_history(const struct consent_view *v, const struct rows *history,
                           struct strbuf *out);
void consent_print_decision(const struct consent_view *v, const struct member *member,
                            const struct consent_decision *d, struct strbuf *out);
/* The new policy, with a word of warning when an earlier one makes it idle. */
void consent_print_set(const struct consent_view *v, const struct consent_policy *p,
                       const struct consent_policies *now, struct strbuf *out);
