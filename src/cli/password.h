/* Passwords and passphrases: from the first line of a file, or asked for on the terminal without echo. */
#ifndef CLI_PASSWORD_H
#define CLI_PASSWORD_H

/* Fewest characters of a user's password. */
#define PASSWORD_LEAST 8

/*
 * From the file where one is named; else asked for where there is a terminal; else NULL. *out is to be
 * given to password_forget(). CLI_ACCEPT, or CLI_USAGE after saying why not.
 */
int password_take(const char *prompt, const char *file, char **out);
/* The same for one that is new: it must be given, and on a terminal twice. */
int password_take_new(const char *what, const char *file, char **out);
/* NULL is allowed. */
void password_forget(char *password);

/* A yescrypt hash with a new salt; the caller frees it. NULL after saying why not. */
char *password_hash(const char *password);

#endif
