/*
 * planner.c - from an approved card to what the runner is told.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/planner.h"

#include "agent/gate/roots.h"
#include "common/constants.h"
#include "platform/paths.h"
#include "platform/places.h"
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
	struct buf roots;	/* the same */
	struct buf masks;
	struct buf units;
};

void
prepared_free(struct prepared *p)
{
	buf_free(&p->plan);
	buf_free(&p->script);
}

void
planner_release(struct planner *p, struct prepared *prepared)
{
	identities_release(&p->identities, &prepared->account);
	prepared_free(prepared);
}

static bool
profile_is_offered(const struct planner *p, enum action_profile profile,
    const char **ret_why)
{
	const struct sandbox_offer *o = executor_offer(p->executor);

	*ret_why = o->why[profile - ACTION_OBSERVE];
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

/* Without root nobody else's files are read and no service is told. */
static const char *
missing_here(const struct planner *p, const struct action *a)
{
	if (a->profile == ACTION_FULL)
		return NULL;
	if (privileges_is_root())
		return a->n_services == 0 || executor_has_services(
		    p->executor) ? NULL : "services: what runs their scripts"
		    " could not be started with the agent";
	if (a->n_services > 0)
		return "services: the agent does not run as root";
	return a->read == ACTION_READ_ALL ?
	    "read all: the agent does not run as root" : NULL;
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
planner_offers(struct planner *p, const struct verdict *v,
    char ret_detail[REFUSAL_DETAIL_SIZE])
{
	struct buf argv;
	const char *path, *why, *word;
	uint8_t hash[32];
	bool found;

	if (!profile_is_offered(p, v->action.profile, &why) ||
	    (why = missing_here(p, &v->action)) != NULL) {
		snprintf(ret_detail, REFUSAL_DETAIL_SIZE, "%s", why);
		return "sandbox_unavailable";
	}
	if ((word = roots_check(p->config, p->runner->fd, &v->action,
	    ret_detail)) != NULL)
		return word;
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

	for (; *fixed != NULL && plan->n_env < PLAN_ENV_MAX; fixed++)
		plan->env[plan->n_env++] = v->action.n_services > 0 &&
		    strncmp(*fixed, "PATH=", 5) == 0 ?
		    "PATH=" CARD_V1_SERVICES_PATH : *fixed;
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
	plan->uid = privileges_uid();
	plan->gid = privileges_gid();
	if (a->profile == ACTION_FULL)
		return;
	plan->file_bytes = CARD_V1_FILE_BYTES;
	/* A folder that is full is an error of the command's; memory that is
	 * full, its end. */
	plan->tmp_bytes = CARD_V1_TMP_BYTES;
	if (plan->memory_bytes > 0 && plan->memory_bytes / 2 < plan->tmp_bytes)
		plan->tmp_bytes = plan->memory_bytes / 2;
	if (!privileges_is_root())
		plan->flags |= PLAN_FLAG_USERNS;
}

/* ---- confined profiles --------------------------------------------------- */

static void
put_string(struct buf *b, const char *s, size_t n)
{
	buf_put_bytes(b, bytes_of(s, n));
	buf_put_u8(b, 0);
}

/* The string number i of those in b. */
static const char *
string_at(const struct buf *b, size_t i)
{
	const char *s = (const char *)b->p;

	while (i-- > 0)
		s += strlen(s) + 1;
	return s;
}

static void
fill_roots(struct draft *d, const struct action *a)
{
	struct plan *plan = &d->plan;
	size_t i;

	for (i = 0; i < a->write.n; i++)
		put_string(&d->roots, (const char *)a->write.p[i].p,
		    a->write.p[i].n);
	for (i = 0; i < a->n_services; i++)
		put_string(&d->units, (const char *)a->services[i].unit.p,
		    a->services[i].unit.n);
	if (buf_error(&d->roots) != 0 || buf_error(&d->units) != 0)
		return;
	for (i = 0; i < a->write.n && i < PLAN_ROOTS_MAX; i++)
		plan->roots[plan->n_roots++] = string_at(&d->roots, i);
	for (i = 0; i < a->n_services && i < PLAN_SERVICES_MAX; i++) {
		plan->services[i].unit = string_at(&d->units, i);
		plan->services[i].verbs = a->services[i].verbs;
		plan->n_services++;
	}
}

_Static_assert(ACTION_VERB_START == PLAN_VERB_START &&
    ACTION_VERB_STOP == PLAN_VERB_STOP &&
    ACTION_VERB_RESTART == PLAN_VERB_RESTART &&
    ACTION_VERB_RELOAD == PLAN_VERB_RELOAD &&
    ACTION_VERB_STATUS == PLAN_VERB_STATUS, "same bits");

/*
 * The agent's own: state, control socket, configuration and pin. What is not
 * there needs no mask; the real path is what counts.
 */
static void
fill_masks(const struct planner *p, struct draft *d)
{
	const struct config *c = p->config;
	const char *const own[] = { c->state, c->socket, c->file,
	    paths_pin_dir() };
	char real[PLACES_PATH_SIZE];
	size_t i, n = 0;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (own[i] == NULL || own[i][0] != '/' ||
		    places_resolve(own[i], real) != 0)
			continue;
		put_string(&d->masks, real, strlen(real));
		n++;
	}
	if (buf_error(&d->masks) != 0)
		return;
	for (i = 0; i < n; i++)
		d->plan.masks[d->plan.n_masks++] = string_at(&d->masks, i);
}

/* What a confined profile needs besides; NULL, or a word why it cannot be. */
static const char *
fill_confined(struct planner *p, struct draft *d, const struct action *a,
    struct prepared *out)
{
	char detail[REFUSAL_DETAIL_SIZE];
	struct plan *plan = &d->plan;
	struct identity id;
	const char *word;
	size_t i;
	int r;

	if (a->profile == ACTION_FULL)
		return NULL;
	if (a->profile == ACTION_OBSERVE && p->untried)
		return "account_busy";
	if (!profile_is_offered(p, a->profile, &word) ||
	    missing_here(p, a) != NULL)
		return "sandbox_unavailable";
	/* The machine may have changed since it was received. */
	if ((word = roots_check(p->config, p->runner->fd, a, detail)) != NULL)
		return word;
	fill_roots(d, a);
	fill_masks(p, d);
	if (a->profile != ACTION_OBSERVE || !privileges_is_root())
		return NULL;
	r = identities_take(&p->identities, 0, &id, &out->account);
	if (r != 0)
		return r == ERR_EXISTS ? "account_busy" : "no_account";
	plan->uid = id.uid;
	plan->gid = id.gid;
	for (i = 0; i < id.n_groups && i < PLAN_GROUPS_MAX; i++)
		plan->groups[plan->n_groups++] = id.groups[i];
	return NULL;
}

static const char *
finish(struct planner *p, struct draft *d, const struct verdict *v,
    struct prepared *out, struct core_plan *ret_plan)
{
	int err;

	if (buf_error(&d->argv) != 0 || buf_error(&d->environment) != 0 ||
	    buf_error(&d->roots) != 0 || buf_error(&d->masks) != 0 ||
	    buf_error(&d->units) != 0)
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
	struct prepared out = { .card = card->digest,
	    .account = IDENTITY_NONE };
	struct draft d;
	const char *word = "no_interpreter";

	memset(&d, 0, sizeof(d));
	buf_init(&out.plan, PLAN_SIZE_MAX);
	buf_init(&out.script, CAP_SCRIPT + 1024);
	buf_init(&d.environment, ARGUMENTS_CAP);
	buf_init(&d.argv, ARGUMENTS_CAP);
	buf_init(&d.roots, ARGUMENTS_CAP);
	buf_init(&d.masks, ARGUMENTS_CAP);
	buf_init(&d.units, ARGUMENTS_CAP);
	memcpy(d.plan.card, card->digest.b, sizeof(d.plan.card));
	fill_limits(&d.plan, &v->action);
	out.timeout_ms = (uint64_t)v->action.limits.timeout_s * 1000;
	out.output_bytes = (uint64_t)v->action.limits.output_bytes;
	if (fill_command(&d, v)) {
		fill_environment(&d, v);
		word = fill_confined(p, &d, &v->action, &out);
		if (word == NULL)
			word = finish(p, &d, v, &out, ret_plan);
	}
	buf_free(&d.environment);
	buf_free(&d.argv);
	buf_free(&d.roots);
	buf_free(&d.masks);
	buf_free(&d.units);
	if (word != NULL)
		planner_release(p, &out);
	else
		*ret_prepared = out;
	return word;
}
