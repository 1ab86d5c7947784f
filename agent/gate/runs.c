/*
 * runs.c - the cards that run: from the intent to the result.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/gate.h"

#include "common/caps.h"
#include "platform/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
	struct run *next;
	struct gate *g;
	struct prepared prepared;
	struct execution *execution;	/* NULL before the start */
	struct transcript *transcript;
	char stopped_for[24];		/* "veto", …; "" if not stopped */
};

struct runs {
	struct gate *g;
	struct run *first;
};

int
runs_new(struct gate *g, struct runs **ret_r)
{
	struct runs *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return ERR_NOMEM;
	r->g = g;
	*ret_r = r;
	return 0;
}

static void
run_free(struct runs *runs, struct run *run)
{
	struct run **at;

	for (at = &runs->first; *at != NULL; at = &(*at)->next)
		if (*at == run) {
			*at = run->next;
			break;
		}
	transcript_abandon(run->transcript);
	planner_release(&runs->g->planner, &run->prepared);
	free(run);
}

void
runs_free(struct runs *r)
{
	if (r == NULL)
		return;
	while (r->first != NULL)
		run_free(r, r->first);
	free(r);
}

static struct run *
run_find(const struct runs *r, const struct sha256 *card)
{
	struct run *run;

	for (run = r->first; run != NULL; run = run->next)
		if (sha256_equal(&run->prepared.card, card))
			return run;
	return NULL;
}

size_t
runs_count(const struct runs *r)
{
	const struct run *run;
	size_t n = 0;

	for (run = r->first; run != NULL; run = run->next)
		n += run->execution != NULL;
	return n;
}

/*
 * Old enough by the policy, or the console has all of it; and its card has
 * ended. Asked about when there is no room, oldest first.
 */
static bool
may_go(void *arg, const struct sha256 *card, int64_t changed)
{
	struct gate *g = arg;
	const struct trust *files = core_trust_files(g->core);
	const struct policy *p = files != NULL ? trust_policy(files) : NULL;
	const struct queue_item *item = queue_find(core_queue(g->core), card);
	int64_t days = p != NULL ? p->transcript_days :
	    CAP_TRANSCRIPT_DAYS_DEFAULT;

	return (item == NULL || !state_is_open(item->state)) &&
	    (outbox_has_fetched(g->outbox, card) ||
	    core_now(g->core, gate_moment()) - changed > days * 86400);
}

/*
 * Before the intent: a card whose output has no room waits, and does not fail.
 * There is one intent for a card, so a file that is there was never written.
 */
static int
transcript_begin(struct run *run)
{
	const struct prepared *p = &run->prepared;
	struct transcripts *all = run->g->transcripts;
	uint8_t salt[TRANSCRIPT_SALT];
	int err;

	if ((err = random_fill(salt, sizeof(salt))) != 0 ||
	    (err = transcripts_make_room(all, p->output_bytes, may_go,
	    run->g)) != 0)
		return err;
	err = transcript_create(all, &p->card, p->output_bytes, salt,
	    &run->transcript);
	if (err == ERR_EXISTS &&
	    (err = transcripts_remove(all, &p->card)) == 0)
		err = transcript_create(all, &p->card, p->output_bytes, salt,
		    &run->transcript);
	return err;
}

int
runs_prepare(struct runs *r, const struct prepared *p)
{
	struct run *run = calloc(1, sizeof(*run));
	int err;

	if (run == NULL)
		return ERR_NOMEM;
	run->g = r->g;
	run->prepared = *p;
	if ((err = transcript_begin(run)) != 0) {
		free(run);
		return err;
	}
	run->next = r->first;
	r->first = run;
	return 0;
}

void
runs_drop_prepared(struct runs *r)
{
	struct run *run, *next;
	struct sha256 card;

	for (run = r->first; run != NULL; run = next) {
		next = run->next;
		if (run->execution != NULL)
			continue;
		card = run->prepared.card;
		run_free(r, run);
		/* If it stays it is empty, and goes when the card runs. */
		(void)!transcripts_remove(r->g->transcripts, &card);
	}
}

/* ---- the result ---- */

static const char *const outcomes[] = {
	[EXEC_FINISHED] = "finished",
	[EXEC_TIMED_OUT] = "timed_out",
	[EXEC_KILLED] = "killed",
	[EXEC_FAILED_TO_START] = "failed_to_start",
};

static void
put_outcome(struct record *rec, const struct run *run,
    const struct exec_outcome *o)
{
	const char *reason = o->reason;

	/* Why it was stopped is known here, not in the executor. */
	if (o->end == EXEC_KILLED && run->stopped_for[0] != '\0' &&
	    reason != NULL && strcmp(reason, "stopped") == 0)
		reason = run->stopped_for;
	record_set_digest(rec, RF_CARD, &run->prepared.card);
	record_set_str(rec, RF_OUTCOME, outcomes[o->end]);
	if (o->has_exit_code)
		record_set_int(rec, RF_EXIT_CODE, o->exit_code);
	if (o->has_signal)
		record_set_int(rec, RF_SIGNAL, o->signal);
	if (reason != NULL)
		record_set_str(rec, RF_REASON, reason);
	if (o->detail != NULL)
		record_set_str(rec, RF_DETAIL, o->detail);
	record_set_int(rec, RF_WALL_MS, (int64_t)o->wall_ms);
	record_set_int(rec, RF_CPU_MS, (int64_t)o->cpu_ms);
	record_set_int(rec, RF_MAX_RSS_KB, (int64_t)o->max_rss_kb);
	record_set_int(rec, RF_STDOUT_BYTES, (int64_t)o->stdout_bytes);
	record_set_int(rec, RF_STDERR_BYTES, (int64_t)o->stderr_bytes);
	record_set_int(rec, RF_SURVIVORS, o->survivors);
	record_set_str(rec, RF_ENFORCED, o->enforced);
}

static void
put_transcript(struct record *rec, const struct transcript_summary *s)
{
	record_set_int(rec, RF_STDOUT_KEPT, (int64_t)s->stdout_kept);
	record_set_int(rec, RF_STDERR_KEPT, (int64_t)s->stderr_kept);
	record_set_bool(rec, RF_TRUNCATED, s->truncated);
	record_set_int(rec, RF_TRANSCRIPT_BYTES, (int64_t)s->bytes);
	record_set_digest(rec, RF_TRANSCRIPT_HASH, &s->hash);
}

static void
on_started(void *user, uint32_t pid, const char *enforced)
{
	struct run *run = user;
	char card[16];

	log_event(&run->g->log, SERVICE_INFO, "run started card=%s pid=%u",
	    log_card(&run->prepared.card, card), (unsigned)pid);
	gate_touch_later(run->g, core_started(run->g->core, gate_moment(),
	    &run->prepared.card, pid, enforced));
}

static void
on_output(void *user, int stream, uint64_t ms, struct bytes data)
{
	struct run *run = user;
	int err;

	if (run->transcript == NULL)
		return;
	err = transcript_append(run->transcript, stream, ms, data);
	if (err != 0) {
		/* What is lost is lost visibly: the result says truncated. */
		log_event(&run->g->log, SERVICE_ERROR,
		    "transcript failed reason=%s", err_word(err));
		return;
	}
	outbox_push(run->g->outbox);
	frontdesk_wake(run->g->desk);
}

static void
on_end(void *user, const struct exec_outcome *o)
{
	struct run *run = user;
	struct gate *g = run->g;
	struct transcript_summary sum;
	struct record rec;
	char card[16];
	int err = 0;

	record_init(&rec, RECORD_EXEC_RESULT);
	put_outcome(&rec, run, o);
	memset(&sum, 0, sizeof(sum));
	if (run->transcript != NULL)
		err = transcript_finish(run->transcript, &sum);
	run->transcript = NULL;
	if (err != 0)
		sum.truncated = true;
	put_transcript(&rec, &sum);
	if (o->reason != NULL && strcmp(o->reason, "child_violation") == 0)
		gate_touch(g, core_violation(g->core, gate_moment(), "runner",
		    "protocol"));
	log_event(&g->log, SERVICE_INFO, "run ended card=%s outcome=%s",
	    log_card(&run->prepared.card, card), outcomes[o->end]);
	gate_touch(g, core_ended(g->core, gate_moment(), &rec));
	run_free(g->runs, run);
}

/* A run that could not even be tried has its result all the same. */
static void
failed_to_start(struct run *run, int err)
{
	struct exec_outcome o = {
		.end = EXEC_FAILED_TO_START,
		.reason = "sandbox_error",
		.detail = err_text(err),
		.enforced = "",
	};

	on_end(run, &o);
}

void
runs_start(struct runs *r, const struct sha256 *card)
{
	struct exec_callbacks callbacks = { on_started, on_output, on_end, 0 };
	struct run *run = run_find(r, card);
	struct gate *g = r->g;
	int err;

	if (run == NULL || run->execution != NULL) {
		gate_fail(g, "a run without a plan", ERR_STATE);
		return;
	}
	callbacks.held = identities_held(&g->planner.identities,
	    run->prepared.account);
	err = executor_start(g->executor, buf_bytes(&run->prepared.plan),
	    buf_bytes(&run->prepared.script), run->prepared.timeout_ms,
	    &callbacks, run, &run->execution);
	if (err != 0) {
		run->execution = NULL;
		failed_to_start(run, err);
		return;
	}
	prepared_free(&run->prepared);
}

void
runs_stop(struct runs *r, const struct sha256 *card, const char *reason)
{
	struct run *run = run_find(r, card);

	if (run == NULL || run->execution == NULL)
		return;
	if (run->stopped_for[0] == '\0')
		snprintf(run->stopped_for, sizeof(run->stopped_for), "%s",
		    reason);
	execution_stop(run->execution);
}

void
runs_stop_all(struct runs *r, const char *reason)
{
	struct run *run;

	for (run = r->first; run != NULL; run = run->next)
		runs_stop(r, &run->prepared.card, reason);
}
