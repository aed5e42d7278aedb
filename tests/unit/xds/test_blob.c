#include "xds/blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/hex.h"
#include "tests/support/suite.h"

static const unsigned char MASTER[32] = "a master key of thirty-two byte";

/* A document of n bytes, no two frames alike. */
static struct str document(struct arena *a, size_t n)
{
    unsigned char *p = arena_alloc(a, n + 1);

    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)(i * 31 + i / 251 + i / 65536);
    return str_of(p, n);
}

static struct blob_writer *written(struct blobs *b, struct arena *a, struct str bytes, size_t step)
{
    struct blob_writer *w = blob_begin(b, a);

    for (size_t at = 0; at < bytes.n; at += step)
        CU_ASSERT_EQUAL(blob_write(w, str_slice(bytes, at, at + step)), OK);
    CU_ASSERT_EQUAL(blob_end(w), OK);
    return w;
}

static struct blob_ref ref_of(const struct blob_writer *w)
{
    const struct blob_info *i = blob_info_of(w);

    return (struct blob_ref){i->id, str_of(i->wrapped_key, BLOB_WRAPPED_KEY), i->size,
                             i->stored_size};
}

static struct blob_ref stored(struct blobs *b, struct arena *a, struct str bytes, size_t step)
{
    struct blob_writer *w = written(b, a, bytes, step);

    CU_ASSERT_EQUAL_FATAL(blob_commit(&w, 1), OK);
    blob_keep(w);
    return ref_of(w);
}

/* Reads all of it in pieces; false when a read fails. What came before is in *out. */
static bool read_pieces(struct byte_source *s, size_t piece, struct strbuf *out)
{
    char *to = malloc(piece);
    bool good = true;
    size_t n = 1;

    while (good && n > 0) {
        good = s->read(s, to, piece, &n) == OK;
        strbuf_add(out, str_of(to, n));
    }
    free(to);
    return good;
}

static const size_t SIZES[] = {0,     1,      4095,   65535,  65536,         65537,
                               70000, 131072, 131073, 200000, 5 * 65536 + 7, 10 * 65536};

static void what_is_written_is_read_in_any_pieces(void)
{
    static const size_t steps[] = {1000, 16384, 65536, 70000, 1 << 20};
    struct blobs *b = blobs_new(store_mem_new(), MASTER);

    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
            struct arena a;
            struct byte_source *s;
            struct strbuf got;
            struct str whole, doc;
            struct blob_ref ref;

            arena_init(&a);
            doc = document(&a, SIZES[i]);
            ref = stored(b, &a, doc, steps[j]);
            CU_ASSERT_EQUAL(blob_read(b, &a, &ref, &whole), OK);
            CU_ASSERT(str_eq(whole, doc));
            CU_ASSERT_EQUAL_FATAL(blob_open(b, &a, &ref, &s), OK);
            CU_ASSERT_EQUAL(s->length, doc.n);
            got = strbuf_on(&a, doc.n);
            CU_ASSERT(read_pieces(s, steps[j], &got));
            CU_ASSERT(str_eq(strbuf_str(&got), doc));
            arena_dispose(&a);
        }
    }
    blobs_free(b);
}

static void hashes_and_size_are_those_of_the_plain_bytes(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct arena a;
    const struct blob_info *i;

    arena_init(&a);
    i = blob_info_of(written(b, &a, STR("abc"), 2));
    CU_ASSERT_EQUAL(i->size, 3);
    CHECK_STR(hex_encode(&a, i->sha1, 20), STR("a9993e364706816aba3e25717850c26c9cd0d89d"));
    CHECK_STR(hex_encode(&a, i->sha256, 32),
              STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    i = blob_info_of(written(b, &a, STR(""), 1));
    CHECK_STR(hex_encode(&a, i->sha1, 20), STR("da39a3ee5e6b4b0d3255bfef95601890afd80709"));
    arena_dispose(&a);
    blobs_free(b);
}

static void the_store_never_sees_a_plain_byte(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct arena a;
    struct strbuf doc;
    struct blob_ref ref;
    unsigned char *bytes;
    size_t *size;

    arena_init(&a);
    doc = strbuf_on(&a, 300000);
    while (doc.n < 300000)
        strbuf_lit(&doc, "patient Maria Muster ");
    ref = stored(b, &a, strbuf_str(&doc), 16384);
    bytes = store_mem_bytes(blobs_store(b), ref.id, &size);
    CU_ASSERT_EQUAL(*size, ref.stored_size);
    CU_ASSERT(str_find_str(str_of(bytes, *size), STR("Muster")) < 0);
    arena_dispose(&a);
    blobs_free(b);
}

/* A document of text, as a CDA is: lines that resemble each other. */
static struct str text(struct arena *a, size_t n)
{
    struct strbuf b = strbuf_on(a, n + 64);

    for (size_t i = 0; b.n < n; i++)
        strbuf_addf(&b, "<observation code=\"%zu\" value=\"%zu\"/>\n", i % 97, i * i % 10007);
    return str_slice(strbuf_str(&b), 0, n);
}

static void text_is_packed_and_comes_back_in_any_pieces(void)
{
    static const size_t steps[] = {1000, 65536, 70000, 1 << 20};
    struct blobs *b = blobs_new(store_mem_new(), MASTER);

    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
            struct arena a;
            struct byte_source *s;
            struct strbuf got;
            struct str doc;
            struct blob_ref ref;
            size_t *size;

            arena_init(&a);
            doc = text(&a, SIZES[i]);
            ref = stored(b, &a, doc, steps[j]);
            CU_ASSERT_PTR_NOT_NULL(store_mem_bytes(blobs_store(b), ref.id, &size));
            CU_ASSERT_EQUAL(ref.stored_size, doc.n >= 4096 ? *size : 0);
            CU_ASSERT(doc.n < 4096 || *size < doc.n / 2);
            CU_ASSERT_EQUAL_FATAL(blob_open(b, &a, &ref, &s), OK);
            got = strbuf_on(&a, doc.n);
            CU_ASSERT(read_pieces(s, steps[j], &got));
            CU_ASSERT(str_eq(strbuf_str(&got), doc));
            arena_dispose(&a);
        }
    }
    blobs_free(b);
}

/* Text in front, then what no compression makes less: the frame is kept as it is. */
static void a_frame_that_does_not_become_less_is_kept_as_it_is(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct arena a;
    struct strbuf doc;
    struct str got;
    struct blob_ref ref;
    uint32_t noise = 1;

    arena_init(&a);
    doc = strbuf_on(&a, 3 * BLOB_FRAME);
    strbuf_add(&doc, text(&a, BLOB_FRAME));
    while (doc.n < 2 * BLOB_FRAME + 9) {
        noise = noise * 1664525 + 1013904223;
        strbuf_addc(&doc, (char)(noise >> 24));
    }
    ref = stored(b, &a, strbuf_str(&doc), 100000);
    CU_ASSERT(ref.stored_size > BLOB_FRAME && ref.stored_size < 2 * BLOB_FRAME);
    CU_ASSERT_EQUAL(blob_read(b, &a, &ref, &got), OK);
    CU_ASSERT(str_eq(got, strbuf_str(&doc)));
    arena_dispose(&a);
    blobs_free(b);
}

static void every_flipped_bit_of_a_packed_document_is_seen(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct arena a;
    struct blob_ref ref;
    struct str got;
    unsigned char *bytes;
    size_t *size;

    arena_init(&a);
    ref = stored(b, &a, text(&a, 5000), 5000);
    bytes = store_mem_bytes(blobs_store(b), ref.id, &size);
    for (size_t i = 0; i < *size; i++) {
        bytes[i] ^= (unsigned char)(1 << i % 8);
        CU_ASSERT_EQUAL(blob_read(b, &a, &ref, &got), INTERNAL);
        bytes[i] ^= (unsigned char)(1 << i % 8);
    }
    CU_ASSERT_EQUAL(blob_read(b, &a, &ref, &got), OK);
    arena_dispose(&a);
    blobs_free(b);
}

/* What a test does to the stored bytes of a document of five frames and a bit. */
struct tampering {
    const char *name;
    void (*spoil)(unsigned char *bytes, size_t *size, const unsigned char *other);
    size_t whole_frames; /* that are read before it is seen; 0 also when opening fails */
};

enum { STRIDE = BLOB_FRAME + BLOB_TAG };

static unsigned char *frame(unsigned char *bytes, size_t number)
{
    return bytes + BLOB_HEADER + number * STRIDE;
}

static void flip_first(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    (void)size, (void)other;
    frame(bytes, 0)[0] ^= 1;
}

static void flip_third(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    (void)size, (void)other;
    frame(bytes, 2)[BLOB_FRAME / 2] ^= 0x80;
}

static void flip_tag(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    (void)other;
    bytes[*size - 1] ^= 1;
}

static void swap_frames(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    unsigned char *kept = malloc(STRIDE);

    (void)size, (void)other;
    memcpy(kept, frame(bytes, 1), STRIDE);
    memcpy(frame(bytes, 1), frame(bytes, 2), STRIDE);
    memcpy(frame(bytes, 2), kept, STRIDE);
    free(kept);
}

static void repeat_frame(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    (void)size, (void)other;
    memcpy(frame(bytes, 3), frame(bytes, 2), STRIDE);
}

static void frame_of_another(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    (void)size;
    memcpy(frame(bytes, 4), other + BLOB_HEADER + 4 * STRIDE, STRIDE);
}

static void prefix(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    (void)size, (void)other;
    bytes[40] ^= 1;
}

static void header_of_another(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    (void)size;
    memcpy(bytes, other, BLOB_HEADER);
}

static void whole_of_another(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    memcpy(bytes, other, *size);
}

static void cut_a_byte(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    (void)bytes, (void)other;
    *size -= 1;
}

static void cut_all(unsigned char *bytes, size_t *size, const unsigned char *other)
{
    (void)bytes, (void)other;
    *size = 0;
}

static const struct tampering TAMPERINGS[] = {
    {"a flipped bit in the first frame", flip_first, 0},
    {"a flipped bit in the third frame", flip_third, 2},
    {"a flipped bit in the last tag", flip_tag, 5},
    {"two frames change places", swap_frames, 1},
    {"a frame comes twice", repeat_frame, 3},
    {"a frame of another blob", frame_of_another, 4},
    {"another nonce prefix", prefix, 0},
    {"the header of another blob", header_of_another, 0},
    {"another blob under this name", whole_of_another, 0},
    {"the last byte is gone", cut_a_byte, 0},
    {"nothing is left", cut_all, 0},
};

static void check_tampering(struct blobs *b, const struct tampering *t)
{
    struct arena a;
    struct str doc;
    struct blob_ref ref, other;
    struct byte_source *s;
    struct strbuf got;
    size_t *size, *other_size;
    unsigned char *bytes, *other_bytes;

    arena_init(&a);
    doc = document(&a, 5 * BLOB_FRAME + 100);
    ref = stored(b, &a, doc, 1 << 20);
    other = stored(b, &a, doc, 1 << 20);
    bytes = store_mem_bytes(blobs_store(b), ref.id, &size);
    other_bytes = store_mem_bytes(blobs_store(b), other.id, &other_size);
    t->spoil(bytes, size, other_bytes);
    got = strbuf_on(&a, doc.n);
    if (blob_open(b, &a, &ref, &s) == OK && read_pieces(s, 1024, &got)) {
        fprintf(stderr, "not seen: %s\n", t->name);
        CU_FAIL("a tampering passed");
    }
    CU_ASSERT_EQUAL(got.n / BLOB_FRAME, t->whole_frames);
    CU_ASSERT(str_eq(strbuf_str(&got), str_slice(doc, 0, got.n)));
    CU_ASSERT_NOT_EQUAL(blob_read(b, &a, &ref, &doc), OK);
    arena_dispose(&a);
}

static void every_tampering_is_seen_and_nothing_unauthentic_is_given(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);

    for (size_t i = 0; i < sizeof(TAMPERINGS) / sizeof(TAMPERINGS[0]); i++)
        check_tampering(b, &TAMPERINGS[i]);
    blobs_free(b);
}

/* A frame dropped at the end, with a row that agrees: the last-frame flag alone tells. */
static void a_truncation_at_a_frame_is_seen_even_if_the_size_agrees(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct arena a;
    struct blob_ref ref;
    struct str got;
    size_t *size;

    arena_init(&a);
    ref = stored(b, &a, document(&a, 3 * BLOB_FRAME), 1 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store_mem_bytes(blobs_store(b), ref.id, &size));
    *size -= STRIDE;
    ref.size -= BLOB_FRAME;
    CU_ASSERT_EQUAL(blob_read(b, &a, &ref, &got), INTERNAL);
    arena_dispose(&a);
    blobs_free(b);
}

static void an_empty_document_is_authenticated_too(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct arena a;
    struct blob_ref ref;
    struct str got;
    size_t *size;

    arena_init(&a);
    ref = stored(b, &a, STR(""), 1);
    CU_ASSERT_EQUAL(blob_read(b, &a, &ref, &got), OK);
    store_mem_bytes(blobs_store(b), ref.id, &size)[BLOB_HEADER] ^= 1;
    CU_ASSERT_EQUAL(blob_read(b, &a, &ref, &got), INTERNAL);
    arena_dispose(&a);
    blobs_free(b);
}

static void a_key_opens_only_its_own_blob_under_its_own_master_key(void)
{
    static const unsigned char strange[32] = "another master key, also 32 byte";
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct blobs *stranger = blobs_new(store_mem_new(), strange);
    struct arena a;
    struct blob_ref one, two, mixed;
    struct str got;

    arena_init(&a);
    one = stored(b, &a, STR("one"), 3);
    two = stored(b, &a, STR("two"), 3);
    mixed = (struct blob_ref){one.id, two.wrapped_key, one.size, one.stored_size};
    CU_ASSERT_EQUAL(blob_read(b, &a, &mixed, &got), INTERNAL);
    CU_ASSERT_EQUAL(blob_read(stranger, &a, &one, &got), INTERNAL);
    CU_ASSERT_EQUAL(blob_read(b, &a, &one, &got), OK);
    arena_dispose(&a);
    blobs_free(stranger);
    blobs_free(b);
}

static void a_blob_that_no_transaction_names_ends_with_the_arena(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct blob_writer *w;
    struct arena a;

    arena_init(&a);
    written(b, &a, STR("never committed"), 5);
    written(b, &a, document(&a, 400000), 65536);
    w = written(b, &a, STR("rolled back"), 5);
    CU_ASSERT_EQUAL(blob_commit(&w, 1), OK);
    CU_ASSERT_EQUAL(store_mem_count(blobs_store(b)), 1);
    blob_keep(w);
    blob_unkeep(w);
    arena_dispose(&a);
    CU_ASSERT_EQUAL(store_mem_count(blobs_store(b)), 0);
    stored(b, &a, STR("kept"), 4);
    arena_dispose(&a);
    CU_ASSERT_EQUAL(store_mem_count(blobs_store(b)), 1);
    blobs_free(b);
}

static void a_request_that_runs_again_commits_its_blobs_once(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct blob_writer *w[2];
    struct arena a;

    arena_init(&a);
    w[0] = written(b, &a, STR("one"), 3);
    w[1] = written(b, &a, document(&a, 200000), 65536);
    CU_ASSERT_EQUAL(blob_commit(w, 2), OK);
    CU_ASSERT_EQUAL(blob_commit(w, 2), OK);
    CU_ASSERT_EQUAL(store_mem_count(blobs_store(b)), 2);
    arena_dispose(&a);
    blobs_free(b);
}

static void a_store_that_fails_leaves_nothing_and_says_so(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct blob_writer *w[2];
    struct arena a;

    arena_init(&a);
    w[0] = written(b, &a, STR("one"), 3);
    w[1] = written(b, &a, document(&a, 200000), 65536);
    store_mem_fail_commits(blobs_store(b), true);
    CU_ASSERT_EQUAL(blob_commit(w, 2), UPSTREAM);
    store_mem_fail_commits(blobs_store(b), false);
    CU_ASSERT_EQUAL(blob_commit(w, 2), UPSTREAM);
    CU_ASSERT_EQUAL(store_mem_count(blobs_store(b)), 0);
    arena_dispose(&a);
    blobs_free(b);
}

/* More small parts than may wait in memory: the rest goes to temporary objects, and all commit. */
static void what_waits_in_memory_is_bounded(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    static struct blob_writer *w[400];
    struct arena a;
    struct str doc;

    arena_init(&a);
    doc = document(&a, 120000);
    for (size_t i = 0; i < 400; i++)
        w[i] = written(b, &a, doc, 1 << 20);
    CU_ASSERT_EQUAL(blob_commit(w, 400), OK);
    CU_ASSERT_EQUAL(store_mem_count(blobs_store(b)), 400);
    for (size_t i = 0; i < 400; i++) {
        struct blob_ref ref = ref_of(w[i]);
        struct str got;

        CU_ASSERT(blob_read(b, &a, &ref, &got) == OK && str_eq(got, doc));
    }
    arena_dispose(&a);
    blobs_free(b);
}

static const unsigned char NEXT_MASTER[32] = "the master key of the next years";

static void a_rewrapped_key_opens_under_the_new_master_key_alone(void)
{
    struct store *store = store_mem_new();
    struct blobs *b = blobs_new(store, MASTER), *next = blobs_new(store_mem_new(), NEXT_MASTER);
    unsigned char out[BLOB_WRAPPED_KEY];
    struct arena a;
    struct blob_ref ref;
    struct str got;

    arena_init(&a);
    ref = stored(b, &a, text(&a, 100), 100);
    CU_ASSERT_EQUAL(blob_key_rewrap(next, ref.id, ref.wrapped_key, out), BLOB_KEY_LOCKED);
    CU_ASSERT(blobs_know_key(next, MASTER));
    CU_ASSERT_EQUAL(blob_key_rewrap(next, ref.id, ref.wrapped_key, out), BLOB_KEY_REWRAPPED);
    ref.wrapped_key = str_of(out, sizeof(out));
    CU_ASSERT_EQUAL(blob_key_rewrap(next, ref.id, ref.wrapped_key, out), BLOB_KEY_CURRENT);
    CU_ASSERT_NOT_EQUAL(blob_read(b, &a, &ref, &got), OK);
    CU_ASSERT(blobs_know_key(b, NEXT_MASTER));
    CU_ASSERT_EQUAL(blob_read(b, &a, &ref, &got), OK);
    arena_dispose(&a);
    blobs_free(next);
    blobs_free(b);
}

static enum blob_fault verified(struct blobs *b, const struct blob_writer *w)
{
    struct blob_ref ref = ref_of(w);

    return blob_verify(b, &ref, blob_info_of(w)->sha1, blob_info_of(w)->sha256);
}

static void a_verification_names_each_fault(void)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct blobs *stranger = blobs_new(store_mem_new(), NEXT_MASTER);
    unsigned char wrong[BLOB_SHA256] = {1}, *bytes;
    struct arena a;
    struct blob_writer *w;
    struct blob_ref ref;
    size_t *size;

    arena_init(&a);
    w = written(b, &a, document(&a, 3 * BLOB_FRAME), 1 << 20);
    CU_ASSERT_EQUAL(verified(b, w), BLOB_MISSING);
    CU_ASSERT_EQUAL_FATAL(blob_commit(&w, 1), OK);
    CU_ASSERT_EQUAL(verified(b, w), BLOB_SOUND);
    CU_ASSERT_EQUAL(verified(stranger, w), BLOB_LOCKED);
    ref = ref_of(w);
    CU_ASSERT_EQUAL(blob_verify(b, &ref, wrong, blob_info_of(w)->sha256), BLOB_WRONG_HASH);
    CU_ASSERT_EQUAL(blob_verify(b, &ref, blob_info_of(w)->sha1, wrong), BLOB_WRONG_HASH);
    bytes = store_mem_bytes(blobs_store(b), ref.id, &size);
    bytes[BLOB_HEADER + BLOB_FRAME / 2] ^= 1;
    CU_ASSERT_EQUAL(verified(b, w), BLOB_ALTERED);
    *size -= 1;
    CU_ASSERT_EQUAL(verified(b, w), BLOB_TRUNCATED);
    arena_dispose(&a);
    blobs_free(stranger);
    blobs_free(b);
}

static void a_walk_sees_every_object_once_in_order(void)
{
    struct store *s = store_mem_new();
    struct blobs *b = blobs_new(s, MASTER);
    struct store_walk *walk;
    struct store_entry e;
    struct arena a;
    struct uuid ids[20];
    bool found;

    arena_init(&a);
    for (size_t i = 0; i < 20; i++)
        ids[i] = stored(b, &a, text(&a, i), 1000).id;
    walk = s->ops->walk(s);
    for (size_t i = 0; i < 20; i++) {
        CU_ASSERT(s->ops->walk_next(walk, &e, &found) == OK && found && uuid_eq(e.id, ids[i]));
        CU_ASSERT_EQUAL(e.size, BLOB_HEADER + i + BLOB_TAG);
    }
    CU_ASSERT(s->ops->walk_next(walk, &e, &found) == OK && !found);
    s->ops->walk_end(walk);
    arena_dispose(&a);
    blobs_free(b);
}

SUITE(test_blob, CASE(what_is_written_is_read_in_any_pieces),
      CASE(hashes_and_size_are_those_of_the_plain_bytes), CASE(the_store_never_sees_a_plain_byte),
      CASE(every_tampering_is_seen_and_nothing_unauthentic_is_given),
      CASE(a_truncation_at_a_frame_is_seen_even_if_the_size_agrees),
      CASE(an_empty_document_is_authenticated_too),
      CASE(a_key_opens_only_its_own_blob_under_its_own_master_key),
      CASE(a_blob_that_no_transaction_names_ends_with_the_arena),
      CASE(a_request_that_runs_again_commits_its_blobs_once),
      CASE(a_store_that_fails_leaves_nothing_and_says_so), CASE(what_waits_in_memory_is_bounded),
      CASE(text_is_packed_and_comes_back_in_any_pieces),
      CASE(a_frame_that_does_not_become_less_is_kept_as_it_is),
      CASE(every_flipped_bit_of_a_packed_document_is_seen),
      CASE(a_rewrapped_key_opens_under_the_new_master_key_alone),
      CASE(a_verification_names_each_fault), CASE(a_walk_sees_every_object_once_in_order));
