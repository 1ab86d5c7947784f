/*
 * peer.c - who is at the other end of a socket; sealed memory files.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner (tests), cli.
 */
#include "platform/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59	/* Linux 4.13; not in every C library */
#endif

int
pipes_peer(int fd, struct peer *ret_peer)
{
	struct ucred cred;
	struct peer p = { .n_groups = 0 };
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0 ||
	    n != sizeof(cred))
		return ERR_IO;
	p.pid = cred.pid;
	p.uid = cred.uid;
	p.gid = cred.gid;
	n = sizeof(p.groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p.groups, &n) == 0)
		p.n_groups = n / sizeof(p.groups[0]);
	else if (errno == ERANGE)
		return ERR_TOO_LARGE;
	else if (errno != ENOPROTOOPT)
		return ERR_IO;
	*ret_peer = p;
	return 0;
}

int
pipes_sealed(const char *name, struct bytes content, int *ret_fd)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_WRITE;
	int fd, r;

	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return errno == ENOSYS ? ERR_UNSUPPORTED : ERR_IO;
	r = pipes_write_all(fd, content);
	if (r == 0 && (lseek(fd, 0, SEEK_SET) != 0 ||
	    fcntl(fd, F_ADD_SEALS, seals) != 0))
		r = ERR_IO;
	if (r != 0)
		(void)close(fd);
	else
		*ret_fd = fd;
	return r;
}
