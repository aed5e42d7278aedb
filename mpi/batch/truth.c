#include "mpi/batch/truth.h"

#include <string.h>

/* What POSIX does not know, said in its words: \d, \D, and groups that capture nothing, which
 * become groups, so that the first capturing one may be the second. */
static struct str posix_regex(struct arena *a, struct str regex, size_t *group)
{
    struct strbuf b = strbuf_on(a, 2 * regex.n);
    size_t groups = 0;
    bool inside = false, found = false;

    for (size_t i = 0; i < regex.n; i++) {
        char c = regex.p[i], next = i + 1 < regex.n ? regex.p[i + 1] : '\0';

        if (c == '\\' && (next == 'd' || next == 'D')) {
            strbuf_add(&b, inside ? STR("0-9") : next == 'd' ? STR("[0-9]") : STR("[^0-9]"));
            i++;
        } else if (c == '\\' && next != '\0') {
            strbuf_add(&b, str_slice(regex, i, i + 2));
            i++;
        } else if (c == '(' && !inside) {
            bool silent = str_starts(str_slice(regex, i, regex.n), STR("(?:"));

            groups++;
            strbuf_addc(&b, '(');
            if (!silent && !found)
                *group = groups;
            found |= !silent;
            i += silent ? 2 : 0;
        } else {
            inside = c == '[' ? true : c == ']' ? false : inside;
            strbuf_addc(&b, c);
        }
    }
    return strbuf_str(&b);
}

enum status truth_rule_parse(const char *text, struct arena *a, struct truth_rule *out,
                             struct errors *err)
{
    struct str all = str_from(text), regex;
    ptrdiff_t on = -1;
    char words[256];
    int wrong;

    for (size_t i = 0; i + 4 <= all.n; i++)
        if (str_starts(str_slice(all, i, all.n), STR(" on ")))
            on = (ptrdiff_t)i;
    *out = (struct truth_rule){.by_regex = true};
    if (on <= 0)
        return fail(err, INVALID, "truth", "--truth-rule '%s' is not 'REGEX on COLUMN'", text);
    out->column = str_trim(str_slice(all, (size_t)on + 4, all.n));
    regex = posix_regex(a, str_slice(all, 0, (size_t)on), &out->group);
    wrong = regcomp(&out->regex, str_c(a, regex), REG_EXTENDED);
    if (wrong == 0)
        return OK;
    regerror(wrong, &out->regex, words, sizeof(words));
    return fail(err, INVALID, "truth", "--truth-rule '%s': %s", text, words);
}

struct str truth_entity(const struct truth_rule *t, struct arena *a, struct str value)
{
    regmatch_t matches[10];
    const char *text;

    if (!t->by_regex || value.n == 0)
        return value;
    text = str_c(a, value);
    if (t->group >= 10 || regexec(&t->regex, text, 10, matches, 0) != 0 ||
        matches[t->group].rm_so < 0)
        return STR_NONE;
    return str_of(text + matches[t->group].rm_so,
                  (size_t)(matches[t->group].rm_eo - matches[t->group].rm_so));
}
