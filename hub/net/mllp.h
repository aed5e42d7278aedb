/* Frames of HL7 v2 messages: VT message FS CR (HL7 MLLP Release 1, Appendix C of the v2 standard).
 *
 * Pure. Bytes between frames are skipped and counted; a frame ends with FS, whether CR follows or
 * not, because FS cannot be part of a message. VT within a frame starts it anew: what came before
 * was never acknowledged. */
#pragma once

#include "hub/net/gather.h"

enum mllp_event {
    MLLP_MORE,      /* the input is used up */
    MLLP_BEGIN,     /* VT: give the parser a place for the message with mllp_begin */
    MLLP_MESSAGE,   /* mllp_message() is complete */
    MLLP_TOO_LARGE, /* final */
    MLLP_BUSY,      /* there is no memory for it: final */
};

struct mllp {
    size_t max_message;
    struct holding *memory; /* where messages are counted; NULL: nowhere */
    struct gather *message; /* NULL between frames */
    bool full;
    uint64_t skipped;  /* bytes outside frames, other than the CR and LF that end them */
    uint64_t restarts; /* frames that a second VT began anew */
};

void mllp_init(struct mllp *m, size_t max_message);

/* Takes what it used off *in. */
enum mllp_event mllp_feed(struct mllp *m, struct str *in);
void mllp_begin(struct mllp *m, struct arena *a); /* once after each MLLP_BEGIN */

/* The message, and ready for the next frame. The bytes live in the arena of mllp_begin. */
struct str mllp_message(struct mllp *m);
