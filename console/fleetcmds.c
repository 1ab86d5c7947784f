/*
 * fleetcmds.c - the fleet, its alarms and our key from the command line.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/commands.h"

#include "common/jsonw.h"
#include "common/text.h"
#include "console/alarms.h"
#include "console/conlog.h"
#include "console/export.h"
#include "console/files.h"
#include "console/witness/self.h"
#include "platform/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX 65536

static int
usage(const char *text)
{
	conlog_error("%s: see countersign-console --help", text);
	return 2;
}

static int
failed(const char *what, int err, const char *mend)
{
	conlog_error("%s (%s): %s", what, err_text(err), mend);
	return 1;
}

static void
print_and_free(struct buf *b)
{
	if (buf_error(b) == 0)
		printf("%.*s\n", (int)b->n, (const char *)b->p);
	buf_free(b);
}

/* ---- devices ---- */

/* What is printed, and from where. */
struct listing {
	struct store *store;
	const struct options *o;
	struct buf *b;		/* of the device that is being printed */
	struct jsonw w;
};

static int
put_alarm(void *ctx, const struct store_alarm *a)
{
	struct listing *l = ctx;

	if (l->o->json) {
		jsonw_obj(&l->w, NULL);
		jsonw_int(&l->w, "id", a->n);
		jsonw_cstr(&l->w, "kind", a->kind);
		jsonw_int(&l->w, "first", (int64_t)a->first);
		jsonw_cstr(&l->w, "ours", a->ours);
		jsonw_cstr(&l->w, "theirs", a->theirs);
		jsonw_cstr(&l->w, "text", a->text);
		jsonw_time(&l->w, "time", a->time);
		jsonw_obj_end(&l->w);
		return 0;
	}
	buf_printf(l->b, "\n    ALARM %" PRId64 " %s", a->n, a->kind);
	if (a->ours[0] != '\0')
		buf_printf(l->b, " from record %" PRIu64 " on (here %s, there "
		    "%s)", a->first, a->ours, a->theirs);
	buf_put_str(l->b, ": ");
	text_escape(l->b, bytes_str(a->text), 0);
	return 0;
}

/* Records that were never held here, from first to before until. */
static int
put_gap(void *ctx, const struct store_gap *g)
{
	struct listing *l = ctx;

	if (!l->o->json) {
		buf_printf(l->b, "  (%" PRIu64 " to %" PRIu64 " missing)",
		    g->first, g->until - 1);
		return 0;
	}
	jsonw_obj(&l->w, NULL);
	jsonw_int(&l->w, "first", (int64_t)g->first);
	jsonw_int(&l->w, "until", (int64_t)g->until);
	jsonw_obj_end(&l->w);
	return 0;
}

static int
put_json(struct listing *l, const struct store_device *d)
{
	int err;

	jsonw_init(&l->w, l->b);
	jsonw_obj(&l->w, NULL);
	jsonw_cstr(&l->w, "id", d->id);
	jsonw_cstr(&l->w, "org", d->org);
	jsonw_time(&l->w, "enrolled", d->enrolled);
	if (d->seen > 0)
		jsonw_time(&l->w, "seen", d->seen);
	jsonw_cstr(&l->w, "version", d->version);
	jsonw_int(&l->w, "records", (int64_t)d->next);
	jsonw_arr(&l->w, "missing");
	err = store_gap_each(l->store, d->n, put_gap, l);
	jsonw_arr_end(&l->w);
	if (err != 0)
		return err;
	jsonw_int(&l->w, "bytes", d->bytes);
	jsonw_int(&l->w, "checkpoint", (int64_t)d->note_size);
	jsonw_bool(&l->w, "lockdown", d->lockdown);
	jsonw_cstr(&l->w, "alarm", d->alarm);
	jsonw_bool(&l->w, "forked", d->branch != 0);
	jsonw_arr(&l->w, "alarms");
	err = store_alarm_each_open(l->store, d->n, put_alarm, l);
	jsonw_arr_end(&l->w);
	jsonw_obj_end(&l->w);
	return err;
}

static int
print_device(void *ctx, const struct store_device *d)
{
	struct listing *l = ctx;
	struct buf b;
	int err;

	buf_init(&b, OUT_MAX);
	l->b = &b;
	if (l->o->json) {
		err = put_json(l, d);
	} else {
		buf_printf(&b, "%s  %s  %" PRIu64 " records  ", d->id, d->org,
		    d->next);
		buf_put_str(&b, d->seen == 0 ? "never connected" :
		    d->branch != 0 ? "forked" :
		    d->lockdown ? "locked down" : "enrolled");
		err = store_gap_each(l->store, d->n, put_gap, l);
		if (err == 0)
			err = store_alarm_each_open(l->store, d->n, put_alarm,
			    l);
	}
	print_and_free(&b);
	return err;
}

/* ---- acknowledging ---- */

/* "local:NAME", as records name who did something at a machine. */
static void
who(char ret[STORE_TEXT_SIZE])
{
	const struct passwd *p = getpwuid(getuid());

	if (p != NULL)
		(void)snprintf(ret, STORE_TEXT_SIZE, "local:%s", p->pw_name);
	else
		(void)snprintf(ret, STORE_TEXT_SIZE, "local:%lu",
		    (unsigned long)getuid());
}

struct open_alarms {
	int64_t n[256];
	size_t count;
};

static int
collect(void *ctx, const struct store_alarm *a)
{
	struct open_alarms *all = ctx;

	if (all->count < sizeof(all->n) / sizeof(all->n[0]))
		all->n[all->count++] = a->n;
	return 0;
}

static int
acknowledge_all(struct store *s, const char *id, const char *reason)
{
	char by[STORE_TEXT_SIZE];
	struct open_alarms all;
	struct store_device d;
	size_t i;
	int err;

	who(by);
	all.count = 0;
	if ((err = store_begin(s)) == 0 &&
	    (err = store_device_find(s, id, &d)) == 0)
		err = store_alarm_each_open(s, d.n, collect, &all);
	for (i = 0; i < all.count && err == 0; i++)
		err = alarm_acknowledge(s, all.n[i], by, reason,
		    clock_wall_s());
	if (err == 0)
		err = store_commit(s);
	else
		store_rollback(s);
	return err == 0 ? 0 : failed("the alarm cannot be cleared", err,
	    "`devices` shows the ids");
}

int
command_devices(const struct settings *settings, struct store *s,
    const struct options *o)
{
	struct listing l;
	int err;

	(void)settings;
	if (o->n_words == 2 && strcmp(o->words[0], "clear-alarm") == 0)
		return acknowledge_all(s, o->words[1],
		    o->reason != NULL ? o->reason : "cleared");
	if (o->n_words != 0)
		return usage("devices takes nothing, or clear-alarm ID");
	memset(&l, 0, sizeof(l));
	l.store = s;
	l.o = o;
	err = store_device_each(s, o->org, "", -1, print_device, &l);
	if (err != 0)
		return failed("the devices cannot be read", err,
		    "check the console's folder");
	return 0;
}

/* ---- alarms ---- */

static int
print_alarm(void *ctx, const struct store_alarm *a)
{
	const struct options *o = ctx;
	char at[64] = "open";
	struct jsonw w;
	struct buf b;

	buf_init(&b, OUT_MAX);
	if (o->json) {
		jsonw_init(&w, &b);
		jsonw_obj(&w, NULL);
		jsonw_int(&w, "id", a->n);
		jsonw_cstr(&w, "device", a->device_id);
		jsonw_cstr(&w, "kind", a->kind);
		jsonw_int(&w, "first", (int64_t)a->first);
		jsonw_cstr(&w, "ours", a->ours);
		jsonw_cstr(&w, "theirs", a->theirs);
		jsonw_cstr(&w, "text", a->text);
		jsonw_time(&w, "time", a->time);
		if (a->acknowledged > 0) {
			jsonw_time(&w, "acknowledged", a->acknowledged);
			jsonw_cstr(&w, "by", a->acknowledged_by);
			jsonw_cstr(&w, "reason", a->reason);
		}
		jsonw_obj_end(&w);
	} else {
		if (a->acknowledged > 0)
			(void)snprintf(at, sizeof(at), "acknowledged by ");
		buf_printf(&b, "%" PRId64 "  %s  %s  %s", a->n, a->device_id,
		    a->kind, at);
		if (a->acknowledged > 0) {
			text_escape(&b, bytes_str(a->acknowledged_by), 0);
			buf_put_str(&b, " (");
			text_escape(&b, bytes_str(a->reason), 0);
			buf_put_str(&b, ")");
		}
		buf_put_str(&b, ": ");
		text_escape(&b, bytes_str(a->text), 0);
	}
	print_and_free(&b);
	return 0;
}

int
command_alarms(const struct settings *settings, struct store *s,
    const struct options *o)
{
	int err;

	(void)settings;
	if (o->n_words != 0)
		return usage("alarms takes no words; `devices clear-alarm "
		    "ID --reason TEXT` acknowledges a device's");
	err = store_alarm_list(s, o->org, false, 0, -1, print_alarm,
	    (void *)(uintptr_t)o);
	return err == 0 ? 0 : failed("the alarms cannot be read", err,
	    "check the console's folder");
}

/* ---- export ---- */

/* Writes it piece by piece into a new file, which is whole or not there. */
static int
write_export(struct export *x, const char *path)
{
	struct buf b;
	FILE *f;
	int err;

	if ((f = fopen(path, "wbx")) == NULL)
		return files_error(errno);
	buf_init(&b, EXPORT_PIECE_MAX);
	while ((err = export_next(x, &b)) == 0 && b.n > 0)
		if (fwrite(b.p, 1, b.n, f) != b.n) {
			err = files_error(errno);
			break;
		}
	buf_free(&b);
	if (err == 0 && (fflush(f) != 0 || fsync(fileno(f)) != 0))
		err = files_error(errno);
	if (fclose(f) != 0 && err == 0)
		err = files_error(errno);
	if (err != 0)
		(void)remove(path);
	return err;
}

int
command_export(const struct settings *settings, struct store *s,
    const struct options *o)
{
	char transcripts[FILES_PATH_SIZE];
	struct export_order order;
	struct export *x = NULL;
	struct self self;
	int err;

	if (o->n_words != 2)
		return usage("export needs a device's id and the file to "
		    "write");
	memset(&order, 0, sizeof(order));
	memset(&self, 0, sizeof(self));
	order.store = s;
	order.tar = true;
	order.transcripts = transcripts;
	order.self = &self.key;
	if ((err = store_device_find(s, o->words[0], &order.device)) != 0)
		return failed("there is no such device", err,
		    "`devices` shows the ids");
	if ((err = files_join(settings->data, "transcripts",
	    transcripts)) == 0 && (err = self_load(s, settings,
	    &self)) == 0 && (err = export_new(&order, &x)) == 0)
		err = write_export(x, o->words[1]);
	export_free(x);
	self_wipe(&self);
	if (err != 0)
		return failed("the export could not be made", err,
		    "give a new file's name, in a folder with room");
	if (o->json)
		printf("{\"export\":\"written\"}\n");
	else
		printf("export written: `countersign audit verify %s`\n",
		    o->words[1]);
	return 0;
}

/* ---- the witness's key ---- */

int
command_witness_key(const struct settings *settings, struct store *s,
    const struct options *o)
{
	char vkey[NOTE_VKEY_SIZE];
	struct self self;
	struct jsonw w;
	struct buf b;
	int err;

	if (o->n_words != 0)
		return usage("witness-key takes no words");
	if ((err = self_load(s, settings, &self)) != 0)
		return failed("the witness's key cannot be used", err,
		    "leave \"witness_name\" as it was at the first start");
	note_key_text(&self.key, vkey);
	buf_init(&b, OUT_MAX);
	if (o->json) {
		jsonw_init(&w, &b);
		jsonw_obj(&w, NULL);
		jsonw_cstr(&w, "name", self.key.name);
		jsonw_b64(&w, "key", bytes_of(self.key.public,
		    sizeof(self.key.public)));
		jsonw_cstr(&w, "vkey", vkey);
		jsonw_obj_end(&w);
	} else {
		buf_put_str(&b, vkey);
	}
	self_wipe(&self);
	print_and_free(&b);
	return 0;
}
