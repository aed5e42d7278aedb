#include "hub/data/json.h"

static void release(void *p)
{
    json_decref(p);
}

/* Deepest nesting, by brackets outside strings: before a recursive parser sees it. */
static int depth_of(struct str s)
{
    int depth = 0, deepest = 0;
    bool inside = false;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (inside && c == '\\')
            i++;
        else if (c == '"')
            inside = !inside;
        else if (!inside && (c == '{' || c == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!inside && (c == '}' || c == ']'))
            depth--;
    }
    return deepest;
}

enum status json_read(struct arena *a, struct str bytes, const struct json_limits *limits,
                      const char *code, struct errors *err, json_t **root)
{
    json_error_t why;

    if (bytes.n > limits->max_bytes)
        return fail(err, INVALID, code, "the JSON has more than %zu bytes", limits->max_bytes);
    if (depth_of(bytes) > limits->max_depth)
        return fail(err, INVALID, code, "the JSON is nested deeper than %d", limits->max_depth);
    *root = json_loadb(bytes.p ? bytes.p : "", bytes.n, JSON_REJECT_DUPLICATES, &why);
    if (*root == NULL)
        return fail(err, INVALID, code, "no JSON: line %d, column %d: %s", why.line, why.column,
                    why.text);
    arena_defer(a, release, *root);
    return OK;
}

struct str json_str(const json_t *value)
{
    if (!json_is_string(value))
        return STR_NONE;
    return str_of(json_string_value(value), json_string_length(value));
}

struct str json_member(const json_t *object, const char *name)
{
    return json_str(json_object_get(object, name));
}
