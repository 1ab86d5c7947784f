/*
 * constants.c - what card v1 means where the card itself is silent.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/constants.h"

/* All but HOME is the same in every profile. */
#define COMMON_ENVIRONMENT						\
	"PATH=" CARD_V1_PATH,						\
	"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TERM=dumb", "PAGER=cat",	\
	"SYSTEMD_PAGER=", "SYSTEMD_COLORS=0",				\
	"DEBIAN_FRONTEND=noninteractive"

static const char *const confined[] = {
	COMMON_ENVIRONMENT, "HOME=/tmp", NULL
};
static const char *const full[] = {
	COMMON_ENVIRONMENT, "HOME=/root", NULL
};

static const char *const sh[] = { "/bin/sh", CARD_V1_SCRIPT, NULL };
static const char *const bash[] = { "/bin/bash", CARD_V1_SCRIPT, NULL };
static const char *const pwsh[] = {
	"/usr/bin/pwsh", "-NoLogo", "-NoProfile", "-NonInteractive",
	"-OutputFormat", "Text", "-File", CARD_V1_SCRIPT, NULL
};

const char *const *
card_v1_environment(enum action_profile profile)
{
	return profile == ACTION_FULL ? full : confined;
}

const char *
card_v1_cwd(enum action_profile profile)
{
	return profile == ACTION_REPAIR ? "/tmp" : "/";
}

const char *const *
card_v1_command_line(enum action_shell shell)
{
	static const char *const *const lines[] = {
		[ACTION_SH] = sh,
		[ACTION_BASH] = bash,
		[ACTION_POWERSHELL] = NULL,
		[ACTION_PWSH] = pwsh,
		[ACTION_CMD] = NULL,
		[ACTION_ARGV] = NULL
	};

	return lines[shell];
}

const char *
card_v1_prologue(enum action_shell shell)
{
	if (shell == ACTION_POWERSHELL || shell == ACTION_PWSH)
		return CARD_V1_POWERSHELL_PROLOGUE;
	return "";
}
