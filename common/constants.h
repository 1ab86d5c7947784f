/*
 * constants.h - what card v1 means where the card itself is silent.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * Whoever approves a card approves these too, so they are shown with it and
 * change only with the card's version. PROTOCOL.md lists them.
 */
#ifndef COUNTERSIGN_COMMON_CONSTANTS_H
#define COUNTERSIGN_COMMON_CONSTANTS_H

#include "common/action.h"

#define CARD_V1_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* In `repair` with services: what is called systemctl asks the agent. */
#define CARD_V1_SERVICES_PATH "/dev/countersign:" CARD_V1_PATH
#define CARD_V1_UMASK 022u
#define CARD_V1_OPEN_FILES 4096u
/* The largest file that a confined action may write. */
#define CARD_V1_FILE_BYTES (UINT64_C(1) << 30)
/* Private /tmp, /var/tmp and /dev/shm of a confined action, together; half of
 * its memory where that is less. */
#define CARD_V1_TMP_BYTES (UINT64_C(256) << 20)
/* The interpreter reads the text from this descriptor, a sealed memfd. */
#define CARD_V1_SCRIPT "/proc/self/fd/6"
/* Comes before a PowerShell text; one line, and not a part of the card. */
#define CARD_V1_POWERSHELL_PROLOGUE \
	"$ProgressPreference='SilentlyContinue'; " \
	"try{[Console]::OutputEncoding=" \
	"[Text.UTF8Encoding]::new($false)}catch{};\n"

/* Where an action on Windows starts. */
#define CARD_V1_WINDOWS_CWD "%SystemDrive%\\"

/*
 * The environment as "NAME=value", ended by NULL; CS_ARG_* of a named tool
 * come after it. Nothing is inherited. HOME is a private /tmp in confined
 * profiles; in full /tmp is everybody's, so there it is /root.
 */
const char *const *card_v1_environment(enum action_profile profile);

/* Where the action starts: "/", or "/tmp" (a private one) for repair. */
const char *card_v1_cwd(enum action_profile profile);

/*
 * The command line of a shell on Linux and macOS: the absolute path of the
 * interpreter first, CARD_V1_SCRIPT last, ended by NULL. NULL for ACTION_ARGV
 * and for shells that only Windows has.
 */
const char *const *card_v1_command_line(enum action_shell shell);

/*
 * The same two for Windows. The text of the card takes the place of
 * CARD_V1_SCRIPT: after -EncodedCommand as base64 of UTF-16LE, after /c in one
 * pair of quotes. %SystemRoot%, %SystemDrive%, %ProgramFiles% and %ProgramData%
 * are the folders that the system itself names, not variables.
 */
const char *const *card_v1_windows_command_line(enum action_shell shell);
const char *const *card_v1_windows_environment(void);

/* The text that comes before the card's for this shell; often empty. */
const char *card_v1_prologue(enum action_shell shell);

#endif
