/* Tells the service manager what certgated is about (sd_notify(3)); does nothing where none asks. */
#ifndef CONTROL_NOTIFY_H
#define CONTROL_NOTIFY_H

/* state: lines such as "READY=1\nSTATUS=generation 3 in force". Nothing rests on whether it arrives. */
void notify_manager(const char *state);

#endif
