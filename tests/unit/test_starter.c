/*
 * test_starter.c - the starter, asked by whoever has taken over its gate.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * One process is both: a message is put in at one end, and served at the other.
 */
#include "platform/linux/starter.h"
#include "platform/observers.h"
#include "platform/pipes.h"
#include "platform/privileges.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define NO_GATE 1	/* a pid that is none of ours */

struct place {
	int mouth, ears;
	struct starter s;
};

static struct place
place(void)
{
	struct place p = { .s = { .courier_user = "nobody" } };
	int pair[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair),
	    0);
	p.mouth = pair[0];
	p.ears = pair[1];
	/* In place of both programs: tells its arguments. */
	p.s.courier_fd = p.s.runner_fd = open("/bin/echo",
	    O_RDONLY | O_CLOEXEC);
	CHECK(p.s.runner_fd >= 0);
	return p;
}

/* Any bytes with any descriptors. */
static void
put(const struct place *p, const void *bytes, size_t n, const int *fds,
    size_t n_fds)
{
	union {
		const void *in;
		void *out;
	} u = { bytes };
	struct iovec part = { u.out, n };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} c;
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	memset(&c, 0, sizeof(c));
	if (n_fds > 0) {
		m.msg_control = &c;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c.head.cmsg_level = SOL_SOCKET;
		c.head.cmsg_type = SCM_RIGHTS;
		c.head.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&c.head), fds, n_fds * sizeof(int));
	}
	CHECK_INT(sendmsg(p->mouth, &m, 0), (ssize_t)n);
}

/* What is said to it; *ret_fd (may be NULL) what came along. */
static struct starter_reply
answer(const struct place *p, int *ret_fd)
{
	static char text[STARTER_TEXT_MAX];
	struct starter_reply reply = { .r = 1 };
	struct iovec parts[2] = { { &reply, sizeof(reply) },
	    { text, sizeof(text) } };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} c;
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2,
	    .msg_control = &c, .msg_controllen = sizeof(c) };
	struct cmsghdr *h;
	int fd = -1;

	CHECK(starter_serve(p->ears, &p->s, NO_GATE));
	CHECK(recvmsg(p->mouth, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) >=
	    (ssize_t)sizeof(reply));
	if ((h = CMSG_FIRSTHDR(&m)) != NULL)
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	if (ret_fd != NULL)
		*ret_fd = fd;
	else if (fd >= 0)
		(void)close(fd);
	return reply;
}

struct message {
	struct starter_request q;
	char rest[8192];
};

static struct starter_reply
ask(const struct place *p, struct starter_request q, const int32_t *numbers,
    const char *text, const int *fds, int *ret_fd)
{
	static struct message m;
	size_t n = q.n_numbers * sizeof(int32_t);

	m.q = q;
	if (n > 0)
		memcpy(m.rest, numbers, n);
	if (q.n_text > 0)
		memcpy(m.rest + n, text, q.n_text);
	put(p, &m, sizeof(m.q) + n + q.n_text, fds, fds != NULL ?
	    q.n_numbers : 0);
	return answer(p, ret_fd);
}

static int
count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Runs that role with its output in a pipe: what it printed, or NULL. */
static const char *
start(const struct place *p, uint32_t role, int32_t number, const char *args,
    size_t n_args)
{
	static char out[256];
	struct starter_request q = { .verb = STARTER_START, .what = role,
	    .n_numbers = 1, .n_text = (uint32_t)n_args };
	struct starter_reply r;
	struct process child;
	int fds[2], before = count_fds(), pidfd;
	ssize_t n;

	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	r = ask(p, q, &number, args, &fds[1], &pidfd);
	(void)close(fds[1]);
	child = (struct process){ r.pid, pidfd };
	n = read(fds[0], out, sizeof(out) - 1);
	(void)close(fds[0]);
	if (r.r == 0)
		CHECK_INT(process_wait_end(&child, NULL), 0);
	CHECK_INT(count_fds(), before);
	out[n > 0 ? n : 0] = '\0';
	CHECK(r.r == 0 || n == 0);
	return r.r == 0 ? out : NULL;
}

/* ---- starting ------------------------------------------------------------ */

TEST(only_the_three_programs_and_only_so)
{
	struct place p = place();
	struct identity id;
	char args[64];
	int n;

	CHECK_STR(start(&p, PROCESS_RUNNER, 1, "", 0), "\n");
	CHECK_STR(start(&p, PROCESS_PROBE, 1, "", 0), "--probe\n");
	CHECK_STR(start(&p, PROCESS_SHOW, 1, "a-b@c.service", 14),
	    "--show a-b@c.service\n");
	if (privileges_find_user(observers_name(0), &id) != 0)
		return;
	n = snprintf(args, sizeof(args), "%u%c%u", id.uid, 0, id.gid);
	CHECK(n > 0 && start(&p, PROCESS_PROBE, 1, args, (size_t)n + 1) !=
	    NULL);
}

TEST(no_other_role_argument_or_number)
{
	static const struct {
		uint32_t role;
		int32_t number;
		const char *args;
		size_t n;
	} rows[] = {
		{ PROCESS_NONE, 1, "", 0 },
		{ PROCESS_SHOW + 1, 1, "", 0 },
		{ UINT32_MAX, 1, "", 0 },
		/* arguments that none has, too many, without an end */
		{ PROCESS_RUNNER, 1, "--probe", 8 },
		{ PROCESS_RUNNER, 1, "", 1 },
		{ PROCESS_COURIER, 2, "--user\0root", 12 },
		{ PROCESS_PROBE, 1, "1\0" "2\0" "3", 6 },
		{ PROCESS_PROBE, 1, "1", 2 },
		{ PROCESS_PROBE, 1, "1\0" "2", 3 },
		/* nobody who only looks */
		{ PROCESS_PROBE, 1, "0\0" "0", 4 },
		{ PROCESS_PROBE, 1, "1\0" "1", 4 },
		{ PROCESS_PROBE, 1, "-1\0" "-1", 6 },
		{ PROCESS_PROBE, 1, "+1\0" " 1", 6 },
		{ PROCESS_PROBE, 1, "99999999999\0" "1", 14 },
		/* units that are none */
		{ PROCESS_SHOW, 1, "", 0 },
		{ PROCESS_SHOW, 1, "", 1 },
		{ PROCESS_SHOW, 1, "--host=evil", 12 },
		{ PROCESS_SHOW, 1, "/etc/x.service", 15 },
		{ PROCESS_SHOW, 1, "a b", 4 },
		{ PROCESS_SHOW, 1, "a\0b", 4 },
		{ PROCESS_SHOW, 1, "a;b", 4 },
		/* numbers of descriptors that are not theirs */
		{ PROCESS_RUNNER, 0, "", 0 },
		{ PROCESS_RUNNER, 9, "", 0 },
		{ PROCESS_RUNNER, 63, "", 0 },
		{ PROCESS_RUNNER, 64, "", 0 },
		{ PROCESS_RUNNER, -1, "", 0 },
		{ PROCESS_RUNNER, INT32_MIN, "", 0 },
		{ PROCESS_COURIER, 1, "", 0 },
		{ PROCESS_PROBE, 2, "", 0 },
	};
	struct place p = place();
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_MSG(start(&p, rows[i].role, rows[i].number, rows[i].args,
		    rows[i].n) == NULL, "row %zu", i);
	/* It has started nothing. */
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
	CHECK_STR(start(&p, PROCESS_RUNNER, 1, "", 0), "\n");
}

TEST(a_number_twice)
{
	const struct starter_request q = { .verb = STARTER_START,
	    .what = PROCESS_RUNNER, .n_numbers = 2 };
	const int32_t numbers[2] = { 1, 1 };
	const int fds[2] = { 0, 0 };
	struct place p = place();

	CHECK(ask(&p, q, numbers, NULL, fds, NULL).r < 0);
}

/* ---- garbage ------------------------------------------------------------- */

TEST(wrong_sizes)
{
	const struct starter_request q = { .verb = STARTER_WAIT, .value = 1 };
	struct place p = place();
	struct message m = { .q = q };
	size_t n;

	for (n = 1; n < sizeof(q) + 64; n++) {
		put(&p, &m, n, NULL, 0);
		CHECK_INT(answer(&p, NULL).r, n == sizeof(q) ? ERR_NOT_FOUND :
		    ERR_PROTOCOL);
	}
	put(&p, &m, sizeof(m), NULL, 0);
	CHECK_INT(answer(&p, NULL).r, ERR_PROTOCOL);
}

TEST(lengths_that_lie)
{
	static const struct starter_request rows[] = {
		{ .verb = STARTER_REAP, .n_numbers = 1 },
		{ .verb = STARTER_REAP, .n_numbers = UINT32_MAX },
		/* 2^30 numbers are no bytes in 32 bits */
		{ .verb = STARTER_REAP, .n_numbers = 1u << 30 },
		{ .verb = STARTER_KILL, .n_numbers = STARTER_NUMBERS_MAX + 1 },
		{ .verb = STARTER_PROGRAM, .n_text = 100 },
		{ .verb = STARTER_PROGRAM, .n_text = UINT32_MAX },
		{ .verb = STARTER_PROGRAM, .n_text = STARTER_TEXT_MAX + 1 },
		{ .verb = STARTER_START, .what = PROCESS_RUNNER,
		    .n_numbers = 1 },
	};
	struct place p = place();
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(&p, &rows[i], sizeof(rows[i]), NULL, 0);
		CHECK_INT(answer(&p, NULL).r, ERR_PROTOCOL);
	}
}

TEST(unknown_verbs_and_choices)
{
	static const struct starter_request rows[] = {
		{ .verb = 0 }, { .verb = STARTER_BELIEVED + 1 },
		{ .verb = UINT32_MAX },
		{ .verb = STARTER_OPEN, .what = 7 },
		{ .verb = STARTER_OPEN, .what = UINT32_MAX },
		{ .verb = STARTER_TELL, .what = 3 },
		{ .verb = STARTER_TELL, .what = UINT32_MAX },
		{ .verb = STARTER_WAIT, .what = 2 },
		{ .verb = STARTER_SWEEP, .what = 1 },
		{ .verb = STARTER_BELIEVED, .what = 3 },
		{ .verb = STARTER_BELIEVED },
		{ .verb = STARTER_PROGRAM, .what = 2 },
	};
	struct place p = place();
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(&p, &rows[i], sizeof(rows[i]), NULL, 0);
		CHECK_INT(answer(&p, NULL).r, ERR_PROTOCOL);
	}
}

TEST(too_few_and_too_many_descriptors)
{
	const struct starter_request bare = { .verb = STARTER_WAIT };
	struct place p = place();
	struct message m = { .q = { .verb = STARTER_START,
	    .what = PROCESS_RUNNER, .n_numbers = 2 } };
	const int32_t numbers[2] = { 1, 2 };
	int fds[40], before = count_fds();
	size_t i, n = sizeof(m.q) + sizeof(numbers);

	memcpy(m.rest, numbers, sizeof(numbers));
	for (i = 0; i < 40; i++)
		fds[i] = 0;
	for (i = 0; i <= 40; i += i < 4 ? 1 : 12) {
		if (i == 2)
			continue;
		put(&p, &m, n, fds, i);
		CHECK_INT(answer(&p, NULL).r, ERR_PROTOCOL);
		/* And none of them stays. */
		CHECK_INT(count_fds(), before);
	}
	put(&p, &bare, sizeof(bare), fds, 1);
	CHECK_INT(answer(&p, NULL).r, ERR_PROTOCOL);
	CHECK_INT(count_fds(), before);
}

TEST(any_bytes)
{
	struct place p = place();
	uint8_t bytes[256];
	uint32_t seed = 1;
	size_t i, k;

	for (i = 0; i < 20000; i++) {
		for (k = 0; k < sizeof(bytes); k++) {
			seed = seed * 1664525 + 1013904223;
			bytes[k] = (uint8_t)(seed >> 24);
		}
		/* A verb that is one, now and then; not one that kills. */
		if (i % 2 == 0) {
			memset(bytes, 0, sizeof(struct starter_request));
			bytes[0] = (uint8_t)(seed % 8);
			bytes[4] = (uint8_t)(seed >> 8 & 3);
			bytes[12] = (uint8_t)(seed >> 16 & 3);
			bytes[16] = (uint8_t)(seed >> 20 & 31);
		}
		put(&p, bytes, 1 + seed % sizeof(bytes), NULL, 0);
		(void)answer(&p, NULL);
	}
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_STR(start(&p, PROCESS_RUNNER, 1, "", 0), "\n");
}

TEST(nobody_asks_any_more)
{
	struct place p = place();

	(void)close(p.mouth);
	CHECK(!starter_serve(p.ears, &p.s, NO_GATE));
}

TEST(nobody_takes_the_replies)
{
	const struct starter_request q = { .verb = STARTER_WAIT };
	struct place p = place();
	int i;

	for (i = 0; i < 100000; i++) {
		put(&p, &q, sizeof(q), NULL, 0);
		if (!starter_serve(p.ears, &p.s, NO_GATE))
			return;
	}
	CHECK_MSG(0, "it goes on");
}

/* ---- what else it does --------------------------------------------------- */

TEST(only_files_that_everybody_may_know_and_programs)
{
	static const struct {
		const char *path;
		int r;
	} rows[] = {
		{ "/bin/sh", 0 },
		{ "/etc/passwd", ERR_PERMISSION },
		{ "/etc/shadow", ERR_PERMISSION },
		{ "/etc", ERR_PERMISSION },
		{ "/dev/mem", ERR_NOT_FOUND },
		{ "/dev/null", ERR_PERMISSION },
		{ "bin/sh", ERR_USAGE },
		{ "", ERR_USAGE },
	};
	struct starter_request q = { .verb = STARTER_PROGRAM,
	    .what = PROGRAM_OWNER_ROOT };
	struct starter_reply r;
	struct place p = place();
	size_t i;
	int fd;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		q.n_text = (uint32_t)strlen(rows[i].path) + 1;
		r = ask(&p, q, NULL, rows[i].path, NULL, &fd);
		if (rows[i].r == ERR_NOT_FOUND)
			CHECK_MSG(r.r != 0, "%s", rows[i].path);
		else
			CHECK_MSG(r.r == rows[i].r, "%s: %d", rows[i].path,
			    r.r);
		CHECK((fd >= 0) == (r.r == 0));
		if (fd < 0)
			continue;
		CHECK_INT(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		(void)close(fd);
	}
	/* no end */
	q.n_text = 7;
	CHECK_INT(ask(&p, q, NULL, "/bin/sh", NULL, NULL).r, ERR_PROTOCOL);
}

TEST(the_account_files)
{
	struct place p = place();
	struct starter_request q = { .verb = STARTER_OPEN };
	struct stat there, got;
	int fd;

	for (q.what = 0; q.what < 2; q.what++) {
		CHECK_INT(ask(&p, q, NULL, NULL, NULL, &fd).r, 0);
		CHECK_INT(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		CHECK_INT(fstat(fd, &got), 0);
		CHECK_INT(stat(starter_files[q.what].path, &there), 0);
		CHECK(got.st_ino == there.st_ino);
		(void)close(fd);
	}
}

TEST(lines_of_units)
{
	static const struct {
		const char *text;
		uint32_t n;
		int r;
	} rows[] = {
		{ "", 0, ERR_PROTOCOL },
		{ "/no-end", 7, ERR_PROTOCOL },
		{ "\0ExecStart=x", 12, ERR_PROTOCOL },
		{ "etc\0ExecStart=x", 15, ERR_PROTOCOL },
		{ "/no-such\0", 9, ERR_NOT_FOUND },
		{ "/no-such\0ExecStart=/bin/true", 28, ERR_NOT_FOUND },
		{ "/no-such\0FragmentPath=/etc/shadow", 34, ERR_NOT_FOUND },
	};
	struct starter_request q = { .verb = STARTER_BELIEVED, .what = 2 };
	struct place p = place();
	char text[256] = "/no-such";
	uint32_t seed = 1;
	size_t i, k;
	int before = count_fds();

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		q.n_text = rows[i].n;
		CHECK_MSG(ask(&p, q, NULL, rows[i].text, NULL, NULL).r ==
		    rows[i].r, "row %zu", i);
	}
	for (i = 0; i < 2000; i++) {
		memcpy(text + 9, i % 2 == 0 ? "ExecStart=" : "DropInPaths",
		    11);
		for (k = 20; k < sizeof(text); k++) {
			seed = seed * 1664525 + 1013904223;
			text[k] = (char)(seed >> 24);
		}
		q.n_text = 20 + seed % 236;
		CHECK_INT(ask(&p, q, NULL, text, NULL, NULL).r,
		    ERR_NOT_FOUND);
	}
	CHECK_INT(count_fds(), before);
}

TEST(nobody_but_those_who_look_is_swept)
{
	static const uint32_t uids[] = { 0, 1, 65534, UINT32_MAX, 4294967293u };
	struct starter_request q = { .verb = STARTER_SWEEP };
	struct place p = place();
	size_t i;

	for (i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		q.value = uids[i];
		CHECK_INT(ask(&p, q, NULL, NULL, NULL, NULL).r, ERR_USAGE);
	}
}

/* ---- the split ----------------------------------------------------------- */

/* Splits; the gate does that and exits with what it returns. */
static int
as_gate(int (*act)(void))
{
	const struct starter s = { -1, open("/bin/echo", O_RDONLY | O_CLOEXEC),
	    "nobody", 0, NULL, NULL };
	int code = -1, r = starter_split(&s, &code);

	if (r == STARTER_IS_GATE)
		_exit(act());
	CHECK_INT(r, STARTER_IS_OVER);
	CHECK(!starter_is_there());
	return code;
}

static int
exit_7(void)
{
	return starter_is_there() && getpid() != getppid() ? 7 : 1;
}

TEST(ends_with_the_gates_code)
{
	CHECK_INT(as_gate(exit_7), 7);
}

/* As in the executor, only that the children are somebody else's. */
static int
has_a_child(void)
{
	static const char *const argv[] = { "countersign-runner", NULL };
	struct process_fd map[1] = { { 1, -1 } };
	struct process_spec spec = { .role = PROCESS_RUNNER, .exec_fd = -1,
	    .argv = argv, .fds = map, .n_fds = 1 };
	struct process_end end;
	struct process p;
	uint32_t killed = 9;
	int fds[2], error = 0;
	char byte;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return 2;
	map[0].parent = fds[1];
	if (process_start(&spec, &error, &p) != 0)
		return 3;
	if (read(fds[0], &byte, 1) != 1 || byte != '\n')
		return 4;
	if (process_wait_end(&p, &end) != 0 || end.by_signal || end.code != 0)
		return 5;
	if (p.pid != 0 || p.pidfd != -1 || process_wait(&p, NULL) !=
	    ERR_NOT_FOUND)
		return 6;
	/* The gate itself is none of those. */
	if (process_kill_children(NULL, 0, 1000, &killed) != 0 || killed != 0)
		return 7;
	process_reap_orphans(NULL, 0);
	/* What it may not have, it does not get. */
	map[0].child = 0;
	if (process_start(&spec, &error, &p) != ERR_PROTOCOL)
		return 8;
	spec.role = PROCESS_NONE;
	return process_start(&spec, &error, &p) == ERR_PROTOCOL ? 0 : 9;
}

TEST(process_h_holds_in_a_gate)
{
	CHECK_INT(as_gate(has_a_child), 0);
}

/* Each of the two takes the other with it. */
TEST(neither_outlives_the_other)
{
	const struct starter s = { -1, -1, "nobody", 0, NULL, NULL };
	int fds[2], victim, status, code;
	pid_t pid, pids[2];
	char byte;

	for (victim = 0; victim < 2; victim++) {
		CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
		if ((pid = fork()) == 0) {
			if (starter_split(&s, &code) != STARTER_IS_GATE)
				_exit(99);
			pids[0] = getppid();
			pids[1] = getpid();
			(void)!write(fds[1], pids, sizeof(pids));
			for (;;)
				(void)pause();
		}
		(void)close(fds[1]);
		CHECK_INT(read(fds[0], pids, sizeof(pids)), sizeof(pids));
		CHECK_INT(pids[0], pid);
		CHECK_INT(kill(pids[victim], SIGKILL), 0);
		/* Both had the other end of it. */
		CHECK_INT(read(fds[0], &byte, 1), 0);
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		(void)close(fds[0]);
	}
}

TEST_MAIN()
