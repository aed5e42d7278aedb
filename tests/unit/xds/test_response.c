/* RegistryResponse: codes, severities and places of errors as TF-3 4.2.4 has them. */
#include "tests/support/suite.h"
#include "xds/response.h"

static struct str written(struct arena *a, const char *status, const struct errors *err)
{
    struct strbuf b = strbuf_on(a, 1024);
    struct xml_writer w = xml_writer_on(&b);

    xds_registry_response_write(&w, status, XDS_AT_REGISTRY, 0, err);
    return strbuf_str(&b);
}

static void success_without_errors_has_no_list(void)
{
    struct arena a;
    struct errors err;

    arena_init(&a);
    errors_init(&err, &a);
    CHECK_STR(written(&a, XDS_SUCCESS, &err),
              STR("<rs:RegistryResponse xmlns:rs=\"" XDS_RS_NS "\" status=\"" XDS_SUCCESS "\"/>"));
    arena_dispose(&a);
}

static void the_highest_severity_is_that_of_the_worst(void)
{
    struct arena a;
    struct errors err;
    struct str text;

    arena_init(&a);
    errors_init(&err, &a);
    warn_at(&err, STR("Document01"), "XDSExtraMetadataNotSaved", "a slot");
    text = written(&a, XDS_SUCCESS, &err);
    CU_ASSERT(str_find_str(text, STR("highestSeverity=\"urn:oasis:names:tc:ebxml-regrep:"
                                     "ErrorSeverityType:Warning\"")) > 0);
    fail_at(&err, STR("Document02"), INVALID, "XDSNonIdenticalHash", "uniqueId 1.2.3 <differs>");
    text = written(&a, XDS_FAILURE, &err);
    CU_ASSERT(str_find_str(text, STR("highestSeverity=\"urn:oasis:names:tc:ebxml-regrep:"
                                     "ErrorSeverityType:Error\"")) > 0);
    CU_ASSERT(str_find_str(text, STR("errorCode=\"XDSNonIdenticalHash\" "
                                     "codeContext=\"uniqueId 1.2.3 &lt;differs&gt;\"")) > 0);
    CU_ASSERT(str_find_str(text, STR("location=\"Document02\"")) > 0);
    arena_dispose(&a);
}

static void check_general(enum xds_door door, enum status status, const char *code)
{
    struct arena a;
    struct errors err;
    struct strbuf b;
    struct xml_writer w;

    arena_init(&a);
    errors_init(&err, &a);
    b = strbuf_on(&a, 1024);
    w = xml_writer_on(&b);
    fail(&err, status, "57P01", "what no profile knows");
    xds_registry_response_write(&w, XDS_FAILURE, door, 0, &err);
    CU_ASSERT(str_find_str(strbuf_str(&b), str_printf(&a, "errorCode=\"%s\"", code)) > 0);
    arena_dispose(&a);
}

static void what_the_profile_has_no_code_for_is_an_error_of_the_door(void)
{
    check_general(XDS_AT_REGISTRY, UPSTREAM, "XDSRegistryError");
    check_general(XDS_AT_PROVIDE, INTERNAL, "XDSRepositoryError");
    check_general(XDS_AT_RETRIEVE, UPSTREAM, "XDSRepositoryError");
}

static void a_registry_out_of_reach_is_not_available_to_the_repository(void)
{
    check_general(XDS_AT_PROVIDE, UPSTREAM, "XDSRegistryNotAvailable");
}

static void what_ran_out_of_time_found_the_door_busy(void)
{
    check_general(XDS_AT_REGISTRY, TIMED_OUT, "XDSRegistryBusy");
    check_general(XDS_AT_PROVIDE, CONFLICT, "XDSRepositoryBusy");
}

SUITE(test_response, CASE(success_without_errors_has_no_list),
      CASE(the_highest_severity_is_that_of_the_worst),
      CASE(what_the_profile_has_no_code_for_is_an_error_of_the_door),
      CASE(a_registry_out_of_reach_is_not_available_to_the_repository),
      CASE(what_ran_out_of_time_found_the_door_busy));
