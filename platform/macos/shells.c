/*
 * shells.c - the interpreters of macOS.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * As common/constants.c has them, but for what lies elsewhere here: the script
 * is /dev/fd/6 (there is no /proc), root's home is /var/root, and pwsh comes
 * from its own package.
 */
#include "platform/shells.h"

#include "common/constants.h"

#define SCRIPT "/dev/fd/6"
#define COMMON_ENVIRONMENT						\
	"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",		\
	"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TERM=dumb", "PAGER=cat"

static const char *const confined[] = {
	COMMON_ENVIRONMENT, "HOME=/private/tmp", NULL
};
static const char *const full[] = {
	COMMON_ENVIRONMENT, "HOME=/var/root", NULL
};
static const char *const sh[] = { "/bin/sh", SCRIPT, NULL };
static const char *const bash[] = { "/bin/bash", SCRIPT, NULL };
static const char *const pwsh[] = {
	"/usr/local/microsoft/powershell/7/pwsh", "-NoLogo", "-NoProfile",
	"-NonInteractive", "-OutputFormat", "Text", "-File", SCRIPT, NULL
};

const char *const *
shells_command_line(enum action_shell shell)
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

const char *const *
shells_environment(enum action_profile profile)
{
	return profile == ACTION_FULL ? full : confined;
}

const char *
shells_cwd(enum action_profile profile)
{
	return card_v1_cwd(profile);
}
