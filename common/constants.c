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

#define POWERSHELL_OPTIONS						\
	"-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy",	\
	"Bypass", "-OutputFormat", "Text", "-EncodedCommand", CARD_V1_SCRIPT

static const char *const windows_powershell[] = {
	"%SystemRoot%\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
	POWERSHELL_OPTIONS, NULL
};
static const char *const windows_pwsh[] = {
	"%ProgramFiles%\\PowerShell\\7\\pwsh.exe", POWERSHELL_OPTIONS, NULL
};
static const char *const windows_cmd[] = {
	"%SystemRoot%\\System32\\cmd.exe", "/d", "/s", "/c", CARD_V1_SCRIPT,
	NULL
};

/* The folders of SYSTEM, whoever runs. */
#define WINDOWS_PROFILE "%SystemRoot%\\System32\\config\\systemprofile"

/* What programs there ask for, and no more; nobody's own folders. */
static const char *const windows_environment[] = {
	"ALLUSERSPROFILE=%ProgramData%",
	"APPDATA=" WINDOWS_PROFILE "\\AppData\\Roaming",
	"CommonProgramFiles=%ProgramFiles%\\Common Files",
	"ComSpec=%SystemRoot%\\System32\\cmd.exe",
	"LOCALAPPDATA=" WINDOWS_PROFILE "\\AppData\\Local",
	"OS=Windows_NT",
	"PATH=%SystemRoot%\\System32;%SystemRoot%;%SystemRoot%\\System32\\Wbem;"
	    "%SystemRoot%\\System32\\WindowsPowerShell\\v1.0;"
	    "%SystemRoot%\\System32\\OpenSSH",
	"PATHEXT=.COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
	"POWERSHELL_TELEMETRY_OPTOUT=1",
	"POWERSHELL_UPDATECHECK=Off",
	"ProgramData=%ProgramData%",
	"ProgramFiles=%ProgramFiles%",
	"ProgramW6432=%ProgramFiles%",
	"SystemDrive=%SystemDrive%",
	"SystemRoot=%SystemRoot%",
	"TEMP=%SystemRoot%\\Temp",
	"TMP=%SystemRoot%\\Temp",
	"USERPROFILE=" WINDOWS_PROFILE,
	"windir=%SystemRoot%",
	NULL
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

const char *const *
card_v1_windows_command_line(enum action_shell shell)
{
	static const char *const *const lines[] = {
		[ACTION_SH] = NULL,
		[ACTION_BASH] = NULL,
		[ACTION_POWERSHELL] = windows_powershell,
		[ACTION_PWSH] = windows_pwsh,
		[ACTION_CMD] = windows_cmd,
		[ACTION_ARGV] = NULL
	};

	return lines[shell];
}

const char *const *
card_v1_windows_environment(void)
{
	return windows_environment;
}

const char *
card_v1_prologue(enum action_shell shell)
{
	if (shell == ACTION_POWERSHELL || shell == ACTION_PWSH)
		return CARD_V1_POWERSHELL_PROLOGUE;
	return "";
}
