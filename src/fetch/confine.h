/* What certgate-fetch gives up before it speaks to anybody. */
#ifndef FETCH_CONFINE_H
#define FETCH_CONFINE_H

#include <stdbool.h>

/*
 * No core file, not dumpable, few descriptors, no files but what libraries read for names and certificates
 * (Landlock, where the kernel has it), and no call that another process or the kernel is attacked with.
 * False when the filter cannot be set.
 */
bool confine(void);

#endif
