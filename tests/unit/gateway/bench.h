/* A request as the doors of HL7 v2 see it, without network and database: one member that asks, one
 * other, and the affinity domain. */
#pragma once

#include <string.h>

#include "gateway/hl7.h"
#include "hub/request.h"
#include "tests/support/suite.h"

#define XAD_OID   "1.3.6.1.4.1.21367.13.20.3000"
#define NORTH_OID "1.3.6.1.4.1.21367.13.20.1000"
#define SOUTH_OID "1.3.6.1.4.1.21367.13.20.2000"

enum { NORTH = 1, SOUTH = 2 };

struct bench {
    struct arena arena;
    struct errors err;
    struct config config;
    struct member_authority authorities[3];
    struct member members[2];
    struct member_directory directory;
    struct hl7_message m;
    struct request rq;
};

/* NORTH asks; `text` becomes its message. Lines may end in \n. */
static inline void bench_open(struct bench *t, const char *xad_source, const char *text)
{
    *t = (struct bench){.config = {.xad_authority = XAD_OID, .xad_source = xad_source}};
    arena_init(&t->arena);
    errors_init(&t->err, &t->arena);
    t->authorities[0] = (struct member_authority){STR(NORTH_OID), STR("NORTH")};
    t->authorities[1] = (struct member_authority){STR(SOUTH_OID), STR("SOUTH")};
    t->members[0] = (struct member){.id = NORTH,
                                    .name = STR("north"),
                                    .authorities = &t->authorities[0],
                                    .authority_count = 1};
    t->members[1] = (struct member){.id = SOUTH,
                                    .name = STR("south"),
                                    .authorities = &t->authorities[1],
                                    .authority_count = 1};
    t->directory = (struct member_directory){.members = t->members, .count = 2};
    CU_ASSERT_EQUAL_FATAL(hl7_parse(&t->arena, str_from(text), STR_NONE, &t->m, &t->err), OK);
    t->rq = (struct request){
        .magic = REQUEST_MAGIC,
        .config = &t->config,
        .members = &t->directory,
        .arena = &t->arena,
        .err = &t->err,
        .principal = {.member = &t->members[0]},
        .message = {.hl7 = &t->m},
        .now_us = INT64_C(1767268800000000), /* 2026-01-01T12:00:00Z */
    };
}

static inline void bench_close(struct bench *t)
{
    arena_dispose(&t->arena);
}
