/*
 * alarms.c - alarms over HTTP: the list, one whole, its acknowledgement, and
 * new ones live.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/alarms.h"

#include "common/doc.h"
#include "console/api/stream.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX 500
#define REASON_MAX (STORE_TEXT_SIZE - 1)

/* ---- writing ---- */

static void
put_text(struct jsonw *w, const char *key, const char *text)
{
	if (text[0] != '\0')
		jsonw_cstr(w, key, text);
	else
		jsonw_null(w, key);
}

static void
write_members(struct jsonw *w, const struct store_alarm *a)
{
	jsonw_int(w, "id", a->n);
	jsonw_cstr(w, "device", a->device_id);
	jsonw_cstr(w, "org", a->org);
	jsonw_cstr(w, "kind", a->kind);
	jsonw_int(w, "first", (int64_t)a->first);
	put_text(w, "ours", a->ours);
	put_text(w, "theirs", a->theirs);
	jsonw_cstr(w, "text", a->text);
	jsonw_time(w, "time", a->time);
	if (a->acknowledged == 0) {
		jsonw_null(w, "acknowledged");
		return;
	}
	jsonw_obj(w, "acknowledged");
	jsonw_time(w, "time", a->acknowledged);
	jsonw_cstr(w, "by", a->acknowledged_by);
	jsonw_cstr(w, "reason", a->reason);
	jsonw_obj_end(w);
}

void
api_write_alarm(struct jsonw *w, const char *key, const struct store_alarm *a)
{
	jsonw_obj(w, key);
	write_members(w, a);
	jsonw_obj_end(w);
}

/* ---- the list ---- */

struct listing {
	struct jsonw w;
	int64_t n, max;
	bool more;
};

static int
list_alarm(void *ctx, const struct store_alarm *a)
{
	struct listing *l = ctx;

	if (l->n++ == l->max) {
		l->more = true;
		return ERR_EXISTS;
	}
	api_write_alarm(&l->w, NULL, a);
	return 0;
}

/* The org that the user sees, or asks for; NULL: all of them. */
static const char *
org_of(struct request *r)
{
	return r->user.org[0] != '\0' ? r->user.org : http_query(r, "org");
}

void
api_alarms_list(struct request *r)
{
	uint64_t max = 100, after = 0;
	const char *open = http_query(r, "open");
	struct listing l;
	struct buf b;
	int err;

	if (!http_query_number(r, "limit", &max) || max < 1 ||
	    max > LIST_MAX || !http_query_number(r, "after", &after) ||
	    (open != NULL && strcmp(open, "true") != 0 &&
	    strcmp(open, "false") != 0)) {
		http_problem(r, 400, "bad_query", "limit, after or open "
		    "cannot be", "limit is 1 to 500, after an alarm's id, "
		    "open true or false");
		return;
	}
	memset(&l, 0, sizeof(l));
	l.max = (int64_t)max;
	buf_init(&b, HTTP_REPLY_MAX);
	jsonw_init(&l.w, &b);
	jsonw_obj(&l.w, NULL);
	jsonw_arr(&l.w, "alarms");
	err = store_alarm_list(r->c->store, org_of(r), open != NULL &&
	    open[0] == 't', (int64_t)after, l.max + 1, list_alarm, &l);
	jsonw_arr_end(&l.w);
	jsonw_bool(&l.w, "more", l.more);
	jsonw_obj_end(&l.w);
	if (err != 0 && err != ERR_EXISTS) {
		buf_free(&b);
		http_error(r, err);
		return;
	}
	http_reply_json(r, 200, &b);
}

/* ---- one ---- */

static bool
parse_number(struct bytes text, int64_t *ret_n)
{
	int64_t v = 0;
	size_t i;

	if (text.n > 18)
		return false;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (text.p[i] - '0');
	}
	*ret_n = v;
	return true;
}

/* The alarm that the path names, if the user may see it; else answered. */
static bool
find_alarm(struct request *r, struct store_alarm *ret_a)
{
	int err = ERR_NOT_FOUND;
	int64_t n;

	if (parse_number(r->param[0], &n))
		err = store_alarm_find(r->c->store, n, ret_a);
	if (err == ERR_NOT_FOUND ||
	    (err == 0 && !http_sees_org(r, ret_a->org))) {
		http_problem(r, 404, "unknown_alarm", "there is no such "
		    "alarm", "GET /v1/alarms lists them");
		return false;
	}
	if (err != 0)
		http_error(r, err);
	return err == 0;
}

static void
reply_alarm(struct request *r, const struct store_alarm *a)
{
	struct buf b, proof;
	int64_t evidence = 0;
	struct jsonw w;
	int err;

	buf_init(&b, HTTP_REPLY_MAX);
	buf_init(&proof, HTTP_REPLY_MAX / 2);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	write_members(&w, a);
	err = store_alarm_proof(r->c->store, a->n, &proof);
	if (err == 0)
		err = store_evidence_count(r->c->store, a->n, &evidence);
	if (proof.n > 0)
		jsonw_b64(&w, "proof", buf_bytes(&proof));
	else
		jsonw_null(&w, "proof");
	jsonw_int(&w, "evidence", evidence);
	jsonw_obj_end(&w);
	buf_free(&proof);
	if (err != 0) {
		buf_free(&b);
		http_error(r, err);
		return;
	}
	http_reply_json(r, 200, &b);
}

void
api_alarm_get(struct request *r)
{
	struct store_alarm a;

	if (find_alarm(r, &a))
		reply_alarm(r, &a);
}

/* {"reason":"…"}: why it is no more than it is. */
static bool
read_reason(struct request *r, char reason[STORE_TEXT_SIZE])
{
	struct bytes text = { NULL, 0 };
	struct doc_obj root;
	struct doc *d;
	int err;

	if ((err = doc_parse(buf_bytes(&r->body), 0, &d)) == 0) {
		root = doc_root(d);
		doc_text(&root, "reason", TEXT_LINE, 1, REASON_MAX, &text);
		doc_end(&root);
		if ((err = doc_error(d)) == 0 && text.n > REASON_MAX)
			err = ERR_TOO_LARGE;
		if (err == 0) {
			memcpy(reason, text.p, text.n);
			reason[text.n] = '\0';
		}
		doc_free(d);
	}
	if (err == ERR_NOMEM)
		http_error(r, err);
	else if (err != 0)
		http_problem(r, 400, "bad_reason", "the body says no reason",
		    "send {\"reason\":\"what was found\"}, one line");
	return err == 0;
}

void
api_alarm_acknowledge(struct request *r)
{
	char reason[STORE_TEXT_SIZE];
	struct store_alarm a;
	int err;

	if (!find_alarm(r, &a) || !read_reason(r, reason))
		return;
	if ((err = turn_begin(&r->c->turn)) == 0)
		err = alarm_acknowledge(r->c->store, a.n, r->user.name, reason,
		    r->now);
	if (err == ERR_EXISTS) {
		http_problem(r, 409, "acknowledged", "somebody has "
		    "acknowledged it already", "GET it to see who and why");
		return;
	}
	if (err != 0)
		turn_fail(&r->c->turn, err);
	else
		err = turn_settle(&r->c->turn);
	if (err == 0)
		err = store_alarm_find(r->c->store, a.n, &a);
	if (err != 0) {
		http_error(r, err);
		return;
	}
	links_poke(&r->c->links, a.device_id, LINK_NEWS_ALARM);
	reply_alarm(r, &a);
}

/* ---- new ones, live ---- */

struct fleet_events {
	struct stream stream;
	struct store *store;
	char org[STORE_ORG_SIZE];	/* "" all */
	int64_t last;			/* the last alarm that was told */
};

static void
end_events(struct stream *s)
{
	free(s);
}

static int
put_alarm(void *ctx, const struct store_alarm *a)
{
	struct fleet_events *e = ctx;
	struct jsonw w;

	e->last = a->n;
	buf_printf(&e->stream.out, "event: alarm\nid: %lld\ndata: ",
	    (long long)a->n);
	jsonw_init(&w, &e->stream.out);
	api_write_alarm(&w, NULL, a);
	buf_put_str(&e->stream.out, "\n\n");
	return 0;
}

static int
fill(struct stream *s)
{
	struct fleet_events *e = (struct fleet_events *)(void *)s;

	return store_alarm_list(e->store, e->org[0] != '\0' ? e->org : NULL,
	    true, e->last, 1, put_alarm, e);
}

void
api_fleet_events(struct request *r)
{
	const char *id = MHD_lookup_connection_value(r->connection,
	    MHD_HEADER_KIND, "Last-Event-ID");
	const char *org = org_of(r);
	struct fleet_events *e;

	if ((e = calloc(1, sizeof(*e))) == NULL) {
		http_error(r, ERR_NOMEM);
		return;
	}
	e->stream.fill = fill;
	e->stream.end = end_events;
	e->store = r->c->store;
	if (org != NULL)
		(void)snprintf(e->org, sizeof(e->org), "%s", org);
	if (id != NULL)
		(void)parse_number(bytes_str(id), &e->last);
	stream_start(r, &e->stream, &watch_fleet);
}
