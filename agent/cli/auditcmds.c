/*
 * auditcmds.c - audit verify: is a journal what it says it is?
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/archivetree.h"
#include "agent/cli/cli.h"
#include "agent/cli/evidence.h"

#include "common/audit.h"
#include "common/jsonw.h"
#include "common/timefmt.h"
#include "platform/userfile.h"

#include <stdio.h>
#include <string.h>

/* Times that a folder is read anew while it changes. */
#define TRIES 8

/* One audit, and what was found besides. */
struct auditing {
	const struct args *args;
	struct archive *archive;
	struct archivetree *tree;
	struct audit *audit;
	uint64_t transcripts;	/* that are there and right */
	uint64_t gone;		/* that are not there any more */
	bool bad_transcript;
	bool none;		/* no record at all */
	struct audit_finding finding;
	struct evidence evidence;
};

/* ---- transcripts: what exec_result says of them ---- */

static bool
is_result(struct bytes payload)
{
	static const char head[] = "{\"kind\":\"exec_result\"";

	return payload.n > sizeof(head) &&
	    memcmp(payload.p, head, sizeof(head) - 1) == 0;
}

static int
check_transcript(struct auditing *x, const struct entry *e)
{
	const struct record *r;
	struct record_doc *d;
	struct sha256 hash;
	uint64_t size;
	int err;

	if ((err = record_parse(e->payload, &d)) != 0)
		return err;
	r = record_of(d);
	if (!r->has[RF_TRANSCRIPT_HASH] || !r->has[RF_CARD])
		goto out;
	err = archive_transcript(x->archive, &r->card, &hash, &size);
	if (err == ERR_NOT_FOUND) {
		x->gone++;
		err = 0;
	} else if (err == 0 && sha256_equal(&hash, &r->transcript_hash)) {
		x->transcripts++;
	} else if (err == 0 || err == ERR_CORRUPT) {
		err = 0;
		x->bad_transcript = true;
		x->finding.wrong = AUDIT_BLOB;
		x->finding.index = e->index;
		snprintf(x->finding.text, sizeof(x->finding.text),
		    "the transcript has another hash than its record says");
	}
out:
	record_free(d);
	return err;
}

/* One record: itself, then what it says of a transcript. */
static int
check_record(struct auditing *x, const struct entry *e)
{
	int err = audit_record(x->audit, e->index, e->payload);

	return err == 0 && is_result(e->payload) ? check_transcript(x, e) :
	    err;
}

/* Of nothing nothing can be said, least of all that it is right. */
static void
check_any(struct auditing *x)
{
	struct audit_counts n;

	audit_counts(x->audit, &n);
	if (n.records > 0)
		return;
	x->none = true;
	x->finding.wrong = AUDIT_GENESIS;
	x->finding.index = 0;
	snprintf(x->finding.text, sizeof(x->finding.text),
	    "there is no record");
}

/* All of them, once, from the first to the last. */
static int
check_records(struct auditing *x)
{
	struct journal_source source;
	struct journal_reader *r;
	struct entry e;
	int err;

	archive_journal(x->archive, &source);
	if ((err = journal_reader_new(&source, &r)) != 0)
		return err;
	journal_reader_begin_at(r, archive_first(x->archive));
	while (!x->bad_transcript && (err = journal_reader_next(r, &e)) == 1)
		if ((err = check_record(x, &e)) != 0)
			goto out;
	/* It says how the reader failed. What could not be read at all is no
	 * end: nothing is verified then. */
	if (err == ERR_CORRUPT)
		err = audit_journal(x->audit, r);
	else if (err >= 0 && !x->bad_transcript &&
	    (err = audit_finish(x->audit)) == 0)
		check_any(x);
out:
	journal_reader_free(r);
	return err;
}

/* ---- telling ---- */

static void
say_time(const char *before, int64_t t)
{
	char text[TIME_TEXT_SIZE];

	time_format(t, text);
	say("%s%s", before, text);
}

/* What no witness has seen could have been written anew as a whole. */
static void
tell_tree(const struct auditing *x, const struct audit_counts *n)
{
	uint64_t end = archive_first(x->archive) + n->records;
	uint64_t seen = audit_witnessed(x->audit);
	const struct audit_witness *w;
	size_t i, count = audit_witnesses(x->audit, &w);

	say("states       %llu made again and compared, %llu epochs\n",
	    (unsigned long long)n->states, (unsigned long long)n->epochs);
	if (n->snapshots_gone > 0)
		say("             %llu of their snapshots are not here: their"
		    " bytes were made again from\n             the records, but"
		    " the device itself would not start from them\n",
		    (unsigned long long)n->snapshots_gone);
	if (n->states_passed > 0)
		say("             %llu not compared: the clock had been taken"
		    " back\n", (unsigned long long)n->states_passed);
	say("signed       %llu records by the device's checkpoint\n",
	    (unsigned long long)audit_agreed(x->audit));
	for (i = 0; i < count; i++) {
		say("witnessed    the first %llu records by ",
		    (unsigned long long)w[i].size);
		say_escape(bytes_str(w[i].name));
		say_time(", ", w[i].time);
		say("\n");
	}
	if (archive_first(x->archive) > 0)
		say("pruned       the records before %llu; their hashes are"
		    " here\n", (unsigned long long)archive_first(x->archive));
	if (seen < end)
		say("not covered  records %llu to %llu by nobody: whoever has"
		    " the device's own disk\n             could have left out"
		    " the latest ones\n", (unsigned long long)seen,
		    (unsigned long long)(end - 1));
}

static void
tell_counts(const struct auditing *x)
{
	struct audit_counts n;

	audit_counts(x->audit, &n);
	say("device       ");
	say_escape(bytes_str(audit_device(x->audit)));
	say(" of ");
	say_escape(bytes_str(audit_org(x->audit)));
	say("\nrecords      %llu, %llu bytes", (unsigned long long)n.records,
	    (unsigned long long)n.bytes);
	if (n.records > 0) {
		say_time(", ", n.first_time);
		say_time(" to ", n.last_time);
	}
	say("\ncards        %llu received, %llu run, %llu open\n",
	    (unsigned long long)n.cards, (unsigned long long)n.runs,
	    (unsigned long long)n.open);
	say("proofs       %llu of approvals, denials and cancels verified\n",
	    (unsigned long long)n.approvals);
	say("transcripts  %llu verified, %llu no longer kept\n",
	    (unsigned long long)x->transcripts, (unsigned long long)x->gone);
	tell_tree(x, &n);
}

static void
put_tree(const struct auditing *x, struct jsonw *w,
    const struct audit_counts *n)
{
	uint64_t first = archive_first(x->archive);
	uint64_t seen = audit_witnessed(x->audit), end = first + n->records;
	const struct audit_witness *who;
	size_t i, count = audit_witnesses(x->audit, &who);

	jsonw_int(w, "first", (int64_t)first);
	jsonw_int(w, "epochs", (int64_t)n->epochs);
	jsonw_int(w, "states", (int64_t)n->states);
	jsonw_int(w, "states_not_compared", (int64_t)n->states_passed);
	jsonw_int(w, "snapshots_missing", (int64_t)n->snapshots_gone);
	jsonw_int(w, "signed", (int64_t)audit_agreed(x->audit));
	jsonw_int(w, "witnessed", (int64_t)seen);
	jsonw_int(w, "not_witnessed", seen < end ? (int64_t)(end - seen) : 0);
	jsonw_arr(w, "witnesses");
	for (i = 0; i < count; i++) {
		jsonw_obj(w, NULL);
		jsonw_cstr(w, "name", who[i].name);
		jsonw_int(w, "records", (int64_t)who[i].size);
		jsonw_time(w, "time", who[i].time);
		jsonw_obj_end(w);
	}
	jsonw_arr_end(w);
}

static int
tell_json(const struct auditing *x, bool good)
{
	struct audit_counts n;
	struct jsonw w;
	struct buf b;
	int code;

	audit_counts(x->audit, &n);
	buf_init(&b, 65536);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_bool(&w, "verified", good);
	jsonw_cstr(&w, "device", audit_device(x->audit));
	jsonw_cstr(&w, "org", audit_org(x->audit));
	jsonw_int(&w, "records", (int64_t)n.records);
	jsonw_int(&w, "bytes", (int64_t)n.bytes);
	jsonw_int(&w, "cards", (int64_t)n.cards);
	jsonw_int(&w, "approvals", (int64_t)n.approvals);
	jsonw_int(&w, "runs", (int64_t)n.runs);
	jsonw_int(&w, "open", (int64_t)n.open);
	jsonw_int(&w, "transcripts", (int64_t)x->transcripts);
	jsonw_int(&w, "transcripts_gone", (int64_t)x->gone);
	put_tree(x, &w, &n);
	if (evidence_put(x->archive, &x->evidence, &w) != 0)
		b.err = ERR_NOMEM;
	if (!good) {
		jsonw_cstr(&w, "wrong", audit_word(x->finding.wrong));
		jsonw_int(&w, "index", (int64_t)x->finding.index);
		jsonw_cstr(&w, "detail", x->finding.text);
	}
	jsonw_obj_end(&w);
	code = say_json(&b);
	buf_free(&b);
	return code;
}

static int
tell_wrong(const struct auditing *x)
{
	if (args_json(x->args) && tell_json(x, false) != CLI_DONE)
		return CLI_FAILED;
	return complain(CLI_REFUSED, "compare it with another copy, such as"
	    " the console's", x->finding.wrong == AUDIT_CUT ?
	    "record %llu is missing (%s): %s" :
	    "record %llu is wrong (%s): %s",
	    (unsigned long long)x->finding.index,
	    audit_word(x->finding.wrong), x->finding.text);
}

/* What a console put beside the journal. */
static int
check_evidence(struct auditing *x)
{
	int err = evidence_read(x->archive, x->tree, &x->evidence);

	if (err != 0 || !x->evidence.bad)
		return err;
	x->finding.wrong = AUDIT_ROOT;
	x->finding.index = x->evidence.bad_index;
	(void)snprintf(x->finding.text, sizeof(x->finding.text),
	    "a record from before those that are missing does not read, or"
	    " the tree has another hash of it");
	return 0;
}

/* All of it: *x has what was found, unless it could not be read. */
static int
look(struct auditing *x)
{
	struct audit_source blobs = { x->archive, archive_blob };
	int err;

	if ((err = archivetree_open(x->archive, &x->tree)) != 0 ||
	    (err = audit_new(&blobs, &x->audit)) != 0 ||
	    (err = archivetree_audit(x->archive, x->tree, x->audit)) != 0)
		return err;
	err = check_records(x);
	if (!x->bad_transcript && !x->none)
		x->finding = *audit_finding(x->audit);
	if (err == 0 && x->finding.wrong == AUDIT_RIGHT)
		err = check_evidence(x);
	return x->finding.wrong != AUDIT_RIGHT ? 0 : err;
}

static void
forget(struct auditing *x)
{
	audit_free(x->audit);
	archivetree_close(x->tree);
	archive_close(x->archive);
	*x = (struct auditing){ .args = x->args };
}

static bool
is_same(const struct audit_finding *a, const struct audit_finding *b)
{
	return a->wrong == b->wrong && a->index == b->index &&
	    strcmp(a->text, b->text) == 0;
}

/*
 * An agent that runs writes to its folder while we read: a record is half there
 * or a segment has just got another name. So what is wrong has to be found
 * twice, unless it is another thing each time.
 */
static int
look_twice(struct auditing *x)
{
	struct audit_finding before;
	int err, err_before, tries = 0;

	err = look(x);
	while ((err != 0 || x->finding.wrong != AUDIT_RIGHT) &&
	    userfile_is_dir(x->args->operand[0]) && tries++ < TRIES) {
		before = x->finding;
		err_before = err;
		forget(x);
		if ((err = archive_open(x->args->operand[0],
		    &x->archive)) != 0)
			return err;
		err = look(x);
		if (err == err_before && is_same(&x->finding, &before))
			break;
	}
	return err;
}

static int
audit_all(struct auditing *x)
{
	const char *path = x->args->operand[0];
	int err = look_twice(x);

	if (x->finding.wrong != AUDIT_RIGHT)
		return tell_wrong(x);
	if (err != 0)
		return complain_err(err, path);
	if (args_json(x->args))
		return tell_json(x, true);
	tell_counts(x);
	if ((err = evidence_say(x->archive, &x->evidence)) != 0)
		return complain_err(err, path);
	say("%sverified%s\n", say_colour(SAY_GREEN), say_colour(SAY_PLAIN));
	return CLI_DONE;
}

static int
audit_verify(const struct args *a)
{
	struct auditing x = { .args = a };
	int code, err;

	if ((err = archive_open(a->operand[0], &x.archive)) != 0)
		return complain(err == ERR_CORRUPT ? CLI_REFUSED : CLI_FAILED,
		    "give an agent's state folder, or an export of it", "%s:"
		    " no journal can be read there (%s)", a->operand[0],
		    err_text(err));
	code = audit_all(&x);
	forget(&x);
	return code;
}

const struct command commands_audit[] = {
	{ "audit verify", "PATH", "Verifies a journal from nothing but itself:"
	    " every signature, every rule, every\nstate, the tree and its"
	    " checkpoints; and says what no witness has seen. PATH is\nan"
	    " agent's state folder, or an export (tar).",
	    "  countersign audit verify /var/lib/countersign\n", NULL, 1, 1,
	    audit_verify },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
