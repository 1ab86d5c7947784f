/*
 * believed.h - folders from which root's programs take code on this machine.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * common/writeroot.h knows where a system keeps what root runs. Where else it
 * does on this one is seen on its disk: a link in a folder of programs, a cron
 * table, a unit, a search path, a second name through a bind mount.
 */
#ifndef COUNTERSIGN_PLATFORM_BELIEVED_H
#define COUNTERSIGN_PLATFORM_BELIEVED_H

#include "common/bytes.h"
#include "platform/places.h"

/*
 * What takes code from the folder (absolute, without links) or from below it:
 * into ret_by, cut to n bytes with its NUL. ERR_NOT_FOUND nothing that is
 * seen; ERR_UNSUPPORTED. Reads some hundred small files.
 */
MUST_CHECK int believed_find(const char *folder, char *ret_by, size_t n);

/*
 * Another name, through mounts, of the folder or of something in it: the one
 * number nth, from 0. ERR_NOT_FOUND there are no more; ERR_UNSUPPORTED.
 */
MUST_CHECK int believed_name(const char *folder, unsigned nth,
    char ret_path[PLACES_PATH_SIZE]);

/* How a text names code. */
enum believed_kind {
	BELIEVED_COMMANDS,	/* cron tables: files that are run */
	BELIEVED_MIXED,		/* scripts, which name more files of data: only
				 * files that are there */
	BELIEVED_PATHS,		/* search paths: folders, too */
	BELIEVED_VARIABLES,	/* of services: search paths; else as scripts */
	BELIEVED_UNIT		/* a service's Exec lines, if root's */
};
/*
 * Whether the text takes code from the folder. is_code() tells of a path in it
 * whether it is something that could be run; if_absent: also if there is
 * nothing as yet. Pure, but for that.
 */
typedef bool believed_is_code(const char *path, bool if_absent);
bool believed_in_text(struct bytes text, enum believed_kind kind,
    const char *folder, believed_is_code *is_code);
/* The same of a unit; anybodys: whoever it runs as. */
bool believed_in_unit(struct bytes text, bool anybodys, const char *folder,
    believed_is_code *is_code);

/*
 * Calls fn with each path in what root runs by a unit or a table, until it
 * says true. Returns whether it did.
 */
typedef bool believed_seen(const char *path, void *arg);
bool believed_each(struct bytes text, enum believed_kind kind,
    believed_seen *fn, void *arg);

/*
 * Whether a service takes code from the folder in a way that what systemd
 * shows of it (unitpaths.h) does not name: through a symbolic link, a script,
 * a file of variables, a line of its unit.
 */
bool believed_shown(struct bytes shown, const char *folder);

#endif
