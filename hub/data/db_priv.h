/* What a struct db is made of. Internal to hub/data. */
#pragma once

#include "hub/data/db_value.h"
#include "hub/data/recall.h"

/* What a connection knows of a statement that it has prepared. */
struct prepared {
    const struct statement *statement;
    const Oid *types; /* of its parameters: the same at each use */
    int count;
    bool known; /* to the server */
    struct prepared *next;
};

struct queued {
    const struct statement *statement;
    struct db_params params;
    struct rows *rows;
    struct prepared *prepares; /* not NULL: a Parse goes before it */
    struct queued *next;
};

enum stage {
    OUTSIDE,   /* of any transaction: each flush is one of its own */
    BEGUN,     /* BEGIN is queued */
    OPEN,      /* BEGIN was sent */
    BROKEN,    /* a flush failed: only db_rollback helps */
    RECALLING, /* the server knows nothing of it (hub/data/recall.h) */
};

enum { PREPARED_BUCKETS = 256 };

struct db {
    PGconn *conn; /* NULL until the next flush connects */
    char *conninfo, *application_name;
    char options[160];    /* that every connection of ours begins with */
    int64_t limit_us;     /* of each statement, as the options say; 0: none */
    struct arena session; /* as long as the connection: what is prepared */
    struct prepared *prepared[PREPARED_BUCKETS];
    struct arena *arena;
    struct errors *err; /* NULL while a rollback runs: nobody asks for its faults */
    int64_t deadline_us;
    struct queued *first, *last, *begin; /* begin: the last that db_begin queued */
    enum stage stage;
    bool changes; /* or locks: something other than reading was queued since db_begin */
    bool owed;    /* the answer to a COMMIT that nobody waited for */
    bool stale;   /* what the server refused says: connect anew when outside */
    bool waiting; /* the last reconnection failed: the next tries once, without patience */
    uint64_t flushes;
    uint64_t whose;            /* while it recalls: who asks */
    struct recalled *recalled; /* and what was recalled */
    bool notes;                /* since db_begin, what is read is noted */
    struct queued *noted;      /* newest first */
    uint64_t noted_generation; /* db_generation before the first of them */
};

bool db_only_selects(const struct statement *s); /* and locks nothing */
/* db_queue_values, encoded already. */
void db_queue_params(struct db *db, const struct statement *s, struct rows *rows,
                     struct db_params params);
/* The flush of a transaction that recalls. */
enum status db_recall(struct db *db) MUST_CHECK;
/* What a flush has sent, and what it gave. */
void db_note(struct db *db, const struct queued *sent);

/* Of a connection (hub/data/db_connect.c). */

/* Gives it up: what was prepared on it is prepared anew on the next. */
void db_disconnect(struct db *db);
/* The same, as a fault of the request's. */
enum status db_lost(struct db *db, enum status status, const char *why);
enum status db_reconnect(struct db *db) MUST_CHECK;
/* Between transactions a server says nothing, unless it says goodbye. */
bool db_alive(struct db *db);
