/*
 * unitpaths.h - what a service is made of, as `systemctl show` tells it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 *
 * Who may write what a service runs or reads, and restart it, may do anything:
 * such a card needs profile full.
 */
#ifndef COUNTERSIGN_COMMON_UNITPATHS_H
#define COUNTERSIGN_COMMON_UNITPATHS_H

#include "common/bytes.h"

/* Arguments of systemctl behind `show`, before the unit; ended by NULL. */
extern const char *const unitpaths_show[];
/* Longest output of it that is looked at. */
#define UNITPATHS_TEXT_MAX (256u * 1024)

/* What it says of the unit. Points into the text. */
struct unitpaths {
	struct bytes id;	/* its real name: not that of an alias */
	struct bytes load;	/* "loaded", "not-found", "masked", … */
};

/*
 * Reads the lines "Name=value". Names occur more than once. ERR_MISSING_FIELD
 * no Id or LoadState.
 */
MUST_CHECK int unitpaths_read(struct bytes text, struct unitpaths *ret_u);

/*
 * The first path in any of the values that is the folder or lies below it: of
 * programs and their arguments, working directories, environment and files of
 * it, drop-ins, the unit's file. `.` and `..` in them count as what they may
 * be. A folder with blanks, quotes and the like in its name, which these values
 * may show in another form, counts as found. False: none.
 */
bool unitpaths_find(struct bytes text, struct bytes folder,
    struct bytes *ret_path);

/*
 * Calls fn with each other unit that runs something and may be started,
 * restarted or ended with this one, until it says false.
 */
void unitpaths_pulls(struct bytes text,
    bool (*fn)(struct bytes unit, void *arg), void *arg);

#endif
