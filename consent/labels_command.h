/* `causeway consent labels`: the value sets by which documents are labelled. */
#pragma once

int consent_labels_run(const void *context, int argc, char **argv);
