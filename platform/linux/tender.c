/*
 * tender.c - runs service scripts for one run of an action.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner (as the steward's child; and as who asks it).
 *
 * While it lives, orphans of its scripts are its children: so it knows what
 * they have started. When it ends these become init's.
 *
 * Messages: to it, two bytes: the service's index and the verb's bit. From it,
 * the kind and then: of an answer, the exit code (int32) and what was said; of
 * the report, two numbers (uint32). Little-endian.
 */
#include "platform/linux/tender.h"

#include "platform/clock.h"
#include "platform/linux/tree.h"
#include "platform/manager.h"
#include "platform/messages.h"
#include "platform/process.h"
#include "platform/steward.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KIND_ANSWER 1
#define KIND_REPORT 2
/* How long ending a script's processes may take. */
#define END_MS 500
/* Daemons that are spared then. */
#define SPARED_MAX 1024

struct tender {
	struct plan plan;
	struct manager manager;
	int socket;
	int signals;
	struct process script;	/* pid 0: none runs */
	int output;		/* of it, -1 none */
	int writer;		/* its own end, held here too */
	struct buf text;
	uint32_t ended;
};

/* ---- whoever asks -------------------------------------------------------- */

int
steward_put(int fd, uint32_t service, uint32_t verb)
{
	const uint8_t m[2] = { (uint8_t)service, (uint8_t)verb };

	if (service > UINT8_MAX || verb > UINT8_MAX)
		return ERR_USAGE;
	return send(fd, m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)sizeof(m) ? 0 : ERR_IO;
}

/* One message of it, without waiting. */
static int
take(int fd, uint8_t *ret_m, size_t size, struct bytes *ret_body)
{
	ssize_t n;

	do {
		n = recv(fd, ret_m, size, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? ERR_AGAIN : ERR_CLOSED;
	if (n == 0)
		return ERR_CLOSED;
	*ret_body = bytes_of(ret_m, (size_t)n);
	return 0;
}

int
steward_get(int fd, struct buf *ret_text, int *ret_code)
{
	uint8_t m[STEWARD_TEXT_MAX + 16];
	struct bytes body = { NULL, 0 };
	struct reader in;
	uint32_t code;
	int r = take(fd, m, sizeof(m), &body);

	if (r != 0)
		return r;
	reader_init(&in, body);
	if (body.n < 5 || reader_u8(&in) != KIND_ANSWER)
		return ERR_IO;
	code = reader_u32le(&in);
	buf_put_bytes(ret_text, in.rest);
	*ret_code = (int)(int32_t)code;
	return buf_error(ret_text);
}

/* The report, past answers that nobody waited for. */
static int
await_report(int fd, unsigned within_ms, struct steward_report *ret_report)
{
	uint64_t until = clock_boot_ms() + within_ms, now;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t m[STEWARD_TEXT_MAX + 16];
	struct steward_report report;
	struct bytes body = { NULL, 0 };
	struct reader in;
	int r;

	while ((r = take(fd, m, sizeof(m), &body)) == 0 || r == ERR_AGAIN) {
		if (r == ERR_AGAIN) {
			if ((now = clock_boot_ms()) >= until)
				break;
			(void)poll(&p, 1, (int)(until - now));
			continue;
		}
		reader_init(&in, body);
		if (reader_u8(&in) != KIND_REPORT)
			continue;
		report.left = reader_u32le(&in);
		report.ended = reader_u32le(&in);
		if (reader_end(&in) != 0)
			return ERR_IO;
		*ret_report = report;
		return 0;
	}
	return r;
}

int
steward_finish(int *fd, unsigned within_ms, struct steward_report *ret_report)
{
	int r = ERR_CLOSED;

	if (*fd >= 0) {
		if (shutdown(*fd, SHUT_WR) == 0)
			r = await_report(*fd, within_ms, ret_report);
		(void)close(*fd);
	}
	*fd = -1;
	return r;
}

/* ---- answers ------------------------------------------------------------- */

/* Whoever does not take it is gone. */
static void
tell(const struct tender *t, const struct buf *m)
{
	if (buf_error(m) == 0)
		(void)!send(t->socket, m->p, m->n, MSG_NOSIGNAL);
}

static void
answer(const struct tender *t, int code, struct bytes text)
{
	struct buf m;

	buf_init(&m, STEWARD_TEXT_MAX + 16);
	buf_put_u8(&m, KIND_ANSWER);
	buf_put_u32le(&m, (uint32_t)code);
	buf_put_bytes(&m, bytes_of(text.p, text.n > STEWARD_TEXT_MAX ?
	    STEWARD_TEXT_MAX : text.n));
	tell(t, &m);
	buf_free(&m);
}

/* ---- a script ------------------------------------------------------------ */

/*
 * A pipe that whoever has only its writing end can read as well: so a daemon
 * that goes on writing to it when we no longer read gets no signal for that.
 */
static int
open_output(struct tender *t)
{
	char path[32];
	int fds[2], both;

	if (messages_pipe(fds) != 0)
		return ERR_IO;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[1]);
	if ((both = open(path, O_RDWR | O_CLOEXEC)) >= 0) {
		(void)close(fds[1]);
		fds[1] = both;
	}
	t->output = fds[0];
	t->writer = fds[1];
	return 0;
}

/* Takes what it has said. */
static void
drain(struct tender *t)
{
	uint8_t block[4096];
	size_t n = 0;

	while (t->output >= 0 &&
	    messages_get(t->output, block, sizeof(block), &n) == 0)
		if (buf_error(&t->text) == 0)
			buf_put_bytes(&t->text, bytes_of(block, n));
}

static void
close_output(struct tender *t)
{
	drain(t);
	/* It is its daemons' too: full, it gives an error and blocks nobody. */
	if (t->writer >= 0) {
		(void)fcntl(t->writer, F_SETFL, O_NONBLOCK);
		(void)close(t->writer);
	}
	if (t->output >= 0)
		(void)close(t->output);
	t->output = t->writer = -1;
}

static void
end_output(struct tender *t, int code)
{
	close_output(t);
	/* As much as fits of what it said. */
	answer(t, code, (struct bytes){ t->text.p, t->text.n });
	buf_free(&t->text);
}

/* Exactly one verb, which the plan declares for that service; or NULL. */
static const char *
verb_of(const struct plan *p, size_t service, uint32_t verb)
{
	static const char *const words[] = { "start", "stop", "restart",
	    "reload", "status" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (verb == 1u << i && service < p->n_services &&
		    (p->services[service].verbs & verb) != 0)
			return words[i];
	return NULL;
}

_Static_assert(PLAN_VERB_START == 1u << 0 && PLAN_VERB_STOP == 1u << 1 &&
    PLAN_VERB_RESTART == 1u << 2 && PLAN_VERB_RELOAD == 1u << 3 &&
    PLAN_VERB_STATUS == 1u << 4, "in the order of the words");

static void
begin(struct tender *t, size_t service, uint32_t verb)
{
	const char *word = verb_of(&t->plan, service, verb);
	struct process_fd map[2] = { { 1, -1 }, { 2, -1 } };
	struct manager_command c;
	struct process_spec spec = { .exec_fd = -1, .path = t->manager.program,
	    .argv = c.argv, .envp = manager_environment, .fds = map,
	    .n_fds = 2, .new_session = true };

	if (word == NULL || t->script.pid > 0) {
		answer(t, STEWARD_REFUSED, bytes_of(NULL, 0));
		return;
	}
	if (manager_act(&t->manager, word, t->plan.services[service].unit,
	    &c) != 0 || open_output(t) != 0) {
		answer(t, STEWARD_FAILED, bytes_of(NULL, 0));
		return;
	}
	buf_init(&t->text, 2 * STEWARD_TEXT_MAX);
	map[0].parent = map[1].parent = t->writer;
	if (process_start(&spec, NULL, &t->script) != 0)
		end_output(t, STEWARD_FAILED);
}

static void
on_end(struct tender *t, int status)
{
	if (t->script.pidfd >= 0)
		(void)close(t->script.pidfd);
	t->script = (struct process){ 0, -1 };
	end_output(t, WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status));
}

/* Whoever is our child and has left the script's session: daemons. */
static size_t
find_daemons(const struct tender *t, int *ret_pids, size_t n)
{
	struct tree all = { NULL, 0, 0 };
	size_t i, have = 0;

	if (tree_read(&all) != 0)
		return 0;
	for (i = 0; i < all.n && have < n; i++)
		if (all.p[i].parent == getpid() &&
		    all.p[i].pid != t->script.pid &&
		    getsid(all.p[i].pid) != t->script.pid)
			ret_pids[have++] = all.p[i].pid;
	tree_free(&all);
	return have;
}

/* Ends the script that runs, if any. */
static void
end_script(struct tender *t)
{
	int spared[SPARED_MAX];
	uint32_t killed = 0;
	size_t n;

	if (t->script.pid <= 0)
		return;
	/* It starts no more; what it has started goes with it. */
	(void)process_kill(&t->script, SIGSTOP);
	n = find_daemons(t, spared, SPARED_MAX);
	(void)process_kill_children(spared, n, END_MS, &killed);
	t->ended += killed;
	on_end(t, SIGKILL);
}

/* ---- the loop ------------------------------------------------------------ */

static void
reap(struct tender *t)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(t->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == t->script.pid)
			on_end(t, status);
}

/* False: the other end is shut. */
static bool
take_request(struct tender *t)
{
	uint8_t m[4];
	struct bytes body;
	int r = take(t->socket, m, sizeof(m), &body);

	if (r != 0)
		return r == ERR_AGAIN;
	if (body.n != 2)
		return false;
	if (m[1] == 0)
		end_script(t);
	else
		begin(t, m[0], m[1]);
	return true;
}

static void
serve(struct tender *t)
{
	struct pollfd fds[3] = {
		{ .fd = t->socket, .events = POLLIN },
		{ .fd = t->signals, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};

	for (;;) {
		fds[2].fd = t->output;
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return;
		if (fds[2].revents != 0)
			drain(t);
		if (fds[1].revents != 0)
			reap(t);
		if (fds[0].revents != 0 && !take_request(t))
			return;
	}
}

static void
report(const struct tender *t)
{
	struct tree all = { NULL, 0, 0 };
	struct buf m;
	size_t left = 0;

	if (tree_read(&all) == 0)
		left = tree_mark(&all, getpid(), NULL, 0);
	tree_free(&all);
	buf_init(&m, 16);
	buf_put_u8(&m, KIND_REPORT);
	buf_put_u32le(&m, (uint32_t)left);
	buf_put_u32le(&m, t->ended);
	tell(t, &m);
	buf_free(&m);
}

/* The file is the runner's too, which reads from its own place in it. */
static int
read_plan(int fd, struct buf *b)
{
	uint8_t block[4096];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, block, sizeof(block), at)) > 0) {
		buf_put_bytes(b, bytes_of(block, (size_t)n));
		at += n;
	}
	return n < 0 ? ERR_IO : buf_error(b);
}

static int
open_signals(void)
{
	sigset_t child;

	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return -1;
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &child, NULL) != 0)
		return -1;
	return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
tender_serve(int plan_fd, int socket)
{
	struct tender t = { .socket = socket, .script = { 0, -1 },
	    .output = -1, .writer = -1 };
	struct buf bytes;
	int r;

	buf_init(&bytes, PLAN_SIZE_MAX);
	r = read_plan(plan_fd, &bytes);
	if (r == 0)
		r = plan_decode(buf_bytes(&bytes), &t.plan);
	if (r == 0 && (t.plan.flags & PLAN_FLAG_SERVICES) == 0)
		r = ERR_USAGE;
	if (r == 0)
		r = process_adopt_orphans();
	if (r == 0 && (t.signals = open_signals()) < 0)
		r = ERR_IO;
	if (r == 0) {
		manager_find(&t.manager);
		serve(&t);
		end_script(&t);
		report(&t);
	}
	buf_free(&bytes);
	return r != 0;
}
