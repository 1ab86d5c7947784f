/*
 * paths.c - where things are on Windows, and what a path looks like.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/paths.h"

#include "platform/windows/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 512

/* ---- the system's folders ---- */

static void
read_value(const wchar_t *key, const wchar_t *name, const char *fallback,
    char *ret_path)
{
	wchar_t w[SIZE];
	DWORD n = sizeof(w);

	if (RegGetValueW(HKEY_LOCAL_MACHINE, key, name, RRF_RT_REG_SZ |
	    RRF_SUBKEY_WOW6464KEY, NULL, w, &n) == ERROR_SUCCESS)
		win_narrow_into(w, ret_path, SIZE);
	else
		(void)snprintf(ret_path, SIZE, "%s%s",
		    known_folder(KNOWN_DRIVE), fallback);
}

static void
find(enum known which, char *ret_path)
{
	wchar_t w[SIZE];
	UINT n;
	char *p;

	switch (which) {
	case KNOWN_WINDOWS:
	case KNOWN_DRIVE:
		n = GetSystemWindowsDirectoryW(w, SIZE);
		if (n == 0 || n >= SIZE)
			memcpy(w, L"C:\\Windows", sizeof(L"C:\\Windows"));
		win_narrow_into(w, ret_path, SIZE);
		if (which == KNOWN_DRIVE)
			ret_path[2] = '\0';
		break;
	case KNOWN_PROGRAMS:
		read_value(L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion",
		    L"ProgramFilesDir", "/Program Files", ret_path);
		break;
	case KNOWN_DATA:
		/* With %SystemDrive% in it: RegGetValueW() puts it in. */
		read_value(L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\"
		    L"ProfileList", L"ProgramData", "/ProgramData", ret_path);
		break;
	}
	for (p = ret_path; *p != '\0'; p++)
		if (*p == '\\')
			*p = '/';
}

const char *
known_folder(enum known which)
{
	static char paths[KNOWN_LAST + 1][SIZE];

	/* Asked for while there is one thread. */
	if (paths[which][0] == '\0')
		find(which, paths[which]);
	return paths[which];
}

/* A path below one of those, made at the first call. */
static const char *
below(enum known which, const char *rest, char made[SIZE + 64])
{
	if (made[0] == '\0')
		(void)snprintf(made, SIZE + 64, "%s/%s", known_folder(which),
		    rest);
	return made;
}

/* ---- the agent's ---- */

const char *
paths_config(void)
{
	static char path[SIZE + 64];

	return below(KNOWN_DATA, "Countersign/agent.json", path);
}

const char *
paths_pin_dir(void)
{
	static char path[SIZE + 64];

	return below(KNOWN_DATA, "Countersign", path);
}

const char *
paths_state(void)
{
	static char path[SIZE + 64];

	return below(KNOWN_DATA, "Countersign/state", path);
}

const char *
paths_socket(void)
{
	return "//./pipe/countersign-gate";
}

const char *
paths_programs(void)
{
	static char path[SIZE + 64];

	return below(KNOWN_PROGRAMS, "Countersign", path);
}

const char *
paths_courier_user(void)
{
	return "NT AUTHORITY\\LocalService";
}

/* ---- any path ---- */

static bool
is_slash(int c)
{
	return c == '/' || c == '\\';
}

bool
paths_is_absolute(struct bytes path)
{
	/* A drive and a slash, or what begins with two. */
	if (path.n >= 3 && path.p[1] == ':' && is_slash(path.p[2]))
		return (path.p[0] | 0x20) >= 'a' && (path.p[0] | 0x20) <= 'z';
	return path.n >= 3 && is_slash(path.p[0]) && is_slash(path.p[1]);
}

size_t
paths_folder(const char *path)
{
	size_t n = strlen(path);

	while (n > 0 && !is_slash(path[n - 1]) &&
	    !(n == 2 && path[1] == ':'))
		n--;
	return n;
}

/* A variable of the environment as UTF-8, to be freed; NULL without it. */
static char *
variable(const wchar_t *name)
{
	DWORD n = GetEnvironmentVariableW(name, NULL, 0);
	wchar_t *w;
	char *text = NULL;

	if (n == 0 || (w = calloc((size_t)n + 1, sizeof(*w))) == NULL)
		return NULL;
	if (GetEnvironmentVariableW(name, w, n + 1) > 0 &&
	    win_narrow(w, &text) != 0)
		text = NULL;
	free(w);
	return text;
}

int
paths_user_config(char *ret_path, size_t n)
{
	char *base = variable(L"APPDATA");
	char path[4096];
	int len;

	if (base == NULL)
		return ERR_NOT_FOUND;
	len = snprintf(path, sizeof(path), "%s/Countersign", base);
	free(base);
	if (len < 0 || (size_t)len >= sizeof(path) || (size_t)len >= n)
		return ERR_TOO_LARGE;
	memcpy(ret_path, path, (size_t)len + 1);
	return 0;
}

static bool
is_there(const char *path)
{
	wchar_t *wide;
	DWORD a;

	if (win_path(path, &wide) != 0)
		return false;
	a = GetFileAttributesW(wide);
	free(wide);
	return a != INVALID_FILE_ATTRIBUTES &&
	    (a & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

int
paths_find_program(const char *name, char *ret_path, size_t n)
{
	char *path = variable(L"PATH"), *p;
	char file[4096];
	int err = ERR_NOT_FOUND, r;
	size_t len;

	for (p = path; p != NULL && *p != '\0' && err != 0;
	    p += len + (p[len] == ';')) {
		len = strcspn(p, ";");
		if (!paths_is_absolute(bytes_of(p, len)))
			continue;
		r = snprintf(file, sizeof(file), "%.*s/%s.exe", (int)len, p,
		    name);
		if (r < 0 || (size_t)r >= sizeof(file) || (size_t)r >= n ||
		    !is_there(file))
			continue;
		memcpy(ret_path, file, (size_t)r + 1);
		err = 0;
	}
	free(path);
	return err;
}
