/* certgate identity create, import, csr, install, renew, remove: what is done with one. */
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change.h"
#include "cli/identity.h"
#include "cli/password.h"
#include "cli/trusted.h"
#include "control/api/certificates.h"
#include "identity/key.h"
#include "journal/entry.h"

/* A PKCS#12 container with a key and a chain. */
#define MAX_CONTAINER (1024 * 1024)

/* Options of making something: what it is to be. */
struct wish {
    struct change change;
    struct option_list hosts;
    const char *key;
    const char *subject;
    int64_t days;
    const char *out; /* folder, where no certgated is asked */
    bool new_key;
};
#define WISH_NEW ((struct wish) { .change = CHANGE_NEW })

/* clang-format off */
#define WISH_OPTIONS(wish)                                                                         \
    { "preview", OPTION_FLAG, &(wish)->change.preview },                                           \
    { "force", OPTION_FLAG, &(wish)->change.force },                                               \
    { "comment", OPTION_TEXT, &(wish)->change.comment }
/* clang-format on */

#define WISH_HELP                                                                                  \
    "  --preview            only say what it would do\n"                                           \
    "  --force              also where peers seen in the last 30 days would be refused\n"          \
    "  --comment TEXT       why, for the history\n" CLI_NODE_HELP

/* Asks for the work; `extra` (a reference is taken) is what there is beside the options. */
static int
work(const struct wish *wish, const char *op, const char *name, json_t *extra)
{
    struct client *client = client_open(wish->change.node.state);
    json_t *body = change_options(&wish->change), *hosts = json_array();
    struct client_answer answer = { 0 };
    const char *csr;
    int result = CLI_USAGE;

    for (size_t i = 0; i < wish->hosts.count; i++)
        (void)json_array_append_new(hosts, json_string(wish->hosts.values[i]));
    (void)json_object_set_new(body, "op", json_string(op));
    (void)json_object_set_new(body, "name", json_string(name));
    if (wish->hosts.count != 0)
        (void)json_object_set(body, "hosts", hosts);
    if (extra != NULL && json_object_update(body, extra) == 0 && client != NULL) {
        (void)client_ask(client,
                &(struct client_request) { .method = "POST", .path = "/identities", .body = body },
                &answer);
        csr = journal_text(answer.json, "csr");
        if (answer.status == 200 && csr[0] != '\0' && wish->change.node.output == CLI_TEXT) {
            fputs(csr, stdout);
            result = CLI_ACCEPT;
        } else if (answer.status == 200 && csr[0] != '\0') {
            result = cli_put_json(json_incref(answer.json));
        } else {
            result = change_report(&wish->change, &answer);
        }
    }
    client_release(&answer);
    json_decref(hosts);
    json_decref(body);
    json_decref(extra);
    client_close(client);
    return result;
}

/* Makes the member only where there is a value. */
static json_t *
wish_members(const struct wish *wish)
{
    json_t *members = json_pack("{s:s*,s:s*}", "key", wish->key, "subject", wish->subject);

    if (wish->days != 0)
        (void)json_object_set_new(members, "days", json_integer((json_int_t)wish->days));
    if (wish->new_key)
        (void)json_object_set_new(members, "new_key", json_true());
    return members;
}

/* ---- create, csr, renew, remove ---------------------------------------------------------------- */

/* True when the rest of the line is one name and the kind of key is known. */
static bool
take_name(const char *words, const struct wish *wish, int argc, int *result)
{
    enum identity_kind kind;

    if (!options_arguments(words, argc, 1, 1, result))
        return false;
    if (wish->key == NULL || identity_kind_from_name(wish->key, &kind))
        return true;
    *result = cli_fail("--key is one of %s, not '%s'", identity_kind_names(), wish->key);
    return false;
}

static int
create_files(const struct wish *wish, const char *name)
{
    struct identity_wish wanted = { .hosts = wish->hosts.values,
        .host_count = wish->hosts.count,
        .subject = wish->subject,
        .kind = IDENTITY_P256,
        .days = wish->days == 0         ? IDENTITY_DEFAULT_DAYS
                : wish->days > UINT_MAX ? UINT_MAX
                                        : (unsigned)wish->days };

    if (wish->key != NULL)
        (void)identity_kind_from_name(wish->key, &wanted.kind); /* it was looked at before */
    return cli_identity_files(wish->out, name, &wanted, wish->change.node.output);
}

static int
run_create(int argc, char **argv)
{
    struct wish wish = WISH_NEW;
    const struct option_row rows[] = { { "host", OPTION_LIST, &wish.hosts },
        { "key", OPTION_TEXT, &wish.key }, { "days", OPTION_NUMBER, &wish.days },
        { "subject", OPTION_TEXT, &wish.subject }, { "out", OPTION_TEXT, &wish.out },
        WISH_OPTIONS(&wish), { NULL, OPTION_FLAG, NULL } };
    int result;

    if (!options_read("identity create", cli_identity_create.help, rows, &wish.change.node, argc,
                argv, &result) ||
            !take_name("identity create", &wish, argc, &result))
        return result;
    if (wish.out != NULL)
        return create_files(&wish, argv[optind]);
    if (wish.hosts.count == 0)
        return cli_fail("--host is missing: the DNS names and addresses that peers reach us by");
    return work(&wish, "create", argv[optind], wish_members(&wish));
}

static int
run_csr(int argc, char **argv)
{
    struct wish wish = WISH_NEW;
    const struct option_row rows[] = { { "host", OPTION_LIST, &wish.hosts },
        { "key", OPTION_TEXT, &wish.key }, { "subject", OPTION_TEXT, &wish.subject },
        { "new-key", OPTION_FLAG, &wish.new_key }, { NULL, OPTION_FLAG, NULL } };
    int result;

    if (!options_read("identity csr", cli_identity_csr.help, rows, &wish.change.node, argc, argv,
                &result) ||
            !take_name("identity csr", &wish, argc, &result))
        return result;
    if (wish.hosts.count == 0)
        return cli_fail("--host is missing: the DNS names and addresses that peers reach us by");
    return work(&wish, "csr", argv[optind], wish_members(&wish));
}

static int
run_renew(int argc, char **argv)
{
    struct wish wish = WISH_NEW;
    const struct option_row rows[] = { { "new-key", OPTION_FLAG, &wish.new_key },
        WISH_OPTIONS(&wish), { NULL, OPTION_FLAG, NULL } };
    int result;

    if (!options_read("identity renew", cli_identity_renew.help, rows, &wish.change.node, argc,
                argv, &result) ||
            !take_name("identity renew", &wish, argc, &result))
        return result;
    return work(&wish, "renew", argv[optind], wish_members(&wish));
}

static int
run_remove(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const struct option_row rows[] = { CHANGE_OPTIONS(&change), { NULL, OPTION_FLAG, NULL } };
    int result;

    if (!options_read("identity remove", cli_identity_remove.help, rows, &change.node, argc, argv,
                &result) ||
            !options_arguments("identity remove", argc, 1, 1, &result))
        return result;
    return change_make_one(
            &change, json_pack("{s:s,s:s}", "op", "identity-remove", "name", argv[optind]));
}

/* ---- install, import --------------------------------------------------------------------------- */

static int
run_install(int argc, char **argv)
{
    struct wish wish = WISH_NEW;
    const struct option_row rows[] = { WISH_OPTIONS(&wish), { NULL, OPTION_FLAG, NULL } };
    struct input_list list = { 0 };
    struct cg_buf pem;
    int result;

    if (!options_read("identity install", cli_identity_install.help, rows, &wish.change.node, argc,
                argv, &result) ||
            !options_arguments("identity install", argc, 2, OPTIONS_MAX_LIST, &result))
        return result;
    cg_buf_init(&pem, MAX_CONTAINER);
    result = trusted_load(argv + optind + 1, argc - optind - 1, NULL, &list);
    for (size_t i = 0; result == CLI_ACCEPT && i < list.count; i++) {
        size_t len;
        const uint8_t *der = cg_cert_get0_der(list.certs[i], &len);

        certificates_add_pem(&pem, der, len);
    }
    if (result == CLI_ACCEPT && pem.failed)
        result = cli_fail("that is more than one chain of certificates");
    if (result == CLI_ACCEPT)
        result = work(&wish, "install", argv[optind],
                json_pack("{s:s}", "certificate", cg_buf_text(&pem)));
    cg_buf_release(&pem);
    input_list_release(&list);
    return result;
}

/* A file in base64; NULL after saying why not. It holds a private key: nothing of it stays behind. */
static char *
read_container(const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    uint8_t *bytes = calloc(1, MAX_CONTAINER + 1);
    char *text = calloc(1, MAX_CONTAINER * 3 / 2);
    size_t len = 0;
    bool ok = false;

    if (file == NULL)
        (void)cli_fail("%s: cannot be read: %m", path);
    else if (bytes == NULL || text == NULL)
        (void)cli_fail("no memory");
    else if ((len = fread(bytes, 1, MAX_CONTAINER + 1, file)) == 0 || ferror(file))
        (void)cli_fail("%s: cannot be read, or is empty", path);
    else if (len > MAX_CONTAINER)
        (void)cli_fail("%s: larger than %d KiB", path, MAX_CONTAINER / 1024);
    else
        ok = EVP_EncodeBlock((unsigned char *)text, bytes, (int)len) > 0;
    if (file != NULL && file != stdin)
        fclose(file);
    OPENSSL_clear_free(bytes, MAX_CONTAINER + 1);
    if (ok)
        return text;
    free(text);
    return NULL;
}

static int
run_import(int argc, char **argv)
{
    struct wish wish = WISH_NEW;
    const char *password_file = NULL;
    const struct option_row rows[] = { { "password-file", OPTION_TEXT, &password_file },
        WISH_OPTIONS(&wish), { NULL, OPTION_FLAG, NULL } };
    char *password = NULL, *container;
    int result;

    if (!options_read("identity import", cli_identity_import.help, rows, &wish.change.node, argc,
                argv, &result) ||
            !options_arguments("identity import", argc, 2, 2, &result))
        return result;
    container = read_container(argv[optind + 1]);
    if (container == NULL)
        return CLI_USAGE;
    result = password_take("password of the container: ", password_file, &password);
    if (result == CLI_ACCEPT)
        result = work(&wish, "import", argv[optind],
                json_pack("{s:s,s:s}", "data", container, "passphrase",
                        password == NULL ? "" : password));
    OPENSSL_clear_free(container, strlen(container));
    password_forget(password);
    return result;
}

const struct cli_command cli_identity_create = {
    .name = "create",
    .summary = "a new key and a certificate that it signs itself",
    .run = run_create,
    .help = "usage: certgate identity create [OPTIONS] NAME --host HOST...\n"
            "\n"
            "  --host HOST          a DNS name or address that peers reach us by; may be repeated\n"
            "  --key K              p256 (default), p384, rsa2048, rsa3072 or ed25519\n"
            "  --days N             how long it is good, default 825\n"
            "  --subject DN         default: the first host\n"
            "  --out FOLDER         make NAME.pem and NAME.key there and ask no certgated; what "
            "stands "
            "in\n"
            "                       certgate.conf for them is printed, and --host is by default "
            "what\n"
            "                       this machine is called\n" WISH_HELP "\n" CHANGE_STATUS "\n"
            "example:\n"
            "  certgate identity create main --host gate.example.com --host 192.0.2.1\n",
};

const struct cli_command cli_identity_csr = {
    .name = "csr",
    .summary = "a request to a CA, printed as PEM",
    .run = run_csr,
    .help = "usage: certgate identity csr [OPTIONS] NAME --host HOST... > FILE\n"
            "\n"
            "Takes the identity's key where it has one. What the CA answers is put in force by "
            "'certgate\n"
            "identity install'.\n"
            "\n"
            "  --host HOST          a DNS name or address that peers reach us by; may be repeated\n"
            "  --key K              p256 (default), p384, rsa2048, rsa3072 or ed25519\n"
            "  --subject DN         default: the first host\n"
            "  --new-key            not the key in force\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate identity csr main --host gate.example.com > main.csr\n",
};

const struct cli_command cli_identity_install = {
    .name = "install",
    .summary = "put in force what the CA answered",
    .run = run_install,
    .help = "usage: certgate identity install [OPTIONS] NAME FILE...\n"
            "\n"
            "PEM, DER or PKCS#7: our certificate and its chain, in any order. It must be of the "
            "key that the\n"
            "request was made with, or of the key in force.\n"
            "\n" WISH_HELP "\n" CHANGE_STATUS "\n"
            "example:\n"
            "  certgate identity install main main.pem intermediate.pem\n",
};

const struct cli_command cli_identity_import = {
    .name = "import",
    .summary = "key and chain from a PKCS#12 container",
    .run = run_import,
    .help = "usage: certgate identity import [OPTIONS] NAME FILE      (- for standard input)\n"
            "\n"
            "CA certificates that come along go to the Trusted Certificate Store. The password is "
            "asked for\n"
            "on a terminal.\n"
            "\n"
            "  --password-file F    its first line is the password\n" WISH_HELP "\n" CHANGE_STATUS
            "\n"
            "example:\n"
            "  certgate identity import main gate.p12\n",
};

const struct cli_command cli_identity_renew = {
    .name = "renew",
    .summary = "the same names for another term",
    .run = run_renew,
    .help = "usage: certgate identity renew [OPTIONS] NAME\n"
            "\n"
            "A new certificate where ours signed itself; otherwise a request to the CA is "
            "printed.\n"
            "\n"
            "  --new-key            with a new key of the same kind\n" WISH_HELP "\n" CHANGE_STATUS
            "\n"
            "example:\n"
            "  certgate identity renew main --preview\n",
};

const struct cli_command cli_identity_remove = {
    .name = "remove",
    .summary = "present it no longer",
    .run = run_remove,
    .help = "usage: certgate identity remove [OPTIONS] NAME\n"
            "\n"
            "Refused while an interface uses it. Its key file stays, for earlier generations.\n"
            "\n" CHANGE_HELP "\n" CHANGE_STATUS,
};
