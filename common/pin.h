/*
 * pin.h - the pin: what a device or workstation trusts to begin with.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 *
 * One line, which comes from the owner and never from a console:
 * "countersign-pin:1:<org>:<64 hex digits>:<root>.<people>.<policy>.<device>.
 * <timestamp>" (without the break), that is the digest of a root payload and
 * the least version of each file.
 */
#ifndef COUNTERSIGN_COMMON_PIN_H
#define COUNTERSIGN_COMMON_PIN_H

#include "common/digest.h"
#include "common/text.h"
#include "common/trustfile.h"

struct pin {
	char org[TEXT_ORG_MAX + 1];
	struct sha256 root;
	int64_t min_version[TRUST_FILES];
};

/*
 * Reads exactly that form: no white space, no leading zeros, versions from 1.
 * ERR_SYNTAX, ERR_VERSION (another number than 1), ERR_RANGE.
 */
MUST_CHECK int pin_parse(struct bytes text, struct pin *ret_pin);

/* Appends the line, without a newline. Failures are the buffer's. */
void pin_write(struct buf *b, const struct pin *pin);

/*
 * Appends a fingerprint of the pin's root for a person to compare or type: its
 * digest in groups of four hex digits, "1a2b 3c4d …".
 */
void pin_fingerprint(struct buf *b, const struct pin *pin);

#endif
