/*
 * ocsf.c - a record as other people's programs want it: one OCSF event.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "common/ocsf.h"

#include "common/jsonw.h"
#include "common/merkle.h"
#include "common/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OCSF_VERSION "1.3.0"

struct class {
	int uid, category;
	const char *name, *category_name;
};

static const struct class process = { 1007, 1, "Process Activity",
    "System Activity" };
static const struct class finding = { 2004, 2, "Detection Finding",
    "Findings" };
static const struct class entity = { 3004, 3, "Entity Management",
    "Identity & Access Management" };
static const struct class lifecycle = { 6002, 6, "Application Lifecycle",
    "Application Activity" };

/* Severities. */
enum { INFORMATIONAL = 1, LOW = 2, MEDIUM = 3, HIGH = 4, CRITICAL = 5 };
static const char *const severities[] = { "Unknown", "Informational", "Low",
    "Medium", "High", "Critical" };

/* What an event is about, where its class has an entity. */
enum about { NOTHING, CARD, TRUST_FILE, JOURNAL };

struct mapping {
	const struct class *class;
	int activity;
	const char *activity_name;
	int severity;
	bool failed;		/* status: Failure */
	enum about about;
	const char *message;
};

/* clang-format off */
static const struct mapping mappings[RECORD_KINDS] = {
	[RECORD_GENESIS] = { &lifecycle, 1, "Install", INFORMATIONAL, false,
	    NOTHING, "device enrolled" },
	[RECORD_STATE] = { &entity, 2, "Read", INFORMATIONAL, false, JOURNAL,
	    "what all records before come to" },
	[RECORD_EPOCH] = { &entity, 3, "Update", INFORMATIONAL, false, JOURNAL,
	    "new key of the journal's checkpoints" },
	[RECORD_TRUST] = { &entity, 3, "Update", LOW, false, TRUST_FILE,
	    "trust file accepted" },
	[RECORD_CARD_RECEIVED] = { &entity, 1, "Create", INFORMATIONAL, false,
	    CARD, "card received" },
	[RECORD_CARD_REFUSED] = { &entity, 1, "Create", LOW, true, CARD,
	    "card refused" },
	[RECORD_REFUSED_SUMMARY] = { &finding, 1, "Create", MEDIUM, false,
	    NOTHING, "refusals that are not recorded one by one" },
	[RECORD_NONCE] = { &entity, 3, "Update", INFORMATIONAL, false, CARD,
	    "card needs new approvals" },
	[RECORD_APPROVAL_ACCEPTED] = { &entity, 3, "Update", LOW, false, CARD,
	    "approval accepted" },
	[RECORD_APPROVAL_REFUSED] = { &entity, 3, "Update", MEDIUM, true, CARD,
	    "approval refused" },
	[RECORD_APPROVAL_LAPSED] = { &entity, 3, "Update", INFORMATIONAL,
	    false, CARD, "approval lapsed" },
	[RECORD_DENIED] = { &entity, 4, "Delete", LOW, false, CARD,
	    "card denied" },
	[RECORD_VETOED] = { &entity, 4, "Delete", LOW, false, CARD,
	    "card vetoed on the device" },
	[RECORD_CANCELLED] = { &entity, 4, "Delete", INFORMATIONAL, false,
	    CARD, "card cancelled" },
	[RECORD_EXPIRED] = { &entity, 4, "Delete", INFORMATIONAL, false, CARD,
	    "card expired unanswered" },
	[RECORD_PLANNED] = { &entity, 3, "Update", INFORMATIONAL, false, CARD,
	    "card verified, and not run: the policy only plans" },
	[RECORD_EXEC_INTENT] = { &process, 99, "Intent", LOW, false, CARD,
	    "about to run" },
	[RECORD_EXEC_STARTED] = { &process, 1, "Launch", LOW, false, CARD,
	    "running" },
	[RECORD_EXEC_RESULT] = { &process, 2, "Terminate", LOW, false, CARD,
	    "run ended" },
	[RECORD_EXEC_INTERRUPTED] = { &process, 2, "Terminate", MEDIUM, true,
	    CARD, "run interrupted, outcome unknown" },
	[RECORD_LOCKDOWN] = { &lifecycle, 7, "Disable", HIGH, false, NOTHING,
	    "device locked down" },
	[RECORD_LOCKDOWN_LIFTED] = { &lifecycle, 6, "Enable", MEDIUM, false,
	    NOTHING, "lockdown lifted" },
	[RECORD_TRUST_REFUSED] = { &entity, 3, "Update", MEDIUM, true,
	    TRUST_FILE, "trust file refused" },
	[RECORD_CANCEL_REFUSED] = { &entity, 4, "Delete", LOW, true, CARD,
	    "cancel refused" },
	[RECORD_LINK_REFUSED] = { &finding, 1, "Create", MEDIUM, false,
	    NOTHING, "the console sent what cannot be accepted" },
	[RECORD_CHILD_VIOLATION] = { &finding, 1, "Create", CRITICAL, false,
	    NOTHING, "a process of the agent broke its rules" },
	[RECORD_RECOVERED] = { &finding, 1, "Create", MEDIUM, false, JOURNAL,
	    "a torn end of the journal was cut off" },
	[RECORD_CLOCK] = { &lifecycle, 99, "Clock reset", MEDIUM, false,
	    NOTHING, "the clock's floor was taken back" },
	[RECORD_VERSION] = { &lifecycle, 8, "Update", LOW, false, NOTHING,
	    "another build of a program runs" },
};
/* clang-format on */

/* What a run's own end says of its status. */
static bool
is_failure(const struct mapping *m, const struct record *rec)
{
	if (rec->kind != RECORD_EXEC_RESULT)
		return m->failed;
	return !bytes_is(rec->outcome, "finished") ||
	    (rec->has[RF_EXIT_CODE] && rec->exit_code != 0) ||
	    rec->has[RF_SIGNAL];
}

static void
put_metadata(struct jsonw *w, const struct ocsf_origin *from, uint64_t index,
    struct bytes payload)
{
	struct sha256 leaf;

	merkle_leaf(payload, &leaf);
	jsonw_obj(w, "metadata");
	jsonw_cstr(w, "version", OCSF_VERSION);
	jsonw_obj(w, "product");
	jsonw_cstr(w, "name", "Countersign");
	jsonw_cstr(w, "vendor_name", "Countersign");
	jsonw_cstr(w, "version", COUNTERSIGN_VERSION);
	jsonw_obj_end(w);
	/* Where actor and device belong to. */
	jsonw_arr(w, "profiles");
	jsonw_cstr(w, NULL, "host");
	jsonw_arr_end(w);
	/* The record's leaf in the tree: two events of it are the same. */
	jsonw_digest(w, "uid", &leaf);
	jsonw_int(w, "sequence", (int64_t)index);
	jsonw_cstr(w, "log_name", from->device);
	jsonw_cstr(w, "tenant_uid", from->org);
	jsonw_obj_end(w);
}

/* Of a finding: what has become of it; of anything else: how it went. */
static const char *
status_of(const struct mapping *m, bool failed)
{
	return m->class == &finding ? "New" : failed ? "Failure" : "Success";
}

static void
put_type_name(struct jsonw *w, const struct mapping *m)
{
	struct buf b;

	buf_init(&b, 128);
	buf_printf(&b, "%s: %s", m->class->name, m->activity_name);
	if (buf_error(&b) == 0)
		jsonw_str(w, "type_name", buf_bytes(&b));
	buf_free(&b);
}

static void
put_class(struct jsonw *w, const struct mapping *m, const struct record *rec)
{
	const bool failed = is_failure(m, rec);

	jsonw_int(w, "time", rec->time * 1000);
	jsonw_int(w, "category_uid", m->class->category);
	jsonw_cstr(w, "category_name", m->class->category_name);
	jsonw_int(w, "class_uid", m->class->uid);
	jsonw_cstr(w, "class_name", m->class->name);
	jsonw_int(w, "activity_id", m->activity);
	jsonw_cstr(w, "activity_name", m->activity_name);
	jsonw_int(w, "type_uid", m->class->uid * 100 + m->activity);
	put_type_name(w, m);
	jsonw_int(w, "severity_id", m->severity);
	jsonw_cstr(w, "severity", severities[m->severity]);
	jsonw_int(w, "status_id", failed ? 2 : 1);
	jsonw_cstr(w, "status", status_of(m, failed));
	if (rec->has[RF_REASON])
		jsonw_str(w, "status_code", rec->reason);
	if (rec->has[RF_DETAIL])
		jsonw_str(w, "status_detail", rec->detail);
	jsonw_cstr(w, "message", m->message);
}

static void
put_device(struct jsonw *w, const struct ocsf_origin *from)
{
	jsonw_obj(w, "device");
	jsonw_int(w, "type_id", 0);
	jsonw_cstr(w, "type", "Unknown");
	jsonw_cstr(w, "uid", from->device);
	jsonw_obj(w, "org");
	jsonw_cstr(w, "name", from->org);
	jsonw_obj_end(w);
	jsonw_obj_end(w);
}

/* Who did it, as the record says; else the agent itself. */
static void
put_actor(struct jsonw *w, const struct record *rec)
{
	struct bytes who = { NULL, 0 };

	if (rec->has[RF_APPROVER])
		who = rec->approver;
	else if (rec->has[RF_BY])
		who = rec->by;
	else if (rec->has[RF_PROPOSER])
		who = rec->proposer;
	jsonw_obj(w, "actor");
	if (who.n == 0) {
		jsonw_cstr(w, "app_name", "Countersign");
	} else {
		jsonw_obj(w, "user");
		jsonw_str(w, "name", who);
		if (rec->has[RF_KEY])
			jsonw_str(w, "credential_uid", rec->key);
		jsonw_obj_end(w);
	}
	jsonw_obj_end(w);
}

/* A number as a text, as the schema has versions. */
static void
put_version(struct jsonw *w, int64_t version)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, version);
	jsonw_cstr(w, "version", text);
}

/* An entity has a name or a uid: the kind of thing, where neither is known. */
static void
put_thing(struct jsonw *w, const char *type, const struct sha256 *uid,
    struct bytes name)
{
	jsonw_cstr(w, "type", type);
	if (uid != NULL)
		jsonw_digest(w, "uid", uid);
	if (name.n > 0)
		jsonw_str(w, "name", name);
	else if (uid == NULL)
		jsonw_cstr(w, "name", type);
}

static void
put_entity(struct jsonw *w, const struct mapping *m, const struct record *rec)
{
	const struct bytes none = { NULL, 0 };

	if (m->class != &entity)
		return;
	jsonw_obj(w, "entity");
	switch (m->about) {
	case CARD:
		put_thing(w, "action card", rec->has[RF_CARD] ? &rec->card :
		    NULL, rec->has[RF_ID] ? rec->id : none);
		break;
	case TRUST_FILE:
		put_thing(w, "trust file", rec->has[RF_DIGEST] ?
		    &rec->digest : NULL, rec->has[RF_FILE] ? rec->file : none);
		if (rec->has[RF_VERSION])
			put_version(w, rec->version);
		break;
	case JOURNAL:
	case NOTHING:
		put_thing(w, "journal", NULL, none);
		break;
	}
	jsonw_obj_end(w);
}

static void
put_hash(struct jsonw *w, const char *key, const struct sha256 *d)
{
	char hex[2 * SHA256_SIZE + 1];

	hex_encode(bytes_of(d->b, sizeof(d->b)), hex);
	jsonw_arr(w, key);
	jsonw_obj(w, NULL);
	jsonw_int(w, "algorithm_id", 3);
	jsonw_cstr(w, "algorithm", "SHA-256");
	jsonw_cstr(w, "value", hex);
	jsonw_obj_end(w);
	jsonw_arr_end(w);
}

/* The last part of a path. */
static struct bytes
base_name(struct bytes path)
{
	size_t i = path.n;

	while (i > 0 && path.p[i - 1] != '/' && path.p[i - 1] != '\\')
		i--;
	return bytes_of(path.p + i, path.n - i);
}

static void
put_process(struct jsonw *w, const struct mapping *m,
    const struct record *rec)
{
	if (m->class != &process)
		return;
	jsonw_obj(w, "process");
	jsonw_digest(w, "uid", &rec->card);
	if (rec->has[RF_PID])
		jsonw_int(w, "pid", rec->pid);
	if (rec->has[RF_INTERPRETER]) {
		jsonw_obj(w, "file");
		jsonw_str(w, "path", rec->interpreter);
		jsonw_str(w, "name", base_name(rec->interpreter));
		jsonw_int(w, "type_id", 1);
		if (rec->has[RF_INTERPRETER_HASH])
			put_hash(w, "hashes", &rec->interpreter_hash);
		jsonw_obj_end(w);
	}
	if (rec->has[RF_PROFILE])
		jsonw_str(w, "sandbox", rec->profile);
	jsonw_obj_end(w);
	if (rec->has[RF_EXIT_CODE])
		jsonw_int(w, "exit_code", rec->exit_code);
	if (rec->has[RF_WALL_MS])
		jsonw_int(w, "duration", rec->wall_ms);
}

/* What the other two classes have to have. */
static void
put_subject(struct jsonw *w, const struct mapping *m,
    const struct record *rec, struct bytes payload)
{
	struct sha256 leaf;


	if (m->class == &lifecycle) {
		jsonw_obj(w, "app");
		jsonw_cstr(w, "name", "Countersign");
		jsonw_cstr(w, "vendor_name", "Countersign");
		if (rec->has[RF_PROGRAM])
			jsonw_str(w, "path", rec->program);
		if (rec->has[RF_RELEASE])
			jsonw_str(w, "version", rec->release);
		jsonw_obj_end(w);
	} else if (m->class == &finding) {
		jsonw_obj(w, "finding_info");
		jsonw_cstr(w, "title", m->message);
		merkle_leaf(payload, &leaf);
		jsonw_digest(w, "uid", &leaf);
		jsonw_arr(w, "types");
		jsonw_cstr(w, NULL, record_kind_word(rec->kind));
		jsonw_arr_end(w);
		jsonw_obj_end(w);
	}
}

void
ocsf_put(struct buf *b, const struct ocsf_origin *from, uint64_t index,
    const struct record *rec, struct bytes payload, bool with_record)
{
	const struct mapping *m = &mappings[rec->kind];
	struct jsonw w;

	if (m->class == NULL) {
		b->err = ERR_VERSION;
		return;
	}
	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	put_metadata(&w, from, index, payload);
	put_class(&w, m, rec);
	put_device(&w, from);
	put_actor(&w, rec);
	put_entity(&w, m, rec);
	put_process(&w, m, rec);
	put_subject(&w, m, rec, payload);
	jsonw_obj(&w, "unmapped");
	jsonw_cstr(&w, "kind", record_kind_word(rec->kind));
	if (m->about == CARD && rec->has[RF_CARD])
		jsonw_digest(&w, "card", &rec->card);
	if (with_record)
		jsonw_raw(&w, "record", payload);
	jsonw_obj_end(&w);
	jsonw_obj_end(&w);
}

int
ocsf_syslog_level(const struct record *rec)
{
	const struct mapping *m = &mappings[rec->kind];

	if (m->severity >= HIGH)
		return 4;
	return m->severity >= LOW || is_failure(m, rec) ? 5 : 6;
}
