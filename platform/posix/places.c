/*
 * places.c - where a path really leads, and whose homes are to be left alone.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/places.h"

#include "platform/posix/native.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int
places_resolve(const char *path, char ret_path[PLACES_PATH_SIZE])
{
	char *real = realpath(path, NULL);
	int r = 0;

	if (real == NULL)
		return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND :
		    ERR_IO;
	if (strlen(real) >= PLACES_PATH_SIZE)
		r = ERR_TOO_LARGE;
	else
		memcpy(ret_path, real, strlen(real) + 1);
	free(real);
	return r;
}

/* Whether path is folder or below it. */
static bool
is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	while (n > 0 && folder[n - 1] == '/')
		n--;
	return strncmp(path, folder, n) == 0 &&
	    (path[n] == '/' || path[n] == '\0');
}

static bool
has_keys(const char *home)
{
	char path[PLACES_PATH_SIZE];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/.ssh", home) <
	    (int)sizeof(path) && lstat(path, &st) == 0;
}

/*
 * Whether somebody can log in as that account: then keys that are put into its
 * home, or what its shell reads there, are as good as its password.
 */
static bool
is_for_login(const struct passwd *p)
{
	static const char *const no_shells[] = { "nologin", "false", "true",
	    "sync", "halt", "shutdown" };
	const char *name = p->pw_shell != NULL ? strrchr(p->pw_shell, '/') :
	    NULL;
	size_t i;

	/* None is the plain one. */
	if (p->pw_shell == NULL || p->pw_shell[0] == '\0')
		return true;
	name = name != NULL ? name + 1 : p->pw_shell;
	for (i = 0; i < sizeof(no_shells) / sizeof(no_shells[0]); i++)
		if (strcmp(name, no_shells[i]) == 0)
			return false;
	return true;
}

int
places_home_at(const char *folder, char ret_home[PLACES_PATH_SIZE])
{
	char real[PLACES_PATH_SIZE];
	const struct passwd *p;
	FILE *accounts = NULL;
	int r = ERR_NOT_FOUND;

	while ((p = native_next_account(&accounts)) != NULL) {
		/* "/" and the like are nobody's home in earnest. */
		if (r == 0 || p->pw_dir == NULL || p->pw_dir[0] != '/' ||
		    p->pw_dir[1] == '\0' ||
		    (!is_for_login(p) && !has_keys(p->pw_dir)) ||
		    places_resolve(p->pw_dir, real) != 0)
			continue;
		if (!is_below(real, folder) && !is_below(p->pw_dir, folder))
			continue;
		memcpy(ret_home, real, strlen(real) + 1);
		r = 0;
	}
	return r;
}
