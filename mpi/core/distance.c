#include "mpi/core/distance.h"

enum { WIDTH = 64 };

/* Where each byte stands in the pattern: bit i is position i. Set before a comparison and cleared
 * after it by the same bytes, which is cheaper than clearing 2 KiB. */
static _Thread_local uint64_t places[256];

static void places_set(struct str pattern)
{
    for (size_t i = 0; i < pattern.n; i++)
        places[(unsigned char)pattern.p[i]] |= UINT64_C(1) << i;
}

static void places_clear(struct str pattern)
{
    for (size_t i = 0; i < pattern.n; i++)
        places[(unsigned char)pattern.p[i]] = 0;
}

static struct str first_bytes(struct str s)
{
    return str_slice(s, 0, WIDTH);
}

static uint64_t low_bits(size_t n)
{
    return n >= WIDTH ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

struct matched {
    uint64_t pattern, text; /* positions that found a partner */
};

/* Each byte of the text takes the first free equal one of the pattern within the window. */
static struct matched jaro_match(struct str text, size_t pattern_n, size_t window)
{
    struct matched m = {0, 0};

    for (size_t j = 0; j < text.n; j++) {
        uint64_t reach = low_bits(j + window + 1) & low_bits(pattern_n);
        uint64_t found;

        if (j > window)
            reach &= ~low_bits(j - window);
        found = places[(unsigned char)text.p[j]] & reach & ~m.pattern;
        m.pattern |= found & (~found + 1);
        m.text |= (uint64_t)(found != 0) << j;
    }
    return m;
}

/* Partners that stand in another order, in halves. */
static unsigned jaro_crossings(struct str text, struct matched m)
{
    unsigned crossed = 0;

    while (m.text != 0) {
        uint64_t next = m.pattern & (~m.pattern + 1);
        unsigned char c = (unsigned char)text.p[__builtin_ctzll(m.text)];

        crossed += (places[c] & next) == 0;
        m.pattern ^= next;
        m.text &= m.text - 1;
    }
    return crossed;
}

/* Matching is greedy, so the order of the two could tell: the shorter, then the lesser, is first.
 */
static void put_in_order(struct str *a, struct str *b)
{
    if (a->n > b->n || (a->n == b->n && str_compare(*a, *b) > 0)) {
        struct str t = *a;

        *a = *b;
        *b = t;
    }
}

double mpi_jaro_winkler(struct str a, struct str b)
{
    struct str pattern = first_bytes(a), text = first_bytes(b);
    size_t longer = pattern.n > text.n ? pattern.n : text.n, start = 0;
    struct matched m;
    double common, jaro;

    if (longer == 0)
        return 1;
    put_in_order(&pattern, &text);
    places_set(pattern);
    m = jaro_match(text, pattern.n, longer > 3 ? longer / 2 - 1 : 0);
    common = __builtin_popcountll(m.text);
    jaro = common == 0 ? 0
                       : (common / (double)pattern.n + common / (double)text.n +
                          (common - jaro_crossings(text, m) / 2) / common) /
                             3;
    places_clear(pattern);
    while (start < 4 && start < pattern.n && start < text.n && pattern.p[start] == text.p[start])
        start++;
    return jaro + (double)start * 0.1 * (1 - jaro);
}

unsigned mpi_osa(struct str a, struct str b)
{
    struct str pattern = first_bytes(a), text = first_bytes(b);
    uint64_t up = ~UINT64_C(0), down = 0, zero = 0, before = 0, last;
    unsigned distance = (unsigned)pattern.n;

    if (pattern.n == 0)
        return (unsigned)text.n;
    last = UINT64_C(1) << (pattern.n - 1);
    places_set(pattern);
    for (size_t j = 0; j < text.n; j++) {
        uint64_t here = places[(unsigned char)text.p[j]];
        uint64_t swapped = ((~zero & here) << 1) & before, plus, minus;

        zero = (((here & up) + up) ^ up) | here | down | swapped;
        plus = down | ~(zero | up);
        minus = zero & up;
        distance += (plus & last) != 0;
        distance -= (minus & last) != 0;
        plus = (plus << 1) | 1;
        up = (minus << 1) | ~(zero | plus);
        down = plus & zero;
        before = here;
    }
    places_clear(pattern);
    return distance;
}
