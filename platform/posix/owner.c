/*
 * owner.c - whose a file is, for what everybody may read.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/file.h"

#include <sys/stat.h>
#include <unistd.h>

int
file_check_owned(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ERR_IO;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return ERR_PERMISSION;
	/* A group of root's own may write what root may write. */
	if ((st.st_mode & S_IWOTH) != 0 ||
	    ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0))
		return ERR_PERMISSION;
	return 0;
}
