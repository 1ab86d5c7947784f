/*
 * shells.h - the interpreters of this system: how each is started, and in what
 * surroundings.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * common/constants.h has the words; here they are this machine's: on Windows
 * with the folder in which the system lies. What is returned lives as long as
 * the process.
 */
#ifndef COUNTERSIGN_PLATFORM_SHELLS_H
#define COUNTERSIGN_PLATFORM_SHELLS_H

#include "common/action.h"

/*
 * The command line of a shell, as in card_v1_command_line(): the absolute path
 * of the interpreter first, CARD_V1_SCRIPT last, ended by NULL. NULL for
 * ACTION_ARGV and for a shell that this system does not have.
 */
const char *const *shells_command_line(enum action_shell shell);
/* The environment as "NAME=value", ended by NULL. */
const char *const *shells_environment(enum action_profile profile);
/* The folder in which the action starts. */
const char *shells_cwd(enum action_profile profile);

#endif
