/*
 * roots.c - folders and services that a repair may have, on this machine.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "agent/gate/roots.h"

#include "common/unitpaths.h"
#include "common/writeroot.h"
#include "platform/believed.h"
#include "platform/clock.h"
#include "platform/manager.h"
#include "platform/output.h"
#include "platform/paths.h"
#include "platform/pipes.h"
#include "platform/places.h"
#include "platform/process.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOW_MS 2000u

/* The agent's own, as named and as they really are. */
#define OWN 5
struct own {
	char path[2 * OWN][PLACES_PATH_SIZE];
	const char *list[2 * OWN];
	size_t n;
};

static void
add_own(struct own *o, const char *path, size_t len)
{
	char *named = o->path[o->n], *real = o->path[o->n + 1];

	if (path == NULL || len == 0 || len >= PLACES_PATH_SIZE ||
	    path[0] != '/')
		return;
	(void)snprintf(named, PLACES_PATH_SIZE, "%.*s", (int)len, path);
	o->list[o->n++] = named;
	if (places_resolve(named, real) == 0 && strcmp(named, real) != 0)
		o->list[o->n++] = real;
}

static size_t
folder_of(const char *path)
{
	size_t n = path != NULL ? paths_folder(path) : 0;

	return n > 1 ? n - 1 : n;
}

static void
find_own(const struct config *c, struct own *ret_o)
{
	ret_o->n = 0;
	add_own(ret_o, c->state, strlen(c->state));
	add_own(ret_o, c->programs, strlen(c->programs));
	add_own(ret_o, c->socket, folder_of(c->socket));
	add_own(ret_o, c->file, folder_of(c->file));
	add_own(ret_o, paths_pin_dir(), strlen(paths_pin_dir()));
}

PRINTF_LIKE(3, 4) static const char *
refuse(const char *word, char detail[REFUSAL_DETAIL_SIZE], const char *fmt,
    ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(detail, REFUSAL_DETAIL_SIZE, fmt, ap);
	va_end(ap);
	return word;
}

static const char *
check_listed(const struct own *own, struct bytes root, size_t i,
    const char *leads, char *detail)
{
	const char *which = "";
	int r = writeroot_check(root, own->list, own->n, &which);
	size_t k;

	if (r == 0)
		return NULL;
	for (k = 0; k < own->n; k++)
		if (which == own->list[k])
			return refuse("needs_full", detail, "write[%zu]: %s"
			    "the agent's own folders", i, leads);
	return refuse("needs_full", detail, "write[%zu]: %swhat root runs or"
	    " believes later (%.40s)", i, leads, which);
}

/* What this machine has at the folder, of which its name tells nothing. */
static const char *
check_place(const struct own *own, const char *folder, size_t i, char *detail)
{
	char other[PLACES_PATH_SIZE];
	const char *word;
	unsigned k;

	if (places_home_at(folder, other) == 0)
		return refuse("needs_full", detail, "write[%zu]: is or holds"
		    " the home of an account that can be logged in to", i);
	for (k = 0; believed_name(folder, k, other) == 0; k++)
		if ((word = check_listed(own, bytes_str(other), i,
		    "through a mount: ", detail)) != NULL)
			return word;
	if (believed_find(folder, other, sizeof(other)) == 0)
		return refuse("needs_full", detail, "write[%zu]: root takes"
		    " code from there: %.80s", i, other);
	return NULL;
}

static const char *
check_root(const struct own *own, struct bytes root, size_t i, char *detail)
{
	char path[PLACES_PATH_SIZE], real[PLACES_PATH_SIZE];
	const char *word;
	int r;

	if ((word = check_listed(own, root, i, "is or holds ", detail)) != NULL)
		return word;
	if (root.n >= sizeof(path))
		return refuse("write_not_allowed", detail, "write[%zu]: too"
		    " long", i);
	memcpy(path, root.p, root.n);
	path[root.n] = '\0';
	r = places_resolve(path, real);
	/* An action before this one may make it; if none does, it fails. */
	if (r == ERR_NOT_FOUND || r == ERR_UNSUPPORTED)
		return NULL;
	if (r != 0)
		return refuse("write_not_allowed", detail, "write[%zu]: cannot"
		    " be looked at: %s", i, err_text(r));
	if (strcmp(path, real) != 0) {
		word = check_listed(own, bytes_str(real), i,
		    "a symbolic link leads to ", detail);
		return word != NULL ? word : refuse("write_not_allowed",
		    detail, "write[%zu]: there is a symbolic link in the path:"
		    " name the folder itself", i);
	}
	return check_place(own, real, i, detail);
}

/* What systemd says of the unit, asked by the runner's program: the gate starts
 * no other. */
static int
ask(int runner_fd, const char *unit, struct buf *b)
{
	const char *const argv[] = { "countersign-runner", "--show", unit,
	    NULL };
	struct process child;
	struct process_fd map[1] = { { 1, -1 } };
	struct process_spec spec = { .role = PROCESS_SHOW,
	    .exec_fd = runner_fd, .argv = argv, .fds = map, .n_fds = 1,
	    .new_session = true };
	int fds[2], r;

	if ((r = pipes_open(fds)) != 0)
		return r;
	map[0].parent = fds[1];
	r = process_start(&spec, NULL, &child);
	pipes_close(&fds[1]);
	if (r == 0) {
		r = output_read(fds[0], clock_boot_ms() + SHOW_MS, b);
		(void)process_kill(&child, SIGKILL);
		(void)!process_wait_end(&child, NULL);
	}
	pipes_close(&fds[0]);
	return r;
}

/* What the unit is made of and what may come with it, to be looked at. */
#define UNITS 24
struct units {
	char name[UNITS][MANAGER_UNIT_SIZE];
	size_t n;
	bool more;		/* than there is room for */
};

static void
add_unit(struct units *u, struct bytes name)
{
	size_t i;

	for (i = 0; i < u->n; i++)
		if (bytes_is(name, u->name[i]))
			return;
	if (u->n == UNITS || name.n >= MANAGER_UNIT_SIZE) {
		u->more = true;
		return;
	}
	memcpy(u->name[u->n], name.p, name.n);
	u->name[u->n++][name.n] = '\0';
}

static bool
add_pulled(struct bytes unit, void *arg)
{
	add_unit(arg, unit);
	return true;
}

/* The first of the roots from which the unit of the text takes something. */
static bool
find_root(const struct action *a, struct bytes text, size_t *ret_k)
{
	char folder[PLACES_PATH_SIZE];
	struct bytes path;
	size_t k;

	for (k = 0; k < a->write.n; k++) {
		*ret_k = k;
		if (a->write.p[k].n >= sizeof(folder) ||
		    unitpaths_find(text, a->write.p[k], &path))
			return true;
		memcpy(folder, a->write.p[k].p, a->write.p[k].n);
		folder[a->write.p[k].n] = '\0';
		if (believed_shown(text, folder))
			return true;
	}
	return false;
}

/*
 * Here as far as systemd answers; the broker asks it again, and must. The unit
 * comes first, then those that it brings with it when it starts or ends.
 */
static const char *
check_shown(int runner_fd, const struct action *a, size_t i, char *detail)
{
	const struct action_service *s = &a->services[i];
	struct units units = { .n = 0 };
	struct bytes text;
	struct unitpaths u;
	struct buf b;
	const char *word = NULL;
	size_t k, at;

	add_unit(&units, s->unit);
	if (units.more)
		return refuse("service_not_allowed", detail, "services[%zu]:"
		    " too long", i);
	for (at = 0; at < units.n && word == NULL; at++) {
		buf_init(&b, UNITPATHS_TEXT_MAX);
		if (ask(runner_fd, units.name[at], &b) == 0 &&
		    unitpaths_read((text = buf_bytes(&b)), &u) == 0) {
			if (at == 0 && !bytes_equal(u.id, s->unit))
				word = refuse("service_not_allowed", detail,
				    "services[%zu]: another name of another"
				    " unit", i);
			else if (s->verbs != ACTION_VERB_STATUS &&
			    find_root(a, text, &k))
				word = refuse("needs_full", detail, "write[%zu]"
				    ": holds what %.80s runs or reads", k,
				    units.name[at]);
			else if (a->write.n > 0 &&
			    s->verbs != ACTION_VERB_STATUS)
				unitpaths_pulls(text, add_pulled, &units);
		}
		buf_free(&b);
	}
	if (word == NULL && units.more)
		word = refuse("needs_full", detail, "services[%zu]: with write,"
		    " and with more services that come along than are looked"
		    " at", i);
	return word;
}

static const char *
check_services(int runner_fd, const struct action *a, char *detail)
{
	struct manager m;
	const char *word = NULL;
	size_t i;

	if (a->n_services == 0)
		return NULL;
	manager_find(&m);
	if (m.kind == MANAGER_NONE)
		return refuse("sandbox_unavailable", detail,
		    "services: this machine has no service manager");
	for (i = 0; i < a->n_services && word == NULL; i++) {
		if (m.kind == MANAGER_SYSTEMD)
			word = check_shown(runner_fd, a, i, detail);
		else if (a->write.n > 0 &&
		    a->services[i].verbs != ACTION_VERB_STATUS)
			word = refuse("needs_full", detail, "services[%zu]:"
			    " with write, where nobody but systemd could say"
			    " what a service runs", i);
	}
	return word;
}

const char *
roots_check(const struct config *c, int runner_fd, const struct action *a,
    char ret_detail[REFUSAL_DETAIL_SIZE])
{
	const char *word = NULL;
	struct own own;
	size_t i;

	ret_detail[0] = '\0';
	if (a->profile != ACTION_REPAIR)
		return NULL;
	find_own(c, &own);
	for (i = 0; i < a->write.n && word == NULL; i++)
		word = check_root(&own, a->write.p[i], i, ret_detail);
	return word != NULL ? word : check_services(runner_fd, a, ret_detail);
}
