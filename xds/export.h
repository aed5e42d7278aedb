/* `causeway xds export`: one patient's record on a portable medium, laid out as XDM has it (IHE ITI
 * TF-3 section 3.32.4.1.2): INDEX.HTM, README.TXT, IHE_XDM/SUBSET01/METADATA.XML and the documents.
 */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind xds_export_kind;
