/*
 * file_sync.c - making file contents durable, and room for them: macOS.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/file.h"

#include "platform/posix/native.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
file_sync(int fd)
{
	if (native_sync(fd) == 0)
		return 0;
	return errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}

/*
 * F_PREALLOCATE takes space after the end of what the file has on the disk,
 * not at an offset, and leaves the size as it is; F_ALLOCATEALL: all or
 * nothing, in as many pieces as there are.
 */
int
file_reserve(int fd, uint64_t from, uint64_t n)
{
	struct stat st;
	fstore_t want = {
		.fst_flags = F_ALLOCATEALL,
		.fst_posmode = F_PEOFPOSMODE,
	};
	uint64_t have;

	if (fstat(fd, &st) != 0)
		return ERR_IO;
	have = (uint64_t)st.st_blocks * 512;	/* sys/stat.h */
	if (from > (uint64_t)INT64_MAX - n)
		return ERR_NO_SPACE;
	if (from + n <= have)
		return 0;
	want.fst_length = (off_t)(from + n - have);
	while (fcntl(fd, F_PREALLOCATE, &want) != 0) {
		if (errno == EINTR)
			continue;
		if (errno == ENOSPC || errno == EDQUOT)
			return ERR_NO_SPACE;
		return errno == ENOTSUP || errno == EOPNOTSUPP ||
		    errno == EINVAL || errno == ENOTTY ? ERR_UNSUPPORTED :
		    ERR_IO;
	}
	return 0;
}
