#include "hub/data/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/suite.h"

enum { FIELDS = 8 };

static char memory[4096];

static struct csv_rows rows_of(const char *text)
{
    size_t n = strlen(text);

    memcpy(memory, text, n);
    return (struct csv_rows){.p = memory, .end = memory + n, .separator = ',', .line = 1};
}

/* The next row, its fields joined by bars. */
static struct str next(struct csv_rows *rows)
{
    static char joined[4096];
    struct str fields[FIELDS];
    size_t count, at = 0;

    if (csv_row(rows, fields, FIELDS, &count) != CSV_ROW)
        return STR_NONE;
    for (size_t i = 0; i < count && i < FIELDS; i++)
        at += (size_t)snprintf(joined + at, sizeof(joined) - at, "%s%.*s", i ? "|" : "",
                               STR_ARG(fields[i]));
    return str_of(joined, at);
}

static void rows_end_in_lf_crlf_or_cr(void)
{
    static const char *const texts[] = {"a,b\nc,d\n", "a,b\r\nc,d\r\n", "a,b\rc,d",
                                        "a,b\n\n \nc,d"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct csv_rows rows = rows_of(texts[i]);

        CHECK_STR(next(&rows), STR("a|b"));
        CHECK_STR(next(&rows), STR("c|d"));
        CU_ASSERT_PTR_NULL(next(&rows).p);
    }
}

static void quotes_keep_separators_row_ends_and_quotes(void)
{
    struct csv_rows rows = rows_of("\"a,b\",\"c\r\nd\",\"e \"\"f\"\"\"\n1,2,3\n");

    CHECK_STR(next(&rows), STR("a,b|c\r\nd|e \"f\""));
    CHECK_STR(next(&rows), STR("1|2|3"));
    CU_ASSERT_EQUAL(rows.row_line, 3);
}

static void a_quote_inside_a_field_is_a_quote(void)
{
    struct csv_rows rows = rows_of("5\" pipe,O\"Neil\n \"a\" , b ,\"c\"d\n");

    CHECK_STR(next(&rows), STR("5\" pipe|O\"Neil"));
    CHECK_STR(next(&rows), STR("a|b|cd"));
}

static void empty_fields_are_fields(void)
{
    struct csv_rows rows = rows_of(",,\n\"\",\n");

    CHECK_STR(next(&rows), STR("||"));
    CHECK_STR(next(&rows), STR("|"));
    CU_ASSERT_PTR_NULL(next(&rows).p);
}

static void a_quote_that_never_closes_is_told_with_its_line(void)
{
    struct csv_rows rows = rows_of("a\nb,\"c\nd\n");
    struct str fields[FIELDS];
    size_t count;

    CU_ASSERT_EQUAL(csv_row(&rows, fields, FIELDS, &count), CSV_ROW);
    CU_ASSERT_EQUAL(csv_row(&rows, fields, FIELDS, &count), CSV_BROKEN);
    CU_ASSERT_EQUAL(rows.row_line, 2);
    CU_ASSERT_EQUAL(csv_row(&rows, fields, FIELDS, &count), CSV_END);
}

static void chunks_are_cut_between_rows_only(void)
{
    static const char text[] = "a,\"x\ny\"\r\nb,\"\"\"\n\"\n5\" c\r\nlast";
    static const size_t whole[] = {9, 17, 23};
    uint64_t lines;

    for (size_t n = 0; n < sizeof(text); n++) {
        size_t expected = 0;

        for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
            if (n >= whole[i])
                expected = whole[i];
        CU_ASSERT_EQUAL(csv_whole_rows(text, n, ',', false, &lines), expected);
    }
    CU_ASSERT_EQUAL(csv_whole_rows(text, sizeof(text) - 1, ',', true, &lines), sizeof(text) - 1);
    CU_ASSERT_EQUAL(lines, 5);
}

static void the_header_shows_the_separator(void)
{
    CU_ASSERT_EQUAL(csv_separator(STR("a;b;c,d\n1,2,3,4,5,6,7,8")), ';');
    CU_ASSERT_EQUAL(csv_separator(STR("a\tb")), '\t');
    CU_ASSERT_EQUAL(csv_separator(STR("\"a;b;c\",d")), ',');
    CU_ASSERT_EQUAL(csv_separator(STR("a")), ',');
}

static void what_is_not_utf_8_is_windows_1252(void)
{
    struct arena a;

    arena_init(&a);
    CHECK_STR(csv_utf8(&a, STR("M\xfcller \x80")), STR("Müller €"));
    CHECK_STR(csv_utf8(&a, STR("Müller")), STR("Müller"));
    arena_dispose(&a);
}

/* Writes a file and reads it back: the rows of all chunks, counted, and the header. */
static size_t rows_in_file(const char *text, size_t times, struct csv_file *f, struct errors *err)
{
    char path[] = "/tmp/causeway-csv-XXXXXX";
    int fd = mkstemp(path);
    FILE *to = fdopen(fd, "w");
    struct csv_chunk chunk = {.number = 0};
    struct str fields[FIELDS];
    size_t count, rows = 0;

    fputs("\xef\xbb\xbf"
          "first, second name ,\n",
          to);
    for (size_t i = 0; i < times; i++)
        fputs(text, to);
    fclose(to);
    if (csv_open(f, err->arena, path, err) == OK) {
        while (csv_chunk_next(f, &chunk, err))
            while (csv_row(&chunk.rows, fields, FIELDS, &count) == CSV_ROW)
                rows +=
                    count == 3 && str_eq(fields[0], STR("x,y")) && chunk.rows.row_line == rows + 2;
        csv_close(f);
    }
    csv_chunk_dispose(&chunk);
    unlink(path);
    return rows;
}

static void a_file_is_read_in_chunks_without_losing_a_row(void)
{
    struct arena a;
    struct errors err;
    struct csv_file f;
    size_t times = CSV_CHUNK / 4; /* several chunks of them */

    arena_init(&a);
    errors_init(&err, &a);
    CU_ASSERT_EQUAL(rows_in_file("\"x,y\",2,\n", times, &f, &err), times);
    CU_ASSERT_EQUAL(err.count, 0);
    CU_ASSERT_EQUAL(f.columns, 2);
    CHECK_STR(f.header[0], STR("first"));
    CHECK_STR(f.header[1], STR("second name"));
    CU_ASSERT(f.chunks > 2);
    arena_dispose(&a);
}

static void a_file_of_other_bytes_is_refused(void)
{
    char path[] = "/tmp/causeway-csv-XXXXXX";
    int fd = mkstemp(path);
    struct arena a;
    struct errors err;
    struct csv_file f;

    arena_init(&a);
    errors_init(&err, &a);
    CU_ASSERT_EQUAL(write(fd,
                          "\xff\xfe"
                          "a\0b\0",
                          6),
                    6);
    CU_ASSERT_EQUAL(csv_open(&f, &a, path, &err), INVALID);
    close(fd);
    unlink(path);
    CU_ASSERT_EQUAL(csv_open(&f, &a, path, &err), NOT_FOUND);
    arena_dispose(&a);
}

SUITE(test_csv, CASE(rows_end_in_lf_crlf_or_cr), CASE(quotes_keep_separators_row_ends_and_quotes),
      CASE(a_quote_inside_a_field_is_a_quote), CASE(empty_fields_are_fields),
      CASE(a_quote_that_never_closes_is_told_with_its_line), CASE(chunks_are_cut_between_rows_only),
      CASE(the_header_shows_the_separator), CASE(what_is_not_utf_8_is_windows_1252),
      CASE(a_file_is_read_in_chunks_without_losing_a_row), CASE(a_file_of_other_bytes_is_refused));
