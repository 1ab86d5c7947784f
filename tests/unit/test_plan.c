/*
 * test_plan.c - the runner's plan: one form for each, and everything else
 * refused.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/digest.h"
#include "common/plan.h"
#include "tests/harness/test.h"

/* A plan with something in every field. */
static void
make_plan(struct plan *p)
{
	memset(p, 0, sizeof(*p));
	memset(p->card, 0xc5, sizeof(p->card));
	p->profile = PLAN_REPAIR;
	p->net = PLAN_NET_VIEW;
	p->read = PLAN_READ_ALL;
	p->survivors = PLAN_KILL;
	p->flags = PLAN_FLAG_SCRIPT | PLAN_FLAG_SERVICES | PLAN_FLAG_MEMORY;
	p->program = "/bin/sh";
	p->args[0] = "sh";
	p->args[1] = "/proc/self/fd/6";
	p->n_args = 2;
	p->env[0] = "PATH=/bin";
	p->env[1] = "LANG=C.UTF-8";
	p->env[2] = "EMPTY=";
	p->n_env = 3;
	p->cwd = "/";
	p->umask = 022;
	p->uid = 0;
	p->gid = 7;
	p->groups[0] = 4;
	p->groups[1] = 24;
	p->n_groups = 2;
	p->memory_bytes = 512ull << 20;
	p->processes = 64;
	p->file_bytes = 1ull << 33;
	p->open_files = 4096;
	p->tmp_bytes = 256u << 20;
	p->roots[0] = "/srv/app";
	p->n_roots = 1;
	p->masks[0] = "/var/lib/countersign";
	p->masks[1] = "/etc/shadow";
	p->n_masks = 2;
	p->cgroups[0].kind = PLAN_CGROUP_V2;
	p->cgroups[0].path = "/sys/fs/cgroup/x";
	p->cgroups[1].kind = PLAN_CGROUP_PIDS;
	p->cgroups[1].path = "/sys/fs/cgroup/pids/x";
	p->n_cgroups = 2;
	p->services[0].unit = "nginx.service";
	p->services[0].verbs = PLAN_VERB_RESTART | PLAN_VERB_STATUS;
	p->services[1].unit = "getty@tty1.service";
	p->services[1].verbs = PLAN_VERB_STOP;
	p->n_services = 2;
}

static void
encode(const struct plan *p, struct buf *b)
{
	buf_init(b, PLAN_SIZE_MAX);
	CHECK_INT(plan_encode(p, b), 0);
}

TEST(round_trip)
{
	struct plan p, q;
	struct buf b, c;
	size_t i;

	make_plan(&p);
	encode(&p, &b);
	CHECK_INT(plan_decode(buf_bytes(&b), &q), 0);
	CHECK_MEM(q.card, 32, p.card, 32);
	CHECK_INT(q.profile, p.profile);
	CHECK_INT(q.net, p.net);
	CHECK_INT(q.read, p.read);
	CHECK_INT(q.survivors, p.survivors);
	CHECK_INT(q.flags, p.flags);
	CHECK_STR(q.program, p.program);
	CHECK_INT(q.n_args, p.n_args);
	for (i = 0; i <= p.n_args; i++)
		CHECK_STR(q.args[i], p.args[i]);
	CHECK_INT(q.n_env, p.n_env);
	for (i = 0; i <= p.n_env; i++)
		CHECK_STR(q.env[i], p.env[i]);
	CHECK_STR(q.cwd, p.cwd);
	CHECK_INT(q.umask, p.umask);
	CHECK_INT(q.uid, p.uid);
	CHECK_INT(q.gid, p.gid);
	CHECK_INT(q.n_groups, 2);
	CHECK_INT(q.groups[1], 24);
	CHECK_INT(q.memory_bytes, p.memory_bytes);
	CHECK_INT(q.processes, p.processes);
	CHECK_INT(q.file_bytes, p.file_bytes);
	CHECK_INT(q.open_files, p.open_files);
	CHECK_INT(q.tmp_bytes, p.tmp_bytes);
	CHECK_INT(q.n_roots, 1);
	CHECK_STR(q.roots[0], p.roots[0]);
	CHECK_INT(q.n_masks, 2);
	CHECK_STR(q.masks[1], p.masks[1]);
	CHECK_INT(q.n_cgroups, 2);
	CHECK_INT(q.cgroups[1].kind, PLAN_CGROUP_PIDS);
	CHECK_STR(q.cgroups[1].path, p.cgroups[1].path);
	CHECK_INT(q.n_services, 2);
	CHECK_STR(q.services[0].unit, "nginx.service");
	CHECK_INT(q.services[0].verbs, PLAN_VERB_RESTART | PLAN_VERB_STATUS);
	CHECK_STR(q.services[1].unit, "getty@tty1.service");
	CHECK_INT(q.services[1].verbs, PLAN_VERB_STOP);
	/* The same bytes again: one plan has one form. */
	encode(&q, &c);
	CHECK_MEM(b.p, b.n, c.p, c.n);
	buf_free(&b);
	buf_free(&c);
}

TEST(bytes_are_stable)
{
	struct plan p;
	struct buf b;
	uint8_t digest[32];
	struct sha256 want;

	make_plan(&p);
	encode(&p, &b);
	CHECK_MEM(b.p, 4, "\2\0\0\0", 4);
	CHECK_INT(digest_init(), 0);
	CHECK_INT(plan_digest(buf_bytes(&b), digest), 0);
	digest_sha256(buf_bytes(&b), &want);
	CHECK_MEM(digest, 32, want.b, 32);
	CHECK_INT(plan_digest(bytes_of(NULL, 0), digest), ERR_TOO_LARGE);
	buf_free(&b);
}

/* Every shorter plan and every longer one is refused. */
TEST(cut_and_trailing)
{
	struct plan p, q;
	struct buf b;
	size_t i;
	int r;

	make_plan(&p);
	encode(&p, &b);
	for (i = 0; i < b.n; i++) {
		/* A copy of that size: reading past it is seen. */
		uint8_t *part = malloc(i > 0 ? i : 1);

		CHECK(part != NULL);
		memcpy(part, b.p, i);
		r = plan_decode(bytes_of(part, i), &q);
		CHECK_MSG(r == ERR_TRUNCATED, "cut at %zu: %s", i,
		    err_word(r));
		free(part);
	}
	buf_put_u8(&b, 0);
	CHECK_INT(plan_decode(buf_bytes(&b), &q), ERR_SYNTAX);
	buf_free(&b);
}

/* Any one byte changed: refused, or another plan; never read out of bounds. */
TEST(flipped)
{
	struct plan p, q;
	struct buf b, c;
	size_t i;
	int bit;

	make_plan(&p);
	encode(&p, &b);
	buf_init(&c, PLAN_SIZE_MAX);
	for (i = 0; i < b.n; i++)
		for (bit = 0; bit < 8; bit++) {
			b.p[i] ^= (uint8_t)(1 << bit);
			buf_clear(&c);
			if (plan_decode(buf_bytes(&b), &q) == 0) {
				CHECK_INT(plan_encode(&q, &c), 0);
				CHECK_MEM(c.p, c.n, b.p, b.n);
			}
			b.p[i] ^= (uint8_t)(1 << bit);
		}
	buf_free(&b);
	buf_free(&c);
}

static void
break_profile(struct plan *p)
{
	p->profile = (enum plan_profile)4;
}

static void
break_profile_zero(struct plan *p)
{
	p->profile = (enum plan_profile)0;
}

static void
break_net(struct plan *p)
{
	p->net = (enum plan_net)0;
}

static void
break_read(struct plan *p)
{
	p->read = (enum plan_read)3;
}

static void
break_survivors(struct plan *p)
{
	p->survivors = (enum plan_survivors)3;
}

static void
break_flags(struct plan *p)
{
	p->flags |= 0x80;
}

static void
break_umask(struct plan *p)
{
	p->umask = 01022;
}

static void
break_uid(struct plan *p)
{
	p->uid = UINT32_MAX;
}

static void
break_gid(struct plan *p)
{
	p->gid = UINT32_MAX;
}

static void
break_observe_as_root(struct plan *p)
{
	p->profile = PLAN_OBSERVE;
	p->flags = 0;
	p->n_roots = 0;
	p->n_services = 0;
}

static void
break_services(struct plan *p)
{
	p->profile = PLAN_FULL;
}

static void
break_services_unflagged(struct plan *p)
{
	p->flags &= ~PLAN_FLAG_SERVICES;
}

static void
break_services_missing(struct plan *p)
{
	p->n_services = 0;
}

static void
break_services_many(struct plan *p)
{
	p->n_services = PLAN_SERVICES_MAX + 1;
}

static void
break_unit(struct plan *p)
{
	p->services[1].unit = "nginx.socket";
}

static void
break_unit_empty(struct plan *p)
{
	p->services[1].unit = ".service";
}

static void
break_unit_option(struct plan *p)
{
	p->services[1].unit = "--now.service";
}

static void
break_unit_character(struct plan *p)
{
	p->services[1].unit = "a/b.service";
}

static void
break_unit_twice(struct plan *p)
{
	p->services[1].unit = "nginx.service";
}

static void
break_verbs_none(struct plan *p)
{
	p->services[0].verbs = 0;
}

static void
break_verbs(struct plan *p)
{
	p->services[0].verbs = 0x20;
}

static void
break_roots(struct plan *p)
{
	p->profile = PLAN_FULL;
	p->flags = 0;
	p->n_services = 0;
}

static void
break_keep(struct plan *p)
{
	p->survivors = PLAN_KEEP;
}

static void
break_program(struct plan *p)
{
	p->program = "bin/sh";
}

static void
break_program_missing(struct plan *p)
{
	p->program = NULL;
}

static void
break_dotdot(struct plan *p)
{
	p->program = "/usr/../bin/sh";
}

static void
break_dotdot_end(struct plan *p)
{
	p->roots[0] = "/srv/..";
}

static void
break_cwd(struct plan *p)
{
	p->cwd = "";
}

static void
break_no_args(struct plan *p)
{
	p->n_args = 0;
}

static void
break_args(struct plan *p)
{
	p->n_args = PLAN_ARGS_MAX + 1;
}

static void
break_env(struct plan *p)
{
	p->n_env = PLAN_ENV_MAX + 1;
}

static void
break_groups(struct plan *p)
{
	p->n_groups = PLAN_GROUPS_MAX + 1;
}

static void
break_env_equals(struct plan *p)
{
	p->env[1] = "LANG";
}

static void
break_env_name(struct plan *p)
{
	p->env[1] = "=x";
}

static void
break_env_twice(struct plan *p)
{
	p->env[1] = "PATH=/usr/bin";
}

static void
break_mask(struct plan *p)
{
	p->masks[1] = "shadow";
}

static void
break_cgroup(struct plan *p)
{
	p->cgroups[1].path = "x";
}

static void
break_cgroup_kind(struct plan *p)
{
	p->cgroups[1].kind = (enum plan_cgroup)9;
}

static void
break_cgroup_twice(struct plan *p)
{
	p->cgroups[1].kind = PLAN_CGROUP_V2;
}

static void
break_no_cgroup(struct plan *p)
{
	p->n_cgroups = 0;
}

static char long_path[PLAN_PATH_MAX + 2];
static char long_string[PLAN_STRING_MAX + 2];

static void
break_unit_long(struct plan *p)
{
	memset(long_path, 'a', PLAN_UNIT_MAX + 1);
	memcpy(long_path + PLAN_UNIT_MAX + 1 - 8, ".service", 9);
	p->services[1].unit = long_path;
}

static void
break_long_path(struct plan *p)
{
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[0] = '/';
	p->cwd = long_path;
}

static void
break_long_arg(struct plan *p)
{
	memset(long_string, 'a', sizeof(long_string) - 1);
	p->args[1] = long_string;
}

static const struct {
	const char *name;
	void (*change)(struct plan *p);
	int err;
} bad[] = {
	{ "profile", break_profile, ERR_RANGE },
	{ "profile 0", break_profile_zero, ERR_RANGE },
	{ "net", break_net, ERR_RANGE },
	{ "read", break_read, ERR_RANGE },
	{ "survivors", break_survivors, ERR_RANGE },
	{ "flags", break_flags, ERR_RANGE },
	{ "umask", break_umask, ERR_RANGE },
	{ "uid", break_uid, ERR_RANGE },
	{ "gid", break_gid, ERR_RANGE },
	{ "observe as root", break_observe_as_root, ERR_RANGE },
	{ "services", break_services, ERR_RANGE },
	{ "services unflagged", break_services_unflagged, ERR_RANGE },
	{ "services missing", break_services_missing, ERR_RANGE },
	{ "many services", break_services_many, ERR_TOO_LARGE },
	{ "unit", break_unit, ERR_RANGE },
	{ "empty unit", break_unit_empty, ERR_RANGE },
	{ "unit as option", break_unit_option, ERR_RANGE },
	{ "unit's character", break_unit_character, ERR_RANGE },
	{ "long unit", break_unit_long, ERR_TOO_LARGE },
	{ "unit twice", break_unit_twice, ERR_DUPLICATE },
	{ "no verbs", break_verbs_none, ERR_RANGE },
	{ "verbs", break_verbs, ERR_RANGE },
	{ "roots", break_roots, ERR_RANGE },
	{ "keep", break_keep, ERR_RANGE },
	{ "program", break_program, ERR_RANGE },
	{ "no program", break_program_missing, ERR_RANGE },
	{ "dotdot", break_dotdot, ERR_RANGE },
	{ "dotdot at the end", break_dotdot_end, ERR_RANGE },
	{ "cwd", break_cwd, ERR_RANGE },
	{ "no args", break_no_args, ERR_RANGE },
	{ "args", break_args, ERR_TOO_LARGE },
	{ "env", break_env, ERR_TOO_LARGE },
	{ "groups", break_groups, ERR_TOO_LARGE },
	{ "env without =", break_env_equals, ERR_SYNTAX },
	{ "env without name", break_env_name, ERR_SYNTAX },
	{ "env twice", break_env_twice, ERR_DUPLICATE },
	{ "mask", break_mask, ERR_RANGE },
	{ "cgroup", break_cgroup, ERR_RANGE },
	{ "cgroup kind", break_cgroup_kind, ERR_RANGE },
	{ "cgroup twice", break_cgroup_twice, ERR_DUPLICATE },
	{ "flag without cgroup", break_no_cgroup, ERR_RANGE },
	{ "long path", break_long_path, ERR_TOO_LARGE },
	{ "long argument", break_long_arg, ERR_TOO_LARGE },
};

TEST(bad_plans_are_not_written)
{
	struct plan p;
	struct buf b;
	size_t i;
	int r;

	buf_init(&b, PLAN_SIZE_MAX);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_plan(&p);
		bad[i].change(&p);
		r = plan_encode(&p, &b);
		CHECK_MSG(r == bad[i].err, "%s: %s", bad[i].name, err_word(r));
		CHECK_INT(b.n, 0);
	}
	buf_free(&b);
}

/* The largest strings and lists that may be. */
TEST(caps)
{
	static char path[PLAN_PATH_MAX + 1], arg[PLAN_STRING_MAX + 1];
	static char env[PLAN_ENV_MAX][8];
	struct plan p, q;
	struct buf b;
	size_t i;

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	memset(arg, 'a', sizeof(arg) - 1);
	make_plan(&p);
	p.cwd = path;
	p.args[1] = arg;
	for (i = 0; i < PLAN_ENV_MAX; i++) {
		(void)snprintf(env[i], sizeof(env[i]), "E%zu=", i);
		p.env[i] = env[i];
	}
	p.n_env = PLAN_ENV_MAX;
	for (i = 2; i < PLAN_ARGS_MAX; i++)
		p.args[i] = "";
	p.n_args = PLAN_ARGS_MAX;
	encode(&p, &b);
	CHECK_INT(plan_decode(buf_bytes(&b), &q), 0);
	CHECK_STR(q.cwd, path);
	CHECK_STR(q.args[1], arg);
	CHECK(q.args[PLAN_ARGS_MAX] == NULL);
	CHECK(q.env[PLAN_ENV_MAX] == NULL);
	buf_free(&b);

	/* More than fits into one plan. */
	for (i = 0; i < PLAN_ARGS_MAX; i++)
		p.args[i] = arg;
	buf_init(&b, SIZE_MAX / 2);
	CHECK_INT(plan_encode(&p, &b), ERR_TOO_LARGE);
	buf_free(&b);
}

/* What no encoder writes: strings with no NUL at the end, or one inside. */
TEST(bad_strings)
{
	struct plan p, q;
	struct buf b;
	uint8_t *s;

	make_plan(&p);
	encode(&p, &b);
	s = memmem(b.p, b.n, "/bin/sh", 8);
	CHECK(s != NULL);
	s[7] = 'x';
	CHECK_INT(plan_decode(buf_bytes(&b), &q), ERR_SYNTAX);
	s[7] = '\0';
	s[4] = '\0';
	CHECK_INT(plan_decode(buf_bytes(&b), &q), ERR_SYNTAX);
	s[4] = '/';
	CHECK_INT(plan_decode(buf_bytes(&b), &q), 0);
	b.p[0] = PLAN_VERSION - 1;
	CHECK_INT(plan_decode(buf_bytes(&b), &q), ERR_VERSION);
	CHECK_INT(plan_decode(bytes_of(b.p, 3), &q), ERR_TRUNCATED);
	buf_free(&b);
}

TEST(no_memory)
{
	struct plan p;
	struct buf b;
	int r;

	make_plan(&p);
	OOM_LOOP {
		buf_init(&b, PLAN_SIZE_MAX);
		r = plan_encode(&p, &b);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		buf_free(&b);
	}
}

TEST(words)
{
	CHECK_STR(plan_step_word(PLAN_STEP_NONE), "none");
	CHECK_STR(plan_step_word(PLAN_STEP_CGROUP), "cgroup");
	CHECK_STR(plan_step_word(PLAN_STEP_LAST), "exec");
	CHECK_STR(plan_step_word(PLAN_STEP_LAST + 1), "unknown");
	CHECK_STR(plan_profile_word(PLAN_OBSERVE), "observe");
	CHECK_STR(plan_profile_word(PLAN_REPAIR), "repair");
	CHECK_STR(plan_profile_word(PLAN_FULL), "full");
	CHECK_STR(plan_profile_word(0), "unknown");
	CHECK_STR(plan_profile_word(4), "unknown");
}

TEST_MAIN()
