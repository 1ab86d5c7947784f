/*
 * tamper.c - signs of tampering: the agent locks itself, and keeps them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Nothing is repaired and nothing is written into the journal: it is evidence.
 * The file `tampered` says why, so that a start finds the agent locked even if
 * somebody put everything back in between. Only enrolling again ends it, which
 * sets all of this aside and keeps it.
 */
#include "agent/gate/gate.h"

#include "platform/file.h"

#include <stdio.h>
#include <string.h>

#define FLAG_CAP 65536u

/* The reasons, and what they mean in words. */
static const struct {
	const char *reason;
	const char *words;
} reasons[] = {
	{ "journal_tampered", "the journal is not what the agent wrote" },
	{ "journal_rolled_back", "the journal is shorter than it was: its disk"
	    " was put back to an earlier state, or its end was cut" },
	{ "checkpoint_missing", "the checkpoint was removed" },
	{ "checkpoint_damaged", "the checkpoint is not what the agent wrote" },
	{ "epoch_key_missing", "the key of the present epoch was removed" },
};

static const char *
words_of(const char *reason)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			return reasons[i].words;
	return "the journal cannot be trusted";
}

/* The word that the file begins with; one of ours, whatever it says. */
static const char *
reason_of(struct bytes flag)
{
	const uint8_t *end = flag.n > 0 ? memchr(flag.p, '\n', flag.n) : NULL;
	struct bytes word = bytes_of(flag.p, end != NULL ?
	    (size_t)(end - flag.p) : flag.n);
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (bytes_is(word, reasons[i].reason))
			return reasons[i].reason;
	return reasons[0].reason;
}

/* Says it, locks, and leaves the flag. */
int
tamper_seal(struct gate *g, const char *reason, const char *detail,
    struct bytes evidence)
{
	struct buf b;
	int err;

	core_seal(g->core, "tamper", "device", reason);
	log_event(&g->log, SERVICE_ERROR, "ALARM: %s (%s%s%s): locked down;"
	    " keep the folder %s as evidence, then enrol again (countersignd"
	    " enrol)", words_of(reason), reason, detail[0] != '\0' ? ": " :
	    "", detail, g->config.state);
	buf_init(&b, FLAG_CAP);
	buf_printf(&b, "%s\n%s\n", reason, detail);
	buf_put_bytes(&b, evidence);
	if ((err = buf_error(&b)) == 0)
		err = file_replace(g->state_dir, TAMPER_FILE, buf_bytes(&b));
	buf_free(&b);
	if (err != 0)
		log_event(&g->log, SERVICE_ERROR, "the flag file %s cannot be"
		    " written: %s", TAMPER_FILE, err_text(err));
	return err;
}

bool
tamper_is_flagged(struct gate *g)
{
	struct buf b;
	int err;

	buf_init(&b, FLAG_CAP);
	err = file_read(g->state_dir, TAMPER_FILE, FLAG_CAP, &b);
	/* Whatever stands there, or cannot be looked at, locks. */
	if (err != ERR_NOT_FOUND) {
		const char *reason = reason_of(buf_bytes(&b));

		core_seal(g->core, "tamper", "device", reason);
		log_event(&g->log, SERVICE_ERROR, "%s (%s): still locked down;"
		    " only enrolling again ends it (countersignd enrol)",
		    words_of(reason), reason);
	}
	buf_free(&b);
	return err != ERR_NOT_FOUND;
}

void
gate_journal_tampered(struct gate *g)
{
	char detail[300];
	uint64_t index = 0;
	const char *why = journal_fault(g->journal, &index);

	snprintf(detail, sizeof(detail), "record %llu: %s",
	    (unsigned long long)index, why);
	gate_tampered(g, "journal_tampered", detail, bytes_of(NULL, 0));
}

void
gate_tampered(struct gate *g, const char *reason, const char *detail,
    struct bytes evidence)
{
	if (g->evidence || g->broken)
		return;
	g->evidence = true;
	runs_stop_all(g->runs, "lockdown");
	if (tamper_seal(g, reason, detail, evidence) != 0)
		g->exit_code = 1;
	/* What runs is ended with us; the start finds the flag. */
	if (!checkpoints_is_telling(g->checkpoints))
		gate_begin_anew(g);
}
