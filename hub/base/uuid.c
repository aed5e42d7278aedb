#include "hub/base/uuid.h"

#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "hub/base/arena.h"
#include "hub/base/clock.h"
#include "hub/base/hex.h"

static struct uuid stamped(struct uuid u, int version)
{
    u.b[6] = (unsigned char)((u.b[6] & 0x0f) | version << 4);
    u.b[8] = (unsigned char)((u.b[8] & 0x3f) | 0x80);
    return u;
}

struct uuid uuid_v4(void)
{
    struct uuid u;

    randombytes_buf(u.b, sizeof(u.b));
    return stamped(u, 4);
}

/* Milliseconds, and a counter of 12 bits behind them, so that the ids of a process sort as they
 * were made, even within a millisecond and when the clock is set back (RFC 9562 section 6.2). */
static uint64_t next_stamp(void)
{
    static _Atomic uint64_t last;
    uint64_t now = (uint64_t)clock_now_us() / 1000 << 12, before = atomic_load(&last), next;

    do
        next = now > before ? now : before + 1;
    while (!atomic_compare_exchange_weak(&last, &before, next));
    return next;
}

struct uuid uuid_v7(void)
{
    uint64_t stamp = next_stamp();
    struct uuid u = uuid_v4();

    for (int i = 0; i < 6; i++)
        u.b[i] = (unsigned char)(stamp >> (12 + 8 * (5 - i)));
    u.b[6] = (unsigned char)(stamp >> 8);
    u.b[7] = (unsigned char)stamp;
    return stamped(u, 7);
}

void uuid_write(struct uuid u, char out[UUID_TEXT + 1])
{
    static const int lengths[] = {4, 2, 2, 2, 6};
    const unsigned char *b = u.b;

    for (int i = 0; i < 5; i++) {
        hex_write(out, b, (size_t)lengths[i]);
        out += 2 * lengths[i];
        b += lengths[i];
        *out++ = i < 4 ? '-' : '\0';
    }
}

struct str uuid_text(struct arena *a, struct uuid u)
{
    char *p = arena_alloc(a, UUID_TEXT + 1);

    uuid_write(u, p);
    return str_of(p, UUID_TEXT);
}

struct str uuid_urn(struct arena *a, struct uuid u)
{
    char *p = arena_alloc(a, strlen("urn:uuid:") + UUID_TEXT + 1);

    memcpy(p, "urn:uuid:", strlen("urn:uuid:"));
    uuid_write(u, p + strlen("urn:uuid:"));
    return str_from(p);
}

bool uuid_parse(struct str s, struct uuid *out)
{
    static const size_t starts[] = {0, 9, 14, 19, 24}, lengths[] = {4, 2, 2, 2, 6};
    unsigned char *b = out->b;

    if (s.n != UUID_TEXT)
        return false;
    for (int i = 0; i < 5; i++) {
        if (i > 0 && s.p[starts[i] - 1] != '-')
            return false;
        if (!hex_decode(str_of(s.p + starts[i], 2 * lengths[i]), b, lengths[i]))
            return false;
        b += lengths[i];
    }
    return true;
}

bool uuid_parse_urn(struct str s, struct uuid *out)
{
    struct str prefix = STR("urn:uuid:");

    return s.n > prefix.n && str_eq_nocase(str_slice(s, 0, prefix.n), prefix) &&
           uuid_parse(str_slice(s, prefix.n, s.n), out);
}

bool uuid_eq(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

int uuid_compare(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, sizeof(a.b));
}
