/*
 * paths.c - what a path looks like, and whose settings lie where.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
paths_is_absolute(struct bytes path)
{
	return path.n > 0 && path.p[0] == '/';
}

size_t
paths_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

int
paths_user_config(char *ret_path, size_t n)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char path[4096];
	int len;

	if (xdg != NULL && xdg[0] == '/')
		len = snprintf(path, sizeof(path), "%s/countersign", xdg);
	else if (home != NULL && home[0] == '/')
		len = snprintf(path, sizeof(path), "%s/.config/countersign",
		    home);
	else
		return ERR_NOT_FOUND;
	if (len < 0 || (size_t)len >= sizeof(path) || (size_t)len >= n)
		return ERR_TOO_LARGE;
	memcpy(ret_path, path, (size_t)len + 1);
	return 0;
}

int
paths_find_program(const char *name, char *ret_path, size_t n)
{
	const char *path = getenv("PATH");
	char file[4096];
	size_t len;
	int r;

	for (; path != NULL && *path != '\0';
	    path += len + (path[len] == ':')) {
		len = strcspn(path, ":");
		if (path[0] != '/')
			continue;
		r = snprintf(file, sizeof(file), "%.*s/%s", (int)len, path,
		    name);
		if (r < 0 || (size_t)r >= sizeof(file) || (size_t)r >= n ||
		    access(file, F_OK) != 0)
			continue;
		memcpy(ret_path, file, (size_t)r + 1);
		return 0;
	}
	return ERR_NOT_FOUND;
}
