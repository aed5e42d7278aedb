/* How `causeway member` shows members. */
#pragma once

#include "hub/member.h"

/* A table, or {"members":[...]} . */
void member_print_list(struct strbuf *out, struct arena *a, const struct member_directory *d,
                       bool json);
/* Its identity providers: a table, or {"idps":[...]}. */
void member_print_idps(struct strbuf *out, struct arena *a, const struct member *m, bool json);
/* One member: a table of its properties, or the JSON object that the list has too. */
void member_print(struct strbuf *out, struct arena *a, const struct member *m, bool json);
