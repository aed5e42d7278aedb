#include "hub/net/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "hub/base/clock.h"
#include "hub/base/err.h"
#include "tests/support/suite.h"

#define START (1000 * US_PER_SECOND)

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage ss = {0};
    struct sockaddr_in *in4 = (struct sockaddr_in *)&ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

    if (inet_pton(AF_INET, text, &in4->sin_addr) == 1)
        ss.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
        ss.ss_family = AF_INET6;
    must(ss.ss_family != 0, "an address of the test's own");
    return ss;
}

static enum guard_word enter(struct guard *g, const char *text, int64_t now_us, int *slot)
{
    struct sockaddr_storage from = address(text);

    return guard_enter(g, &from, now_us, slot);
}

static void an_address_has_so_many_handshakes_under_way(void)
{
    struct guard *g = guard_new(&(struct guard_limits){.under_way = 2});
    int slots[2], none;

    CU_ASSERT_EQUAL(enter(g, "192.0.2.1", START, &slots[0]), GUARD_ADMITTED);
    CU_ASSERT_EQUAL(enter(g, "192.0.2.1", START, &slots[1]), GUARD_ADMITTED);
    CU_ASSERT_EQUAL(enter(g, "192.0.2.1", START, &none), GUARD_REFUSED);
    CU_ASSERT_EQUAL(none, -1);
    guard_leave(g, slots[0]);
    CU_ASSERT_EQUAL(enter(g, "192.0.2.1", START, &none), GUARD_ADMITTED);
    guard_free(g);
}

static void an_address_begins_so_many_a_second_and_the_others_do_not_feel_it(void)
{
    struct guard *g = guard_new(&(struct guard_limits){.rate = {5, 10}});
    int admitted = 0, slot;

    for (int i = 0; i < 100; i++)
        admitted += enter(g, "192.0.2.1", START, &slot) == GUARD_ADMITTED;
    CU_ASSERT_EQUAL(admitted, 10);
    CU_ASSERT_EQUAL(enter(g, "192.0.2.1", START + US_PER_SECOND / 5, &slot), GUARD_ADMITTED);
    CU_ASSERT_EQUAL(enter(g, "198.51.100.7", START, &slot), GUARD_ADMITTED);
    guard_free(g);
}

static void a_refusal_is_told_once_a_second(void)
{
    struct guard *g = guard_new(&(struct guard_limits){.under_way = 1});
    int slot;

    CU_ASSERT_EQUAL(enter(g, "192.0.2.1", START, &slot), GUARD_ADMITTED);
    CU_ASSERT_EQUAL(enter(g, "192.0.2.1", START, &slot), GUARD_REFUSED);
    CU_ASSERT_EQUAL(enter(g, "192.0.2.1", START + 1, &slot), GUARD_REFUSED_AGAIN);
    CU_ASSERT_EQUAL(enter(g, "192.0.2.1", START + US_PER_SECOND, &slot), GUARD_REFUSED);
    guard_free(g);
}

static void addresses_of_one_ipv6_network_and_mapped_ones_are_one(void)
{
    static const char *const pairs[][2] = {
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9"},
        {"192.0.2.1", "::ffff:192.0.2.1"},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct guard *g = guard_new(&(struct guard_limits){.under_way = 1});
        int slot;

        CU_ASSERT_EQUAL(enter(g, pairs[i][0], START, &slot), GUARD_ADMITTED);
        CU_ASSERT_EQUAL(enter(g, pairs[i][1], START, &slot), GUARD_REFUSED);
        guard_free(g);
    }
}

SUITE(test_guard, CASE(an_address_has_so_many_handshakes_under_way),
      CASE(an_address_begins_so_many_a_second_and_the_others_do_not_feel_it),
      CASE(a_refusal_is_told_once_a_second),
      CASE(addresses_of_one_ipv6_network_and_mapped_ones_are_one));
