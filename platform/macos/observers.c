/*
 * observers.c - the accounts that look, as they are called on macOS.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/observers.h"

const char *
observers_name(unsigned i)
{
	static const char *const names[OBSERVERS] = {
		"_countersign_observe_1", "_countersign_observe_2",
		"_countersign_observe_3", "_countersign_observe_4",
	};

	return i < OBSERVERS ? names[i] : NULL;
}

const char *
observers_command(void)
{
	return "installing the package again";
}

/* The package's are of the system's range, and there are no containers. */
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
