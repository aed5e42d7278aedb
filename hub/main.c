/* The program: the one table of modules and the one table of sub-commands. It stands outside of
 * every library, so it is the only file of the hub that sees all rooms. */
#include <openssl/ssl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "consent/agreement_command.h"
#include "consent/consent_command.h"
#include "consent/decide_command.h"
#include "consent/module.h"
#include "consent/people_command.h"
#include "gateway/community_command.h"
#include "gateway/index_change.h"
#include "gateway/module.h"
#include "hub/audit_repository.h"
#include "hub/base/log.h"
#include "hub/command/audit/index.h"
#include "hub/command/cli.h"
#include "hub/command/commands.h"
#include "hub/command/doors.h"
#include "hub/data/xml.h"
#include "hub/health.h"
#include "hub/hub.h"
#include "hub/iti81.h"
#include "hub/log_door.h"
#include "mpi/change.h"
#include "mpi/command.h"
#include "mpi/identity.h"
#include "mpi/kin.h"
#include "mpi/module.h"
#include "mpi/past.h"
#include "xds/command.h"
#include "xds/consent_objects.h"
#include "xds/module.h"

static const struct hub_module *const modules[] = {
    &health_module,  &log_door_module, &audit_repository_module, &iti81_module, &mpi_module,
    &consent_module, &xds_module,      &gateway_module,          NULL,
};

static int serve(int argc, char **argv)
{
    static const struct cli_option options[] = {
        {"ready-file", "FILE", "write the addresses that are really bound there, as JSON"},
        {"help-config", NULL, "print every key of causeway.conf with its meaning and default"},
        {NULL, NULL, NULL},
    };
    static const struct cli cli = {
        "causeway serve [--config FILE] [--ready-file FILE]",
        "Runs the hub until SIGTERM, which lets requests under way finish. SIGHUP re-reads the\n"
        "certificate, the CAs and the revocation lists; changes of members need no signal.\n"
        "Before the first start: causeway migrate, then causeway doctor.",
        options,
    };
    struct cli_args args;
    struct config config;
    enum log_level level;
    int done = cli_parse(&cli, argc, argv, &args);

    if (done >= 0)
        return done;
    if (cli_value(&args, "help-config") != NULL) {
        fputs(config_manual(args.arena).p, stdout);
        return 0;
    }
    if (config_read(args.arena, args.config_file, &config, args.err) != OK)
        return cli_fail(&args);
    if (!log_level_parse(str_from(config.log_level), &level)) {
        fail(args.err, INVALID, "config", "log_level = %s: debug, info, warn or error",
             config.log_level);
        return cli_fail(&args);
    }
    log_set_level(level);
    if (hub_serve(&config, modules, cli_value(&args, "ready-file"), args.err) != OK)
        return cli_fail(&args);
    return 0;
}

static const struct command serve_command = {"serve", "run the hub", serve};

static int doors(int argc, char **argv);
static const struct command doors_command = {"doors", "what each operation discloses", doors};

static const struct command *const commands[] = {
    &serve_command, &migrate_command,   &doctor_command, &member_command,
    &mpi_command,   &consent_command,   &audit_command,  &outbox_command,
    &xds_command,   &community_command, &doors_command,  NULL,
};

static int doors(int argc, char **argv)
{
    static const struct door_register all = {modules, commands, door_commands};

    return doors_run(&all, argc, argv);
}

static int help(FILE *to, int status)
{
    fputs("Causeway: a Health Information Exchange hub with a master patient index\n\n"
          "usage: causeway COMMAND [ARGUMENTS]\n\n",
          to);
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n`causeway COMMAND --help` teaches each of them. The configuration is --config FILE,\n"
          "else $CAUSEWAY_CONFIG, else /etc/causeway/causeway.conf.\n"
          "Exit status: 0 done, 1 no, 2 wrong usage or failure.\n",
          to);
    return status;
}

/* `--patient` of `causeway consent` and `causeway audit`: they ask whose identifier it is, and do
 * not know the index. */
static enum status resolve_patient(struct request *rq, struct identifier id, struct person *out)
{
    struct mpi_lookup lookup;
    struct mpi_people people;

    mpi_lookup_queue(rq, &id, 1, &lookup);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &lookup));
    if (lookup.hits[0].known != MPI_ACTIVE)
        return fail(rq->err, NOT_FOUND, "patient", "%.*s: %s",
                    STR_ARG(identifier_cx(rq->arena, id)),
                    lookup.hits[0].known == MPI_SUBSUMED
                        ? "merged into another identifier; name the surviving one"
                        : "no member has fed this identifier");
    mpi_people_queue(rq, &lookup.hits[0].person, 1, &people);
    TRY(db_flush(rq->db));
    TRY(mpi_people_read(rq, &people));
    *out = people.people[0];
    if (out->ref.person_id == 0)
        return fail(rq->err, CONFLICT, "patient", "a merge got in between; run the command again");
    return OK;
}

/* Likewise for `causeway consent decide --as-of`. */
static enum status past_patient(struct request *rq, struct identifier id, int64_t at_us,
                                struct person *out, bool *unsure)
{
    struct mpi_past past;

    TRY(mpi_person_at(rq, id, at_us, &past));
    *out = past.person;
    *unsure = past.unsure;
    return OK;
}

static const struct audit_index index_of_auditors = {
    .resolve = resolve_patient,
    .identify = mpi_kin_find,
    .identity = mpi_kin_of,
};

/* Libraries that must be set up once, before any thread. Random bytes come from a generator of each
 * thread, seeded by the kernel: a request takes them a dozen times, and nothing here forks. */
static bool set_up_libraries(void)
{
    randombytes_set_implementation(&randombytes_internal_implementation);
    if (sodium_init() < 0 || OPENSSL_init_ssl(0, NULL) != 1)
        return false;
    xml_init();
    return true;
}

int main(int argc, char **argv)
{
    if (!set_up_libraries()) {
        fputs("causeway: the cryptographic libraries did not start\n", stderr);
        return 2;
    }
    consent_set_resolver(resolve_patient);
    consent_set_birth_date(index_birth_date);
    consent_set_documents(xds_consent_objects);
    consent_set_past(past_patient);
    audit_set_index(&index_of_auditors);
    member_command_set_agreements(agreement_verbs);
    mpi_change_set_observer(index_change_follow);
    if (argc < 2)
        return help(stderr, 2);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return help(stdout, 0);
    if (strcmp(argv[1], "--version") == 0) {
        puts("causeway " CAUSEWAY_VERSION);
        return 0;
    }
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->run(argc - 1, argv + 1);
    fprintf(stderr, "causeway: there is no command '%s'\n\n", argv[1]);
    return help(stderr, 2);
}
