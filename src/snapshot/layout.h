/* What writer and reader of a snapshot agree on beside the order of the fields. */
#ifndef SNAPSHOT_LAYOUT_H
#define SNAPSHOT_LAYOUT_H

/* Changes with every change of the layout: control and worker are built together, but be sure. */
#define SNAPSHOT_MAGIC 0x43475337u /* "CGS7" */

#endif
