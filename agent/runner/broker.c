/*
 * broker.c - services, for a `repair` that may not talk to their manager.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * What comes from the payload is hostile: it chooses among what the plan
 * declares, and no byte of it reaches a command line.
 */
#include "agent/runner/broker.h"

#include "common/unitpaths.h"
#include "platform/believed.h"
#include "platform/messages.h"
#include "platform/pipes.h"
#include "platform/steward.h"

#include <signal.h>
#include <string.h>

static const struct {
	const char *word;
	uint32_t bit;
} verbs[] = {
	{ "start", PLAN_VERB_START }, { "stop", PLAN_VERB_STOP },
	{ "restart", PLAN_VERB_RESTART }, { "reload", PLAN_VERB_RELOAD },
	{ "status", PLAN_VERB_STATUS },
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* ---- requests ------------------------------------------------------------ */

static struct bytes
cut(struct bytes *rest, char c)
{
	const uint8_t *end = rest->n > 0 ? memchr(rest->p, c, rest->n) : NULL;
	struct bytes part = *rest;

	if (end != NULL)
		part.n = (size_t)(end - rest->p);
	rest->p += part.n + (end != NULL);
	rest->n -= part.n + (end != NULL);
	return part;
}

static uint32_t
bit_of(const char *verb)
{
	size_t k;

	for (k = 0; k < VERBS; k++)
		if (strcmp(verbs[k].word, verb) == 0)
			return verbs[k].bit;
	return 0;
}

static bool
take_id(struct bytes id, char ret_id[24])
{
	size_t i;

	if (id.n < 1 || id.n > 20)
		return false;
	for (i = 0; i < id.n; i++)
		if (id.p[i] < '0' || id.p[i] > '9')
			return false;
	memcpy(ret_id, id.p, id.n);
	ret_id[id.n] = '\0';
	return true;
}

int
broker_permits(const struct plan *p, struct bytes request, char ret_id[24],
    const char **ret_verb)
{
	struct bytes id = cut(&request, ' '), verb = cut(&request, ' ');
	size_t i, k;

	ret_id[0] = '\0';
	if (!take_id(id, ret_id))
		return -1;
	for (k = 0; k < VERBS && !bytes_is(verb, verbs[k].word); k++)
		;
	if (k == VERBS)
		return -1;
	for (i = 0; i < p->n_services; i++)
		if (bytes_is(request, p->services[i].unit) &&
		    (p->services[i].verbs & verbs[k].bit) != 0) {
			*ret_verb = verbs[k].word;
			return (int)i;
		}
	return -1;
}

/* ---- answers ------------------------------------------------------------- */

static void
become_idle(struct broker *b)
{
	b->step = BROKER_IDLE;
	b->gave_up = false;
	pipes_close(&b->output);
	buf_free(&b->text);
	b->helper.fds[0] = b->socket;
	b->helper.fds[1] = -1;
}

/* A payload that takes no answers gets none. */
static void
answer(struct broker *b, int code, struct bytes text)
{
	struct buf m;

	buf_init(&m, BROKER_ANSWER_MAX + 64);
	buf_printf(&m, "%s %d\n", b->id[0] != '\0' ? b->id : "0", code);
	buf_put_bytes(&m, bytes_of(text.p, text.n > BROKER_ANSWER_MAX ?
	    BROKER_ANSWER_MAX : text.n));
	if (buf_error(&m) == 0)
		(void)!messages_put(b->socket, buf_bytes(&m));
	buf_free(&m);
	become_idle(b);
}

/* As much as fits of what it said; a cut is shown. */
static void
answer_said(struct broker *b, int code)
{
	struct bytes said = { b->text.p, b->text.n };

	answer(b, code, said);
}

static void
refuse(struct broker *b, const char *why)
{
	b->refused++;
	answer(b, BROKER_REFUSED, bytes_str(why));
}

/* ---- the manager's program ----------------------------------------------- */

static int
start(struct broker *b, const struct manager_command *c, enum broker_step step)
{
	struct process_fd map[2] = { { 1, -1 }, { 2, -1 } };
	struct process_spec spec = {
		.exec_fd = -1,
		.path = b->manager.program,
		.argv = c->argv,
		.envp = manager_environment,
		.fds = map,
		.n_fds = 2,
		.new_session = true,
	};
	int fds[2], r;

	pipes_close(&b->output);
	buf_free(&b->text);
	if ((r = messages_pipe(fds)) != 0)
		return r;
	map[0].parent = map[1].parent = fds[1];
	r = process_start(&spec, NULL, &b->child);
	pipes_close(&fds[1]);
	if (r == 0)
		r = clock_timer_set(b->timer, clock_boot_ms() + BROKER_MS);
	if (r != 0) {
		pipes_close(&fds[0]);
		return r;
	}
	buf_init(&b->text, step == BROKER_LOOKING ? UNITPATHS_TEXT_MAX :
	    2 * BROKER_ANSWER_MAX);
	b->output = fds[0];
	b->step = step;
	/* One request at a time: the others wait in the socket. */
	b->helper.fds[0] = b->timer;
	b->helper.fds[1] = b->output;
	return 0;
}

/*
 * A script starts the service itself: below us that would end with the action.
 * So it is run elsewhere (steward.h).
 */
static void
hand_over(struct broker *b)
{
	if (b->steward < 0 ||
	    clock_timer_set(b->timer, clock_boot_ms() + BROKER_MS) != 0 ||
	    steward_put(b->steward, b->service, b->verb_bit) != 0) {
		answer(b, BROKER_UNAVAILABLE,
		    bytes_str("services cannot be started from here\n"));
		return;
	}
	buf_init(&b->text, 2 * BROKER_ANSWER_MAX);
	b->step = BROKER_AWAITING;
	b->helper.fds[0] = b->timer;
	b->helper.fds[1] = b->steward;
}

static void
act(struct broker *b)
{
	struct manager_command c;

	if (b->manager.kind != MANAGER_SYSTEMD) {
		hand_over(b);
		return;
	}
	if (manager_act(&b->manager, b->verb, b->unit, &c) != 0 ||
	    start(b, &c, BROKER_ACTING) != 0)
		answer(b, BROKER_UNAVAILABLE,
		    bytes_str("the service manager cannot be run\n"));
}

/*
 * Who may write what a service runs must not start it: that was looked at when
 * the card came, and is again now. NULL, or why not.
 */
static const char *
examine(const struct broker *b, bool ended_well)
{
	struct bytes text = buf_bytes(&b->text), path;
	struct unitpaths u;
	size_t i;

	if (!ended_well || buf_error(&b->text) != 0 ||
	    unitpaths_read(text, &u) != 0)
		return "what the unit is made of cannot be looked up\n";
	if (!bytes_is(u.id, b->unit))
		return "another name of another unit\n";
	if (strcmp(b->verb, "status") == 0)
		return NULL;
	for (i = 0; i < b->plan->n_roots; i++)
		if (unitpaths_find(text, bytes_str(b->plan->roots[i]), &path) ||
		    believed_shown(text, b->plan->roots[i]))
			return "it runs or reads what this action may write: "
			    "that needs profile full\n";
	return NULL;
}

/* Only systemd says what a unit is made of. */
static void
begin(struct broker *b)
{
	struct manager_command c;

	if (b->manager.kind == MANAGER_NONE)
		answer(b, BROKER_UNAVAILABLE,
		    bytes_str("this machine has no service manager\n"));
	else if (b->manager.kind == MANAGER_SYSTEMD) {
		if (manager_show(&b->manager, b->unit, &c) != 0 ||
		    start(b, &c, BROKER_LOOKING) != 0)
			answer(b, BROKER_UNAVAILABLE,
			    bytes_str("systemctl cannot be run\n"));
	} else if (b->plan->n_roots > 0 && strcmp(b->verb, "status") != 0)
		refuse(b, "what it runs cannot be looked up here, and this "
		    "action may write: that needs profile full\n");
	else
		act(b);
}

static void
take_request(struct broker *b)
{
	uint8_t m[BROKER_REQUEST_MAX];
	size_t n = 0;
	int r = messages_get(b->socket, m, sizeof(m), &n), i;

	if (r == ERR_AGAIN)
		return;
	if (r != 0) {
		/* All of the payload has closed it. */
		b->helper.fds[0] = -1;
		return;
	}
	i = broker_permits(b->plan, bytes_of(m, n), b->id, &b->verb);
	if (i < 0) {
		refuse(b, "not part of the approved action\n");
		return;
	}
	b->service = (uint32_t)i;
	b->verb_bit = bit_of(b->verb);
	b->unit = b->plan->services[i].unit;
	begin(b);
}

/* Takes what it says; false once there is no more. */
static bool
drain(struct broker *b)
{
	uint8_t block[4096];
	size_t n = 0;
	int r;

	while ((r = messages_get(b->output, block, sizeof(block), &n)) == 0)
		if (buf_error(&b->text) == 0)
			buf_put_bytes(&b->text, bytes_of(block, n));
	return r == ERR_AGAIN;
}

static bool
is_late(const struct broker *b)
{
	uint64_t times;
	size_t n;

	return messages_get(b->timer, (uint8_t *)&times, sizeof(times),
	    &n) == 0;
}

/* What the script came to. */
static void
take_answer(struct broker *b)
{
	int code = 0, r = steward_get(b->steward, &b->text, &code);

	if (r == ERR_AGAIN)
		return;
	if (r != 0) {
		pipes_close(&b->steward);
		answer(b, BROKER_UNAVAILABLE,
		    bytes_str("what runs service scripts has gone\n"));
	} else if (b->gave_up) {
		answer(b, BROKER_TOO_LONG, bytes_str("it took too long\n"));
	} else if (code < 0) {
		answer(b, BROKER_UNAVAILABLE,
		    bytes_str("the service manager cannot be run\n"));
	} else {
		b->done++;
		answer_said(b, code);
	}
}

static void
on_ready(void *arg)
{
	struct broker *b = arg;

	if (b->step == BROKER_IDLE) {
		take_request(b);
		return;
	}
	if (b->step == BROKER_AWAITING) {
		if (!b->gave_up && is_late(b)) {
			b->gave_up = true;
			b->helper.fds[0] = -1;
			(void)!steward_put(b->steward, 0, 0);
		}
		take_answer(b);
		return;
	}
	if (b->output >= 0 && !drain(b)) {
		pipes_close(&b->output);
		b->helper.fds[1] = -1;
	}
	if (!b->gave_up && is_late(b)) {
		b->gave_up = true;
		b->helper.fds[0] = -1;
		(void)process_kill(&b->child, SIGKILL);
	}
}

static bool
on_ended(void *arg, int pid, int status)
{
	struct broker *b = arg;
	const int sig = status & 0x7f, code = sig != 0 ? 128 + sig :
	    status >> 8 & 0xff;
	const char *why;

	if (pid != b->child.pid)
		return false;
	/* What it has left running may hold the pipe: not waited for. */
	if (b->output >= 0)
		(void)drain(b);
	pipes_close(&b->child.pidfd);
	b->child = (struct process){ 0, -1 };
	if (b->gave_up) {
		answer(b, BROKER_TOO_LONG, bytes_str("it took too long\n"));
	} else if (b->step == BROKER_ACTING) {
		b->done++;
		answer_said(b, code);
	} else if ((why = examine(b, code == 0)) != NULL) {
		refuse(b, why);
	} else {
		act(b);
	}
	return true;
}

/* ---- life ---------------------------------------------------------------- */

int
broker_open_with(struct broker *b, const struct plan *p,
    const struct manager *m)
{
	int fds[2], r;

	memset(b, 0, sizeof(*b));
	b->plan = p;
	b->manager = *m;
	b->child = (struct process){ 0, -1 };
	b->steward = -1;
	b->socket = b->timer = b->output = b->helper.payload_fd = -1;
	b->helper.fds[0] = b->helper.fds[1] = -1;
	if ((r = clock_timer_open(&b->timer)) != 0)
		return r;
	if ((r = messages_pair(fds)) != 0) {
		broker_close(b);
		return r;
	}
	b->socket = fds[0];
	b->helper.payload_fd = fds[1];
	b->helper.ready = on_ready;
	b->helper.ended = on_ended;
	b->helper.arg = b;
	become_idle(b);
	return 0;
}

int
broker_open(struct broker *b, const struct plan *p)
{
	struct manager m;
	int r;

	manager_find(&m);
	r = broker_open_with(b, p, &m);
	if (r == 0 && pipes_is_open(PLAN_FD_STEWARD))
		b->steward = PLAN_FD_STEWARD;
	return r;
}

void
broker_finish(struct broker *b, unsigned within_ms)
{
	struct steward_report report;

	if (steward_finish(&b->steward, within_ms, &report) == 0) {
		b->left = report.left;
		b->ended = report.ended;
	}
}

void
broker_close(struct broker *b)
{
	pipes_close(&b->socket);
	pipes_close(&b->steward);
	pipes_close(&b->helper.payload_fd);
	pipes_close(&b->output);
	pipes_close(&b->child.pidfd);
	clock_timer_close(&b->timer);
	buf_free(&b->text);
}
