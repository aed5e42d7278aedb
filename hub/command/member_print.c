#include "hub/command/member_print.h"

#include "hub/base/arena.h"
#include "hub/base/clock.h"
#include "hub/base/hex.h"
#include "hub/base/json_text.h"
#include "hub/command/cli_print.h"

static struct str date(struct arena *a, int64_t us)
{
    return str_slice(clock_iso(a, us), 0, sizeof("2026-11-22") - 1);
}

static struct str state(const struct member *m)
{
    return m->suspended ? STR("suspended") : STR("admitted");
}

static void authorities_json(struct strbuf *out, const struct member *m)
{
    cli_json_key(out, "authorities");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < m->authority_count; i++) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "oid", m->authorities[i].oid);
        cli_json_text(out, "namespace", m->authorities[i].name_space);
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]");
}

static void applications_json(struct strbuf *out, const struct member *m)
{
    cli_json_key(out, "applications");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < m->application_count; i++) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "application", m->applications[i].application);
        cli_json_text(out, "facility", m->applications[i].facility);
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]");
}

static void certs_json(struct strbuf *out, struct arena *a, const struct member *m)
{
    cli_json_key(out, "certificates");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < m->cert_count; i++) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "fingerprint", hex_encode(a, m->certs[i].fingerprint, 32));
        cli_json_bool(out, "direct", m->certs[i].direct);
        cli_json_text(out, "not_after", clock_iso(a, m->certs[i].not_after_us));
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]");
}

static void domains_json(struct strbuf *out, const struct member *m)
{
    cli_json_key(out, "domains");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < m->domain_count; i++) {
        cli_json_comma(out);
        json_text_add(out, m->domains[i]);
    }
    strbuf_lit(out, "]");
}

static void notify_json(struct strbuf *out, const struct member *m)
{
    cli_json_key(out, "notify");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < m->notify_count; i++) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "format", m->notify[i].format);
        cli_json_text(out, "address", m->notify[i].address);
        cli_json_text(out, "application", m->notify[i].application);
        cli_json_text(out, "facility", m->notify[i].facility);
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]");
}

static void reply_to_json(struct strbuf *out, const struct member *m)
{
    cli_json_key(out, "reply_to");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < m->reply_to_count; i++) {
        cli_json_comma(out);
        json_text_add(out, m->reply_to[i]);
    }
    strbuf_lit(out, "]");
}

static void purposes_json(struct strbuf *out, const struct member *m)
{
    cli_json_key(out, "purposes");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < m->purpose_count; i++) {
        cli_json_comma(out);
        json_text_add(out, m->purposes[i]);
    }
    strbuf_lit(out, "]");
}

static void idp_keys_json(struct strbuf *out, struct arena *a, const struct member_idp *idp)
{
    cli_json_key(out, "keys");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < idp->key_count; i++) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "fingerprint", hex_encode(a, idp->keys[i].fingerprint, 32));
        cli_json_text(out, "not_after", clock_iso(a, idp->keys[i].not_after_us));
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]");
}

static void idps_json(struct strbuf *out, struct arena *a, const struct member *m)
{
    cli_json_key(out, "idps");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < m->idp_count; i++) {
        const struct member_idp *idp = &m->idps[i];

        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "issuer", idp->issuer);
        cli_json_text(out, "audiences", idp->audiences);
        cli_json_text(out, "organizations", idp->organizations);
        cli_json_int(out, "lifetime_minutes", idp->lifetime_us / US_PER_SECOND / 60);
        cli_json_int(out, "skew_seconds", idp->skew_us / US_PER_SECOND);
        cli_json_bool(out, "one_time", idp->one_time);
        idp_keys_json(out, a, idp);
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]");
}

static struct str audit_reader_word(const struct member *m)
{
    static const char *const words[] = {"none", "own", "all"};

    return str_from(words[m->audit_reader]);
}

static struct str xua_word(const struct member *m)
{
    return m->xua == XUA_REQUIRED      ? STR("required")
           : m->xua == XUA_SYSTEM_ONLY ? STR("system-only")
                                       : STR("optional");
}

/* 0: the configuration's */
static void share_json(struct strbuf *out, const struct member *m)
{
    cli_json_key(out, "share");
    strbuf_lit(out, "{");
    cli_json_int(out, "weight", m->share.weight);
    cli_json_int(out, "rate", m->share.rate);
    cli_json_int(out, "waiting", m->share.waiting);
    cli_json_int(out, "running", m->share.running);
    strbuf_lit(out, "}");
}

static void member_json(struct strbuf *out, struct arena *a, const struct member *m)
{
    cli_json_comma(out);
    strbuf_lit(out, "{");
    cli_json_int(out, "id", m->id);
    cli_json_text(out, "name", m->name);
    cli_json_text(out, "organization", m->organization);
    cli_json_bool(out, "suspended", m->suspended);
    cli_json_bool(out, "strict_adt", m->strict_adt);
    cli_json_bool(out, "multi_patient", m->multi_patient);
    share_json(out, m);
    cli_json_text(out, "audit_reader", audit_reader_word(m));
    cli_json_text(out, "charset", m->charset);
    authorities_json(out, m);
    applications_json(out, m);
    certs_json(out, a, m);
    domains_json(out, m);
    notify_json(out, m);
    reply_to_json(out, m);
    cli_json_text(out, "xua", xua_word(m));
    cli_json_text(out, "home_community", m->home_community);
    purposes_json(out, m);
    idps_json(out, a, m);
    strbuf_lit(out, "}");
}

static struct str authorities_text(struct arena *a, const struct member *m)
{
    struct strbuf b = strbuf_on(a, 64);

    for (size_t i = 0; i < m->authority_count; i++) {
        strbuf_addf(&b, "%s%.*s", i > 0 ? ", " : "", STR_ARG(m->authorities[i].oid));
        if (m->authorities[i].name_space.n > 0)
            strbuf_addf(&b, "=%.*s", STR_ARG(m->authorities[i].name_space));
    }
    return b.n > 0 ? strbuf_str(&b) : STR("-");
}

/* How many, and until when the last of them is valid. */
static struct str certs_text(struct arena *a, const struct member *m)
{
    int64_t last = 0;

    for (size_t i = 0; i < m->cert_count; i++)
        if (m->certs[i].not_after_us > last)
            last = m->certs[i].not_after_us;
    if (m->cert_count == 0)
        return STR("none");
    return str_printf(a, "%zu, until %.*s", m->cert_count, STR_ARG(date(a, last)));
}

void member_print_list(struct strbuf *out, struct arena *a, const struct member_directory *d,
                       bool json)
{
    struct cli_table t = cli_table_on(a, 5);

    if (json) {
        strbuf_lit(out, "{\"members\":[");
        for (size_t i = 0; i < d->count; i++)
            member_json(out, a, &d->members[i]);
        strbuf_lit(out, "]}\n");
        return;
    }
    cli_table_row(&t, STR("NAME"), STR("STATE"), STR("ORGANIZATION"), STR("CERTIFICATES"),
                  STR("AUTHORITIES"));
    for (size_t i = 0; i < d->count; i++) {
        const struct member *m = &d->members[i];

        cli_table_row(&t, m->name, state(m), m->organization, certs_text(a, m),
                      authorities_text(a, m));
    }
    cli_table_write(&t, out);
}

static struct str cap_words(struct arena *a, int64_t cap)
{
    return cap > 0 ? str_printf(a, "%lld", (long long)cap) : STR("default");
}

static struct str share_words(struct arena *a, const struct member *m)
{
    return str_printf(a, "weight %lld, rate %.*s, waiting %.*s, running %.*s",
                      (long long)m->share.weight, STR_ARG(cap_words(a, m->share.rate)),
                      STR_ARG(cap_words(a, m->share.waiting)),
                      STR_ARG(cap_words(a, m->share.running)));
}

static void lists_text(struct cli_table *t, struct arena *a, const struct member *m)
{
    for (size_t i = 0; i < m->authority_count; i++)
        cli_table_row(t, STR("authority"),
                      m->authorities[i].name_space.n > 0
                          ? str_printf(a, "%.*s, called %.*s in its messages",
                                       STR_ARG(m->authorities[i].oid),
                                       STR_ARG(m->authorities[i].name_space))
                          : m->authorities[i].oid);
    for (size_t i = 0; i < m->application_count; i++)
        cli_table_row(t, STR("application"),
                      m->applications[i].facility.n > 0
                          ? str_printf(a, "%.*s at %.*s", STR_ARG(m->applications[i].application),
                                       STR_ARG(m->applications[i].facility))
                          : m->applications[i].application);
    for (size_t i = 0; i < m->domain_count; i++)
        cli_table_row(t, STR("domain"), m->domains[i]);
    for (size_t i = 0; i < m->notify_count; i++)
        cli_table_row(t, STR("notified"),
                      str_printf(a, "at %.*s, %.*s", STR_ARG(m->notify[i].address),
                                 STR_ARG(m->notify[i].format)));
    for (size_t i = 0; i < m->reply_to_count; i++)
        cli_table_row(t, STR("answers to"), m->reply_to[i]);
    for (size_t i = 0; i < m->purpose_count; i++)
        cli_table_row(t, STR("purpose of use"), m->purposes[i]);
    for (size_t i = 0; i < m->idp_count; i++)
        cli_table_row(t, STR("identity provider"), m->idps[i].issuer);
    for (size_t i = 0; i < m->cert_count; i++)
        cli_table_row(t, STR("certificate"),
                      str_printf(a, "%.*s until %.*s, trusted %s",
                                 STR_ARG(hex_encode(a, m->certs[i].fingerprint, 32)),
                                 STR_ARG(date(a, m->certs[i].not_after_us)),
                                 m->certs[i].direct ? "by itself" : "through its CA"));
}

static void idp_text(struct cli_table *t, struct arena *a, const struct member_idp *idp)
{
    for (size_t i = 0; i < idp->key_count; i++)
        cli_table_row(t, i == 0 ? idp->issuer : STR(""),
                      str_printf(a, "%lld min%s",
                                 (long long)(idp->lifetime_us / US_PER_SECOND / 60),
                                 idp->one_time ? ", one message" : ""),
                      hex_encode(a, idp->keys[i].fingerprint, 32),
                      date(a, idp->keys[i].not_after_us));
}

void member_print_idps(struct strbuf *out, struct arena *a, const struct member *m, bool json)
{
    struct cli_table t = cli_table_on(a, 4);

    if (json) {
        strbuf_lit(out, "{");
        idps_json(out, a, m);
        strbuf_lit(out, "}\n");
        return;
    }
    cli_table_row(&t, STR("ISSUER"), STR("LIFETIME"), STR("KEY"), STR("UNTIL"));
    for (size_t i = 0; i < m->idp_count; i++)
        idp_text(&t, a, &m->idps[i]);
    cli_table_write(&t, out);
}

void member_print(struct strbuf *out, struct arena *a, const struct member *m, bool json)
{
    struct cli_table t = cli_table_on(a, 2);

    if (json) {
        member_json(out, a, m);
        strbuf_lit(out, "\n");
        return;
    }
    cli_table_row(&t, STR("name"), m->name);
    cli_table_row(&t, STR("state"), state(m));
    cli_table_row(&t, STR("organization"), m->organization);
    cli_table_row(&t, STR("unused ADT"),
                  m->strict_adt ? STR("refused (AR)") : STR("accepted (AA)"));
    cli_table_row(&t, STR("several patients"),
                  m->multi_patient ? STR("may ask (ITI-51)") : STR("may not ask (ITI-51)"));
    cli_table_row(&t, STR("audit log (ITI-81)"), audit_reader_word(m));
    cli_table_row(&t, STR("character set"), m->charset.n > 0 ? m->charset : STR("ASCII"));
    cli_table_row(&t, STR("assertions (XUA)"), xua_word(m));
    cli_table_row(&t, STR("share"), share_words(a, m));
    lists_text(&t, a, m);
    cli_table_write(&t, out);
}
