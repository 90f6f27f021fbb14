/* certgate backup, restore: everything that is trusted and enforced, as one file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "cli/change.h"
#include "cli/password.h"
#include "cli/save.h"

/* ---- backup ------------------------------------------------------------------------------------ */

static int
run_backup(int argc, char **argv)
{
    const char *file = NULL;
    bool keys = false;
    const struct option_row rows[] = { { "passphrase-file", OPTION_TEXT, &file },
        { "keys", OPTION_FLAG, &keys }, { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    char *passphrase = NULL;
    json_t *body = NULL;
    int result;

    if (!options_read("backup", cli_backup.help, rows, &node, argc, argv, &result) ||
            !options_arguments("backup", argc, 1, 1, &result))
        return result;
    if (keys || file != NULL)
        result = password_take_new("passphrase of the backup", file, &passphrase);
    if (result == CLI_ACCEPT) {
        body = json_pack("{s:s*}", "passphrase", passphrase);
        result = save_answer(&node,
                &(struct client_request) { .method = "POST", .path = "/backup", .body = body },
                argv[optind]);
    }
    if (result == CLI_ACCEPT && strcmp(argv[optind], "-") != 0)
        fprintf(stderr, "%s: the state in force, %s\n", argv[optind],
                passphrase == NULL ? "without private keys (--keys takes them along)"
                                   : "with the private keys, under the passphrase");
    json_decref(body);
    password_forget(passphrase);
    return result;
}

/* ---- restore ----------------------------------------------------------------------------------- */

static size_t
read_backup(void *arg, char *out, size_t max)
{
    return fread(out, 1, max, arg);
}

/* NULL without memory; the caller frees it. */
static char *
restore_path(const struct change *change, const char *release)
{
    char *escaped = release == NULL ? NULL : client_escape(release);
    struct cg_buf path;

    cg_buf_init(&path, 4096);
    cg_buf_add(&path, "/restore");
    if (change->force)
        cg_buf_add(&path, "?force=1");
    if (change->preview)
        cg_buf_addf(&path, "%spreview=1", change->force ? "&" : "?");
    if (escaped != NULL)
        cg_buf_addf(
                &path, "%sfrom_release=%s", change->force || change->preview ? "&" : "?", escaped);
    free(escaped);
    return cg_buf_take(&path);
}

static int
restore(const struct change *change, const char *file, const char *release, const char *passphrase)
{
    FILE *in = fopen(file, "re");
    struct client *client = client_open(change->node.state);
    char *path = restore_path(change, release);
    struct stat facts;
    struct client_body body = { .type = "application/octet-stream",
        .read = read_backup,
        .arg = in,
        .doing = "sending the backup" };
    int result = CLI_USAGE;

    if (in == NULL || fstat(fileno(in), &facts) != 0 || !S_ISREG(facts.st_mode)) {
        (void)cli_fail("%s: cannot be read: %s", file,
                in == NULL ? strerror(errno) : "not a regular file");
    } else if (client != NULL && path != NULL) {
        body.size = (uint64_t)facts.st_size;
        result = change_send(change, client,
                &(struct client_request) {
                        .method = "POST", .path = path, .large = &body, .passphrase = passphrase });
    }
    free(path);
    client_close(client);
    if (in != NULL)
        fclose(in);
    return result;
}

static int
run_restore(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const char *file = NULL, *release = NULL;
    bool keys = false;
    const struct option_row rows[] = { { "passphrase-file", OPTION_TEXT, &file },
        { "keys", OPTION_FLAG, &keys }, { "from-release", OPTION_TEXT, &release },
        { "preview", OPTION_FLAG, &change.preview }, { "force", OPTION_FLAG, &change.force },
        { NULL, OPTION_FLAG, NULL } };
    char *passphrase = NULL;
    int result;

    if (!options_read("restore", cli_restore.help, rows, &change.node, argc, argv, &result) ||
            !options_arguments("restore", argc, 1, 1, &result))
        return result;
    if (keys || file != NULL)
        result = password_take("passphrase of the backup: ", file, &passphrase);
    if (result == CLI_ACCEPT)
        result = restore(&change, argv[optind], release, passphrase);
    password_forget(passphrase);
    return result;
}

const struct cli_command cli_backup = {
    .name = "backup",
    .summary = "everything that is trusted and enforced, as one file",
    .run = run_backup,
    .help = "usage: certgate backup [OPTIONS] FILE      (- for standard output)\n"
            "\n"
            "Settings with their latches, trusted certificates, identities and exceptions. Private "
            "keys\n"
            "only under a passphrase.\n"
            "\n"
            "  --keys               private keys too: asks for a passphrase\n"
            "  --passphrase-file F  private keys too: its first line is the passphrase\n"
            "  --state FOLDER       certgated's state directory, default " CLI_DEFAULT_STATE "\n"
            "\n"
            "Exit status: 0 written, 1 refused, 2 certgated not reached or FILE not written.\n"
            "\n"
            "example:\n"
            "  certgate backup --keys gate-1.certgate\n",
};

const struct cli_command cli_restore = {
    .name = "restore",
    .summary = "make everything what it was in a backup",
    .run = run_restore,
    .help = "usage: certgate restore [OPTIONS] FILE\n"
            "\n"
            "One commit, which can be rolled back like any other; latches are those of the "
            "backup.\n"
            "\n"
            "  --keys               its private keys too: asks for the passphrase\n"
            "  --passphrase-file F  its private keys too: the first line is the passphrase\n"
            "  --from-release R     it is of this release: from before 11.1.3, levels of medium "
            "and above\n"
            "                       are latched\n"
            "  --preview            only say what it would do\n"
            "  --force              also where peers seen in the last 30 days would be refused, or "
            "you\n" CLI_NODE_HELP "\n" CHANGE_STATUS "\n"
            "example:\n"
            "  certgate restore gate-1.certgate --preview\n",
};
