/* A body of several pieces: every byte once, in order, however it is read. */
#include "gateway/relay.h"

#include "hub/base/arena.h"
#include "tests/support/suite.h"

/* Gives a text in pieces of at most `step` bytes, then `end`. */
struct trickle {
    struct byte_source base;
    struct str left;
    size_t step;
    enum status end;
};

static enum status trickle_read(struct byte_source *base, void *to, size_t size, size_t *n)
{
    struct trickle *t = (struct trickle *)base;

    *n = t->left.n < t->step ? t->left.n : t->step;
    *n = *n < size ? *n : size;
    if (*n == 0)
        return t->end;
    memcpy(to, t->left.p, *n);
    t->left = str_slice(t->left, *n, t->left.n);
    return OK;
}

static struct trickle trickle(struct str text, size_t step, enum status end)
{
    return (struct trickle){{.read = trickle_read, .length = text.n}, text, step, end};
}

static struct str read_all(struct arena *a, struct byte_source *s, size_t size, enum status *end)
{
    struct strbuf b = strbuf_on(a, 64);
    char bytes[64];
    size_t n;

    while ((*end = s->read(s, bytes, size, &n)) == OK && n > 0)
        strbuf_add(&b, str_of(bytes, n));
    return strbuf_str(&b);
}

static void the_pieces_come_whole_and_in_order_at_any_size_of_reading(void)
{
    for (size_t size = 1; size <= 64; size++) {
        struct trickle one = trickle(STR("document one"), 5, OK), none = trickle(STR(""), 5, OK);
        const struct relay_piece pieces[] = {
            {.text = STR("head ")}, {.source = &one.base},  {.text = STR("")},
            {.source = &none.base}, {.text = STR(" tail")},
        };
        struct byte_source *s;
        struct arena a;
        enum status end;

        arena_init(&a);
        s = relay_new(&a, pieces, 5);
        CU_ASSERT_EQUAL(s->length, 22);
        CHECK_STR(read_all(&a, s, size, &end), STR("head document one tail"));
        CU_ASSERT_EQUAL(end, OK);
        arena_dispose(&a);
    }
}

static void what_cannot_be_read_ends_it_with_its_fault(void)
{
    struct trickle broken = trickle(STR("half"), 3, INTERNAL);
    const struct relay_piece pieces[] = {{.source = &broken.base}, {.text = STR("tail")}};
    struct arena a;
    enum status end;

    arena_init(&a);
    CHECK_STR(read_all(&a, relay_new(&a, pieces, 2), 64, &end), STR("half"));
    CU_ASSERT_EQUAL(end, INTERNAL);
    arena_dispose(&a);
}

SUITE(test_relay, CASE(the_pieces_come_whole_and_in_order_at_any_size_of_reading),
      CASE(what_cannot_be_read_ends_it_with_its_fault));
