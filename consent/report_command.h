/* `causeway consent report`: what consent denied, by whom it was asked. */
#pragma once

int consent_report_run(const void *context, int argc, char **argv);
