#include "hub/config.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "hub/base/hex.h"

enum config_type { SECTION, TEXT, NUMBER, SWITCH };

struct config_key {
    enum config_type type;
    const char *name, *preset;
    int64_t least, most;
    const char *doc;
    size_t offset;
};

#define CONFIG_OFFSET_TEXT(name)    offsetof(struct config, name)
#define CONFIG_OFFSET_NUMBER(name)  offsetof(struct config, name)
#define CONFIG_OFFSET_SWITCH(name)  offsetof(struct config, name)
#define CONFIG_OFFSET_SECTION(name) 0

static const struct config_key keys[] = {
#define X(type, name, preset, least, most, doc)                                                    \
    {type, #name, preset, least, most, doc, CONFIG_OFFSET_##type(name)},
    CONFIG_KEYS(X)
#undef X
};

enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]), FILE_MAX = 1 << 20 };

struct reading {
    struct arena *arena;
    struct errors *err;
    struct config *out;
    const char *path;
    int line;
    bool given[KEY_COUNT];
};

static enum status complain(struct reading *r, const char *name, struct str value,
                            const char *wanted)
{
    return fail(r->err, INVALID, "config", "%s:%d: %s = %.*s: %s", r->path, r->line, name,
                STR_ARG(value), wanted);
}

static enum status set_text(struct reading *r, const struct config_key *k, struct str value)
{
    const char *copy = str_c(r->arena, value);

    if ((int64_t)value.n < k->least || (int64_t)value.n > k->most)
        return fail(r->err, INVALID, "config", "%s:%d: %s: needs %lld to %lld characters, has %zu",
                    r->path, r->line, k->name, (long long)k->least, (long long)k->most, value.n);
    memcpy((char *)r->out + k->offset, &copy, sizeof(copy));
    return OK;
}

static enum status set_number(struct reading *r, const struct config_key *k, struct str value)
{
    uint64_t u;
    int64_t v;

    if (!str_to_u64(value, &u) || u > INT64_MAX || (int64_t)u < k->least || (int64_t)u > k->most)
        return fail(r->err, INVALID, "config", "%s:%d: %s = %.*s: a number from %lld to %lld",
                    r->path, r->line, k->name, STR_ARG(value), (long long)k->least,
                    (long long)k->most);
    v = (int64_t)u;
    memcpy((char *)r->out + k->offset, &v, sizeof(v));
    return OK;
}

static enum status set_switch(struct reading *r, const struct config_key *k, struct str value)
{
    bool on = str_eq(value, STR("on"));

    if (!on && !str_eq(value, STR("off")))
        return complain(r, k->name, value, "on or off");
    memcpy((char *)r->out + k->offset, &on, sizeof(on));
    return OK;
}

static enum status set_key(struct reading *r, const struct config_key *k, struct str value)
{
    switch (k->type) {
    case TEXT:
        return set_text(r, k, value);
    case NUMBER:
        return set_number(r, k, value);
    case SWITCH:
        return set_switch(r, k, value);
    case SECTION:
        break;
    }
    return INTERNAL;
}

static int find_key(struct str name)
{
    for (int i = 0; i < KEY_COUNT; i++)
        if (keys[i].type != SECTION && str_eq(name, str_from(keys[i].name)))
            return i;
    return -1;
}

/* Failures are recorded and reading goes on: the operator sees all of them at once. */
static void read_line(struct reading *r, struct str line)
{
    struct str name, value = line;
    int i;

    line = str_trim(line);
    if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';' || line.p[0] == '[')
        return;
    value = line;
    name = str_trim(str_cut(&value, '='));
    i = find_key(name);
    if (value.p == NULL)
        fail(r->err, INVALID, "config", "%s:%d: not 'key = value': %.*s", r->path, r->line,
             STR_ARG(line));
    else if (i < 0)
        fail(r->err, INVALID, "config",
             "%s:%d: no such key: %.*s (`causeway serve --help-config` lists them)", r->path,
             r->line, STR_ARG(name));
    else if (r->given[i])
        fail(r->err, INVALID, "config", "%s:%d: %s is given twice", r->path, r->line, keys[i].name);
    else
        set_key(r, &keys[i], str_trim(value));
    if (i >= 0)
        r->given[i] = true;
}

static void set_default(struct reading *r, int i)
{
    const struct config_key *k = &keys[i];

    if (k->type == SECTION || r->given[i])
        return;
    if (k->preset == NULL)
        fail(r->err, INVALID, "config", "%s: %s is required: %s", r->path, k->name, k->doc);
    else if (set_key(r, k, str_from(k->preset)) != OK)
        must_fail(__FILE__, __LINE__, __func__, "a default out of its own range");
}

static enum status read_file(struct arena *a, const char *path, struct str *out, struct errors *err)
{
    FILE *f = fopen(path, "re");
    char *bytes;
    size_t n;

    if (f == NULL)
        return fail(err, INVALID, "config", "%s: %s (name another with --config FILE)", path,
                    strerror(errno));
    bytes = arena_alloc(a, FILE_MAX);
    n = fread(bytes, 1, FILE_MAX, f);
    fclose(f);
    if (n == FILE_MAX)
        return fail(err, INVALID, "config", "%s: larger than a configuration can be", path);
    *out = str_of(bytes, n);
    return OK;
}

/* A quarter of the memory is what one member may hold, and two of its largest messages must
 * fit there: else it could never send one. */
static void check_memory(struct reading *r)
{
    int64_t least = (r->out->max_message_kb * 8 + 1023) / 1024;

    if (r->err->status == OK && r->out->max_memory_mb < least)
        fail(r->err, INVALID, "config",
             "%s: max_memory_mb = %lld: a member may use a quarter of it, which must hold two "
             "messages of max_message_kb = %lld: set it to %lld or more",
             r->path, (long long)r->out->max_memory_mb, (long long)r->out->max_message_kb,
             (long long)least);
}

enum status config_read(struct arena *a, const char *path, struct config *out, struct errors *err)
{
    struct reading r = {.arena = a, .err = err, .out = out, .path = path};
    struct str rest;

    *out = (struct config){0};
    TRY(read_file(a, path, &rest, err));
    while (rest.p != NULL) {
        r.line++;
        read_line(&r, str_cut(&rest, '\n'));
    }
    for (int i = 0; i < KEY_COUNT; i++)
        set_default(&r, i);
    check_memory(&r);
    return err->status;
}

struct str config_digest(struct arena *a, const struct config *c,
                         const unsigned char master_key[32])
{
    unsigned char digest[crypto_generichash_BYTES_MIN];
    crypto_generichash_state state;

    crypto_generichash_init(&state, master_key, 32, sizeof(digest));
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct config_key *k = &keys[i];
        const unsigned char *at = (const unsigned char *)c + k->offset;
        const char *text;

        if (k->type == TEXT) {
            memcpy(&text, at, sizeof(text));
            crypto_generichash_update(&state, (const unsigned char *)text, strlen(text) + 1);
        } else if (k->type != SECTION) {
            crypto_generichash_update(&state, at,
                                      k->type == SWITCH ? sizeof(bool) : sizeof(int64_t));
        }
    }
    crypto_generichash_final(&state, digest, sizeof(digest));
    return hex_encode(a, digest, 8);
}

static const char *range_of(struct arena *a, const struct config_key *k)
{
    if (k->type == SWITCH)
        return "on or off";
    if (k->type == TEXT)
        return "text";
    return str_printf(a, "%lld to %lld", (long long)k->least, (long long)k->most).p;
}

struct str config_manual(struct arena *a)
{
    struct strbuf b = strbuf_on(a, 8192);

    strbuf_lit(&b, "# causeway.conf: key = value. What is commented out shows the default;\n"
                   "# keys without one must be set.\n");
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct config_key *k = &keys[i];

        if (k->type == SECTION)
            strbuf_addf(&b, "\n[%s]\n# %s\n", k->name, k->preset);
        else if (k->preset == NULL)
            strbuf_addf(&b, "\n# %s (%s, required)\n%s =\n", k->doc, range_of(a, k), k->name);
        else
            strbuf_addf(&b, "\n# %s (%s)\n#%s = %s\n", k->doc, range_of(a, k), k->name, k->preset);
    }
    return strbuf_str(&b);
}
