#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/audit/merkle.h"
#include "hub/base/hex.h"
#include "tests/support/suite.h"

enum { LEAVES = 70 };

static struct merkle_hash numbered(uint64_t i)
{
    return merkle_leaf(str_of(&i, sizeof(i)));
}

/* MTH of RFC 6962 section 2.1 as it is written there. */
static struct merkle_hash naive(uint64_t start, uint64_t end)
{
    struct merkle_hash left, right;
    uint64_t k = 1;

    if (end - start == 1)
        return numbered(start);
    while (k * 2 < end - start)
        k *= 2;
    left = naive(start, start + k);
    right = naive(start + k, end);
    return merkle_node(&left, &right);
}

static void resolve(const struct merkle_plan *plan, struct merkle_proof *out)
{
    out->count = plan->count;
    for (size_t i = 0; i < plan->count; i++)
        out->hashes[i] = naive(plan->ranges[i].start, plan->ranges[i].end);
}

static void hashes_the_examples_of_the_rfc(void)
{
    struct merkle_frontier empty = {0};
    struct merkle_hash h = merkle_root(&empty);
    unsigned char want[MERKLE_HASH];

    CU_ASSERT(hex_decode(STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
                         want, MERKLE_HASH));
    CU_ASSERT(memcmp(h.b, want, MERKLE_HASH) == 0);
    h = merkle_leaf(STR(""));
    CU_ASSERT(hex_decode(STR("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
                         want, MERKLE_HASH));
    CU_ASSERT(memcmp(h.b, want, MERKLE_HASH) == 0);
}

static void the_edge_has_the_root_of_the_naive_tree(void)
{
    struct merkle_frontier f = {0};

    for (uint64_t n = 1; n <= LEAVES; n++) {
        struct merkle_hash leaf = numbered(n - 1), want = naive(0, n), root;

        merkle_add(&f, &leaf, NULL);
        root = merkle_root(&f);
        CU_ASSERT(f.size == n && merkle_eq(&root, &want));
    }
}

static void note_subtree(void *context, unsigned height, uint64_t number,
                         const struct merkle_hash *root)
{
    struct merkle_hash want = naive(number << height, (number + 1) << height);

    CU_ASSERT(merkle_eq(root, &want));
    ++*(size_t *)context;
}

static void tells_of_each_complete_subtree_once(void)
{
    size_t told = 0, want = 0;
    struct merkle_watch watch = {note_subtree, &told};
    struct merkle_frontier f = {0};

    for (uint64_t n = 0; n < LEAVES; n++) {
        struct merkle_hash leaf = numbered(n);

        merkle_add(&f, &leaf, &watch);
    }
    for (unsigned h = 0; h < 7; h++)
        want += (size_t)LEAVES >> h;
    CU_ASSERT_EQUAL(told, want);
}

static void subtrees_stand_only_where_they_fit(void)
{
    struct merkle_hash four = naive(0, 4), two = naive(4, 6), leaf = numbered(6),
                       want = naive(0, 7);
    struct merkle_frontier f = {0};
    struct merkle_hash root;

    CU_ASSERT(merkle_add_subtree(&f, 2, &four, NULL));
    CU_ASSERT(merkle_add_subtree(&f, 1, &two, NULL));
    CU_ASSERT_FALSE(merkle_add_subtree(&f, 2, &four, NULL));
    CU_ASSERT_FALSE(merkle_add_subtree(&f, MERKLE_HEIGHT_MAX, &four, NULL));
    merkle_add(&f, &leaf, NULL);
    root = merkle_root(&f);
    CU_ASSERT(merkle_eq(&root, &want));
}

static void every_leaf_is_proved_in_every_tree_and_in_no_other(void)
{
    for (uint64_t size = 1; size <= LEAVES; size++) {
        struct merkle_hash root = naive(0, size);

        for (uint64_t i = 0; i < size; i++) {
            struct merkle_hash leaf = numbered(i), other = numbered(i + 1);
            struct merkle_plan plan;
            struct merkle_proof proof;

            merkle_plan_inclusion(i, size, &plan);
            resolve(&plan, &proof);
            CU_ASSERT(merkle_verify_inclusion(i, size, &leaf, &proof, &root));
            CU_ASSERT_FALSE(merkle_verify_inclusion(i, size, &other, &proof, &root));
            CU_ASSERT_FALSE(merkle_verify_inclusion(i ^ 1, size, &leaf, &proof, &root));
            if (proof.count > 0) {
                proof.hashes[proof.count / 2].b[7] ^= 1;
                CU_ASSERT_FALSE(merkle_verify_inclusion(i, size, &leaf, &proof, &root));
            }
        }
    }
}

static void every_earlier_tree_is_proved_consistent(void)
{
    for (uint64_t size = 1; size <= LEAVES; size++)
        for (uint64_t old = 1; old <= size; old++) {
            struct merkle_hash root = naive(0, size), old_root = naive(0, old), bad = numbered(999);
            struct merkle_plan plan;
            struct merkle_proof proof;

            merkle_plan_consistency(old, size, &plan);
            resolve(&plan, &proof);
            CU_ASSERT(merkle_verify_consistency(old, size, &old_root, &proof, &root));
            CU_ASSERT_FALSE(merkle_verify_consistency(old, size, &bad, &proof, &root));
            CU_ASSERT_FALSE(merkle_verify_consistency(old, size, &old_root, &proof, &bad));
        }
}

/* --- vectors ------------------------------------------------------------------------------- */

struct counts {
    size_t seen, wrong;
};

static bool hash_given(struct arena *a, const json_t *o, const char *key, struct merkle_hash *out)
{
    struct str bytes;
    const char *text = json_string_value(json_object_get(o, key));

    if (text == NULL || !base64_decode(a, str_from(text), &bytes) || bytes.n == 0)
        return false;
    *out = merkle_leaf(bytes); /* "don't care": as good a hash as any, and equal when equal */
    if (bytes.n == MERKLE_HASH)
        memcpy(out->b, bytes.p, MERKLE_HASH);
    return true;
}

/* False for what is no list of hashes: as wrong as a proof that does not verify. */
static bool proof_given(struct arena *a, const json_t *o, struct merkle_proof *out)
{
    const json_t *list = json_object_get(o, "proof");
    size_t n = json_array_size(list);

    out->count = 0;
    for (size_t i = 0; i < n; i++) {
        struct str bytes;
        const char *text = json_string_value(json_array_get(list, i));

        if (i >= MERKLE_PROOF_MAX || !base64_decode(a, str_from(text), &bytes) ||
            bytes.n != MERKLE_HASH)
            return false;
        memcpy(out->hashes[out->count++].b, bytes.p, MERKLE_HASH);
    }
    return true;
}

/* Some stand above INT64_MAX, which jansson reads as a double at most; the others are small. */
static uint64_t number(const json_t *o, const char *key)
{
    double v = json_number_value(json_object_get(o, key));

    return v < 0x1p64 ? (uint64_t)v : UINT64_MAX;
}

static bool inclusion(struct arena *a, const json_t *o)
{
    struct merkle_hash leaf, root;
    struct merkle_proof proof;

    return hash_given(a, o, "leafHash", &leaf) && hash_given(a, o, "root", &root) &&
           proof_given(a, o, &proof) &&
           merkle_verify_inclusion(number(o, "leafIdx"), number(o, "treeSize"), &leaf, &proof,
                                   &root);
}

static bool consistency(struct arena *a, const json_t *o)
{
    struct merkle_hash old, now;
    struct merkle_proof proof;

    return hash_given(a, o, "root1", &old) && hash_given(a, o, "root2", &now) &&
           proof_given(a, o, &proof) &&
           merkle_verify_consistency(number(o, "size1"), number(o, "size2"), &old, &proof, &now);
}

static struct merkle_range subtree(const json_t *o)
{
    return (struct merkle_range){number(o, "start"), number(o, "end")};
}

static bool subtree_inclusion(struct arena *a, const json_t *o)
{
    struct merkle_hash leaf, root;
    struct merkle_proof proof;

    return hash_given(a, o, "leafHash", &leaf) && hash_given(a, o, "root", &root) &&
           proof_given(a, o, &proof) &&
           merkle_verify_subtree_inclusion(number(o, "leafIdx"), subtree(o), &leaf, &proof, &root);
}

static bool subtree_consistency(struct arena *a, const json_t *o)
{
    struct merkle_hash old, now;
    struct merkle_proof proof;

    return hash_given(a, o, "root1", &old) && hash_given(a, o, "root2", &now) &&
           proof_given(a, o, &proof) &&
           merkle_verify_subtree_consistency(subtree(o), number(o, "size"), &old, &proof, &now);
}

static void play(const char *path, bool (*verify)(struct arena *, const json_t *),
                 struct counts *counts)
{
    json_t *o = json_load_file(path, JSON_DECODE_INT_AS_REAL, NULL);
    struct arena a;

    arena_init(&a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    counts->seen++;
    if (verify(&a, o) == json_is_true(json_object_get(o, "wantErr"))) {
        counts->wrong++;
        printf("%s: wrongly %s\n", path, verify(&a, o) ? "accepted" : "refused");
    }
    json_decref(o);
    arena_dispose(&a);
}

static void play_folder(const char *path, bool (*verify)(struct arena *, const json_t *),
                        struct counts *counts)
{
    DIR *d = opendir(path);
    struct dirent *entry;
    char inner[4096];

    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    while ((entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        if (str_ends(str_from(inner), STR(".json")))
            play(inner, verify, counts);
        else
            play_folder(inner, verify, counts);
    }
    closedir(d);
}

static void agrees_with_every_vector_of_transparency_dev(void)
{
    static const struct {
        const char *folder;
        size_t count;
        bool (*verify)(struct arena *, const json_t *);
    } kinds[] = {
        {"inclusion", 98, inclusion},
        {"consistency", 98, consistency},
        {"subtreeinclusion", 204, subtree_inclusion},
        {"subtreeconsistency", 118, subtree_consistency},
    };
    const char *base = test_data("security/merkle-rfc6962/testdata");
    char path[4096];

    if (base == NULL)
        return;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct counts counts = {0};

        snprintf(path, sizeof(path), "%s/%s", base, kinds[i].folder);
        play_folder(path, kinds[i].verify, &counts);
        CU_ASSERT_EQUAL(counts.seen, kinds[i].count);
        CU_ASSERT_EQUAL(counts.wrong, 0);
    }
}

SUITE(test_merkle, CASE(hashes_the_examples_of_the_rfc),
      CASE(the_edge_has_the_root_of_the_naive_tree), CASE(tells_of_each_complete_subtree_once),
      CASE(subtrees_stand_only_where_they_fit),
      CASE(every_leaf_is_proved_in_every_tree_and_in_no_other),
      CASE(every_earlier_tree_is_proved_consistent),
      CASE(agrees_with_every_vector_of_transparency_dev));
