/*
 * Certificates of our own that certgate.conf names, and that certbot, lego or an administrator renews in
 * their files: they are loaded by themselves, once certificate and key fit together.
 */
#ifndef CONTROL_RENEWALS_H
#define CONTROL_RENEWALS_H

#include <stdint.h>

struct control;
struct renewals;

/* NULL without memory, or without watches: renewals then need a reload. */
struct renewals *renewals_new(void);
void renewals_free(struct renewals *renewals);

/* To be polled for reading, or -1; NULL is allowed in each of these. */
int renewals_fd(const struct renewals *renewals);
int64_t renewals_next_ms(const struct renewals *renewals);
/* Looks after the files of the generation in force. */
void renewals_step(struct renewals *renewals, struct control *control, int64_t now_ms);

#endif
