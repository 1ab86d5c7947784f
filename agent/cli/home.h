/*
 * home.h - what the tool keeps for a person: pins, and versions seen.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 *
 * In $XDG_CONFIG_HOME/countersign, else $HOME/.config/countersign:
 * pins/ORG has the owner's pin, one line; seen/ORG the highest version of each
 * trust file that was ever verified here, so that an older one is refused.
 */
#ifndef COUNTERSIGN_AGENT_CLI_HOME_H
#define COUNTERSIGN_AGENT_CLI_HOME_H

#include "agent/cli/cli.h"
#include "common/deviceid.h"
#include "common/pin.h"

#define HOME_PATH_SIZE 4300

/* Writes the pin of its org; an other one that is there is replaced only if
 * asked. Complains; CLI_*. */
MUST_CHECK int home_install_pin(const struct pin *pin, bool replace);

/*
 * Calls fn for each pin until it returns something else than 0, which is the
 * result; files that are no pins are skipped. 0 if there is none.
 */
typedef int home_pin_fn(void *arg, const struct pin *pin);
MUST_CHECK int home_each_pin(home_pin_fn *fn, void *arg);

/* Versions seen of an org's files, under the root of version[TRUST_ROOT]. */
struct home_seen {
	int64_t version[TRUST_FILES];	/* 0: none; of the device asked for */
};

/*
 * Of the org and one device ("" for none). No file: zeros. A file that cannot
 * be read is an error: it is there to be believed.
 */
MUST_CHECK int home_seen_read(const char *org, const char *device,
    struct home_seen *ret_s);
/* Replaces them. */
MUST_CHECK int home_seen_write(const char *org, const char *device,
    const struct home_seen *s);

#endif
