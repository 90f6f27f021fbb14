/* key-1024 and key-2048: one rule at two sizes. */
#include "base/buf.h"
#include "checks/check.h"
#include "x509/crypto.h"

/* The strength that SP 800-57 part 1 table 2 puts beside RSA of this many bits. */
static enum cg_outcome
key_size(const struct cg_subject *subject, struct cg_note *note, unsigned bits, unsigned strength)
{
    const struct cg_cert *leaf = subject->leaf;
    struct cg_buf text;
    bool enough;

    cg_buf_init(&text, CG_MAX_NOTE);
    cg_key_text(&text, leaf);
    cg_note_text(note->found, "%s", cg_buf_text(&text));
    cg_buf_release(&text);
    cg_note_text(note->wanted, "RSA %u bits or more, or equal strength", bits);

    if (leaf->key_type == CG_KEY_UNKNOWN || leaf->key_bits == 0 ||
            !cg_key_loads(subject->engine, leaf)) {
        note->reason = CG_REASON_KEY_TYPE_UNKNOWN;
        return CG_FAIL;
    }
    switch (leaf->key_type) {
    case CG_KEY_RSA:
    case CG_KEY_RSA_PSS:
    case CG_KEY_DSA:
        enough = leaf->key_bits >= bits;
        break;
    default:
        enough = cg_key_strength(leaf) >= strength;
        break;
    }
    if (!enough)
        note->reason = CG_REASON_KEY_TOO_SMALL;
    return enough ? CG_PASS : CG_FAIL;
}

static enum cg_outcome
key_1024(const struct cg_subject *subject, struct cg_note *note)
{
    return key_size(subject, note, 1024, 80);
}

static enum cg_outcome
key_2048(const struct cg_subject *subject, struct cg_note *note)
{
    return key_size(subject, note, 2048, 112);
}

const struct cg_check_row cg_check_key_1024 = {
    .info = {
        .id = "key-1024",
        .title = "key of 1024 bits or more",
        .page = "Check the certificate's public key is 1024 bits or greater.",
        .cites = "NIST SP 800-57 part 1 section 5.6.1",
        .explain = "RSA, RSASSA-PSS and DSA by exact modulus bits; EC by strength of 80 bits; Ed25519 and Ed448 pass",
    },
    .run = key_1024,
};

const struct cg_check_row cg_check_key_2048 = {
    .info = {
        .id = "key-2048",
        .title = "key of 2048 bits or more",
        .page = "Check the certificate's public key is 2048 bits or greater",
        .cites = "NIST SP 800-57 part 1 section 5.6.1",
        .explain = "RSA, RSASSA-PSS and DSA by exact modulus bits; EC by strength of 112 bits (P-224 and up); Ed25519 and Ed448 pass",
    },
    .run = key_2048,
};
