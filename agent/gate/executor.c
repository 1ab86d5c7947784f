/*
 * executor.c - runs approved actions through runners; what all runs share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "agent/gate/execution.h"

#include "agent/gate/offers.h"
#include "common/digest.h"
#include "platform/events.h"
#include "platform/pipes.h"
#include "platform/process.h"
#include "platform/steward.h"

#include <stdlib.h>
#include <string.h>

/* How long a sweep waits for processes to die. */
#define SWEEP_MS 2000

/* A child has ended: perhaps a runner, perhaps an orphan that came to us. */
static void
on_child(uv_poll_t *handle, int status, int events)
{
	struct executor *ex = handle->data;
	struct execution *e, *next;
	struct events seen;

	(void)status;
	(void)events;
	events_take(ex->child_fd, &seen);
	for (e = ex->first; e != NULL; e = next) {
		next = e->next;
		execution_reap(e);
	}
	executor_reap_orphans(ex);
}

static int
watch_children(struct executor *ex)
{
	int err = events_open(EVENTS_CHILDREN, &ex->child_fd);

	if (err != 0)
		return err;
	if (uv_poll_init_socket(ex->loop, &ex->child,
	    (uv_os_sock_t)ex->child_fd) != 0) {
		events_close(&ex->child_fd);
		return ERR_IO;
	}
	ex->child.data = ex;
	if (uv_poll_start(&ex->child, UV_READABLE, on_child) != 0)
		return ERR_IO;
	/* It alone is no reason for the loop to go on. */
	uv_unref((uv_handle_t *)&ex->child);
	return 0;
}

/* The tag of this gate's pens: half of the hash of its name. */
static void
tag_of(const char *name, char ret_tag[PENS_TAG_SIZE])
{
	struct sha256 d;

	digest_sha256(bytes_str(name), &d);
	hex_encode(bytes_of(d.b, sizeof(d.b) / 2), ret_tag);
}

int
executor_open(const struct executor_config *cfg, struct executor **ret_ex)
{
	struct executor *ex = calloc(1, sizeof(*ex));
	char tag[PENS_TAG_SIZE];
	int r;

	if (ex == NULL)
		return ERR_NOMEM;
	ex->loop = cfg->loop;
	ex->runner_fd = cfg->runner_fd;
	ex->keep = cfg->keep;
	ex->user = cfg->user;
	ex->steward = cfg->steward > 0 ? cfg->steward : -1;
	if (cfg->name != NULL)
		tag_of(cfg->name, tag);
	if ((r = pens_open(cfg->name != NULL ? tag : NULL, &ex->pens)) != 0) {
		pipes_close(&ex->steward);
		free(ex);
		return r;
	}
	offers_none(&ex->offer, "nothing was tried");
	if ((r = process_adopt_orphans()) == 0)
		r = watch_children(ex);
	if (r != 0) {
		pens_close(ex->pens);
		pipes_close(&ex->steward);
		free(ex);
		return r;
	}
	*ret_ex = ex;
	return 0;
}

static void
on_closed(uv_handle_t *handle)
{
	struct executor *ex = handle->data;

	events_close(&ex->child_fd);
	pens_close(ex->pens);
	pipes_close(&ex->steward);
	free(ex);
}

void
executor_close(struct executor *ex)
{
	if (ex != NULL)
		uv_close((uv_handle_t *)&ex->child, on_closed);
}

void
executor_set_offer(struct executor *ex, const struct sandbox_offer *o)
{
	ex->offer = *o;
}

const struct sandbox_offer *
executor_offer(const struct executor *ex)
{
	return &ex->offer;
}

const struct pens *
executor_places(const struct executor *ex)
{
	return ex->pens;
}

bool
executor_has_services(const struct executor *ex)
{
	return ex->steward >= 0 || !steward_is_needed();
}

const char *
executor_pens(const struct executor *ex)
{
	return pens_text(ex->pens);
}

size_t
executor_known(const struct executor *ex, int *ret_pids, size_t n)
{
	const struct execution *e;
	size_t have = 0;

	for (e = ex->first; e != NULL && have < n; e = e->next)
		if (e->runner.pid > 0)
			ret_pids[have++] = e->runner.pid;
	if (ex->keep != NULL && have < n)
		have += ex->keep(ex->user, ret_pids + have, n - have);
	return have;
}

int
executor_kill_orphans(struct executor *ex, bool kept, unsigned within_ms,
    uint32_t *ret_killed)
{
	int pids[EXECUTOR_PIDS];
	size_t n = executor_known(ex, pids, EXECUTOR_PIDS);

	if (!kept)
		n += pens_kept(ex->pens, pids + n, EXECUTOR_PIDS - n);
	return process_kill_children(pids, n, within_ms, ret_killed);
}

void
executor_reap_orphans(struct executor *ex)
{
	int pids[EXECUTOR_PIDS];
	size_t n = executor_known(ex, pids, EXECUTOR_PIDS);

	process_reap_orphans(pids, n);
}

int
executor_sweep(struct executor *ex, bool kept, uint32_t *ret_killed)
{
	uint32_t in_pens = 0, orphans = 0;
	unsigned which = kept ? PENS_KEPT : 0;
	int r, other;

	/* The pens of what runs now look like those that were left. */
	if (ex->first == NULL)
		which |= PENS_LEFT;
	r = pens_sweep(ex->pens, which, SWEEP_MS, &in_pens);
	/* Those of them that were ours are not counted again. */
	executor_reap_orphans(ex);
	other = executor_kill_orphans(ex, kept, SWEEP_MS, &orphans);
	if (ret_killed != NULL)
		*ret_killed = in_pens + orphans;
	return r != 0 ? r : other;
}

int
executor_prepare(struct executor *ex, const struct plan *p,
    struct buf *ret_bytes)
{
	struct plan whole = *p;
	struct pen pen;
	size_t i;

	if (p->survivors == PLAN_KEEP && !pens_is_usable(ex->pens))
		return ERR_UNSUPPORTED;
	pens_name(ex->pens, p->card, p->survivors, &pen);
	whole.n_cgroups = pen.n;
	for (i = 0; i < pen.n; i++) {
		whole.cgroups[i].kind = pen.groups[i].kind;
		whole.cgroups[i].path = pen.groups[i].path;
	}
	whole.flags &= ~(PLAN_FLAG_MEMORY | PLAN_FLAG_PROCESSES);
	whole.flags |= pen.flags;
	return plan_encode(&whole, ret_bytes);
}
