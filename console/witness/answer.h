/*
 * answer.h - what this console, as a witness, answers to an add-checkpoint.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * C2SP tlog-witness, the same over a device's link and over HTTP. The logs
 * that we know are those of our devices and those that the settings name. What
 * we cosigned is written in the caller's transaction, and the answer may leave
 * only once that is on the disk: a crash in between costs the log a second
 * request, and never makes us forget what we said.
 */
#ifndef COUNTERSIGN_CONSOLE_WITNESS_ANSWER_H
#define COUNTERSIGN_CONSOLE_WITNESS_ANSWER_H

#include "common/witness.h"
#include "console/ledger.h"
#include "console/settings.h"
#include "console/witness/self.h"

/* Our line, or a size. */
#define ANSWER_MAX 4096

struct answer {
	enum witness_status status;
	struct buf body;
	/* The device whose log it is, if it is one's; "" else. */
	char device[DEVICEID_SIZE];
};

/* All that it needs to know. */
struct answerer {
	struct store *store;
	const struct settings *settings;
	const struct self *self;
};

/*
 * Answers a request. own: the device whose link it came over, which can ask
 * for its own log only, or NULL. A checkpoint of a device is held against our
 * copy of its records: one that contradicts them is refused, and an alarm. On
 * success the caller frees ret_a->body. The store's errors; ERR_CRYPTO.
 */
MUST_CHECK int answer_request(const struct answerer *w,
    struct store_device *own, struct bytes request, int64_t now,
    struct ledger_effects *ret_e, struct answer *ret_a);

#endif
