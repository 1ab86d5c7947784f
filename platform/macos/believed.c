/*
 * believed.c - not looked for here: no confined profile writes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/believed.h"

int
believed_find(const char *folder, char *ret_by, size_t n)
{
	(void)folder;
	(void)ret_by;
	(void)n;
	return ERR_UNSUPPORTED;
}

int
believed_name(const char *folder, unsigned nth,
    char ret_path[PLACES_PATH_SIZE])
{
	(void)folder;
	(void)nth;
	(void)ret_path;
	return ERR_UNSUPPORTED;
}

bool
believed_shown(struct bytes shown, const char *folder)
{
	(void)shown;
	(void)folder;
	return false;
}
