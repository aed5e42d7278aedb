/* CX, XPN, XAD and XTN fields: read out of a PID, written into a PID of ours, and read again, they
 * say the same. */
#include <stdlib.h>

#include "gateway/adt.h"
#include "gateway/hl7_pid.h"
#include "tests/fuzz/fuzz.h"

static const char HEAD[] = "MSH|^~\\&|A|B|C|D|||ADT^A28|1|P|2.5||||||UNICODE UTF-8\r";

static struct request request_on(struct arena *a, struct errors *err, struct hl7_message *m)
{
    static struct member_authority authority = {{"1.2.3", 5}, {"NS", 2}};
    static struct member member = {.id = 1, .authorities = &authority, .authority_count = 1};
    static struct member_directory directory = {.members = &member, .count = 1};
    static const struct config config = {.xad_authority = "1.2.4", .xad_source = "hub"};

    return (struct request){.config = &config,
                            .members = &directory,
                            .arena = a,
                            .err = err,
                            .principal = {.member = &member},
                            .message = {.hl7 = m}};
}

static bool read_pid(struct arena *a, struct str pid, struct mpi_feed *out)
{
    struct str text = str_printf(a, "%s%.*s\r", HEAD, STR_ARG(pid));
    struct hl7_message *m = ARENA_NEW(a, struct hl7_message);
    struct errors *err = ARENA_NEW(a, struct errors);
    struct request rq = request_on(a, err, m);

    errors_init(err, a);
    return hl7_parse(a, text, STR_NONE, m, err) == OK && adt_read_patient(&rq, m, out) == OK;
}

static struct str write_pid(struct arena *a, const struct mpi_feed *feed)
{
    static const struct hl7_separators usual = {'|', '^', '~', '\\', '&'};
    struct strbuf b = strbuf_on(a, 1024);
    struct errors err;
    struct hl7_message m = {0};
    struct request rq = request_on(a, &err, &m);
    struct pdq_patient p = {.shown = feed->demographics};

    errors_init(&err, a);
    p.ids.count = feed->id_count;
    p.ids.items = ARENA_ARRAY(a, feed->id_count, struct mpi_identifier);
    for (size_t i = 0; i < feed->id_count; i++)
        p.ids.items[i].id = feed->ids[i];
    hl7_pid_add(&rq, &b, &usual, 1, &p);
    return strbuf_str(&b);
}

/* What a PID of ours cannot say is not compared: social security numbers stay here. */
static void must_say_the_same(struct arena *a, const struct mpi_feed *x, const struct mpi_feed *y)
{
    struct str again = write_pid(a, y);

    if (!str_eq(write_pid(a, x), again) || x->id_count != y->id_count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct mpi_feed feed, again;
    struct arena a;

    if (n > 1 << 13)
        return 0;
    arena_init(&a);
    if (read_pid(&a, str_of(data, n), &feed)) {
        /* Twice: what is written first may be in another order, or of other blanks. */
        if (!read_pid(&a, write_pid(&a, &feed), &again))
            abort();
        feed = again;
        if (!read_pid(&a, write_pid(&a, &feed), &again))
            abort();
        must_say_the_same(&a, &feed, &again);
    }
    arena_dispose(&a);
    return 0;
}
