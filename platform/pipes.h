/*
 * pipes.h - local sockets, pipes and sealed memory files.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner (tests), cli.
 *
 * Every descriptor made here is close-on-exec and blocking; libuv makes those
 * non-blocking that it opens.
 */
#ifndef COUNTERSIGN_PLATFORM_PIPES_H
#define COUNTERSIGN_PLATFORM_PIPES_H

#include "common/bytes.h"

/* Most supplementary groups that are asked of a peer. */
#define PIPES_PEER_GROUPS_MAX 256

/* Who is at the other end of a local socket, as the kernel vouches. */
struct peer {
	int32_t pid;		/* for messages only: it may be reused */
	uint32_t uid;
	uint32_t gid;
	uint32_t groups[PIPES_PEER_GROUPS_MAX];	/* supplementary */
	size_t n_groups;
};

/*
 * Listens on a Unix stream socket at path, with that mode and, unless gid is
 * PIPES_GID_KEEP, that group; nobody can connect before both are set. A stale
 * socket of ours at path is removed first. On Windows path is a named pipe's,
 * and mode and group stand for an access list: SYSTEM, Administrators and
 * ourselves, and where the mode has it the group; nobody from the network. The
 * descriptor (there a socket) is non-blocking and becomes readable when
 * somebody has connected. ERR_TOO_LARGE path over 107 bytes; ERR_EXISTS
 * somebody listens there, or it is not a socket; ERR_PERMISSION, ERR_NOT_FOUND
 * no such folder; ERR_IO.
 */
#define PIPES_GID_KEEP UINT32_MAX
MUST_CHECK int pipes_listen(const char *path, unsigned mode, uint32_t gid,
    int *ret_fd);
/* Stops listening: removes what stands at path, closes *listener unless it is
 * -1, and sets it to -1. */
void pipes_unlisten(int *listener, const char *path);

/*
 * Connects to a Unix stream socket. ERR_NOT_FOUND no such path;
 * ERR_CLOSED nobody listens; ERR_PERMISSION; ERR_TOO_LARGE; ERR_IO; ERR_DENIED
 * who listens is neither ourselves nor root (Windows, where any account may
 * give a pipe its name).
 */
MUST_CHECK int pipes_connect(const char *path, int *ret_fd);

/*
 * Who connected (SO_PEERCRED, SO_PEERGROUPS): as of connect(2). A kernel that
 * does not tell groups gives none. ERR_TOO_LARGE more than
 * PIPES_PEER_GROUPS_MAX; ERR_IO.
 */
MUST_CHECK int pipes_peer(int fd, struct peer *ret_peer);
/*
 * The next who connected to the listener, and who that is. ERR_AGAIN nobody
 * waits (any more); ERR_DENIED it cannot be told who it is: that connection is
 * closed; ERR_IO.
 */
MUST_CHECK int pipes_accept(int listener, int *ret_fd, struct peer *ret_peer);
/* Whether the peer's gid or one of its groups is gid. */
bool peer_is_in_group(const struct peer *p, uint32_t gid);

/* A connected pair of Unix stream sockets. ERR_IO. */
MUST_CHECK int pipes_pair(int ret_fds[2]);

/* A pipe: [0] reads, [1] writes. ERR_IO. */
MUST_CHECK int pipes_open(int ret_fds[2]);

/*
 * A file in memory with that content, at offset 0, sealed: nobody can change
 * it or its size any more (memfd_create(2), F_SEAL_*). name is for /proc only.
 * ERR_IO, ERR_NO_SPACE, ERR_UNSUPPORTED.
 */
MUST_CHECK int pipes_sealed(const char *name, struct bytes content,
    int *ret_fd);

/*
 * From now on writing where nobody reads any more is an error of the write,
 * and no signal that ends the process. ERR_IO.
 */
MUST_CHECK int pipes_forgo_signal(void);

/* Whether the descriptor is open. */
bool pipes_is_open(int fd);
/* Reads to the end of file, after what b holds. ERR_IO; the buffer's errors. */
MUST_CHECK int pipes_read_all(int fd, struct buf *b);
/* Writes all of it, waiting as long as that takes. ERR_CLOSED nobody reads (and
 * SIGPIPE is ignored); ERR_NO_SPACE; ERR_IO. */
MUST_CHECK int pipes_write_all(int fd, struct bytes a);

/* Closes *fd unless it is -1, and sets it to -1. */
void pipes_close(int *fd);

#endif
