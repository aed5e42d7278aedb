#include "hub/audit/note.h"
#include "hub/audit/tlog_proof.h"
#include "tests/fuzz/fuzz.h"

/* A signed note, a checkpoint, a key and a proof: what members and files give. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const unsigned char public_key[NOTE_PUBLIC_KEY] = {7};
    struct note_key key = note_key_of(STR("oid/1.2.3/audit"), NOTE_LOG, public_key), read;
    struct tlog_proof proof;
    struct checkpoint c;
    struct errors err;
    struct note note;
    struct arena a;

    arena_init(&a);
    errors_init(&err, &a);
    if (note_parse(&a, str_of(bytes, n), &note)) {
        must(note_verify(&note, &key, NULL) != NOTE_GOOD, "nobody has this key");
        if (checkpoint_parse(&a, note.text, &c))
            must(str_starts(note.text, checkpoint_write(&a, &c)), "written as it was read");
    }
    if (note_key_parse(&a, str_of(bytes, n), &read))
        must(note_key_parse(&a, note_key_text(&a, &read), &read), "written as it was read");
    if (tlog_proof_read(&a, str_of(bytes, n), &proof, &err) == OK)
        must(!tlog_proof_verify(&a, &proof, &key, &err), "nobody has this key");
    arena_dispose(&a);
    return 0;
}
