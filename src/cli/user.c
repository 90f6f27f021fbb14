/* certgate user: who may use the console and the admin API. Users are settings: user.<name>.role and the like. */
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/change.h"
#include "cli/password.h"
#include "cli/table.h"
#include "input/input.h"
#include "journal/entry.h"

static const char *const parts[] = { "role", "password", "certificate" };
enum part { ROLE, PASSWORD, CERTIFICATE, PARTS };

/* ---- what there is ----------------------------------------------------------------------------- */

/* Splits "user.NAME.part"; the part's number, or PARTS when it is no setting of a user. */
static enum part
split(const char *setting, char name[128])
{
    const char *dot = strrchr(setting, '.');

    if (strncmp(setting, "user.", 5) != 0 || dot == NULL || dot < setting + 6 ||
            snprintf(name, 128, "%.*s", (int)(dot - setting - 5), setting + 5) >= 128)
        return PARTS;
    for (int i = 0; i < PARTS; i++)
        if (strcmp(dot + 1, parts[i]) == 0)
            return (enum part)i;
    return PARTS;
}

/* {NAME: {"role": …, "password": true, "certificate": …}}, of what is set. NULL after saying why not. */
static json_t *
fetch(struct client *client, int *result)
{
    json_t *answer = NULL, *users = NULL;
    const json_t *one;
    char name[128];
    size_t i;

    *result = client == NULL ? CLI_USAGE : client_get(client, &answer, "/settings");
    if (*result != CLI_ACCEPT)
        return NULL;
    users = json_object();
    json_array_foreach(json_object_get(answer, "settings"), i, one)
    {
        const enum part part = split(journal_text(one, "name"), name);
        json_t *user;

        if (part == PARTS || !json_is_true(json_object_get(one, "is_set")))
            continue;
        user = json_object_get(users, name);
        if (user == NULL) {
            user = json_object();
            (void)json_object_set_new(users, name, user);
        }
        (void)json_object_set_new(user, parts[part],
                part == PASSWORD ? json_true() : json_string(journal_text(one, "value")));
    }
    json_decref(answer);
    return users;
}

static int
print_users(json_t *users)
{
    static const struct table_column columns[] = { { "User", false }, { "Role", false },
        { "Password", false }, { "Certificate (SHA-256)", false }, { NULL, false } };
    const char *name;
    struct table table;
    json_t *user;
    bool ok;

    table_init(&table, columns, 0);
    json_object_foreach(users, name, user)
    {
        table_add(&table, name);
        table_member(&table, user, "role");
        table_add(&table, json_object_get(user, "password") != NULL ? "yes" : "no");
        table_member(&table, user, "certificate");
    }
    ok = table_print(&table);
    if (json_object_size(users) == 0)
        puts("There is no user; 'certgate user add NAME --role administrator' makes one.");
    table_release(&table);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

static int
run_list(int argc, char **argv)
{
    static const struct option_row rows[] = { { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    struct client *client;
    json_t *users;
    int result;

    if (!options_read("user list", cli_user_list.help, rows, &node, argc, argv, &result) ||
            !options_arguments("user list", argc, 0, 0, &result))
        return result;
    client = client_open(node.state);
    users = fetch(client, &result);
    if (users != NULL)
        result = node.output == CLI_JSON ? cli_put_json(json_pack("{s:O}", "users", users))
                                         : print_users(users);
    json_decref(users);
    client_close(client);
    return result;
}

/* Whether there is one of that name; its settings in *out, which the caller lets go. */
static bool
is_user(const struct change *change, const char *name, json_t **out, int *result)
{
    struct client *client = client_open(change->node.state);
    json_t *users = fetch(client, result);

    *out = json_incref(json_object_get(users, name));
    json_decref(users);
    client_close(client);
    return *out != NULL;
}

/* ---- edits ------------------------------------------------------------------------------------- */

static void
add_edit(json_t *edits, const char *name, enum part part, const char *value)
{
    char setting[192];

    (void)snprintf(setting, sizeof(setting), "user.%s.%s", name, parts[part]);
    (void)json_array_append_new(edits,
            value == NULL
                    ? json_pack("{s:s,s:s}", "op", "unset", "name", setting)
                    : json_pack("{s:s,s:s,s:s}", "op", "set", "name", setting, "value", value));
}

/* A certificate file, or its fingerprint; CLI_ACCEPT, or CLI_USAGE after saying why not. */
static int
take_certificate(const char *text, char out[65])
{
    struct input_list list = { 0 };
    struct cg_error err;
    char *sha256 = NULL;
    int result = CLI_ACCEPT;

    if (options_digits(text, out) == 64)
        return CLI_ACCEPT;
    if (input_load(text, NULL, &list, &err) != CG_OK)
        return cli_fail("%s", err.text);
    sha256 = cg_cert_text(list.certs[0], CG_FIELD_SHA256);
    if (sha256 == NULL || options_digits(sha256, out) != 64)
        result = cli_fail("no memory");
    free(sha256);
    input_list_release(&list);
    return result;
}

/* Only the hash leaves this process. */
static int
take_password(const char *file, json_t *edits, const char *name)
{
    char *password = NULL, *hash = NULL;
    int result = password_take_new("new password", file, &password);

    if (result == CLI_ACCEPT) {
        hash = password_hash(password);
        if (hash == NULL)
            result = CLI_USAGE;
        else
            add_edit(edits, name, PASSWORD, hash);
    }
    password_forget(password);
    free(hash);
    return result;
}

/* ---- add, passwd, remove ----------------------------------------------------------------------- */

static int
run_add(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const char *role = NULL, *certificate = NULL, *file = NULL;
    bool no_password = false;
    const struct option_row rows[] = { { "role", OPTION_TEXT, &role },
        { "certificate", OPTION_TEXT, &certificate }, { "password-file", OPTION_TEXT, &file },
        { "no-password", OPTION_FLAG, &no_password }, { "comment", OPTION_TEXT, &change.comment },
        { NULL, OPTION_FLAG, NULL } };
    json_t *edits, *known = NULL;
    char sha256[65];
    int result;

    if (!options_read("user add", cli_user_add.help, rows, &change.node, argc, argv, &result) ||
            !options_arguments("user add", argc, 1, 1, &result))
        return result;
    if (role == NULL)
        return cli_fail("--role is missing: administrator, operator or auditor");
    if (no_password && (certificate == NULL || file != NULL))
        return cli_fail("--no-password is for a user that --certificate stands for");
    if (is_user(&change, argv[optind], &known, &result))
        result = cli_fail("there is a user '%s' already; see certgate user list", argv[optind]);
    json_decref(known);
    if (result != CLI_ACCEPT)
        return result;
    edits = json_array();
    add_edit(edits, argv[optind], ROLE, role);
    if (certificate != NULL)
        result = take_certificate(certificate, sha256);
    if (result == CLI_ACCEPT && certificate != NULL)
        add_edit(edits, argv[optind], CERTIFICATE, sha256);
    if (result == CLI_ACCEPT && !no_password)
        result = take_password(file, edits, argv[optind]);
    if (result == CLI_ACCEPT)
        return change_make(&change, edits);
    json_decref(edits);
    return result;
}

static int
run_passwd(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const char *file = NULL;
    const struct option_row rows[] = { { "password-file", OPTION_TEXT, &file },
        { "comment", OPTION_TEXT, &change.comment }, { NULL, OPTION_FLAG, NULL } };
    json_t *edits, *known = NULL;
    int result;

    if (!options_read(
                "user passwd", cli_user_passwd.help, rows, &change.node, argc, argv, &result) ||
            !options_arguments("user passwd", argc, 1, 1, &result))
        return result;
    if (!is_user(&change, argv[optind], &known, &result))
        return result != CLI_ACCEPT
                ? result
                : cli_fail("there is no user '%s'; see certgate user list", argv[optind]);
    json_decref(known);
    edits = json_array();
    result = take_password(file, edits, argv[optind]);
    if (result == CLI_ACCEPT)
        return change_make(&change, edits);
    json_decref(edits);
    return result;
}

static int
run_remove(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const struct option_row rows[] = { { "comment", OPTION_TEXT, &change.comment },
        { NULL, OPTION_FLAG, NULL } };
    json_t *edits, *known = NULL;
    int result;

    if (!options_read(
                "user remove", cli_user_remove.help, rows, &change.node, argc, argv, &result) ||
            !options_arguments("user remove", argc, 1, 1, &result))
        return result;
    if (!is_user(&change, argv[optind], &known, &result))
        return result != CLI_ACCEPT
                ? result
                : cli_fail("there is no user '%s'; see certgate user list", argv[optind]);
    edits = json_array();
    for (int i = 0; i < PARTS; i++)
        if (json_object_get(known, parts[i]) != NULL)
            add_edit(edits, argv[optind], (enum part)i, NULL);
    json_decref(known);
    return change_make(&change, edits);
}

static const struct cli_command *const actions[] = { &cli_user_list, &cli_user_add,
    &cli_user_passwd, &cli_user_remove, NULL };

const struct cli_command cli_user = {
    .name = "user",
    .summary = "who may use the console and the admin API",
    .actions = actions,
    .help = "usage: certgate user ACTION ...\n"
            "\n"
            "A user signs in with a password, or is known by a client certificate where the "
            "console is\n"
            "reached through an interface. An auditor sees everything; an operator also admits "
            "refused\n"
            "certificates, confirms changes and reloads; an administrator may do everything. "
            "Whoever may\n"
            "use certgated's socket on this machine is an administrator without being listed.\n"
            "\n"
            "examples:\n"
            "  certgate user add alice --role administrator\n"
            "  certgate user add noc --role auditor --certificate noc.pem --no-password\n",
};

const struct cli_command cli_user_list = {
    .name = "list",
    .summary = "the users with their roles",
    .run = run_list,
    .help = "usage: certgate user list [OPTIONS]\n\n" CLI_NODE_HELP,
};

const struct cli_command cli_user_add = {
    .name = "add",
    .summary = "one more user",
    .run = run_add,
    .help = "usage: certgate user add [OPTIONS] NAME --role ROLE\n"
            "\n"
            "The password is asked for on the terminal; only its yescrypt hash goes to certgated.\n"
            "\n"
            "  --role ROLE          administrator, operator or auditor\n"
            "  --certificate C      file or SHA-256 of the certificate that stands for the user\n"
            "  --password-file F    its first line is the password\n"
            "  --no-password        only by the certificate\n"
            "  --comment TEXT       why, for the history\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate user add alice --role operator\n",
};

const struct cli_command cli_user_passwd = {
    .name = "passwd",
    .summary = "a new password",
    .run = run_passwd,
    .help = "usage: certgate user passwd [OPTIONS] NAME\n"
            "\n"
            "  --password-file F    its first line is the password\n"
            "  --comment TEXT       why, for the history\n" CLI_NODE_HELP,
};

const struct cli_command cli_user_remove = {
    .name = "remove",
    .summary = "a user no longer",
    .run = run_remove,
    .help = "usage: certgate user remove [OPTIONS] NAME\n"
            "\n"
            "  --comment TEXT       why, for the history\n" CLI_NODE_HELP,
};
