/*
 * shells.c - the interpreters of Windows.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * The words are those of common/constants.h; "%SystemRoot%" and the like in
 * them are replaced by what the system says, once.
 */
#include "platform/shells.h"

#include "common/constants.h"
#include "platform/windows/known.h"

#include <stdlib.h>
#include <string.h>

/* Most words of a line, and variables. */
#define WORDS_MAX 32
#define CAP 65536

/* clang-format off */
static const struct {
	const char *name;
	enum known folder;
} names[] = {
	{ "%SystemRoot%", KNOWN_WINDOWS },
	{ "%SystemDrive%", KNOWN_DRIVE },
	{ "%ProgramFiles%", KNOWN_PROGRAMS },
	{ "%ProgramData%", KNOWN_DATA },
};
/* clang-format on */

/* A folder as Windows writes it. */
static void
put_folder(struct buf *b, const char *path)
{
	for (; *path != '\0'; path++)
		buf_put_u8(b, *path == '/' ? '\\' : (uint8_t)*path);
}

/* The text with the names in it replaced; lives on. NULL without memory. */
static const char *
expand(const char *text)
{
	struct buf b;
	size_t i, n;

	buf_init(&b, CAP);
	while (*text != '\0') {
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			n = strlen(names[i].name);
			if (strncmp(text, names[i].name, n) == 0)
				break;
		}
		if (i < sizeof(names) / sizeof(names[0])) {
			put_folder(&b, known_folder(names[i].folder));
			text += n;
		} else {
			buf_put_u8(&b, (uint8_t)*text++);
		}
	}
	buf_put_u8(&b, '\0');
	if (buf_error(&b) != 0)
		return NULL;
	/* Never freed: there are few, and they are asked for again. */
	return (const char *)b.p;
}

/* Fills a list at its first use. NULL without memory. */
static const char *const *
expand_list(const char *const *from, const char **made)
{
	size_t i;

	for (i = 0; made[0] == NULL && from[i] != NULL && i < WORDS_MAX; i++)
		;
	if (made[0] != NULL)
		return made;
	/* From the end: the first word says that all are there. */
	while (i-- > 0)
		if ((made[i] = expand(from[i])) == NULL)
			return NULL;
	return made;
}

const char *const *
shells_command_line(enum action_shell shell)
{
	static const char *lines[ACTION_ARGV + 1][WORDS_MAX + 1];
	const char *const *line = card_v1_windows_command_line(shell);

	return line == NULL ? NULL : expand_list(line, lines[shell]);
}

const char *const *
shells_environment(enum action_profile profile)
{
	static const char *list[WORDS_MAX + 1];

	(void)profile;
	return expand_list(card_v1_windows_environment(), list);
}

const char *
shells_cwd(enum action_profile profile)
{
	static const char *path;

	(void)profile;
	if (path == NULL)
		path = expand(CARD_V1_WINDOWS_CWD);
	return path != NULL ? path : "C:\\";
}
