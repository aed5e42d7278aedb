#include "consent/labels_file.h"

#include <stdlib.h>

#include "consent/code_system.h"
#include "hub/base/json_text.h"
#include "hub/data/json.h"

static const struct json_limits VALUE_SET_LIMITS = {LABEL_FILE_MAX, 32};

struct reader {
    struct arena *arena;
    struct errors *err;
    struct label_set *out;
    size_t room;
};

static enum status add_code(struct reader *r, struct label_code code)
{
    if (code.code.n == 0 || code.code.n > LABEL_CODE_MAX || code.system.n > LABEL_CODE_MAX)
        return fail(r->err, INVALID, "labels",
                    "a code or a system is empty or longer than %d bytes", LABEL_CODE_MAX);
    if (r->out->code_count == LABEL_CODES_MAX)
        return fail(r->err, INVALID, "labels", "more than %d codes", LABEL_CODES_MAX);
    if (r->out->code_count == r->room) {
        struct label_code *more = ARENA_ARRAY(r->arena, 2 * r->room + 64, struct label_code);

        if (r->room > 0)
            memcpy(more, r->out->codes, r->room * sizeof(*more));
        r->out->codes = more;
        r->room = 2 * r->room + 64;
    }
    r->out->codes[r->out->code_count++] = code;
    return OK;
}

enum status labels_list_read(struct arena *a, struct str list, struct label_texts *out,
                             struct errors *err)
{
    size_t room = 1;

    for (size_t i = 0; i < list.n; i++)
        room += list.p[i] == ',';
    *out = (struct label_texts){ARENA_ARRAY(a, room, struct str), 0};
    while (list.p) {
        struct str label = str_trim(str_cut(&list, ','));

        if (!label_valid(label))
            return fail(err, INVALID, "labels",
                        "'%.*s' is no label: write letters and digits, as SUD; U, L, M, N, R and V "
                        "are degrees of confidentiality",
                        STR_ARG(str_slice(label, 0, 80)));
        out->v[out->n++] = label;
    }
    if (out->n == 0)
        return fail(err, INVALID, "labels", "a value set gives at least one label");
    return OK;
}

/* --- CSV -------------------------------------------------------------------------------------- */

static enum status read_comment(struct reader *r, struct str line)
{
    struct str value = str_slice(line, 1, line.n), key = str_trim(str_cut(&value, ':'));

    if (value.p == NULL)
        return OK;
    if (str_eq(key, STR("labels")))
        return labels_list_read(r->arena, value, &r->out->labels, r->err);
    if (!str_eq(key, STR("confidentiality")))
        return OK;
    r->out->confidentiality = str_trim(value);
    if (label_confidentiality_rank(r->out->confidentiality) >= 0)
        return OK;
    return fail(r->err, INVALID, "labels", "confidentiality is one of U, L, M, N, R, V");
}

static enum status read_line(struct reader *r, struct str line, size_t number)
{
    struct str rest = line, field = str_trim(str_cut(&rest, ',')),
               system = str_trim(str_cut(&rest, ',')), code = str_trim(str_cut(&rest, ','));
    struct label_code c = {LABEL_ANY, code_system(system), code, str_ends(code, STR("*"))};

    if (system.p == NULL || code.n == 0)
        return fail(r->err, INVALID, "labels", "line %zu: write field,system,code,display", number);
    if (field.n > 0 && !label_field_parse(field, &c.field))
        return fail(r->err, INVALID, "labels",
                    "line %zu: '%.*s' is no field; write class, type, format, facility, practice, "
                    "event, confidentiality, or nothing for any",
                    number, STR_ARG(str_slice(field, 0, 40)));
    if (c.prefix)
        c.code.n--;
    if (c.prefix && c.code.n == 0)
        return fail(r->err, INVALID, "labels", "line %zu: a * alone would label everything",
                    number);
    return add_code(r, c);
}

static enum status read_csv(struct reader *r, struct str bytes)
{
    for (size_t number = 1; bytes.p; number++) {
        struct str line = str_trim(str_cut(&bytes, '\n'));

        if (line.n == 0 || str_starts(line, STR("field,system,code")))
            continue;
        if (line.p[0] == '#')
            TRY(read_comment(r, line));
        else
            TRY(read_line(r, line, number));
    }
    return OK;
}

/* --- FHIR ValueSet ---------------------------------------------------------------------------- */

static enum status not_understood(struct reader *r, const char *where, const char *key)
{
    return fail(r->err, INVALID, "labels",
                "ValueSet.%s.%.80s selects codes in a way that is not read here: give the codes "
                "themselves, for example the ValueSet's $expand",
                where, key);
}

/* Is every key of the object one of these? The first that is not is refused. */
static enum status only(struct reader *r, json_t *object, const char *where,
                        const char *const *allowed)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return fail(r->err, INVALID, "labels", "ValueSet.%s holds what is no object", where);
    json_object_foreach(object, key, value)
    {
        size_t i = 0;

        while (allowed[i] && strcmp(allowed[i], key) != 0)
            i++;
        if (allowed[i] == NULL)
            return not_understood(r, where, key);
    }
    return OK;
}

static enum status read_concept(struct reader *r, json_t *concept, struct str system)
{
    static const char *const allowed[] = {"code",      "display", "designation",
                                          "extension", "id",      NULL};

    TRY(only(r, concept, "compose.include.concept", allowed));
    return add_code(r, (struct label_code){LABEL_ANY, code_system(system),
                                           json_member(concept, "code"), false});
}

static enum status read_include(struct reader *r, json_t *include)
{
    static const char *const allowed[] = {"system", "version", "concept", "extension", "id", NULL};
    json_t *list, *concept;
    size_t i;

    TRY(only(r, include, "compose.include", allowed));
    list = json_object_get(include, "concept");
    if (json_member(include, "system").n == 0 || json_array_size(list) == 0)
        return not_understood(r, "compose", "include without system or concept");
    json_array_foreach(list, i, concept)
        TRY(read_concept(r, concept, json_member(include, "system")));
    return OK;
}

static enum status read_compose(struct reader *r, json_t *compose)
{
    static const char *const allowed[] = {"include",   "lockedDate", "inactive",
                                          "extension", "id",         NULL};
    json_t *include;
    size_t i;

    TRY(only(r, compose, "compose", allowed));
    json_array_foreach(json_object_get(compose, "include"), i, include)
        TRY(read_include(r, include));
    return OK;
}

/* Recursion is bounded by VALUE_SET_LIMITS. */
static enum status read_contains(struct reader *r, json_t *list)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        struct label_code c = {LABEL_ANY, code_system(json_member(item, "system")),
                               json_member(item, "code"), false};

        if (!json_is_true(json_object_get(item, "abstract")) && c.code.n > 0)
            TRY(add_code(r, c));
        TRY(read_contains(r, json_object_get(item, "contains")));
    }
    return OK;
}

/* An expansion is the whole set; compose only says how it came about. */
static enum status read_value_set(struct reader *r, struct str bytes)
{
    json_t *root, *expansion;

    TRY(json_read(r->arena, bytes, &VALUE_SET_LIMITS, "labels", r->err, &root));
    if (!str_eq(json_member(root, "resourceType"), STR("ValueSet")))
        return fail(r->err, INVALID, "labels", "the JSON is no FHIR ValueSet");
    if (json_object_get(root, "modifierExtension"))
        return not_understood(r, "modifierExtension", "");
    expansion = json_object_get(root, "expansion");
    if (expansion)
        return read_contains(r, json_object_get(expansion, "contains"));
    if (json_object_get(root, "compose") == NULL)
        return fail(r->err, INVALID, "labels", "the ValueSet has neither compose nor expansion");
    return read_compose(r, json_object_get(root, "compose"));
}

/* --- each once -------------------------------------------------------------------------------- */

static int compare_codes(const void *a, const void *b)
{
    const struct label_code *x = a, *y = b;
    int by = str_compare(x->system, y->system);

    if (by == 0)
        by = str_compare(x->code, y->code);
    if (by == 0)
        by = (int)x->field - (int)y->field;
    return by != 0 ? by : x->prefix - y->prefix;
}

static void once(struct label_set *set)
{
    size_t n = 0;

    if (set->code_count > 1)
        qsort(set->codes, set->code_count, sizeof(*set->codes), compare_codes);
    for (size_t i = 0; i < set->code_count; i++)
        if (n == 0 || compare_codes(&set->codes[n - 1], &set->codes[i]) != 0)
            set->codes[n++] = set->codes[i];
    set->code_count = n;
}

enum status labels_file_read(struct arena *a, struct str bytes, struct label_set *out,
                             struct errors *err)
{
    struct reader r = {a, err, out, 0};
    struct str text = str_trim(bytes);

    *out = (struct label_set){0};
    if (bytes.n > LABEL_FILE_MAX)
        return fail(err, INVALID, "labels", "the file has more than %d bytes", LABEL_FILE_MAX);
    if (!utf8_valid(text) || (text.n > 0 && memchr(text.p, '\0', text.n)))
        return fail(err, INVALID, "labels", "the file is no text in UTF-8");
    if (text.n > 0 && text.p[0] == '{')
        TRY(read_value_set(&r, text));
    else
        TRY(read_csv(&r, text));
    if (out->code_count == 0)
        return fail(err, INVALID, "labels", "the file has no codes");
    once(out);
    return OK;
}
