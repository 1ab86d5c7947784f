/*
 * auditcmds.c - audit verify: is a journal what it says it is?
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/archive.h"
#include "agent/cli/cli.h"

#include "common/audit.h"
#include "common/jsonw.h"
#include "common/timefmt.h"

#include <string.h>

/* One audit, and what was found besides. */
struct auditing {
	const struct args *args;
	struct archive *archive;
	struct audit *audit;
	uint64_t transcripts;	/* that are there and right */
	uint64_t gone;		/* that are not there any more */
	bool bad_transcript;
	struct audit_finding finding;
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
	} else if (err == 0) {
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

/* After the records themselves were found right. */
static int
check_transcripts(struct auditing *x)
{
	struct journal_source source;
	struct journal_reader *r;
	struct entry e;
	int err;

	archive_journal(x->archive, &source);
	if ((err = journal_reader_new(&source, &r)) != 0)
		return err;
	while (!x->bad_transcript && (err = journal_reader_next(r, &e)) > 0) {
		err = is_result(e.payload) ? check_transcript(x, &e) : 0;
		if (err != 0)
			break;
	}
	journal_reader_free(r);
	return err > 0 ? 0 : err;
}

/* ---- telling ---- */

static void
say_time(const char *before, int64_t t)
{
	char text[TIME_TEXT_SIZE];

	time_format(t, text);
	say("%s%s", before, text);
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
	/* What no witness has seen could have been written anew as a whole. */
	say("witnessed    none of these records: whoever has the device's own"
	    " disk could\n             have left out the latest ones\n");
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
	jsonw_int(&w, "witnessed", 0);
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
	    " the console's", "record %llu is wrong (%s): %s",
	    (unsigned long long)x->finding.index,
	    audit_word(x->finding.wrong), x->finding.text);
}

static int
audit_all(struct auditing *x)
{
	const char *path = x->args->operand[0];
	struct audit_source blobs = { x->archive, archive_blob };
	struct journal_source source;
	struct journal_reader *r = NULL;
	int err;

	archive_journal(x->archive, &source);
	if ((err = audit_new(&blobs, &x->audit)) != 0 ||
	    (err = journal_reader_new(&source, &r)) != 0)
		return complain_err(err, path);
	err = audit_journal(x->audit, r);
	journal_reader_free(r);
	if (err == ERR_CORRUPT) {
		x->finding = *audit_finding(x->audit);
		return tell_wrong(x);
	}
	if (err == 0)
		err = check_transcripts(x);
	if (err != 0)
		return complain_err(err, path);
	if (x->bad_transcript)
		return tell_wrong(x);
	if (args_json(x->args))
		return tell_json(x, true);
	tell_counts(x);
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
	audit_free(x.audit);
	archive_close(x.archive);
	return code;
}

const struct command commands_audit[] = {
	{ "audit verify", "PATH", "Verifies a journal from nothing but itself:"
	    " every signature, every rule, every\nstate. PATH is an agent's"
	    " state folder, or an export (tar).",
	    "  countersign audit verify /var/lib/countersign\n", NULL, 1, 1,
	    audit_verify },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
