/*
 * host.h - which machine this is.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#ifndef COUNTERSIGN_PLATFORM_HOST_H
#define COUNTERSIGN_PLATFORM_HOST_H

#include "common/bytes.h"

/* The system and processor as they stand in hello: "linux", "x86_64". */
const char *host_system(void);
const char *host_arch(void);

/*
 * Appends the host's name: what the kernel says, only letters, digits, '.',
 * '-' and '_' kept, at most 255 bytes; "unnamed" if nothing is left. The
 * buffer's own error tells of failure.
 */
void host_put_name(struct buf *b);

/*
 * Appends the bytes whose hash tells this machine from a copy of its disk: a
 * label and value each for the machine id (/etc/machine-id, else the D-Bus
 * one) and the hardware's UUID (/sys/class/dmi/id/product_uuid, or the device
 * tree's serial number), absent ones by their label alone. The same bytes
 * after every start of the same machine. They are not secret, but only their
 * hash goes into records.
 * ERR_NOT_FOUND neither is there or may be read; ERR_IO; the buffer's errors.
 */
MUST_CHECK int host_put_machine(struct buf *b);

#endif
