/* What a community answered, up to the one element of its soap:Body. Pure.
 *
 * Everything that a partner can get wrong ends here or in the readers behind it as words that name
 * the check: transport, packaging, XML, envelope, whose answer it is. What a quirk of this partner
 * lets pass is let pass here. */
#pragma once

#include "gateway/partner.h"
#include "hub/data/xml.h"

struct partner_answer {
    xmlNode *body;      /* NULL: an empty body that the partner's quirk lets pass */
    xmlNode *header;    /* soap:Header, or NULL */
    struct part *parts; /* of an MTOM answer */
};

/* UPSTREAM with code XDSUnavailableCommunity when there is no answer to be read: `call` says what
 * came; `message_id` is the question's. Words hold no patient data. */
enum status partner_answer_read(struct arena *a, const struct partner *p, const struct call *call,
                                struct str message_id, struct partner_answer *out,
                                struct errors *err) MUST_CHECK;
