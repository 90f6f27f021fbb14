/* What the node does about decision records: the recorder, the disk, and what workers are told of both. */
#ifndef CONTROL_RECORDING_H
#define CONTROL_RECORDING_H

#include "control/node.h"

/* Opens the log of these settings, or goes on with the one that was handed over (fd -1: none). False once said. */
bool recording_open(struct control *control, const char *path, int fd,
        const struct settings_recording *settings);
/* By the settings in force. */
void recording_settle(struct control *control);
/* One record of a worker: to the log, and to whoever wants to know beside it. */
void recording_take(struct control *control, const uint8_t *json, size_t len);
/* What is to be tried again, told, or told to the workers. */
void recording_step(struct control *control, int64_t now_ms);
int64_t recording_next_ms(const struct control *control);
/* Before the store writes. */
void recording_make_room(struct control *control);
/* Records lost since the start, by workers and here. */
uint64_t recording_lost(const struct control *control);
void recording_close(struct control *control);

#endif
