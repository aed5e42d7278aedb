/* What an operation tells of patients, said where the operation is defined: a door.
 *
 * Every transaction, stored query and carrier has one, and every command of an operator
 * (hub/command/doors.c). Exactly one of three is said:
 *   DISCLOSES          to members, communities and their people, through a gate: consent decides
 *   SHOWS_STAFF        to those who run the exchange, by their office, on its own machines: consent
 *                      does not decide, and members do not reach it
 *   DISCLOSES_NOTHING  and why not
 * What says none of them fails the build (`causeway doors --check`, behind each link). What
 * discloses is probed with patients who deny (tests/e2e/test_doors.py), or fails that test. */
#pragma once

enum door_kind { DOOR_UNSAID, DOOR_DISCLOSES, DOOR_STAFF, DOOR_NOTHING };

struct door {
    enum door_kind kind;
    const char *says; /* what is told, or why nothing is */
};

#define DISCLOSES(what)                                                                            \
    {                                                                                              \
        DOOR_DISCLOSES, what                                                                       \
    }
#define SHOWS_STAFF(what)                                                                          \
    {                                                                                              \
        DOOR_STAFF, what                                                                           \
    }
#define DISCLOSES_NOTHING(why)                                                                     \
    {                                                                                              \
        DOOR_NOTHING, why                                                                          \
    }

/* An operation with its door. */
struct door_place {
    const char *kind;   /* "transaction", "query", "carrier", "background" or "command" */
    const char *name;   /* "ITI-18", "FindDocuments", "audit search" */
    const char *path;   /* of a transaction over HTTP; else NULL */
    const char *action; /* what chooses a transaction of a route, or is NULL; that of a query */
    const struct door *door;
};

/* Told of one operation after the other. */
typedef void door_visitor(void *to, const struct door_place *place);
