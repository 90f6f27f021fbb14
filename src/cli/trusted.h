/* The certificates of the store, for commands that judge by themselves. */
#ifndef CLI_TRUSTED_H
#define CLI_TRUSTED_H

#include "cli/client.h"
#include "input/input.h"

/* Appends all of the Trusted Certificate Store; CLI_ACCEPT, or the exit status after saying why not. */
int trusted_fetch(const char *state, struct input_list *list);

/* Appends files and folders, with the password of PKCS#12 containers (NULL: none). */
int trusted_load(char *const *paths, int count, const char *password, struct input_list *list);

#endif
