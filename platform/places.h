/*
 * places.h - where a path really leads, and whose homes are to be left alone.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#ifndef COUNTERSIGN_PLATFORM_PLACES_H
#define COUNTERSIGN_PLATFORM_PLACES_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Longest path that is looked at, with its NUL. */
#define PLACES_PATH_SIZE 4096

/*
 * The absolute path without symbolic links, of PLACES_PATH_SIZE bytes with its
 * NUL. ERR_NOT_FOUND nothing is there; ERR_TOO_LARGE; ERR_IO;
 * ERR_UNSUPPORTED.
 */
MUST_CHECK int places_resolve(const char *path,
    char ret_path[PLACES_PATH_SIZE]);

/*
 * The home of an account of this machine that has a .ssh, or that can be logged
 * in to, and lies at or below the folder (who may write there may write keys):
 * into ret_home.
 * ERR_NOT_FOUND there is none.
 */
MUST_CHECK int places_home_at(const char *folder,
    char ret_home[PLACES_PATH_SIZE]);

#endif
