/* What `causeway member` asks of its arguments, each refusal with the reason: checked against each
 * other and against all members, under the lock of a member change. */
#pragma once

#include "hub/certificate.h"
#include "hub/command/operation.h"

enum { MEMBER_OID_LENGTH = 64, MEMBER_LIVE_CERTS = 2, MEMBER_MANY = 32 };

bool member_name_valid(struct str name);
/* HL7 table 0211, as far as gateway/hl7_charset.c reads it; empty is ASCII. */
bool member_charset_known(struct str charset);

/* OID or OID=NAMESPACE. */
enum status member_authority_parse(struct operation *o, const char *text,
                                   struct member_authority *out) MUST_CHECK;
/* The options --authority of a member (there already, or to be): at most MEMBER_MANY. */
enum status member_authorities_given(struct operation *o, struct str member,
                                     struct member_authority *out, size_t *count) MUST_CHECK;
/* The options --application. */
enum status member_applications_given(struct operation *o, struct member_application *out,
                                      size_t *count) MUST_CHECK;
/* The option --cert (and --direct); m is NULL for a member that is being added. */
enum status member_cert_given(struct operation *o, const struct member *m,
                              struct certificate *c) MUST_CHECK;
/* Whose certificate is this? NULL: nobody's. */
const struct member *member_cert_owner(const struct member_directory *d,
                                       const unsigned char fingerprint[32]);
