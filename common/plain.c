/*
 * plain.c - what an action may touch, in words that a person reads.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#include "common/plain.h"
#include "common/jsonw.h"
#include "common/text.h"

#include <inttypes.h>

/* A number with a comma before every three digits. */
static void
put_number(struct buf *b, int64_t n)
{
	if (n >= 1000) {
		put_number(b, n / 1000);
		buf_printf(b, ",%03d", (int)(n % 1000));
	} else {
		buf_printf(b, "%d", (int)n);
	}
}

struct unit {
	int64_t size;
	const char *one;
	const char *many;
};

/* In the largest unit that it is a whole number of; the last has size 1. */
static void
put_units(struct buf *b, int64_t n, const struct unit *u)
{
	while (u->size > 1 && (n < u->size || n % u->size != 0))
		u++;
	n /= u->size;
	put_number(b, n);
	buf_printf(b, " %s", n == 1 ? u->one : u->many);
}

void
plain_seconds(struct buf *b, int64_t s)
{
	static const struct unit units[] = {
		{ 86400, "day", "days" },
		{ 3600, "hour", "hours" },
		{ 60, "minute", "minutes" },
		{ 1, "second", "seconds" }
	};

	put_units(b, s, units);
}

void
plain_bytes(struct buf *b, int64_t n)
{
	static const struct unit units[] = {
		{ INT64_C(1) << 30, "GiB", "GiB" },
		{ INT64_C(1) << 20, "MiB", "MiB" },
		{ INT64_C(1) << 10, "KiB", "KiB" },
		{ 1, "byte", "bytes" }
	};

	put_units(b, n, units);
}

static void
put_roots(struct buf *b, const struct action *a)
{
	size_t i;

	if (a->write.n == 0) {
		buf_put_str(b, "Runs as root, but changes no file outside its "
		    "own temporary folder.");
		return;
	}
	buf_put_str(b, "Runs as root, but changes files only in ");
	for (i = 0; i < a->write.n; i++) {
		buf_put_str(b, i > 0 ? ", " : "");
		text_escape(b, a->write.p[i], TEXT_ESCAPE_BACKSLASH);
	}
	buf_put_str(b, " and its own temporary folder. Root programs that "
	    "read these folders will trust what is written there.");
}

static void
put_services(struct buf *b, const struct action *a)
{
	const struct doc_word *v;
	size_t i;

	for (i = 0; i < a->n_services; i++) {
		const char *before = "";

		buf_put_str(b, i > 0 ? "; " : " May ");
		for (v = action_verbs; v->word != NULL; v++) {
			if ((a->services[i].verbs & (unsigned)v->value) == 0)
				continue;
			buf_printf(b, "%s%s", before, v->word);
			before = ", ";
		}
		buf_put_str(b, " ");
		text_escape(b, a->services[i].unit, TEXT_ESCAPE_BACKSLASH);
	}
	if (a->n_services > 0)
		buf_put_str(b, ".");
}

static void
put_confined(struct buf *b, const struct action *a)
{
	static const char *const nets[] = {
		[ACTION_NET_NONE] = " No network.",
		[ACTION_NET_VIEW] = " Sees the network's state, sends nothing.",
		[ACTION_NET_HOST] = " May use the network."
	};

	if (a->profile == ACTION_REPAIR)
		put_roots(b, a);
	else
		buf_put_str(b, "Looks only: an unprivileged account that "
		    "changes nothing that outlives it.");
	put_services(b, a);
	buf_put_str(b, nets[a->net]);
	if (a->profile == ACTION_REPAIR || a->read == ACTION_READ_ALL)
		buf_put_str(b, " Reads every file but the agent's own and "
		    "password hashes.");
	else
		buf_put_str(b, " Reads what any account of the machine may "
		    "read.");
	if (a->no_unix)
		buf_put_str(b, " Talks to no other program.");
}

void
plain_action(struct buf *b, const struct action *a)
{
	if (a->profile == ACTION_FULL)
		buf_put_str(b, "NOT CONFINED: runs as root and may read, "
		    "change and send anything, whatever net and read say.");
	else
		put_confined(b, a);
	buf_put_str(b, a->survivors == ACTION_KEEP ?
	    " What it leaves running goes on." :
	    " What it leaves running is killed.");
	buf_put_str(b, " At most ");
	plain_seconds(b, a->limits.timeout_s);
	buf_put_str(b, ", ");
	plain_bytes(b, a->limits.memory_mb << 20);
	buf_put_str(b, " of memory, ");
	put_number(b, a->limits.processes);
	buf_put_str(b, " processes, ");
	plain_bytes(b, a->limits.output_bytes);
	buf_put_str(b, " of output kept.");
}

void
plain_write(struct jsonw *w, const struct action *a)
{
	struct buf b;

	/* 32 roots and services, each character of them escaped. */
	buf_init(&b, 4u << 20);
	plain_action(&b, a);
	if (buf_error(&b) == 0)
		jsonw_str(w, "confinement", buf_bytes(&b));
	else if (w->out->err == 0)
		w->out->err = buf_error(&b);
	buf_free(&b);
}
