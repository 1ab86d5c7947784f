/*
 * gate.c - the service: its loop, its turns and its end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/gate.h"

#include "agent/gate/forward.h"
#include "platform/clock.h"
#include "platform/events.h"
#include "platform/privileges.h"
#include "platform/starter.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Times that one turn may begin again for what its effects caused. */
#define TURN_ROUNDS 64
/* How long a record may wait for a sync that it can share. */
#define LATER_MS 20u
/* How often to look whether other agents have let an account go. */
#define ACCOUNT_MS 1000u

struct moment
gate_moment(void)
{
	struct moment m = { clock_wall_s(), clock_boot_ms() };

	return m;
}

/* ---- the turn ---- */

/* A start that failed half way has handles that never were. */
static void
close_handle(uv_handle_t *h)
{
	if (h->loop != NULL && !uv_is_closing(h))
		uv_close(h, NULL);
}

/* The loop ends when nothing of ours is left in it. */
static void
shut(struct gate *g)
{
	if (g->closed)
		return;
	g->closed = true;
	if (!g->renew || g->stopping > 0)
		service_stopping();
	frontdesk_close(g->desk);
	g->desk = NULL;
	uplink_close(g->uplink);
	g->uplink = NULL;
	close_handle((uv_handle_t *)&g->events);
	close_handle((uv_handle_t *)&g->prepare);
	close_handle((uv_handle_t *)&g->check);
	close_handle((uv_handle_t *)&g->due);
	close_handle((uv_handle_t *)&g->account);
	close_handle((uv_handle_t *)&g->watchdog);
	close_handle((uv_handle_t *)&g->proof);
	close_handle((uv_handle_t *)&g->later);
	close_handle((uv_handle_t *)&g->again);
	checkpoints_stop(g->checkpoints);
	forward_close(g->forward);
	g->forward = NULL;
	upkeep_close(g->upkeep);
	g->upkeep = NULL;
	uv_stop(g->loop);
}

void
gate_begin_anew(struct gate *g)
{
	g->renew = true;
	shut(g);
}

void
gate_fail(struct gate *g, const char *what, int err)
{
	if (g->broken)
		return;
	g->broken = true;
	g->exit_code = 1;
	log_event(&g->log, SERVICE_ERROR, "%s failed: %s: nothing runs any"
	    " more; the agent ends and recovers when it starts again", what,
	    err_text(err));
	/* The runners see their control pipes close with us. */
	shut(g);
}

void
gate_touch(struct gate *g, int err)
{
	g->dirty = true;
	if (err != 0)
		gate_fail(g, "the journal", err);
}

static void
on_later(uv_timer_t *t)
{
	gate_touch(t->data, 0);
}

void
gate_touch_later(struct gate *g, int err)
{
	g->later.data = g;
	if (err != 0 || (!uv_is_active((uv_handle_t *)&g->later) &&
	    uv_timer_start(&g->later, on_later, LATER_MS, 0) != 0))
		gate_touch(g, err);
}

static void
carry_out(struct gate *g)
{
	struct effect e;

	while (!g->broken && core_next_effect(g->core, &e)) {
		if (e.kind == EFFECT_START)
			runs_start(g->runs, &e.card);
		else
			runs_stop(g->runs, &e.card, e.reason);
	}
	if (!g->broken)
		runs_drop_prepared(g->runs);
}

/* One round: what falls due, one sync for all of it, then the effects. */
static void
round_of(struct gate *g)
{
	int err;

	g->dirty = false;
	if ((err = core_turn(g->core, gate_moment())) != 0 ||
	    (err = gate_sync(g)) != 0) {
		gate_fail(g, "the journal", err);
		return;
	}
	carry_out(g);
}

static void
arm(struct gate *g)
{
	struct moment m = gate_moment();
	int64_t wait = core_wait_s(g->core, m);

	if (clock_timer_set(g->due_fd, wait < 0 ? 0 :
	    m.boot_ms + (uint64_t)wait * 1000) != 0)
		gate_fail(g, "the timer", ERR_IO);
}

void
gate_turn(struct gate *g)
{
	unsigned rounds;

	if (!g->dirty || g->broken || g->evidence || g->journal == NULL)
		return;
	for (rounds = 0; g->dirty && !g->broken && rounds < TURN_ROUNDS;
	    rounds++)
		round_of(g);
	if (g->broken)
		return;
	outbox_push(g->outbox);
	forward_push(g->forward);
	checkpoints_turn(g->checkpoints);
	if (g->upkeep != NULL)
		upkeep_turn(g->upkeep);
	if (g->desk != NULL)
		frontdesk_wake(g->desk);
	if (g->due_fd >= 0)
		arm(g);
	if ((g->stopping > 0 || g->renew) && runs_count(g->runs) == 0)
		shut(g);
}

static void
on_prepare(uv_prepare_t *h)
{
	gate_turn(h->data);
}

static void
on_check(uv_check_t *h)
{
	gate_turn(h->data);
}

static void
on_due(uv_poll_t *h, int status, int events)
{
	struct gate *g = h->data;

	(void)status;
	(void)events;
	/* Setting it again forgets that it fired. */
	gate_touch(g, 0);
}

static void
on_watchdog(uv_timer_t *t)
{
	(void)t;
	service_alive();
}

/* ---- what the system tells us ---- */

/* Between two cards: what runs is not disturbed. */
static void
renew(struct gate *g)
{
	g->renew = true;
	log_event(&g->log, SERVICE_NOTICE, "beginning anew once nothing runs"
	    " running=%zu", runs_count(g->runs));
	if (g->journal == NULL)
		shut(g);
	gate_touch(g, 0);
}

/* What could not be tried at the start is, by starting again. */
static void
on_account(uv_timer_t *t)
{
	struct gate *g = t->data;
	struct identity id;
	int slot = IDENTITY_NONE;

	if (identities_take(&g->planner.identities, 0, &id, &slot) != 0)
		return;
	identities_release(&g->planner.identities, &slot);
	(void)uv_timer_stop(t);
	renew(g);
}

static void
stop(struct gate *g, unsigned times)
{
	g->stopping += times;
	core_hold(g->core);
	log_event(&g->log, SERVICE_NOTICE, "stopping running=%zu",
	    runs_count(g->runs));
	/* A second signal does not wait for the card that runs. */
	if (g->stopping > 1)
		runs_stop_all(g->runs, "agent_stopped");
	if (g->journal == NULL)
		shut(g);
	gate_touch(g, 0);
}

static void
on_events(uv_poll_t *h, int status, int events)
{
	struct gate *g = h->data;
	struct events seen;

	(void)status;
	(void)events;
	events_take(g->events_fd, &seen);
	if (seen.children && g->uplink != NULL)
		uplink_reap(g->uplink);
	/* One that has a starter was asked by that one. */
	if (seen.renew && (starter_is_there() || gate_may_renew(&g->config,
	    &g->runner_file, &g->log)))
		renew(g);
	if (seen.stops > 0)
		stop(g, seen.stops);
}

/* Left open to the end: a signal after that must not be the process's. */
static int
watch_events(struct gate *g)
{
	int err = events_open(EVENTS_STOP | EVENTS_RENEW | EVENTS_CHILDREN,
	    &g->events_fd);

	if (err != 0)
		return err;
	if (uv_poll_init_socket(g->loop, &g->events,
	    (uv_os_sock_t)g->events_fd) != 0)
		return ERR_IO;
	g->events.data = g;
	return uv_poll_start(&g->events, UV_READABLE, on_events) == 0 ? 0 :
	    ERR_IO;
}

/* ---- the link ---- */

static void
on_link_state(void *arg, enum wire_gate_state state, const char *detail)
{
	struct gate *g = arg;

	if (state != WIRE_GATE_SYNCED)
		outbox_shut(g->outbox);
	if (state == WIRE_GATE_SYNCED)
		log_event(&g->log, SERVICE_NOTICE, "connected");
	else if (state == WIRE_GATE_DOWN && detail[0] != '\0')
		log_event(&g->log, SERVICE_INFO, "link detail=\"%s\"",
		    detail);
}

static void
on_link_violation(void *arg, const char *reason)
{
	struct gate *g = arg;

	gate_touch(g, core_violation(g->core, gate_moment(), "courier",
	    reason));
}

static void
on_link_room(void *arg)
{
	struct gate *g = arg;

	outbox_push(g->outbox);
	checkpoints_turn(g->checkpoints);
}

static int
open_link(struct gate *g)
{
	struct uplink_config cfg = {
		.loop = g->loop,
		.log = &g->log,
		.program = &g->courier_file,
		.user = g->config.courier_user,
		.on_message = link_message,
		.on_state = on_link_state,
		.on_violation = on_link_violation,
		.on_room = on_link_room,
		.arg = g,
	};
	int err = linkfile_read(g->state_dir, &g->link);

	if (err == ERR_NOT_FOUND) {
		log_event(&g->log, SERVICE_WARNING, "no console: the"
		    " enrolment was not finished");
		return 0;
	}
	if (err == ERR_NOMEM)
		return err;
	/* Where the console is says nothing of what is here. */
	if (err != 0) {
		log_event(&g->log, SERVICE_ERROR, "no console: %s/%s: %s: put"
		    " it back, or enrol again", g->config.state,
		    LINKFILE_NAME, err_text(err));
		return 0;
	}
	link_config(g, &cfg.link);
	return uplink_open(&cfg, &g->uplink);
}

/* ---- the service ---- */

static int
open_desk(struct gate *g)
{
	struct frontdesk_config cfg = {
		.loop = g->loop,
		.path = g->config.socket,
		.group = g->config.group,
		.on_request = requests_handle,
		.arg = g,
	};
	int err = frontdesk_open(&cfg, &g->desk);

	if (err != 0)
		log_event(&g->log, SERVICE_ERROR, "%s: %s: see that its"
		    " folder is there and no other agent runs",
		    g->config.socket, err_text(err));
	return err;
}

static int
open_loop(struct gate *g)
{
	uint64_t watchdog = service_watchdog_ms() / 2;

	if (uv_prepare_init(g->loop, &g->prepare) != 0 ||
	    uv_check_init(g->loop, &g->check) != 0 ||
	    uv_timer_init(g->loop, &g->account) != 0 ||
	    uv_timer_init(g->loop, &g->watchdog) != 0 ||
	    uv_timer_init(g->loop, &g->proof) != 0 ||
	    uv_timer_init(g->loop, &g->later) != 0 ||
	    clock_timer_open(&g->due_fd) != 0 ||
	    uv_poll_init_socket(g->loop, &g->due,
	    (uv_os_sock_t)g->due_fd) != 0)
		return ERR_IO;
	g->prepare.data = g;
	g->check.data = g;
	g->due.data = g;
	if (uv_prepare_start(&g->prepare, on_prepare) != 0 ||
	    uv_check_start(&g->check, on_check) != 0 ||
	    uv_poll_start(&g->due, UV_READABLE, on_due) != 0)
		return ERR_IO;
	g->account.data = g;
	if (g->planner.untried)
		(void)uv_timer_start(&g->account, on_account, ACCOUNT_MS,
		    ACCOUNT_MS);
	if (watchdog > 0)
		(void)uv_timer_start(&g->watchdog, on_watchdog, watchdog,
		    watchdog);
	return watch_events(g);
}

/* From here on strangers' words are heard. */
static void
confine(struct gate *g)
{
	const struct guard_places at = { g->config.state, g->config.socket,
	    executor_places(g->executor) };
	const struct guard *d = &g->guard;

	if (!starter_is_there())
		return;
	guard_confine(&at, &g->guard);
	log_event(&g->log, d->no_new_privs && d->seccomp && d->landlock > 0 ?
	    SERVICE_INFO : SERVICE_WARNING, "confined no_new_privs=%d"
	    " capabilities=%d seccomp=%d landlock=%d", d->no_new_privs,
	    d->capabilities, d->seccomp, d->landlock);
}

/* What the probe found out while the journal was read. */
static void
take_offers(struct gate *g)
{
	static const char *const names[] = { "observe", "repair" };
	const struct sandbox_offer *o = &g->offers.offer;
	int err = offers_finish(&g->offers);
	size_t i;

	if (err != 0)
		log_event(&g->log, SERVICE_ERROR, "the runner's probe failed"
		    " reason=%s: only profile full is offered", err_word(err));
	for (i = 0; i < 2; i++)
		if (!(i == 0 ? o->observe : o->repair))
			log_event(&g->log, SERVICE_WARNING, "not offered"
			    " profile=%s why=\"%s\"", names[i], o->why[i]);
	executor_set_offer(g->executor, o);
	g->planner.untried = g->offers.busy;
}

static int
open_all(struct gate *g)
{
	uint32_t killed = 0;
	int err;

	if ((err = gate_open_programs(g)) != 0)
		return err;
	err = gate_open(g, false);
	take_offers(g);
	if (err != 0 && err != ERR_CORRUPT && (err = gate_hold(g, err)) != 0)
		return err;
	if (err == 0 && g->journal != NULL && journal_next(g->journal) == 0) {
		log_event(&g->log, SERVICE_ERROR, "this device is not"
		    " enrolled: run countersignd enrol --token FILE");
		return ERR_NOT_FOUND;
	}
	(void)executor_sweep(g->executor, core_lock(g->core)->on, &killed);
	if (killed > 0)
		log_event(&g->log, SERVICE_WARNING, "swept what an earlier"
		    " agent left running processes=%u", (unsigned)killed);
	if ((err = gate_recover(g)) != 0 || (err = open_loop(g)) != 0 ||
	    (err = gate_hold_start(g)) != 0 || (err = open_desk(g)) != 0)
		return err;
	if (g->journal != NULL && ((err = checkpoints_start(
	    g->checkpoints)) != 0 || (err = upkeep_new(g, &g->upkeep)) != 0 ||
	    (err = forward_new(g, &g->forward)) != 0))
		return err;
	if (!uplink_is_split())
		log_event(&g->log, SERVICE_WARNING, "all processes run under"
		    " one account: the split between them does not hold");
	confine(g);
	return g->journal != NULL ? open_link(g) : 0;
}

/*
 * Whether it was asked to end since the loop looked last: what begins anew
 * would not hear of it. From here on such a signal is the process's.
 */
static bool
is_told_to_stop(struct gate *g)
{
	struct events seen = { .stops = 0 };

	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	if (g->events_fd >= 0)
		events_take(g->events_fd, &seen);
	return seen.stops > 0;
}

int
gate_run(struct config *config, const struct gate_programs *programs)
{
	struct gate g;
	uv_loop_t loop;
	int err;

	memset(&g, 0, sizeof(g));
	/* Until there is somebody to hear it. */
	(void)signal(SIGHUP, SIG_IGN);
	g.config = *config;
	g.due_fd = -1;
	g.events_fd = -1;
	g.state_dir = -1;
	g.own_file.fd = -1;
	g.courier_file = programs->courier;
	g.runner_file = programs->runner;
	g.steward = programs->steward;
	/* One thread, and nothing was read: the first step. */
	guard_gate(&g.guard);
	log_init(&g.log, "countersignd", g.config.log_to_system);
	if (uv_loop_init(&loop) != 0)
		return 1;
	g.loop = &loop;
	if ((err = open_all(&g)) == 0) {
		g.dirty = true;
		service_ready();
		log_event(&g.log, SERVICE_NOTICE, "ready device=%s org=%s",
		    core_device(g.core), core_org(g.core));
		(void)uv_run(&loop, UV_RUN_DEFAULT);
	} else {
		g.exit_code = err == ERR_NOT_FOUND ? 3 : 1;
	}
	/* A broken journal leaves runs behind: their runners end them. */
	if (g.broken)
		_Exit(g.exit_code);
	shut(&g);
	executor_close(g.executor);
	g.executor = NULL;
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	gate_close(&g);
	(void)uv_loop_close(&loop);
	if (g.renew && g.stopping == 0 && g.exit_code == 0)
		return is_told_to_stop(&g) ? 0 : GATE_RENEW;
	return g.exit_code;
}
