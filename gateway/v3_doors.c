#include "gateway/v3_doors.h"

#include "gateway/hl7v3.h"
#include "gateway/iti44.h"
#include "gateway/iti45.h"
#include "gateway/iti47.h"

#define FEED(interaction, kind, handler)                                                           \
    {                                                                                              \
        .name = "ITI-44", .action = NS_HL7V3 ":" interaction, .isolation = READ_COMMITTED,         \
        .audit = {"110110", (kind)}, .handle = (handler), .render_failure = iti44_failure,         \
        .door = DISCLOSES_NOTHING("it takes what a member knows; the answer says whether it did")  \
    }
#define QUERY(name_, interaction, handler, failure, door_)                                         \
    {                                                                                              \
        .name = (name_), .action = NS_HL7V3 ":" interaction, .isolation = REPEATABLE_READ,         \
        .audit = {"110112", 'E'}, .handle = (handler), .render_failure = (failure), .door = door_  \
    }

const struct transaction v3_pix_transactions[] = {
    FEED("PRPA_IN201301UV02", 'C', iti44_feed),
    FEED("PRPA_IN201302UV02", 'U', iti44_feed),
    FEED("PRPA_IN201304UV02", 'U', iti44_merge),
    QUERY("ITI-45", "PRPA_IN201309UV02", iti45_query, iti45_failure, DISCLOSES("identifiers")),
    {.name = NULL},
};

const struct transaction v3_pdq_transactions[] = {
    QUERY("ITI-47", "PRPA_IN201305UV02", iti47_query, iti47_failure,
          DISCLOSES("identifiers and demographics")),
    QUERY("ITI-47", "QUQI_IN000003UV01_Continue", iti47_continue, iti47_failure,
          DISCLOSES("the next of the same")),
    QUERY("ITI-47", "QUQI_IN000003UV01_Cancel", iti47_cancel, iti47_cancel_failure,
          DISCLOSES_NOTHING("it ends a query")),
    {.name = NULL},
};
