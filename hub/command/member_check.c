#include "hub/command/member_check.h"

#include <string.h>

#include "hub/base/oid.h"

bool member_name_valid(struct str name)
{
    static const char others[] = "._-";

    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!letter && (i == 0 || memchr(others, c, sizeof(others) - 1) == NULL))
            return false;
    }
    return name.n >= 1 && name.n <= 64;
}

bool member_charset_known(struct str charset)
{
    static const char *const known[] = {
        "",          "ASCII",          "ISO IR6",  "UNICODE UTF-8", "8859/1",    "8859/2",
        "8859/3",    "8859/4",         "8859/5",   "8859/6",        "8859/7",    "8859/8",
        "8859/9",    "8859/15",        "ISO IR14", "ISO IR87",      "ISO IR159", "GB 18030-2000",
        "KS X 1001", "CNS 11643-1992", "BIG-5",
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (str_eq(charset, str_from(known[i])))
            return true;
    return false;
}

enum status member_authority_parse(struct operation *o, const char *text,
                                   struct member_authority *out)
{
    struct str rest = str_from(text);

    out->oid = oid_strip_urn(str_cut(&rest, '='));
    out->name_space = rest.p != NULL ? rest : STR("");
    if (!oid_valid(out->oid) || out->oid.n > MEMBER_OID_LENGTH)
        return fail(o->args.err, INVALID, "authority",
                    "--authority %s: write OID or OID=NAMESPACE, as 1.2.3.4 or 1.2.3.4=EPIC", text);
    return OK;
}

static enum status authority_check(struct operation *o, struct str member,
                                   const struct member_authority *new)
{
    const struct member *owner = member_by_authority(o->members, new->oid);
    const struct member *m = member_by_name(o->members, member);

    if (owner != NULL)
        return fail(o->args.err, INVALID, "authority",
                    "authority %.*s belongs to %.*s: each has one source", STR_ARG(new->oid),
                    STR_ARG(owner->name));
    if (str_eq(new->oid, str_from(o->config.xad_authority)) &&
        !str_eq(member, str_from(o->config.xad_source)))
        return fail(o->args.err, INVALID, "authority",
                    "authority %.*s is the affinity domain's own (xad_authority), fed by %s "
                    "(xad_source)",
                    STR_ARG(new->oid), o->config.xad_source);
    for (size_t i = 0; m != NULL && new->name_space.n > 0 && i < m->authority_count; i++)
        if (str_eq(m->authorities[i].name_space, new->name_space))
            return fail(o->args.err, INVALID, "authority",
                        "%.*s calls authority %.*s '%.*s' already", STR_ARG(member),
                        STR_ARG(m->authorities[i].oid), STR_ARG(new->name_space));
    return OK;
}

enum status member_authorities_given(struct operation *o, struct str member,
                                     struct member_authority *out, size_t *count)
{
    const char *texts[MEMBER_MANY];

    *count = cli_values(&o->args, "authority", texts, MEMBER_MANY);
    if (*count > MEMBER_MANY)
        return fail(o->args.err, INVALID, "authority", "at most %d authorities at a time",
                    MEMBER_MANY);
    for (size_t i = 0; i < *count; i++) {
        TRY(member_authority_parse(o, texts[i], &out[i]));
        TRY(authority_check(o, member, &out[i]));
        for (size_t j = 0; j < i; j++)
            if (str_eq(out[j].oid, out[i].oid) ||
                (out[i].name_space.n > 0 && str_eq(out[j].name_space, out[i].name_space)))
                return fail(o->args.err, INVALID, "authority",
                            "--authority %s: its OID or its namespace is given twice", texts[i]);
    }
    return OK;
}

static const struct member *application_owner(const struct member_directory *d,
                                              const struct member_application *wanted)
{
    for (size_t i = 0; i < d->count; i++)
        for (size_t j = 0; j < d->members[i].application_count; j++)
            if (str_eq(d->members[i].applications[j].application, wanted->application) &&
                str_eq(d->members[i].applications[j].facility, wanted->facility))
                return &d->members[i];
    return NULL;
}

enum status member_applications_given(struct operation *o, struct member_application *out,
                                      size_t *count)
{
    const char *texts[MEMBER_MANY];

    *count = cli_values(&o->args, "application", texts, MEMBER_MANY);
    if (*count > MEMBER_MANY)
        return fail(o->args.err, INVALID, "application", "at most %d applications", MEMBER_MANY);
    for (size_t i = 0; i < *count; i++) {
        struct str rest = str_from(texts[i]);
        const struct member *owner;

        out[i].application = str_cut(&rest, '|');
        out[i].facility = rest.p != NULL ? rest : STR("");
        owner = application_owner(o->members, &out[i]);
        if (out[i].application.n == 0)
            return fail(o->args.err, INVALID, "application",
                        "--application '%s': write MSH-3 or 'MSH-3|MSH-4'", texts[i]);
        if (owner != NULL)
            return fail(o->args.err, INVALID, "application", "application %s belongs to %.*s",
                        texts[i], STR_ARG(owner->name));
    }
    return OK;
}

const struct member *member_cert_owner(const struct member_directory *d,
                                       const unsigned char fingerprint[32])
{
    for (size_t i = 0; i < d->count; i++)
        for (size_t j = 0; j < d->members[i].cert_count; j++)
            if (memcmp(d->members[i].certs[j].fingerprint, fingerprint, 32) == 0)
                return &d->members[i];
    return NULL;
}

static size_t live_certs(const struct member *m, int64_t now_us)
{
    size_t n = 0;

    for (size_t i = 0; m != NULL && i < m->cert_count; i++)
        n += m->certs[i].not_after_us >= now_us;
    return n;
}

/* Would the handshake accept it? Said now, because it would be said to nobody then. */
static enum status trust_check(struct operation *o, const struct certificate *c, const char *path)
{
    struct certificate_trust trust = {
        .ca_file = o->config.tls_ca,
        .crl_file = o->config.tls_crl[0] != '\0' ? o->config.tls_crl : NULL,
    };
    const char *fault;

    if (o->config.tls_ca[0] == '\0')
        return fail(o->args.err, INVALID, "certificate",
                    "%s: the hub trusts no CA (tls_ca is empty); register it with --direct, or set "
                    "tls_ca",
                    path);
    fault = certificate_chain_fault(c, &trust, CERTIFICATE_CLIENT, o->now_us);
    if (fault == NULL)
        return OK;
    return fail(o->args.err, INVALID, "certificate",
                "%s: is not vouched for by a CA of %s: %s; add its CA there, or register it with "
                "--direct",
                path, o->config.tls_ca, fault);
}

enum status member_cert_given(struct operation *o, const struct member *m, struct certificate *c)
{
    const char *path = cli_value(&o->args, "cert");
    const struct member *owner;

    if (path == NULL)
        return fail(o->args.err, INVALID, "certificate",
                    "--cert is required: the file with the member's certificate");
    TRY(certificate_read(o->args.arena, path, c, o->args.err));
    TRY(certificate_usable(c, path, o->now_us, o->args.err));
    owner = member_cert_owner(o->members, c->fingerprint);
    if (owner != NULL)
        return fail(o->args.err, INVALID, "certificate", "%s: this certificate is %.*s's already",
                    path, STR_ARG(owner->name));
    if (live_certs(m, o->now_us) >= MEMBER_LIVE_CERTS)
        return fail(o->args.err, INVALID, "certificate",
                    "%.*s has two live certificates already; remove one first: `causeway member "
                    "cert remove`",
                    STR_ARG(m->name));
    return cli_value(&o->args, "direct") != NULL ? OK : trust_check(o, c, path);
}
