/*
 * serve.c - what the starter does for its gate: a fixed few things.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: starter.
 *
 * Whoever has taken over the gate asks here too. So: shapes by a table, exact;
 * of what is asked only choices, numbers, and a path that program_open() has
 * to approve of.
 */
#include "platform/linux/starter.h"

#include "platform/believed.h"
#include "platform/observers.h"
#include "platform/privileges.h"
#include "platform/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Nothing else is heard meanwhile. */
#define KILL_MS_MAX 10000u

/* A request as it came. */
struct received {
	const struct starter *s;
	int gate;
	struct starter_request q;
	const int32_t *numbers;
	const char *text;
	int fds[PROCESS_FDS_MAX];
	size_t n_fds;
};

/* What goes back, besides the struct. */
struct answer {
	struct starter_reply reply;
	int fd;			/* closed once sent; -1 none */
	const char *text;	/* reply.n_text bytes */
};

/* ---- starting ------------------------------------------------------------ */

#define ARGUMENTS_MAX 2
#define BIT(n) (UINT64_C(1) << (n))
/* The runner's numbers of common/plan.h. */
#define RUNNER_FDS (BIT(9) - BIT(1))	/* 1 to 8 */

/* How each of them is run: all that there is to choose from. */
static const struct role {
	const char *name;
	const char *option;
	uint64_t fds;		/* bits of the numbers that it may have */
	size_t arguments;	/* most of them */
} roles[] = {
	[PROCESS_COURIER] = { "countersign-courier", "--user",
	    BIT(2) | BIT(3), 0 },
	[PROCESS_RUNNER] = { "countersign-runner", NULL, RUNNER_FDS, 0 },
	[PROCESS_PROBE] = { "countersign-runner", "--probe", BIT(1), 2 },
	[PROCESS_SHOW] = { "countersign-runner", "--show", BIT(1), 1 },
};
#define N_ROLES (sizeof(roles) / sizeof(roles[0]))

/* Whether that is an account of `observe`: what runs as it may be killed. */
static bool
is_observer(uint32_t uid)
{
	struct identity id;
	unsigned i;

	for (i = 0; i < OBSERVERS; i++)
		if (uid != 0 && observers_name(i) != NULL &&
		    privileges_find_user(observers_name(i), &id) == 0 &&
		    id.uid == uid)
			return observers_is_apart(uid);
	return false;
}

/* Decimal digits only. */
static bool
read_number(const char *text, uint32_t *ret_v)
{
	unsigned long v;
	char *end;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 10)
		return false;
	v = strtoul(text, &end, 10);
	if (*end != '\0' || v >= UINT32_MAX)
		return false;
	*ret_v = (uint32_t)v;
	return true;
}

/* The name of a unit, which is no option and no path. */
static bool
is_unit(const char *text)
{
	return text[0] != '\0' && text[0] != '-' && strlen(text) < 256 &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789:_.\\@-") == strlen(text);
}

static bool
arguments_are_right(const struct received *in, const char *const *argv,
    size_t n)
{
	uint32_t uid, gid;

	if (in->q.what == PROCESS_PROBE)
		return n == 0 || (n == 2 && read_number(argv[0], &uid) &&
		    read_number(argv[1], &gid) && is_observer(uid));
	return in->q.what != PROCESS_SHOW || (n == 1 && is_unit(argv[0]));
}

/* The texts, one behind the other, as a list. False: too many, or no end. */
static bool
list_arguments(const struct received *in, size_t most, const char **argv,
    size_t *ret_n)
{
	const char *p = in->text, *end = p + in->q.n_text;
	size_t n = 0;

	if (p != end && end[-1] != '\0')
		return false;
	for (; p < end; p += strlen(p) + 1) {
		if (n == most)
			return false;
		argv[n++] = p;
	}
	*ret_n = n;
	return true;
}

static void
do_start(const struct received *in, struct answer *out)
{
	const struct role *role = in->q.what < N_ROLES ?
	    &roles[in->q.what] : NULL;
	const char *argv[2 + ARGUMENTS_MAX + 1] = { NULL };
	struct process_fd fds[PROCESS_FDS_MAX];
	struct process_spec spec = { .exec_fd = in->s->runner_fd,
	    .argv = argv, .fds = fds, .n_fds = in->n_fds, .new_session = true };
	struct process p;
	size_t i, n = 0;

	out->reply.r = ERR_PROTOCOL;
	if (role == NULL || role->name == NULL ||
	    !list_arguments(in, role->arguments, argv + 2, &n) ||
	    !arguments_are_right(in, argv + 2, n))
		return;
	for (i = 0; i < in->n_fds; i++) {
		if (in->numbers[i] < 0 || in->numbers[i] > 63 ||
		    (role->fds & BIT(in->numbers[i])) == 0)
			return;
		fds[i] = (struct process_fd){ in->numbers[i], in->fds[i] };
	}
	argv[0] = role->name;
	argv[1] = role->option;
	if (in->q.what == PROCESS_COURIER) {
		spec.exec_fd = in->s->courier_fd;
		argv[1] = privileges_is_root() ? role->option : NULL;
		argv[2] = in->s->courier_user;
	}
	out->reply.r = process_start(&spec, &out->reply.error, &p);
	if (out->reply.r == 0) {
		out->reply.pid = p.pid;
		out->fd = p.pidfd;
	}
}

/* ---- the children -------------------------------------------------------- */

static void
do_wait(const struct received *in, struct answer *out)
{
	struct process p = { (int)in->q.value, -1 };

	/* The gate's own end is not its business. */
	if (in->q.value == 0 || in->q.value > INT32_MAX || p.pid == in->gate)
		out->reply.r = ERR_NOT_FOUND;
	else
		out->reply.r = in->q.what != 0 ?
		    process_wait_end(&p, &out->reply.end) :
		    process_wait(&p, &out->reply.end);
}

/* Those to be kept, and the gate. */
static int *
keep_of(const struct received *in)
{
	static int keep[STARTER_NUMBERS_MAX + 1];

	if (in->q.n_numbers > 0)
		memcpy(keep, in->numbers, in->q.n_numbers * sizeof(int));
	keep[in->q.n_numbers] = in->gate;
	return keep;
}

static void
do_reap(const struct received *in, struct answer *out)
{
	(void)out;
	process_reap_orphans(keep_of(in), in->q.n_numbers + 1);
}

static void
do_kill(const struct received *in, struct answer *out)
{
	const uint32_t ms = in->q.value < KILL_MS_MAX ? in->q.value :
	    KILL_MS_MAX;

	out->reply.r = process_kill_children(keep_of(in), in->q.n_numbers + 1,
	    ms, &out->reply.killed);
}

static void
do_sweep(const struct received *in, struct answer *out)
{
	out->reply.r = is_observer(in->q.value) ?
	    sandbox_sweep(in->q.value) : ERR_USAGE;
}

/* ---- files and words ----------------------------------------------------- */

static void
do_open(const struct received *in, struct answer *out)
{
	const struct starter_file *f = &starter_files[in->q.what];

	out->fd = open(f->path, f->flags | O_CLOEXEC, (mode_t)f->mode);
	if (out->fd >= 0)
		return;
	out->reply.error = errno;
	out->reply.r = ERR_IO;
}

static void
do_program(const struct received *in, struct answer *out)
{
	static struct program p;

	out->reply.r = ERR_PROTOCOL;
	if (in->q.n_text == 0 || in->text[in->q.n_text - 1] != '\0')
		return;
	out->reply.r = program_open(in->text, (enum program_owner)in->q.what,
	    &p);
	if (out->reply.r != 0)
		return;
	out->fd = p.fd;
	out->text = p.path;
	out->reply.n_text = (uint32_t)strlen(p.path) + 1;
}

static void
do_tell(const struct received *in, struct answer *out)
{
	(void)out;
	service_tell(starter_words[in->q.what]);
}

/* The system's own tables, as root wrote them. */
static void
do_believed(const struct received *in, struct answer *out)
{
	static char found[PLACES_PATH_SIZE];

	const char *end = memchr(in->text, '\0', in->q.n_text);
	size_t n = end != NULL ? (size_t)(end - in->text) + 1 : 0;

	out->reply.r = ERR_PROTOCOL;
	if (n == 0 || n > STARTER_TEXT_MAX || in->text[0] != '/')
		return;
	if (in->q.what == 2) {
		out->reply.r = believed_shown(bytes_of(in->text + n,
		    in->q.n_text - n), in->text) ? 0 : ERR_NOT_FOUND;
		return;
	}
	if (n != in->q.n_text)
		return;
	out->reply.r = in->q.what == 0 ?
	    believed_find(in->text, found, sizeof(found)) :
	    believed_name(in->text, in->q.value, found);
	if (out->reply.r != 0)
		return;
	out->text = found;
	out->reply.n_text = (uint32_t)strlen(found) + 1;
}

/* ---- one request --------------------------------------------------------- */

/* What each verb may carry; a request of another shape is refused. */
static const struct {
	void (*act)(const struct received *in, struct answer *out);
	uint32_t choices;	/* `what` is below it */
	uint32_t numbers;	/* most of them */
	bool fds;		/* a descriptor with each number; else none */
	uint32_t text;		/* most bytes */
} verbs[] = {
	[STARTER_START] = { do_start, N_ROLES, PROCESS_FDS_MAX, true,
	    STARTER_TEXT_MAX },
	[STARTER_WAIT] = { do_wait, 2, 0, false, 0 },
	[STARTER_REAP] = { do_reap, 1, STARTER_NUMBERS_MAX, false, 0 },
	[STARTER_KILL] = { do_kill, 1, STARTER_NUMBERS_MAX, false, 0 },
	[STARTER_SWEEP] = { do_sweep, 1, 0, false, 0 },
	[STARTER_OPEN] = { do_open, 0, 0, false, 0 },
	[STARTER_PROGRAM] = { do_program, PROGRAM_OWNER_SELF + 1, 0, false,
	    STARTER_TEXT_MAX },
	[STARTER_TELL] = { do_tell, 0, 0, false, 0 },
	[STARTER_BELIEVED] = { do_believed, 3, 0, false,
	    STARTER_TEXT_MAX + STARTER_LINE_MAX },
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static uint32_t
choices_of(uint32_t verb)
{
	return verb == STARTER_OPEN ? starter_n_files :
	    verb == STARTER_TELL ? starter_n_words : verbs[verb].choices;
}

/* n: the bytes behind the head. */
static bool
has_shape(const struct received *in, size_t n)
{
	const struct starter_request *q = &in->q;

	return q->verb < N_VERBS && verbs[q->verb].act != NULL &&
	    q->what < choices_of(q->verb) &&
	    q->n_numbers <= verbs[q->verb].numbers &&
	    q->n_text <= verbs[q->verb].text &&
	    n == q->n_numbers * sizeof(int32_t) + q->n_text &&
	    in->n_fds == (verbs[q->verb].fds ? q->n_numbers : 0);
}

/* Takes the descriptors of a message; false if there were more than can be. */
static bool
take_fds(struct msghdr *m, struct received *in)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(m);

	/* The kernel makes one of however many were sent. */
	if (h != NULL && h->cmsg_level == SOL_SOCKET &&
	    h->cmsg_type == SCM_RIGHTS) {
		in->n_fds = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(in->fds, CMSG_DATA(h), in->n_fds * sizeof(int));
	}
	return (m->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0;
}

_Static_assert(PLACES_PATH_SIZE == STARTER_TEXT_MAX, "both are a path");

union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(PROCESS_FDS_MAX * sizeof(int))];
};

static bool
reply(int fd, const struct answer *out)
{
	union {
		const char *in;
		void *out;
	} text = { out->text };
	struct starter_reply head = out->reply;
	struct iovec parts[2] = { { &head, sizeof(head) },
	    { text.out, head.n_text } };
	union control c;
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	if (out->fd >= 0) {
		memset(&c, 0, sizeof(c));
		m.msg_control = &c;
		m.msg_controllen = CMSG_SPACE(sizeof(int));
		c.head.cmsg_level = SOL_SOCKET;
		c.head.cmsg_type = SCM_RIGHTS;
		c.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&c.head), &out->fd, sizeof(int));
	}
	/* One who asks listens: else he does not hold this process up. */
	do {
		n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n >= 0;
}

bool
starter_serve(int fd, const struct starter *s, int gate)
{
	static union {
		int32_t numbers[STARTER_NUMBERS_MAX + (STARTER_TEXT_MAX +
		    STARTER_LINE_MAX) / sizeof(int32_t)];
		char bytes[1];
	} rest;
	struct received in = { .s = s, .gate = gate };
	struct answer out = { .fd = -1 };
	struct iovec parts[2] = { { &in.q, sizeof(in.q) },
	    { &rest, sizeof(rest) } };
	union control c;
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2,
	    .msg_control = &c, .msg_controllen = sizeof(c) };
	bool whole, ok;
	ssize_t n;

	do {
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	whole = take_fds(&m, &in) && (size_t)n >= sizeof(in.q);
	in.numbers = rest.numbers;
	if (whole && has_shape(&in, (size_t)n - sizeof(in.q))) {
		in.text = rest.bytes + in.q.n_numbers * sizeof(int32_t);
		verbs[in.q.verb].act(&in, &out);
	} else {
		out.reply.r = ERR_PROTOCOL;
	}
	while (in.n_fds > 0)
		(void)close(in.fds[--in.n_fds]);
	ok = reply(fd, &out);
	if (out.fd >= 0)
		(void)close(out.fd);
	return ok;
}
