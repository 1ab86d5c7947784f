/*
 * starter.c - there is none here: the gate starts what it starts by itself.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "platform/starter.h"

int
starter_split(const struct starter *s, int *ret_code)
{
	(void)s;
	(void)ret_code;
	return STARTER_IS_GATE;
}

bool
starter_is_there(void)
{
	return false;
}
