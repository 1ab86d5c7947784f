/*
 * file_sync.c - making file contents durable, and room for them: Linux.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
file_sync(int fd)
{
	if (fdatasync(fd) == 0)
		return 0;
	return errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}

int
file_reserve(int fd, uint64_t from, uint64_t n)
{
	int r;

	do
		r = fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)n);
	while (r != 0 && errno == EINTR);
	if (r == 0)
		return 0;
	if (errno == ENOSPC || errno == EDQUOT)
		return ERR_NO_SPACE;
	return errno == EOPNOTSUPP || errno == ENOSYS ? ERR_UNSUPPORTED :
	    ERR_IO;
}
