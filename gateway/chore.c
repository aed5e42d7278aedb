#include "gateway/chore.h"

static const struct statement LOOK = {
    "gw_chore_look",
    "SELECT 1\n"
    "  FROM community_chore\n"
    " WHERE name = $1\n"
    "   AND due_at <= now()",
};

enum status chore_look(struct db *db, const char *name, bool *is_due)
{
    struct rows rows;

    *is_due = false;
    db_queue(db, &LOOK, &rows, DB_TEXT(str_from(name)));
    TRY(db_flush(db));
    *is_due = rows.count == 1;
    return OK;
}
