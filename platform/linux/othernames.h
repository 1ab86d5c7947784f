/*
 * othernames.h - the names that mounts give to one and the same file.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_OTHERNAMES_H
#define COUNTERSIGN_PLATFORM_LINUX_OTHERNAMES_H

#include "common/bytes.h"
#include "platform/places.h"

#include <stdbool.h>

/* A line of mountinfo (proc(5)). */
struct othernames_mount {
	const char *device;
	const char *root;	/* what of the file system it shows */
	const char *point;	/* where */
};

/* The mounts of this process; all zero are none. */
struct othernames {
	struct buf text;
	struct othernames_mount *list;
	size_t n;
};

/* Reads them. ERR_IO, ERR_NOMEM. */
MUST_CHECK int othernames_read(struct othernames *ret_l);
void othernames_free(struct othernames *l);

/*
 * The name number nth, from 0, that a mount gives to what stands at path
 * (absolute, without links), or to something in it, and that does not lie
 * below path. *ret_whole: the name is for all of it. ERR_NOT_FOUND there are no
 * more. Whether another mount covers that name is not looked at.
 */
MUST_CHECK int othernames_find(const struct othernames *l, const char *path,
    unsigned nth, char ret_path[PLACES_PATH_SIZE], bool *ret_whole);

#endif
