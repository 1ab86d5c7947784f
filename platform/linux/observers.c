/*
 * observers.c - the accounts that look, as they are called on Linux.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/observers.h"

const char *
observers_name(unsigned i)
{
	static const char *const names[OBSERVERS] = {
		"countersign-observe-1", "countersign-observe-2",
		"countersign-observe-3", "countersign-observe-4",
	};

	return i < OBSERVERS ? names[i] : NULL;
}

const char *
observers_command(void)
{
	return "for n in 1 2 3 4; do useradd --system --no-create-home"
	    " --user-group --shell /usr/sbin/nologin countersign-observe-$n;"
	    " done";
}
