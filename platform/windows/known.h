/*
 * known.h - folders that Windows itself says where they are.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, on Windows.
 *
 * From the system, never from the environment, which whoever starts us makes.
 */
#ifndef COUNTERSIGN_PLATFORM_WINDOWS_KNOWN_H
#define COUNTERSIGN_PLATFORM_WINDOWS_KNOWN_H

#include "platform/windows/win.h"

enum known {
	KNOWN_WINDOWS,		/* C:/Windows */
	KNOWN_PROGRAMS,		/* C:/Program Files */
	KNOWN_DATA,		/* C:/ProgramData */
	KNOWN_DRIVE,		/* C: */
	KNOWN_LAST = KNOWN_DRIVE
};

/* UTF-8 with '/'; lives as long as the process. */
const char *known_folder(enum known which);

#endif
