/*
 * tmpdir.h - the temporary folder of one action.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner. For platform/macos only.
 */
#ifndef COUNTERSIGN_PLATFORM_MACOS_TMPDIR_H
#define COUNTERSIGN_PLATFORM_MACOS_TMPDIR_H

#include "common/error.h"

#include <stdint.h>

/* Room for its path. */
#define TMPDIR_SIZE 64

/*
 * Makes an empty folder below /private/tmp, mode 0700, of that owner and
 * group. ERR_IO, with errno.
 */
MUST_CHECK int tmpdir_make(uint32_t uid, uint32_t gid,
    char ret_path[TMPDIR_SIZE]);
/*
 * Removes it with all that is in it; links are removed, not followed, and no
 * other file system is entered. Only once nobody of the action lives.
 */
void tmpdir_remove(const char *path);

#endif
