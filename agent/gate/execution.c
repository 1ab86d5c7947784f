/*
 * execution.c - one run: from the runner's start to the one report of its end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * The run ends when the runner was reaped, what it left is dead and the output
 * is drained; each event that may complete this calls proceed().
 */
#include "agent/gate/execution.h"

#include "platform/clock.h"
#include "platform/pipes.h"
#include "platform/steward.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How soon to look again whether what was killed has died. */
#define RETRY_MS 10

static void proceed(struct execution *e);

/* ---- its memory ---------------------------------------------------------- */

static void
release(struct execution *e)
{
	if (--e->handles > 0)
		return;
	wire_in_fini(&e->status);
	free(e);
}

static void
on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static void
on_source_closed(uv_handle_t *handle)
{
	const struct source *s = handle->data;

	release(s->of);
}

/* Closes everything; the memory goes with the last handle. */
static void
dispose(struct execution *e)
{
	int i;

	pipes_close(&e->control);
	for (i = 0; i < PIPES; i++)
		uv_close((uv_handle_t *)&e->sources[i].pipe,
		    on_source_closed);
	uv_close((uv_handle_t *)&e->timer, on_closed);
	if (e->has_deadline)
		uv_close((uv_handle_t *)&e->deadline, on_closed);
	clock_timer_close(&e->deadline_fd);
}

static void
unlink_from(struct executor *ex, const struct execution *e)
{
	struct execution **p = &ex->first;

	while (*p != NULL && *p != e)
		p = &(*p)->next;
	if (*p != NULL)
		*p = e->next;
}

/* ---- the end ------------------------------------------------------------- */

/* Adds a sentence to the detail. */
PRINTF_LIKE(2, 3) static void
explain(struct execution *e, const char *fmt, ...)
{
	size_t n = strlen(e->detail);
	va_list ap;

	if (n > 0 && n + 3 < sizeof(e->detail)) {
		memcpy(e->detail + n, "; ", 3);
		n += 2;
	}
	va_start(ap, fmt);
	(void)vsnprintf(e->detail + n, sizeof(e->detail) - n, fmt, ap);
	va_end(ap);
}

/* How a run ended that was stopped from here, or NULL. */
static bool
set_stopped(const struct execution *e, struct exec_outcome *o)
{
	if (e->why == STOP_NONE)
		return false;
	o->end = e->why == STOP_DEADLINE ? EXEC_TIMED_OUT : EXEC_KILLED;
	o->reason = e->why == STOP_DEADLINE ? "deadline" : "stopped";
	return true;
}

/* The runner reported the end. */
static void
set_ended(struct execution *e, struct exec_outcome *o)
{
	const struct wire_ended *m = &e->ended;

	o->has_exit_code = m->how == WIRE_HOW_EXIT;
	o->has_signal = m->how == WIRE_HOW_SIGNAL;
	if (o->has_exit_code)
		o->exit_code = m->code;
	else
		o->signal = m->code;
	o->wall_ms = m->wall_us / 1000;
	o->cpu_ms = m->cpu_us / 1000;
	o->max_rss_kb = m->max_rss_kb;
	o->survivors = m->survivors;
	if (m->services_done + m->services_refused > 0)
		explain(e, "service requests: %u done, %u refused",
		    (unsigned)m->services_done, (unsigned)m->services_refused);
	if (m->services_left > 0)
		explain(e, "services left running: %u process%s",
		    (unsigned)m->services_left, m->services_left > 1 ? "es" :
		    "");
	switch (m->why) {
	case WIRE_WHY_ITSELF:
		o->end = EXEC_FINISHED;
		break;
	case WIRE_WHY_STOPPED:
		if (set_stopped(e, o))
			break;
		/* Nobody here closed its control descriptor. */
		o->end = EXEC_KILLED;
		o->reason = "child_violation";
		break;
	case WIRE_WHY_OOM:
		o->end = EXEC_KILLED;
		o->reason = "oom";
		break;
	case WIRE_WHY_PROCESSES:
		o->end = EXEC_KILLED;
		o->reason = "limit";
		break;
	}
}

/* The runner ended without a report that counts. */
static void
set_unreported(struct execution *e, struct exec_outcome *o)
{
	/* What said nothing may have run all the same. */
	o->end = EXEC_KILLED;
	o->wall_ms = clock_boot_ms() - e->started_ms;
	if (e->trouble != NULL) {
		o->end = EXEC_FAILED_TO_START;
		o->reason = "runner_start";
		explain(e, "%s: %s", e->trouble, strerror(e->trouble_errno));
	} else if (e->violation) {
		o->reason = "child_violation";
	} else if (e->has_failed) {
		o->end = EXEC_FAILED_TO_START;
		o->reason = "sandbox_error";
		explain(e, "%s: %s", plan_step_word(e->failed.step),
		    strerror((int)e->failed.sys_errno));
	} else if (!set_stopped(e, o)) {
		o->reason = "runner_died";
	}
}

/* Reports, once, and lets go. */
static void
finish(struct execution *e)
{
	struct exec_outcome o = { .started = e->started };

	if (e->done)
		return;
	e->done = true;
	if (e->has_ended && !e->violation)
		set_ended(e, &o);
	else
		set_unreported(e, &o);
	o.stdout_bytes = e->sources[PIPE_OUT].bytes;
	o.stderr_bytes = e->sources[PIPE_ERR].bytes;
	o.survivors += e->swept;
	o.enforced = e->enforced;
	o.detail = e->detail[0] != '\0' ? e->detail : NULL;
	unlink_from(e->ex, e);
	e->cb.on_end(e->user, &o);
	dispose(e);
}

/* ---- after the runner ---------------------------------------------------- */

/* What the kernel counted in the pen, while it still stands. */
static void
note_counts(struct execution *e)
{
	uint64_t kills, refused;

	pen_counts(&e->pen, &kills, &refused);
	if (kills > 0)
		explain(e, "memory limit: %llu killed",
		    (unsigned long long)kills);
	if (refused > 0)
		explain(e, "process limit: %llu refused",
		    (unsigned long long)refused);
}

/* Kills what is in the pen; those that still die are not counted again. */
static void
kill_pen(struct execution *e)
{
	uint32_t n = pen_kill(&e->pen);

	if (n > e->swept)
		e->swept = n;
}

/*
 * Ends what the runner has left; true if nothing of it lives any more. After a
 * report there is nothing to be found but survivors that may stay.
 */
static bool
sweep(struct execution *e)
{
	bool keeps = e->keeps && e->has_ended && e->why == STOP_NONE;
	uint32_t killed = 0;
	int r = 0;

	if (!keeps)
		kill_pen(e);
	/* A report of survivors may be one of too many to be killed. */
	if (!keeps && !e->has_failed &&
	    (!e->has_ended || e->ended.survivors > 0)) {
		/* At one stroke: what multiplies outruns a walk. */
		if (e->observer != 0)
			(void)!sandbox_sweep(e->observer);
		r = executor_kill_orphans(e->ex, false, 0, &killed);
		/* They stand in the pen as well: counted once. */
		if (e->pen.n == 0)
			e->swept += killed;
	}
	if (pen_remove(&e->pen) == ERR_AGAIN && !keeps)
		return false;
	return r != ERR_AGAIN;
}

static void
on_timer(uv_timer_t *timer)
{
	struct execution *e = timer->data;

	if (e->trouble != NULL) {
		finish(e);
	} else if (e->exited) {
		proceed(e);
	} else if (!e->killed) {
		/* It had its time: now from here. */
		e->killed = true;
		(void)process_kill(&e->runner, SIGKILL);
		kill_pen(e);
		(void)uv_timer_start(timer, on_timer, EXECUTOR_GRACE_MS, 0);
	} else {
		/* Stuck in the kernel. The next sweep looks for it again. */
		explain(e, "the runner would not die");
		finish(e);
	}
}

/* Goes on with the end, as far as it can at this moment. */
static void
proceed(struct execution *e)
{
	bool swept, drained;
	uint64_t now = clock_boot_ms();

	if (!e->exited || e->done)
		return;
	swept = sweep(e);
	drained = !e->sources[PIPE_OUT].open && !e->sources[PIPE_ERR].open;
	if (swept && drained) {
		finish(e);
		return;
	}
	if (now >= e->give_up_ms) {
		if (!swept)
			explain(e, "some processes would not die");
		if (!drained)
			explain(e, "output was still held open");
		finish(e);
		return;
	}
	(void)uv_timer_start(&e->timer, on_timer, swept ?
	    e->give_up_ms - now : RETRY_MS, 0);
}

void
execution_reap(struct execution *e)
{
	if (e->runner.pid <= 0 ||
	    process_wait(&e->runner, NULL) == ERR_AGAIN)
		return;
	e->runner = (struct process){ 0, -1 };
	e->exited = true;
	e->give_up_ms = clock_boot_ms() + EXECUTOR_GRACE_MS;
	note_counts(e);
	/* What it said last may still be in the pipe. */
	if (!e->sources[PIPE_STATUS].open)
		proceed(e);
	else
		(void)uv_timer_start(&e->timer, on_timer, EXECUTOR_GRACE_MS,
		    0);
}

/* ---- stopping ------------------------------------------------------------ */

/* Both stages: asks the runner by closing the pipe, kills it after a while. */
static void
stop(struct execution *e, enum stop why)
{
	if (e->why != STOP_NONE || e->done || e->exited)
		return;
	e->why = why;
	pipes_close(&e->control);
	if (e->runner.pid > 0)
		(void)uv_timer_start(&e->timer, on_timer, EXECUTOR_GRACE_MS,
		    0);
}

void
execution_stop(struct execution *e)
{
	stop(e, STOP_ASKED);
}

static void
on_deadline(uv_poll_t *poll, int status, int events)
{
	struct execution *e = poll->data;

	(void)status;
	(void)events;
	(void)uv_poll_stop(poll);
	stop(e, STOP_DEADLINE);
}

/* It broke the protocol: what it says counts no more. */
static void
violate(struct execution *e)
{
	e->violation = true;
	if (e->runner.pid > 0)
		(void)process_kill(&e->runner, SIGKILL);
}

/* ---- reading ------------------------------------------------------------- */

static void
on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret_buf)
{
	struct source *s = handle->data;

	(void)size;
	*ret_buf = uv_buf_init(s->of->ex->buffer,
	    sizeof(s->of->ex->buffer));
}

static void
on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct source *s = stream->data;
	struct execution *e = s->of;

	if (n > 0) {
		s->bytes += (uint64_t)n;
		e->cb.on_output(e->user, s == &e->sources[PIPE_OUT] ? 1 : 2,
		    clock_boot_ms() - e->started_ms,
		    bytes_of(buf->base, (size_t)n));
	} else if (n < 0) {
		s->open = false;
		(void)uv_read_stop(stream);
		proceed(e);
	}
}

/* Text from the runner as it may stand in a record. */
static void
copy_text(struct bytes a, char *ret_text, size_t size)
{
	size_t i;

	for (i = 0; i < a.n && i + 1 < size; i++)
		ret_text[i] = (char)(a.p[i] >= 0x20 && a.p[i] < 0x7f ?
		    a.p[i] : '?');
	ret_text[i] = '\0';
}

static void
read_output(struct execution *e)
{
	(void)uv_read_start((uv_stream_t *)&e->sources[PIPE_OUT].pipe,
	    on_alloc, on_output);
	(void)uv_read_start((uv_stream_t *)&e->sources[PIPE_ERR].pipe,
	    on_alloc, on_output);
}

static void
take_started(struct execution *e, const struct wire_started *m)
{
	e->state = WIRE_EXEC_RUNNING;
	e->started = true;
	copy_text(m->enforced, e->enforced, sizeof(e->enforced));
	e->cb.on_started(e->user, m->pid, e->enforced);
	/* Only now, so that no output comes before the start. */
	read_output(e);
}

/* The runner has said its last: it exits now, or is made to. */
static void
take_last(struct execution *e)
{
	e->state = WIRE_EXEC_DONE;
	if (!e->exited && e->why == STOP_NONE)
		(void)uv_timer_start(&e->timer, on_timer, EXECUTOR_GRACE_MS,
		    0);
}

/* What a run can have: the journal holds no other numbers. */
static bool
is_possible(const struct wire_ended *m)
{
	static const uint64_t most = UINT64_C(1) << 52;

	/* An exit code has 8 bits, on Windows 32. */
	if (m->how == WIRE_HOW_SIGNAL && (m->code < 1 || m->code > 127))
		return false;
	return m->wall_us <= most && m->cpu_us <= most &&
	    m->max_rss_kb <= most && m->survivors <= INT32_MAX;
}

static int
take(struct execution *e, const struct wire_msg *msg)
{
	struct wire_started started;
	int r = ERR_PROTOCOL;

	if (msg->type == WIRE_STARTED) {
		if ((r = wire_get_started(msg->body, &started)) == 0)
			take_started(e, &started);
	} else if (msg->type == WIRE_FAILED) {
		if ((r = wire_get_failed(msg->body, &e->failed)) == 0) {
			e->has_failed = true;
			take_last(e);
		}
	} else if (msg->type == WIRE_ENDED) {
		r = wire_get_ended(msg->body, &e->ended);
		if (r == 0 && !is_possible(&e->ended))
			r = ERR_PROTOCOL;
		if (r == 0) {
			e->has_ended = true;
			take_last(e);
		}
	}
	return r;
}

/*
 * The runner says no more. If it never said that the payload runs, that may
 * have run all the same and have killed it: its output is not lost.
 */
static void
end_status(struct execution *e)
{
	e->sources[PIPE_STATUS].open = false;
	if (!wire_in_is_idle(&e->status))
		violate(e);
	if (e->has_failed) {
		e->sources[PIPE_OUT].open = false;
		e->sources[PIPE_ERR].open = false;
	} else if (!e->started) {
		read_output(e);
	}
	/* A runner that says nothing more before its report is of no use. */
	if (e->state != WIRE_EXEC_DONE && e->runner.pid > 0)
		(void)process_kill(&e->runner, SIGKILL);
	proceed(e);
}

static void
on_status(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct source *s = stream->data;
	struct execution *e = s->of;
	struct wire_msg msg;
	struct bytes data;
	int r;

	if (n < 0) {
		(void)uv_read_stop(stream);
		end_status(e);
		return;
	}
	data = bytes_of(buf->base, (size_t)n);
	while (!e->violation && (r = wire_in_next(&e->status, &data, e->state,
	    &msg)) != 0) {
		if (r < 0 || take(e, &msg) != 0)
			violate(e);
	}
}

/* ---- starting ------------------------------------------------------------ */

static int
trouble(struct execution *e, const char *what, int error)
{
	e->trouble = what;
	e->trouble_errno = error;
	return ERR_IO;
}

/* A pipe whose end `ours` the loop reads; *ret_theirs is for the runner. */
static int
open_source(struct execution *e, struct source *s, int *ret_theirs)
{
	int fds[2];

	if (pipes_open(fds) != 0)
		return trouble(e, "pipe", errno);
	if (uv_pipe_open(&s->pipe, fds[0]) != 0) {
		pipes_close(&fds[0]);
		pipes_close(&fds[1]);
		return trouble(e, "pipe", EIO);
	}
	s->open = true;
	*ret_theirs = fds[1];
	return 0;
}

/* The runner's ends: standard output and error, then descriptors 3 to 8. */
enum { END_OUT, END_ERR, END_PLAN, END_STATUS, END_CONTROL, END_SCRIPT,
    END_STEWARD, END_HELD, ENDS };

static int
open_ends(struct execution *e, struct bytes plan, const struct bytes *script,
    int ends[ENDS])
{
	int fds[2];

	if (pipes_sealed("countersign-plan", plan, &ends[END_PLAN]) != 0)
		return trouble(e, "plan", errno);
	if (script != NULL && pipes_sealed("countersign-script", *script,
	    &ends[END_SCRIPT]) != 0)
		return trouble(e, "script", errno);
	if (open_source(e, &e->sources[PIPE_OUT], &ends[END_OUT]) != 0 ||
	    open_source(e, &e->sources[PIPE_ERR], &ends[END_ERR]) != 0 ||
	    open_source(e, &e->sources[PIPE_STATUS], &ends[END_STATUS]) != 0)
		return ERR_IO;
	if (pipes_open(fds) != 0)
		return trouble(e, "pipe", errno);
	ends[END_CONTROL] = fds[0];
	e->control = fds[1];
	return 0;
}

static int
start_runner(struct execution *e, const int ends[ENDS])
{
	static const char *const argv[] = { "countersign-runner", NULL };
	static const int numbers[ENDS] = { 1, 2, PLAN_FD_PLAN, PLAN_FD_STATUS,
	    PLAN_FD_CONTROL, PLAN_FD_SCRIPT, PLAN_FD_STEWARD,
	    PLAN_FD_HELD };
	struct process_fd fds[ENDS];
	struct process_spec spec = {
		.role = PROCESS_RUNNER,
		.exec_fd = e->ex->runner_fd,
		.argv = argv,
		.fds = fds,
		.new_session = true,
	};
	int i, error = EINVAL;

	for (i = 0; i < ENDS; i++)
		if (ends[i] >= 0)
			fds[spec.n_fds++] = (struct process_fd){ numbers[i],
			    ends[i] };
	if (process_start(&spec, &error, &e->runner) != 0)
		return trouble(e, "runner", error);
	return 0;
}

/* Makes the pen and starts the runner; on failure e->trouble says why. */
static int
launch(struct execution *e, const struct plan *p, struct bytes plan,
    struct bytes script)
{
	int ends[ENDS] = { -1, -1, -1, -1, -1, -1, -1, -1 };
	int error = 0, i, r;

	if (pen_make(&e->pen, p->memory_bytes, p->processes, &error) != 0)
		return trouble(e, "cgroup", error);
	r = open_ends(e, plan, (p->flags & PLAN_FLAG_SCRIPT) != 0 ? &script :
	    NULL, ends);
	/* The output's end waits for it, and so does the report. */
	if (r == 0 && (p->flags & PLAN_FLAG_SERVICES) != 0 &&
	    e->ex->steward >= 0 && steward_ask(e->ex->steward,
	    ends[END_PLAN], ends[END_OUT], &ends[END_STEWARD]) != 0)
		r = trouble(e, "what runs service scripts has gone", EPIPE);
	if (r == 0) {
		ends[END_HELD] = e->cb.held > 0 ? e->cb.held : -1;
		r = start_runner(e, ends);
		ends[END_HELD] = -1;	/* the caller's */
	}
	for (i = 0; i < ENDS; i++)
		pipes_close(&ends[i]);
	if (r != 0)
		(void)!pen_remove(&e->pen);
	return r;
}

/* Gives the run its handles; at a failure those that it has are closed. */
static int
init_handles(struct execution *e, uint64_t deadline_ms)
{
	uv_loop_t *loop = e->ex->loop;
	int i;

	/* Of these none can fail (libuv takes no resource yet). */
	(void)uv_timer_init(loop, &e->timer);
	e->timer.data = e;
	for (i = 0; i < PIPES; i++) {
		(void)uv_pipe_init(loop, &e->sources[i].pipe, 0);
		e->sources[i].pipe.data = &e->sources[i];
		e->sources[i].of = e;
	}
	e->handles = PIPES + 1;
	if (clock_timer_open(&e->deadline_fd) != 0 ||
	    clock_timer_set(e->deadline_fd, deadline_ms) != 0 ||
	    uv_poll_init_socket(loop, &e->deadline,
	    (uv_os_sock_t)e->deadline_fd) != 0)
		return ERR_IO;
	e->has_deadline = true;
	e->handles++;
	e->deadline.data = e;
	return uv_poll_start(&e->deadline, UV_READABLE, on_deadline) == 0 ? 0 :
	    ERR_IO;
}

/* The pen that the plan names. */
static int
set_pen(struct pen *pen, const struct plan *p)
{
	size_t i;

	pen->n = p->n_cgroups;
	pen->flags = p->flags & (PLAN_FLAG_MEMORY | PLAN_FLAG_PROCESSES);
	for (i = 0; i < p->n_cgroups; i++) {
		pen->groups[i].kind = p->cgroups[i].kind;
		if (strlen(p->cgroups[i].path) >= sizeof(pen->groups[i].path))
			return ERR_TOO_LARGE;
		memcpy(pen->groups[i].path, p->cgroups[i].path,
		    strlen(p->cgroups[i].path) + 1);
	}
	return 0;
}

int
executor_start(struct executor *ex, struct bytes plan, struct bytes script,
    uint64_t timeout_ms, const struct exec_callbacks *cb, void *user,
    struct execution **ret_e)
{
	struct execution *e;
	struct plan p;
	int r;

	if (timeout_ms == 0)
		return ERR_RANGE;
	if ((r = plan_decode(plan, &p)) != 0)
		return r;
	if ((e = calloc(1, sizeof(*e))) == NULL)
		return ERR_NOMEM;
	if ((r = set_pen(&e->pen, &p)) != 0) {
		free(e);
		return r;
	}
	e->ex = ex;
	e->cb = *cb;
	e->user = user;
	e->keeps = p.survivors == PLAN_KEEP;
	if (p.profile == PLAN_OBSERVE && (p.flags & PLAN_FLAG_USERNS) == 0)
		e->observer = p.uid;
	e->runner = (struct process){ 0, -1 };
	e->control = e->deadline_fd = -1;
	wire_in_init(&e->status, WIRE_AT_EXEC);
	e->started_ms = clock_boot_ms();
	if ((r = init_handles(e, e->started_ms + timeout_ms)) != 0) {
		e->done = true;
		dispose(e);
		return r;
	}
	e->next = ex->first;
	ex->first = e;
	if (launch(e, &p, plan, script) != 0)
		/* Told from the loop, like every end. */
		(void)uv_timer_start(&e->timer, on_timer, 0, 0);
	else
		(void)uv_read_start(
		    (uv_stream_t *)&e->sources[PIPE_STATUS].pipe, on_alloc,
		    on_status);
	*ret_e = e;
	return 0;
}
