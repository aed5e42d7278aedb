#include "hub/audit/tlog_proof.h"

#include "hub/base/hex.h"

static bool extra_read(struct arena *a, struct str line, struct tlog_proof *out)
{
    struct str rest;

    if (!str_starts(line, STR("extra ")) ||
        !base64_decode(a, str_slice(line, sizeof("extra ") - 1, line.n), &rest) ||
        !str_to_i64(str_cut(&rest, ' '), &out->at.pkey) ||
        !str_to_i64(str_cut(&rest, ' '), &out->at.at_us) ||
        !uuid_parse(str_cut(&rest, ' '), &out->at.id) ||
        !base64_decode(a, str_cut(&rest, ' '), &out->record))
        return false;
    return rest.p == NULL || base64_decode(a, rest, &out->key);
}

static bool index_read(struct str line, uint64_t *out)
{
    struct str n = str_slice(line, sizeof("index ") - 1, line.n);

    return str_starts(line, STR("index ")) && str_to_u64(n, out) && (n.n == 1 || n.p[0] != '0');
}

static bool hashes_read(struct arena *a, struct str *rest, struct merkle_proof *out)
{
    for (out->count = 0;; out->count++) {
        struct str line = str_cut(rest, '\n');

        if (line.n == 0)
            return rest->p != NULL;
        if (out->count == MERKLE_PROOF_MAX || !merkle_hash_parse(a, line, &out->hashes[out->count]))
            return false;
    }
}

enum status tlog_proof_read(struct arena *a, struct str text, struct tlog_proof *out,
                            struct errors *err)
{
    struct str rest = text;

    *out = (struct tlog_proof){.record = STR_NONE};
    if (!str_eq(str_cut(&rest, '\n'), STR("c2sp.org/tlog-proof@v1")) ||
        !extra_read(a, str_cut(&rest, '\n'), out) ||
        !index_read(str_cut(&rest, '\n'), &out->index) || !hashes_read(a, &rest, &out->hashes) ||
        !note_parse(a, rest, &out->note) || !checkpoint_parse(a, out->note.text, &out->head))
        return fail(err, INVALID, "proof", "not a proof that `causeway audit prove` wrote");
    return OK;
}

static bool refuse(struct errors *err, const char *why)
{
    fail(err, DENIED, "proof", "%s", why);
    return false;
}

bool tlog_proof_verify(struct arena *a, struct tlog_proof *proof, const struct note_key *key,
                       struct errors *err)
{
    struct merkle_hash leaf = merkle_leaf(proof->record);

    if (note_verify(&proof->note, key, NULL) != NOTE_GOOD)
        return refuse(err, "the checkpoint is not signed by the key given");
    if (!merkle_verify_inclusion(proof->index, proof->head.size, &leaf, &proof->hashes,
                                 &proof->head.root))
        return refuse(err, "the record is not in the log that was signed: record or proof was "
                           "altered");
    if (proof->key.p != NULL &&
        !record_open(a, &proof->at, proof->key, proof->record, &proof->plain))
        return refuse(err, "the key does not open the record at this place");
    return true;
}
