#include "hub/metrics.h"

#include "hub/base/arena.h"
#include "tests/support/suite.h"

static void a_request_falls_into_its_bucket_and_those_above(void)
{
    struct arena a;
    struct strbuf b;
    struct str text;

    arena_init(&a);
    metric_add(METRIC_hl7_duplicates_total, 2);
    metric_request("ITI-99", "ok", 7000, 4);
    metric_request("ITI-99", "ok", 20, 3);
    b = strbuf_on(&a, 0);
    metrics_write(&b);
    text = strbuf_str(&b);
#define HAS(line) CU_ASSERT(str_find_str(text, STR(line "\n")) >= 0)
    HAS("causeway_hl7_duplicates_total 2");
    HAS("causeway_request_seconds_bucket{transaction=\"ITI-99\",outcome=\"ok\",le=\"0.005\"} 1");
    HAS("causeway_request_seconds_bucket{transaction=\"ITI-99\",outcome=\"ok\",le=\"0.01\"} 2");
    HAS("causeway_request_seconds_bucket{transaction=\"ITI-99\",outcome=\"ok\",le=\"+Inf\"} 2");
    HAS("causeway_request_seconds_count{transaction=\"ITI-99\",outcome=\"ok\"} 2");
    HAS("causeway_request_flushes_total{transaction=\"ITI-99\",outcome=\"ok\"} 7");
    HAS("causeway_request_flushes_most{transaction=\"ITI-99\",outcome=\"ok\"} 4");
#undef HAS
    arena_dispose(&a);
}

SUITE(test_metrics, CASE(a_request_falls_into_its_bucket_and_those_above));
