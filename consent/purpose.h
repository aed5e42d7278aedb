/* Purposes of use, whatever network names them: one code of HL7 v3 ActReason for each. Pure. */
#pragma once

#include "hub/request.h"

/* The HL7 v3 code of a purpose that eHealth Exchange, TEFCA or HL7 names, in system SYSTEM_PURPOSE;
 * a word without a system is taken for one of HL7's. Others stay as they are. */
struct coded consent_purpose(struct coded purpose);

/* Does permitting, or denying, `named` speak of `asked`? The same, or one that it includes: HRESCH
 * its kinds of research. Treatment in an emergency (ETREAT, BTG) is not TREAT. Both as
 * consent_purpose gives them. */
bool consent_purpose_includes(struct coded named, struct coded asked);
