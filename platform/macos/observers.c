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
