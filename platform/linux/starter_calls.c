/*
 * starter_calls.c - whether there is a starter to ask.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate; everywhere else there is none.
 */
#include "platform/linux/starter.h"

#include <fcntl.h>

const struct starter_calls *starter_calls;

bool
starter_is_there(void)
{
	return starter_calls != NULL;
}

int
starter_open(const char *path, int flags, unsigned mode)
{
	if (starter_calls != NULL)
		return starter_calls->open(path, flags, mode);
	return open(path, flags | O_CLOEXEC, (mode_t)mode);
}
