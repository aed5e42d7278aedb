#include "hub/base/hex.h"

static const char HEX[] = "0123456789abcdef";

void hex_write(char *out, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = HEX[b[i] >> 4];
        out[2 * i + 1] = HEX[b[i] & 15];
    }
}

struct str hex_encode(struct arena *a, const void *bytes, size_t n)
{
    char *p = arena_alloc(a, 2 * n + 1);

    hex_write(p, bytes, n);
    return str_of(p, 2 * n);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(struct str text, unsigned char *out, size_t n)
{
    if (text.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

struct str base64_encode(struct arena *a, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)bytes.p;
    char *out = arena_alloc(a, (bytes.n + 2) / 3 * 4 + 1), *p = out;

    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        unsigned group = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) |
                         (left > 2 ? in[i + 2] : 0);

        *p++ = digits[group >> 18];
        *p++ = digits[group >> 12 & 63];
        *p++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *p++ = left > 2 ? digits[group & 63] : '=';
    }
    *p = '\0';
    return str_of(out, (size_t)(p - out));
}

static bool is_xml_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool base64_decode(struct arena *a, struct str text, struct str *out)
{
    char *p = arena_alloc(a, text.n / 4 * 3 + 4);
    unsigned v = 0;
    size_t digits = 0, pads = 0, o = 0;

    for (size_t i = 0; i < text.n; i++) {
        int d = base64_digit(text.p[i]);

        if (is_xml_space(text.p[i]))
            continue;
        if (text.p[i] == '=') {
            pads++;
            continue;
        }
        if (d < 0 || pads > 0)
            return false;
        v = v << 6 | (unsigned)d;
        if (++digits % 4 == 0) {
            p[o++] = (char)(v >> 16);
            p[o++] = (char)(v >> 8 & 255);
            p[o++] = (char)(v & 255);
            v = 0;
        }
    }
    switch (digits % 4) {
    case 0:
        if (pads != 0)
            return false;
        break;
    case 2:
        if (pads != 2 || (v & 15) != 0)
            return false;
        p[o++] = (char)(v >> 4);
        break;
    case 3:
        if (pads != 1 || (v & 3) != 0)
            return false;
        p[o++] = (char)(v >> 10);
        p[o++] = (char)(v >> 2 & 255);
        break;
    default:
        return false;
    }
    *out = str_of(p, o);
    return true;
}
