/*
 * peer.c - who is at the other end of a socket; files that nobody else has.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner (tests), cli.
 */
#include "platform/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/ucred.h>
#include <sys/un.h>
#include <unistd.h>

/* unix(4): LOCAL_PEERCRED is struct xucred, its first group the gid. */
int
pipes_peer(int fd, struct peer *ret_peer)
{
	struct xucred cred;
	struct peer p = { .n_groups = 0 };
	socklen_t n = sizeof(cred);
	pid_t pid;
	int i;

	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERCRED, &cred, &n) != 0 ||
	    n != sizeof(cred) || cred.cr_version != XUCRED_VERSION ||
	    cred.cr_ngroups < 1 || cred.cr_ngroups > NGROUPS)
		return ERR_IO;
	n = sizeof(pid);
	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, &pid, &n) == 0)
		p.pid = pid;
	p.uid = cred.cr_uid;
	p.gid = cred.cr_groups[0];
	for (i = 1; i < cred.cr_ngroups; i++)
		p.groups[p.n_groups++] = cred.cr_groups[i];
	*ret_peer = p;
	return 0;
}

/* Writes it to the file at path and opens that to read only. */
static int
fill(const char *path, int fd, struct bytes content, int *ret_fd)
{
	int r = pipes_write_all(fd, content);

	if (r != 0)
		return r;
	if (fchmod(fd, 0400) != 0)
		return ERR_IO;
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? ERR_IO : 0;
}

/*
 * No sealed memory here: a file that has no name any more and that is open for
 * reading alone, so that nobody who has the descriptor can change it. (There
 * is no /proc to open it a second time by.)
 */
int
pipes_sealed(const char *name, struct bytes content, int *ret_fd)
{
	char path[] = "/private/tmp/countersign-XXXXXXXXXX";
	int fd, sealed = -1, r;

	(void)name;
	if ((fd = mkstemp(path)) < 0)
		return errno == ENOSPC ? ERR_NO_SPACE : ERR_IO;
	r = fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ? ERR_IO :
	    fill(path, fd, content, &sealed);
	if (unlink(path) != 0 && r == 0) {
		(void)close(sealed);
		r = ERR_IO;
	}
	(void)close(fd);
	if (r == 0)
		*ret_fd = sealed;
	return r;
}
