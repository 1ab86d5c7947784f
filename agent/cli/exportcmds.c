/*
 * exportcmds.c - audit export: a journal in other people's formats.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/archive.h"
#include "agent/cli/archivetree.h"
#include "agent/cli/cli.h"
#include "agent/cli/proofs.h"

#include "common/audit.h"
#include "common/jsonw.h"
#include "common/ocsf.h"

#include <stdio.h>
#include <string.h>

/* An event is its record, and as much again of words around it. */
#define LINE_MAX_BYTES (4 * CAP_RECORD + 65536)

struct exporting {
	const struct args *args;
	struct archive *archive;
	struct archivetree *tree;
	struct audit *audit;
	struct proofs *proofs;	/* NULL: none are asked for */
	struct proofs_choice choice;
	struct buf line;
	uint64_t events;
};

/* ---- one record ---- */

static int
put_event(struct exporting *x, uint64_t index, const struct record *rec,
    struct bytes payload)
{
	const struct ocsf_origin from = { audit_org(x->audit),
	    audit_device(x->audit) };

	buf_clear(&x->line);
	ocsf_put(&x->line, &from, index, rec, payload, true);
	buf_put_u8(&x->line, '\n');
	if (buf_error(&x->line) != 0)
		return buf_error(&x->line);
	x->events++;
	return fwrite(x->line.p, 1, x->line.n, stdout) == x->line.n ? 0 :
	    ERR_IO;
}

static int
take(struct exporting *x, const struct entry *e)
{
	struct record_doc *d;
	const struct record *rec;
	int err;

	if ((err = audit_record(x->audit, e->index, e->payload)) != 0 ||
	    (err = record_parse(e->payload, &d)) != 0)
		return err;
	rec = record_of(d);
	if (proofs_is_chosen(&x->choice, e->index, rec))
		err = put_event(x, e->index, rec, e->payload);
	if (err == 0 && x->proofs != NULL)
		err = proofs_record(x->proofs, e->index, rec, e->payload);
	record_free(d);
	return err;
}

/* ---- all of them ---- */

static int
tell_wrong(const struct exporting *x)
{
	const struct audit_finding *f = audit_finding(x->audit);

	return complain(CLI_REFUSED, "what was written ends before it; compare"
	    " the journal with another copy, such as the console's",
	    "record %llu is wrong (%s): %s",
	    (unsigned long long)f->index, audit_word(f->wrong), f->text);
}

static int
tell_proofs(struct exporting *x, const char *folder)
{
	struct proofs_counts n;
	int err = proofs_end(x->proofs, &n);

	if (err == ERR_CORRUPT)
		return complain(CLI_REFUSED, "see `countersign audit verify`",
		    "the checkpoint is not one over these records");
	if (err != 0)
		return complain_err(err, folder);
	say_next("next: in %s, `sh commands` has ssh-keygen verify %llu"
	    " approvals\n", folder, (unsigned long long)n.approvals);
	if (n.uncovered > 0)
		say_next("%llu of %llu records are above the checkpoint of"
		    " %llu: no proof of their place yet\n",
		    (unsigned long long)n.uncovered,
		    (unsigned long long)n.records,
		    (unsigned long long)n.size);
	if (n.unwrapped > 0)
		say_next("%llu approvals are of EdDSA passkeys, for which"
		    " OpenSSH has no form: only `audit verify` checks them\n",
		    (unsigned long long)n.unwrapped);
	return CLI_DONE;
}

/* Nothing was written: what was asked for is not there, or nothing is. */
static int
tell_none(const struct exporting *x)
{
	const char *path = x->args->operand[0];
	uint64_t first = archive_first(x->archive);
	struct audit_counts n;

	audit_counts(x->audit, &n);
	if (n.records == 0)
		return complain(CLI_REFUSED, "compare it with another copy,"
		    " such as the console's", "%s: there is no record", path);
	if (x->choice.one && x->choice.index < first)
		return complain(CLI_FAILED, "another copy may have it, such as"
		    " the console's; its hash is here", "%s: record %llu was"
		    " removed by age: the journal begins with %llu", path,
		    (unsigned long long)x->choice.index,
		    (unsigned long long)first);
	if (x->choice.one || x->choice.of_card)
		return complain(CLI_FAILED, "`countersign audit export` without"
		    " it lists them all", "%s: there is no such record",
		    path);
	return CLI_DONE;
}

static int
export_all(struct exporting *x)
{
	const char *path = x->args->operand[0];
	const char *folder = args_get(x->args, "--proofs");
	struct journal_source source;
	struct journal_reader *r = NULL;
	struct entry e;
	int err;

	archive_journal(x->archive, &source);
	if ((err = journal_reader_new(&source, &r)) != 0)
		return complain_err(err, path);
	journal_reader_begin_at(r, archive_first(x->archive));
	while ((err = journal_reader_next(r, &e)) > 0)
		if ((err = take(x, &e)) != 0)
			break;
	/* It says how the reader failed, or what the end lacks. What could not
	 * be read at all is no end. */
	if (err == ERR_CORRUPT && audit_finding(x->audit)->wrong == AUDIT_RIGHT)
		err = audit_journal(x->audit, r);
	else if (err == 0)
		err = audit_finish(x->audit);
	journal_reader_free(r);
	if (err == ERR_CORRUPT)
		return tell_wrong(x);
	if (err != 0)
		return complain_err(err, path);
	if (x->events == 0 && (err = tell_none(x)) != CLI_DONE)
		return err;
	return x->proofs != NULL ? tell_proofs(x, folder) : CLI_DONE;
}

/* ---- the command ---- */

static int
choose(const struct args *a, struct proofs_choice *ret_c)
{
	const char *card = args_get(a, "--card");
	int64_t index = -1;

	memset(ret_c, 0, sizeof(*ret_c));
	if (args_int(a, "--record", 0, INT64_MAX, &index) != 0)
		return CLI_USAGE;
	if (card != NULL && index >= 0)
		return complain(CLI_USAGE, "give one of them",
		    "--record and --card exclude each other");
	ret_c->one = index >= 0;
	ret_c->index = index >= 0 ? (uint64_t)index : 0;
	ret_c->of_card = card != NULL;
	if (card != NULL && digest_parse(bytes_str(card),
	    &ret_c->card) != 0)
		return complain(CLI_USAGE, "it is \"sha256:\" and 64 digits",
		    "--card %s: not a card's digest", card);
	return CLI_DONE;
}

static int
begin(struct exporting *x)
{
	const char *path = x->args->operand[0];
	const char *folder = args_get(x->args, "--proofs");
	struct audit_source blobs;
	int err;

	if ((err = archive_open(path, &x->archive)) != 0)
		return complain(err == ERR_CORRUPT ? CLI_REFUSED : CLI_FAILED,
		    "give an agent's state folder, or an export of it", "%s:"
		    " no journal can be read there (%s)", path, err_text(err));
	blobs = (struct audit_source){ x->archive, archive_blob };
	if ((err = audit_new(&blobs, &x->audit)) != 0 ||
	    (err = archivetree_open(x->archive, &x->tree)) != 0 ||
	    (err = archivetree_audit(x->archive, x->tree, x->audit)) != 0)
		return complain_err(err, path);
	if (folder == NULL)
		return CLI_DONE;
	err = proofs_new(x->archive, folder, &x->choice, &x->proofs);
	if (err == ERR_EXISTS)
		return complain(CLI_FAILED, "give an empty or new folder",
		    "%s: there is something in it", folder);
	return err == 0 ? CLI_DONE : complain_err(err, folder);
}

static int
audit_export(const struct args *a)
{
	struct exporting x = { .args = a };
	int code;

	if ((code = choose(a, &x.choice)) != CLI_DONE)
		return code;
	buf_init(&x.line, LINE_MAX_BYTES);
	if ((code = begin(&x)) == CLI_DONE)
		code = export_all(&x);
	buf_free(&x.line);
	proofs_free(x.proofs);
	audit_free(x.audit);
	archivetree_close(x.tree);
	archive_close(x.archive);
	return say_end(code);
}

static const struct option export_options[] = {
	{ "--proofs", "DIR", "also write evidence for other programs:"
	    " tlog-proof files, notes, SSHSIG files, allowed_signers" },
	{ "--record", "N", "only that record" },
	{ "--card", "DIGEST", "only the records about that card" },
	{ NULL, NULL, NULL }
};

const struct command commands_export[] = {
	{ "audit export", "PATH", "Prints a journal as JSON Lines, one OCSF"
	    " event a record, each verified before. PATH is\nan agent's state"
	    " folder, or an export (tar).",
	    "  countersign audit export /var/lib/countersign > events.jsonl\n"
	    "  countersign audit export journal.tar --record 17 --proofs"
	    " evidence\n", export_options, 1, 1, audit_export },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
