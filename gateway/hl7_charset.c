#include "gateway/hl7_charset.h"

#include <string.h>
#include <unicode/ucnv.h>
#include <unicode/ucnv_err.h>

#include "hub/base/json_text.h"

static const struct {
    const char *hl7, *icu; /* icu NULL: the bytes are UTF-8 or ASCII already */
} CHARSETS[] = {
    {"", NULL},
    {"ASCII", NULL},
    {"UNICODE UTF-8", NULL},
    {"UTF-8", NULL},
    {"UTF8", NULL},
    {"ISO IR6", NULL},
    {"8859/1", "ISO-8859-1"},
    {"8859/2", "ISO-8859-2"},
    {"8859/3", "ISO-8859-3"},
    {"8859/4", "ISO-8859-4"},
    {"8859/5", "ISO-8859-5"},
    {"8859/6", "ISO-8859-6"},
    {"8859/7", "ISO-8859-7"},
    {"8859/8", "ISO-8859-8"},
    {"8859/9", "ISO-8859-9"},
    {"8859/15", "ISO-8859-15"},
    {"ISO IR14", "Shift_JIS"}, /* JIS X 0201 is its single-byte half */
    {"ISO IR87", "ISO-2022-JP"},
    {"ISO IR159", "ISO-2022-JP-1"},
    {"GB 18030-2000", "gb18030"},
    {"KS X 1001", "EUC-KR"},
    {"CNS 11643-1992", "EUC-TW"},
    {"BIG-5", "Big5"},
};

/* Index into CHARSETS, or -1. */
static int find(struct str charset)
{
    for (size_t i = 0; i < sizeof(CHARSETS) / sizeof(CHARSETS[0]); i++)
        if (str_eq_nocase(charset, str_from(CHARSETS[i].hl7)))
            return (int)i;
    return -1;
}

bool hl7_charset_known(struct str charset)
{
    return find(charset) >= 0;
}

static bool has_nul(struct str s)
{
    return s.n > 0 && memchr(s.p, '\0', s.n) != NULL;
}

/* Converts between `name` and UTF-8. With `strict`, what cannot be converted is an error. */
static bool convert(struct arena *a, const char *name, bool to_utf8, bool strict, struct str in,
                    struct str *out)
{
    UErrorCode e = U_ZERO_ERROR;
    UConverter *other = ucnv_open(name, &e), *utf8 = ucnv_open("UTF-8", &e);
    size_t cap = in.n * 4 + 16;
    char *bytes = arena_alloc(a, cap), *to = bytes;
    const char *from = in.p;
    UChar pivot[1024], *source = pivot, *target = pivot;

    if (U_SUCCESS(e) && strict)
        ucnv_setToUCallBack(other, UCNV_TO_U_CALLBACK_STOP, NULL, NULL, NULL, &e);
    if (U_SUCCESS(e) && !strict)
        ucnv_setSubstChars(other, "?", 1, &e);
    if (U_SUCCESS(e))
        ucnv_convertEx(to_utf8 ? utf8 : other, to_utf8 ? other : utf8, &to, bytes + cap, &from,
                       in.p + in.n, pivot, &source, &target, pivot + 1024, true, true, &e);
    ucnv_close(other);
    ucnv_close(utf8);
    *out = str_of(bytes, (size_t)(to - bytes));
    return U_SUCCESS(e);
}

bool hl7_decode(struct arena *a, struct str bytes, struct str charset, struct str *utf8)
{
    int i = find(charset);

    if (i < 0 || has_nul(bytes))
        return false;
    *utf8 = bytes;
    if (CHARSETS[i].icu == NULL)
        return utf8_valid(bytes);
    return convert(a, CHARSETS[i].icu, true, true, bytes, utf8) && !has_nul(*utf8);
}

static struct str to_ascii(struct arena *a, struct str utf8)
{
    struct strbuf b = strbuf_on(a, utf8.n);

    for (size_t i = 0; i < utf8.n; i++) {
        unsigned char c = (unsigned char)utf8.p[i];

        if (c < 0x80)
            strbuf_addc(&b, (char)c);
        else if (c >= 0xC0)
            strbuf_addc(&b, '?');
    }
    return strbuf_str(&b);
}

struct str hl7_encode(struct arena *a, struct str utf8, struct str charset)
{
    int i = find(charset);
    struct str out;

    if (charset.n == 0 || str_eq_nocase(charset, STR("ASCII")) ||
        str_eq_nocase(charset, STR("ISO IR6")))
        return to_ascii(a, utf8);
    if (i < 0 || CHARSETS[i].icu == NULL)
        return utf8;
    return convert(a, CHARSETS[i].icu, false, false, utf8, &out) ? out : to_ascii(a, utf8);
}
