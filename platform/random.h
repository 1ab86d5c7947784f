/*
 * random.h - random bytes from the kernel.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 */
#ifndef COUNTERSIGN_PLATFORM_RANDOM_H
#define COUNTERSIGN_PLATFORM_RANDOM_H

#include "common/error.h"

#include <stddef.h>

/*
 * Fills n bytes at ret_p from the kernel's generator (getrandom(2), flags 0:
 * waits until it was seeded). Any n. ERR_IO if the kernel refuses; what stands
 * at ret_p is then undefined and must not be used.
 */
MUST_CHECK int random_fill(void *ret_p, size_t n);

#endif
