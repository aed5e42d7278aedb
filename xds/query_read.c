/* query:AdhocQueryRequest -> struct xds_query. */
#include <string.h>

#include "hub/data/xml.h"
#include "xds/format.h"
#include "xds/query.h"

#define NS_QUERY "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
#define NS_RIM   "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"

#define MISSING "XDSStoredQueryMissingParam"
#define NUMBER  "XDSStoredQueryParamNumber"

enum {
    MAX_VALUES = 5000, /* of a whole query: each may be compared with each document */
    MAX_LENGTH = 1024, /* of one, in bytes: four for each character that ebRIM's values have */
};

/* --- values ----------------------------------------------------------------------------------- */

static bool add_value(struct arena *a, struct xds_texts *out, struct str value)
{
    if (out->n >= MAX_VALUES)
        return false;
    out->v = arena_grow(a, out->v, out->n, sizeof(*out->v));
    out->v[out->n++] = value;
    return true;
}

/* Length of the quoted string at the start of s, both quotes included; 0 when it does not end. */
static size_t quoted_length(struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] != '\'')
            continue;
        if (i + 1 == s.n || s.p[i + 1] != '\'')
            return i + 1;
        i++;
    }
    return 0;
}

/* A quoted string at the start of *rest; '' stands for a quote. Memory by its own length, not by
 * that of the list behind it: a list has thousands. */
static bool cut_quoted(struct arena *a, struct str *rest, struct str *out)
{
    size_t length = quoted_length(*rest);
    struct strbuf b;

    if (length == 0)
        return false;
    b = strbuf_on(a, length);
    for (size_t i = 1; i + 1 < length; i++) {
        strbuf_addc(&b, rest->p[i]);
        i += rest->p[i] == '\'';
    }
    *out = strbuf_str(&b);
    *rest = str_trim(str_slice(*rest, length, rest->n));
    return true;
}

/* One value at the start of *rest, which then begins with a comma or is empty. */
static bool cut_value(struct arena *a, struct str *rest, struct str *out)
{
    ptrdiff_t comma;

    if (rest->n > 0 && rest->p[0] == '\'')
        return cut_quoted(a, rest, out) && (rest->n == 0 || rest->p[0] == ',');
    comma = str_find(*rest, ',');
    *out = str_trim(str_slice(*rest, 0, comma < 0 ? rest->n : (size_t)comma));
    *rest = comma < 0 ? STR("") : str_slice(*rest, (size_t)comma, rest->n);
    return out->n > 0 && str_find(*out, '\'') < 0;
}

static bool read_list(struct arena *a, struct str list, struct xds_texts *out)
{
    struct str rest = str_trim(list), value;

    for (;;) {
        if (!cut_value(a, &rest, &value) || !add_value(a, out, value))
            return false;
        if (rest.n == 0)
            return true;
        rest = str_trim(str_slice(rest, 1, rest.n));
    }
}

bool xds_query_values(struct arena *a, struct str text, struct xds_texts *out)
{
    struct str rest = str_trim(text), value;

    if (rest.n >= 2 && rest.p[0] == '(' && rest.p[rest.n - 1] == ')')
        return read_list(a, str_slice(rest, 1, rest.n - 1), out);
    if (rest.n > 0 && rest.p[0] == '\'')
        return cut_quoted(a, &rest, &value) && rest.n == 0 && add_value(a, out, value);
    return rest.n > 0 && rest.p[0] != '(' && str_find(rest, '\'') < 0 && add_value(a, out, rest);
}

/* --- what each type asks of a value ------------------------------------------------------------
 */

static bool status_known(struct str s)
{
    return str_eq(s, STR(XDS_STATUS_APPROVED)) || str_eq(s, STR(XDS_STATUS_DEPRECATED));
}

static bool code_ok(struct str s)
{
    ptrdiff_t caret = str_find_str(s, STR("^^"));

    return caret > 0 && (size_t)caret + 2 < s.n &&
           str_find(str_slice(s, (size_t)caret + 2, s.n), '^') < 0;
}

static bool patient_ok(struct str s)
{
    struct identifier id;

    return identifier_parse_cx(s, &id);
}

static bool time_ok(struct str s)
{
    int64_t us;

    return xds_time(s, &us);
}

static bool level_ok(struct str s)
{
    return str_eq(s, STR("1")) || str_eq(s, STR("2"));
}

static bool any_ok(struct str s)
{
    (void)s;
    return true;
}

static const struct {
    bool (*ok)(struct str s);
    const char *words;
} value_types[] = {
    [XDS_VALUE_TEXT] = {any_ok, "text"},
    [XDS_VALUE_CODE] = {code_ok, "'code^^codingScheme'"},
    [XDS_VALUE_STATUS] = {any_ok, "a status"},
    [XDS_VALUE_PATTERN] = {any_ok, "a pattern"},
    [XDS_VALUE_FROM] = {time_ok, "a time as YYYY[MM[DD[hh[mm[ss]]]]]"},
    [XDS_VALUE_TO] = {time_ok, "a time as YYYY[MM[DD[hh[mm[ss]]]]]"},
    [XDS_VALUE_PATIENT] = {patient_ok, "an identifier as 'id^^^&OID&ISO'"},
    [XDS_VALUE_AVAILABILITY] = {any_ok, "a documentAvailability"},
    [XDS_VALUE_LEVEL] = {level_ok, "1 or 2"},
    [XDS_VALUE_UUIDS] = {any_ok, "an entryUUID"},
    [XDS_VALUE_UNIQUES] = {any_ok, "a uniqueId"},
    [XDS_VALUE_LOGICALS] = {any_ok, "a logicalID"},
    [XDS_VALUE_HOME] = {any_ok, "a homeCommunityId"},
};

/* Statuses that nobody knows are let fall (3.18.4.1.2.3.7.1): none left is none given. */
static void drop_unknown_statuses(struct xds_texts *values)
{
    size_t n = 0;

    for (size_t i = 0; i < values->n; i++)
        if (status_known(values->v[i]))
            values->v[n++] = values->v[i];
    values->n = n;
}

static void check_values(const struct xds_parameter *p, struct xds_texts *values,
                         struct errors *err)
{
    if (p->count == XDS_SINGLE && values->n > 1)
        fail(err, INVALID, NUMBER, "%s takes one value, this query gives %zu: '%.*s', '%.*s'...",
             p->name, values->n, STR_ARG(str_slice(values->v[0], 0, 120)),
             STR_ARG(str_slice(values->v[1], 0, 120)));
    for (size_t i = 0; i < values->n; i++)
        if (values->v[i].n > MAX_LENGTH)
            fail(err, INVALID, "XDSRegistryError", "a value of %s has more than %d bytes", p->name,
                 MAX_LENGTH);
        else if (!value_types[p->type].ok(values->v[i]))
            fail(err, INVALID, "XDSRegistryError", "%s is '%.*s', it must be %s", p->name,
                 STR_ARG(str_slice(values->v[i], 0, 120)), value_types[p->type].words);
    if (p->type == XDS_VALUE_STATUS)
        drop_unknown_statuses(values);
}

/* --- the request -------------------------------------------------------------------------------
 */

static const struct xds_query_type *find_type(struct str id)
{
    for (const struct xds_query_type *t = xds_query_types; t->id; t++)
        if (str_eq_nocase(id, str_from(t->id)))
            return t;
    return NULL;
}

/* The attribute that names the parameter, without its From or To. */
static const struct xds_attribute *find_attribute(const struct xds_parameter *p)
{
    struct str name = str_from(p->name);

    if (p->type == XDS_VALUE_FROM)
        name = str_slice(name, 0, name.n - strlen("From"));
    else if (p->type == XDS_VALUE_TO)
        name = str_slice(name, 0, name.n - strlen("To"));
    for (const struct xds_attribute *at = xds_models[p->kind].attributes; at->member; at++)
        if (at->parameter && str_eq(str_from(at->parameter), name))
            return at;
    return NULL;
}

static struct xds_argument *find_argument(struct xds_query *q, const struct xds_parameter *p)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->arguments[i].parameter == p)
            return &q->arguments[i];
    return NULL;
}

static bool read_slot_values(struct arena *a, const xmlNode *slot, struct xds_texts *out)
{
    const xmlNode *list = xml_child(slot, NS_RIM, "ValueList");

    XML_EACH(value, list, NS_RIM, "Value")
    if (!xds_query_values(a, xml_text(a, value), out))
        return false;
    return true;
}

static struct xds_argument *argument_for(struct arena *a, struct xds_query *q,
                                         const struct xds_parameter *p, struct str value,
                                         struct errors *err)
{
    struct xds_argument *arg = find_argument(q, p);

    if (arg && p->count != XDS_REPEATED) {
        fail(err, INVALID, NUMBER, "%s stands more than once, again as %.*s", p->name,
             STR_ARG(str_slice(value, 0, 120)));
        return NULL;
    }
    if (arg == NULL) {
        q->arguments = arena_grow(a, q->arguments, q->n, sizeof(*q->arguments));
        arg = &q->arguments[q->n++];
        *arg = (struct xds_argument){p, find_attribute(p), NULL, 0};
    }
    return arg;
}

/* As written: for errors. */
static struct str first_value(struct arena *a, const xmlNode *slot)
{
    const xmlNode *value = xml_child(xml_child(slot, NS_RIM, "ValueList"), NS_RIM, "Value");

    return value ? xml_text(a, value) : STR("nothing");
}

/* Parameters that this query does not have are let pass (3.18.4.1.2.3.3). */
static void read_slot(struct arena *a, struct xds_query *q, const xmlNode *slot, struct errors *err)
{
    struct str name = xml_attr(slot, "name");
    const struct xds_parameter *p = q->type->parameters;
    struct xds_texts values = {NULL, 0};
    struct xds_argument *arg;

    while (p->name && !str_eq(name, str_from(p->name)))
        p++;
    if (p->name == NULL || (arg = argument_for(a, q, p, first_value(a, slot), err)) == NULL)
        return;
    if (!read_slot_values(a, slot, &values) || q->value_count + values.n > MAX_VALUES) {
        fail(err, INVALID, "XDSRegistryError",
             "%s is not written as 'text', a number or ('a','b'), or has too many values", p->name);
        return;
    }
    q->value_count += values.n;
    check_values(p, &values, err);
    if (values.n == 0)
        return;
    arg->groups = arena_grow(a, arg->groups, arg->n, sizeof(*arg->groups));
    arg->groups[arg->n++] = values;
}

const struct xds_argument *xds_query_argument_of(const struct xds_query *q,
                                                 enum xds_value_type type)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->arguments[i].parameter->type == type && q->arguments[i].n > 0)
            return &q->arguments[i];
    return NULL;
}

static bool given(const struct xds_query *q, const struct xds_parameter *p)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->arguments[i].parameter == p)
            return q->arguments[i].n > 0;
    return false;
}

/* "$A, $B or $C": the parameters of that need. */
static struct str names_of(struct arena *a, const struct xds_query *q, enum xds_value_need need)
{
    struct strbuf b = strbuf_on(a, 256);

    for (const struct xds_parameter *p = q->type->parameters; p->name; p++)
        if (p->need == need)
            strbuf_addf(&b, "%s%s", b.n > 0 ? " or " : "", p->name);
    return strbuf_str(&b);
}

static void check_choice(struct arena *a, const struct xds_query *q, enum xds_value_need need,
                         struct errors *err)
{
    size_t offered = 0, chosen = 0;

    for (const struct xds_parameter *p = q->type->parameters; p->name; p++) {
        offered += p->need == need;
        chosen += p->need == need && given(q, p);
    }
    if (offered > 0 && chosen == 0)
        fail(err, INVALID, MISSING, "%s needs %.*s", q->type->name, STR_ARG(names_of(a, q, need)));
    if (need == XDS_ONE_OF && chosen > 1)
        fail(err, INVALID, NUMBER, "%s takes one of %.*s, not %zu", q->type->name,
             STR_ARG(names_of(a, q, need)), chosen);
}

static void check_needs(struct arena *a, const struct xds_query *q, struct errors *err)
{
    for (const struct xds_parameter *p = q->type->parameters; p->name; p++)
        if (p->need == XDS_MUST && !given(q, p))
            fail(err, INVALID, MISSING, "%s is required by %s", p->name, q->type->name);
    check_choice(a, q, XDS_ONE_OF, err);
    check_choice(a, q, XDS_SOME_OF, err);
}

static int level_of(const struct xds_query *q)
{
    const struct xds_argument *level = xds_query_argument_of(q, XDS_VALUE_LEVEL);

    return level && str_eq(level->groups[0].v[0], STR("2")) ? 2 : 1;
}

static enum status read_option(const xmlNode *request, struct xds_query *q, struct errors *err)
{
    const xmlNode *option = xml_child(request, NS_QUERY, "ResponseOption");
    struct str type = option ? xml_attr(option, "returnType") : STR_NONE;

    q->leaf_class = str_eq(type, STR("LeafClass"));
    if (q->leaf_class || str_eq(type, STR("ObjectRef")))
        return OK;
    return fail(err, INVALID, "XDSRegistryError",
                "returnType is '%.*s', it must be LeafClass or ObjectRef",
                STR_ARG(str_slice(type, 0, 80)));
}

enum status xds_query_read(struct arena *a, const xmlNode *request, struct xds_query *out,
                           struct errors *err)
{
    const xmlNode *query;

    *out = (struct xds_query){0};
    if (request == NULL || !xml_is(request, NS_QUERY, "AdhocQueryRequest") ||
        (query = xml_child(request, NS_RIM, "AdhocQuery")) == NULL)
        return fail(err, INVALID, "XDSRegistryError",
                    "the message holds no query:AdhocQueryRequest with a rim:AdhocQuery");
    out->id = xml_attr(query, "id");
    out->type = find_type(out->id);
    if (out->type == NULL)
        return fail(err, INVALID, "XDSUnknownStoredQuery", "the query id is '%.*s'",
                    STR_ARG(str_slice(out->id, 0, 120)));
    TRY(read_option(request, out, err));
    XML_EACH(slot, query, NS_RIM, "Slot")
    read_slot(a, out, slot, err);
    check_needs(a, out, err);
    out->level = level_of(out);
    return err->status;
}

const struct xds_argument *xds_query_argument(const struct xds_query *q, const char *name)
{
    for (size_t i = 0; i < q->n; i++)
        if (strcmp(q->arguments[i].parameter->name, name) == 0 && q->arguments[i].n > 0)
            return &q->arguments[i];
    return NULL;
}

struct xds_texts xds_query_texts(const struct xds_query *q, const char *name)
{
    const struct xds_argument *arg = xds_query_argument(q, name);

    return arg && arg->n == 1 ? arg->groups[0] : (struct xds_texts){NULL, 0};
}
