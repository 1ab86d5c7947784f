/*
 * outgoing.h - what goes to a connected device: trust files, envelopes,
 * withdrawals, and credit for its output.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * Everything but credit is in the store and stays there until a record answers
 * it; here is how far this connection has got with sending it. On a new
 * connection all that is unanswered goes again, in order.
 */
#ifndef COUNTERSIGN_CONSOLE_GATEWAY_OUTGOING_H
#define COUNTERSIGN_CONSOLE_GATEWAY_OUTGOING_H

#include "common/wire.h"
#include "console/gateway/session.h"

/* The trust files, in the order in which a device can take them. */
enum { OUTGOING_ROOT, OUTGOING_PEOPLE, OUTGOING_POLICY, OUTGOING_DEVICE,
	OUTGOING_TIMESTAMP, OUTGOING_FILES };

/* A transcript that is coming. */
struct outgoing_output {
	struct spool_file *file;	/* NULL: a free place */
	bool ended;			/* the spool knows its end */
	uint64_t until;			/* credit given; 0: none yet */
	bool asked_again;		/* after a gap, until something fits */
};

/* Of one connection. The fields are the module's own. */
struct outgoing {
	struct console *c;
	const struct session_io *io;
	void *ctx;
	const struct store_device *device;	/* NULL until it is open */
	int64_t sent;			/* number of the last row sent */
	bool trust_news;
	int64_t sent_root;		/* version */
	struct sha256 sent_file[OUTGOING_FILES];
	struct outgoing_output outputs[SESSION_OUTPUTS];
	bool outputs_news;
};

void outgoing_init(struct outgoing *o, struct console *c,
    const struct session_io *io, void *ctx);
/* Lets go of the files. Idempotent. */
void outgoing_fini(struct outgoing *o);
/* The device has proved itself: from now on it may be sent to. */
void outgoing_open(struct outgoing *o, const struct store_device *d);

/* Sends what there is, as far as there is room. The store's errors. */
MUST_CHECK int outgoing_pump(struct outgoing *o);
/* All that is unanswered goes again. */
void outgoing_rewind(struct outgoing *o);
/* There may be trust files that the device lacks. */
void outgoing_trust_changed(struct outgoing *o);
/* A card's output began or ended, says the journal. */
void outgoing_outputs_changed(struct outgoing *o);
/*
 * Gives credit for outputs that began in this turn, before its commit: the
 * first bytes do not wait for the disk. If the commit fails, the connection
 * ends and the credit with it. The store's errors.
 */
MUST_CHECK int outgoing_begin_outputs(struct outgoing *o);

/* Transcript bytes came. ERR_PROTOCOL beyond the credit; the spool's errors. */
MUST_CHECK int outgoing_on_output(struct outgoing *o,
    const struct wire_output *m);

#endif
