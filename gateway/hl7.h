/* HL7 v2 messages: the tokeniser, and access to what it found.
 *
 * Pure; any thread. Segments are slices of the message's text (UTF-8, in the arena); fields,
 * repetitions and components are cut when they are asked for, so that nothing is copied that
 * nobody reads. Separators are those of MSH-1 and MSH-2. Segments end in CR; LF and CRLF are taken
 * too, and counted. Sources: HL7 v2.5 chapter 2; IHE ITI TF-2 Appendix C. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/base/str.h"

enum { HL7_SEGMENTS_MAX = 2000, HL7_FIELDS_MAX = 400, HL7_REPETITIONS_MAX = 200 };

struct hl7_segment {
    struct str name; /* three characters */
    struct str line; /* the whole segment without its end */
};

struct hl7_separators {
    char field, component, repetition, escape, subcomponent;
};

struct hl7_message {
    struct str raw;  /* as it came */
    struct str text; /* UTF-8 */
    struct hl7_separators separators;
    struct hl7_segment *segments; /* the first is MSH */
    size_t segment_count;
    size_t odd_ends; /* segments that ended in LF or CRLF */

    /* MSH, unescaped. Empty where absent. */
    struct str application, facility;  /* MSH-3.1, 4.1 */
    struct str sender[2], receiver[2]; /* MSH-3 to 6 as they came, to be turned round */
    struct str code, event, structure; /* MSH-9 */
    struct str control_id, processing_id, version, charset; /* MSH-10, 11, 12.1, 18 first */
};

/* The whole message. `charset` is taken where MSH-18 is empty. INVALID with a code of HL7 table
 * 0357; what could be read of the MSH stays in *out: an answer needs it even when the rest is
 * bad. */
enum status hl7_parse(struct arena *a, struct str raw, struct str charset, struct hl7_message *out,
                      struct errors *err) MUST_CHECK;

/* The n-th (from 0) segment of this name, or NULL. */
const struct hl7_segment *hl7_segment(const struct hl7_message *m, const char *name, size_t n);

/* Field `number` (from 1; for MSH as the standard counts) with all its repetitions, as it stands.
 * p is NULL when the segment is shorter or is NULL itself. */
struct str hl7_field(const struct hl7_message *m, const struct hl7_segment *s, int number);

/* Cuts the next repetition off *rest, as str_cut. */
struct str hl7_repetition(const struct hl7_message *m, struct str *rest);
/* Component `number` (from 1) of one repetition; empty when absent. */
struct str hl7_component(const struct hl7_message *m, struct str repetition, int number);
struct str hl7_subcomponent(const struct hl7_message *m, struct str component, int number);

/* Text of a component or subcomponent: escapes resolved (\F\ \S\ \T\ \R\ \E\ \Xhh\), formatting
 * escapes left out, blanks at both ends trimmed. `""` gives an empty text with p set (delete),
 * an empty component STR_NONE (not said). */
struct str hl7_text(struct arena *a, const struct hl7_message *m, struct str raw);

/* Appends text with the separators of `s` escaped. */
void hl7_escape(struct strbuf *b, const struct hl7_separators *s, struct str text);
