/* Any bytes as a value set: what is read fits the tables that it goes to, and labels by it come out
 * in order, each once. */
#include "consent/labels_file.h"
#include "tests/fuzz/fuzz.h"

static void check_labels(struct arena *a, struct label_set *set)
{
    struct label_book *book;
    struct label_texts labels;

    if (set->labels.n == 0)
        set->labels = (struct label_texts){&set->codes[0].code, 1};
    book = label_book_make(a, set, 1, 1);
    labels = label_book_apply(book, a, set->codes, set->code_count < 20 ? set->code_count : 20);
    must(labels.n > 0 && label_confidentiality_rank(labels.v[0]) >= 0, "no confidentiality first");
    for (size_t i = 2; i < labels.n; i++)
        must(str_compare(labels.v[i - 1], labels.v[i]) < 0, "labels out of order, or one twice");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    struct errors err;
    struct label_set set;

    arena_init(&a);
    errors_init(&err, &a);
    if (labels_file_read(&a, str_of(data, n), &set, &err) == OK) {
        must(set.code_count > 0 && set.code_count <= LABEL_CODES_MAX, "a set of no codes");
        for (size_t i = 0; i < set.code_count; i++)
            must(set.codes[i].code.n > 0 && set.codes[i].code.n <= LABEL_CODE_MAX, "a code's size");
        for (size_t i = 0; i < set.labels.n; i++)
            must(label_valid(set.labels.v[i]), "no label");
        check_labels(&a, &set);
    } else {
        must(err.first != NULL, "a failure without a word");
    }
    arena_dispose(&a);
    return 0;
}
