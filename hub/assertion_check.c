#include <string.h>

#include "hub/assertion.h"
#include "hub/base/clock.h"
#include "hub/wsse.h"

/* --- times -------------------------------------------------------------------------------- */

static enum status expired(struct errors *err, const char *what)
{
    return fail(err, DENIED, "wsse:MessageExpired", "%s", what);
}

static enum status check_times(const struct assertion *s, const struct assertion_context *c,
                               struct errors *err)
{
    int64_t skew = c->idp->skew_us;

    if (s->issued_us > c->now_us + skew || s->not_before_us > c->now_us + skew)
        return fail(err, DENIED, "wsse:InvalidSecurityToken", "the assertion is not valid yet");
    if (s->not_on_or_after_us <= c->now_us - skew)
        return expired(err, "the assertion has expired");
    if (s->session_until_us <= c->now_us - skew)
        return expired(err, "the session that the assertion speaks of has ended");
    if (s->not_on_or_after_us - s->issued_us > c->idp->lifetime_us)
        return fail(err, DENIED, "wsse:InvalidSecurityToken",
                    "the assertion lives longer, from IssueInstant to NotOnOrAfter, than the %lld "
                    "minutes that its issuer may give it",
                    (long long)(c->idp->lifetime_us / US_PER_SECOND / 60));
    return OK;
}

/* WS-Security section 10. */
static enum status check_timestamp(struct arena *a, const xmlNode *timestamp,
                                   const struct assertion_context *c, struct errors *err)
{
    struct str created = str_trim(xml_text_of(a, timestamp, NS_WSU, "Created"));
    struct str expires = str_trim(xml_text_of(a, timestamp, NS_WSU, "Expires"));
    int64_t from, to;

    if (!clock_parse_iso(created, &from) || (expires.n > 0 && !clock_parse_iso(expires, &to)))
        return fail(err, INVALID, "wsse:InvalidSecurity",
                    "the wsu:Timestamp must have a wsu:Created, and times in it");
    if (from > c->now_us + c->idp->skew_us)
        return fail(err, DENIED, "wsse:InvalidSecurity", "the wsu:Timestamp lies in the future");
    if (expires.n > 0 ? to <= c->now_us - c->idp->skew_us
                      : from <= c->now_us - c->idp->skew_us - c->idp->lifetime_us)
        return expired(err, "the message's wsu:Timestamp has expired");
    return OK;
}

/* --- audience ----------------------------------------------------------------------------- */

static bool is_us(struct str audience, const struct assertion_context *c)
{
    if (c->idp->audiences.n > 0)
        return member_list_has(c->idp->audiences, audience);
    for (size_t i = 0; i < c->audience_count; i++)
        if (audience.n > 0 && str_eq(audience, c->audiences[i]))
            return true;
    return false;
}

/* SAML Core 2.5.1.4: all restrictions hold, each by one of its audiences. */
static enum status check_audience(const struct assertion *s, const struct assertion_context *c,
                                  struct errors *err)
{
    for (size_t i = 0; i < s->audience_count; i++) {
        bool found = false;

        for (size_t j = 0; j < s->audiences[i].count; j++)
            found = found || is_us(s->audiences[i].items[j], c);
        if (!found)
            return fail(err, DENIED, "wsse:FailedAuthentication",
                        "the assertion is meant for another audience than this hub");
    }
    return OK;
}

/* --- confirmation ------------------------------------------------------------------------- */

static bool in_time(const struct confirmation *f, const struct assertion_context *c)
{
    return f->not_before_us <= c->now_us + c->idp->skew_us &&
           f->not_on_or_after_us > c->now_us - c->idp->skew_us;
}

static bool is_peer(const struct dsig_key *key, const struct assertion_context *c)
{
    unsigned char hash[32];

    dsig_key_hash(key, hash);
    return memcmp(hash, c->peer_key, sizeof(hash)) == 0;
}

/* The sender's own signature is over the timestamp, by the key that the assertion names. */
static enum status check_signature(struct arena *a, const struct dsig_key *key,
                                   const struct wsse *w, struct errors *err)
{
    struct dsig what = {.key = key, .signature = w->signature, .node = w->timestamp};

    if (w->timestamp != NULL)
        what.id = dsig_id(w->timestamp, "Id");
    if (what.id == NULL)
        return fail(
            err, INVALID, "wsse:InvalidSecurity",
            "the signature beside the assertion must be over a wsu:Timestamp with a wsu:Id");
    return dsig_verify(a, &what, err);
}

static const struct confirmation *holder_of(const struct assertion *s,
                                            const struct assertion_context *c)
{
    for (size_t i = 0; i < s->confirmation_count; i++)
        if (s->confirmations[i].key != NULL && in_time(&s->confirmations[i], c))
            return &s->confirmations[i];
    return NULL;
}

static bool has_bearer(const struct assertion *s, const struct assertion_context *c)
{
    for (size_t i = 0; i < s->confirmation_count; i++)
        if (!s->confirmations[i].is_holder_of_key && in_time(&s->confirmations[i], c))
            return true;
    return false;
}

/* A signature that is there must be right, whoever could do without it. */
static enum status check_confirmation(struct arena *a, const struct assertion *s,
                                      const struct assertion_context *c, struct errors *err)
{
    const struct confirmation *holder = holder_of(s, c);

    if (c->wsse->signature != NULL) {
        if (holder == NULL)
            return fail(err, DENIED, "wsse:FailedCheck",
                        "there is a signature beside the assertion, and the assertion names no key "
                        "for it (holder-of-key)");
        return check_signature(a, holder->key, c->wsse, err);
    }
    if (has_bearer(s, c) || (holder != NULL && is_peer(holder->key, c)))
        return OK;
    return fail(err, DENIED, "wsse:FailedAuthentication",
                "no subject confirmation holds: bearer, or the holder of a key that is the "
                "connection's or has signed the wsu:Timestamp");
}

enum status assertion_check(struct arena *a, const struct assertion *s,
                            const struct assertion_context *c, struct errors *err)
{
    TRY(check_times(s, c, err));
    if (c->wsse->timestamp != NULL)
        TRY(check_timestamp(a, c->wsse->timestamp, c, err));
    TRY(check_audience(s, c, err));
    return check_confirmation(a, s, c, err);
}
