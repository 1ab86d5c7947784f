/*
 * ask.c - what the gate has its starter do.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/linux/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

const char *const starter_words[] = { "READY=1", "WATCHDOG=1", "STOPPING=1" };
const uint32_t starter_n_words =
    sizeof(starter_words) / sizeof(starter_words[0]);

#define LOCK(i) { "/var/run/countersign-observe-" #i ".lock",		\
	O_RDWR | O_CREAT | O_NOFOLLOW, 0600 }

const struct starter_file starter_files[] = {
	{ "/etc/passwd", O_RDONLY, 0 },
	{ "/etc/group", O_RDONLY, 0 },
	{ "/etc/subuid", O_RDONLY, 0 },
	LOCK(1), LOCK(2), LOCK(3), LOCK(4),
};
const uint32_t starter_n_files =
    sizeof(starter_files) / sizeof(starter_files[0]);

/* The end that we ask at, and who listens: there is one starter. */
static int asked = -1;
static int asked_pid;

/* What goes with a request. */
struct extra {
	const int32_t *numbers;
	const char *text;
	const int *fds;		/* as many as numbers */
};

/* ---- one request --------------------------------------------------------- */

/* Room for the descriptors of a message, aligned as cmsg(3) wants it. */
union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(PROCESS_FDS_MAX * sizeof(int))];
};

static bool
send_request(const struct starter_request *q, const struct extra *x)
{
	union {
		const void *in;
		void *out;
	} numbers = { x->numbers }, text = { x->text };
	struct starter_request copy = *q;
	struct iovec parts[3] = { { &copy, sizeof(copy) },
	    { numbers.out, q->n_numbers * sizeof(int32_t) },
	    { text.out, q->n_text } };
	union control c;
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 3 };
	size_t size = q->n_numbers * sizeof(int);
	ssize_t n;

	if (x->fds != NULL && q->n_numbers > 0) {
		memset(&c, 0, sizeof(c));
		m.msg_control = &c;
		m.msg_controllen = (socklen_t)CMSG_SPACE(size);
		c.head.cmsg_level = SOL_SOCKET;
		c.head.cmsg_type = SCM_RIGHTS;
		c.head.cmsg_len = (socklen_t)CMSG_LEN(size);
		memcpy(CMSG_DATA(&c.head), x->fds, size);
	}
	do {
		n = sendmsg(asked, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n >= 0;
}

/* ret_text: STARTER_TEXT_MAX, or NULL if there is none to come. *ret_fd: the
 * descriptor that came, or -1. */
static bool
read_reply(struct starter_reply *ret_p, char *ret_text, int *ret_fd)
{
	struct iovec parts[2] = { { ret_p, sizeof(*ret_p) },
	    { ret_text, STARTER_TEXT_MAX } };
	union control c;
	struct msghdr m = { .msg_iov = parts,
	    .msg_iovlen = ret_text != NULL ? 2 : 1,
	    .msg_control = &c, .msg_controllen = sizeof(c) };
	struct cmsghdr *h;
	ssize_t n;

	*ret_fd = -1;
	do {
		n = recvmsg(asked, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 || (size_t)n < sizeof(*ret_p))
		return false;
	if ((h = CMSG_FIRSTHDR(&m)) != NULL && h->cmsg_level == SOL_SOCKET &&
	    h->cmsg_type == SCM_RIGHTS && h->cmsg_len >= CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(h), sizeof(int));
	return true;
}

/*
 * Asks and waits for the reply. A starter that has gone takes the gate with it
 * (PR_SET_PDEATHSIG); what cannot be said to it ends the gate too.
 */
static int
ask(const struct starter_request *q, const struct extra *x,
    struct starter_reply *ret_p, char *ret_text, int *ret_fd)
{
	int fd = -1;

	if (!send_request(q, x) || !read_reply(ret_p, ret_text, &fd))
		_exit(1);
	if (ret_fd != NULL)
		*ret_fd = fd;
	else if (fd >= 0)
		(void)close(fd);
	return ret_p->r;
}

static const struct extra nothing = { NULL, NULL, NULL };

/* ---- process.h ----------------------------------------------------------- */

/* The arguments behind the option, each with its NUL. */
static bool
put_arguments(const char *const *argv, char *text, uint32_t *ret_n)
{
	size_t n = 0, len;

	/* The program's name and its option are the role's. */
	if (argv[0] != NULL && argv[1] != NULL)
		for (argv += 2; *argv != NULL; argv++) {
			len = strlen(*argv) + 1;
			if (len > STARTER_TEXT_MAX - n)
				return false;
			memcpy(text + n, *argv, len);
			n += len;
		}
	*ret_n = (uint32_t)n;
	return true;
}

static int
start(const struct process_spec *spec, int *ret_errno, struct process *ret_p)
{
	struct starter_request q = { .verb = STARTER_START };
	struct starter_reply reply = { .r = 0 };
	int32_t numbers[PROCESS_FDS_MAX];
	int fds[PROCESS_FDS_MAX], pidfd;
	char text[STARTER_TEXT_MAX];
	const struct extra x = { numbers, text, fds };
	size_t i;
	int r;

	if (spec->n_fds > PROCESS_FDS_MAX || spec->argv == NULL ||
	    !put_arguments(spec->argv, text, &q.n_text))
		return ERR_USAGE;
	for (i = 0; i < spec->n_fds; i++) {
		numbers[i] = spec->fds[i].child;
		fds[i] = spec->fds[i].parent;
	}
	q.what = spec->role;
	q.n_numbers = (uint32_t)spec->n_fds;
	/* What is started knows its account by itself. */
	if (spec->role == PROCESS_COURIER)
		q.n_text = 0;
	r = ask(&q, &x, &reply, NULL, &pidfd);
	if (r == 0) {
		*ret_p = (struct process){ reply.pid, pidfd };
		return 0;
	}
	if (ret_errno != NULL && reply.error != 0)
		*ret_errno = reply.error;
	return r;
}

static int
wait_for(struct process *p, bool until_end, struct process_end *ret_end)
{
	struct starter_request q = { .verb = STARTER_WAIT,
	    .what = until_end, .value = (uint32_t)p->pid };
	struct starter_reply reply = { .r = 0 };
	int r;

	if (p->pid <= 0)
		return ERR_NOT_FOUND;
	if ((r = ask(&q, &nothing, &reply, NULL, NULL)) != 0)
		return r;
	if (ret_end != NULL)
		*ret_end = reply.end;
	if (p->pidfd >= 0)
		(void)close(p->pidfd);
	*p = (struct process){ 0, -1 };
	return 0;
}

static void
reap(const int *keep, size_t n)
{
	struct starter_request q = { .verb = STARTER_REAP,
	    .n_numbers = (uint32_t)n };
	const struct extra x = { keep, NULL, NULL };
	struct starter_reply reply = { .r = 0 };

	(void)ask(&q, &x, &reply, NULL, NULL);
}

static int
kill_children(const int *keep, size_t n, unsigned within_ms,
    uint32_t *ret_killed)
{
	struct starter_request q = { .verb = STARTER_KILL,
	    .value = within_ms, .n_numbers = (uint32_t)n };
	const struct extra x = { keep, NULL, NULL };
	struct starter_reply reply = { .r = 0 };
	int r = ask(&q, &x, &reply, NULL, NULL);

	if (ret_killed != NULL)
		*ret_killed = reply.killed;
	return r;
}

/* ---- others -------------------------------------------------------------- */

static int
sweep(uint32_t uid)
{
	struct starter_request q = { .verb = STARTER_SWEEP, .value = uid };
	struct starter_reply reply = { .r = 0 };

	return ask(&q, &nothing, &reply, NULL, NULL);
}

static int
open_file(const char *path, int flags, unsigned mode)
{
	struct starter_request q = { .verb = STARTER_OPEN };
	struct starter_reply reply = { .r = 0 };
	int fd;

	while (q.what < starter_n_files &&
	    strcmp(path, starter_files[q.what].path) != 0)
		q.what++;
	if (q.what == starter_n_files)
		return open(path, flags | O_CLOEXEC, (mode_t)mode);
	if (ask(&q, &nothing, &reply, NULL, &fd) != 0)
		errno = reply.error;
	return fd;
}

static int
open_program(const char *path, enum program_owner owner, struct program *ret_p)
{
	struct starter_request q = { .verb = STARTER_PROGRAM, .what = owner };
	struct starter_reply reply = { .r = 0 };
	const struct extra x = { NULL, path, NULL };
	int r;

	if (strlen(path) >= STARTER_TEXT_MAX)
		return ERR_TOO_LARGE;
	q.n_text = (uint32_t)strlen(path) + 1;
	return (r = ask(&q, &x, &reply, ret_p->path, &ret_p->fd)) != 0 ? r :
	    ret_p->fd >= 0 ? 0 : ERR_IO;
}

static void
tell(const char *word)
{
	struct starter_request q = { .verb = STARTER_TELL };
	struct starter_reply reply = { .r = 0 };

	while (q.what < starter_n_words &&
	    strcmp(word, starter_words[q.what]) != 0)
		q.what++;
	if (q.what < starter_n_words)
		(void)ask(&q, &nothing, &reply, NULL, NULL);
}

static int
believed(bool name, const char *folder, unsigned nth, char *ret_text)
{
	struct starter_request q = { .verb = STARTER_BELIEVED, .what = name,
	    .value = nth };
	struct starter_reply reply = { .r = 0 };
	const struct extra x = { NULL, folder, NULL };

	if (strlen(folder) >= STARTER_TEXT_MAX)
		return ERR_NOT_FOUND;
	q.n_text = (uint32_t)strlen(folder) + 1;
	return ask(&q, &x, &reply, ret_text, NULL);
}

static bool
shown(struct bytes line, const char *folder)
{
	struct starter_request q = { .verb = STARTER_BELIEVED, .what = 2 };
	struct starter_reply reply = { .r = 0 };
	static char text[STARTER_TEXT_MAX + STARTER_LINE_MAX];
	const struct extra x = { NULL, text, NULL };
	size_t n = strlen(folder) + 1;

	if (line.n == 0)
		return false;
	if (n > STARTER_TEXT_MAX || line.n > STARTER_LINE_MAX)
		return true;
	memcpy(text, folder, n);
	memcpy(text + n, line.p, line.n);
	q.n_text = (uint32_t)(n + line.n);
	return ask(&q, &x, &reply, NULL, NULL) != ERR_NOT_FOUND;
}

static int
pid_of(void)
{
	return asked_pid;
}

static const struct starter_calls calls = {
	.start = start,
	.wait = wait_for,
	.reap = reap,
	.kill_children = kill_children,
	.sweep = sweep,
	.open = open_file,
	.program = open_program,
	.tell = tell,
	.believed = believed,
	.shown = shown,
	.pid = pid_of,
};

_Static_assert(sizeof(int) == sizeof(int32_t), "pids go as they are");

void
starter_ask_at(int fd, int pid)
{
	asked = fd;
	asked_pid = pid;
	starter_calls = fd >= 0 ? &calls : NULL;
}
