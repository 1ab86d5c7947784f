/*
 * test_pipes.c - local sockets, who is at their other end, sealed files.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "platform/pipes.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char folder[] = "/tmp/pipes.XXXXXX";
static char path[64];

static void
open_folder(void)
{
	CHECK(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/socket", folder);
}

static void
close_folder(void)
{
	(void)unlink(path);
	CHECK_INT(rmdir(folder), 0);
}

/* Who connects to a listener that does not wait, once somebody does. */
static int
take(int listener)
{
	struct pollfd p = { listener, POLLIN, 0 };

	CHECK_INT(poll(&p, 1, 10000), 1);
	return accept(listener, NULL, NULL);
}

TEST(listens_and_connects)
{
	struct stat st;
	struct peer peer;
	int listener, client, server;
	char byte;

	open_folder();
	(void)umask(0);
	CHECK_INT(pipes_listen(path, 0660, PIPES_GID_KEEP, &listener), 0);
	CHECK_INT(lstat(path, &st), 0);
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_INT(st.st_mode & 07777, 0660);
	CHECK_INT(fcntl(listener, F_GETFD), FD_CLOEXEC);
	CHECK_INT(pipes_connect(path, &client), 0);
	CHECK_INT(fcntl(client, F_GETFD), FD_CLOEXEC);
	CHECK((server = take(listener)) >= 0);
	CHECK_INT(pipes_peer(server, &peer), 0);
	CHECK_INT(peer.pid, getpid());
	CHECK_INT(peer.uid, geteuid());
	CHECK_INT(peer.gid, getegid());
	CHECK(peer_is_in_group(&peer, getegid()));
	CHECK(!peer_is_in_group(&peer, 4000000));
	CHECK_INT(write(client, "x", 1), 1);
	CHECK_INT(read(server, &byte, 1), 1);
	/* Somebody listens: it is not taken away. */
	CHECK_INT(pipes_listen(path, 0600, PIPES_GID_KEEP, &client),
	    ERR_EXISTS);
	CHECK_INT(close(listener), 0);
	close_folder();
}

TEST(removes_what_nobody_listens_on)
{
	int fd;

	open_folder();
	CHECK_INT(pipes_listen(path, 0600, PIPES_GID_KEEP, &fd), 0);
	CHECK_INT(close(fd), 0);
	CHECK_INT(pipes_connect(path, &fd), ERR_CLOSED);
	CHECK_INT(pipes_listen(path, 0600, PIPES_GID_KEEP, &fd), 0);
	CHECK_INT(close(fd), 0);
	CHECK_INT(unlink(path), 0);
	/* Anything else stays. */
	CHECK_INT(mkdir(path, 0700), 0);
	CHECK_INT(pipes_listen(path, 0600, PIPES_GID_KEEP, &fd), ERR_EXISTS);
	CHECK_INT(rmdir(path), 0);
	CHECK_INT(symlink("/etc/passwd", path), 0);
	CHECK_INT(pipes_listen(path, 0600, PIPES_GID_KEEP, &fd), ERR_EXISTS);
	close_folder();
}

TEST(paths_that_cannot_be)
{
	char long_path[200];
	int fd;

	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	CHECK_INT(pipes_listen(long_path, 0600, PIPES_GID_KEEP, &fd),
	    ERR_TOO_LARGE);
	CHECK_INT(pipes_connect(long_path, &fd), ERR_TOO_LARGE);
	CHECK_INT(pipes_connect("", &fd), ERR_TOO_LARGE);
	CHECK_INT(pipes_connect("/nonexistent/socket", &fd), ERR_NOT_FOUND);
	CHECK_INT(pipes_listen("/nonexistent/socket", 0600, PIPES_GID_KEEP,
	    &fd), ERR_NOT_FOUND);
}

/* The groups are those of who connected, as the kernel knows them. */
TEST(groups_of_a_peer)
{
	static const gid_t groups[] = { 12345, 23456 };
	struct stat st;
	struct peer peer;
	int listener, server, client, status, pid;

	if (geteuid() != 0)
		SKIP("needs root");
	open_folder();
	CHECK_INT(chmod(folder, 0755), 0);
	CHECK_INT(pipes_listen(path, 0660, 23456, &listener), 0);
	CHECK_INT(lstat(path, &st), 0);
	CHECK_INT(st.st_gid, 23456);
	if ((pid = fork()) == 0) {
		if (setgroups(2, groups) != 0 || setgid(65533) != 0 ||
		    setuid(65534) != 0)
			_exit(1);
		_exit(pipes_connect(path, &client) == 0 ? 0 : 2);
	}
	CHECK((server = take(listener)) >= 0);
	CHECK_INT(pipes_peer(server, &peer), 0);
	CHECK_INT(peer.uid, 65534);
	CHECK_INT(peer.gid, 65533);
	CHECK_INT(peer.n_groups, 2);
	CHECK(peer_is_in_group(&peer, 12345));
	CHECK(peer_is_in_group(&peer, 23456));
	CHECK(peer_is_in_group(&peer, 65533));
	CHECK(!peer_is_in_group(&peer, 0));
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	/* Without the group there is no way in. */
	if ((pid = fork()) == 0) {
		if (setgroups(0, NULL) != 0 || setgid(65533) != 0 ||
		    setuid(65534) != 0)
			_exit(1);
		_exit(pipes_connect(path, &client) == ERR_PERMISSION ? 0 : 2);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	close_folder();
}

TEST(peers_need_a_socket)
{
	struct peer peer;
	int fds[2];

	CHECK_INT(pipes_open(fds), 0);
	CHECK_INT(pipes_peer(fds[0], &peer), ERR_IO);
	CHECK_INT(pipes_peer(-1, &peer), ERR_IO);
}

TEST(pairs_and_pipes)
{
	char text[4];
	int fds[2];

	CHECK_INT(pipes_pair(fds), 0);
	CHECK_INT(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	CHECK_INT(write(fds[0], "abc", 3), 3);
	CHECK_INT(read(fds[1], text, 4), 3);
	pipes_close(&fds[0]);
	CHECK_INT(fds[0], -1);
	pipes_close(&fds[0]);
	CHECK_INT(read(fds[1], text, 4), 0);
	CHECK(pipes_is_open(fds[1]));
	CHECK(!pipes_is_open(-1));
	pipes_close(&fds[1]);
	CHECK_INT(pipes_open(fds), 0);
	CHECK_INT(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	pipes_close(&fds[0]);
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK_INT(pipes_write_all(fds[1], bytes_str("x")), ERR_CLOSED);
	CHECK_INT(pipes_write_all(-1, bytes_str("x")), ERR_IO);
	pipes_close(&fds[1]);
}

TEST(reads_whole)
{
	struct bytes big;
	static uint8_t content[100000];
	struct buf b;
	int fd;

	memset(content, 'z', sizeof(content));
	big = bytes_of(content, sizeof(content));
	CHECK_INT(pipes_sealed("test", big, &fd), 0);
	buf_init(&b, 200000);
	CHECK_INT(pipes_read_all(fd, &b), 0);
	CHECK_MEM(b.p, b.n, content, sizeof(content));
	buf_free(&b);
	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	buf_init(&b, 50000);
	CHECK_INT(pipes_read_all(fd, &b), ERR_TOO_LARGE);
	buf_free(&b);
	CHECK_INT(pipes_read_all(-1, &b), ERR_IO);
	buf_free(&b);
	pipes_close(&fd);
}

TEST(sealed)
{
	char text[16], name[64];
	int fd, again;

	CHECK_INT(pipes_sealed("test", bytes_str("content"), &fd), 0);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(read(fd, text, sizeof(text)), 7);
	CHECK_MEM(text, 7, "content", 7);
	CHECK_INT(write(fd, "x", 1), -1);
	CHECK_INT(ftruncate(fd, 3), -1);
	CHECK_INT(ftruncate(fd, 100), -1);
	CHECK_INT(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	/* Opened anew it is as sealed. */
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	again = open(name, O_RDWR);
	CHECK(again < 0 || write(again, "x", 1) == -1);
	pipes_close(&fd);
	CHECK_INT(pipes_sealed("empty", bytes_of(NULL, 0), &fd), 0);
	CHECK_INT(read(fd, text, 1), 0);
	pipes_close(&fd);
}

TEST_MAIN()
