#include "hub/soap_post.h"

#include "tests/support/suite.h"

static void a_url_is_https_with_a_host_and_nothing_of_a_user(void)
{
    static const struct {
        const char *url, *address, *path;
    } cases[] = {
        {"https://st-mary.example/answers", "st-mary.example:443", "/answers"},
        {"https://st-mary.example:8443", "st-mary.example:8443", "/"},
        {"https://[2001:db8::1]/x?y=1", "[2001:db8::1]:443", "/x?y=1"},
        {"https://[2001:db8::1]:99/", "[2001:db8::1]:99", "/"},
        {"http://st-mary.example/", NULL, NULL},
        {"HTTPS://st-mary.example/", NULL, NULL},
        {"https://", NULL, NULL},
        {"https:///answers", NULL, NULL},
        {"https://user@st-mary.example/", NULL, NULL},
        {"https://st-mary.example/a b", NULL, NULL},
        {"https://st-mary.example/\r\nHost: other", NULL, NULL},
        {"https://st-mary.example/#x", NULL, NULL},
        {"", NULL, NULL},
    };
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct soap_url url;
        bool good = soap_url_parse(&a, str_from(cases[i].url), &url);

        CU_ASSERT_EQUAL(good, cases[i].address != NULL);
        if (!good || cases[i].address == NULL)
            continue;
        CHECK_STR(url.address, str_from(cases[i].address));
        CHECK_STR(url.path, str_from(cases[i].path));
    }
    arena_dispose(&a);
}

SUITE(test_soap_post, CASE(a_url_is_https_with_a_host_and_nothing_of_a_user));
