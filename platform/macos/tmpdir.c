/*
 * tmpdir.c - the temporary folder of one action.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 */
#include "platform/macos/tmpdir.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPLATE "/private/tmp/countersign-XXXXXXXXXX"
/* Descriptors that the walk may hold open. */
#define WALK_FDS 16

int
tmpdir_make(uint32_t uid, uint32_t gid, char ret_path[TMPDIR_SIZE])
{
	char path[] = TEMPLATE;
	int error;

	if (mkdtemp(path) == NULL)
		return ERR_IO;
	/* lchown(2): by the name, which is nobody else's in a sticky folder. */
	if (geteuid() == 0 && lchown(path, (uid_t)uid, (gid_t)gid) != 0) {
		error = errno;
		(void)rmdir(path);
		errno = error;
		return ERR_IO;
	}
	memcpy(ret_path, path, sizeof(path));
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)kind;
	(void)ftw;
	/* Flags of the user (uchg) would keep it. */
	if (st->st_flags != 0)
		(void)lchflags(path, 0);
	(void)remove(path);
	return 0;
}

void
tmpdir_remove(const char *path)
{
	(void)nftw(path, remove_one, WALK_FDS,
	    FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
