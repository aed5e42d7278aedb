/* One small predicate a format, and the table of them. */
#include "xds/format.h"

#include "hub/base/clock.h"

static bool digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

static bool hex_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return true;
}

/* Component n, from 1, of an HL7 v2 data type; STR_NONE past the last. */
static struct str component(struct str s, int n, char separator)
{
    struct str part = STR_NONE, rest = s;

    while (n-- > 0) {
        if (rest.p == NULL)
            return STR_NONE;
        part = str_cut(&rest, separator);
    }
    return part;
}

static bool any_ok(struct str s)
{
    (void)s;
    return true;
}

/* By its spelling only: partners use arcs that X.660 does not give out (the test kit has
 * 1.42.2014... and 129.6.58...), and nothing here depends on them. */
static bool oid_ok(struct str s)
{
    struct str rest = s;
    int arcs = 0;

    if (s.n > 64)
        return false;
    for (; rest.p; arcs++) {
        struct str arc = str_cut(&rest, '.');

        if (!digits(arc) || (arc.n > 1 && arc.p[0] == '0'))
            return false;
    }
    return arcs >= 2;
}

/* HD with an OID: &oid&ISO. */
static bool hd_ok(struct str hd)
{
    return oid_ok(component(hd, 2, '&')) && str_eq(component(hd, 3, '&'), STR("ISO"));
}

static bool uid_ok(struct str s)
{
    struct str rest = s, root = str_cut(&rest, '^');

    if (str_starts(s, STR("urn:")))
        return s.n > 4 && s.n <= 128 && str_find(s, ' ') < 0;
    return oid_ok(root) && s.n <= 128 &&
           (rest.p == NULL || (rest.n > 0 && rest.n <= 64 && str_find(rest, '^') < 0));
}

static bool dtm_ok(struct str s)
{
    int64_t us;

    return xds_time(s, &us);
}

static bool cx_ok(struct str s)
{
    return component(s, 1, '^').n > 0 && hd_ok(component(s, 4, '^'));
}

static bool cxi_ok(struct str s)
{
    struct str authority = component(s, 4, '^');

    return component(s, 1, '^').n > 0 && component(s, 5, '^').n > 0 &&
           (authority.n == 0 || hd_ok(authority));
}

static bool xcn_ok(struct str s)
{
    return component(s, 1, '^').n > 0 || component(s, 2, '^').n > 0 || component(s, 3, '^').n > 0;
}

static bool xon_ok(struct str s)
{
    struct str id = component(s, 10, '^');

    return component(s, 1, '^').n > 0 && (id.n == 0 || oid_ok(id) || hd_ok(component(s, 6, '^')));
}

/* RFC 5646: subtags of 1 to 8 letters and digits, the first without digits. */
static bool language_ok(struct str s)
{
    struct str rest = s;
    bool first = true;

    while (rest.p) {
        struct str tag = str_cut(&rest, '-');

        if (tag.n < 1 || tag.n > 8)
            return false;
        for (size_t i = 0; i < tag.n; i++) {
            char c = (char)(tag.p[i] | 0x20);

            if (!((c >= 'a' && c <= 'z') || (!first && tag.p[i] >= '0' && tag.p[i] <= '9')))
                return false;
        }
        first = false;
    }
    return s.n > 1;
}

/* RFC 6838: type/subtype, with the parameters that some send. */
static bool mime_ok(struct str s)
{
    ptrdiff_t slash = str_find(s, '/');

    if (slash < 1 || (size_t)slash + 1 >= s.n)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] > 0x7e)
            return false;
    return str_find(str_slice(s, 0, (size_t)slash), ' ') < 0;
}

static bool sha1_ok(struct str s)
{
    return s.n == 40 && hex_digits(s);
}

static bool size_ok(struct str s)
{
    uint64_t n;

    return digits(s) && str_to_u64(s, &n) && n <= INT64_MAX;
}

/* sourcePatientInfo: PID-n|value (TF-3 4.2.3.2.23). */
static bool pid_ok(struct str s)
{
    ptrdiff_t bar = str_find(s, '|');

    return bar > 4 && str_starts(s, STR("PID-")) && digits(str_slice(s, 4, (size_t)bar));
}

/* intendedRecipient: XON|XCN|XTN (TF-3 4.2.3.3.7), one of them at least. */
static bool recipient_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '|' && s.p[i] != '^')
            return true;
    return false;
}

static bool type_ok(struct str s)
{
    return str_eq(s, STR(XDS_STABLE_TYPE)) || str_eq(s, STR(XDS_ON_DEMAND_TYPE));
}

static const struct {
    bool (*ok)(struct str s);
    const char *words;
} formats[] = {
    [XDS_ANY] = {any_ok, "any text"},
    [XDS_OID] = {oid_ok, "an OID of at most 64 characters"},
    [XDS_UID] = {uid_ok, "an OID, OID^extension or URN of at most 128 characters"},
    [XDS_DTM] = {dtm_ok, "a time as YYYY[MM[DD[hh[mm[ss]]]]]"},
    [XDS_CX] = {cx_ok, "an identifier as id^^^&OID&ISO"},
    [XDS_CXI] = {cxi_ok, "an identifier as id^^^&OID&ISO^type"},
    [XDS_XCN] = {xcn_ok, "a person as id^family^given^..., with an id or a name"},
    [XDS_XON] = {xon_ok, "an organization as name^^^^^&OID&ISO^^^^id, or name^^^^^^^^^OID"},
    [XDS_LANGUAGE] = {language_ok, "a language tag as RFC 5646 has it"},
    [XDS_MIME] = {mime_ok, "a media type as type/subtype"},
    [XDS_SHA1] = {sha1_ok, "a SHA-1 of 40 hexadecimal digits"},
    [XDS_SIZE] = {size_ok, "a number of bytes"},
    [XDS_PID] = {pid_ok, "PID-n|value"},
    [XDS_RECIPIENT] = {recipient_ok, "organization|person|telecommunication, one of them at least"},
    [XDS_TYPE] = {type_ok, "the UUID of a stable or of an on-demand document entry"},
};

bool xds_format_ok(enum xds_format format, struct str value)
{
    return formats[format].ok(value);
}

const char *xds_format_words(enum xds_format format)
{
    return formats[format].words;
}

size_t xds_length(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

bool xds_home_ok(struct str home)
{
    return str_starts(home, STR("urn:oid:")) && oid_ok(str_slice(home, 8, home.n));
}

bool xds_time(struct str dtm, int64_t *us)
{
    int64_t end;

    return dtm.n >= 4 && dtm.n <= 14 && dtm.n % 2 == 0 && digits(dtm) &&
           clock_parse_dtm(dtm, us, &end);
}
