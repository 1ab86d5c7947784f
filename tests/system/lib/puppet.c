/*
 * puppet.c - stands where a courier or runner should: a test holds its strings.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests, as countersign-courier or countersign-runner.
 *
 * Hands its descriptors 1 to 6 to whoever listens at its own path with ".sock"
 * after it, and ends with the byte that comes back. Asked for the runner's
 * --probe it is the real program, which lies beside it as ".real".
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST 1
#define LAST 6

/* Sends which descriptors are open, and these. */
static int
hand_over(int to)
{
	union {
		char bytes[CMSG_SPACE((LAST - FIRST + 1) * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = { 0 };
	struct cmsghdr *c;
	struct iovec iov;
	unsigned char map = 0;
	int fds[LAST - FIRST + 1], fd;
	size_t n = 0;

	for (fd = FIRST; fd <= LAST; fd++)
		if (fcntl(fd, F_GETFD) >= 0) {
			map = (unsigned char)(map | 1u << fd);
			fds[n++] = fd;
		}
	memset(&control, 0, sizeof(control));
	iov.iov_base = &map;
	iov.iov_len = 1;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.bytes;
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	if (sendmsg(to, &msg, 0) != 1)
		return -1;
	while (n > 0)
		close(fds[--n]);
	return 0;
}

/* Becomes the program at our own path with ".real" after it. */
static int
be_real(char **argv)
{
	static const char end[] = ".real";
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) -
	    sizeof(end));

	if (n <= 0)
		return 1;
	memcpy(path + n, end, sizeof(end));
	execv(path, argv);
	return 1;
}

int
main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	static const char end[] = ".sock";
	unsigned char code = 0;
	ssize_t n;
	int low, s;

	if (argc > 1 && strcmp(argv[1], "--probe") == 0)
		return be_real(argv);
	n = readlink("/proc/self/exe", a.sun_path,
	    sizeof(a.sun_path) - sizeof(end));
	if (n <= 0)
		return 1;
	memcpy(a.sun_path + n, end, sizeof(end));
	if ((low = socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
		return 1;
	/* Above those that are handed over. */
	s = fcntl(low, F_DUPFD, LAST + 1);
	close(low);
	if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    hand_over(s) != 0)
		return 1;
	(void)!read(s, &code, 1);
	return code;
}
