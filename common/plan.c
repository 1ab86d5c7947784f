/*
 * plan.c - what the runner is to do, as fixed bytes from gate to runner.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (writes), runner (reads).
 *
 * Layout, little-endian; a string is a u32 length, that many bytes of which
 * the last and only the last is NUL; a list is a u32 count and its entries:
 *
 *	u32 version, card[32], u8 profile, u8 net, u8 read, u8 survivors,
 *	u32 flags, u32 umask, u32 uid, u32 gid, list of u32 groups,
 *	u64 memory, u32 processes, u64 file, u32 open files, u64 tmp,
 *	string program, string cwd, lists of strings args, env, roots, masks,
 *	list of (u8 kind, string path) control groups,
 *	list of (u32 verbs, string unit) services
 */
#include "common/plan.h"

#include <string.h>

#define FLAGS_ALL (PLAN_FLAG_SCRIPT | PLAN_FLAG_SERVICES | PLAN_FLAG_NO_UNIX | \
    PLAN_FLAG_USERNS | PLAN_FLAG_MEMORY | PLAN_FLAG_PROCESSES)

/* ---- writing ------------------------------------------------------------- */

static void
put_string(struct buf *b, const char *s)
{
	size_t n = s != NULL ? strlen(s) : 0;

	buf_put_field(b, bytes_of(s != NULL ? s : "", n + 1));
}

static void
put_list(struct buf *b, const char *const *list, size_t n)
{
	size_t i;

	buf_put_u32le(b, (uint32_t)n);
	for (i = 0; i < n; i++)
		put_string(b, list[i]);
}

static void
put_plan(struct buf *b, const struct plan *p)
{
	size_t i;

	buf_put_u32le(b, PLAN_VERSION);
	buf_put(b, p->card, sizeof(p->card));
	buf_put_u8(b, (uint8_t)p->profile);
	buf_put_u8(b, (uint8_t)p->net);
	buf_put_u8(b, (uint8_t)p->read);
	buf_put_u8(b, (uint8_t)p->survivors);
	buf_put_u32le(b, p->flags);
	buf_put_u32le(b, p->umask);
	buf_put_u32le(b, p->uid);
	buf_put_u32le(b, p->gid);
	buf_put_u32le(b, (uint32_t)p->n_groups);
	for (i = 0; i < p->n_groups; i++)
		buf_put_u32le(b, p->groups[i]);
	buf_put_u64le(b, p->memory_bytes);
	buf_put_u32le(b, p->processes);
	buf_put_u64le(b, p->file_bytes);
	buf_put_u32le(b, p->open_files);
	buf_put_u64le(b, p->tmp_bytes);
	put_string(b, p->program);
	put_string(b, p->cwd);
	put_list(b, p->args, p->n_args);
	put_list(b, p->env, p->n_env);
	put_list(b, p->roots, p->n_roots);
	put_list(b, p->masks, p->n_masks);
	buf_put_u32le(b, (uint32_t)p->n_cgroups);
	for (i = 0; i < p->n_cgroups; i++) {
		buf_put_u8(b, (uint8_t)p->cgroups[i].kind);
		put_string(b, p->cgroups[i].path);
	}
	buf_put_u32le(b, (uint32_t)p->n_services);
	for (i = 0; i < p->n_services; i++) {
		buf_put_u32le(b, p->services[i].verbs);
		put_string(b, p->services[i].unit);
	}
}

int
plan_encode(const struct plan *p, struct buf *ret_b)
{
	struct plan again;
	struct buf b;
	int r;

	if (p->n_groups > PLAN_GROUPS_MAX || p->n_args > PLAN_ARGS_MAX ||
	    p->n_env > PLAN_ENV_MAX || p->n_roots > PLAN_ROOTS_MAX ||
	    p->n_masks > PLAN_MASKS_MAX || p->n_cgroups > PLAN_CGROUPS_MAX ||
	    p->n_services > PLAN_SERVICES_MAX)
		return ERR_TOO_LARGE;
	buf_init(&b, PLAN_SIZE_MAX);
	put_plan(&b, p);
	/* What the runner would refuse is refused here: by the same code. */
	if ((r = buf_error(&b)) == 0 &&
	    (r = plan_decode(buf_bytes(&b), &again)) == 0) {
		buf_put_bytes(ret_b, buf_bytes(&b));
		r = buf_error(ret_b);
	}
	buf_free(&b);
	return r;
}

/* ---- reading ------------------------------------------------------------- */

/* The cursor, and the first thing that is wrong with what it read. */
struct decoder {
	struct reader in;
	int err;
};

static void
fail(struct decoder *d, int err)
{
	if (d->err == 0)
		d->err = err;
}

/* A string of at most cap bytes; "" once something is wrong. */
static const char *
get_string(struct decoder *d, size_t cap)
{
	struct bytes s = reader_field(&d->in, cap + 1);

	if (s.n == 0 || s.p[s.n - 1] != '\0' ||
	    memchr(s.p, '\0', s.n - 1) != NULL) {
		fail(d, d->in.err != 0 ? d->in.err : ERR_SYNTAX);
		return "";
	}
	return (const char *)s.p;
}

/* A path of Windows: a drive first. A plan is read on the system that made it,
 * where a path of another system's form is no file. */
static bool
has_drive(const char *s)
{
	return ((s[0] >= 'A' && s[0] <= 'Z') || (s[0] >= 'a' && s[0] <= 'z')) &&
	    s[1] == ':' && (s[2] == '\\' || s[2] == '/');
}

static bool
is_slash(char c, bool both)
{
	return c == '/' || (both && c == '\\');
}

/* Whether an absolute path has no `..` in it. */
static bool
is_path(const char *s)
{
	bool drive = has_drive(s);
	const char *p;

	if (s[0] != '/' && !drive)
		return false;
	for (p = s + (drive ? 2 : 0); *p != '\0'; p++)
		if (is_slash(p[0], drive) && p[1] == '.' && p[2] == '.' &&
		    (is_slash(p[3], drive) || p[3] == '\0'))
			return false;
	return true;
}

static const char *
get_path(struct decoder *d)
{
	const char *s = get_string(d, PLAN_PATH_MAX);

	if (!is_path(s))
		fail(d, ERR_RANGE);
	return s;
}

static size_t
get_count(struct decoder *d, size_t max)
{
	size_t n = reader_u32le(&d->in);

	if (n > max) {
		fail(d, ERR_TOO_LARGE);
		return 0;
	}
	return n;
}

static void
get_strings(struct decoder *d, const char **list, size_t max, size_t *ret_n)
{
	size_t i, n = get_count(d, max);

	for (i = 0; i < n && d->err == 0; i++)
		list[i] = get_string(d, PLAN_STRING_MAX);
	*ret_n = n;
}

static void
get_paths(struct decoder *d, const char **list, size_t max, size_t *ret_n)
{
	size_t i, n = get_count(d, max);

	for (i = 0; i < n && d->err == 0; i++)
		list[i] = get_path(d);
	*ret_n = n;
}

/* A byte from first to last. */
static unsigned
get_enum(struct decoder *d, unsigned first, unsigned last)
{
	unsigned v = reader_u8(&d->in);

	if (v < first || v > last)
		fail(d, d->in.err != 0 ? d->in.err : ERR_RANGE);
	return v;
}

static void
get_numbers(struct decoder *d, struct plan *p)
{
	struct bytes card = reader_take(&d->in, sizeof(p->card));
	size_t i;

	if (card.n == sizeof(p->card))
		memcpy(p->card, card.p, card.n);
	p->profile = (enum plan_profile)get_enum(d, PLAN_OBSERVE, PLAN_FULL);
	p->net = (enum plan_net)get_enum(d, PLAN_NET_NONE, PLAN_NET_HOST);
	p->read = (enum plan_read)get_enum(d, PLAN_READ_USER, PLAN_READ_ALL);
	p->survivors = (enum plan_survivors)get_enum(d, PLAN_KILL, PLAN_KEEP);
	p->flags = reader_u32le(&d->in);
	p->umask = reader_u32le(&d->in);
	p->uid = reader_u32le(&d->in);
	p->gid = reader_u32le(&d->in);
	p->n_groups = get_count(d, PLAN_GROUPS_MAX);
	for (i = 0; i < p->n_groups; i++)
		p->groups[i] = reader_u32le(&d->in);
	p->memory_bytes = reader_u64le(&d->in);
	p->processes = reader_u32le(&d->in);
	p->file_bytes = reader_u64le(&d->in);
	p->open_files = reader_u32le(&d->in);
	p->tmp_bytes = reader_u64le(&d->in);
}

static void
get_cgroups(struct decoder *d, struct plan *p)
{
	size_t i, j;

	p->n_cgroups = get_count(d, PLAN_CGROUPS_MAX);
	for (i = 0; i < p->n_cgroups && d->err == 0; i++) {
		p->cgroups[i].kind = (enum plan_cgroup)get_enum(d,
		    PLAN_CGROUP_V2, PLAN_CGROUP_PIDS);
		p->cgroups[i].path = get_path(d);
		for (j = 0; j < i; j++)
			if (p->cgroups[j].kind == p->cgroups[i].kind)
				fail(d, ERR_DUPLICATE);
	}
}

/* The same grammar as in cards; the broker hands it to a program. */
static bool
is_unit(const char *s)
{
	static const char end[] = ".service";
	size_t n = strlen(s), tail = sizeof(end) - 1;

	return n > tail && n <= PLAN_UNIT_MAX && s[0] != '-' &&
	    memcmp(s + n - tail, end, tail) == 0 &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789:_.@-") == n;
}

static void
get_services(struct decoder *d, struct plan *p)
{
	size_t i, j;

	p->n_services = get_count(d, PLAN_SERVICES_MAX);
	for (i = 0; i < p->n_services && d->err == 0; i++) {
		p->services[i].verbs = reader_u32le(&d->in);
		p->services[i].unit = get_string(d, PLAN_UNIT_MAX);
		if (d->err == 0 && (!is_unit(p->services[i].unit) ||
		    p->services[i].verbs == 0 ||
		    (p->services[i].verbs & ~PLAN_VERBS_ALL) != 0))
			fail(d, ERR_RANGE);
		for (j = 0; j < i; j++)
			if (strcmp(p->services[j].unit,
			    p->services[i].unit) == 0)
				fail(d, ERR_DUPLICATE);
	}
}

/* Each is "NAME=value", each name once. */
static int
check_env(const struct plan *p)
{
	size_t i, j, n;

	for (i = 0; i < p->n_env; i++) {
		n = strcspn(p->env[i], "=");
		if (n == 0 || p->env[i][n] != '=')
			return ERR_SYNTAX;
		for (j = 0; j < i; j++)
			if (strncmp(p->env[i], p->env[j], n + 1) == 0)
				return ERR_DUPLICATE;
	}
	return 0;
}

/* What holds between the fields. */
static int
check_plan(const struct plan *p)
{
	if (p->n_args == 0 || p->umask > 0777 || (p->flags & ~FLAGS_ALL) != 0)
		return ERR_RANGE;
	/* (uid_t)-1 is "no change" to the kernel. */
	if (p->uid == UINT32_MAX || p->gid == UINT32_MAX)
		return ERR_RANGE;
	/* uid 0 with Unix sockets is no sandbox. */
	if (p->profile == PLAN_OBSERVE && p->uid == 0)
		return ERR_RANGE;
	if (((p->flags & PLAN_FLAG_SERVICES) != 0) != (p->n_services > 0))
		return ERR_RANGE;
	if ((p->n_services > 0 || p->n_roots > 0) && p->profile != PLAN_REPAIR)
		return ERR_RANGE;
	/* Nothing of a confined action outlives it. */
	if (p->survivors == PLAN_KEEP && p->profile != PLAN_FULL)
		return ERR_RANGE;
	if ((p->flags & (PLAN_FLAG_MEMORY | PLAN_FLAG_PROCESSES)) != 0 &&
	    p->n_cgroups == 0)
		return ERR_RANGE;
	return check_env(p);
}

int
plan_decode(struct bytes b, struct plan *ret_p)
{
	struct decoder d = { .err = 0 };
	struct plan p;
	int r;

	if (b.n > PLAN_SIZE_MAX)
		return ERR_TOO_LARGE;
	memset(&p, 0, sizeof(p));
	reader_init(&d.in, b);
	if (reader_u32le(&d.in) != PLAN_VERSION)
		return d.in.err != 0 ? d.in.err : ERR_VERSION;
	get_numbers(&d, &p);
	p.program = get_path(&d);
	p.cwd = get_path(&d);
	get_strings(&d, p.args, PLAN_ARGS_MAX, &p.n_args);
	get_strings(&d, p.env, PLAN_ENV_MAX, &p.n_env);
	get_paths(&d, p.roots, PLAN_ROOTS_MAX, &p.n_roots);
	get_paths(&d, p.masks, PLAN_MASKS_MAX, &p.n_masks);
	get_cgroups(&d, &p);
	get_services(&d, &p);
	if (d.err != 0)
		return d.err;
	if ((r = reader_end(&d.in)) != 0 || (r = check_plan(&p)) != 0)
		return r;
	*ret_p = p;
	return 0;
}

/* ---- words --------------------------------------------------------------- */

static const char *const steps[] = {
	"none", "plan", "profile", "supervise", "fork", "cgroup", "namespace",
	"mount", "session", "descriptors", "limits", "identity",
	"capabilities", "directory", "landlock", "seccomp", "exec",
};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == PLAN_STEP_LAST + 1,
    "every step has its word");

const char *
plan_step_word(uint32_t step)
{
	return step <= PLAN_STEP_LAST ? steps[step] : "unknown";
}

const char *
plan_profile_word(uint32_t profile)
{
	static const char *const words[] = {
		[PLAN_OBSERVE] = "observe",
		[PLAN_REPAIR] = "repair",
		[PLAN_FULL] = "full",
	};

	return profile >= PLAN_OBSERVE && profile <= PLAN_FULL ?
	    words[profile] : "unknown";
}
