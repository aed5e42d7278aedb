#include "mpi/core/date.h"

enum { YEAR_MIN = 1200, YEAR_MAX = 2199, PIVOT = 30, PARTS_MAX = 3 };

/* Typed by those who do not know. */
static const uint32_t NEVER[] = {18000101, 18010101, 18500101, 18991230, 18991231, 19000101,
                                 19000102, 19010101, 11111111, 99991231, 20999999, 20991231};

struct part {
    uint32_t value;
    unsigned digits; /* 0: a month's name */
};

static uint32_t month_of(struct str word)
{
    static const char *const MONTHS[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                         "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};

    for (uint32_t i = 0; i < 12 && word.n >= 3; i++)
        if (str_eq_nocase(str_slice(word, 0, 3), str_from(MONTHS[i])))
            return i + 1;
    return 0;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Numbers and months' names, in order; a time of day ends the date. */
static size_t parts_of(struct str s, struct part *parts, size_t cap)
{
    size_t count = 0, i = 0;

    while (i < s.n && count < cap) {
        size_t from = i;
        struct part p = {0, 0};

        if (digit(s.p[i])) {
            for (; i < s.n && digit(s.p[i]) && i - from < 8; i++)
                p.value = p.value * 10 + (uint32_t)(s.p[i] - '0');
            p.digits = (unsigned)(i - from);
        } else if (letter(s.p[i])) {
            while (i < s.n && letter(s.p[i]))
                i++;
            p.value = month_of(str_slice(s, from, i));
        } else {
            i++;
            continue;
        }
        if (p.digits > 0 || p.value > 0)
            parts[count++] = p;
        if (p.digits >= 6)
            break;
    }
    return count;
}

static uint32_t full_year(struct part p)
{
    if (p.digits == 0 || p.digits > 2)
        return p.value;
    return p.value < PIVOT ? 2000 + p.value : 1900 + p.value;
}

static uint32_t checked(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t date = year * 10000 + month * 100 + day;

    if (year < YEAR_MIN || year > YEAR_MAX || month > 99 || day > 99)
        return 0;
    if (month == 0)
        date = year * 10000;
    for (size_t i = 0; i < sizeof(NEVER) / sizeof(NEVER[0]); i++)
        if (date == NEVER[i])
            return 0;
    return date;
}

/* 19800203, 03021980, 198002, 1980. */
static uint32_t one_number(struct part p, enum mpi_date_order order)
{
    uint32_t v = p.value;

    if (p.digits == 4)
        return checked(v, 0, 0);
    if (p.digits == 6)
        return checked(v / 100, v % 100, 0);
    if (p.digits != 8)
        return 0;
    if (v / 10000 >= 1800 && v / 10000 <= 2100)
        return checked(v / 10000, v / 100 % 100, v % 100);
    if (order == MPI_DATE_DMY || v / 1000000 > 12)
        return checked(v % 10000, v / 10000 % 100, v / 1000000);
    return checked(v % 10000, v / 1000000, v / 10000 % 100);
}

static uint32_t three_numbers(const struct part *p, enum mpi_date_order order)
{
    if (p[0].digits > 2)
        return checked(p[0].value, p[1].value, p[2].value);
    if (p[0].digits == 0)
        return checked(full_year(p[2]), p[0].value, p[1].value);
    if (p[1].digits == 0 || p[0].value > 12 || (order == MPI_DATE_DMY && p[1].value <= 12))
        return checked(full_year(p[2]), p[1].value, p[0].value);
    return checked(full_year(p[2]), p[0].value, p[1].value);
}

uint32_t mpi_date_read(struct str s, enum mpi_date_order order)
{
    struct part p[PARTS_MAX];

    s = str_trim(str_slice(s, 0, 40));
    switch (parts_of(s, p, PARTS_MAX)) {
    case 1:
        return one_number(p[0], order);
    case 2:
        return p[0].digits > 2 ? checked(p[0].value, p[1].value, 0)
                               : checked(full_year(p[1]), p[0].value, 0);
    case 3:
        return three_numbers(p, order);
    default:
        return 0;
    }
}

uint32_t mpi_date_of_parts(struct str year, struct str month, struct str day)
{
    struct part y = {0, 0}, m = {0, 0}, d = {0, 0};

    if (parts_of(str_slice(year, 0, 10), &y, 1) == 0)
        return 0;
    (void)parts_of(str_slice(month, 0, 10), &m, 1);
    (void)parts_of(str_slice(day, 0, 10), &d, 1);
    return checked(full_year(y), m.value, d.value);
}

int mpi_date_order_hint(struct str s)
{
    struct part p[PARTS_MAX];

    if (parts_of(str_trim(str_slice(s, 0, 40)), p, PARTS_MAX) != 3)
        return 0;
    if (p[0].digits == 0 || p[0].digits > 2 || p[1].digits == 0)
        return 0;
    if (p[0].value > 12)
        return p[1].value <= 12 ? 1 : 0;
    return p[1].value > 12 ? -1 : 0;
}
