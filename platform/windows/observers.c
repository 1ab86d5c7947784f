/*
 * observers.c - no accounts that look: Windows is not offered `observe`.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/observers.h"

#include <stddef.h>

const char *
observers_name(unsigned i)
{
	(void)i;
	return NULL;
}

const char *
observers_command(void)
{
	return "";
}

int
observers_hold(unsigned i, int *ret_fd)
{
	(void)i;
	(void)ret_fd;
	return ERR_UNSUPPORTED;
}

void
observers_release(int *fd)
{
	*fd = -1;
}

int
observers_hold_any(unsigned which, unsigned wait_ms, unsigned *ret_i,
    int *ret_fd)
{
	(void)which;
	(void)wait_ms;
	(void)ret_i;
	(void)ret_fd;
	return ERR_UNSUPPORTED;
}

uint32_t
observers_number(unsigned i)
{
	(void)i;
	return 0;
}

bool
observers_is_apart(uint32_t uid)
{
	(void)uid;
	return true;
}

bool
observers_is_outside(uint32_t uid, struct bytes subuid)
{
	(void)uid;
	(void)subuid;
	return true;
}
