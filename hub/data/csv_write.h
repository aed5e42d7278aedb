/* CSV that a spreadsheet opens without harm: fields are quoted where they must be (RFC 4180), and
 * one that a spreadsheet would run as a formula (it begins with = + - @, a tab or a carriage
 * return) gets an apostrophe in front. Pure; any thread. */
#pragma once

#include "hub/base/str.h"

/* A field, with the comma before it unless it begins a line. */
void csv_field_add(struct strbuf *out, struct str field);
void csv_line_end(struct strbuf *out);
