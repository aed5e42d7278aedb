#include "hub/command/audit/alert.h"
#include "hub/command/audit/log_verbs.h"
#include "hub/command/audit/saved.h"
#include "hub/command/audit/verbs.h"
#include "hub/command/commands.h"

static int run_saved(const void *context, int argc, char **argv)
{
    return cli_dispatch("audit saved", "Searches that auditors named.", context, argc, argv);
}

static int run_alerts(const void *context, int argc, char **argv)
{
    return cli_dispatch("audit alerts", "What the detection rules found in the log.", context, argc,
                        argv);
}

static int run_staff(const void *context, int argc, char **argv)
{
    return cli_dispatch("audit staff", "The people at the members whom the detection rules know.",
                        context, argc, argv);
}

static int run_vip(const void *context, int argc, char **argv)
{
    return cli_dispatch("audit vip", "Patients whose every access raises an alert.", context, argc,
                        argv);
}

static int run_case(const void *context, int argc, char **argv)
{
    return cli_dispatch("audit case",
                        "Investigation files: notes, records and alerts, only ever added to.",
                        context, argc, argv);
}

static int run_review(const void *context, int argc, char **argv)
{
    return cli_dispatch("audit review", "What somebody must look at afterwards.", context, argc,
                        argv);
}

static int run_report(const void *context, int argc, char **argv)
{
    return cli_dispatch("audit report", "What the log says about one patient, for the patient.",
                        context, argc, argv);
}

static const struct cli_verb verbs[] = {
    {"search", "who saw or did what", operation_run, &audit_search_kind},
    {"export", "records as CSV or JSON lines, with proofs", operation_run, &audit_export_kind},
    {"saved", "searches that were named: list, remove", run_saved, audit_saved_verbs},
    {"key", "make the key that signs the log", audit_key_run, NULL},
    {"seal", "number, add and sign what was recorded (a service)", audit_seal_run, NULL},
    {"checkpoint", "the newest signed state of the log", audit_checkpoint_run, NULL},
    {"report", "for a patient: access, disclosures", run_report, audit_report_verbs},
    {"case", "investigation files: open, add, note, close, ...", run_case, audit_case_verbs},
    {"review", "emergency access that waits for a look", run_review, audit_review_verbs},
    {"watch", "run the detection rules over the log", operation_run, &audit_watch_kind},
    {"alerts", "what they found: list, show, close, reopen, rules", run_alerts, audit_alert_verbs},
    {"staff", "whom they know: load, show", run_staff, audit_staff_verbs},
    {"vip", "whom they look after: add, remove, list", run_vip, audit_vip_verbs},
    {"prove", "that one record is in the log", operation_run, &audit_prove_kind},
    {"export-log", "the whole log, for who verifies it elsewhere", operation_run,
     &audit_export_log_kind},
    {"verify", "whether an exported log or a proof is genuine; offline", audit_verify_run, NULL},
    {"cosign", "for members: that a checkpoint contains the one before", audit_cosign_run, NULL},
    {"erase", "destroy the keys of records, so that nobody reads them", operation_run,
     &audit_erase_kind},
    {"archive", "move whole months into files that verify", operation_run, &audit_archive_kind},
    {"restore", "put an archived month back", operation_run, &audit_restore_kind},
    {NULL, NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
    return cli_dispatch("audit", "The audit log: one row for each transaction and patient.", verbs,
                        argc, argv);
}

const struct command audit_command = {"audit", "search the audit log", run};
