/* What the verbs of `causeway member` share: whom they are about, the audit row, the last word. */
#pragma once

#include "hub/command/operation.h"

struct str member_word(struct operation *o); /* the NAME on the command line */
enum status member_named(struct operation *o, const struct member **m) MUST_CHECK;
void member_audit(struct operation *o, struct str member, struct str change);
/* After a change: the member as it is now, or a sentence. */
enum status member_report(struct operation *o, struct strbuf *out, struct str member,
                          const char *sentence) MUST_CHECK;

/* `causeway member domain ...` and `causeway member notify ...`: hub/command/member_interest.c. */
extern const struct cli_verb member_domain_verbs[], member_notify_verbs[];
/* The options --domain, queued for this member; returns how many. */
enum status member_domains_queue(struct operation *o, int64_t member_id, size_t *count) MUST_CHECK;
/* `causeway member set` and `causeway member idp ...`: hub/command/member_trust.c. */
extern const struct operation_kind member_set;
/* `causeway member share`: hub/command/member_share.c. */
extern const struct operation_kind member_share;
/* `causeway member suspend` and `resume`: for communities too. */
extern const struct operation_kind member_suspend, member_resume;
extern const struct cli_verb member_idp_verbs[];
/* `causeway member reply-to ...`: hub/command/member_reply_to.c. */
extern const struct cli_verb member_reply_to_verbs[];
/* `causeway member cosigner ...`: hub/command/member_cosigner.c. */
extern const struct cli_verb member_cosigner_verbs[];
