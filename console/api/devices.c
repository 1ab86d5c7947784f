/*
 * devices.c - the fleet over HTTP.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/http.h"

#include "console/owners.h"
#include "console/store/cosigned.h"

#include <string.h>

#define LIST_MAX 500

struct listing {
	struct console *c;
	struct jsonw w;
	int64_t n, max;
	bool more;
};

/* Name and groups come from the owner's signed entry and nowhere else. */
static int
write_entry(struct console *c, const struct store_device *d, struct jsonw *w)
{
	struct device_entry *entry;
	size_t i;
	int err;

	err = owners_device(c->owners, d->org, d->id, &entry);
	if (err != 0) {
		jsonw_null(w, "name");
		return err == ERR_NOT_FOUND ? 0 : err;
	}
	jsonw_str(w, "name", entry->name);
	jsonw_arr(w, "groups");
	for (i = 0; i < entry->groups.n; i++)
		jsonw_str(w, NULL, entry->groups.p[i]);
	jsonw_arr_end(w);
	device_entry_free(entry);
	return 0;
}

static int
write_alarm(void *ctx, const struct store_alarm *a)
{
	api_write_alarm(ctx, NULL, a);
	return 0;
}

/* What nobody has acknowledged, and whether it forked once. */
static int
write_alarms(struct console *c, const struct store_device *d, struct jsonw *w)
{
	int err;

	if (d->alarm[0] != '\0')
		jsonw_cstr(w, "alarm", d->alarm);
	else
		jsonw_null(w, "alarm");
	jsonw_arr(w, "alarms");
	err = store_alarm_each_open(c->store, d->n, write_alarm, w);
	jsonw_arr_end(w);
	jsonw_bool(w, "forked", d->branch != 0);
	return err;
}

static int
write_gap(void *ctx, const struct store_gap *g)
{
	struct jsonw *w = ctx;

	jsonw_obj(w, NULL);
	jsonw_int(w, "first", (int64_t)g->first);
	jsonw_int(w, "until", (int64_t)g->until);
	jsonw_obj_end(w);
	return 0;
}

/* What is kept as one text, as the list that it was. */
static void
put_list(struct jsonw *w, const char *name, const char *text, char separator)
{
	const char *end;

	jsonw_arr(w, name);
	for (; *text != '\0'; text = *end != '\0' ? end + 1 : end) {
		if ((end = strchr(text, separator)) == NULL)
			end = text + strlen(text);
		jsonw_str(w, NULL, bytes_of(text, (size_t)(end - text)));
	}
	jsonw_arr_end(w);
}

/* The members of a device, inside an object. */
static int
write_device(struct console *c, const struct store_device *d, struct jsonw *w)
{
	int64_t waiting = 0;
	int err;

	if ((err = store_out_count(c->store, d->id, &waiting)) != 0)
		return err;
	jsonw_cstr(w, "id", d->id);
	jsonw_cstr(w, "org", d->org);
	if ((err = write_entry(c, d, w)) != 0)
		return err;
	jsonw_bool(w, "connected", links_find(&c->links, d->id) != NULL);
	jsonw_time(w, "enrolled", d->enrolled);
	if (d->seen > 0)
		jsonw_time(w, "seen", d->seen);
	else
		jsonw_null(w, "seen");
	jsonw_cstr(w, "version", d->version);
	jsonw_cstr(w, "system", d->system);
	jsonw_cstr(w, "arch", d->arch);
	put_list(w, "profiles", d->profiles, ',');
	put_list(w, "sandbox", d->sandbox, '\n');
	jsonw_bool(w, "split", d->split);
	jsonw_bool(w, "lockdown", d->lockdown);
	if ((err = write_alarms(c, d, w)) != 0)
		return err;
	jsonw_int(w, "records", (int64_t)d->next);
	jsonw_arr(w, "missing");
	err = store_gap_each(c->store, d->n, write_gap, w);
	jsonw_arr_end(w);
	if (err != 0)
		return err;
	jsonw_int(w, "checkpoint", (int64_t)d->note_size);
	jsonw_int(w, "bytes", d->bytes);
	jsonw_int(w, "waiting", waiting);
	jsonw_b64(w, "key", bytes_of(d->key, sizeof(d->key)));
	return 0;
}

static int
list_device(void *ctx, const struct store_device *d)
{
	struct listing *l = ctx;
	int err;

	if (l->n++ == l->max) {
		l->more = true;
		return ERR_EXISTS;
	}
	jsonw_obj(&l->w, NULL);
	err = write_device(l->c, d, &l->w);
	jsonw_obj_end(&l->w);
	return err;
}

void
api_devices_list(struct request *r)
{
	const char *after = http_query(r, "after"), *org;
	struct listing l;
	uint64_t max = 100;
	struct buf b;
	int err;

	if (!http_query_number(r, "limit", &max) || max < 1 ||
	    max > LIST_MAX) {
		http_problem(r, 400, "bad_query", "limit is no number that "
		    "can be", "limit is 1 to 500");
		return;
	}
	org = r->user.org[0] != '\0' ? r->user.org : http_query(r, "org");
	memset(&l, 0, sizeof(l));
	l.c = r->c;
	l.max = (int64_t)max;
	buf_init(&b, HTTP_REPLY_MAX);
	jsonw_init(&l.w, &b);
	jsonw_obj(&l.w, NULL);
	jsonw_arr(&l.w, "devices");
	err = store_device_each(r->c->store, org, after != NULL ? after : "",
	    l.max + 1, list_device, &l);
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

bool
api_find_device(struct request *r, struct store_device *ret_d)
{
	char id[DEVICEID_SIZE] = "";
	int err;

	if (r->param[0].n < sizeof(id))
		memcpy(id, r->param[0].p, r->param[0].n);
	err = store_device_find(r->c->store, id, ret_d);
	if (err == ERR_NOT_FOUND || (err == 0 &&
	    !http_sees_org(r, ret_d->org))) {
		http_problem(r, 404, "unknown_device", "there is no such "
		    "device", "GET /v1/devices lists them");
		return false;
	}
	if (err != 0)
		http_error(r, err);
	return err == 0;
}

/* Which version of each trust file the device says that it has. */
static int
write_installed(struct request *r, const struct store_device *d,
    struct jsonw *w)
{
	struct store_installed i;
	int file, err = 0;

	jsonw_obj(w, "trust");
	for (file = 0; file < TRUST_FILES && err == 0; file++) {
		err = store_installed_find(r->c->store, d->n,
		    trust_file_word((enum trust_file)file), &i);
		if (err != 0 || (i.version == 0 && !i.has_refused))
			continue;
		jsonw_obj(w, trust_file_word((enum trust_file)file));
		jsonw_int(w, "version", i.version);
		if (i.version > 0)
			jsonw_digest(w, "digest", &i.digest);
		if (i.has_refused)
			jsonw_digest(w, "refused", &i.refused);
		jsonw_obj_end(w);
	}
	jsonw_obj_end(w);
	return err;
}

static void
write_cosigned(struct jsonw *w, const char *witness, uint64_t size,
    int64_t time)
{
	jsonw_obj(w, NULL);
	jsonw_cstr(w, "witness", witness);
	jsonw_int(w, "size", (int64_t)size);
	jsonw_time(w, "time", time);
	jsonw_obj_end(w);
}

static int
write_foreign(void *ctx, const struct store_cosig *c, struct bytes note)
{
	(void)note;
	write_cosigned(ctx, c->witness, c->size, c->time);
	return 0;
}

/* Its log's key, and who has cosigned how much of it. */
static int
write_log(struct request *r, const struct store_device *d, struct jsonw *w)
{
	char origin[STORE_ORG_SIZE + DEVICEID_SIZE], vkey[NOTE_VKEY_SIZE];
	struct store_log log;
	struct note_key key;
	int err;

	(void)snprintf(origin, sizeof(origin), "%s/%s", d->org, d->id);
	err = note_key_init(bytes_str(origin), NOTE_ED25519, d->key, &key);
	if (err != 0)
		return err;
	note_key_text(&key, vkey);
	jsonw_cstr(w, "vkey", vkey);
	err = store_log_find(r->c->store, origin, &log);
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	jsonw_arr(w, "cosigned");
	if (err == 0)
		write_cosigned(w, r->c->self.key.name, log.size, log.time);
	err = store_cosig_each(r->c->store, d->n, write_foreign, w);
	jsonw_arr_end(w);
	return err;
}

void
api_device_get(struct request *r)
{
	struct store_device d;
	struct jsonw w;
	struct buf b;
	int err;

	if (!api_find_device(r, &d))
		return;
	buf_init(&b, HTTP_REPLY_MAX);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	if ((err = write_device(r->c, &d, &w)) == 0 &&
	    (err = write_log(r, &d, &w)) == 0)
		err = write_installed(r, &d, &w);
	jsonw_obj_end(&w);
	if (err != 0) {
		buf_free(&b);
		http_error(r, err);
		return;
	}
	http_reply_json(r, 200, &b);
}
