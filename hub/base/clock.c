#include "hub/base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t frozen, shift;

int64_t clock_now_us(void)
{
    struct timespec t;
    int64_t f = atomic_load(&frozen);

    if (f != 0)
        return f;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000 + atomic_load(&shift);
}

int64_t clock_monotonic_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
}

void clock_set_for_tests(int64_t now_us)
{
    atomic_store(&frozen, now_us);
}

void clock_shift_for_tests(int64_t us)
{
    atomic_store(&shift, us);
}

static struct tm broken_down(int64_t us)
{
    time_t seconds = (time_t)(us / US_PER_SECOND);
    struct tm t;

    if (us % US_PER_SECOND < 0)
        seconds--;
    gmtime_r(&seconds, &t);
    return t;
}

struct str clock_iso(struct arena *a, int64_t us)
{
    struct tm t = broken_down(us);
    int fraction = (int)((us % US_PER_SECOND + US_PER_SECOND) % US_PER_SECOND);

    return str_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", t.tm_year + 1900, t.tm_mon + 1,
                      t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, fraction);
}

struct str clock_dtm(struct arena *a, int64_t us)
{
    struct tm t = broken_down(us);

    return str_printf(a, "%04d%02d%02d%02d%02d%02d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                      t.tm_hour, t.tm_min, t.tm_sec);
}

/* Takes `digits` decimal digits off the front of *s. */
static bool take_number(struct str *s, size_t digits, int *out)
{
    uint64_t v;

    if (s->n < digits || !str_to_u64(str_slice(*s, 0, digits), &v))
        return false;
    *out = (int)v;
    *s = str_slice(*s, digits, s->n);
    return true;
}

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_slice(*s, 1, s->n);
    return true;
}

/* Z, or +HHMM / +HH:MM; *seconds east of Greenwich. */
static bool take_zone(struct str *s, int64_t *seconds)
{
    int hours, minutes, sign;

    if (take_char(s, 'Z')) {
        *seconds = 0;
        return true;
    }
    sign = take_char(s, '-') ? -1 : take_char(s, '+') ? 1 : 0;
    if (sign == 0 || !take_number(s, 2, &hours))
        return false;
    take_char(s, ':');
    if (!take_number(s, 2, &minutes) || hours > 14 || minutes > 59)
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

/* Fraction of a second after the point: *us its value, *unit what its last digit is worth. */
static bool take_fraction(struct str *s, int64_t *us, int64_t *unit)
{
    size_t digits = 0;

    *us = 0;
    *unit = US_PER_SECOND;
    while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
        if (*unit > 1) {
            *unit /= 10;
            *us += *unit * (s->p[0] - '0');
        }
        *s = str_slice(*s, 1, s->n);
        digits++;
    }
    return digits > 0 && digits <= 9;
}

static int64_t instant(const int f[6])
{
    struct tm t = {.tm_year = f[0] - 1900,
                   .tm_mon = f[1] - 1,
                   .tm_mday = f[2],
                   .tm_hour = f[3],
                   .tm_min = f[4],
                   .tm_sec = f[5]};

    return (int64_t)timegm(&t) * US_PER_SECOND;
}

static bool in_calendar(const int f[6])
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (f[0] % 4 == 0 && f[0] % 100 != 0) || f[0] % 400 == 0;

    return f[0] >= 1 && f[1] >= 1 && f[1] <= 12 && f[2] >= 1 &&
           f[2] <= days[f[1] - 1] + (f[1] == 2 && leap) && f[3] < 24 && f[4] < 60 && f[5] < 60;
}

bool clock_parse_dtm(struct str s, int64_t *from, int64_t *to)
{
    int f[6] = {0, 1, 1, 0, 0, 0}, next[6];
    int64_t fraction = 0, unit = 0, zone = 0;
    int given = 1;

    if (!take_number(&s, 4, &f[0]))
        return false;
    while (given < 6 && s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9')
        if (!take_number(&s, 2, &f[given++]))
            return false;
    if (given == 6 && take_char(&s, '.') && !take_fraction(&s, &fraction, &unit))
        return false;
    if (s.n > 0 && !take_zone(&s, &zone))
        return false;
    if (s.n > 0 || !in_calendar(f))
        return false;
    for (int i = 0; i < 6; i++)
        next[i] = f[i] + (i == given - 1);
    *from = instant(f) + fraction - zone * US_PER_SECOND;
    *to = unit > 0 ? *from + unit : instant(next) - zone * US_PER_SECOND;
    return true;
}

bool clock_parse_iso(struct str s, int64_t *us)
{
    int f[6] = {0};
    int64_t fraction = 0, unit, zone = 0;

    if (!take_number(&s, 4, &f[0]) || !take_char(&s, '-') || !take_number(&s, 2, &f[1]) ||
        !take_char(&s, '-') || !take_number(&s, 2, &f[2]))
        return false;
    if (s.n > 0) {
        if ((!take_char(&s, 'T') && !take_char(&s, ' ')) || !take_number(&s, 2, &f[3]) ||
            !take_char(&s, ':') || !take_number(&s, 2, &f[4]))
            return false;
        if (take_char(&s, ':') && !take_number(&s, 2, &f[5]))
            return false;
        if (take_char(&s, '.') && !take_fraction(&s, &fraction, &unit))
            return false;
        if (!take_zone(&s, &zone))
            return false;
    }
    if (s.n > 0 || !in_calendar(f))
        return false;
    *us = instant(f) + fraction - zone * US_PER_SECOND;
    return true;
}
