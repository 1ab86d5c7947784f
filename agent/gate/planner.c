/*
 * planner.c - from an approved card to what the runner is told.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/planner.h"

#include "common/constants.h"
#include "platform/privileges.h"
#include "platform/shells.h"

#include <stdio.h>
#include <string.h>

#define ARGUMENTS_CAP (512u * 1024u)

/* The pieces that a plan points into while it is made. */
struct draft {
	struct plan plan;
	struct buf environment;	/* CS_ARG_*=…, NUL-terminated each */
	struct buf argv;	/* of an argv tool, NUL-terminated each */
};

void
prepared_free(struct prepared *p)
{
	buf_free(&p->plan);
	buf_free(&p->script);
}

static bool
profile_is_offered(const struct planner *p, enum action_profile profile)
{
	const struct sandbox_offer *o = executor_offer(p->executor);

	switch (profile) {
	case ACTION_OBSERVE:
		return o->observe;
	case ACTION_REPAIR:
		return o->repair;
	case ACTION_FULL:
		return o->full;
	}
	return false;
}

/* The absolute path of what would be exec'd, or NULL. */
static const char *
interpreter_path(const struct verdict *v, struct buf *argv)
{
	const char *const *line;

	if (v->action.shell == ACTION_ARGV)
		return policy_argv(v, argv) > 0 && buf_error(argv) == 0 ?
		    (const char *)argv->p : NULL;
	line = shells_command_line(v->action.shell);
	return line != NULL ? line[0] : NULL;
}

const char *
planner_offers(struct planner *p, const struct verdict *v)
{
	struct buf argv;
	const char *path;
	uint8_t hash[32];
	bool found;

	if (!profile_is_offered(p, v->action.profile))
		return "sandbox_unavailable";
	buf_init(&argv, ARGUMENTS_CAP);
	path = interpreter_path(v, &argv);
	found = path != NULL && interpreter_check(&p->cache, path, hash) == 0;
	buf_free(&argv);
	return found ? NULL : "no_interpreter";
}

/* Points the list at the NUL-terminated strings in b. */
static size_t
point_at(const struct buf *b, const char **list, size_t n, size_t max)
{
	size_t at = 0;

	while (at < b->n && n < max) {
		list[n++] = (const char *)b->p + at;
		at += strlen((const char *)b->p + at) + 1;
	}
	list[n] = NULL;
	return n;
}

static bool
fill_command(struct draft *d, const struct verdict *v)
{
	struct plan *plan = &d->plan;
	const char *const *line;

	plan->program = interpreter_path(v, &d->argv);
	if (plan->program == NULL)
		return false;
	if (v->action.shell == ACTION_ARGV) {
		plan->n_args = point_at(&d->argv, plan->args, 0,
		    PLAN_ARGS_MAX);
		return true;
	}
	line = shells_command_line(v->action.shell);
	while (plan->n_args < PLAN_ARGS_MAX && line[plan->n_args] != NULL) {
		plan->args[plan->n_args] = line[plan->n_args];
		plan->n_args++;
	}
	plan->flags |= PLAN_FLAG_SCRIPT;
	return true;
}

static void
fill_environment(struct draft *d, const struct verdict *v)
{
	const char *const *fixed = shells_environment(v->action.profile);
	struct plan *plan = &d->plan;

	while (*fixed != NULL && plan->n_env < PLAN_ENV_MAX)
		plan->env[plan->n_env++] = *fixed++;
	(void)policy_environment(v, &d->environment);
	plan->n_env = point_at(&d->environment, plan->env, plan->n_env,
	    PLAN_ENV_MAX);
}

static const enum plan_profile profiles[] = {
	[ACTION_OBSERVE] = PLAN_OBSERVE,
	[ACTION_REPAIR] = PLAN_REPAIR,
	[ACTION_FULL] = PLAN_FULL,
};

static const enum plan_net nets[] = {
	[ACTION_NET_NONE] = PLAN_NET_NONE,
	[ACTION_NET_VIEW] = PLAN_NET_VIEW,
	[ACTION_NET_HOST] = PLAN_NET_HOST,
};

static void
fill_limits(struct plan *plan, const struct action *a)
{
	plan->profile = profiles[a->profile];
	plan->net = nets[a->net];
	plan->read = a->read == ACTION_READ_ALL ? PLAN_READ_ALL :
	    PLAN_READ_USER;
	plan->survivors = a->survivors == ACTION_KEEP ? PLAN_KEEP : PLAN_KILL;
	if (a->no_unix)
		plan->flags |= PLAN_FLAG_NO_UNIX;
	if (a->n_services > 0)
		plan->flags |= PLAN_FLAG_SERVICES;
	plan->cwd = shells_cwd(a->profile);
	plan->umask = CARD_V1_UMASK;
	plan->memory_bytes = (uint64_t)a->limits.memory_mb << 20;
	plan->processes = (uint32_t)a->limits.processes;
	plan->open_files = CARD_V1_OPEN_FILES;
	if (a->profile != ACTION_FULL)
		plan->file_bytes = CARD_V1_FILE_BYTES;
	plan->uid = privileges_uid();
	plan->gid = privileges_gid();
}

static const char *
finish(struct planner *p, struct draft *d, const struct verdict *v,
    struct prepared *out, struct core_plan *ret_plan)
{
	int err;

	if (buf_error(&d->argv) != 0 || buf_error(&d->environment) != 0)
		return "plan_too_large";
	err = executor_prepare(p->executor, &d->plan, &out->plan);
	if (err != 0)
		return err == ERR_UNSUPPORTED ? "survivors_unavailable" :
		    "plan_too_large";
	if (v->action.shell != ACTION_ARGV) {
		buf_put_str(&out->script,
		    card_v1_prologue(v->action.shell));
		buf_put_bytes(&out->script, v->action.text);
	}
	if (buf_error(&out->script) != 0)
		return "plan_too_large";
	if (plan_digest(buf_bytes(&out->plan), ret_plan->plan.b) != 0)
		return "no_memory";
	if (interpreter_check(&p->cache, d->plan.program,
	    ret_plan->interpreter_hash.b) != 0)
		return "no_interpreter";
	if (interpreter_hash(&p->cache, p->runner,
	    ret_plan->runner_hash.b) != 0)
		return "no_runner";
	snprintf(ret_plan->interpreter, sizeof(ret_plan->interpreter), "%s",
	    d->plan.program);
	return NULL;
}

const char *
planner_make(struct planner *p, const struct card *card,
    const struct verdict *v, struct prepared *ret_prepared,
    struct core_plan *ret_plan)
{
	struct prepared out = { .card = card->digest };
	struct draft d;
	const char *word = "no_interpreter";

	memset(&d, 0, sizeof(d));
	buf_init(&out.plan, PLAN_SIZE_MAX);
	buf_init(&out.script, CAP_SCRIPT + 1024);
	buf_init(&d.environment, ARGUMENTS_CAP);
	buf_init(&d.argv, ARGUMENTS_CAP);
	memcpy(d.plan.card, card->digest.b, sizeof(d.plan.card));
	fill_limits(&d.plan, &v->action);
	out.timeout_ms = (uint64_t)v->action.limits.timeout_s * 1000;
	out.output_bytes = (uint64_t)v->action.limits.output_bytes;
	if (fill_command(&d, v)) {
		fill_environment(&d, v);
		word = finish(p, &d, v, &out, ret_plan);
	}
	buf_free(&d.environment);
	buf_free(&d.argv);
	if (word != NULL)
		prepared_free(&out);
	else
		*ret_prepared = out;
	return word;
}
