#include "cli/password.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"

#define MAX_PASSWORD 1024

void
password_forget(char *password)
{
    if (password != NULL)
        OPENSSL_clear_free(password, strlen(password));
}

/* Up to the end of the line; false at the end of the input or when it is too long. */
static bool
read_line(int fd, char out[MAX_PASSWORD])
{
    size_t len = 0;
    ssize_t got;

    while (len < MAX_PASSWORD) {
        do
            got = read(fd, out + len, 1);
        while (got < 0 && errno == EINTR);
        if (got != 1)
            return false;
        if (out[len] == '\n') {
            out[len] = '\0';
            return true;
        }
        len++;
    }
    return false;
}

/* NULL after saying why not. */
static char *
ask(int terminal, const char *prompt)
{
    struct termios before, silent;
    char line[MAX_PASSWORD] = "", *copy = NULL;
    bool ok;

    if (tcgetattr(terminal, &before) != 0) {
        (void)cli_fail("the terminal cannot be asked: %s", strerror(errno));
        return NULL;
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    /* What is typed after the prompt must not be flushed away. */
    ok = tcsetattr(terminal, TCSAFLUSH, &silent) == 0 && dprintf(terminal, "%s", prompt) >= 0 &&
            read_line(terminal, line);
    (void)tcsetattr(terminal, TCSANOW, &before);
    (void)dprintf(terminal, "\n");
    if (ok)
        copy = OPENSSL_strdup(line);
    else
        (void)cli_fail("no password was typed");
    OPENSSL_cleanse(line, sizeof(line));
    return copy;
}

static int
from_file(const char *file, char **out)
{
    char *text = NULL;
    int result = cli_password(file, &text);

    if (result == CLI_ACCEPT) {
        *out = OPENSSL_strdup(text);
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
    return result;
}

int
password_take(const char *prompt, const char *file, char **out)
{
    int terminal;

    *out = NULL;
    if (file != NULL)
        return from_file(file, out);
    terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0)
        return CLI_ACCEPT;
    *out = ask(terminal, prompt);
    close(terminal);
    return *out != NULL ? CLI_ACCEPT : CLI_USAGE;
}

int
password_take_new(const char *what, const char *file, char **out)
{
    char prompt[128], *again = NULL;
    int result;

    (void)snprintf(prompt, sizeof(prompt), "%s: ", what);
    result = password_take(prompt, file, out);
    if (result != CLI_ACCEPT)
        return result;
    if (*out == NULL)
        return cli_fail("there is no terminal to ask on: name a file whose first line is it");
    if (strlen(*out) < PASSWORD_LEAST)
        return cli_fail("it has to have at least %d characters", PASSWORD_LEAST);
    if (file != NULL)
        return CLI_ACCEPT;
    (void)snprintf(prompt, sizeof(prompt), "%s, again: ", what);
    result = password_take(prompt, NULL, &again);
    if (result == CLI_ACCEPT && (again == NULL || strcmp(again, *out) != 0))
        result = cli_fail("the two differ");
    password_forget(again);
    return result;
}

char *
password_hash(const char *password)
{
    struct crypt_data *work = calloc(1, sizeof(*work));
    char salt[CRYPT_GENSALT_OUTPUT_SIZE], *hash = NULL;
    const char *text = NULL;

    if (work != NULL && crypt_gensalt_rn("$y$", 0, NULL, 0, salt, (int)sizeof(salt)) != NULL)
        text = crypt_r(password, salt, work);
    /* On failure crypt_r() gives a text that is no hash, "*0" or "*1". */
    if (text != NULL && text[0] == '$')
        hash = strdup(text);
    else
        (void)cli_fail("the password cannot be hashed");
    if (work != NULL)
        OPENSSL_cleanse(work, sizeof(*work));
    free(work);
    return hash;
}
