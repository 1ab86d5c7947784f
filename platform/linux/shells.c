/*
 * shells.c - the interpreters of Linux.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/shells.h"

#include "common/constants.h"

const char *const *
shells_command_line(enum action_shell shell)
{
	return card_v1_command_line(shell);
}

const char *const *
shells_environment(enum action_profile profile)
{
	return card_v1_environment(profile);
}

const char *
shells_cwd(enum action_profile profile)
{
	return card_v1_cwd(profile);
}
